//! A question whose subject has to be named first: questions that lead to it one after the other, each with
//! the names put in that those before it found.

use super::answer::together;
use super::{Lead, Stage, listed_as_text};
use crate::prompts;
use crate::report::Claim;
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::strategy::Next;

/// The most questions of a chain.
pub(super) const LINKS: usize = 4;
/// Of more words than this an answer is no name.
const NAME: usize = 5;

/// The questions, and how far they were followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    /// As they were planned, with `#1` for what the first finds.
    planned: Vec<String>,
    /// As they were asked.
    asked: Vec<String>,
    names: Vec<String>,
}

impl Lead {
    /// The chain begins, where there is one and its first question is a new one.
    pub(super) fn begin_chain(
        &mut self,
        agent: &Agent,
        questions: Vec<String>,
        now: u64,
        plan: &mut Option<String>,
    ) -> Next {
        let linked = |(at, question): (usize, &String)| {
            let earlier = |link: usize| question.contains(&mark(link));
            (0..LINKS).filter(|link| earlier(*link)).all(|link| link < at)
                && (at == 0 || earlier(at - 1))
        };
        let whole = questions.len() > 1 && questions.iter().enumerate().all(linked);
        if !whole || questions.first().is_some_and(|first| self.asked(first)) {
            return self.answer(now);
        }
        *plan = Some(listed_as_text(&questions));
        self.chain.planned = questions;
        self.next_link(agent, now)
    }

    /// The question that was asked last has an answer: the next one, once its name is known.
    pub(super) fn follow_chain(&mut self, agent: &Agent, now: u64) -> Option<Next> {
        let asked = self.chain.asked.last()?;
        let claim = self.claim(asked)?.clone();
        if self.chain.asked.len() == self.chain.planned.len() {
            return None;
        }
        match claim.value.split_whitespace().count() {
            1..=NAME => Some(self.named_link(agent, &claim.value, now)),
            _ => Some(self.turn(Stage::Name)),
        }
    }

    pub(super) fn ask_name(&self) -> Vec<Message> {
        let asked = self.chain.asked.last().map_or("", String::as_str);
        prompts::name(asked, self.claim(asked).map_or("", |claim| &claim.text))
    }

    pub(super) fn named_link(&mut self, agent: &Agent, name: &str, now: u64) -> Next {
        self.chain.names.push(name.trim().trim_end_matches('.').to_string());
        self.next_link(agent, now)
    }

    fn next_link(&mut self, agent: &Agent, now: u64) -> Next {
        let Some(planned) = self.chain.planned.get(self.chain.asked.len()) else {
            return self.answer(now);
        };
        let fill =
            |question: String, (link, name): (usize, &String)| question.replace(&mark(link), name);
        let question = self.chain.names.iter().enumerate().fold(planned.clone(), fill);
        self.chain.asked.push(question.clone());
        if self.asked(&question) {
            return self.answer(now);
        }
        self.todo.push(question);
        self.send(agent)
    }

    /// The finding on the last question, standing on what led to it as well.
    pub(super) fn chained(&self) -> Option<Claim> {
        let whole = self.chain.asked.len() == self.chain.planned.len();
        let links: Option<Vec<&Claim>> =
            self.chain.asked.iter().map(|question| self.claim(question)).collect();
        let links = links.filter(|links| whole && !links.is_empty())?;
        let (support, citations) = together(&links);
        links.last().map(|last| Claim { support, citations, ..(*last).clone() })
    }
}

/// What stands for the answer of a link.
fn mark(link: usize) -> String {
    format!("#{}", link + 1)
}
