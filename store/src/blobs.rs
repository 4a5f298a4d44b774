//! The bytes of content parts: `blobs/RUN/SHA256` beside the database, for its user alone. They are on the
//! disk before the event that names them, and go with their run.
//!
//! Refuses bytes that are not what their name says, and a run whose name is no file's.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use agent_core::content::{Content, ContentPart, MOST_BYTES};
use agent_core::event::{Event, RunId};
use agent_core::journal::JournalError;
use guard::private;

use crate::Store;
use crate::audit::Kept;

/// Where blobs lie in a home.
const FOLDER: &str = "blobs";

/// Tells the drafts of one process apart.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// The blobs of one home.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Store {
    /// Keeps in another run what the parts of these events name: for one that begins with them.
    ///
    /// # Errors
    /// A part is gone, is not what was kept, or cannot be written.
    pub async fn share(
        &self,
        from: &RunId,
        to: &RunId,
        events: &[Event],
    ) -> Result<(), JournalError> {
        for part in events.iter().flat_map(|event| event.what.parts()) {
            let content = self.blob(from, &part.sha256).await?;
            self.keep_blob(to, &part.sha256, content).await?;
        }
        Ok(())
    }

    /// The bytes of a part of a run, by their SHA-256.
    ///
    /// # Errors
    /// They are gone, or are not what was kept.
    pub async fn blob(&self, run: &RunId, sha256: &str) -> Result<Content, JournalError> {
        let (blobs, run, sha256) = (self.blobs(), run.clone(), sha256.to_string());
        blocking(move || blobs.read(&run, &sha256)).await
    }

    pub(crate) async fn keep_blob(
        &self,
        run: &RunId,
        sha256: &str,
        content: Content,
    ) -> Result<(), JournalError> {
        let (blobs, run, sha256) = (self.blobs(), run.clone(), sha256.to_string());
        blocking(move || blobs.write(&run, &sha256, content.as_bytes())).await
    }

    pub(crate) fn blobs(&self) -> Blobs {
        Blobs::in_folder(self.inner.database.home())
    }
}

impl Blobs {
    pub(crate) fn in_folder(home: &Path) -> Self {
        Self { folder: home.join(FOLDER) }
    }

    /// Whether a run has all that its events name. The error is a sentence that says what it lacks.
    pub(crate) fn whole(&self, run: &RunId, events: &[Kept]) -> Result<(), String> {
        for event in events {
            // An event that cannot be read names nothing; the chain says whether it was changed.
            let Ok(parsed) = Event::parse(&event.json) else { continue };
            for part in parsed.what.parts() {
                if let Err(error) = self.read(run, &part.sha256) {
                    return Err(format!("event {}: {}", event.seq, told(error)));
                }
            }
        }
        Ok(())
    }

    /// Bytes of all that a run and those of its calls keep here.
    pub(crate) fn bytes(&self, run: &RunId) -> u64 {
        let files = self.of(run).into_iter().flat_map(|folder| fs::read_dir(folder).ok()).flatten();
        files.flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Removes what a run and those of its calls kept.
    pub(crate) fn remove(&self, run: &RunId) -> io::Result<()> {
        self.of(run).iter().try_for_each(fs::remove_dir_all)
    }

    /// The runs that keep something here.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        let Ok(folders) = fs::read_dir(&self.folder) else { return Vec::new() };
        folders.flatten().map(|it| RunId(it.file_name().to_string_lossy().into_owned())).collect()
    }

    /// The folders of a run and of those that do the work of its calls.
    fn of(&self, run: &RunId) -> Vec<PathBuf> {
        let below = format!("{run}-");
        let mine = |other: &RunId| other == run || other.0.starts_with(&below);
        self.runs().into_iter().filter(mine).map(|run| self.folder.join(run.0)).collect()
    }

