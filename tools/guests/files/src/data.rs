//! The half of `data.search`, `data.cluster` and `data.outliers` that is done here: files become texts,
//! each with its place. What they have in common the host works out of their vectors.

use serde_json::Value;

use crate::data_types::{ClusterArguments, OutlierArguments, SearchArguments, Text, Texts};
use crate::folder::{self, Folder};
use crate::lines::lines;
use crate::passages::{Piece, pieces};
use crate::records::records;
use crate::row;
use text::search::Kind;

/// Where the host says no number.
const MOST: u32 = 5_000;
/// Bytes of one text; an encoder reads less.
const TEXT: usize = 4 << 10;
/// Bytes of all of them together.
const ALL: usize = 10 << 20;
const SKIPPED: usize = 20;

pub(crate) fn search(arguments: SearchArguments) -> Result<Texts, String> {
    if arguments.query.trim().is_empty() {
        return Err("`query` is empty: say what to look for".to_string());
    }
    let read = folder::texts(arguments.path.as_deref())?;
    collected(read, arguments.most, |path, text| Ok(passages(path, text)))
}

pub(crate) fn cluster(arguments: ClusterArguments) -> Result<Texts, String> {
    of(&arguments.path, arguments.column.as_deref(), arguments.most)
}

pub(crate) fn outliers(arguments: OutlierArguments) -> Result<Texts, String> {
    of(&arguments.path, arguments.column.as_deref(), arguments.most)
}

fn of(path: &str, column: Option<&str>, most: Option<u32>) -> Result<Texts, String> {
    let read = folder::texts(Some(path))?;
    if let (true, [skipped]) = (read.texts.is_empty(), &read.skipped[..]) {
        return Err(format!("`{skipped}` is no text, or is too large"));
    }
    collected(read, most, |path, text| units(path, text, column))
}

fn collected(
    read: Folder,
    most: Option<u32>,
    cut: impl Fn(&str, &str) -> Result<Vec<Text>, String>,
) -> Result<Texts, String> {
    let most = most.unwrap_or(MOST) as usize;
    let mut all = Texts { files: read.texts.len() as u32, ..Texts::default() };
    let mut bytes = 0;
    for (path, text) in &read.texts {
        for mut unit in cut(path, text)? {
            unit.text.truncate(unit.text.floor_char_boundary(TEXT));
            if all.texts.len() < most && bytes + unit.text.len() <= ALL {
                bytes += unit.text.len();
                all.texts.push(unit);
            } else {
                all.left_out += 1;
            }
        }
    }
    all.skipped = read.skipped;
    all.skipped.truncate(SKIPPED);
    Ok(all)
}

/// What a file is made of: rows, objects, lines or passages.
fn units(path: &str, text: &str, column: Option<&str>) -> Result<Vec<Text>, String> {
    let ending = path.rsplit('.').next().map(str::to_lowercase);
    let units = match (ending.as_deref(), column) {
        (Some("csv" | "tsv"), Some(column)) => cells(path, text, column)?,
        (Some("jsonl" | "ndjson"), column) => objects(path, text, column)?,
        (_, Some(_)) => return Err(format!("`{path}` is no table: leave out `column`")),
        (Some("txt" | "log" | "list"), None) => of_lines(path, text),
        (_, None) => passages(path, text),
    };
    Ok(units.into_iter().filter(|unit| !unit.text.trim().is_empty()).collect())
}

fn passages(path: &str, text: &str) -> Vec<Text> {
    pieces(path, text).into_iter().map(|piece| passage(path, piece)).collect()
}

