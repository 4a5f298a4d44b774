//! What each thing under `ERRAND_HOME` is, told by its name. What has a name that errand does not
//! give belongs to others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{HomeError, disk};

/// What something is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `models/NAME`: imported models.
    Models,
    /// `files/NAME-HASH`: fetched files: ONNX Runtime, tools of set-up.
    Files,
    /// `partial`: what is on its way.
    Partial,
    /// `guests`: the python component.
    Guests,
    /// `cache`: components compiled for this machine.
    Cache,
    /// `toolchains`: what builds tools of one's own.
    Toolchains,
    /// `pages`: what was read of the web.
    Pages,
    /// `kv`: what tools keep between their calls.
    Values,
    /// `errand.db`, `drives`, `blobs`, `push`, `notify`: the journal of all runs, and where they are told.
    Journal,
    /// `oauth`: what MCP servers let their user in with.
    SignIns,
    /// `agents`, `demo`: the agent files that come with errand.
    Agents,
    /// What a process needs while it runs.
    Scratch,
    /// Not errand's.
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 13] = [
        Kind::Models,
        Kind::Files,
        Kind::Partial,
        Kind::Guests,
        Kind::Cache,
        Kind::Toolchains,
        Kind::Pages,
        Kind::Values,
        Kind::Journal,
        Kind::SignIns,
        Kind::Agents,
        Kind::Scratch,
        Kind::Other,
    ];

    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Models => "models",
            Kind::Files => "files",
            Kind::Partial => "partial",
            Kind::Guests => "guests",
            Kind::Cache => "cache",
            Kind::Toolchains => "toolchains",
            Kind::Pages => "pages",
            Kind::Values => "values",
            Kind::Journal => "journal",
            Kind::SignIns => "sign-ins",
            Kind::Agents => "agents",
            Kind::Scratch => "scratch",
            Kind::Other => "other",
        }
    }

    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Kind::Models => "imported models",
            Kind::Files => "fetched files: ONNX Runtime, tools of set-up",
            Kind::Partial => "downloads on their way",
            Kind::Guests => "the python component",
            Kind::Cache => "components compiled for this machine",
            Kind::Toolchains => "what builds tools of your own",
            Kind::Pages => "web pages that were read",
            Kind::Values => "what tools keep between calls",
            Kind::Journal => "every run, event by event",
            Kind::SignIns => "tokens of MCP servers that you signed in at",
            Kind::Agents => "agent files that come with errand",
            Kind::Scratch => "what a process needs while it runs",
            Kind::Other => "not put there by errand",
        }
    }
}

/// One thing in the home that is kept or removed as a whole.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// What it is for.
    pub kind: Kind,
    /// A file, a folder, or a link.
    pub form: Form,
    /// All that is in it. A link has nothing.
    pub bytes: u64,
    /// When the latest of its files was written.
    pub written: SystemTime,
}

/// What an entry is to the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A file.
    File,
    /// A folder with all that is in it.
    Folder,
    /// A link, which is not followed.
    Link,
}

impl Entry {
    /// What lies at a path now; none where nothing does.
    pub(super) fn at(path: &Path, kind: Kind) -> Result<Option<Entry>, HomeError> {
        let look = || -> io::Result<Entry> {
            let form = match fs::symlink_metadata(path)?.file_type() {
                kind if kind.is_symlink() => Form::Link,
                kind if kind.is_dir() => Form::Folder,
                _ => Form::File,
            };
            let (bytes, written) = measure(path)?;
            Ok(Entry { path: path.to_path_buf(), kind, form, bytes, written })
        };
        match look() {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk(path)(error)),
        }
    }

    /// Its last name.
    pub fn name(&self) -> String {
        last(&self.path)
    }

    /// Takes it away; what is gone already is gone. A link goes, and not what it leads to.
    pub(super) fn remove(&self) -> Result<(), HomeError> {
        let removed = match self.form {
            Form::Folder => fs::remove_dir_all(&self.path),
            Form::File | Form::Link => fs::remove_file(&self.path),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(&self.path)(error)),
            _ => Ok(()),
        }
    }
}

