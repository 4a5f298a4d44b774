//! DuckDuckGo's page without scripts: best effort, since it is made for people and says no to
//! programs that ask too often.

use url::Url;

use super::ask::body;
use super::plain::plain;
use super::{Hit, Provider};
use crate::provider::{Asked, Source};

/// What the links of results, and the texts below them, are marked with.
const LINK: &str = "class=\"result__a\"";
const SNIPPET: &str = "class=\"result__snippet\"";

pub(super) struct Duckduckgo<'a>(pub(super) &'a Source);

impl Provider for Duckduckgo<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        let page = body(self.0, asked)?;
        let asked_at = self.0.address(asked).and_then(|url| Url::parse(&url).ok());
        hits(&String::from_utf8_lossy(&page), &asked_at.ok_or("its address is no URL")?)
    }
}

fn hits(page: &str, asked_at: &Url) -> Result<Vec<Hit>, String> {
    let places: Vec<usize> = page.match_indices(LINK).map(|(at, _)| at).collect();
    if places.is_empty() {
        return match page {
            page if page.contains("anomaly") => {
                Err("it wants to know whether a person asks".to_string())
            }
            page if page.contains("no-results") => Ok(Vec::new()),
            _ => Err("its page holds no results that can be read".to_string()),
        };
    }
    let ends = places.iter().skip(1).copied().chain([page.len()]);
    let hit = |(at, end): (usize, usize)| {
        let begin = page[..at].rfind('<')?;
        let (tag, rest) = page[begin..end].split_once('>')?;
        let link = tag.split_once("href=\"")?.1.split('"').next()?;
        let url = target(&asked_at.join(&plain(link)).ok()?)?;
        let title = plain(rest.split("</a>").next()?);
        let text = rest.split_once(SNIPPET).and_then(|(_, text)| text.split_once('>'));
        let snippet = text.map(|(_, text)| plain(text.split("</a>").next().unwrap_or_default()));
        Some(Hit { title, url, snippet: snippet.unwrap_or_default() })
    };
    Ok(places.iter().copied().zip(ends).filter_map(hit).collect())
}

/// Where a link leads: most go through a page that counts them, and advertisements through another.
fn target(link: &Url) -> Option<String> {
    match link.path() {
        "/l/" => {
            link.query_pairs().find(|(name, _)| name == "uddg").map(|(_, url)| url.into_owned())
        }
        "/y.js" => None,
        _ => Some(link.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Result<Vec<Hit>, String> {
        let Ok(at) = Url::parse("https://html.duckduckgo.com/html/?q=x") else { panic!() };
        hits(page, &at)
    }

    #[test]
    fn results_are_read() {
        let page = r#"<div class="result"><h2><a rel="nofollow" class="result__a"
            href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fa.org%2Fb%3Fc%3Dd&amp;rut=1">A &amp; <b>B</b></a></h2>
            <a class="result__snippet" href="x">some <b>text</b></a></div>
            <div class="result result--ad"><a class="result__a" href="https://duckduckgo.com/y.js?ad=1">Ad</a></div>
            <div class="result"><a class="result__a" href="https://c.org/">C</a></div>"#;
        let hits = read(page).unwrap_or_default();
        assert_eq!(hits.len(), 2);
        assert_eq!(hits[0].url, "https://a.org/b?c=d");
        assert_eq!((hits[0].title.as_str(), hits[0].snippet.as_str()), ("A & B", "some text"));
        assert_eq!((hits[1].url.as_str(), hits[1].snippet.as_str()), ("https://c.org/", ""));
    }

    #[test]
    fn a_page_without_results_says_why() {
        assert_eq!(read("<div class=\"no-results\">"), Ok(vec![]));
        let asked = read("<div class=\"anomaly-modal\">");
        assert_eq!(asked, Err("it wants to know whether a person asks".to_string()));
        assert!(read("<html>changed</html>").is_err());
        assert_eq!(read("<a class=\"result__a\""), Ok(vec![]));
    }
}
