//! Templates over the parameters: minijinja with nothing in it but the parameters' values. A
//! variable that is not declared is found when the file is read, rendering is bounded, and a
//! value is data: it is never read as a template itself.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::ops::Range;

use minijinja::machinery::{CompiledTemplate, Instruction, get_compiled_template};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

/// How much work a rendering may take, in minijinja's units: about one for each instruction, and
/// for each byte or item it touches.
const FUEL: u64 = 5_000_000;

/// The longest text that a template may become, in bytes.
const LONGEST: usize = 8 << 20;

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
            ErrorKind::WriteFailure => (
                format!("the rendered text is longer than {} MiB", LONGEST >> 20),
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

/// A template whose syntax is right.
pub struct Template<'a> {
    source: &'a str,
    variables: BTreeSet<String>,
    faults: Vec<TemplateError>,
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
        let faults = faults(&environment, get_compiled_template(&template));
        Ok(Self { source, variables: variables.into_iter().collect(), faults })
    }

    /// Words it uses that mean nothing: filters, tests, other templates.
    pub fn faults(&self) -> &[TemplateError] {
        &self.faults
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
        let failed = |error: Error| TemplateError::from_engine(&error, self.source);
        let environment = environment();
        let template = environment.template_from_str(self.source).map_err(failed)?;
        let mut text = Bounded(Vec::new());
        let values = minijinja::Value::from_pairs(values);
        template.render_captured_to(values, &mut text).map_err(failed)?;
        // The engine writes whole strings, so this is UTF-8.
        Ok(String::from_utf8_lossy(&text.0).into_owned())
    }
}

/// What was rendered, up to [`LONGEST`].
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

/// The engine finds a wrong filter or test only when it gets there. A file is checked whole, so
/// they are looked for in every branch.
fn faults(environment: &Environment<'_>, template: &CompiledTemplate<'_>) -> Vec<TemplateError> {
    let parts = std::iter::once(&template.instructions).chain(template.blocks.values());
    let mut faults = Vec::new();
    for part in parts {
        let instructions = (0..).map_while(|at| Some((at, part.get(at)?)));
        for (at, instruction) in instructions {
            let (message, hint) = match instruction {
                Instruction::ApplyFilter(word, ..)
                    if unknown(environment, format!("{{{{ 1|{word} }}}}")) =>
                {
                    (
                        format!("unknown filter `{word}`"),
                        "the filters are Jinja's, such as `join`, `upper` and `default`",
                    )
                }
                Instruction::PerformTest(word, ..)
                    if unknown(environment, format!("{{{{ 1 is {word} }}}}")) =>
                {
                    (
                        format!("unknown test `{word}`"),
                        "the tests are Jinja's, such as `none`, `string` and `in`",
                    )
                }
                Instruction::Include(..) | Instruction::LoadBlocks => (
                    "a template cannot load another one".to_string(),
                    "write its text here, or pass it with `-p name=@file`",
                ),
                _ => continue,
            };
            let span = part.get_span(at);
            let range = span.map(|span| span.start_offset as usize..span.end_offset as usize);
            faults.push(TemplateError { message, range, hint: Some(hint.to_string()) });
        }
    }
    faults
}

/// Whether rendering this fails for a word that the engine does not know.
fn unknown(environment: &Environment<'_>, probe: String) -> bool {
    environment.render_str(&probe, ()).err().is_some_and(|error| {
        matches!(error.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Map<String, Value> {
        let values = json!({
            "q": "{{ secret }} <b>", "n": 3, "list": ["a", "b"], "none": null, "yes": true
        });
        values.as_object().cloned().unwrap_or_default()
    }

    fn check(source: &str, expected: Result<&str, &str>) {
        let rendered = Template::parse(source).and_then(|template| template.render(&values()));
        let rendered = rendered.map_err(|error| error.message);
        assert_eq!(rendered.as_deref().map_err(String::as_str), expected, "{source}");
    }

    #[test]
    fn values_are_data() {
        check("{{ q }}", Ok("{{ secret }} <b>"));
        check("{{ n + 1 }} {{ list | join(', ') }}", Ok("4 a, b"));
        check("[{{ none }}]{% if none %}x{% endif %}{% if yes %}y{% endif %}", Ok("[]y"));
        check("{% for x in list %}{{ loop.index }}{{ x }}{% endfor %}", Ok("1a2b"));
        check("no variables at all", Ok("no variables at all"));
    }

    #[test]
    fn a_template_cannot_spin() {
        let long = Err("the template takes too long to render");
        check(
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            long,
        );
        check(
            "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
            Err("the template cannot be rendered: recursion limit exceeded"),
        );
        check("{{ 'x' * 99999999 }}", Err("the rendered text is longer than 8 MiB"));
    }

    #[test]
    fn variables_are_found_in_every_branch() {
        let template = Template::parse(
            "b {{ a }}{% if false %}{{ b | upper }}{% endif %}{% for x in c %}{{ x }}{{ range(d) }}{% endfor %}",
        );
        let names: Vec<String> =
            template.iter().flat_map(|t| t.variables().map(String::from)).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        let place = template.ok().and_then(|template| template.place("b"));
        assert_eq!(place, Some(26..27));
    }

    #[test]
    fn words_are_checked_in_every_branch() {
        let source =
            "{% if false %}{{ 1 | uper }}{% if 1 is od %}{% endif %}{% include 'x' %}{% endif %}";
        let template = Template::parse(source);
        let faults: Vec<String> = template
            .iter()
            .flat_map(|template| template.faults())
            .map(|fault| fault.message.clone())
            .collect();
        assert_eq!(
            faults,
            ["unknown filter `uper`", "unknown test `od`", "a template cannot load another one"]
        );
    }
}
