//! The granted files and folders, opened once, when a run begins. Everything is reached from these handles and never
//! by an absolute path, so nothing outside them can be opened whatever its name turns into.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use agent_core::path;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use guard::Kept;
use rustix::fs::{Mode, OFlags, openat};

use super::path_handle::{Folder, Place};
use crate::Config;

/// What may be read, and what may be written.
pub(crate) struct Roots {
    folder: PathBuf,
    read: Vec<Root>,
    write: Vec<Root>,
    kept: Arc<Kept>,
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    /// Removing, or moving away: what is not there is not made for it.
    Delete,
}

/// One grant.
struct Root {
    path: PathBuf,
    opened: OnceLock<Opened>,
    /// What was there above it when it was not there itself, and the way from there.
    above: Option<(Dir, PathBuf)>,
}

#[derive(Clone)]
enum Opened {
    Folder(Arc<Folder>),
    /// One file, by its name in its folder.
    File(Arc<Folder>, PathBuf),
}

impl Roots {
    pub(crate) fn new(config: &Config) -> Roots {
        let roots = |paths: &[PathBuf]| paths.iter().map(|path| Root::new(path)).collect();
        Roots {
            folder: config.root.clone(),
            read: roots(&config.read),
            write: roots(&config.write),
            kept: Arc::clone(&config.kept),
        }
    }

    /// The absolute path that a guest means.
    pub(crate) fn resolve(&self, path: &str) -> Result<PathBuf, String> {
        path::resolve(&self.folder, path)
    }

    /// A path as the model is shown it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path::display(&self.folder, path)
    }

    /// What may be read, as the model is shown it.
    pub(crate) fn readable(&self) -> Vec<String> {
        self.read.iter().map(|root| self.shown(&root.path)).collect()
    }

    /// Where `path` (absolute) lies in what was granted: the narrowest grant that holds it.
    /// `Err` is a sentence for the model.
    pub(crate) fn place(&self, access: Access, path: &Path) -> Result<Place, String> {
        let (roots, word) = match access {
            Access::Read => (&self.read, "read"),
            Access::Write => (&self.write, "write"),
            Access::Delete => (&self.write, "delete from"),
        };
        let shown = self.shown(path);
        let holding = roots.iter().filter(|root| path.starts_with(&root.path));
        let root = holding.max_by_key(|root| root.path.as_os_str().len()).ok_or_else(|| {
            format!("`{shown}` is in no file or folder that this agent may {word}")
        })?;
        let rest = path.strip_prefix(&root.path).unwrap_or(Path::new(""));
        if access == Access::Write {
            root.make(rest)
                .map_err(|error| super::path_handle::sentence(&self.shown(&root.path), &error))?;
        }
        match root
            .open()
            .map_err(|error| super::path_handle::sentence(&self.shown(&root.path), &error))?
        {
            Opened::Folder(dir) => {
                Ok(Place::new(dir, root.path.clone(), rest, shown, Arc::clone(&self.kept)))
            }
            Opened::File(dir, name) if rest.as_os_str().is_empty() => {
                let parent = root.path.parent().unwrap_or(&root.path).to_path_buf();
                Ok(Place::new(dir, parent, &name, shown, Arc::clone(&self.kept)))
            }
            Opened::File(..) => {
                Err(format!("`{}` is a file, not a folder", self.shown(&root.path)))
            }
        }
    }
}

impl Root {
    /// Opens it, or what is there above it: what its path comes to mean later changes nothing.
    fn new(path: &Path) -> Root {
        let path: PathBuf = path.components().collect();
        let opened = OnceLock::new();
        let above = match Opened::now(&path) {
            Ok(now) => {
                let _first = opened.set(now);
                None
            }
            Err(_) => path.ancestors().skip(1).find_map(|above| {
                let real = fs::canonicalize(above).ok()?;
                let dir = Dir::open_ambient_dir(real, ambient_authority()).ok()?;
                Some((dir, path.strip_prefix(above).ok()?.to_path_buf()))
            }),
        };
        Root { path, opened, above }
    }

    /// What may be written need not be there yet: a folder is made when something is first written
    /// into it, and for a file its folder.
    fn make(&self, rest: &Path) -> io::Result<()> {
        let (None, Some((above, missing))) = (self.opened.get(), &self.above) else {
            return Ok(());
        };
        let folder = match rest.as_os_str().is_empty() {
            true => missing.parent().unwrap_or(Path::new("")),
            false => missing,
        };
        beneath(above, folder, Missing::Made).map(drop)
    }

    fn open(&self) -> io::Result<Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        let (Some((above, missing)), Some(name)) = (&self.above, self.path.file_name()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let folder = beneath(above, missing.parent().unwrap_or(Path::new("")), Missing::Stays)?;
        let opened = match into(&folder, name) {
            Ok(dir) => Opened::Folder(Arc::new(Folder::new(dir))),
            // A file that is there, or may be made.
            Err(_) => Opened::File(Arc::new(Folder::new(folder)), PathBuf::from(name)),
        };
        Ok(self.opened.get_or_init(|| opened).clone())
    }
}

/// What becomes of a folder on the way that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Made,
    Stays,
}

/// The folder at a path below another one, over no link.
fn beneath(above: &Dir, path: &Path, missing: Missing) -> io::Result<Dir> {
    let mut folder = above.try_clone()?;
    for name in path.components() {
        if missing == Missing::Made {
            match folder.create_dir(name) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        folder = into(&folder, name.as_os_str())?;
    }
    Ok(folder)
}

/// A folder in another one, if it is one and no link to one.
fn into(folder: &Dir, name: &OsStr) -> io::Result<Dir> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = openat(folder, name, flags, Mode::empty())?;
    Ok(Dir::from_std_file(fs::File::from(open)))
}

impl Opened {
    /// What is at a path. A grant may itself be a link: the author of the agent file meant where it
    /// leads.
    fn now(path: &Path) -> io::Result<Opened> {
        let real = fs::canonicalize(path)?;
        if real.is_dir() {
            let dir = Dir::open_ambient_dir(&real, ambient_authority())?;
            return Ok(Opened::Folder(Arc::new(Folder::new(dir))));
        }
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let dir = Dir::open_ambient_dir(parent, ambient_authority())?;
        Ok(Opened::File(Arc::new(Folder::new(dir)), PathBuf::from(name)))
    }
}
