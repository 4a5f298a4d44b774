//! Groups of texts by their vectors, each with a label and the text that stands for it.

use crate::density::density;
use crate::kmeans::kmeans;
use crate::{dot, mean, words};

/// How groups are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Spherical k-means: every text is in a group; as many groups as are said, or as fit best.
    Kmeans(Option<usize>),
    /// HDBSCAN: as many groups as there are dense places, of at least this many texts; a text between
    /// them is in none.
    Density(usize),
}

/// The groups of some texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// The group of each text, by its place among the groups; none for one that is in none.
    pub of: Vec<Option<usize>>,
    /// The groups, the largest first.
    pub groups: Vec<Cluster>,
}

/// One group.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Words that are common in it and rare elsewhere; empty where there are none.
    pub label: String,
    /// The text nearest to its middle.
    pub representative: usize,
    /// Its texts, those nearest to its middle first.
    pub members: Vec<usize>,
    /// The mean cosine of its texts to its middle: 1 where all are the same.
    pub cohesion: f32,
}

/// Groups texts by their vectors, of which there is one for each.
pub fn cluster(vectors: &[Vec<f32>], texts: &[&str], method: Method) -> Clusters {
    let found: Vec<Option<usize>> = match method {
        Method::Kmeans(k) => kmeans(vectors, k).of.into_iter().map(Some).collect(),
        Method::Density(least) => density(vectors, least),
    };
    let width = vectors.first().map_or(0, Vec::len);
    let most = found.iter().flatten().max().map_or(0, |most| most + 1);
    let mut groups: Vec<(Vec<usize>, f32)> = Vec::new();
    for group in 0..most {
        let mut members: Vec<usize> =
            (0..found.len()).filter(|&at| found[at] == Some(group)).collect();
        if members.is_empty() {
            continue;
        }
        let middle = mean(members.iter().map(|&at| &vectors[at]), width);
        let near = |at: usize| dot(&vectors[at], &middle);
        members.sort_by(|&a, &b| near(b).total_cmp(&near(a)).then(a.cmp(&b)));
        let cohesion = members.iter().map(|&at| near(at)).sum::<f32>() / members.len() as f32;
        groups.push((members, cohesion));
    }
    groups.sort_by_key(|(members, _)| (std::cmp::Reverse(members.len()), members[0]));
    let mut of = vec![None; vectors.len()];
    for (group, (members, _)) in groups.iter().enumerate() {
        members.iter().for_each(|&at| of[at] = Some(group));
    }
    let labels = words::labels(texts, &of, groups.len());
    let groups = groups.into_iter().zip(labels).map(|((members, cohesion), label)| Cluster {
        label,
        representative: members[0],
        members,
        cohesion,
    });
    Clusters { of, groups: groups.collect() }
}
