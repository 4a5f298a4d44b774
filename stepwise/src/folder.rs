//! Questions about a folder, answered by decisions so small that a model of a billion parameters
//! gets each one right: either by computing over a table in Python or by reading ranked passages.
//!
//! Each decision is a short conversation of its own. A look that finds nothing may lead to another
//! with the question rewritten by what was read. It needs the tools `python` or `files.search`, and
//! uses those that are there. What every choice here was measured against stands in
//! `docs/performance.md`.

mod passage;
mod prompts;

use serde_json::{Value, json};

use agent_core::agent::Agent;
use agent_core::event::{Observation, Status};
use agent_core::message::{Message, ToolCall};
use agent_core::model::{Form, Reply};
use agent_core::path;
use agent_core::provenance::Origin;
use agent_core::strategy::{Decision, Next, PYTHON, Prompt, for_a_model, paragraphs};
use passage::Passage;

/// The tool that ranks passages.
pub(super) const SEARCH: &str = "files.search";

/// From this probability on a question counts as one to compute: over two folders the questions to
/// look up gave at most 0.32, the ones to compute at least 0.39.
const COMPUTE: f32 = 0.35;
/// From this probability on a passage counts as stating an answer: right answers gave 0.62 to
/// 0.92, wrong ones 0.17 to 0.58.
const STATED: f32 = 0.6;
/// The same for two passages together: 0.77 to 0.83 against 0.57.
const STATED_TOGETHER: f32 = 0.7;
/// How often a program is written for one question.
const PROGRAMS: usize = 3;
/// Passages read at once.
const PASSAGES: usize = 5;
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
    /// The conversation of the decision under way.
    chat: Vec<Message>,
    /// What the assistant's turn begins with.
    prefix: String,
    /// The table that the program is about.
    table: String,
    programs: Vec<String>,
    /// What is being read, best first.
    passages: Vec<Passage>,
    /// Set while a second search follows what the first one found.
    bridge: Option<Passage>,
    /// A short answer that is not checked yet, and the passage that holds it.
    proposed: String,
    holder: Option<Passage>,
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
            chat: Vec::new(),
            prefix: String::new(),
            table: String::new(),
            programs: Vec::new(),
            passages: Vec::new(),
            bridge: None,
            proposed: String::new(),
            holder: None,
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
        matches!(self.stage, Stage::Route | Stage::Table | Stage::Check)
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
            Stage::Check => {
                let choices = vec!["yes".to_string(), "no".to_string()];
                (self.chat.clone(), Form::Choice(choices), 4)
            }
            Stage::Read | Stage::Examples | Stage::Search | Stage::Done => {
                (self.chat.clone(), Form::Text { stop: vec!["\n".to_string()] }, 48)
            }
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
                let odds = reply.odds.first().copied();
                let compute = odds.map_or(said == "compute", |odds| odds >= COMPUTE);
                if compute && !self.tables.is_empty() {
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
                self.stage = Stage::Examples;
                let (table, question) = (prompts::literal(said), prompts::literal(&agent.task));
                let next = call(number, &format!("print(examples({table}, {question}))"));
                Decision { next, ..Decision::default() }
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
                let enough = if self.bridge.is_some() { STATED_TOGETHER } else { STATED };
                let stated = reply.odds.first().map_or(said == "yes", |odds| *odds >= enough);
                if !stated {
                    return self.nothing(agent, number);
                }
                let used: Vec<Passage> =
                    self.bridge.iter().chain(self.holder.iter()).cloned().collect();
                let sources = passage::files(&used);
                self.conclude(Found { text: self.proposed.clone(), how: "found in", sources });
                Decision::default()
            }
            Stage::Examples | Stage::Search | Stage::Done => Decision::default(),
        }
    }

    /// What a call gave back, and what follows from it.
    pub(super) fn observe(&mut self, agent: &Agent, observation: &Observation) -> Next {
        let output = observation.result["output"].as_str().unwrap_or_default().trim();
        match self.stage {
            Stage::Examples => {
                self.prefix = prompts::begun(agent, &self.table, output);
                self.stage = Stage::Program;
                Next::Again
            }
            Stage::Program => self.ran(agent, observation, output),
            Stage::Search => {
                let shown = std::mem::take(&mut self.passages);
                self.passages = passage::all(&observation.result, &shown, PASSAGES);
                if let Some(first) = &self.bridge {
                    self.passages.truncate(PASSAGES - 1);
                    let found = !self.passages.is_empty();
                    self.passages.insert(0, first.clone());
                    self.stage = if found { Stage::Read } else { Stage::Done };
                } else {
                    self.stage = if self.passages.is_empty() { Stage::Done } else { Stage::Read };
                }
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
        let candidates = if self.bridge.is_some() { &self.passages[1..] } else { &self.passages };
        let Some(best) = passage::holder(candidates, said) else {
            return self.nothing(agent, number);
        };
        let best = candidates[best].clone();
        let together: Vec<&Passage> = self.bridge.iter().chain([&best]).collect();
        self.chat = prompts::check(&together, &agent.task, said);
        self.holder = Some(best);
        self.proposed = said.to_string();
        self.stage = Stage::Check;
        Decision::default()
    }

    /// The passages do not state the answer. What the best of them names may lead on to one that
    /// does: a question about "the inventor of dynamite" goes on with Alfred Nobel.
    fn nothing(&mut self, agent: &Agent, number: u64) -> Decision {
        let first = self.bridge.is_none().then(|| self.passages.first().cloned()).flatten();
        let Some(first) = first else {
            self.stage = Stage::Done;
            return Decision::default();
        };
        let query = format!("{} {}", agent.task, first.names_beside(&agent.task).join(" "));
        let plan = format!("follow what {} names", first.path);
        self.bridge = Some(first);
        // The passage itself fits its own names best, and what else was read before is left out of
        // what is found: so more is asked for.
        let next = self.find(number, json!({ "query": query, "skip": 1, "limit": 3 * PASSAGES }));
        Decision { plan: Some(plan), next, ..Decision::default() }
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
