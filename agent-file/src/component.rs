//! `[[tools.component]]`: each component's file held against the lock, its limits read, and how far
//! it may go worked out. No component is run for this: the lock has what it said of itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::disk::{self, Missing, Wanted};
use super::problem::shortened;
use super::report::Report;
use super::{ComponentTable, duration, size, suggest};
use agent_core::agent::is_variable;
use agent_core::agreed::Agreed;
use agent_core::component::{Bounds, LARGEST, Locked, Pinned, check_name, digest, qualified};
use agent_core::path::resolve;
use agent_core::permission::{Grants, NetRule};
use agent_core::scope::{Scope, covers_net, covers_path, meet_net, meet_paths};

/// A component and the table that names it.
pub(super) struct Named<'a> {
    pub(super) pinned: Pinned,
    table: &'a ComponentTable,
    /// Where the table is, as a JSON pointer.
    pointer: String,
}

/// The components that are as the lock has them. What is wrong with the others was reported.
pub(super) fn named<'a>(
    tables: &'a [ComponentTable],
    root: &Path,
    agreed: &Agreed,
    report: &mut Report<'_>,
) -> Vec<Named<'a>> {
    let mut found: Vec<Named<'_>> = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let pointer = format!("/tools/component/{at}");
        // That it has no `file` was reported.
        if table.file.is_empty() {
            continue;
        }
        let Some(name) = name(table, &pointer, report) else { continue };
        if found.iter().any(|other| other.pinned.name == name) {
            let message = format!("two components are called `{name}`");
            report.key(&pointer, message).hint("give one of them another `name`");
            continue;
        }
        let bounds = bounds(table, &pointer, report);
        if let Some(pinned) =
            pinned(name, table, bounds, &pointer, root, &agreed.components, report)
        {
            found.push(Named { pinned, table, pointer });
        }
    }
    found
}

/// What a component is called.
fn name(table: &ComponentTable, pointer: &str, report: &mut Report<'_>) -> Option<String> {
    let (name, written) = match &table.name {
        Some(name) => (name.clone(), format!("{pointer}/name")),
        None => {
            let stem = Path::new(&table.file).file_stem().unwrap_or_default();
            (stem.to_string_lossy().into_owned(), format!("{pointer}/file"))
        }
    };
    match check_name(&name) {
        Ok(()) => Some(name),
        Err(problem) => {
            let problem = report.value(&written, format!("`{}` {problem}", shortened(&name)));
            if table.name.is_none() {
                problem.hint("give the component a `name`");
            }
            None
        }
    }
}

fn bounds(table: &ComponentTable, pointer: &str, report: &mut Report<'_>) -> Bounds {
    let mut amount = |key: &str, written: &Option<String>| {
        let text = written.as_ref()?;
        size::read(text)
            .map_err(|wanted| {
                let message = format!("`{key}` must be {wanted}, not `{}`", shortened(text));
                report.value(&format!("{pointer}/{key}"), message);
            })
            .ok()
    };
    let (memory, output) = (amount("memory", &table.memory), amount("output", &table.output));
    let time = table.time.as_ref().and_then(|text| {
        duration::read(text)
            .map_err(|wanted| {
                let message = format!("`time` must be {wanted}, not `{}`", shortened(text));
                report.value(&format!("{pointer}/time"), message);
            })
            .ok()
    });
    Bounds { memory, time, output, fuel: table.fuel, calls: table.calls }
}

/// The component, if the file is there and is the one in the lock.
fn pinned(
    name: String,
    table: &ComponentTable,
    bounds: Bounds,
    pointer: &str,
    root: &Path,
    locked: &BTreeMap<String, Locked>,
    report: &mut Report<'_>,
) -> Option<Pinned> {
    let at = format!("{pointer}/file");
    let bytes = disk::existing(root, &table.file, Wanted::File)
        .and_then(|path| Ok((disk::read(&path, LARGEST)?, path)));
    let (bytes, file) = match bytes {
        Ok(found) => found,
        Err(Missing { message, hint }) => {
            report.value(&at, message).hint = hint;
            return None;
        }
    };
    let Some(entry) = locked.get(&name) else {
        let message = format!("the component `{name}` is not in `errand.lock`");
        report.value(&at, message).hint(format!(
            "it is not pinned yet: remove this table, then `errand tools add {}`",
            table.file
        ));
        return None;
    };
    let sha256 = digest(&bytes);
    if sha256 != entry.sha256 {
        let message = format!("`{}` is not the file that was added", table.file);
        report
            .value(&at, message)
            .hint(format!("see what changed and agree to it: `errand tools update {name}`"));
        return None;
    }
    Some(Pinned { name, file, sha256, manifest: entry.manifest.clone(), bounds })
}

