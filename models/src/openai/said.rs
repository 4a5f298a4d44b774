//! What a server says went wrong: its words, its numbers, and what they mean for the next request.

use serde_json::Value;

use super::chunk::number;

/// How much of a server's words are repeated.
const WORDS: usize = 300;

/// Words for a conversation that does not fit the model.
const TOO_LONG: [&str; 26] = [
    "context length",
    "context_length",
    "context window",
    "context_window",
    "context size",
    "context_size",
    "maximum context",
    "model's context",
    "exceed context",
    "exceeds the context",
    "model context is",
    "context limit",
    "shorten the conversation",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input too long",
    "too many tokens",
    "too many input tokens",
    "input token count",
    "maximum prompt length",
    "reduce the length of",
    "exceeds the maximum number of tokens",
    "total number of tokens",
    "request too large",
    "longer than the maximum",
];

/// What stands before the number of tokens that a model holds.
const LIMIT: [&str; 16] = [
    "context length is",
    "context length of",
    "context length (",
    "context window is",
    "context window of",
    "context window (",
    "context size is",
    "context size of",
    "context size (",
    "model context is",
    "context limit is",
    "prompt length is",
    "tokens allowed (",
    "cannot exceed",
    "limit of",
    "limit is",
];

/// Words for a failure that passes.
const PASSES: [&str; 9] = [
    "rate limit",
    "rate_limit",
    "rate-limit",
    "overloaded",
    "too many requests",
    "unavailable",
    "server_error",
    "try again",
    "retry",
];

/// Keys that the words of an error stand under.
const WORDED: [&str; 13] = [
    "message",
    "detail",
    "msg",
    "error",
    "errors",
    "error_msg",
    "error_message",
    "errorMessage",
    "Message",
    "status_msg",
    "base_resp",
    "reason",
    "title",
];

/// An error in the server's words.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Said {
    /// In one line, and not too many.
    pub(super) words: String,
    /// All of it, in lower case: what an error is about may stand in any field.
    pub(super) all: String,
    /// A status of HTTP, where the error holds one.
    pub(super) status: Option<u16>,
    /// Tokens of the prompt and of the model, where a field says so.
    told: (Option<u64>, Option<u64>),
}

impl Said {
    /// From an error that is JSON.
    pub(super) fn of(value: &Value) -> Self {
        let error = match &value["error"] {
            Value::Null | Value::Bool(_) => value,
            error => error,
        };
        let words = WORDED
            .iter()
            .map(|key| sentence(&error[*key]))
            .find(|text| !text.is_empty())
            .unwrap_or_else(|| sentence(error));
        // An error of the server behind it, passed on as text.
        let inner = serde_json::from_str::<Value>(&words).ok().map(|inner| Self::of(&inner).words);
        let words = inner.filter(|_| words.starts_with('{')).unwrap_or(words);
        // What stands behind a gateway often says more than the gateway.
        let raw = sentence(&error["metadata"]["raw"]);
        let words = match raw.is_empty() || words.contains(&raw) {
            true => words,
            false => format!("{words}: {raw}"),
        };
        let words = if words.is_empty() { error.to_string() } else { words };
        let status = ["code", "status", "status_code", "http_status", "error_code"]
            .iter()
            .find_map(|key| number(&error[*key]))
            .and_then(|code| u16::try_from(code).ok())
            .filter(|code| (400..600).contains(code));
        Self {
            words: brief(&words),
            all: value.to_string().to_lowercase(),
            status,
            told: (number(&error["n_prompt_tokens"]), number(&error["n_ctx"])),
        }
    }

    /// From the body of a refusal, whatever it is.
    pub(super) fn of_text(text: &str) -> Self {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(list)) if list.len() == 1 => Self::of(&list[0]),
            Ok(value) if !value.is_null() => Self::of(&value),
            _ => Self { words: brief(text), all: text.to_lowercase(), ..Self::default() },
        }
    }

    /// Whether any of these words stand in it.
    pub(super) fn names(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.all.contains(word))
    }

    /// Whether the conversation does not fit the model.
    pub(super) fn too_long(&self) -> bool {
        // A limit per minute is one of the account.
        let account =
            self.names(&["per minute", "per day", "quota"]) && !self.names(&["too large"]);
        self.told.1.is_some() || self.names(&TOO_LONG) && !account
    }

    /// The tokens of the prompt, where they are told.
    pub(super) fn prompt(&self) -> Option<u64> {
        self.told.0
    }

    /// What the model holds, as far as the words tell: the number after the word for it, or of
    /// several numbers the one that the greatest went beyond.
    pub(super) fn context(&self) -> Option<u32> {
        let after = |phrase: &&str| {
            let at = self.all.find(*phrase)? + phrase.len();
            let rest = self.all[at..].trim_start().trim_start_matches("only").trim_start();
            rest.starts_with(|c: char| c.is_ascii_digit())
                .then(|| numbers(rest).first().copied())?
        };
        let told = self.told.1.or_else(|| LIMIT.iter().find_map(after)).or_else(|| {
            let mut numbers = numbers(&self.all);
            numbers.retain(|number| *number > 599);
            numbers.sort_unstable();
            numbers.dedup();
            match &numbers[..] {
                [] => None,
                [one] => Some(*one),
                [.., limit, _] => Some(*limit),
            }
        });
        told.filter(|tokens| *tokens >= 256).and_then(|tokens| u32::try_from(tokens).ok())
    }

    /// The greatest number in it that is less than this one.
    pub(super) fn below(&self, most: u64) -> Option<u64> {
        numbers(&self.all).into_iter().filter(|number| (16..most).contains(number)).max()
    }

    /// Whether it may pass by itself.
    pub(super) fn passes(&self, status: u16) -> bool {
        let spent = self.names(&["insufficient_quota", "insufficient balance"]);
        let status = if (400..600).contains(&status) { status } else { self.status.unwrap_or(0) };
        let kind = match status {
            408 | 409 | 425 | 429 | 500..=599 => true,
            400..=499 => false,
            _ => self.names(&PASSES),
        };
        kind && !spent && !self.too_long()
    }
}

