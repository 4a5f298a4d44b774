//! Parts of a page that open with a click: accordions, tabs, answers below their questions. They are
//! content like any, but the names that they have for their looks are those of menus and pop-ups, and
//! their questions are buttons.

use std::collections::HashSet;

use dom_query::{Document, NodeRef};

/// What such parts are called, in a class.
const NAMES: [&str; 7] =
    ["accordion", "collaps", "disclosure", "expand", "faq", "tab-pane", "toggle"];
/// What else opens with a click, in a class or a role, and is no content.
const OTHERS: [&str; 9] =
    ["dialog", "dropdown", "listbox", "menu", "modal", "nav", "popover", "popup", "tooltip"];
const PARTS: &str =
    "div[id], section[id], p[id], ul[id], dd[id], [role=tabpanel], [hidden=until-found]";

/// Shows them as what they are.
pub(crate) fn open(document: &Document) {
    let controlled = controlled(document);
    let mut opened = HashSet::new();
    for part in document.select(PARTS).nodes().iter().filter(|it| opens(it, &controlled)) {
        opened.extend(part.id_attr().map(|id| id.to_string()));
        part.remove_attrs(&["hidden", "style", "aria-hidden", "role"]);
    }
    for button in document.select("button, [role=button]").nodes() {
        if button.ancestors_it(Some(2)).any(|it| is_heading(&it)) {
            button.rename("span");
        } else if controls(button).any(|id| opened.contains(&id)) {
            button.rename("p");
        }
    }
    for summary in document.select("summary").nodes() {
        let heads = summary.element_children().iter().any(is_heading);
        summary.rename(if heads { "div" } else { "p" });
    }
    for part in document.select("body [class]").nodes() {
        let class = part.attr_or("class", "").to_ascii_lowercase();
        if NAMES.iter().any(|name| class.contains(name)) {
            part.remove_attrs(&["class", "id"]);
        }
    }
}

/// The `id`s of what buttons open.
pub(crate) fn controlled(document: &Document) -> HashSet<String> {
    document.select("[aria-controls]").nodes().iter().flat_map(controls).collect()
}

fn controls(button: &NodeRef<'_>) -> impl Iterator<Item = String> + use<> {
    let ids = button.attr_or("aria-controls", "").to_string();
    ids.split_whitespace().map(str::to_string).collect::<Vec<_>>().into_iter()
}

/// Whether a part is one that its page opens on a click.
pub(crate) fn opens(part: &NodeRef<'_>, controlled: &HashSet<String>) -> bool {
    let is = |name: &str, value: &str| part.attr_or(name, "").eq_ignore_ascii_case(value);
    let named = is("hidden", "until-found")
        || is("role", "tabpanel")
        || part.id_attr().is_some_and(|id| controlled.contains(&*id));
    named
        && !is_other(part)
        && !part.ancestors_it(None).any(|it| it.has_name("nav") || it.has_name("header"))
}

fn is_other(part: &NodeRef<'_>) -> bool {
    let said =
        format!("{} {}", part.attr_or("class", ""), part.attr_or("role", "")).to_ascii_lowercase();
    part.has_name("nav") || OTHERS.iter().any(|name| said.contains(name))
}

fn is_heading(node: &NodeRef<'_>) -> bool {
    node.node_name().is_some_and(|name| matches!(&*name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_opens_is_known() {
        let document = Document::from(
            "<button aria-controls='a b e f'>More</button><p id=a hidden>1</p><p id=b hidden>2</p>\
             <p hidden=until-found>3</p><p role=tabpanel hidden>4</p><p id=c hidden>5</p>\
             <p id=e class=modal hidden>6</p><nav><p id=f hidden>7</p></nav>",
        );
        let controlled = controlled(&document);
        let parts = document.select("p");
        let found: Vec<bool> = parts.nodes().iter().map(|it| opens(it, &controlled)).collect();
        assert_eq!(found, [true, true, true, true, false, false, false]);
    }

    #[test]
    fn a_question_that_is_a_button_is_text() {
        let document = Document::from(
            "<h3 class=accordion-header><button>Who?</button></h3><button aria-controls=a>When?</button>\
             <div id=a style='display: none'>Now.</div><button>Share</button><details><summary>Why?</summary>So.\
             </details>",
        );
        open(&document);
        assert_eq!(
            &*document.select("body").inner_html(),
            "<h3><span>Who?</span></h3><p aria-controls=\"a\">When?</p><div id=\"a\">Now.</div>\
             <button>Share</button><details><p>Why?</p>So.</details>"
        );
    }
}
