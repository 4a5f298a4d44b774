//! Paths as a model writes them, made absolute without asking the file system.

use std::path::{Component, Path, PathBuf};

/// The absolute path that `path` means in the folder `root` (absolute), with `.` and `..` worked
/// out by their letters alone. Symbolic links are the sandbox's to refuse. The error is a
/// sentence for the author of the path.
pub fn resolve(root: &Path, path: &str) -> Result<PathBuf, String> {
    if path.contains('\0') {
        return Err("a path cannot hold a NUL byte".to_string());
    }
    let mut resolved = PathBuf::new();
    for part in root.join(path).components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    Ok(resolved)
}

/// How `path` is written for a reader in the folder `root`: relative where it is
/// inside, `.` for the folder itself, absolute elsewhere.
pub fn display(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root).unwrap_or(path).to_string_lossy() {
        shown if shown.is_empty() => ".".to_string(),
        shown => shown.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        assert_eq!(resolve(Path::new("/home/me"), path), Ok(PathBuf::from(expected)), "{path}");
    }

    #[test]
    fn paths_are_made_absolute() {
        check("docs/a.md", "/home/me/docs/a.md");
        check("./docs//a.md", "/home/me/docs/a.md");
        check("docs/../../you", "/home/you");
        check("../../../../..", "/");
        check("/etc/passwd", "/etc/passwd");
        check("", "/home/me");
        assert!(resolve(Path::new("/home/me"), "a\0b").is_err());
    }

    #[test]
    fn paths_are_shown_relative_where_they_can_be() {
        assert_eq!(display(Path::new("/home/me"), Path::new("/home/me/docs/a.md")), "docs/a.md");
        assert_eq!(display(Path::new("/home/me"), Path::new("/home/me")), ".");
        assert_eq!(display(Path::new("/home/me"), Path::new("/etc/passwd")), "/etc/passwd");
    }
}
