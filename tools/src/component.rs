//! A component as tools: its manifest says what there is, its scope how far a call may go. What it
//! says of itself is never believed further than that – each use is judged when it is made.

use std::sync::Arc;

use agent_core::action::Capability;
use agent_core::component::{Bounds, LARGEST, Pinned, digest};
use agent_core::permission::NetRule;
use agent_core::scope::Scope;
use agent_core::tool::{Component, Effect, Guest, Imports, Limits, Tool, ToolSpec, Work};
use guard::file;
use serde_json::Value;
use url::Url;

mod manifest_check;

pub use manifest_check::check_manifest;

/// The tools of a component, by the names they have in an agent.
pub fn tools(pinned: &Pinned, scope: &Scope) -> Vec<Arc<dyn Tool>> {
    let component = Component::Pinned {
        path: Arc::new(pinned.file.clone()),
        sha256: pinned.sha256.as_str().into(),
    };
    let wants = &pinned.manifest.wants;
    let guest = Guest {
        imports: Imports {
            // Where none of it is granted, each use is refused: it may do without.
            files: !(wants.read.is_empty() && wants.write.is_empty()),
            http: !scope.net.is_empty(),
            kv: scope.kv,
            pages: false,
            tools: !scope.tools.is_empty(),
        },
        secrets: scope.secrets.clone().into(),
        ..Guest::untrusted(pinned.name.as_str(), component, limits(&pinned.bounds))
    };
    let scope = Arc::new(scope.clone());
    let tool = |spec: ToolSpec| -> Arc<dyn Tool> {
        Arc::new(Brought { spec: Arc::new(spec), guest: guest.clone(), scope: Arc::clone(&scope) })
    };
    pinned.specs().map(tool).collect()
}

/// Whether a component is still what the agent was made with. A run that was interrupted goes on
/// with the same bytes or not at all.
pub fn unchanged(pinned: &Pinned) -> Result<(), Changed> {
    let changed = |reason: String| Changed {
        name: pinned.name.clone(),
        file: pinned.file.display().to_string(),
        reason,
    };
    let bytes = file::read(&pinned.file, LARGEST as u64)
        .map_err(|error| changed(format!("cannot be read: {error}")))?;
    match digest(&bytes) == pinned.sha256 {
        true => Ok(()),
        false => Err(changed("has changed since the run began".to_string())),
    }
}

/// A component is not what the run began with.
#[derive(Debug, thiserror::Error)]
#[error(
    "the component `{name}` cannot be used: `{file}` {reason}\nhint: put the file back that the \
     run began with, or begin a new run"
)]
pub struct Changed {
    name: String,
    file: String,
    reason: String,
}

/// The limits of a call: what the agent file says, else what holds for every component.
fn limits(bounds: &Bounds) -> Limits {
    let default = Limits::DEFAULT;
    let size = |size: Option<u64>, default| {
        size.map_or(default, |size| usize::try_from(size).unwrap_or(usize::MAX))
    };
    Limits {
        memory: size(bounds.memory, default.memory),
        time: bounds.time.unwrap_or(default.time),
        output: size(bounds.output, default.output),
        fuel: bounds.fuel,
        calls: bounds.calls.map_or(default.calls, |calls| calls as usize),
    }
}

/// One tool of a component.
struct Brought {
    spec: Arc<ToolSpec>,
    guest: Guest,
    scope: Arc<Scope>,
}

impl Tool for Brought {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    /// The most that the call can want, as far as it can be named: of a rule that means many hosts
    /// there is no one address. A call that a policy would ask about is so asked about before it
    /// begins, when there may still be a person to answer.
    fn plan(&self, _arguments: &Value) -> Result<Vec<Capability>, String> {
        let effect = self.spec.effect;
        if effect == Effect::Pure {
            return Ok(Vec::new());
        }
        let changes = effect.changes();
        let reads = self.scope.read.iter().cloned().map(Capability::Read);
        let writes = self.scope.write.iter().filter(|_| changes).cloned().map(Capability::Write);
        let method = if changes { "POST" } else { "GET" };
        let fetches = self
            .scope
            .net
            .iter()
            .filter_map(address)
            .map(|url| Capability::Fetch { method: method.to_string(), url });
        Ok(reads.chain(writes).chain(fetches).collect())
    }

    fn work(&self) -> Work<'_> {
        Work::Guest(&self.guest)
    }

    fn calls(&self, tool: &str) -> bool {
        self.scope.tools.iter().any(|allowed| allowed == tool)
    }
}

/// The address of a rule that names one host.
fn address(rule: &NetRule) -> Option<Url> {
    let NetRule::Host { host, port } = rule else { return None };
    let scheme = if *port == Some(80) { "http" } else { "https" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Url::parse(&format!("{scheme}://{host}{port}/")).ok()
}

#[cfg(test)]
mod tests {
    use agent_core::manifest::{Manifest, Wants};
    use serde_json::json;

    use super::*;

    /// It was not linked with what it imports, and so could do nothing else either.
    #[test]
    fn a_component_that_wants_files_in_an_agent_that_grants_none() {
        let spec = ToolSpec {
            name: "work".to_string(),
            description: "Works.".to_string(),
            input: json!({"type": "object"}),
            output: json!({}),
            effect: Effect::Reads,
        };
        let imports = |wants: Wants| {
            let manifest = Manifest { tools: vec![spec.clone()], wants, ..Manifest::default() };
            let pinned = Pinned {
                name: "weather".to_string(),
                file: "/weather.wasm".into(),
                sha256: String::new(),
                manifest,
                bounds: Bounds::default(),
            };
            match tools(&pinned, &Scope::default())[0].work() {
                Work::Guest(guest) => guest.imports,
                Work::Worker(_) => Imports::default(),
            }
        };
        let wanting = Wants { read: vec![".".to_string()], ..Wants::default() };
        assert_eq!(imports(wanting), Imports { files: true, ..Imports::default() });
        assert_eq!(imports(Wants::default()), Imports::default());
    }
}
