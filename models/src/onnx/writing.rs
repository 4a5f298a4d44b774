//! One reply in the making: token after token, each held to the request's form, with what the grammar
//! forces and what a draft guesses read in the same pass as the token before.
//!
//! A draft only has logits at hand before they are asked for. Each token is chosen from the logits that
//! follow the tokens before it, as without drafts: greedy replies are the same but for how the runtime
//! rounds, and chance keeps its distribution.

use std::time::Instant;

use agent_core::model::{Finish, Reply, Request, Tokens};

use super::EngineError;
use super::asking::Ahead;
use super::decode::{Decoder, Engine, next};
use super::drafts::Drafts;
use super::grammar::Rails;
use super::odds::told;
use super::repetition::repeats;
use super::sampler::Sampler;
use super::shown::{OnText, Shown, Text};

/// Forced tokens whose probabilities are had at once.
const SPAN: usize = 64;

/// How a reply is written.
pub(super) struct Way {
    /// The most tokens.
    pub(super) limit: usize,
    pub(super) rails: Option<Rails>,
    pub(super) sampler: Sampler,
    /// How many of the likeliest tokens are told with each; none where no probabilities are.
    pub(super) logprobs: Option<usize>,
    pub(super) ahead: Ahead,
}

/// A reply in the making.
struct Writing<'e, D> {
    engine: &'e mut Engine<D>,
    /// Prompt and reply, as far as they are settled.
    text: Vec<u32>,
    /// Where the reply begins in it.
    start: usize,
    /// How much of it is shown; less than all only while probabilities are awaited.
    shown_to: usize,
    shown: Shown,
    logprobs: Option<usize>,
    /// The first position whose logits the decoder still has: those after so many tokens.
    known: usize,
    /// How much of the text was settled when the decoder read last.
    read_at: usize,
    /// How many tokens of a draft it read beyond that.
    drafted: usize,
    drafts: Option<Drafts>,
}

impl<D: Decoder> Engine<D> {
    /// Writes the reply to a prompt, of which the decoder remembers the beginning.
    pub(super) fn write(
        &mut self,
        prompt: Vec<u32>,
        request: &Request,
        way: Way,
        on_text: OnText<'_>,
    ) -> Result<Reply, EngineError> {
        if prompt.is_empty() {
            return Err(EngineError::Empty);
        }
        let Way { limit, mut rails, mut sampler, logprobs, ahead } = way;
        let started = Instant::now();
        let shown = Shown::new(&request.form, self.template.format());
        let (start, read_at) = (prompt.len(), self.fed.len());
        let mut writing = Writing {
            engine: self,
            text: prompt,
            start,
            shown_to: start,
            shown,
            logprobs,
            known: usize::MAX,
            read_at,
            drafted: 0,
            drafts: (ahead == Ahead::Drafts).then(Drafts::new),
        };
        let mut first = None;
        // What the grammar forces is not the model's own repetition.
        let mut chosen = Vec::new();
        let finish = loop {
            if let Some(rails) = &mut rails {
                // What must come needs no logits: it is read together with what came before.
                let forced = rails.forced();
                let fits = forced.len().min(limit - writing.output());
                writing.engine.pace.forced += fits as u64;
                for piece in forced[..fits].chunks(SPAN) {
                    writing.text.extend(piece);
                    if logprobs.is_some() && fits > SPAN {
                        writing.read(0, None)?;
                    }
                    writing.show(on_text)?;
                }
                if fits < forced.len() {
                    break Finish::Cut;
                }
                if rails.done() {
                    break Finish::Stop;
                }
            }
            if writing.output() == limit {
                break Finish::Cut;
            }
            writing.read(limit, rails.as_mut())?;
            first.get_or_insert_with(Instant::now);
            if writing.show(on_text)? == Text::Stopped {
                break Finish::Stop;
            }
            let token = writing.choose(rails.as_mut(), &mut sampler)?;
            if let Some(rails) = &mut rails {
                rails.take(token)?;
            }
            if writing.engine.tokenizer.ends(token) {
                break Finish::Stop;
            }
            writing.text.push(token);
            if writing.show(on_text)? == Text::Stopped {
                break Finish::Stop;
            }
            chosen.push(token);
            if repeats(&chosen) {
                break Finish::Looped;
            }
        };
        if writing.shown_to < writing.text.len() {
            // What the grammar forced at the very end still has its probabilities to be told.
            writing.read(0, None)?;
            writing.show(on_text)?;
        }
        let output = writing.output() as u64;
        let (content, tool_calls) = writing.shown.finish(request, finish, on_text);
        if let Some(first) = first {
            self.pace.reading += first - started;
            self.pace.writing += first.elapsed();
        }
        self.pace.masking += rails.map(|rails| rails.spent()).unwrap_or_default();
        self.pace.written += output;
        let usage = Tokens { output, ..Tokens::default() };
        Ok(Reply { tool_calls, ..Reply::text(content, usage, finish) })
    }
}

