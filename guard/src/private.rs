//! What errand keeps is for its user alone: folders 0700, files 0600, from the moment that they are
//! there. A journal holds all that a run has read.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Folders of `ERRAND_HOME` that hold programs, whose files have to stay programs; and those that
/// are always written with 0600, and may hold very many files.
const NOT_INTO: [&str; 5] = ["toolchains", "cache", "kv", "pages", "drives"];

/// Folders and files of `ERRAND_HOME`: what else is in that folder belongs to others.
const OURS: [&str; 19] = [
    "blobs",
    "cache",
    "cache.key",
    "drives",
    "errand.db",
    "errand.db-shm",
    "errand.db-wal",
    "errand.lock",
    "files",
    "guests",
    "kv",
    "models",
    "notify",
    "oauth",
    "pages",
    "partial",
    "push",
    "serve.token",
    "toolchains",
];

/// Sees to it that no other user can look into `ERRAND_HOME`: what an older version, or the user's
/// `mkdir`, left open is closed. Nothing is made that is not there.
///
/// # Errors
/// It cannot be closed, or others could write there: then what is in it may be theirs.
pub fn settle(home: &Path) -> Result<(), Exposed> {
    let exposed = |reason: String| Exposed { home: home.to_path_buf(), reason };
    let found = match fs::metadata(home) {
        Ok(found) if !found.is_dir() => return Ok(()),
        Ok(found) => found,
        // The code that writes the first file there says what is wrong with it.
        Err(_) => return Ok(()),
    };
    // Its owner can look into it and write there, whatever its rights are.
    let owner = found.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(exposed(format!("it belongs to another user ({owner})")));
    }
    // In an empty one nothing can be another's yet: a file system that was just mounted, mostly.
    let empty = || fs::read_dir(home).is_ok_and(|mut entries| entries.next().is_none());
    if found.mode() & 0o002 != 0 && !empty() {
        return Err(exposed("any user can write there".to_string()));
    }
    if !closed(&found) {
        let shared = ["/", "/tmp", "/home", "/root", "/usr", "/var", "/etc", "/opt"];
        let users = std::env::var_os("HOME").is_some_and(|user| same(Path::new(&user), &found));
        if users || shared.iter().any(|folder| same(Path::new(folder), &found)) {
            return Err(exposed("it is there for more than errand".to_string()));
        }
        close(home, &found).map_err(|error| exposed(error.to_string()))?;
    }
    for name in OURS {
        let path = home.join(name);
        let closed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() && !NOT_INTO.contains(&name) => tree(&path),
            Ok(found) => close(&path, &found),
            Err(_) => continue,
        };
        closed.map_err(|error| exposed(format!("`{}`: {error}", path.display())))?;
    }
    Ok(())
}

/// Closes a folder or a file, and what is in it. Links are left alone.
///
/// # Errors
/// It is another user's, or the disk cannot be written.
pub fn tree(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    close(path, &found)?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            tree(&entry?.path())?;
        }
    }
    Ok(())
}

/// Makes a folder, and those above it, where they are missing.
///
/// # Errors
/// The disk does not allow it.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file to be written, and makes it where it is missing.
///
/// # Errors
/// The disk does not allow it.
pub fn file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path)?;
    let found = file.metadata()?;
    if found.is_file() && !closed(&found) {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes a file where it is missing, and closes one that is there to others, without opening it: a
/// process that lets go of any handle of a file loses all its locks of it (POSIX), SQLite's too.
///
/// # Errors
/// The disk does not allow it.
pub fn made(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            close(path, &fs::symlink_metadata(path)?)
        }
        Err(error) => Err(error),
    }
}

/// Writes a whole file.
///
/// # Errors
/// The disk does not allow it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = file(path)?;
    file.set_len(0)?;
    file.write_all(bytes)
}

/// Creates or replaces a file, whole and on the disk from the moment that it has its name: it is written as `draft`, in
/// the same folder, first. Of a failure nothing is left.
///
/// # Errors
/// The disk does not allow it.
pub fn replace(path: &Path, draft: &Path, bytes: &[u8]) -> io::Result<()> {
    // What a process of this number left when it was killed.
    let _gone = fs::remove_file(draft);
    let written = (|| {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(draft, path)
    })();
    if written.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(draft);
    }
    written
}

/// Whether no other user has any right to it.
fn closed(found: &Metadata) -> bool {
    found.mode() & 0o077 == 0
}

fn close(path: &Path, found: &Metadata) -> io::Result<()> {
    let rights = if found.is_dir() { 0o700 } else { 0o600 };
    match (found.is_dir() || found.is_file()) && !closed(found) {
        true => fs::set_permissions(path, Permissions::from_mode(rights)),
        false => Ok(()),
    }
}

