//! The course of a look that reads: passages are searched for, an answer is read out of them and checked
//! with the one that holds it, and the names in it lead on.

use serde_json::{Value, json};

use super::passage::{self, Passage};
use super::prompts;
use super::{Folder, Found, Means, SEARCH, Stage};
use crate::prompts::of_folder;
use agent_core::agent::Agent;
use agent_core::event::Observation;
use agent_core::message::{Message, ToolCall};
use agent_core::strategy::{Decision, Next};

/// Passages read at once.
const PASSAGES: usize = 5;
/// The most passages that lead on to another.
const HOPS: usize = 2;

impl Folder {
    pub(super) fn search(&mut self, number: u64, task: &str) -> Next {
        self.find(number, json!({ "query": task, "limit": PASSAGES }))
    }

    fn find(&mut self, number: u64, arguments: Value) -> Next {
        self.stage = Stage::Search;
        let (id, name) = (format!("search-{number}"), SEARCH.to_string());
        Next::Call(vec![ToolCall { id, name, arguments }])
    }

    /// What a search found.
    pub(super) fn searched(&mut self, agent: &Agent, observation: &Observation) -> Next {
        // Once two passages lead on together, what was passed over may be what they lead to.
        let known = if self.chain.len() < HOPS { &self.read } else { &self.chain };
        let room = PASSAGES - self.chain.len();
        let found = passage::all(&observation.result, known, room);
        if found.is_empty() && self.may_compute() {
            self.compute(agent);
            return Next::Again;
        }
        self.stage = if found.is_empty() { Stage::Done } else { Stage::Read };
        if found.is_empty() {
            self.result = self.held.take();
        }
        self.read.extend(found.iter().cloned());
        self.passages = self.chain.iter().cloned().chain(found).collect();
        self.look_at(passage::files(&self.passages));
        self.chat = prompts::read(agent, &self.passages);
        self.prefix.clear();
        Next::Again
    }

    /// A short answer was read out of the passages: it counts once the passage that holds it was
    /// asked whether it states it.
    pub(super) fn propose(&mut self, agent: &Agent, number: u64, said: &str) -> Decision {
        let candidates = &self.passages[self.chain.len().min(self.passages.len())..];
        let Some(best) = passage::holder(candidates, said) else {
            return self.nothing(agent, number);
        };
        let best = candidates[best].clone();
        if passage::repeats(said, &agent.task) {
            self.holder = Some(best);
            return self.nothing(agent, number);
        }
        let together: Vec<&Passage> = self.chain.iter().chain([&best]).collect();
        let check = prompts::check(&together, &agent.task, said);
        self.proposed = said.to_string();
        // Of rows that are read the first one is taken for the largest: the table knows.
        if let Some(table) = self.may_ask(&best) {
            self.table = table;
            (self.holder, self.unchecked) = (Some(best), Some(check));
            let plan = format!("it was read in a row: ask {}", self.table);
            let next = self.told(agent, number, "columns", Stage::Columns);
            return Decision { plan: Some(plan), next, ..Decision::default() };
        }
        self.holder = Some(best);
        self.check(check);
        Decision::default()
    }

    /// Has what was proposed checked.
    pub(super) fn check(&mut self, chat: Vec<Message>) {
        self.chat = chat;
        self.prefix.clear();
        self.stage = Stage::Check;
    }

    /// The table that a passage is a row of, where it can be asked and was not.
    fn may_ask(&self, passage: &Passage) -> Option<String> {
        let asks = self.means == Means::Both && self.chain.is_empty() && self.query.is_none();
        self.table_of(passage).filter(|_| asks).cloned()
    }

    fn table_of(&self, passage: &Passage) -> Option<&String> {
        let of_file = |table: &&String| {
            let (file, _) = table.split_once('#').unwrap_or((table, ""));
            file == passage.path
        };
        self.tables.iter().find(of_file).filter(|_| passage.is_row)
    }

    /// How likely it is that what was read states what was proposed.
    pub(super) fn checked(&mut self, agent: &Agent, number: u64, stated: f32) -> Decision {
        let limits = of_folder();
        let alone = self.chain.is_empty();
        let enough = if alone { limits.stated } else { limits.stated_together };
        // A single row does not say what all of them come to.
        let row = self.holder.as_ref().is_some_and(|holder| self.table_of(holder).is_some());
        let computed = alone && row && self.odds >= limits.compute;
        if stated < enough || computed {
            // Two readings that contradict each other are no answer.
            let proposed = &self.proposed;
            let held = self.held.take();
            self.held =
                held.filter(|held| stated >= limits.no && passage::agree(&held.text, proposed));
            return self.nothing(agent, number);
        }
        let used: Vec<Passage> = self.chain.iter().chain(self.holder.iter()).cloned().collect();
        let sources = passage::files(&used);
        let found = Found { text: self.proposed.clone(), sources };
        if alone && stated < limits.clear {
            // What the passage names may lead to a better one; if not, this is it.
            self.held = Some(found);
            return self.nothing(agent, number);
        }
        self.conclude(found);
        Decision::default()
    }

    /// The passages do not state the answer. What the best of them names may lead on to one that
    /// does: a question about "the inventor of dynamite" goes on with Alfred Nobel. If that does not
    /// either, a table may hold it, or both that and the passage that shares the most names with it
    /// may lead further.
    pub(super) fn nothing(&mut self, agent: &Agent, number: u64) -> Decision {
        if !self.chain.is_empty() && self.may_compute() {
            self.passages.clear();
            self.compute(agent);
            let plan = "no passage states it: ask the table that may hold it".to_string();
            return Decision { plan: Some(plan), ..Decision::default() };
        }
        let next = match self.chain.len() {
            // One that was nearly sure says more of the question than its words do.
            0 if self.held.is_some() => self.holder.take(),
            0 => self.passages.first().cloned(),
            hops if hops < HOPS => passage::linked(&self.chain, &self.read, &agent.task),
            _ => None,
        };
        let Some(next) = next else {
            self.result = self.held.take();
            self.stage = Stage::Done;
            return Decision::default();
        };
        let plan = format!("follow what {} names", next.path);
        self.chain.push(next);
        let mut query = agent.task.clone();
        for name in self.chain.iter().flat_map(|passage| passage.names_beside(&agent.task)) {
            query.push(' ');
            query += name;
        }
        // The passage itself fits its own names best, and what else was read before is left out of
        // what is found: so more is asked for.
        let next = self.find(number, json!({ "query": query, "skip": 1, "limit": 3 * PASSAGES }));
        Decision { plan: Some(plan), next, ..Decision::default() }
    }
}
