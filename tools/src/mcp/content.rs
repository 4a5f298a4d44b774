//! What a server gave back, as a tool's result: its structured part where the tool says it has
//! one, else its text. Bytes that are no text are named, not shown.

use serde_json::Value;

/// The longest result, in bytes.
const LONGEST: usize = 1 << 20;

/// The result of a call, from its JSON.
pub(super) fn result(result: &Value) -> Result<Value, String> {
    let text = texts(&result["content"]);
    if result["isError"].as_bool() == Some(true) {
        let text =
            if text.is_empty() { "the tool failed and does not say why".into() } else { text };
        return Err(bounded(text)?);
    }
    match &result["structuredContent"] {
        Value::Null => Ok(Value::String(bounded(text)?)),
        structured => {
            bounded(structured.to_string())?;
            Ok(structured.clone())
        }
    }
}

/// The blocks of a content, one after the other.
pub(super) fn texts(content: &Value) -> String {
    let blocks = match content {
        Value::Array(blocks) => blocks.as_slice(),
        Value::Null => &[],
        block => std::slice::from_ref(block),
    };
    blocks.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn text(block: &Value) -> String {
    if let Some(text) = block["text"].as_str().or(block["resource"]["text"].as_str()) {
        return text.to_string();
    }
    let word = |key: &str| block[key].as_str().or(block["resource"][key].as_str());
    let kind = word("mimeType").or(word("type")).unwrap_or("something");
    match word("uri") {
        Some(uri) => format!("[{kind}: {uri}]"),
        None => format!("[{kind}, not shown]"),
    }
}

pub(super) fn bounded(text: String) -> Result<String, String> {
    if text.len() > LONGEST {
        return Err(format!("the result is {} bytes, and at most {LONGEST} fit", text.len()));
    }
    Ok(text)
}
