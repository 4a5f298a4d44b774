//! What stands beside text on its way: out of a tool's result into the journal, and out of the journal
//! into a request of a model that takes it. What a model does not take is told to it in a line.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::session::Session;
use crate::content::{self, ContentPart, Input, MOST_PARTS, MOST_SENT};
use crate::journal::JournalError;
use crate::message::Message;
use crate::model::{Model, Request};
use crate::provenance::Origin;
use crate::tool::Tool;

/// The most images in one request, of which the oldest go first; endpoints take a hundred and more of them, and scale them down.
const MOST_IMAGES: usize = 20;

/// The most bytes of parts that one run keeps.
const MOST_KEPT: u64 = 256 << 20;

const TEXT_ONLY: &str = "the model takes text only";
const TOO_MANY: &str = "too many images for one request";

/// A result without what of it is no text, and that.
pub(super) fn taken(
    tool: &dyn Tool,
    result: Result<Value, String>,
) -> (Result<Value, String>, Vec<ContentPart>) {
    let Ok(mut value) = result else { return (result, Vec::new()) };
    match tool.parts(&mut value) {
        Ok(parts) => (Ok(value), parts),
        Err(failure) => (Err(failure), Vec::new()),
    }
}

/// Keeps the bytes of what a call gave back; each is named in its text. What code has looked at was kept
/// by the call that read it.
pub(super) async fn keep(
    session: &Session<'_>,
    attached: Vec<ContentPart>,
    origins: &[Origin],
    text: &mut String,
) -> Result<Vec<ContentPart>, JournalError> {
    let mut kept: Vec<ContentPart> = Vec::new();
    let (mut left_out, mut room) = (0, MOST_KEPT.saturating_sub(session.kept_bytes().await));
    for mut part in attached {
        if kept.iter().any(|other| other.sha256 == part.sha256) {
            continue;
        }
        if kept.len() == MOST_PARTS || part.bytes > room {
            left_out += 1;
            continue;
        }
        if part.origins.is_empty() {
            part.origins = origins.to_vec();
        }
        room -= part.bytes;
        if part.content.is_some() {
            session.parts.journal.keep(session.id(), &part).await?;
        }
        kept.push(part.kept());
    }
    content::beside(text, &kept);
    if left_out > 0 {
        *text += &format!(
            "\n[{left_out} left out: a call gives back at most {MOST_PARTS}, a run keeps at most {} MiB]",
            MOST_KEPT >> 20
        );
    }
    Ok(kept)
}

/// Puts a line into the place of each part that the model does not take. Gives what a person should know
/// of that.
pub(super) fn told(request: &mut Request, model: &dyn Model) -> Option<String> {
    let takes = |part: &ContentPart| part.input().is_some_and(|input| model.takes(input));
    let (mut hidden, mut images, mut bytes) = (0, 0, 0);
    // From the latest back: what was seen last is what is spoken of.
    for message in request.messages.iter_mut().rev().filter(|message| !message.parts.is_empty()) {
        replace(message, |part| {
            if !takes(part) {
                hidden += 1;
                return Some(unseen(model));
            }
            images += 1;
            bytes += part.bytes;
            (images > MOST_IMAGES || bytes > MOST_SENT).then_some(TOO_MANY)
        });
    }
    let name = model.name();
    (hidden > 0).then(|| match model.takes(Input::Image) {
        true => format!("model `{name}` is not shown what is neither text nor an image"),
        false => format!("model `{name}` takes text only: it is not shown images and files"),
    })
}

fn unseen(model: &dyn Model) -> &'static str {
    if model.takes(Input::Image) { "the model takes text and images only" } else { TEXT_ONLY }
}

/// Takes the parts out of a message that this gives a reason for, and puts that in their place.
fn replace(message: &mut Arc<Message>, mut why: impl FnMut(&ContentPart) -> Option<&'static str>) {
    let message = Arc::make_mut(message);
    let parts = std::mem::take(&mut message.parts);
    for part in parts {
        let Some(why) = why(&part) else {
            message.parts.push(part);
            continue;
        };
        let (line, instead) = (part.line(), part.not_shown(why));
        match message.content.contains(&line) {
            true => message.content = message.content.replacen(&line, &instead, 1),
            false => message.content = format!("{}\n{instead}", message.content),
        }
    }
}

/// Brings the bytes of what is left to be sent; those of the request before are not read again.
pub(super) async fn load(session: &Session<'_>, request: &mut Request) -> Result<(), JournalError> {
    let before = session.swap_loaded(HashMap::new());
    let mut loaded = HashMap::new();
    for message in request.messages.iter_mut().filter(|message| !message.parts.is_empty()) {
        for part in &mut Arc::make_mut(message).parts {
            if part.content.is_none() {
                let content = match before.get(&part.sha256) {
                    Some(content) => content.clone(),
                    None => session.parts.journal.content(session.id(), part).await?,
                };
                loaded.insert(part.sha256.clone(), content.clone());
                part.content = Some(content);
            }
        }
    }
    session.swap_loaded(loaded);
    Ok(())
}
