//! Files that a task says are to be written. A small model reads what should go into one, and takes that for the end:
//! while such a file is missing, the end leads to the tool that writes, and without it there is no answer.

use super::{Stage, Stepwise, WRITE, survey};
use agent_core::agent::Agent;
use agent_core::event::Status;
use agent_core::path;
use agent_core::strategy::{Next, PYTHON};

impl Stepwise {
    /// The files that the task names, that lie where the agent may write, that were not there, and that no step was
    /// about so far.
    pub(super) fn owed(&self, agent: &Agent) -> Vec<String> {
        let writes = self.has(WRITE) || self.has(PYTHON);
        if !writes || self.wrote || agent.grants.write.is_empty() {
            return Vec::new();
        }
        let listed = |file: &str| survey::files(&self.survey).any(|there| there == file);
        let place = |file: &str| path::resolve(&agent.root, file).ok();
        let handled = |file: &str| {
            let steps = self.succeeded().filter_map(|step| step.arguments.as_object());
            let mut values = steps.flatten().filter_map(|(_, value)| value.as_str());
            values.any(|value| place(value) == place(file))
        };
        let may_be_written = |file: &str| {
            let writable = &agent.grants.write;
            place(file).is_some_and(|file| writable.iter().any(|place| file.starts_with(place)))
        };
        let mut owed: Vec<String> = survey::files_in(&agent.task).map(str::to_string).collect();
        owed.retain(|file| may_be_written(file) && !listed(file) && !handled(file));
        owed.dedup();
        owed
    }

    /// A task that names a file to write asks for the tool that writes it.
    pub(super) fn expect_owed(&mut self, agent: &Agent) {
        if self.has(WRITE) && !self.wants_it(WRITE) && !self.owed(agent).is_empty() {
            self.wanted.push(WRITE.to_string());
            self.unwanted.retain(|name| name != WRITE);
        }
    }

    /// A tool that the task asks for and that failed, where another step succeeded since.
    fn failed_before_more_was_found(&self) -> Option<String> {
        let name = self.wanted.first().filter(|_| !self.changed() && !self.over())?;
        let last = self.taken.iter().rposition(|step| step.tool == *name)?;
        let found = self.taken[last + 1..].iter().any(|step| step.status == Status::Ok);
        (found && self.has(name) && !self.barred.contains(name)).then(|| name.clone())
    }

    /// There is nothing more to find out: what is owed is written, a change that failed is made with what was found
    /// since, if it can be, and then comes the answer.
    pub(super) fn finish(&mut self, agent: &Agent) -> Next {
        if let Some(name) = self.failed_before_more_was_found() {
            self.stage = Stage::Arguments(name);
            return Next::Again;
        }
        let mut writers = [WRITE, PYTHON].into_iter();
        let barred = |name: &str| self.barred.iter().any(|barred| barred == name);
        let writer = writers.find(|name| self.has(name) && !barred(name));
        self.stage = match writer.filter(|_| !self.over() && !self.owed(agent).is_empty()) {
            Some(PYTHON) => return self.look(agent, self.means()),
            Some(writer) => self.toward(agent, writer),
            None => Stage::Answer,
        };
        Next::Again
    }
}
