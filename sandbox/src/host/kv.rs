//! Values that a component keeps between its calls: a folder for each component, a file for each
//! key. A value is set whole or not at all, whoever else is setting it, and all of them together
//! are bounded.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::Host;
use super::bindings::errand::tool::kv;
use crate::limits::{Import, bytes};

const LONGEST_KEY: usize = 256;
const MOST_KEYS: usize = 1_000;
const MOST_VALUE: u64 = 1 << 20;
const MOST_BYTES: u64 = 8 << 20;

impl kv::Host for Host {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, String>> {
        self.kept(move |kept| kept.get(&key)).await
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), String>> {
        self.kept(move |kept| kept.set(&key, &value)).await
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), String>> {
        self.kept(move |kept| kept.delete(&key)).await
    }

    async fn keys(&mut self) -> wasmtime::Result<Result<Vec<String>, String>> {
        self.kept(|kept| kept.keys()).await
    }
}

impl Host {
    async fn kept<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(Kept) -> Result<T, Refusal> + Send + 'static,
    ) -> wasmtime::Result<Result<T, String>> {
        self.uses.count(Import::Kv)?;
        let kept = match (&self.lent.kv, &self.name) {
            (Some(folder), Some(name)) if legal(name) => Kept { folder: folder.join(&**name) },
            _ => return Ok(Err("nothing can be kept here".to_string())),
        };
        let _waiting = self.clock.outside();
        Ok(spawn_blocking(move || work(kept)).await?.map_err(|refusal| refusal.to_string()))
    }
}

/// What a component is called is a folder's name here.
fn legal(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain)
}

/// A sentence for the model; nothing of this machine is in it.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a key has 1 to {LONGEST_KEY} bytes")]
    Key,
    #[error("a value has at most {}", bytes(MOST_VALUE))]
    Value,
    #[error("a component keeps at most {MOST_KEYS} keys")]
    Keys,
    #[error("a component keeps at most {}", bytes(MOST_BYTES))]
    Bytes,
    #[error("what is kept cannot be reached")]
    Disk(#[from] io::Error),
}

/// One component's values.
struct Kept {
    folder: PathBuf,
}

impl Kept {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        match File::open(self.place(key)?) {
            Ok(file) => Ok(entry(file, MOST_VALUE)?.map(|(_, value)| value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), Refusal> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let place = self.place(key)?;
        if value.len() as u64 > MOST_VALUE {
            return Err(Refusal::Value);
        }
        let _one_at_a_time = self.locked()?;
        self.room(&place, key, value)?;
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = self.folder.join(format!("{}-{number}.draft", std::process::id()));
        let written = (|| {
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(&(key.len() as u32).to_le_bytes())?;
            file.write_all(key.as_bytes())?;
            file.write_all(value)?;
            file.sync_data()?;
            fs::rename(&draft, &place)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        Ok(written?)
    }

    fn delete(&self, key: &str) -> Result<(), Refusal> {
        match fs::remove_file(self.place(key)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn keys(&self) -> Result<Vec<String>, Refusal> {
        let mut keys = Vec::new();
        for (path, _) in self.entries()? {
            if let Ok(file) = File::open(path)
                && let Some((key, _)) = entry(file, 0)?
            {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Whether there is room for one more, or for this one once more.
    fn room(&self, place: &Path, key: &str, value: &[u8]) -> Result<(), Refusal> {
        let mut size = (4 + key.len() + value.len()) as u64;
        let mut count = 1;
        for (path, length) in self.entries()? {
            if path != place {
                size += length;
                count += 1;
            }
        }
        if count > MOST_KEYS {
            return Err(Refusal::Keys);
        }
        if size > MOST_BYTES { Err(Refusal::Bytes) } else { Ok(()) }
    }

    /// The files of values, and their sizes.
    fn entries(&self) -> Result<Vec<(PathBuf, u64)>, Refusal> {
        let folder = match fs::read_dir(&self.folder) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut entries = Vec::new();
        for entry in folder {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "value")
                && let Ok(file) = entry.metadata()
            {
                entries.push((path, file.len()));
            }
        }
        Ok(entries)
    }

    /// A key's file: named by its hash, so that no key is a path.
    fn place(&self, key: &str) -> Result<PathBuf, Refusal> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Refusal::Key);
        }
        let hash: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.folder.join(format!("{hash}.value")))
    }

    /// The folder, made if missing, and for as long as the file lives nobody else's to change.
    fn locked(&self) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.folder.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    }
}

/// The key of a file, and at most so much of its value; nothing where it was cut off.
fn entry(file: File, most: u64) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut rest = Vec::new();
    file.take(4 + LONGEST_KEY as u64 + most).read_to_end(&mut rest)?;
    let Some((length, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    let Some((key, value)) = rest.split_at_checked(length) else { return Ok(None) };
    Ok(String::from_utf8(key.to_vec()).ok().map(|key| (key, value.to_vec())))
}
