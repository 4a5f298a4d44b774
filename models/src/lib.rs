//! Models behind one trait: ONNX Runtime, OpenAI-compatible endpoints, scripts.

pub mod import;
pub mod onnx;
