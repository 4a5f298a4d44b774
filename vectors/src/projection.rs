//! The first principal components (Pearson, 1901), by power iteration with deflation.

use crate::dot;

const ROUNDS: usize = 60;

/// Each vector in `dimensions` coordinates: those along which all of them differ most, the most telling
/// first. Coordinates along which nothing differs are 0.
pub fn project(vectors: &[Vec<f32>], dimensions: usize) -> Vec<Vec<f32>> {
    let (count, width) = (vectors.len(), vectors.first().map_or(0, Vec::len));
    let mut mean = vec![0.0f32; width];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x / count as f32);
    }
    let mut centred: Vec<Vec<f32>> = vectors
        .iter()
        .map(|vector| vector.iter().zip(&mean).map(|(x, mean)| x - mean).collect())
        .collect();
    let mut points = vec![Vec::with_capacity(dimensions); count];
    for _ in 0..dimensions {
        let axis = axis(&centred, width);
        for (point, vector) in points.iter_mut().zip(&mut centred) {
            let along = dot(vector, &axis);
            vector.iter_mut().zip(&axis).for_each(|(x, axis)| *x -= along * axis);
            point.push(along);
        }
    }
    points
}

/// The direction in which vectors around zero differ most; zeros where they do not.
fn axis(vectors: &[Vec<f32>], width: usize) -> Vec<f32> {
    // Any start that is not by chance at a right angle to it; the same each time.
    let longest = vectors.iter().max_by(|a, b| dot(a, a).total_cmp(&dot(b, b)));
    let mut axis = longest.cloned().unwrap_or_else(|| vec![0.0; width]);
    if dot(&axis, &axis) < 1e-10 {
        return vec![0.0; width];
    }
    for _ in 0..ROUNDS {
        let mut next = vec![0.0f32; width];
        for vector in vectors {
            let along = dot(vector, &axis);
            next.iter_mut().zip(vector).for_each(|(sum, x)| *sum += along * x);
        }
        let norm = dot(&next, &next).sqrt();
        if norm < 1e-12 {
            break;
        }
        next.iter_mut().for_each(|x| *x /= norm);
        axis = next;
    }
    let norm = dot(&axis, &axis).sqrt();
    axis.iter_mut().for_each(|x| *x /= norm);
    axis
}
