//! Acting step by step, for a constrained model: whatever the tools, it makes one small decision at a
//! time and each in a form that the decoder holds it to.
//!
//! Is a tool needed? Which one next, or is the task done? What are its arguments? And in the end, in
//! a conversation of its own: what is the answer, from what was observed? Code is written in a fence,
//! never within JSON; a call is never repeated unchanged; questions about a folder are looked into
//! by [`folder`]. An answer whose values nothing supports is no answer ([`grounding`]). What is said
//! to the model is data, `prompts.toml`, and so is where its decisions part ([`calibration`]).

mod answer;
mod arguments;
pub mod calibration;
mod choice;
mod done;
mod each;
mod effects;
mod fitting;
mod folder;
mod grounding;
mod labels;
mod lines;
mod owed;
mod prompts;
mod relevant;
mod several;
mod survey;
mod wording;

use std::sync::Arc;

use serde_json::Value;

use self::arguments::Draft;
use self::each::Siblings;
use self::folder::Folder;
use self::labels::Labels;
use self::lines::Lines;
use self::relevant::relevant;
use agent_core::agent::Agent;
use agent_core::event::{Observation, Status};
use agent_core::message::{Message, ToolCall};
use agent_core::model::{Form, Reply};
use agent_core::output;
use agent_core::strategy::{
    Decision, Entry, Models, Needs, Next, Prompt, Strategy, View, for_a_model,
};
use agent_core::tool::ToolSpec;
use text::numerals as numeral;

/// What is chosen when everything is done.
const FINISH: &str = "finish";
const READ: &str = "files.read";
const LIST: &str = "files.list";
const WRITE: &str = "files.write";
const EDIT: &str = "files.edit";
const MOVE: &str = "files.move";
const DELETE: &str = "files.delete";

/// So many characters of a result are shown while steps are chosen.
const SHOWN: usize = 1_800;
/// So many characters of all observations are kept to check an answer with.
const EVIDENCE: usize = 1 << 20;

/// One small decision at a time, from any model: the strategy that a constrained one is given.
pub static STEPWISE: Entry = Entry {
    name: "stepwise",
    summary: "step by step",
    models: Models::Any,
    needs: Needs { tools: &[], agent: None },
    table: None,
    proposes: false,
    outcome: None,
    start: |tools| Box::new(Stepwise::new(tools)),
};

/// How far a run is.
#[derive(Debug, Clone)]
struct Stepwise {
    tools: Vec<Arc<ToolSpec>>,
    stage: Stage,
    /// What is in the folder, one line a file.
    survey: String,
    folder: Option<Folder>,
    taken: Vec<Taken>,
    /// Tools that the next choice leaves out.
    barred: Vec<String>,
    /// Tools that may change something by what is known of them, and only look by what they say.
    looking: Vec<String>,
    /// Tools that change something: those that the task asks for, and those that it does not.
    wanted: Vec<String>,
    unwanted: Vec<String>,
    /// How likely the task wants something changed, once that was asked.
    acts: Option<f32>,
    /// Lookups of which it was asked whether they are made for each of a list.
    each: Vec<String>,
    /// Calls under way.
    pending: usize,
    /// A program wrote a file.
    wrote: bool,
    /// The tool whose last call was made again unchanged.
    insists: Option<String>,
    /// Calls in a row that failed.
    failures: usize,
    /// The one tool that there is can do the task.
    suited: bool,
    /// No tool is needed: what is known is enough.
    known: bool,
    /// How likely it was, before the tools were looked at, that what is known is enough.
    own: f32,
    /// What was given back during looks into the folder; of a step, the result has it.
    evidence: Vec<String>,
    /// The answer under way: how often it was asked for, what was said to that, and what nothing
    /// supported.
    answers: usize,
    corrections: Vec<Message>,
    left: Vec<grounding::Unsupported>,
    /// Of a list with labels that was cut short, where it stands and how many things the results have.
    longer: Option<(String, usize)>,
    /// What an answer did not know, which another step may find out; each is looked for once.
    missing: Option<String>,
    revised: usize,
    /// The step that read a file of which a text takes some lines, and these.
    judged: Option<(usize, String)>,
    /// What the task says and a change has to be made with yet; looked for once.
    rest: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// Is what is known enough?
    Own,
    /// Is there a tool for it?
    Fits,
    /// What is in the folder is being looked up.
    Survey,
    /// A whole text, or a part?
    Whole,
    /// A look into the folder is under way.
    Folder,
    /// Which tool next?
    Choose,
    /// Can this tool, the only one, do the task?
    Suits(String),
    /// May the answer to anything be in what it gives?
    Opens(String),
    /// Does this tool look or change?
    Looks(String),
    /// Does the task want something changed at all? Asked once, before the first tool that would, or where
    /// nothing was changed, before the answer.
    Acts(Then),
    /// Does the task ask for what this tool changes?
    Asked(String),
    /// Is it called once, or for several things?
    Several(String),
    /// With which arguments for each of them?
    Calls(String),
    /// With which arguments?
    Arguments(String),
    /// Which lines of a file is the longer text among them made of?
    Lines(Lines),
    /// What is that text?
    Text(Draft),
    /// Does the task mean the others of a list, too?
    Each(Siblings),
    /// What is the answer?
    Answer,
    /// Which label has each of the things that it lists?
    Labels(Labels),
    /// Does this answer say that something was done?
    Claims(Value),
    /// Does this answer only tell something where the task wants it done?
    Leaves(Value),
}

