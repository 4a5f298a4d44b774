//! What a reply comes to.

use serde_json::Value;

use super::{Grounds, View, cited, prompts};
use crate::agent::Agent;
use crate::message::{Message, ToolCall};
use crate::model::{Finish, Reply};
use crate::schema;

/// The most calls of one reply.
const MOST_CALLS: usize = 64;

/// What a reply comes to.
#[derive(Debug, Default)]
pub struct Decision {
    /// The plan, where the reply holds one.
    pub plan: Option<String>,
    /// What joins the conversation before any observation does.
    pub say: Vec<Message>,
    /// What follows.
    pub next: Next,
    /// Why the reply could not be taken, as the model is told.
    pub rejected: Option<String>,
}

/// What a run does next.
#[derive(Debug, Default)]
pub enum Next {
    /// These calls.
    Call(Vec<ToolCall>),
    /// The run's outcome.
    Answer(Value),
    /// There is none, for this reason.
    Stop(String),
    /// Ask again.
    #[default]
    Again,
}

impl Decision {
    /// The reply is sent back with what is wrong with it.
    pub(super) fn reject(said: Message, problem: String) -> Decision {
        Decision {
            say: vec![said, Message::user(problem.clone())],
            rejected: Some(problem),
            ..Decision::default()
        }
    }

    /// These calls, with the plan that stands beside them.
    pub(super) fn calls(plan: &str, said: Message, calls: Vec<ToolCall>) -> Decision {
        if calls.len() > MOST_CALLS {
            let problem = format!(
                "These are {} calls, and none of them was made: a reply makes {MOST_CALLS} at \
                 most. Make the first ones, and the rest after you have seen what they give back.",
                calls.len()
            );
            return Decision::reject(Message { tool_calls: Vec::new(), ..said }, problem);
        }
        let plan = Some(plan.trim()).filter(|plan| !plan.is_empty()).map(str::to_string);
        Decision { plan, say: vec![said], next: Next::Call(calls), rejected: None }
    }

    /// This text of a reply is the answer, or is sent back.
    pub(super) fn answer(run: &View<'_>, said: Message, text: &str) -> Decision {
        let answer = answer(run.agent, text, run.sources).and_then(|value| {
            match run.grounds == Grounds::Nothing && run.agent.output.is_some() {
                true => Err(prompts::unseen().to_string()),
                false => Ok(value),
            }
        });
        match answer {
            Ok(value) => {
                Decision { say: vec![said], next: Next::Answer(value), ..Decision::default() }
            }
            Err(problem) => Decision::reject(said, problem),
        }
    }
}

/// How sentences begin that are said to a model: a reply that repeats one is no answer.
const OWN: [&str; 3] = [
    "The budget is nearly spent",
    "No tool has given anything back yet",
    "This is the same call as before",
];

/// The answer in `text`: the JSON value that satisfies the agent's schema and cites only these
/// sources, or the text itself. The error is a sentence for the model.
pub fn answer(agent: &Agent, text: &str, sources: &[String]) -> Result<Value, String> {
    let text = text.trim();
    if let Some(own) = OWN.iter().find(|own| text.contains(**own)) {
        return Err(format!("`{own}` was said to you and is no answer"));
    }
    let Some(schema) = &agent.output else {
        return match text {
            "" => Err("the reply is empty: answer, or act".to_string()),
            text => Ok(serde_json::json!({ "answer": text })),
        };
    };
    let value = serde_json::from_str(unfenced(text))
        .map_err(|error| format!("the answer must be one JSON value and nothing else: {error}"))?;
    schema::check(schema, &value)
        .map_err(|problems| format!("the answer does not satisfy its schema: {problems}"))?;
    cited::check(schema, &value, sources)?;
    Ok(value)
}

/// What a model is told whose reply is a fragment.
pub fn cut(reply: &Reply) -> Option<String> {
    let why = match reply.finish {
        Finish::Stop => return None,
        Finish::Cut => format!("was cut after {} tokens", reply.usage.output),
        Finish::Looped => "repeated itself and was stopped".to_string(),
    };
    Some(format!("your reply {why} and nothing of it was done: be shorter"))
}

/// The text inside the one Markdown fence that `text` ends with, or `text`.
pub fn unfenced(text: &str) -> &str {
    let Some((_, inside)) = text.strip_suffix("```").and_then(|text| text.split_once("```")) else {
        return text;
    };
    match inside.split_once('\n') {
        Some((_, body)) if !body.contains("```") => body.trim(),
        _ => text,
    }
}

/// The last reply that the budget has room for asked for something else than an answer.
pub(super) fn too_late(said: Message) -> Decision {
    Decision::reject(said, prompts::last_question().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fenced_answer_is_an_answer() {
        assert_eq!(unfenced("```json\n{\"a\": 1}\n```"), "{\"a\": 1}");
        assert_eq!(unfenced("{\"a\": 1}"), "{\"a\": 1}");
        assert_eq!(unfenced("Here it is:\n```json\n{\"a\": 1}\n```"), "{\"a\": 1}");
        assert_eq!(unfenced("``` half"), "``` half");
    }
}
