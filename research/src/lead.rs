//! The question taken apart, readers sent after its parts, gaps followed up, and the report written
//! from what they found. Pages never reach this conversation: findings do.

mod answer;
mod chain;
mod compare;
mod merge;
mod plan;

use answer::quoted;
use chain::Chain;
use compare::{ASKS, Compared, ENDS};
use plan::listed_as_text;
use serde_json::{Value, json};

use super::{Extent, Notes, READ, chosen, language, line, listed, prompts, support};
use crate::report::{Claim, Report, Section, Trouble, TroubleKind, VERSION};
use agent_core::agent::Agent;
use agent_core::event::{Observation, Status};
use agent_core::message::ToolCall;
use agent_core::model::{Form, Reply};
use agent_core::strategy::{
    Decision, Entry, Models, Needs, Next, Prompt, Proposal, Strategy, View,
};
use agent_core::subagent::SubAgent;

/// Follow-up questions of one round.
const FOLLOWING: u32 = 2;

/// From this probability on a question takes several sentences: of 47 questions, those about a
/// whole subject gave 0.4 to 0.6, the others at most 0.26.
const SEVERAL: f32 = 0.33;
/// From this probability on a question compares things: of 38, all that do but one gave 0.3 to 0.85, the
/// others at most 0.26.
const COMPARES: f32 = 0.29;

const SENTENCES: [&str; 2] = ["several", "one"];
const YES_NO: [&str; 2] = ["yes", "no"];
const JUDGEMENTS: [&str; 3] = ["yes", "partly", "no"];

/// How far a lead is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lead {
    stage: Stage,
    report: Report,
    /// Questions that no reader was sent after yet.
    todo: Vec<String>,
    /// Those under way, by their calls' ids.
    sent: Vec<(String, String)>,
    calls: u64,
    round: u32,
    kind: Kind,
    /// What is compared, and the question about each.
    things: Vec<String>,
    parts: Vec<String>,
    /// A question that was to be about the first alone and is not.
    still: Option<String>,
    compared: Compared,
    /// A person has seen the plan, or need not.
    seen: bool,
    chain: Chain,
    draft: String,
    /// The findings that the draft stands on.
    basis: Vec<Claim>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// One sentence, or several?
    #[default]
    Sentences,
    /// Does it compare?
    Compares,
    /// What does it compare?
    Things,
    /// How to ask about the first of them alone?
    Alone,
    Plan,
    /// The plan waits for a person.
    Proposed,
    /// What does the question describe without naming it?
    Described,
    /// What is the name in what one of them found?
    Name,
    Sent,
    Gaps,
    /// What does the comparison ask for?
    Asks,
    /// Which end of what was found decides it?
    End,
    Answer,
    Judge,
    Done,
}

/// What a question takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// One fact. Where no page states it, something may have to be named first.
    #[default]
    Fact,
    /// The same fact of several things.
    Compare,
    /// Several facts.
    Subject,
}

/// Takes a question apart, sends readers after its parts, and writes a report.
pub static RESEARCH: Entry = Entry {
    name: "research",
    summary: "research",
    models: Models::Any,
    needs: Needs { tools: &[], agent: Some(("read", "question")) },
    table: Some("research"),
    proposes: true,
    outcome: Some(|| json!({ "type": "object" })),
    start: |_| Box::new(Lead::default()),
};

impl Strategy for Lead {
    fn boxed(&self) -> Box<dyn Strategy> {
        Box::new(self.clone())
    }

    fn begin(&mut self, run: &View<'_>) -> Next {
        let agent = run.agent;
        let question = agent.task.trim().to_string();
        let language = language::of(&question).map_or("en", |language| language.code).to_string();
        self.report = Report { version: VERSION, question, language, ..Report::default() };
        let plan = agent.params.get("plan").and_then(Value::as_array);
        let given = plan.into_iter().flatten().filter_map(Value::as_str);
        let given: Vec<String> = given.map(str::to_string).collect();
        self.todo = match Extent::of(agent).questions {
            _ if !given.is_empty() => given,
            0 | 1 => vec![self.report.question.clone()],
            _ => return Next::Again,
        };
        // What is to be looked into is settled: no other way is taken.
        self.kind = Kind::Subject;
        self.send(agent)
    }

