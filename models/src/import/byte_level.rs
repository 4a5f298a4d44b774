//! A byte-level BPE vocabulary as a `tokenizer.json`, with tokens that come before and after each text.
//!
//! Markers such as `<|im_start|>` are no part of it: in a text they are spelled with ordinary tokens, so
//! that no text can say that it is over. Only what comes before and after has them.

use serde_json::{Map, Value, json};

use super::TokenizerInfo;
use crate::onnx::{EngineError, pre_tokenizer};

/// What GGUF calls an ordinary token.
const NORMAL: i64 = 1;

/// The tokenizer; `before` and `after` are tokens around each text.
pub(super) fn tokenizer(
    info: &TokenizerInfo,
    before: &[u32],
    after: &[u32],
) -> Result<Value, EngineError> {
    let broken = |error: serde_json::Error| EngineError::Tokenizer(error.to_string());
    let cut = serde_json::to_value(pre_tokenizer(&info.pre)?).map_err(broken)?;
    let plain = |(id, text): (usize, &String)| {
        let normal = info.types.get(id) == Some(&NORMAL);
        normal.then(|| (text.clone(), json!(id)))
    };
    let vocabulary: Map<String, Value> = info.tokens.iter().enumerate().filter_map(plain).collect();
    // As those who trained on it normalize a text; a GGUF does not say it.
    let normalizer = match info.pre.as_str() {
        "qwen2" => json!({ "type": "NFC" }),
        _ => Value::Null,
    };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": normalizer,
        "pre_tokenizer": cut,
        "post_processor": around(info, before, after),
        "decoder": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false },
        "model": { "type": "BPE", "vocab": vocabulary, "merges": info.merges },
    }))
}

fn around(info: &TokenizerInfo, before: &[u32], after: &[u32]) -> Value {
    let text = |name: &str| json!({ "Sequence": { "id": name, "type_id": 0 } });
    let (mut single, mut special) = (vec![text("A")], Map::new());
    for (name, ids) in [("before", before), ("after", after)] {
        if ids.is_empty() {
            continue;
        }
        let spelled = |id: &u32| info.tokens.get(*id as usize).cloned().unwrap_or_default();
        let tokens: Vec<String> = ids.iter().map(spelled).collect();
        special.insert(name.to_owned(), json!({ "id": name, "ids": ids, "tokens": tokens }));
        let place = if name == "before" { 0 } else { single.len() };
        single.insert(place, json!({ "SpecialToken": { "id": name, "type_id": 0 } }));
    }
    json!({
        "type": "TemplateProcessing", "single": single, "pair": [text("A"), text("B")],
        "special_tokens": special,
    })
}
