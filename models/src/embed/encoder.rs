//! The network and its tokenizer: texts in, one row of numbers a text out.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use ort::session::{Session as Runner, SessionInputValue};
use ort::value::Tensor;
use tokenizers::{EncodeInput, TruncationParams};

use crate::import::{EncoderInfo, Pooling};
use crate::onnx::{Device, EngineError, Options, builder, load};

/// Tokens that go through the network at once, padding included.
const BATCH: usize = 2048;
/// The longest tokens in use have fewer bytes; what lies beyond that many a token is never read.
const TOKEN_BYTES: usize = 128;

/// How to run an encoder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Threads that compute; 0 for as many as the machine runs at once.
    pub threads: usize,
    /// The most tokens of a text; 0, or more than the encoder reads, for as many as it reads.
    pub tokens: usize,
}

pub(super) struct Encoder {
    folder: PathBuf,
    runner: Runner,
    tokenizer: tokenizers::Tokenizer,
    pub(super) info: EncoderInfo,
    /// The network's inputs, each one of [`INPUTS`].
    inputs: Vec<&'static str>,
    output: String,
}

const INPUTS: [&str; 3] = ["input_ids", "attention_mask", "token_type_ids"];

/// A text as the network reads it.
pub(super) struct Tokens {
    ids: Vec<u32>,
    types: Vec<u32>,
    pub(super) cut: bool,
}

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder {{ `{}`, {} tokens }}", self.folder.display(), self.info.tokens)
    }
}

impl Encoder {
    pub(super) fn open(folder: &Path, options: EncodeOptions) -> Result<Self, EngineError> {
        let mut info = EncoderInfo::open(folder)?;
        if options.tokens > 0 {
            info.tokens = info.tokens.min(options.tokens.max(3));
        }
        let tokenizer = tokenizer(folder, info.tokens)?;
        let model = [folder.join("model.onnx"), folder.join("onnx/model.onnx")];
        let model = model.iter().find(|path| path.is_file()).unwrap_or(&model[0]);
        let failed = |error: &dyn fmt::Display| EngineError::Encoder {
            folder: folder.to_owned(),
            reason: error.to_string(),
        };
        let threads = Options { threads: options.threads, device: Device::Cpu, context: 0 };
        let mut builder = builder(load(None)?, threads)?;
        let runner = builder.commit_from_file(model).map_err(|error| failed(&error))?;
        let mut inputs = Vec::new();
        for input in runner.inputs() {
            let known = INPUTS.into_iter().find(|known| *known == input.name());
            inputs.push(known.ok_or_else(|| {
                failed(&format!("it wants an input `{}`, which no text has", input.name()))
            })?);
        }
        let names: Vec<&str> = runner.outputs().iter().map(|output| output.name()).collect();
        let wanted = ["sentence_embedding", "logits", "last_hidden_state", "token_embeddings"];
        let output = wanted.iter().find(|name| names.contains(name)).or(names.first());
        let output = output.ok_or_else(|| failed(&"it has no output"))?.to_string();
        Ok(Self { folder: folder.to_owned(), runner, tokenizer, info, inputs, output })
    }

