//! `errand acp`: an editor talks to an agent, over the Agent Client Protocol (version 1) on standard input and
//! output. A session is a conversation, and so one run. What the agent may is in its file: the folder and the
//! servers that an editor names grant nothing.

mod peer;
mod session;
mod updates;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use errand::Errand;
use serde_json::{Value, json};

use self::peer::{Came, Failed, Lines, Peer};
use self::session::Session;
use super::param;
use super::run::{How, let_go, open, runtime};
use super::stop::unless_stopped;
use super::terminal::Usage;

/// The protocol's version.
const VERSION: u64 = 1;

/// How long a turn that goes on when the editor is gone may take to its end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The most sessions of one editor.
const SESSIONS: usize = 64;

/// The arguments of `errand acp`.
#[derive(clap::Args)]
#[command(after_help = "An editor starts it, with a configuration such as
  {\"agent_servers\": {\"clerk\": {\"command\": \"errand\", \"args\": [\"acp\", \"/path/agent.toml\"]}}}

What is said first in a session is the task, where the agent file takes one. What the agent asks to
be allowed, the editor asks its user. `errand chat --resume RUN` goes on with a session elsewhere.")]
pub(crate) struct Args {
    /// The agent file
    file: PathBuf,
    /// A parameter's value; `key=@file` takes it from a file, and a list takes several
    #[arg(short, long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// Another model than the agent file's: a catalog name, a path, or the endpoint's id
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Fetch no model and no runtime: use what is already here
    #[arg(long)]
    offline: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if param::piped(&args.params).is_some() {
        let hint = "the editor writes to standard input here: name a file";
        return Err(Usage(format!("`@-` cannot be a parameter of a session\nhint: {hint}")).into());
    }
    let errand = open(How { json: true, offline: args.offline })?;
    let params = param::pairs(&args.params)?;
    // What is wrong with the file is said before an editor waits for it.
    errand.check(&args.file, &params)?;
    let wanted = Arc::new(Wanted { errand, file: args.file, params, model: args.model });
    let runtime = runtime()?;
    let served = runtime.block_on(unless_stopped(serve(wanted)));
    let_go(runtime);
    served?.transpose()?;
    Ok(ExitCode::SUCCESS)
}

/// What each session talks to.
pub(super) struct Wanted {
    pub(super) errand: Errand,
    pub(super) file: PathBuf,
    pub(super) params: Vec<(String, String)>,
    pub(super) model: Option<String>,
}

async fn serve(wanted: Arc<Wanted>) -> anyhow::Result<()> {
    let (peer, writing) = Peer::to(tokio::io::stdout());
    let mut lines = Lines::of(tokio::io::stdin());
    let mut sessions: HashMap<String, Arc<Session>> = HashMap::new();
    while let Some(came) = lines.next().await? {
        match came {
            Ok(Came::Request { id, method, params }) => match method.as_str() {
                "session/prompt" => {
                    let begun = known(&sessions, &params)
                        .and_then(|session| Ok((session.turn_begins()?, session)));
                    match begun {
                        Ok((stop, session)) => {
                            let (peer, wanted) = (peer.clone(), wanted.clone());
                            // Turns of several sessions go on side by side, and requests beside a turn.
                            tokio::spawn(async move {
                                let answer = session.prompt(&wanted, &peer, &params, stop).await;
                                peer.answer(&id, answer);
                            });
                        }
                        Err(failed) => peer.answer(&id, Err(failed)),
                    }
                }
                method => peer.answer(&id, answered(method, &params, &mut sessions)),
            },
            Ok(Came::Notification { method, params }) if method == "session/cancel" => {
                if let Ok(session) = known(&sessions, &params) {
                    session.cancel();
                }
            }
            Ok(Came::Notification { .. }) => {}
            Ok(Came::Response { id, result }) => peer.came(id, result),
            Err(failed) => peer.answer(&Value::Null, Err(failed)),
        }
        // One that asks and does not read is asked to wait.
        peer.read().await;
    }
    // A turn that goes on is one that was interrupted: its run can be taken up again.
    drop(sessions);
    drop(peer);
    let _ = tokio::time::timeout(LAST_WORDS, writing).await;
    Ok(())
}

fn known(sessions: &HashMap<String, Arc<Session>>, params: &Value) -> Result<Arc<Session>, Failed> {
    let named = params["sessionId"].as_str().unwrap_or_default();
    let session = sessions.get(named).cloned();
    session.ok_or_else(|| Failed::params("`sessionId` is none of this connection's"))
}

fn answered(
    method: &str,
    params: &Value,
    sessions: &mut HashMap<String, Arc<Session>>,
) -> Result<Value, Failed> {
    match method {
        "initialize" => Ok(json!({
            "protocolVersion": VERSION,
            "agentCapabilities": {
                "loadSession": false,
                "promptCapabilities": { "image": false, "audio": false, "embeddedContext": true },
            },
            "agentInfo": { "name": "errand", "title": "Errand", "version": env!("CARGO_PKG_VERSION") },
            "authMethods": [],
        })),
        "session/new" if params["cwd"].as_str().is_none() => Err(Failed::params("`cwd` is a path")),
        "session/new" if sessions.len() >= SESSIONS => {
            Err(Failed::refused("too many sessions of this connection"))
        }
        "session/new" => {
            let id = format!("session-{}", sessions.len() + 1);
            sessions.insert(id.clone(), Arc::new(Session::new(&id)));
            Ok(json!({ "sessionId": id }))
        }
        method => Err(Failed::method(method)),
    }
}
