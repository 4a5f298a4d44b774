//! `errand models quantize` and `errand models merge`: a model with other weights.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use errand::Errand;
use indicatif::{ProgressBar, ProgressStyle};
use models::home::size;
use models::import::Precision;
use models::onnx::{self, Device};
use models::quantize::{Made, Plan, Stage, TEXT};
use serde_json::json;

use super::super::json::print;
use super::super::run::runtime;
use super::super::terminal::say;

/// The longest text that is scored.
const MAX_TEXT: u64 = 16 << 20;

#[derive(clap::Args)]
pub(crate) struct Quantize {
    /// A GGUF file, or a checkpoint's folder: config.json, tokenizer.json, *.safetensors
    model: PathBuf,
    /// Bits of a weight: 8, 4 or 3 (2 in the widest matrices and 4 in the others); 16 for none less
    #[arg(long, default_value_t = 4)]
    bits: u32,
    /// The folder to write, which must not be there yet; `--model FOLDER` runs it
    #[arg(short, long)]
    output: PathBuf,
    /// The text whose perplexity is measured; left out, one that errand brings along
    #[arg(long, conflicts_with = "unmeasured")]
    text: Option<PathBuf>,
    /// Do not measure: saves the time and disk of a model that is not quantized
    #[arg(long)]
    unmeasured: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct Merge {
    /// A GGUF file, or a checkpoint's folder: config.json, tokenizer.json, *.safetensors
    base: PathBuf,
    /// A LoRA adapter made for it: a PEFT folder or a GGUF file
    adapter: PathBuf,
    /// The folder to write, which must not be there yet; `--model FOLDER` runs it
    #[arg(short, long)]
    output: PathBuf,
    /// Bits of a weight: 16, 8, 4 or 3; left out, 4 and 8 as an import has them
    #[arg(long)]
    bits: Option<u32>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn quantize(errand: &Errand, args: &Quantize) -> anyhow::Result<ExitCode> {
    let Some(precision) = precision(args.bits) else { return Ok(ExitCode::from(2)) };
    let text = match (&args.text, args.unmeasured) {
        (_, true) => None,
        (None, _) => Some(TEXT.to_owned()),
        (Some(path), _) => {
            let shown = || format!("cannot read the text `{}`", path.display());
            Some(guard::file::read_text(path, MAX_TEXT).with_context(shown)?)
        }
    };
    if text.is_some() {
        let library = errand.fetcher().runtime(Device::Cpu, |name| std::env::var_os(name));
        onnx::load(Some(&runtime()?.block_on(library)?))?;
    }
    let (model, text) = (args.model.as_path(), text.as_deref());
    make(&Plan { model, adapter: None, precision, text }, &args.output, args.json)
}

pub(super) fn merge(args: &Merge) -> anyhow::Result<ExitCode> {
    let precision = match args.bits {
        None => Precision::Native,
        Some(bits) => match precision(bits) {
            Some(precision) => precision,
            None => return Ok(ExitCode::from(2)),
        },
    };
    let (model, adapter) = (args.base.as_path(), Some(args.adapter.as_path()));
    make(&Plan { model, adapter, precision, text: None }, &args.output, args.json)
}

/// None where it was said that there is no such number of bits.
fn precision(bits: u32) -> Option<Precision> {
    Precision::of_bits(bits)
        .map_err(|reason| super::super::terminal::eprint(&format!("error: {reason}")))
        .ok()
}

fn make(plan: &Plan<'_>, into: &std::path::Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {msg:<22} {wide_bar} {percent}% {eta}") {
        bar.set_style(style);
    }
    let made = plan.make(into, &mut |stage, done, all| {
        bar.set_message(match stage {
            Stage::Reference => "writing unquantized",
            Stage::Before => "reading the text",
            Stage::Writing => "writing",
            Stage::After => "reading the text again",
        });
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    tell(&made?, into, as_json);
    Ok(ExitCode::SUCCESS)
}

fn tell(made: &Made, into: &std::path::Path, as_json: bool) {
    if as_json {
        let measured = made.measured.map(|both| {
            both.map(|of| {
                json!({"bytes": of.bytes, "perplexity": of.score.perplexity, "tokens": of.score.tokens})
            })
        });
        let [before, after] = measured.map_or([None, None], |both| both.map(Some));
        print(&json!({
            "folder": into, "bytes": made.bytes, "before": before, "after": after,
        }));
        return;
    }
    if let Some(both) = made.measured {
        for (name, of) in ["16 bits", "as made"].into_iter().zip(both) {
            let (bytes, perplexity) = (size(of.bytes), of.score.perplexity);
            say(&format!("{name:<8} {bytes:>10}  perplexity {perplexity:.3}"));
        }
        let [before, after] = both.map(|of| of.score);
        let more = 100.0 * (after.perplexity / before.perplexity - 1.0);
        say(&format!("perplexity {more:+.1} % over {} tokens", after.tokens));
    }
    say(&format!("made {}: {}", into.display(), size(made.bytes)));
}
