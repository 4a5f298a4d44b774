//! The rows of a table: CSV or TSV with a line of names, or JSON Lines.

use std::collections::BTreeMap;
use std::path::Path;

use agent_core::component::digest;
use agent_file::Invalid;
use serde_json::Value;

use super::line_ends::Lines;
use super::{BatchError, quotes};

/// The largest table, in bytes: it is held whole.
const LARGEST: u64 = 1 << 30;

/// The most columns of one.
const COLUMNS: usize = 10_000;

/// The most problems that are told at once.
const TOLD: usize = 10;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number, from 1.
    pub number: usize,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its values, by column. A cell that is empty is not there.
    pub values: BTreeMap<String, Value>,
    /// What it is recognized by: a digest of its values.
    pub key: String,
}

impl Row {
    fn new(number: usize, line: usize, values: BTreeMap<String, Value>) -> Row {
        let key = digest(serde_json::json!(values).to_string().as_bytes());
        Row { number, line, values, key }
    }

    /// The values as parameters; none of them is read as a file's name.
    pub(super) fn params(&self) -> impl Iterator<Item = (String, String)> {
        self.values.iter().flat_map(|(name, value)| literal(name, value))
    }

    /// What is wrong with it, in the words of the check.
    pub(super) fn refused(&self, file: &Path, invalid: &Invalid) -> String {
        let problems: Vec<&str> =
            invalid.problems.iter().map(|problem| problem.message.as_str()).collect();
        format!("{}:{}: row {}: {}", file.display(), self.line, self.number, problems.join("; "))
    }
}

/// A value as it is written on a command line; a list as often as it has items.
pub(super) fn literal(name: &str, value: &Value) -> impl Iterator<Item = (String, String)> {
    let each = match value {
        Value::Array(items) => items.iter().collect(),
        value => vec![value],
    };
    each.into_iter().map(move |value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        let at = if text.starts_with('@') { "@" } else { "" };
        (name.to_string(), format!("{at}{text}"))
    })
}

/// Several problems as one.
pub(super) fn several(problems: Vec<String>) -> String {
    let more = problems.len().saturating_sub(TOLD);
    let mut told = problems.into_iter().take(TOLD).collect::<Vec<_>>().join("\nerror: ");
    if more > 0 {
        told += &format!("\nerror: and {more} more rows");
    }
    told + "\nhint: nothing was run: each column that is a parameter must hold a value of its type"
}

/// Reads a table whole.
pub(super) fn read(file: &Path) -> Result<Vec<Row>, BatchError> {
    let shown = file.display();
    let wrong = |problem: String| BatchError::Usage(problem);
    let text = guard::file::read(file, LARGEST)
        .map_err(|error| wrong(format!("`{shown}` cannot be read: {error}")))?;
    let text = text::utf8::of(&text).map_err(|error| {
        let before = text::utf8::unmarked(&text).iter().take(error.at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        wrong(format!("{shown}:{line}: {error}\nhint: save the table as UTF-8"))
    })?;
    let ending = file.extension().and_then(|end| end.to_str()).map(str::to_lowercase);
    match ending.as_deref() {
        Some("csv") => {
            let separator = separator(text);
            if let Some((line, problem)) = quotes::misplaced(text, separator) {
                let hint =
                    "a cell with a quote in it is written in quotes, and the quote twice: `\"\"`";
                return Err(wrong(format!("{shown}:{line}: {problem}\nhint: {hint}")));
            }
            csv(file, csv::ReaderBuilder::new().delimiter(separator), text)
        }
        // Some programs put quotes around a cell there, to others a quote is a letter.
        Some("tsv") => {
            let quoted = quotes::misplaced(text, b'\t').is_none();
            csv(file, csv::ReaderBuilder::new().delimiter(b'\t').quoting(quoted), text)
        }
        Some("jsonl" | "ndjson") => jsonl(file, text),
        _ => Err(wrong(format!(
            "`{shown}` is no table that is read here\nhint: name a `.csv`, `.tsv` or `.jsonl` file"
        ))),
    }
}

/// Spreadsheets write `;` where a comma is the decimal sign; what is in quotes parts nothing.
fn separator(text: &str) -> u8 {
    let head = text.split(['\n', '\r']).next().unwrap_or_default();
    let outside: String = head.split('"').step_by(2).collect();
    let count = |separator: &u8| outside.bytes().filter(|byte| byte == separator).count();
    // Of several the last is taken.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn csv(file: &Path, format: &csv::ReaderBuilder, text: &str) -> Result<Vec<Row>, BatchError> {
    let shown = file.display();
    let mut reader = format.from_reader(text.as_bytes());
    let mut lines = Lines::new(text);
    let place = |position: Option<&csv::Position>| {
        usize::try_from(position.map_or(0, csv::Position::byte)).unwrap_or(usize::MAX)
    };
    let broken = |error: csv::Error, lines: &mut Lines<'_>| {
        let line = lines.at(place(error.position()));
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} cells where the first line has {expected_len}")
            }
            _ => error.to_string(),
        };
        BatchError::Usage(format!("{shown}:{line}: {problem}"))
    };
    let headers = reader.headers().map_err(|error| broken(error, &mut lines))?;
    let names: Vec<String> = headers.iter().map(|name| name.trim().to_string()).collect();
    if names.len() > COLUMNS {
        return Err(BatchError::Usage(format!(
            "{shown}:1: it has {} columns, and a table has at most {COLUMNS}",
            names.len()
        )));
    }
    for (at, name) in names.iter().enumerate() {
        if name.is_empty() || names[..at].contains(name) {
            return Err(BatchError::Usage(format!(
                "{shown}:1: column {} is called `{name}`\nhint: the first line names each column, \
                 and each once",
                at + 1
            )));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(error, &mut lines))?;
        let line = lines.at(place(record.position()));
        let cells = names.iter().cloned().zip(record.iter());
        let values = cells.filter(|(_, cell)| !cell.is_empty());
        let values = values.map(|(name, cell)| (name, Value::from(cell))).collect();
        rows.push(Row::new(rows.len() + 1, line, values));
    }
    Ok(rows)
}

