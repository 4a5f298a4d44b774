//! The pages on disk, for this user alone: bodies by their SHA-256, which never change, and an index
//! by URL of what was said with them. Every file is written whole or not at all, so any number of
//! processes may use the folder, and it may be removed at any time.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use guard::private;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::fresh::Terms;

/// The largest file of the index, and of the bodies, in bytes.
const MOST_ENTRY: u64 = 256 << 10;
const MOST_BODY: u64 = 1 << 30;

pub(super) struct Store {
    folder: PathBuf,
}

/// One line of the index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) url: String,
    pub(super) sha256: String,
    /// Milliseconds since 1970.
    pub(super) retrieved: u64,
    pub(super) terms: Terms,
    /// Whether the server was asked for this very answer.
    #[serde(skip)]
    pub(super) fresh: bool,
}

/// An entry with its body.
pub(super) struct Kept {
    pub(super) entry: Entry,
    pub(super) body: Vec<u8>,
}

impl Entry {
    pub(super) fn new(url: &Url, terms: Terms, body: &[u8], retrieved: u64) -> Entry {
        Entry { url: url.to_string(), sha256: digest(body), retrieved, terms, fresh: true }
    }
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Store {
        Store { folder }
    }

    /// What is kept of a URL, if it is whole.
    pub(super) fn find(&self, url: &Url) -> Option<Kept> {
        let entry = read(&self.index(url.as_str()), MOST_ENTRY)?;
        let entry: Entry = serde_json::from_slice(&entry).ok()?;
        let body = read(&self.body(&entry.sha256)?, MOST_BODY)?;
        let sound = entry.url == url.as_str() && digest(&body) == entry.sha256;
        sound.then_some(Kept { entry, body })
    }

    /// Keeps the body first, so that no entry is without one.
    pub(super) fn keep(&self, entry: &Entry, body: &[u8]) -> io::Result<()> {
        let place = self.body(&entry.sha256).ok_or(io::ErrorKind::InvalidInput)?;
        let there = fs::metadata(&place).is_ok_and(|file| file.len() == body.len() as u64);
        if !there {
            self.write(&place, body)?;
        }
        let text = serde_json::to_vec(entry)?;
        if text.len() as u64 > MOST_ENTRY {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.write(&self.index(&entry.url), &text)
    }

    fn index(&self, url: &str) -> PathBuf {
        let name = digest(url.as_bytes());
        self.folder.join("index").join(&name[..2]).join(format!("{name}.json"))
    }

    fn body(&self, sha256: &str) -> Option<PathBuf> {
        let legal = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        legal.then(|| self.folder.join("bodies").join(&sha256[..2]).join(sha256))
    }

    fn write(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let folder = place.parent().unwrap_or(&self.folder);
        private::folder(folder)?;
        let draft = folder.join(format!(".{}-{number}.draft", std::process::id()));
        private::replace(place, &draft, bytes)
    }
}

/// The bodies in a folder of pages that no entry of its index names any more: their pages have other
/// bodies now. One that was just written may not have its entry yet, so the caller looks at its age.
///
/// # Errors
/// A folder cannot be read.
pub fn unreferenced(folder: &Path) -> io::Result<Vec<PathBuf>> {
    /// All that matters here of an entry, whichever version wrote it.
    #[derive(Deserialize)]
    struct Named {
        sha256: String,
    }
    let named: HashSet<String> = two_deep(&folder.join("index"))?
        .iter()
        .filter_map(|path| serde_json::from_slice::<Named>(&read(path, MOST_ENTRY)?).ok())
        .map(|entry| entry.sha256)
        .collect();
    let mut bodies = two_deep(&folder.join("bodies"))?;
    bodies.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !name.starts_with('.') && !named.contains(&*name)
    });
    Ok(bodies)
}

/// The files in the folders of a folder. Links are not followed.
fn two_deep(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = |folder: &Path| -> io::Result<Vec<fs::DirEntry>> {
        match fs::symlink_metadata(folder) {
            Ok(found) if found.is_dir() => fs::read_dir(folder)?.collect(),
            _ => Ok(Vec::new()),
        }
    };
    let mut files = Vec::new();
    for inner in entries(folder)? {
        for file in entries(&inner.path())? {
            if file.file_type()?.is_file() {
                files.push(file.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read(place: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(place).ok()?.take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then_some(bytes)
}

/// SHA-256 in lower-case hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;

    fn entry(url: &Url, body: &[u8]) -> Entry {
        let terms = Terms::new(url, StatusCode::OK, &HeaderMap::new()).unwrap();
        Entry::new(url, terms, body, 7)
    }

    #[test]
    fn a_page_is_kept_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("pages"));
        let url: Url = "https://example.org/a?b=c".parse().unwrap();
        assert!(store.find(&url).is_none());
        let entry = entry(&url, b"the page");
        store.keep(&entry, b"the page").unwrap();
        let kept = store.find(&url).unwrap();
        assert_eq!((kept.body.as_slice(), kept.entry.retrieved), (&b"the page"[..], 7));
        assert!(store.find(&"https://example.org/a".parse().unwrap()).is_none());

        let body = store.body(&entry.sha256).unwrap();
        for (place, mode) in [(body.parent().unwrap(), 0o700), (&body, 0o600)] {
            assert_eq!(fs::metadata(place).unwrap().permissions().mode() & 0o777, mode);
        }
        // A page whose server sends another body has left one behind.
        assert_eq!(unreferenced(&folder.path().join("pages")).unwrap(), [""; 0].map(PathBuf::from));
        store.keep(&Entry { sha256: digest(b"new"), ..entry.clone() }, b"new").unwrap();
        let left = unreferenced(&folder.path().join("pages")).unwrap();
        assert_eq!(left, [store.body(&entry.sha256).unwrap()]);
        store.keep(&entry, b"the page").unwrap();

        // What another program changed, or cut off, is not what was kept.
        fs::write(&body, b"another").unwrap();
        assert!(store.find(&url).is_none());
        fs::write(store.index(url.as_str()), b"{").unwrap();
        assert!(store.find(&url).is_none());
    }
}