/// Whether what lies at a path, under a name, is what a folder is for.
type Belongs = fn(&Path, &str) -> bool;

/// The folders of a home, what they are for, and what may lie in them.
pub(super) const FOLDERS: [(&str, Kind, Belongs); 15] = [
    ("models", Kind::Models, |path, _| {
        path.join("seal.json").is_file() || path.join("model.onnx").is_file()
    }),
    ("files", Kind::Files, |_, name| fetched(name).is_some()),
    ("partial", Kind::Partial, |_, name| {
        let key = name.split('.').next().unwrap_or_default();
        is_hex(key, 64) || name.starts_with("model-") || name.ends_with(".lock")
    }),
    ("guests", Kind::Guests, |_, name| guest(name).is_some() || worked(name)),
    ("cache", Kind::Cache, |_, name| Artifact::named(name).is_some()),
    ("toolchains", Kind::Toolchains, |_, name| {
        name.starts_with("zig-") || name.starts_with("componentize-") || worked(name)
    }),
    ("pages", Kind::Pages, |_, name| matches!(name, "index" | "bodies")),
    ("kv", Kind::Values, |path, _| all_in(path, &["lock", "value", "draft"])),
    ("drives", Kind::Journal, |path, _| fs::metadata(path).is_ok_and(|run| run.len() == 0)),
    ("blobs", Kind::Journal, |path, _| {
        let blob = |file: &PathBuf| is_hex(&last(file), 64) || last(file).ends_with(".draft");
        inside(path).is_ok_and(|files| files.iter().all(blob))
    }),
    // Where clients are told of their tasks, and which ends of runs are to be told.
    ("push", Kind::Journal, |_, name| of_a_user(name)),
    ("notify", Kind::Journal, |_, name| of_a_user(name)),
    ("oauth", Kind::SignIns, |_, name| {
        let (stem, rest) = name.split_once('.').unwrap_or_default();
        let known = matches!(rest, "json" | "lock") || numbered(rest, "", ".draft");
        known && is_hex(stem, 64)
    }),
    ("agents", Kind::Agents, |_, name| name.ends_with(".toml") || name.ends_with(".draft")),
    ("demo", Kind::Agents, |_, name| {
        matches!(name, "agent.toml" | "script.jsonl" | "orders") || name.ends_with(".draft")
    }),
];

/// Everything in a home, in the order of the kinds.
pub(super) fn entries(home: &Path) -> Result<Vec<Entry>, HomeError> {
    let mut entries = Vec::new();
    for path in inside(home)? {
        let name = last(&path);
        let folder = FOLDERS.iter().find(|(folder, ..)| *folder == name);
        let real = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        match folder {
            Some((_, kind, fits)) if real => {
                for path in inside(&path)? {
                    let kind = if fits(&path, &last(&path)) { *kind } else { Kind::Other };
                    entries.extend(Entry::at(&path, kind)?);
                }
            }
            // The user keeps this folder elsewhere.
            Some((_, kind, _)) => entries.extend(Entry::at(&path, *kind)?),
            None => entries.extend(Entry::at(&path, alone(&name))?),
        }
    }
    entries.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
    Ok(entries)
}

/// Whether a file is called by a run that a server has for a user.
fn of_a_user(name: &str) -> bool {
    name.starts_with('s') && name.contains('_')
}

