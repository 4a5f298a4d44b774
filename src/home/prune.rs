//! What nothing uses any more, removed.
//!
//! Unused is, exactly:
//! - a component that was compiled by another version's engine, or from a python component that goes;
//! - a python component, a fetched file or a toolchain of another version;
//! - a GGUF whose model is imported, and a download whose file is here;
//! - a download that was not gone on with for [`STALE`];
//! - what a process left half made: where there is a lock, when no process holds it; where there is none,
//!   after [`GONE`];
//! - the former body of a page that has another one now.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use models::catalog::Kind as Fetched;
use sandbox::{digest, marks, unreferenced};
use tools::author::Kit;

use super::layout::{Artifact, Entry, Form, Kind, fetched, guest, numbered, worked};
use super::{HomeError, Usage, disk};
use crate::Errand;

/// A download that stood still for so long is not waited for.
const STALE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Nothing that is made without a lock takes so long.
const GONE: Duration = Duration::from_secs(24 * 3600);

/// How much is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What nothing uses.
    Unused,
    /// That, and all that is made or fetched again when it is needed; no model, no run, nothing that
    /// tools keep.
    Again,
}

/// Something that goes.
#[derive(Debug, Clone)]
pub struct Unused {
    /// What it is.
    pub entry: Entry,
    /// Why it goes.
    pub why: Why,
    /// The locks that must be had for it.
    locks: Vec<PathBuf>,
}

/// Why something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No component, file or toolchain of this version.
    Version,
    /// What it was fetched for is made.
    Done,
    /// A download that was abandoned.
    Stale,
    /// Half made, by a process that is gone.
    Gone,
    /// A page has another body now.
    Replaced,
    /// It is used, and can be had again.
    Again,
}

impl Why {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Why::Version => "version",
            Why::Done => "done",
            Why::Stale => "stale",
            Why::Gone => "gone",
            Why::Replaced => "replaced",
            Why::Again => "again",
        }
    }

    /// The same for a person.
    pub fn about(self) -> &'static str {
        match self {
            Why::Version => "of another version",
            Why::Done => "done with: what it was fetched for is here",
            Why::Stale => "a download that stood still for 7 days",
            Why::Gone => "left half made",
            Why::Replaced => "a page that has another text now",
            Why::Again => "made or fetched again when it is needed",
        }
    }
}

/// What came of pruning.
#[derive(Debug, Clone)]
pub struct Pruned {
    /// What went.
    pub removed: Vec<Unused>,
    /// What another process works with, and so stayed.
    pub busy: Vec<PathBuf>,
}

impl Pruned {
    /// How much went.
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|unused| unused.entry.bytes).sum()
    }
}

impl Errand {
    /// What of all that is here would be pruned.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn unused(&self, usage: &Usage, extent: Extent) -> Result<Vec<Unused>, HomeError> {
        let rules = Rules {
            errand: self,
            home: &usage.home,
            marks: marks().map_err(HomeError::Engine)?,
            gone: self.gone(usage)?,
            now: SystemTime::now(),
        };
        let mut found = Vec::new();
        // What another links to is its owner's business.
        for entry in usage.entries.iter().filter(|entry| entry.form != Form::Link) {
            let again = (extent == Extent::Again && !lasting(entry)).then_some(Why::Again);
            if let Some(why) = rules.why(entry).or(again) {
                found.push(Unused { entry: entry.clone(), why, locks: rules.locks(entry)? });
            }
        }
        if extent == Extent::Unused {
            found.extend(rules.pages()?);
        }
        Ok(found)
    }

    /// Removes what is unused.
    ///
    /// # Errors
    /// A run goes on: it may be another version's, and need what this one does not. Or something
    /// cannot be read or removed.
    pub fn prune(&self, extent: Extent) -> Result<Pruned, HomeError> {
        let usage = self.usage()?;
        let driven = store::driven(&usage.home).map_err(disk(&usage.home))?;
        if let Some(run) = driven.first() {
            return Err(HomeError::Run(run.to_string()));
        }
        let mut pruned = Pruned { removed: Vec::new(), busy: Vec::new() };
        for unused in self.unused(&usage, extent)? {
            let entry = &unused.entry;
            let Some(_locks) = taken(&unused.locks)? else {
                pruned.busy.push(entry.path.clone());
                continue;
            };
            // Another process may have gone on with it before the lock was had.
            let now = Entry::at(&entry.path, entry.kind)?;
            if now.is_some_and(|now| now.written == entry.written) {
                entry.remove()?;
                pruned.removed.push(unused);
            }
        }
        Ok(pruned)
    }

    /// The digests of the python components that no version of this program's makes.
    fn gone(&self, usage: &Usage) -> Result<Vec<String>, HomeError> {
        let own = self.guests().component();
        let own = own.file_name().unwrap_or_default().to_string_lossy();
        let others = usage.entries.iter().filter(|entry| {
            let name = entry.name();
            entry.kind == Kind::Guests && guest(&name).is_some() && name != own
        });
        others.map(|entry| Ok(digest(&fs::read(&entry.path).map_err(disk(&entry.path))?))).collect()
    }
}

/// What stays whatever is asked for: models, runs, what tools keep; and locks, which have no bytes
/// and others may wait at.
fn lasting(entry: &Entry) -> bool {
    let kept = matches!(entry.kind, Kind::Models | Kind::Values | Kind::Journal | Kind::Other);
    kept || matches!(entry.kind, Kind::SignIns | Kind::Agents | Kind::Scratch)
        || entry.name().ends_with(".lock")
}

