//! `files.list`, and the walk that `files.search` shares.

use crate::bindings::errand::tool::files;
use crate::types::{ListArguments, ListEntry, Listing};

const DEPTH: u32 = 4;
const ENTRIES: usize = 200;
/// More files than this are nobody's folder of documents; a walk ends here.
const WALK: usize = 5_000;

pub(crate) fn list(arguments: ListArguments) -> Result<Listing, String> {
    let depth = arguments.depth.unwrap_or(DEPTH).clamp(1, 16);
    let mut walked = walk(arguments.path.as_deref(), depth)?;
    let left_out = walked.len().saturating_sub(ENTRIES) as u64;
    walked.truncate(ENTRIES);
    Ok(Listing { entries: walked, left_out })
}

/// Everything under `path`, or under all roots, in order. What the host refuses deeper down is
/// left out; what it refuses at the top is an error.
pub(crate) fn walk(path: Option<&str>, depth: u32) -> Result<Vec<ListEntry>, String> {
    let mut entries = Vec::new();
    match path.filter(|path| !path.is_empty()) {
        Some(path) => start(path, depth, &mut entries)?,
        None => {
            let roots = files::roots();
            if roots.is_empty() {
                return Err("no folder may be read".to_string());
            }
            let mut refusal = None;
            for root in &roots {
                if let Err(error) = start(root, depth, &mut entries) {
                    refusal = Some(error);
                }
            }
            if let (true, Some(error)) = (entries.is_empty(), refusal) {
                return Err(error);
            }
        }
    }
    // Roots may lie inside each other.
    let mut seen = std::collections::HashSet::new();
    entries.retain(|entry| seen.insert(entry.path.clone()));
    Ok(entries)
}

fn start(path: &str, depth: u32, into: &mut Vec<ListEntry>) -> Result<(), String> {
    match files::list(path) {
        Ok(found) => descend(found, depth, into),
        Err(refused) => match files::read(path) {
            Ok(bytes) => into.push(ListEntry {
                path: path.to_string(),
                folder: false,
                size: bytes.len() as u64,
            }),
            Err(_) => return Err(refused),
        },
    }
    Ok(())
}

fn descend(found: Vec<files::Entry>, depth: u32, into: &mut Vec<ListEntry>) {
    for files::Entry { path, folder, size } in found {
        if into.len() >= WALK {
            return;
        }
        into.push(ListEntry { path: path.clone(), folder, size });
        if folder
            && depth > 1
            && let Ok(found) = files::list(&path)
        {
            descend(found, depth - 1, into);
        }
    }
}
