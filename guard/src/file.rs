//! Files that are read because of where they lie, beside an agent file or in a model's folder: a pipe in
//! the place of one would be waited for, and a device has no end. Nor is a log written into one, or over a link.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Error, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file to be read. What a person names in `/dev` and `/proc` is what they mean by it
/// (`/dev/stdin`, `/dev/fd/3`); a pipe or a socket anywhere else is refused.
///
/// # Errors
/// It is none, or cannot be opened.
pub fn open(path: &Path) -> io::Result<File> {
    if meant(path) {
        return File::open(path);
    }
    plain(&fs::metadata(path)?)?;
    // A pipe may take its place at this moment: opened like this it is not waited for.
    let file = at_once(OpenOptions::new().read(true)).open(path)?;
    plain(&file.metadata()?)?;
    Ok(file)
}

/// Opens a file to add lines to it, and makes it where it is missing, for its user alone. What is no file
/// is refused as by [`open`], and so is a link: it may lead to what a shell runs.
///
/// # Errors
/// Likewise.
pub fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.append(true).create(true).mode(0o600);
    if meant(path) {
        return options.open(path);
    }
    match fs::symlink_metadata(path) {
        Ok(state) if state.is_symlink() => {
            return Err(Error::new(ErrorKind::InvalidInput, "this is a link, and no file"));
        }
        Ok(state) => plain(&state)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    plain(&file.metadata()?)?;
    Ok(file)
}

/// Whether a person names a device or an open file by this.
fn meant(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

fn at_once(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed())
}

fn plain(state: &Metadata) -> io::Result<()> {
    match state.is_file() {
        true => Ok(()),
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
