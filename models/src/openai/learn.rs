//! What an endpoint's refusal teaches: the option that it names is left out, or takes its next form.
//! Each form is tried once, so there is an end to it.

use agent_core::quirks::{AnswerFormat, LimitName, NoText, Quirks, SchemaKind};
use serde_json::Value;

use super::said::Said;

/// An option that a server may refuse.
struct Rule {
    /// Its key in `[model.quirks]`.
    key: &'static str,
    /// What a refusal of it may name.
    words: &'static [&'static str],
    /// What a refusal says beside it; empty where the name is enough.
    also: &'static [&'static str],
    /// Whether this request has it.
    sent: fn(&Value) -> bool,
    /// The next form, as it stands in an agent file; none if there is no other.
    next: fn(&mut Quirks, &Said, &Value) -> Option<String>,
}

/// In the order in which they are tried: the first that is named and was sent.
const RULES: [Rule; 16] = [
    Rule {
        key: "most_tokens",
        words: &["max_tokens", "max_completion_tokens", "max_output_tokens", "maxoutputtokens"],
        also: &["large", "at most", "range", "less than", "maximum", "exceed", "between", "<="],
        sent: |body| limit(body).is_some(),
        next: |quirks, said, body| {
            let most = u32::try_from(said.below(limit(body)?)?).ok()?;
            quirks.most_tokens = Some(most);
            Some(most.to_string())
        },
    },
    Rule {
        key: "limit",
        words: &["max_tokens", "max_completion_tokens"],
        also: &[],
        sent: |body| limit(body).is_some(),
        next: |quirks, _, body| {
            let (name, text) = match body.get("max_tokens") {
                Some(_) => (LimitName::MaxCompletionTokens, "\"max_completion_tokens\""),
                None => (LimitName::None, "\"none\""),
            };
            quirks.limit = Some(name);
            Some(text.to_string())
        },
    },
    Rule {
        key: "stream_options",
        words: &["stream_options", "include_usage", "stream options"],
        also: &[],
        sent: |body| body.get("stream_options").is_some(),
        next: |quirks, _, _| off(&mut quirks.stream_options),
    },
    Rule {
        key: "tool_choice",
        words: &["tool_choice", "tool choice", "toolchoice"],
        also: &[],
        sent: |body| body.get("tool_choice").is_some(),
        next: |quirks, _, _| off(&mut quirks.tool_choice),
    },
    Rule {
        key: "response_format",
        words: &[
            "response_format",
            "response format",
            "json_schema",
            "json schema",
            "json_object",
            "structured output",
            "structured_output",
            "text.format",
            "output_config",
            "output_format",
            "guided",
            "grammar",
            "response_schema",
        ],
        also: &[],
        sent: |body| format_of(body).is_some(),
        next: |quirks, said, body| {
            let format = format_of(body)?;
            let strict = format.to_string().contains("\"strict\":true");
            let rule = said.names(&["strict", "additionalproperties", "invalid schema"]);
            let (format, text) = match format["type"].as_str() {
                Some("json_schema") if strict && rule => (AnswerFormat::Loose, "\"loose\""),
                Some("json_schema") if quirks.response_format != Some(AnswerFormat::Object) => {
                    (AnswerFormat::Object, "\"object\"")
                }
                _ => (AnswerFormat::Words, "\"words\""),
            };
            quirks.response_format = Some(format);
            Some(text.to_string())
        },
    },
    Rule {
        key: "temperature",
        words: &["temperature"],
        also: &[],
        sent: |body| body.get("temperature").is_some(),
        next: |quirks, _, _| off(&mut quirks.temperature),
    },
    Rule {
        key: "top_p",
        words: &["top_p", "topp", "top-p"],
        also: &[],
        sent: |body| body.get("top_p").is_some(),
        next: |quirks, _, _| off(&mut quirks.top_p),
    },
    Rule {
        key: "seed",
        words: &["seed"],
        also: &[],
        sent: |body| body.get("seed").is_some(),
        next: |quirks, _, _| off(&mut quirks.seed),
    },
    Rule {
        key: "parallel_calls",
        words: &["single tool-call", "single tool call", "one tool call", "parallel tool calls"],
        also: &[],
        sent: |body| {
            turns(body).any(|turn| turn["tool_calls"].as_array().is_some_and(|c| c.len() > 1))
        },
        next: |quirks, _, _| off(&mut quirks.parallel_calls),
    },
    Rule {
        key: "short_ids",
        words: &["tool call id", "tool_call_id", "tool_call_ids", "call_id", "tool_calls"],
        also: &["length", "a-z", "pattern", "too long", "regex", "characters", "alphanumeric"],
        sent: |body| turns(body).any(|turn| turn["tool_calls"].is_array()),
        next: |quirks, _, _| {
            (quirks.short_ids.replace(true) != Some(true)).then(|| "true".to_string())
        },
    },
    Rule {
        key: "no_text",
        words: &["content"],
        also: &[
            "required",
            "null",
            "missing",
            "must be",
            "empty",
            "none",
            "not found",
            "string",
            "blank",
        ],
        sent: |body| turns(body).any(|turn| turn["content"].as_str().is_none_or(str::is_empty)),
        next: |quirks, said, _| {
            let empty = said.names(&["empty", "blank", "non-empty", "at least one character"]);
            let (next, text) = match quirks.no_text {
                None | Some(NoText::Null | NoText::Absent) if !empty => {
                    (NoText::Empty, "\"empty\"")
                }
                Some(NoText::Words) => return None,
                _ => (NoText::Words, "\"words\""),
            };
            quirks.no_text = Some(next);
            Some(text.to_string())
        },
    },
    Rule {
        key: "user_after_tool",
        words: &["after role", "alternat", "message_order", "unexpected role", "order of"],
        also: &[],
        sent: |body| {
            let roles: Vec<_> = turns(body).map(|turn| turn["role"].as_str()).collect();
            roles.windows(2).any(|pair| pair == [Some("tool"), Some("user")])
        },
        next: |quirks, _, _| off(&mut quirks.user_after_tool),
    },
    Rule {
        key: "system",
        words: &["system", "developer instruction", "alternat", "only user and assistant"],
        also: &[
            "role",
            "support",
            "not enabled",
            "not allowed",
            "invalid",
            "unexpected",
            "alternat",
        ],
        sent: |body| turns(body).any(|turn| turn["role"] == "system"),
        next: |quirks, _, _| off(&mut quirks.system),
    },
    Rule {
        key: "tool_schema",
        words: &[
            "invalid schema",
            "function.parameters",
            "function_declarations",
            "input_schema",
            "additionalproperties",
            "tools.0",
            "tools[",
            "json schema",
        ],
        also: &[],
        sent: |body| body.get("tools").is_some(),
        next: |quirks, _, _| {
            let before = quirks.tool_schema.replace(SchemaKind::Plain);
            (before != Some(SchemaKind::Plain)).then(|| "\"plain\"".to_string())
        },
    },
    Rule {
        key: "stop",
        words: &["stop"],
        also: &[
            "support",
            "unknown",
            "unrecognized",
            "extra",
            "permitted",
            "invalid",
            "unexpected",
        ],
        sent: |body| body.get("stop").is_some(),
        next: |quirks, _, _| off(&mut quirks.stop),
    },
    Rule {
        key: "stream",
        words: &["stream"],
        also: &[
            "support",
            "must be false",
            "unavailable",
            "not allowed",
            "not enabled",
            "disabled",
        ],
        sent: |body| body["stream"] == true,
        next: |quirks, _, _| off(&mut quirks.stream),
    },
];