fn jsonl(file: &Path, text: &str) -> Result<Vec<Row>, BatchError> {
    let shown = file.display();
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let wrong = |problem: String| {
            let hint = "a line is one object: `{\"question\": \"…\"}`";
            BatchError::Usage(format!("{shown}:{line}: {problem}\nhint: {hint}"))
        };
        let mut values: BTreeMap<String, Value> = serde_json::from_str(text)
            .map_err(|error| wrong(format!("no JSON object: {error}")))?;
        values.retain(|_, value| !value.is_null());
        let plain = |value: &Value| !value.is_object() && !value.is_array() && !value.is_null();
        let fits = |value: &Value| {
            plain(value) || value.as_array().is_some_and(|items| items.iter().all(plain))
        };
        if let Some((name, _)) = values.iter().find(|(_, value)| !fits(value)) {
            return Err(wrong(format!("`{name}` is neither a plain value nor a list of them")));
        }
        rows.push(Row::new(rows.len() + 1, line, values));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        let rows = super::read(&file)
            .map_err(|error| error.to_string().replace(&*file.to_string_lossy(), name))?;
        let row = |row: &Row| format!("{} {}", row.line, serde_json::json!(row.values));
        Ok(rows.iter().map(row).collect())
    }

    #[test]
    fn a_separator_is_found_outside_of_quotes() {
        for (header, separator) in [
            ("a,b", b','),
            ("\"a;b;c\",d", b','),
            ("a;\"b, or c\"", b';'),
            ("a|b", b'|'),
            ("a", b','),
        ] {
            assert_eq!(super::separator(header), separator, "{header}");
        }
    }

    #[test]
    fn tables_are_read_as_people_save_them() {
        let rows = read("a.csv", "\u{feff}name,note\nAda,\"one, two\nlines\"\nBo,\n").unwrap();
        assert_eq!(rows, [r#"2 {"name":"Ada","note":"one, two\nlines"}"#, r#"4 {"name":"Bo"}"#]);
        assert_eq!(read("a.csv", "a;b\n1,5;x\n").unwrap(), [r#"2 {"a":"1,5","b":"x"}"#]);
        assert_eq!(read("a.tsv", "a\tb\n1\t@x\n").unwrap(), [r#"2 {"a":"1","b":"@x"}"#]);
        let rows = read("a.tsv", "a\tb\n5\"\t\"x\n6\ty\n").unwrap();
        assert_eq!(rows, [r#"2 {"a":"5\"","b":"\"x"}"#, r#"3 {"a":"6","b":"y"}"#]);
        let rows = read("a.csv", "a,b\r1,2\r\r3,4\r").unwrap();
        assert_eq!(rows, [r#"2 {"a":"1","b":"2"}"#, r#"4 {"a":"3","b":"4"}"#]);
        let rows = read("a.jsonl", "{\"b\": 1, \"a\": [\"x\"], \"c\": null}\n\n{\"a\": true}\n");
        assert_eq!(rows.unwrap(), [r#"1 {"a":["x"],"b":1}"#, r#"3 {"a":true}"#]);
    }

    #[test]
    fn tables_that_cannot_be_meant() {
        for (name, text, expected) in [
            ("a.csv", "a,b\n1\n", "a.csv:2: 1 cells where the first line has 2"),
            ("a.csv", "a\n\"1\n2\n3\n", "a.csv:2: a quote begins here and does not end\nhint: "),
            ("a.csv", "a,b\n\"1,2\n3,\"4\n", "a.csv:3: a quote ends inside of a cell\nhint: "),
            ("a.csv", "a,a\n1,2\n", "a.csv:1: column 2 is called `a`\nhint: "),
            ("a.jsonl", "{\"a\": 1}\n[1]\n", "a.jsonl:2: no JSON object: "),
            ("a.jsonl", "{\"a\": {}}\n", "a.jsonl:1: `a` is neither a plain value nor a list"),
            ("a.txt", "x", "`a.txt` is no table that is read here\nhint: "),
        ] {
            let told = read(name, text).unwrap_err();
            assert!(told.starts_with(expected), "{told}");
        }
    }

    #[test]
    fn a_cell_is_never_a_files_name() {
        let values = BTreeMap::from([("a".to_string(), Value::from("@/etc/passwd"))]);
        let params: Vec<_> = Row::new(1, 1, values).params().collect();
        assert_eq!(params, [("a".to_string(), "@@/etc/passwd".to_string())]);
    }
}
