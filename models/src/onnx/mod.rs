//! Imported models, run in this process on ONNX Runtime, and held to the form of each request
//! while they write.
//!
//! `tokenizer`, `template` and `turns` make tokens of a conversation, `grammar` says which may come next,
//! `sampler` picks one, `decode` and `choice` turn the wheel, `model` is the thread around it.

mod asking;
mod bench;
mod calls;
mod choice;
mod decode;
mod error;
mod grammar;
mod json;
mod loose;
mod model;
mod repetition;
mod runtime;
mod sampler;
mod schema;
mod score;
mod session;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod tokenizer;
mod turns;

pub use asking::{Asking, Calls, Prompt, Room};
pub use bench::{Bench, bench};
pub use decode::Pace;
pub use error::EngineError;
pub use grammar::holds;
pub(crate) use model::speaks;
pub use model::{Onnx, OnnxOptions};
pub use runtime::{Device, load};
pub use score::{Score, score};
pub(crate) use session::builder;
pub use session::{Options, Session};
pub(crate) use tokenizer::splitting;
pub use tokenizer::{Kind, Tokenizer};
