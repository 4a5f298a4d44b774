//! Acting step by step, for a constrained model: whatever the tools, it makes one small decision at a
//! time and each in a form that the decoder holds it to.
//!
//! Is a tool needed? Which one next, or is the task done? What are its arguments? And in the end, in
//! a conversation of its own: what is the answer, from what was observed? Code is written in a fence,
//! never within JSON; a call is never repeated unchanged; questions about a folder are looked into
//! by [`folder`]. An answer whose values nothing supports is no answer ([`grounding`]). What is said
//! to the model and where decisions part is data: `prompts.toml`.

mod answer;
mod arguments;
mod each;
mod effects;
mod folder;
mod grounding;
mod prompts;
mod relevant;
mod survey;

use std::sync::Arc;

use serde_json::{Value, json};

use self::arguments::Draft;
use self::each::Siblings;
use self::folder::{Folder, Means};
use self::prompts::PROMPTS;
use self::relevant::relevant;
use super::{Ask, Next, PYTHON, Turn, for_a_model};
use crate::act::research::rank;
use crate::agent::Agent;
use crate::event::{Observation, Status};
use crate::message::{Message, ToolCall};
use crate::model::{Form, Reply};
use crate::output;
use crate::run::head;
use crate::tool::ToolSpec;

/// What is chosen when everything is done.
const FINISH: &str = "finish";
const READ: &str = "files.read";
const LIST: &str = "files.list";
const WRITE: &str = "files.write";

/// More tools than this are ranked, and the best are offered.
const OFFERED: usize = 14;
/// The most calls of one run.
const CALLS: usize = 16;
/// So many calls in a row may fail.
const FAILURES: usize = 4;
/// So many characters of a result are shown while steps are chosen.
const SHOWN: usize = 1_800;
/// So many characters of all observations are kept to check an answer with.
const EVIDENCE: usize = 1 << 20;
/// So many lines of what is in the folder are shown.
const FILES: usize = 40;

/// How far a run is.
#[derive(Debug, Clone)]
pub(crate) struct Stepwise {
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
    /// Whether the task wants something changed, once that was asked.
    acts: Option<bool>,
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
    /// What an answer did not know, which another step may find out; each is looked for once.
    missing: Option<String>,
    revised: usize,
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
    /// Does this tool look or change?
    Looks(String),
    /// Does the task want something changed at all? Asked once, before the first tool that would.
    Acts(String),
    /// Does the task ask for what this tool changes?
    Asked(String),
    /// With which arguments?
    Arguments(String),
    /// What is the longer text among them?
    Text(Draft),
    /// Does the task mean the others of a list, too?
    Each(Siblings),
    /// What is the answer?
    Answer,
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

impl Stepwise {
    pub(crate) fn new(tools: &[Arc<ToolSpec>]) -> Stepwise {
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
            known: false,
            evidence: Vec::new(),
            answers: 0,
            corrections: Vec::new(),
            left: Vec::new(),
            missing: None,
            revised: 0,
        }
    }

    /// What a run begins with.
    pub(crate) fn begin(&mut self) -> Next {
        if self.tools.is_empty() {
            self.known = true;
            self.stage = Stage::Answer;
        }
        Next::Again
    }

    /// Whether what is asked next is one word, on the way to a step.
    pub(crate) fn decides(&self) -> bool {
        match self.stage {
            Stage::Own | Stage::Fits | Stage::Whole | Stage::Choose => true,
            Stage::Looks(_) | Stage::Acts(_) | Stage::Asked(_) | Stage::Each(_) => true,
            Stage::Folder => self.folder.as_ref().is_some_and(Folder::decides),
            Stage::Survey | Stage::Arguments(_) | Stage::Text(_) | Stage::Answer => false,
        }
    }