/// What follows from whether the task wants something changed.
#[derive(Debug, Clone, PartialEq)]
enum Then {
    /// This tool is next, if the task asks for what it does.
    Tool(String),
    /// This is the answer, unless it tells of what was never done.
    Answer(Value),
}

/// A step that was taken.
#[derive(Debug, Clone)]
struct Taken {
    tool: String,
    arguments: Value,
    /// The result as it is shown; the whole of it is in the evidence.
    shown: String,
    whole: String,
    status: Status,
}

impl Taken {
    /// The step as the model writes it.
    fn said(&self) -> String {
        match &self.arguments {
            Value::Null => self.tool.clone(),
            arguments => format!("{}\n{}", self.tool, prompts::written(arguments)),
        }
    }

    /// The step with what came of it. Where tools are in comes before their names and looks like a
    /// value: it stays away.
    fn told(&self) -> String {
        let bare = self.tool.rsplit('.').next().unwrap_or(&self.tool);
        let arguments = match &self.arguments {
            Value::Null => String::new(),
            arguments => prompts::written(arguments),
        };
        format!("{bare}({arguments}) gave back:\n{}", self.shown)
    }
}

impl Strategy for Stepwise {
    fn boxed(&self) -> Box<dyn Strategy> {
        Box::new(self.clone())
    }

    fn begin(&mut self, _run: &View<'_>) -> Next {
        if self.tools.is_empty() {
            self.known = true;
            self.stage = Stage::Answer;
        }
        Next::Again
    }

    fn decides(&self) -> bool {
        match self.stage {
            Stage::Own | Stage::Fits | Stage::Whole | Stage::Choose => true,
            Stage::Suits(_) | Stage::Opens(_) | Stage::Looks(_) | Stage::Acts(_) => true,
            Stage::Asked(_) | Stage::Each(_) => true,
            Stage::Claims(_) | Stage::Leaves(_) | Stage::Labels(_) | Stage::Lines(_) => true,
            // A list of one is asked for again, as a call.
            Stage::Several(_) | Stage::Calls(_) => true,
            Stage::Folder => self.folder.as_ref().is_some_and(Folder::decides),
            Stage::Survey | Stage::Arguments(_) | Stage::Text(_) | Stage::Answer => false,
        }
    }

