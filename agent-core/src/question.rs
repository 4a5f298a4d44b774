//! `ask.person`: a question that a model asks the person behind a run. It waits like an approval does,
//! and the answer is the call's observation: nothing but a person's words makes one.

use serde_json::{Value, json};
use text::one_line;

use crate::action::Action;
use crate::event::{Observation, Status};
use crate::provenance::Origin;
use crate::sandbox::Cost;

/// The tool's name.
pub const ASK: &str = "ask.person";

/// What is asked, and among what a person may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// In the model's words.
    pub text: String,
    /// Empty where any answer will do.
    pub choices: Vec<String>,
}

impl Question {
    /// The question that a call is, if it is one.
    pub fn of(action: &Action) -> Option<Question> {
        if action.tool != ASK {
            return None;
        }
        let text = action.arguments["question"].as_str().unwrap_or_default().to_string();
        let choices = action.arguments["choices"].as_array().into_iter().flatten();
        let choices = choices.filter_map(Value::as_str).map(str::to_string).collect();
        Some(Question { text, choices })
    }

    /// On one line: `Which order? (1: seven, 2: eight)`.
    pub fn shown(&self) -> String {
        let choices = self.choices.iter().zip(1..);
        let choices: Vec<String> =
            choices.map(|(choice, number)| format!("{number}: {}", one_line(choice))).collect();
        match choices.is_empty() {
            true => one_line(&self.text),
            false => format!("{} ({})", one_line(&self.text), choices.join(", ")),
        }
    }

    /// What a person's words come to: one of the choices by its text or its number, or the words
    /// themselves where there are none to choose from.
    ///
    /// # Errors
    /// They are no answer; why not.
    pub fn answer(&self, said: &str) -> Result<String, String> {
        let said = said.trim();
        if said.is_empty() {
            return Err("the answer is empty".to_string());
        }
        if self.choices.is_empty() {
            return Ok(said.to_string());
        }
        let named = self.choices.iter().find(|choice| choice.trim().eq_ignore_ascii_case(said));
        let counted = || self.choices.get(said.parse::<usize>().ok()?.checked_sub(1)?);
        named.or_else(counted).cloned().ok_or_else(|| {
            let choices: Vec<String> =
                self.choices.iter().map(|choice| format!("`{choice}`")).collect();
            format!("`{said}` is none of the choices: {}", choices.join(", "))
        })
    }
}

/// What the model is told of an answer.
pub(crate) fn observed(answer: String) -> Observation {
    Observation {
        result: json!({ "answer": answer }),
        text: answer,
        status: Status::Ok,
        parts: Vec::new(),
        origins: vec![Origin::Host],
        cost: Cost::default(),
        at_once: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_choice_where_there_are_choices() {
        let open = Question { text: "Which\norder?".into(), choices: Vec::new() };
        assert_eq!(open.shown(), "Which order?");
        assert_eq!(open.answer(" the last \n"), Ok("the last".to_string()));
        assert_eq!(open.answer(" "), Err("the answer is empty".to_string()));
        let closed = Question { choices: vec!["Seven".into(), "Eight".into()], ..open };
        assert_eq!(closed.shown(), "Which order? (1: Seven, 2: Eight)");
        assert_eq!(closed.answer("eight"), Ok("Eight".to_string()));
        assert_eq!(closed.answer("1"), Ok("Seven".to_string()));
        assert_eq!(
            closed.answer("0"),
            Err("`0` is none of the choices: `Seven`, `Eight`".to_string())
        );
    }
}
