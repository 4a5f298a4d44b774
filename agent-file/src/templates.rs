//! `task` and `instructions`: templates over the parameters. Refuses a variable that is no
//! parameter, and what can be seen beforehand not to render.

use serde_json::{Map, Value};

use super::report::Report;
use super::{AgentFile, suggest};
use agent_core::template::{Template, TemplateError};

/// The templates, in the order task and instructions, if both can be rendered.
pub(super) fn templates<'a>(
    file: &'a AgentFile,
    report: &mut Report<'_>,
) -> Option<[Template<'a>; 2]> {
    // Also a parameter that was declared wrongly is declared.
    let declared = report.source.value.get("params").and_then(Value::as_object);
    let declared: Vec<String> = declared.into_iter().flat_map(Map::keys).cloned().collect();
    let mut read = |pointer: &str, source| match Template::parse(source) {
        Ok(template) => {
            for variable in template.variables().filter(|name| !declared.iter().any(|d| d == name))
            {
                let message = format!("the template uses `{variable}`, which is no parameter");
                let problem = match template.place(variable) {
                    Some(part) => report.part(pointer, part, message),
                    None => report.value(pointer, message),
                };
                let near = suggest::nearest(variable, declared.iter().map(String::as_str));
                problem.hint(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        format!("declare it: `[params.{variable}]` with `type = \"string\"`")
                    }
                });
            }
            for fault in template.faults() {
                fault_at(pointer, fault.clone(), report);
            }
            Some(template)
        }
        Err(error) => {
            fault_at(pointer, error, report);
            None
        }
    };
    let task = read("/task", &file.task);
    let instructions = read("/instructions", &file.instructions);
    Some([task?, instructions?])
}

/// What a template comes to. Nothing where that was a problem, which is reported.
pub(super) fn rendered(
    pointer: &str,
    template: &Template<'_>,
    values: &Map<String, Value>,
    report: &mut Report<'_>,
) -> Option<String> {
    match template.render(values) {
        Ok(text) if pointer == "/task" && text.trim().is_empty() => {
            report.value(pointer, "with these parameters the task is empty");
            None
        }
        Ok(text) => Some(text),
        Err(error) => {
            fault_at(pointer, error, report);
            None
        }
    }
}

fn fault_at(pointer: &str, error: TemplateError, report: &mut Report<'_>) {
    let problem = match error.range {
        Some(part) => report.part(pointer, part, error.message),
        None => report.value(pointer, error.message),
    };
    problem.hint = error.hint;
}
