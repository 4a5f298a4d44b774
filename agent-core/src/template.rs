//! Templates over the parameters: minijinja with nothing in it but the parameters' values. A
//! variable that is not declared is found when the file is read, rendering is bounded, and a
//! value is data: it is never read as a template itself.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use minijinja::machinery::{CompiledTemplate, Instruction, Instructions, get_compiled_template};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

/// How much work a rendering may take, in minijinja's units: about one for each instruction, and
/// for each byte or item it touches.
const FUEL: u64 = 5_000_000;

/// What is wrong with a template, or went wrong while it was rendered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What; lower case, no period.
    pub message: String,
    /// The bytes of the template that it is about.
    pub range: Option<Range<usize>>,
    /// What to do.
    pub hint: Option<String>,
}

impl TemplateError {
    fn from_engine(error: &Error, source: &str) -> Self {
        let detail = error.detail().unwrap_or_default();
        let (message, hint) = match error.kind() {
            ErrorKind::SyntaxError | ErrorKind::BadEscape => {
                let hint =
                    "a variable is written `{{ name }}`, a condition `{% if name %} … {% endif %}`";
                (format!("template syntax: {}", lowered(detail, error)), Some(hint))
            }
            ErrorKind::OutOfFuel => (
                "the template takes too long to render".to_string(),
                Some("make its loops or its values smaller"),
            ),
            ErrorKind::UndefinedError => (
                "the template uses a value that is not there".to_string(),
                Some("a parameter has no parts but the entries of a list"),
            ),
            _ => (format!("the template cannot be rendered: {}", lowered(detail, error)), None),
        };
        let range = error.range().filter(|range| source.get(range.clone()).is_some());
        Self { message, range, hint: hint.map(str::to_string) }
    }
}

fn lowered(detail: &str, error: &Error) -> String {
    let text = if detail.is_empty() { error.kind().to_string() } else { detail.to_string() };
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text,
    }
}

/// A template whose syntax is right and whose filters, tests and functions are known.
pub struct Template<'a> {
    source: &'a str,
    variables: BTreeSet<String>,
}

impl fmt::Debug for Template<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

impl<'a> Template<'a> {
    /// Reads a template.
    pub fn parse(source: &'a str) -> Result<Self, TemplateError> {
        let environment = environment();
        let template = environment
            .template_from_str(source)
            .map_err(|error| TemplateError::from_engine(&error, source))?;
        let globals: BTreeSet<&str> = environment.globals().map(|(name, _)| name).collect();
        let mut variables = template.undeclared_variables(false);
        variables.retain(|name| !globals.contains(name.as_str()));
        words_known(&environment, get_compiled_template(&template))?;
        Ok(Self { source, variables: variables.into_iter().collect() })
    }

    /// The variables that must be declared, in alphabetical order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// Where a variable is first written.
    pub fn place(&self, variable: &str) -> Option<Range<usize>> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let inside = self.source.find("{{").into_iter().chain(self.source.find("{%")).min()?;
        let mut found = self.source[inside..].match_indices(variable).map(|(at, _)| inside + at);
        let at = found.find(|at| {
            let (before, after) = (&self.source[..*at], &self.source[at + variable.len()..]);
            let open = before.rfind("{{").max(before.rfind("{%"));
            let closed = before.rfind("}}").max(before.rfind("%}"));
            open > closed && !before.ends_with(word) && !after.starts_with(word)
        })?;
        Some(at..at + variable.len())
    }

    /// The text that these values give.
    pub fn render(&self, values: &Map<String, Value>) -> Result<String, TemplateError> {
        let values = values.iter().map(|(name, value)| (name.as_str(), data(value)));
        environment()
            .render_str(self.source, minijinja::Value::from_pairs(values))
            .map_err(|error| TemplateError::from_engine(&error, self.source))
    }
}

fn data(value: &Value) -> minijinja::Value {
    match value {
        Value::Null => ().into(),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(data).collect(),
        Value::Object(object) => minijinja::Value::from_pairs(
            object.iter().map(|(key, value)| (key.as_str(), data(value))),
        ),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    // A parameter that may be left out and was: nothing, rather than `none`.
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            return Ok(());
        }
        minijinja::escape_formatter(out, state, value)
    });
    environment
}

/// The engine finds a wrong filter, test or function only when it gets there. A file is checked
/// whole, so they are looked for in every branch.
fn words_known(
    environment: &Environment<'_>,
    template: &CompiledTemplate<'_>,
) -> Result<(), TemplateError> {
    let parts = std::iter::once(&template.instructions).chain(template.blocks.values());
    for part in parts {
        for at in 0.. {
            let Some(instruction) = part.get(at) else { break };
            let (kind, word, probe) = match instruction {
                Instruction::ApplyFilter(word, ..) => {
                    ("filter", word, format!("{{{{ 1|{word} }}}}"))
                }
                Instruction::PerformTest(word, ..) => {
                    ("test", word, format!("{{{{ 1 is {word} }}}}"))
                }
                Instruction::Include(..) | Instruction::LoadBlocks => {
                    return Err(unavailable(part, at));
                }
                _ => continue,
            };
            let unknown = environment.render_str(&probe, ()).err().is_some_and(|error| {
                matches!(error.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest)
            });
            if unknown {
                return Err(TemplateError {
                    message: format!("unknown {kind} `{word}` in the template"),
                    range: range(part, at),
                    hint: Some("the filters and tests are minijinja's own, such as `join`, `upper` and `defined`".to_string()),
                });
            }
        }
    }
    Ok(())
}

fn unavailable(part: &Instructions<'_>, at: u32) -> TemplateError {
    TemplateError {
        message: "the template loads another one, and there is none".to_string(),
        range: range(part, at),
        hint: Some("write its text here, or pass it with `-p name=@file`".to_string()),
    }
}

fn range(part: &Instructions<'_>, at: u32) -> Option<Range<usize>> {
    part.get_span(at).map(|span| span.start_offset as usize..span.end_offset as usize)
}
