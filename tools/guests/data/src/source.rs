//! The files that may hold tables, and the names that SQL has for them.

use crate::base::Base;
use crate::text::{self, Refused};
use crate::words::plain;
use crate::{columnar, json, separated};

/// Folders deep.
const DEPTH: u32 = 8;
/// Files that are looked through for tables.
const WALK: usize = 5_000;
/// Files with tables that are known by name.
const SOURCES: usize = 500;

const ENDS: [&str; 14] = [
    "csv", "tsv", "tab", "psv", "json", "jsonl", "ndjson", "parquet", "pq", "sqlite", "sqlite3",
    "db", "db3", "geojson",
];

/// What `list` gives of a folder: a path, whether that is a folder.
pub(crate) type Entry = (String, bool);

/// How files are come by.
pub(crate) trait Files {
    fn roots(&self) -> Vec<String>;
    fn list(&self, path: &str) -> Result<Vec<Entry>, String>;
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) path: String,
    /// What SQL calls its table, or the database in it.
    pub(crate) name: String,
    pub(crate) read: bool,
}

impl Source {
    pub(crate) fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(crate) fn stem(&self) -> &str {
        let file = self.file();
        file.rsplit_once('.').map_or(file, |(stem, _)| stem)
    }

    /// Whether it may be a database, whose tables are known only once it is open.
    pub(crate) fn is_database(&self) -> bool {
        matches!(end(&self.path).as_str(), "db" | "db3" | "sqlite" | "sqlite3")
    }

    /// Puts its tables into the base.
    pub(crate) fn fill(&mut self, base: &mut Base, files: &impl Files) -> Result<(), String> {
        self.read = true;
        let path = self.path.as_str();
        let bytes = files.read(path)?;
        if bytes.starts_with(b"SQLite format 3\0") {
            base.attach(&self.name, path, bytes)?;
            let log = format!("{path}-wal");
            let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
            if files
                .list(folder)
                .is_ok_and(|entries| entries.iter().any(|(entry, _)| *entry == log))
            {
                base.note(&self.name, None, format!("`{path}` has changes in `{log}` that are not read: who writes it has not closed it"));
            }
            return Ok(());
        }
        if bytes.starts_with(b"PAR1") {
            return columnar::fill(base, &self.name, path, bytes);
        }
        if bytes.is_empty() {
            return Err(format!("`{path}` is empty"));
        }
        let text = text::decode(&bytes).map_err(|Refused(kind)| {
            format!("`{path}` is {kind}; tables are CSV, TSV, JSON, JSON Lines, Parquet or SQLite")
        })?;
        match end(path).as_str() {
            "jsonl" | "ndjson" => json::fill_lines(base, &self.name, path, &text),
            "json" | "geojson" => json::fill(base, &self.name, path, &text),
            "csv" | "tsv" | "tab" | "psv" => separated::fill(base, &self.name, path, &text),
            _ if text.trim_start().starts_with(['{', '[']) => {
                json::fill(base, &self.name, path, &text)
            }
            "txt" | "" | "dat" | "log" => separated::fill(base, &self.name, path, &text),
            other => Err(format!(
                "`{path}`: `.{other}` is no table; tables are CSV, TSV, JSON, JSON Lines, Parquet or SQLite"
            )),
        }
    }
}

/// The files under a path, or under all that may be read.
pub(crate) fn find(path: Option<&str>, files: &impl Files) -> Result<Vec<Source>, String> {
    let mut paths = Vec::new();
    let roots = match path {
        Some(path) => vec![path.to_string()],
        None => files.roots(),
    };
    for root in &roots {
        match files.list(root) {
            Ok(entries) => descend(entries, DEPTH, files, &mut paths),
            // No folder: what it is, reading it will tell.
            Err(_) if path.is_some() => paths.push(root.clone()),
            Err(_) if holds_tables(root) => paths.push(root.clone()),
            Err(_) => {}
        }
    }
    let mut seen = std::collections::HashSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    paths.truncate(SOURCES);
    Ok(named(paths))
}

fn descend(entries: Vec<Entry>, depth: u32, files: &impl Files, into: &mut Vec<String>) {
    for (path, folder) in entries {
        if into.len() >= WALK {
            return;
        }
        if !folder && holds_tables(&path) {
            into.push(path);
        } else if folder
            && depth > 1
            && let Ok(entries) = files.list(&path)
        {
            descend(entries, depth - 1, files, into);
        }
    }
}

fn holds_tables(path: &str) -> bool {
    ENDS.contains(&end(path).as_str())
}

fn end(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map(|(_, end)| end.to_lowercase()).unwrap_or_default()
}

/// The name of the file, and of what lies above it where two have the same.
fn named(paths: Vec<String>) -> Vec<Source> {
    let mut sources: Vec<Source> =
        paths.into_iter().map(|path| Source { path, name: String::new(), read: false }).collect();
    let stems: Vec<String> = sources.iter().map(|source| plain(source.stem())).collect();
    let mut taken: Vec<String> = vec!["main".to_string(), "temp".to_string()];
    for (source, stem) in sources.iter_mut().zip(&stems) {
        let same = |other: &&String| other.to_lowercase() == stem.to_lowercase();
        let alone = stems.iter().filter(same).count() == 1;
        let bare = match alone {
            true => stem.clone(),
            false => {
                plain(source.path.rsplit_once('.').map_or(source.path.as_str(), |(path, _)| path))
            }
        };
        let bare = if bare.is_empty() { "file".to_string() } else { bare };
        let (mut name, mut number) = (bare.clone(), 2);
        while taken.contains(&name.to_lowercase()) {
            name = format!("{bare}_{number}");
            number += 1;
        }
        taken.push(name.to_lowercase());
        source.name = name;
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_files() {
        let paths = ["a/x.csv", "b/x.csv", "b/Order List.json", "c/main.db", "?.csv"];
        let names: Vec<String> =
            named(paths.map(str::to_string).to_vec()).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["a_x", "b_x", "Order_List", "main_2", "file"]);
    }
}
