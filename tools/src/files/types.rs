//! What the `files.*` tools take and give. The schemas that models see, the host's checks and the
//! guest's own parsing all come from these types: the guest compiles this very file.

use serde::{Deserialize, Serialize};

/// Arguments of `files.list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ListArguments {
    /// A folder; leave out for all files there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// How many folders deep to look, 1 to 16; 4 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 16)))]
    pub(crate) depth: Option<u32>,
}

/// Result of `files.list`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// Files and folders, by path.
    pub(crate) entries: Vec<ListEntry>,
    /// How many were left out because there are too many.
    pub(crate) left_out: u64,
}

/// One file or folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ListEntry {
    /// Its path.
    pub(crate) path: String,
    /// Whether it is a folder.
    pub(crate) folder: bool,
    /// Bytes; 0 for a folder.
    pub(crate) size: u64,
}

/// Arguments of `files.read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadArguments {
    /// The file.
    pub(crate) path: String,
    /// First line of its text to read; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 1_000_000_000)))]
    pub(crate) start: Option<u32>,
    /// How many lines; 200 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 10_000)))]
    pub(crate) lines: Option<u32>,
}

/// Result of `files.read`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct FileText {
    /// The file.
    pub(crate) path: String,
    /// Its lines from `start` to `end`.
    pub(crate) text: String,
    /// First line given, from 1; 0 where the file is empty.
    pub(crate) start: u32,
    /// Last line given.
    pub(crate) end: u32,
    /// Lines in the file.
    pub(crate) total_lines: u32,
    /// The `start` to go on with, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u32>,
    /// What to know of the text; left out where there is nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
    /// The image that the file is; the host takes it out of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(skip))]
    pub(crate) image: Option<FileImage>,
}

/// An image that a guest has read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileImage {
    /// All of it, in base64.
    pub(crate) data: String,
    /// Width and height in pixels, as its header tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pixels: Option<(u32, u32)>,
}

/// Arguments of `files.search`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchArguments {
    /// Words or a question.
    pub(crate) query: String,
    /// A file or folder to look in; leave out for all files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// How many passages, 1 to 20; 5 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(min = 1, max = 20)))]
    pub(crate) limit: Option<u32>,
    /// How many of the best passages to leave out, to see what comes after them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_family = "wasm"), schemars(range(max = 1000)))]
    pub(crate) skip: Option<u32>,
}

/// Result of `files.search`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    /// The passages, best first.
    pub(crate) passages: Vec<Passage>,
    /// How many files were searched.
    pub(crate) files: u32,
    /// Files that are no text, are too large, or may not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) skipped: Vec<String>,
}

/// One passage of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Passage {
    /// The file.
    pub(crate) path: String,
    /// First line, from 1.
    pub(crate) start: u32,
    /// Last line.
    pub(crate) end: u32,
    /// How well it fits; higher is better.
    pub(crate) score: f64,
    /// The headings it stands under.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) context: String,
    /// The passage; of a table, one row a line, each value after its column's name.
    pub(crate) text: String,
    /// Whether it is rows of a table.
    pub(crate) rows: bool,
}

/// Arguments of `files.write`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteArguments {
    /// The file to create or replace.
    pub(crate) path: String,
    /// All of its new text.
    pub(crate) content: String,
}

/// Result of `files.write`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// The file.
    pub(crate) path: String,
    /// How many bytes it has now.
    pub(crate) bytes: u64,
}

/// Arguments of `files.edit`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct EditArguments {
    /// The file to change.
    pub(crate) path: String,
    /// The text to replace, exactly as it stands in the file. It must be there once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) old: Option<String>,
    /// The text to put in its place; empty to delete it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) new: Option<String>,
    /// true: replace `old` everywhere in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) all: Option<bool>,
    /// Instead of `old` and `new`: a unified diff of this one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) patch: Option<String>,
}

impl EditArguments {
    /// What is to be changed.
    pub(crate) fn change(&self) -> Result<Change<'_>, String> {
        match (&self.old, &self.new, &self.patch) {
            (None, None, Some(patch)) if self.all.is_none() => Ok(Change::Patch(patch)),
            (Some(old), Some(new), None) => {
                let everywhere = self.all.unwrap_or(false);
                Ok(Change::Replace { old, new, everywhere })
            }
            (_, _, Some(_)) => Err("`patch` stands alone, without `old`, `new` or `all`".into()),
            (None, ..) => Err("`old` is missing: the text to replace".into()),
            (_, None, _) => Err("`new` is missing: the text to put in the place of `old`".into()),
        }
    }
}

/// What `files.edit` is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    Replace { old: &'a str, new: &'a str, everywhere: bool },
    Patch(&'a str),
}

/// Result of `files.edit`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Edited {
    /// The file.
    pub(crate) path: String,
    /// How many places were changed.
    pub(crate) changes: u32,
    /// The first of them as they are now, each line after its number.
    pub(crate) text: String,
}

/// Arguments of `files.move`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct MoveArguments {
    /// The file or folder to move or rename.
    pub(crate) path: String,
    /// Its whole new path, with its name.
    pub(crate) to: String,
    /// true: replace a file that is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) overwrite: Option<bool>,
}

/// Result of `files.move`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Moved {
    /// Where it was.
    pub(crate) from: String,
    /// Where it is.
    pub(crate) path: String,
}

/// Arguments of `files.delete`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteArguments {
    /// The file, or an empty folder.
    pub(crate) path: String,
}

/// Result of `files.delete`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_family = "wasm"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Deleted {
    /// What is gone.
    pub(crate) deleted: String,
}
