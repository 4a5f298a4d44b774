//! Acting by schema'd tool calls: the plan is what the model says beside its calls, the answer is
//! what it says without one.

use std::sync::Arc;

use super::decision::too_late;
use super::parse::{Parsed, parse};
use super::registry::{Entry, Models, Needs};
use super::{Conversation, Decision, Prompt, Strategy, View, cited, cut, prompts};
use crate::action::CallId;
use crate::agent::Agent;
use crate::message::{Message, ToolCall};
use crate::model::{Form, Reply};
use crate::output;
use crate::tool::ToolSpec;

/// Schema'd tool calls, from a model that plans.
pub static TOOLS: Entry = Entry {
    name: "tools",
    summary: "tool calls",
    models: Models::Planning,
    needs: Needs { tools: &[], agent: None },
    table: None,
    proposes: false,
    outcome: None,
    start: |_| Box::new(Tools),
};

#[derive(Debug, Clone, Copy)]
struct Tools;

impl Strategy for Tools {
    fn boxed(&self) -> Box<dyn Strategy> {
        Box::new(*self)
    }

    fn conversation(&self) -> Option<&dyn Conversation> {
        Some(self)
    }

    fn prompt(&self, run: &View<'_>) -> Prompt {
        let View { agent, sources, last, .. } = *run;
        let tools = || run.tools.to_vec();
        let form = match &agent.output {
            None if last => Form::Text { stop: Vec::new() },
            None => Form::Calls(tools()),
            Some(schema) if !last && !cited::answerable(schema, sources) => Form::Act(tools()),
            Some(schema) => {
                let schema = cited::narrowed(schema, sources);
                match last || run.correcting {
                    true => Form::Json(schema),
                    false => Form::CallsOrJson(tools(), schema),
                }
            }
        };
        Prompt::on(agent, form, last)
    }

    fn read(&mut self, run: &View<'_>, reply: &Reply) -> Decision {
        let said = Message::assistant(&reply.content);
        if let Some(problem) = cut(reply) {
            return Decision::reject(said, problem);
        }
        let tools = run.tools.iter().map(AsRef::as_ref);
        let (plan, calls) = match &reply.tool_calls[..] {
            [] => match parse(&reply.content, tools, run.call) {
                Parsed::Text(text) => return Decision::answer(run, said, &text),
                Parsed::Neither(problem) => return Decision::reject(said, problem),
                Parsed::Calls(plan, calls) => (plan, calls),
            },
            calls => (reply.content.clone(), calls.to_vec()),
        };
        // What stands beside a call is a plan, not an answer.
        if run.last {
            return too_late(said);
        }
        let said = Message { content: plan.clone(), tool_calls: calls.clone(), ..said };
        Decision::calls(&plan, said, calls)
    }
}

impl Conversation for Tools {
    fn opening(&self, agent: &Agent, _tools: &[Arc<ToolSpec>]) -> Vec<Message> {
        vec![Message::system(prompts::of_tools(agent)), Message::user(&agent.task)]
    }

    fn observed(&self, call: &ToolCall, text: String) -> Message {
        Message::tool(&call.id, text)
    }

    fn reads_on(&self, call: &CallId) -> String {
        format!("{} {{\"call\":\"{call}\",\"part\":2}}", output::READ)
    }
}
