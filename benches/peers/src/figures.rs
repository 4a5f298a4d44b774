//! Times, and what is said of them.

use std::time::Duration;

use anyhow::Result;

/// The times of one way.
pub(crate) struct Figures {
    name: &'static str,
    /// Calls in a round.
    pub(crate) calls: usize,
    /// Each round's, sorted.
    rounds: Vec<Vec<Duration>>,
}

impl Figures {
    pub(crate) fn new(name: &'static str, calls: usize) -> Figures {
        Figures { name, calls, rounds: Vec::new() }
    }

    pub(crate) fn add(&mut self, mut times: Vec<Duration>) {
        times.sort();
        self.rounds.push(times);
    }

    /// This share of the calls took no longer: the rounds' median, least and most, in µs.
    fn share(&self, share: f64) -> [f64; 3] {
        let mut of_rounds: Vec<f64> = self
            .rounds
            .iter()
            .map(|times| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6)
            .collect();
        of_rounds.sort_by(f64::total_cmp);
        [of_rounds[of_rounds.len() / 2], of_rounds[0], of_rounds[of_rounds.len() - 1]]
    }
}

/// A table of Markdown.
pub(crate) fn table(rows: &[Figures]) {
    println!("| one call, µs | p50 | p50, by round | p99 | p99, by round | calls |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let ([half, least, most], [p99, p99_least, p99_most]) = (row.share(0.5), row.share(0.99));
        let calls = row.calls * row.rounds.len();
        println!(
            "| {} | {half:.1} | {least:.1} to {most:.1} | {p99:.1} | {p99_least:.1} to \
             {p99_most:.1} | {calls} |",
            row.name
        );
    }
}

/// What else the machine does: processes that want a core, over 1, 5 and 15 minutes.
pub(crate) fn load() -> Result<String> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
