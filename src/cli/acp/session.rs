//! A session: a conversation, a turn at a time.

use std::sync::{Mutex as Held, PoisonError};

use agent_core::action::Action;
use agent_core::drive::{Approval, Person};
use agent_core::event::{Outcome, Reason, RunId};
use agent_core::question::Question;
use async_trait::async_trait;
use errand::{Chat, Finished};
use guard::visible;
use serde_json::{Value, json};
use tokio::sync::{Mutex, oneshot};

use super::Wanted;
use super::peer::{Failed, Peer};
use super::updates::{Updates, shown};
use crate::cli::{task, terminal};

/// A conversation, once something was said.
pub(super) struct Session {
    id: String,
    talk: Mutex<Option<Talk>>,
    /// Stops the turn that goes on.
    stop: Held<Option<oneshot::Sender<()>>>,
}

struct Talk {
    chat: Chat,
    /// Whether it waits for the answer to a question, which is what is said next.
    asked: bool,
}

impl Session {
    pub(super) fn new(id: &str) -> Session {
        Session { id: id.to_string(), talk: Mutex::default(), stop: Held::default() }
    }

    /// Stops the turn that goes on, if one does.
    pub(super) fn cancel(&self) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        // An error says that the turn is over.
        let _ = stop.take().map(|stop| stop.send(()));
    }

    /// A turn is about to begin, and can be stopped from here on.
    pub(super) fn turn_begins(&self) -> Result<oneshot::Receiver<()>, Failed> {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        if stop.as_ref().is_some_and(|stop| !stop.is_closed()) {
            return Err(Failed::refused("a turn of this session goes on: cancel it first"));
        }
        let (tell, told) = oneshot::channel();
        *stop = Some(tell);
        Ok(told)
    }

    /// Something is said, and the turn that it leads to comes to its end.
    pub(super) async fn prompt(
        &self,
        wanted: &Wanted,
        peer: &Peer,
        params: &Value,
        stop: oneshot::Receiver<()>,
    ) -> Result<Value, Failed> {
        let said = said(&params["prompt"])?;
        // A turn that was stopped may not be over yet.
        let mut talk = self.talk.lock().await;
        let turn = self.turn(wanted, peer, &mut talk, said);
        let end = tokio::select! {
            // A turn that is over at the moment in which it is cancelled was cancelled.
            biased;
            _ = stop => None,
            end = turn => end.map_err(|error| Failed::broken(format!("{error:#}")))?,
        };
        let stop = match &end {
            None => "cancelled",
            Some(end) => self.told(peer, end)?,
        };
        let run = talk.as_ref().map(|talk| talk.chat.id().0.clone());
        if let Some(talk) = talk.as_mut() {
            let detail = end.and_then(|end| end.outcome.detail).unwrap_or_default();
            talk.asked = detail.starts_with(agent_core::drive::QUESTION_WAITS);
        }
        Ok(json!({ "stopReason": stop, "_meta": { "errand/run": run } }))
    }

    async fn turn(
        &self,
        wanted: &Wanted,
        peer: &Peer,
        talk: &mut Option<Talk>,
        said: String,
    ) -> anyhow::Result<Option<Finished>> {
        let mut answer = None;
        match talk {
            Some(Talk { asked: true, .. }) => answer = Some(said),
            Some(Talk { chat, .. }) => chat.say(&said).await?,
            None => {
                let Wanted { errand, file, params, model } = wanted;
                let params = task::beside(errand, file, params.clone(), &said)?;
                let agent = errand.load(file, &params, model.as_deref())?;
                *talk = Some(Talk { chat: errand.chat(agent).await?, asked: false });
            }
        }
        let Some(Talk { chat, .. }) = talk else { return Ok(None) };
        let updates = Updates { peer, session: &self.id };
        let asks = Asks { peer, session: &self.id, answer: Held::new(answer) };
        chat.turn(&updates, Some(&asks)).await.map(Some)
    }

    /// Says what came of a turn, and how it stopped.
    fn told(&self, peer: &Peer, end: &Finished) -> Result<&'static str, Failed> {
        let updates = Updates { peer, session: &self.id };
        let Outcome { value, reason, detail, .. } = &end.outcome;
        let detail = detail.as_deref().unwrap_or_default();
        if let Some(text) = terminal::text(value) {
            updates.message(&text);
        }
        match reason {
            None => {}
            Some(Reason::Fault) => {
                return Err(Failed::broken(format!("the run stopped: {detail}")));
            }
            Some(Reason::Approval) => updates.message(detail),
            Some(reason) => {
                updates.message(&format!("There is no answer: {}. {detail}", reason.as_str()))
            }
        }
        Ok(match reason {
            Some(Reason::Tokens) => "max_tokens",
            Some(Reason::Steps) => "max_turn_requests",
            Some(Reason::Cancelled) => "cancelled",
            _ => "end_turn",
        })
    }
}