    fn path(&self, run: &RunId, sha256: &str) -> Result<PathBuf, JournalError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if run.0.is_empty() || !run.0.chars().all(plain) {
            return Err(JournalError::Unknown(run.clone()));
        }
        let digest = sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit());
        match digest {
            true => Ok(self.folder.join(&run.0).join(sha256)),
            false => Err(JournalError::Read(format!("`{sha256}` is no SHA-256"))),
        }
    }

    fn read(&self, run: &RunId, sha256: &str) -> Result<Content, JournalError> {
        let path = self.path(run, sha256)?;
        let gone = |reason: String| {
            JournalError::Read(format!("the bytes {sha256} of run `{run}` are not there: {reason}"))
        };
        let bytes = guard::file::read(&path, MOST_BYTES as u64).map_err(|e| gone(e.to_string()))?;
        Content::checked(bytes, sha256).ok_or_else(|| {
            JournalError::Read(format!("the bytes {sha256} of run `{run}` were changed"))
        })
    }

    fn write(&self, run: &RunId, sha256: &str, bytes: &[u8]) -> Result<(), JournalError> {
        let path = self.path(run, sha256)?;
        if bytes.len() > MOST_BYTES || Content::checked(bytes.to_vec(), sha256).is_none() {
            return Err(JournalError::Write(format!("the bytes are not those of {sha256}")));
        }
        let failed =
            |error: io::Error| JournalError::Write(format!("`{}`: {error}", path.display()));
        if path.is_file() {
            return Ok(());
        }
        let (Some(folder), number) = (path.parent(), DRAFTS.fetch_add(1, Ordering::Relaxed)) else {
            return Ok(());
        };
        let draft = folder.join(format!("{sha256}.{}-{number}.draft", std::process::id()));
        private::folder(folder).map_err(failed)?;
        let written = private::file(&draft)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| File::open(folder)?.sync_all())
            .and_then(|()| File::open(&self.folder)?.sync_all());
        written.map_err(|error| {
            // Half a file is none.
            let _ = fs::remove_file(&draft);
            failed(error)
        })
    }
}

/// The bytes of a part that has them.
pub(crate) fn content(part: &ContentPart) -> Result<Content, JournalError> {
    let none = || JournalError::Write(format!("there are no bytes of {}", part.line()));
    part.content.clone().ok_or_else(none)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| Err(JournalError::Write(stopped.to_string())))
}

/// What is wrong, without that the journal cannot be read: it can.
fn told(error: JournalError) -> String {
    match error {
        JournalError::Read(reason) => reason,
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_its_users_alone_and_is_what_it_was() {
        let home = tempfile::tempdir().unwrap();
        let (blobs, run) = (Blobs::in_folder(home.path()), RunId("a".into()));
        let part = ContentPart::image(b"\x89PNG\r\n\x1a\nrest".to_vec()).unwrap();
        let bytes = part.content.clone().unwrap();
        blobs.write(&run, &part.sha256, bytes.as_bytes()).unwrap();
        blobs.write(&run, &part.sha256, bytes.as_bytes()).unwrap();
        assert_eq!(blobs.read(&run, &part.sha256).unwrap(), bytes);
        assert_eq!(blobs.bytes(&run), part.bytes);
        let path = blobs.path(&run, &part.sha256).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::write(&path, "other").unwrap();
        let changed = blobs.read(&run, &part.sha256).unwrap_err().to_string();
        assert!(changed.ends_with("of run `a` were changed"), "{changed}");
        assert!(blobs.write(&run, &part.sha256, b"other").is_err());
        let child = RunId("a-c1".into());
        blobs.write(&child, &part.sha256, bytes.as_bytes()).unwrap();
        blobs.write(&RunId("ab".into()), &part.sha256, bytes.as_bytes()).unwrap();
        blobs.remove(&run).unwrap();
        assert_eq!(blobs.runs(), [RunId("ab".into())]);
    }

    #[test]
    fn a_name_that_leads_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::in_folder(home.path());
        let digest = "0".repeat(64);
        assert!(blobs.read(&RunId("../drives".into()), &digest).is_err());
        assert!(blobs.read(&RunId("a".into()), "../../errand.db").is_err());
    }
}
