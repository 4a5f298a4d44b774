//! What is in the folder: told before the first step, and looked into where the task asks about it.

use serde_json::{Value, json};

use super::folder::{self, Folder, Means};
use super::{LIST, READ, Stage, Stepwise, WRITE};
use agent_core::agent::Agent;
use agent_core::event::{Observation, Status};
use agent_core::message::ToolCall;
use agent_core::path;
use agent_core::strategy::{Next, PYTHON};

/// The tools that look into a folder and change nothing.
const FOLDER: [&str; 4] = [PYTHON, folder::SEARCH, READ, LIST];

impl Stepwise {
    /// What is in the folder? Only who looks into it by code or lists can tell.
    pub(super) fn survey(&mut self, agent: &Agent, number: u64) -> Next {
        self.stage = Stage::Survey;
        if self.has(PYTHON) && !agent.grants.read.is_empty() {
            return Next::Call(vec![folder::survey()]);
        }
        if self.has(LIST) {
            let (id, name) = (format!("list-{number}"), LIST.to_string());
            return Next::Call(vec![ToolCall { id, name, arguments: json!({}) }]);
        }
        self.surveyed(agent)
    }

    fn surveyed(&mut self, agent: &Agent) -> Next {
        if self.only_looks() && self.means().is_some() {
            // A file that the task names is read, and not searched for what the task says; of a table the rows are asked.
            if self.means() == Some(Means::Search)
                && self.has(READ)
                && !self.named_files(agent).is_empty()
            {
                self.stage = self.toward(agent, READ);
                return Next::Again;
            }
            if self.has(READ) {
                self.stage = Stage::Whole;
                return Next::Again;
            }
            return self.look(agent, self.means());
        }
        self.choose(agent)
    }

    /// The files that the task names: of those that are there, or where that is not known, all that is called like one.
    pub(super) fn named_files(&self, agent: &Agent) -> Vec<String> {
        match self.survey.is_empty() {
            true => files_in(&agent.task).map(str::to_string).collect(),
            false => named(&self.survey, &agent.task),
        }
    }

    /// What the agent can look into its folder with.
    pub(super) fn means(&self) -> Option<Means> {
        match (self.has(PYTHON), self.has(folder::SEARCH)) {
            (true, true) => Some(Means::Both),
            (true, false) => Some(Means::Code),
            (false, true) => Some(Means::Search),
            (false, false) => None,
        }
    }

    pub(super) fn look(&mut self, agent: &Agent, means: Option<Means>) -> Next {
        let Some(means) = means else { return self.choose(agent) };
        self.stage = Stage::Folder;
        let folder = self.folder.insert(Folder::new(&self.survey, means));
        folder.begin(agent)
    }

    /// A look into the folder is over.
    pub(super) fn looked(&mut self, agent: &Agent) -> Next {
        let Some(folder) = &self.folder else { return self.choose(agent) };
        let (tool, text, found) = (folder.tool(), folder.conclusion(), folder.found());
        let wrote = folder.wrote();
        self.wrote |= wrote;
        let status = if found { Status::Ok } else { Status::Failed };
        self.take(agent, tool, Value::Null, &text, status);
        if self.only_looks() {
            self.stage = Stage::Answer;
            return Next::Again;
        }
        // Until something else was done, the same look would see the same; and what a program wrote
        // is written.
        self.barred.extend([PYTHON, folder::SEARCH].map(str::to_string));
        if wrote {
            self.barred.push(WRITE.to_string());
        }
        self.choose(agent)
    }

    /// Whether all there is are tools that look into the folder.
    fn only_looks(&self) -> bool {
        self.tools.iter().all(|tool| FOLDER.contains(&tool.name.as_str()))
    }

