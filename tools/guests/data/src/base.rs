//! The database that a call makes of files, and what may be done with it: to read.

use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{Value as Cell, ValueRef};
use rusqlite::{Batch, Connection, Statement, params_from_iter};
use serde_json::{Map, Value};

use crate::column::number;
use crate::number;
use crate::types::{Column, Table};
use crate::words::{plain, quoted};

/// Of a table.
pub(crate) const COLUMNS: usize = 1000;
/// Of a Parquet file, whose few bytes can say to be many.
pub(crate) const CELLS: usize = 20_000_000;
/// What a query may take. The host stops the whole call a little later.
const TIME: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 15 });
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 100_000;
/// Bytes of one value, made or read.
const VALUE: i32 = 16 << 20;
/// Letters of a value that are given.
const SHOWN: usize = 2_000;
/// Bytes of all rows that are given.
const GIVEN: usize = 256 << 10;

pub(crate) struct Base {
    pub(crate) connection: Connection,
    tables: Vec<Known>,
    notes: Vec<Note>,
}

struct Known {
    /// The database of a SQLite file; nothing where the table was made here.
    schema: Option<String>,
    table: Table,
}

struct Note {
    table: String,
    column: Option<String>,
    text: String,
}

/// The rows that a statement gave.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Map<String, Value>>,
    pub(crate) more: u64,
    pub(crate) cut: bool,
}

