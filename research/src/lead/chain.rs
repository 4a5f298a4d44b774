//! A question about something that it describes and does not name: the description is found in the question,
//! a reader looks its name up, and the name takes the description's place. What describes may hold a
//! description itself.

use super::answer::together;
use super::{Lead, Stage};
use crate::prompts;
use crate::render::phrases::Phrases;
use crate::report::Claim;
use agent_core::agent::Agent;
use agent_core::message::Message;
use agent_core::strategy::Next;

/// The most readers that are sent after names, and after the question with the names in it.
const LOOKUPS: usize = 6;
/// Of more words than this an answer is no name.
const NAME: usize = 5;
/// How many words a description has.
const DESCRIBED: std::ops::RangeInclusive<usize> = 3..=16;

/// The question as it is asked by now, and under each question the one about what it describes.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    links: Vec<Link>,
    /// Questions that were answered with a name, as they were asked.
    found: Vec<String>,
    lookups: usize,
}

#[derive(Debug, Clone, Default)]
struct Link {
    question: String,
    /// What of the question above it asks for the name of; empty for the first.
    described: String,
}

impl Lead {
    /// What follows once the last question came back: the name goes into the question above it, or what it
    /// describes is to be named first. None where the question itself has its answer.
    pub(super) fn follow_chain(&mut self, agent: &Agent, now: u64) -> Option<Next> {
        if self.chain.links.is_empty() {
            let question = self.report.question.clone();
            self.chain.links.push(Link { question, ..Link::default() });
        }
        let link = self.chain.links.last()?;
        let Some(claim) = self.claim(&link.question) else {
            let go_on = self.chain.lookups < LOOKUPS && !self.descriptions().is_empty();
            return Some(if go_on { self.turn(Stage::Described) } else { self.answer(now) });
        };
        if self.chain.links.len() == 1 {
            return None;
        }
        match claim.value.split_whitespace().count() {
            1..=NAME => {
                let name = claim.value.clone();
                Some(self.named_link(agent, &name, now))
            }
            _ => Some(self.turn(Stage::Name)),
        }
    }

    /// What of the last question may describe something: parts of it between its punctuation that are not
    /// names themselves.
    pub(super) fn descriptions(&self) -> Vec<String> {
        let Some(link) = self.chain.links.last() else { return Vec::new() };
        match link.described.is_empty() {
            true => parts(&link.question, 0),
            // What begins where the description does is the same thing once more.
            false => parts(&link.described, 2),
        }
    }

    pub(super) fn ask_description(&self) -> Vec<Message> {
        let question = self.chain.links.last().map_or("", |link| &link.question);
        prompts::described(question)
    }

    /// Sends a reader after the name of what is described.
    pub(super) fn described(&mut self, agent: &Agent, described: &str, now: u64) -> Next {
        if !self.descriptions().iter().any(|part| part == described) {
            return self.answer(now);
        }
        let phrases = Phrases::of(&self.report.language);
        let question = phrases.name_of.replace("{}", described);
        self.chain.links.push(Link { question, described: described.to_string() });
        self.ask_link(agent, now)
    }

    pub(super) fn ask_name(&self) -> Vec<Message> {
        let asked = self.chain.links.last().map_or("", |link| &link.question);
        prompts::name(asked, self.claim(asked).map_or("", |claim| &claim.text))
    }

    /// Puts a name in the place of what was described.
    pub(super) fn named_link(&mut self, agent: &Agent, name: &str, now: u64) -> Next {
        let name = name.trim().trim_end_matches('.');
        let Some(link) = self.chain.links.pop() else { return self.answer(now) };
        let Some(above) = self.chain.links.last_mut() else { return self.answer(now) };
        above.question = above.question.replacen(&link.described, name, 1);
        above.described = above.described.replacen(&link.described, name, 1);
        self.chain.found.push(link.question);
        self.ask_link(agent, now)
    }

    fn ask_link(&mut self, agent: &Agent, now: u64) -> Next {
        let question = self.chain.links.last().map_or("", |link| &link.question).to_string();
        if self.asked(&question) {
            return self.answer(now);
        }
        self.chain.lookups += 1;
        self.todo.push(question);
        self.send(agent)
    }

    /// The finding on the question with the names in it, standing on what led to them as well.
    pub(super) fn chained(&self) -> Option<Claim> {
        let [asked] = self.chain.links.as_slice() else { return None };
        let mut claims: Vec<&Claim> = Vec::new();
        for question in self.chain.found.iter().chain([&asked.question]) {
            claims.push(self.claim(question)?);
        }
        let (support, citations) = together(&claims);
        let last = claims.last().filter(|_| claims.len() > 1)?;
        Some(Claim { support, citations, ..(*last).clone() })
    }
}

/// Runs of words within a clause that could describe something: not all of them names, and not the whole.
/// None begins among the first words.
fn parts(text: &str, first: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let clauses = text.split_inclusive(['.', ';', ':', '?', '!', '–']);
    for clause in clauses {
        let clause = clause.trim_end_matches(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = clause.split_whitespace().collect();
        for begin in first..words.len() {
            let longest = words.len().min(begin + DESCRIBED.end());
            for end in begin + DESCRIBED.start()..=longest {
                let part = words[begin..end].join(" ");
                let part = part.trim_matches(|c: char| !c.is_alphanumeric()).to_string();
                let named = part.split(' ').all(|word| !word.starts_with(char::is_lowercase));
                if !named && part != text && text.contains(&part) && !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_described_is_a_part_of_a_clause() {
        let parts =
            parts("The inventor of the Prata Loom died in a town. Who was its first mayor?", 0);
        for part in ["The inventor of the Prata Loom", "its first mayor", "died in a town"] {
            assert!(parts.iter().any(|have| have == part), "{part}: {parts:?}");
        }
        for part in ["a town. Who", "mayor?", "town Who was"] {
            assert!(!parts.iter().any(|have| have.contains(part)), "{part}: {parts:?}");
        }
        let within = super::parts("the hill on whose top the sister of Ana Couto lived", 2);
        assert!(within.iter().any(|part| part == "the sister of Ana Couto"), "{within:?}");
        assert!(!within.iter().any(|part| part.starts_with("the hill")), "{within:?}");
        assert!(super::parts("How high is Mount Ardal North Summit?", 0).len() < 20);
        assert_eq!(super::parts("Sarn Odel Rack Railway", 0), Vec::<String>::new());
        assert_eq!(super::parts("キマリア", 0), Vec::<String>::new());
    }
}
