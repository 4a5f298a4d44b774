//! `errand models score`: how likely a model finds a text, or each of several answers to a prompt.

use std::path::PathBuf;
use std::process::ExitCode;

use errand::Errand;
use models::onnx::{Asked, ScoredToken};
use serde_json::{Value, json};

use super::super::json::print;
use super::super::run::runtime;
use super::super::terminal::{Usage, say};

/// The longest file that is scored.
const MAX_TEXT: u64 = 16 << 20;

#[derive(clap::Args)]
#[command(
    group(clap::ArgGroup::new("given").required(true)),
    override_usage = "errand models score [OPTIONS] <NAME> <FILE|--text <TEXT>|--prompt <PROMPT> --answer <ANSWER>>"
)]
pub(crate) struct Score {
    /// A catalog name or a path
    name: String,
    /// A file with a text
    #[arg(group = "given")]
    file: Option<PathBuf>,
    /// A text in the file's place
    #[arg(long, group = "given")]
    text: Option<String>,
    /// A prompt, whose answers are compared
    #[arg(long, group = "given", requires = "answer")]
    prompt: Option<String>,
    /// An answer to the prompt, as it follows it; may be repeated
    #[arg(long, requires = "prompt", conflicts_with_all = ["file", "text"])]
    answer: Vec<String>,
    /// Make the prompt the user's turn of the model's chat template
    #[arg(long, requires = "prompt", conflicts_with_all = ["file", "text"])]
    chat: bool,
    /// Tell each token
    #[arg(long)]
    tokens: bool,
    /// Tokens of a text that are read together; what comes before a window is not known in it
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(2..=1_048_576))]
    window: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn main(errand: &Errand, args: &Score) -> anyhow::Result<ExitCode> {
    if let Some(prompt) = &args.prompt {
        return answers(errand, args, prompt);
    }
    let text = match (&args.file, &args.text) {
        (Some(path), _) => guard::file::read_text(path, MAX_TEXT).map_err(|error| {
            let hint = "it is a file of UTF-8 text, of at most 16 MiB";
            Usage(format!("cannot read the text `{}`: {error}\nhint: {hint}", path.display()))
        })?,
        (None, text) => text.clone().unwrap_or_default(),
    };
    // One token is not scored where nothing comes before it.
    if text.chars().nth(1).is_none() {
        return Err(Usage("there is nothing to score: the text is empty\nhint: a text has two tokens at least, of which the second is scored".to_owned()).into());
    }
    let mut scorer = runtime()?.block_on(errand.scorer(&args.name, args.window))?;
    let mut each = Vec::new();
    let score = scorer.text(&text, args.window as usize, &mut |token| {
        if args.tokens {
            each.push(token);
        }
    })?;
    if args.json {
        let mut told = json!({
            "tokens": score.tokens, "logprob": score.logprob, "perplexity": score.perplexity,
        });
        if args.tokens {
            told["each"] = listed(&each);
        }
        print(&told);
    } else {
        lines(&each);
        say(&format!(
            "log-probability {:.3} over {} tokens, perplexity {:.3}",
            score.logprob, score.tokens, score.perplexity
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn answers(errand: &Errand, args: &Score, prompt: &str) -> anyhow::Result<ExitCode> {
    if prompt.is_empty() || args.answer.iter().any(String::is_empty) {
        let hint = "an answer is what follows the prompt, with the blank before it if there is one";
        return Err(Usage(format!("a prompt or an answer is empty\nhint: {hint}")).into());
    }
    let asked = if args.chat { Asked::Chat } else { Asked::Plain };
    let mut scorer = runtime()?.block_on(errand.scorer(&args.name, 0))?;
    let scored = scorer.answers(prompt, asked, &args.answer)?;
    let best = scored.iter().map(|one| one.score.logprob).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scored.iter().map(|one| (one.score.logprob - best).exp()).sum();
    let share = |logprob: f64| (logprob - best).exp() / sum;
    if args.json {
        let answer = |(answer, one): (&String, &models::onnx::ScoredAnswer)| {
            let mut told = json!({
                "answer": answer, "logprob": one.score.logprob, "tokens": one.score.tokens,
                "perplexity": one.score.perplexity, "share": share(one.score.logprob),
            });
            if args.tokens {
                told["each"] = listed(&one.tokens);
            }
            told
        };
        print(
            &json!({ "answers": args.answer.iter().zip(&scored).map(answer).collect::<Vec<_>>() }),
        );
        return Ok(ExitCode::SUCCESS);
    }
    for (answer, one) in args.answer.iter().zip(&scored) {
        if args.tokens {
            lines(&one.tokens);
        }
        say(&format!(
            "{:>10.3}  {:>5.1} %  {:>4} {:<6}  {}",
            one.score.logprob,
            100.0 * share(one.score.logprob),
            one.score.tokens,
            if one.score.tokens == 1 { "token" } else { "tokens" },
            Value::from(answer.as_str())
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(tokens: &[ScoredToken]) -> Value {
    let token = |token: &ScoredToken| {
        json!({
            "token": String::from_utf8_lossy(&token.bytes), "bytes": token.bytes,
            "logprob": token.logprob,
        })
    };
    tokens.iter().map(token).collect()
}

/// A line for each token: its log-probability, and its text in quotes.
fn lines(tokens: &[ScoredToken]) {
    for token in tokens {
        let logprob = token.logprob.map_or("-".to_owned(), |logprob| format!("{logprob:.3}"));
        say(&format!("{logprob:>10}  {}", Value::from(String::from_utf8_lossy(&token.bytes))));
    }
}
