//! What the parts do together, over a small vocabulary and a decoder that needs no weights.

mod decode;
mod grammar;
mod prompt;
mod sample;
mod thinking;
