//! One path beneath a granted folder, and what can be done there. Nothing here follows a link out
//! of the folder: the kernel refuses it while the path is walked (`openat2`, or a walk by handles
//! where there is none), so a link that is swapped in between is refused too.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{
    Dir, File, FileType, MetadataExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt,
};
use guard::{Disk, Kept};
use rustix::fs::{OFlags, RenameFlags};
use rustix::io::Errno;

use super::bindings::errand::tool::files::{Entry, Existing};
use super::kernel;
use crate::limits::bytes;

/// More entries than this are not listed.
const ENTRIES: usize = 10_000;

/// A granted folder, open.
pub(crate) struct Folder {
    dir: Dir,
    disk: Disk,
}

impl Folder {
    pub(crate) fn new(dir: Dir) -> Folder {
        let disk = guard::disk(&dir);
        Folder { dir, disk }
    }
}

impl Deref for Folder {
    type Target = Dir;

    fn deref(&self) -> &Dir {
        &self.dir
    }
}

/// A path beneath a granted folder.
#[derive(Clone)]
pub(crate) struct Place {
    dir: Arc<Folder>,
    /// Where `dir` is.
    base: PathBuf,
    /// From there; `.` for the folder itself.
    rest: PathBuf,
    /// For the model.
    shown: String,
    /// What is left out of the folder.
    kept: Arc<Kept>,
}

/// A file beneath a granted folder, open.
pub(crate) struct Opened {
    file: File,
    size: u64,
    limit: u64,
    shown: String,
}

impl Opened {
    /// Bytes, when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// All of it. It may have grown meanwhile.
    pub(crate) fn read(self) -> Result<Vec<u8>, String> {
        let mut content = Vec::with_capacity(self.size as usize);
        (&self.file)
            .take(self.limit + 1)
            .read_to_end(&mut content)
            .map_err(|error| format!("`{}` cannot be read: {}", self.shown, plain(&error)))?;
        let size = content.len() as u64;
        if size > self.limit { Err(self.too_big(size)) } else { Ok(content) }
    }

    fn too_big(&self, size: u64) -> String {
        let (size, limit) = (bytes(size), bytes(self.limit));
        format!("`{}` is {size}; files over {limit} cannot be read here", self.shown)
    }
}

impl Place {
    pub(crate) fn new(
        dir: Arc<Folder>,
        base: PathBuf,
        rest: &Path,
        shown: String,
        kept: Arc<Kept>,
    ) -> Place {
        let rest = if rest.as_os_str().is_empty() { Path::new(".") } else { rest };
        Place { dir, base, rest: rest.to_path_buf(), shown, kept }
    }

    /// Where the granted folder lies.
    pub(crate) fn disk(&self) -> Disk {
        self.dir.disk
    }

