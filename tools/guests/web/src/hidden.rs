//! What a page holds and does not show. It is no part of what a reader of the page could have seen,
//! and it is where instructions to programs are put.

use dom_query::Document;

use crate::folded;

/// Takes away what a page hides, and says whether enough is left of the page. Where that is nearly
/// all, a script shows it.
pub(crate) fn remove(document: &Document) -> Left {
    let all = letters(document);
    let controlled = folded::controlled(document);
    for node in document.select("body [hidden], body [style]").nodes() {
        let hidden = node.has_attr("hidden") || hides(&node.attr_or("style", ""));
        if hidden && !folded::opens(node, &controlled) {
            node.remove_from_parent();
        }
    }
    match letters(document) * 4 > all {
        true => Left::Enough,
        false => Left::Little,
    }
}

/// What there is of a page without what it hides.
#[derive(Debug, PartialEq)]
pub(crate) enum Left {
    Enough,
    Little,
}

/// Whether a style says that an element is not to be seen.
fn hides(style: &str) -> bool {
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    let style = style.to_ascii_lowercase();
    style.split(';').any(|it| it.starts_with("display:none") || it.starts_with("visibility:hidden"))
}

fn letters(document: &Document) -> usize {
    let scripts: usize =
        document.select("script, style").nodes().iter().map(|it| it.text().len()).sum();
    document.text().len().saturating_sub(scripts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_not_read() {
        let words = "The tower stands on the cape. ".repeat(9);
        for secret in [
            "<div style='color: red; Display : NONE'>secret</div>",
            "<p hidden>secret</p>",
            "<p style=visibility:hidden><b>secret</b></p>",
        ] {
            let page = Document::from(format!("<p>{words}{secret}<p style='color: none'>seen"));
            assert_eq!(remove(&page), Left::Enough);
            assert!(!page.html().contains("secret") && page.html().contains("seen"));
        }
        let page = Document::from(format!("<div style=display:none>{words}</div>x"));
        assert_eq!(remove(&page), Left::Little);
    }
}