/// How far each component may go: what it wants, what its table leaves it, what the agent may.
pub(super) fn scopes(
    named: &[Named<'_>],
    grants: &Grants,
    secrets: &[String],
    report: &mut Report<'_>,
) -> BTreeMap<String, Scope> {
    let scope = |named: &Named<'_>| {
        let scope = Narrowing { named, grants, secrets, report }.scope();
        (named.pinned.name.clone(), scope)
    };
    named.iter().map(scope).collect()
}

struct Narrowing<'a, 'r, 's> {
    named: &'a Named<'a>,
    grants: &'a Grants,
    secrets: &'a [String],
    report: &'r mut Report<'s>,
}

impl Narrowing<'_, '_, '_> {
    fn scope(mut self) -> Scope {
        let Named { pinned, table, .. } = self.named;
        let wants = &pinned.manifest.wants;
        let net = self.net(table.net.as_deref());
        let read = self.paths("read", table.read.as_deref(), &self.grants.read);
        let write = self.paths("write", table.write.as_deref(), &self.grants.write);
        let secrets = self.words("secrets", table.secrets.as_deref(), self.secrets);
        let tools = self.words("tools", table.tools.as_deref(), &self.grants.tools);
        let wanted = |paths: &[String], left: &[std::path::PathBuf]| {
            // `.` is all that the agent may use, and that may lie beside its own folder.
            if paths.iter().any(|path| matches!(path.as_str(), "." | "./")) {
                return left.to_vec();
            }
            let wanted = paths.iter().filter_map(|path| resolve(&self.grants.root, path).ok());
            meet_paths(&wanted.collect::<Vec<_>>(), left)
        };
        let changing = pinned.manifest.tools.iter().filter(|spec| spec.effect.changes());
        Scope {
            read: wanted(&wants.read, &read),
            write: wanted(&wants.write, &write),
            net: meet_net(&wants.net, &net),
            tools: wants.tools.iter().filter(|tool| tools.contains(tool)).cloned().collect(),
            secrets: wants
                .secrets
                .iter()
                .filter(|secret| secrets.contains(&secret.name))
                .cloned()
                .collect(),
            kv: wants.kv,
            changing: changing.map(|spec| qualified(&pinned.name, spec)).collect(),
        }
    }

    fn net(&mut self, written: Option<&[String]>) -> Vec<NetRule> {
        let Some(written) = written else { return self.grants.net.clone() };
        let mut rules = Vec::new();
        for (at, text) in written.iter().enumerate() {
            match text.parse::<NetRule>() {
                Ok(rule) if covers_net(&self.grants.net, &rule) => rules.push(rule),
                Ok(_) => self.wider("net", at, text),
                Err(error) => {
                    let message = format!("`{}` {}", shortened(text), error.problem);
                    self.report.value(&self.at("net", at), message).hint(error.hint);
                }
            }
        }
        rules
    }

    fn paths(
        &mut self,
        key: &str,
        written: Option<&[String]>,
        granted: &[std::path::PathBuf],
    ) -> Vec<std::path::PathBuf> {
        let Some(written) = written else { return granted.to_vec() };
        let mut paths = Vec::new();
        for (at, text) in written.iter().enumerate() {
            let found = match key {
                "read" => disk::existing(&self.grants.root, text, Wanted::Any),
                _ => disk::creatable(&self.grants.root, text),
            };
            match found {
                Ok(path) if covers_path(granted, &path) => paths.push(path),
                Ok(_) => self.wider(key, at, text),
                Err(missing) => {
                    self.report.value(&self.at(key, at), missing.message).hint = missing.hint;
                }
            }
        }
        paths
    }

    fn words(&mut self, key: &str, written: Option<&[String]>, granted: &[String]) -> Vec<String> {
        let Some(written) = written else { return granted.to_vec() };
        if key == "secrets" && !written.iter().all(|name| is_variable(name)) {
            // What was written may be the secret itself: it is neither repeated nor shown.
            let message = "an entry of `secrets` must be the name of an environment variable";
            self.report
                .key(&format!("{}/secrets", self.named.pointer), message)
                .hint("letters, digits and `_`, such as `API_KEY`, without `$`");
            return Vec::new();
        }
        for (at, word) in written.iter().enumerate().filter(|(_, word)| !granted.contains(word)) {
            if key == "tools" {
                let message = format!("`{}` is not among the agent's tools", shortened(word));
                let hint = suggest::hint(word, granted.iter().map(String::as_str));
                self.report.value(&self.at(key, at), message).hint(hint);
            } else {
                self.wider(key, at, word);
            }
        }
        written.iter().filter(|word| granted.contains(word)).cloned().collect()
    }

    fn wider(&mut self, key: &str, at: usize, written: &str) {
        let message = format!(
            "the component `{}` may not have what the agent may not: `{}`",
            self.named.pinned.name,
            shortened(written)
        );
        self.report
            .value(&self.at(key, at), message)
            .hint(format!("add it to [permissions] {key}, or remove it here"));
    }

    fn at(&self, key: &str, at: usize) -> String {
        format!("{}/{key}/{at}", self.named.pointer)
    }
}
