//! `data.tables` and `data.query`: SQL over the tables in files. What it wants is to read: the files that a query names
//! are opened one by one, each judged when it is.

mod types;

use std::sync::Arc;
use std::time::Duration;

use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool};
use serde_json::Value;

use crate::builtin::{Builtin, packed, spec};
use crate::files::Within;
use crate::registry::Setup;

use types::{Queried, QueryArguments, TablesArguments};

static COMPONENT: Component = packed!("data");

const LIMITS: Limits = Limits {
    memory: 512 << 20,
    time: Duration::from_secs(30),
    output: 1 << 20,
    fuel: None,
    calls: 1024,
};

pub(crate) fn tools(setup: &Setup) -> Vec<Arc<dyn Tool>> {
    let guest =
        Guest::builtin(COMPONENT.clone(), Imports { files: true, ..Imports::default() }, LIMITS);
    let tables = spec::<TablesArguments, Queried>(
        "data.tables",
        "Shows the tables in CSV, TSV, JSON, JSON Lines, Parquet and SQLite files: their columns \
         and first rows.",
        Effect::Reads,
    );
    let query = spec::<QueryArguments, Queried>(
        "data.query",
        "Runs SQL over the tables that `data.tables` shows: sums, counts, joins, filters. A table \
         has its file's name without the ending.",
        Effect::Reads,
    );
    let (one, other) = (Within::of(setup), Within::of(setup));
    let tables =
        Builtin::new(tables, guest.clone(), move |call: TablesArguments| one.reads(call.path));
    let query = Builtin::new(query, guest, move |call: QueryArguments| other.reads(call.path));
    vec![Arc::new(tables.shown(show)), Arc::new(query.shown(show))]
}

/// The rows as a table, or the tables there are; then what to know of them.
fn show(result: &Value) -> String {
    let mut parts = Vec::new();
    match result["tables"].as_array().filter(|tables| !tables.is_empty()) {
        Some(tables) => parts.extend(tables.iter().map(show_table)),
        None => {
            let columns = list(&result["columns"]);
            parts.push(grid(&columns, &result["rows"]));
            let rows = result["rows"].as_array().map_or(0, Vec::len);
            parts.push(match (rows, result["more_rows"].as_u64().unwrap_or_default()) {
                (0, _) => "[no rows]".to_string(),
                (1, 0) => "[1 row]".to_string(),
                (rows, 0) => format!("[{rows} rows]"),
                (rows, more) => format!("[{rows} rows; {more} more rows are left out]"),
            });
        }
    }
    parts.extend(list(&result["notes"]).iter().map(|note| format!("[{note}]")));
    parts.join("\n")
}

/// `orders (docs/orders.csv, 3 rows): id integer, unit_price number (written "Unit Price")`
fn show_table(table: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let columns = table["columns"].as_array().into_iter().flatten();
    let told = columns.clone().map(|column| {
        let written = column["written"].as_str().map(|name| format!(" (written \"{name}\")"));
        let named = format!("{} {}", text(&column["name"]), text(&column["holds"]));
        named.trim().to_string() + &written.unwrap_or_default()
    });
    let head = format!(
        "{} ({}, {} rows): {}",
        text(&table["name"]),
        text(&table["path"]),
        table["rows"],
        told.collect::<Vec<_>>().join(", ")
    );
    let names: Vec<String> = columns.map(|column| text(&column["name"])).collect();
    format!("{head}\n{}", grid(&names, &table["first"]))
}

fn grid(columns: &[String], rows: &Value) -> String {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', " ").replace('|', "\\|"),
        value => value.to_string(),
    };
    let line = |row: &Value| columns.iter().map(|name| cell(&row[name])).collect::<Vec<_>>();
    let rows = rows.as_array().into_iter().flatten().map(line);
    let lines = std::iter::once(columns.to_vec()).chain(rows);
    lines.map(|cells| cells.join(" | ")).collect::<Vec<_>>().join("\n")
}

fn list(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_shown_as_a_table() {
        let result = json!({
            "columns": ["city", "total"],
            "rows": [{"city": "Berlin", "total": 12.5}, {"city": null, "total": 1}],
            "more_rows": 3, "read": ["a.csv"], "notes": ["`day` is text"],
        });
        let expected = "city | total\nBerlin | 12.5\n | 1\n[2 rows; 3 more rows are left out]\n\
                        [`day` is text]";
        assert_eq!(show(&result), expected);
        let none = json!({"columns": ["n"], "rows": [], "more_rows": 0, "read": []});
        assert_eq!(show(&none), "n\n[no rows]");
    }

    #[test]
    fn tables_are_shown_with_their_columns() {
        let result = json!({"columns": [], "rows": [], "more_rows": 0, "read": [], "tables": [{
            "name": "orders", "path": "docs/orders.csv", "rows": 9,
            "columns": [
                {"name": "id", "holds": "integer"},
                {"name": "unit_price", "holds": "number", "written": "Unit Price"}
            ],
            "first": [{"id": 1, "unit_price": 2.5}]
        }]});
        let expected = "orders (docs/orders.csv, 9 rows): id integer, unit_price number (written \
                        \"Unit Price\")\nid | unit_price\n1 | 2.5";
        assert_eq!(show(&result), expected);
    }
}
