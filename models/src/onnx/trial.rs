//! What it takes to hold replies to a schema, told token by token: for measuring, with logits from wherever
//! the caller has them. Every token that is chosen pays for a whole mask here; the engine asks for one only
//! where the likeliest token is not allowed.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_core::message::Message;
use agent_core::model::Form;
use serde_json::Value;

use super::EngineError;
use super::asking::Calls;
use super::bench::busy_here;
use super::grammar::Grammars;
use super::model::speech;
use super::sampler::best;
use super::template::{Begun, Template};
use super::tokenizer::Tokenizer;
use crate::import::ModelInfo;

/// Has the logits after what was settled so far, told the tokens that are new in it.
pub type Logits<'l> = dyn FnMut(&[u32]) -> Result<Vec<f32>, EngineError> + 'l;

/// A model's vocabulary, ready to hold replies to schemas. Its weights are not opened.
pub struct Trial {
    tokenizer: Arc<Tokenizer>,
    template: Template,
    grammars: Grammars,
}

/// One reply that was held to a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Making the grammar.
    pub compile: Duration,
    /// Finding out what may come, for each token that was chosen.
    pub masks: Vec<Duration>,
    /// Tokens that the grammar forced.
    pub forced: usize,
    /// What was written.
    pub text: Vec<u8>,
    /// Whether it came to its end before the limit.
    pub ended: bool,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trial {{ vocabulary of {} }}", self.tokenizer.width())
    }
}

impl Trial {
    /// Opens the vocabulary of an imported model.
    ///
    /// # Errors
    /// There is none, or the model has no chat template.
    pub fn open(folder: &Path) -> Result<Self, EngineError> {
        let (tokenizer, template) = speech(&ModelInfo::open(folder)?)?;
        let grammars = Grammars::new(Arc::clone(&tokenizer))?;
        Ok(Self { tokenizer, template, grammars })
    }

    /// A user's turn as the model reads it.
    ///
    /// # Errors
    /// The template takes no such turn.
    pub fn prompt(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        self.template.tokens(&self.tokenizer, &[Message::user(text).into()], &[], Begun::Reply(""))
    }

    /// Writes a reply of at most `most` tokens under the schema. `logits` is given the tokens that were settled
    /// since it was asked last, none at first, and has the logits after them.
    ///
    /// # Errors
    /// The schema makes no grammar ([`EngineError::Form`]), or `logits` fails.
    pub fn write(
        &self,
        schema: &Value,
        most: usize,
        logits: &mut Logits<'_>,
    ) -> Result<Held, EngineError> {
        let before = busy_here();
        let form = Form::Json(schema.clone());
        let format = self.template.format();
        let rails = self.grammars.rails(&form, format, Calls::One, &self.tokenizer)?;
        let mut held = Held {
            compile: busy_here().saturating_sub(before),
            masks: Vec::new(),
            forced: 0,
            text: Vec::new(),
            ended: false,
        };
        let Some(mut rails) = rails else { return Ok(held) };
        let mut written: Vec<u32> = Vec::new();
        let mut told = 0;
        loop {
            let forced = rails.forced();
            let fits = forced.len().min(most - written.len());
            written.extend(&forced[..fits]);
            held.forced += fits;
            held.ended = fits == forced.len() && rails.done();
            if held.ended || written.len() == most {
                break;
            }
            let logits = logits(&written[told..])?;
            told = written.len();
            let before = busy_here();
            let mask = rails.mask()?;
            held.masks.push(busy_here().saturating_sub(before));
            let token = best(&logits, |token| mask.is_allowed(token as u32))
                .ok_or_else(|| EngineError::Run("its logits name no token".to_string()))?;
            rails.take(token)?;
            if self.tokenizer.ends(token) {
                held.ended = true;
                break;
            }
            written.push(token);
        }
        held.text =
            written.iter().flat_map(|&token| self.tokenizer.bytes(token)).copied().collect();
        Ok(held)
    }
}