    pub(super) fn tokens<'t>(
        &self,
        texts: Vec<EncodeInput<'t>>,
    ) -> Result<Vec<Tokens>, EngineError> {
        let encoded = self.tokenizer.encode_batch_fast(texts, true);
        let encoded = encoded.map_err(|error| EngineError::Tokenizer(error.to_string()))?;
        Ok(encoded
            .into_iter()
            .map(|text| Tokens {
                ids: text.get_ids().to_vec(),
                types: text.get_type_ids().to_vec(),
                cut: !text.get_overflowing().is_empty(),
            })
            .collect())
    }

    /// As much of a text as can ever be read, and whether that is all of it.
    pub(super) fn readable<'t>(&self, text: &'t str) -> (&'t str, bool) {
        let most = text.floor_char_boundary(self.info.tokens * TOKEN_BYTES);
        (&text[..most], most < text.len())
    }

    /// A row of numbers for each text, in the order of the texts. `done` hears how many are done.
    pub(super) fn rows(
        &mut self,
        texts: &[Tokens],
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(texts[at].len()));
        let mut rows = vec![Vec::new(); texts.len()];
        let (mut from, mut width) = (0, None);
        while from < order.len() {
            let longest = texts[order[from]].len().max(1);
            let to = order.len().min(from + (BATCH / longest).max(1));
            let batch: Vec<&Tokens> = order[from..to].iter().map(|&at| &texts[at]).collect();
            for (row, &at) in self.run(&batch, longest)?.into_iter().zip(&order[from..to]) {
                if *width.get_or_insert(row.len()) != row.len() {
                    return Err(self.odd("its rows differ in length"));
                }
                rows[at] = row;
            }
            from = to;
            done(from);
        }
        Ok(rows)
    }

    fn run(&mut self, batch: &[&Tokens], longest: usize) -> Result<Vec<Vec<f32>>, EngineError> {
        let lengths: Vec<usize> = batch.iter().map(|text| text.len()).collect();
        let failed = |error: ort::Error| EngineError::Run(error.to_string());
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = Vec::new();
        for &name in &self.inputs {
            let numbers = batch.iter().flat_map(|text| {
                let row = (0..longest).map(move |at| match name {
                    "input_ids" => text.ids.get(at).copied().unwrap_or(0),
                    "token_type_ids" => text.types.get(at).copied().unwrap_or(0),
                    _ => u32::from(at < text.len()),
                });
                row.map(i64::from)
            });
            let numbers: Vec<i64> = numbers.collect();
            let tensor = Tensor::from_array(([batch.len(), longest], numbers)).map_err(failed)?;
            inputs.push((Cow::Borrowed(name), tensor.into()));
        }
        let pooling = self.info.pooling;
        let outputs = self.runner.run(inputs).map_err(failed)?;
        let output = outputs
            .get(&self.output)
            .ok_or_else(|| EngineError::Run(format!("it gave no output `{}`", self.output)))?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(failed)?;
        let sizes: Vec<usize> =
            shape.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        match sizes[..] {
            [texts, width] if texts == batch.len() && width > 0 => {
                Ok(values.chunks_exact(width).map(<[f32]>::to_vec).collect())
            }
            [texts, tokens, width] if texts == batch.len() && tokens == longest && width > 0 => {
                let states = values.chunks_exact(tokens * width).zip(&lengths);
                Ok(states.map(|(states, &length)| pooled(states, width, length, pooling)).collect())
            }
            _ => Err(EngineError::Encoder {
                folder: self.folder.clone(),
                reason: format!("its output has the shape {sizes:?}"),
            }),
        }
    }

    pub(super) fn odd(&self, reason: &str) -> EngineError {
        EngineError::Encoder { folder: self.folder.clone(), reason: reason.to_owned() }
    }
}

/// The states of a text's own tokens as one row.
pub(super) fn pooled(states: &[f32], width: usize, length: usize, pooling: Pooling) -> Vec<f32> {
    let length = length.max(1);
    let state = |at: usize| states.chunks_exact(width).nth(at).unwrap_or_default().to_vec();
    match pooling {
        Pooling::First => state(0),
        Pooling::Last => state(length - 1),
        Pooling::Mean => {
            let mut sum = vec![0.0; width];
            for state in states.chunks_exact(width).take(length) {
                sum.iter_mut().zip(state).for_each(|(sum, x)| *sum += x);
            }
            sum.iter_mut().for_each(|sum| *sum /= length as f32);
            sum
        }
    }
}

fn tokenizer(folder: &Path, most: usize) -> Result<tokenizers::Tokenizer, EngineError> {
    let path = folder.join("tokenizer.json");
    let failed =
        |error: &dyn fmt::Display| EngineError::Tokenizer(format!("`{}`: {error}", path.display()));
    let text =
        guard::file::read(&path, crate::import::TOKENIZER).map_err(|error| failed(&error))?;
    let mut tokenizer = tokenizers::Tokenizer::from_bytes(text).map_err(|error| failed(&error))?;
    let cut = TruncationParams { max_length: most, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(cut)).map_err(|error| failed(&error))?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}
