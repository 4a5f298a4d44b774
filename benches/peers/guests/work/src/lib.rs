//! Counts what is in a text: small work, of which reading and writing JSON is the most.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a call is given.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The text to look at.
    pub text: String,
}

/// What a call gives.
#[derive(Serialize, JsonSchema)]
pub struct Count {
    words: usize,
    bytes: usize,
}

/// The work of a call.
pub fn count(text: &Text) -> Count {
    Count { words: text.text.split_ascii_whitespace().count(), bytes: text.text.len() }
}
