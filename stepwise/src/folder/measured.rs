//! A labelled example of a decision about a folder: a look that has come to that decision.

use serde_json::{Value, json};

use super::passage::Passage;
use super::query::{Asked, Query};
use super::{Folder, Means, Stage, prompts};
use crate::calibration::measured::text;
use agent_core::agent::Agent;

impl Folder {
    /// A look for each of the questions that the decision takes.
    pub(crate) fn at(decision: &str, agent: &Agent, line: &Value) -> Result<Vec<Folder>, String> {
        let look = |stage, chat| Folder { stage, chat, ..Folder::new("", Means::Both) };
        let task = text(line, "task")?;
        Ok(match decision {
            "compute" => vec![look(Stage::Route, Vec::new())],
            "number" => vec![look(Stage::Kind, Vec::new())],
            "holds" => {
                let table = described(line)?.to_string();
                let query = Query::of(text(line, "table")?, &table, task);
                let query = query.ok_or("`columns` or `rows` is missing")?;
                vec![look(Stage::Holds, query.holds(&agent.task))]
            }
            "stated" => {
                let passage = Passage {
                    path: String::new(),
                    context: String::new(),
                    text: text(line, "passage")?.to_string(),
                    is_row: false,
                };
                let stated = prompts::stated(&[&passage], task, text(line, "proposed")?);
                let answers = prompts::answers(&[&passage], task);
                vec![look(Stage::Check, stated), look(Stage::Answers, answers)]
            }
            _ => {
                let columns = line["columns"].as_array().ok_or("`columns` is missing")?;
                let columns: Vec<String> =
                    columns.iter().filter_map(|name| Some(name.as_str()?.to_string())).collect();
                let chat = prompts::speaks(&columns, task);
                let mut asked = Asked::default();
                asked.columns = columns;
                vec![Folder { asked: Some(asked), ..look(Stage::Speaks, chat) }]
            }
        })
    }
}

/// A table as the guest's `columns` prints it, from what is shown of it.
fn described(line: &Value) -> Result<Value, String> {
    let told = line["columns"].as_array().ok_or("`columns` is missing")?;
    let columns: Vec<Value> = told
        .iter()
        .map(|column| {
            let mut whole = json!({
                "unit": null, "empty": false, "unique": false, "years": false,
                "values": [], "offered": [], "parts": [], "such": [],
            });
            for (key, value) in column.as_object().into_iter().flatten() {
                whole[key] = value.clone();
            }
            whole
        })
        .collect();
    Ok(json!({ "rows": line["rows"], "columns": columns, "numbers": [] }))
}
