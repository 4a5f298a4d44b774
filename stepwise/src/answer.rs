//! The end of a stepwise run: the answer is asked for in a conversation of its own, each of its values
//! is held against what was observed, and what nothing supports goes back, is looked for once more,
//! is left out, or leaves the run without an answer.

use serde_json::{Value, json};

use super::calibration::thresholds;
use super::choice::CALLS;
use super::grounding::{self, Evidence};
use super::numeral::says_number;
use super::prompts;
use super::relevant::relevant;
use super::{FINISH, Stage, Stepwise, Taken};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::message::Message;
use agent_core::model::{Form, Reply};
use agent_core::strategy::{Decision, Next, Prompt, answer, cited, cut, last_question};

/// So many of all results together are shown for the answer.
const RESULTS: usize = 7_000;
/// So often steps are taken for what an answer did not know.
const REVISIONS: usize = 3;
/// So often an answer is asked for.
const ANSWERS: usize = 3;
/// What there is instead of an answer where no tool fits the task.
pub(super) const NO_TOOL: &str = "none of the tools can find this out or do this";

impl Stepwise {
    /// What an answer can be checked with: what was observed and, beside that, what the task says.
    fn evidence(&self, agent: &Agent) -> Evidence {
        // Where nothing was seen, the task counts only if all it takes may stand in it.
        let alone = self.taken.is_empty() && self.own >= thresholds(agent).own;
        let seen = self.observed().next().is_some();
        let own = [&*agent.task, &*agent.instructions];
        self.evidence_beside(if seen || alone { &own } else { &[] })
    }

    /// What was observed, and done, beside these texts.
    fn evidence_beside(&self, own: &[&str]) -> Evidence {
        // What a change was made with happened; what a lookup asked for may not be so.
        let made: Vec<String> = self
            .succeeded()
            .filter(|step| self.changes(&step.tool))
            .map(|step| step.arguments.to_string())
            .collect();
        let made = made.iter().map(String::as_str);
        Evidence::of(own.iter().copied(), made.chain(self.observed()))
    }

    /// What can be cited: of a look into the folder, what it stands on.
    fn sources(&self, sources: &[String]) -> Vec<String> {
        match (&self.folder, self.taken.as_slice()) {
            (Some(folder), [_]) => folder.sources(),
            _ => sources.to_vec(),
        }
    }

    pub(super) fn ask_for_answer(&self, agent: &Agent, sources: &[String], last: bool) -> Prompt {
        let fields = prompts::fields(agent);
        let mut messages = match (&self.folder, self.taken.as_slice()) {
            _ if self.known => prompts::known(agent, &fields),
            (Some(folder), [_]) => folder.last(agent),
            _ => prompts::answer(agent, &self.for_the_answer(agent), &fields, self.changed()),
        };
        if last && self.stage != Stage::Answer {
            messages.push(Message::user(last_question()));
        }
        messages.extend(self.corrections.iter().cloned());
        let form = match &agent.output {
            None => Form::Text { stop: Vec::new() },
            Some(schema) => {
                let narrowed = cited::narrowed(schema, &self.sources(sources));
                let narrowed = self.with_things(agent, self.with_found(narrowed));
                match self.left.is_empty() {
                    true => Form::Json(narrowed),
                    false => {
                        Form::Json(grounding::offered(&narrowed, &self.left, &self.evidence(agent)))
                    }
                }
            }
        };
        let max_tokens = agent.model.max_tokens;
        Prompt { messages: Some(messages), say: None, prefix: String::new(), form, max_tokens }
    }

    /// The schema with what a look into the folder knows: `found`, where it is yes or no, is whether it found something.
    fn with_found(&self, mut schema: Value) -> Value {
        if let (Some(folder), [_]) = (&self.folder, self.taken.as_slice())
            && schema["properties"]["found"]["type"] == "boolean"
        {
            schema["properties"]["found"] = json!({ "const": folder.found() });
        }
        schema
    }

