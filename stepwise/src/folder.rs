//! Questions about a folder, answered by decisions so small that a model of a billion parameters
//! gets each one right: either by computing over a table in Python or by reading ranked passages.
//!
//! Each decision is a short conversation of its own. A look that finds nothing may lead to another
//! with the question rewritten by what was read. It needs the tools `python` or `files.search`, and
//! uses those that are there. What every choice here was measured against stands in
//! `docs/performance.md`.

mod computing;
mod languages;
mod measured;
mod passage;
mod prompts;
mod query;
mod reading;

use serde_json::{Value, json};

use crate::calibration::thresholds;
use crate::{odds, survey};
use agent_core::agent::Agent;
use agent_core::event::Observation;
use agent_core::message::{Message, ToolCall};
use agent_core::model::{Form, Reply};
use agent_core::path;
use agent_core::provenance::Origin;
use agent_core::strategy::{Decision, Next, PYTHON, Prompt, paragraphs};
use passage::Passage;
pub(crate) use passage::alike;
use query::{Asked, Query};
pub(crate) use reading::both;

/// The tool that ranks passages.
pub(super) const SEARCH: &str = "files.search";

/// What is said where a question speaks of no column.
const NONE: &str = "none";

/// The most characters of a program's output that count as a result.
const OUTPUT: usize = 1500;

/// How far a look into the folder is.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    stage: Stage,
    /// What it can look with.
    means: Means,
    /// What is in the folder, as the survey told it.
    survey: String,
    tables: Vec<String>,
    /// How likely it is that something is to be computed.
    odds: f32,
    /// The conversation of the decision under way.
    chat: Vec<Message>,
    /// What the assistant's turn begins with.
    prefix: String,
    /// The table that is asked about, and those to ask after it, likeliest first.
    table: String,
    others: Vec<String>,
    /// What a table offers to the question, of those that were asked the one that likeliest holds it, and what
    /// was asked of it.
    query: Option<Query>,
    likeliest: Option<(f32, Query)>,
    /// How likely the one that is asked holds it.
    holds: f32,
    asked: Option<Asked>,
    programs: Vec<String>,
    /// What is asked for is a number.
    is_number: bool,
    /// Passages were searched for by the question in another language, too.
    translated: bool,
    /// What is being read, best first.
    passages: Vec<Passage>,
    /// Passages whose names another search follows, in the order in which they lead on.
    chain: Vec<Passage>,
    /// All passages that were read.
    read: Vec<Passage>,
    /// A short answer, and the passages that may hold it and were not asked yet.
    proposed: String,
    holders: Vec<Passage>,
    /// Of those that were asked, the one that likeliest states it.
    holder: Option<(f32, Passage)>,
    /// The table is asked first whose row it was read in.
    of_row: bool,
    result: Option<Found>,
    wrote: bool,
    /// Files that were looked into, the latest first.
    seen: Vec<String>,
}

/// What a look into a folder can be done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// Programs.
    Code,
    /// Passages.
    Search,
    /// Either.
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Route,
    /// Is the answer a number?
    Kind,
    Table,
    /// What is in the table's columns is being looked up.
    Columns,
    /// Does the table hold what is asked for?
    Holds,
    /// Which rows, and what to find in them?
    Query,
    /// Does the question speak of a column that the form may go by?
    Speaks,
    /// Which column does the form go by?
    Column,
    /// That is being worked out.
    Work,
    Examples,
    Program,
    /// What is the question in another language?
    Translate,
    Search,
    Read,
    /// Does a passage state what was read?
    Check,
    /// Does it state an answer at all?
    Answers,
    Done,
}

#[derive(Debug, Clone)]
struct Found {
    text: String,
    sources: Vec<String>,
}

/// The call that tells what is there.
pub(super) fn survey() -> ToolCall {
    python("survey", "print(survey())")
}

