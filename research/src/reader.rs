//! One question, looked into: search, read pages, answer from the passages that fit best, check the
//! answer against the passage that holds it, and put it down with the sentences it stands on.

mod evidence;
mod namesake;

use std::ops::Range;

use text::sentences::sentences;
use text::{markdown, rank};

use evidence::quotes;
use serde_json::{Value, json};

use super::frontier::Hits;
use super::passage::{self, Passage};
use super::{
    Extent, LONGEST, Notes, PAGE, SEARCH, chosen, line, near_duplicate, no_answer,
    prompt_injection, prompts, support,
};
use crate::report::{Claim, Search, Source, Support, Trouble, TroubleKind};
use agent_core::event::{Observation, Status};
use agent_core::message::ToolCall;
use agent_core::model::{Form, Reply};
use agent_core::strategy::{Decision, Entry, Models, Needs, Next, Prompt, Strategy, View};

/// From this probability on a passage counts as stating an answer; measured for files, see
/// `act/stepwise/folder.rs`.
const STATED: f32 = 0.6;
/// How often passages are read for one round of searching.
const READINGS: u32 = 3;
/// Results asked for.
const RESULTS: usize = 10;
/// Fewer results than this are too few: names alone are searched for.
const FEW: usize = 3;
/// Pages read in one round of searching.
const PAGES: u32 = 4;

const YES_NO: [&str; 2] = ["yes", "no"];
const YES_PARTLY_NO: [&str; 3] = ["yes", "partly", "no"];

/// How far a reader is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    stage: Stage,
    notes: Notes,
    /// Calls that have not given anything back yet.
    waiting: usize,
    /// Counts the calls, for their ids.
    calls: u64,
    round: u32,
    readings: u32,
    hits: Hits,
    /// How many pages this round of searching wants to have read in all.
    wanted: u32,
    passages: Vec<Passage>,
    terms: rank::Terms,
    /// Passages that turned out not to say it, by their place.
    spent: Vec<usize>,
    /// What is being read.
    shown: Vec<usize>,
    proposed: String,
    /// The passage that holds the proposed answer.
    holder: usize,
    quotes: Vec<Range<usize>>,
    statement: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Calls are under way, or nothing began.
    #[default]
    Looking,
    Begin,
    Read,
    Check,
    State,
    Judge,
    Compare,
    Query,
    Done,
}

/// Looks one question up: searches, reads pages, and gives findings with what they stand on.
pub static READ: Entry = Entry {
    name: "read",
    summary: "reading",
    models: Models::Any,
    needs: Needs { tools: &[SEARCH, PAGE], agent: None },
    table: Some("research"),
    proposes: false,
    outcome: Some(|| json!({ "type": "object" })),
    start: |_| Box::new(Reader::default()),
};

impl Strategy for Reader {
    fn boxed(&self) -> Box<dyn Strategy> {
        Box::new(self.clone())
    }

    fn begin(&mut self, run: &View<'_>) -> Next {
        let agent = run.agent;
        self.notes.section.question = agent.task.trim().to_string();
        self.turn(Stage::Begin)
    }

    fn prompt(&self, run: &View<'_>) -> Prompt {
        let agent = run.agent;
        let question = self.question();
        let choice =
            |choices: &[&str]| Form::Choice(choices.iter().map(ToString::to_string).collect());
        let text = || Form::Text { stop: vec!["\n".to_string()] };
        let (messages, form, max_tokens) = match self.stage {
            Stage::Check => {
                let chat = prompts::check(&self.passages[self.holder], question, &self.proposed);
                (chat, choice(&YES_NO), 4)
            }
            Stage::State => {
                let passage = &self.passages[self.holder];
                (prompts::state(agent, passage, question, &self.proposed), text(), 96)
            }
            Stage::Judge => {
                let context = &self.passages[self.holder].context;
                (
                    prompts::judge(context, &self.quoted(), &self.statement),
                    choice(&YES_PARTLY_NO),
                    4,
                )
            }
            Stage::Compare => {
                let claims = &self.notes.section.claims;
                let of = |claim: Option<&Claim>| claim.map(quotes).unwrap_or_default();
                let (one, other) = (of(claims.first()), of(claims.last()));
                (prompts::contradict(question, &one, &other), choice(&YES_NO), 4)
            }
            Stage::Begin => (prompts::first_query(question), text(), 16),
            Stage::Query => {
                let tried = self.notes.section.searches.iter().map(|search| search.query.as_str());
                (prompts::query(question, &tried.collect::<Vec<_>>()), text(), 24)
            }
            Stage::Read | Stage::Looking | Stage::Done => {
                let shown: Vec<&Passage> =
                    self.shown.iter().map(|at| &self.passages[*at]).collect();
                (prompts::read(agent, question, &shown), text(), 64)
            }
        };
        let max_tokens = max_tokens.min(agent.model.max_tokens);
        Prompt { messages: Some(messages), say: None, prefix: String::new(), form, max_tokens }
    }

