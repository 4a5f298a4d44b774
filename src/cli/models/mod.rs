//! `errand models`: what is here, what can be fetched, and how fast it runs.

mod bench;
mod chart;
mod make;
mod pick;
mod score;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use errand::Errand;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use models::fetch::{Installed, Part, Plan, Progress, Stage};
use models::home::size;
use models::onnx::Device;
use serde_json::json;
use stepwise::calibration;

use super::json::print;
use super::run::{How, open, runtime};
use super::terminal::{Usage, say};

/// How much is fetched in silence, where stderr is no terminal.
const LARGE: u64 = 100_000_000;

/// The subcommands of `errand models`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List the catalog, and what else is imported
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Fetch and import a model ahead of a run; a damaged one is fetched again
    Pull {
        /// A catalog name, or a hub repository `owner/name[/file.gguf]`
        name: String,
    },
    /// Import a GGUF file, or a checkpoint's folder, of a known family
    Import {
        /// The GGUF file, or the folder with config.json, tokenizer.json and *.safetensors
        file: PathBuf,
    },
    /// Write a model with fewer bits for each weight, and say what that costs
    Quantize(make::Quantize),
    /// Write a model with a LoRA adapter in its weights
    Merge(make::Merge),
    /// Remove an imported model
    Remove {
        /// Its name, as `errand models list` has it
        name: String,
    },
    /// Say how likely a model finds a text, or each of several answers to a prompt
    Score(score::Score),
    /// Say which model fits this machine: memory, and tokens a second, measured where it is here
    Pick(pick::Pick),
    /// Measure a model: tokens a second for reading and for writing, load time, peak memory
    Bench(bench::Bench),
}

