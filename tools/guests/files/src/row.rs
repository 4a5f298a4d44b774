//! Rows of tables as they are read best: each value after the name of its column.

use crate::records;

/// `name: Po, length_km: 652`; a cell that is empty is left out.
pub(crate) fn named(header: &str, row: &str) -> String {
    let cells = cells(header, row).into_iter().zip(cells(header, header));
    let named = cells
        .filter(|(value, _)| !value.is_empty())
        .map(|(value, name)| format!("{name}: {value}"));
    named.collect::<Vec<_>>().join(", ")
}

/// The cells of a line; its header tells a Markdown table from separated values, and what
/// separates them.
pub(crate) fn cells(header: &str, line: &str) -> Vec<String> {
    if header.trim_start().starts_with('|') {
        let inside = line.trim().trim_start_matches('|').trim_end_matches('|');
        // A bar in a cell is written `\|`.
        let inside = inside.replace("\\|", "\u{1}");
        let cells = inside.split('|').map(|cell| cell.trim().replace('\u{1}', "|"));
        return cells.collect();
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(records::separator(header))
        .from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(text::one_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_after_their_columns() {
        assert_eq!(named("a,b", "1,\"x, y\""), "a: 1, b: x, y");
        assert_eq!(named("a;b;c", "1;;3,5"), "a: 1, c: 3,5");
        assert_eq!(named("a,\"b\nc\"", "1,\"x\r\ny\""), "a: 1, b c: x y");
        assert_eq!(named("| a | b |", "| 1 | 2 |"), "a: 1, b: 2");
        assert_eq!(named("| a | b |", "| 1\\|2 | 3 |"), "a: 1|2, b: 3");
        assert_eq!(named("a,b", "1,2,3"), "a: 1, b: 2");
    }
}