    /// How to ask next; `last` leaves only the answer.
    pub(crate) fn ask(&self, agent: &Agent, sources: &[String], last: bool) -> Ask {
        if last {
            return self.ask_for_answer(agent, sources, last);
        }
        let own = |messages, prefix: &str, form, max_tokens: u32| Ask {
            messages: Some(messages),
            say: None,
            prefix: prefix.to_string(),
            form,
            max_tokens: max_tokens.min(agent.model.max_tokens),
        };
        let words = |words: &[&str]| Form::Choice(words.iter().map(ToString::to_string).collect());
        match &self.stage {
            Stage::Own => own(prompts::own(agent), "", words(&["own", "data"]), 8),
            Stage::Fits => {
                own(prompts::fits(agent, self.offered(agent)), "", words(&["yes", "no"]), 8)
            }
            Stage::Whole => own(prompts::whole(agent), "", words(&["part", "whole"]), 8),
            Stage::Choose => own(self.steps(agent), "", Form::Choice(self.choices(agent)), 32),
            Stage::Looks(name) => {
                let messages = self.tool(name).map(|tool| prompts::looks(tool));
                own(messages.unwrap_or_default(), "", words(&["look", "change"]), 8)
            }
            Stage::Acts(_) => own(prompts::acts(agent), "", words(&["do", "know"]), 8),
            Stage::Asked(name) => {
                let messages = self.tool(name).map(|tool| prompts::asked(agent, tool));
                own(messages.unwrap_or_default(), "", words(&["yes", "no"]), 8)
            }
            Stage::Arguments(name) => {
                let schema = self.tool(name).map_or_else(
                    || json!({"type": "object"}),
                    |tool| self.arguments(agent, tool).0,
                );
                let prefix = format!("{name}\n");
                own(self.steps(agent), &prefix, Form::Json(schema), agent.model.max_tokens)
            }
            Stage::Text(draft) => {
                let text = Form::Text { stop: Vec::new() };
                own(self.ask_for_text(agent, draft), "", text, agent.model.max_tokens)
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

    /// What reply number `number` comes to.
    pub(crate) fn read(
        &mut self,
        agent: &Agent,
        sources: &[String],
        number: u64,
        reply: &Reply,
        last: bool,
    ) -> Turn {
        if last {
            self.stage = Stage::Answer;
        }
        let said = reply.content.trim().to_string();
        match self.stage.clone() {
            Stage::Own => {
                self.own = odds(reply, "own");
                self.stage = Stage::Fits;
                Turn::default()
            }
            Stage::Fits => self.needed(agent, number, odds(reply, "yes")),
            Stage::Whole => {
                let next = match said == "whole" {
                    true => self.choose(agent),
                    false => self.look(agent, number, self.means()),
                };
                Turn { next, ..Turn::default() }
            }
            Stage::Folder => {
                let Some(folder) = &mut self.folder else { return Turn::default() };
                let mut turn = folder.read(agent, number, reply);
                if folder.done() {
                    turn.next = self.looked(agent);
                }
                turn
            }
            Stage::Choose => self.chosen(agent, number, &said),
            Stage::Looks(name) => self.looks(agent, &name, odds(reply, "look")),
            Stage::Acts(name) => self.acts(agent, &name, odds(reply, "do")),
            Stage::Asked(name) => self.wants(agent, &name, odds(reply, "yes")),
            Stage::Arguments(name) => self.filled(agent, number, &name, reply),
            Stage::Text(draft) => self.wrote(agent, number, draft, reply),
            Stage::Each(siblings) => self.for_each(agent, number, &siblings, odds(reply, "yes")),
            Stage::Survey | Stage::Answer => self.answered(agent, sources, reply, last),
        }
    }

    /// What a call gave back, and what follows from it.
    pub(crate) fn observe(
        &mut self,
        agent: &Agent,
        asked: &ToolCall,
        observation: &Observation,
    ) -> Next {
        match self.stage {
            Stage::Survey => self.survey_came(agent, observation),
            Stage::Folder => {
                if observation.status == Status::Ok {
                    self.keep(&observation.text);
                }
                let Some(folder) = &mut self.folder else { return Next::Again };
                let next = folder.observe(agent, observation);
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

    fn tool(&self, name: &str) -> Option<&Arc<ToolSpec>> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.tool(name).is_some()
    }

    /// The tools that are offered: the best ranked ones where there are many. Where none shares a
    /// word with the task, as with a task in another language, all of them.
    fn offered(&self, agent: &Agent) -> impl Iterator<Item = &ToolSpec> {
        let mut kept: Vec<usize> = (0..self.tools.len()).collect();
        if self.tools.len() > OFFERED {
            let texts: Vec<String> = self.tools.iter().map(|tool| told(tool)).collect();
            let scores = rank::score(&agent.task, texts.iter().map(String::as_str));
            if scores.iter().any(|score| *score > 0.0) {
                let used = |at: usize| self.taken.iter().any(|t| t.tool == self.tools[at].name);
                kept.sort_by(|a, b| {
                    used(*b).cmp(&used(*a)).then(scores[*b].total_cmp(&scores[*a]))
                });
                kept.truncate(OFFERED);
                kept.sort_unstable();
            }
        }
        kept.into_iter().map(|at| &*self.tools[at])
    }

    /// Whether a tool is needed, and whether there is one; `fits` is how likely that is.
    fn needed(&mut self, agent: &Agent, number: u64, fits: f32) -> Turn {
        let thresholds = &PROMPTS.thresholds;
        let facts = [folder::SEARCH, PYTHON, "web.search"].iter().any(|name| self.has(name));
        let margin = if facts { thresholds.margin_of_facts } else { thresholds.margin };
        if self.own >= thresholds.own && self.own - fits >= margin {
            self.known = true;
            self.stage = Stage::Answer;
            let plan = Some("answer without a tool: none is needed".to_string());
            return Turn { plan, ..Turn::default() };
        }
        if fits < thresholds.fits {
            let plan = Some("say that no tool can do it".to_string());
            return Turn { plan, next: self.no_tool(agent), ..Turn::default() };
        }
        Turn { next: self.survey(agent, number), ..Turn::default() }
    }

    fn steps(&self, agent: &Agent) -> Vec<Message> {
        let files: Vec<&str> = self.survey.lines().take(FILES).collect();
        let files = files.join("\n");
        prompts::choose(agent, self.offered(agent), &files, &self.taken, self.missing.as_deref())
    }

    fn choices(&self, agent: &Agent) -> Vec<String> {
        let mut names: Vec<String> = self
            .offered(agent)
            .filter(|tool| !self.barred.contains(&tool.name) && !self.unwanted.contains(&tool.name))
            .filter(|tool| !self.spent(tool))
            // Who looks for what is missing changes nothing, and leaves what failed.
            .filter(|tool| self.missing.is_none() || self.may_tell(&tool.name))
            .map(|tool| tool.name.clone())
            .collect();
        if names.is_empty() || (!self.taken.is_empty() && self.missing.is_none()) {
            names.push(FINISH.to_string());
        }
        names
    }

    /// Whether a tool may tell what is missing still: it is not known to change anything, and its latest
    /// call did not fail.
    fn may_tell(&self, name: &str) -> bool {
        let latest = self.taken.iter().rev().find(|step| step.tool == name);
        !self.wants_it(name) && latest.is_none_or(|step| step.status == Status::Ok)
    }

    /// Whether a tool that takes nothing has given all it can.
    fn spent(&self, tool: &ToolSpec) -> bool {
        let takes = tool.input["properties"].as_object().is_some_and(|all| !all.is_empty());
        !takes && self.repeats(&tool.name, &json!({}))
    }

    fn choose(&mut self, agent: &Agent) -> Next {
        let over = self.taken.len() >= CALLS || self.failures >= FAILURES;
        self.stage = Stage::Choose;
        let choices = self.choices(agent);
        match choices.as_slice() {
            _ if over && !self.taken.is_empty() => self.stage = Stage::Answer,
            _ if over => return self.no_tool(agent),
            [only] if only == FINISH && self.taken.is_empty() => return self.no_tool(agent),
            [only] if only == FINISH => self.stage = Stage::Answer,
            [only] if only == PYTHON => return self.look(agent, 0, Some(Means::Code)),
            [only] => self.stage = self.toward(agent, &only.clone()),
            _ => {}
        }
        Next::Again
    }

    /// No tool is there for this: that is the end, or the answer says so where it has a form.
    fn no_tool(&mut self, agent: &Agent) -> Next {
        if agent.output.is_none() {
            return Next::Stop(answer::NO_TOOL.to_string());
        }
        self.stage = Stage::Answer;
        let text = format!("{}: not found.", answer::NO_TOOL);
        self.take(agent, "tools", Value::Null, &text, Status::Failed);
        Next::Again
    }

    fn chosen(&mut self, agent: &Agent, number: u64, said: &str) -> Turn {
        if !self.choices(agent).iter().any(|choice| choice == said) {
            self.failures += 1;
            let rejected = Some(format!("`{}` is none of the next steps", head(said, 80)));
            return Turn { rejected, next: self.choose(agent), ..Turn::default() };
        }
        if said == FINISH {
            self.stage = Stage::Answer;
            return Turn::default();
        }
        let changes = self.tools.iter().any(|tool| self.changes(&tool.name));
        let next = match said {
            PYTHON => self.look(agent, number, Some(Means::Code)),
            // Who only looks has a question: its passages are read and checked.
            folder::SEARCH if !changes && self.taken.is_empty() => {
                self.look(agent, number, self.means())
            }
            _ => {
                self.stage = self.toward(agent, said);
                Next::Again
            }
        };
        let plan = match self.stage {
            Stage::Looks(_) => None,
            _ => Some(format!("next: {said}")),
        };
        Turn { plan, next, ..Turn::default() }
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

/// What a tool is found by.
fn told(tool: &ToolSpec) -> String {
    let mut text = format!("{} {}", tool.name.replace(['.', '_', '-'], " "), tool.description);
    for (name, schema) in tool.input["properties"].as_object().into_iter().flatten() {
        text += &format!(
            " {} {}",
            name.replace('_', " "),
            schema["description"].as_str().unwrap_or_default()
        );
    }
    text
}