    fn prompt(&self, run: &View<'_>) -> Prompt {
        let View { agent, sources, last, .. } = *run;
        if last {
            return self.ask_for_answer(agent, sources, last);
        }
        let own = |messages, prefix: &str, form, max_tokens: u32| Prompt {
            messages: Some(messages),
            say: None,
            prefix: prefix.to_string(),
            form,
            max_tokens: max_tokens.min(agent.model.max_tokens),
        };
        let words = |words: &[&str]| Form::Choice(words.iter().map(ToString::to_string).collect());
        let about = |name: &str, ask: &dyn Fn(&ToolSpec) -> Vec<Message>| {
            self.tool(name).map(|tool| ask(tool)).unwrap_or_default()
        };
        match &self.stage {
            Stage::Own => own(prompts::own(agent), "", words(&["own", "data"]), 8),
            Stage::Fits => {
                own(prompts::fits(agent, self.offered(agent)), "", words(&["yes", "no"]), 8)
            }
            Stage::Whole => own(prompts::whole(agent), "", words(&["part", "whole"]), 8),
            Stage::Choose => own(self.steps(agent), "", Form::Choice(self.choices(agent)), 32),
            Stage::Suits(name) => {
                own(about(name, &|tool| prompts::suits(agent, tool)), "", words(&["yes", "no"]), 8)
            }
            Stage::Opens(name) => {
                own(about(name, &prompts::opens), "", words(&["anything", "one"]), 8)
            }
            Stage::Looks(name) => {
                own(about(name, &prompts::looks), "", words(&["look", "change"]), 8)
            }
            Stage::Acts(_) => own(prompts::acts(agent), "", words(&["do", "know"]), 8),
            Stage::Claims(value) => {
                own(prompts::claims(agent, value), "", words(&["yes", "no"]), 8)
            }
            Stage::Leaves(value) => {
                own(prompts::leaves(agent, value), "", words(&["undone", "complete"]), 8)
            }
            Stage::Asked(name) => {
                own(about(name, &|tool| prompts::asked(agent, tool)), "", words(&["yes", "no"]), 8)
            }
            Stage::Several(name) => {
                let messages = about(name, &|tool| prompts::several(agent, tool));
                own(messages, "", words(&["several", "once"]), 8)
            }
            Stage::Calls(name) => {
                let schema = self.form(agent, name);
                let messages = about(name, &|tool| prompts::calls(agent, tool, &schema));
                own(messages, "", Form::Json(several::list_of(schema)), agent.model.max_tokens)
            }
            Stage::Arguments(name) => {
                let schema = self.form(agent, name);
                let messages =
                    about(name, &|tool| prompts::arguments(self.steps(agent), tool, &schema));
                own(messages, &format!("{name}\n"), Form::Json(schema), agent.model.max_tokens)
            }
            Stage::Text(draft) => {
                let text = Form::Text { stop: Vec::new() };
                own(self.ask_for_text(agent, draft), "", text, agent.model.max_tokens)
            }
            Stage::Labels(labels) => {
                let (messages, form) = self.ask_for_label(agent, labels);
                own(messages, "", form, 32)
            }
            Stage::Lines(lines) => {
                own(self.ask_for_line(agent, lines), "", words(&["yes", "no"]), 8)
            }
            Stage::Each(siblings) => {
                own(self.ask_for_each(agent, siblings), "", words(&["yes", "no"]), 8)
            }
            Stage::Folder => match &self.folder {
                Some(folder) => folder.ask(agent),
                None => self.ask_for_answer(agent, sources, last),
            },
            Stage::Survey | Stage::Answer => self.ask_for_answer(agent, sources, last),
        }
    }

    fn read(&mut self, run: &View<'_>, reply: &Reply) -> Decision {
        let View { agent, sources, last, call: number, .. } = *run;
        if last {
            self.stage = Stage::Answer;
        }
        let said = reply.content.trim().to_string();
        match self.stage.clone() {
            Stage::Own => {
                self.own = odds(reply, "own");
                self.stage = Stage::Fits;
                Decision::default()
            }
            Stage::Fits => self.needed(agent, number, odds(reply, "yes")),
            Stage::Whole => {
                let whole = 1.0 - odds(reply, "part");
                let next = match whole >= calibration::thresholds(agent).whole {
                    true => self.choose(agent),
                    false => self.look(agent, self.means()),
                };
                Decision { next, ..Decision::default() }
            }
            Stage::Folder => {
                let Some(folder) = &mut self.folder else { return Decision::default() };
                let mut turn = folder.read(agent, number, reply);
                if folder.done() {
                    turn.next = self.looked(agent);
                }
                turn
            }
            Stage::Choose => self.chosen(agent, number, &said),
            Stage::Suits(name) => self.suits(agent, &name, odds(reply, "yes")),
            Stage::Opens(name) => self.opens(agent, &name, odds(reply, "anything")),
            Stage::Looks(name) => self.looks(agent, &name, odds(reply, "look")),
            Stage::Acts(then) => self.acts(agent, then, odds(reply, "do")),
            Stage::Labels(labels) => self.labelled(labels, reply),
            Stage::Lines(lines) => self.judged(agent, lines, reply),
            Stage::Claims(value) => self.claims(agent, value, odds(reply, "yes")),
            Stage::Leaves(value) => self.leaves(agent, value, odds(reply, "undone")),
            Stage::Asked(name) => self.wants(agent, &name, odds(reply, "yes")),
            Stage::Several(name) => self.several(agent, name, odds(reply, "several")),
            Stage::Calls(name) => self.called(agent, number, &name, reply),
            Stage::Arguments(name) => self.filled(agent, number, &name, reply),
            Stage::Text(draft) => self.wrote(agent, number, draft, reply),
            Stage::Each(siblings) => self.for_each(agent, number, &siblings, odds(reply, "yes")),
            Stage::Survey | Stage::Answer => self.answered(agent, sources, reply, last),
        }
    }

