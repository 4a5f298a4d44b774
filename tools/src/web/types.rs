//! What `web.read` takes and gives; the guest compiles this very file.

use serde::{Deserialize, Serialize};

/// Arguments of `web.read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct PageArguments {
    /// The page, with https:// or http://.
    pub(crate) url: String,
    /// Which part of a long page, from 1; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 100_000)))]
    pub(crate) part: Option<u32>,
}

/// Result of `web.read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct PageText {
    /// Where the page was found, after redirects.
    pub(crate) url: String,
    /// Its title; may be empty.
    pub(crate) title: String,
    /// The text as Markdown, links kept.
    pub(crate) text: String,
    /// Which part this is.
    pub(crate) part: u32,
    /// How many parts there are; ask for the next with `part`.
    pub(crate) parts: u32,
    /// What to know of the text; left out where there is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// Arguments of `web.page`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WholeArguments {
    /// The page, with https:// or http://.
    pub(crate) url: String,
}

/// Result of `web.page`: the page with all that a citation of it needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WholePage {
    /// Where the page was found, after redirects.
    pub(crate) url: String,
    /// Its title; may be empty.
    pub(crate) title: String,
    /// Who wrote it, as the page says; may be empty.
    pub(crate) author: String,
    /// When it was published, as the page says, `2026-01-31`; may be empty.
    pub(crate) date: String,
    /// The site's name, as the page says; may be empty.
    pub(crate) site: String,
    /// Its language, as the page says; may be empty.
    pub(crate) language: String,
    /// Where the page says that it belongs; may be empty.
    pub(crate) canonical: String,
    /// Its text as Markdown, links kept; of a PDF each page under a heading with its number.
    pub(crate) text: String,
    /// How many pages a PDF has; 0 for all else.
    pub(crate) pages: u32,
    /// Bytes of text beyond these, which web.read gives in parts.
    pub(crate) left_out: u64,
    /// SHA-256 of its bytes as they came, in lower-case hex.
    pub(crate) sha256: String,
    /// When the server gave them, in milliseconds since 1970.
    pub(crate) retrieved: u64,
    /// What to know of the text; left out where there is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// Arguments of `web.search`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryArguments {
    /// Words or a question.
    #[cfg_attr(not(target_family = "wasm"), schemars(length(min = 1, max = 400)))]
    pub(crate) query: String,
    /// How many results, 1 to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 20)))]
    pub(crate) limit: Option<u32>,
}

/// Result of `web.search`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchResults {
    /// What was found, best first.
    pub(crate) results: Vec<SearchResult>,
    /// The providers that gave nothing, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed: Vec<FailedProvider>,
}

/// One page that was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchResult {
    /// Its title; may be empty.
    pub(crate) title: String,
    /// Where it is: `https:`, `http:`, or `file:` with a path beside the agent file.
    pub(crate) url: String,
    /// Some of its text; may be empty.
    pub(crate) snippet: String,
    /// The providers that found it, the one that ranked it highest first.
    pub(crate) providers: Vec<String>,
}

/// A provider that gave nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct FailedProvider {
    /// What it is called.
    pub(crate) provider: String,
    /// Why.
    pub(crate) reason: String,
}
