//! JSON and JSON Lines: a list of objects is a table, and so is each such list in an object.

use rusqlite::types::Value as Cell;
use serde_json::{Map, Value};

use crate::base::{Base, COLUMNS, named};
use crate::date::Form;
use crate::types::Column;

/// Lists that one file is split into.
const TABLES: usize = 20;

pub(crate) fn fill(base: &mut Base, name: &str, path: &str, text: &str) -> Result<(), String> {
    match serde_json::from_str(text) {
        Ok(value) => whole(base, name, path, value),
        Err(error) => match lines(text) {
            // One line after the other.
            Ok(rows) if rows.len() > 1 => table(base, name, path, rows),
            _ => Err(format!("`{path}` is no JSON: {error}")),
        },
    }
}

pub(crate) fn fill_lines(
    base: &mut Base,
    name: &str,
    path: &str,
    text: &str,
) -> Result<(), String> {
    let rows = lines(text).map_err(|error| format!("`{path}`, {error}"))?;
    table(base, name, path, rows)
}

fn lines(text: &str) -> Result<Vec<Value>, String> {
    let filled = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    filled
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))
        })
        .collect()
}

fn whole(base: &mut Base, name: &str, path: &str, value: Value) -> Result<(), String> {
    let fields = match value {
        Value::Array(rows) => return table(base, name, path, rows),
        Value::Object(fields) => fields,
        other => return table(base, name, path, vec![other]),
    };
    let rows = |value: &Value| {
        value.as_array().is_some_and(|rows| !rows.is_empty() && rows.iter().all(Value::is_object))
    };
    let lists: Vec<&String> =
        fields.iter().filter(|(_, value)| rows(value)).map(|(key, _)| key).take(TABLES).collect();
    if lists.is_empty() {
        // `{"a": {…}, "b": {…}}` is rows that have a name each.
        if fields.len() > 1 && fields.values().all(Value::is_object) {
            let rows = fields.into_iter().map(|(key, value)| {
                let mut row = Map::from_iter([("key".to_string(), Value::String(key))]);
                row.extend(value.as_object().cloned().unwrap_or_default());
                Value::Object(row)
            });
            return table(base, name, path, rows.collect());
        }
        return table(base, name, path, vec![Value::Object(fields)]);
    }
    let alone = lists.len() == 1;
    for key in lists.into_iter().cloned().collect::<Vec<_>>() {
        let Some(Value::Array(rows)) = fields.get(&key).cloned() else { continue };
        let whole = match (alone, crate::words::plain(&key)) {
            (false, key) if !key.is_empty() => format!("{name}_{key}"),
            (false, _) => continue,
            (true, _) => name.to_string(),
        };
        table(base, &whole, path, rows)?;
    }
    Ok(())
}

fn table(base: &mut Base, name: &str, path: &str, rows: Vec<Value>) -> Result<(), String> {
    let rows: Vec<Map<String, Value>> = objects(rows);
    if rows.is_empty() {
        return Err(format!("`{path}` holds no rows"));
    }
    let mut seen: Map<String, Value> = Map::new();
    let mut kinds: Vec<Kinds> = Vec::new();
    for row in &rows {
        for (key, value) in row {
            let at = match seen.get(key).and_then(Value::as_u64) {
                Some(at) => at as usize,
                None => {
                    seen.insert(key.clone(), kinds.len().into());
                    kinds.push(Kinds::default());
                    kinds.len() - 1
                }
            };
            kinds[at].see(value);
        }
        if kinds.len() > COLUMNS {
            return Err(format!("`{path}` has more than {COLUMNS} columns"));
        }
    }
    let keys: Vec<String> = seen.into_iter().map(|(key, _)| key).collect();
    let names = named(&base.connection, keys.iter().cloned());
    let columns = names.into_iter().zip(&kinds).map(|((name, written), kinds)| Column {
        name,
        holds: kinds.holds().to_string(),
        written,
    });
    base.table(name, path, columns.collect(), |row| {
        rows.iter().try_for_each(|found| {
            row(keys.iter().map(|key| found.get(key).map_or(Cell::Null, cell)).collect())
        })
    })
}

/// A row is an object; a list is one with a header, or without; what is alone is a `value`.
fn objects(rows: Vec<Value>) -> Vec<Map<String, Value>> {
    let listed = rows.len() > 1 && rows.iter().all(Value::is_array);
    let header: Option<Vec<String>> = listed
        .then(|| &rows[0])
        .and_then(Value::as_array)
        .and_then(|header| header.iter().map(|cell| cell.as_str().map(str::to_string)).collect());
    let skipped = usize::from(header.is_some());
    rows.into_iter()
        .skip(skipped)
        .map(|row| match row {
            Value::Object(row) => row,
            Value::Array(cells) if listed => {
                let key = |at: usize| match header.as_ref().and_then(|header| header.get(at)) {
                    Some(name) => name.clone(),
                    None => format!("column{}", at + 1),
                };
                cells.into_iter().enumerate().map(|(at, cell)| (key(at), cell)).collect()
            }
            other => Map::from_iter([("value".to_string(), other)]),
        })
        .collect()
}

/// What a column has been seen to hold.
#[derive(Default)]
struct Kinds {
    whole: bool,
    real: bool,
    flag: bool,
    text: bool,
    other_text: bool,
    nested: bool,
}

impl Kinds {
    fn see(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(_) => self.flag = true,
            Value::Number(number) if number.is_i64() => self.whole = true,
            Value::Number(_) => self.real = true,
            Value::String(text) if Form::Iso.read(text).is_some() => self.text = true,
            Value::String(_) => self.other_text = true,
            Value::Array(_) | Value::Object(_) => self.nested = true,
        }
    }

    fn holds(&self) -> &'static str {
        let text = self.text || self.other_text;
        match (self.nested, text, self.flag, self.whole || self.real) {
            (true, ..) => "json",
            (_, true, false, false) if !self.other_text => "date",
            (_, true, false, false) => "text",
            (_, true, ..) => "text and numbers",
            (_, _, true, false) => "true or false",
            (_, _, _, true) if !self.real => "integer",
            (_, _, _, true) => "number",
            _ => "text",
        }
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Integer(i64::from(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Integer(whole),
            None => number.as_f64().map_or(Cell::Null, Cell::Real),
        },
        Value::String(text) => Cell::Text(text.clone()),
        nested => Cell::Text(nested.to_string()),
    }
}
