//! MediaWiki's `api.php`: `list=search`, and from `siteinfo` how the addresses of its pages are
//! made.

use serde_json::Value;
use url::Url;

use super::ask::{json, text};
use super::plain::plain;
use super::{Hit, Provider};
use crate::provider::{Asked, Source};

pub(super) struct Mediawiki<'a>(pub(super) &'a Source);

impl Provider for Mediawiki<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        let asked_at = self.0.address(asked).and_then(|url| Url::parse(&url).ok());
        hits(&json(self.0, asked)?, &asked_at.ok_or("its address is no URL")?)
    }
}

fn hits(answer: &Value, asked_at: &Url) -> Result<Vec<Hit>, String> {
    if let Some(error) = answer.pointer("/error/info").and_then(Value::as_str) {
        return Err(format!("it says: {error}"));
    }
    let found = answer.pointer("/query/search").and_then(Value::as_array);
    let found = found.ok_or("its answer has no `query.search`")?;
    let server = text(answer, "/query/general/server");
    let path = Some(text(answer, "/query/general/articlepath")).filter(|path| path.contains("$1"));
    let path = path.unwrap_or_else(|| "/wiki/$1".to_string());
    // `//en.wikipedia.org` as well as `https://…`.
    let base = asked_at.join(&server).unwrap_or_else(|_| asked_at.clone());
    let hit = |page: &Value| {
        let title = text(page, "/title");
        let mut url = base.join("/").ok()?;
        let (before, after) = path.split_once("$1")?;
        let title_there = title.replace(' ', "_");
        match (before.split_once('?'), after) {
            (None, "") => url.set_path(&format!("{before}{title_there}")),
            (Some((before, query)), _) => {
                url.set_path(before);
                url.set_query(Some(&format!("{query}{title_there}{after}")));
            }
            _ => url.set_path(&format!("{before}{title_there}{after}")),
        }
        Some(Hit { title, url: url.to_string(), snippet: plain(&text(page, "/snippet")) })
    };
    Ok(found.iter().filter_map(hit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn first(server: &str, path: &str, title: &str) -> Option<Hit> {
        let answer = json!({ "query": {
            "general": { "server": server, "articlepath": path },
            "search": [{ "title": title,
                         "snippet": "a <span class=\"searchmatch\">match</span> &quot;here&quot;" }],
        } });
        let at = Url::parse("https://en.wikipedia.org/w/api.php?x=y").ok()?;
        hits(&answer, &at).ok()?.into_iter().next()
    }

    #[test]
    fn a_wiki_says_where_its_pages_are() {
        let hit = first("//en.wikipedia.org", "/wiki/$1", "Was ist Öl?");
        let hit = hit.unwrap_or_default();
        assert_eq!(hit.url, "https://en.wikipedia.org/wiki/Was_ist_%C3%96l%3F");
        assert_eq!(hit.snippet, "a match \"here\"");
        let other = first("http://127.0.0.1:8080", "/index.php?title=$1", "A b");
        assert_eq!(other.unwrap_or_default().url, "http://127.0.0.1:8080/index.php?title=A_b");
        let unsaid = first("", "", "A").unwrap_or_default();
        assert_eq!(unsaid.url, "https://en.wikipedia.org/wiki/A");
        let at = Url::parse("https://en.wikipedia.org/w/api.php");
        let error = json!({ "error": { "info": "too long" } });
        assert_eq!(at.map(|at| hits(&error, &at)), Ok(Err("it says: too long".to_string())));
    }
}
