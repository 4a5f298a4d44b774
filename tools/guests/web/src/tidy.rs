//! What is found as main content, without what sites put between the paragraphs of an article: the
//! title once more, lines that are nothing but a link to something else, labels of pictures and
//! buttons. And links that a reader could not follow.

use dom_query::{Document, Matcher, NodeRef, Selection};
use text::words::letters;

use crate::tables;

/// A line is a link when so much of its letters are.
const LINK: f64 = 0.8;
/// Of a page with more links than this the links are the content.
const LINKS: f64 = 0.4;
/// Where so much of the letters stand in paragraphs, an article is written in them.
const PROSE: f64 = 0.7;
/// And a line of fewer words outside of them may be a label.
const LABEL: usize = 12;
/// How much of a title a heading must hold to be the title.
const TITLE: f64 = 0.5;

/// What stands within lines: a paragraph or a `div` with one of these is more than a line.
const BLOCKS: &str = "p, div, ul, ol, dl, table, pre, blockquote, section, article, figure, h1, h2, h3, \
                      h4, h5, h6";
/// In these, links are what the list, the table or the quote is made of.
const KEPT: [&str; 7] = ["li", "td", "th", "dd", "dt", "blockquote", "pre"];

/// The content of an article; anything else loses its title only.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Content {
    Article,
    Other,
}

pub(crate) fn tidy(html: &str, title: &str, content: Content) -> String {
    let document = Document::from(html);
    untitle(&document, title);
    follow(&document);
    if content == Content::Article {
        only_prose(&document);
    }
    tables::one_heading(&document);
    document.html().to_string()
}

/// A link without words leads nowhere in a text, and one to a script nowhere at all.
fn follow(document: &Document) {
    for link in document.select("a").nodes() {
        let to = link.attr_or("href", "").trim_start().to_ascii_lowercase();
        if link.text().trim().is_empty() {
            link.remove_from_parent();
        } else if ["javascript:", "data:", "vbscript:"].iter().any(|it| to.starts_with(it)) {
            link.remove_attr("href");
        }
    }
}

/// The first heading goes if it is the page's title, which is given beside the text.
fn untitle(document: &Document, title: &str) {
    let heading = document.select_single("h1, h2");
    let (said, title) = (letters(&heading.text()), letters(title));
    let part = said.chars().count() as f64 / title.chars().count().max(1) as f64;
    let same = title.contains(&said) && part > TITLE || said.contains(&title);
    if !said.is_empty() && !title.is_empty() && same {
        heading.remove();
    }
}

fn only_prose(document: &Document) {
    let (Ok(lines), Ok(blocks), Ok(links), Ok(paragraphs)) =
        (Matcher::new("p, div"), Matcher::new(BLOCKS), Matcher::new("a"), Matcher::new("p"))
    else {
        return;
    };
    let root = document.root();
    if share(&root, &links) > LINKS {
        return;
    }
    let in_paragraphs = share(&root, &paragraphs) > PROSE;
    for line in document.select_matcher(&lines).nodes() {
        let alone = Selection::from(*line).select_matcher(&blocks).is_empty();
        if !alone || line.ancestors_it(None).any(|it| kept(&it)) {
            continue;
        }
        let label = in_paragraphs && line.has_name("div") && is_label(&line.text());
        if label || share(line, &links) >= LINK {
            line.remove_from_parent();
        }
    }
}

/// How much of the letters stand in these elements.
fn share(root: &NodeRef<'_>, elements: &Matcher) -> f64 {
    let within = Selection::from(*root).select_matcher(elements);
    let count = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let part: usize = within.nodes().iter().map(|node| count(&node.text())).sum();
    part as f64 / count(&root.text()).max(1) as f64
}

/// A few words that are no sentence.
fn is_label(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches(['"', '\'', '”', '’', '»', ')']);
    let ends = ['.', '!', '?', ':', ';', '…', '。', '！', '？', '।', '؟'];
    text.split_whitespace().count() < LABEL && !text.ends_with(ends)
}

fn kept(node: &NodeRef<'_>) -> bool {
    node.node_name().is_some_and(|name| KEPT.contains(&&*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, kept: &[&str], gone: &[&str]) {
        let words =
            "The tower was built in 1746 and is 31 m tall, so it is seen from far. ".repeat(5);
        let html =
            tidy(&format!("{html}<p>{words}</p>"), "Towers of the coast – News", Content::Article);
        for text in kept {
            assert!(html.contains(text), "{text} is missing in {html}");
        }
        for text in gone {
            assert!(!html.contains(text), "{text} is in {html}");
        }
    }

    #[test]
    fn lines_that_only_lead_away_go() {
        check(
            "<p><a href=a>Read more: the reef</a></p><div><a href=b>Photos</a> of</div>",
            &[],
            &["reef", "Photos"],
        );
        check("<p>See <a href=a>the reef</a> and its light.</p>", &["the reef"], &[]);
        check("<div>Photo: Ines Duarte</div><div>It is the oldest.</div>", &["oldest"], &["Photo"]);
        check("<ul><li><p><a href=a>The reef</a></p></li></ul>", &["The reef"], &[]);
        check(&"<p><a href=a>One of many links</a></p>".repeat(40), &["One of many"], &[]);
    }

    #[test]
    fn links_can_be_followed() {
        check(
            "<p>On <a href='javascript:x()'>the map</a><a href=b> </a>.</p>",
            &["<a>the map</a>."],
            &["href"],
        );
    }

    #[test]
    fn the_title_is_said_once() {
        check("<h1>Towers of the coast</h1>", &[], &["Towers of"]);
        check("<h2>Towers</h2><h1>Towers of the coast</h1>", &["<h2>Towers", "<h1>Towers"], &[]);
        check("<h1>The reef</h1>", &["The reef"], &[]);
    }
}
