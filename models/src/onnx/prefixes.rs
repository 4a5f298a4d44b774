//! What was read of turns that every run has, kept on disk. Reading worked examples is most of the work of a
//! short question, and they are the same each time: a program that starts anew finds what the last one read.
//!
//! A file has the keys and values of the tokens that its name is the hash of, with all that they depend on:
//! the weights, an adapter, the runtime. So a file fits or is not looked at, and nothing is ever out of date.
//! They lie with their model, and those unused for longest make room for others. Where nothing can be written
//! a prompt is read as ever.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use guard::private;
use sha2::{Digest, Sha256};

use super::cache::{Cache, Sizes};
use super::session::CHUNK;
use crate::fetch::weights;
use crate::home::Home;

/// The fewest tokens that are kept: fewer are read as fast.
pub(super) const LEAST: usize = CHUNK / 4;
/// What the files of a model take at most, in bytes.
const MOST: u64 = 1 << 29;
/// What is left free on the disk, in bytes.
const SPARE: u64 = 1 << 30;
const FOLDER: &str = "prefixes";

/// What a network has read of beginnings that every run has.
pub(super) struct Prefixes {
    folder: PathBuf,
    network: Sha256,
    sizes: Sizes,
}

impl Prefixes {
    /// Those of an imported model; none where it is not told what its weights are.
    pub(super) fn of(model: &Path, adapter: Option<&Path>, sizes: Sizes) -> Option<Self> {
        let Sizes { layers, heads, width, .. } = sizes;
        let mut network = Sha256::new();
        network.update(format!("1\n{}\n{layers} {heads} {width}\n", ort::info()));
        network.update(weights(model)?);
        if let Some(adapter) = adapter {
            network.update(Sha256::digest(guard::file::read(adapter, MOST).ok()?));
        }
        Some(Self { folder: model.join(FOLDER), network, sizes })
    }

    /// Has a cache of one conversation hold these tokens, where they were read before.
    pub(super) fn load(&self, tokens: &[u32], cache: &mut Cache) -> bool {
        let path = self.path(tokens);
        let Ok(bytes) = fs::read(&path) else { return false };
        let Some((values, sum)) = bytes.split_last_chunk() else { return false };
        let whole = values.len() == self.sizes.bytes_of(tokens.len())
            && u32::from_le_bytes(*sum) == crc32fast::hash(values);
        if !whole {
            // It is read and kept once more.
            let _ = fs::remove_file(&path);
            return false;
        }
        cache.fill(tokens.len(), values);
        // The time says when it was used last.
        let now = FileTimes::new().set_modified(SystemTime::now());
        let _ = File::options().write(true).open(&path).and_then(|file| file.set_times(now));
        true
    }

    /// Keeps what a cache holds of these tokens, the first of its conversation.
    pub(super) fn keep(&self, tokens: &[u32], cache: &Cache) {
        if let Err(error) = self.written(tokens, cache) {
            tracing::debug!(%error, "what was read of a prompt is not kept");
        }
    }

    fn written(&self, tokens: &[u32], cache: &Cache) -> std::io::Result<()> {
        let size = self.sizes.bytes_of(tokens.len()) as u64;
        private::folder(&self.folder)?;
        let free = Home::at(&self.folder).free().unwrap_or_default();
        if size > MOST || free < size + SPARE {
            return Ok(());
        }
        make_room(&self.folder, MOST - size)?;
        let mut sum = crc32fast::Hasher::new();
        let mut staged = tempfile::NamedTempFile::new_in(&self.folder)?;
        for values in cache.held(tokens.len()) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            sum.update(&bytes);
            staged.write_all(&bytes)?;
        }
        staged.write_all(&sum.finalize().to_le_bytes())?;
        staged.persist(self.path(tokens))?;
        Ok(())
    }

    fn path(&self, tokens: &[u32]) -> PathBuf {
        let mut hash = self.network.clone();
        tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
        self.folder.join(format!("{:x}", hash.finalize()))
    }
}

/// Removes what was used least lately until so much is left.
fn make_room(folder: &Path, most: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        // Another process may have removed it.
        let Ok(meta) = file.metadata() else { continue };
        files.push((meta.modified()?, meta.len(), file.path()));
    }
    files.sort();
    let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (_, freed, path) in files {
        if size <= most {
            break;
        }
        let _ = fs::remove_file(path);
        size -= freed;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_least_lately_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [("a", 30), ("b", 10), ("c", 20)] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            let times = FileTimes::new().set_modified(then);
            File::options().write(true).open(path).unwrap().set_times(times).unwrap();
        }
        make_room(folder.path(), 150).unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["b"]);
    }
}
