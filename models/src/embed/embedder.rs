//! Unit vectors of texts.

use std::path::Path;

use super::encoder::{EncodeOptions, Encoder};
use crate::onnx::EngineError;

/// An open encoder that makes vectors.
#[derive(Debug)]
pub struct Embedder {
    encoder: Encoder,
}

/// The vectors of some texts, in the order of the texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One a text, all of the same length, each of length 1 in the Euclidean norm.
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens of each text were read, those that begin and end it included.
    pub tokens: Vec<usize>,
    /// The places of the texts that were longer than the encoder reads, and so were cut.
    pub cut: Vec<usize>,
}

impl Embedder {
    /// Opens the encoder in a folder: one that was imported, or one with `model.onnx` and
    /// `tokenizer.json`. The runtime must be loaded, or be where [`crate::onnx::load`] finds it.
    ///
    /// # Errors
    /// The folder does not hold an encoder, or the runtime cannot open it.
    pub fn open(folder: &Path, options: EncodeOptions) -> Result<Self, EngineError> {
        let encoder = Encoder::open(folder, options)?;
        if encoder.info.labels.is_some() {
            return Err(encoder.odd("it scores pairs of texts and makes no vectors"));
        }
        Ok(Self { encoder })
    }

    /// The most tokens of a text that are read.
    pub fn reads(&self) -> usize {
        self.encoder.info.tokens
    }

    /// What a question is written as before its vector is made: some encoders want an instruction before it,
    /// and none before the texts that it is asked of.
    pub fn question(&self, text: &str) -> String {
        format!("{}{text}", self.encoder.info.question.as_deref().unwrap_or_default())
    }

    /// The vectors of `texts`. `done` hears how many texts are done.
    ///
    /// # Errors
    /// The runtime failed, or the network gave what is no vector.
    pub fn embed(
        &mut self,
        texts: &[impl AsRef<str>],
        done: &mut dyn FnMut(usize),
    ) -> Result<Embedded, EngineError> {
        let readable: Vec<(&str, bool)> =
            texts.iter().map(|text| self.encoder.readable(text.as_ref())).collect();
        let inputs = readable.iter().map(|(text, _)| (*text).into()).collect();
        let tokens = self.encoder.tokens(inputs)?;
        let mut vectors = self.encoder.rows(&tokens, done)?;
        for vector in &mut vectors {
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            if !norm.is_finite() || norm == 0.0 {
                return Err(self.encoder.odd("it gave a vector that has no length"));
            }
            vector.iter_mut().for_each(|x| *x /= norm);
        }
        let cut = tokens.iter().zip(&readable).enumerate();
        let cut = cut.filter(|(_, (tokens, (_, cut)))| tokens.cut || *cut).map(|(at, _)| at);
        Ok(Embedded {
            vectors,
            cut: cut.collect(),
            tokens: tokens.iter().map(super::encoder::Tokens::len).collect(),
        })
    }
}
