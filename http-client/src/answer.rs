//! What a server answered in place of what was expected, in one line: its first words or, of a page of
//! HTML, what the page is called.

/// What a page is called.
pub const PAGE: &str = "a page of HTML";

/// The beginning of what a server said, in one line of at most this many letters.
pub fn brief(text: &str, most: usize) -> String {
    let text = match text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('<') {
        true => page(text),
        false => text.to_string(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// What a page of HTML is called, as gateways send it.
fn page(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let within = |open: &str, close: &str| {
        let start = lower.find(open)? + open.len();
        let end = start + lower[start..].find(close)?;
        html.get(start..end).map(str::trim).filter(|text| !text.is_empty() && !text.contains('<'))
    };
    match within("<title>", "</title>").or_else(|| within("<h1>", "</h1>")) {
        Some(title) => format!("{PAGE}, `{title}`"),
        None => PAGE.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_title() {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>";
        assert_eq!(brief(page, 300), "a page of HTML, `502 Bad Gateway`");
        assert_eq!(brief("<h1>Not here</h1>", 300), "a page of HTML, `Not here`");
        assert_eq!(brief("\u{feff}<p>x", 300), "a page of HTML");
        assert_eq!(brief("a\n  b  c", 3), "a b…");
    }
}
