//! Files that are read because of where they lie, beside an agent file or in a model's folder: a pipe in
//! the place of one would be waited for, and a device has no end.

use std::fs::{self, File};
use std::io::{self, Error, ErrorKind, Read};
use std::path::Path;

/// Opens a file to be read. What a person names in `/dev` and `/proc` is what they mean by it
/// (`/dev/stdin`, `/dev/fd/3`); a pipe or a socket anywhere else is refused.
///
/// # Errors
/// It is none, or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    let state = fs::metadata(path)?;
    let meant = path.starts_with("/dev") || path.starts_with("/proc");
    match state.is_file() || meant {
        true => File::open(path),
        false if state.is_dir() => Err(Error::new(ErrorKind::IsADirectory, "this is a folder")),
        false => {
            Err(Error::new(ErrorKind::InvalidInput, "this is a pipe or a device, and no file"))
        }
    }
}

/// All of a file of at most so many bytes.
///
/// # Errors
/// It is none, cannot be read, or is longer.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => {
            let most = if most < 1 << 20 {
                format!("{} KiB", most >> 10)
            } else {
                format!("{} MiB", most >> 20)
            };
            Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {most}")))
        }
        false => Ok(bytes),
    }
}

/// As [`read`], of text.
///
/// # Errors
/// Likewise, or it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let not_text = |_| Error::new(ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path, most)?).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_and_what_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "12345").unwrap();
        assert_eq!(read_text(&at("a"), 5).unwrap(), "12345");
        assert_eq!(read(&at("a"), 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(Path::new("/dev/zero"), 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("zero")).unwrap();
        for none in ["socket", "zero"] {
            assert_eq!(read(&at(none), 4).unwrap_err().kind(), ErrorKind::InvalidInput, "{none}");
        }
        assert_eq!(open(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(open(&at("b")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
