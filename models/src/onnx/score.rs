//! How likely a model finds a given text: the log-probability of each token after those before it, of
//! a file as of one of several answers to a prompt.
//!
//! A long text is read in windows that know nothing of each other, so that it needs no more memory
//! than a short one. Where a window begins with nothing before it, its first token is not scored.

use std::fmt;
use std::path::Path;

use agent_core::message::Message;

use super::model::speech;
use super::odds::logprob;
use super::template::Begun;
use super::{EngineError, Options, Session, Tokenizer};
use crate::import::ModelInfo;

/// Tokens of a window where nothing is said of it.
const WINDOW: usize = 512;
/// Positions whose logits are had at once: each has one for every token of the vocabulary.
const SPAN: usize = 64;
/// The most tokens of a text that are scored.
const MOST: usize = 1 << 20;

/// What a text came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// How many tokens were scored.
    pub tokens: usize,
    /// The sum of their log-probabilities, in nats.
    pub logprob: f64,
    /// e to the mean of their surprise.
    pub perplexity: f64,
}

/// One token of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredToken {
    /// Its bytes: not always whole characters.
    pub bytes: Vec<u8>,
    /// Its log-probability, in nats; none where nothing comes before it.
    pub logprob: Option<f64>,
}

/// What an answer to a prompt came to.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredAnswer {
    /// All of it.
    pub score: Score,
    /// Its tokens.
    pub tokens: Vec<ScoredToken>,
}

/// How a prompt is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// As text that goes on with the answer.
    Plain,
    /// As the user's turn, through the model's chat template.
    Chat,
}

/// Scores `text` with the model in `folder`, in windows of 512 tokens. `progress` hears how many tokens
/// of how many are read.
pub fn score(
    folder: &Path,
    text: &str,
    options: Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Score, EngineError> {
    let mut scorer = Scorer::open(folder, options)?;
    let (mut read, all) = (0, scorer.tokens(text).len() as u64);
    scorer.text(text, WINDOW, &mut |_| {
        read += 1;
        progress(read, all);
    })
}

/// A model that is asked how likely texts are.
pub struct Scorer {
    info: ModelInfo,
    tokenizer: Tokenizer,
    session: Session,
}

impl fmt::Debug for Scorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scorer {{ {:?} }}", self.session)
    }
}

impl Scorer {
    /// Opens the model in `folder`. A base model will do: texts need no chat template.
    ///
    /// # Errors
    /// It does not open.
    pub fn open(folder: &Path, options: Options) -> Result<Self, EngineError> {
        let info = ModelInfo::open(folder)?;
        let tokenizer = Tokenizer::new(&info.tokenizer, info.vocab)?;
        let session = Session::open(folder, options)?;
        Ok(Self { info, tokenizer, session })
    }

    /// The most tokens of one window, or of a prompt with an answer.
    pub fn context(&self) -> usize {
        self.session.context()
    }

    /// Scores a text in windows of so many tokens. `heard` is given each token in order.
    ///
    /// # Errors
    /// There is no token to score, or the model fails.
    pub fn text(
        &mut self,
        text: &str,
        window: usize,
        heard: &mut dyn FnMut(ScoredToken),
    ) -> Result<Score, EngineError> {
        let tokens = self.tokens(text);
        let first = self.first();
        let room = window.min(self.context()).saturating_sub(usize::from(first.is_some()));
        if tokens.len() + usize::from(first.is_some()) < 2 || room == 0 {
            return Err(EngineError::Empty);
        }
        let mut sum = Sum::default();
        for part in tokens.chunks(room) {
            self.session.rewind(0);
            let (begin, rest) = match first {
                Some(first) => (first, part),
                None => {
                    heard(self.scored(part[0], None));
                    (part[0], &part[1..])
                }
            };
            self.follow(begin, rest, &mut |token| {
                sum.add(token.logprob);
                heard(token);
            })?;
        }
        Ok(sum.score())
    }

    /// Scores answers to one prompt, which is read once. An answer's tokens are those that it has by itself.
    ///
    /// # Errors
    /// An answer is empty, prompt and answer do not fit, or the model has no chat template for
    /// [`Asked::Chat`].
    pub fn answers(
        &mut self,
        prompt: &str,
        asked: Asked,
        answers: &[String],
    ) -> Result<Vec<ScoredAnswer>, EngineError> {
        let prompt = match asked {
            Asked::Plain => self.first().into_iter().chain(self.tokenizer.encode(prompt)).collect(),
            Asked::Chat => {
                let (tokenizer, template) = speech(&self.info)?;
                template.tokens(
                    &tokenizer,
                    &[Message::user(prompt).into()],
                    &[],
                    Begun::Reply(""),
                )?
            }
        };
        let Some((last, before)) = prompt.split_last() else { return Err(EngineError::Empty) };
        self.session.rewind(0);
        if !before.is_empty() {
            self.session.feed(before)?;
        }
        let mut scored = Vec::with_capacity(answers.len());
        for answer in answers {
            let answer = self.tokenizer.encode(answer);
            if answer.is_empty() {
                return Err(EngineError::Empty);
            }
            self.session.rewind(before.len());
            let (mut sum, mut tokens) = (Sum::default(), Vec::with_capacity(answer.len()));
            self.follow(*last, &answer, &mut |token| {
                sum.add(token.logprob);
                tokens.push(token);
            })?;
            scored.push(ScoredAnswer { score: sum.score(), tokens });
        }
        Ok(scored)
    }

    fn tokens(&self, text: &str) -> Vec<u32> {
        let mut tokens = self.tokenizer.encode(text);
        tokens.truncate(MOST);
        tokens
    }

    /// What the model wants at the beginning of a text.
    fn first(&self) -> Option<u32> {
        self.info.tokenizer.bos.filter(|_| self.info.tokenizer.add_bos)
    }

    fn scored(&self, token: u32, logprob: Option<f64>) -> ScoredToken {
        ScoredToken { bytes: self.tokenizer.bytes(token).to_vec(), logprob }
    }

    /// Reads `begin` and then `tokens`, each of which is scored.
    fn follow(
        &mut self,
        begin: u32,
        tokens: &[u32],
        heard: &mut dyn FnMut(ScoredToken),
    ) -> Result<(), EngineError> {
        // The logits after each but the last say how likely the next one was.
        let read: Vec<u32> = [begin].iter().chain(tokens).copied().collect();
        let vocab = self.session.vocab();
        for (span, next) in read[..tokens.len()].chunks(SPAN).zip(tokens.chunks(SPAN)) {
            let logits = self.session.feed_rows(span, span.len())?;
            let rows = logits.chunks_exact(vocab).zip(next);
            let scores: Vec<f64> =
                rows.map(|(row, &token)| logprob(row, token)).collect::<Result<_, _>>()?;
            for (&token, score) in next.iter().zip(scores) {
                heard(self.scored(token, Some(score)));
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Sum {
    tokens: usize,
    logprob: f64,
}

impl Sum {
    fn add(&mut self, logprob: Option<f64>) {
        if let Some(logprob) = logprob {
            self.tokens += 1;
            self.logprob += logprob;
        }
    }

    fn score(&self) -> Score {
        let perplexity = (-self.logprob / self.tokens.max(1) as f64).exp();
        Score { tokens: self.tokens, logprob: self.logprob, perplexity }
    }
}