    /// The steps with as much of their results as there is room for: those that failed are told in
    /// short, where others did not.
    pub(super) fn for_the_answer(&self, agent: &Agent) -> Vec<Taken> {
        let good = self.succeeded().count();
        let each = RESULTS / good.max(1);
        let mut taken = self.taken.clone();
        for step in &mut taken {
            let question = format!("{} {}", agent.task, prompts::written(&step.arguments));
            let most = if step.status == Status::Ok { each.max(600) } else { 300 };
            step.shown = relevant(&step.whole, &question, most);
        }
        if good > 0 {
            taken.retain(|step| step.status == Status::Ok);
        }
        taken
    }

    pub(super) fn answered(
        &mut self,
        agent: &Agent,
        sources: &[String],
        reply: &Reply,
        last: bool,
    ) -> Decision {
        self.stage = Stage::Answer;
        self.answers += 1;
        let said = reply.content.trim();
        let checked = match cut(reply) {
            Some(problem) => Err(problem),
            None => answer(agent, said, &self.sources(sources)),
        };
        let problem = match checked {
            Ok(value) => match self.check(agent, &value) {
                Ok(()) => {
                    let more = if last { None } else { self.revise(agent, &value) };
                    return more.unwrap_or_else(|| self.give(agent, value, last));
                }
                Err(problem) => {
                    let more = if last { None } else { self.do_the_rest(agent, &value) };
                    if let Some(more) = more {
                        return more;
                    }
                    if last || self.answers >= ANSWERS {
                        return self.settle(agent, &value, &problem, last);
                    }
                    problem
                }
            },
            Err(problem) if self.answers >= ANSWERS => {
                return Decision { next: Next::Stop(problem), ..Decision::default() };
            }
            Err(problem) => problem,
        };
        self.corrections = vec![Message::assistant(said), Message::user(problem.clone())];
        Decision { rejected: Some(problem), ..Decision::default() }
    }

    /// Whether no tool was there for it.
    fn impossible(&self) -> bool {
        matches!(self.taken.as_slice(), [only] if only.tool == "tools")
    }

    /// An answer, unless a change that it tells of was not made, or it is text that says nothing.
    fn give(&mut self, agent: &Agent, value: Value, last: bool) -> Decision {
        const NOTHING: &str = "nothing that was observed says what the task asks for";
        let text = agent.output.is_none();
        let said = text && value["answer"].as_str().is_some_and(grounding::says_nothing);
        let failed = || self.failed().filter(|_| text);
        let problem =
            self.undone(agent).or_else(failed).or_else(|| said.then(|| NOTHING.to_string()));
        match problem {
            Some(problem) => Decision { next: Next::Stop(problem), ..Decision::default() },
            None if last => Decision { next: Next::Answer(value), ..Decision::default() },
            None => match self.label(agent, &value) {
                Some(more) => more,
                None => self.unless_undone(agent, value),
            },
        }
    }

    /// What an answer does not know and another look may find out: its steps go on.
    fn revise(&mut self, agent: &Agent, value: &Value) -> Option<Decision> {
        let unknown = grounding::unknown(value);
        let looked = self.impossible() || self.folder.is_some() || self.known;
        if unknown.is_empty() || looked || self.revised >= REVISIONS || self.taken.len() >= CALLS {
            return None;
        }
        self.revised += 1;
        self.missing = Some(unknown.join(", "));
        if self.choices(agent) == [FINISH] {
            self.missing = None;
            return None;
        }
        let plan = Some(format!("look for what is missing: {}", unknown.join(", ")));
        (self.answers, self.corrections, self.left) = (0, Vec::new(), Vec::new());
        Some(Decision { plan, next: self.choose(agent), ..Decision::default() })
    }

    /// What an answer tells of, and the task says, and no step was made with: the change is made with it as well.
    /// That is tried once, and only a call that has it counts.
    fn do_the_rest(&mut self, agent: &Agent, value: &Value) -> Option<Decision> {
        if agent.output.is_some() || self.rest.is_some() || self.taken.len() >= CALLS {
            return None;
        }
        let name = self.succeeded().filter(|step| self.wants_it(&step.tool)).last()?.tool.clone();
        let undone = grounding::made_up(value, &self.evidence_beside(&[]))?;
        if grounding::made_up(value, &self.evidence(agent)).is_some() {
            return None;
        }
        let plan = Some(format!("next: {name}, since nothing was done with {undone}"));
        self.rest = Some(undone);
        (self.answers, self.corrections) = (0, Vec::new());
        self.stage = Stage::Arguments(name);
        Some(Decision { plan, ..Decision::default() })
    }

