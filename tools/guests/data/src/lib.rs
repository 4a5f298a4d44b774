//! The guest behind `data.tables` and `data.query`. It owns what is made of tables: it reads them out of the bytes of
//! files, and lets SQLite answer. It has no files of its own: each one comes from the host, which
//! judges each use.

mod bindings {
    #![allow(clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../sandbox/wit", world: "builtin" });
}
mod base;
mod column;
mod columnar;
mod date;
mod hints;
mod json;
mod number;
mod query;
#[cfg_attr(not(test), expect(dead_code, reason = "where a row ends is asked for elsewhere"))]
#[path = "../../files/src/records.rs"]
mod records;
mod separated;
mod source;
#[cfg(test)]
mod tests;
#[path = "../../files/src/text.rs"]
mod text;
#[path = "../../../src/query/types.rs"]
mod types;
mod words;

use bindings::errand::tool::files;
use source::{Entry, Files};

struct Data;

impl bindings::Guest for Data {
    fn invoke(tool: String, arguments: String) -> Result<String, String> {
        let read = |error: serde_json::Error| error.to_string();
        let found = match tool.as_str() {
            "data.tables" => query::tables(serde_json::from_str(&arguments).map_err(read)?, &Host)?,
            "data.query" => query::query(serde_json::from_str(&arguments).map_err(read)?, &Host)?,
            _ => return Err(format!("this component has no tool `{tool}`")),
        };
        serde_json::to_string(&found).map_err(|error| error.to_string())
    }
}

/// The files that the host lends.
struct Host;

impl Files for Host {
    fn roots(&self) -> Vec<String> {
        files::roots()
    }

    fn list(&self, path: &str) -> Result<Vec<Entry>, String> {
        Ok(files::list(path)?.into_iter().map(|entry| (entry.path, entry.folder)).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        files::read(path)
    }
}

bindings::export!(Data with_types_in bindings);
