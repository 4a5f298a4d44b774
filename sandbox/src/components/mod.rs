//! Components, ready to be instantiated. Each is compiled once: in this process by being kept
//! here, on this machine by [`Artifacts`]; and linked with what it was granted and nothing else.

mod abi;
mod artifacts;
mod link;
mod seal;

pub(crate) use abi::Speech;
pub use artifacts::{digest, marks};

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::sandbox::SandboxError;
use agent_core::tool::{Component, Imports};
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::InstancePre;

use crate::host::Host;
use crate::limits::bytes;
use artifacts::Artifacts;
use link::Linkers;

/// CPython with its standard library is 18 MiB.
const MOST_BYTES: u64 = 64 << 20;

/// Made by the first caller; the others wait for it.
type Once = Arc<OnceCell<Made>>;

/// All components that this process has used on one engine.
pub(crate) struct Components {
    shop: Arc<Shop>,
    ready: Mutex<HashMap<(Source, Imports), Once>>,
}

/// What it takes to make one ready.
struct Shop {
    engine: Engine,
    linkers: Linkers,
    artifacts: Artifacts,
}

/// A component, or the sentence that says why it is not run.
type Made = Result<Arc<Ready>, String>;

/// A component that can be instantiated.
pub(crate) struct Ready {
    pub(crate) pre: InstancePre<Host>,
    pub(crate) speech: Speech,
}

/// Why there is no component to run.
pub(crate) enum Missing {
    /// The run cannot go on with it.
    Broken(SandboxError),
    /// The call fails with this sentence.
    Refused(String),
}

/// Which bytes a component is made of. An embedded one never changes; a file that was written
/// again is another component.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    Embedded { address: usize, length: usize },
    File { path: Arc<PathBuf>, inode: u64, length: u64, modified: (i64, i64) },
    Pinned { sha256: Arc<str> },
}

impl Components {
    pub(crate) fn new(engine: Engine, cache: &Path) -> Components {
        let artifacts = Artifacts::new(engine.clone(), cache);
        let linkers = Linkers::new(engine.clone());
        Components { shop: Arc::new(Shop { engine, linkers, artifacts }), ready: Mutex::default() }
    }

    /// The component, linked. A caller that comes while it is being compiled waits for the same one.
    pub(crate) async fn get(
        &self,
        component: &Component,
        imports: Imports,
    ) -> Result<Arc<Ready>, Missing> {
        let broken = |reason: String| {
            Missing::Broken(SandboxError::Component { component: name(component), reason })
        };
        let source = Source::of(component).map_err(broken)?;
        let cell = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ready.entry((source, imports)).or_default())
        };
        let made = cell.get_or_try_init(async || {
            let (shop, component) = (Arc::clone(&self.shop), component.clone());
            let made = tokio::task::spawn_blocking(move || shop.make(&component, imports)).await;
            made.unwrap_or_else(|error| Err(error.to_string()))
        });
        made.await.map_err(broken)?.clone().map_err(Missing::Refused)
    }
}

impl Shop {
    /// The outer error is what the file's fault is, the inner one what the component asks for.
    fn make(&self, component: &Component, imports: Imports) -> Result<Made, String> {
        let compiled = match component {
            Component::Embedded { bytes, .. } => self.artifacts.compiled(bytes),
            Component::File(path) => self.artifacts.compiled(&read(path)?),
            Component::Packed { sha256, packed, .. } => self.known(sha256, || unpacked(packed))?,
            Component::Pinned { path, sha256 } => self.known(sha256, || read(path))?,
        };
        let compiled = compiled.map_err(|error| format!("{error:#}"))?;
        Ok(self.link(&compiled, imports).map(Arc::new))
    }

    /// A component whose hash is known: its bytes are wanted only where it was not compiled before.
    fn known(
        &self,
        sha256: &str,
        wasm: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<wasmtime::Result<wasmtime::component::Component>, String> {
        if let Some(compiled) = self.artifacts.kept(sha256) {
            return Ok(Ok(compiled));
        }
        let wasm = wasm()?;
        let found = digest(&wasm);
        if found != sha256 {
            return Err(format!("it is not what was agreed to: its SHA-256 is `{found}`"));
        }
        Ok(self.artifacts.compiled(&wasm))
    }

    fn link(
        &self,
        compiled: &wasmtime::component::Component,
        imports: Imports,
    ) -> Result<Ready, String> {
        link::granted(&compiled.component_type(), &self.engine, imports)?;
        let linker = self.linkers.get(imports).map_err(|error| format!("{error:#}"))?;
        let pre = linker.instantiate_pre(compiled).map_err(|error| {
            format!("the component does not fit this host: {:#}", error.root_cause())
        })?;
        let speech = Speech::of(compiled, &self.engine)?;
        Ok(Ready { pre, speech })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut wasm = Vec::new();
    let file = guard::file::open(path).map_err(|error| error.to_string())?;
    file.take(MOST_BYTES + 1).read_to_end(&mut wasm).map_err(|error| error.to_string())?;
    if wasm.len() as u64 > MOST_BYTES {
        return Err(format!("it is over {}", bytes(MOST_BYTES)));
    }
    Ok(wasm)
}

/// The component that a [`Component::Packed`] holds.
fn unpacked(packed: &[u8]) -> Result<Vec<u8>, String> {
    if packed.starts_with(b"\0asm") {
        return Ok(packed.to_vec());
    }
    zstd::bulk::decompress(packed, MOST_BYTES as usize)
        .map_err(|error| format!("it cannot be unpacked: {error}"))
}

impl Source {
    fn of(component: &Component) -> Result<Source, String> {
        match component {
            Component::Embedded { bytes, .. } => {
                Ok(Source::Embedded { address: bytes.as_ptr() as usize, length: bytes.len() })
            }
            Component::File(path) => {
                let file = fs::metadata(path.as_path()).map_err(|error| error.to_string())?;
                Ok(Source::File {
                    path: Arc::clone(path),
                    inode: file.ino(),
                    length: file.len(),
                    modified: (file.mtime(), file.mtime_nsec()),
                })
            }
            Component::Packed { sha256, .. } => Ok(Source::Pinned { sha256: (*sha256).into() }),
            Component::Pinned { sha256, .. } if legal_digest(sha256) => {
                Ok(Source::Pinned { sha256: Arc::clone(sha256) })
            }
            Component::Pinned { sha256, .. } => {
                Err(format!("`{sha256}` is no SHA-256: 64 digits, 0 to 9 and a to f"))
            }
        }
    }
}

fn legal_digest(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn name(component: &Component) -> String {
    match component {
        Component::Embedded { name, .. } | Component::Packed { name, .. } => (*name).to_string(),
        Component::File(path) | Component::Pinned { path, .. } => path.display().to_string(),
    }
}
