//! One tool call, four ways, in turns: a fresh instance in errand's sandbox, a fresh instance in
//! extism, a program of C, a program of Python. Each gets `{"text": …}` and gives
//! `{"words": …, "bytes": …}`. And what an idle tool costs in memory.

mod built;
mod errand;
mod figures;
mod idle;
mod plugin;
mod program;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use built::Built;
use figures::{Figures, load};

/// How often each has its turn.
const ROUNDS: usize = 7;

/// What every call is given.
fn arguments() -> Value {
    json!({ "text": "It is a truth universally acknowledged, that a tool in want of a caller must \
                     be in possession of a good schema. " })
}

/// Whether a call gave what it should.
fn checked(result: &Value) -> Result<()> {
    ensure!(*result == json!({ "words": 22, "bytes": 112 }), "a wrong result: {result}");
    Ok(())
}

/// Calls one after the other, each with its time.
fn timed(calls: usize, mut call: impl FnMut() -> Result<Value>) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        let result = call()?;
        times.push(begun.elapsed());
        checked(&result)?;
    }
    Ok(times)
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, rest)) = words.split_first()
        && first == "idle"
    {
        return idle::measured(rest);
    }
    let folder = tempfile::tempdir()?;
    let built = Built::new(folder.path()).context("the guests cannot be built")?;
    println!("load before: {}", load()?);

    let errand = errand::Errand::new(&built.component, &folder.path().join("cache"))?;
    let plugin = plugin::Plugins::new(&built.plugin)?;
    let mut rows = [
        Figures::new("errand, a fresh instance", 20_000),
        Figures::new("extism, a fresh instance", 2_000),
        Figures::new("extism, one instance for all calls", 20_000),
        Figures::new("a program of C", 300),
        Figures::new("a program of Python", 40),
    ];
    let mut rates = Vec::new();
    for round in 0..=ROUNDS {
        for (at, row) in rows.iter_mut().enumerate() {
            let times = match at {
                0 => errand.timed(row.calls)?,
                1 => timed(row.calls, || plugin.fresh())?,
                2 => {
                    let mut kept = plugin.kept()?;
                    timed(row.calls, || plugin::call(&mut kept))?
                }
                3 => timed(row.calls, || program::run(&built.c, &[]))?,
                _ => timed(row.calls, || program::run(&built.interpreter, &[&built.python]))?,
            };
            // The first round warms up.
            if round > 0 {
                row.add(times);
            }
        }
        let rate = errand.rate(Duration::from_secs(1))?;
        if round > 0 {
            rates.push(rate);
        }
    }
    println!("load after: {}\n", load()?);
    figures::table(&rows);
    rates.sort_by(f64::total_cmp);
    println!(
        "\nerrand, 16 calls at once on {} cores: {:.0} calls/s (median of {ROUNDS}; {:.0} to {:.0})",
        std::thread::available_parallelism()?,
        rates[ROUNDS / 2],
        rates[0],
        rates[ROUNDS - 1],
    );
    idle::table(&built.component, folder.path())
}
