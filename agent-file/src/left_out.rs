//! What an agent file asks for that its reader was built without. Refused before the rest is looked at: of
//! a part that is not there, other messages would say the wrong thing.

use serde_json::Value;

use super::Known;
use super::problem::Problem;
use super::report::Report;
use super::source::Source;
use agent_core::agent::Provider;

/// A part that a program can be built without, and what in an agent file asks for it.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut {
    /// The cargo feature that brings it.
    pub feature: &'static str,
    /// Tables.
    pub tables: &'static [&'static str],
    /// Values of `act`.
    pub acts: &'static [&'static str],
    /// Tools.
    pub tools: &'static [&'static str],
    /// Where a model runs.
    pub provider: Option<Provider>,
}

impl LeftOut {
    /// Whether it brings this tool.
    pub fn brings(&self, tool: &str) -> bool {
        self.tools.contains(&tool)
    }

    /// What is said where something needs a feature that is not there, with a line that says what to do.
    pub fn refused(feature: &str, needed_by: &str) -> String {
        format!("{}\nhint: {}", message(feature, needed_by), hint(feature))
    }
}

fn message(feature: &str, needed_by: &str) -> String {
    format!("this build has no `{feature}`: {needed_by} needs it")
}

fn hint(feature: &str) -> String {
    format!("build errand with its feature `{feature}`")
}

/// The tables, tools and strategies of a file as it was written.
pub(super) fn refused(known: &Known<'_>, source: &Source) -> Vec<Problem> {
    let file = &source.value;
    let mut found = Vec::new();
    for part in known.left_out {
        let tables = part.tables.iter().filter(|table| file.get(**table).is_some());
        found.extend(tables.map(|table| (part, format!("/{table}"), format!("`[{table}]`"))));
        let act = file.get("act").and_then(Value::as_str);
        if let Some(act) = act.filter(|act| part.acts.contains(act)) {
            found.push((part, "/act".to_string(), format!("`act = \"{act}\"`")));
        }
        let using = file.pointer("/tools/use").and_then(Value::as_array);
        for (at, tool) in using.into_iter().flatten().enumerate() {
            if let Some(tool) = tool.as_str().filter(|tool| part.brings(tool)) {
                found.push((part, format!("/tools/use/{at}"), format!("the tool `{tool}`")));
            }
        }
    }
    let mut report = Report { source, problems: Vec::new() };
    for (part, pointer, needed_by) in found {
        let problem = report.key(&pointer, message(part.feature, &needed_by));
        problem.hint(hint(part.feature));
    }
    report.problems
}

/// Where the model runs, the command line included.
pub(super) fn refuse_provider(provider: Provider, known: &Known<'_>, report: &mut Report<'_>) {
    let part = known.left_out.iter().find(|part| part.provider == Some(provider));
    let Some(LeftOut { feature, .. }) = part else { return };
    let needed_by = format!("a model of the provider `{provider}`");
    report.key("/model", message(feature, &needed_by)).hint(hint(feature));
}
