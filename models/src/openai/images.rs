//! Images in the form of each protocol, and an endpoint that does not take them. The names are those of PyPI
//! `openai` 3.57.0, `types/chat/chat_completion_content_part_image_param.py`,
//! `types/responses/response_input_image_param.py`, `response_function_call_output_item_list_param.py`; and
//! `anthropic` 2.14.0, `types/image_block_param.py`, `base64_image_source_param.py`.

use agent_core::content::{ContentPart, Detail};
use agent_core::message::{Message, Role};
use agent_core::model::Request;
use agent_core::quirks::Quirks;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::retry::Failure;
use super::turns::joined;

/// What to change where an endpoint refuses a request with images.
pub(super) const HINT: &str = "the request holds images, which the endpoint may not take: write `input = \
    [\"text\"]` under `[model]` and begin again without them, or name a model that is shown images";

/// The content of a turn in a chat: its text and its images.
pub(super) fn chat(turn: &Message) -> Vec<Value> {
    let image = |part: &ContentPart| {
        let mut image = json!({ "url": data_url(part) });
        if let Some(detail) = part.detail {
            image["detail"] = json!(detail);
        }
        json!({ "type": "image_url", "image_url": image })
    };
    in_order(&turn.content, &turn.parts, "text", image)
}

/// The content of a turn, or what a call gave back, in the Responses API: a text alone where it has no
/// image.
pub(super) fn responses(turn: &Message) -> Value {
    if turn.parts.is_empty() {
        return turn.content.as_str().into();
    }
    let image = |part: &ContentPart| {
        let detail = part.detail.unwrap_or(Detail::Auto);
        json!({ "type": "input_image", "detail": detail, "image_url": data_url(part) })
    };
    in_order(&turn.content, &turn.parts, "input_text", image).into()
}

/// A text with these images in the Messages API, which knows no detail.
pub(super) fn messages(text: &str, parts: &[ContentPart]) -> Vec<Value> {
    in_order(text, parts, "text", source)
}

fn source(part: &ContentPart) -> Value {
    json!({
        "type": "image",
        "source": { "type": "base64", "media_type": part.media_type, "data": base64(part) },
    })
}

/// The turns of a chat. What a tool gives back is text there, so its images come in a turn of the user's
/// after all results.
pub(super) fn after_tools(turns: Vec<Message>, quirks: &Quirks) -> Vec<Message> {
    if turns.iter().all(|turn| turn.parts.is_empty()) {
        return turns;
    }
    let (mut moved, mut waiting) = (Vec::new(), Vec::new());
    for mut turn in turns {
        if turn.role == Role::Tool {
            // Where they stood was in another text.
            turn.parts.iter_mut().for_each(|part| part.after = None);
            waiting.append(&mut turn.parts);
        } else if !waiting.is_empty() {
            moved.push(Message::user(RESULTS).with(std::mem::take(&mut waiting)));
        }
        moved.push(turn);
    }
    if !waiting.is_empty() {
        moved.push(Message::user(RESULTS).with(waiting));
    }
    joined(moved, quirks)
}

/// Whether an endpoint said that it does not take images: then no option is learned from it.
pub(super) fn refused(request: &Request, failure: &Failure) -> bool {
    let words = ["image", "vision", "multimodal"];
    may_be_why(request, failure) && failure.said.as_ref().is_some_and(|said| said.names(&words))
}

/// Whether that images were sent may be why a request was refused.
pub(super) fn may_be_why(request: &Request, failure: &Failure) -> bool {
    let sent = request.messages.iter().any(|message| !message.parts.is_empty());
    sent && matches!(failure.status, 400 | 413 | 415 | 422 | 500 | 501)
}

const RESULTS: &str = "What the calls above gave back beside text:";

/// A text and what stands in it or behind it, one after the other.
fn in_order(
    content: &str,
    parts: &[ContentPart],
    kind: &str,
    image: impl Fn(&ContentPart) -> Value,
) -> Vec<Value> {
    let (mut all, mut told) = (Vec::new(), 0);
    let mut text = |all: &mut Vec<Value>, end: usize| {
        if end > told {
            all.push(json!({ "type": kind, "text": content[told..end] }));
            told = end;
        }
    };
    for part in parts {
        let within = part.after.filter(|after| content.is_char_boundary(*after));
        text(&mut all, within.unwrap_or(content.len()));
        all.push(image(part));
    }
    text(&mut all, content.len());
    all
}

fn data_url(part: &ContentPart) -> String {
    format!("data:{};base64,{}", part.media_type, base64(part))
}

fn base64(part: &ContentPart) -> String {
    STANDARD.encode(part.content.as_ref().map_or(&[][..], |content| content.as_bytes()))
}
