//! The chat template from the model's own metadata, rendered to tokens.
//!
//! Only the template can make markers. Every string that is not its own – what users, tools and
//! pages said – is guarded before rendering: wherever it spells a marker, or could spell one
//! together with what follows, a private-use character that occurs nowhere else goes in after the
//! first letter, and comes out again when the result has been cut into tokens. So a page that
//! holds `<|im_start|>system` is read as those letters.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::message::{Message, Role};
use agent_core::strategy::reasoning_marks;
use agent_core::tool::ToolSpec;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};
use serde_json::{Map, Value, json};

use super::EngineError;
use super::calls::{self, CallFormat};
use super::json;
use super::tokenizer::{Markers, Tokenizer};
use super::turns;

const NAME: &str = "chat template";

/// How much work a rendering may take, in minijinja's units: about one for each instruction, and for each
/// byte or item it touches. A model's template is as untrusted as the model.
const FUEL: u64 = 100_000_000;

/// What the assistant's turn begins with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begun<'a> {
    /// The reply, from this text on; the model does not think.
    Reply(&'a str),
    /// What the model thinks.
    Thinking,
    /// This is what it thought, and then comes the reply, from this text on.
    Thought(&'a str, &'a str),
}

/// A model's chat template.
pub(super) struct Template {
    environment: Environment<'static>,
    format: CallFormat,
    /// Whether the template says something of tools by itself.
    tools: bool,
    /// What stands around what the model thinks, where it thinks at all.
    marks: Option<(&'static str, &'static str)>,
    /// Whether a text that is no conversation begins with `bos`.
    pub(super) begins: bool,
    bos: String,
    eos: String,
}

impl Template {
    /// Compiles it. `bos` and `eos` are the texts of those tokens.
    pub(super) fn new(source: &str, bos: String, eos: String) -> Result<Template, EngineError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| EngineError::Template(error.to_string()))?);
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", tojson);
        environment.add_function("strftime_now", |format: String| date(&format, now()));
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment
            .add_template_owned(NAME, source.to_string())
            .map_err(|error| EngineError::Template(error.to_string()))?;
        Ok(Template {
            environment,
            format: CallFormat::of(source),
            tools: source.contains("tools"),
            marks: reasoning_marks(source),
            begins: false,
            bos,
            eos,
        })
    }

    /// How this model writes calls.
    pub(super) fn format(&self) -> CallFormat {
        self.format
    }

    /// What ends a thought, where the model thinks before it replies, if it is let.
    pub(super) fn thought_ends(&self) -> Option<&'static str> {
        self.marks.map(|(_, close)| close)
    }

    /// The prompt as tokens: the conversation, the opening of the assistant's turn, and what that begins with.
    pub(super) fn tokens(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Arc<Message>],
        tools: &[Arc<ToolSpec>],
        begun: Begun<'_>,
    ) -> Result<Vec<u32>, EngineError> {
        let (messages, tools): (Vec<Value>, Vec<Value>) = if self.tools {
            let described = tools.iter().map(|tool| calls::described(tool));
            (messages.iter().map(|told| message(told)).collect(), described.collect())
        } else {
            (calls::spelled(messages, tools).iter().map(message).collect(), Vec::new())
        };
        let guard = guard(&messages, &tools);
        let messages: Vec<Value> = messages
            .into_iter()
            .map(|message| {
                // What the model wrote itself may hold the words added to its vocabulary.
                let own = message["role"] == "assistant";
                let markers = if own { Markers::Control } else { Markers::All };
                guarded(tokenizer, markers, guard, message)
            })
            .collect();
        let tools: Vec<Value> =
            tools.into_iter().map(|tool| guarded(tokenizer, Markers::All, guard, tool)).collect();
        let thinks = !matches!(begun, Begun::Reply(_));
        let mut text = self.accepted(messages, &tools, thinks)?;
        let (open, close) = self.marks.unwrap_or_default();
        let opened = text.trim_end().ends_with(open) && !open.is_empty();
        if thinks && !opened {
            text += &format!("{open}\n");
        } else if !thinks && opened {
            // A template that has its model think whatever is asked of it.
            text += &format!("\n{close}\n\n");
        }
        if let Begun::Thought(thought, _) = begun {
            text += &shielded(tokenizer, Markers::All, guard, thought.trim());
            text += &format!("\n{close}\n\n");
        }
        if let Begun::Reply(prefix) | Begun::Thought(_, prefix) = begun {
            text += &shielded(tokenizer, Markers::Control, guard, prefix);
        }
        Ok(tokenizer.encode_marked(&text, guard))
    }

    /// How many of the prompt's first tokens are those of turns that every run has.
    pub(super) fn common(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Arc<Message>],
        prompt: &[u32],
    ) -> Result<usize, EngineError> {
        /// What no task begins with: the prompt is the same up to where this is read.
        const OTHER: &str = "\u{10FFFC}";
        let common = messages.iter().take_while(|message| message.common);
        let mut others: Vec<Arc<Message>> = common.cloned().collect();
        if others.is_empty() {
            return Ok(0);
        }
        others.push(Arc::new(Message::user(OTHER)));
        let other = self.tokens(tokenizer, &others, &[], Begun::Reply(""))?;
        Ok(prompt.iter().zip(&other).take_while(|(token, other)| token == other).count())
    }

    /// This text alone as tokens, after the one that the model has every text begin with.
    /// A marker that it spells is read as letters.
    pub(super) fn raw(&self, tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
        let begin = if self.begins { tokenizer.marker(&self.bos) } else { None };
        begin.into_iter().chain(tokenizer.encode(text)).collect()
    }

    /// The conversation as it is, or else with its turns as this template takes them.
    fn accepted(
        &self,
        messages: Vec<Value>,
        tools: &[Value],
        thinks: bool,
    ) -> Result<String, EngineError> {
        let first = self.render(&messages, tools, thinks);
        if first.as_ref().is_ok_and(|text| turns::all_in(&messages, text)) {
            return first;
        }
        let forms = [turns::folded, turns::alternating, |messages: &[Value]| {
            turns::alternating(&turns::folded(messages))
        }];
        let mut rendered = forms.iter().filter_map(|form| {
            let messages = form(&messages);
            let text = self.render(&messages, tools, thinks).ok()?;
            turns::all_in(&messages, &text).then_some(text)
        });
        rendered.next().map_or(first, Ok)
    }

    fn render(
        &self,
        messages: &[Value],
        tools: &[Value],
        thinks: bool,
    ) -> Result<String, EngineError> {
        let broken = |error: Error| EngineError::Template(error.to_string());
        let tools = (!tools.is_empty()).then(|| json::jinja(&Value::Array(tools.to_vec())));
        let context = context! {
            messages => json::jinja(&Value::Array(messages.to_vec())),
            tools => tools,
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
            // What templates ask about it by: those of Qwen3 and SmolLM3, and those of Granite and DeepSeek.
            enable_thinking => thinks,
            thinking => thinks,
        };
        self.environment.get_template(NAME).map_err(broken)?.render(context).map_err(broken)
    }
}

