//! `errand mcp serve`: agents as the tools of an MCP server, for the program that starts it. Standard output
//! carries the protocol and nothing else.

use std::path::PathBuf;
use std::process::ExitCode;

use errand::serve::Offer;

use crate::cli::run::{How, let_go, open, runtime};
use crate::cli::stop::stopped;
use crate::cli::terminal::eprint;

/// The arguments of `errand mcp serve`.
#[derive(clap::Args)]
#[command(after_help = "An MCP client starts it, with a configuration such as
  {\"mcpServers\": {\"errand\": {\"command\": \"errand\", \"args\": [\"mcp\", \"serve\", \"/path/agent.toml\"]}}}

Each agent is a tool, and a call is a run of it. What a run asks a person, the client asks its user
where it can; else the run waits, and `errand runs resume` answers it. `errand serve` has the same
at /mcp, over HTTP.")]
pub(crate) struct Args {
    /// The agent files, each a tool under its agent's name
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Offer the tools that the agents use as well, as AGENT.TOOL: a call is made under its agent's
    /// grants, and no model is asked
    #[arg(long)]
    tools: bool,
    /// Fetch no model and no runtime: use what is already here
    #[arg(long)]
    offline: bool,
}

pub(crate) fn main(args: &Args) -> anyhow::Result<ExitCode> {
    let errand = open(How { json: true, offline: args.offline })?;
    let offer = if args.tools { Offer::AgentsAndTools } else { Offer::Agents };
    let parts = errand::serve::piped(&errand, &args.files, offer)?;
    let stop = async {
        if let Err(error) = stopped().await {
            eprint(&format!("stopping: signals cannot be waited for: {error}"));
        }
    };
    let runtime = runtime()?;
    let served =
        runtime.block_on(server::serve_pipe(tokio::io::stdin(), tokio::io::stdout(), parts, stop));
    let_go(runtime);
    served.map(|()| ExitCode::SUCCESS).map_err(|error| anyhow::anyhow!(error.message))
}
