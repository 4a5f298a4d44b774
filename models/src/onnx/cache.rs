//! What a network remembers: the keys and values of one conversation, or of several side by side, and the
//! binding that runs a pass over them.
//!
//! One buffer for each layer and part is bound as the graph's past and as its present, so attention writes
//! the new keys and values in place. The buffers have room for whole contexts from the start; the system
//! gives them memory as they fill.

use std::ops::Range;

use ort::memory::Allocator;
use ort::session::{IoBinding, Session as Runner};
use ort::value::Tensor;

use crate::import::{ModelInfo, POSITIONS};

/// The sizes of a conversation's keys and values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) layers: usize,
    pub(super) heads: usize,
    /// Numbers of a key, and of a value.
    pub(super) width: usize,
    /// Tokens.
    pub(super) context: usize,
    pub(super) vocab: usize,
}

impl Sizes {
    pub(super) fn new(info: &ModelInfo, context: u32) -> Self {
        let context = match context {
            0 => info.context,
            wanted => wanted.min(info.context),
        } as usize;
        let (heads, width) = (info.kv_heads, info.head_dim);
        Self { layers: info.layers, heads, width, context, vocab: info.vocab }
    }

    /// The most memory that a conversation takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes_of(self.context)
    }

    /// What so many tokens take of it.
    pub(super) fn bytes_of(&self, tokens: usize) -> usize {
        2 * self.layers * self.heads * tokens * self.width * size_of::<f32>()
    }
}

/// The keys and values of some conversations, its lanes, and the logits of the last pass.
pub(super) struct Cache {
    binding: IoBinding,
    allocator: Allocator,
    /// `[lanes, heads, context, width]` each.
    parts: Vec<Tensor<f32>>,
    sizes: Sizes,
    lanes: usize,
    /// `[lanes, rows, vocab]`
    logits: Tensor<f32>,
    /// Positions of a lane that `logits` has room for; 0 before the first pass.
    rows: usize,
}

impl Cache {
    pub(super) fn new(runner: &Runner, sizes: Sizes, lanes: usize) -> ort::Result<Self> {
        let allocator = Allocator::default();
        let mut binding = runner.create_binding()?;
        let mut parts = Vec::with_capacity(2 * sizes.layers);
        for layer in 0..sizes.layers {
            for part in ["key", "value"] {
                let shape = [lanes, sizes.heads, sizes.context, sizes.width];
                let mut cache = Tensor::<f32>::new(&allocator, shape)?;
                binding.bind_input(format!("past_key_values.{layer}.{part}"), &cache)?;
                binding.bind_output(format!("present.{layer}.{part}"), &mut cache)?;
                parts.push(cache);
            }
        }
        let logits = Tensor::<f32>::new(&allocator, [lanes, 1, sizes.vocab])?;
        Ok(Self { binding, allocator, parts, sizes, lanes, logits, rows: 0 })
    }

    /// Reads tokens, as many in each lane, of which the lane then holds so many in all; has the logits
    /// after each of the last `rows`.
    pub(super) fn pass(
        &mut self,
        runner: &mut Runner,
        tokens: &[u32],
        totals: &[usize],
        rows: usize,
    ) -> ort::Result<()> {
        if self.rows != rows {
            let shape = [self.lanes, rows, self.sizes.vocab];
            let mut logits = Tensor::<f32>::new(&self.allocator, shape)?;
            self.binding.bind_output("logits", &mut logits)?;
            let wanted: Vec<i64> = (1..=rows as i64).rev().map(|back| -back).collect();
            self.binding.bind_input(POSITIONS, &Tensor::from_array(([rows], wanted))?)?;
            (self.logits, self.rows) = (logits, rows);
        }
        let ids: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
        let shape = [self.lanes, tokens.len() / self.lanes];
        self.binding.bind_input("input_ids", &Tensor::from_array((shape, ids))?)?;
        let longest = totals.iter().copied().max().unwrap_or_default();
        let ones = |&total: &usize| (0..longest).map(move |at| i64::from(at < total));
        let mask: Vec<i64> = totals.iter().flat_map(ones).collect();
        let mask = Tensor::from_array(([self.lanes, longest], mask))?;
        self.binding.bind_input("attention_mask", &mask)?;
        runner.run_binding(&self.binding)?;
        Ok(())
    }

    /// The logits of a lane after the last pass, one position after the other.
    pub(super) fn logits(&self, lane: usize) -> &[f32] {
        let size = self.rows.max(1) * self.sizes.vocab;
        &self.logits.extract_tensor().1[lane * size..][..size]
    }

    /// Copies what another cache holds of these tokens of a conversation.
    pub(super) fn take(&mut self, lane: usize, from: (&Cache, usize), tokens: Range<usize>) {
        let (other, other_lane) = from;
        for (part, other) in self.parts.iter_mut().zip(&other.parts) {
            let (to, from) = (part.extract_tensor_mut().1, other.extract_tensor().1);
            let Sizes { heads, context, width, .. } = self.sizes;
            for head in 0..heads {
                let place = |lane| ((lane * heads + head) * context + tokens.start) * width;
                let size = tokens.len() * width;
                to[place(lane)..][..size].copy_from_slice(&from[place(other_lane)..][..size]);
            }
        }
    }

    /// The keys and values of the first tokens of the first conversation, those of a layer's head together.
    pub(super) fn held(&self, tokens: usize) -> impl Iterator<Item = &[f32]> {
        let Sizes { heads, context, width, .. } = self.sizes;
        let size = tokens * width;
        self.parts.iter().flat_map(move |part| {
            let values = part.extract_tensor().1;
            (0..heads).map(move |head| &values[head * context * width..][..size])
        })
    }

    /// Takes up what [`Self::held`] gave, as bytes.
    pub(super) fn fill(&mut self, tokens: usize, bytes: &[u8]) {
        let Sizes { heads, context, width, .. } = self.sizes;
        let size = tokens * width;
        let mut rest = bytes.as_chunks().0;
        for part in &mut self.parts {
            let values = part.extract_tensor_mut().1;
            for head in 0..heads {
                let Some((own, others)) = rest.split_at_checked(size) else { return };
                let room = &mut values[head * context * width..][..size];
                for (value, bytes) in room.iter_mut().zip(own) {
                    *value = f32::from_le_bytes(*bytes);
                }
                rest = others;
            }
        }
    }
}
