//! Word documents (ECMA-376, WordprocessingML): headings, paragraphs, lists, tables, notes.

use std::collections::HashMap;

use crate::archive::Archive;
use crate::markdown::{Block, Markdown};
use crate::xml::{Node, Tag, walk};

/// Styles of headings that are known: no program offers more than a few thousand of all kinds.
const STYLES: usize = 10_000;

pub(crate) fn text(archive: &mut Archive<'_>) -> Result<String, String> {
    let styles = archive.part("word/styles.xml").map(|xml| headings(&xml)).unwrap_or_default();
    let mut body = Body { styles, ..Body::default() };
    walk(&archive.part("word/document.xml")?, |node| body.node(node))?;
    body.markdown.end(Block::Plain);
    for part in ["footnotes", "endnotes"] {
        if let Ok(xml) = archive.part(&format!("word/{part}.xml")) {
            // A document whose notes are broken is still one.
            let _ = walk(&xml, |node| body.node(node));
        }
    }
    Ok(body.markdown.finish())
}

/// The level of each style that is a heading's. Its name is English in every language's Word.
fn headings(xml: &str) -> HashMap<String, usize> {
    let mut levels = HashMap::new();
    let mut style = String::new();
    let _ = walk(xml, |node| {
        let Node::Open(tag) = node else { return };
        if levels.len() >= STYLES {
            return;
        }
        match tag.name().as_str() {
            "style" => style = tag.get("styleId").unwrap_or_default(),
            "name" => {
                let name = tag.get("val").unwrap_or_default().to_lowercase();
                let level = match name.strip_prefix("heading ") {
                    Some(level) => level.trim().parse().ok(),
                    None => (name == "title").then_some(1),
                };
                levels.extend(level.map(|level: usize| (style.clone(), level)));
            }
            "outlineLvl" => levels.extend(outline(&tag).map(|level| (style.clone(), level))),
            _ => {}
        }
    });
    levels
}

/// 9 is text.
fn outline(tag: &Tag<'_>) -> Option<usize> {
    tag.number("val").filter(|level| *level < 9).map(|level| level as usize + 1)
}

#[derive(Default)]
struct Body {
    styles: HashMap<String, usize>,
    markdown: Markdown,
    level: Option<usize>,
    item: bool,
    /// In a run's text.
    reading: bool,
    /// In a paragraph's or a table's properties, where a tab is a place and no letter.
    properties: bool,
    /// In what is there twice for older readers, or was moved away.
    skipped: usize,
}

impl Body {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open(tag) => {
                let name = tag.name();
                match name.as_str() {
                    "Fallback" | "moveFrom" => self.skipped += 1,
                    _ if self.skipped > 0 => {}
                    _ => self.open(&name, &tag),
                }
            }
            Node::Close(name) => match name.as_str() {
                "Fallback" | "moveFrom" => self.skipped = self.skipped.saturating_sub(1),
                _ if self.skipped > 0 => {}
                name => self.close(name),
            },
            Node::Text(text) if self.reading && self.skipped == 0 => self.markdown.text(&text),
            Node::Text(_) => {}
        }
    }

    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        match name {
            "p" => (self.level, self.item) = (None, false),
            "pPr" => self.properties = true,
            "pStyle" => {
                self.level = tag.get("val").and_then(|style| self.styles.get(&style).copied());
            }
            "outlineLvl" => self.level = outline(tag),
            "numPr" => self.item = true,
            "t" => self.reading = true,
            "tab" if !self.properties => self.markdown.text("\t"),
            "br" | "cr" => self.markdown.text("\n"),
            "noBreakHyphen" => self.markdown.text("-"),
            "tbl" => self.markdown.open_table(),
            "tr" => self.markdown.open_row(),
            "footnoteReference" | "endnoteReference" => self.note(tag, "[^", "]"),
            // The lines that part notes from the text are of a type.
            "footnote" | "endnote" if tag.get("type").is_none() => self.note(tag, "[^", "]: "),
            _ => {}
        }
    }

    fn note(&mut self, tag: &Tag<'_>, before: &str, after: &str) {
        let id = tag.get("id").unwrap_or_default();
        self.markdown.text(&format!("{before}{id}{after}"));
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.reading = false,
            "pPr" => self.properties = false,
            "p" => self.markdown.end(match (self.level, self.item) {
                (Some(level), _) => Block::Heading(level),
                (None, true) => Block::Item,
                (None, false) => Block::Plain,
            }),
            "tc" => self.markdown.close_cell(),
            "tbl" => self.markdown.close_table(),
            _ => {}
        }
    }
}
