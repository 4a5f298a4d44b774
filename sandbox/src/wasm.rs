//! The sandbox: one call, one fresh instance, one way in and one way out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use agent_core::action::Permit;
use agent_core::manifest::Manifest;
use agent_core::sandbox::{Cost, Gate, Invocation, Sandbox, SandboxError};
use agent_core::tool::{Component, Guest, Imports, Limits};
use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::Config;
use crate::components::{Missing, Ready, Speech};
use crate::concurrency::Depth;
use crate::describe;
use crate::host::Lent;
use crate::lane::{Fuel, Lane};
use crate::outcome::{self, Said};
use crate::session::Session;

/// Runs guests in wasmtime.
pub struct Wasm {
    config: Config,
    lent: Arc<Lent>,
    /// The calls of this agent that run, by how many may.
    calls: Mutex<HashMap<Calls, Arc<Semaphore>>>,
}

/// A call that there is room for.
struct Call<'a> {
    begun: Instant,
    lane: &'a Lane,
    ready: &'a Ready,
    depth: Depth,
    permit: &'a Permit,
    guest: &'a Guest,
    gate: &'a dyn Gate,
}

/// Of which component, how many may run at once, and by depth, for the reason that slots have one.
type Calls = (usize, usize, Depth);

impl Wasm {
    /// A sandbox for one agent. What is granted is opened; nothing is compiled yet.
    ///
    /// # Errors
    /// A path in `config` that is not absolute.
    pub fn new(config: Config) -> Result<Wasm, SandboxError> {
        let paths = config.read.iter().chain(&config.write).chain([&config.root]).chain(&config.kv);
        let paths = paths.map(PathBuf::as_path).chain([config.engines.cache()]);
        let relative = { paths }.find(|path| !path.is_absolute()).map(Path::to_path_buf);
        if let Some(path) = relative {
            return Err(SandboxError::Component {
                component: "sandbox".to_string(),
                reason: format!("`{}` is not an absolute path", path.display()),
            });
        }
        let lent = Arc::new(Lent::new(&config));
        Ok(Wasm { config, lent, calls: Mutex::default() })
    }

    /// Compiles a component ahead of its first call, or finds it compiled.
    ///
    /// # Errors
    /// It cannot be read, or is not a component.
    pub async fn prepare(&self, component: &Component) -> Result<(), SandboxError> {
        let lane = self.config.engines.lane(Fuel::Free).await?;
        match lane.components.get(component, describe::IMPORTS).await {
            Err(Missing::Broken(error)) => Err(error),
            Err(Missing::Refused(_)) | Ok(_) => Ok(()),
        }
    }

    /// What a component says of itself; where it says nothing, what its exported functions are.
    /// It runs with nothing granted, and what it says is held to be legal and small.
    ///
    /// # Errors
    /// A sentence: what the component is not, or says that it may not.
    pub async fn describe(&self, component: &Component) -> Result<Manifest, String> {
        let lane = self.config.engines.lane(Fuel::Free).await.map_err(|error| error.to_string())?;
        let ready = match lane.components.get(component, describe::IMPORTS).await {
            Ok(ready) => ready,
            Err(Missing::Broken(error)) => return Err(error.to_string()),
            Err(Missing::Refused(reason)) => return Err(reason),
        };
        describe::describe(lane, &ready, &self.lent, component).await
    }

    /// Where calls of one depth wait for each other, if at most this many may run at once.
    fn turn(&self, ready: &Arc<Ready>, most: usize, depth: Depth) -> Arc<Semaphore> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let room = || Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        // The engines keep what is ready for as long as they live, so an address is one component's.
        let component = Arc::as_ptr(ready).addr();
        Arc::clone(calls.entry((component, most, depth)).or_insert_with(room))
    }

    /// What the engine may have to carry for a call.
    fn carried(&self, limits: &Limits, imports: Imports) -> usize {
        let file = if imports.files { self.config.file_bytes as usize } else { 0 };
        let body =
            if imports.http || imports.pages { self.config.response_bytes as usize } else { 0 };
        limits.whole().max(file).max(body)
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
        let fuel = if guest.limits.fuel.is_some() { Fuel::Counted } else { Fuel::Free };
        let lane = Box::pin(self.config.engines.lane(fuel)).await?;
        let ready = match Box::pin(lane.components.get(&guest.component, guest.imports)).await {
            Ok(ready) => ready,
            Err(Missing::Broken(error)) => return Err(error),
            Err(Missing::Refused(reason)) => return Ok(failed(begun, reason)),
        };
        let depth = Depth::of(&permit.action().id.0);
        let _turn = self.turn(&ready, guest.limits.calls, depth).acquire_owned().await.ok();
        let _slot = match self.config.engines.slots.take(depth).await {
            Ok(slot) => slot,
            Err(refusal) => return Ok(failed(begun, refusal)),
        };
        let _room = match self.config.room.take(depth, guest.limits.memory as u64).await {
            Ok(room) => room,
            Err(refusal) => return Ok(failed(begun, refusal)),
        };
        // A thousand may wait for that. What an instance takes is not there before there is room for it.
        Box::pin(self.run(Call { begun, lane, ready: &ready, depth, permit, guest, gate })).await
    }
}

impl Wasm {
    async fn run(&self, call: Call<'_>) -> Result<Invocation, SandboxError> {
        let Call { begun, lane, ready, depth, permit, guest, gate } = call;
        let action = permit.action();
        let carried = self.carried(&guest.limits, guest.imports);
        let session = match Session::new(&lane.engine, &self.lent, guest, carried, gate.start()) {
            Ok(session) => session,
            Err(error) => return Ok(failed(begun, format!("the tool cannot be run: {error}"))),
        };
        let Session { mut store, clock, asked, stderr, carried } = session;
        let _running = lane.ticker.run();
        let tool = guest.bare(&action.tool);
        let work = clock.meter(async {
            let instance = ready.pre.instantiate_async(&mut store).await?;
            match &ready.speech {
                Speech::Invoke { invoke, .. } => {
                    let arguments = guest.arguments(&action.arguments).to_string();
                    let invoke = instance
                        .get_typed_func::<(&str, &str), (Result<String, String>,)>(
                            &mut store, invoke,
                        )?;
                    let (said,) = invoke.call_async(&mut store, (tool, &arguments)).await?;
                    Ok(said)
                }
                Speech::Plain(plain) => {
                    plain.call(&mut store, &instance, tool, &action.arguments).await
                }
            }
        });
        let returned = asked.serve(work, gate, depth).await?;

        let output = match &returned {
            Ok(Ok(text) | Err(text)) => text.len() as u64,
            Err(_) => 0,
        };
        let keys = store.data().keys();
        let said = Said { stderr: stderr.text(), limits: guest.limits, carried };
        Ok(Invocation {
            result: outcome::judge(returned, &said, &keys),
            cost: Cost {
                time: begun.elapsed(),
                memory: store.data().peak() as u64,
                output,
                ..Cost::default()
            },
        })
    }
}

fn failed(begun: Instant, failure: String) -> Invocation {
    let cost = Cost { time: begun.elapsed(), ..Cost::default() };
    Invocation { result: Err(failure), cost }
}
