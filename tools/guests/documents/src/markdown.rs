//! Markdown as it is written, block by block, to a bound. A table in a cell becomes text of that cell.

use std::borrow::Cow;

/// Bytes of text that a document is read to.
const MOST: usize = 8 << 20;
/// Tables in each other.
const NESTED: usize = 16;
/// What a row and a cell of a table that is not written yet count, whatever they hold: a file can have
/// millions that are empty.
const ROW: usize = 8;
const CELL: usize = 4;
/// Below each cell of a table's header.
const RULE: &str = "---|";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    Plain,
    Item,
    Heading(usize),
}

#[derive(Default)]
pub(crate) struct Markdown {
    out: String,
    /// The block that is being written.
    line: String,
    tables: Vec<Table>,
    /// Tables that are too deep to be any.
    ignored: usize,
    last: Option<Block>,
    /// Bytes that were taken of the document.
    held: usize,
    /// Some of it had no room.
    cut: bool,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    cell: String,
}

impl Markdown {
    /// More of the block.
    pub(crate) fn text(&mut self, text: &str) {
        let fits = fitting(text, MOST.saturating_sub(self.held));
        self.cut |= fits.len() < text.len();
        self.held += fits.len();
        self.line.push_str(fits);
    }

    /// What was written of the block so far, which then was not.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.line)
    }

    /// The block ends.
    pub(crate) fn end(&mut self, block: Block) {
        let line = self.take();
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        if let Some(table) = self.tables.last_mut() {
            if !table.cell.is_empty() {
                table.cell.push(' ');
            }
            table.cell.push_str(line);
            return;
        }
        self.block(block, line);
    }

    /// A whole block.
    pub(crate) fn block(&mut self, block: Block, line: &str) {
        if self.full() {
            return;
        }
        if self.last.is_some_and(|last| (last, block) != (Block::Item, Block::Item)) {
            self.out.push('\n');
        }
        self.last = Some(block);
        match block {
            Block::Plain => {
                let line = self.fitting(line);
                self.out.push_str(line);
            }
            Block::Item => {
                self.out.push_str("- ");
                self.flat(line, "|");
            }
            Block::Heading(level) => {
                self.out.push_str(&"#".repeat(level.clamp(1, 6)));
                self.out.push(' ');
                self.flat(line, "|");
            }
        }
        self.out.push('\n');
    }

    pub(crate) fn open_table(&mut self) {
        self.end(Block::Plain);
        match self.tables.len() < NESTED {
            true => self.tables.push(Table::default()),
            false => self.ignored += 1,
        }
    }

    pub(crate) fn open_row(&mut self) {
        if self.ignored == 0
            && self.counts(ROW)
            && let Some(table) = self.tables.last_mut()
        {
            table.rows.push(Vec::new());
        }
    }

    pub(crate) fn close_cell(&mut self) {
        self.end(Block::Plain);
        if self.ignored == 0
            && self.counts(CELL)
            && let Some(table) = self.tables.last_mut()
        {
            let cell = std::mem::take(&mut table.cell);
            if let Some(row) = table.rows.last_mut() {
                row.push(cell);
            }
        }
    }

    pub(crate) fn close_table(&mut self) {
        self.end(Block::Plain);
        if self.ignored > 0 {
            self.ignored -= 1;
            return;
        }
        let Some(table) = self.tables.pop() else { return };
        match self.tables.last_mut() {
            Some(outer) => {
                let rows = table.rows.iter().map(|row| row.join(", ")).collect::<Vec<_>>();
                outer.cell.push_str(&rows.join("; "));
            }
            None => {
                let width = table.rows.iter().map(Vec::len).max().unwrap_or_default();
                let rows = table.rows.iter();
                self.table(width, rows.map(|row| row.iter().map(|cell| Cow::from(cell.as_str()))));
            }
        }
    }

    /// A whole table of so many columns; its first row is its header. No more is asked of its rows than
    /// there is room for.
    pub(crate) fn table<'a, R>(&mut self, width: usize, rows: impl IntoIterator<Item = R>)
    where
        R: IntoIterator<Item = Cow<'a, str>>,
    {
        let mut rows = rows.into_iter();
        let header = if width == 0 || self.full() { None } else { rows.next() };
        let Some(header) = header else { return };
        if self.last.is_some() {
            self.out.push('\n');
        }
        self.last = Some(Block::Plain);
        self.row(header.into_iter().chain(std::iter::repeat(Cow::Borrowed(""))).take(width));
        let room = MOST.saturating_sub(self.out.len()) / RULE.len();
        self.cut |= room < width;
        self.out.push_str(&format!("|{}\n", RULE.repeat(width.min(room))));
        for cells in rows {
            if self.full() {
                return;
            }
            self.row(cells);
        }
    }

    fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cow<'a, str>>) {
        self.out.push('|');
        let start = self.out.len();
        for cell in cells {
            if self.full() {
                break;
            }
            self.out.push(' ');
            self.flat(&cell, "\\|");
            self.out.push_str(" |");
        }
        self.out.push_str(if self.out.len() == start { "  |\n" } else { "\n" });
    }

    /// On one line, and `|` as it is written there.
    fn flat(&mut self, text: &str, bar: &str) {
        let text = self.fitting(text);
        for (word, at) in text.split_whitespace().zip(0..) {
            self.out.push_str(if at == 0 { "" } else { " " });
            for (piece, at) in word.split('|').zip(0..) {
                self.out.push_str(if at == 0 { "" } else { bar });
                self.out.push_str(piece);
            }
        }
    }

    /// As much of a text as may still be written.
    fn fitting<'a>(&mut self, text: &'a str) -> &'a str {
        let fits = fitting(text, MOST.saturating_sub(self.out.len()));
        self.cut |= fits.len() < text.len();
        fits
    }

    /// Whether there is room for what is no text.
    fn counts(&mut self, size: usize) -> bool {
        let fits = self.held + size <= MOST;
        self.held += if fits { size } else { 0 };
        self.cut |= !fits;
        fits
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> String {
        while !self.tables.is_empty() {
            self.close_table();
        }
        self.end(Block::Plain);
        if self.cut || self.full() {
            let most = MOST >> 20;
            self.out += &format!("\n(The text is longer than {most} MiB: the rest is left out.)\n");
        }
        self.out
    }

    fn full(&self) -> bool {
        self.out.len() >= MOST
    }
}

fn fitting(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