    /// The absolute path, as far as it is known.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.join(&self.rest).components().collect()
    }

    /// The place that links inside the folder lead to, so that what is judged is what is opened.
    /// What does not exist, or leads out, stays as it is written: opening it will tell.
    pub(crate) fn followed(mut self) -> Place {
        if let Ok(real) = self.dir.canonicalize(&self.rest) {
            self.rest = real;
            return self;
        }
        let mut missing = PathBuf::new();
        for known in self.rest.clone().ancestors() {
            match self.dir.canonicalize(known) {
                Ok(real) => {
                    self.rest = real.join(missing);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let name = known.file_name().unwrap_or_default();
                    missing = if missing.as_os_str().is_empty() {
                        PathBuf::from(name)
                    } else {
                        Path::new(name).join(missing)
                    };
                }
                Err(_) => break,
            }
        }
        self
    }

    /// The folder's links are followed, a last name that is one is not.
    pub(crate) fn followed_to_folder(mut self) -> Place {
        let (Some(parent), Some(name)) = (self.rest.parent(), self.rest.file_name()) else {
            return self;
        };
        let (parent, name) = (parent.to_path_buf(), name.to_owned());
        let folder = Place::new(self.dir, self.base, &parent, self.shown, self.kept).followed();
        self = Place { rest: folder.rest.join(name), ..folder };
        self
    }

    /// The file, if it is one and not too big, ready to be read.
    pub(crate) fn opened(self, limit: u64) -> Result<Opened, String> {
        let found = self.dir.symlink_metadata(&self.rest).map_err(|error| self.failed(&error))?;
        self.only_a_file(found.file_type())?;
        let file = self.open().map_err(|error| self.failed(&error))?;
        self.may_read(&file)?;
        let found = file.metadata().map_err(|error| self.failed(&error))?;
        self.only_a_file(found.file_type())?;
        let opened = Opened { file, size: found.len(), limit, shown: self.shown };
        if opened.size > limit { Err(opened.too_big(opened.size)) } else { Ok(opened) }
    }

    /// What is directly in the folder, sorted by name. Links that lead out, and what is neither
    /// file nor folder, are left out: they cannot be used. So is a link to the folder itself: a walk
    /// would find everything in it again and again.
    pub(crate) fn list(&self) -> Result<Vec<Entry>, String> {
        let failed = |error: io::Error| self.failed(&error);
        let folder = self.dir.open_dir(&self.rest).map_err(failed)?;
        self.may_read(&folder)?;
        let itself = folder.dir_metadata().map_err(failed)?;
        let mut entries = Vec::new();
        for found in folder.entries().map_err(failed)? {
            let name = found.map_err(failed)?.file_name();
            let Some(text) = name.to_str() else { continue };
            let Ok(what) = folder.metadata(&name) else { continue };
            let same = (what.dev(), what.ino()) == (itself.dev(), itself.ino());
            if !what.is_file() && !what.is_dir() || same {
                continue;
            }
            if entries.len() == ENTRIES {
                return Err(format!("`{}` holds more than {ENTRIES} entries", self.shown));
            }
            let path = match self.shown.as_str() {
                "." => text.to_string(),
                "/" => format!("/{text}"),
                shown => format!("{shown}/{text}"),
            };
            let size = if what.is_dir() { 0 } else { what.len() };
            entries.push(Entry { path, folder: what.is_dir(), size });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// Creates or replaces the whole file, its folders with it. A reader meanwhile, or
    /// finds it after a crash, has the old file or the new one.
    pub(crate) fn write(&self, content: &[u8]) -> Result<(), String> {
        let failed = |error: io::Error| self.failed(&error);
        let name = self.rest.file_name().ok_or_else(|| format!("`{}` is a folder", self.shown))?;
        // Before a folder is made for it, and once more where it has come to be.
        self.of_a_disk(&**self.dir)?;
        self.kept.may_write(&self.real(&**self.dir, &self.rest))?;
        let folder = match self.rest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                self.dir.create_dir_all(parent).map_err(failed)?;
                self.dir.open_dir(parent).map_err(failed)?
            }
            _ => self.dir.try_clone().map_err(failed)?,
        };
        self.of_a_disk(&folder)?;
        self.kept.may_write(&self.real(&folder, Path::new(name)))?;
        let before = match folder.symlink_metadata(name) {
            Ok(found) => {
                self.only_a_file(found.file_type())?;
                // Who may read and write it; new content is no program that runs as another user.
                Some(found.permissions().mode() & 0o777)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let draft = draft();
        let written = (|| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            if before.is_some() {
                // It holds the content before it has its rights.
                options.mode(0o600);
            }
            let mut file = folder.open_with(&draft, &options)?;
            file.write_all(content)?;
            if let Some(mode) = before {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            file.sync_all()?;
            folder.rename(&draft, &folder, name)?;
            on_disk(&folder)
        })();
        written.map_err(|error: io::Error| {
            let _ = folder.remove_file(&draft);
            format!("`{}` cannot be written: {}", self.shown, plain(&error))
        })
    }

    /// Removes the file, the folder if nothing is in it, or the link itself.
    pub(crate) fn delete(&self) -> Result<(), String> {
        let failed = |error: io::Error| self.failed(&error);
        let (folder, name) = self.within().map_err(failed)?.ok_or_else(|| self.granted())?;
        self.of_a_disk(&folder)?;
        self.kept.may_write(&self.real(&folder, Path::new(name)))?;
        let found = folder.symlink_metadata(name).map_err(failed)?;
        let gone = match found.is_dir() {
            true => folder.remove_dir(name),
            false => folder.remove_file(name),
        };
        gone.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::NOTEMPTY | Errno::EXIST) => {
                let held = folder.read_dir(name).map_or(0, Iterator::count);
                let held =
                    if held == 1 { "1 entry".to_string() } else { format!("{held} entries") };
                format!("`{}` is a folder with {held}: only an empty one is deleted", self.shown)
            }
            _ => format!("`{}` cannot be deleted: {}", self.shown, plain(&error)),
        })?;
        on_disk(&folder).map_err(failed)
    }

    fn a_folder(&self, name: &OsStr) -> String {
        let inside = Path::new(&self.shown).join(name);
        format!("`{}` is a folder; name the new path in it: `{}`", self.shown, inside.display())
    }

    /// Gives the file or folder another path. What stands there stays, unless it is a file and may
    /// be replaced by one.
    pub(crate) fn rename(&self, to: &Place, existing: Existing) -> Result<(), String> {
        let failed = |error: io::Error| self.failed(&error);
        let (folder, name) = self.within().map_err(failed)?.ok_or_else(|| self.granted())?;
        self.of_a_disk(&folder)?;
        let own = self.real(&folder, Path::new(name));
        // Before folders are made for it, and once more where it would come to be.
        to.of_a_disk(&**to.dir)?;
        self.kept.may_move(&own, &to.real(&**to.dir, &to.rest))?;
        let found = folder.symlink_metadata(name).map_err(failed)?.file_type();
        if !found.is_dir() {
            self.only_a_file(found)?;
        }
        let failed = |error: io::Error| to.failed(&error);
        if let Some(parent) = to.rest.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            to.dir.create_dir_all(parent).map_err(failed)?;
        }
        let (target, new) = to.within().map_err(failed)?.ok_or_else(|| to.a_folder(name))?;
        to.of_a_disk(&target)?;
        self.kept.may_move(&own, &to.real(&target, Path::new(new)))?;
        match target.symlink_metadata(new) {
            Ok(there) if there.is_dir() => {
                return Err(to.a_folder(name));
            }
            Ok(there) if existing == Existing::Replace && !found.is_dir() => {
                to.only_a_file(there.file_type())?;
            }
            Ok(_) => return Err(to.taken()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let moved = match existing {
            Existing::Replace if !found.is_dir() => folder.rename(name, &target, new),
            _ => unclaimed(&folder, name, &target, new),
        };
        moved.map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::EXIST) => to.taken(),
            Some(Errno::XDEV) => {
                format!("`{}` and `{}` are on different disks", self.shown, to.shown)
            }
            Some(Errno::INVAL) => format!("`{}` cannot be moved into itself", self.shown),
            _ => format!("`{}` cannot be moved: {}", self.shown, plain(&error)),
        })?;
        on_disk(&folder).and_then(|()| on_disk(&target)).map_err(failed)
    }

    /// The folder that it is in, and its name there; nothing for what was itself granted as a
    /// folder.
    fn within(&self) -> io::Result<Option<(Dir, &OsStr)>> {
        let Some(name) = self.rest.file_name() else { return Ok(None) };
        let folder = match self.rest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => self.dir.open_dir(parent)?,
            _ => self.dir.try_clone()?,
        };
        Ok(Some((folder, name)))
    }

    fn granted(&self) -> String {
        format!("`{}` is the folder that was granted, and stays", self.shown)
    }

    fn taken(&self) -> String {
        format!("`{}` is there already", self.shown)
    }

    /// Never through a last link, and without waiting for the process that holds a pipe's other end.
    fn open(&self) -> io::Result<cap_std::fs::File> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags.bits() as i32);
        self.dir.open_with(&self.rest, &options)
    }

    /// Whether something that is open may be read after all.
    fn may_read(&self, open: &(impl AsFd + ?Sized)) -> Result<(), String> {
        self.of_a_disk(open)?;
        self.kept.may_read(&self.real(open.as_fd(), Path::new("")))
    }

    /// What the kernel makes up is no file of a granted folder.
    fn of_a_disk(&self, open: &(impl AsFd + ?Sized)) -> Result<(), String> {
        match kernel::tells(open.as_fd()) {
            Ok(false) => Ok(()),
            Ok(true) => Err(format!("`{}` is the kernel's, and no file", self.shown)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Where something that is open really is, and what is below it: no link leads there any more.
    fn real(&self, open: impl AsFd, below: &Path) -> PathBuf {
        #[cfg(target_os = "linux")]
        let real = std::fs::read_link(format!("/proc/self/fd/{}", open.as_fd().as_raw_fd())).ok();
        #[cfg(target_vendor = "apple")]
        let real = rustix::fs::getpath(open).ok().map(|path| {
            PathBuf::from(std::os::unix::ffi::OsStringExt::from_vec(path.into_bytes()))
        });
        #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
        let real = {
            drop(open);
            None::<PathBuf>
        };
        match real {
            Some(real) => real.join(below).components().collect(),
            None => self.path(),
        }
    }

    fn only_a_file(&self, what: FileType) -> Result<(), String> {
        let shown = &self.shown;
        if what.is_file() {
            Ok(())
        } else if what.is_dir() {
            Err(format!("`{shown}` is a folder"))
        } else if what.is_symlink() {
            Err(format!("`{shown}` is a link; name the file it leads to"))
        } else {
            Err(format!("`{shown}` is not a regular file"))
        }
    }

    fn failed(&self, error: &io::Error) -> String {
        sentence(&self.shown, error)
    }
}

/// What a folder holds now is what it holds after a power cut.
fn on_disk(folder: &Dir) -> io::Result<()> {
    folder.open(".")?.sync_all()
}

/// Renames without replacing what came to be there meanwhile, where the file system can do that.
fn unclaimed(from: &Dir, name: &OsStr, to: &Dir, new: &OsStr) -> io::Result<()> {
    let flags = RenameFlags::NOREPLACE;
    match rustix::fs::renameat_with(from, name, to, new, flags) {
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) if !to.try_exists(new)? => {
            from.rename(name, to, new)
        }
        done => Ok(done?),
    }
}

/// What went wrong with a path, for the model.
pub(crate) fn sentence(shown: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("`{shown}` does not exist"),
        io::ErrorKind::NotADirectory => format!("`{shown}` is not in a folder"),
        // What cap-std says of a path that leads out; it carries no number of the system's.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            format!("`{shown}` leads out of the folder that was granted")
        }
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            format!("`{shown}` is a link")
        }
        _ => format!("`{shown}` cannot be opened: {}", plain(error)),
    }
}

/// The system's words without its numbers.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

/// A name that no other write uses.
fn draft() -> impl AsRef<Path> + AsRef<OsStr> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".errand-{}-{count}.draft", std::process::id())
}
