//! Files on this machine, ranked by their words (BM25, as `files.search` has it, a file a piece).
//! Each file is opened through the host, which judges each use.

use std::collections::{HashSet, VecDeque};

use super::plain::plain;
use super::{Hit, Provider};
use crate::bindings::errand::tool::files;
use crate::provider::Asked;
use text::bm25::Index;
use text::one_line;
use text::search::{self, terms};

const MOST_FILES: usize = 5_000;
const MOST_BYTES: u64 = 4 << 20;
/// Letters of a snippet.
const SNIPPET: usize = 240;
/// What a page is called says more than one more word in it.
const TITLE: f64 = 2.0;

pub(super) struct Folder<'a>(pub(super) &'a str);

/// A file that may be a hit.
struct Text {
    path: String,
    title: String,
    text: String,
}

impl Provider for Folder<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        let wanted = search::asked(asked.query);
        let mut texts = Vec::new();
        for path in within(self.0)? {
            // One that may not be read, or cannot be, is not found.
            if let Some(text) = files::read(&path).ok().and_then(|bytes| read(path, bytes)) {
                texts.push(text);
            }
        }
        Ok(ranked(&texts, &wanted, asked.limit as usize))
    }
}

/// All files below a folder, or the one file that it is.
fn within(path: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut folders = VecDeque::from([path.to_string()]);
    let mut first = true;
    while let Some(folder) = folders.pop_front() {
        let entries = match files::list(&folder) {
            Ok(entries) => entries,
            Err(_) if first && files::read(path).is_ok() => return Ok(vec![path.to_string()]),
            Err(refusal) if first => return Err(refusal),
            Err(_) => continue,
        };
        first = false;
        for entry in entries {
            let hidden = entry.path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
            if entry.folder && !hidden {
                folders.push_back(entry.path);
            } else if !hidden && entry.size <= MOST_BYTES && found.len() < MOST_FILES {
                found.push(entry.path);
            }
        }
    }
    Ok(found)
}

fn read(path: String, bytes: Vec<u8>) -> Option<Text> {
    let raw = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let html = [".html", ".htm", ".xhtml"].iter().any(|ending| name.ends_with(ending));
    let title = match html {
        true => between(&raw, "<title", "</title>"),
        false => raw.lines().find_map(|line| line.trim().strip_prefix("# ")).map(str::to_string),
    };
    let text = if html { plain(body(&raw)) } else { raw };
    let title = title.map(|title| plain(&title)).filter(|title| !title.is_empty());
    let title = title.unwrap_or_else(|| name.to_string());
    Some(Text { path, title, text })
}

fn ranked(texts: &[Text], wanted: &[String], limit: usize) -> Vec<Hit> {
    let mut index = Index::of(wanted);
    for text in texts {
        index.add(terms(&text.text));
        index.beside(terms(&text.title).chain(terms(&text.path)), TITLE);
    }
    let scores = index.scores().into_iter().zip(texts);
    let mut scored: Vec<(f64, &Text)> = scores.filter(|(score, _)| *score > 0.0).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    scored.into_iter().take(limit).map(|(_, text)| hit(text, wanted)).collect()
}

fn hit(text: &Text, wanted: &[String]) -> Hit {
    Hit {
        title: text.title.clone(),
        url: address(&text.path),
        snippet: snippet(&text.text, wanted),
    }
}

/// The stretch of a text that has most of the words.
fn snippet(text: &str, wanted: &[String]) -> String {
    let text = one_line(text);
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let step = SNIPPET / 2;
    let stretch = |from: usize| {
        let start = letters.get(from).map_or(text.len(), |(at, _)| *at);
        let end = letters.get(from + SNIPPET).map_or(text.len(), |(at, _)| *at);
        &text[start..end]
    };
    let having = |part: &str| {
        let here: HashSet<String> = terms(part).filter(|term| wanted.contains(term)).collect();
        here.len()
    };
    let best = (0..letters.len()).step_by(step).map(|from| (having(stretch(from)), from));
    let from = best.max_by_key(|(count, from)| (*count, std::cmp::Reverse(*from)));
    stretch(from.map_or(0, |(_, from)| from)).trim().to_string()
}

/// A path as a URL beside the agent file.
fn address(path: &str) -> String {
    let mut url = String::from("file:");
    for c in path.chars() {
        match c {
            '%' | '#' | '?' | ' ' | '"' | '<' | '>' | '\\' => {
                url.push_str(&format!("%{:02X}", c as u32))
            }
            c => url.push(c),
        }
    }
    url
}

fn body(html: &str) -> &str {
    html.find("<body").map_or(html, |at| &html[at..])
}

fn between(text: &str, begin: &str, end: &str) -> Option<String> {
    let from = text.find(begin)?;
    let from = from + text[from..].find('>')? + 1;
    Some(text[from..from + text[from..].find(end)?].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_is_about_it_comes_first() {
        let query = search::asked("How tall is the lighthouse?");
        let files = [
            ("docs/a b.md", "# Lighthouses\n\nThe lighthouse of the cape is 31 m tall.\n"),
            ("docs/b.md", "# Ships\n\nA ship passes the lighthouse.\n"),
            ("docs/c.html", "<html><title>Cats</title><body><p>Cats sleep.</body>"),
        ];
        let texts: Vec<Text> = files
            .into_iter()
            .filter_map(|(path, text)| read(path.to_string(), text.into()))
            .collect();
        let hits = ranked(&texts, &query, 10);
        assert_eq!(hits.len(), 2);
        assert_eq!(hits[0].url, "file:docs/a%20b.md");
        assert_eq!(hits[0].title, "Lighthouses");
        assert!(hits[0].snippet.contains("31 m tall"), "{}", hits[0].snippet);
        assert_eq!(ranked(&texts, &query, 1).len(), 1);
        assert!(ranked(&texts, &search::asked("zebra"), 10).is_empty());
        assert_eq!(texts[2].title, "Cats");
        assert!(read("x".to_string(), vec![0, 1]).is_none());
    }
}