struct Rules<'a> {
    errand: &'a Errand,
    home: &'a Path,
    /// Of the engines of this version.
    marks: [String; 2],
    /// Digests of components that nothing runs any more.
    gone: Vec<String>,
    now: SystemTime,
}

impl Rules<'_> {
    fn why(&self, entry: &Entry) -> Option<Why> {
        let name = entry.name();
        match entry.kind {
            Kind::Cache => self.artifact(&Artifact::named(&name)?),
            Kind::Guests => match guest(&name) {
                Some(_) => {
                    (!self.errand.guests().component().ends_with(&name)).then_some(Why::Version)
                }
                None => self.half_made(entry),
            },
            Kind::Files => self.file(&name),
            Kind::Partial => self.partial(entry, &name),
            Kind::Toolchains => {
                let used = Kit::used();
                let staging = |used: &String| numbered(&name, &format!("{used}."), "");
                match used.iter().any(staging) || worked(&name) {
                    true => self.half_made(entry),
                    false => (!used.contains(&name)).then_some(Why::Version),
                }
            }
            Kind::Scratch => self.half_made(entry),
            Kind::Models
            | Kind::Pages
            | Kind::Values
            | Kind::Journal
            | Kind::SignIns
            | Kind::Agents
            | Kind::Other => None,
        }
    }

    fn artifact(&self, artifact: &Artifact<'_>) -> Option<Why> {
        let dead = !self.marks.iter().any(|mark| mark == artifact.mark)
            || self.gone.iter().any(|digest| digest == artifact.digest);
        match artifact.rest {
            "lock" => None,
            "cwasm" | "seal" => dead.then_some(Why::Version),
            _ => Some(Why::Gone),
        }
    }

    fn file(&self, name: &str) -> Option<Why> {
        let (name, hash) = fetched(name)?;
        let catalog = self.errand.fetcher().catalog();
        let known = catalog.everywhere().iter();
        let mut known = known.filter(|entry| entry.name == name && entry.sha256.starts_with(hash));
        match known.next() {
            None => Some(Why::Version),
            Some(entry) => (entry.kind == Fetched::Model && self.model(name)).then_some(Why::Done),
        }
    }

    fn partial(&self, entry: &Entry, name: &str) -> Option<Why> {
        if name.ends_with(".lock") {
            return None;
        }
        if name.contains('.') || name.starts_with("model-") {
            // A package that was being unpacked, a model that was being imported: begun anew.
            return Some(Why::Gone);
        }
        let fetcher = self.errand.fetcher();
        let known = fetcher.catalog().everywhere().iter().find(|known| known.sha256 == name);
        let done = known.is_some_and(|known| {
            fetcher.home().file(known).is_file()
                || known.kind == Fetched::Model && self.model(&known.name)
        });
        match done {
            true => Some(Why::Done),
            false => self.older(entry, STALE).then_some(Why::Stale),
        }
    }

    fn half_made(&self, entry: &Entry) -> Option<Why> {
        self.older(entry, GONE).then_some(Why::Gone)
    }

    /// What was written in the future may be new.
    fn older(&self, entry: &Entry, age: Duration) -> bool {
        self.now.duration_since(entry.written).is_ok_and(|since| since > age)
    }

    fn model(&self, name: &str) -> bool {
        self.errand.fetcher().home().model(name).join("seal.json").is_file()
    }

    fn pages(&self) -> Result<Vec<Unused>, HomeError> {
        let folder = self.home.join("pages");
        if !fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir()) {
            return Ok(Vec::new());
        }
        let bodies = unreferenced(&folder).map_err(disk(&folder))?;
        let mut found = Vec::new();
        for body in bodies {
            let entry = Entry::at(&body, Kind::Pages)?;
            let old = entry.filter(|entry| self.older(entry, GONE));
            found.extend(old.map(|entry| Unused { entry, why: Why::Replaced, locks: Vec::new() }));
        }
        Ok(found)
    }

    /// The locks that a process holds while it works with an entry.
    fn locks(&self, entry: &Entry) -> Result<Vec<PathBuf>, HomeError> {
        let name = entry.name();
        let partial = self.home.join("partial");
        let keys = |begins: &str| -> Result<Vec<PathBuf>, HomeError> {
            let Ok(files) = fs::read_dir(&partial) else { return Ok(Vec::new()) };
            let mut locks = Vec::new();
            for file in files {
                let path = file.map_err(disk(&partial))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(begins) && name.ends_with(".lock") {
                    locks.push(path);
                }
            }
            Ok(locks)
        };
        match entry.kind {
            Kind::Cache => {
                let stem = name.split('.').next().unwrap_or_default();
                Ok(vec![entry.path.with_file_name(format!("{stem}.lock"))])
            }
            Kind::Partial if name.starts_with("model-") => {
                let key = name.strip_suffix(".part").unwrap_or(&name);
                Ok(vec![partial.join(format!("{key}.lock"))])
            }
            Kind::Partial => keys(name.split('.').next().unwrap_or_default()),
            Kind::Files => {
                let (name, hash) = fetched(&name).unwrap_or_default();
                let mut locks = keys(hash)?;
                locks.push(partial.join(format!("model-{name}.lock")));
                Ok(locks)
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// Takes all of these locks, or none if another process holds one. One that is not there is free.
pub(super) fn taken(locks: &[PathBuf]) -> Result<Option<Vec<File>>, HomeError> {
    let mut taken = Vec::new();
    for path in locks {
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(disk(path)(error)),
        };
        match file.try_lock() {
            Ok(()) => taken.push(file),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(disk(path)(error)),
        }
    }
    Ok(Some(taken))
}
