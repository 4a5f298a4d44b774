//! What it costs to hold replies to schemas, and whether they come out valid: `benches/constrained.py` makes the
//! cases and runs this. `cargo run --release --workspace --example constrained -- FOLDER CASES [MODEL_EVERY]`
//!
//! CASES has a line `{"from", "prompt", "schema"}` a case. Each is written once with logits by chance, which is what
//! a model of random weights comes to, and each `MODEL_EVERY`th of its kind once more by the model in FOLDER, greedily.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use models::fetch::Fetcher;
use models::import::ModelInfo;
use models::onnx::{Device, EngineError, Held, Options, Session, Trial, holds};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::Value;

/// The most tokens of a reply.
const MOST: usize = 64;
/// Tokens of a model's conversation: a longer prompt is not asked.
const CONTEXT: u32 = 4096;

#[derive(Deserialize)]
struct Case {
    from: String,
    prompt: String,
    schema: Value,
}

#[derive(Default)]
struct Tally {
    cases: usize,
    refused: BTreeMap<String, usize>,
    exact: Outcomes,
    loosened: Outcomes,
    compiles: Vec<Duration>,
    masks: Vec<Duration>,
    forced: usize,
    masking: Duration,
    all: Duration,
}

#[derive(Default)]
struct Outcomes {
    valid: usize,
    invalid: usize,
    cut: usize,
    unchecked: usize,
}

impl Tally {
    fn take(&mut self, case: &Case, written: Result<Held, EngineError>, took: Duration) {
        self.cases += 1;
        let held = match written {
            Ok(held) => held,
            Err(EngineError::Form(reason)) => {
                // What stands in the schema is not the kind of the refusal.
                let kind = reason.split(['`', '"', ':']).next().unwrap_or_default().to_string();
                *self.refused.entry(kind).or_default() += 1;
                return;
            }
            Err(error) => panic!("{error}: {}", case.schema),
        };
        self.compiles.push(held.compile);
        self.masks.extend(&held.masks);
        self.forced += held.forced;
        self.masking += held.masks.iter().sum::<Duration>();
        self.all += took.saturating_sub(held.compile);
        let outcomes = match holds(&case.schema) {
            Ok(()) => &mut self.exact,
            Err(_) => &mut self.loosened,
        };
        let text = String::from_utf8_lossy(&held.text);
        if !held.ended {
            outcomes.cut += 1;
            return;
        }
        match jsonschema::validator_for(&case.schema) {
            Err(_) => outcomes.unchecked += 1,
            Ok(validator) => match serde_json::from_str(&text) {
                Ok(value) if validator.is_valid(&value) => outcomes.valid += 1,
                _ => {
                    println!("INVALID {} under {}", text, case.schema);
                    outcomes.invalid += 1;
                }
            },
        }
    }

    fn print(&mut self, name: &str) {
        let refused: usize = self.refused.values().sum();
        println!("{name}: {} schemas, {refused} refused {:?}", self.cases, self.refused);
        for (kind, it) in [("held exactly", &self.exact), ("loosened", &self.loosened)] {
            let Outcomes { valid, invalid, cut, unchecked } = it;
            println!(
                "  {kind}: {valid} valid, {invalid} invalid, {cut} cut at {MOST} tokens, {unchecked} not checked"
            );
        }
        let chosen = self.masks.len();
        println!("  compile, ms: {}", spread(&mut self.compiles, 1e3));
        println!(
            "  mask, µs: {}, {chosen} of them; {} tokens forced",
            spread(&mut self.masks, 1e6),
            self.forced
        );
        println!(
            "  masks are {:.2} % of the {:.1} s that was written",
            100.0 * self.masking.as_secs_f64() / self.all.as_secs_f64().max(1e-9),
            self.all.as_secs_f64()
        );
    }
}

fn spread(times: &mut [Duration], unit: f64) -> String {
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
        times.get(place).map_or(f64::NAN, |time| unit * time.as_secs_f64())
    };
    format!("p50 {:.2}, p95 {:.2}, p99 {:.2}, most {:.2}", at(0.5), at(0.95), at(0.99), at(1.0))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = Path::new(&arguments[1]);
    let cases: Vec<Case> = std::fs::read_to_string(&arguments[2])
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let every: usize = arguments.get(3).map_or(0, |every| every.parse().unwrap());

    let trial = Trial::open(folder).unwrap();
    let vocab = ModelInfo::open(folder).unwrap().vocab;
    let mut random = StdRng::seed_from_u64(1);
    // A piece of one long noise, from a place by chance, is as good as new noise and far cheaper.
    let noise: Vec<f32> = (0..2 * vocab).map(|_| random.random::<f32>()).collect();
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for case in &cases {
        let started = Instant::now();
        let written = trial.write(&case.schema, MOST, &mut |_| {
            let from = random.random_range(0..vocab);
            Ok(noise[from..from + vocab].to_vec())
        });
        let name = format!("{}, by chance", case.from);
        tallies.entry(name).or_default().take(case, written, started.elapsed());
    }
    if every > 0 {
        let env = |name: &str| std::env::var_os(name);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let fetcher = Fetcher::from_env(env).unwrap();
        let library = runtime.block_on(fetcher.runtime(Device::Cpu, env)).unwrap();
        models::onnx::load(Some(&library)).unwrap();
        let options = Options { context: CONTEXT, ..Options::default() };
        let mut session = Session::open(folder, options).unwrap();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for case in &cases {
            let seen = seen.entry(&case.from).or_default();
            *seen += 1;
            let prompt = trial.prompt(&case.prompt).unwrap();
            if !seen.is_multiple_of(every) || prompt.len() + MOST > CONTEXT as usize {
                continue;
            }
            session.rewind(0);
            // All but the last token of the prompt, so that reading it is not in the time of writing.
            let (last, before) = prompt.split_last().unwrap();
            session.feed(before).unwrap();
            let mut pending = Some(*last);
            let started = Instant::now();
            let written = trial.write(&case.schema, MOST, &mut |settled| {
                let tokens: Vec<u32> =
                    pending.take().into_iter().chain(settled.iter().copied()).collect();
                session.feed(&tokens).map(<[f32]>::to_vec)
            });
            let name = format!("{}, by the model", case.from);
            tallies.entry(name).or_default().take(case, written, started.elapsed());
        }
    }
    for (name, tally) in &mut tallies {
        tally.print(name);
    }
}