impl Base {
    pub(crate) fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")?;
        for (setting, on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            // A text in double quotes would be taken for itself where there is no such column.
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        ] {
            connection.set_db_config(setting, on)?;
        }
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE)?;
        connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000)?;
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function("number", 1, flags, |call| {
            Ok(match call.get_raw(0) {
                ValueRef::Text(text) => {
                    number::first(&String::from_utf8_lossy(text)).map_or(Cell::Null, number)
                }
                other => Cell::try_from(other)?,
            })
        })?;
        Ok(Self { connection, tables: Vec::new(), notes: Vec::new() })
    }

    /// Makes a table and fills it: `rows` is given what takes a row.
    pub(crate) fn table(
        &mut self,
        name: &str,
        path: &str,
        columns: Vec<Column>,
        rows: impl FnOnce(&mut dyn FnMut(Vec<Cell>) -> Result<(), String>) -> Result<(), String>,
    ) -> Result<(), String> {
        if columns.is_empty() {
            return Err(format!("`{path}` has no columns"));
        }
        let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let create = format!("CREATE TABLE {} ({})", quoted(name), names.join(", "));
        let insert = format!("INSERT INTO {} VALUES ({marks})", quoted(name));
        let broken = |error: rusqlite::Error| format!("`{path}`: {}", said(&error));
        let transaction = self.connection.transaction().map_err(broken)?;
        transaction.execute_batch(&create).map_err(broken)?;
        let mut count = 0;
        {
            let mut insert = transaction.prepare(&insert).map_err(broken)?;
            rows(&mut |row| {
                count += 1;
                insert.execute(params_from_iter(row)).map(|_| ()).map_err(broken)
            })?;
        }
        transaction.commit().map_err(broken)?;
        let (name, path) = (name.to_string(), path.to_string());
        let table = Table { name, path, rows: count, columns, first: Vec::new() };
        self.tables.push(Known { schema: None, table });
        Ok(())
    }

    /// What the columns of a table hold, where only its rows told.
    pub(crate) fn holds(&mut self, name: &str, holds: &[&str]) {
        let known = self.tables.iter_mut().find(|known| known.table.name == name);
        for (column, holds) in known.into_iter().flat_map(|it| &mut it.table.columns).zip(holds) {
            column.holds = if holds.is_empty() { "text" } else { holds }.to_string();
        }
    }

    /// The tables of a SQLite file, under a name of their own.
    pub(crate) fn attach(
        &mut self,
        name: &str,
        path: &str,
        mut bytes: Vec<u8>,
    ) -> Result<(), String> {
        let broken = |error: rusqlite::Error| {
            format!("`{path}` is no SQLite file that can be read: {}", said(&error))
        };
        // A file in memory has no write-ahead log; without one the file is read as it stands.
        if bytes.get(18..20) == Some(&[2, 2]) {
            bytes[18..20].copy_from_slice(&[1, 1]);
        }
        let attach = format!("ATTACH ':memory:' AS {}", quoted(name));
        self.connection.execute_batch(&attach).map_err(broken)?;
        let size = bytes.len();
        self.connection
            .deserialize_read_exact(name, bytes.as_slice(), size, true)
            .map_err(broken)?;
        let list = format!(
            "SELECT name FROM {}.sqlite_schema WHERE type IN ('table', 'view') \
             AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid LIMIT 200",
            quoted(name)
        );
        let tables: Vec<String> = self
            .connection
            .prepare(&list)
            .and_then(|mut list| list.query_map([], |row| row.get(0))?.collect())
            .map_err(broken)?;
        for table in tables {
            // One that is broken takes none of the others away.
            if let Ok(columns) = self.columns(name, &table) {
                let path = path.to_string();
                let table = Table { name: table, path, rows: 0, columns, first: Vec::new() };
                self.tables.push(Known { schema: Some(name.to_string()), table });
            }
        }
        Ok(())
    }

    fn columns(&self, schema: &str, table: &str) -> rusqlite::Result<Vec<Column>> {
        let mut info =
            self.connection.prepare("SELECT name, type FROM pragma_table_info(?1, ?2)")?;
        let columns = info.query_map([table, schema], |row| {
            let declared: String = row.get(1)?;
            Ok(Column { name: row.get(0)?, holds: declared.to_lowercase(), written: None })
        })?;
        columns.collect()
    }

    pub(crate) fn note(&mut self, table: &str, column: Option<&str>, text: String) {
        let (table, column) = (table.to_string(), column.map(str::to_string));
        self.notes.push(Note { table, column, text });
    }

    pub(crate) fn notes(&self, wanted: impl Fn(&str, Option<&str>) -> bool) -> Vec<String> {
        let fits = self.notes.iter().filter(|note| wanted(&note.table, note.column.as_deref()));
        fits.map(|note| note.text.clone()).collect()
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().map(|known| &known.table)
    }

    /// Each table's name as it can stand in a query whatever else there is.
    pub(crate) fn named(&self) -> impl Iterator<Item = (String, &Table)> {
        self.tables.iter().map(|Known { schema, table }| {
            let schema = schema.as_ref().map(|schema| format!("{}.", quoted(schema)));
            (format!("{}{}", schema.unwrap_or_default(), quoted(&table.name)), table)
        })
    }

    /// A number that this column holds, where every column of this name holds only numbers. `own`: but for those of
    /// a database.
    pub(crate) fn holds_numbers(&self, column: &str, own: bool) -> Option<String> {
        let numbers = ["integer", "number"];
        let mut found = None;
        for Known { schema, table } in &self.tables {
            let columns = table.columns.iter();
            for it in columns.filter(|it| it.name.eq_ignore_ascii_case(column)) {
                if !numbers.contains(&it.holds.as_str()) || own && schema.is_some() {
                    return None;
                }
                found = found.or(Some((schema, &table.name, &it.name)));
            }
        }
        let (schema, table, name) = found?;
        let schema = schema.as_ref().map(|schema| format!("{}.", quoted(schema)));
        let (schema, table, name) = (schema.unwrap_or_default(), quoted(table), quoted(name));
        let sql =
            format!("SELECT CAST({name} AS TEXT) FROM {schema}{table} WHERE {name} IS NOT NULL");
        self.connection.query_row(&sql, [], |row| row.get(0)).ok()
    }

    /// From now on nothing is done but to read.
    pub(crate) fn close(&mut self) -> rusqlite::Result<()> {
        self.connection.authorizer(Some(|call: rusqlite::hooks::AuthContext<'_>| {
            match call.action {
                AuthAction::Select
                | AuthAction::Read { .. }
                | AuthAction::Recursive
                | AuthAction::Function { .. } => Authorization::Allow,
                _ => Authorization::Deny,
            }
        }))?;
        let begun = Instant::now();
        self.connection.progress_handler(STEPS, Some(move || begun.elapsed() > TIME))
    }

    /// The one statement of an SQL text.
    pub(crate) fn statement<'a>(&'a self, sql: &str) -> Result<Statement<'a>, String> {
        let mut batch = Batch::new(&self.connection, sql);
        let statement = match batch.next() {
            Ok(Some(statement)) => statement,
            Ok(None) => return Err("the SQL is empty".to_string()),
            Err(error) => return Err(said(&error)),
        };
        if !matches!(batch.next(), Ok(None)) {
            return Err(
                "one statement a call: leave out what comes after the first `;`".to_string()
            );
        }
        if !statement.readonly() || statement.column_count() == 0 {
            return Err("only a SELECT is taken here: files are read, never changed".to_string());
        }
        Ok(statement)
    }

    /// Its rows, up to a limit; those beyond it are counted.
    pub(crate) fn rows(&self, statement: &mut Statement<'_>, limit: usize) -> Result<Rows, String> {
        let columns =
            distinct(&statement.column_names().into_iter().map(str::to_string).collect::<Vec<_>>());
        let mut given = Rows { columns, ..Rows::default() };
        let mut size = 0;
        let mut rows = statement.query([]).map_err(|error| said(&error))?;
        while let Some(row) = rows.next().map_err(|error| said(&error))? {
            if given.rows.len() >= limit || size > GIVEN {
                given.more += 1;
                continue;
            }
            let mut values = Map::new();
            for (at, name) in given.columns.iter().enumerate() {
                let value = value(row.get_ref(at).map_err(|error| said(&error))?, &mut given.cut);
                size += name.len() + value.as_str().map_or(8, str::len);
                values.insert(name.clone(), value);
            }
            given.rows.push(values);
        }
        Ok(given)
    }

    /// The tables with their first rows, those of SQLite files counted.
    pub(crate) fn preview(&self, first: usize) -> Vec<Table> {
        let see = |(name, table): (String, &Table)| {
            let rows = format!("SELECT * FROM {name} LIMIT {first}");
            let first = self.statement(&rows).and_then(|mut it| self.rows(&mut it, first));
            let count = self.statement(&format!("SELECT count(*) FROM {name}"));
            let count = count.and_then(|mut it| {
                it.query_row([], |row| row.get::<_, i64>(0)).map_err(|error| said(&error))
            });
            Table {
                first: first.unwrap_or_default().rows,
                rows: count.map_or(table.rows, i64::unsigned_abs),
                ..table.clone()
            }
        };
        self.named().map(see).collect()
    }
}

