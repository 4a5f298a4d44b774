//! The granted files and folders, opened once. Everything is reached from these handles and never
//! by an absolute path, so nothing outside them can be opened whatever its name turns into.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use agent_core::path;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use guard::Kept;

use super::place::Place;
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
}

/// One grant.
struct Root {
    path: PathBuf,
    opened: OnceLock<Opened>,
}

#[derive(Clone)]
enum Opened {
    Folder(Arc<Dir>),
    /// One file, by its name in its folder.
    File(Arc<Dir>, PathBuf),
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
        };
        let shown = self.shown(path);
        let holding = roots.iter().filter(|root| path.starts_with(&root.path));
        let root = holding.max_by_key(|root| root.path.as_os_str().len()).ok_or_else(|| {
            format!("`{shown}` is in no file or folder that this agent may {word}")
        })?;
        let rest = path.strip_prefix(&root.path).unwrap_or(Path::new(""));
        if access == Access::Write {
            root.make(rest)
                .map_err(|error| super::place::sentence(&self.shown(&root.path), &error))?;
        }
        match root
            .open()
            .map_err(|error| super::place::sentence(&self.shown(&root.path), &error))?
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
    fn new(path: &Path) -> Root {
        Root { path: path.components().collect(), opened: OnceLock::new() }
    }

    /// What may be written need not be there yet: a folder is made when something is first written
    /// into it, and for a file its folder.
    fn make(&self, rest: &Path) -> io::Result<()> {
        match self.path.parent() {
            _ if self.path.exists() => Ok(()),
            Some(folder) if rest.as_os_str().is_empty() => fs::create_dir_all(folder),
            _ => fs::create_dir_all(&self.path),
        }
    }

    fn open(&self) -> io::Result<Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        // A grant may itself be a link: whoever wrote the agent file meant where it leads.
        let real = match (fs::canonicalize(&self.path), self.path.parent(), self.path.file_name()) {
            (Ok(real), ..) => real,
            (Err(_), Some(folder), Some(name)) => fs::canonicalize(folder)?.join(name),
            (Err(error), ..) => return Err(error),
        };
        let opened = if real.is_dir() {
            Opened::Folder(Arc::new(Dir::open_ambient_dir(&real, ambient_authority())?))
        } else {
            let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
                return Err(io::ErrorKind::NotFound.into());
            };
            let dir = Dir::open_ambient_dir(parent, ambient_authority())?;
            Opened::File(Arc::new(dir), PathBuf::from(name))
        };
        Ok(self.opened.get_or_init(|| opened).clone())
    }
}
