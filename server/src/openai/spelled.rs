//! Calls that a model spells out as text, in a way that it was trained on and its template does not show: a
//! fenced block, mostly. What may become one is held back until it is known to be none.

use std::sync::Arc;

use agent_core::model::{Finish, Form, Reply};
use agent_core::strategy::{Parsed, parse};
use agent_core::tool::ToolSpec;

/// What a call that is spelled out begins with.
const BEGINS: [char; 4] = ['`', '{', '[', '<'];

/// The text of a reply that may call tools.
pub(crate) struct Spelled {
    tools: Vec<Arc<ToolSpec>>,
    held: String,
    plain: bool,
}

impl Spelled {
    /// Of a reply of this form.
    pub(crate) fn new(form: &Form) -> Spelled {
        let tools = match form {
            Form::Calls(tools) => tools.clone(),
            _ => Vec::new(),
        };
        Spelled { plain: tools.is_empty(), tools, held: String::new() }
    }

    /// More of the text; what of it, and of what was held back, is no call.
    pub(crate) fn more(&mut self, text: &str) -> Option<String> {
        if self.plain {
            return (!text.is_empty()).then(|| text.to_string());
        }
        self.held += text;
        match self.held.trim_start().chars().next() {
            Some(first) if !BEGINS.contains(&first) => {
                self.plain = true;
                Some(std::mem::take(&mut self.held))
            }
            _ => None,
        }
    }

    /// The reply with the calls that it spells out. What was held back of its text and is none is given back.
    pub(crate) fn end(self, reply: &mut Reply) -> String {
        let whole = reply.finish == Finish::Stop && reply.tool_calls.is_empty();
        if whole && !self.tools.is_empty() {
            let tools = self.tools.iter().map(|tool| &**tool);
            if let Parsed::Calls(before, calls) = parse(&reply.content, tools, 0) {
                let known = |name: &str| self.tools.iter().any(|tool| tool.name == name);
                if calls.iter().all(|call| known(&call.name)) {
                    reply.content = before;
                    reply.tool_calls = calls;
                    return String::new();
                }
            }
        }
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_core::model::Tokens;
    use agent_core::tool::Effect;
    use serde_json::{Value, json};

    fn check(pieces: &[&str], shown: &str, held: &str, calls: &[&str]) {
        let tool = ToolSpec {
            name: "look".to_string(),
            description: String::new(),
            input: json!({"type": "object", "properties": {"at": {"type": "string"}}}),
            output: Value::Bool(true),
            effect: Effect::Pure,
        };
        let mut spelled = Spelled::new(&Form::Calls(vec![Arc::new(tool)]));
        let seen: String = pieces.iter().filter_map(|piece| spelled.more(piece)).collect();
        let mut reply = Reply::text(pieces.concat(), Tokens::default(), Finish::Stop);
        assert_eq!(spelled.end(&mut reply), held);
        assert_eq!(seen, shown);
        let found: Vec<&str> = reply.tool_calls.iter().map(|call| &*call.name).collect();
        assert_eq!(found, calls);
    }

    #[test]
    fn a_call_that_is_spelled_out_is_one() {
        let call = "```json\n{\"name\": \"look\", \"arguments\": {\"at\": \"x\"}}\n```";
        check(&[&call[..2], &call[2..]], "", "", &["look"]);
        check(&["It is ", "there."], "It is there.", "", &[]);
        check(&["```rust\n", "fn main() {}\n```"], "", "```rust\nfn main() {}\n```", &[]);
    }
}
