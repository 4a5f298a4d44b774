//! Makes the links of a Markdown text absolute, so that they can be read in turn.

use url::Url;

/// Every `](target)` resolved against the page it stands on.
pub(crate) fn absolute(markdown: &str, page: &str) -> String {
    let Ok(base) = Url::parse(page) else { return markdown.to_string() };
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find("](") {
        let (before, after) = rest.split_at(at + 2);
        text.push_str(before);
        let end = after.find([')', ' ', '\n']).unwrap_or(after.len());
        let target = &after[..end];
        match base.join(target) {
            Ok(url) if !target.is_empty() && !target.starts_with('#') => {
                text.push_str(url.as_str())
            }
            _ => text.push_str(target),
        }
        rest = &after[end..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let text = "[a](b.html) and [c](/d \"title\") [e](#f) [g](https://h.org/) [i](";
        assert_eq!(
            absolute(text, "https://x.org/y/z"),
            "[a](https://x.org/y/b.html) and [c](https://x.org/d \"title\") [e](#f) \
             [g](https://h.org/) [i]("
        );
        assert_eq!(absolute("[a](b)", "nonsense"), "[a](b)");
    }
}
