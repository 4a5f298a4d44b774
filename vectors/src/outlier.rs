//! How unusual each vector is: its mean cosine distance to its nearest neighbours (Ramaswamy, Rastogi
//! and Shim, 2000; the mean in place of the last of them).

use crate::dot;

/// How many neighbours count.
pub const NEIGHBOURS: usize = 5;

/// A score for each vector: 0 where it stands among equals, about 1 where it has nothing in common with
/// any other. The work grows with the square of how many there are. `done` hears how many are done.
pub fn outliers(vectors: &[Vec<f32>], done: &mut dyn FnMut(usize)) -> Vec<f32> {
    let count = NEIGHBOURS.min(vectors.len().saturating_sub(1));
    let mut scores = Vec::with_capacity(vectors.len());
    for (at, vector) in vectors.iter().enumerate() {
        // The best few so far, the worst of them first.
        let mut best = [f32::NEG_INFINITY; NEIGHBOURS];
        let best = &mut best[..count];
        for (other, neighbour) in vectors.iter().enumerate() {
            let cosine = dot(vector, neighbour);
            if other != at && count > 0 && cosine > best[0] {
                best[0] = cosine;
                best.sort_by(f32::total_cmp);
            }
        }
        let mean = best.iter().sum::<f32>() / count.max(1) as f32;
        scores.push(if count == 0 { 0.0 } else { (1.0 - mean).max(0.0) });
        done(at + 1);
    }
    scores
}
