//! Values that a component keeps between its calls: a folder for each component of each agent, a
//! file for each key. A value keeps the origins of what was read when it was set, and gives them
//! back with it. It is set whole or not at all, however many set it at once, and all of them together
//! are bounded.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use agent_core::component::digest;
use agent_core::provenance::Origin;
use agent_core::tool::Component;
use guard::private;
use serde::{Deserialize, Serialize};
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
        let found = self.kept(move |kept| kept.get(&key)).await?;
        match found {
            Ok(Some(entry)) => {
                self.channel.record_origin(entry.origins).await?;
                Ok(Ok(Some(entry.value)))
            }
            Ok(None) => Ok(Ok(None)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), String>> {
        let origins = self.channel.leaves().await?;
        self.kept(move |kept| kept.set(&Entry { key, origins, value })).await
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), String>> {
        self.kept(move |kept| kept.delete(&key)).await
    }

    async fn keys(&mut self) -> wasmtime::Result<Result<Vec<String>, String>> {
        let found = self.kept(|kept| kept.all()).await?;
        let Ok(entries) = found else { return Ok(found.map(|_| Vec::new())) };
        // A key may tell as much as a value.
        let origins: BTreeSet<Origin> =
            entries.iter().flat_map(|entry| entry.origins.iter().cloned()).collect();
        self.channel.record_origin(origins.into_iter().collect()).await?;
        let mut keys: Vec<String> = entries.into_iter().map(|entry| entry.key).collect();
        keys.sort_unstable();
        Ok(Ok(keys))
    }
}

impl Host {
    async fn kept<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(Kept) -> Result<T, Refusal> + Send + 'static,
    ) -> wasmtime::Result<Result<T, String>> {
        self.uses.count(Import::Kv)?;
        let kept = match (&self.lent.kv, &self.name) {
            (Some(folder), Some(name)) if legal(name) => {
                let whose = whose(&self.lent.agent, &self.component);
                Kept { folder: folder.join(format!("{name}-{whose}")) }
            }
            _ => return Ok(Err("nothing can be kept here".to_string())),
        };
        let _waiting = self.clock.outside();
        Ok(spawn_blocking(move || work(kept)).await?.map_err(|refusal| refusal.to_string()))
    }
}

/// An agent file and the component that it uses: two agents share no values, and a component has
/// none of another one that had its name before.
fn whose(agent: &Path, component: &Component) -> String {
    let which = match component {
        Component::Pinned { sha256, .. } => sha256.as_bytes(),
        Component::File(path) => path.as_os_str().as_encoded_bytes(),
        Component::Embedded { name, .. } | Component::Packed { name, .. } => name.as_bytes(),
    };
    let both = [agent.as_os_str().as_encoded_bytes(), &[0], which].concat();
    digest(&both)[..32].to_string()
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

/// What is in one file: a line of JSON with the key and the origins, then the value.
#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    origins: Vec<Origin>,
    #[serde(skip)]
    value: Vec<u8>,
}

impl Kept {
    fn get(&self, key: &str) -> Result<Option<Entry>, Refusal> {
        match File::open(self.place(key)?) {
            Ok(file) => Ok(Entry::read(file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn set(&self, entry: &Entry) -> Result<(), Refusal> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let place = self.place(&entry.key)?;
        if entry.value.len() as u64 > MOST_VALUE {
            return Err(Refusal::Value);
        }
        let bytes = entry.bytes()?;
        let _one_at_a_time = self.locked()?;
        self.room(&place, bytes.len())?;
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = self.folder.join(format!("{}-{number}.draft", std::process::id()));
        Ok(private::replace(&place, &draft, &bytes)?)
    }

    fn delete(&self, key: &str) -> Result<(), Refusal> {
        match fs::remove_file(self.place(key)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn all(&self) -> Result<Vec<Entry>, Refusal> {
        let mut all = Vec::new();
        for (path, _) in self.entries()? {
            if let Ok(file) = File::open(path) {
                all.extend(Entry::read(file)?);
            }
        }
        Ok(all)
    }

    /// Whether there is room for one more, or for this one once more.
    fn room(&self, place: &Path, bytes: usize) -> Result<(), Refusal> {
        let mut size = bytes as u64;
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
        Ok(self.folder.join(format!("{}.value", digest(key.as_bytes()))))
    }

    /// The folder, made if missing, and for as long as the file lives closed to other users.
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

impl Entry {
    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        bytes.extend(&self.value);
        Ok(bytes)
    }

    /// Nothing where it was cut off.
    fn read(file: File) -> io::Result<Option<Entry>> {
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let Ok(entry) = serde_json::from_slice::<Entry>(&bytes[..end]) else { return Ok(None) };
        Ok(Some(Entry { value: bytes.split_off(end + 1), ..entry }))
    }
}
