//! What the parts do together, over a small vocabulary and a decoder that needs no weights.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod decode;
mod grammar;
mod prompt;
mod sample;