    fn read(&mut self, run: &View<'_>, reply: &Reply) -> Decision {
        let extent = Extent::of(run.agent);
        let last = run.last;
        let next = match self.stage {
            Stage::Begin => {
                let mut queries = vec![line(reply), rank::keywords(self.question())];
                queries.retain(|query| !query.is_empty() && query.len() < 200);
                queries.dedup();
                if queries.is_empty() {
                    queries.push(self.question().to_string());
                }
                self.search(extent, queries)
            }
            Stage::Read => self.propose(extent, &line(reply)),
            Stage::Check => {
                let yes = match reply.odds.first() {
                    Some(odds) => *odds >= STATED,
                    None => chosen(reply, &YES_NO) == Some("yes"),
                };
                self.quotes = if yes { self.quote() } else { Vec::new() };
                match yes && !self.unnamed(&markdown::plain(&self.quoted())) {
                    true => self.turn(Stage::State),
                    false => {
                        self.spent.push(self.holder);
                        self.more(extent)
                    }
                }
            }
            Stage::State => {
                self.statement = line(reply);
                let quoted = self.quoted();
                if no_answer(&self.statement) || !self.grounded(&quoted) {
                    // The source's own words are always borne out.
                    self.statement = markdown::plain(&quoted);
                }
                self.turn(Stage::Judge)
            }
            Stage::Judge => self.conclude(extent, chosen(reply, &YES_PARTLY_NO)),
            Stage::Compare => {
                if chosen(reply, &YES_NO) == Some("yes") {
                    let claims = &mut self.notes.section.claims;
                    let latest = claims.len() - 1;
                    for at in [0, latest] {
                        claims[at].support = Support::Disputed;
                    }
                }
                self.more(extent)
            }
            Stage::Query => {
                let query = line(reply);
                match query.is_empty() || self.tried(&query) {
                    true => self.done(),
                    false => self.search(extent, vec![query]),
                }
            }
            Stage::Looking | Stage::Done => self.done(),
        };
        Decision { next: if last { self.done() } else { next }, ..Decision::default() }
    }

    fn observe(&mut self, run: &View<'_>, asked: &ToolCall, observation: &Observation) -> Next {
        self.waiting = self.waiting.saturating_sub(1);
        match asked.name.as_str() {
            SEARCH => self.found(asked, observation),
            _ => self.fetched(asked, observation),
        }
        match self.waiting {
            0 => self.go_on(Extent::of(run.agent)),
            _ => Next::Again,
        }
    }

    fn known(&self, _run: &View<'_>, _stopped: &str) -> Option<Value> {
        Some(self.notes())
    }
}

impl Reader {
    /// What is known so far.
    pub(crate) fn notes(&self) -> Value {
        let mut notes = self.notes.clone();
        // Only what is cited goes along: the journal has the rest.
        let mut kept: Vec<Source> = Vec::new();
        let mut numbers = vec![0; notes.sources.len()];
        for claim in &mut notes.section.claims {
            for span in &mut claim.citations {
                let at = span.source as usize - 1;
                if numbers[at] == 0 {
                    kept.push(notes.sources[at].clone());
                    numbers[at] = kept.len() as u32;
                }
                span.source = numbers[at];
            }
        }
        notes.sources = kept;
        json!(notes)
    }

