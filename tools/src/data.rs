//! `data.search`, `data.cluster` and `data.outliers`: what texts mean, by their vectors. A guest makes
//! texts of the files, each read through the gate as for `files.*`; the host makes vectors of the texts.

mod found;
mod types;

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::action::{Capability, Permit};
use agent_core::embed::Embed;
use agent_core::sandbox::{Cost, Gate, Invocation, Sandbox, SandboxError};
use agent_core::tool::{Effect, Guest, Imports, Limits, Tool, ToolSpec, Work, Worker};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::builtin::{Builtin, spec};
use crate::files::{COMPONENT, Within};
use crate::registry::Setup;

use found::{Grouped, Ranked, Unusual};
use types::{ClusterArguments, OutlierArguments, SearchArguments};
pub use types::{Text, Texts};

/// The names of the tools.
pub const NAMES: [&str; 3] = [SEARCH, CLUSTER, OUTLIERS];
/// Finds passages.
pub const SEARCH: &str = "data.search";
/// Finds groups.
pub const CLUSTER: &str = "data.cluster";
/// Finds what is unusual.
pub const OUTLIERS: &str = "data.outliers";

/// The most texts that a model has looked at in one call.
const MOST: usize = 5_000;
const LIMIT: u32 = 5;
const OUTLIER_LIMIT: u32 = 10;
/// Bytes of a result that a model is shown at once.
const AT_ONCE: u64 = 32 << 10;

const LIMITS: Limits = Limits {
    memory: 384 << 20,
    time: Duration::from_secs(30),
    output: 1 << 20,
    fuel: None,
    calls: 16,
};

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![
        spec::<SearchArguments, Ranked>(
            SEARCH,
            "Finds the passages of all files that are nearest in meaning to some words, also where \
             they use other words.",
            Effect::Reads,
        ),
        spec::<ClusterArguments, Grouped>(
            CLUSTER,
            "Groups the texts of a file by what they mean: rows of a table, JSON lines, lines or \
             passages. Each group has a label and examples.",
            Effect::Reads,
        ),
        spec::<OutlierArguments, Unusual>(
            OUTLIERS,
            "Finds the most unusual texts of a file: rows of a table, JSON lines, lines or passages \
             that are like no other.",
            Effect::Reads,
        ),
    ]
}

/// The guest that makes texts of files, at most so many.
fn guest(most: usize) -> Guest {
    let imports = Imports { files: true, ..Imports::default() };
    let adds = Map::from_iter([("most".to_string(), json!(most))]);
    Guest { adds: Arc::new(adds), ..Guest::builtin(COMPONENT.clone(), imports, LIMITS) }
}

/// The capabilities that a call of one of the tools wants.
fn plan(name: &str, within: &Within, arguments: &Value) -> Result<Vec<Capability>, String> {
    let said = |error: serde_json::Error| error.to_string();
    within.reads(match name {
        SEARCH => SearchArguments::deserialize(arguments).map_err(said)?.path,
        CLUSTER => Some(ClusterArguments::deserialize(arguments).map_err(said)?.path),
        _ => Some(OutlierArguments::deserialize(arguments).map_err(said)?.path),
    })
}

/// One of the tools without its second half: its result is the [`Texts`] themselves, at most so many.
/// For programs that go on with them; no agent file names it.
pub fn texts(setup: &Setup, name: &'static str, most: usize) -> Arc<dyn Tool> {
    let spec = ToolSpec {
        output: crate::schema::of::<Texts>(),
        ..specs().into_iter().find(|spec| spec.name == name).unwrap_or_else(|| specs().remove(0))
    };
    let within = Within::of(setup);
    let planned = move |arguments: Value| plan(name, &within, &arguments);
    Arc::new(Builtin::new(spec, guest(most), planned))
}

/// The tools, with who makes texts of files and who makes vectors of texts.
pub fn tools(
    setup: &Setup,
    sandbox: &Arc<dyn Sandbox>,
    embed: &Arc<dyn Embed>,
) -> Vec<Arc<dyn Tool>> {
    let tool = |spec: ToolSpec| -> Arc<dyn Tool> {
        let (sandbox, embed) = (Arc::clone(sandbox), Arc::clone(embed));
        Arc::new(Data {
            spec: Arc::new(spec),
            within: Within::of(setup),
            guest: guest(MOST),
            sandbox,
            embed,
        })
    };
    specs().into_iter().map(tool).collect()
}

struct Data {
    spec: Arc<ToolSpec>,
    within: Within,
    guest: Guest,
    sandbox: Arc<dyn Sandbox>,
    embed: Arc<dyn Embed>,
}

impl Tool for Data {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn plan(&self, arguments: &Value) -> Result<Vec<Capability>, String> {
        plan(&self.spec.name, &self.within, arguments)
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }

    fn show(&self, result: &Value) -> String {
        found::show(result)
    }
}

#[async_trait]
impl Worker for Data {
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError> {
        let began = Instant::now();
        let read = self.sandbox.invoke(permit, &self.guest, gate).await?;
        let result = match read.result {
            Ok(texts) => self.found(&permit.action().arguments, texts).await,
            Err(problem) => Err(problem),
        };
        let output = result.as_ref().map_or(0, |result| result.to_string().len() as u64);
        Ok(Invocation { result, cost: Cost { time: began.elapsed(), output, ..read.cost } })
    }

    fn at_once(&self) -> Option<u64> {
        Some(AT_ONCE)
    }
}

impl Data {
    async fn found(&self, arguments: &Value, texts: Value) -> Result<Value, String> {
        let texts = Texts::deserialize(texts).map_err(|error| error.to_string())?;
        let mut said: Vec<String> = texts.texts.iter().map(|text| text.text.clone()).collect();
        let number = |key: &str| arguments[key].as_u64().map(|number| number as usize);
        let query = arguments["query"].as_str().map(str::to_string);
        said.extend(query.clone());
        let mut vectors = self.embed.vectors(said).await?;
        let query = query.and_then(|_| vectors.pop());
        if vectors.len() != texts.texts.len() {
            return Err("a text has no vector".to_string());
        }
        let name = self.spec.name.clone();
        let limit = number("limit");
        let groups = number("groups");
        let work = move || match (name.as_str(), query) {
            (SEARCH, Some(query)) => {
                let limit = limit.unwrap_or(LIMIT as usize);
                json!(found::ranked(texts, &query, &vectors, limit))
            }
            (CLUSTER, _) => json!(found::grouped(&texts, &vectors, groups)),
            _ => {
                let limit = limit.unwrap_or(OUTLIER_LIMIT as usize);
                json!(found::unusual(&texts, &vectors, limit))
            }
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
    }
}
