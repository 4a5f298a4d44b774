//! Compiled components on disk. An artifact is machine code that the process will run, so the
//! folder belongs to this user alone, and one is loaded only if it was written here: named by the
//! hash of the component and of the engine, complete before it has its name, and sealed with a key
//! that lies elsewhere ([`Seal`]).

use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use guard::private;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::seal::Seal;

/// The artifacts of one engine.
pub(crate) struct Artifacts {
    engine: Engine,
    folder: PathBuf,
    seal: OnceLock<Seal>,
}

impl Artifacts {
    pub(crate) fn new(engine: Engine, folder: &Path) -> Artifacts {
        Artifacts { engine, folder: folder.to_path_buf(), seal: OnceLock::new() }
    }

    /// The component with this digest, if it was compiled before.
    pub(crate) fn kept(&self, digest: &str) -> Option<Component> {
        make_private(&self.folder).ok()?;
        self.load(&self.folder.join(self.name(digest))).ok().flatten()
    }

    /// The component, from disk where it was compiled before. Where the folder cannot be used it
    /// is compiled all the same, and not kept.
    pub(crate) fn compiled(&self, wasm: &[u8]) -> wasmtime::Result<Component> {
        let path = self.folder.join(self.name(&digest(wasm)));
        match self.compiled_at(&path, wasm) {
            Ok(component) => component,
            Err(error) => {
                let folder = self.folder.display();
                tracing::warn!("compiled components cannot be kept in `{folder}`: {error}");
                Component::new(&self.engine, wasm)
            }
        }
    }

    /// The outer error is the folder's, the inner one the component's.
    fn compiled_at(&self, path: &Path, wasm: &[u8]) -> io::Result<wasmtime::Result<Component>> {
        make_private(&self.folder)?;
        if let Some(component) = self.load(path)? {
            return Ok(Ok(component));
        }
        // One process compiles, others wait for it here.
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.with_extension("lock"))?;
        lock.lock()?;
        if let Some(component) = self.load(path)? {
            return Ok(Ok(component));
        }
        let artifact = match self.engine.precompile_component(wasm) {
            Ok(artifact) => artifact,
            Err(error) => return Ok(Err(error)),
        };
        // Until the new one is sealed there is none.
        let _gone = fs::remove_file(path);
        self.seal()?.put(path, &artifact)?;
        write_whole(path, &artifact)?;
        // What asks for more than this host gives compiles, and cannot be loaded.
        self.loaded(path)?.ok_or_else(|| io::Error::other("the artifact was removed"))
    }

    fn load(&self, path: &Path) -> io::Result<Option<Component>> {
        // Cut off or made by another wasmtime in spite of its name: it is compiled again.
        let warn = |error: &_| tracing::warn!("{}: {error}", path.display());
        Ok(self.loaded(path)?.and_then(|component| component.inspect_err(warn).ok()))
    }

    fn loaded(&self, path: &Path) -> io::Result<Option<wasmtime::Result<Component>>> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = match File::options().read(true).custom_flags(flags).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = file.metadata()?;
        if !found.is_file() || !only_ours(&found) {
            return Err(io::Error::other(format!("`{}` may be another's", path.display())));
        }
        if !self.seal()?.holds(path, &file)? {
            tracing::warn!("{}: not what was compiled here: it is compiled again", path.display());
            return Ok(None);
        }
        #[expect(
            unsafe_code,
            reason = "the seal says that these bytes are this engine's own output, and this is the \
                      very file that was read; no other user may write it, and it is never changed"
        )]
        let component = unsafe { Component::deserialize_file(&self.engine, open(&file)) };
        Ok(Some(component))
    }

    fn seal(&self) -> io::Result<&Seal> {
        if let Some(seal) = self.seal.get() {
            return Ok(seal);
        }
        let seal = Seal::of(&self.folder)?;
        Ok(self.seal.get_or_init(|| seal))
    }

    fn name(&self, digest: &str) -> String {
        format!("{digest}-{}.cwasm", mark(&self.engine))
    }
}

/// A path of the open file itself, whatever its name has come to mean since.
fn open(file: &File) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{}", file.as_raw_fd()))
}

/// What stands in the names of an engine's artifacts: 16 digits, the same wherever one made by this
/// engine can be loaded.
fn mark(engine: &Engine) -> String {
    let mut hash = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hash);
    format!("{:016x}", hash.finish())
}

/// The [`mark`]s of all that this version loads. An artifact is called `DIGEST-MARK.cwasm`, its seal
/// `DIGEST-MARK.seal`.
///
/// # Errors
/// Wasmtime does not run here.
pub fn marks() -> Result<[String; 2], String> {
    let engines = crate::engine::compilers().map_err(|error| error.to_string())?;
    Ok(engines.each_ref().map(mark))
}

/// The SHA-256 of a component, as the names of its artifacts have it.
pub fn digest(wasm: &[u8]) -> String {
    Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes the folder if it is missing; refuses one that others may have written to.
fn make_private(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(found) if !found.is_dir() => Err(io::Error::other("it is not a folder")),
        Ok(found) if !only_ours(&found) => {
            Err(io::Error::other("others may write there: remove it, or name another folder"))
        }
        Ok(found) if found.mode() & 0o077 != 0 => {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = folder.parent() {
                fs::create_dir_all(parent)?;
            }
            match DirBuilder::new().mode(0o700).create(folder) {
                // Another process was faster: look again at what it made.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => make_private(folder),
                made => made,
            }
        }
        Err(error) => Err(error),
    }
}

fn only_ours(file: &Metadata) -> bool {
    file.uid() == rustix::process::geteuid().as_raw() && file.mode() & 0o022 == 0
}

/// Under another name first, so that a file with the right name is always a complete one.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    private::replace(path, &draft, bytes)
}
