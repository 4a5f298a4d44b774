//! `errand embed`: vectors of a person's own texts, and what can be seen in them.

mod cluster;
mod outliers;
mod print;
mod rerank;
mod search;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use errand::{ENCODER, Embedded, Embedder, EncodeOptions, Errand, Texts};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::drawing;
use super::run::{How, open, runtime};
use super::terminal::{Usage, eprint};

/// The most texts of one command; what compares each with each takes their square.
const MOST: usize = 20_000;

const AFTER: &str = "Examples:
  errand embed \"a lamp that does not light\" \"the bulb is dead\"
  errand embed notes.txt --json               a vector a line of the file
  errand embed search \"who pays for damage\" contracts/
  errand embed cluster tickets.csv --column subject --svg map.svg
  errand embed outliers log.txt --limit 5

The encoder is fetched once (84 MB) and runs on this machine. `--model` takes a folder with
`tokenizer.json` and `model.onnx` or `model.safetensors`, or a GGUF file: of the bert family,
or of the kind of Qwen3-Embedding and, for `rerank`, Qwen3-Reranker.";

/// The arguments of `errand embed`.
#[derive(clap::Args)]
#[command(after_help = AFTER, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    print: print::Args,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Find the passages of files that are nearest in meaning to a question
    Search(search::Args),
    /// Find groups among the rows, lines or passages of a file
    Cluster(cluster::Args),
    /// Find the rows, lines or passages of a file that are like no other
    Outliers(outliers::Args),
    /// Order lines by how well they fit a question, by a cross-encoder of your own
    Rerank(rerank::Args),
}

/// What every subcommand takes.
#[derive(clap::Args)]
struct Common {
    /// The encoder: a catalog name, a folder, or a GGUF file of an encoder
    #[arg(long, default_value = ENCODER)]
    model: String,
    /// Threads; 0 for one on each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Fetch nothing
    #[arg(long)]
    offline: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Common {
    fn open(&self) -> anyhow::Result<Errand> {
        open(How { json: self.json, offline: self.offline })
    }

    fn options(&self) -> EncodeOptions {
        EncodeOptions { threads: self.threads, tokens: 0 }
    }

    fn embedder(&self, errand: &Errand) -> anyhow::Result<Embedder> {
        runtime()?.block_on(errand.embedder(&self.model, self.options()))
    }

    /// The vectors of some texts, with a bar while they are made.
    fn vectors(&self, errand: &Errand, texts: &[String]) -> anyhow::Result<Embedded> {
        made(&mut self.embedder(errand)?, texts)
    }
}

/// As [`Common::vectors`], by an encoder that is open.
fn made(embedder: &mut Embedder, texts: &[String]) -> anyhow::Result<Embedded> {
    let bar = bar(texts.len(), "texts");
    let made = embedder.embed(texts, &mut |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    if !made.cut.is_empty() {
        eprint(&format!(
            "note: {} of {} texts are longer than the {} tokens that the encoder reads; the rest \
             of each was left out",
            made.cut.len(),
            texts.len(),
            embedder.reads()
        ));
    }
    Ok(made)
}

fn bar(length: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what.to_string());
    bar.enable_steady_tick(Duration::from_millis(200));
    let template = "  {pos} of {len} {msg} {wide_bar} {eta}";
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

pub(crate) fn main(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(Command::Search(args)) => search::main(args),
        Some(Command::Cluster(args)) => cluster::main(args),
        Some(Command::Outliers(args)) => outliers::main(args),
        Some(Command::Rerank(args)) => rerank::main(args),
        None => print::main(args.print),
    }
}

/// The texts of some of a person's files, and a word on what was not read.
fn read(
    errand: &Errand,
    tool: &'static str,
    paths: &[PathBuf],
    arguments: &Value,
) -> anyhow::Result<Texts> {
    let mut all = Texts::default();
    for path in paths {
        let mut arguments = arguments.clone();
        arguments["path"] = path.to_string_lossy().into();
        let found = runtime()?.block_on(errand.texts(tool, arguments, MOST))?;
        all.files += found.files;
        all.left_out += found.left_out;
        all.skipped.extend(found.skipped);
        all.texts.extend(found.texts);
    }
    all.left_out += all.texts.len().saturating_sub(MOST) as u64;
    all.texts.truncate(MOST);
    if !all.skipped.is_empty() {
        eprint(&format!("note: no text, or too large: {}", all.skipped.join(", ")));
    }
    if all.left_out > 0 {
        eprint(&format!("note: {} texts more were left out: {MOST} is the most", all.left_out));
    }
    if all.texts.is_empty() {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Usage(format!("there is no text in `{}`", paths.join("`, `"))).into());
    }
    Ok(all)
}

fn said(texts: &Texts) -> Vec<String> {
    texts.texts.iter().map(|text| text.text.clone()).collect()
}

/// A text on a line of its own, at most so long.
fn line(text: &str, most: usize) -> String {
    let text = text::one_line(text);
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Writes a map where it was asked for.
fn draw(
    path: &std::path::Path,
    points: &[vectors::Point],
    legend: &[String],
) -> anyhow::Result<()> {
    drawing::write(path, &vectors::svg(points, legend))
}

/// The first two principal components.
fn places(vectors: &[Vec<f32>]) -> Vec<(f32, f32)> {
    let of = |point: Vec<f32>| {
        let at = |axis: usize| point.get(axis).copied().unwrap_or(0.0);
        (at(0), at(1))
    };
    vectors::project(vectors, 2).into_iter().map(of).collect()
}
