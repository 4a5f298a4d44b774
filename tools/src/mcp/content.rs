//! What a server gave back, as a tool's result: its structured part where the tool says it has one,
//! else its text and whatever stands beside it. The call was done by then, so whatever form it has it
//! is shown, and nothing of it makes the call a failure but the server's word. Bytes that are no text
//! stand beside it; what they are is told from them, and bytes that cannot be read are named.

use agent_core::content::{ContentPart, MOST_PARTS};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use text::head;

/// The longest result, in bytes.
const LONGEST: usize = 1 << 20;
/// The longest block of a kind that is not known, in characters.
const BLOCK: usize = 2000;

/// What a tool says of its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promised {
    /// Structure, by a schema.
    Structure,
    /// Nothing: it is text.
    Text,
}

/// What a server gave back.
#[derive(Debug)]
pub(super) struct Given {
    /// A text, or a structure.
    pub(super) value: Value,
    /// What of it is neither.
    pub(super) parts: Vec<ContentPart>,
}

impl From<Value> for Given {
    fn from(value: Value) -> Self {
        Self { value, parts: Vec::new() }
    }
}

/// The result of a call, from its JSON.
pub(super) fn given(whole: &Value, promised: Promised) -> Result<Given, String> {
    Ok(Given { value: result(whole, promised)?, parts: parts(&whole["content"]) })
}

/// What of a content is no text, as far as it can be read. One more than fit says that there are more.
pub(super) fn parts(content: &Value) -> Vec<ContentPart> {
    blocks(content).iter().filter_map(|block| bytes(block)?.ok()).take(MOST_PARTS + 1).collect()
}

fn result(result: &Value, promised: Promised) -> Result<Value, String> {
    let (text, structured) = (texts(&result["content"]), &result["structuredContent"]);
    if ["isError", "is_error"].iter().any(|key| yes(&result[*key])) {
        return Err(match (text.is_empty(), structured) {
            (false, _) => bounded(text),
            (true, Value::Null) if nothing(result) => {
                "the tool failed and does not say why".to_string()
            }
            (true, Value::Null) => formless(result),
            (true, structured) => bounded(structured.to_string()),
        });
    }
    if result["content"].is_null() && structured.is_null() {
        return Ok(Value::String(formless(result)));
    }
    Ok(match (promised, structured) {
        (Promised::Structure, Value::Null) => match serde_json::from_str(&text) {
            Ok(Value::Object(object)) if text.len() <= LONGEST => Value::Object(object),
            _ => Value::String(bounded(text)),
        },
        (Promised::Structure, structured) => {
            let size = structured.to_string();
            if size.len() > LONGEST { Value::String(bounded(size)) } else { structured.clone() }
        }
        (Promised::Text, Value::Null) => Value::String(bounded(text)),
        (Promised::Text, structured) => Value::String(bounded(beside(text, structured))),
    })
}

/// Most servers say in words what they give as a structure, too: that is shown once.
fn beside(text: String, structured: &Value) -> String {
    match serde_json::from_str::<Value>(&text) {
        Ok(same) if same == *structured => text,
        _ if text.is_empty() => structured.to_string(),
        _ => format!("{text}\n{structured}"),
    }
}

/// Whether a value says yes, as languages write that.
fn yes(value: &Value) -> bool {
    match value {
        Value::String(word) => word.eq_ignore_ascii_case("true"),
        Value::Number(number) => number.as_f64() == Some(1.0),
        other => *other == Value::Bool(true),
    }
}

/// Whether a result says nothing but what it is.
fn nothing(result: &Value) -> bool {
    const SAYS_NOTHING: [&str; 5] = ["_meta", "resultType", "isError", "is_error", "content"];
    match result {
        Value::Object(object) => object
            .iter()
            .all(|(key, value)| SAYS_NOTHING.contains(&key.as_str()) || value.is_null()),
        other => other.is_null(),
    }
}

/// Something that is no result of a tool.
fn formless(result: &Value) -> String {
    match result {
        nothing if self::nothing(nothing) => "[the server gave back nothing]".to_string(),
        Value::String(text) => bounded(text.clone()),
        other => bounded(other.to_string()),
    }
}

/// The blocks of a content, one after the other.
pub(super) fn texts(content: &Value) -> String {
    blocks(content).iter().map(text).collect::<Vec<_>>().join("\n")
}

fn blocks(content: &Value) -> &[Value] {
    match content {
        Value::Array(blocks) => blocks.as_slice(),
        Value::Null => &[],
        block => std::slice::from_ref(block),
    }
}

/// What a block of an image, of sound or of a resource holds; the error says why it cannot be read.
fn bytes(block: &Value) -> Option<Result<ContentPart, String>> {
    let (bytes, holder) = match (block["data"].as_str(), block["resource"]["blob"].as_str()) {
        (Some(data), _) => (data, block),
        (None, Some(blob)) => (blob, &block["resource"]),
        (None, None) => (block["blob"].as_str()?, block),
    };
    let claimed = holder["mimeType"].as_str().unwrap_or_default();
    let decoded = STANDARD.decode(bytes).map_err(|_| "its data is no base64".to_string());
    Some(
        decoded.and_then(|bytes| {
            ContentPart::claimed(claimed, bytes).map_err(|error| error.to_string())
        }),
    )
}

