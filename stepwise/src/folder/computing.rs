//! The course of a look that computes: a table is chosen, a form over it is filled in where it holds what
//! is asked for, and else a program is written.

use super::passage::asks_of_another;
use super::prompts;
use super::query::{Asked, Query};
use super::{Folder, Found, Means, OUTPUT, Stage, call, origins, python};
use crate::calibration::thresholds;
use crate::numeral::says_number;
use crate::survey;
use agent_core::agent::Agent;
use agent_core::event::{Observation, Status};
use agent_core::message::Message;
use agent_core::strategy::{Decision, Next, for_a_model};

/// How often a program is written for one question.
const PROGRAMS: usize = 3;
/// So many tables are asked at most whether they hold what a question asks for.
const TABLES: usize = 4;

impl Folder {
    /// Begins a program: over one of the tables, or over the text that the task names.
    pub(super) fn compute(&mut self, agent: &Agent) {
        self.chat = prompts::program(agent, &self.survey);
        let named = survey::named(&self.survey, &agent.task);
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

    /// The tables in the order in which they are asked: the one that was chosen, and then by how likely they
    /// were to be.
    pub(super) fn rank(&mut self, chosen: &str, odds: &[f32]) {
        let odds = odds.iter().copied().chain(std::iter::repeat(0.0));
        let mut others: Vec<(f32, &String)> = odds.zip(&self.tables).collect();
        others.retain(|(_, table)| *table != chosen);
        others.sort_by(|one, other| other.0.total_cmp(&one.0));
        self.others = others.into_iter().take(TABLES - 1).map(|(_, table)| table.clone()).collect();
        self.table = chosen.to_string();
    }

    /// What the guest tells of a table: first whether it holds what is asked for.
    pub(super) fn described(&mut self, agent: &Agent, number: u64, output: &str) -> Next {
        self.query = Query::of(&self.table, output, &agent.task);
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

    /// How likely it is that the table holds what is asked for. Unless that is sure, others are asked as well:
    /// by its name and its columns a table is easily mistaken for another.
    pub(super) fn held_by_table(&mut self, agent: &Agent, number: u64, odds: f32) -> Decision {
        let limits = thresholds(agent);
        if let Some(query) = self.query.take()
            && self.likeliest.as_ref().is_none_or(|(most, _)| odds > *most)
        {
            self.likeliest = Some((odds, query));
        }
        if odds < limits.holds_surely && !self.others.is_empty() {
            self.table = self.others.remove(0);
            let next = self.told(agent, number, "columns", Stage::Columns);
            return Decision { next, ..Decision::default() };
        }
        let enough = match (self.of_row, self.read.is_empty()) {
            (true, _) => limits.holds_row,
            (false, true) => limits.holds,
            (false, false) => limits.holds_after_all,
        };
        let Some((most, query)) = self.likeliest.take() else { return Decision::default() };
        self.table = query.path().to_string();
        self.chat = query.ask(&agent.task);
        (self.query, self.holds) = (Some(query), most);
        if most < enough {
            let plan = Some("no table holds it".to_string());
            let next = self.doubted(agent, number);
            return Decision { plan, next, ..Decision::default() };
        }
        self.stage = Stage::Query;
        Decision::default()
    }

    /// The form as it was filled in.
    pub(super) fn queried(&mut self, agent: &Agent, number: u64, said: &str) -> Decision {
        let asked = self.query.as_ref().and_then(|query| query.asked(said));
        let sure = self.holds >= thresholds(agent).holds_surely;
        // A name that the row has not may be in no row at all.
        let row = self.holders.first().filter(|_| self.of_row);
        let another = row.is_some_and(|row| asks_of_another(&agent.task, &row.text));
        let fits = |asked: &Asked| match self.read.is_empty() {
            _ if !asked.named && another => false,
            // What was read in a row is not how many there are.
            _ if asked.counts && self.of_row => false,
            _ if !asked.named && self.holds < thresholds(agent).holds_unnamed => false,
            _ if asked.guesses && !sure => false,
            // A program can do more with a number than a form.
            _ if asked.leaves && self.means == Means::Code => false,
            true => sure || !asked.totals,
            false => asked.picks,
        };
        let Some(asked) = asked.filter(fits) else {
            let next = self.doubted(agent, number);
            return Decision { next, ..Decision::default() };
        };
        if !asked.columns.is_empty() {
            self.chat = prompts::speaks(&asked.columns, &agent.task);
            self.prefix.clear();
            self.stage = Stage::Speaks;
            self.asked = Some(asked);
            return Decision::default();
        }
        self.work(number, asked)
    }

    /// How likely the question speaks of none of the columns that the form may go by. A small model takes one of
    /// them all the same: the newest ferry for the longest one.
    pub(super) fn spoken_of(&mut self, agent: &Agent, number: u64, none: f32) -> Decision {
        let Some(asked) = self.asked.as_ref() else { return Decision::default() };
        if none >= thresholds(agent).speaks_of_none {
            let plan = Some("no column of the table is what is asked for".to_string());
            let next = self.doubted(agent, number);
            return Decision { plan, next, ..Decision::default() };
        }
        self.chat = prompts::column(&asked.columns, &agent.task);
        self.stage = Stage::Column;
        Decision::default()
    }

    /// The column that the form speaks of, where it may be one of several: what it is ordered by, or what a
    /// number of the question is one of. What was filled in stands unless another is clearly likelier.
    pub(super) fn column_named(
        &mut self,
        agent: &Agent,
        number: u64,
        said: &str,
        odds: f32,
    ) -> Decision {
        let Some((query, asked)) = self.query.as_mut().zip(self.asked.take()) else {
            return Decision::default();
        };
        if odds < thresholds(agent).column {
            return self.work(number, asked);
        }
        if let Some(asked) = query.of_column(&asked, said) {
            return self.work(number, asked);
        }
        match self.query.as_ref().filter(|query| query.is_open()) {
            Some(query) => {
                self.chat = query.ask(&agent.task);
                self.stage = Stage::Query;
                Decision::default()
            }
            None => {
                let next = self.doubted(agent, number);
                Decision { next, ..Decision::default() }
            }
        }
    }

    fn work(&mut self, number: u64, asked: Asked) -> Decision {
        let plan = format!("find {}", asked.words);
        let next = call(number, &asked.program);
        self.asked = Some(asked);
        self.stage = Stage::Work;
        Decision { plan: Some(plan), next, ..Decision::default() }
    }

    /// What was asked of the table came back.
    pub(super) fn worked(&mut self, agent: &Agent, number: u64, observation: &Observation) -> Next {
        let output = observation.result["output"].as_str().unwrap_or_default().trim();
        if let (Some(query), Some(asked)) = (&self.query, &self.asked)
            && Query::found_none(asked, output)
            && let Some(less) = query.with_less(asked, &agent.task)
        {
            return self.work(number, less).next;
        }
        let answers = match (&self.query, &self.asked) {
            // Where passages were read first, what was asked for is one thing that none of them stated.
            (Some(query), Some(asked)) => query.answers(asked, output, !self.read.is_empty()),
            _ => false,
        };
        let found = output.lines().next().unwrap_or_default();
        let words = self.is_number && !says_number(found);
        if observation.status != Status::Ok || !answers || words {
            return self.doubted(agent, number);
        }
        self.look_at(origins(agent, observation));
        // With what it was found in: the answer may say more than the value.
        let of = self.asked.as_ref().map_or("", |asked| &asked.of);
        let text = format!("{}\n(of {of})", text::head(output, OUTPUT));
        self.conclude(Found { text, sources: vec![self.file()] });
        Next::Again
    }

    /// What a table says is not it: what was read in one of its rows may be it all the same. Else reading is the
    /// other course, unless it came first, or where nothing can be read, a program.
    fn doubted(&mut self, agent: &Agent, number: u64) -> Next {
        if std::mem::take(&mut self.of_row) {
            // Another table may be asked yet.
            self.query = None;
            self.check(agent);
            return Next::Again;
        }
        if self.means == Means::Code {
            return self.told(agent, number, "examples", Stage::Examples);
        }
        match self.read.is_empty() {
            true => self.search(agent, number),
            false => self.nothing(agent, number).next,
        }
    }

    /// What the guest tells of the table by one of its functions.
    pub(super) fn told(
        &mut self,
        agent: &Agent,
        number: u64,
        function: &str,
        stage: Stage,
    ) -> Next {
        self.stage = stage;
        let (table, question) = (prompts::literal(&self.table), prompts::literal(&agent.task));
        let code = format!("print({function}({table}, {question}))");
        Next::Call(vec![python(&format!("{function}-{number}"), &code)])
    }

    /// A program as it was gone on with.
    pub(super) fn programmed(&mut self, agent: &Agent, number: u64, written: &str) -> Decision {
        let lines = written.trim_start_matches('\n').trim_end();
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

    pub(super) fn ran(&mut self, agent: &Agent, observation: &Observation, output: &str) -> Next {
        let files = origins(agent, observation);
        self.look_at(files.clone());
        self.wrote |= observation.result["wrote"].as_array().is_some_and(|paths| !paths.is_empty());
        if observation.status == Status::Ok && (self.wrote || !nothing(output)) {
            let sources = if files.is_empty() { self.seen.clone() } else { files };
            let text = observation.text.chars().take(OUTPUT).collect();
            self.conclude(Found { text, sources });
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

    /// Programs lead nowhere: reading is the other course, where there is one.
    fn give_up(&mut self, agent: &Agent, number: u64) -> Next {
        match self.means {
            Means::Code => {
                self.stage = Stage::Done;
                Next::Again
            }
            Means::Search | Means::Both => self.search(agent, number),
        }
    }

    /// What stands before the model's own lines: the prefix without its fence.
    fn program_head(&self) -> &str {
        self.prefix.strip_prefix("```python\n").unwrap_or_default()
    }

    /// The file that holds the table.
    fn file(&self) -> String {
        self.seen.first().cloned().unwrap_or_else(|| self.table.clone())
    }

    /// Whether a table may be asked after all: reading led nowhere, it was not all but certain that
    /// there is nothing to compute, and that was not tried yet.
    pub(super) fn may_compute(&self, agent: &Agent) -> bool {
        let tried = self.query.is_some() || !self.programs.is_empty();
        self.means == Means::Both
            && self.odds >= thresholds(agent).maybe
            && !tried
            && !self.tables.is_empty()
    }
}

/// Whether a program's output says that it found nothing.
fn nothing(output: &str) -> bool {
    output
        .split(|c: char| c.is_whitespace() || "[](){}\"',".contains(c))
        .all(|word| matches!(word, "" | "None" | "0" | "0.0" | "0.00" | "nan"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_from_something() {
        for output in ["", "0", "None", "[]", "(0, 0.0)", "nan"] {
            assert!(nothing(output), "{output}");
        }
        for output in ["1", "0.5", "no", "[0, 3]"] {
            assert!(!nothing(output), "{output}");
        }
    }
}