    /// Whether every value stands on something. The error is a sentence for the model.
    fn check(&mut self, agent: &Agent, value: &Value) -> Result<(), String> {
        self.left.clear();
        if self.known {
            return Ok(());
        }
        // What was done is told in the model's own words, and of what the task asks for only what was done.
        if agent.output.is_none() && self.changed() {
            let done = self.evidence_beside(&[]);
            return match grounding::made_up(value, &done) {
                None => Ok(()),
                Some(made_up) => Err(format!("no result says `{made_up}`: leave it out")),
            };
        }
        let number =
            self.folder.as_ref().is_some_and(|folder| folder.found() && folder.is_number());
        if number && !has_number(value) {
            return Err("the result is a number: give it".to_string());
        }
        // What a look into the folder did not find cannot be told from what lay beside it.
        let found =
            self.folder.as_ref().is_none_or(|folder| folder.found() || self.taken.len() > 1);
        let evidence = if found { self.evidence(agent) } else { Evidence::default() };
        self.left = grounding::unsupported(&checked(agent), value, &evidence);
        let Some((at, value)) = self.left.first() else { return Ok(()) };
        let field = at.rsplit('/').find(|key| key.parse::<usize>().is_err()).unwrap_or("answer");
        Err(format!(
            "no result says {value}, which stands under `{field}`: take the value from the \
             results; where they do not say it, write null or \"not found\""
        ))
    }

    /// The best that can be said: what nothing supports is left out, or there is no answer. Where
    /// something was done, what the tool itself said of it.
    fn settle(&mut self, agent: &Agent, value: &Value, problem: &str, last: bool) -> Decision {
        if self.left.is_empty() {
            let done = self.succeeded().filter(|step| self.wants_it(&step.tool)).last();
            let done =
                done.map(|step| json!({ "answer": format!("{}: {}", step.tool, step.shown) }));
            return match done {
                Some(value) => self.give(agent, value, last),
                None => Decision { next: Next::Stop(problem.to_string()), ..Decision::default() },
            };
        }
        let Some(value) = grounding::without(&checked(agent), value, &self.left) else {
            let why = problem.split(": take").next().unwrap_or_default();
            return Decision { next: Next::Stop(why.to_string()), ..Decision::default() };
        };
        let more = if last { None } else { self.revise(agent, &value) };
        more.unwrap_or_else(|| self.give(agent, value, last))
    }
}

/// Whether a value of an answer has a number, or says that there is none.
fn has_number(answer: &Value) -> bool {
    let values = || answer.as_object().into_iter().flatten().map(|(_, value)| value);
    let number = |value: &Value| match value {
        Value::String(text) => says_number(text) || grounding::nothing(text),
        Value::Array(_) | Value::Bool(_) => false,
        Value::Number(_) | Value::Null | Value::Object(_) => true,
    };
    // Lists are its sources, or what was asked for.
    values().all(|value| value.is_array() || value.is_boolean()) || values().any(number)
}

/// The schema that an answer is checked with; text alone is a field of its own.
fn checked(agent: &Agent) -> Value {
    agent
        .output
        .clone()
        .unwrap_or_else(|| json!({"type": "object", "properties": {"answer": {"type": "string"}}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_from_words() {
        for number in [
            json!({ "answer": "5 of them" }),
            json!({ "found": true, "answer": "five", "sources": ["a.md"] }),
            json!({ "count": 5 }),
            json!({ "answer": "not found" }),
            json!({ "rows": ["a"] }),
        ] {
            assert!(has_number(&number), "{number}");
        }
        assert!(!has_number(&json!({ "found": true, "answer": "No.", "sources": ["a7.md"] })));
    }
}
