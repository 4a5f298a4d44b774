//! HTML as Markdown, by `htmd`.

use htmd::element_handler::{HandlerResult, Handlers};
use htmd::options::{BulletListMarker, Options};
use htmd::{Element, HtmlToMarkdown};

use crate::links;

/// A line that ends within a paragraph, until it is known what follows. No page holds it: it is none of
/// the characters that are read.
const ENDS: &str = "\u{1}\n";

const QUIET: [&str; 8] =
    ["script", "style", "noscript", "template", "svg", "iframe", "img", "title"];

pub(crate) fn markdown(html: &str) -> String {
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    let converter = HtmlToMarkdown::builder()
        .options(options)
        .skip_tags(QUIET.into())
        .add_handler(vec!["br"], |_: &dyn Handlers, _: Element<'_>| Some(ENDS.into()))
        .add_handler(vec!["a"], link)
        .build();
    let text = converter.convert(html).unwrap_or_default();
    // It ends there without two blanks, too.
    bars(text.replace("\u{1}\n ", "\n").replace('\u{1}', ""))
}

/// A bar in a cell, which `htmd` writes in a way that code does not know.
fn bars(text: String) -> String {
    if !text.contains("&#124;") {
        return text;
    }
    let mut fenced = false;
    let line = |line: &str| {
        fenced ^= line.trim_start().starts_with("```");
        match !fenced && line.trim_start().starts_with('|') {
            true => line.replace("&#124;", "\\|"),
            false => line.to_string(),
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// `htmd`'s own puts a stroke before each bracket of an address.
fn link(handlers: &dyn Handlers, element: Element<'_>) -> Option<HandlerResult> {
    let within = handlers.walk_children(element.node);
    let href = element.attrs.iter().find(|it| &*it.name.local == "href");
    let to = href.map(|href| links::target(&href.value)).unwrap_or_default();
    let text = within.content.trim();
    if to.is_empty() || text.is_empty() {
        return Some(within);
    }
    let before = if within.content.starts_with(' ') { " " } else { "" };
    let after = &within.content[within.content.trim_end().len()..];
    Some(format!("{before}[{text}]({to}){after}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_link_in_code_is_code() {
        for (html, expected) in [
            (
                "<p>See <a href='https://x.org/a_(b)'>a [b]</a>.</p>",
                "See [a \\[b\\]](https://x.org/a_(b)).",
            ),
            ("<p>Call <code>f[0](x)</code>.</p>", "Call `f[0](x)`."),
            (
                "<pre><code class=language-c>a  \n  b[0](c)\n\n d</code></pre>",
                "```c\na  \n  b[0](c)\n\n d\n```",
            ),
            (
                "<table><tr><th>a</th></tr><tr><td><code>b|c</code> | d</td></tr></table>",
                "| a         |\n| --------- |\n| `b\\|c` \\| d |",
            ),
            ("<p>one<br> two<br>\nthree</p>", "one\ntwo\nthree"),
            ("<p>a<a href=b> c </a>d</p>", "a [c](b) d"),
        ] {
            assert_eq!(markdown(html), expected);
        }
    }
}
