//! `[permissions] run` and `[programs]`: the programs that an agent may run. Refuses a rule that names
//! none, and a table that nothing uses.

use std::path::Path;

use super::problem::shortened;
use super::report::Report;
use super::source::child;
use super::{AgentFile, ProgramsTable, duration, grants, size};
use agent_core::agent::is_variable;
use agent_core::program::{Programs, RUN, RunRule};

/// `None` where no program is named.
pub(super) fn programs(
    file: &AgentFile,
    root: &Path,
    using: &[String],
    report: &mut Report<'_>,
) -> Option<Programs> {
    let (run, table) = (&file.permissions.run, &file.programs);
    const NAME_SOME: &str = "name some in [permissions], as in `run = [\"git status\", \"cargo\"]`";
    let used = using.iter().any(|tool| tool == RUN);
    if run.is_empty() {
        if let Some(at) = file.tools.using.iter().position(|tool| tool == RUN) {
            report
                .value(&format!("/tools/use/{at}"), format!("`{RUN}` has no program to run"))
                .hint(NAME_SOME);
        }
        if *table != ProgramsTable::default() {
            report.key("/programs", "no program is named that this could be of").hint(NAME_SOME);
        }
        return None;
    }
    if !used {
        report
            .key("/permissions/run", format!("the agent does not use the tool `{RUN}`"))
            .hint(format!("add `\"{RUN}\"` to [tools] use"));
    }
    let mut rules = Vec::new();
    for (at, written) in run.iter().enumerate() {
        match written.parse::<RunRule>() {
            Ok(rule) => rules.push(rule),
            Err(problem) => {
                let message = format!("`{}` {problem}", shortened(written));
                report
                    .value(&format!("/permissions/run/{at}"), message)
                    .hint("such as `git`, `git status` or `git diff *`");
            }
        }
    }
    let read = grants::existing(root, "/programs/read", &table.read, report);
    for name in table.env.keys().filter(|name| !is_variable(name)) {
        report
            .key(&child("/programs/env", name), "this is no environment variable's name")
            .hint("letters, digits and `_`, such as `CARGO_TERM_COLOR`");
    }
    let timeout = table.timeout.as_deref().map_or(Ok(Programs::TIMEOUT), duration::read);
    let memory = table.memory.as_deref().map_or(Ok(Programs::MEMORY), size::read);
    for (key, wanted) in [("timeout", timeout.err()), ("memory", memory.err())] {
        if let Some(wanted) = wanted {
            report.value(&format!("/programs/{key}"), format!("`{key}` must be {wanted}"));
        }
    }
    Some(Programs {
        rules,
        read,
        network: table.network.unwrap_or_default(),
        env: table.env.clone(),
        timeout: timeout.ok()?,
        memory: memory.ok()?,
    })
}
