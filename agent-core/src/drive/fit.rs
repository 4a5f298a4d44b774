//! What is left out of a conversation that grew longer than the model holds.

use std::sync::Arc;

use crate::content::ContentPart;
use crate::message::{Message, Role};
use crate::model::{Model, Request};

const LEFT_OUT: &str = "[left out: the conversation grew too long]";
const CUT: &str = "\n[… left out: it is too long …]\n";

/// Tokens kept free for what a model's template adds.
const SPARE: u64 = 64;
/// A message is not made shorter than this, in bytes.
const SHORTEST: usize = 400;

/// Makes a request fit what its model holds: without the oldest observations, then with what takes most
/// of the room cut in its middle, then without the oldest turns, and at last with all cut. The rules and the task stay, and of the rest the
/// latest. Gives whether anything was changed.
pub(super) fn fit(request: &mut Request, model: &dyn Model) -> bool {
    let context = u64::from(model.traits().context);
    if context == 0 {
        return false;
    }
    let before = request.max_tokens;
    // A reply is not worth all of what it is about.
    let most = u32::try_from(context / 2).unwrap_or(u32::MAX).max(1);
    request.max_tokens = before.min(most);
    let room = context.saturating_sub(u64::from(request.max_tokens) + SPARE);
    let mut fitting = Fitting { total: request.tokens(model), request, model, room };
    // About half of the room, in bytes.
    let half = usize::try_from(fitting.room).unwrap_or(usize::MAX).saturating_mul(3) / 2;
    let changed = fitting.observations()
        | fitting.longest(half.max(SHORTEST))
        | fitting.turns()
        | fitting.longest(SHORTEST);
    changed || fitting.request.max_tokens != before
}

struct Fitting<'a> {
    request: &'a mut Request,
    model: &'a dyn Model,
    room: u64,
    total: u64,
}

impl Fitting<'_> {
    fn over(&self) -> bool {
        self.total > self.room
    }

    /// Where the conversation proper begins, after the rules and the task.
    fn start(&self) -> usize {
        let rules = self.request.messages.iter().take_while(|m| m.role == Role::System).count();
        (rules + 1).min(self.request.messages.len())
    }

    fn replace(&mut self, at: usize, content: String, parts: Vec<ContentPart>) {
        let message = Arc::make_mut(&mut self.request.messages[at]);
        let before = message.tokens(self.model);
        (message.content, message.parts) = (content, parts);
        self.total = self.total.saturating_sub(before) + message.tokens(self.model);
    }

    /// The oldest observations give way to a remark.
    fn observations(&mut self) -> bool {
        let mut changed = false;
        let latest = self.request.messages.len().saturating_sub(2);
        for at in self.start()..latest {
            let message = &self.request.messages[at];
            let long = message.content.len() > LEFT_OUT.len() || !message.parts.is_empty();
            if self.over() && message.role != Role::Assistant && long {
                self.replace(at, LEFT_OUT.to_string(), Vec::new());
                changed = true;
            }
        }
        changed
    }

    /// The oldest turns go, each with what its calls gave back.
    fn turns(&mut self) -> bool {
        let mut changed = false;
        while self.over() {
            let start = self.start();
            let rest = &self.request.messages[start..];
            let turn = |message: &Arc<Message>| message.role == Role::Assistant;
            let (Some(first), Some(last)) =
                (rest.iter().position(turn), rest.iter().rposition(turn))
            else {
                break;
            };
            if first == last {
                break;
            }
            let next = rest[first + 1..].iter().position(turn).map_or(last, |at| first + 1 + at);
            let gone = self.request.messages.drain(start..start + next);
            let gone: u64 = gone.map(|message| message.tokens(self.model)).sum();
            self.total = self.total.saturating_sub(gone);
            changed = true;
        }
        changed
    }

    /// What is longest loses its middle, down to so many bytes.
    fn longest(&mut self, least: usize) -> bool {
        let mut changed = false;
        while self.over() {
            let length = |at: &usize| self.request.messages[*at].content.len();
            let all = 0..self.request.messages.len();
            let rules = |at: &usize| self.request.messages[*at].role == Role::System;
            let Some(at) = all.filter(|at| !rules(at)).max_by_key(length) else { break };
            let content = &self.request.messages[at].content;
            let keep = (content.len() / 4 * 3).max(least);
            if keep + CUT.len() >= content.len() {
                break;
            }
            let content = shortened(content, keep);
            let parts = self.request.messages[at].parts.clone();
            self.replace(at, content, parts);
            changed = true;
        }
        changed
    }
}

