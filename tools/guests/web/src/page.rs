//! A response as title and Markdown, each kind by its own module.

use crate::decode::decode;
use crate::kind::{Kind, kind};
use crate::refresh::Refresh;
use crate::{feed, html, json};

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) text: String,
    /// What a page says of itself; empty where it says nothing.
    pub(crate) author: String,
    pub(crate) date: String,
    pub(crate) site: String,
    pub(crate) language: String,
    pub(crate) canonical: String,
    /// Of a PDF; 0 for all that has none.
    pub(crate) pages: u32,
    /// Where it sends its readers on to.
    pub(crate) refresh: Option<Refresh>,
    /// Whether it runs scripts.
    pub(crate) scripts: bool,
}

pub(crate) fn read(url: &str, content_type: &str, body: Vec<u8>) -> Result<Page, String> {
    let cannot = |what: String| format!("`{url}` is {what}");
    let kind = kind(content_type, &body)
        .map_err(|what| cannot(format!("{what}, which cannot be read as text")))?;
    let mut page = match kind {
        Kind::Pdf => documents::pdf::read(body).map(Page::from).map_err(cannot)?,
        kind => {
            let text = decode(kind, content_type, &body);
            match kind {
                Kind::Html => html::read(url, &text),
                Kind::Feed => feed::read(url, &text).unwrap_or_else(|| plain(&text)),
                Kind::Json => Page { text: json::laid_out(&text), ..Page::default() },
                Kind::Pdf | Kind::Text => plain(&text),
            }
        }
    };
    if page.text.contains(unreadable) {
        page.text.retain(|letter| !unreadable(letter));
    }
    Ok(page)
}

impl From<documents::pdf::Document> for Page {
    fn from(pdf: documents::pdf::Document) -> Self {
        let documents::pdf::Document { title, text, author, date, language, pages } = pdf;
        Self { title, text, author, date, language, pages, ..Self::default() }
    }
}

fn plain(text: &str) -> Page {
    Page { text: text.to_string(), ..Page::default() }
}

/// Characters that mean nothing in a text: NUL, escapes, the returns of Windows, and those that
/// only say where a line may break. With them a word would not be found, nor quoted.
fn unreadable(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => true,
        letter => letter.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_text_passes_as_it_is() {
        let page = read("https://x.org/a.txt", "text/plain", "a\r\n\0b\tc\x1b[0\u{ad}m".into());
        assert_eq!(page.map(|page| page.text).as_deref(), Ok("a\nb\tc[0m"));
        let page = read("https://x.org/a.json", "application/json", b"{\"a\": 1}".to_vec());
        assert_eq!(page.map(|page| page.text).as_deref(), Ok("{\n  \"a\": 1\n}"));
        // What is called a feed and is none is still text.
        let page = read("https://x.org/a", "application/rss+xml", b"<rss>".to_vec());
        assert_eq!(page.map(|page| page.text).as_deref(), Ok("<rss>"));
        let page = read("https://x.org/a.png", "image/png", b"".to_vec());
        assert_eq!(
            page.err().as_deref(),
            Some("`https://x.org/a.png` is `image/png`, which cannot be read as text")
        );
    }
}
