//! The `*.cedar` files beside an agent file: policies of the user's own, which forbid and ask. What
//! they say goes into the agent, so that a run keeps them.

use std::fs;
use std::path::{Path, PathBuf};

use super::check::Known;
use super::disk;
use super::report::Report;
use agent_core::permission::OwnRules;

/// The longest file of policies, in bytes, and the most of them.
const LONGEST: usize = 1 << 20;
const MOST: usize = 64;

/// Every file of policies in this folder, by name.
pub(super) fn beside(root: &Path, known: &Known<'_>, report: &mut Report<'_>) -> Vec<OwnRules> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "cedar"))
        .collect();
    files.sort();
    if files.len() > MOST {
        report.key("", format!("there are more than {MOST} `*.cedar` files beside the agent file"));
        return Vec::new();
    }
    let mut rules = Vec::new();
    for path in files {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let read = disk::read(&path, LONGEST).map_err(|missing| missing.message);
        let checked = read
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_string()))
            .and_then(|text| (known.policy_holds)(&text).map(|()| text));
        match checked {
            Ok(text) => rules.push(OwnRules { file, text }),
            Err(reason) => {
                report.key("", format!("the policies in `{file}` cannot be used: {reason}")).hint(
                    "every `*.cedar` beside an agent file is read as policies that forbid or ask; \
                     see docs/permissions.md",
                );
            }
        }
    }
    rules
}