/// Takes a refusal of this request to heart. Gives what a person should know; none where it names
/// nothing that could be sent otherwise.
pub(super) fn learn(quirks: &mut Quirks, said: &Said, body: &Value) -> Option<String> {
    let named = |rule: &&Rule| {
        (rule.sent)(body)
            && said.names(rule.words)
            && (rule.also.is_empty() || said.names(rule.also))
    };
    RULES.iter().filter(named).find_map(|rule| {
        let text = (rule.next)(quirks, said, body)?;
        Some(format!(
            "the endpoint refused what was sent ({}); it is asked with `{} = {text}` from here on, which \
             `[model.quirks]` can say from the start",
            said.words, rule.key
        ))
    })
}

/// Off, unless it is off already.
fn off(option: &mut Option<bool>) -> Option<String> {
    (option.replace(false) != Some(false)).then(|| "false".to_string())
}

fn limit(body: &Value) -> Option<u64> {
    ["max_tokens", "max_completion_tokens", "max_output_tokens"]
        .iter()
        .find_map(|key| body[*key].as_u64())
}

/// Where the form of an answer stands, in each protocol.
fn format_of(body: &Value) -> Option<&Value> {
    ["/response_format", "/text/format", "/output_config/format"]
        .iter()
        .find_map(|place| body.pointer(place))
}

