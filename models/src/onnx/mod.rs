//! Runs imported models on ONNX Runtime.

mod bench;
mod error;
mod runtime;
mod session;

pub use bench::{Bench, bench};
pub use error::EngineError;
pub use runtime::{Device, load};
pub use session::{Options, Session};
