//! `data.tables` and `data.query`: which files a query names, its rows, and what there is where it goes wrong.

use crate::base::{Base, Rows, said};
use crate::hints;
use crate::source::{self, Files, Source};
use crate::types::{Column, Queried, QueryArguments, Table, TablesArguments};
use crate::words::{Kind, Word, inside, quoted, words};

const ROWS: u32 = 50;
/// Files that are opened to show what is in them, or to look for a table.
const OPENED: usize = 20;
const FIRST: usize = 3;
/// Columns of a table that an error names.
const TOLD: usize = 40;

pub(crate) fn tables(arguments: TablesArguments, files: &impl Files) -> Result<Queried, String> {
    let mut sources = found(arguments.path.as_deref(), files)?;
    preview(Base::new().map_err(|error| said(&error))?, &mut sources, files)
}

pub(crate) fn query(arguments: QueryArguments, files: &impl Files) -> Result<Queried, String> {
    let sql = arguments.sql.trim();
    if sql.is_empty() {
        return Err("`sql` is empty: write one SELECT; `data.tables` shows the tables".to_string());
    }
    let mut sources = found(arguments.path.as_deref(), files)?;
    let base = Base::new().map_err(|error| said(&error))?;
    ask(base, &mut sources, files, sql, arguments.limit.unwrap_or(ROWS) as usize)
}

/// The files that hold tables; there is one at least.
fn found(path: Option<&str>, files: &impl Files) -> Result<Vec<Source>, String> {
    let path = path.filter(|path| !path.is_empty());
    let sources = source::find(path, files)?;
    if sources.is_empty() {
        return Err(format!(
            "there are no tables in {}: no CSV, TSV, JSON, JSON Lines, Parquet or SQLite file",
            path.map_or("what may be read".to_string(), |path| format!("`{path}`"))
        ));
    }
    Ok(sources)
}

fn preview(mut base: Base, sources: &mut [Source], files: &impl Files) -> Result<Queried, String> {
    let alone = sources.len() == 1;
    let mut notes = Vec::new();
    for source in sources.iter_mut().take(OPENED) {
        match source.fill(&mut base, files) {
            Ok(()) => {}
            Err(error) if alone => return Err(error),
            Err(error) => notes.push(error),
        }
    }
    let rest: Vec<String> =
        sources.iter().skip(OPENED).map(|source| format!("`{}`", source.path)).collect();
    if !rest.is_empty() {
        let shown = rest.iter().take(OPENED).cloned().collect::<Vec<_>>().join(", ");
        notes.push(format!("{} more files, such as {shown}: name one as `path`", rest.len()));
    }
    base.close().map_err(|error| said(&error))?;
    notes.splice(0..0, base.notes(|_, _| true));
    Ok(Queried { tables: base.preview(FIRST), read: read(sources), notes, ..Queried::default() })
}

fn ask(
    mut base: Base,
    sources: &mut [Source],
    files: &impl Files,
    sql: &str,
    limit: usize,
) -> Result<Queried, String> {
    let sql = by_table(sql, sources);
    let names: Vec<String> = words(&sql)
        .into_iter()
        .filter(|word| matches!(word.kind, Kind::Word | Kind::Quoted))
        .map(|word| word.text.to_lowercase())
        .collect();
    let alone = sources.len() == 1;
    for source in sources.iter_mut() {
        let named = |name: &str| names.contains(&name.to_lowercase());
        // The tables of a JSON file with several lists begin with its name.
        let part = format!("{}_", source.name.to_lowercase());
        let begins =
            source.path.ends_with("json") && names.iter().any(|name| name.starts_with(&part));
        if alone || named(&source.name) || begins {
            source.fill(&mut base, files)?;
        }
    }
    let sql = loop {
        let plain = by_column(&sql, &base);
        match base.statement(&plain).map(|_| ()) {
            Ok(()) => break plain,
            Err(error) => {
                let missing = error.starts_with("no such table");
                // It may be in a database that the query does not name.
                let next = sources.iter_mut().find(|it| missing && !it.read && it.is_database());
                match next {
                    Some(next) => next.fill(&mut base, files)?,
                    None => return Err(wrong(&error, &base, sources)),
                }
            }
        }
    };
    let sql = hints::with_numbers(&base, &sql)?;
    base.close().map_err(|error| said(&error))?;
    let told = |error: String| wrong(&error, &base, sources);
    let mut statement = base.statement(&sql).map_err(told)?;
    let Rows { columns, rows, more, cut } = base.rows(&mut statement, limit).map_err(told)?;
    drop(statement);
    let words = words(&sql);
    let mut notes = base.notes(|_, column| column.is_none_or(|column| mentions(&words, column)));
    let nothing = rows.iter().all(|row| row.values().all(|it| it.is_null() || *it == 0));
    if nothing {
        notes.extend(hints::values(&base, &words));
    }
    if cut {
        notes.push("long values are cut at …".to_string());
    }
    let read = read(sources);
    Ok(Queried { columns, rows, more_rows: more, tables: Vec::new(), read, notes })
}