/// The beginning and the end of a text, so many bytes together.
fn shortened(text: &str, keep: usize) -> String {
    let text = text.replacen(CUT, "", 1);
    let head = text.floor_char_boundary(keep / 3 * 2);
    let tail = text.ceil_char_boundary(text.len().saturating_sub(keep / 3).max(head));
    format!("{}{CUT}{}", &text[..head], &text[tail..])
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::message::ToolCall;
    use crate::model::{Form, ModelError, Reply, Traits};

    /// Holds so many tokens of a byte each.
    struct Small(u32);

    #[async_trait]
    impl Model for Small {
        fn name(&self) -> &str {
            "small"
        }

        fn traits(&self) -> Traits {
            Traits { constrained: false, caches: false, context: self.0 }
        }

        fn count(&self, text: &str) -> u64 {
            text.len() as u64
        }

        async fn think(
            &self,
            _: &Request,
            _: &mut (dyn for<'t> FnMut(&'t str) + Send),
        ) -> Result<Reply, ModelError> {
            Err(ModelError::Form(String::new()))
        }
    }

    fn conversation(observations: &[usize]) -> Request {
        let mut messages = vec![Message::system("rules"), Message::user("task")];
        for (n, length) in observations.iter().enumerate() {
            let mut turn = Message::assistant(format!("plan {n}"));
            let id = format!("c{n}");
            let arguments = json!({ "path": "a" });
            turn.tool_calls.push(ToolCall { id: id.clone(), name: "read".into(), arguments });
            messages.extend([turn, Message::tool(id, "é".repeat(length / 2))]);
        }
        let messages = messages.into_iter().map(Arc::new).collect();
        let (prefix, form) = (String::new(), Form::Calls(Vec::new()));
        Request { call: 0, messages, prefix, form, max_tokens: 100, reasoning: 0 }
    }

    fn fitted(context: u32, observations: &[usize]) -> Request {
        let mut request = conversation(observations);
        let before = request.clone();
        let changed = fit(&mut request, &Small(context));
        assert_eq!(changed, request != before);
        assert!(context == 0 || request.tokens(&Small(0)) + 164 <= context.into());
        assert_eq!(request.messages[..2], before.messages[..2]);
        let calls: Vec<_> = request.messages.iter().flat_map(|m| &m.tool_calls).collect();
        let told: Vec<_> = request.messages.iter().filter_map(|m| m.tool_call_id.clone()).collect();
        let asked: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
        assert_eq!(asked, told, "each call is answered");
        request
    }

    #[test]
    fn what_fits_or_cannot_be_known_stays() {
        assert_eq!(fitted(0, &[9000, 9000]), conversation(&[9000, 9000]));
        assert_eq!(fitted(4000, &[1000, 1000]), conversation(&[1000, 1000]));
    }

    #[test]
    fn the_oldest_goes_first() {
        let fitted = fitted(2500, &[1000, 1000, 1000]);
        let contents: Vec<_> = fitted.messages.iter().map(|m| m.content.len()).collect();
        assert_eq!(contents[3], LEFT_OUT.len());
        assert_eq!(contents[7], 1000);
    }

    #[test]
    fn many_turns_lose_the_oldest() {
        let fitted = fitted(1500, &[200; 60]);
        assert!(fitted.messages.len() < 40);
        assert_eq!(fitted.messages.last(), conversation(&[200; 60]).messages.last());
    }

    #[test]
    fn one_observation_that_is_too_long_is_cut() {
        let fitted = fitted(2000, &[9000]);
        let seen = &fitted.messages[3].content;
        assert!(seen.contains(CUT) && seen.len() > 800, "{}", seen.len());
    }

    #[test]
    fn a_reply_does_not_take_all_the_room() {
        let mut request = conversation(&[100]);
        request.max_tokens = 1024;
        assert!(fit(&mut request, &Small(1000)));
        assert_eq!(request.max_tokens, 500);
    }
}
