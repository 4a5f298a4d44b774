//! The course of a look that reads: passages are searched for, an answer is read out of them and checked
//! with the one that holds it, and the names in it lead on.

use serde_json::{Value, json};

use super::passage::{self, Passage};
use super::{Folder, Found, Means, SEARCH, Stage};
use super::{languages, prompts};
use crate::calibration::thresholds;
use crate::numeral::says_number;
use agent_core::agent::Agent;
use agent_core::event::Observation;
use agent_core::message::ToolCall;
use agent_core::path;
use agent_core::strategy::{Decision, Next};

/// Passages read at once.
const PASSAGES: usize = 5;
/// The most passages that lead on to another.
const HOPS: usize = 2;

impl Folder {
    pub(super) fn search(&mut self, agent: &Agent, number: u64) -> Next {
        self.find(number, json!({ "query": agent.task, "limit": PASSAGES }))
    }

    /// The language that it may yet be translated into.
    fn untranslated(&self, agent: &Agent) -> Option<&'static str> {
        languages::other(&self.survey, &agent.task).filter(|_| !self.translated)
    }

    /// The question in another language: passages are searched for by that.
    pub(super) fn translated(&mut self, number: u64, said: &str) -> Next {
        self.translated = true;
        self.find(number, json!({ "query": said, "limit": PASSAGES }))
    }

    fn find(&mut self, number: u64, arguments: Value) -> Next {
        self.stage = Stage::Search;
        let (id, name) = (format!("search-{number}"), SEARCH.to_string());
        Next::Call(vec![ToolCall { id, name, arguments }])
    }

    /// What a search found.
    pub(super) fn searched(
        &mut self,
        agent: &Agent,
        number: u64,
        observation: &Observation,
    ) -> Next {
        // Once two passages lead on together, what was passed over may be what they lead to.
        let known = if self.chain.len() < HOPS { &self.read } else { &self.chain };
        let room = PASSAGES - self.chain.len();
        // What the agent file says is about the run.
        let own = path::display(&agent.root, &agent.file);
        let found = passage::all(&observation.result, known, room, &own);
        let more = !self.read.is_empty() || self.untranslated(agent).is_some();
        if found.is_empty() && self.chain.is_empty() && more {
            return self.nothing(agent, number).next;
        }
        if found.is_empty() && self.may_compute(agent) {
            self.compute(agent);
            return Next::Again;
        }
        self.stage = if found.is_empty() { Stage::Done } else { Stage::Read };
        self.read.extend(found.iter().cloned());
        self.passages = self.chain.iter().cloned().chain(found).collect();
        self.look_at(passage::files(&self.passages));
        self.chat = prompts::read(agent, &self.passages);
        self.prefix.clear();
        Next::Again
    }

    /// A short answer was read out of the passages: it counts once the passages that may hold it were
    /// asked whether they state it.
    pub(super) fn propose(&mut self, agent: &Agent, number: u64, said: &str) -> Decision {
        let candidates = &self.passages[self.chain.len().min(self.passages.len())..];
        self.holders = passage::holders(candidates, said);
        self.holder = None;
        // Who asks how high the hut lies is not told by its name.
        let name = self.is_number && !says_number(said) && passage::only_names(said, &agent.task);
        let none = name || passage::repeats(said, &agent.task);
        let Some(first) = self.holders.first().filter(|_| !none) else {
            return self.nothing(agent, number);
        };
        self.proposed = said.to_string();
        // Of rows that are read the first one is taken for the largest: the table knows.
        if let Some(table) = self.may_ask(first) {
            (self.table, self.of_row) = (table, true);
            let plan = format!("it was read in a row: ask {}", self.table);
            let next = self.told(agent, number, "columns", Stage::Columns);
            return Decision { plan: Some(plan), next, ..Decision::default() };
        }
        self.check(agent);
        Decision::default()
    }

    /// Asks the next of the passages that may hold what was proposed whether it states it.
    pub(super) fn check(&mut self, agent: &Agent) {
        let Some(holder) = self.holders.first() else { return };
        self.chat = prompts::stated(&self.with_leading(agent, holder), &agent.task, &self.proposed);
        self.prefix.clear();
        self.stage = Stage::Check;
    }

    /// A passage behind those of the chain that lead to it.
    fn with_leading<'a>(&'a self, agent: &Agent, holder: &'a Passage) -> Vec<&'a Passage> {
        let mut together = passage::leading(&self.chain, holder, &self.read, &agent.task);
        together.push(holder);
        together
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

    /// How likely it is that a passage states what was proposed. The one that likeliest does is then asked
    /// whether it states an answer at all, without being shown one.
    pub(super) fn checked(&mut self, agent: &Agent, stated: f32) -> Decision {
        if !self.holders.is_empty() {
            let holder = self.holders.remove(0);
            if self.holder.as_ref().is_none_or(|(most, _)| stated > *most) {
                self.holder = Some((stated, holder));
            }
        }
        if !self.holders.is_empty() {
            self.check(agent);
        } else if let Some((_, holder)) = &self.holder {
            self.chat = prompts::answers(&self.with_leading(agent, holder), &agent.task);
            self.stage = Stage::Answers;
        }
        Decision::default()
    }

    /// How likely it is that the passage states an answer at all.
    pub(super) fn answered(&mut self, agent: &Agent, number: u64, answers: f32) -> Decision {
        let limits = thresholds(agent);
        let Some((stated, holder)) = self.holder.take() else {
            return self.nothing(agent, number);
        };
        let alone = self.chain.is_empty();
        let enough = if alone { limits.stated } else { limits.stated_after };
        // A row says nothing of what the question names and it does not.
        let row = format!("{} {}", holder.path, holder.text);
        let another = alone && holder.is_row && passage::asks_of_another(&agent.task, &row);
        // A single row does not say what all of them come to, unless the table was asked for one value.
        let of_all =
            self.odds >= limits.compute && self.asked.as_ref().is_none_or(|asked| !asked.lists);
        let computed = alone && of_all && self.table_of(&holder).is_some();
        if both(stated, answers) < enough || computed || another {
            return self.nothing(agent, number);
        }
        let used: Vec<Passage> =
            self.with_leading(agent, &holder).into_iter().rev().cloned().collect();
        let (text, sources) = (self.proposed.clone(), passage::files(&used));
        self.conclude(Found { text, sources });
        Decision::default()
    }

    /// The passages do not state the answer. What the best of them names may lead on to one that
    /// does: a question about "the inventor of dynamite" goes on with Alfred Nobel. If that does not
    /// either, a table may hold it, or both that and the passage that shares the most names with it
    /// may lead further.
    pub(super) fn nothing(&mut self, agent: &Agent, number: u64) -> Decision {
        if !self.chain.is_empty() && self.may_compute(agent) {
            self.passages.clear();
            self.compute(agent);
            let plan = "no passage states it: ask the table that may hold it".to_string();
            return Decision { plan: Some(plan), ..Decision::default() };
        }
        // With the words of the question alone a text in another language is not found.
        if self.chain.is_empty()
            && let Some(language) = self.untranslated(agent)
        {
            self.chat = prompts::translate(language, &agent.task);
            self.prefix.clear();
            self.stage = Stage::Translate;
            let plan = Some(format!("look for it in {language}"));
            return Decision { plan, ..Decision::default() };
        }
        let next = match self.chain.len() {
            0 => self.read.first().cloned(),
            hops if hops < HOPS => passage::linked(&self.chain, &self.read, &agent.task),
            _ => None,
        };
        let Some(next) = next else {
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

/// How likely two questions together make something, as the mean of their odds' logarithms.
pub(crate) fn both(one: f32, other: f32) -> f32 {
    let odds = |likely: f32| likely / (1.0 - likely).max(f32::EPSILON);
    let together = (odds(one) * odds(other)).sqrt();
    together / (1.0 + together)
}

#[cfg(test)]
mod tests {
    use super::both;

    #[test]
    fn two_questions_weigh_alike() {
        assert!((both(0.8, 0.8) - 0.8).abs() < 1e-5);
        assert!((both(0.9, 0.1) - 0.5).abs() < 1e-5);
        assert!(both(1.0, 0.5) <= 1.0);
        assert!(both(0.0, 0.9) == 0.0);
    }
}
