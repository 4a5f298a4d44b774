//! The vectors nearest to one.

use crate::dot;

/// A vector, and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Its place among the vectors.
    pub at: usize,
    /// The cosine: 1 for the same direction, 0 for nothing in common.
    pub cosine: f32,
}

/// The `most` vectors nearest to `query`, the nearest first; of equals the earlier first.
pub fn nearest(query: &[f32], vectors: &[Vec<f32>], most: usize) -> Vec<Near> {
    let mut all: Vec<Near> = vectors
        .iter()
        .enumerate()
        .map(|(at, vector)| Near { at, cosine: dot(query, vector) })
        .collect();
    let order = |a: &Near, b: &Near| b.cosine.total_cmp(&a.cosine).then(a.at.cmp(&b.at));
    if most < all.len() && most > 0 {
        all.select_nth_unstable_by(most - 1, order);
    }
    all.truncate(most);
    all.sort_by(order);
    all
}