    fn question(&self) -> &str {
        &self.notes.section.question
    }

    fn turn(&mut self, stage: Stage) -> Next {
        self.stage = stage;
        Next::Again
    }

    fn done(&mut self) -> Next {
        self.stage = Stage::Done;
        Next::Answer(self.notes())
    }

    fn call(&mut self, name: &str, arguments: Value) -> ToolCall {
        self.calls += 1;
        self.waiting += 1;
        ToolCall { id: format!("look-{}", self.calls), name: name.to_string(), arguments }
    }

    fn search(&mut self, extent: Extent, queries: Vec<String>) -> Next {
        self.readings = 0;
        self.round += 1;
        self.wanted = extent.pages.min(self.notes.section.pages + PAGES);
        self.hits.forget();
        self.look(queries)
    }

    fn look(&mut self, queries: Vec<String>) -> Next {
        self.stage = Stage::Looking;
        let call = |query| self.call(SEARCH, json!({ "query": query, "limit": RESULTS }));
        Next::Call(queries.into_iter().map(call).collect())
    }

    fn tried(&self, query: &str) -> bool {
        self.notes.section.searches.iter().any(|search| search.query.eq_ignore_ascii_case(query))
    }

    /// Whether a statement says nothing that its quotes and their page do not.
    fn grounded(&self, quoted: &str) -> bool {
        let around = format!("{} {quoted}", self.passages[self.holder].context);
        support::numbers(&self.statement, &around, self.question())
            && self.terms.grounded(&self.statement, &around, self.question())
    }

    fn trouble(&mut self, kind: TroubleKind, about: &str, text: &str) {
        let trouble = Trouble { kind, about: about.to_string(), text: text.trim().to_string() };
        if !self.notes.troubles.contains(&trouble) {
            self.notes.troubles.push(trouble);
        }
    }

    fn found(&mut self, asked: &ToolCall, observation: &Observation) {
        let query = asked.arguments["query"].as_str().unwrap_or_default().to_string();
        if observation.status != Status::Ok {
            self.trouble(TroubleKind::Search, &query, &observation.text);
        }
        let list = |key: &str| observation.result[key].as_array().cloned().unwrap_or_default();
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_string();
        for failed in list("failed") {
            self.trouble(TroubleKind::Search, &text(&failed, "provider"), &text(&failed, "reason"));
        }
        let results = list("results");
        let search = Search { query, results: results.len() as u32 };
        self.notes.section.searches.push(search);
        self.hits.add(&results);
    }

    fn fetched(&mut self, asked: &ToolCall, observation: &Observation) {
        let url = asked.arguments["url"].as_str().unwrap_or_default();
        if observation.status != Status::Ok {
            return self.trouble(TroubleKind::Page, url, &observation.text);
        }
        let page = &observation.result;
        let text = |key: &str| page[key].as_str().unwrap_or_default().to_string();
        let whole = text("text");
        let titled = text("title");
        let general = titled.is_empty() || titled == text("site");
        let source = Source {
            url: text("url"),
            title: if general { markdown::title(&whole) } else { titled },
            author: text("author"),
            date: text("date"),
            site: text("site"),
            retrieved: page["retrieved"].as_u64().unwrap_or_default(),
            sha256: text("sha256"),
            text: whole[..whole.floor_char_boundary(LONGEST)].to_string(),
            pages: serde_json::from_value(page["pages"].clone()).unwrap_or_default(),
            ..Source::default()
        }
        .sealed();
        self.notes.section.pages += 1;
        let same = |known: &&mut Source| {
            known.text_sha256 == source.text_sha256
                || near_duplicate::twins(&known.text, &source.text)
        };
        if let Some(known) = self.notes.sources.iter_mut().find(same) {
            return known.also(&source);
        }
        let number = self.notes.sources.len();
        // What gives orders must not take its neighbours along.
        let apart = |block: &str| order_in(block).is_some();
        for passage in passage::split(number, &source.title, &source.text, apart) {
            match order_in(&source.text[passage.range.clone()]) {
                Some(order) => self.trouble(TroubleKind::Injection, &source.url, order),
                None => self.passages.push(passage),
            }
        }
        self.notes.sources.push(source);
    }

