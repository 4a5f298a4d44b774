//! The sandbox: one call, one fresh instance, one way in and one way out.

use std::sync::Arc;
use std::time::Instant;

use agent_core::action::Permit;
use agent_core::sandbox::{Cost, Gate, Invocation, Sandbox, SandboxError};
use agent_core::tool::{Component, Guest};
use async_trait::async_trait;
use tokio::sync::OnceCell;
use wasmtime::{Engine, Store, UpdateDeadline};

use crate::Config;
use crate::components::Components;
use crate::engine::{self, Ticker};
use crate::host::{Door, Host, Lent};
use crate::limits::Clock;
use crate::outcome;
use crate::slots::{Depth, Slots};

/// What the engine may carry from a guest to the host in one call, beyond what the call is about.
const HOST_CALL_SLACK: usize = 1 << 20;

/// Runs guests in wasmtime.
pub struct Wasm {
    config: Config,
    lent: Arc<Lent>,
    /// Made when the first guest comes: a program that never runs one does not pay for it.
    runtime: OnceCell<Runtime>,
}

struct Runtime {
    engine: Engine,
    ticker: Ticker,
    components: Components,
    slots: Slots,
}

impl Wasm {
    /// A sandbox for one agent. Cheap: nothing is opened and nothing compiled yet.
    ///
    /// # Errors
    /// A path in `config` that is not absolute.
    pub fn new(config: Config) -> Result<Wasm, SandboxError> {
        let paths = config.read.iter().chain(&config.write).chain([&config.root, &config.cache]);
        if let Some(path) = paths.into_iter().find(|path| !path.is_absolute()) {
            return Err(SandboxError::Component {
                component: "sandbox".to_string(),
                reason: format!("`{}` is not an absolute path", path.display()),
            });
        }
        let lent = Arc::new(Lent::new(&config));
        Ok(Wasm { config, lent, runtime: OnceCell::new() })
    }

    /// Compiles a component ahead of its first call, or finds it compiled.
    ///
    /// # Errors
    /// It cannot be read, is not a component, or wants an import that is not lent.
    pub async fn prepare(&self, component: &Component) -> Result<(), SandboxError> {
        self.runtime().await?.components.get(component).await.map(|_| ())
    }

    async fn runtime(&self) -> Result<&Runtime, SandboxError> {
        self.runtime.get_or_try_init(async || Runtime::start(&self.config)).await.map_err(|error| {
            SandboxError::Component {
                component: "wasmtime".to_string(),
                reason: format!("{error:#}"),
            }
        })
    }
}

impl Runtime {
    fn start(config: &Config) -> wasmtime::Result<Runtime> {
        let engine = engine::engine()?;
        Ok(Runtime {
            ticker: Ticker::start(engine.clone())?,
            components: Components::new(engine.clone(), &config.cache)?,
            slots: Slots::new(),
            engine,
        })
    }
}

#[async_trait]
impl Sandbox for Wasm {
    async fn invoke(
        &self,
        permit: &Permit,
        guest: &Guest,
        gate: &dyn Gate,
    ) -> Result<Invocation, SandboxError> {
        let begun = Instant::now();
        let runtime = self.runtime().await?;
        let pre = runtime.components.get(&guest.component).await?;
        let action = permit.action();
        let depth = Depth::of(&action.id.0);
        let _slot = match runtime.slots.take(depth).await {
            Ok(slot) => slot,
            Err(refusal) => return Ok(Invocation { result: Err(refusal), cost: Cost::default() }),
        };

        let clock = Arc::new(Clock::new(guest.limits.time));
        let (door, asked) = Door::new();
        let host = Host::new(&self.lent, door, Arc::clone(&clock), &guest.limits);
        let stderr = host.stderr();
        let mut store = Store::new(&runtime.engine, host);
        store.limiter(|host| host.memory());
        let most = guest.limits.output.max(self.config.file_bytes as usize);
        store.set_hostcall_fuel(most.saturating_add(HOST_CALL_SLACK));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            store.data().clock().pause()?;
            Ok(UpdateDeadline::Yield(1))
        });

        let _running = runtime.ticker.run();
        let arguments = action.arguments.to_string();
        let work = clock.meter(async {
            let tool = pre.instantiate_async(&mut store).await?;
            tool.call_invoke(&mut store, &action.tool, &arguments).await
        });
        let returned = asked.serve(work, gate, depth).await?;

        let output = match &returned {
            Ok(Ok(text) | Err(text)) => text.len() as u64,
            Err(_) => 0,
        };
        Ok(Invocation {
            result: outcome::judge(returned, &stderr.text(), guest.limits.output),
            cost: Cost {
                time: begun.elapsed(),
                memory: store.data().peak() as u64,
                output,
                ..Cost::default()
            },
        })
    }
}
