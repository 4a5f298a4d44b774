//! `files.list`, `files.read`, `files.search`, `files.write`: what their calls want. A call that
//! names no path wants every folder and file that the agent may read.

mod types;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::path::resolve;
use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool, ToolSpec};
use serde_json::Value;

use crate::builtin::{Builtin, spec};
use crate::registry::Setup;

use types::{
    FileText, Found, ListArguments, Listing, ReadArguments, SearchArguments, WriteArguments,
    Written,
};

pub(crate) static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/files.wasm"));

const LIMITS: Limits = Limits {
    memory: 256 << 20,
    time: Duration::from_secs(10),
    output: 1 << 20,
    fuel: None,
    calls: 128,
};

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![list_spec(), search_spec(), read_spec(), write_spec()]
}

pub(crate) fn tools(setup: &Setup) -> Vec<Arc<dyn Tool>> {
    let component = Component::Embedded { name: "files", bytes: COMPONENT };
    let imports = Imports { files: true, ..Imports::default() };
    let guest = Guest::builtin(component, imports, LIMITS);
    let within = Within { root: setup.root.clone(), read: setup.read.clone() };
    let (list, search, read, write) = (within.clone(), within.clone(), within.clone(), within);
    vec![
        Arc::new(Builtin::new(list_spec(), guest.clone(), move |call: ListArguments| {
            list.reads(call.path)
        })),
        Arc::new(
            Builtin::new(search_spec(), guest.clone(), move |call: SearchArguments| {
                search.reads(call.path)
            })
            .shown(show_passages),
        ),
        Arc::new(
            Builtin::new(read_spec(), guest.clone(), move |call: ReadArguments| {
                Ok(vec![Capability::Read(resolve(&read.root, &call.path)?)])
            })
            .shown(show_text),
        ),
        Arc::new(Builtin::new(write_spec(), guest, move |call: WriteArguments| {
            Ok(vec![Capability::Write(resolve(&write.root, &call.path)?)])
        })),
    ]
}

/// Each passage after the place where it stands.
fn show_passages(result: &Value) -> String {
    let passages = result["passages"].as_array().into_iter().flatten().map(|passage| {
        let text = |key: &str| passage[key].as_str().unwrap_or_default();
        let place = format!("[{}:{}]", text("path"), passage["start"]);
        [&place, text("context"), text("text")].join("\n").replace("\n\n", "\n")
    });
    let passages: Vec<String> = passages.collect();
    if passages.is_empty() { "nothing fits".to_string() } else { passages.join("\n\n") }
}

/// The text, and how to read on where there is more.
fn show_text(result: &Value) -> String {
    let text = result["text"].as_str().unwrap_or_default();
    match result["next"].as_u64() {
        None => text.to_string(),
        Some(next) => format!(
            "{text}\n[lines {} to {} of {}; go on with start = {next}]",
            result["start"], result["end"], result["total_lines"]
        ),
    }
}

#[derive(Clone)]
struct Within {
    root: PathBuf,
    read: Vec<PathBuf>,
}

impl Within {
    fn reads(&self, path: Option<String>) -> Result<Vec<Capability>, String> {
        match path.filter(|path| !path.is_empty()) {
            Some(path) => Ok(vec![Capability::Read(resolve(&self.root, &path)?)]),
            // Without a grant the call still wants something, so that it is denied with a reason.
            None if self.read.is_empty() => Ok(vec![Capability::Read(self.root.clone())]),
            None => Ok(self.read.iter().cloned().map(Capability::Read).collect()),
        }
    }
}

fn list_spec() -> ToolSpec {
    spec::<ListArguments, Listing>(
        "files.list",
        "Lists files and folders with their sizes.",
        Effect::Reads,
    )
}

fn search_spec() -> ToolSpec {
    spec::<SearchArguments, Found>(
        "files.search",
        "Finds the passages of all files that fit a question best. Takes plain words; rows of \
         tables come with their header.",
        Effect::Reads,
    )
}

fn read_spec() -> ToolSpec {
    spec::<ReadArguments, FileText>(
        "files.read",
        "Reads a text file, 200 lines at a time.",
        Effect::Reads,
    )
}

fn write_spec() -> ToolSpec {
    spec::<WriteArguments, Written>(
        "files.write",
        "Creates a text file, or replaces the whole of it.",
        Effect::Idempotent,
    )
}
