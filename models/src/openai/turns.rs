//! The conversation as an endpoint takes it: which turns may follow each other, and what they hold.

use agent_core::content::ContentPart;
use agent_core::message::{Message, Role, ToolCall};
use agent_core::model::{Form, Request};
use agent_core::quirks::{AnswerFormat, Quirks};
use sha2::{Digest, Sha256};

/// Stands between a tool's turn and a user's where a server wants an assistant's there.
const BETWEEN: &str = "I have read it.";

/// The turns of a request. Two of a user's in a row are one, as every template takes it.
pub(super) fn turns(request: &Request, quirks: &Quirks) -> Vec<Message> {
    let mut turns: Vec<Message> = request.messages.iter().map(|m| (**m).clone()).collect();
    turns.extend(in_words(&request.form, quirks).map(Message::user));
    if quirks.system == Some(false) {
        turns = without_system(turns);
    }
    if quirks.parallel_calls == Some(false) {
        turns = one_by_one(turns);
    }
    if quirks.short_ids == Some(true) {
        turns.iter_mut().for_each(shorten);
    }
    joined(turns, quirks)
}

/// The turns in an order that the endpoint takes.
pub(super) fn joined(turns: Vec<Message>, quirks: &Quirks) -> Vec<Message> {
    let mut joined: Vec<Message> = Vec::new();
    for turn in turns {
        match joined.last_mut() {
            Some(last)
                if last.role == turn.role && matches!(turn.role, Role::User | Role::System) =>
            {
                let before = last.content.len() + 2;
                last.content = [last.content.as_str(), turn.content.as_str()].join("\n\n");
                last.parts.extend(turn.parts.into_iter().map(|part| ContentPart {
                    after: part.after.map(|after| after + before),
                    ..part
                }));
            }
            Some(last)
                if last.role == Role::Tool
                    && turn.role == Role::User
                    && quirks.user_after_tool == Some(false) =>
            {
                joined.extend([Message::assistant(BETWEEN), turn]);
            }
            _ => joined.push(turn),
        }
    }
    joined
}

/// The form of the answer in words, where it cannot be sent as what it is.
fn in_words(form: &Form, quirks: &Quirks) -> Option<String> {
    let format = quirks.response_format.unwrap_or(AnswerFormat::Schema);
    if matches!(format, AnswerFormat::Schema | AnswerFormat::Loose) {
        return None;
    }
    match form {
        Form::Json(schema) => Some(json(schema)),
        Form::CallsOrJson(tools, schema) if tools.is_empty() => Some(json(schema)),
        Form::Choice(choices) => {
            let choices: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
            Some(format!(
                "Reply with the JSON object {{\"choice\": …}} and nothing else; the choice is one of {}.",
                choices.join(", ")
            ))
        }
        Form::Text { .. } | Form::Act(_) | Form::Calls(_) | Form::CallsOrJson(..) => None,
    }
}

fn json(schema: &serde_json::Value) -> String {
    format!(
        "Reply with one JSON value that satisfies this JSON Schema and with nothing else: {schema}"
    )
}

/// The system's text begins the first turn of the user.
fn without_system(turns: Vec<Message>) -> Vec<Message> {
    let (rules, mut rest): (Vec<_>, Vec<_>) =
        turns.into_iter().partition(|t| t.role == Role::System);
    let rules: Vec<_> = rules.into_iter().map(|turn| turn.content).collect();
    if !rules.is_empty() {
        rest.insert(0, Message::user(rules.join("\n\n")));
    }
    rest
}

/// Each call in a turn of its own, with what it gave back.
fn one_by_one(turns: Vec<Message>) -> Vec<Message> {
    let (mut split, mut turns) = (Vec::new(), turns.into_iter().peekable());
    while let Some(turn) = turns.next() {
        if turn.tool_calls.len() < 2 {
            split.push(turn);
            continue;
        }
        let mut results = Vec::new();
        while let Some(result) = turns.next_if(|turn| turn.role == Role::Tool) {
            results.push(result);
        }
        for (n, call) in turn.tool_calls.into_iter().enumerate() {
            let content = if n == 0 { turn.content.clone() } else { String::new() };
            let answers = |result: &Message| result.tool_call_id.as_ref() == Some(&call.id);
            let result = results.iter().position(answers).map(|at| results.remove(at));
            split.push(Message { tool_calls: vec![call], ..Message::assistant(content) });
            split.extend(result);
        }
        split.extend(results);
    }
    split
}

