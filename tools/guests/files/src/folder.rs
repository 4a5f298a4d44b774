//! The texts of all files that a search or a `data.*` tool is to look through.

use std::borrow::Cow;

use crate::bindings::errand::tool::files;
use crate::list::walk;
use crate::text;

/// A file larger than this is no reading matter; all files together must fit the guest's memory.
const FILE: u64 = 4 << 20;
const TOTAL: u64 = 24 << 20;
/// Documents are packed, and hold pictures: what counts of them is their text.
const DOCUMENT: u64 = 16 << 20;
const PACKED: u64 = 64 << 20;

/// What was read, and what was not.
#[derive(Default)]
pub(crate) struct Folder {
    /// Path and text of each file.
    pub(crate) texts: Vec<(String, String)>,
    pub(crate) skipped: Vec<String>,
}

/// All texts under `path`, or under all roots. A file that is no text or too large is skipped.
pub(crate) fn texts(path: Option<&str>) -> Result<Folder, String> {
    let mut folder = Folder::default();
    let (mut total, mut packed) = (0, 0);
    for entry in walk(path, 16)? {
        if entry.folder {
            continue;
        }
        let document = documents::named(&entry.path);
        let fits = match document {
            true => entry.size <= DOCUMENT && packed + entry.size <= PACKED,
            false => entry.size <= FILE && total + entry.size <= TOTAL,
        };
        let bytes = if fits { files::read(&entry.path).ok() } else { None };
        let text = bytes.and_then(|bytes| {
            packed += if document { bytes.len() as u64 } else { 0 };
            match documents::text(&entry.path, &bytes) {
                Some(text) => text.ok(),
                None => text::decode(&bytes).ok().map(Cow::into_owned),
            }
        });
        match text {
            Some(text) if total + text.len() as u64 <= TOTAL => {
                total += text.len() as u64;
                folder.texts.push((entry.path, text));
            }
            _ => folder.skipped.push(entry.path),
        }
    }
    Ok(folder)
}
