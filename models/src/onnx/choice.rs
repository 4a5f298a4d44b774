//! One of several strings, with the odds of each.
//!
//! A choice's probability is that of its whole sequence of tokens, so what the model thinks of
//! the end counts as much as what it thinks of the beginning. The choices form a tree of tokens;
//! the likeliest branch is walked first, each inner token costs one step of the decoder, and a
//! branch that has fallen hopelessly behind is not walked to its end: its odds are then an upper
//! bound, and nearly nothing.

use std::collections::BTreeMap;

use agent_core::model::{Finish, Reply, Tokens};

use super::EngineError;
use super::decode::{Decoder, Engine, feed};
use super::sampler::{Sampler, normalizer};
use super::shown::OnText;

/// So many nats behind the best choice, a branch is given up.
const HOPELESS: f32 = 10.0;

impl<D: Decoder> Engine<D> {
    pub(super) fn choose(
        &mut self,
        prompt: &[u32],
        choices: &[String],
        sampler: &mut Sampler,
        on_text: OnText<'_>,
    ) -> Result<Reply, EngineError> {
        if choices.is_empty() {
            return Err(EngineError::Form("there is nothing to choose from".to_string()));
        }
        let started = std::time::Instant::now();
        let mut sequences: Vec<Vec<u32>> =
            choices.iter().map(|choice| self.tokenizer.encode(choice)).collect();
        let longest = sequences.iter().map(Vec::len).max().unwrap_or_default() + 1;
        let room = self.fed.len() + prompt.len() + longest;
        if room > self.context {
            return Err(EngineError::TooLong { tokens: room, context: self.context });
        }
        // Where one choice begins another, what tells them apart is that it ends.
        if nested(&sequences)
            && let Some(&end) = self.tokenizer.end_tokens().first()
        {
            sequences.iter_mut().for_each(|sequence| sequence.push(end));
        }
        let mut scale = Scale {
            decoder: &mut self.decoder,
            fed: &mut self.fed,
            scores: vec![f32::NEG_INFINITY; sequences.len()],
            sequences: &sequences,
            best: f32::NEG_INFINITY,
        };
        scale.weigh(prompt, 0, &(0..choices.len()).collect::<Vec<_>>(), 0.0)?;
        let total = normalizer(&scale.scores);
        let odds: Vec<f32> = scale.scores.iter().map(|score| (score - total).exp()).collect();
        if odds.iter().any(|odds| !odds.is_finite()) {
            return Err(EngineError::Run("its logits are not numbers".to_string()));
        }
        self.pace.reading += started.elapsed();
        let chosen = sampler.among(&odds);
        let output = self.tokenizer.encode(&choices[chosen]).len() as u64;
        on_text(&choices[chosen], &[]);
        let usage = Tokens { output, ..Tokens::default() };
        Ok(Reply { odds, ..Reply::text(&choices[chosen], usage, Finish::Stop) })
    }
}

struct Scale<'a, D> {
    decoder: &'a mut D,
    fed: &'a mut Vec<u32>,
    sequences: &'a [Vec<u32>],
    scores: Vec<f32>,
    best: f32,
}

impl<D: Decoder> Scale<'_, D> {
    /// Reads `tokens`, then weighs the choices `members`, which share their first `depth` tokens
    /// and have reached the log-probability `so_far`.
    fn weigh(
        &mut self,
        tokens: &[u32],
        depth: usize,
        members: &[usize],
        so_far: f32,
    ) -> Result<(), EngineError> {
        let logits = feed(self.decoder, self.fed, tokens)?;
        let total = normalizer(logits);
        let mut branches: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for &member in members {
            match self.sequences[member].get(depth) {
                Some(&token) => branches.entry(token).or_default().push(member),
                None => self.scores[member] = so_far,
            }
        }
        let mut branches: Vec<(f32, u32, Vec<usize>)> = branches
            .into_iter()
            .map(|(token, members)| (so_far + logits[token as usize] - total, token, members))
            .collect();
        branches.sort_by(|a, b| b.0.total_cmp(&a.0));
        let here = self.fed.len();
        for (reached, token, members) in branches {
            let ends = members.iter().all(|&member| self.sequences[member].len() == depth + 1);
            if ends {
                self.best = self.best.max(reached);
            }
            if ends || reached < self.best - HOPELESS {
                members.iter().for_each(|&member| self.scores[member] = reached);
                continue;
            }
            self.weigh(&[token], depth + 1, &members, reached)?;
            self.decoder.rewind(here);
            self.fed.truncate(here);
        }
        Ok(())
    }
}

/// Whether one sequence is the beginning of another.
fn nested(sequences: &[Vec<u32>]) -> bool {
    sequences.iter().any(|short| {
        sequences.iter().any(|long| long.len() > short.len() && long.starts_with(short))
    })
}