/// What a prompt says: its texts, and what it shows beside them.
fn said(prompt: &Value) -> Result<String, Failed> {
    let blocks =
        prompt.as_array().ok_or_else(|| Failed::params("`prompt` is a list of content"))?;
    let mut parts = Vec::new();
    for block in blocks {
        let part = match block["type"].as_str() {
            Some("text") => block["text"].as_str().map(str::to_string),
            Some("resource_link") => block["uri"].as_str().map(|uri| format!("({uri})")),
            Some("resource") => {
                let (uri, text) = (&block["resource"]["uri"], block["resource"]["text"].as_str());
                text.map(|text| format!("{}:\n{text}", uri.as_str().unwrap_or_default()))
            }
            _ => None,
        };
        let wrong = || Failed::params("`prompt` holds what is no text: this agent reads text");
        parts.push(part.ok_or_else(wrong)?);
    }
    match parts.iter().all(|part| part.trim().is_empty()) {
        true => Err(Failed::params("`prompt` says nothing")),
        false => Ok(parts.join("\n")),
    }
}

/// Asks the editor's user.
struct Asks<'a> {
    peer: &'a Peer,
    session: &'a str,
    /// What was said to a question that was asked before.
    answer: Held<Option<String>>,
}

#[async_trait]
impl Person for Asks<'_> {
    async fn approve(&self, run: &RunId, action: &Action, reasons: &[String]) -> Option<Approval> {
        match Question::of(action) {
            Some(question) => self.asked(action, &question).await,
            None => self.decided(run, action, reasons).await,
        }
    }
}

impl Asks<'_> {
    /// A yes is to the action that was shown, all of it.
    async fn decided(&self, run: &RunId, action: &Action, reasons: &[String]) -> Option<Approval> {
        let options = json!([
            { "optionId": "approve", "name": "Allow", "kind": "allow_once" },
            { "optionId": "deny", "name": "Deny", "kind": "reject_once" },
        ]);
        match self.chosen(shown(run, action, reasons), options).await?.as_str() {
            "approve" => Some(Approval::Marked(action.mark())),
            "deny" => Some(Approval::Refused),
            _ => None,
        }
    }

    /// Of choices the editor's user chooses; a question without any is answered by what is said next.
    async fn asked(&self, action: &Action, question: &Question) -> Option<Approval> {
        let answer = self.answer.lock().ok()?.take();
        if let Some(words) = answer.and_then(|words| question.answer(&words).ok()) {
            return Some(Approval::Said(words));
        }
        if question.choices.is_empty() {
            return None;
        }
        let options = question.choices.iter().zip(1..).map(|(choice, number)| {
            json!({ "optionId": format!("{number}"), "name": visible(choice), "kind": "allow_once" })
        });
        let call =
            json!({ "toolCallId": action.id.0, "title": visible(&question.text), "kind": "other" });
        let chosen = self.chosen(call, options.collect()).await?;
        question.answer(&chosen).ok().map(Approval::Said)
    }

    async fn chosen(&self, call: Value, options: Value) -> Option<String> {
        let params = json!({ "sessionId": self.session, "toolCall": call, "options": options });
        let answer = self.peer.ask("session/request_permission", &params).await?;
        Some(answer["outcome"]["optionId"].as_str()?.to_string())
    }
}
