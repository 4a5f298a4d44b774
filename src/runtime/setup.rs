//! What an agent needs of this machine before it can run, and what of it would have to be fetched.

use std::path::PathBuf;
use std::sync::Arc;

use agent_core::agent::{Agent, Device};
use agent_core::mcp::Transport;
use agent_core::program::Programs;
use agent_core::strategy::PYTHON;
use agent_file::size;
use models::fetch::Plan;
use sandbox::Room;
use tools::python::Build;

use super::Errand;
use super::launch::asks_no_model;

/// The catalog's encoder for who names none.
pub const ENCODER: &str = "all-minilm-l6-v2";

/// How much memory all guests of a process may use together, where it is said.
const GUESTS: &str = "ERRAND_GUEST_MEMORY";

impl Errand {
    /// What has to be fetched before this agent, and those that it calls, can run.
    pub fn missing(&self, agent: &Agent) -> Plan {
        let mut names = Vec::new();
        self.wants(agent, &mut names);
        self.fetcher.plan(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What has to be fetched for the default set-up: the default model, and the tool `python`.
    pub fn default_plan(&self) -> Plan {
        let guest = self.guests().made().is_none().then_some("componentize-py");
        let names = [guest, runtime(Device::Cpu), Some(models::DEFAULT)];
        self.fetcher.plan(&names.into_iter().flatten().collect::<Vec<_>>())
    }

    /// What has to be fetched for a model by itself, run on the processor.
    pub fn plan_of(&self, model: &str) -> Plan {
        let names = [runtime(Device::Cpu), Some(model)];
        self.fetcher.plan(&names.into_iter().flatten().collect::<Vec<_>>())
    }

    fn wants(&self, agent: &Agent, names: &mut Vec<String>) {
        if agent.tools.iter().any(|tool| tool == PYTHON) && self.guests().made().is_none() {
            names.push("componentize-py".to_string());
        }
        if uses_data(agent) {
            names.extend(runtime(Device::Cpu).into_iter().chain([ENCODER]).map(str::to_string));
        }
        let model = &agent.model;
        let asked = self.own.model.is_none() && !asks_no_model(agent);
        if model.provider.capabilities().local && asked {
            names.extend(runtime(model.device).map(str::to_string));
            let path = model.path.as_ref().map(|path| path.to_string_lossy().into_owned());
            names.push(path.unwrap_or_else(|| model.name.clone()));
        }
        for sub in agent.agents.values() {
            self.wants(&sub.agent, names);
        }
    }

    /// Where the python guest is made and kept.
    pub(crate) fn guests(&self) -> Build {
        Build::new(self.fetcher.home().root().join("guests"))
    }

    /// The python guest, made on this machine the first time it is needed.
    pub(super) async fn python(&self) -> anyhow::Result<PathBuf> {
        let build = self.guests();
        if let Some(made) = build.made() {
            return Ok(made);
        }
        let wheel = self.fetcher.file("componentize-py").await?;
        let python = self.fetcher.python().to_path_buf();
        let make = move || build.make(&python, &wheel);
        Ok(tokio::task::spawn_blocking(make).await??)
    }
}

/// Whether an agent needs an encoder.
pub(super) fn uses_data(agent: &Agent) -> bool {
    agent.tools.iter().any(|tool| tools::data::NAMES.contains(&tool.as_str()))
}

/// Memory for all guests.
pub(super) fn room() -> anyhow::Result<Arc<Room>> {
    let Some(said) = std::env::var_os(GUESTS) else { return Ok(Room::of_process()) };
    match size::read(&said.to_string_lossy()) {
        Ok(bytes) => Ok(Arc::new(Room::of(bytes))),
        Err(wanted) => anyhow::bail!("the variable {GUESTS} must be {wanted}"),
    }
}

/// The runtime of the catalog for a device, unless the user has set one up.
fn runtime(device: Device) -> Option<&'static str> {
    let own = std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| !path.is_empty());
    match device {
        _ if own => None,
        Device::Cpu => Some("onnxruntime"),
        Device::Cuda => Some("onnxruntime-cuda"),
    }
}

/// Looks up the programs of an agent's servers, and of the agents that it calls, before any of them
/// runs.
pub(super) fn settle(agent: &Agent) {
    let commands = agent.mcp.values().filter_map(|server| match &server.transport {
        Transport::Stdio(program) => Some(&*program.command),
        Transport::Http { .. } => None,
    });
    guard::settle(commands);
    let names = agent.grants.programs.iter().flat_map(Programs::names);
    guard::settle(names.filter(|name| !name.contains('/')));
    agent.agents.values().for_each(|sub| settle(&sub.agent));
}
