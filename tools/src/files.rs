//! `files.list`, `files.read`, `files.search`, `files.write`, `files.edit`, `files.move` and
//! `files.delete`: what their calls want. A call that names no path wants every folder and file that the agent may read.

mod types;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::content::ContentPart;
use agent_core::path::resolve;
use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
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

/// All of them. Each is declared here and nowhere else on this side: what it is called, what a model is told of it, what
/// it does to the world, and what a call wants.
pub(crate) fn tools(setup: &Setup) -> Vec<Arc<dyn Tool>> {
    let within = Within::of(setup);
    vec![
        Arc::new(tool::<ListArguments, Listing>(
            &within,
            "files.list",
            "Lists files and folders with their sizes.",
            Effect::Reads,
            |within, call| within.reads(call.path),
        )),
        Arc::new(
            tool::<SearchArguments, Found>(
                &within,
                "files.search",
                "Finds the passages of all files that fit a question best. Takes plain words; rows of \
                 tables come with their header.",
                Effect::Reads,
                |within, call| within.reads(call.path),
            )
            .shown(show_passages),
        ),
        Arc::new(
            tool::<ReadArguments, FileText>(
                &within,
                "files.read",
                "Reads a file as text, 200 lines at a time: text, PDF, Word, Excel, PowerPoint, \
                 OpenDocument, EPUB, notebook or e-mail.",
                Effect::Reads,
                |within, call| Ok(vec![Capability::Read(within.path(&call.path)?)]),
            )
            .shown(show_text)
            .parting(image),
        ),
        Arc::new(tool::<WriteArguments, Written>(
            &within,
            "files.write",
            "Creates a text file, or replaces the whole of it.",
            Effect::Idempotent,
            |within, call| Ok(vec![Capability::Write(within.path(&call.path)?)]),
        )),
        Arc::new(
            tool::<EditArguments, Edited>(
                &within,
                "files.edit",
                "Changes a part of a text file: replaces `old`, which must be there exactly once, by \
                 `new`; or applies a patch.",
                Effect::Writes,
                |within, call| {
                    call.change()?;
                    let path = within.path(&call.path)?;
                    Ok(vec![Capability::Read(path.clone()), Capability::Write(path)])
                },
            )
            .shown(show_changes),
        ),
        Arc::new(tool::<MoveArguments, Moved>(
            &within,
            "files.move",
            "Moves or renames a file or folder. The folders of the new path are made.",
            Effect::Writes,
            |within, call| {
                let (from, to) = (within.path(&call.path)?, within.path(&call.to)?);
                // What was moved can be read where it is then.
                let leaves = [Capability::Read(from.clone()), Capability::Delete(from)];
                Ok(leaves.into_iter().chain([Capability::Write(to)]).collect())
            },
        )),
        Arc::new(tool::<DeleteArguments, Deleted>(
            &within,
            "files.delete",
            "Deletes a file or an empty folder.",
            Effect::Writes,
            |within, call| Ok(vec![Capability::Delete(within.path(&call.path)?)]),
        )),
    ]
}

/// A tool whose work the guest does. `plan` says what a call wants.
fn tool<A: DeserializeOwned + JsonSchema + 'static, R: JsonSchema>(
    within: &Within,
    name: &str,
    description: &str,
    effect: Effect,
    plan: fn(&Within, A) -> Result<Vec<Capability>, String>,
) -> Builtin {
    let imports = Imports { files: true, ..Imports::default() };
    let guest = Guest::builtin(COMPONENT.clone(), imports, LIMITS);
    let within = within.clone();
    let spec = spec::<A, R>(name, description, effect);
    Builtin::new(spec, guest, move |call: A| plan(&within, call))
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

    fn path(&self, written: &str) -> Result<PathBuf, String> {
        resolve(&self.root, written)
    }

    pub(crate) fn reads(&self, path: Option<String>) -> Result<Vec<Capability>, String> {
        match path.filter(|path| !path.is_empty()) {
            Some(path) => Ok(vec![Capability::Read(self.path(&path)?)]),
            // Without a grant the call still wants something, so that it is denied with a reason.
            None if self.read.is_empty() => Ok(vec![Capability::Read(self.root.clone())]),
            None => Ok(self.read.iter().cloned().map(Capability::Read).collect()),
        }
    }
}
