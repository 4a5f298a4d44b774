//! `errand embed rerank`: lines in the order in which they fit a question, by a cross-encoder.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::{Common, line, read, said};
use crate::cli::json::print;
use crate::cli::run::runtime;
use crate::cli::terminal::{Usage, say};

/// The arguments of `errand embed rerank`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The question
    query: String,
    /// The file: rows of a CSV, objects of JSON lines, lines of a .txt, passages of anything else
    file: PathBuf,
    /// How many, the best first
    #[arg(long, default_value_t = 10)]
    limit: usize,
    #[command(flatten)]
    common: Common,
}

pub(super) fn main(args: Args) -> anyhow::Result<ExitCode> {
    if args.common.model == errand::ENCODER {
        let problem = "a cross-encoder is needed";
        let hint = "name one with `--model`: `qwen3-reranker-0.6b` of the catalog, a GGUF file, or a folder \
                    with `tokenizer.json`, `config.json` and the `model.safetensors` or `model.onnx` of \
                    a model such as ms-marco-MiniLM";
        return Err(Usage(format!("{problem}\nhint: {hint}")).into());
    }
    let errand = args.common.open()?;
    let found = read(&errand, errand::CLUSTER, &[args.file], &json!({}))?;
    let texts = said(&found);
    let name = &args.common.model;
    let mut reranker = runtime()?.block_on(errand.reranker(name, args.common.options()))?;
    let scored = reranker.score(&args.query, &texts)?;
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by(|&a, &b| scored.scores[b].total_cmp(&scored.scores[a]).then(a.cmp(&b)));
    for &at in order.iter().take(args.limit) {
        let (text, score) = (&found.texts[at], scored.scores[at]);
        if args.common.json {
            print(&json!({
                "path": text.path, "start": text.start, "score": score, "text": text.text,
                "cut": scored.cut.contains(&at),
            }));
        } else {
            say(&format!("{score:+.3}  {}:{}  {}", text.path, text.start, line(&text.text, 90)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