    /// What the survey call gave back. That is no observation of what is in the files, and so no
    /// evidence.
    pub(super) fn survey_came(&mut self, agent: &Agent, observation: &Observation) -> Next {
        let survey = match (observation.result["output"].as_str(), observation.status) {
            (Some(output), _) => output.trim().to_string(),
            (None, Status::Ok) => listed(&observation.result),
            _ => String::new(),
        };
        self.survey = without_the_agent(agent, &survey);
        self.surveyed(agent)
    }
}

/// A survey without the agent file, which is about the run and not about the task.
fn without_the_agent(agent: &Agent, survey: &str) -> String {
    let own = path::display(&agent.root, &agent.file);
    let other = |line: &&str| line.split_once(": ").is_none_or(|(path, _)| path != own);
    survey.lines().filter(other).collect::<Vec<_>>().join("\n")
}

/// A listing as a survey has it.
fn listed(result: &Value) -> String {
    let entries = result["entries"].as_array().into_iter().flatten();
    let files = entries.filter(|entry| entry["folder"] != true);
    let lines = files.map(|entry| {
        format!("{}: {} bytes", entry["path"].as_str().unwrap_or_default(), entry["size"])
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of a survey.
pub(super) fn files(survey: &str) -> impl Iterator<Item = &str> {
    survey.lines().filter_map(|line| line.split_once(": ")).map(|(path, _)| path)
}

/// The files of a survey that a task names, by their path or their name.
pub(super) fn named(survey: &str, task: &str) -> Vec<String> {
    let named = files(survey).filter(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !name.is_empty() && task.contains(name)
    });
    named.map(str::to_string).collect()
}

/// The words of a text that are called like files, without what stands around them.
pub(super) fn files_in(text: &str) -> impl Iterator<Item = &str> {
    let before = |c: char| !c.is_alphanumeric() && !"./_-".contains(c);
    let behind = |c: char| !c.is_alphanumeric();
    let words = text.split_whitespace();
    let words = words.map(move |word| word.trim_start_matches(before).trim_end_matches(behind));
    words.filter(|word| is_called_like_a_file(word))
}

/// Whether a word ends as the names of documents do: `minutes.txt` and not `example.org`.
fn is_called_like_a_file(word: &str) -> bool {
    const ENDINGS: [&str; 18] = [
        "txt", "md", "csv", "tsv", "json", "jsonl", "xml", "html", "htm", "log", "pdf", "docx",
        "xlsx", "pptx", "odt", "epub", "eml", "yaml",
    ];
    word.rsplit_once('.').is_some_and(|(name, ending)| {
        !name.is_empty()
            && !word.contains("://")
            && ENDINGS.contains(&ending.to_lowercase().as_str())
    })
}

/// The tables that a survey names: its lines are `PATH: table of …` and `PATH: text, …`.
pub(super) fn tables(survey: &str) -> Vec<String> {
    let tables = survey.lines().filter_map(|line| line.split_once(": table of "));
    tables.map(|(path, _)| path.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_task_names_are_found() {
        let survey = "docs/a.csv: table of 3 rows with the columns x\ndocs/b.md: text, Title";
        assert_eq!(named(survey, "Sum up b.md"), ["docs/b.md"]);
        assert!(named(survey, "Sum up all").is_empty());
    }

    #[test]
    fn files_are_told_by_their_endings() {
        let text = "Put minutes.txt, \"docs/A.PDF\" and (./b_1.md) into out/c.txt (or \"d.txt\").";
        let files: Vec<&str> = files_in(text).collect();
        assert_eq!(files, ["minutes.txt", "docs/A.PDF", "./b_1.md", "out/c.txt", "d.txt"]);
        let others = "example.org minutes. .txt https://example.org/a.html 3.5";
        assert_eq!(files_in(others).next(), None);
    }

    #[test]
    fn tables_are_found_in_a_survey() {
        let survey = "docs/a.csv: table of 3 rows with the columns x, y\ndocs/b.md: text, Title";
        assert_eq!(tables(survey), ["docs/a.csv"]);
    }
}
