//! Spherical k-means (Dhillon and Modha, 2001) with k-means++ (Arthur and Vassilvitskii, 2007) as its
//! start, and the number of groups by the simplified silhouette (Hruschka et al., 2004).

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::{dot, mean};

const ROUNDS: usize = 50;
/// The best of this many starts counts.
const STARTS: u64 = 4;
/// The most groups that are looked for where no number is given.
const MOST: usize = 12;

pub(crate) struct Groups {
    pub(crate) of: Vec<usize>,
    pub(crate) centres: Vec<Vec<f32>>,
}

/// As many groups as `k` says, or as fit best.
pub(crate) fn kmeans(vectors: &[Vec<f32>], k: Option<usize>) -> Groups {
    if let Some(k) = k {
        return best(vectors, k.clamp(1, vectors.len().max(1)));
    }
    let most = MOST.min(vectors.len().isqrt()).max(2);
    let tries = (2..=most).map(|k| best(vectors, k));
    let scored = tries.map(|groups| (silhouette(vectors, &groups), groups));
    let found = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    found.map_or_else(|| best(vectors, 1), |(_, groups)| groups)
}

fn best(vectors: &[Vec<f32>], k: usize) -> Groups {
    let starts = (0..STARTS).map(|seed| settled(vectors, k, seed));
    let fit = |groups: &Groups| {
        let near = vectors.iter().zip(&groups.of);
        near.map(|(vector, &group)| f64::from(dot(vector, &groups.centres[group]))).sum::<f64>()
    };
    let found = starts.map(|groups| (fit(&groups), groups)).max_by(|(a, _), (b, _)| a.total_cmp(b));
    found.map_or(Groups { of: Vec::new(), centres: Vec::new() }, |(_, groups)| groups)
}

fn settled(vectors: &[Vec<f32>], k: usize, seed: u64) -> Groups {
    let width = vectors.first().map_or(0, Vec::len);
    let mut centres = begun(vectors, k, seed);
    let mut of = vec![usize::MAX; vectors.len()];
    for _ in 0..ROUNDS {
        let now: Vec<usize> = vectors.iter().map(|vector| nearest(vector, &centres).0).collect();
        if now == of {
            break;
        }
        of = now;
        for (group, centre) in centres.iter_mut().enumerate() {
            let members = vectors.iter().zip(&of).filter(|(_, own)| **own == group);
            let moved = mean(members.map(|(vector, _)| vector), width);
            // A group that lost all of its members keeps its centre.
            if moved.iter().any(|x| *x != 0.0) {
                *centre = moved;
            }
        }
    }
    Groups { of, centres }
}

/// Centres far from each other: each is drawn with a chance that grows with its squared distance.
fn begun(vectors: &[Vec<f32>], k: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut centres: Vec<Vec<f32>> = Vec::new();
    let mut distances = vec![2.0f32; vectors.len()];
    while centres.len() < k && !vectors.is_empty() {
        let all: f32 = distances.iter().sum();
        let mut left = random.random::<f32>() * all;
        let at = distances.iter().position(|distance| {
            left -= distance;
            left <= 0.0 && *distance > 0.0
        });
        let centre = vectors[at.unwrap_or(centres.len() % vectors.len())].clone();
        for (distance, vector) in distances.iter_mut().zip(vectors) {
            *distance = distance.min((1.0 - dot(vector, &centre)).max(0.0));
        }
        centres.push(centre);
    }
    centres
}

fn nearest(vector: &[f32], centres: &[Vec<f32>]) -> (usize, f32) {
    let near = centres.iter().map(|centre| dot(vector, centre)).enumerate();
    near.max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((0, 0.0))
}

/// How much nearer each vector is to its own centre than to the next one, from -1 to 1.
fn silhouette(vectors: &[Vec<f32>], groups: &Groups) -> f64 {
    let one = |(vector, own): (&Vec<f32>, &usize)| {
        let near = 1.0 - dot(vector, &groups.centres[*own]);
        let others = groups.centres.iter().enumerate().filter(|(group, _)| group != own);
        let next = others.map(|(_, centre)| 1.0 - dot(vector, centre)).fold(f32::MAX, f32::min);
        f64::from((next - near) / next.max(near).max(f32::EPSILON))
    };
    vectors.iter().zip(&groups.of).map(one).sum::<f64>() / vectors.len().max(1) as f64
}
