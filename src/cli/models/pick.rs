//! `errand models pick`: which of the catalog's models this machine can run, how fast, and the one to take.
//!
//! A model that is here is measured. One that is not is estimated from the measured one that is nearest in size:
//! both reading and writing go over all weights, so they slow down as the weights grow. Nothing is fetched.

use std::num::NonZero;
use std::process::ExitCode;
use std::thread::available_parallelism;

use errand::Errand;
use models::catalog::{Entry, Kind};
use models::fetch::Installed;
use models::home::size;
use serde_json::json;

use super::super::json::print;
use super::super::run::runtime;
use super::super::terminal::{Usage, eprint, say};

/// Tokens that are read and written to measure a model.
const PROMPT: usize = 256;
const DECODE: usize = 32;

#[derive(clap::Args)]
pub(crate) struct Pick {
    /// Tokens a second that the picked model has to write at least
    #[arg(long, default_value_t = 8.0)]
    writes: f64,
    /// Threads; 0 for one on each core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is known of a model on this machine.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    name: String,
    /// Bytes: of its weights once they are imported, of memory for a run, of what is still to be fetched.
    weights: u64,
    memory: u64,
    fetch: u64,
    /// Whether it was ever fetched and run; what was not is not picked.
    tried: bool,
    /// Tokens a second.
    speed: Option<Speed>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Speed {
    reads: f64,
    writes: f64,
    /// Not measured, but expected of the size of the weights.
    estimated: bool,
}

pub(super) fn main(errand: &Errand, args: &Pick) -> anyhow::Result<ExitCode> {
    let fetcher = errand.fetcher();
    let here = fetcher.list();
    let is_here = |entry: &Entry| {
        here.iter().any(|m| m.name == entry.name && matches!(m.installed, Installed::Yes(_)))
    };
    let (waits, mut rows) = (runtime()?, Vec::new());
    for entry in fetcher.catalog().entries().filter(|entry| entry.kind == Kind::Model) {
        let measured = is_here(entry);
        let speed = match measured {
            true => {
                eprint(&format!("measuring {}", entry.name));
                let bench = errand.bench(&entry.name, PROMPT, DECODE, args.threads);
                let bench = waits.block_on(bench)?;
                let (reads, writes) = (bench.prefill_tps, bench.decode_tps);
                Some(Speed { reads, writes, estimated: false })
            }
            false => None,
        };
        let fetch = if measured { 0 } else { entry.size };
        let Entry { makes, memory, tried, .. } = *entry;
        rows.push(Row { name: entry.name.clone(), weights: makes, memory, fetch, tried, speed });
    }
    estimate(&mut rows);
    if rows.iter().all(|row| row.speed.is_none()) {
        let smallest = rows.iter().min_by_key(|row| row.fetch);
        let smallest = smallest.map_or("NAME", |row| row.name.as_str());
        return Err(Usage(format!(
            "no model is here to measure\nhint: `errand models pull {smallest}`, then the others are estimated from it"
        ))
        .into());
    }
    let memory = sandbox::memory();
    let free = memory.map_or(u64::MAX, |(_, free)| free);
    let picked = pick(&rows, free, args.writes);
    if args.json {
        print(&shown(&rows, memory.map(|(_, free)| free), picked));
    } else {
        table(&rows, memory.map(|(_, free)| free), picked, args.writes);
    }
    Ok(ExitCode::SUCCESS)
}

/// Fills in the speeds that were not measured.
fn estimate(rows: &mut [Row]) {
    let measured: Vec<(u64, Speed)> =
        rows.iter().filter_map(|row| Some((row.weights, row.speed?))).collect();
    for row in rows.iter_mut().filter(|row| row.speed.is_none()) {
        let nearest = measured.iter().min_by_key(|(weights, _)| weights.abs_diff(row.weights));
        row.speed = nearest.map(|(weights, speed)| {
            let slower = row.weights.max(1) as f64 / *weights as f64;
            Speed { reads: speed.reads / slower, writes: speed.writes / slower, estimated: true }
        });
    }
}

/// The largest of those tried that fits into so much memory and writes fast enough.
fn pick(rows: &[Row], free: u64, writes: f64) -> Option<&Row> {
    let fast = |row: &&Row| row.speed.is_some_and(|speed| speed.writes >= writes);
    let fits = rows.iter().filter(|row| row.tried && row.memory <= free);
    fits.filter(fast).max_by_key(|row| row.weights)
}

fn shown(rows: &[Row], free: Option<u64>, picked: Option<&Row>) -> serde_json::Value {
    let models = rows.iter().map(|row| {
        json!({
            "model": row.name,
            "memory_bytes": row.memory,
            "download_bytes": row.fetch,
            "tried": row.tried,
            "prefill_tps": row.speed.map(|speed| speed.reads),
            "decode_tps": row.speed.map(|speed| speed.writes),
            "estimated": row.speed.map(|speed| speed.estimated),
        })
    });
    json!({
        "cores": cores(),
        "free_bytes": free,
        "models": models.collect::<Vec<_>>(),
        "pick": picked.map(|row| &row.name),
    })
}

fn table(rows: &[Row], free: Option<u64>, picked: Option<&Row>, writes: f64) {
    let free = free.map_or_else(|| "memory unknown".to_string(), |free| size(free) + " free");
    say(&format!("this machine: {} cores, {free}", cores()));
    say(&format!(
        "{:<22} {:>9} {:>9} {:>15} {:>15}",
        "model", "memory", "to fetch", "reads tokens/s", "writes tokens/s"
    ));
    for row in rows {
        let (reads, writes) = match row.speed {
            Some(Speed { reads, writes, estimated: true }) => {
                (format!("about {reads:.0}"), format!("about {writes:.0}"))
            }
            Some(Speed { reads, writes, .. }) => (format!("{reads:.0}"), format!("{writes:.1}")),
            None => ("?".to_string(), "?".to_string()),
        };
        let fetch = if row.fetch == 0 { "is here".to_string() } else { size(row.fetch) };
        let (name, memory) = (&row.name, size(row.memory));
        let untried = if row.tried { "" } else { "  never tried" };
        say(&format!("{name:<22} {memory:>9} {fetch:>9} {reads:>15} {writes:>15}{untried}"));
    }
    say(&match picked {
        Some(row) => format!(
            "pick: {}, the largest tried one that fits the memory and writes at least {writes} tokens/s",
            row.name
        ),
        None => format!("pick: none fits the memory and writes at least {writes} tokens/s"),
    });
}

fn cores() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, weights: u64, memory: u64, writes: Option<f64>) -> Row {
        let speed = writes.map(|writes| Speed { reads: 10.0 * writes, writes, estimated: false });
        Row { name: name.to_string(), weights, memory, fetch: 0, tried: true, speed }
    }

    #[test]
    fn what_is_not_here_is_estimated_from_the_nearest_in_size() {
        let mut rows =
            [row("l", 1600, 0, None), row("m", 800, 0, Some(40.0)), row("s", 100, 0, Some(200.0))];
        estimate(&mut rows);
        let expected = Speed { reads: 200.0, writes: 20.0, estimated: true };
        assert_eq!(rows[0].speed, Some(expected));
        assert_eq!(rows[1].speed, Some(Speed { reads: 400.0, writes: 40.0, estimated: false }));
    }

    #[test]
    fn the_largest_that_fits_and_is_fast_enough_is_picked() {
        let rows = [
            row("l", 1600, 2300, Some(20.0)),
            row("m", 800, 1000, Some(40.0)),
            row("s", 100, 700, Some(200.0)),
        ];
        let picked = |free, writes| pick(&rows, free, writes).map(|row| row.name.as_str());
        assert_eq!(picked(4000, 8.0), Some("l"));
        assert_eq!(picked(2000, 8.0), Some("m"));
        assert_eq!(picked(4000, 50.0), Some("s"));
        assert_eq!(picked(500, 8.0), None);
        assert_eq!(picked(4000, 500.0), None);
        let [mut large, medium, _] = rows.clone();
        large.tried = false;
        assert_eq!(pick(&[large, medium], 4000, 8.0).map(|row| row.name.as_str()), Some("m"));
    }
}
