//! Markdown as it is written, block by block. A table in a cell becomes text of that cell.

/// Bytes of text that a document is read to.
const MOST: usize = 8 << 20;
/// Tables in each other.
const NESTED: usize = 16;

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
    held: usize,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    cell: String,
}

impl Markdown {
    /// More of the block.
    pub(crate) fn text(&mut self, text: &str) {
        if self.held < MOST {
            self.held += text.len();
            self.line.push_str(text);
        }
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
            Block::Plain => self.out.push_str(line),
            Block::Item => {
                self.out.push_str("- ");
                self.out.push_str(&flat(line));
            }
            Block::Heading(level) => {
                self.out.push_str(&"#".repeat(level.clamp(1, 6)));
                self.out.push(' ');
                self.out.push_str(&flat(line));
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
        if let (0, Some(table)) = (self.ignored, self.tables.last_mut()) {
            table.rows.push(Vec::new());
        }
    }

    pub(crate) fn close_cell(&mut self) {
        self.end(Block::Plain);
        if let (0, Some(table)) = (self.ignored, self.tables.last_mut()) {
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
            None => self.table(&table.rows),
        }
    }

    /// A whole table; its first row is its header.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) {
        let width = rows.iter().map(Vec::len).max().unwrap_or_default();
        let Some((header, rows)) = rows.split_first().filter(|_| width > 0) else { return };
        if self.last.is_some() {
            self.out.push('\n');
        }
        self.last = Some(Block::Plain);
        let mut header = header.to_vec();
        header.resize(width, String::new());
        self.out.push_str(&row(&header));
        self.out.push_str(&format!("|{}\n", "---|".repeat(width)));
        for cells in rows {
            if self.full() {
                return;
            }
            self.out.push_str(&row(cells));
        }
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> String {
        while !self.tables.is_empty() {
            self.close_table();
        }
        self.end(Block::Plain);
        if self.full() || self.held >= MOST {
            let most = MOST >> 20;
            self.out += &format!("\n(The text is longer than {most} MiB: the rest is left out.)\n");
        }
        self.out
    }

    fn full(&self) -> bool {
        self.out.len() >= MOST
    }
}

/// On one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(" | "))
}

fn cell(text: &str) -> String {
    flat(text).replace('|', "\\|")
}
