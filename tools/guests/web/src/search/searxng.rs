//! SearXNG and searx: `/search?format=json`, which an instance has to allow.

use serde_json::Value;

use super::ask::{json, text};
use super::plain::plain;
use super::{Hit, Provider};
use crate::provider::{Asked, Source};

pub(super) struct Searxng<'a>(pub(super) &'a Source);

impl Provider for Searxng<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        hits(&json(self.0, asked)?)
    }
}

fn hits(answer: &Value) -> Result<Vec<Hit>, String> {
    let results = answer["results"].as_array().ok_or("its answer has no `results`")?;
    let hits: Vec<Hit> = results
        .iter()
        .map(|result| Hit {
            title: plain(&text(result, "/title")),
            url: text(result, "/url"),
            snippet: plain(&text(result, "/content")),
        })
        .collect();
    // It says which of its engines had nothing to say, and is nothing but them.
    let silent = answer["unresponsive_engines"].as_array().filter(|engines| !engines.is_empty());
    match silent {
        Some(engines) if hits.is_empty() => {
            let names = engines.iter().map(|engine| match engine {
                Value::Array(pair) => {
                    pair.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(": ")
                }
                other => other.as_str().unwrap_or_default().to_string(),
            });
            Err(format!("its engines did not answer: {}", names.collect::<Vec<_>>().join(", ")))
        }
        _ => Ok(hits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn results_are_read() {
        let answer = json!({ "results": [
            { "title": "A &amp; B", "url": "https://a.org/", "content": "some <b>text</b>" },
            { "url": "https://b.org/" },
        ], "unresponsive_engines": [["x", "timeout"]] });
        let hits = hits(&answer);
        assert_eq!(hits.as_ref().map(Vec::len), Ok(2));
        assert!(hits.is_ok_and(|hits| hits[0].title == "A & B" && hits[0].snippet == "some text"));
        let silent = json!({ "results": [], "unresponsive_engines": [["wiki", "timeout"]] });
        assert_eq!(
            super::hits(&silent),
            Err("its engines did not answer: wiki: timeout".to_string())
        );
        assert_eq!(super::hits(&json!({ "results": [] })), Ok(vec![]));
        assert!(super::hits(&json!([])).is_err());
    }
}
