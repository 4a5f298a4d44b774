//! `errand embed search`: passages by meaning.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{Common, made, read, said};
use crate::cli::json::print;
use crate::cli::terminal::{Usage, say};

/// The arguments of `errand embed search`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// What to look for, in words of your own
    query: String,
    /// Files and folders: text, Markdown, CSV, PDF, Word, e-mail and what else `files.read` reads
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How many passages
    #[arg(long, default_value_t = 5)]
    limit: usize,
    #[command(flatten)]
    common: Common,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if args.query.trim().is_empty() {
        return Err(Usage("the question is empty".to_string()).into());
    }
    let errand = args.common.open()?;
    let found = read(&errand, errand::SEARCH, &args.paths, &json!({ "query": args.query }))?;
    let mut texts = said(&found);
    let mut embedder = args.common.embedder(&errand)?;
    texts.push(embedder.question(&args.query));
    let mut made = made(&mut embedder, &texts)?;
    let query = made.vectors.pop().unwrap_or_default();
    for near in vectors::nearest(&query, &made.vectors, args.limit) {
        let text = &found.texts[near.at];
        if args.common.json {
            print(&json!({
                "path": text.path, "start": text.start, "end": text.end, "score": near.cosine,
                "text": text.text,
            }));
        } else {
            say(&format!("{}:{}  {:.3}", text.path, text.start, near.cosine));
            text.text.lines().for_each(|line| say(&format!("    {line}")));
        }
    }
    Ok(ExitCode::SUCCESS)
}
