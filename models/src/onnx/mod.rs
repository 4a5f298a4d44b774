//! Imported models, run in this process on ONNX Runtime, and held to the form of each request
//! while they write.
//!
//! `tokenizer`, `template` and `turns` make tokens of a conversation, `grammar` says which may come next,
//! `sampler` picks one, `decode`, `writing`, `thinking` and `choice` turn the wheel, `model` hands requests to those that do.
//! `network` is the one thread that reads for all of them, `conversation` how it is asked, `slots` the account of what it remembers, `cache` where
//! that lies, `prefixes` what of it outlives the process; `session` is a network with one conversation. `drafts` guesses what may come, `odds` and `score` say how
//! likely it was. `bench`, `history` and `trial` measure it all.

mod asking;
mod bench;
mod cache;
mod calls;
mod choice;
mod conversation;
mod decode;
mod drafts;
mod error;
mod grammar;
mod history;
mod json;
mod loose;
mod model;
mod network;
mod odds;
mod open;
mod prefixes;
mod repetition;
mod runtime;
mod sampler;
mod schema;
mod score;
mod session;
mod shown;
mod slots;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod thinking;
mod tokenizer;
mod trial;
mod turns;
mod writing;

pub use asking::{Ahead, Asking, Calls, Prompt, Room};
pub use bench::{Bench, bench};
pub use decode::Pace;
pub use error::EngineError;
pub use grammar::holds;
pub use history::{Cost, Line, PIECE, history};
pub(crate) use model::speaks;
pub use model::{Onnx, OnnxOptions};
pub use open::Options;
pub(crate) use open::builder;
pub use runtime::{Device, load};
pub use score::{Asked, Score, ScoredAnswer, ScoredToken, Scorer, score};
pub use session::Session;
pub use tokenizer::{Kind, Tokenizer};
pub(crate) use tokenizer::{pre_tokenizer, splitting};
pub use trial::{Held, Logits, Trial};
