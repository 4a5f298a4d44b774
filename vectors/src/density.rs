//! Groups by density: HDBSCAN (Campello, Moulavi and Sander, 2013), over the first principal components.
//! In hundreds of dimensions everything is about as far from everything, and density says little.

use hdbscan::{Hdbscan, HdbscanHyperParams};

use crate::projection::project;

/// Components that are kept.
const COMPONENTS: usize = 12;

/// The group of each vector; none for one that belongs to none.
pub(crate) fn density(vectors: &[Vec<f32>], least: usize) -> Vec<Option<usize>> {
    let least = least.max(2);
    if vectors.len() <= least {
        return vec![None; vectors.len()];
    }
    let points = project(vectors, COMPONENTS);
    let params = HdbscanHyperParams::builder().min_cluster_size(least).build();
    match Hdbscan::new(&points, params).cluster() {
        Ok(labels) => labels.into_iter().map(|label| usize::try_from(label).ok()).collect(),
        // Too few, or all the same: there is nothing to tell apart.
        Err(_) => vec![None; vectors.len()],
    }
}
