//! A request's [`Form`] as a grammar, and the matcher that holds the decoder to it (llguidance:
//! an Earley parser over a derivative-based lexer, walked along a trie of the vocabulary).
//!
//! A marker of a call is one token where the vocabulary has it, so plain text can never turn into
//! a call half-way. JSON is one line with Python's separators: what the models were trained on,
//! and no room for endless white space.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use agent_core::model::Form;
use agent_core::tool::ToolSpec;
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{
    ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenizerEnv,
};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use super::EngineError;
use super::asking::Calls;
use super::calls::{self, CallFormat};
use super::json;
use super::loose::loosened;
use super::schema::{self, Open};
use super::tokenizer::{Kind, Tokenizer};

/// The most calls in one reply.
const CALLS: usize = 8;

/// Whether the decoder can hold this schema; the error names what it cannot, for the author of
/// the schema.
pub fn holds(schema: &Value) -> Result<(), String> {
    static BYTES: LazyLock<Option<Grammars>> = LazyLock::new(|| {
        let env: TokEnv = Arc::new(ApproximateTokEnv::single_byte());
        Grammars::over(env).ok()
    });
    let grammars = BYTES.as_ref().ok_or("the grammar builder did not start")?;
    let schema = grammars.json(schema)?;
    // One that refers to itself and to nothing else compiles, and there is no text that it allows.
    let mut matcher = grammars.matcher(format!("start: %json {schema}"))?;
    match matcher.compute_mask() {
        Ok(mask) if !mask.is_zero() => Ok(()),
        _ => Err("no value satisfies it".to_string()),
    }
}

/// Makes grammars for one vocabulary.
pub(super) struct Grammars {
    factory: ParserFactory,
}

impl Grammars {
    /// Builds the trie; takes a moment for a large vocabulary.
    pub(super) fn new(tokenizer: Arc<Tokenizer>) -> Result<Grammars, EngineError> {
        Grammars::over(Arc::new(Vocabulary::new(tokenizer))).map_err(|reason| {
            EngineError::Tokenizer(format!("no trie can be made of it: {reason}"))
        })
    }

    fn over(env: TokEnv) -> Result<Grammars, String> {
        let able = InferenceCapabilities { ff_tokens: true, ..InferenceCapabilities::default() };
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory = ParserFactory::new(&env, able, &slices).map_err(|error| first(&error))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Grammars { factory })
    }

    /// The rails for this form; none where any text will do. A choice has no grammar: its odds
    /// are computed.
    pub(super) fn rails(
        &self,
        form: &Form,
        format: CallFormat,
        most: Calls,
        tokenizer: &Tokenizer,
    ) -> Result<Option<Rails>, EngineError> {
        self.rails_of(form, format, most, tokenizer).map_err(EngineError::Form)
    }

    fn rails_of(
        &self,
        form: &Form,
        format: CallFormat,
        most: Calls,
        tokenizer: &Tokenizer,
    ) -> Result<Option<Rails>, String> {
        let started = Instant::now();
        let grammar = match form {
            Form::Text { .. } | Form::Choice(_) => return Ok(None),
            Form::Act(specs) | Form::Calls(specs) if specs.is_empty() => return Ok(None),
            Form::CallsOrJson(specs, schema) if specs.is_empty() => return self.alone(schema),
            Form::Json(schema) => return self.alone(schema),
            Form::Act(specs) => {
                format!("start: calls\n{}", self.calls(specs, format, most, tokenizer)?)
            }
            Form::Calls(specs) => format!(
                "start: calls | ANSWER\n{}{}",
                self.calls(specs, format, most, tokenizer)?,
                answer(format)
            ),
            Form::CallsOrJson(specs, schema) => {
                let schema = self.loosely(schema)?;
                let calls = self.calls(specs, format, most, tokenizer)?;
                format!("start: calls | answer\n{calls}answer: %json {schema}")
            }
        };
        self.matcher(grammar).map(|matcher| Some(Rails { matcher, spent: started.elapsed() }))
    }

    fn alone(&self, schema: &Value) -> Result<Option<Rails>, String> {
        let started = Instant::now();
        let schema = self.loosely(schema)?;
        let matcher = self.matcher(format!("start: %json {schema}"))?;
        Ok(Some(Rails { matcher, spent: started.elapsed() }))
    }

    /// The same of a schema that may be untrusted, loosened where the grammar cannot hold it.
    fn loosely(&self, schema: &Value) -> Result<Value, String> {
        self.json(schema).or_else(|reason| {
            loosened(schema).find_map(|loose| self.json(&loose).ok()).ok_or(reason)
        })
    }

    /// The schema as the grammar takes it, once it is known to compile.
    fn json(&self, schema: &Value) -> Result<Value, String> {
        let closed = self.compiled(schema, Open::Close);
        // Closing may leave nothing that is valid where schemas are joined by reference.
        closed.or_else(|reason| self.compiled(schema, Open::Keep).map_err(|_| reason))
    }

    fn compiled(&self, schema: &Value, open: Open) -> Result<Value, String> {
        let mut schema = schema::prepared(schema, open)?;
        if let Value::Object(map) = &mut schema {
            let style = json!({
                "item_separator": json::ITEMS,
                "key_separator": json::KEY,
                "whitespace_flexible": false,
            });
            map.insert("x-guidance".to_string(), style);
        }
        self.matcher(format!("start: %json {schema}"))?;
        Ok(schema)
    }

    fn calls(
        &self,
        specs: &[Arc<ToolSpec>],
        format: CallFormat,
        most: Calls,
        tokenizer: &Tokenizer,
    ) -> Result<String, String> {
        let mut rules = String::new();
        match format {
            CallFormat::Tagged => {
                let open = marker(tokenizer, calls::OPEN);
                let close = marker(tokenizer, calls::CLOSE);
                rules += &match most {
                    Calls::Several => format!("calls: call (\"\\n\" call){{0,{}}}\n", CALLS - 1),
                    Calls::One => "calls: call\n".to_string(),
                };
                rules += &format!("call: {open} \"\\n\" body \"\\n\" {close}\n");
            }
            CallFormat::Bare => rules += "calls: body\n",
        }
        let names: Vec<String> = (0..specs.len()).map(|place| format!("body{place}")).collect();
        rules += &format!("body: {}\n", names.join(" | "));
        for (name, spec) in names.iter().zip(specs) {
            let schema = self
                .loosely(&spec.input)
                .map_err(|reason| format!("in the arguments of `{}`, {reason}", spec.name))?;
            let tool = Value::from(spec.name.as_str()).to_string();
            let head = format!(
                "{}{}{}",
                format.before_name(),
                tool.trim_matches('"'),
                format.before_arguments()
            );
            rules += &format!("{name}: {} %json {schema} \"}}\"\n", Value::from(head));
        }
        Ok(rules)
    }

    fn matcher(&self, grammar: String) -> Result<Matcher, String> {
        let parser = self
            .factory
            .create_parser(TopLevelGrammar::from_lark(grammar))
            .map_err(|error| first(&error))?;
        Ok(Matcher::new(Ok(parser)))
    }
}

