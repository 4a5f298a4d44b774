//! Anything that answers in JSON: the agent file says where in the answer the results are.

use serde_json::Value;

use super::ask::{json, text};
use super::plain::plain;
use super::{Hit, Provider};
use crate::provider::{Asked, Json, Source};

pub(super) struct JsonProvider<'a> {
    pub(super) source: &'a Source,
    pub(super) json: &'a Json,
}

impl Provider for JsonProvider<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        hits(&json(self.source, asked)?, self.json)
    }
}

fn hits(answer: &Value, json: &Json) -> Result<Vec<Hit>, String> {
    let results = match answer.pointer(&json.results) {
        Some(Value::Array(results)) => results,
        // Some leave the list out where it would be empty.
        Some(Value::Null) => return Ok(Vec::new()),
        _ => return Err(format!("its answer has no list at `{}`", json.results)),
    };
    let hit = |result: &Value| Hit {
        title: plain(&text(result, &json.title)),
        url: text(result, &json.link),
        snippet: plain(&text(result, &json.snippet)),
    };
    Ok(results.iter().map(hit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_say_where_things_are() {
        let provider = Json {
            url: String::new(),
            body: None,
            key: None,
            results: "/web/results".to_string(),
            title: "/title".to_string(),
            link: "/place/url".to_string(),
            snippet: "/text".to_string(),
        };
        let answer = json!({ "web": { "results": [
            { "title": "a", "place": { "url": "https://a.org/" }, "text": "b" }, { "title": 1 },
        ] } });
        let hits = hits(&answer, &provider).unwrap_or_default();
        assert_eq!(hits.len(), 2);
        assert_eq!((hits[0].url.as_str(), hits[1].url.as_str()), ("https://a.org/", ""));
        let none = super::hits(&json!({ "error": "no" }), &provider);
        assert_eq!(none, Err("its answer has no list at `/web/results`".to_string()));
        assert_eq!(super::hits(&json!({ "web": { "results": null } }), &provider), Ok(vec![]));
    }
}