    fn observe(&mut self, run: &View<'_>, asked: &ToolCall, observation: &Observation) -> Next {
        let agent = run.agent;
        match self.stage {
            Stage::Survey => self.survey_came(agent, observation),
            Stage::Folder => {
                if observation.status == Status::Ok {
                    self.keep(&observation.text);
                }
                let Some(folder) = &mut self.folder else { return Next::Again };
                let next = folder.observe(agent, run.call, observation);
                match folder.done() {
                    true => self.looked(agent),
                    false => next,
                }
            }
            _ => {
                let text = match observation.status {
                    Status::Ok => observation.text.clone(),
                    _ => format!("failed: {}", for_a_model(&observation.text)),
                };
                self.take(agent, &asked.name, asked.arguments.clone(), &text, observation.status);
                self.pending = self.pending.saturating_sub(1);
                if self.pending > 0 {
                    return Next::Again;
                }
                match self.siblings(agent) {
                    Some(siblings) => {
                        self.stage = Stage::Each(siblings);
                        Next::Again
                    }
                    None => self.choose(agent),
                }
            }
        }
    }
}

impl Stepwise {
    fn new(tools: &[Arc<ToolSpec>]) -> Stepwise {
        // Long results are shown in the parts that matter: nothing is left to read on.
        let tools = tools.iter().filter(|tool| tool.name != output::READ).cloned().collect();
        Stepwise {
            tools,
            stage: Stage::Own,
            own: 0.0,
            survey: String::new(),
            folder: None,
            taken: Vec::new(),
            barred: Vec::new(),
            looking: Vec::new(),
            wanted: Vec::new(),
            unwanted: Vec::new(),
            acts: None,
            each: Vec::new(),
            pending: 0,
            wrote: false,
            insists: None,
            failures: 0,
            suited: false,
            known: false,
            evidence: Vec::new(),
            answers: 0,
            corrections: Vec::new(),
            left: Vec::new(),
            longer: None,
            missing: None,
            revised: 0,
            judged: None,
            rest: None,
        }
    }

    fn tool(&self, name: &str) -> Option<&Arc<ToolSpec>> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.tool(name).is_some()
    }

    /// The results of the steps that succeeded, and what looks into the folder read.
    fn observed(&self) -> impl Iterator<Item = &str> {
        let results = self.succeeded().map(|step| step.whole.as_str());
        results.chain(self.evidence.iter().map(String::as_str))
    }

    fn succeeded(&self) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(|step| step.status == Status::Ok)
    }

    fn take(&mut self, agent: &Agent, tool: &str, arguments: Value, text: &str, status: Status) {
        let question = format!("{} {}", agent.task, prompts::written(&arguments));
        match status {
            Status::Ok => self.failures = 0,
            _ => self.failures += 1,
        }
        self.taken.push(Taken {
            tool: tool.to_string(),
            arguments,
            shown: relevant(text, &question, SHOWN),
            whole: text.to_string(),
            status,
        });
    }

    fn keep(&mut self, text: &str) {
        let kept: usize = self.evidence.iter().map(String::len).sum();
        if kept + text.len() <= EVIDENCE {
            self.evidence.push(text.to_string());
        }
    }
}

/// How likely the first of the words was; without odds, whether it was said.
fn odds(reply: &Reply, word: &str) -> f32 {
    let said = if reply.content.trim() == word { 1.0 } else { 0.0 };
    reply.odds.first().copied().unwrap_or(said)
}
