//! EPUB books (EPUB 3.3): the chapters in reading order.

use std::collections::HashMap;

use crate::archive::{Archive, PARTS, beside};
use crate::markdown::{Block, Markdown};
use crate::xml::{Node, Tag, walk};

pub(crate) fn text(archive: &mut Archive<'_>) -> Result<String, String> {
    let mut package = None;
    walk(&archive.part("META-INF/container.xml")?, |node| {
        if let Node::Open(tag) = node
            && tag.name() == "rootfile"
        {
            package = package.take().or_else(|| tag.get("full-path"));
        }
    })?;
    let package = package.ok_or("that is broken: its container names no package")?;
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder).to_string();
    let (mut files, mut order) = (HashMap::new(), Vec::new());
    let (mut markdown, mut titled, mut untitled) = (Markdown::default(), false, true);
    walk(&archive.part(&package)?, |node| match node {
        Node::Open(tag) => match tag.name().as_str() {
            "item" if files.len() < PARTS => {
                files.extend(tag.get("id").zip(tag.get("href")));
            }
            "itemref" if order.len() < PARTS => order.extend(tag.get("idref")),
            "title" => titled = untitled,
            _ => {}
        },
        // What a reference stands for is a text of its own.
        Node::Text(text) if titled => {
            untitled = false;
            markdown.text(&text);
        }
        Node::Text(_) => {}
        Node::Close(_) => {
            titled = false;
            markdown.end(Block::Heading(1));
        }
    })?;
    let locked = archive.part("META-INF/encryption.xml").unwrap_or_default();
    let (mut read, mut secret) = (0, 0);
    for (name, number) in order.iter().filter_map(|id| files.get(id)).zip(1..) {
        let name = beside(&folder, &percent(name));
        if locked.contains(&name) {
            secret += 1;
            continue;
        }
        let Ok(xhtml) = archive.part(&name) else { continue };
        read += 1;
        chapter(&xhtml, number, &mut markdown);
    }
    match (read, secret) {
        (0, 0) => Err("that is broken: none of its chapters is there".to_string()),
        (0, _) => Err("that is encrypted".to_string()),
        _ => Ok(markdown.finish()),
    }
}

/// One file of a book. What cannot be read of it ends it.
fn chapter(xhtml: &str, number: u32, markdown: &mut Markdown) {
    let (mut skipped, mut headed) = (0, false);
    let _ = walk(xhtml, |node| match node {
        Node::Open(tag) => {
            let name = tag.name();
            skipped += usize::from(silent(&name));
            if skipped == 0 {
                if !headed && !matches!(name.as_str(), "html" | "body") {
                    headed = true;
                    markdown.block(Block::Heading(2), &format!("Part {number}"));
                }
                open(&name, &tag, markdown);
            }
        }
        Node::Close(name) if silent(&name) => skipped = skipped.saturating_sub(1),
        Node::Close(name) if skipped == 0 => close(&name, markdown),
        Node::Text(text) if skipped == 0 => markdown.text(&blank(&text)),
        _ => {}
    });
    markdown.end(Block::Plain);
}

fn silent(name: &str) -> bool {
    matches!(name, "head" | "script" | "style" | "svg" | "rt" | "rp")
}

fn open(name: &str, tag: &Tag<'_>, markdown: &mut Markdown) {
    match name {
        "br" => markdown.text("\n"),
        "img" => markdown.text(&tag.get("alt").unwrap_or_default()),
        "table" => markdown.open_table(),
        "tr" => markdown.open_row(),
        "td" | "th" => {}
        name if block(name).is_some() => markdown.end(Block::Plain),
        _ => {}
    }
}

fn close(name: &str, markdown: &mut Markdown) {
    match name {
        "td" | "th" => markdown.close_cell(),
        "table" => markdown.close_table(),
        name => {
            if let Some(block) = block(name) {
                markdown.end(block);
            }
        }
    }
}

fn block(name: &str) -> Option<Block> {
    match name.as_bytes() {
        // The book is 1 and its parts are 2.
        [b'h', level @ b'1'..=b'6'] => Some(Block::Heading(usize::from(level - b'0') + 2)),
        b"li" => Some(Block::Item),
        b"p" | b"div" | b"section" | b"article" | b"blockquote" | b"pre" | b"dt" | b"dd"
        | b"ul" | b"ol" | b"figcaption" | b"aside" | b"nav" | b"header" | b"footer" | b"body" => {
            Some(Block::Plain)
        }
        _ => None,
    }
}

/// Line ends and indents mean a blank here.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_ascii_whitespace() {
            true if out.ends_with(' ') => {}
            true => out.push(' '),
            false => out.push(letter),
        }
    }
    out
}

/// `%20` and the like, as a name in a package may be written.
fn percent(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut left = name.as_bytes();
    while let [first, rest @ ..] = left {
        let hex = (*first == b'%').then(|| rest.get(..2)).flatten();
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        left = if byte.is_some() { &rest[2..] } else { rest };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
