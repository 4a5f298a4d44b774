//! A network with its cache: tokens in, the last positions' logits out.
//!
//! The keys and values of earlier tokens stay in one buffer per layer that is bound as the
//! graph's past and as its present, so attention writes the new ones in place. The buffers have
//! room for the whole context from the start; the system gives them memory as they fill.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ort::memory::Allocator;
use ort::session::{IoBinding, Session as Runner};
use ort::value::Tensor;
use prost::Message;

use super::open::runner;
use super::{EngineError, Options};
use crate::import::{ModelInfo, ModelProto, POSITIONS, adapted};

/// Tokens fed at once: what the work on one chunk needs in memory grows with it.
const CHUNK: usize = 256;

/// An open model and the tokens it has read.
pub struct Session {
    runner: Runner,
    binding: IoBinding,
    allocator: Allocator,
    logits: Tensor<f32>,
    /// Positions that `logits` has room for; 0 before the first pass.
    rows: usize,
    stop: Option<Arc<AtomicBool>>,
    length: usize,
    context: usize,
    vocab: usize,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, context, vocab, .. } = self;
        write!(f, "Session {{ {length} of {context} tokens, vocabulary of {vocab} }}")
    }
}

impl Session {
    /// Opens an imported model. The runtime must be loaded, or be where [`super::load`] finds it.
    pub fn open(folder: &Path, options: Options) -> Result<Self, EngineError> {
        Self::open_with(folder, None, options)
    }

    /// As [`Self::open`], with a LoRA adapter over the model's weights.
    pub fn open_with(
        folder: &Path,
        adapter: Option<&Path>,
        options: Options,
    ) -> Result<Self, EngineError> {
        let info = ModelInfo::open(folder)?;
        let failed = |error: &dyn fmt::Display| EngineError::Open {
            folder: folder.to_owned(),
            reason: error.to_string(),
        };
        let mut graph = match adapter {
            Some(adapter) => adapted(folder, &info, adapter)?,
            None => ModelProto::open(folder)?,
        };
        graph.with_positions();
        let runner = runner(folder, &graph.encode_to_vec(), options)?;
        drop(graph);
        let context = match options.context {
            0 => info.context,
            wanted => wanted.min(info.context),
        } as usize;

        let allocator = Allocator::default();
        let mut binding = runner.create_binding().map_err(|error| failed(&error))?;
        let mut bind = || -> ort::Result<Tensor<f32>> {
            for layer in 0..info.layers {
                for part in ["key", "value"] {
                    let shape = [1, info.kv_heads, context, info.head_dim];
                    let mut cache = Tensor::<f32>::new(&allocator, shape)?;
                    binding.bind_input(format!("past_key_values.{layer}.{part}"), &cache)?;
                    binding.bind_output(format!("present.{layer}.{part}"), &mut cache)?;
                }
            }
            Tensor::<f32>::new(&allocator, [1, 1, info.vocab])
        };
        let logits = bind().map_err(|error| failed(&error))?;
        let (vocab, rows, length, stop) = (info.vocab, 0, 0, None);
        Ok(Self { runner, binding, allocator, logits, rows, stop, length, context, vocab })
    }

    /// How many tokens the cache holds.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing was fed yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The most tokens the cache can hold.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Tokens in the vocabulary, and so logits of one position.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Forgets all but the first `to` tokens. What is kept costs nothing to keep.
    pub fn rewind(&mut self, to: usize) {
        self.length = self.length.min(to);
    }

    /// When the flag is up, [`Self::feed`] stops before its next chunk.
    pub fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = Some(flag);
    }

    /// Reads more tokens and returns the logits that follow the last one. After an error
    /// [`Self::len`] says how many tokens were read all the same.
    pub fn feed(&mut self, tokens: &[u32]) -> Result<&[f32], EngineError> {
        self.feed_rows(tokens, 1)
    }

    /// As [`Self::feed`], with the logits that follow each of the last `rows` tokens, one position
    /// after the other. `rows` is taken as at least 1, and at most 256 and the number of tokens.
    pub fn feed_rows(&mut self, tokens: &[u32], rows: usize) -> Result<&[f32], EngineError> {
        let total = self.length + tokens.len();
        if total > self.context {
            return Err(EngineError::TooLong { tokens: total, context: self.context });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token as usize >= self.vocab) {
            return Err(EngineError::Token { token, vocab: self.vocab });
        }
        if tokens.is_empty() {
            return Err(EngineError::Empty);
        }
        let rows = rows.clamp(1, CHUNK.min(tokens.len()));
        let mut rest = tokens;
        while !rest.is_empty() {
            if self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                return Err(EngineError::Stopped);
            }
            // The wanted positions lie in the last chunk.
            let length =
                if rest.len() <= CHUNK { rest.len() } else { CHUNK.min(rest.len() - rows) };
            let (chunk, after) = rest.split_at(length);
            let rows = if after.is_empty() { rows } else { 1 };
            self.run(chunk, rows).map_err(|error| EngineError::Run(error.to_string()))?;
            self.length += chunk.len();
            rest = after;
        }
        Ok(self.logits())
    }

    /// What was returned last by [`Self::feed_rows`].
    pub fn logits(&self) -> &[f32] {
        self.logits.extract_tensor().1
    }

    fn run(&mut self, chunk: &[u32], rows: usize) -> ort::Result<()> {
        if self.rows != rows {
            let mut logits = Tensor::<f32>::new(&self.allocator, [1, rows, self.vocab])?;
            self.binding.bind_output("logits", &mut logits)?;
            let wanted: Vec<i64> = (1..=rows as i64).rev().map(|back| -back).collect();
            self.binding.bind_input(POSITIONS, &Tensor::from_array(([rows], wanted))?)?;
            (self.logits, self.rows) = (logits, rows);
        }
        let total = self.length + chunk.len();
        let ids: Vec<i64> = chunk.iter().map(|&token| i64::from(token)).collect();
        self.binding.bind_input("input_ids", &Tensor::from_array(([1, ids.len()], ids))?)?;
        let mask = Tensor::from_array(([1, total], vec![1_i64; total]))?;
        self.binding.bind_input("attention_mask", &mask)?;
        self.runner.run_binding(&self.binding)?;
        Ok(())
    }
}
