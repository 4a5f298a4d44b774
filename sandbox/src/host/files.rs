//! Files, lent one use at a time: the gate is asked about the path that will really be opened, and
//! then that is opened beneath the granted folder.

use std::sync::Arc;

use agent_core::action::Capability;
use agent_core::component::digest;
use agent_core::provenance::Origin;
use agent_core::sandbox::Use;
use guard::Disk;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{block_in_place, spawn_blocking};

use super::Host;
use super::bindings::errand::tool::files::{self, Entry, Existing};
use super::path_handle::Place;
use super::preopens::Access;
use crate::limits::{Import, bytes};

/// A file of up to this many bytes is read where the guest is: handing it to another thread and
/// back would take longer.
const BRIEF: u64 = 256 << 10;

impl files::Host for Host {
    async fn roots(&mut self) -> wasmtime::Result<Vec<String>> {
        self.uses.count(Import::Files)?;
        Ok(self.lent.roots.readable())
    }

    async fn read(&mut self, path: String) -> wasmtime::Result<Result<Vec<u8>, String>> {
        self.uses.count(Import::Files)?;
        let clock = Arc::clone(&self.clock);
        let _waiting = clock.outside();
        let limit = self.file_bytes;
        match self.judged(&path).await? {
            Ok((place, mark)) => {
                let disk = place.disk();
                let content = match briefly(disk, move || place.opened(limit)).await? {
                    Ok(file) if file.size() <= BRIEF => briefly(disk, move || file.read()).await?,
                    Ok(file) => spawn_blocking(move || file.read()).await?,
                    Err(refusal) => Err(refusal),
                };
                if let Ok(bytes) = &content {
                    self.channel.content(mark, digest(bytes)).await?;
                    self.channel.done(mark).await?;
                }
                Ok(content)
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn list(&mut self, path: String) -> wasmtime::Result<Result<Vec<Entry>, String>> {
        self.uses.count(Import::Files)?;
        let clock = Arc::clone(&self.clock);
        let _waiting = clock.outside();
        match self.judged(&path).await? {
            Ok((place, _)) => {
                // What a file is called may tell as much as what is in it.
                self.channel.record_origin(vec![Origin::Folder(place.path())]).await?;
                Ok(spawn_blocking(move || place.list()).await?)
            }
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn write(
        &mut self,
        path: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        self.uses.count(Import::Files)?;
        let clock = Arc::clone(&self.clock);
        let _waiting = clock.outside();
        if content.len() as u64 > self.file_bytes {
            let limit = bytes(self.file_bytes);
            return Ok(Err(format!("files over {limit} cannot be written here")));
        }
        let (place, mark) = match self.changes(&path, Access::Write).await? {
            Ok((place, Use::Fresh(mark))) => (place, mark),
            Ok((_, Use::Recorded)) => return Ok(Ok(())),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let place = match place {
            Ok(place) => place,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Before the bytes can be read.
        self.channel.content(mark, digest(&content)).await?;
        let written = spawn_blocking(move || place.write(&content)).await?;
        if written.is_ok() {
            self.channel.done(mark).await?;
        }
        Ok(written)
    }

    async fn rename(
        &mut self,
        path: String,
        to: String,
        existing: Existing,
    ) -> wasmtime::Result<Result<(), String>> {
        self.uses.count(Import::Files)?;
        let clock = Arc::clone(&self.clock);
        let _waiting = clock.outside();
        // What was moved can be read where it is then.
        let read = match self.judged(&path).await? {
            Ok((_, mark)) => mark,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (from, leaves) = match self.changes(&path, Access::Delete).await? {
            Ok((from, Use::Fresh(mark))) => (from, mark),
            Ok((_, Use::Recorded)) => return Ok(Ok(())),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (to, arrives) = match self.changes(&to, Access::Write).await? {
            Ok((to, Use::Fresh(mark))) => (to, mark),
            Ok((_, Use::Recorded)) => return Ok(Ok(())),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (from, to) = match (from, to) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(refusal), _) | (_, Err(refusal)) => return Ok(Err(refusal)),
        };
        let moved = spawn_blocking(move || from.rename(&to, existing)).await?;
        if moved.is_ok() {
            for mark in [read, leaves, arrives] {
                self.channel.done(mark).await?;
            }
        }
        Ok(moved)
    }

    async fn delete(&mut self, path: String) -> wasmtime::Result<Result<(), String>> {
        self.uses.count(Import::Files)?;
        let clock = Arc::clone(&self.clock);
        let _waiting = clock.outside();
        let (place, mark) = match self.changes(&path, Access::Delete).await? {
            Ok((Ok(place), Use::Fresh(mark))) => (place, mark),
            Ok((_, Use::Recorded)) => return Ok(Ok(())),
            Ok((Err(refusal), _)) | Err(refusal) => return Ok(Err(refusal)),
        };
        let deleted = spawn_blocking(move || place.delete()).await?;
        if deleted.is_ok() {
            self.channel.done(mark).await?;
        }
        Ok(deleted)
    }
}

/// Where a change may be made, if there is such a place, and what the gate says of it.
type Changed = Result<(Result<Place, String>, Use), String>;

impl Host {
    /// Where a path may be changed. A last name that is a link is not followed. The gate is asked in
    /// any case, as for what is read.
    async fn changes(&mut self, path: &str, access: Access) -> wasmtime::Result<Changed> {
        let meant = match self.lent.roots.resolve(path) {
            Ok(meant) => meant,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let place = match self.lent.roots.place(access, &meant) {
            Ok(place) => Ok(briefly(place.disk(), move || place.followed_to_folder()).await?),
            Err(refusal) => Err(refusal),
        };
        let real = place.as_ref().map_or(meant, Place::path);
        let wanted = match access {
            Access::Delete => Capability::Delete(real),
            Access::Read | Access::Write => Capability::Write(real),
        };
        Ok(self.channel.authorize(wanted).await?.map(|used| (place, used)))
    }

    /// Where a path may be read, and the mark of that use. The gate is asked in any case, so that
    /// what is refused is in the journal with the policy's reasons.
    async fn judged(&mut self, path: &str) -> wasmtime::Result<Result<(Place, u64), String>> {
        let meant = match self.lent.roots.resolve(path) {
            Ok(meant) => meant,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let place = match self.lent.roots.place(Access::Read, &meant) {
            Ok(place) => Ok(briefly(place.disk(), move || place.followed()).await?),
            Err(refusal) => Err(refusal),
        };
        let real = place.as_ref().map_or(meant, Place::path);
        match self.channel.authorize(Capability::Read(real)).await? {
            Ok(Use::Fresh(mark)) => Ok(place.map(|place| (place, mark))),
            // Only a change is ever recorded.
            Ok(Use::Recorded) => Ok(Err("this was read before".to_string())),
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}

/// Does what takes microseconds. A disk of this machine is waited for here: a guest that computes keeps the thread
/// for longer, and to make room for the runtime's other work costs more than a file does. Where it is not known
/// when an answer comes, that work goes on beside it.
async fn briefly<T: Send + 'static>(
    disk: Disk,
    work: impl FnOnce() -> T + Send + 'static,
) -> wasmtime::Result<T> {
    match (disk, Handle::current().runtime_flavor()) {
        (Disk::Near, _) => Ok(work()),
        (Disk::Far, RuntimeFlavor::MultiThread) => Ok(block_in_place(work)),
        (Disk::Far, _) => Ok(spawn_blocking(work).await?),
    }
}