/// A marker in a grammar: its token, or its letters where it has none.
fn marker(tokenizer: &Tokenizer, text: &str) -> String {
    match tokenizer.marker(text) {
        Some(id) => format!("<[{id}]>"),
        None => Value::from(text).to_string(),
    }
}

/// Text that cannot be mistaken for the beginning of a call.
fn answer(format: CallFormat) -> String {
    let marker = format.marker().replace('/', "\\/").replace('{', "\\{");
    format!("ANSWER: /\\S(?s:.*)/ & ~/{marker}(?s:.*)/\n")
}

/// The first line of an error: the rest is the builder's own state.
fn first(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("Error: ").unwrap_or(&text);
    text.lines().next().unwrap_or_default().to_string()
}

fn broke(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::Grammar(first(error))
}

/// Holds one reply to its grammar, and counts the time that takes.
pub(super) struct Rails {
    matcher: Matcher,
    spent: Duration,
}

impl Rails {
    /// Whether this token may come next.
    pub(super) fn allows(&mut self, token: u32) -> Result<bool, EngineError> {
        self.timed(|matcher| match matcher.validate_tokens(&[token]) {
            Ok(length) => Ok(length == 1),
            Err(error) => Err(broke(&error)),
        })
    }

    /// How many of these tokens may come next, one after the other.
    pub(super) fn fits(&mut self, tokens: &[u32]) -> Result<usize, EngineError> {
        self.timed(|matcher| matcher.validate_tokens(tokens).map_err(|error| broke(&error)))
    }

    /// Every token that may come next.
    pub(super) fn mask(&mut self) -> Result<SimpleVob, EngineError> {
        self.timed(|matcher| matcher.compute_mask_or_eos().map_err(|error| broke(&error)))
    }

    /// Goes on with this token.
    pub(super) fn take(&mut self, token: u32) -> Result<(), EngineError> {
        self.timed(|matcher| matcher.consume_token(token).map_err(|error| broke(&error)))
    }

    /// Goes on with the tokens that must come now, and names them.
    pub(super) fn forced(&mut self) -> Vec<u32> {
        self.timed(
            |matcher| if matcher.is_stopped() { vec![] } else { matcher.consume_ff_tokens() },
        )
    }

    /// Whether nothing can follow.
    pub(super) fn done(&self) -> bool {
        self.matcher.is_stopped()
    }

    /// The time spent on the grammar so far.
    pub(super) fn spent(&self) -> Duration {
        self.spent
    }

    fn timed<T>(&mut self, work: impl FnOnce(&mut Matcher) -> T) -> T {
        let started = Instant::now();
        let result = work(&mut self.matcher);
        self.spent += started.elapsed();
        result
    }
}

/// The model's vocabulary as llguidance sees it.
struct Vocabulary {
    tokenizer: Arc<Tokenizer>,
    trie: TokTrie,
}

impl Vocabulary {
    fn new(tokenizer: Arc<Tokenizer>) -> Vocabulary {
        let width = tokenizer.width();
        let words: Vec<Vec<u8>> = (0..width as u32)
            .map(|token| match tokenizer.kind(token) {
                // Behind this byte no grammar of text can reach.
                Kind::Control | Kind::Added => {
                    [&[TokTrie::SPECIAL_TOKEN_MARKER], tokenizer.bytes(token)].concat()
                }
                _ => tokenizer.bytes(token).to_vec(),
            })
            .collect();
        let ends = tokenizer.end_tokens();
        let info = TokRxInfo::new(width as u32, ends.first().copied().unwrap_or_default());
        let trie = TokTrie::from(&info, &words).with_eos_tokens(ends);
        Vocabulary { tokenizer, trie }
    }
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| self.tokenizer.encode(text))
    }
}
