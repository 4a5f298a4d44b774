//! How well a model foresees a text: its perplexity, from the probability of each token after those
//! before it.
//!
//! The text is read in windows that know nothing of each other, so that a long text needs no more
//! memory than a short one; the first token of a window is not scored.

use std::path::Path;

use ort::memory::Allocator;
use ort::session::{IoBinding, Session as Runner};
use ort::value::Tensor;
use prost::Message;

use super::session::runner;
use super::{EngineError, Options, Tokenizer};
use crate::import::{ModelInfo, ModelProto};

/// Tokens of a window.
const WINDOW: usize = 512;
/// Positions whose logits are had at once.
const SPAN: usize = 64;
/// The most tokens of a text that are scored.
const MOST: usize = 1 << 20;

/// What a text came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// How many tokens were scored.
    pub tokens: usize,
    /// e to the mean of their surprise.
    pub perplexity: f64,
}

/// Scores `text` with the model in `folder`. `progress` hears how many tokens of how many are read.
pub fn score(
    folder: &Path,
    text: &str,
    options: Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Score, EngineError> {
    let info = ModelInfo::open(folder)?;
    let tokenizer = Tokenizer::new(&info.tokenizer, info.vocab)?;
    let mut tokens = tokenizer.encode(text);
    tokens.truncate(MOST);
    let window = WINDOW.min(info.context as usize) / SPAN * SPAN;
    if tokens.len() < 2 || window == 0 {
        return Err(EngineError::Empty);
    }
    let first = info.tokenizer.add_bos.then_some(info.tokenizer.bos).flatten();
    let mut reader = Reader::open(folder, &info, window, options)?;
    let (mut surprise, mut scored) = (0.0, 0);
    let room = window - usize::from(first.is_some());
    for part in tokens.chunks(room) {
        let part: Vec<u32> = first.into_iter().chain(part.iter().copied()).collect();
        let (sum, count) = reader.surprise(&part)?;
        surprise += sum;
        scored += count;
        progress(scored as u64, tokens.len() as u64);
    }
    Ok(Score { tokens: scored, perplexity: (surprise / scored.max(1) as f64).exp() })
}

/// The model with logits at every position.
struct Reader {
    runner: Runner,
    binding: IoBinding,
    logits: Tensor<f32>,
    vocab: usize,
}

impl Reader {
    fn open(
        folder: &Path,
        info: &ModelInfo,
        window: usize,
        options: Options,
    ) -> Result<Self, EngineError> {
        let mut graph = ModelProto::open(folder)?;
        graph.at_every_position(SPAN);
        let runner = runner(folder, Some(&graph.encode_to_vec()), options)?;
        let failed = |error: ort::Error| EngineError::Run(error.to_string());
        let allocator = Allocator::default();
        let mut binding = runner.create_binding().map_err(failed)?;
        let mut bind = || -> ort::Result<Tensor<f32>> {
            for layer in 0..info.layers {
                for part in ["key", "value"] {
                    let shape = [1, info.kv_heads, window, info.head_dim];
                    let mut cache = Tensor::<f32>::new(&allocator, shape)?;
                    binding.bind_input(format!("past_key_values.{layer}.{part}"), &cache)?;
                    binding.bind_output(format!("present.{layer}.{part}"), &mut cache)?;
                }
            }
            let mut logits = Tensor::<f32>::new(&allocator, [1, SPAN, info.vocab])?;
            binding.bind_output("logits", &mut logits)?;
            Ok(logits)
        };
        let logits = bind().map_err(failed)?;
        Ok(Self { runner, binding, logits, vocab: info.vocab })
    }

    /// The surprise of all tokens but the first, in nats, and how many these are.
    fn surprise(&mut self, tokens: &[u32]) -> Result<(f64, usize), EngineError> {
        let mut sum = 0.0;
        for start in (0..tokens.len()).step_by(SPAN) {
            let end = tokens.len().min(start + SPAN);
            self.run(&tokens[start..end], start)
                .map_err(|error| EngineError::Run(error.to_string()))?;
            let (_, logits) = self.logits.extract_tensor();
            let rows = logits.chunks_exact(self.vocab);
            for (row, &next) in rows.zip(tokens[start + 1..].iter().take(SPAN)) {
                sum += surprise(row, next)?;
            }
        }
        Ok((sum, tokens.len().saturating_sub(1)))
    }

    /// Reads up to a span of tokens; what is missing of it is filled up, and comes after all others.
    fn run(&mut self, tokens: &[u32], before: usize) -> ort::Result<()> {
        let mut ids: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
        ids.resize(SPAN, 0);
        let total = before + SPAN;
        self.binding.bind_input("input_ids", &Tensor::from_array(([1, SPAN], ids))?)?;
        let mask = Tensor::from_array(([1, total], vec![1_i64; total]))?;
        self.binding.bind_input("attention_mask", &mask)?;
        self.runner.run_binding(&self.binding)?;
        Ok(())
    }
}

/// Minus the logarithm of a token's probability.
fn surprise(logits: &[f32], token: u32) -> Result<f64, EngineError> {
    let most = logits.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
    let sum: f64 = logits.iter().map(|x| f64::from(x - most).exp()).sum();
    let wanted = logits.get(token as usize);
    let wanted = wanted.ok_or(EngineError::Token { token, vocab: logits.len() })?;
    let surprise = sum.ln() - f64::from(wanted - most);
    match surprise.is_finite() {
        true => Ok(surprise),
        false => Err(EngineError::Run("its logits are no numbers".to_string())),
    }
}