/// What lies in the home itself.
fn alone(name: &str) -> Kind {
    match name {
        "errand.db" | "errand.db-wal" | "errand.db-shm" | "errand.db-journal" | "errand.lock" => {
            Kind::Journal
        }
        // By which the runs of its owner are asked for over HTTP.
        "serve.token" => Kind::Journal,
        // What the artifacts are sealed with.
        "cache.key" => Kind::Cache,
        _ if numbered(name, "describing-", ".wasm") || numbered(name, "refetch-", "") => {
            Kind::Scratch
        }
        _ if numbered(name, "cache.", ".draft") || worked(name) => Kind::Scratch,
        _ => Kind::Other,
    }
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, HomeError> {
    let entries = fs::read_dir(folder).map_err(disk(folder))?;
    entries.map(|entry| Ok(entry.map_err(disk(folder))?.path())).collect()
}

/// A path's last name. One that is no text is none that errand gives.
fn last(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The bytes below a path, and when the latest of it was written. No link is followed.
fn measure(path: &Path) -> io::Result<(u64, SystemTime)> {
    let meta = fs::symlink_metadata(path)?;
    let mut written = meta.modified()?;
    if !meta.is_dir() {
        return Ok((if meta.is_file() { meta.len() } else { 0 }, written));
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        match measure(&entry?.path()) {
            Ok((more, later)) => {
                bytes += more;
                written = written.max(later);
            }
            // Another process has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok((bytes, written))
}

/// `DIGEST-MARK.cwasm`, its seal, its lock, or a draft of it.
pub(super) struct Artifact<'a> {
    pub(super) digest: &'a str,
    pub(super) mark: &'a str,
    pub(super) rest: &'a str,
}

impl<'a> Artifact<'a> {
    pub(super) fn named(name: &'a str) -> Option<Self> {
        let (stem, rest) = name.split_once('.')?;
        let (digest, mark) = stem.split_once('-')?;
        let known = matches!(rest, "cwasm" | "seal" | "lock") || numbered(rest, "", ".draft");
        (known && is_hex(digest, 64) && is_hex(mark, 16)).then_some(Self { digest, mark, rest })
    }
}

/// The private folder of a program that errand starts ([`guard::Work`]).
pub(super) fn worked(name: &str) -> bool {
    let drawn = name.strip_prefix("work-");
    drawn.is_some_and(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The hash of a python component.
pub(super) fn guest(name: &str) -> Option<&str> {
    let hash = name.strip_prefix("python-")?.strip_suffix(".wasm")?;
    is_hex(hash, 64).then_some(hash)
}

/// The name in the catalog of a fetched file, and the first digits of its SHA-256.
pub(super) fn fetched(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('-').filter(|(name, hash)| !name.is_empty() && is_hex(hash, 12))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A process's number between two fixed texts.
pub(super) fn numbered(name: &str, before: &str, after: &str) -> bool {
    let number = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    number.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a folder holds nothing but files with these names or endings.
fn all_in(folder: &Path, endings: &[&str]) -> bool {
    inside(folder).is_ok_and(|files| {
        files.iter().all(|file| {
            endings.iter().any(|end| {
                let name = last(file);
                name == *end || name.ends_with(&format!(".{end}"))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_errand_gives() {
        let (a, b) = ("a".repeat(64), "b".repeat(16));
        let artifact = format!("{a}-{b}.cwasm");
        assert_eq!(Artifact::named(&artifact).map(|found| found.mark), Some(b.as_str()));
        assert!(Artifact::named(&format!("{a}-{b}.12.draft")).is_some());
        for not in [format!("{a}.cwasm"), format!("{a}-{b}.txt"), format!("{b}-{b}.lock")] {
            assert!(Artifact::named(&not).is_none(), "{not}");
        }
        assert_eq!(fetched("onnxruntime-6c1585d1bbf4"), Some(("onnxruntime", "6c1585d1bbf4")));
        assert_eq!(fetched("qwen2.5-coder-1.5b"), None);
        assert_eq!(guest(&format!("python-{a}.wasm")), Some(a.as_str()));
        assert!(worked("work-3fGh9Z") && !worked("work-") && !worked("work-in-progress"));
        assert!(Artifact::named(&format!("{a}-{b}.seal")).is_some());
        assert_eq!(alone("cache.key"), Kind::Cache);
        assert_eq!(alone("cache.17.draft"), Kind::Scratch);
        assert_eq!(alone("refetch-9"), Kind::Scratch);
        assert_eq!(alone("errand.db"), Kind::Journal);
        assert_eq!(alone("serve.token"), Kind::Journal);
        assert_eq!(alone("thesis.tex"), Kind::Other);
    }
}
