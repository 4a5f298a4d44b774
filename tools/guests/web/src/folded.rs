//! Parts of a page that open with a click: accordions, tabs, answers below their questions. They are
//! content like any, but the names that they have for their looks are those of menus and pop-ups.

use std::collections::HashSet;

use dom_query::{Document, NodeRef};

/// What such parts are called, in a class.
const NAMES: [&str; 7] = ["accordion", "collaps", "disclosure", "expand", "faq", "tab-pane", "toggle"];

/// Takes the names away.
pub(crate) fn open(document: &Document) {
    for part in document.select("body [class]").nodes() {
        let class = part.attr_or("class", "").to_ascii_lowercase();
        if NAMES.iter().any(|name| class.contains(name)) {
            part.remove_attrs(&["class", "id"]);
        }
    }
}

/// The `id`s of what buttons open.
pub(crate) fn controlled(document: &Document) -> HashSet<String> {
    let buttons = document.select("[aria-controls]");
    let ids = buttons.nodes().iter().map(|it| it.attr_or("aria-controls", ""));
    ids.flat_map(|ids| ids.split_whitespace().map(str::to_string).collect::<Vec<_>>()).collect()
}

/// Whether a part that is not seen is one that its page opens on a click.
pub(crate) fn opens(part: &NodeRef<'_>, controlled: &HashSet<String>) -> bool {
    let is = |name: &str, value: &str| part.attr_or(name, "").eq_ignore_ascii_case(value);
    is("hidden", "until-found")
        || is("role", "tabpanel")
        || part.id_attr().is_some_and(|id| controlled.contains(&*id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_opens_is_known() {
        let document = Document::from(
            "<button aria-controls='a b'>More</button><p id=a hidden>1</p><p id=b hidden>2</p>\
             <p hidden=until-found>3</p><p role=tabpanel hidden>4</p><p id=c hidden>5</p>",
        );
        let controlled = controlled(&document);
        let parts = document.select("p");
        let found: Vec<bool> = parts.nodes().iter().map(|it| opens(it, &controlled)).collect();
        assert_eq!(found, [true, true, true, true, false]);
    }
}
