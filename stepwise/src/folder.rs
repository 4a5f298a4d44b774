//! Questions about a folder, answered by decisions so small that a model of a billion parameters
//! gets each one right: either by computing over a table in Python or by reading ranked passages.
//!
//! Each decision is a short conversation of its own. A look that finds nothing may lead to another
//! with the question rewritten by what was read. It needs the tools `python` or `files.search`, and
//! uses those that are there. What every choice here was measured against stands in
//! `docs/performance.md`.

mod passage;
mod prompts;
mod query;

use serde_json::{Value, json};

use crate::odds;
use agent_core::agent::Agent;
use agent_core::event::{Observation, Status};
use agent_core::message::{Message, ToolCall};
use agent_core::model::{Form, Reply};
use agent_core::path;
use agent_core::provenance::Origin;
use agent_core::strategy::{Decision, Next, PYTHON, Prompt, for_a_model, paragraphs};
use passage::Passage;
use query::{Asked, Query};

/// The tool that ranks passages.
pub(super) const SEARCH: &str = "files.search";

/// From this probability on a question counts as one to compute: over two folders the questions to
/// look up gave at most 0.32, the ones to compute at least 0.39.
const COMPUTE: f32 = 0.35;
/// From this probability on a program is written where a table says nothing.
const SURE: f32 = 0.6;
/// From this probability on it is tried where no passage states the answer.
const MAYBE: f32 = 0.1;
/// From this probability on a passage counts as stating an answer: right answers gave 0.62 to
/// 0.92, wrong ones 0.17 to 0.58.
const STATED: f32 = 0.6;
/// Below this one it counts only where what the passage names leads to none that states another.
const CLEAR: f32 = 0.7;
/// The same for two passages together: 0.77 to 0.83 against 0.57.
const STATED_TOGETHER: f32 = 0.7;
/// From this probability on a table counts as holding what is asked for …
const HOLDS: f32 = 0.5;
/// … and from this one on where passages were read in vain.
const HOLDS_AFTER_ALL: f32 = 0.6;
/// How often a program is written for one question.
const PROGRAMS: usize = 3;
/// Passages read at once.
const PASSAGES: usize = 5;
/// The most passages that lead on to another.
const HOPS: usize = 2;
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
    /// The table that is asked about.
    table: String,
    /// What it offers to the question, and what was asked of it.
    query: Option<Query>,
    asked: Option<Asked>,
    programs: Vec<String>,
    /// What is being read, best first.
    passages: Vec<Passage>,
    /// Passages whose names another search follows, in the order in which they lead on.
    chain: Vec<Passage>,
    /// All passages that were read.
    read: Vec<Passage>,
    /// A short answer that is not checked yet, and the passage that holds it.
    proposed: String,
    holder: Option<Passage>,
    /// What is the answer unless a better one is found.
    held: Option<Found>,
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
    Table,
    /// What is in the table's columns is being looked up.
    Columns,
    /// Does the table hold what is asked for?
    Holds,
    /// Which rows, and what to find in them?
    Query,
    /// That is being worked out.
    Work,
    Examples,
    Program,
    Search,
    Read,
    Check,
    Done,
}