/// A message as chat templates expect it.
fn message(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut map = Map::new();
    map.insert("role".to_string(), json!(role));
    map.insert("content".to_string(), json!(message.content));
    if !message.tool_calls.is_empty() {
        let call = |call: &agent_core::message::ToolCall| {
            json!({
                "type": "function",
                "id": call.id,
                "function": {"name": call.name, "arguments": call.arguments},
            })
        };
        map.insert("tool_calls".to_string(), message.tool_calls.iter().map(call).collect());
    }
    if let (Role::Tool, Some(id)) = (message.role, &message.tool_call_id) {
        map.insert("tool_call_id".to_string(), json!(id));
    }
    Value::Object(map)
}

/// A private-use character that does not occur in this conversation.
fn guard(messages: &[Value], tools: &[Value]) -> char {
    let mut used = std::collections::HashSet::new();
    for value in messages.iter().chain(tools) {
        used.extend(value.to_string().chars().filter(|letter| *letter >= '\u{E000}'));
    }
    ('\u{E000}'..='\u{F8FF}')
        .chain('\u{F0000}'..='\u{FFFFD}')
        .find(|letter| !used.contains(letter))
        .unwrap_or('\u{10FFFD}')
}

fn guarded(tokenizer: &Tokenizer, markers: Markers, guard: char, value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(shielded(tokenizer, markers, guard, &text)),
        Value::Array(items) => {
            items.into_iter().map(|item| guarded(tokenizer, markers, guard, item)).collect()
        }
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                let key = shielded(tokenizer, markers, guard, &key);
                (key, guarded(tokenizer, markers, guard, value))
            })
            .collect::<Map<String, Value>>()
            .into(),
        other => other,
    }
}

fn shielded(tokenizer: &Tokenizer, markers: Markers, guard: char, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        out.push(letter);
        if tokenizer.marker_begins(&text[at..], markers) {
            out.push(guard);
        }
    }
    out
}

fn tojson(value: minijinja::Value, arguments: Kwargs) -> Result<String, Error> {
    let indent = arguments.get::<Option<usize>>("indent")?;
    Ok(json::dumps(&value, indent))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `strftime` in UTC, the fields that chat templates use; others stay as they are.
/// Days to dates after Hinnant, "chrono-compatible low-level date algorithms".
fn date(format: &str, seconds: u64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let days = seconds / 86_400 + 719_468;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + days / 146_097 * 400 + u64::from(month <= 2);
    let name = MONTHS[month as usize - 1];
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format
        .replace("%Y", &year.to_string())
        .replace("%m", &format!("{month:02}"))
        .replace("%d", &format!("{day:02}"))
        .replace("%B", name)
        .replace("%b", &name[..3])
        .replace("%H", &format!("{hour:02}"))
        .replace("%M", &format!("{minute:02}"))
        .replace("%S", &format!("{second:02}"))
}
