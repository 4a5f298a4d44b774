//! A sheet's cells as tables: rows that follow each other are one, and each row has its number, so
//! that a cell can be found in the sheet again.

use std::collections::BTreeMap;

use crate::markdown::{Block, Markdown};

/// The cells that hold something, by row and column, from 0.
#[derive(Default)]
pub(crate) struct Grid {
    rows: BTreeMap<u32, BTreeMap<u32, String>>,
}

impl Grid {
    pub(crate) fn set(&mut self, row: u32, column: u32, value: String) {
        if !value.trim().is_empty() {
            self.rows.entry(row).or_default().insert(column, value);
        }
    }

    pub(crate) fn write(&self, name: &str, markdown: &mut Markdown) {
        markdown.block(Block::Heading(2), &format!("Sheet {name}"));
        if self.rows.is_empty() {
            markdown.block(Block::Plain, "(This sheet is empty.)");
        }
        let rows: Vec<(u32, &BTreeMap<u32, String>)> =
            self.rows.iter().map(|(row, cells)| (*row, cells)).collect();
        for together in rows.chunk_by(|one, next| one.0 + 1 == next.0) {
            // What stands alone above a table is its title.
            let title = |(_, cells): &&(u32, &BTreeMap<u32, String>)| cells.len() == 1;
            let alone = together.iter().take_while(title).count();
            let alone = if alone == together.len() && alone > 2 { 0 } else { alone };
            for (row, cells) in &together[..alone] {
                for value in cells.values() {
                    markdown.block(Block::Plain, &format!("Row {}: {value}", row + 1));
                }
            }
            table(&together[alone..], markdown);
        }
    }
}

fn table(rows: &[(u32, &BTreeMap<u32, String>)], markdown: &mut Markdown) {
    let Some(((_, first), rest)) = rows.split_first() else { return };
    // Numbers and days name no columns, and what is alone has none to name.
    let named =
        !rest.is_empty() && first.values().any(|value| value.chars().any(char::is_alphabetic));
    let empty = BTreeMap::new();
    let (header, below) = if named { (*first, rest) } else { (&empty, rows) };
    // A cell far out would make every row as wide: only columns that hold something are shown.
    let mut used: Vec<u32> = rows.iter().flat_map(|(_, cells)| cells.keys().copied()).collect();
    used.sort_unstable();
    used.dedup();
    let named = |column: &u32| header.get(column).cloned().unwrap_or_else(|| letters(*column));
    let head = std::iter::once("row".to_string()).chain(used.iter().map(named)).collect();
    let shown = below.iter().map(|(row, cells)| {
        let value = |column: &u32| cells.get(column).cloned().unwrap_or_default();
        std::iter::once((row + 1).to_string()).chain(used.iter().map(value)).collect()
    });
    markdown.table(&std::iter::once(head).chain(shown).collect::<Vec<Vec<String>>>());
}

/// A column as sheets name it: `A`, `Z`, `AA`.
fn letters(column: u32) -> String {
    let mut left = column + 1;
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
