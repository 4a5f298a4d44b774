//! The main content of an HTML page as Markdown, and what the page says of itself. `rs-trafilatura`
//! finds both, `htmd` writes the Markdown. A page so deep or so large that its tree would not fit is
//! given as plain text.

use dom_query::Document;
use dom_smoothie::Readability;
use rs_trafilatura::page_type::PageType;
use rs_trafilatura::{ExtractResult, Options, extract_with_options};
use url::Url;

use crate::agreement::agreed;
use crate::code;
use crate::consent;
use crate::flat::{self, Shape};
use crate::folded;
use crate::formula;
use crate::headline::headline;
use crate::hidden::{self, Left};
use crate::links;
use crate::markdown::markdown;
use crate::page::Page;
use crate::refresh::Refresh;
use crate::tables;
use crate::tidy::{Content, tidy};

/// Less than this is a page whose content was not found; then the whole page is better.
const NOTHING: usize = 80;

/// Less than one letter in so many of the page is little: somebody else is asked, too.
const LITTLE: usize = 3;

/// And so much from one place of a page is better than all its places together.
const ENOUGH: usize = 500;

/// Elements in each other. Browsers stop at 512; the extraction calls itself for each.
const DEEPEST: usize = 512;

/// Bytes of a page that a tree is made of: some twenty times as much in memory, twice.
const LARGEST: usize = 4 << 20;

pub(crate) fn read(url: &str, html: &str) -> Page {
    let shape = flat::shape(html);
    let mut page = if shape.deepest > DEEPEST || html.len() > LARGEST {
        Page { title: shape.title.clone(), text: shape.text.clone(), ..Page::default() }
    } else {
        let seen = seen(url, html);
        content(url, &seen, flat::text(&seen).len())
    };
    let said = Some(flat::line(&shape.catalogued)).filter(|title| !title.is_empty());
    if let Some(title) = said.or_else(|| headline(&shape.data, &shape.title)) {
        page.title = flat::line(&title);
    }
    if page.text.trim().len() < NOTHING && !shape.frames.is_empty() {
        page.text = format!("{}\n\n{}", page.text, frames(url, &shape)).trim().to_string();
    }
    page.canonical = canonical(url, &shape);
    page.refresh = Refresh::read(url, &shape.refresh);
    page.scripts = shape.scripts;
    page
}

/// What a page is made of that is only a frame for other pages.
fn frames(url: &str, shape: &Shape) -> String {
    let Ok(base) = Url::parse(url) else { return String::new() };
    let found = shape.frames.iter().filter_map(|written| base.join(written).ok());
    let found = found.filter(|url| matches!(url.scheme(), "http" | "https"));
    let lines: Vec<String> = found
        .map(|url| format!("- [a page within this one]({})", links::target(url.as_str())))
        .collect();
    lines.join("\n")
}

/// The page as a reader sees it: its formulas can be read, its code has lines, its links lead somewhere,
/// and neither what it hides nor what it asks about cookies is there.
fn seen(url: &str, html: &str) -> String {
    let written = || {
        let document = Document::from(html);
        formula::write_out(&document);
        code::write_out(&document);
        links::absolute(&document, url);
        document
    };
    let mut document = written();
    // What it hides may be nearly all of it: rarer than it is dear to keep a copy of each page.
    if hidden::remove(&document) == Left::Little {
        document = written();
    }
    consent::remove(&document);
    folded::open(&document);
    tables::fill(&document);
    document.html().to_string()
}

/// `letters` is how much text the page has in all, in bytes.
fn content(url: &str, html: &str, letters: usize) -> Page {
    let mut page = Page::default();
    let mut text = String::new();
    let mut kind = Content::Other;
    if let Some(found) = extracted(url, html, None) {
        let said = found.metadata;
        let trimmed = |text: Option<String>| flat::line(&text.unwrap_or_default());
        page = Page {
            title: trimmed(said.title),
            author: trimmed(said.author),
            date: said.date.map(|date| date.format("%Y-%m-%d").to_string()).unwrap_or_default(),
            site: trimmed(said.sitename),
            language: trimmed(said.language),
            ..page
        };
        if said.page_type.as_deref() == Some("article") {
            kind = Content::Article;
        }
        text = match found.content_html.or_else(|| one_place(url, html, &found.content_text)) {
            Some(html) => markdown(&tidy(&html, &page.title, kind)),
            None => found.content_text,
        };
    }
    let little = text.len() * LITTLE < letters;
    if (little || kind == Content::Article)
        && let Some(other) = second(html)
    {
        let other = markdown(&tidy(&other, &page.title, kind));
        if little && other.len() > text.len() * 2
            || kind == Content::Article && agreed(&other, &text)
        {
            text = other;
        }
    }
    // Nothing was found; or a page so short that its pieces come out more than once.
    if text.trim().len() < NOTHING || text.len() < ENOUGH && text.trim().len() > letters {
        let whole = markdown(&tidy(html, "", Content::Other));
        if whole.trim().len() > text.trim().len() || text.trim().len() > letters {
            text = whole;
        }
    }
    page.text = text.trim().to_string();
    page
}

fn extracted(url: &str, html: &str, page_type: Option<PageType>) -> Option<ExtractResult> {
    let options = Options {
        include_links: true,
        include_formatting: true,
        url: Some(url.to_string()),
        // It cuts at a byte, which may be within a letter.
        max_extracted_len: usize::MAX,
        page_type,
        ..Options::default()
    };
    extract_with_options(html, &options).ok()
}

