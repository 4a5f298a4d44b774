//! What no agent of a run may write: what makes them what they are.

use std::path::{Path, PathBuf};

use agent_core::agent::Agent;
use agent_core::mcp::{Server, Transport};
use guard::Kept;
use tools::lock;

/// Of an agent and all the agents that it calls, and these.
pub(super) fn of(home: &Path, agent: &Agent, more: &[PathBuf]) -> Kept {
    let mut files = more.to_vec();
    of_agent(agent, &mut files);
    Kept::new(home, files)
}

/// Of an agent file that is not an agent yet: its servers are looked at before they are agreed to.
pub(super) fn of_file<'a>(
    home: &Path,
    file: &Path,
    servers: impl IntoIterator<Item = &'a Server>,
) -> Kept {
    let mut files = vec![file.to_path_buf()];
    servers.into_iter().for_each(|server| of_server(server, &mut files));
    Kept::new(home, files)
}

fn of_agent(agent: &Agent, files: &mut Vec<PathBuf>) {
    files.push(agent.file.clone());
    files.push(agent.root.join(lock::NAME));
    files.extend(agent.model.adapter.clone());
    files.extend(agent.components.iter().map(|pinned| pinned.file.clone()));
    agent.mcp.values().for_each(|server| of_server(server, files));
    agent.agents.values().for_each(|sub| of_agent(&sub.agent, files));
}

/// Its program and what that is started with, where these are files.
fn of_server(server: &Server, files: &mut Vec<PathBuf>) {
    files.extend(server.from.clone());
    if let Transport::Stdio(program) = &server.transport {
        let words = std::iter::once(&program.command).chain(&program.args);
        let named = words.map(|word| program.root.join(word));
        files.extend(named.filter(|path| path.is_file()));
    }
}
