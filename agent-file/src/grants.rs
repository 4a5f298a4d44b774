//! `[permissions]`: what an agent may reach. Refuses a grant of what is not there, and a secret that
//! is written instead of named.

use std::path::{Path, PathBuf};

use super::disk::{self, Missing, Wanted};
use super::problem::shortened;
use super::report::Report;
use super::{AgentFile, programs, suggest};

use agent_core::agent::is_variable;
use agent_core::permission::{Grants, NetRule};
use agent_core::strategy::{Entry, PLAN};

/// The grants, and the names of the secrets.
pub(super) fn grants(
    file: &AgentFile,
    root: &Path,
    using: Vec<String>,
    strategy: Option<&Entry>,
    report: &mut Report<'_>,
) -> (Grants, Vec<String>) {
    let table = &file.permissions;
    let mut grants = Grants { root: root.to_path_buf(), tools: using, ..Grants::default() };
    grants.read = existing(root, "/permissions/read", &table.read, report);
    for (at, written) in table.write.iter().enumerate() {
        match disk::creatable(root, written) {
            Ok(path) => grants.write.push(path),
            Err(missing) => refuse_path(report, "write", at, missing),
        }
    }
    for (at, written) in table.delete.iter().enumerate() {
        match disk::creatable(root, written) {
            Ok(path) if grants.write.iter().any(|own| path.starts_with(own)) => {
                grants.delete.push(path);
            }
            // What cannot be written was reported, and would be the reason of this.
            Ok(_) if grants.write.len() < table.write.len() => {}
            Ok(_) => {
                let message = format!("`{}` is not below `write`", shortened(written));
                report
                    .value(&format!("/permissions/delete/{at}"), message)
                    .hint("name a file or folder that `write` grants");
            }
            Err(missing) => refuse_path(report, "delete", at, missing),
        }
    }
    for (at, written) in table.net.iter().enumerate() {
        match written.parse::<NetRule>() {
            Ok(rule) => grants.net.push(rule),
            Err(error) => {
                let message = format!("`{}` {}", shortened(written), error.problem);
                report.value(&format!("/permissions/net/{at}"), message).hint(error.hint);
            }
        }
    }
    for (at, name) in table.ask.iter().enumerate() {
        if name == PLAN && strategy.is_some_and(|entry| entry.proposes) {
            grants.ask.push(name.clone());
            continue;
        }
        let family = name.strip_suffix('*').filter(|family| family.ends_with('.'));
        let meant = |tool: &&String| match family {
            Some(family) => tool.starts_with(family),
            None => *tool == name,
        };
        let asked: Vec<String> = grants.tools.iter().filter(meant).cloned().collect();
        // A name in `use` that could not be made out has been reported.
        if asked.is_empty() && !file.tools.using.contains(name) {
            let message = format!("`{}` is not among the agent's tools", shortened(name));
            let hint = suggest::hint(name, grants.tools.iter().map(String::as_str));
            report.value(&format!("/permissions/ask/{at}"), message).hint(hint);
        }
        grants.ask.extend(asked);
    }
    grants.programs = programs::programs(file, root, &grants.tools, report);
    if !table.secrets.iter().all(|name| is_variable(name)) {
        // What was written may be the secret itself: it is neither repeated nor shown.
        let message = "an entry of `secrets` must be the name of an environment variable";
        report
            .key("/permissions/secrets", message)
            .hint("letters, digits and `_`, such as `API_KEY`, without `$`");
    }
    (grants, table.secrets.clone())
}

/// Files and folders that have to be there, written in a list of this key.
pub(super) fn existing(
    root: &Path,
    key: &str,
    written: &[String],
    report: &mut Report<'_>,
) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (at, written) in written.iter().enumerate() {
        match disk::existing(root, written, Wanted::Any) {
            Ok(path) => paths.push(path),
            Err(missing) => {
                report.value(&format!("{key}/{at}"), missing.message).hint = missing.hint;
            }
        }
    }
    paths
}

fn refuse_path(report: &mut Report<'_>, key: &str, at: usize, missing: Missing) {
    report.value(&format!("/permissions/{key}/{at}"), missing.message).hint = missing.hint;
}
