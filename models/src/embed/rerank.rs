//! How well passages fit a question, by a cross-encoder: one that reads both together.

use std::path::Path;

use super::encoder::{EncodeOptions, Encoder};
use crate::onnx::EngineError;

/// An open cross-encoder.
#[derive(Debug)]
pub struct Reranker {
    encoder: Encoder,
}

/// The scores of some passages, in the order of the passages.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// One a passage: the network's logit, whatever its scale; a higher one fits better.
    pub scores: Vec<f32>,
    /// The places of the passages that were cut together with the question.
    pub cut: Vec<usize>,
}

impl Reranker {
    /// Opens the cross-encoder in a folder; it has one label.
    ///
    /// # Errors
    /// The folder does not hold one, or the runtime cannot open it.
    pub fn open(folder: &Path, options: EncodeOptions) -> Result<Self, EngineError> {
        let encoder = Encoder::open(folder, options)?;
        match encoder.info.labels {
            Some(labels) if labels != 1 => {
                Err(encoder.odd(&format!("it has {labels} labels, and one score is needed")))
            }
            _ => Ok(Self { encoder }),
        }
    }

    /// Scores each passage against the question.
    ///
    /// # Errors
    /// The runtime failed, or the network gives no single score.
    pub fn score(
        &mut self,
        question: &str,
        passages: &[impl AsRef<str>],
    ) -> Result<Scored, EngineError> {
        let (question, _) = self.encoder.readable(question);
        let readable: Vec<(&str, bool)> =
            passages.iter().map(|text| self.encoder.readable(text.as_ref())).collect();
        let pairs = readable.iter().map(|(passage, _)| match &self.encoder.info.pair {
            Some(pair) => filled(pair, question, passage).into(),
            None => (question, *passage).into(),
        });
        let pairs = pairs.collect();
        let tokens = self.encoder.tokens(pairs)?;
        let rows = self.encoder.rows(&tokens, &mut |_| {})?;
        let one = |row: Vec<f32>| match row[..] {
            [score] if score.is_finite() => Ok(score),
            _ => Err(self.encoder.odd("it gives no single score for a pair of texts")),
        };
        let scores = rows.into_iter().map(one).collect::<Result<_, _>>()?;
        let cut = tokens.iter().zip(&readable).enumerate();
        let cut = cut.filter(|(_, (tokens, (_, cut)))| tokens.cut || *cut).map(|(at, _)| at);
        Ok(Scored { scores, cut: cut.collect() })
    }
}

/// A question and a passage in the place of `{query}` and of the `{document}` after it. What the two say
/// is no place.
fn filled(pair: &str, question: &str, passage: &str) -> String {
    let (before, rest) = pair.split_once("{query}").unwrap_or((pair, ""));
    let (between, after) = rest.split_once("{document}").unwrap_or((rest, ""));
    [before, question, between, passage, after].concat()
}
