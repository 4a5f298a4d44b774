//! `errand serve`, as its clients see it: the program itself, spoken to over a plain connection.

mod a2a;
mod api;
mod attacks;
pub(crate) mod client;
mod document;
mod images;
mod logprobs;
mod mcp;
mod push;
mod runs;
mod triggers;
mod walk;
