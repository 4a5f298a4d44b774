//! NAME: tools for an agent. A tool is a function; `tools!` at the end names them.

use errand_sdk::tools;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The arguments. The comment on a field is what the model reads of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    /// The text to look at.
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Counts {
    characters: usize,
    words: usize,
    lines: usize,
}

/// An error is a sentence for the model.
fn count(Text { text }: Text) -> Result<Counts, String> {
    if text.trim().is_empty() {
        return Err("the text is empty".to_string());
    }
    Ok(Counts {
        characters: text.chars().count(),
        words: text.split_whitespace().count(),
        lines: text.lines().count(),
    })
}

tools! {
    description: "Counts what is in a text.";

    /// Counts the characters, words and lines of a text.
    count: pure,
}