fn mentions(words: &[Word], column: &str) -> bool {
    words.iter().any(|word| {
        word.text == "*" || word.kind != Kind::Text && word.text.eq_ignore_ascii_case(column)
    })
}

fn read(sources: &[Source]) -> Vec<String> {
    sources.iter().filter(|source| source.read).map(|source| source.path.clone()).collect()
}

/// The query with tables for the files that it names: `FROM docs/orders.csv`, `FROM 'orders.csv'`,
/// `FROM "Order List"`.
fn by_table(sql: &str, sources: &[Source]) -> String {
    let mut spelled: Vec<(&str, &Source)> = sources
        .iter()
        .flat_map(|source| [source.path.as_str(), source.file()].map(|name| (name, source)))
        .filter(|(name, _)| name.contains('.'))
        .collect();
    spelled.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut text = String::new();
    let mut done = 0;
    for word in words(sql) {
        if word.at.start < done {
            continue;
        }
        let rest = &sql[word.at.start..];
        let part = || {
            let before = sql[..word.at.start].chars().next_back();
            let fits = |name: &str| {
                rest.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name))
                    && !rest[name.len()..].starts_with(inside)
            };
            let free = !before.is_some_and(|c| inside(c) || c == '.' || c == '/');
            spelled.iter().find(|(name, _)| free && fits(name)).map(|(name, it)| (name.len(), *it))
        };
        let whole = || {
            let quoted = sources.iter().find(|source| {
                word.kind == Kind::Quoted && source.stem().eq_ignore_ascii_case(&word.text)
            });
            let file = spelled.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word.text));
            file.map(|(_, source)| *source).or(quoted).map(|source| (word.at.len(), source))
        };
        let found = match word.kind {
            Kind::Text | Kind::Quoted => whole(),
            Kind::Word | Kind::Other => part(),
        };
        if let Some((size, source)) = found {
            text += &sql[done..word.at.start];
            text += &quoted(&source.name);
            done = word.at.start + size;
        }
    }
    text + &sql[done..]
}

/// The query with the names that columns have here in the place of those that they have in the file.
fn by_column(sql: &str, base: &Base) -> String {
    let (mut text, mut done) = (String::new(), 0);
    for word in words(sql).into_iter().filter(|word| word.kind == Kind::Quoted) {
        let mut columns = base.tables().flat_map(|table| &table.columns);
        let written = |column: &&Column| {
            column.written.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(word.text.trim()))
        };
        if let Some(column) = columns.find(written) {
            text += &sql[done..word.at.start];
            text += &quoted(&column.name);
            done = word.at.end;
        }
    }
    text + &sql[done..]
}

/// What is wrong, and what there is.
fn wrong(error: &str, base: &Base, sources: &[Source]) -> String {
    let columns = |table: &Table| {
        let named = table.columns.iter().take(TOLD).map(|column| match &column.written {
            Some(written) => format!("{} {} (\"{written}\")", bare(&column.name), column.holds),
            None => format!("{} {}", bare(&column.name), column.holds),
        });
        let more = table.columns.len().saturating_sub(TOLD);
        let more = (more > 0).then(|| format!("{more} more"));
        named.chain(more).map(|it| it.trim().to_string()).collect::<Vec<_>>().join(", ")
    };
    let open = base.tables().map(|it| format!("{} ({})", bare(&it.name), columns(it)));
    let closed = sources
        .iter()
        .filter(|source| !source.read)
        .map(|source| format!("{} in {}", source.name, source.path));
    let known: Vec<String> = open.chain(closed).take(TOLD).collect();
    format!("{error}\nThe tables: {}", known.join("; "))
}

/// In quotes where SQL wants them.
fn bare(name: &str) -> String {
    if name.chars().all(inside) { name.to_string() } else { quoted(name) }
}
