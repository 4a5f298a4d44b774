//! PowerPoint presentations (ECMA-376, PresentationML): each slide under a heading with its number,
//! and what the speaker noted.

use std::collections::HashMap;

use crate::archive::{Archive, PARTS, beside};
use crate::markdown::{Block, Markdown};
use crate::xml::{Node, walk};

pub(crate) fn text(archive: &mut Archive<'_>) -> Result<String, String> {
    let names = relations(archive, "ppt", "presentation.xml");
    let mut order = Vec::new();
    walk(&archive.part("ppt/presentation.xml")?, |node| {
        if let Node::Open(tag) = node
            && tag.name() == "sldId"
            && order.len() < PARTS
        {
            order.extend(tag.get("r:id").and_then(|id| names.get(&id)).map(|(_, at)| at));
        }
    })?;
    let mut markdown = Markdown::default();
    for (slide, number) in order.into_iter().zip(1..) {
        let slide = beside("ppt", slide);
        let (title, body) = shapes(&archive.part(&slide)?, Wanted::Slide)?;
        let title = if title.is_empty() { title } else { format!(": {title}") };
        markdown.block(Block::Heading(2), &format!("Slide {number}{title}"));
        markdown.block(Block::Plain, body.trim_end());
        let (folder, name) = slide.rsplit_once('/').unwrap_or(("", &slide));
        let notes = relations(archive, folder, name);
        for (_, at) in notes.values().filter(|(kind, _)| kind.ends_with("/notesSlide")) {
            let (_, said) = shapes(&archive.part(&beside(folder, at))?, Wanted::Notes)?;
            if !said.trim().is_empty() {
                markdown.block(Block::Plain, &format!("Notes: {}", said.trim()));
            }
        }
    }
    Ok(markdown.finish())
}

/// The kind of each relation of a part, and what it names from the part's folder, by its id.
fn relations(
    archive: &mut Archive<'_>,
    folder: &str,
    name: &str,
) -> HashMap<String, (String, String)> {
    let mut found = HashMap::new();
    let xml = archive.part(&format!("{folder}/_rels/{name}.rels")).unwrap_or_default();
    let _ = walk(&xml, |node| {
        if let Node::Open(tag) = node
            && found.len() < PARTS
            && let (Some(id), Some(kind), Some(to)) =
                (tag.get("Id"), tag.get("Type"), tag.get("Target"))
        {
            found.insert(id, (kind, to));
        }
    });
    found
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Slide,
    Notes,
}

/// The title, and the other text that a slide's shapes hold.
fn shapes(xml: &str, wanted: Wanted) -> Result<(String, String), String> {
    let mut markdown = Markdown::default();
    let mut title = String::new();
    let (mut kind, mut reading, mut tables) = (String::new(), false, 0);
    walk(xml, |node| match node {
        Node::Open(tag) => match tag.name().as_str() {
            "sp" | "graphicFrame" => kind = String::new(),
            "ph" => kind = tag.get("type").unwrap_or_else(|| "obj".to_string()),
            "t" => reading = true,
            "br" => markdown.text("\n"),
            "tbl" => {
                tables += 1;
                markdown.open_table();
            }
            "tr" => markdown.open_row(),
            _ => {}
        },
        Node::Text(text) if reading => markdown.text(&text),
        Node::Text(_) => {}
        Node::Close(name) => match name.as_str() {
            "t" => reading = false,
            "p" if tables > 0 => markdown.end(Block::Plain),
            "p" => {
                let heads = matches!(kind.as_str(), "title" | "ctrTitle");
                let said = matches!(kind.as_str(), "sldNum" | "dt" | "ftr" | "hdr" | "sldImg");
                if wanted == Wanted::Notes && kind != "body" || said {
                    markdown.take();
                } else if heads {
                    let line = markdown.take();
                    for word in line.split_whitespace() {
                        title.push_str(if title.is_empty() { "" } else { " " });
                        title.push_str(word);
                    }
                } else {
                    markdown.end(Block::Plain);
                }
            }
            "tc" => markdown.close_cell(),
            "tbl" => {
                tables -= 1;
                markdown.close_table();
            }
            _ => {}
        },
    })?;
    Ok((title, markdown.finish()))
}
