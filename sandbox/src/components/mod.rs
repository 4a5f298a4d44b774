//! Components, ready to be instantiated. Each is compiled once: in this process by being kept
//! here, on this machine by [`Artifacts`].

mod artifacts;

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::sandbox::SandboxError;
use agent_core::tool::Component;
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::Linker;

use artifacts::Artifacts;

use crate::host::bindings::BuiltinPre;
use crate::host::{self, Host};

/// All components that this process has used.
pub(crate) struct Components {
    shop: Arc<Shop>,
    ready: Mutex<HashMap<Source, Arc<OnceCell<BuiltinPre<Host>>>>>,
}

/// What it takes to make one ready.
struct Shop {
    linker: Linker<Host>,
    artifacts: Artifacts,
}

/// Which bytes a component is made of. An embedded one never changes; a file that was written
/// again is another component.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Source {
    Embedded { address: usize, length: usize },
    File { path: Arc<PathBuf>, inode: u64, length: u64, modified: (i64, i64) },
}

impl Components {
    pub(crate) fn new(engine: Engine, cache: &Path) -> wasmtime::Result<Components> {
        let linker = host::linker(&engine)?;
        let artifacts = Artifacts::new(engine, cache);
        Ok(Components { shop: Arc::new(Shop { linker, artifacts }), ready: Mutex::default() })
    }

    /// The component, linked. Whoever asks while it is being compiled waits for the same one.
    pub(crate) async fn get(&self, component: &Component) -> Result<BuiltinPre<Host>, SandboxError> {
        let broken =
            |reason: String| SandboxError::Component { component: name(component), reason };
        let source = Source::of(component).map_err(broken)?;
        let cell = {
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(ready.entry(source).or_default())
        };
        let made = cell.get_or_try_init(async || {
            let (shop, component) = (Arc::clone(&self.shop), component.clone());
            let made = tokio::task::spawn_blocking(move || shop.make(&component)).await;
            made.unwrap_or_else(|error| Err(error.to_string()))
        });
        made.await.cloned().map_err(broken)
    }
}

impl Shop {
    fn make(&self, component: &Component) -> Result<BuiltinPre<Host>, String> {
        let compiled = match component {
            Component::Embedded { bytes, .. } => self.artifacts.compiled(bytes),
            Component::File(path) => {
                let bytes = fs::read(path.as_path()).map_err(|error| error.to_string())?;
                self.artifacts.compiled(&bytes)
            }
        };
        let linked = compiled.and_then(|component| self.linker.instantiate_pre(&component));
        linked.and_then(BuiltinPre::new).map_err(|error| format!("{error:#}"))
    }
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
        }
    }
}

fn name(component: &Component) -> String {
    match component {
        Component::Embedded { name, .. } => (*name).to_string(),
        Component::File(path) => path.display().to_string(),
    }
}
