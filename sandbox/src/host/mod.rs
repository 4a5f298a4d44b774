//! What the host lends to a guest: the imports of `wit/tool.wit`, and a WASI with nothing in it.

mod address;
mod deterministic_clock;
mod files;
mod gate_channel;
mod http;
mod kernel;
mod kv;
mod log;
pub(crate) mod pages;
mod path_handle;
mod preopens;
mod resolver;
mod secrets;
mod stderr_tail;
mod tools;

pub use address::public;
pub(crate) use gate_channel::{Asked, GateChannel};
pub(crate) use http::may_hold_a_secret;
pub use resolver::Resolver;
pub(crate) use secrets::Keys;
pub(crate) use stderr_tail::Said;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::browser::Browser;
use agent_core::replay_seed::Start;
use agent_core::tool::{Component, Guest, Imports};
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Config;
use crate::config::Secrets;
use crate::limits::{Clock, Memory, Uses};
use http::Http;
use http::wire::Wire;
use pages::Pages;
use preopens::Roots;

/// The contract with guests, as Rust.
#[allow(missing_docs, unreachable_pub, reason = "generated from `wit/tool.wit`, documented there")]
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "tool",
        imports: { default: async | trappable },
        exports: { default: async },
    });

    /// What only the runtime's own guests are lent.
    pub(crate) mod builtin {
        wasmtime::component::bindgen!({
            path: "wit",
            world: "builtin",
            imports: { default: async | trappable },
            exports: { default: async },
            with: {
                "errand:tool/files": super::errand::tool::files,
                "errand:tool/http": super::errand::tool::http,
                "errand:tool/tools": super::errand::tool::tools,
            },
        });
    }
}

/// What all guests of one agent are lent.
pub(crate) struct Lent {
    roots: Roots,
    wire: Arc<Wire>,
    http: Http,
    pages: Arc<Pages>,
    browser: Option<Arc<dyn Browser>>,
    request_time: Duration,
    redirects: usize,
    file_bytes: u64,
    /// Where values are kept.
    kv: Option<PathBuf>,
    /// The agent file.
    agent: PathBuf,
    secrets: Secrets,
}

impl Lent {
    pub(crate) fn new(config: &Config) -> Lent {
        let wire = Arc::new(Wire::new(config));
        Lent {
            roots: Roots::new(config),
            http: Http::new(config, &wire),
            wire,
            pages: Arc::clone(&config.pages),
            browser: config.browser.clone(),
            request_time: config.request_time,
            redirects: config.redirects,
            file_bytes: config.file_bytes,
            kv: config.kv.clone(),
            agent: config.agent.clone(),
            secrets: Arc::clone(&config.secrets),
        }
    }
}

/// One call's side of the host.
pub(crate) struct Host {
    lent: Arc<Lent>,
    /// The component's, where it has one.
    name: Option<Arc<str>>,
    /// Which component it is.
    component: Component,
    channel: GateChannel,
    keys: Arc<Keys>,
    uses: Uses,
    clock: Arc<Clock>,
    memory: Memory,
    stderr: Said,
    /// When the guest last said how far it is.
    reported: Option<Instant>,
    /// How much of a file fits into the guest.
    file_bytes: u64,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Host {
    pub(crate) fn new(
        lent: &Arc<Lent>,
        guest: &Guest,
        channel: GateChannel,
        clock: Arc<Clock>,
        start: Start,
    ) -> Host {
        let stderr = Said::default();
        // Empty: no arguments, environment, folders, stdin or sockets.
        let mut wasi = WasiCtxBuilder::new();
        wasi.stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(1 << 20);
        deterministic_clock::begin(&mut wasi, start);
        Host {
            lent: Arc::clone(lent),
            name: guest.name.clone(),
            component: guest.component.clone(),
            channel,
            keys: Arc::new(Keys::new(&guest.secrets, &lent.secrets)),
            uses: Uses::default(),
            clock,
            memory: Memory::new(guest.limits.memory),
            stderr,
            reported: None,
            file_bytes: lent.file_bytes.min(guest.limits.memory as u64),
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

    /// What must not reach the guest.
    pub(crate) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys)
    }

    /// What the guest writes to stderr.
    pub(crate) fn stderr(&self) -> Said {
        self.stderr.clone()
    }
}

/// What a guest with these imports is linked with.
pub(crate) fn linker(engine: &Engine, imports: Imports) -> wasmtime::Result<Linker<Host>> {
    use bindings::errand::tool::{files, http, kv, log, progress, tools};
    fn host(host: &mut Host) -> &mut Host {
        host
    }
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    log::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    progress::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    if imports.files {
        files::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    }
    if imports.http {
        http::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    }
    if imports.pages {
        bindings::builtin::errand::tool::pages::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    }
    if imports.kv {
        kv::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    }
    if imports.tools {
        tools::add_to_linker::<_, HasSelf<_>>(&mut linker, host)?;
    }
    Ok(linker)
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
