//! `errand serve`, as its clients see it: the program itself, spoken to over a plain connection.

mod api;
mod attacks;
pub(crate) mod client;
mod runs;
