//! The agent file: from TOML to a checked [`Agent`](agent_core::agent::Agent). `file` is the one
//! description of its shape; `shape` holds a file against it, `check` then asks what no schema can
//! say, and both report every problem with its place in the text. Start reading at [`Checked`].
//!
//! Reading an agent file is the only IO here: it looks at the files and folders that the file names,
//! and writes nothing.

mod agents;
mod base_url;
mod budget;
mod check;
mod component;
mod disk;
mod duration;
mod file;
mod grants;
mod keyword;
mod left_out;
mod mcp;
mod model;
mod model_table;
mod output;
mod param_values;
mod policies;
mod problem;
mod programs;
mod report;
pub mod research;
mod schema_check;
mod search;
pub mod size;
mod source;
mod strategy;
mod suggest;
mod templates;
mod tool_selection;

use std::path::Path;

pub use base_url::{WrongUrl, base_url};
pub use check::{Checked, Known, Looked};
pub use file::*;
pub use left_out::LeftOut;
pub use model::other as other_model;
pub use model_table::ModelTable;
pub use param_values::read_given;
pub use problem::{Invalid, Place, Problem};
pub use search::{Kind, ProviderTable, SearchTable, Unlisted, only};

use agent_core::agent::Agent;

/// Reads and checks an agent file and the values of its parameters (`-p key=value`, or
/// `key=@file`), all problems at once.
///
/// # Errors
/// Every problem of the file and of those that it names, with its place.
pub fn load(path: &Path, params: &[(String, String)], known: &Known<'_>) -> Result<Agent, Invalid> {
    Checked::read(path, params, known)?.ready()
}