fn passage(path: &str, piece: Piece<'_>) -> Text {
    let Piece { start, end, context, text, kind } = piece;
    let (headings, header) = match kind {
        Kind::Row => context.rsplit_once('\n').unwrap_or(("", &context)),
        Kind::Prose => (context.as_str(), ""),
    };
    let lines = text.iter().map(|line| match kind {
        Kind::Row => row::named(header, line),
        Kind::Prose => (*line).to_string(),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let text = if headings.is_empty() { text } else { format!("{headings}\n{text}") };
    Text { path: path.to_string(), start, end, text }
}

fn of_lines(path: &str, text: &str) -> Vec<Text> {
    let numbered = (1u32..).zip(lines(text));
    numbered.map(|(at, line)| whole(path, (at, at), line.to_string())).collect()
}

fn cells(path: &str, text: &str, column: &str) -> Result<Vec<Text>, String> {
    let mut records = records(text).into_iter();
    let Some(header) = records.next() else { return Ok(Vec::new()) };
    let names = row::cells(header.text, header.text);
    let at = names.iter().position(|name| name == column);
    let at = at
        .ok_or_else(|| format!("`{path}` has no column `{column}`; it has {}", names.join(", ")))?;
    let cell = |text: &str| row::cells(header.text, text).into_iter().nth(at).unwrap_or_default();
    Ok(records.map(|row| whole(path, (row.start, row.end), cell(row.text))).collect())
}

fn objects(path: &str, text: &str, field: Option<&str>) -> Result<Vec<Text>, String> {
    let mut found = Vec::new();
    let mut missing = 0;
    for (at, line) in (1u32..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("`{path}` line {at} is no JSON: {error}"))?;
        let text = match field {
            None => plain(&value),
            Some(field) => match value.get(field) {
                Some(value) => plain(value),
                None => {
                    missing += 1;
                    continue;
                }
            },
        };
        found.push(whole(path, (at, at), text));
    }
    match field.filter(|_| found.is_empty() && missing > 0) {
        Some(field) => Err(format!("no object of `{path}` has a field `{field}`")),
        None => Ok(found),
    }
}

/// A value as it is read best.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", plain(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn whole(path: &str, (start, end): (u32, u32), text: String) -> Text {
    Text { path: path.to_string(), start, end, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, column: Option<&str>, expected: Result<&[(u32, &str)], &str>) {
        let found = units(path, text, column);
        let found = found.as_ref().map_err(String::as_str).map(|units| {
            units.iter().map(|unit| (unit.start, unit.text.as_str())).collect::<Vec<_>>()
        });
        assert_eq!(found, expected.map(<[(u32, &str)]>::to_vec), "{path}");
    }

    #[test]
    fn a_file_becomes_texts_by_its_kind() {
        let table = "id,said\n1,\"a, b\"\n2,\n3,c\n";
        check("a.csv", table, Some("said"), Ok(&[(2, "a, b"), (4, "c")]));
        check(
            "a.csv",
            table,
            None,
            Ok(&[(2, "id: 1, said: a, b"), (3, "id: 2"), (4, "id: 3, said: c")]),
        );
        check("a.csv", table, Some("x"), Err("`a.csv` has no column `x`; it has id, said"));
        check("a.jsonl", "{\"t\":\"x\",\"n\":1}\n\n{\"n\":2}\n", Some("t"), Ok(&[(1, "x")]));
        check("a.jsonl", "{\"t\":\"x\",\"n\":1}\n", None, Ok(&[(1, "t: x, n: 1")]));
        check("a.jsonl", "{\"n\":1}\n", Some("t"), Err("no object of `a.jsonl` has a field `t`"));
        check("a.txt", "one\n\ntwo\n", None, Ok(&[(1, "one"), (3, "two")]));
        check("a.txt", "one", Some("t"), Err("`a.txt` is no table: leave out `column`"));
        check("a.md", "# T\nbody\n", None, Ok(&[(2, "T\nbody")]));
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let texts = vec![("a.txt".to_string(), "x\n".repeat(9))];
        let read = Folder { texts, skipped: Vec::new() };
        let all = collected(read, Some(4), |path, text| units(path, text, None));
        assert_eq!(all.map(|all| (all.texts.len(), all.left_out)), Ok((4, 5)));
    }
}
