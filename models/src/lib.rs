//! Models behind one trait: ONNX Runtime, OpenAI-compatible endpoints, scripts.

use serde_json::{Map, Value};

pub mod catalog;
#[cfg(feature = "onnx")]
pub mod embed;
pub mod fetch;
pub mod home;
#[cfg(feature = "onnx")]
pub mod import;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "onnx")]
pub mod quantize;
pub mod scripted;

/// The catalog's model for an agent file that names none.
pub const DEFAULT: &str = "qwen2.5-coder-1.5b";

/// The most bytes one reply may have, from whatever model. No model writes this much in one turn:
/// a reply that reaches it is a fault of the model, or an attack on the memory of this process.
pub const REPLY_LIMIT: usize = 16 << 20;

/// A call's arguments as every model hands them on: text is read as JSON, also where it was written as
/// text twice, or once more behind itself or an empty object, and kept as it is where it is none; no
/// arguments are an empty object.
fn arguments(written: Value) -> Value {
    match written {
        Value::Null => Value::Object(Map::new()),
        Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
                Ok(map @ Value::Object(_)) => map,
                _ => Value::String(inner),
            },
            Ok(Value::Null) => Value::Object(Map::new()),
            Ok(value) => value,
            Err(_) => repeated(&text).map_or(Value::String(text), Value::Object),
        },
        other => other,
    }
}

/// The object that a text says more than once, or after an empty one; none where two differ.
fn repeated(text: &str) -> Option<Map<String, Value>> {
    let mut said = Map::new();
    for object in serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>() {
        let object = object.ok()?;
        match () {
            _ if said.is_empty() => said = object,
            _ if object.is_empty() || object == said => {}
            _ => return None,
        }
    }
    Some(said)
}
