//! What the host lends to a guest: the imports of `wit/tool.wit`, and a WASI with nothing in it.

mod address;
mod door;
mod files;
mod http;
mod place;
mod resolver;
mod roots;
mod said;
mod tools;

pub(crate) use door::Door;
pub(crate) use said::Said;

use std::sync::Arc;

use agent_core::tool::Limits;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Config;
use crate::limits::{Clock, Memory};
use http::Http;
use roots::Roots;

/// The contract with guests, as Rust.
#[allow(missing_docs, unreachable_pub, reason = "generated from `wit/tool.wit`, documented there")]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "builtin",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

/// What all guests of one agent are lent.
pub(crate) struct Lent {
    roots: Roots,
    http: Http,
    file_bytes: u64,
}

impl Lent {
    pub(crate) fn new(config: &Config) -> Lent {
        Lent { roots: Roots::new(config), http: Http::new(config), file_bytes: config.file_bytes }
    }
}

/// One call's side of the host.
pub(crate) struct Host {
    lent: Arc<Lent>,
    door: Door,
    clock: Arc<Clock>,
    memory: Memory,
    stderr: Said,
    /// How much of a file fits into the guest.
    file_bytes: u64,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Host {
    pub(crate) fn new(lent: &Arc<Lent>, door: Door, clock: Arc<Clock>, limits: &Limits) -> Host {
        let stderr = Said::default();
        // Empty: no arguments, environment, folders, stdin or sockets. Clocks and random numbers
        // are in every WASI.
        let mut wasi = WasiCtxBuilder::new();
        wasi.stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(1 << 20);
        Host {
            lent: Arc::clone(lent),
            door,
            clock,
            memory: Memory::new(limits.memory),
            stderr,
            file_bytes: lent.file_bytes.min(limits.memory as u64),
            wasi: wasi.build(),
            table: ResourceTable::new(),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn memory(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }

    /// The most linear memory there was, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.memory.peak()
    }

    /// What the guest writes to stderr.
    pub(crate) fn stderr(&self) -> Said {
        self.stderr.clone()
    }
}

/// Everything a guest may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    bindings::Builtin::add_to_linker::<_, HasSelf<_>>(&mut linker, |host: &mut Host| host)?;
    Ok(linker)
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
