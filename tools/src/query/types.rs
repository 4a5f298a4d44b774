//! What `data.tables` and `data.query` take and give. The schema that models see, the host's checks and the guest's
//! own parsing all come from these types: the guest compiles this very file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Arguments of `data.tables`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct TablesArguments {
    /// A file or folder with tables; leave out for all files there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
}

/// Arguments of `data.query`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryArguments {
    /// One SELECT in SQLite's dialect.
    pub(crate) sql: String,
    /// A file or folder with tables; leave out for all files there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// How many rows to give, 1 to 1000; 50 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 1000)))]
    pub(crate) limit: Option<u32>,
}

/// Result of both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Queried {
    /// The columns of the rows, in order.
    pub(crate) columns: Vec<String>,
    /// The rows, each value under the name of its column.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// How many rows were left out.
    pub(crate) more_rows: u64,
    /// Of `data.tables`: the tables there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tables: Vec<Table>,
    /// The files that were read.
    pub(crate) read: Vec<String>,
    /// What to know of the values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// A table of a file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// What SQL calls it.
    pub(crate) name: String,
    /// The file it is in.
    pub(crate) path: String,
    /// How many rows it has.
    pub(crate) rows: u64,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its first rows.
    pub(crate) first: Vec<Map<String, Value>>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Column {
    /// What SQL calls it.
    pub(crate) name: String,
    /// What it holds: `integer`, `number`, `text`, `date`, `true or false` (1 or 0), `json`.
    pub(crate) holds: String,
    /// Its name in the file, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) written: Option<String>,
}
