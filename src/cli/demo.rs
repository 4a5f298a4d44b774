//! `errand demo`: a run that needs nothing but the program: a script plays the model, and one of its
//! two calls is denied.

use std::process::ExitCode;

use errand::Errand;
use models::home::size;

use super::run::{How, code, open, watched};
use super::shipped::{File, written};
use super::terminal::eprint;

const FILES: [File; 3] = [
    ("agent.toml", include_str!("templates/demo/agent.toml")),
    ("script.jsonl", include_str!("templates/demo/script.jsonl")),
    ("orders/1042.md", include_str!("templates/demo/orders/1042.md")),
];

/// The arguments of `errand demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print one JSON object a line on stdout, as `errand run` does
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    let how = How { json: args.json, offline: true };
    let errand = open(how)?;
    let file = written(&errand, "demo", &FILES)?.join(FILES[0].0);
    let agent = errand.load(&file, &[], None)?;
    let end = watched(how, async |watch, person| errand.run(agent, watch, person).await)?;
    if !args.json {
        let run = format!("errand runs show {}", end.run);
        eprint(
            "\nA script played the model. The policy, the sandbox and the journal were real. Go on with",
        );
        eprint(&format!("  {run:<30} what the journal has of it, event by event"));
        eprint(&format!(
            "  {:<30} an agent file of your own, and a folder for it to read",
            "errand init hello"
        ));
        eprint(&format!("  {:<30} {}", "errand run hello/agent.toml", real(&errand)));
    }
    Ok(code(&end))
}

/// What the real thing takes.
fn real(errand: &Errand) -> String {
    let plan = errand.default_plan();
    if plan.parts.is_empty() {
        return "the same on the local model that is here".to_string();
    }
    let text = format!("the same on a local model; fetches {} first", size(plan.fetch()));
    let model = plan.parts.iter().find(|part| part.name == models::DEFAULT);
    match (&plan.smaller, model) {
        (Some(smaller), Some(model)) => {
            let less = plan.fetch() - model.fetch + smaller.fetch;
            format!("{text} ({} with `--model {}`)", size(less), smaller.name)
        }
        _ => text,
    }
}
