//! One conversation with a network that several share: what it asks of the network's thread, and waits for.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};

use super::EngineError;
use super::decode::Decoder;
use super::session::CHUNK;

/// One conversation with a shared network.
pub(super) struct Conversation {
    asks: mpsc::Sender<Ask>,
    vocab: usize,
    /// While a reply is written.
    slot: Option<usize>,
    /// What the next tokens follow.
    length: usize,
    stop: Arc<AtomicBool>,
    logits: Vec<f32>,
}

/// What a conversation asks of the thread.
pub(super) enum Ask {
    Begin {
        prompt: Vec<u32>,
        common: usize,
        asker: u64,
        heard: mpsc::Sender<Result<(usize, usize), EngineError>>,
    },
    Feed(Feed),
    /// The reply is done; the slot keeps at most so many tokens.
    End {
        slot: usize,
        keep: usize,
    },
}

/// Tokens that a conversation has to have read.
pub(super) struct Feed {
    pub(super) slot: usize,
    /// What stays of the tokens before.
    pub(super) keep: usize,
    pub(super) tokens: Vec<u32>,
    /// How many of them are read.
    pub(super) done: usize,
    pub(super) rows: usize,
    pub(super) stop: Arc<AtomicBool>,
    /// Where the logits go.
    room: Vec<f32>,
    heard: mpsc::Sender<Result<Vec<f32>, EngineError>>,
}

impl Conversation {
    pub(super) fn new(asks: mpsc::Sender<Ask>, vocab: usize) -> Self {
        let (slot, length, stop, logits) = (None, 0, Arc::default(), Vec::new());
        Self { asks, vocab, slot, length, stop, logits }
    }
}

fn gone() -> EngineError {
    EngineError::Run("its thread has ended".to_string())
}

impl Decoder for Conversation {
    fn begin(&mut self, prompt: &[u32], common: usize, asker: u64) -> Result<usize, EngineError> {
        let (heard, begun) = mpsc::channel();
        let ask = Ask::Begin { prompt: prompt.to_vec(), common, asker, heard };
        self.asks.send(ask).map_err(|_| gone())?;
        let (slot, cached) = begun.recv().map_err(|_| gone())??;
        (self.slot, self.length) = (Some(slot), cached);
        Ok(cached)
    }

    fn end(&mut self) {
        if let Some(slot) = self.slot.take() {
            // Where the thread has ended there is nothing to keep.
            let _ = self.asks.send(Ask::End { slot, keep: self.length });
        }
    }

    fn rewind(&mut self, to: usize) {
        self.length = self.length.min(to);
    }

    fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = flag;
    }

    fn feed(&mut self, tokens: &[u32], rows: usize) -> Result<(), EngineError> {
        let slot = self.slot.ok_or_else(gone)?;
        let (heard, read) = mpsc::channel();
        let feed = Feed {
            slot,
            keep: self.length,
            tokens: tokens.to_vec(),
            done: 0,
            rows: rows.clamp(1, CHUNK.min(tokens.len()).max(1)),
            stop: self.stop.clone(),
            room: std::mem::take(&mut self.logits),
            heard,
        };
        self.asks.send(Ask::Feed(feed)).map_err(|_| gone())?;
        // As much as was read before an error stays.
        let length = std::mem::replace(&mut self.length, usize::MAX);
        self.logits = read.recv().map_err(|_| gone())??;
        self.length = length + tokens.len();
        Ok(())
    }

    fn logits(&self) -> &[f32] {
        &self.logits
    }

    fn width(&self) -> usize {
        self.vocab
    }
}

impl Feed {
    pub(super) fn wants_one_token(&self) -> bool {
        self.rows == 1 && self.tokens.len() - self.done == 1
    }

    pub(super) fn answer_with(mut self, logits: &[f32]) {
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        room.extend_from_slice(logits);
        self.answer(Ok(room));
    }

    pub(super) fn answer(self, read: Result<Vec<f32>, EngineError>) {
        // It may have gone.
        let _ = self.heard.send(read);
    }
}
