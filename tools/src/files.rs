//! `files.list`, `files.read`, `files.search`, `files.write`, `files.edit`, `files.move` and
//! `files.delete`: what their calls want. A call that names no path wants every folder and file that the agent may read.

mod types;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::content::ContentPart;
use agent_core::path::resolve;
use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool, ToolSpec};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::builtin::{Builtin, packed, spec};
use crate::registry::Setup;

use types::{
    DeleteArguments, Deleted, EditArguments, Edited, FileImage, FileText, Found, ListArguments,
    Listing, MoveArguments, Moved, ReadArguments, SearchArguments, WriteArguments, Written,
};

pub(crate) static COMPONENT: Component = packed!("files");

const LIMITS: Limits = Limits {
    memory: 256 << 20,
    time: Duration::from_secs(20),
    output: 1 << 20,
    fuel: None,
    calls: 128,
};

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![
        list_spec(),
        search_spec(),
        read_spec(),
        write_spec(),
        edit_spec(),
        move_spec(),
        delete_spec(),
    ]
}

pub(crate) fn tools(setup: &Setup) -> Vec<Arc<dyn Tool>> {
    let imports = Imports { files: true, ..Imports::default() };
    let guest = Guest::builtin(COMPONENT.clone(), imports, LIMITS);
    let within = Within::of(setup);
    let (list, search, read, write) =
        (within.clone(), within.clone(), within.clone(), within.clone());
    let (edit, moved, delete) = (within.clone(), within.clone(), within);
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
            .shown(show_text)
            .parting(image),
        ),
        Arc::new(Builtin::new(write_spec(), guest.clone(), move |call: WriteArguments| {
            Ok(vec![Capability::Write(resolve(&write.root, &call.path)?)])
        })),
        Arc::new(
            Builtin::new(edit_spec(), guest.clone(), move |call: EditArguments| {
                call.change()?;
                let path = resolve(&edit.root, &call.path)?;
                Ok(vec![Capability::Read(path.clone()), Capability::Write(path)])
            })
            .shown(show_changes),
        ),
        Arc::new(Builtin::new(move_spec(), guest.clone(), move |call: MoveArguments| {
            let (from, to) = (resolve(&moved.root, &call.path)?, resolve(&moved.root, &call.to)?);
            // What was moved can be read where it is then.
            let leaves = [Capability::Read(from.clone()), Capability::Delete(from)];
            Ok(leaves.into_iter().chain([Capability::Write(to)]).collect())
        })),
        Arc::new(Builtin::new(delete_spec(), guest, move |call: DeleteArguments| {
            Ok(vec![Capability::Delete(resolve(&delete.root, &call.path)?)])
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
    let note = result["note"].as_str().map(|note| format!("\n[{note}]")).unwrap_or_default();
    match result["next"].as_u64() {
        None if text.is_empty() && result["total_lines"] == 0 => "[the file is empty]".to_string(),
        None => format!("{text}{note}"),
        Some(next) => format!(
            "{text}\n[lines {} to {} of {}; go on with start = {next}]{note}",
            result["start"], result["end"], result["total_lines"]
        ),
    }
}

/// The image that the guest has read, taken out of its result. What it is, its bytes say once more.
fn image(result: &mut Value) -> Result<Vec<ContentPart>, String> {
    let Some(image) = result.as_object_mut().and_then(|result| result.remove("image")) else {
        return Ok(Vec::new());
    };
    let image: FileImage = serde_json::from_value(image).map_err(|error| error.to_string())?;
    let bytes = STANDARD.decode(image.data).map_err(|error| error.to_string())?;
    let part = ContentPart::image(bytes).map_err(|error| error.to_string())?;
    let part = part.sized(image.pixels);
    result["text"] = part.line().into();
    Ok(vec![part])
}

/// How many places were changed, and the first as they are now.
fn show_changes(result: &Value) -> String {
    let text = |key: &str| result[key].as_str().unwrap_or_default();
    let count = result["changes"].as_u64().unwrap_or_default();
    let places = if count == 1 { "place" } else { "places" };
    format!("changed {count} {places} in {}:\n{}", text("path"), text("text"))
}

/// Where relative paths start, and what a call that names none wants.
#[derive(Clone)]
pub(crate) struct Within {
    root: PathBuf,
    read: Vec<PathBuf>,
}

impl Within {
    pub(crate) fn of(setup: &Setup) -> Self {
        Self { root: setup.root.clone(), read: setup.read.clone() }
    }

    pub(crate) fn reads(&self, path: Option<String>) -> Result<Vec<Capability>, String> {
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
        "Reads a file as text, 200 lines at a time: text, PDF, Word, Excel, PowerPoint, \
         OpenDocument, EPUB, notebook or e-mail.",
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

fn edit_spec() -> ToolSpec {
    spec::<EditArguments, Edited>(
        "files.edit",
        "Changes a part of a text file: replaces `old`, which must be there exactly once, by `new`; \
         or applies a patch.",
        Effect::Writes,
    )
}

fn move_spec() -> ToolSpec {
    spec::<MoveArguments, Moved>(
        "files.move",
        "Moves or renames a file or folder. The folders of the new path are made.",
        Effect::Writes,
    )
}

fn delete_spec() -> ToolSpec {
    spec::<DeleteArguments, Deleted>(
        "files.delete",
        "Deletes a file or an empty folder.",
        Effect::Writes,
    )
}
