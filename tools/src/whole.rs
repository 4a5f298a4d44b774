//! Files that are written whole or not at all: under another name first, then put in place.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Creates or replaces a file, as if in one instant.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}.draft", std::process::id()));
    // What a process of this number left when it was killed.
    let _gone = fs::remove_file(&draft);
    let written = (|| {
        let mut options = File::options();
        options.write(true).create_new(true);
        // What is replaced may have been made for some and not for all to read.
        let before = fs::metadata(path).ok().map(|before| before.mode() & 0o777);
        if before.is_some() {
            options.mode(0o600);
        }
        let mut file = options.open(&draft)?;
        file.write_all(bytes)?;
        if let Some(mode) = before {
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(&draft);
    }
    written
}