/// Each column under a name of its own.
fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        let mut one = name.to_string();
        let mut number = 2;
        while distinct.contains(&one) {
            one = format!("{name}_{number}");
            number += 1;
        }
        distinct.push(one);
    }
    distinct
}

fn value(cell: ValueRef<'_>, cut: &mut bool) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => value.into(),
        ValueRef::Real(value) => real(value),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            match text.char_indices().nth(SHOWN) {
                None => text.into(),
                Some((end, _)) => {
                    *cut = true;
                    format!("{}…", &text[..end]).into()
                }
            }
        }
        ValueRef::Blob(bytes) => format!("({} bytes)", bytes.len()).into(),
    }
}

/// With the fifteen digits that hold: a sum of cents is no `30.300000000000004`.
fn real(value: f64) -> Value {
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    match serde_json::Number::from_f64(rounded) {
        Some(number) => number.into(),
        None => value.to_string().into(),
    }
}

/// The names of columns as SQL takes them bare, each once, with what they are in the file where that
/// is another.
pub(crate) fn named(
    connection: &Connection,
    written: impl Iterator<Item = String>,
) -> Vec<(String, Option<String>)> {
    let mut taken: Vec<String> = Vec::new();
    let mut names = Vec::new();
    for (written, number) in written.zip(1..) {
        let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut name = match plain(&written) {
            name if name.is_empty() => format!("column{number}"),
            name => name,
        };
        // A word of SQL is no name.
        if connection.prepare(&format!("SELECT {name} FROM (SELECT 1 AS \"{name}\")")).is_err() {
            name.push('_');
        }
        let (bare, mut number) = (name.clone(), 2);
        while taken.contains(&name.to_lowercase()) {
            name = format!("{bare}_{number}");
            number += 1;
        }
        taken.push(name.to_lowercase());
        let other = (written != name && !written.is_empty()).then_some(written);
        names.push((name, other));
    }
    names
}

/// What SQLite says, without its codes.
pub(crate) fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(error, _)
            if error.code == rusqlite::ErrorCode::OperationInterrupted =>
        {
            format!("the query took more than {} s", TIME.as_secs())
        }
        rusqlite::Error::SqliteFailure(error, said)
            if error.code == rusqlite::ErrorCode::AuthorizationForStatementDenied =>
        {
            let said = said.as_deref().unwrap_or("not authorized");
            format!("only a SELECT is taken here: files are read, never changed ({said})")
        }
        rusqlite::Error::SqliteFailure(_, Some(said)) => said.clone(),
        other => other.to_string(),
    }
}
