//! Which tool next, if any: what is offered, what was chosen, and when there is nothing more to do.

use serde_json::{Value, json};

use super::calibration::thresholds;
use super::folder::{self, Means};
use super::prompts;
use super::several::side_by_side;
use super::{EDIT, FINISH, READ, Stage, Stepwise, answer};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::message::Message;
use agent_core::strategy::{Decision, Next, PYTHON};
use agent_core::tool::ToolSpec;
use text::head;
use text::rank;

/// More tools than this are ranked, and the best are offered.
const OFFERED: usize = 14;
/// The most calls of one run.
pub(super) const CALLS: usize = 16;
/// So many calls in a row may fail.
const FAILURES: usize = 4;
/// So many lines of what is in the folder are shown.
const FILES: usize = 40;

impl Stepwise {
    /// The tools that are offered: the best ranked ones where there are many. Where none shares a
    /// word with the task, as with a task in another language, all of them.
    pub(super) fn offered(&self, agent: &Agent) -> impl Iterator<Item = &ToolSpec> {
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
    pub(super) fn needed(&mut self, agent: &Agent, number: u64, fits: f32) -> Decision {
        let limits = thresholds(agent);
        let facts = [folder::SEARCH, PYTHON, "web.search"].iter().any(|name| self.has(name));
        let likelier = self.own - fits;
        // What is as likely is looked up.
        let clearly = match facts {
            true => likelier > limits.margin_of_facts,
            false => likelier >= limits.margin,
        };
        if self.own >= limits.own && clearly {
            self.known = true;
            self.stage = Stage::Answer;
            let plan = Some("answer without a tool: none is needed".to_string());
            return Decision { plan, ..Decision::default() };
        }
        if fits < limits.fits {
            let plan = Some("say that no tool can do it".to_string());
            return Decision { plan, next: self.no_tool(agent), ..Decision::default() };
        }
        Decision { next: self.survey(agent, number), ..Decision::default() }
    }

    pub(super) fn steps(&self, agent: &Agent) -> Vec<Message> {
        let files: Vec<&str> = self.survey.lines().take(FILES).collect();
        let files = files.join("\n");
        prompts::choose(agent, self.offered(agent), &files, &self.taken, self.missing.as_deref())
    }

    pub(super) fn choices(&self, agent: &Agent) -> Vec<String> {
        let mut names: Vec<String> = self
            .offered(agent)
            .filter(|tool| !self.barred.contains(&tool.name) && !self.unwanted.contains(&tool.name))
            .filter(|tool| !self.spent(tool))
            // What is edited has to be read first.
            .filter(|tool| tool.name != EDIT || !self.has(READ) || self.read_one())
            // Who looks for what is missing changes nothing, and leaves what failed.
            .filter(|tool| self.missing.is_none() || self.may_tell(&tool.name))
            .map(|tool| tool.name.clone())
            .collect();
        if names.is_empty() || (!self.taken.is_empty() && self.missing.is_none()) {
            names.push(FINISH.to_string());
        }
        names
    }

    fn read_one(&self) -> bool {
        self.succeeded().any(|step| step.tool == READ)
    }

    /// Whether a tool may tell what is missing still: it is not known to change anything, and it did not
    /// fail, or something was found since.
    fn may_tell(&self, name: &str) -> bool {
        let latest = self.taken.iter().rposition(|step| step.tool == name);
        let since = latest.map_or(&[][..], |at| &self.taken[at..]);
        let found = since.iter().any(|step| step.status == Status::Ok);
        !self.wants_it(name) && (latest.is_none() || found)
    }

    /// Whether a tool that takes nothing has given all it can.
    fn spent(&self, tool: &ToolSpec) -> bool {
        let takes = tool.input["properties"].as_object().is_some_and(|all| !all.is_empty());
        !takes && self.repeats(&tool.name, &json!({}))
    }

    pub(super) fn choose(&mut self, agent: &Agent) -> Next {
        self.expect_owed(agent);
        self.stage = Stage::Choose;
        let choices = self.choices(agent);
        match choices.as_slice() {
            _ if self.over() && !self.taken.is_empty() => self.stage = Stage::Answer,
            _ if self.over() => return self.no_tool(agent),
            [only] if only == FINISH && self.taken.is_empty() => return self.no_tool(agent),
            [only] if only == FINISH => return self.finish(agent),
            [only] if only == PYTHON => return self.look(agent, Some(Means::Code)),
            [only] => self.stage = self.toward(agent, &only.clone()),
            _ => {}
        }
        Next::Again
    }

    /// Whether no more steps are taken.
    pub(super) fn over(&self) -> bool {
        self.taken.len() >= CALLS || self.failures >= FAILURES
    }

    /// No tool is there for this: that is the end, or the answer says so where it has a form.
    pub(super) fn no_tool(&mut self, agent: &Agent) -> Next {
        if agent.output.is_none() {
            return Next::Stop(answer::NO_TOOL.to_string());
        }
        self.stage = Stage::Answer;
        let text = format!("{}: not found.", answer::NO_TOOL);
        self.take(agent, "tools", Value::Null, &text, Status::Failed);
        Next::Again
    }

    pub(super) fn chosen(&mut self, agent: &Agent, number: u64, said: &str) -> Decision {
        if !self.choices(agent).iter().any(|choice| choice == said) {
            self.failures += 1;
            let rejected = Some(format!("`{}` is none of the next steps", head(said, 80)));
            return Decision { rejected, next: self.choose(agent), ..Decision::default() };
        }
        if said == FINISH {
            return Decision { next: self.finish(agent), ..Decision::default() };
        }
        if let Some(path) = self.read_before(agent, said) {
            let plan = Some(format!("read {path} first: the task names it"));
            let read = side_by_side(number, READ, [json!({ "path": path })]);
            if let Ok(next) = self.made(agent, read) {
                return Decision { plan, next, ..Decision::default() };
            }
        }
        let changes = self.tools.iter().any(|tool| self.changes(&tool.name));
        let next = match said {
            PYTHON => self.look(agent, Some(Means::Code)),
            // Who only looks has a question: its passages are read and checked.
            folder::SEARCH if !changes && self.taken.is_empty() => self.look(agent, self.means()),
            _ => {
                self.stage = self.toward(agent, said);
                Next::Again
            }
        };
        Decision { next, ..self.begun(said) }
    }

    /// A file that the task names and that was not read yet, where a tool takes a text – a small model writes what it
    /// may hold – or searches for what the task says, which finds a part of it.
    fn read_before(&self, agent: &Agent, name: &str) -> Option<String> {
        let tool = self.tool(name).filter(|_| self.has(READ))?;
        if name != folder::SEARCH {
            self.text_of(agent, tool)?;
        }
        let seen = |path: &String| {
            let mut steps = self.taken.iter().filter(|step| step.tool != folder::SEARCH);
            steps.any(|step| step.arguments.to_string().contains(path.as_str()))
        };
        let owed = self.owed(agent);
        let mut named = self.named_files(agent).into_iter();
        named.find(|path| !owed.contains(path) && !seen(path))
    }

    /// What is told once a tool was chosen, unless something is asked about it first.
    pub(super) fn begun(&self, name: &str) -> Decision {
        let plan = match self.stage {
            Stage::Suits(_) | Stage::Looks(_) => None,
            _ => Some(format!("next: {name}")),
        };
        Decision { plan, ..Decision::default() }
    }
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
