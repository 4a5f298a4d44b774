//! Where the granted paths of an agent really are: written down with the agent when a run begins,
//! and found again, or the run does not go on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use agent_core::agent::Agent;
use agent_core::mcp::Transport;
use guard::real;

/// The agent, and those that it calls, with where its granted paths lead now. Runs of one agent share it where
/// there is nothing to write down.
pub(super) fn recorded(agent: impl Into<Arc<Agent>>) -> Arc<Agent> {
    let mut agent = agent.into();
    let linked = linked(&agent);
    if agent.linked != linked {
        Arc::make_mut(&mut agent).linked = linked;
    }
    if !agent.agents.is_empty() {
        for sub in Arc::make_mut(&mut agent).agents.values_mut() {
            *sub.agent = Arc::unwrap_or_clone(recorded((*sub.agent).clone()));
        }
    }
    agent
}

/// Where granted paths lead that lead elsewhere than they say.
fn linked(agent: &Agent) -> BTreeMap<PathBuf, PathBuf> {
    let real = granted(agent).into_iter().map(|path| (real(&path), path));
    real.filter(|(real, path)| real != path).map(|(real, path)| (path, real)).collect()
}

/// Whether all of them lead where they led when the run began.
pub(super) fn unchanged(agent: &Agent) -> Result<(), Moved> {
    for path in granted(agent) {
        let (then, now) = (agent.linked.get(&path).unwrap_or(&path), real(&path));
        if *then != now {
            return Err(Moved { path: path.clone(), then: then.clone(), now });
        }
    }
    agent.agents.values().try_for_each(|sub| unchanged(&sub.agent))
}

/// A granted path leads elsewhere than when the run began.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` was `{}` when the run began, and is `{}` now\nhint: put back what was granted, or begin \
     a new run",
    path.display(), then.display(), now.display()
)]
pub(super) struct Moved {
    path: PathBuf,
    then: PathBuf,
    now: PathBuf,
}

/// What the agent's tools, its programs and its servers may read and write.
fn granted(agent: &Agent) -> Vec<PathBuf> {
    let programs = agent.mcp.values().filter_map(|server| match &server.transport {
        Transport::Stdio(program) => Some(program.read.iter().chain(&program.write)),
        Transport::Http { .. } => None,
    });
    let run = agent.grants.programs.iter().flat_map(|programs| &programs.read);
    let own = agent.grants.read.iter().chain(&agent.grants.write).chain(run);
    own.chain(programs.flatten()).cloned().collect()
}