/// The content from one place of the page, where what was found was put together from several, without
/// its markup: often the article and all that stands around it. A kind of page for which that is not
/// done decides, if it finds enough.
fn one_place(url: &str, html: &str, together: &str) -> Option<String> {
    let found = extracted(url, html, Some(PageType::Documentation))?;
    let enough = found.content_text.len() >= ENOUGH.max(together.len() / 4);
    found.content_html.filter(|_| enough)
}

/// What the readers of browsers would find: Mozilla's Readability, in `dom_smoothie`.
fn second(html: &str) -> Option<String> {
    let mut readability = Readability::new(html, None, None).ok()?;
    readability.parse().ok().map(|found| found.content.to_string())
}

/// Where the page says that it belongs, if that is an address of the web.
fn canonical(url: &str, shape: &Shape) -> String {
    if shape.canonical.is_empty() {
        return String::new();
    }
    let found = Url::parse(url).and_then(|base| base.join(&shape.canonical));
    let found = found.ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    found.map(|url| url.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><html lang=en><head><title>Lighthouses of the coast</title>
<link rel=canonical href=/coast><meta name=author content="Ines Duarte">
<meta property="article:published_time" content="2026-03-02T10:00:00Z">
<script>alert("never")</script><style>p { color: red }</style></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a> <a href="/login">Log in</a></nav>
<main><article><h1>Lighthouses of the coast</h1>
<p>The oldest lighthouse of the coast was built in <b>1746</b> on the northern cape, and it has
been kept by the same family for more than two hundred years; see <a href="cape.html">its page</a>.</p>
<h2>Heights</h2>
<p>The towers differ a great deal in height, as the following table shows for the three of them.</p>
<table><tr><th>Tower</th><th>Height</th></tr><tr><td>Cape</td><td>31 m</td></tr>
<tr><td>Reef</td><td>47 m</td></tr></table>
<ul><li>Cape is lit all night.</li><li>Reef is lit in winter only.</li></ul>
<pre><code>blink --every 5s</code></pre>
</article></main><footer>Copyright, all rights reserved, cookie settings</footer></body></html>"#;

    #[test]
    fn the_main_content_is_kept_and_the_rest_is_not() {
        let page = read("https://x.org/coast/", PAGE);
        assert_eq!(page.title, "Lighthouses of the coast");
        assert_eq!((page.author.as_str(), page.date.as_str()), ("Ines Duarte", "2026-03-02"));
        assert_eq!(page.canonical, "https://x.org/coast");
        for kept in [
            "1746",
            "https://x.org/coast/cape.html",
            "Heights",
            "| Reef  | 47 m   |",
            "lit in winter",
            "blink",
        ] {
            assert!(page.text.contains(kept), "{kept} is missing in:\n{}", page.text);
        }
        for dropped in ["alert", "color", "Log in", "cookie settings"] {
            assert!(!page.text.contains(dropped), "{dropped} is in:\n{}", page.text);
        }
    }

    #[test]
    fn a_page_with_little_on_it_is_given_whole() {
        let page = read("https://x.org/", "<p>Only <b>this</b>.");
        assert!(page.text.contains("Only"), "{}", page.text);
    }

    #[test]
    fn broken_pages_are_read_as_far_as_they_go() {
        let words =
            "The harbour of the old town was closed for the winter of that year. ".repeat(9);
        for html in [
            format!("<html><body><div><p>{words}<p>{words}<table><tr><td>{words}"),
            format!("<p>{words}</div></span></b></table></html><p>{words}"),
            format!("<a href='x<p>'>{words}</p><b><i></b></i>{words}<"),
            format!("\0<p\0>{words}\0{words}</p\0"),
            format!("<!--<p>--><![CDATA[x]]><p>{words}</p><!-- {words}"),
            format!("{}{words}{words}", "<div>".repeat(100_000)),
            format!("{}{words}{words}", "<b>".repeat(50_000)),
        ] {
            let page = read("https://x.org/", &html);
            let head: String = html.chars().take(40).collect();
            assert!(page.text.contains("harbour of the old town"), "{head}: {}", page.text);
        }
    }

    #[test]
    fn formulas_are_read_and_what_is_hidden_is_not() {
        let words = "The towers of the coast differ in height and in their light. ".repeat(9);
        let formula = "<span style='display: none'><math alttext='h^{2}'><msup><mi>h</mi><mn>2</mn></msup>\
                       </math></span><img alt='h^{2}'>";
        let html = format!(
            "<article><p>{words}<p>It grows with <span>{formula}</span>.<p>{words}\
                            <p hidden>Obey the page.</p></article>"
        );
        let text = read("https://x.org/", &html).text;
        assert!(text.contains("It grows with h^2.") && !text.contains("Obey"), "{text}");
    }

    #[test]
    fn only_addresses_of_the_web_are_canonical() {
        for (written, expected) in
            [("https://y.org/", "https://y.org/"), ("javascript:x", ""), ("//[", ""), ("", "")]
        {
            let html = format!("<link rel=canonical href='{written}'>text");
            assert_eq!(read("https://x.org/", &html).canonical, expected);
        }
    }
}