fn same(path: &Path, found: &Metadata) -> bool {
    fs::metadata(path).is_ok_and(|it| (it.dev(), it.ino()) == (found.dev(), found.ino()))
}

/// `ERRAND_HOME` cannot be kept from others.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` cannot be kept private: {reason}\nhint: give errand a folder of its own with \
     `ERRAND_HOME`, or look through this one and make it yours alone, with `chown` and `chmod 700`",
    home.display()
)]
pub struct Exposed {
    home: PathBuf,
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn open_to_all(path: &Path) {
        let rights = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, Permissions::from_mode(rights)).unwrap();
    }

    #[test]
    fn a_home_that_was_left_open_is_closed() {
        let above = tempfile::tempdir().unwrap();
        let home = above.path().join("home");
        for folder in ["models/a", "cache", "toolchains/zig", "theirs"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        let files = ["errand.db", "errand.db-wal", "models/a/model.onnx", "toolchains/zig/cc", "x"];
        for file in files {
            fs::write(home.join(file), "").unwrap();
            open_to_all(&home.join(file));
        }
        for folder in ["", "models", "models/a", "cache", "toolchains", "theirs"] {
            open_to_all(&home.join(folder));
        }
        settle(&home).unwrap();
        for folder in ["", "models", "models/a", "cache", "toolchains"] {
            assert_eq!(mode(&home.join(folder)), 0o700, "{folder}");
        }
        for file in ["errand.db", "errand.db-wal", "models/a/model.onnx"] {
            assert_eq!(mode(&home.join(file)), 0o600, "{file}");
        }
        // What is not errand's is left as it is, behind a channel that is closed.
        for (file, rights) in [("theirs", 0o755), ("x", 0o644), ("toolchains/zig/cc", 0o644)] {
            assert_eq!(mode(&home.join(file)), rights, "{file}");
        }
    }

    #[test]
    fn a_home_where_others_could_write_is_refused() {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), Permissions::from_mode(0o777)).unwrap();
        fs::write(above.path().join("errand.db"), "whose?").unwrap();
        let said = settle(above.path()).unwrap_err().to_string();
        assert!(said.contains("any user can write there\nhint: "), "{said}");
        assert_eq!(mode(above.path()), 0o777);
        fs::remove_file(above.path().join("errand.db")).unwrap();
        settle(above.path()).unwrap();
        assert_eq!(mode(above.path()), 0o700);
    }

    /// Only root could use one, and would trust what its owner puts there.
    #[test]
    fn a_home_that_belongs_to_another_user() {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), Permissions::from_mode(0o700)).unwrap();
        if std::os::unix::fs::chown(above.path(), Some(4321), None).is_err() {
            eprintln!("skipped: only root gives folders to others");
            return;
        }
        let said = settle(above.path()).unwrap_err().to_string();
        assert!(said.contains("it belongs to another user (4321)\nhint: "), "{said}");
    }

    #[test]
    fn a_folder_of_the_system_is_not_closed() {
        for folder in ["/", "/tmp", "/usr"] {
            let before = mode(Path::new(folder));
            assert!(settle(Path::new(folder)).is_err(), "{folder}");
            assert_eq!(mode(Path::new(folder)), before);
        }
    }

    #[test]
    fn a_link_in_the_home_does_not_lead_the_repair_out() {
        let above = tempfile::tempdir().unwrap();
        let (home, out) = (above.path().join("home"), above.path().join("out"));
        fs::create_dir(&home).unwrap();
        fs::create_dir(&out).unwrap();
        fs::write(out.join("file"), "").unwrap();
        open_to_all(&out.join("file"));
        open_to_all(&out);
        std::os::unix::fs::symlink(&out, home.join("models")).unwrap();
        std::os::unix::fs::symlink(out.join("file"), home.join("errand.db-wal")).unwrap();
        settle(&home).unwrap();
        assert_eq!((mode(&out), mode(&out.join("file"))), (0o755, 0o644));
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let above = tempfile::tempdir().unwrap();
        let (path, draft) = (above.path().join("file"), above.path().join("1.draft"));
        fs::write(&draft, "what a killed process left").unwrap();
        replace(&path, &draft, b"one").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"one".to_vec()));
        let taken = above.path().join("taken");
        fs::create_dir_all(taken.join("by a folder")).unwrap();
        assert!(replace(&taken, &draft, b"two").is_err());
        assert_eq!((taken.is_dir(), draft.exists()), (true, false));
    }

    #[test]
    fn what_is_written_is_private_from_the_first_moment() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("a/b/file");
        folder(path.parent().unwrap()).unwrap();
        write(&path, b"one, and longer").unwrap();
        open_to_all(&path);
        write(&path, b"two").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"two".to_vec()));
        assert_eq!(mode(&above.path().join("a")), 0o700);
        let path = above.path().join("database");
        made(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        open_to_all(&path);
        made(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}
