//! `errand serve`: models and agents over HTTP.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use errand::serve::{Order, Serving};
use serde_json::json;

use super::json::print;
use super::run::{How, let_go, open, runtime};
use super::stop::stopped;
use super::terminal::{Usage, eprint, say};

/// The arguments of `errand serve`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  errand serve                                the default model, for this machine's user
  errand serve --model smollm2-135m           another local model; may be repeated
  errand serve serve.toml                     models, agents, users and limits of a file
  errand serve --new-token                    a token, and its SHA-256 for a file's [users]

A client is given the address with /v1 and the token: OPENAI_BASE_URL, OPENAI_API_KEY.
SIGINT and SIGTERM stop it once what is being answered is sent; runs go on when it is started again.")]
pub(crate) struct Args {
    /// A serve file: models, agents, users and limits
    file: Option<PathBuf>,
    /// A local model to serve: a catalog name, or a path that ends in `.gguf`; may be repeated
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// An encoder for `/v1/embeddings`, such as `all-minilm-l6-v2`
    #[arg(long, value_name = "NAME")]
    embed: Option<String>,
    /// Where to listen; port 0 takes one that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// A reverse proxy with TLS is in front, and passes on requests for this name; may be repeated.
    /// Without one only addresses of this machine can be listened on
    #[arg(long = "behind-proxy", value_name = "HOST")]
    proxies: Vec<String>,
    /// Print a new token and its SHA-256, and serve nothing
    #[arg(long, conflicts_with_all = ["file", "models", "embed", "listen", "proxies"])]
    new_token: bool,
    /// Print a JSON object on stdout once the server is ready
    #[arg(long)]
    json: bool,
    /// Fetch no model and no runtime: use what is already here
    #[arg(long)]
    offline: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if args.new_token {
        return Ok(new_token(args.json));
    }
    let errand = open(How { json: args.json, offline: args.offline })?;
    let order = Order {
        file: args.file,
        models: args.models,
        embed: args.embed,
        listen: args.listen,
        proxies: args.proxies,
    };
    let serving = Serving::open(&errand, &order)?;
    if let Some(token) = serving.token.as_ref().filter(|token| token.new) {
        let path = token.path.display();
        // Shown once, on a terminal: what is written to a log stays there.
        match std::io::stderr().is_terminal() {
            true => eprint(&format!("token, kept in {path}: {}", token.text)),
            false => eprint(&format!("a token was made, and is kept in {path}")),
        }
    }
    let runtime = runtime()?;
    let served = runtime.block_on(serve(&serving, args.json));
    let_go(runtime);
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(serving: &Serving, json: bool) -> anyhow::Result<()> {
    let wanted = serving.listen;
    let listener = tokio::net::TcpListener::bind(wanted).await.map_err(|error| {
        Usage(format!(
            "`{wanted}` cannot be listened on: {error}\nhint: name another with `--listen`"
        ))
    })?;
    let bound = listener.local_addr().context("the address that is listened on")?;
    // Listened for from here on without a gap, in which a signal would be lost.
    let mut told = std::pin::pin!(stopped());
    // To be stopped while a model is fetched needs no waiting for it.
    let parts = tokio::select! {
        biased;
        stop = &mut told => return stop.map_err(Into::into),
        parts = serving.parts(bound) => parts?,
    };
    ready(serving, bound, json);
    let stop = async {
        match told.await {
            Ok(()) => eprint("stopping: what is being answered is sent first"),
            Err(error) => eprint(&format!("stopping: signals cannot be waited for: {error}")),
        }
    };
    server::serve(listener, parts, stop).await.map_err(|error| anyhow::anyhow!(error.message))
}

/// Says where it is, and how it is asked.
fn ready(serving: &Serving, bound: SocketAddr, json: bool) {
    let (models, agents) = serving.names();
    let kept = serving.token.as_ref().map(|token| token.path.display().to_string());
    if json {
        print(&json!({
            "type": "ready", "url": format!("http://{bound}"), "models": models, "agents": agents,
            "token_file": kept,
        }));
    }
    let mut lines = vec![format!("ready on http://{bound}")];
    // A ticket on a terminal is taken once; what is written to a log may be read by others first.
    let ticket = serving.ticket.as_ref().filter(|_| std::io::stderr().is_terminal());
    let ticket = ticket.map(|ticket| format!("#ticket={ticket}")).unwrap_or_default();
    lines.push(format!("  page    http://{bound}/{ticket}"));
    for (what, names) in [("models", &models), ("agents", &agents)] {
        if !names.is_empty() {
            lines.push(format!("  {what}  {}", names.join(", ")));
        }
    }
    let token = match kept {
        Some(path) => format!("$(cat '{path}')"),
        None => "$TOKEN".to_string(),
    };
    let ask = match models.first() {
        Some(model) => format!(
            "/v1/chat/completions -H \"Authorization: Bearer {token}\" \\\n         -H 'Content-Type: \
             application/json' \\\n         -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\
             \"content\":\"Say hello.\"}}]}}'"
        ),
        None => format!("/v1/agents -H \"Authorization: Bearer {token}\""),
    };
    lines.push(format!("  try     curl http://{bound}{ask}"));
    eprint(&lines.join("\n"));
}

fn new_token(json: bool) -> ExitCode {
    let token = server::new_token();
    let hash = server::TokenHash::of(&token).hex();
    match json {
        true => print(&json!({ "token": token, "token_sha256": hash })),
        false => {
            say(&format!("token         {token}"));
            say(&format!("token_sha256  {hash}"));
        }
    }
    ExitCode::SUCCESS
}
