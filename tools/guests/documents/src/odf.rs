//! OpenDocument texts, spreadsheets and presentations (ISO/IEC 26300): all three keep what they say in
//! `content.xml`, in the same elements.

use crate::archive::Archive;
use crate::grid::{Grid, Room};
use crate::markdown::{Block, Markdown};
use crate::xml::{Node, Tag, walk};

/// A cell or a row that says that it is repeated is written this often at most: programs fill the
/// rest of a sheet that way.
const REPEATED: u32 = 1_000;

pub(crate) fn text(archive: &mut Archive<'_>) -> Result<String, String> {
    let manifest = archive.part("META-INF/manifest.xml").unwrap_or_default();
    if manifest.contains("encryption-data") {
        return Err("that needs a password".to_string());
    }
    let kind = archive.part("mimetype").unwrap_or_default();
    let mut body = Body { sheets: kind.contains("spreadsheet"), ..Body::default() };
    walk(&archive.part("content.xml")?, |node| body.node(node))?;
    match body.problem {
        Some(problem) => Err(problem),
        None => Ok(body.markdown.finish()),
    }
}

#[derive(Default)]
struct Body {
    markdown: Markdown,
    sheets: bool,
    slides: u32,
    items: usize,
    level: usize,
    /// In what is no part of the text: changes that were taken back, comments, a note's number.
    skipped: usize,
    /// Notes that are open, and the text around them.
    notes: usize,
    around: String,
    /// Of a table that is in no other.
    name: String,
    grid: Grid,
    row: u32,
    rows: u32,
    column: u32,
    columns: u32,
    value: Option<String>,
    /// The cells of the row that hold something: the first column, the number of columns, the text.
    filled: Vec<(u32, u32, String)>,
    room: Room,
    /// There is no room for the sheets.
    problem: Option<String>,
    /// Paragraphs are open; between them there are only blanks that mean nothing.
    reading: usize,
}

impl Body {
    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Open(tag) => {
                let name = tag.name();
                if skips(&name) {
                    self.skipped += 1;
                }
                if self.skipped == 0 {
                    self.open(&name, &tag);
                }
            }
            Node::Close(name) if skips(&name) => self.skipped = self.skipped.saturating_sub(1),
            Node::Close(name) if self.skipped == 0 => self.close(&name),
            Node::Text(text) if self.skipped == 0 && self.reading > 0 => self.markdown.text(&text),
            _ => {}
        }
    }

    fn open(&mut self, name: &str, tag: &Tag<'_>) {
        match name {
            "p" => self.reading += 1,
            "h" => {
                self.reading += 1;
                self.level = tag.number("outline-level").unwrap_or(1) as usize;
            }
            "list-item" => self.items += 1,
            "s" => self.markdown.text(&" ".repeat(tag.number("c").unwrap_or(1).min(100) as usize)),
            "tab" => self.markdown.text("\t"),
            "line-break" => self.markdown.text("\n"),
            "note" => {
                if self.notes == 0 {
                    self.around = self.markdown.take();
                }
                self.notes += 1;
            }
            "page" => {
                self.slides += 1;
                let heading = format!("Slide {}", self.slides);
                self.markdown.block(Block::Heading(2), &heading);
            }
            "notes" => self.markdown.text("Notes: "),
            "table" if self.sheets => {
                self.name = tag.get("name").unwrap_or_default();
                (self.grid, self.row) = (Grid::default(), 0);
            }
            "table" => self.markdown.open_table(),
            "table-row" if self.sheets => {
                self.filled.clear();
                (self.column, self.rows) = (0, tag.number("number-rows-repeated").unwrap_or(1));
            }
            "table-row" => self.markdown.open_row(),
            "table-cell" | "covered-table-cell" if self.sheets => {
                self.columns = tag.number("number-columns-repeated").unwrap_or(1);
                self.value = value(tag);
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "h" => {
                self.reading = self.reading.saturating_sub(1);
                match name {
                    // A note's paragraphs are all on its one line.
                    _ if self.notes > 0 => self.markdown.text(" "),
                    _ if self.sheets => self.markdown.text(" "),
                    "h" => self.markdown.end(Block::Heading(self.level)),
                    _ if self.items > 0 => self.markdown.end(Block::Item),
                    _ => self.markdown.end(Block::Plain),
                }
            }
            "list-item" => self.items = self.items.saturating_sub(1),
            "note" => {
                self.notes = self.notes.saturating_sub(1);
                if self.notes > 0 {
                    return;
                }
                let note = self.markdown.take();
                let around = std::mem::take(&mut self.around);
                self.markdown.text(&format!("{around} (note: {})", note.trim()));
            }
            "table" if self.sheets => {
                std::mem::take(&mut self.grid).write(&self.name, &mut self.markdown);
            }
            "table" => self.markdown.close_table(),
            "table-row" if self.sheets => self.end_row(),
            "table-cell" | "covered-table-cell" if self.sheets => {
                let text = self.markdown.take();
                let text = self.value.take().unwrap_or_else(|| text.trim().to_string());
                let columns = self.columns.min(REPEATED);
                if self.problem.is_none() && !text.is_empty() {
                    // Every copy counts before there is one.
                    let copies = (columns * self.rows.min(REPEATED)).max(1);
                    match self.room.take(copies as usize, text.len()) {
                        Ok(()) => self.filled.push((self.column, columns, text)),
                        Err(problem) => self.problem = Some(problem),
                    }
                }
                self.column = self.column.saturating_add(self.columns);
            }
            "table-cell" => self.markdown.close_cell(),
            _ => {}
        }
    }

    fn end_row(&mut self) {
        let filled = std::mem::take(&mut self.filled);
        let rows = if filled.is_empty() { 0 } else { self.rows.min(REPEATED) };
        for row in (0..rows).map(|row| self.row.saturating_add(row)) {
            for (first, columns, text) in &filled {
                for column in (0..*columns).map(|column| first.saturating_add(column)) {
                    self.grid.set(row, column, text.clone());
                }
            }
        }
        self.row = self.row.saturating_add(self.rows);
    }
}

fn skips(name: &str) -> bool {
    matches!(name, "tracked-changes" | "annotation" | "note-citation" | "forms")
}

/// What a cell holds, where that is not the text that is shown of it.
fn value(tag: &Tag<'_>) -> Option<String> {
    match tag.get("value-type")?.as_str() {
        "float" | "currency" | "percentage" => tag.get("office:value"),
        "date" => tag.get("date-value"),
        "boolean" => tag.get("boolean-value"),
        _ => None,
    }
}
