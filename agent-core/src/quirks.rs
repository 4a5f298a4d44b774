//! What an endpoint takes otherwise than most: an option that it refuses, a name that it calls one by.
//! Written by hand in `[model.quirks]`, known of a family of servers, or learned from a refusal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an endpoint takes otherwise than most. What is left out is as with most, and is found out
/// where the endpoint refuses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quirks {
    /// What the limit of a reply is called; `"none"` sends no limit. Default: `"max_tokens"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LimitName")]
    pub limit: Option<LimitName>,

    /// The most tokens that the endpoint lets a reply have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 1_000_000))]
    pub most_tokens: Option<u32>,

    /// How an answer that must be JSON is asked for. Default: `"schema"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AnswerFormat")]
    pub response_format: Option<AnswerFormat>,

    /// Whether `tool_choice` can say that a call must come. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub tool_choice: Option<bool>,

    /// What may stand in a tool's schema; `"plain"` leaves out all but types, names and descriptions.
    /// Default: `"full"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SchemaKind")]
    pub tool_schema: Option<SchemaKind>,

    /// Whether `temperature` is sent. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub temperature: Option<bool>,

    /// Whether `top_p` is sent, where it is set. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub top_p: Option<bool>,

    /// Whether `seed` is sent, where it is set. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub seed: Option<bool>,

    /// Whether `stop` is sent. A reply is cut at those strings in any case. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub stop: Option<bool>,

    /// Whether a reply is streamed. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub stream: Option<bool>,

    /// Whether `stream_options` asks for the tokens. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub stream_options: Option<bool>,

    /// What stands for the text of a turn that has none. Default: `"null"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NoText")]
    pub no_text: Option<NoText>,

    /// Whether there may be a system's turn; else its text begins the user's. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub system: Option<bool>,

    /// Whether a user's turn may follow a tool's; else an assistant's stands between. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub user_after_tool: Option<bool>,

    /// Whether a turn may hold several calls; else each is a turn of its own. Default: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub parallel_calls: Option<bool>,

    /// Whether the ids of calls are nine letters and digits. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub short_ids: Option<bool>,
}

/// What the limit of a reply is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// As most servers know it.
    MaxTokens,
    /// As OpenAI's newer models know it.
    MaxCompletionTokens,
    /// No limit is sent.
    None,
}

/// How an answer that must be JSON is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFormat {
    /// With the schema, strict where that can be.
    Schema,
    /// With the schema, never strict.
    Loose,
    /// As some JSON object; the schema is told in words.
    Object,
    /// In words alone.
    Words,
}

/// What may stand in a tool's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaKind {
    /// All that JSON Schema has.
    Full,
    /// Types, names, descriptions and choices.
    Plain,
}

/// What stands for the text of a turn that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoText {
    /// `null`.
    Null,
    /// `""`.
    Empty,
    /// A few words.
    Words,
    /// Nothing: the key is left out.
    Absent,
}

impl Quirks {
    /// These, and where they say nothing, the others.
    #[must_use]
    pub fn or(self, other: Quirks) -> Quirks {
        Quirks {
            limit: self.limit.or(other.limit),
            most_tokens: self.most_tokens.or(other.most_tokens),
            response_format: self.response_format.or(other.response_format),
            tool_choice: self.tool_choice.or(other.tool_choice),
            tool_schema: self.tool_schema.or(other.tool_schema),
            temperature: self.temperature.or(other.temperature),
            top_p: self.top_p.or(other.top_p),
            seed: self.seed.or(other.seed),
            stop: self.stop.or(other.stop),
            stream: self.stream.or(other.stream),
            stream_options: self.stream_options.or(other.stream_options),
            no_text: self.no_text.or(other.no_text),
            system: self.system.or(other.system),
            user_after_tool: self.user_after_tool.or(other.user_after_tool),
            parallel_calls: self.parallel_calls.or(other.parallel_calls),
            short_ids: self.short_ids.or(other.short_ids),
        }
    }
}