impl Folder {
    /// A look into a folder of which this is known.
    pub(super) fn new(survey: &str, means: Means) -> Folder {
        Folder {
            stage: Stage::Route,
            means,
            survey: survey.to_string(),
            tables: survey::tables(survey),
            odds: 0.0,
            is_number: false,
            chat: Vec::new(),
            prefix: String::new(),
            table: String::new(),
            others: Vec::new(),
            query: None,
            likeliest: None,
            holds: 0.0,
            asked: None,
            programs: Vec::new(),
            translated: false,
            passages: Vec::new(),
            chain: Vec::new(),
            read: Vec::new(),
            proposed: String::new(),
            holders: Vec::new(),
            holder: None,
            of_row: false,
            result: None,
            wrote: false,
            seen: Vec::new(),
        }
    }

    /// Begins: with the question how, or with the one way that there is.
    pub(super) fn begin(&mut self, agent: &Agent) -> Next {
        match self.means {
            Means::Both if !self.tables.is_empty() => Next::Again,
            Means::Both | Means::Search => {
                self.stage = Stage::Kind;
                Next::Again
            }
            Means::Code => {
                self.compute(agent);
                Next::Again
            }
        }
    }

    /// Whether what is asked next is one word.
    pub(super) fn decides(&self) -> bool {
        use Stage::*;
        matches!(self.stage, Route | Kind | Table | Holds | Speaks | Column | Check | Answers)
    }

