//! `tokenizer.json` and what stands beside it: the vocabulary and the chat template.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{MAX_CONFIG, MAX_TOKENIZER, object, put, string, unsupported};
use crate::import::gguf::Metadata;
use crate::import::{ImportError, MetaValue};
use crate::onnx::splitting;

/// Numbers of GGUF's `tokenizer.ggml.token_type`.
const NORMAL: i64 = 1;
const CONTROL: i64 = 3;
const USER: i64 = 4;
const UNUSED: i64 = 5;
const BYTE: i64 = 6;

/// The most tokens.
const MAX_TOKENS: usize = 4 << 20;

/// What a tokenizer's files come to; `rows` is how many embeddings there are.
pub(super) fn metadata(
    folder: &Path,
    config: &Map<String, Value>,
    rows: usize,
) -> Result<Metadata, ImportError> {
    let refuse = |reason: &str| unsupported(folder, reason);
    let file = object(folder, "tokenizer.json", MAX_TOKENIZER)?
        .ok_or_else(|| refuse("it has no `tokenizer.json`"))?;
    let beside = object(folder, "tokenizer_config.json", MAX_CONFIG)?.unwrap_or_default();
    let words = words(&file, rows).map_err(|why| refuse(&why))?;
    let by_text: HashMap<&str, usize> =
        words.tokens.iter().enumerate().map(|(id, text)| (text.as_str(), id)).collect();
    let id = |name: &str| {
        let text = match beside.get(name)? {
            Value::String(text) => text.as_str(),
            other => other.get("content")?.as_str()?,
        };
        by_text.get(text).map(|&id| MetaValue::Int(id as i128))
    };
    let numbered = |name: &str| {
        let value = config.get(name)?;
        let value = value.as_u64().or_else(|| value.as_array()?.first()?.as_u64())?;
        Some(MetaValue::Int(i128::from(value)))
    };
    let mut metadata = Metadata::new();
    let bos = id("bos_token").or_else(|| numbered("bos_token_id"));
    let said = beside.get("add_bos_token").and_then(Value::as_bool);
    let first = begins(&file, bos.as_ref().and_then(MetaValue::as_u64));
    metadata
        .insert("tokenizer.ggml.add_bos_token".to_owned(), MetaValue::Bool(said.unwrap_or(first)));
    put(&mut metadata, "tokenizer.ggml.bos_token_id", bos);
    let eos = id("eos_token").or_else(|| numbered("eos_token_id"));
    put(&mut metadata, "tokenizer.ggml.eos_token_id", eos);
    let model = if words.bytes { "llama" } else { "gpt2" };
    metadata.insert("tokenizer.ggml.model".to_owned(), string(model));
    metadata.insert("tokenizer.ggml.add_space_prefix".to_owned(), MetaValue::Bool(words.blank));
    metadata.insert("tokenizer.ggml.pre".to_owned(), string(words.pre));
    metadata.insert("tokenizer.ggml.tokens".to_owned(), MetaValue::Strings(words.tokens));
    metadata.insert("tokenizer.ggml.token_type".to_owned(), MetaValue::Ints(words.types));
    metadata.insert("tokenizer.ggml.merges".to_owned(), MetaValue::Strings(words.merges));
    let template = template(folder, &beside)?;
    put(&mut metadata, "tokenizer.chat_template", template.map(string));
    Ok(metadata)
}

/// A vocabulary.
struct Words {
    tokens: Vec<String>,
    types: Vec<i64>,
    merges: Vec<String>,
    pre: &'static str,
    /// Letters without a token are spelled by their bytes (SentencePiece).
    bytes: bool,
    /// A text gets a blank in front.
    blank: bool,
}

