//! A sheet's cells as tables: rows that follow each other are one, and each row has its number, so
//! that a cell can be found in the sheet again.

use std::borrow::Cow;

use crate::markdown::{Block, Markdown};

/// Cells of all sheets of a document that are read.
const CELLS: usize = 1_000_000;
/// Bytes of their text.
const LETTERS: usize = 32 << 20;

/// What is left for the cells of a document, which a few bytes can say to be many.
pub(crate) struct Room {
    cells: usize,
    letters: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { cells: CELLS, letters: LETTERS }
    }
}

impl Room {
    /// For so many cells with a text of so many bytes each; the error ends a sentence.
    pub(crate) fn take(&mut self, cells: usize, letters: usize) -> Result<(), String> {
        self.cells =
            self.cells.checked_sub(cells).ok_or_else(|| format!("of more than {CELLS} cells"))?;
        self.letters = cells
            .checked_mul(letters)
            .and_then(|letters| self.letters.checked_sub(letters))
            .ok_or_else(|| format!("of more than {} MiB of text", LETTERS >> 20))?;
        Ok(())
    }
}

/// The cells that hold something. One list of all of them: a map for each row would make a million
/// rows of one cell many times as large.
#[derive(Default)]
pub(crate) struct Grid {
    cells: Vec<Cell>,
}

/// By row and column, from 0.
struct Cell {
    row: u32,
    column: u32,
    value: String,
}

impl Cell {
    fn place(&self) -> (u32, u32) {
        (self.row, self.column)
    }
}

impl Grid {
    pub(crate) fn set(&mut self, row: u32, column: u32, value: String) {
        if !value.trim().is_empty() {
            self.cells.push(Cell { row, column, value });
        }
    }

    pub(crate) fn write(mut self, name: &str, markdown: &mut Markdown) {
        markdown.block(Block::Heading(2), &format!("Sheet {name}"));
        if self.cells.is_empty() {
            markdown.block(Block::Plain, "(This sheet is empty.)");
        }
        self.cells.sort_by_key(Cell::place);
        // Of a cell that is there twice the last one counts.
        self.cells.dedup_by(|next, one| {
            let same = next.place() == one.place();
            if same {
                std::mem::swap(next, one);
            }
            same
        });
        for together in self.cells.chunk_by(|one, next| next.row - one.row <= 1) {
            // What stands alone above a table is its title.
            let all = rows(together).count();
            let alone = rows(together).take_while(|cells| cells.len() == 1).count();
            let alone = if alone == all && alone > 2 { 0 } else { alone };
            let (titles, below) = together.split_at(alone);
            for Cell { row, value, .. } in titles {
                markdown.block(Block::Plain, &format!("Row {}: {value}", row.saturating_add(1)));
            }
            table(below, markdown);
        }
    }
}

fn rows(cells: &[Cell]) -> impl Iterator<Item = &[Cell]> {
    cells.chunk_by(|one, next| one.row == next.row)
}

fn table(cells: &[Cell], markdown: &mut Markdown) {
    let Some(first) = rows(cells).next() else { return };
    // Numbers and days name no columns, and what is alone has none to name.
    let named = first.len() < cells.len()
        && first.iter().any(|cell| cell.value.chars().any(char::is_alphabetic));
    let (header, below) = cells.split_at(if named { first.len() } else { 0 });
    // A cell far out would make every row as wide: only columns that hold something are shown.
    let mut used: Vec<u32> = cells.iter().map(|cell| cell.column).collect();
    used.sort_unstable();
    used.dedup();
    // What a table has no room for is never made: few cells can mean many that are empty.
    let all = std::iter::once((None, header))
        .chain(rows(below).map(|cells| (Some(cells[0].row.saturating_add(1)), cells)));
    let shown = all.map(|(row, cells)| {
        let mut left = cells.iter().peekable();
        let first = row.map_or("row".into(), |row| Cow::Owned(row.to_string()));
        let value = move |column: &u32| match left.next_if(|cell| cell.column == *column) {
            Some(cell) => Cow::Borrowed(cell.value.as_str()),
            None if row.is_none() => Cow::Owned(letters(*column)),
            None => Cow::Borrowed(""),
        };
        std::iter::once(first).chain(used.iter().map(value))
    });
    markdown.table(used.len() + 1, shown);
}

/// A column as sheets name it: `A`, `Z`, `AA`.
fn letters(column: u32) -> String {
    let mut left = column.saturating_add(1);
    let mut name = Vec::new();
    while left > 0 {
        left -= 1;
        name.insert(0, b'A' + (left % 26) as u8);
        left /= 26;
    }
    String::from_utf8_lossy(&name).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_have_letters() {
        let names = [0, 25, 26, 701, 702, 16_383].map(super::letters);
        assert_eq!(names, ["A", "Z", "AA", "ZZ", "AAA", "XFD"]);
    }
}