    /// The tool that it came to its end with.
    pub(super) fn tool(&self) -> &'static str {
        if self.passages.is_empty() { PYTHON } else { SEARCH }
    }

    /// Whether it is over.
    pub(super) fn done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// How to ask next.
    pub(super) fn ask(&self, agent: &Agent) -> Prompt {
        let (messages, form, max_tokens) = match self.stage {
            Stage::Route => (
                prompts::route(&agent.task),
                Form::Choice(vec!["compute".to_string(), "lookup".to_string()]),
                8,
            ),
            Stage::Kind => (
                prompts::kind(&agent.task),
                Form::Choice(vec!["number".to_string(), "words".to_string()]),
                8,
            ),
            Stage::Table => (self.chat.clone(), Form::Choice(self.tables.clone()), 64),
            Stage::Program => {
                (self.chat.clone(), Form::Text { stop: vec!["```".to_string()] }, 400)
            }
            Stage::Query => {
                let form = self.query.as_ref().map_or(Value::Null, Query::form);
                (self.chat.clone(), Form::Json(form), 200)
            }
            Stage::Speaks | Stage::Column => {
                let columns = self.asked.as_ref().map_or(&[][..], |asked| &asked.columns);
                let mut choices: Vec<String> = columns.to_vec();
                if self.stage == Stage::Speaks {
                    choices.retain(|column| column != NONE);
                    choices.insert(0, NONE.to_string());
                }
                (self.chat.clone(), Form::Choice(choices), 16)
            }
            Stage::Check | Stage::Answers | Stage::Holds => {
                let choices = vec!["yes".to_string(), "no".to_string()];
                (self.chat.clone(), Form::Choice(choices), 4)
            }
            Stage::Translate
            | Stage::Read
            | Stage::Columns
            | Stage::Work
            | Stage::Examples
            | Stage::Search
            | Stage::Done => (self.chat.clone(), Form::Text { stop: vec!["\n".to_string()] }, 48),
        };
        let max_tokens = max_tokens.min(agent.model.max_tokens);
        let prefix = self.prefix.clone();
        Prompt { messages: Some(messages), say: None, prefix, form, max_tokens }
    }

    /// What reply number `number` comes to.
    pub(super) fn read(&mut self, agent: &Agent, number: u64, reply: &Reply) -> Decision {
        let said = reply.content.trim();
        match self.stage {
            Stage::Route => {
                self.odds = odds(reply, "compute");
                self.stage = Stage::Kind;
                Decision::default()
            }
            Stage::Kind => {
                self.is_number = odds(reply, "number") >= thresholds(agent).number;
                if self.odds >= thresholds(agent).compute && !self.tables.is_empty() {
                    self.compute(agent);
                    let plan = "ask the table that may hold the answer".to_string();
                    Decision { plan: Some(plan), ..Decision::default() }
                } else {
                    let plan = "read the passages that fit the question best".to_string();
                    let next = self.search(agent, number);
                    Decision { plan: Some(plan), next, ..Decision::default() }
                }
            }
            Stage::Table => {
                self.rank(said, &reply.odds);
                let next = match agent.grants.write.is_empty() {
                    true => self.told(agent, number, "columns", Stage::Columns),
                    false => self.told(agent, number, "examples", Stage::Examples),
                };
                Decision { next, ..Decision::default() }
            }
            Stage::Holds => self.held_by_table(agent, number, odds(reply, "yes")),
            Stage::Query => self.queried(agent, number, said),
            Stage::Speaks => self.spoken_of(agent, number, odds(reply, NONE)),
            Stage::Column => {
                let likely = reply.odds.iter().copied().reduce(f32::max).unwrap_or(1.0);
                self.column_named(agent, number, said, likely)
            }
            Stage::Program => self.programmed(agent, number, &reply.content),
            Stage::Translate => {
                Decision { next: self.translated(number, said), ..Decision::default() }
            }
            Stage::Read => self.propose(agent, number, said),
            Stage::Check => self.checked(agent, odds(reply, "yes")),
            Stage::Answers => self.answered(agent, number, odds(reply, "yes")),
            Stage::Columns | Stage::Work | Stage::Examples | Stage::Search | Stage::Done => {
                Decision::default()
            }
        }
    }

    /// What a call gave back, and what follows from it.
    pub(super) fn observe(
        &mut self,
        agent: &Agent,
        number: u64,
        observation: &Observation,
    ) -> Next {
        let output = observation.result["output"].as_str().unwrap_or_default().trim();
        match self.stage {
            Stage::Columns => self.described(agent, number, output),
            Stage::Work => self.worked(agent, number, observation),
            Stage::Examples => {
                self.chat = prompts::program(agent, &self.survey);
                self.prefix = prompts::begun(agent, &self.table, output);
                self.stage = Stage::Program;
                Next::Again
            }
            Stage::Program => self.ran(agent, observation, output),
            Stage::Search => self.searched(agent, number, observation),
            _ => Next::Again,
        }
    }

    /// Whether a program wrote a file.
    pub(super) fn wrote(&self) -> bool {
        self.wrote
    }

    fn conclude(&mut self, found: Found) {
        self.result = Some(found);
        self.stage = Stage::Done;
    }

    fn look_at(&mut self, mut files: Vec<String>) {
        self.seen.retain(|file| !files.contains(file));
        files.append(&mut self.seen);
        self.seen = files;
    }

    /// Whether something was found.
    pub(super) fn found(&self) -> bool {
        self.result.is_some()
    }

    /// Whether the answer is a number.
    pub(super) fn is_number(&self) -> bool {
        self.is_number
    }

    /// The files that an answer can cite; where nothing was found, the one that was nearest to it.
    pub(super) fn sources(&self) -> Vec<String> {
        match &self.result {
            Some(found) => found.sources.clone(),
            None => self.seen.iter().take(1).cloned().collect(),
        }
    }

    /// The conversation that fills in an answer with what was found.
    pub(super) fn last(&self, agent: &Agent) -> Vec<Message> {
        prompts::last(agent, &self.conclusion())
    }

    /// What it came to, as the model is told.
    pub(super) fn conclusion(&self) -> String {
        match &self.result {
            Some(found) => format!("Result: {}\nSource: {}", found.text, found.sources.join(", ")),
            None => "Result: not found. The files do not state it.".to_string(),
        }
    }
}

fn python(id: &str, code: &str) -> ToolCall {
    let arguments = json!({ "code": code });
    ToolCall { id: id.to_string(), name: PYTHON.to_string(), arguments }
}

fn call(number: u64, code: &str) -> Next {
    Next::Call(vec![python(&format!("code-{number}"), code)])
}

/// The files that a call read, as the model writes them.
fn origins(agent: &Agent, observation: &Observation) -> Vec<String> {
    let files = observation.origins.iter().filter_map(|origin| match origin {
        Origin::File(file) => Some(path::display(&agent.root, file)),
        _ => None,
    });
    files.collect()
}