impl<D: Decoder> Writing<'_, D> {
    /// Tokens of the reply so far.
    fn output(&self) -> usize {
        self.text.len() - self.start
    }

    /// Has the logits after all of the text, and after each token before one that is not shown yet; a
    /// draft is read along.
    fn read(&mut self, limit: usize, rails: Option<&mut Rails>) -> Result<(), EngineError> {
        let agreed = self.agreed();
        self.judge(agreed);
        let wanted = match self.logprobs {
            Some(_) => self.shown_to,
            None => self.text.len(),
        };
        if agreed == self.text.len() && wanted >= self.known {
            return Ok(());
        }
        let draft = self.draft(limit, rails)?;
        // The last token before wanted logits is read, again if it has to be.
        let from = agreed.min(wanted - 1);
        self.engine.rewind(from);
        let mut tokens = self.text[from..].to_vec();
        tokens.extend(&draft);
        let rows = self.text.len() + draft.len() - wanted + 1;
        self.engine.decoder.feed(&tokens, rows)?;
        self.engine.fed.extend(&tokens);
        self.known = wanted;
        self.read_at = self.text.len();
        self.drafted = draft.len();
        Ok(())
    }

    /// How much of the text the decoder has read as it is.
    fn agreed(&self) -> usize {
        let fed = self.engine.fed.iter().skip(self.read_at);
        let same = fed.zip(&self.text[self.read_at..]).take_while(|(had, new)| had == new);
        self.read_at + same.count()
    }

    /// What is guessed to follow, as far as the form allows it and there is room.
    fn draft(&mut self, limit: usize, rails: Option<&mut Rails>) -> Result<Vec<u32>, EngineError> {
        let room = limit.saturating_sub(self.output()).min(self.engine.context - self.text.len());
        let Some(drafts) = &mut self.drafts else { return Ok(Vec::new()) };
        let mut draft = drafts.after(&self.text);
        draft.truncate(room.saturating_sub(1));
        if let Some(rails) = rails {
            draft.truncate(rails.fits(&draft)?);
        }
        self.engine.pace.drafted += draft.len() as u64;
        Ok(draft)
    }

    /// Learns what became of the last draft, once the text has gone beyond it or another way.
    fn judge(&mut self, agreed: usize) {
        let goes_on = agreed == self.text.len() && agreed < self.engine.fed.len();
        if self.drafted == 0 || goes_on {
            return;
        }
        let right = agreed - self.read_at;
        self.engine.pace.guessed += right as u64;
        if let Some(drafts) = &mut self.drafts {
            drafts.came(self.drafted, right, self.text.len());
        }
        self.drafted = 0;
    }

    /// Whether the decoder has the logits after so many tokens of the text.
    fn has(&self, length: usize) -> bool {
        self.known <= length && length <= self.agreed()
    }

    /// The token after the text.
    fn choose(
        &mut self,
        rails: Option<&mut Rails>,
        sampler: &mut Sampler,
    ) -> Result<u32, EngineError> {
        let logits = row(&self.engine.decoder, self.text.len() - self.known);
        next(logits, &self.engine.tokenizer, rails, sampler)
    }

    /// Shows what is settled, as far as its probabilities are there where they are told.
    fn show(&mut self, on_text: OnText<'_>) -> Result<Text, EngineError> {
        while self.shown_to < self.text.len() {
            let token = self.text[self.shown_to];
            let logprob = match self.logprobs {
                None => None,
                Some(_) if !self.has(self.shown_to) => break,
                Some(top) => {
                    let logits = row(&self.engine.decoder, self.shown_to - self.known);
                    Some(told(logits, token, top, &self.engine.tokenizer)?)
                }
            };
            self.shown_to += 1;
            let bytes = self.engine.tokenizer.bytes(token);
            if self.shown.push(bytes, logprob, on_text) == Text::Stopped {
                return Ok(Text::Stopped);
            }
        }
        Ok(Text::Goes)
    }
}

/// The logits of one of the positions that were read last.
fn row<D: Decoder>(decoder: &D, place: usize) -> &[f32] {
    let (logits, width) = (decoder.logits(), decoder.width());
    &logits[place * width..(place + 1) * width]
}
