//! Passages as `files.search` ranks them, cut so that a small model reads one fact at a time.

use serde_json::Value;

/// The most rows of one table: more rows of the same kind only blur the picture.
const ROWS: usize = 3;

/// One passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) path: String,
    /// The headings it stands under; empty for a row.
    context: String,
    pub(super) text: String,
}

impl Passage {
    /// With the file and the headings, as the model reads it.
    pub(super) fn shown(&self) -> String {
        match self.context.as_str() {
            "" => format!("{}: {}", self.path, self.text),
            context => format!("{} ({context}) {}", self.path, self.text),
        }
    }
}

/// The passages of a search's result, each row of a table one of its own.
pub(super) fn all(result: &Value) -> Vec<Passage> {
    let passages = result["passages"].as_array().into_iter().flatten();
    let passage = |passage: &Value| {
        let path = passage["path"].as_str()?.to_string();
        let text = passage["text"].as_str()?.to_string();
        let context = passage["context"].as_str().unwrap_or_default().to_string();
        Some(match passage["rows"].as_bool() {
            Some(true) => text
                .lines()
                .take(ROWS)
                .map(|row| Passage { path: path.clone(), context: String::new(), text: row.into() })
                .collect(),
            _ => {
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                vec![Passage { path, context, text }]
            }
        })
    };
    passages.filter_map(passage).flatten().collect()
}

/// The files that passages come from, best first.
pub(super) fn files(passages: &[Passage]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for passage in passages {
        if !files.contains(&passage.path) {
            files.push(passage.path.clone());
        }
    }
    files
}

/// The passage that shares the most words with an answer; the better ranked of two. `None` where
/// no passage shares one.
pub(super) fn holder(passages: &[Passage], answer: &str) -> Option<usize> {
    let answer = words(answer);
    let shared = |passage: &Passage| {
        let own = words(&passage.text);
        answer.iter().filter(|word| own.contains(word)).count()
    };
    let counts: Vec<usize> = passages.iter().map(shared).collect();
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    counts.iter().position(|count| *count == most)
}

fn words(text: &str) -> Vec<String> {
    const EMPTY: [&str; 12] =
        ["the", "a", "an", "of", "in", "on", "at", "to", "and", "is", "was", "it"];
    let mut words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !EMPTY.contains(word))
        .map(str::to_string)
        .collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_row_is_a_passage() {
        let result = json!({"passages": [
            {"path": "a.csv", "text": "x: 1\nx: 2\nx: 3\nx: 4", "rows": true},
            {"path": "b.md", "text": "One\nfact.", "context": "Facts"},
        ]});
        let shown: Vec<String> = all(&result).iter().map(Passage::shown).collect();
        assert_eq!(shown, ["a.csv: x: 1", "a.csv: x: 2", "a.csv: x: 3", "b.md (Facts) One fact."]);
        assert_eq!(files(&all(&result)), ["a.csv", "b.md"]);
    }

    #[test]
    fn the_holder_shares_the_most_words() {
        let result = json!({"passages": [
            {"path": "a.md", "text": "Ann Lee lives here."},
            {"path": "b.md", "text": "Ann Lee, the carpenter, lives there."},
        ]});
        let passages = all(&result);
        assert_eq!(holder(&passages, "the carpenter Ann"), Some(1));
        assert_eq!(holder(&passages, "Ann"), Some(0));
        assert_eq!(holder(&passages, "nobody"), None);
    }
}
