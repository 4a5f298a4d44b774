//! What a strategy asks the model.

use super::prompts::last_question;
use crate::agent::Agent;
use crate::message::Message;
use crate::model::Form;

/// How the model is to be asked next.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// A conversation of its own; left out, it is the run's.
    pub messages: Option<Vec<Message>>,
    /// Said after the conversation, for this one question.
    pub say: Option<String>,
    /// What the reply begins with.
    pub prefix: String,
    /// What the reply may be.
    pub form: Form,
    /// The most tokens of the reply.
    pub max_tokens: u32,
}

impl Prompt {
    /// Goes on with the run's conversation; the last question says so.
    pub(super) fn on(agent: &Agent, form: Form, last: bool) -> Prompt {
        Prompt {
            messages: None,
            say: last.then(|| last_question().to_string()),
            prefix: String::new(),
            form,
            max_tokens: agent.model.max_tokens,
        }
    }
}

/// What went wrong, without the advice that is for people: no model can change its agent file.
pub fn for_a_model(text: &str) -> String {
    const PEOPLE: [&str; 4] = ["[permissions]", "[tools]", "`errand ", "the agent file"];
    let advice = |part: &str| {
        let part = part.trim_start();
        part.starts_with("hint: ") && PEOPLE.iter().any(|word| part.contains(word))
    };
    let line = |line: &str| {
        let parts: Vec<&str> = line.split("; ").filter(|part| !advice(part)).collect();
        parts.join("; ")
    };
    text.lines().filter(|line| !advice(line)).map(line).collect::<Vec<_>>().join("\n")
}

/// Parts of a prompt, those that are empty left out.
pub fn paragraphs(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.trim()).filter(|p| !p.is_empty()).collect();
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_for_people_is_not_for_models() {
        let denied = "denied: tool `x` may not read `a; b`; hint: add it to [permissions] read; c";
        assert_eq!(for_a_model(denied), "denied: tool `x` may not read `a; b`; c");
        let failed = "line 1: open('a')\nValueError: a\nhint: convert it first";
        assert_eq!(for_a_model(failed), failed);
    }
}
