//! The arguments of a step: the tool's own schema, narrowed to what this task can mean.

use serde_json::{Map, Value, json};

use super::{READ, Stepwise};
use crate::act::research::rank;
use crate::agent::Agent;
use crate::tool::ToolSpec;

impl Stepwise {
    /// The schema of a tool's arguments as they are asked for: what it takes but needs not is left
    /// out unless the task speaks of it, and a file to read is one that is there.
    pub(super) fn arguments(&self, agent: &Agent, tool: &ToolSpec) -> Value {
        let mut schema = tool.input.clone();
        let required: Vec<String> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_string))
            .collect();
        let spoken = rank::words(&agent.task);
        let digits = agent.task.contains(|c: char| c.is_ascii_digit());
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|name, schema| {
                let number = ["integer", "number"].iter().any(|kind| schema["type"] == *kind);
                required.contains(name) || (meant(name, schema, &spoken) && (!number || digits))
            });
            if tool.name == READ {
                self.offer_files(properties);
            }
        }
        schema
    }

    fn offer_files(&self, properties: &mut Map<String, Value>) {
        let files: Vec<&str> = self
            .survey
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(path, _)| path)
            .filter(|path| !self.repeats(READ, &json!({ "path": path })))
            .collect();
        if !files.is_empty() && !self.survey.contains("… and more files") {
            properties.insert("path".to_string(), json!({ "enum": files }));
        }
    }
}

/// Whether a task speaks of an argument: by its name, its description or one of its values.
fn meant(name: &str, schema: &Value, spoken: &[String]) -> bool {
    let values = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let described = schema["description"].as_str().unwrap_or_default();
    let text: String = [name.replace('_', " ").as_str(), described]
        .into_iter()
        .chain(values)
        .collect::<Vec<_>>()
        .join(" ");
    let telling = |word: &String| !word.starts_with(|c: char| c.is_ascii_digit());
    rank::words(&text).iter().any(|word| telling(word) && spoken.contains(word))
}