fn text(block: &Value) -> String {
    let said = block["text"].as_str().or(block["resource"]["text"].as_str()).or(block.as_str());
    if let Some(text) = said {
        return text.to_string();
    }
    let word = |key: &str| block[key].as_str().or(block["resource"][key].as_str());
    let kind = word("mimeType").or(word("type")).unwrap_or("something");
    match (word("uri"), bytes(block)) {
        (_, Some(Err(why))) => format!("[{kind}, not shown: {why}]"),
        (Some(uri), _) => match word("title").or(word("name")).filter(|name| *name != uri) {
            Some(name) => format!("[{kind}: {name}, {uri}]"),
            None => format!("[{kind}: {uri}]"),
        },
        (None, Some(Ok(part))) => part.line(),
        (None, None) => head(&block.to_string(), BLOCK),
    }
}

/// As much of a text as a result may hold, and how much there is.
pub(super) fn bounded(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let cut = text.floor_char_boundary(LONGEST);
    format!(
        "{}\n[cut here: the result is {} bytes, and at most {LONGEST} fit]",
        &text[..cut],
        text.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_came_is_shown_whatever_its_form() {
        let block = json!([{"type": "text", "text": "two found"}]);
        let same = json!([{"type": "text", "text": "{\"n\": 2}"}]);
        let n = json!({"n": 2});
        for (given, promised, shown) in [
            (json!({"content": block}), Promised::Text, json!("two found")),
            (json!({"content": block}), Promised::Structure, json!("two found")),
            (json!({"content": same}), Promised::Structure, n.clone()),
            (json!({"content": same}), Promised::Text, json!("{\"n\": 2}")),
            (json!({"structuredContent": n}), Promised::Structure, n.clone()),
            (json!({"structuredContent": n}), Promised::Text, json!("{\"n\":2}")),
            (
                json!({"content": block, "structuredContent": n}),
                Promised::Text,
                json!("two found\n{\"n\":2}"),
            ),
            (json!({"content": same, "structuredContent": n}), Promised::Text, json!("{\"n\": 2}")),
            (json!({"content": [], "structuredContent": [1]}), Promised::Text, json!("[1]")),
            (json!({"content": "bare"}), Promised::Text, json!("bare")),
            (
                json!({"content": ["a", {"type": "text", "text": "b"}]}),
                Promised::Text,
                json!("a\nb"),
            ),
            (
                json!({"content": [{"type": "table", "rows": [1]}]}),
                Promised::Text,
                json!("{\"type\":\"table\",\"rows\":[1]}"),
            ),
            (
                json!({"content": [{"type": "resource_link", "uri": "x:a", "name": "A"}]}),
                Promised::Text,
                json!("[resource_link: A, x:a]"),
            ),
            (json!({"answer": 4}), Promised::Text, json!("{\"answer\":4}")),
            (json!("bare"), Promised::Structure, json!("bare")),
            (json!({}), Promised::Text, json!("[the server gave back nothing]")),
        ] {
            assert_eq!(result(&given, promised), Ok(shown), "{given}");
        }
    }

    #[test]
    fn what_is_no_text_stands_beside_it() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
        let image =
            |data: &str, kind: &str| json!({"type": "image", "data": data, "mimeType": kind});
        let content = json!([
            {"type": "text", "text": "seen"},
            image(&png, "image/jpeg"),
            image("no base64!", "image/png"),
            image(&STANDARD.encode("<svg/>"), "image/svg+xml"),
            {"type": "audio", "data": STANDARD.encode("RIFF"), "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "x:a", "blob": STANDARD.encode("%PDF-"), "mimeType": "application/pdf"}},
        ]);
        let given = given(&json!({ "content": content }), Promised::Text).unwrap();
        assert_eq!(
            given.value,
            json!(
                "seen\n[image/png, 12 bytes]\n[image/png, not shown: its data is no base64]\n\
                 [image/svg+xml, 6 bytes]\n[audio/wav, 4 bytes]\n[application/pdf: x:a]"
            )
        );
        let media: Vec<_> = given.parts.iter().map(|part| part.media).collect();
        use agent_core::content::Media::{Audio, File, Image};
        assert_eq!(media, [Image, File, Audio, File]);
    }

    #[test]
    fn a_failure_is_what_the_server_says() {
        let failed = |result: Value| super::result(&result, Promised::Text);
        let said = json!({"isError": true, "content": [{"type": "text", "text": "no"}]});
        assert_eq!(failed(said), Err("no".to_string()));
        let structured = json!({"isError": true, "structuredContent": {"why": "no"}});
        assert_eq!(failed(structured), Err("{\"why\":\"no\"}".to_string()));
        let block = json!([{"type": "text", "text": "no"}]);
        for said in [
            json!({"is_error": true, "content": block}),
            json!({"isError": 1, "content": block}),
            json!({"isError": "True", "content": "no"}),
        ] {
            assert_eq!(failed(said), Err("no".to_string()));
        }
        let elsewhere = json!({"isError": true, "error": "no"});
        assert!(failed(elsewhere).is_err_and(|why| why.contains("no")));
        let silent = json!({"isError": true, "content": []});
        assert_eq!(failed(silent), Err("the tool failed and does not say why".to_string()));
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = json!({"content": [{"type": "text", "text": "ä".repeat(LONGEST)}]});
        let shown = result(&long, Promised::Text).unwrap_or_default();
        let shown = shown.as_str().unwrap_or_default();
        assert!(
            shown.ends_with("[cut here: the result is 2097152 bytes, and at most 1048576 fit]")
        );
        assert!(shown.len() < LONGEST + 100);
    }
}
