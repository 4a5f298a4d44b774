//! What the `data.*` tools find, as the model gets it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::types::{Text, Texts};

/// Examples of a group.
const EXAMPLES: usize = 3;
/// Letters of a text that stands for others.
const SHOWN: usize = 400;

/// Result of `data.search`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ranked {
    /// The passages, nearest in meaning first.
    pub(crate) passages: Vec<Scored>,
    /// How many files were searched.
    pub(crate) files: u32,
    /// Files that are no text, are too large, or may not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) skipped: Vec<String>,
    /// Passages that were not looked at because there are too many.
    pub(crate) left_out: u64,
}

/// Result of `data.outliers`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unusual {
    /// The most unusual first; a score of 0 is like its neighbours, of 1 like none.
    pub(crate) outliers: Vec<Scored>,
    /// How many texts were compared.
    pub(crate) texts: u64,
    /// Texts that were not looked at because there are too many.
    pub(crate) left_out: u64,
}

/// A text with its place and its score.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scored {
    /// The file.
    pub(crate) path: String,
    /// First line, from 1.
    pub(crate) start: u32,
    /// Last line.
    pub(crate) end: u32,
    /// The score.
    pub(crate) score: f64,
    /// What it says.
    pub(crate) text: String,
}

/// Result of `data.cluster`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grouped {
    /// The groups, the largest first.
    pub(crate) groups: Vec<Group>,
    /// How many texts were grouped.
    pub(crate) texts: u64,
    /// Texts that were not looked at because there are too many.
    pub(crate) left_out: u64,
}

/// One group.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// Words that are common in it and rare elsewhere.
    pub(crate) label: String,
    /// How many texts.
    pub(crate) size: u64,
    /// Texts nearest to its middle; the first stands for the group. The score is the cosine.
    pub(crate) examples: Vec<Scored>,
}

pub(crate) fn ranked(texts: Texts, query: &[f32], vectors: &[Vec<f32>], limit: usize) -> Ranked {
    let near = vectors::nearest(query, vectors, limit);
    let passages = near.iter().map(|near| scored(&texts.texts[near.at], near.cosine)).collect();
    Ranked { passages, files: texts.files, skipped: texts.skipped, left_out: texts.left_out }
}

pub(crate) fn unusual(texts: &Texts, vectors: &[Vec<f32>], limit: usize) -> Unusual {
    let scores = vectors::outliers(vectors, &mut |_| {});
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let most = order.into_iter().take(limit);
    let outliers = most.map(|at| short(scored(&texts.texts[at], scores[at]))).collect();
    Unusual { outliers, texts: texts.texts.len() as u64, left_out: texts.left_out }
}

pub(crate) fn grouped(texts: &Texts, vectors: &[Vec<f32>], groups: Option<usize>) -> Grouped {
    let said: Vec<&str> = texts.texts.iter().map(|text| text.text.as_str()).collect();
    let found = vectors::cluster(vectors, &said, vectors::Method::Kmeans(groups));
    let group = |group: vectors::Cluster| {
        let examples = group.members.iter().take(EXAMPLES);
        let examples = examples.map(|&at| {
            let near = vectors::nearest(&vectors[group.representative], &vectors[at..=at], 1);
            let cosine = near.first().map_or(0.0, |near| near.cosine);
            short(scored(&texts.texts[at], cosine))
        });
        let examples = examples.collect();
        Group { label: group.label, size: group.members.len() as u64, examples }
    };
    let groups = found.groups.into_iter().map(group).collect();
    Grouped { groups, texts: texts.texts.len() as u64, left_out: texts.left_out }
}

fn scored(text: &Text, score: f32) -> Scored {
    let Text { path, start, end, text } = text.clone();
    Scored { path, start, end, score: (f64::from(score) * 1000.0).round() / 1000.0, text }
}

fn short(mut scored: Scored) -> Scored {
    if let Some((at, _)) = scored.text.char_indices().nth(SHOWN) {
        scored.text.truncate(at);
        scored.text.push('…');
    }
    scored
}

/// Each text after its place and score, and what was left out.
pub(crate) fn show(result: &Value) -> String {
    let mut parts = Vec::new();
    let scored = |found: &Value| {
        let text = found["text"].as_str().unwrap_or_default();
        let path = found["path"].as_str().unwrap_or_default();
        format!("[{path}:{}] {}\n{text}", found["start"], found["score"])
    };
    let list = |key: &str| result[key].as_array().into_iter().flatten();
    parts.extend(list("passages").map(scored));
    parts.extend(list("outliers").map(scored));
    for (number, group) in (1..).zip(list("groups")) {
        let label = group["label"].as_str().unwrap_or_default();
        parts.push(format!("group {number}, {} texts: {label}", group["size"]));
        parts.extend(group["examples"].as_array().into_iter().flatten().map(scored));
    }
    if parts.is_empty() {
        parts.push("there is no text to look at".to_string());
    }
    if let Some(left @ 1..) = result["left_out"].as_u64() {
        parts.push(format!("[{left} texts more were not looked at: name a smaller path]"));
    }
    parts.join("\n\n")
}
