//! A network with one conversation: tokens in, the last positions' logits out.

use std::fmt;
use std::path::Path;

use ort::session::Session as Runner;
use prost::Message;

use super::cache::{Cache, Sizes};
use super::open::runner;
use super::{EngineError, Options};
use crate::import::{ModelInfo, ModelProto, adapted};

/// Tokens fed at once: what the work on one chunk needs in memory grows with it.
pub(super) const CHUNK: usize = 256;

/// An open model and the tokens it has read.
pub struct Session {
    runner: Runner,
    cache: Cache,
    sizes: Sizes,
    length: usize,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sizes { context, vocab, .. } = self.sizes;
        write!(f, "Session {{ {} of {context} tokens, vocabulary of {vocab} }}", self.length)
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
        let runner = network(folder, &info, adapter, options)?;
        let sizes = Sizes::new(&info, options.context);
        let cache = Cache::new(&runner, sizes, 1).map_err(|error| not_opened(folder, error))?;
        Ok(Self { runner, cache, sizes, length: 0 })
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
        self.sizes.context
    }

    /// Tokens in the vocabulary, and so logits of one position.
    pub fn vocab(&self) -> usize {
        self.sizes.vocab
    }

    /// Forgets all but the first `to` tokens. What is kept costs nothing to keep.
    pub fn rewind(&mut self, to: usize) {
        self.length = self.length.min(to);
    }

    /// Reads more tokens and returns the logits that follow the last one. After an error
    /// [`Self::len`] says how many tokens were read all the same.
    pub fn feed(&mut self, tokens: &[u32]) -> Result<&[f32], EngineError> {
        self.feed_rows(tokens, 1)
    }

    /// As [`Self::feed`], with the logits that follow each of the last `rows` tokens, one position
    /// after the other. `rows` is taken as at least 1, and at most 256 and the number of tokens.
    pub fn feed_rows(&mut self, tokens: &[u32], rows: usize) -> Result<&[f32], EngineError> {
        readable(tokens, self.length, &self.sizes)?;
        let rows = rows.clamp(1, CHUNK.min(tokens.len()));
        let mut rest = tokens;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(next_chunk(rest.len(), rows, CHUNK));
            let rows = if after.is_empty() { rows } else { 1 };
            let total = self.length + chunk.len();
            self.cache
                .pass(&mut self.runner, chunk, &[total], rows)
                .map_err(|error| EngineError::Run(error.to_string()))?;
            self.length = total;
            rest = after;
        }
        Ok(self.cache.logits(0))
    }
}

/// The network in a folder, with a LoRA adapter over its weights where one is named.
pub(super) fn network(
    folder: &Path,
    info: &ModelInfo,
    adapter: Option<&Path>,
    options: Options,
) -> Result<Runner, EngineError> {
    let mut graph = match adapter {
        Some(adapter) => adapted(folder, info, adapter)?,
        None => ModelProto::open(folder)?,
    };
    graph.opened_up();
    runner(folder, &graph.encode_to_vec(), options)
}

pub(super) fn not_opened(folder: &Path, error: ort::Error) -> EngineError {
    EngineError::Open { folder: folder.to_owned(), reason: error.to_string() }
}

/// Whether a conversation of so many tokens can go on with these.
pub(super) fn readable(tokens: &[u32], length: usize, sizes: &Sizes) -> Result<(), EngineError> {
    let (total, context) = (length + tokens.len(), sizes.context);
    if total > context {
        return Err(EngineError::TooLong { tokens: total, context });
    }
    if let Some(&token) = tokens.iter().find(|&&token| token as usize >= sizes.vocab) {
        return Err(EngineError::Token { token, vocab: sizes.vocab });
    }
    match tokens.is_empty() {
        true => Err(EngineError::Empty),
        false => Ok(()),
    }
}

/// How many of the tokens that are left are read next: the wanted rows lie in the last chunk.
pub(super) fn next_chunk(left: usize, rows: usize, most: usize) -> usize {
    let most = most.max(rows);
    if left <= most { left } else { most.min(left - rows) }
}
