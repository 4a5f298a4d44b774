//! `errand serve`, as its clients see it: the program itself, spoken to over a plain connection.

mod api;
mod attacks;
mod client;
mod logprobs;
mod runs;