/// Ids of nine letters and digits, the same for the same id.
fn shorten(turn: &mut Message) {
    let short = |id: &str| {
        let digest = Sha256::digest(id.as_bytes());
        let letter = |byte: &u8| char::from_digit(u32::from(byte % 36), 36).unwrap_or('0');
        digest.iter().take(9).map(letter).collect::<String>()
    };
    let call = |call: &mut ToolCall| call.id = short(&call.id);
    turn.tool_calls.iter_mut().for_each(call);
    turn.tool_call_id = turn.tool_call_id.as_deref().map(short);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn shown(messages: Vec<Message>, form: Form, quirks: &Quirks) -> Vec<String> {
        let messages = messages.into_iter().map(Arc::new).collect();
        let request = Request {
            call: 0,
            messages,
            prefix: String::new(),
            form,
            max_tokens: 10,
            reasoning: 0,
        };
        let call = |call: &ToolCall| format!("+{}", call.id);
        let shown = |turn: Message| {
            let calls: String = turn.tool_calls.iter().map(call).collect();
            let of = turn.tool_call_id.map(|id| format!("={id}")).unwrap_or_default();
            format!("{:?} {}{calls}{of}", turn.role, turn.content)
        };
        turns(&request, quirks).into_iter().map(shown).collect()
    }

    fn called() -> Vec<Message> {
        let call = |id: &str| ToolCall { id: id.into(), name: "f".into(), arguments: json!({}) };
        let turn = Message { tool_calls: vec![call("a"), call("b")], ..Message::assistant("go") };
        vec![
            Message::system("rules"),
            Message::user("task"),
            turn,
            Message::tool("a", "1"),
            Message::tool("b", "2"),
            Message::user("more"),
            Message::user("and more"),
        ]
    }

    const TEXT: Form = Form::Text { stop: Vec::new() };

    #[test]
    fn turns_of_a_user_are_joined() {
        assert_eq!(
            shown(called(), TEXT, &Quirks::default()),
            [
                "System rules",
                "User task",
                "Assistant go+a+b",
                "Tool 1=a",
                "Tool 2=b",
                "User more\n\nand more"
            ]
        );
    }

    #[test]
    fn an_order_that_a_server_wants_is_kept() {
        let quirks =
            Quirks { user_after_tool: Some(false), system: Some(false), ..Quirks::default() };
        let shown = shown(called(), TEXT, &quirks);
        assert_eq!(shown[0], "User rules\n\ntask");
        assert_eq!(
            shown[4..],
            [format!("Assistant {BETWEEN}"), "User more\n\nand more".to_string()]
        );
    }

    #[test]
    fn calls_go_one_by_one_where_a_server_wants_it() {
        let quirks = Quirks { parallel_calls: Some(false), ..Quirks::default() };
        let shown = shown(called(), TEXT, &quirks);
        assert_eq!(shown[2..6], ["Assistant go+a", "Tool 1=a", "Assistant +b", "Tool 2=b"]);
    }

    #[test]
    fn short_ids_stay_apart_and_together() {
        let quirks =
            Quirks { short_ids: Some(true), parallel_calls: Some(false), ..Quirks::default() };
        let shown = shown(called(), TEXT, &quirks);
        let id = |at: usize, mark| shown[at].split_once(mark).unwrap().1.to_string();
        assert_eq!((id(2, '+'), id(4, '+')), (id(3, '='), id(5, '=')));
        assert!(id(2, '+').len() == 9 && id(2, '+') != id(4, '+'));
    }

    #[test]
    fn a_schema_that_cannot_be_sent_is_told() {
        let quirks = Quirks { response_format: Some(AnswerFormat::Object), ..Quirks::default() };
        let told = shown(called(), Form::Json(json!({ "type": "integer" })), &quirks);
        assert!(told[5].ends_with("nothing else: {\"type\":\"integer\"}"), "{}", told[5]);
        let told = shown(called(), Form::Choice(vec!["yes".into(), "no".into()]), &quirks);
        assert!(told[5].ends_with("one of `yes`, `no`."), "{}", told[5]);
    }
}