pub(crate) fn main(command: Command) -> anyhow::Result<ExitCode> {
    let errand = open(How { json: false, offline: false })?;
    match command {
        Command::List { json } => list(&errand, json),
        Command::Pull { name } => {
            let folder = runtime()?.block_on(async {
                let fetcher = errand.fetcher();
                fetcher.begin(&errand.plan_of(&name))?;
                let folder = fetcher.pull(&name).await?;
                fetcher.runtime(Device::Cpu, |name| std::env::var_os(name)).await?;
                anyhow::Ok(folder)
            })?;
            say(&format!("{name} is ready in {}", folder.display()));
        }
        Command::Import { file } => {
            let name = file.to_string_lossy().into_owned();
            let holds = ["config.json", "model.json", "model.onnx", "onnx/model.onnx"];
            if file.is_dir() && !holds.iter().any(|part| file.join(part).is_file()) {
                let hint =
                    "a model's folder has `config.json`, `tokenizer.json` and `*.safetensors`";
                return Err(Usage(format!("`{name}` holds no model\nhint: {hint}")).into());
            }
            let fetcher = errand.fetcher();
            fetcher.begin(&fetcher.plan(&[&name]))?;
            let folder = runtime()?.block_on(fetcher.model(&name))?;
            say(&format!("imported into {}", folder.display()));
        }
        Command::Quantize(args) => return make::quantize(&errand, &args),
        Command::Merge(args) => return make::merge(&args),
        Command::Pick(args) => return pick::main(&errand, &args),
        Command::Score(args) => return score::main(&errand, &args),
        Command::Remove { name } => {
            let bytes = errand.fetcher().remove(&name)?;
            say(&format!("removed {name}: {}", size(bytes)));
        }
        Command::Bench(args) => return bench::main(&errand, &args),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(errand: &Errand, json: bool) {
    for model in errand.fetcher().list() {
        let (state, bytes) = match model.installed {
            Installed::No => ("not here", 0),
            Installed::Yes(bytes) => ("here", bytes),
            Installed::Damaged => ("damaged", 0),
        };
        let calibrated = calibration::models().any(|name| name == model.name);
        if json {
            print(&json!({
                "name": model.name, "about": model.about, "license": model.license,
                "tried": model.tried, "calibrated": calibrated,
                "download_bytes": model.download, "state": state, "bytes": bytes,
            }));
        } else {
            let (name, about) = (model.name, model.about);
            let size = if bytes > 0 { bytes } else { model.download } / 1_000_000;
            let more = match (model.tried, calibrated) {
                (false, _) => "; never tried",
                (true, true) => "; calibrated",
                (true, false) => "",
            };
            say(&format!("{name:<22} {size:>6} MB  {state:<9} {about}{more}"));
        }
    }
}

/// What is about to be fetched, how long that may take, and what would be less.
fn announced(plan: &Plan) -> String {
    let mut text = format!("set up once, in {}:", plan.home.display());
    for part in &plan.parts {
        let Part { name, about, fetch, keeps, .. } = part;
        let (fetch, keeps) = (size(*fetch), size(*keeps));
        text += &format!("\n  {name:<20} {fetch:>9} to fetch, {keeps:>9} kept  {about}");
    }
    let minutes = plan.fetch().div_ceil(10_000_000).div_ceil(60);
    text += &format!(
        "\n  {} to fetch, {minutes} min at 10 MB/s; {} of disk on the way",
        size(plan.fetch()),
        size(plan.takes())
    );
    if let Some(free) = plan.free {
        text += &format!(", {} free", size(free));
    }
    if let Some(model) = &plan.smaller {
        let less = match model.fetch {
            0 => "is here already".to_string(),
            bytes => format!("is {}", size(bytes)),
        };
        text += &format!(
            "\n  smaller: `errand run --model {}` {less}; another terminal can run it meanwhile",
            model.name
        );
    }
    text + "\n  a fetch that is stopped goes on where it was"
}

/// Draws fetches on stderr, a bar each.
#[derive(Default)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn bar(&self, name: &str) -> ProgressBar {
        let Ok(mut bars) = self.bars.lock() else { return ProgressBar::hidden() };
        bars.entry(name.to_string())
            .or_insert_with(|| {
                let template = "  {prefix} {msg:<12} {wide_bar} {bytes} of {total_bytes} {eta}";
                let bar = self.all.add(ProgressBar::new(0).with_prefix(name.to_string()));
                ProgressStyle::with_template(template).map_or(bar.clone(), |s| bar.with_style(s))
            })
            .clone()
    }

    /// Where stderr is no terminal, a line for each tenth.
    fn tenth(&self, bar: &ProgressBar, name: &str, done: u64, total: u64) {
        let tenth = |done: u64| done.saturating_mul(10).checked_div(total).unwrap_or(0);
        if bar.is_hidden() && total >= LARGE && tenth(done) > tenth(bar.position()) {
            super::terminal::eprint(&format!("  {name}: {} of {}", size(done), size(total)));
        }
    }

    /// Where stderr is no terminal, a line now and then.
    fn note(&self, bar: &ProgressBar, name: &str, what: &str) {
        if bar.is_hidden() && bar.message() != what {
            super::terminal::eprint(&format!("  {name}: {what}"));
        }
        bar.set_message(what.to_string());
    }
}

impl Progress for Bars {
    fn plan(&self, plan: &Plan) {
        super::terminal::eprint(&announced(plan));
    }

    fn report(&self, name: &str, stage: Stage) {
        let bar = self.bar(name);
        match stage {
            Stage::Waiting => self.note(&bar, name, "waiting for another process"),
            Stage::Fetching { source, done, total } => {
                self.note(&bar, name, &format!("fetching from {source}"));
                self.tenth(&bar, name, done, total);
                bar.set_length(total);
                bar.set_position(done);
            }
            Stage::Failed { source } => self.note(&bar, name, &format!("{source} failed")),
            Stage::Verifying => self.note(&bar, name, "verifying"),
            Stage::Importing { done, total } => {
                self.note(&bar, name, "importing");
                bar.set_length(total);
                bar.set_position(done);
            }
            Stage::Done => {
                self.note(&bar, name, "ready");
                bar.finish_and_clear();
            }
        }
    }
}