fn turns(body: &Value) -> impl Iterator<Item = &Value> {
    body["messages"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body() -> Value {
        json!({
            "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": "Go." },
                { "role": "assistant", "content": null, "tool_calls": [{ "id": "call-1" }, {}] },
                { "role": "tool", "content": "x" },
                { "role": "user", "content": "Answer." },
            ],
            "max_tokens": 1024,
            "temperature": 0.0,
            "top_p": 0.9,
            "seed": 3,
            "stop": ["x"],
            "stream": true,
            "stream_options": { "include_usage": true },
            "tool_choice": "required",
            "tools": [{}],
            "response_format": { "type": "json_schema", "json_schema": { "strict": true } },
        })
    }

    /// Refusals as servers write them, and the key that each turns.
    #[test]
    fn a_refusal_turns_what_it_names() {
        for (said, key) in [
            ("Unsupported value: 'temperature' does not support 0 with this model.", "temperature"),
            ("`temperature` and `top_p` cannot both be specified", "temperature"),
            (
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
              'max_completion_tokens' instead.",
                "limit",
            ),
            (
                "max_tokens is too large: 1024. This model supports at most 512 completion tokens",
                "most_tokens",
            ),
            ("Invalid max_tokens value, the valid range of max_tokens is [1, 512]", "most_tokens"),
            ("body.stream_options.include_usage: Extra inputs are not permitted", "stream_options"),
            ("The tool_choice parameter does not support being set to required", "tool_choice"),
            ("This response_format type is unavailable now", "response_format"),
            ("Argument not supported on this model: seed", "seed"),
            ("[messages] required key [content] not found", "no_text"),
            ("messages: text content blocks must be non-empty", "no_text"),
            ("Unexpected role 'user' after role 'tool'", "user_after_tool"),
            ("Conversation roles must alternate user/assistant/user/assistant", "user_after_tool"),
            ("System role not supported", "system"),
            ("Developer instruction is not enabled for models/m", "system"),
            ("Tool call id was call-1 but must be a-z, A-Z, 0-9, with a length of 9.", "short_ids"),
            ("This model only supports single tool-calls at once!", "parallel_calls"),
            ("Invalid schema for function 'f': 'additionalProperties' is required", "tool_schema"),
            ("Unrecognized request argument supplied: stop", "stop"),
            ("Streaming is not supported for this model", "stream"),
        ] {
            let mut quirks = Quirks::default();
            let note = learn(&mut quirks, &Said::of_text(said), &body());
            let note = note.unwrap_or_else(|| panic!("{said}: nothing was learned"));
            assert!(note.contains(&format!("`{key} = ")), "{said}: {note}");
            assert_ne!(quirks, Quirks::default());
        }
    }

    #[test]
    fn what_names_nothing_that_was_sent_teaches_nothing() {
        let mut quirks = Quirks::default();
        for said in ["model `m` does not exist", "", "invalid api key", "does not support tools"] {
            assert_eq!(learn(&mut quirks, &Said::of_text(said), &body()), None, "{said}");
        }
        let said = Said::of_text("temperature is not supported");
        assert_eq!(learn(&mut quirks, &said, &json!({ "messages": [] })), None);
    }

    /// Each form is tried once, whatever is refused.
    #[test]
    fn there_is_an_end_to_learning() {
        let said = Said::of_text(
            "temperature top_p seed stop stream stream_options tool_choice response_format max_tokens \
             system role not supported, content must be empty, order of roles, tool_call_id length, \
             invalid schema, single tool call",
        );
        let mut quirks = Quirks::default();
        let mut body = body();
        let mut turns = 0;
        while let Some(note) = learn(&mut quirks, &said, &body) {
            turns += 1;
            assert!(turns < 40, "{note}");
            // What a next request would look like, as far as a rule looks at it.
            let key = note.split('`').nth(1).unwrap().split(' ').next().unwrap().to_string();
            let Value::Object(map) = &mut body else { panic!() };
            match (key.as_str(), quirks.response_format) {
                ("limit", _) if quirks.limit == Some(LimitName::None) => {
                    drop(map.remove("max_completion_tokens"));
                }
                ("limit", _) => {
                    let limit = map.remove("max_tokens").unwrap();
                    map.insert("max_completion_tokens".to_string(), limit);
                }
                ("response_format", Some(AnswerFormat::Loose)) => {
                    map.insert(key, json!({ "type": "json_schema" }));
                }
                ("response_format", Some(AnswerFormat::Object)) => {
                    map.insert(key, json!({ "type": "json_object" }));
                }
                (key, _) => drop(map.remove(key)),
            }
        }
        assert!(turns > 12, "{turns}");
        assert_eq!(quirks.response_format, Some(AnswerFormat::Words));
    }
}
