//! What is said to the model about a folder: the texts and worked examples of `prompts.toml`, filled in.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use minijinja::context;
use serde::Deserialize;

use super::paragraphs;
use super::passage::Passage;
use crate::prompts::Question;
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::path;
use agent_core::strategy::PromptText;

static PROMPTS: LazyLock<Prompts> =
    LazyLock::new(|| toml::from_str(include_str!("prompts.toml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompts {
    route: Question,
    kind: Question,
    translate: Question,
    read: Read,
    last: Last,
    program: Program,
    stated: Question,
    answers: Question,
    column: Question,
    speaks: Question,
    holds: Question,
    query: Question,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    rules: String,
    ask: PromptText,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    ask: PromptText,
    fill: String,
    say: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    rules: String,
    rules_of_files: PromptText,
    ask: PromptText,
    ask_to_write: PromptText,
    failed: PromptText,
    empty: PromptText,
}

/// Compute or look up?
pub(super) fn route(question: &str) -> Vec<Message> {
    PROMPTS.route.ask(question)
}

/// A number or words?
pub(super) fn kind(question: &str) -> Vec<Message> {
    PROMPTS.kind.ask(question)
}

/// Write a program.
pub(super) fn program(agent: &Agent, survey: &str) -> Vec<Message> {
    let rules = match survey {
        "" => PROMPTS.program.rules.clone(),
        survey => PROMPTS.program.rules_of_files.with(context! { survey }),
    };
    let task = &agent.task;
    let places: Vec<String> =
        agent.grants.write.iter().map(|place| path::display(&agent.root, place)).collect();
    let asked = match places.is_empty() {
        true => PROMPTS.program.ask.with(context! { task }),
        false => PROMPTS.program.ask_to_write.with(context! { task, places => places.join(", ") }),
    };
    vec![Message::system(paragraphs(&[&rules, &agent.instructions])), Message::user(asked)]
}

/// What the program begins with: the question, the examples as the guest told them, and the rows.
/// Where the question names values of the table, the rows that have them come first: a small model
/// filters what it adds up but forgets to filter what it divides by.
pub(super) fn begun(agent: &Agent, table: &str, examples: &str) -> String {
    let (question, table) = (one_line(&agent.task), literal(table));
    let names = examples.contains("\n# Values named in the question: ");
    let filter = match names && agent.grants.write.is_empty() {
        true => "rows = [row for row in rows if ",
        false => "",
    };
    format!("```python\n# {question}\n{examples}\nrows = table({table})\n{filter}")
}

/// The same for a text.
pub(super) fn begun_with_text(agent: &Agent, path: &str) -> String {
    format!("```python\n# {}\ntext = open({}).read()\n", one_line(&agent.task), literal(path))
}

/// The program failed.
pub(super) fn failed(error: &str) -> String {
    PROMPTS.program.failed.with(context! { error => error.trim() })
}

/// The program found nothing.
pub(super) fn empty(output: &str) -> String {
    let output = if output.is_empty() { "nothing" } else { output };
    PROMPTS.program.empty.with(context! { output })
}

/// What is the question in this language?
pub(super) fn translate(language: &str, question: &str) -> Vec<Message> {
    PROMPTS.translate.ask(&format!("Into {language}: {}", one_line(question)))
}

/// Read these passages.
pub(super) fn read(agent: &Agent, passages: &[Passage]) -> Vec<Message> {
    let passages: Vec<String> = passages.iter().map(Passage::shown).collect();
    vec![
        Message::system(paragraphs(&[&PROMPTS.read.rules, &agent.instructions])),
        Message::user(PROMPTS.read.ask.with(context! { passages, question => &agent.task })),
    ]
}

/// Does this passage, or do these together, say so?
pub(super) fn stated(passages: &[&Passage], question: &str, proposed: &str) -> Vec<Message> {
    PROMPTS.stated.ask(&format!(
        "Passage: {}\nQuestion: {question}\nProposed answer: {proposed}",
        together(passages)
    ))
}

/// Do they state the answer at all?
pub(super) fn answers(passages: &[&Passage], question: &str) -> Vec<Message> {
    PROMPTS.answers.ask(&format!("Passage: {}\nQuestion: {question}", together(passages)))
}

fn together(passages: &[&Passage]) -> String {
    passages.iter().map(|passage| passage.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// Which of these columns?
pub(super) fn column(columns: &[String], question: &str) -> Vec<Message> {
    PROMPTS.column.ask(&of_columns(columns, question))
}

/// Which of these columns, if any?
pub(super) fn speaks(columns: &[String], question: &str) -> Vec<Message> {
    PROMPTS.speaks.ask(&of_columns(columns, question))
}

fn of_columns(columns: &[String], question: &str) -> String {
    format!("Columns: {}\nQuestion: {question}", columns.join(", "))
}

/// Which rows of a table, and what to find in them?
pub(super) fn query(table: &str, question: &str) -> Vec<Message> {
    PROMPTS.query.ask(&format!("{table}\nQuestion: {question}"))
}

/// Does a table hold what is asked for?
pub(super) fn holds(table: &str, question: &str) -> Vec<Message> {
    PROMPTS.holds.ask(&format!("{table}\nQuestion: {question}"))
}

/// Give what was found as the answer.
pub(in super::super) fn last(agent: &Agent, conclusion: &str) -> Vec<Message> {
    let Last { ask, fill, say } = &PROMPTS.last;
    let form = if agent.output.is_some() { fill } else { say };
    vec![
        Message::system(paragraphs(&[&PROMPTS.read.rules, &agent.instructions])),
        Message::user(ask.with(context! { question => &agent.task, conclusion, form })),
    ]
}

/// Text as a Python string.
pub(super) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// For a comment.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
