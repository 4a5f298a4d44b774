//! `errand mcp login` and `logout`: a person signs in at a server, with a browser of this machine or of
//! another.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::tools::mcp::{Login, LoginClient};
use agent_core::mcp::{Server, Transport, filled, written};
use agent_file::Checked;
use reqwest::Url;
use text::head;
use tokio::sync::mpsc;

use super::super::run::{How, let_go, open, runtime};
use super::super::stop::stopped;
use super::super::terminal::{Usage, eprint, say};

/// How long a person may take.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(clap::Args)]
pub(crate) struct In {
    /// The agent file
    file: PathBuf,
    /// The server, where there are several
    server: Option<String>,
    /// Ask for this scope; may be given again. Left out: what the server says
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// As what you registered errand there; left out, it registers itself
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The environment variable that holds the secret of `--client-id`
    #[arg(long, value_name = "NAME", requires = "client_id")]
    client_secret_env: Option<String>,
    /// The port of 127.0.0.1 that the browser comes back to; left out, one that is free
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
}

pub(crate) fn main(wanted: In) -> anyhow::Result<ExitCode> {
    let (name, server, url) = server(&wanted.file, wanted.server.as_deref())?;
    let secret = match &wanted.client_secret_env {
        Some(variable) => Some(
            std::env::var(variable)
                .map_err(|_| Usage(format!("the environment variable `{variable}` is not set")))?,
        ),
        None => None,
    };
    let client =
        LoginClient { id: wanted.client_id, secret, scopes: wanted.scopes, port: wanted.port };
    let errand = open(How { json: false, offline: true })?;
    let cells = errand.cells(&wanted.file, [&server]);
    let runtime = runtime()?;
    let signed = runtime.block_on(async {
        let challenge = errand.challenge(&name, &server, &cells).await;
        let mut login = Login::begin(&url, challenge, &errand.tokens(), &client).await?;
        eprint(&match login.scopes() {
            [] => "open this in a browser, and agree there:".to_string(),
            scopes => format!("open this in a browser, and agree there to {}:", listed(scopes)),
        });
        say(login.address().as_str());
        answer(&mut login).await
    });
    let_go(runtime);
    match signed {
        Ok(()) => {
            eprint(&format!("signed in at `{name}`; `errand mcp logout` forgets it"));
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => anyhow::bail!("the sign-in at server `{name}` failed: {reason}"),
    }
}

pub(crate) fn out(file: &Path, named: Option<&str>) -> anyhow::Result<ExitCode> {
    let (name, _, url) = server(file, named)?;
    match open(How { json: false, offline: true })?.tokens().forget(&url)? {
        true => eprint(&format!("what `{name}` lets you in with is forgotten here")),
        false => eprint(&format!("you are not signed in at `{name}`")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Scopes as a person is shown them.
fn listed(scopes: &[String]) -> String {
    let shown: Vec<String> =
        scopes.iter().take(32).map(|scope| format!("`{}`", head(scope, 100))).collect();
    let more = if scopes.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The answer, from a browser of this machine, or from a person who copies where one of another ended.
async fn answer(login: &mut Login) -> Result<(), String> {
    let (sender, mut lines) = mpsc::channel(1);
    if std::io::stdin().is_terminal() {
        eprint(
            "a browser on another machine ends at a page that is not there: paste its address here",
        );
        std::thread::spawn(move || {
            let lines = std::io::stdin().lock().lines().map_while(Result::ok);
            lines.take_while(|line| sender.blocking_send(line.clone()).is_ok()).for_each(drop);
        });
    }
    let late = tokio::time::sleep(PATIENCE);
    tokio::pin!(late);
    loop {
        tokio::select! {
            ended = login.redirected() => return ended,
            Some(line) = lines.recv() => {
                if line.trim().is_empty() {
                    continue;
                }
                match login.pasted(&line).await {
                    Ok(()) => return Ok(()),
                    Err(reason) => eprint(&format!("error: {reason}")),
                }
            }
            () = &mut late => return Err(format!("nothing came back within {} minutes", PATIENCE.as_secs() / 60)),
            stop = stopped() => return Err(stop.map_or_else(|error| error.to_string(), |()| "it was stopped".to_string())),
        }
    }
}

/// The server that is meant, and its address with variables filled in.
fn server(file: &Path, named: Option<&str>) -> anyhow::Result<(String, Server, Url)> {
    let looked = Checked::servers(file)?;
    let over_http: Vec<(&String, &Url)> = looked
        .servers
        .iter()
        .filter_map(|(name, server)| match &server.transport {
            Transport::Http { url, .. } => Some((name, url)),
            Transport::Stdio(_) => None,
        })
        .collect();
    let known: Vec<String> = over_http.iter().map(|(name, _)| format!("`{name}`")).collect();
    let found = match (named, over_http.as_slice()) {
        (Some(named), all) => all.iter().find(|(name, _)| *name == named),
        (None, [one]) => Some(one),
        (None, _) => None,
    };
    let Some((name, url)) = found else {
        let what = match (named, known.is_empty()) {
            (_, true) => "this agent file names no server with a `url`".to_string(),
            (Some(named), false) => format!(
                "this agent file names no server `{named}` with a `url`\nhint: there is {}",
                known.join(", ")
            ),
            (None, false) => format!("which server?\nhint: there is {}", known.join(", ")),
        };
        return Err(Usage(what).into());
    };
    let text = filled(&written(url), |name| std::env::var(name).ok())
        .map_err(|name| Usage(format!("the environment variable `{name}` is not set")))?;
    Ok(((*name).clone(), looked.servers[*name].clone(), Url::parse(&text)?))
}
