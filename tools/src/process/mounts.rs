//! What landlock cannot leave out of a folder that it grants: files that no agent may write are
//! mounted over themselves, to be read only, and `ERRAND_HOME` under an empty folder. The mounts are
//! the program's alone, and landlock, which comes after them, lets no program change them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change, mount_remount,
};
use serde::{Deserialize, Serialize};

/// What is kept from a program inside of what it was granted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Exceptions {
    /// Files and folders that stay as they are.
    pub(super) fixed: BTreeSet<PathBuf>,
    /// Folders on the way to them, which must not be moved away.
    pub(super) ways: BTreeSet<PathBuf>,
    /// Folders that are not there.
    pub(super) hidden: BTreeSet<PathBuf>,
}

impl Exceptions {
    pub(super) fn is_empty(&self) -> bool {
        self.fixed.is_empty() && self.hidden.is_empty()
    }

    /// In a mount namespace of its own.
    pub(super) fn mount(&self) -> Result<(), String> {
        let failed = |path: &Path, error: io::Error| format!("`{}`: {error}", path.display());
        let here = std::env::current_dir().map_err(|error| error.to_string())?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(|error| failed(Path::new("/"), error.into()))?;
        for path in &self.ways {
            mount_bind_recursive(path, path).map_err(|error| failed(path, error.into()))?;
        }
        for path in &self.fixed {
            fix(path).map_err(|error| failed(path, error))?;
        }
        for path in &self.hidden {
            let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
            mount("none", path, "tmpfs", flags, c"size=4k,mode=0555")
                .map_err(|error| failed(path, error.into()))?;
        }
        // The folder that this runs in is still the one beneath the mounts.
        std::env::set_current_dir(&here).map_err(|error| failed(&here, error))
    }
}

/// A mount of another namespace keeps the restrictions that it has there.
fn fix(path: &Path) -> io::Result<()> {
    mount_bind_recursive(path, path)?;
    let had = statvfs(path)?.f_flag;
    let mut flags = MountFlags::BIND | MountFlags::RDONLY;
    for (flag, same) in [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if had.contains(flag) {
            flags |= same;
        }
    }
    Ok(mount_remount(path, flags, "")?)
}
