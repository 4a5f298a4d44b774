//! A response as title and Markdown: the main content of an HTML page, any other text as it is.

use rs_trafilatura::{Options, extract_with_options};

use crate::decode::decode;
use crate::kind::{Kind, kind};
use crate::links::absolute;

#[derive(Default)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) text: String,
    /// What an HTML page says of itself; empty where it says nothing.
    pub(crate) author: String,
    pub(crate) date: String,
    pub(crate) site: String,
    pub(crate) language: String,
}

/// Less than this is a page whose content was not found; then the whole page is better.
const LITTLE: usize = 80;

pub(crate) fn read(url: &str, content_type: &str, body: &[u8]) -> Result<Page, String> {
    let kind = kind(content_type, body)
        .map_err(|what| format!("`{url}` is {what}, which cannot be read as text"))?;
    let text = decode(kind, content_type, body);
    Ok(match kind {
        Kind::Text => Page { text: text.into_owned(), ..Page::default() },
        Kind::Html => html(url, &text),
    })
}

fn html(url: &str, html: &str) -> Page {
    let options = Options {
        include_links: true,
        include_formatting: true,
        output_markdown: true,
        url: Some(url.to_string()),
        ..Options::default()
    };
    let mut page = Page::default();
    let mut text = String::new();
    if let Ok(found) = extract_with_options(html, &options) {
        let said = found.metadata;
        let tidy = |text: Option<String>| text.unwrap_or_default().trim().to_string();
        page = Page {
            title: tidy(said.title),
            author: tidy(said.author),
            date: said.date.map(|date| date.format("%Y-%m-%d").to_string()).unwrap_or_default(),
            site: tidy(said.sitename),
            language: tidy(said.language),
            ..page
        };
        text = found.content_markdown.unwrap_or(found.content_text);
    }
    if text.trim().len() < LITTLE {
        let whole = quick_html2md::html_to_markdown(html);
        if whole.trim().len() > text.trim().len() {
            text = whole;
        }
    }
    page.text = absolute(text.trim(), url);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><html><head><title>Lighthouses of the coast</title>
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
        let Ok(page) = read("https://x.org/coast/", "text/html", PAGE.as_bytes()) else { panic!() };
        assert_eq!(page.title, "Lighthouses of the coast");
        for kept in
            ["1746", "https://x.org/coast/cape.html", "Heights", "47 m", "lit in winter", "blink"]
        {
            assert!(page.text.contains(kept), "{kept} is missing in:\n{}", page.text);
        }
        for dropped in ["alert", "color", "Log in", "cookie settings"] {
            assert!(!page.text.contains(dropped), "{dropped} is in:\n{}", page.text);
        }
    }

    #[test]
    fn a_page_with_little_on_it_is_given_whole() {
        let Ok(page) = read("https://x.org/", "text/html", b"<p>Only <b>this</b>.") else {
            panic!()
        };
        assert!(page.text.contains("Only"), "{}", page.text);
    }

    #[test]
    fn other_text_passes_as_it_is() {
        let page = read("https://x.org/a.json", "application/json", b"{\"a\": 1}");
        assert!(page.is_ok_and(|page| page.text == "{\"a\": 1}"));
        let page = read("https://x.org/a.pdf", "application/pdf", b"%PDF");
        assert_eq!(
            page.err().as_deref(),
            Some("`https://x.org/a.pdf` is `application/pdf`, which cannot be read as text")
        );
    }
}
