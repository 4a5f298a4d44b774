//! One call that a program asks for, without a model: judged, permitted and written down as any call of a run, and
//! its result is the outcome. No agent file names it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::registry::{Entry, Models, Needs};
use super::{Decision, Next, Prompt, Strategy, View};
use crate::event::{Observation, Status};
use crate::message::ToolCall;
use crate::model::{Form, Reply};
use crate::tool::ToolSpec;

/// One call, and its result.
pub static ONE_CALL: Entry = Entry {
    name: "call",
    summary: "one call",
    models: Models::Any,
    needs: Needs { tools: &[], agent: None },
    table: None,
    proposes: false,
    outcome: None,
    start: |_: &[Arc<ToolSpec>]| Box::new(OneCall),
};

/// What an agent's settings are for this call.
pub fn one_call(tool: &str, arguments: &Value) -> Value {
    json!({ "tool": tool, "arguments": arguments })
}

#[derive(Debug, Clone, Copy)]
struct OneCall;

impl Strategy for OneCall {
    fn boxed(&self) -> Box<dyn Strategy> {
        Box::new(*self)
    }

    fn begin(&mut self, run: &View<'_>) -> Next {
        let (tool, arguments) = (&run.agent.settings["tool"], &run.agent.settings["arguments"]);
        let Some(name) = tool.as_str() else { return Next::Stop("no call was asked for".into()) };
        let (name, arguments) = (name.to_string(), arguments.clone());
        Next::Call(vec![ToolCall { id: "call".to_string(), name, arguments }])
    }

    /// Nothing is ever asked: what follows the call is the end.
    fn prompt(&self, run: &View<'_>) -> Prompt {
        Prompt::on(run.agent, Form::Text { stop: Vec::new() }, run.last)
    }

    fn read(&mut self, _run: &View<'_>, _reply: &Reply) -> Decision {
        Decision { next: Next::Stop("no model was to be asked".into()), ..Decision::default() }
    }

    fn observe(&mut self, _: &View<'_>, _: &ToolCall, seen: &Observation) -> Next {
        match seen.status {
            Status::Ok => Next::Answer(seen.result.clone()),
            Status::Failed | Status::Denied | Status::Unsure => Next::Stop(seen.text.clone()),
        }
    }
}
