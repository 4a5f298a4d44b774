//! RSS, Atom and JSON Feed as a Markdown list: of each entry its title with its link, its day, who
//! wrote it, and the beginning of what it says. `feed-rs` reads them.

use std::fmt::Write;

use feed_rs::model::{Entry, Feed, Link, Person, Text};
use feed_rs::parser::Builder;

use crate::flat;
use crate::page::Page;

/// Letters of an entry's summary.
const SUMMARY: usize = 600;

/// `None`: it is no feed.
pub(crate) fn read(url: &str, text: &str) -> Option<Page> {
    let parser = Builder::new().base_uri(Some(url)).build();
    let feed = parser.parse(undeclared(text).as_bytes()).ok()?;
    let title = feed.title.as_ref().map(line).unwrap_or_default();
    let mut text = String::new();
    for part in [format!("# {title}"), feed.description.as_ref().map(line).unwrap_or_default()] {
        if !matches!(part.as_str(), "# " | "") {
            text.push_str(&part);
            text.push_str("\n\n");
        }
    }
    if feed.entries.is_empty() {
        text.push_str("This feed has no entries.\n");
    }
    for it in &feed.entries {
        entry(it, &mut text);
    }
    Some(Page {
        title,
        text: text.trim_end().to_string(),
        author: names(&feed.authors),
        date: newest(&feed),
        language: feed.language.unwrap_or_default(),
        canonical: link(&feed.links).unwrap_or_default(),
        ..Page::default()
    })
}

fn entry(entry: &Entry, text: &mut String) {
    let title = entry.title.as_ref().map(line).filter(|title| !title.is_empty());
    let address = link(&entry.links);
    let name = title.or_else(|| address.clone()).unwrap_or_else(|| "(without a title)".to_string());
    let name = name.replace(['[', ']'], "");
    text.push_str("- ");
    match address {
        // A space or bracket would end the link early.
        Some(to) => _ = write!(text, "[{name}](<{}>)", to.replace(['<', '>', '\n'], "")),
        None => text.push_str(&name),
    }
    let day = entry.published.or(entry.updated).map(|time| time.format("%Y-%m-%d").to_string());
    let said: Vec<String> = day.into_iter().chain(Some(names(&entry.authors))).collect();
    let said: Vec<&str> = said.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    if !said.is_empty() {
        _ = write!(text, " ({})", said.join(", "));
    }
    text.push('\n');
    let summary = entry.summary.as_ref().map(line).filter(|summary| !summary.is_empty());
    let body = || entry.content.as_ref().and_then(|it| it.body.as_deref()).map(flat::line);
    if let Some(summary) = summary.or_else(body).filter(|summary| !summary.is_empty()) {
        _ = writeln!(text, "  {}", beginning(&summary));
    }
}

/// After decoding, the declaration's encoding is no longer true.
fn undeclared(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// Where it can be read: not the feed itself, nor a picture of it.
fn link(links: &[Link]) -> Option<String> {
    let page = |link: &&Link| matches!(link.rel.as_deref(), None | Some("alternate"));
    links.iter().find(page).map(|link| link.href.clone())
}

fn names(people: &[Person]) -> String {
    let names: Vec<&str> = people.iter().map(|person| person.name.trim()).collect();
    names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The day of its newest entry, or of the feed.
fn newest(feed: &Feed) -> String {
    let entries = feed.entries.iter().filter_map(|entry| entry.published.or(entry.updated));
    let newest = entries.max().or(feed.updated).or(feed.published);
    newest.map(|time| time.format("%Y-%m-%d").to_string()).unwrap_or_default()
}

fn line(text: &Text) -> String {
    flat::line(&text.content)
}

fn beginning(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(SUMMARY) else { return text.to_string() };
    let cut = text[..end].rfind(' ').unwrap_or(end);
    format!("{} …", &text[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(feed: &str, expected: &str) {
        let Some(page) = read("https://x.org/feed", feed) else { panic!("no feed: {feed}") };
        assert_eq!(page.text, expected);
        assert_eq!((page.title.as_str(), page.date.as_str()), ("Harbour news", "2026-03-02"));
        assert_eq!(page.canonical, "https://x.org/");
    }

    #[test]
    fn feeds_of_each_kind_are_lists() {
        check(
            r#"<?xml version="1.0" encoding="windows-1252"?><rss version="2.0"><channel>
            <title>Harbour news</title><link>https://x.org/</link><description>Of boats</description>
            <item><title>The crane &amp; the café</title><link>https://x.org/crane</link>
            <pubDate>Mon, 02 Mar 2026 08:00:00 GMT</pubDate>
            <description>&lt;p&gt;It &lt;b&gt;lifts&lt;/b&gt; 40 t.&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;</description></item>
            <item><description>No title, no link.</description></item></channel></rss>"#,
            "# Harbour news\n\nOf boats\n\n- [The crane & the café](<https://x.org/crane>) (2026-03-02)\n  \
             It lifts 40 t.\n- (without a title)\n  No title, no link.",
        );
        check(
            r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour news</title><id>a</id>
            <link rel="self" href="https://x.org/feed"/><link href="https://x.org/"/>
            <updated>2026-03-02T10:00:00Z</updated>
            <entry><id>b</id><title>Pier 4</title><link href="/pier"/><updated>2026-03-02T09:00:00Z</updated>
            <author><name>Ines</name></author><content type="html">&lt;p&gt;Closed&lt;/p&gt;</content></entry></feed>"#,
            "# Harbour news\n\n- [Pier 4](<https://x.org/pier>) (2026-03-02, Ines)\n  Closed",
        );
        check(
            r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
            xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
            <channel rdf:about="a"><title>Harbour news</title><link>https://x.org/</link>
            <description></description></channel>
            <item rdf:about="b"><title>Tide</title><link>https://x.org/tide</link>
            <dc:date>2026-03-02T09:00:00Z</dc:date></item></rdf:RDF>"#,
            "# Harbour news\n\n- [Tide](<https://x.org/tide>) (2026-03-02)",
        );
        check(
            r#"{"version": "https://jsonfeed.org/version/1.1", "title": "Harbour news",
            "home_page_url": "https://x.org/", "items": [{"id": "1", "url": "https://x.org/1",
            "title": "Lamp", "content_text": "Lit.", "date_published": "2026-03-02T09:00:00Z"}]}"#,
            "# Harbour news\n\n- [Lamp](<https://x.org/1>) (2026-03-02)\n  Lit.",
        );
    }

    #[test]
    fn long_entries_are_cut_between_words() {
        let cut = beginning(&"wörd ".repeat(1_000));
        assert!(cut.ends_with("wörd …") && cut.chars().count() <= SUMMARY + 2, "{cut}");
    }

    #[test]
    fn what_is_no_feed_is_none() {
        for text in ["", "<rss", "<html></html>", "{}", "<rss version=\"2.0\">", "\0\0\0"] {
            assert!(
                read("https://x.org/", text).is_none_or(|page| page.title.is_empty()),
                "{text}"
            );
        }
    }
}
