//! What lead and reader say to a model: the rules and worked examples of `prompts.toml`, filled in.

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use minijinja::{Value, context};
use serde::Deserialize;

use super::language;
use super::passage::Passage;
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::strategy::{Answered, PromptText, paragraphs};

static PROMPTS: LazyLock<Prompts> =
    LazyLock::new(|| toml::from_str(include_str!("prompts.toml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompts {
    /// The rules where passages are read.
    only: String,
    sentences: Question,
    compares: Question,
    things: Question,
    alone: Question,
    asks: Question,
    end: Question,
    described: Question,
    name: Question,
    plan: Question,
    gaps: Question,
    first_query: Question,
    query: Question,
    read: Question,
    check: Question,
    state: Question,
    judge: Question,
    contradict: Question,
    answer: Question,
}

/// Something that is asked in a conversation of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    rules: PromptText,
    ask: PromptText,
    /// Said where what came back will not do.
    #[serde(default)]
    again: PromptText,
    #[serde(default)]
    examples: Vec<Answered>,
}

impl Question {
    /// Asked after its worked examples, under these rules where there are any.
    fn under(&self, rules: &str, values: Value) -> Vec<Message> {
        let rules = Some(rules).filter(|rules| !rules.is_empty());
        let mut chat: Vec<Message> = rules.map(Message::system).into_iter().collect();
        chat.extend(Answered::turns(&self.examples));
        chat.push(Message::user(self.ask.with(values)));
        chat
    }

    /// Asked under its own rules.
    fn ask(&self, values: Value) -> Vec<Message> {
        self.under(&self.rules.with(context! {}), values)
    }

    /// Decided by examples: all but the question is the same in every run.
    fn decide(&self, values: Value) -> Vec<Message> {
        let mut chat = self.ask(values);
        let question = chat.pop();
        chat.into_iter().map(Message::common).chain(question).collect()
    }
}

/// The language to write in, said once more where a model takes up that of its instructions.
fn spoken(question: &str) -> Option<&'static str> {
    language::of(question).map(|language| language.name)
}

fn shown(passage: &Passage) -> Value {
    context! { context => passage.context.as_str(), text => passage.text.as_str() }
}

fn list(texts: &[impl AsRef<str>]) -> Value {
    texts.iter().map(AsRef::as_ref).collect()
}

/// Is one sentence enough to answer?
pub(super) fn sentences(question: &str) -> Vec<Message> {
    PROMPTS.sentences.decide(context! { question })
}

/// Are things compared?
pub(super) fn compares(question: &str) -> Vec<Message> {
    PROMPTS.compares.decide(context! { question })
}

/// What is compared?
pub(super) fn things(question: &str) -> Vec<Message> {
    PROMPTS.things.decide(context! { question })
}

/// How to ask about the first of them? What is said where that was tried and still names others.
pub(super) fn alone(question: &str, things: &[String], still: Option<&str>) -> Vec<Message> {
    let (thing, others) = things.split_first().map_or(("", &[][..]), |(one, rest)| (one, rest));
    let mut chat = PROMPTS.alone.decide(context! { question, thing });
    if let Some(still) = still {
        let again = PROMPTS.alone.again.with(context! { others => list(others), thing });
        chat.extend([Message::assistant(still), Message::user(again)]);
    }
    chat
}

/// What does a comparison ask for?
pub(super) fn asks(question: &str) -> Vec<Message> {
    PROMPTS.asks.decide(context! { question })
}

/// Which end of these numbers decides a comparison?
pub(super) fn end(question: &str, numbers: &str) -> Vec<Message> {
    PROMPTS.end.decide(context! { question, numbers })
}

/// Which part of the question describes something without naming it?
pub(super) fn described(question: &str) -> Vec<Message> {
    PROMPTS.described.decide(context! { question })
}

/// The name alone, in what answers a question.
pub(super) fn name(question: &str, answer: &str) -> Vec<Message> {
    PROMPTS.name.decide(context! { question, answer })
}

/// Take the question apart.
pub(super) fn plan(agent: &Agent, question: &str, most: u32) -> Vec<Message> {
    let rules = PROMPTS.plan.rules.with(context! { most });
    PROMPTS.plan.under(&paragraphs(&[&rules, &agent.instructions]), context! { question })
}

/// What is still missing?
pub(super) fn gaps(
    agent: &Agent,
    question: &str,
    findings: &str,
    missing: &[String],
) -> Vec<Message> {
    let rules = PROMPTS.gaps.rules.with(context! {});
    let rules = paragraphs(&[&rules, &agent.instructions]);
    PROMPTS.gaps.under(&rules, context! { question, findings, missing => list(missing) })
}

/// What to search for.
pub(super) fn first_query(question: &str) -> Vec<Message> {
    PROMPTS.first_query.ask(context! { question })
}

/// Other words to search for.
pub(super) fn query(question: &str, tried: &[&str]) -> Vec<Message> {
    PROMPTS.query.ask(context! { question, tried => list(tried) })
}

/// Read these passages. There is no way out: a small model would take it where the answer stands
/// before it. [`check`] decides afterwards.
pub(super) fn read(agent: &Agent, question: &str, passages: &[&Passage]) -> Vec<Message> {
    let passages: Value = passages.iter().map(|passage| shown(passage)).collect();
    let rules = paragraphs(&[&PROMPTS.only, &agent.instructions]);
    PROMPTS.read.under(&rules, context! { question, passages })
}

/// Does this passage say so?
pub(super) fn check(passage: &Passage, question: &str, proposed: &str) -> Vec<Message> {
    PROMPTS.check.ask(context! { passage => shown(passage), question, proposed })
}

/// Say it in a sentence.
pub(super) fn state(
    agent: &Agent,
    passage: &Passage,
    question: &str,
    answer: &str,
) -> Vec<Message> {
    let (passage, language) = (shown(passage), spoken(question));
    let rules = paragraphs(&[&PROMPTS.only, &agent.instructions]);
    PROMPTS.state.under(&rules, context! { passage, question, answer, language })
}

/// Do the quotes bear this out?
pub(super) fn judge(context: &str, quotes: &str, statement: &str) -> Vec<Message> {
    PROMPTS.judge.ask(context! { context, quotes, statement })
}

/// Do the two contradict each other?
pub(super) fn contradict(question: &str, one: &str, other: &str) -> Vec<Message> {
    PROMPTS.contradict.ask(context! { question, one, other })
}

/// Answer from what was found.
pub(super) fn answer(agent: &Agent, question: &str, findings: &str) -> Vec<Message> {
    let rules = PROMPTS.answer.rules.with(context! {});
    let rules = paragraphs(&[&rules, &agent.instructions]);
    let language = spoken(question);
    PROMPTS.answer.under(&rules, context! { question, findings, language })
}
