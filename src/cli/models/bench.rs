//! `errand models bench`: how fast a model reads and writes, and what a step costs by the history before it.

use std::path::PathBuf;
use std::process::ExitCode;

use errand::Errand;
use models::onnx::{Cost, Line, PIECE};
use serde_json::json;

use super::super::drawing;
use super::super::json::print;
use super::super::run::runtime;
use super::super::terminal::say;
use super::chart::{Panel, svg};

#[derive(clap::Args)]
pub(crate) struct Bench {
    /// A catalog name or a path
    name: String,
    /// Tokens to read
    #[arg(long, default_value_t = 512)]
    prompt: usize,
    /// Tokens to write
    #[arg(long, default_value_t = 64)]
    decode: usize,
    /// Measure one step instead, after an eighth of so many tokens of history, two eighths, up to all
    #[arg(
        long,
        value_name = "TOKENS",
        conflicts_with_all = ["prompt", "decode"],
        value_parser = clap::value_parser!(u32).range(128..=1_048_576)
    )]
    history: Option<u32>,
    /// How often each step of `--history` is measured
    #[arg(long, default_value_t = 5, requires = "history", value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Which time of `--history` is told
    #[arg(long, value_enum, default_value_t = Clock::Wall, requires = "history")]
    clock: Clock,
    /// Draw what `--history` measured
    #[arg(long, value_name = "FILE", requires = "history")]
    svg: Option<PathBuf>,
    /// Threads; 0 for one on each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn main(errand: &Errand, args: &Bench) -> anyhow::Result<ExitCode> {
    let Bench { name, prompt, decode, threads, json, .. } = args;
    if let Some(most) = args.history {
        return history(errand, args, most);
    }
    let bench = runtime()?.block_on(errand.bench(name, *prompt, *decode, *threads))?;
    if *json {
        print(&json!({
            "model": name,
            "prefill_tps": bench.prefill_tps,
            "decode_tps": bench.decode_tps,
            "load_s": bench.load_s,
            "peak_rss_mb": bench.peak_rss_mb,
        }));
    } else {
        say(&format!(
            "{name}: reads {:.0} tokens/s, writes {:.1} tokens/s, loads in {:.1} s, \
             peak memory {:.0} MB",
            bench.prefill_tps, bench.decode_tps, bench.load_s, bench.peak_rss_mb
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn history(errand: &Errand, args: &Bench, most: u32) -> anyhow::Result<ExitCode> {
    let work = errand.bench_history(&args.name, most as usize, args.rounds as usize, args.threads);
    let costs = runtime()?.block_on(work)?;
    let (step, piece) = (args.clock.step(), args.clock.piece());
    let (step_line, piece_line) = (Line::through(&costs, step), Line::through(&costs, piece));
    if args.json {
        print(&json!({
            "model": args.name, "piece": PIECE, "costs": costs, "step": step_line, "pieces": piece_line,
        }));
    } else {
        say(&format!("{:>8}  {:>8}  {PIECE:>4} tokens read", "history", "a step"));
        for cost in &costs {
            say(&format!("{:>8}  {:>5.1} ms  {:>8.0} ms", cost.history, step(cost), piece(cost)));
        }
        let (step, piece) = (told(&step_line), told(&piece_line));
        say(&format!("a step: {step}\n{PIECE} tokens read: {piece}"));
    }
    if let Some(path) = &args.svg {
        let panels = [
            panel("one token written, ms".to_string(), &costs, step, &step_line),
            panel(format!("{PIECE} tokens read, ms"), &costs, piece, &piece_line),
        ];
        drawing::write(path, &svg(&panels))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Which time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Clock {
    /// What passes
    Wall,
    /// What the processors were busy for, all threads together: on a machine that does something else
    Processor,
}

impl Clock {
    fn step(self) -> fn(&Cost) -> f64 {
        match self {
            Clock::Wall => |cost| cost.step_ms,
            Clock::Processor => |cost| cost.step_busy_ms,
        }
    }

    fn piece(self) -> fn(&Cost) -> f64 {
        match self {
            Clock::Wall => |cost| cost.piece_ms,
            Clock::Processor => |cost| cost.piece_busy_ms,
        }
    }
}

fn panel(title: String, costs: &[Cost], cost: fn(&Cost) -> f64, line: &Line) -> Panel {
    Panel {
        title,
        line: told(line),
        below: "tokens of history",
        points: costs.iter().map(|it| (it.history as f64, cost(it))).collect(),
        at_zero: line.at_zero,
        slope: line.per_token,
    }
}

fn told(line: &Line) -> String {
    let Line { at_zero, per_token, r2 } = line;
    format!("{at_zero:.1} ms + {:.2} ms for 1,000 tokens, R² {r2:.3}", 1000.0 * per_token)
}
