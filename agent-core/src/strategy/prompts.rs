//! What the plain strategies say to a model: the texts of `prompts.toml`, filled in. [`PromptText`] is one
//! such text, of any strategy.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, context};
use serde::Deserialize;

use super::{PYTHON, paragraphs, signature};
use crate::agent::Agent;
use crate::message::Message;
use crate::output;
use crate::tool::ToolSpec;

static PROMPTS: LazyLock<Prompts> =
    LazyLock::new(|| toml::from_str(include_str!("prompts.toml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompts {
    last: String,
    unseen: String,
    answer: Answer,
    tools: Tools,
    code: Code,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: String,
    json: PromptText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tools {
    rules: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    rules: PromptText,
    observed: PromptText,
}

/// A worked example of a question that is asked in a conversation of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    asked: String,
    said: String,
}

impl Answered {
    /// The turns of these examples.
    pub fn turns(examples: &[Answered]) -> impl Iterator<Item = Message> {
        let turns = |it: &Answered| [Message::user(&it.asked), Message::assistant(&it.said)];
        examples.iter().flat_map(turns)
    }
}

/// Said with the last question that the budget has room for.
pub fn last_question() -> &'static str {
    &PROMPTS.last
}

/// Said once to a model that fills in its answer before it has looked at anything.
pub(crate) fn unseen() -> &'static str {
    &PROMPTS.unseen
}

/// What an agent that acts by tool calls is told first.
pub(super) fn of_tools(agent: &Agent) -> String {
    paragraphs(&[&agent.instructions, &PROMPTS.tools.rules, &answer_rule(agent)])
}

/// What an agent that acts by code is told first.
pub(super) fn of_code<'a>(agent: &Agent, tools: impl Iterator<Item = &'a ToolSpec>) -> String {
    let tools = tools.filter(|tool| ![PYTHON, output::READ].contains(&&*tool.name));
    let functions: Vec<String> = tools.map(signature).collect();
    let rules = PROMPTS.code.rules.with(context! { functions });
    paragraphs(&[&agent.instructions, &rules, &answer_rule(agent)])
}

/// What code printed.
pub(super) fn printed(text: &str) -> String {
    PROMPTS.code.observed.with(context! { text })
}

/// How the model is told what a final answer looks like.
fn answer_rule(agent: &Agent) -> String {
    match &agent.output {
        None => PROMPTS.answer.text.clone(),
        Some(schema) => PROMPTS.answer.json.with(context! { schema => schema.to_string() }),
    }
}

/// A text that a strategy says to a model, with places for values: a template, read once.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct PromptText(Environment<'static>);

/// What its one template is called.
const NAME: &str = "text";

impl PromptText {
    /// The text with these values in it. They are data: none is read as a template or changed.
    ///
    /// Nothing is said where a value is missing: the tests of each strategy say all of its texts.
    pub fn with(&self, values: Value) -> String {
        self.said(values).unwrap_or_default()
    }

    fn said(&self, values: Value) -> Result<String, Error> {
        self.0.get_template(NAME)?.render(values)
    }
}

impl Default for PromptText {
    /// Nothing.
    fn default() -> Self {
        PromptText(Environment::empty())
    }
}

impl TryFrom<String> for PromptText {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.add_template_owned(NAME, text)?;
        Ok(PromptText(environment))
    }
}
