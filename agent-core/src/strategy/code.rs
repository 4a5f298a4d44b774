//! Acting by code, for a model that nothing constrains: a Python block is an action, text without
//! one is the answer, and what comes before the block is the plan.

use std::sync::Arc;

use serde_json::json;

use super::decision::too_late;
use super::parse::{Parsed, parse};
use super::registry::{Entry, Models, Needs};
use super::{Conversation, Decision, PYTHON, Prompt, Strategy, View, cited, cut, prompts};
use crate::action::CallId;
use crate::agent::Agent;
use crate::message::{Message, ToolCall};
use crate::model::{Form, Reply};
use crate::tool::ToolSpec;

/// Python snippets, from a model that plans.
pub static CODE: Entry = Entry {
    name: "code",
    summary: "code",
    models: Models::Planning,
    needs: Needs { tools: &[PYTHON], agent: None },
    table: None,
    proposes: false,
    outcome: None,
    start: |_| Box::new(Code),
};

#[derive(Debug, Clone, Copy)]
struct Code;

impl Strategy for Code {
    fn boxed(&self) -> Box<dyn Strategy> {
        Box::new(*self)
    }

    fn conversation(&self) -> Option<&dyn Conversation> {
        Some(self)
    }

    fn prompt(&self, run: &View<'_>) -> Prompt {
        let View { agent, sources, last, correcting, .. } = *run;
        let form = match &agent.output {
            Some(schema) if last || (correcting && cited::answerable(schema, sources)) => {
                Form::Json(cited::narrowed(schema, sources))
            }
            _ => Form::Text { stop: Vec::new() },
        };
        Prompt::on(agent, form, last)
    }

    fn read(&mut self, run: &View<'_>, reply: &Reply) -> Decision {
        let said = Message::assistant(&reply.content);
        if let Some(problem) = cut(reply) {
            return Decision::reject(said, problem);
        }
        let tools = run.tools.iter().map(AsRef::as_ref);
        let (plan, calls) = match block(&reply.content) {
            Some((plan, code)) => {
                let (id, name) = (format!("code-{}", run.call), PYTHON.to_string());
                (plan, vec![ToolCall { id, name, arguments: json!({ "code": code }) }])
            }
            None => match parse(&reply.content, tools, run.call) {
                Parsed::Text(text) => return Decision::answer(run, said, &text),
                Parsed::Neither(problem) => return Decision::reject(said, problem),
                Parsed::Calls(plan, calls) => (plan, calls),
            },
        };
        match run.last {
            true => too_late(said),
            false => Decision::calls(&plan, said, calls),
        }
    }
}

impl Conversation for Code {
    fn opening(&self, agent: &Agent, tools: &[Arc<ToolSpec>]) -> Vec<Message> {
        let tools = tools.iter().map(AsRef::as_ref);
        vec![Message::system(prompts::of_code(agent, tools)), Message::user(&agent.task)]
    }

    fn observed(&self, _call: &ToolCall, text: String) -> Message {
        Message::user(prompts::printed(&text))
    }

    fn reads_on(&self, call: &CallId) -> String {
        format!("print(output.read(call=\"{call}\", part=2))")
    }
}

/// What a fence may call Python.
const PYTHONS: [&str; 7] = ["", "python", "py", "python3", "tool_code", "code", "ipython"];

/// The first block of Python and the text before it, however its fence is written. A block that
/// ends with the reply is whole; a fence within it, with a word after it, has its own end.
fn block(text: &str) -> Option<(String, String)> {
    let mut lines = text.lines();
    let mut plan: Vec<&str> = Vec::new();
    let (indent, mark) = lines.find_map(|line| {
        let bare = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark));
        let kind = mark.map(|mark| bare[mark.len()..].trim().to_lowercase());
        match (mark, kind) {
            (Some(mark), Some(kind)) if PYTHONS.contains(&kind.as_str()) => {
                Some((line.len() - bare.len(), mark))
            }
            _ => {
                plan.push(line);
                None
            }
        }
    })?;
    let mut code: Vec<&str> = Vec::new();
    let mut depth = 0;
    for line in lines {
        let inside = line.trim_start().strip_prefix(mark).map(str::trim);
        match inside {
            Some("") if depth == 0 => break,
            Some("") => depth -= 1,
            Some(_) => depth += 1,
            None => {}
        }
        let spaces = line.len() - line.trim_start().len();
        let line = &line[spaces.min(indent)..];
        // The end may stand on the last line of the code.
        if depth == 0
            && let Some(line) = line.trim_end().strip_suffix(mark)
            && inside.is_none()
        {
            code.push(line);
            break;
        }
        code.push(line);
    }
    let code = code.join("\n").trim_end().to_string();
    // Data in a fence without a name is no code.
    let data = serde_json::from_str::<serde_json::Value>(&code).is_ok();
    (!code.is_empty() && !data).then(|| (plan.join("\n").trim().to_string(), code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        block(text).map(|(_, code)| code)
    }

    #[test]
    fn a_block_is_found_with_its_plan() {
        let found = block("I add.\n```python\nprint(1)\n```\nok");
        assert_eq!(found, Some(("I add.".to_string(), "print(1)".to_string())));
        assert_eq!(code("plain"), None);
        assert_eq!(code("```json\n{\"a\": 1}\n```"), None);
        assert_eq!(code("```\n{\"a\": 1}\n```"), None);
    }

    #[test]
    fn a_fence_may_be_written_in_many_ways() {
        for text in [
            "```py\nprint(1)\n```",
            "```Python\nprint(1)\n```",
            "```python3\nprint(1)\n```",
            "``` python \nprint(1)\n```",
            "```python\r\nprint(1)\r\n```\r\n",
            "~~~python\nprint(1)\n~~~",
            "```tool_code\nprint(1)\n```",
            "```\nprint(1)\n```",
            "```python\nprint(1)\n",
            "```python\nprint(1)```",
            "1. So:\n   ```python\n   print(1)\n   ```",
        ] {
            assert_eq!(code(text).as_deref(), Some("print(1)"), "{text}");
        }
    }

    #[test]
    fn a_fence_within_the_code_is_part_of_it() {
        let inner = "a = \"\"\"# N\n\n```sh\nls\n```\n\nend\"\"\"\nprint(a)";
        assert_eq!(code(&format!("```python\n{inner}\n```\n")).as_deref(), Some(inner));
    }
}
