//! What can be seen in the vectors of many texts: the nearest ones, groups, outliers, and a map.
//!
//! All vectors are unit vectors of one length, so a dot product is a cosine. Nothing here reads a file,
//! knows a model, or draws a random number that is not the same each time.

mod cluster;
mod density;
mod kmeans;
mod near;
mod outlier;
mod projection;
mod svg;
mod words;

pub use cluster::{Cluster, Clusters, Method, cluster};
pub use near::{Near, nearest};
pub use outlier::{NEIGHBOURS, outliers};
pub use projection::project;
pub use svg::{Point, escaped, svg};

/// The dot product.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    // Sixteen sums side by side: floats may not be added in another order by the compiler.
    let mut sums = [0.0f32; 16];
    let (ones, others) = (one.chunks_exact(16), other.chunks_exact(16));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    for (one, other) in ones.zip(others) {
        for (sum, (a, b)) in sums.iter_mut().zip(one.iter().zip(other)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The mean of some vectors, of length 1; zeros where they cancel out.
fn mean<'v>(vectors: impl Iterator<Item = &'v Vec<f32>>, width: usize) -> Vec<f32> {
    let mut sum = vec![0.0; width];
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x);
    }
    let norm = dot(&sum, &sum).sqrt();
    if norm > 0.0 {
        sum.iter_mut().for_each(|x| *x /= norm);
    }
    sum
}
