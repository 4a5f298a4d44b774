//! What a component says of itself, before anything is granted to it. `describe` runs under limits
//! of its own, with every import there and none of them of any use; what it says is checked.

mod manifest;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::manifest::Manifest;
use agent_core::replay_seed::Start;
use agent_core::sandbox::{Gate, SandboxError, Use};
use agent_core::tool::{Component, Guest, Imports, Limits};
use async_trait::async_trait;
use serde_json::Value;
use wasmtime::component::ComponentExportIndex;

use crate::components::{Ready, Speech};
use crate::concurrency::Depth;
use crate::host::Lent;
use crate::host::bindings::errand::tool::manifest_types as wit;
use crate::lane::Lane;
use crate::outcome::{self, Said};
use crate::session::Session;

/// What can be imported at all.
pub(crate) const IMPORTS: Imports =
    Imports { files: true, http: true, kv: true, pages: false, tools: true };

/// A whole interpreter may have to start. The output is the manifest as the guest lays it out.
const LIMITS: Limits = Limits {
    memory: 256 << 20,
    time: Duration::from_secs(5),
    output: 1 << 20,
    fuel: None,
    calls: 1,
};

pub(crate) async fn describe(
    lane: &Lane,
    ready: &Ready,
    lent: &Arc<Lent>,
    component: &Component,
) -> Result<Manifest, String> {
    let manifest = match &ready.speech {
        Speech::Invoke { describe: Some(describe), .. } => {
            let said = ask(lane, ready, lent, component, describe).await?;
            manifest::read(said)?
        }
        Speech::Invoke { describe: None, .. } => {
            return Err("the component exports `invoke`, but no `describe` that says what its \
                        tools are"
                .to_string());
        }
        Speech::Plain(plain) => plain.manifest(),
    };
    let checked = tokio::task::spawn_blocking(move || {
        manifest.tools.iter().try_for_each(schema::check).map(|()| manifest)
    });
    checked.await.map_err(|error| error.to_string())?
}

async fn ask(
    lane: &Lane,
    ready: &Ready,
    lent: &Arc<Lent>,
    component: &Component,
    describe: &ComponentExportIndex,
) -> Result<wit::Manifest, String> {
    let guest = Guest::builtin(component.clone(), IMPORTS, LIMITS);
    let Session { mut store, clock, asked, stderr, carried } =
        Session::new(&lane.engine, lent, &guest, LIMITS.output, Start::default())
            .map_err(|error| format!("the component cannot be run: {error}"))?;
    let _running = lane.ticker.run();
    let work = clock.meter(async {
        let instance = ready.pre.instantiate_async(&mut store).await?;
        let describe = instance.get_typed_func::<(), (wit::Manifest,)>(&mut store, describe)?;
        let (manifest,) = describe.call_async(&mut store, ()).await?;
        Ok(manifest)
    });
    let returned =
        asked.serve(work, &Closed, Depth::of("")).await.map_err(|error| error.to_string())?;
    returned.map_err(|error| {
        let said = Said { stderr: stderr.text(), limits: LIMITS, carried };
        format!("the component cannot describe itself: {}", outcome::stopped(&error, &said))
    })
}

/// Nothing has been granted yet.
struct Closed;

const CLOSED: &str = "nothing can be used while a component describes itself";

#[async_trait]
impl Gate for Closed {
    async fn authorize(&self, _: Capability) -> Result<Use, String> {
        Err(CLOSED.to_string())
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, _: &str, _: Value) -> Result<Value, String> {
        Err(CLOSED.to_string())
    }
}

/// Whether a path means something in an agent's folder and nothing outside of it.
fn inside(path: &str) -> bool {
    use std::path::Component::{CurDir, Normal};
    let parts = Path::new(path).components();
    !path.is_empty() && parts.clone().all(|part| matches!(part, CurDir | Normal(_)))
}
