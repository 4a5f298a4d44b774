//! Links as they can be followed: from the top, by the page's address or what it names as its base. This
//! is done before the text is written, in which code can look like a link.

use dom_query::Document;
use url::Url;

/// Every `href` resolved against the page it stands on.
pub(crate) fn absolute(document: &Document, page: &str) {
    let Ok(page) = Url::parse(page) else { return };
    let named = document.select_single("base[href]");
    let named = named.attr("href").and_then(|href| page.join(href.trim()).ok());
    let base = named.filter(|url| matches!(url.scheme(), "http" | "https")).unwrap_or(page);
    for link in document.select("a[href], area[href]").nodes() {
        let href = link.attr_or("href", "");
        let href = href.trim();
        if let Ok(url) = base.join(href)
            && !href.is_empty()
            && !href.starts_with('#')
        {
            link.set_attr("href", url.as_str());
        }
    }
}

/// An address as Markdown takes it: no blank, and no bracket that is not closed.
pub(crate) fn target(href: &str) -> String {
    let mut open = 0_usize;
    let closed = href.chars().all(|letter| match letter {
        '(' => {
            open += 1;
            true
        }
        ')' => {
            open = open.wrapping_sub(1);
            open != usize::MAX
        }
        _ => true,
    }) && open == 0;
    let mut target = String::with_capacity(href.len());
    for letter in href.trim().chars() {
        match letter {
            '(' if !closed => target.push_str("%28"),
            ')' if !closed => target.push_str("%29"),
            '<' => target.push_str("%3C"),
            '>' => target.push_str("%3E"),
            '\\' => target.push_str("%5C"),
            letter if letter.is_control() => {}
            letter if letter.is_whitespace() => target.push_str("%20"),
            letter => target.push(letter),
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &[&str]) {
        let document = Document::from(html);
        absolute(&document, "https://x.org/y/z?q");
        let links = document.select("a[href]");
        let found: Vec<String> =
            links.nodes().iter().map(|link| link.attr_or("href", "").to_string()).collect();
        assert_eq!(found, expected, "{html}");
    }

    #[test]
    fn links_lead_somewhere() {
        check(
            "<a href=b.html>a</a><a href=' /d e '>c</a><a href=#f>e</a><a href=//h.org>g</a><a href='?i'>h</a>\
             <a href=''>i</a><a href='http://[x'>j</a><a href=mailto:k@l.org>k</a>",
            &[
                "https://x.org/y/b.html",
                "https://x.org/d%20e",
                "#f",
                "https://h.org/",
                "https://x.org/y/z?i",
                "",
                "http://[x",
                "mailto:k@l.org",
            ],
        );
        check("<base href='/docs/'><a href=b>a</a>", &["https://x.org/docs/b"]);
        check("<base href='http://m.org/'><base href=n><a href=b>a</a>", &["http://m.org/b"]);
        check("<base href='data:x'><a href=b>a</a>", &["https://x.org/y/b"]);
    }

    #[test]
    fn an_address_ends_where_its_bracket_closes() {
        for (href, expected) in [
            ("https://x.org/Ada_(language)", "https://x.org/Ada_(language)"),
            ("https://x.org/a)b(", "https://x.org/a%29b%28"),
            ("https://x.org/(a", "https://x.org/%28a"),
            ("x:a b\n<c>", "x:a%20b%3Cc%3E"),
        ] {
            assert_eq!(target(href), expected);
        }
    }
}
