//! The files that a confined program sees: a root of its own, with what it was granted, the system's
//! programs and libraries to be read only, a private `/tmp`, a `/dev` with a few devices and a `/proc`
//! with its own processes. What is not there has no name: it cannot be looked at, watched or given
//! other rights.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::pivot_root;

use super::confine::{Cell, DEVICES, PRIVATE, system};

/// Where the program that confines is in the new root.
pub(super) const CONFINER: &str = "/.errand";

/// Where the processes of the cell are, unless `/proc` was granted.
pub(super) const PROC: &str = "/proc";

/// The old root, while the new one is made.
const OLD: &str = "/.old";

/// Bytes of `/tmp`, and of shared memory.
const ROOM: &CStr = c"mode=1777,size=256m";

/// What is at a path of the new root.
enum Entry {
    /// What is at this path of the old one, which has no links.
    Bound(PathBuf, Access),
    Link(PathBuf),
    /// An empty folder to write in, for as long as the program runs.
    Private,
    /// An empty folder, for what is mounted later.
    Empty,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Device,
}

/// Makes the root and enters it, in a mount namespace of its own, with a folder `here` in it.
/// [`close`] is what is left to do.
pub(super) fn enter(cell: &Cell, own: &Path, here: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("`{}`: {error}", path.display());
    let entries = entries(cell, own);
    leave().map_err(|error| failed(Path::new("/"), error))?;
    for (path, entry) in &entries {
        entry.put(path).map_err(|error| failed(path, error))?;
    }
    fs::create_dir_all(here).map_err(|error| failed(here, error))?;
    Ok(())
}

/// Leaves the old root, in the first process of the namespace of processes: only that one can mount
/// them, and only while `/proc` of the old root is there. A machine that hides a part of its own
/// `/proc`, as containers do, does not let it, and the folder stays empty.
pub(super) fn close(here: &Path, processes: bool) -> io::Result<()> {
    if processes {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        let _none = mount("none", PROC, "proc", flags, c"subset=pid");
    }
    unmount(OLD, UnmountFlags::DETACH)?;
    fs::remove_dir(OLD)?;
    restrict(Path::new("/"), RDONLY | NOSUID | NODEV, 0)?;
    // The folder that this ran in was one of the old root.
    std::env::set_current_dir(here)
}

/// An empty root, with the old one in it.
fn leave() -> io::Result<()> {
    let base = ["/tmp", "/run", "/mnt"].into_iter().find(|base| Path::new(base).is_dir());
    let base = Path::new(base.unwrap_or("/tmp"));
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("none", base, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, c"mode=0755,size=4m")?;
    let old = base.join(&OLD[1..]);
    fs::create_dir(&old)?;
    pivot_root(base, &old)?;
    std::env::set_current_dir("/")
}

/// The new root, parents first.
fn entries(cell: &Cell, own: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut entries = BTreeMap::new();
    for path in ["/dev"].iter().chain(&PRIVATE) {
        entries.insert(PathBuf::from(path), Entry::Private);
    }
    entries.insert(PathBuf::from(PROC), Entry::Empty);
    for path in DEVICES.map(PathBuf::from) {
        entries.insert(path.clone(), Entry::Bound(path, Access::Device));
    }
    // To be read they are the same; a shared mapping of the first would be memory without a name.
    let zeros = Entry::Bound(PathBuf::from("/dev/full"), Access::Device);
    entries.insert(PathBuf::from("/dev/zero"), zeros);
    for (name, target) in
        [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")]
    {
        entries.insert(Path::new("/dev").join(name), Entry::Link(target.into()));
    }
    let system: Vec<&Path> = system(cell.network).map(Path::new).collect();
    for path in &system {
        let Ok(real) = path.canonicalize() else { continue };
        let inside = system.iter().any(|folder| real.starts_with(folder) && *folder != *path);
        let entry = match fs::read_link(path) {
            Ok(target) if inside => Entry::Link(target),
            _ => Entry::Bound(real, Access::Read),
        };
        entries.insert(path.to_path_buf(), entry);
    }
    if let Ok(real) = own.canonicalize() {
        entries.insert(PathBuf::from(CONFINER), Entry::Bound(real, Access::Read));
    }
    for (paths, access) in [(&cell.read, Access::Read), (&cell.write, Access::Write)] {
        for path in paths {
            let Ok(real) = path.canonicalize() else { continue };
            // What is granted counts for more than what would be put there, or below.
            entries.retain(|at, _| !at.starts_with(path) || at.starts_with(CONFINER));
            for at in [path.components().collect(), real.clone()] {
                entries.insert(at, Entry::Bound(real.clone(), access));
            }
        }
    }
    entries
}

impl Entry {
    fn put(&self, at: &Path) -> io::Result<()> {
        let parent = at.parent().unwrap_or(at);
        let there = fs::symlink_metadata(at).ok();
        match self {
            // It is in what was put there before, and leads where it led.
            _ if there.as_ref().is_some_and(fs::Metadata::is_symlink) => Ok(()),
            Entry::Link(target) => {
                fs::create_dir_all(parent)?;
                symlink(target, at)
            }
            Entry::Empty => fs::create_dir_all(at),
            Entry::Private => {
                fs::create_dir_all(at)?;
                Ok(mount("none", at, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, ROOM)?)
            }
            Entry::Bound(real, access) => {
                let from = Path::new(OLD).join(real.strip_prefix("/").unwrap_or(real));
                // What was meant has no links on its way: one that is there now was put there since.
                let from = openat2(CWD, &from, OFlags::PATH, Mode::empty(), NO_LINKS)?;
                let from = format!("{OLD}/proc/self/fd/{}", from.as_raw_fd());
                match (fs::metadata(&from)?.is_dir(), there.is_some()) {
                    (_, true) => {}
                    (true, false) => fs::create_dir_all(at)?,
                    (false, false) => {
                        fs::create_dir_all(parent)?;
                        fs::File::create(at)?;
                    }
                }
                mount_bind_recursive(&from, at)?;
                match access {
                    Access::Read => restrict(at, RDONLY | NOSUID | NODEV, RECURSIVE),
                    Access::Write => restrict(at, NOSUID | NODEV, RECURSIVE),
                    Access::Device => Ok(()),
                }
            }
        }
    }
}

const NO_LINKS: ResolveFlags = ResolveFlags::NO_SYMLINKS;

const RDONLY: u64 = 1;
const NOSUID: u64 = 2;
const NODEV: u64 = 4;
const RECURSIVE: libc::c_uint = 0x8000;

/// Takes rights from a mount, and with [`RECURSIVE`] from all below it.
fn restrict(at: &Path, set: u64, flags: libc::c_uint) -> io::Result<()> {
    /// As the kernel has it.
    #[repr(C)]
    struct Attributes {
        set: u64,
        clear: u64,
        propagation: u64,
        namespace: u64,
    }
    let path = CString::new(at.as_os_str().as_encoded_bytes())?;
    let attributes = Attributes { set, clear: 0, propagation: 0, namespace: 0 };
    #[expect(unsafe_code, reason = "no safe wrapper has this call")]
    // SAFETY: both pointers are to what lives until it returns, and the size is that of the second.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<Attributes>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