#[derive(Debug, Clone)]
struct Found {
    text: String,
    how: &'static str,
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
            tables: prompts::tables(survey),
            odds: 0.0,
            chat: Vec::new(),
            prefix: String::new(),
            table: String::new(),
            query: None,
            asked: None,
            programs: Vec::new(),
            passages: Vec::new(),
            chain: Vec::new(),
            read: Vec::new(),
            proposed: String::new(),
            holder: None,
            held: None,
            result: None,
            wrote: false,
            seen: Vec::new(),
        }
    }

    /// Begins: with the question how, or with the one way that there is.
    pub(super) fn begin(&mut self, agent: &Agent, number: u64) -> Next {
        match self.means {
            Means::Both if !self.tables.is_empty() => Next::Again,
            Means::Both | Means::Search => self.search(number, &agent.task),
            Means::Code => {
                self.compute(agent);
                Next::Again
            }
        }
    }

    /// Whether what is asked next is one word.
    pub(super) fn decides(&self) -> bool {
        matches!(self.stage, Stage::Route | Stage::Table | Stage::Holds | Stage::Check)
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
            Stage::Table => (self.chat.clone(), Form::Choice(self.tables.clone()), 64),
            Stage::Program => {
                (self.chat.clone(), Form::Text { stop: vec!["```".to_string()] }, 400)
            }
            Stage::Query => {
                let form = self.query.as_ref().map_or(Value::Null, Query::form);
                (self.chat.clone(), Form::Json(form), 200)
            }
            Stage::Check | Stage::Holds => {
                let choices = vec!["yes".to_string(), "no".to_string()];
                (self.chat.clone(), Form::Choice(choices), 4)
            }
            Stage::Read
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
                if self.odds >= COMPUTE && !self.tables.is_empty() {
                    self.compute(agent);
                    let plan = "write a program over the table that holds the answer".to_string();
                    Decision { plan: Some(plan), ..Decision::default() }
                } else {
                    let plan = "read the passages that fit the question best".to_string();
                    let next = self.search(number, &agent.task);
                    Decision { plan: Some(plan), next, ..Decision::default() }
                }
            }
            Stage::Table => {
                self.table = said.to_string();
                let next = match agent.grants.write.is_empty() {
                    true => self.told(agent, number, "columns", Stage::Columns),
                    false => self.told(agent, number, "examples", Stage::Examples),
                };
                Decision { next, ..Decision::default() }
            }
            Stage::Holds => {
                let enough = if self.read.is_empty() { HOLDS } else { HOLDS_AFTER_ALL };
                let (true, Some(query)) = (odds(reply, "yes") >= enough, &self.query) else {
                    let plan = format!("{} does not hold it", self.table);
                    let next = self.doubted(agent, number);
                    return Decision { plan: Some(plan), next, ..Decision::default() };
                };
                self.chat = query.ask(&agent.task);
                self.stage = Stage::Query;
                Decision::default()
            }
            Stage::Query => {
                let asked = self.query.as_ref().and_then(|query| query.asked(said));
                let Some(asked) = asked.filter(|asked| self.read.is_empty() || asked.picks) else {
                    let next = self.doubted(agent, number);
                    return Decision { next, ..Decision::default() };
                };
                let plan = format!("find {}", asked.words);
                let next = call(number, &asked.program);
                self.asked = Some(asked);
                self.stage = Stage::Work;
                Decision { plan: Some(plan), next, ..Decision::default() }
            }
            Stage::Program => {
                let lines = reply.content.trim_start_matches('\n').trim_end();
                let program = format!("{}{lines}", self.program_head());
                self.chat.push(Message::assistant(format!("```python\n{program}\n```")));
                if self.programs.contains(&program) {
                    // The same program again fails the same way: reading is the other course.
                    let plan = "the program does not change: do something else".to_string();
                    let next = self.give_up(agent, number);
                    return Decision { plan: Some(plan), next, ..Decision::default() };
                }
                self.programs.push(program.clone());
                Decision { next: call(number, &program), ..Decision::default() }
            }
            Stage::Read => self.propose(agent, number, said),
            Stage::Check => {
                let enough = if self.chain.is_empty() { STATED } else { STATED_TOGETHER };
                let stated = odds(reply, "yes");
                if stated < enough {
                    return self.nothing(agent, number);
                }
                let used: Vec<Passage> =
                    self.chain.iter().chain(self.holder.iter()).cloned().collect();
                let sources = passage::files(&used);
                let found = Found { text: self.proposed.clone(), how: "found in", sources };
                if self.chain.is_empty() && stated < CLEAR {
                    // What the passage names may lead to a better one; if not, this is it.
                    self.held = Some(found);
                    return self.nothing(agent, number);
                }
                self.conclude(found);
                Decision::default()
            }
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
            Stage::Columns => {
                self.query = Query::of(&self.table, output);
                match &self.query {
                    Some(query) => {
                        self.chat = query.holds(&agent.task);
                        self.prefix.clear();
                        self.stage = Stage::Holds;
                        Next::Again
                    }
                    None => self.told(agent, number, "examples", Stage::Examples),
                }
            }
            Stage::Work => self.worked(agent, number, observation),
            Stage::Examples => {
                self.chat = prompts::program(agent, &self.survey);
                self.prefix = prompts::begun(agent, &self.table, output);
                self.stage = Stage::Program;
                Next::Again
            }
            Stage::Program => self.ran(agent, observation, output),
            Stage::Search => {
                // Once two passages lead on together, what was passed over may be what they lead to.
                let known = if self.chain.len() < HOPS { &self.read } else { &self.chain };
                let room = PASSAGES - self.chain.len();
                let found = passage::all(&observation.result, known, room);
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
            _ => Next::Again,
        }
    }

    /// Begins a program: over one of the tables, or over the text that the task names.
    fn compute(&mut self, agent: &Agent) {
        self.chat = prompts::program(agent, &self.survey);
        let named = prompts::named(&self.survey, &agent.task);
        let tables: Vec<String> =
            named.iter().filter(|path| self.tables.contains(path)).cloned().collect();
        if !tables.is_empty() {
            self.tables = tables;
        } else if let Some(text) = named.first() {
            self.prefix = prompts::begun_with_text(agent, text);
            self.stage = Stage::Program;
            return;
        }
        self.stage = if self.tables.is_empty() { Stage::Program } else { Stage::Table };
        self.prefix = match self.stage {
            Stage::Table => {
                format!("```python\n# {}\nrows = table(\"", prompts::one_line(&agent.task))
            }
            _ => format!("```python\n# {}\n", prompts::one_line(&agent.task)),
        };
    }

    /// The file that holds the table.
    fn file(&self) -> String {
        self.seen.first().cloned().unwrap_or_else(|| self.table.clone())
    }

    /// What the guest tells of the table by one of its functions.
    fn told(&mut self, agent: &Agent, number: u64, function: &str, stage: Stage) -> Next {
        self.stage = stage;
        let (table, question) = (prompts::literal(&self.table), prompts::literal(&agent.task));
        let code = format!("print({function}({table}, {question}))");
        Next::Call(vec![python(&format!("{function}-{number}"), &code)])
    }

    /// What was asked of the table came back.
    fn worked(&mut self, agent: &Agent, number: u64, observation: &Observation) -> Next {
        let output = observation.result["output"].as_str().unwrap_or_default().trim();
        let answers = match (&self.query, &self.asked) {
            (Some(query), Some(asked)) => query.answers(asked, output),
            _ => false,
        };
        if observation.status != Status::Ok || !answers {
            return self.doubted(agent, number);
        }
        self.look_at(origins(agent, observation));
        let text = output.chars().take(OUTPUT).collect();
        self.conclude(Found { text, how: "worked out from", sources: vec![self.file()] });
        Next::Again
    }

    /// What a table says is not it. Where something is to be computed all the same a program may get
    /// further; else reading does, unless it came first.
    fn doubted(&mut self, agent: &Agent, number: u64) -> Next {
        if self.odds >= SURE || self.means == Means::Code {
            return self.told(agent, number, "examples", Stage::Examples);
        }
        match self.read.is_empty() {
            true => self.search(number, &agent.task),
            false => self.nothing(agent, number).next,
        }
    }

    /// What stands before the model's own lines: the prefix without its fence.
    fn program_head(&self) -> &str {
        self.prefix.strip_prefix("```python\n").unwrap_or_default()
    }

    fn search(&mut self, number: u64, task: &str) -> Next {
        self.find(number, json!({ "query": task, "limit": PASSAGES }))
    }

    fn find(&mut self, number: u64, arguments: Value) -> Next {
        self.stage = Stage::Search;
        let (id, name) = (format!("search-{number}"), SEARCH.to_string());
        Next::Call(vec![ToolCall { id, name, arguments }])
    }

    fn ran(&mut self, agent: &Agent, observation: &Observation, output: &str) -> Next {
        let files = origins(agent, observation);
        self.look_at(files.clone());
        self.wrote |= observation.result["wrote"].as_array().is_some_and(|paths| !paths.is_empty());
        if observation.status == Status::Ok && (self.wrote || !prompts::nothing(output)) {
            let sources = if files.is_empty() { self.seen.clone() } else { files };
            let text = observation.text.chars().take(OUTPUT).collect();
            self.conclude(Found { text, how: "worked out from", sources });
            return Next::Again;
        }
        if self.programs.len() >= PROGRAMS {
            return self.give_up(agent, self.programs.len() as u64);
        }
        self.chat.push(Message::user(match observation.status {
            Status::Ok => prompts::empty(output),
            _ => prompts::failed(&for_a_model(&observation.text)),
        }));
        Next::Again
    }

    /// Whether a program wrote a file.
    pub(super) fn wrote(&self) -> bool {
        self.wrote
    }

    /// Programs lead nowhere: reading is the other course, where there is one.
    fn give_up(&mut self, agent: &Agent, number: u64) -> Next {
        match self.means {
            Means::Code => {
                self.stage = Stage::Done;
                Next::Again
            }
            Means::Search | Means::Both => self.search(number, &agent.task),
        }
    }

    /// A short answer was read out of the passages: it counts once the passage that holds it was
    /// asked whether it states it.
    fn propose(&mut self, agent: &Agent, number: u64, said: &str) -> Decision {
        let candidates = &self.passages[self.chain.len().min(self.passages.len())..];
        let Some(best) = passage::holder(candidates, said) else {
            return self.nothing(agent, number);
        };
        let best = candidates[best].clone();
        let together: Vec<&Passage> = self.chain.iter().chain([&best]).collect();
        self.chat = prompts::check(&together, &agent.task, said);
        self.holder = Some(best);
        self.proposed = said.to_string();
        self.stage = Stage::Check;
        Decision::default()
    }

    /// The passages do not state the answer. What the best of them names may lead on to one that
    /// does: a question about "the inventor of dynamite" goes on with Alfred Nobel. If that does not
    /// either, a table may hold it, or both that and the passage that shares the most names with it
    /// may lead further.
    fn nothing(&mut self, agent: &Agent, number: u64) -> Decision {
        if !self.chain.is_empty() && self.may_compute() {
            self.passages.clear();
            self.compute(agent);
            let plan = "no passage states it: ask the table that may hold it".to_string();
            return Decision { plan: Some(plan), ..Decision::default() };
        }
        let next = match self.chain.len() {
            // The one that the answer was read in says more of the question than its words do.
            0 => self.holder.take().or_else(|| self.passages.first().cloned()),
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

    /// Whether a table may be asked after all: reading led nowhere, it was not all but certain that
    /// there is nothing to compute, and that was not tried yet.
    fn may_compute(&self) -> bool {
        let tried = self.query.is_some() || !self.programs.is_empty() || self.held.is_some();
        self.means == Means::Both && self.odds >= MAYBE && !tried && !self.tables.is_empty()
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
            Some(found) => format!(
                "Result: {}\nIt was {} {}.",
                found.text,
                found.how,
                found.sources.join(", ")
            ),
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
