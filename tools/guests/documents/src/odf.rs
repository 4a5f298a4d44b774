//! OpenDocument texts, spreadsheets and presentations (ISO/IEC 26300): all three keep what they say in
//! `content.xml`, in the same elements.

use crate::archive::Archive;
use crate::grid::Grid;
use crate::markdown::{Block, Markdown};
use crate::xml::{Node, Tag, walk};

/// A cell or a row that says that it is repeated is written this often at most: programs fill the
/// rest of a sheet that way.
const REPEATED: u32 = 1_000;
const CELLS: usize = 1_000_000;

pub(crate) fn text(archive: &mut Archive<'_>) -> Result<String, String> {
    let manifest = archive.part("META-INF/manifest.xml").unwrap_or_default();
    if manifest.contains("encryption-data") {
        return Err("that needs a password".to_string());
    }
    let kind = archive.part("mimetype").unwrap_or_default();
    let mut body = Body { sheets: kind.contains("spreadsheet"), ..Body::default() };
    walk(&archive.part("content.xml")?, |node| body.node(node))?;
    match body.cells < CELLS {
        true => Ok(body.markdown.finish()),
        false => Err(format!("of more than {CELLS} cells")),
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
    /// The text around each note that is open.
    around: Vec<String>,
    /// Of a table that is in no other.
    name: String,
    grid: Grid,
    row: u32,
    rows: u32,
    column: u32,
    columns: u32,
    value: Option<String>,
    filled: Vec<(u32, String)>,
    cells: usize,
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
                let around = self.markdown.take();
                self.around.push(around);
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
                    _ if !self.around.is_empty() => self.markdown.text(" "),
                    _ if self.sheets => self.markdown.text(" "),
                    "h" => self.markdown.end(Block::Heading(self.level)),
                    _ if self.items > 0 => self.markdown.end(Block::Item),
                    _ => self.markdown.end(Block::Plain),
                }
            }
            "list-item" => self.items = self.items.saturating_sub(1),
            "note" => {
                let note = self.markdown.take();
                let around = self.around.pop().unwrap_or_default();
                self.markdown.text(&format!("{around} (note: {})", note.trim()));
            }
            "table" if self.sheets => self.grid.write(&self.name, &mut self.markdown),
            "table" => self.markdown.close_table(),
            "table-row" if self.sheets => self.end_row(),
            "table-cell" | "covered-table-cell" if self.sheets => {
                let text = self.markdown.take();
                let text = self.value.take().unwrap_or_else(|| text.trim().to_string());
                if !text.is_empty() {
                    let columns = self.columns.min(REPEATED);
                    self.filled.extend((0..columns).map(|at| (self.column + at, text.clone())));
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
        for row in 0..rows {
            self.cells += filled.len();
            if self.cells >= CELLS {
                return;
            }
            for (column, text) in &filled {
                self.grid.set(self.row.saturating_add(row), *column, text.clone());
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