    /// Every call has given something back: a wider search where there was next to nothing, pages
    /// in place of those that could not be read, and then what the pages say.
    fn go_on(&mut self, extent: Extent) -> Next {
        let read = self.notes.section.pages;
        let wider = rank::named(self.question());
        if self.hits.waiting() + (read as usize) < FEW && !wider.is_empty() && !self.tried(&wider) {
            return self.look(vec![wider]);
        }
        let attempts = (2 * extent.pages as usize).saturating_sub(self.hits.visited());
        let most = attempts.min(self.wanted.saturating_sub(read) as usize);
        let question = self.question().to_string();
        let urls = self.hits.next(&question, most);
        if !urls.is_empty() {
            let calls = urls.iter().map(|url| self.call(PAGE, json!({ "url": url })));
            return Next::Call(calls.collect());
        }
        self.terms = rank::Terms::of(self.passages.iter().map(|passage| passage.text.as_str()));
        self.more(extent)
    }

    /// More passages, other words, or the end.
    fn more(&mut self, extent: Extent) -> Next {
        let found = self.notes.section.claims.len();
        if found < extent.findings as usize && self.readings < READINGS {
            self.readings += 1;
            self.shown = self.best();
            if !self.shown.is_empty() {
                return self.turn(Stage::Read);
            }
        }
        if found == 0 && self.round < extent.rounds {
            return self.turn(Stage::Query);
        }
        self.done()
    }

    /// The model answered from the passages: which of them says so?
    fn propose(&mut self, extent: Extent, said: &str) -> Next {
        let shown = std::mem::take(&mut self.shown);
        let texts = shown.iter().map(|at| self.passages[*at].text.as_str());
        let scores = rank::score(&format!("{said} {said} {}", self.question()), texts);
        let holds = |at: usize| support::overlap(said, &self.passages[shown[at]].text);
        let best = (0..shown.len()).filter(|at| holds(*at) > 0.0).max_by(|one, other| {
            holds(*one).total_cmp(&holds(*other)).then(scores[*one].total_cmp(&scores[*other]))
        });
        let empty = no_answer(said) || repeats(said, self.question());
        let Some(best) = best.filter(|_| !empty) else {
            // Nothing that stands in any of them.
            self.spent.extend(shown);
            return self.more(extent);
        };
        self.holder = shown[best];
        self.proposed = said.to_string();
        self.turn(Stage::Check)
    }
}

/// Whether an answer has no word that the question does not have. One of two things that the
/// question offers is an answer all the same.
fn repeats(said: &str, question: &str) -> bool {
    let offers = question.split_whitespace().any(|word| word.eq_ignore_ascii_case("or"));
    !offers && support::overlap(said, question) >= 1.0
}

/// The sentence of a text that gives orders.
fn order_in(text: &str) -> Option<&str> {
    let sentences = sentences(text, &(0..text.len()));
    sentences
        .into_iter()
        .map(|range| &text[range])
        .find(|sentence| prompt_injection::orders(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_does_not_answer_itself() {
        let asked = "Where did Ann de Vries create Basalt?";
        assert!(repeats("Ann de Vries", asked) && !repeats("Ann, in Faro", asked));
        assert!(!repeats("Ann", "Who created it, Ann or Ben?"));
    }

    #[test]
    fn only_what_is_cited_goes_along() {
        let source = |text: &str| Source { text: text.into(), ..Source::default() }.sealed();
        let mut reader = Reader::default();
        reader.notes.sources = vec![source("one"), source("two")];
        let citations = reader.notes.sources[1].span(2, 0, 3).into_iter().collect();
        let claim = Claim {
            text: "two".into(),
            value: String::new(),
            support: Support::Supported,
            overlap: 1.0,
            citations,
        };
        reader.notes.section.claims.push(claim);
        let notes: Notes = serde_json::from_value(reader.notes()).unwrap_or_default();
        assert_eq!(notes.sources.len(), 1);
        assert_eq!(notes.sources[0].text, "two");
        assert_eq!(notes.section.claims[0].citations[0].source, 1);
    }
}