    fn prompt(&self, run: &View<'_>) -> Prompt {
        let agent = run.agent;
        let question = &self.report.question;
        let questions = |most: u32| {
            let items = json!({ "type": "string", "minLength": 8, "maxLength": 200 });
            let list = json!({ "type": "array", "items": items, "maxItems": most });
            Form::Json(json!({
                "type": "object",
                "properties": { "questions": list },
                "required": ["questions"],
                "additionalProperties": false,
            }))
        };
        let one_line = || Form::Text { stop: vec!["\n".to_string()] };
        let choice =
            |choices: &[&str]| Form::Choice(choices.iter().map(ToString::to_string).collect());
        let most = Extent::of(agent).questions.saturating_sub(1);
        let (messages, form, max_tokens) = match self.stage {
            Stage::Sentences => (prompts::sentences(question), choice(&SENTENCES), 4),
            Stage::Compares => (prompts::compares(question), choice(&YES_NO), 4),
            Stage::Things => (prompts::things(question), one_line(), 64),
            Stage::Alone => {
                (prompts::alone(question, &self.things, self.still.as_deref()), one_line(), 64)
            }
            Stage::Plan => (prompts::plan(agent, question, most), questions(most), 300),
            Stage::Described => (self.ask_description(), Form::Choice(self.descriptions()), 48),
            Stage::Name => (self.ask_name(), one_line(), 24),
            Stage::Gaps => {
                let missing = self.unanswered();
                let chat = prompts::gaps(agent, question, &self.findings(), &missing);
                (chat, questions(FOLLOWING), 200)
            }
            Stage::Asks => (prompts::asks(question), choice(&ASKS), 4),
            Stage::End => (prompts::end(question, &self.compared_numbers()), choice(&ENDS), 4),
            Stage::Judge => {
                let quotes: Vec<String> = self.basis.iter().map(quoted).collect();
                let chat = prompts::judge("several", &quotes.join("\n"), &self.draft);
                (chat, choice(&JUDGEMENTS), 4)
            }
            Stage::Proposed | Stage::Sent | Stage::Answer | Stage::Done => {
                let chat = prompts::answer(agent, question, &self.findings());
                (chat, Form::Text { stop: vec!["\n\n".to_string()] }, 240)
            }
        };
        let max_tokens = max_tokens.min(agent.model.max_tokens);
        Prompt { messages: Some(messages), say: None, prefix: String::new(), form, max_tokens }
    }

    fn read(&mut self, run: &View<'_>, reply: &Reply) -> Decision {
        let View { agent, last, now, .. } = *run;
        let mut plan = None;
        let next = match self.stage {
            Stage::Sentences => match likely(reply, &SENTENCES, SEVERAL) {
                true => self.subject(),
                false => self.turn(Stage::Compares),
            },
            Stage::Compares => match likely(reply, &YES_NO, COMPARES) {
                true => self.turn(Stage::Things),
                false => self.planned(agent, &mut plan),
            },
            Stage::Things => {
                self.things = separated(&line(reply));
                match self.things.len() {
                    0 | 1 => self.subject(),
                    _ => self.turn(Stage::Alone),
                }
            }
            Stage::Alone => {
                let alone = line(reply);
                let mut parts = parts(&alone, &self.things);
                // A thing that the question does not name is made up; German writes every noun as a name.
                let named = || support::names(&alone, &[&self.report.question]);
                if self.report.language != "de" && !named() {
                    parts.clear();
                }
                match parts.is_empty() {
                    true if self.still.is_none() => {
                        self.still = Some(alone);
                        self.turn(Stage::Alone)
                    }
                    true => self.subject(),
                    false => {
                        self.kind = Kind::Compare;
                        self.parts = parts.clone();
                        self.add(parts, Extent::of(agent).questions.max(2) as usize);
                        self.planned(agent, &mut plan)
                    }
                }
            }
            Stage::Plan => {
                self.todo.push(self.report.question.clone());
                self.add(listed(&reply.content, "questions"), Extent::of(agent).questions as usize);
                self.planned(agent, &mut plan)
            }
            Stage::Described => self.described(agent, reply.content.trim(), now),
            Stage::Name => self.named_link(agent, &line(reply), now),
            Stage::Gaps => {
                self.add(listed(&reply.content, "questions"), FOLLOWING as usize);
                match self.todo.is_empty() {
                    true => self.answer(now),
                    false => self.planned(agent, &mut plan),
                }
            }
            Stage::Asks => self.asks(chosen(reply, &ASKS), now),
            Stage::End => self.at_the_end(chosen(reply, &ENDS), now),
            Stage::Answer => self.drafted(reply, now),
            Stage::Judge => {
                self.judged(chosen(reply, &JUDGEMENTS));
                self.done(now)
            }
            Stage::Proposed | Stage::Sent | Stage::Done => self.done(now),
        };
        let next = if last { self.done(now) } else { next };
        Decision { plan, next, ..Decision::default() }
    }

