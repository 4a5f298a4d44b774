//! How fast a model reads and writes, on made-up tokens.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::{EngineError, Options, Session};

/// How often each thing is measured; the median counts.
const ROUNDS: usize = 3;

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bench {
    /// Prompt tokens read in a second.
    pub prefill_tps: f64,
    /// Tokens written in a second, one after another, from an empty context.
    pub decode_tps: f64,
    /// Seconds until the model was open.
    pub load_s: f64,
    /// The process's largest resident memory, in MB of 2²⁰ bytes; 0 where the system does not say.
    pub peak_rss_mb: f64,
}

/// Measures the model in `folder`: a prompt of `prompt` tokens and a reply of `decode`, apart.
pub fn bench(
    folder: &Path,
    prompt: usize,
    decode: usize,
    threads: usize,
) -> Result<Bench, EngineError> {
    let start = Instant::now();
    let context = prompt.max(decode).max(1) as u32;
    let mut session = Session::open(folder, Options { threads, context, ..Options::default() })?;
    let load = start.elapsed();

    let tokens = synthetic(prompt.max(decode), session.vocab());
    session.feed(&tokens[..prompt.clamp(1, 16)])?;
    let mut reading = Vec::new();
    let mut writing = Vec::new();
    for _ in 0..ROUNDS {
        session.rewind(0);
        let start = Instant::now();
        session.feed(&tokens[..prompt.max(1)])?;
        reading.push(start.elapsed());
        session.rewind(0);
        let start = Instant::now();
        for token in &tokens[..decode] {
            session.feed(std::slice::from_ref(token))?;
        }
        writing.push(start.elapsed());
    }
    Ok(Bench {
        prefill_tps: prompt.max(1) as f64 / median(&mut reading),
        decode_tps: decode as f64 / median(&mut writing),
        load_s: load.as_secs_f64(),
        peak_rss_mb: peak_rss_mb().unwrap_or(0.0),
    })
}

pub(super) fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, Duration::as_secs_f64)
}

/// Tokens without a pattern: Knuth's multiplicative hash of their index.
pub(super) fn synthetic(count: usize, vocab: usize) -> Vec<u32> {
    (0..count.max(1) as u64)
        .map(|i| ((i.wrapping_mul(2_654_435_761) >> 8) % vocab.max(1) as u64) as u32)
        .collect()
}

/// The processor time that this process has had, all threads together: what else the machine does makes it
/// wait, and that is not in it.
pub(super) fn busy() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

/// The same of this thread alone.
pub(super) fn busy_here() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

fn clock(of: ClockId) -> Duration {
    Duration::try_from(clock_gettime(of)).unwrap_or_default()
}

fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}