fn words(file: &Map<String, Value>, rows: usize) -> Result<Words, String> {
    let model = file.get("model").and_then(Value::as_object).ok_or("its tokenizer has no model")?;
    let kind = model.get("type").and_then(Value::as_str).unwrap_or("BPE");
    let vocabulary = model.get("vocab").and_then(Value::as_object);
    let (Some(vocabulary), "BPE") = (vocabulary, kind) else {
        return Err(format!("its tokenizer is `{kind}`, and `BPE` is known"));
    };
    let bytes = model.get("byte_fallback") == Some(&Value::Bool(true));
    let added = file.get("added_tokens").and_then(Value::as_array);
    let added: Vec<(usize, &str, i64)> = added
        .into_iter()
        .flatten()
        .filter_map(|token| {
            let id = usize::try_from(token.get("id")?.as_u64()?).ok()?;
            let special = token.get("special").and_then(Value::as_bool).unwrap_or(false);
            Some((id, token.get("content")?.as_str()?, if special { CONTROL } else { USER }))
        })
        .collect();
    let plain = vocabulary.iter().filter_map(|(text, id)| {
        let id = usize::try_from(id.as_u64()?).ok()?;
        let is_byte = bytes && text.len() == 6 && text.starts_with("<0x") && text.ends_with('>');
        Some((id, text.as_str(), if is_byte { BYTE } else { NORMAL }))
    });
    let all: Vec<(usize, &str, i64)> = plain.chain(added).collect();
    let count = all.iter().map(|(id, ..)| id + 1).max().unwrap_or(0);
    if count > rows.min(MAX_TOKENS) {
        return Err(format!("its tokenizer has {count} tokens and it only {rows} embeddings"));
    }
    let mut tokens: Vec<String> = (0..count).map(|id| format!("[PAD{id}]")).collect();
    let mut types = vec![UNUSED; count];
    for (id, text, kind) in all {
        tokens[id] = text.to_owned();
        types[id] = kind;
    }
    let merges = model.get("merges").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let merges = merges.iter().map(merge).collect::<Option<Vec<_>>>();
    let merges = merges.ok_or("its tokenizer has a merge that is no pair")?;
    let whole = model.get("ignore_merges") == Some(&Value::Bool(true));
    let splitter = file.get("pre_tokenizer").unwrap_or(&Value::Null);
    let pre = match bytes {
        true => "",
        false => splitting(&splitter.to_string(), &patterns(splitter), whole)
            .ok_or("its tokenizer cuts text in a way that is not known")?,
    };
    let blank = file.get("normalizer").is_some_and(|n| n.to_string().contains("\"Prepend\""));
    Ok(Words { tokens, types, merges, pre, bytes, blank })
}

/// `a b` or `["a", "b"]`.
fn merge(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let [left, right] = value.as_array()?.as_slice() else { return None };
    Some(format!("{} {}", left.as_str()?, right.as_str()?))
}

/// Every regular expression that a splitter names.
fn patterns(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value.as_str()) {
                ("Regex", Some(pattern)) => vec![pattern],
                _ => patterns(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(patterns).collect(),
        _ => Vec::new(),
    }
}

/// Whether a text begins with this token.
fn begins(file: &Map<String, Value>, bos: Option<u64>) -> bool {
    let processor = file.get("post_processor").map(Value::to_string).unwrap_or_default();
    let first = processor.find("\"SpecialToken\"");
    let text = processor.find("\"Sequence\":{\"id\":\"A\"");
    bos.is_some() && first.is_some_and(|at| text.is_none_or(|text| at < text))
}

/// The chat template, beside the tokenizer or in a file of its own.
fn template(folder: &Path, beside: &Map<String, Value>) -> Result<Option<String>, ImportError> {
    let path = folder.join("chat_template.jinja");
    if let Ok(meta) = std::fs::metadata(&path) {
        if meta.len() > MAX_CONFIG {
            return Err(unsupported(folder, "its `chat_template.jinja` is too long"));
        }
        return match guard::file::read_text(&path, MAX_CONFIG) {
            Ok(text) => Ok(Some(text)),
            Err(source) => Err(ImportError::Read { path, source }),
        };
    }
    let named = |list: &Vec<Value>| {
        let of = |name: &str| list.iter().find(|entry| entry["name"] == name);
        of("default").or(list.first())?.get("template")?.as_str().map(str::to_owned)
    };
    Ok(match beside.get("chat_template") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Array(list)) => named(list),
        _ => None,
    })
}