    fn observe(&mut self, run: &View<'_>, asked: &ToolCall, observation: &Observation) -> Next {
        let View { agent, now, .. } = *run;
        let at = self.sent.iter().position(|(id, _)| *id == asked.id);
        let Some((_, question)) = at.map(|at| self.sent.remove(at)) else { return Next::Again };
        let notes = serde_json::from_value::<Notes>(observation.result.clone());
        match (observation.status, notes) {
            (Status::Ok, Ok(notes)) => self.take(notes),
            (status, _) => {
                let text = match status {
                    Status::Ok => "it came back with something that is no notes".to_string(),
                    _ => observation.text.clone(),
                };
                let kind = TroubleKind::Agent;
                self.report.troubles.push(Trouble { kind, about: question.clone(), text });
                self.report.sections.push(Section { question, ..Section::default() });
            }
        }
        if !self.sent.is_empty() {
            return Next::Again;
        }
        if !self.todo.is_empty() {
            return self.send(agent);
        }
        if let Some(next) = self.another_way(agent, now) {
            return next;
        }
        self.round += 1;
        if self.gaps(Extent::of(agent)) {
            return self.turn(Stage::Gaps);
        }
        self.answer(now)
    }

    fn proposal(&self) -> Option<Proposal> {
        let questions = self.proposed()?;
        let arguments = json!({ "questions": questions });
        Some(Proposal { arguments, reason: "the plan needs a person's yes".to_string() })
    }

    fn revise(&mut self, questions: &[String]) {
        self.replan(questions);
    }

    fn decided(&mut self, run: &View<'_>, granted: bool) -> Next {
        self.decide(run.agent, granted, run.now)
    }

    fn known(&self, run: &View<'_>, stopped: &str) -> Option<Value> {
        Some(self.report(run.now, Some(stopped.to_string())))
    }
}

impl Lead {
    /// The report as far as it is known.
    pub(crate) fn report(&self, now: u64, stopped: Option<String>) -> Value {
        let mut report = self.report.clone();
        for (_, question) in &self.sent {
            report.sections.push(Section { question: question.clone(), ..Section::default() });
        }
        for question in &self.todo {
            report.sections.push(Section { question: question.clone(), ..Section::default() });
        }
        (report.made, report.stopped) = (now, stopped);
        json!(report)
    }

    /// What else leads to an answer, where not everything was found: something may have to be named
    /// first, or a page may answer a comparison as a whole.
    fn another_way(&mut self, agent: &Agent, now: u64) -> Option<Next> {
        let missing = !self.unanswered().is_empty();
        match self.kind {
            Kind::Fact => self.follow_chain(agent, now),
            Kind::Compare if missing && !self.asked(&self.report.question) => {
                self.todo.push(self.report.question.clone());
                Some(self.send(agent))
            }
            _ => None,
        }
    }

    fn asked(&self, question: &str) -> bool {
        self.report.sections.iter().any(|section| same(&section.question, question))
    }

    fn subject(&mut self) -> Next {
        self.kind = Kind::Subject;
        self.turn(Stage::Plan)
    }

    fn turn(&mut self, stage: Stage) -> Next {
        self.stage = stage;
        Next::Again
    }

    /// The plan is what is to be done next; without any, the question as it was asked.
    fn planned(&mut self, agent: &Agent, plan: &mut Option<String>) -> Next {
        if self.todo.is_empty() {
            self.todo.push(self.report.question.clone());
        }
        *plan = Some(listed_as_text(&self.todo));
        self.propose(agent)
    }

    fn done(&mut self, now: u64) -> Next {
        self.stage = Stage::Done;
        Next::Answer(self.report(now, None))
    }

