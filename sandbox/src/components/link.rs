//! What a component is linked with: WASI with nothing in it, `log`, `progress`, and what it was
//! granted. An import that was not granted has nothing behind it, so nothing can be asked of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::tool::Imports;
use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime::component::types::{Component, ComponentItem};

use crate::host::{self, Host};

/// The package of the interfaces in `wit/tool.wit`.
const OURS: &str = "errand:tool/";

/// The packages of WASI 0.2 that every component is linked with.
const WASI: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// One linker for each set of imports that is in use.
pub(super) struct Linkers {
    engine: Engine,
    made: Mutex<HashMap<Imports, Arc<Linker<Host>>>>,
}

impl Linkers {
    pub(super) fn new(engine: Engine) -> Linkers {
        Linkers { engine, made: Mutex::default() }
    }

    pub(super) fn get(&self, imports: Imports) -> wasmtime::Result<Arc<Linker<Host>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(linker) = made.get(&imports) {
            return Ok(Arc::clone(linker));
        }
        let linker = Arc::new(host::linker(&self.engine, imports)?);
        made.insert(imports, Arc::clone(&linker));
        Ok(linker)
    }
}

/// Whether a component imports only what it was granted. The error is a sentence that names the
/// first import it was not.
pub(super) fn granted(
    component: &Component,
    engine: &Engine,
    imports: Imports,
) -> Result<(), String> {
    for (name, import) in component.imports(engine) {
        match import.ty {
            // An interface of which only types are used needs nothing.
            ComponentItem::ComponentInstance(instance)
                if instance
                    .exports(engine)
                    .all(|(_, it)| matches!(it.ty, ComponentItem::Type(_))) => {}
            ComponentItem::Type(_) => {}
            ComponentItem::ComponentInstance(_) => lent(name, imports)?,
            _ => return Err(nobody(name)),
        }
    }
    Ok(())
}

fn lent(name: &str, imports: Imports) -> Result<(), String> {
    let Some(ours) = name.strip_prefix(OURS) else {
        let wasi = WASI.iter().any(|package| name.starts_with(package));
        return if wasi { Ok(()) } else { Err(nobody(name)) };
    };
    let granted = match ours.split('@').next().unwrap_or(ours) {
        "log" | "progress" | "manifest-types" => true,
        "files" => imports.files,
        "http" => imports.http,
        "kv" => imports.kv,
        "pages" => imports.pages,
        "tools" => imports.tools,
        _ => return Err(nobody(name)),
    };
    if granted {
        return Ok(());
    }
    Err(format!("the component imports `{}`, which it was not granted", short(name)))
}

fn nobody(name: &str) -> String {
    format!("the component imports `{}`, which this host does not have", short(name))
}

/// The name is untrusted.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(100)]
}
