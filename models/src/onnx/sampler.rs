//! Which token comes next: the best one, or one by chance within top-p (Holtzman et al., 2020,
//! "The curious case of neural text degeneration").

use agent_core::model::Sampling;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Below this many nats under the best token, a token's share is nothing.
const NEGLIGIBLE: f32 = 25.0;

/// Chooses tokens for one reply.
pub(super) struct Sampler {
    sampling: Sampling,
    random: StdRng,
}

impl Sampler {
    /// For reply number `call` of a run: the same seed and call make the same choices.
    pub(super) fn new(sampling: Sampling, call: u64) -> Sampler {
        let seed = sampling.seed ^ call.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Sampler { sampling, random: StdRng::seed_from_u64(seed) }
    }

    /// Whether the best token is always the choice.
    pub(super) fn greedy(&self) -> bool {
        self.sampling.temperature <= 0.0
    }

    /// One of the tokens that `allowed` names; none where it names none.
    pub(super) fn choose(
        &mut self,
        logits: &[f32],
        allowed: impl Fn(usize) -> bool,
    ) -> Option<u32> {
        let top = best(logits, &allowed)?;
        if self.greedy() {
            return Some(top);
        }
        let peak = logits[top as usize];
        let heat = self.sampling.temperature;
        let mut pool: Vec<(u32, f32)> = (0u32..)
            .zip(logits)
            .filter(|&(token, &logit)| logit >= peak - NEGLIGIBLE * heat && allowed(token as usize))
            .map(|(token, &logit)| (token, ((logit - peak) / heat).exp()))
            .collect();
        pool.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let total: f32 = pool.iter().map(|(_, share)| share).sum();
        let mut nucleus = 0.0;
        let mut kept = 0;
        while kept < pool.len() && (kept == 0 || nucleus < self.sampling.top_p * total) {
            nucleus += pool[kept].1;
            kept += 1;
        }
        let mut point = self.random.random::<f32>() * nucleus;
        for &(token, share) in &pool[..kept] {
            point -= share;
            if point <= 0.0 {
                return Some(token);
            }
        }
        pool[..kept].last().map(|&(token, _)| token)
    }

    /// One of several choices by their probabilities.
    pub(super) fn among(&mut self, odds: &[f32]) -> usize {
        let logs: Vec<f32> = odds.iter().map(|odds| odds.ln()).collect();
        self.choose(&logs, |_| true).unwrap_or_default() as usize
    }
}

/// The allowed token with the highest logit, the first of equals.
pub(super) fn best(logits: &[f32], allowed: impl Fn(usize) -> bool) -> Option<u32> {
    let mut top: Option<(usize, f32)> = None;
    for (token, &logit) in logits.iter().enumerate() {
        if top.is_none_or(|(_, peak)| logit > peak) && logit > f32::NEG_INFINITY && allowed(token) {
            top = Some((token, logit));
        }
    }
    top.map(|(token, _)| token as u32)
}

/// The logarithm of the sum of exponentials: what turns a logit into a log-probability.
pub(super) fn normalizer(logits: &[f32]) -> f32 {
    let peak = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    peak + logits.iter().map(|logit| (logit - peak).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [1.0, 3.0, f32::NEG_INFINITY, 2.0];

    fn sampler(temperature: f32, top_p: f32) -> Sampler {
        Sampler::new(Sampling { temperature, top_p, seed: 7 }, 0)
    }

    #[test]
    fn greedy_takes_the_best_of_what_is_allowed() {
        assert_eq!(sampler(0.0, 1.0).choose(&LOGITS, |_| true), Some(1));
        assert_eq!(sampler(0.0, 1.0).choose(&LOGITS, |token| token != 1), Some(3));
        assert_eq!(sampler(0.0, 1.0).choose(&LOGITS, |token| token == 2), None);
        assert_eq!(sampler(0.0, 1.0).choose(&[f32::NAN; 3], |_| true), None);
    }

    #[test]
    fn sampling_follows_the_distribution() {
        let mut sampler = sampler(1.0, 1.0);
        let mut counts = [0f32; 4];
        for _ in 0..20_000 {
            counts[sampler.choose(&LOGITS, |_| true).unwrap() as usize] += 1.0 / 20_000.0;
        }
        let total = normalizer(&LOGITS);
        for (count, logit) in counts.iter().zip(LOGITS) {
            assert!((count - (logit - total).exp()).abs() < 0.01, "{counts:?}");
        }
    }

    #[test]
    fn top_p_leaves_the_tail_out() {
        let mut sampler = sampler(1.0, 0.6);
        assert!((0..1000).all(|_| sampler.choose(&LOGITS, |_| true) == Some(1)));
    }

    #[test]
    fn a_seed_fixes_the_choices() {
        let draw = |seed| {
            let mut sampler = Sampler::new(Sampling { temperature: 2.0, top_p: 1.0, seed }, 3);
            (0..50).map(|_| sampler.choose(&LOGITS, |_| true)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
