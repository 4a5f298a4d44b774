//! A keyed seal on each compiled artifact. An artifact is machine code: a user who can write into the
//! cache would otherwise be run. The key is a file of its own beside the cache, for this user alone;
//! a seal holds an artifact's name and every byte of it (HMAC-SHA-256, RFC 2104).

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ring::hmac::{self, Context, HMAC_SHA256};

const KEY: usize = 32;
const SEAL: usize = 32;

/// What seals are made and checked with.
pub(super) struct Seal {
    key: hmac::Key,
}

impl Seal {
    /// With the key of the cache in this folder, which is made where there is none. One that
    /// another user could have read is replaced: what it sealed is compiled again.
    pub(super) fn of(cache: &Path) -> io::Result<Seal> {
        let path = cache.with_extension("key");
        // Once more where another process was as fast: then its key is there.
        for _ in 0..2 {
            if let Some(key) = read(&path)? {
                return Ok(Seal { key: hmac::Key::new(HMAC_SHA256, &key) });
            }
            make(&path)?;
        }
        Err(io::Error::other(format!("`{}` is no key", path.display())))
    }

    /// Seals an artifact.
    pub(super) fn put(&self, artifact: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut seal = self.begun(artifact);
        seal.update(bytes);
        super::artifacts::write_whole(&place(artifact), seal.sign().as_ref())
    }

    /// Whether an open artifact is, byte for byte, one that was sealed under this name.
    pub(super) fn holds(&self, artifact: &Path, mut file: &File) -> io::Result<bool> {
        let mut known = [0; SEAL];
        match File::open(place(artifact)) {
            Ok(mut seal) => match seal.read_exact(&mut known) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                read => read?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        let mut seal = self.begun(artifact);
        let mut part = vec![0; 1 << 18];
        loop {
            match file.read(&mut part)? {
                0 => break,
                read => seal.update(&part[..read]),
            }
        }
        // Which byte differs first must not be observable.
        let differ = |sum: u8, (a, b): (&u8, &u8)| sum | (a ^ b);
        Ok(seal.sign().as_ref().iter().zip(&known).fold(0, differ) == 0)
    }

    fn begun(&self, artifact: &Path) -> Context {
        let name = artifact.file_name().unwrap_or_default().as_encoded_bytes();
        let mut context = Context::with_key(&self.key);
        context.update(&(name.len() as u64).to_le_bytes());
        context.update(name);
        context
    }
}

fn place(artifact: &Path) -> PathBuf {
    artifact.with_extension("seal")
}

/// The key, if it is whole and was never readable by another user.
fn read(path: &Path) -> io::Result<Option<[u8; KEY]>> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let ours = file.uid() == rustix::process::geteuid().as_raw() && file.mode() & 0o077 == 0;
    let mut key = [0; KEY];
    if !file.is_file() || !ours || file.len() != KEY as u64 {
        return Ok(None);
    }
    File::open(path)?.read_exact(&mut key)?;
    Ok(Some(key))
}

/// A new key, whole from the moment that it has its name. One that is there and sound stays.
fn make(path: &Path) -> io::Result<()> {
    let mut key = [0; KEY];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let written = (|| {
        // What a process of this number left when it was killed.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&key)?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read(path)? {
                Some(_) => Ok(()),
                None => fs::rename(&draft, path),
            },
            linked => linked,
        }
    })();
    let _gone = fs::remove_file(&draft);
    written
}