    /// Questions that were not asked in other words already.
    fn add(&mut self, questions: Vec<String>, most: usize) {
        for question in questions {
            let planned = self.todo.iter().any(|old| same(old, &question));
            if !planned && !self.asked(&question) && self.todo.len() < most {
                self.todo.push(question);
            }
        }
    }

    /// Sends readers after the questions: one after the other where they share this machine's
    /// processor, side by side where a remote one computes.
    fn send(&mut self, agent: &Agent) -> Next {
        let Some(reader) = reader(agent) else {
            // The agent file was checked for one; only a run by hand comes here.
            return self.done(0);
        };
        self.stage = Stage::Sent;
        let local = agent.model.provider.capabilities().local;
        let at_once = if local { 1 } else { self.todo.len() };
        let questions: Vec<String> = self.todo.drain(..at_once.min(self.todo.len())).collect();
        let mut calls = Vec::new();
        for question in questions {
            self.calls += 1;
            let id = format!("reader-{}", self.calls);
            let arguments = json!({ "question": question });
            calls.push(ToolCall { id: id.clone(), name: reader.clone(), arguments });
            self.sent.push((id, question));
        }
        Next::Call(calls)
    }

    /// Whether to ask what is missing: while rounds are left and something is not answered.
    fn gaps(&self, extent: Extent) -> bool {
        self.round < extent.rounds && extent.questions > 1 && !self.unanswered().is_empty()
    }

    fn unanswered(&self) -> Vec<String> {
        let empty = self.report.sections.iter().filter(|section| section.claims.is_empty());
        empty.map(|section| section.question.clone()).collect()
    }

    /// What was found, a line each.
    fn findings(&self) -> String {
        let mut lines = Vec::new();
        for section in &self.report.sections {
            for claim in &section.claims {
                lines.push(format!("– {} {}", section.question, claim.text));
            }
        }
        match lines.is_empty() {
            true => "nothing".to_string(),
            false => lines.join("\n"),
        }
    }
}

/// Whether two questions are the same, in another order perhaps.
fn same(one: &str, other: &str) -> bool {
    support::overlap(one, other) >= 1.0 && support::overlap(other, one) >= 1.0
}

/// The names in a line of them.
fn separated(line: &str) -> Vec<String> {
    let names = line.split('|').map(|name| name.trim().trim_end_matches('.').to_string());
    names.filter(|name| !name.is_empty()).collect()
}

/// The question about the first of several things, asked about each of them. None where it cannot
/// be: it does not name the first, or not the first alone.
fn parts(question: &str, things: &[String]) -> Vec<String> {
    let Some((first, others)) = things.split_first() else { return Vec::new() };
    // "Korvin Tunnel" is not named by "Lesser Korvin Tunnel".
    let rest = question.replacen(first.as_str(), "", 1);
    if rest == question || others.iter().any(|other| rest.contains(other.as_str())) {
        return Vec::new();
    }
    things.iter().map(|thing| question.replacen(first.as_str(), thing, 1)).collect()
}

/// Whether the first choice is likely enough; of a model that cannot tell, whether it was made.
fn likely(reply: &Reply, choices: &[&str; 2], least: f32) -> bool {
    match reply.odds.first() {
        Some(odds) => *odds >= least,
        None => chosen(reply, choices) == Some(choices[0]),
    }
}

/// The tool that sends a reader.
pub(crate) fn reader(agent: &Agent) -> Option<String> {
    let reads = |(name, sub): (&String, &SubAgent)| {
        (sub.agent.act.as_deref() == Some(READ.name)).then(|| SubAgent::tool(name))
    };
    agent.agents.iter().find_map(reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_is_the_same_question_about_each() {
        let things = separated("the Elbe | the Oder.");
        assert_eq!(things, ["the Elbe", "the Oder"]);
        assert_eq!(
            parts("How long is the Elbe?", &things),
            ["How long is the Elbe?", "How long is the Oder?"]
        );
        let tunnels = separated("Lesser Korvin Tunnel | Korvin Tunnel");
        assert_eq!(parts("How long is the Lesser Korvin Tunnel?", &tunnels).len(), 2);
        let none: [String; 0] = [];
        assert_eq!(parts("Is the Elbe longer than the Oder?", &things), none);
        assert_eq!(parts("How long is it?", &things), none);
        assert_eq!(parts("How long is it?", &none), none);
    }
}
