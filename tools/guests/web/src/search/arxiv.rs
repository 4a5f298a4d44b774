//! arXiv's interface: an Atom feed of papers.

use roxmltree::{Document, Node};

use super::ask::body;
use super::{Hit, Provider};
use crate::provider::{Asked, Source};

pub(super) struct Arxiv<'a>(pub(super) &'a Source);

impl Provider for Arxiv<'_> {
    fn find(&self, asked: &Asked<'_>) -> Result<Vec<Hit>, String> {
        let answer = body(self.0, asked)?;
        hits(&String::from_utf8_lossy(&answer))
    }
}

fn hits(feed: &str) -> Result<Vec<Hit>, String> {
    let feed = Document::parse(feed).map_err(|error| format!("its answer is not Atom: {error}"))?;
    let entries = feed.root_element().children().filter(|node| node.tag_name().name() == "entry");
    let hits: Vec<Hit> = entries
        .map(|entry| Hit {
            title: child(entry, "title"),
            // `http://arxiv.org/abs/…`, which leads to the same by `https:`.
            url: child(entry, "id").replacen("http://arxiv.org/", "https://arxiv.org/", 1),
            snippet: child(entry, "summary"),
        })
        .collect();
    match hits.first() {
        // It tells of an error in an entry of that title.
        Some(hit) if hit.title == "Error" => Err(format!("it says: {}", hit.snippet)),
        _ => Ok(hits),
    }
}

fn child(entry: Node<'_, '_>, name: &str) -> String {
    let child = entry.children().find(|node| node.tag_name().name() == name);
    text::one_line(child.and_then(|node| node.text()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_are_read() {
        let feed = r#"<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">
            <title>q</title><entry><id>http://arxiv.org/abs/1706.03762v7</id>
            <title>Attention Is
              All You Need</title><summary>The dominant &amp; sequence</summary></entry></feed>"#;
        let hit = hits(feed).ok().and_then(|hits| hits.into_iter().next()).unwrap_or_default();
        assert_eq!(hit.url, "https://arxiv.org/abs/1706.03762v7");
        assert_eq!(hit.title, "Attention Is All You Need");
        assert_eq!(hit.snippet, "The dominant & sequence");
        let error = "<feed><entry><title>Error</title><summary>bad id</summary></entry></feed>";
        assert_eq!(hits(error), Err("it says: bad id".to_string()));
        assert!(hits("<html>").is_err());
        // Entities that double with each step are refused, not made.
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><feed>&c;</feed>";
        assert!(hits(bomb).is_err());
    }
}
