//! Vectors of texts, and scores of pairs, by an encoder on ONNX Runtime.
//!
//! [`Embedder`] gives each text a unit vector, so that the dot product of two is their cosine;
//! [`Reranker`] reads a question and a passage together and says how well they fit. Texts are sorted by
//! length and go through the network in batches of about the same number of tokens, so that next to
//! nothing is padding; the results come in the order of the texts. A text longer than the encoder reads
//! is cut, and said to be.

mod embedder;
mod encoder;
mod rerank;
#[cfg(test)]
mod tests;

pub use embedder::{Embedded, Embedder};
pub use encoder::EncodeOptions;
pub use rerank::{Reranker, Scored};