/// The numbers in a text; `1,000` and `1_000` are one.
fn numbers(text: &str) -> Vec<u64> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let joint = |at: usize| {
        let group = digit(at + 1) && digit(at + 2) && digit(at + 3) && !digit(at + 4);
        matches!(bytes[at], b',' | b'_') && group
    };
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if !digit(at) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (digit(at) || joint(at)) {
            at += 1;
        }
        let digits: String = text[start..at].chars().filter(char::is_ascii_digit).collect();
        found.extend(digits.parse::<u64>());
    }
    found
}

/// A message as text; of a list of problems what each says and where.
fn sentence(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let all: Vec<_> = list.iter().map(sentence).filter(|text| !text.is_empty()).collect();
            all.join("; ")
        }
        Value::Object(map) => {
            let words = WORDED.iter().find_map(|key| {
                let text = sentence(map.get(*key)?);
                (!text.is_empty()).then_some(text)
            });
            let place = map.get("loc").and_then(Value::as_array).map(|loc| {
                let part = |part: &Value| part.as_str().map_or(part.to_string(), str::to_string);
                loc.iter().map(part).collect::<Vec<_>>().join(".")
            });
            match (words, place) {
                (Some(words), Some(place)) => format!("{place}: {words}"),
                (Some(words), None) => words,
                (None, _) => String::new(),
            }
        }
        _ => String::new(),
    }
}

/// The beginning of what a server said, in one line.
pub(super) fn brief(text: &str) -> String {
    http_client::brief(text, WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_holds_is_found_in_the_words_of_each_server() {
        for (text, context) in [
            (
                "This model's maximum context length is 8192 tokens. However, you requested 10000 \
              tokens (9000 in the messages, 1000 in the completion).",
                8192,
            ),
            ("prompt is too long: 208310 tokens > 200000 maximum", 200_000),
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed \
              (1048576).",
                1_048_576,
            ),
            (
                "This model's maximum prompt length is 131,072 but the request contains 537812 tokens.",
                131_072,
            ),
            (
                "Trying to keep the first 5000 tokens when context the overflows. However, the model is \
              loaded with context length of only 4096 tokens",
                4096,
            ),
            // dasLLAMA 0.6.6, and as LiteLLM passes it on.
            (
                r#"{"error":{"message":"litellm.BadRequestError: the rendered prompt is 6661 tokens; the model context is 4096 — shorten the conversation or raise --ctx. No fallback was attempted.","code":"400"}}"#,
                4096,
            ),
            ("too many tokens: total number of tokens in the prompt cannot exceed 4081", 4081),
            (
                r#"{"error":{"code":400,"message":"the request exceeds the available context size",
              "n_prompt_tokens":5100,"n_ctx":5000}}"#,
                5000,
            ),
            (
                "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested \
              8010",
                6000,
            ),
        ] {
            let said = Said::of_text(text);
            assert!(said.too_long(), "{text}");
            assert_eq!(said.context(), Some(context), "{text}");
        }
        let said = Said::of_text("the input is too long");
        assert!(said.too_long() && said.context().is_none());
        for text in
            ["Rate limit reached: 429", "Unknown model `m`", "max_tokens is too large: 9000"]
        {
            assert!(!Said::of_text(text).too_long(), "{text}");
        }
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let passes = |status, text: &str| Said::of_text(text).passes(status);
        assert!(passes(503, "") && passes(429, "slow down"));
        assert!(passes(200, r#"{"error":{"message":"busy","code":429}}"#));
        assert!(passes(200, r#"{"error":{"type":"overloaded_error","message":"x"}}"#));
        assert!(!passes(200, r#"{"error":{"message":"out of memory"}}"#));
        assert!(!passes(429, r#"{"error":{"code":"insufficient_quota"}}"#));
        assert!(!passes(500, r#"{"error":"input is too long"}"#));
    }

    #[test]
    fn words_say_where() {
        let listed = r#"{"detail":[{"loc":["body","top_p"],"msg":"Extra inputs"}]}"#;
        assert_eq!(Said::of_text(listed).words, "body.top_p: Extra inputs");
        for text in [
            r#"{"errors":[{"message":"it broke"}]}"#,
            r#"{"detail":{"error":"it broke"}}"#,
            r#"{"error":{"error":{"message":"it broke"}}}"#,
            r#"{"error":{"message":"{\"error\":{\"message\":\"it broke\"}}"}}"#,
            r#"{"base_resp":{"status_code":1004,"status_msg":"it broke"}}"#,
            r#"{"error_msg":"it broke","error_code":17}"#,
            r#"{"status":"error","reason":"it broke"}"#,
        ] {
            assert_eq!(Said::of_text(text).words, "it broke", "{text}");
        }
    }
}
