//! A checkpoint as the hub lays it out – `config.json`, `tokenizer.json`, `*.safetensors` – told in the
//! words of a GGUF: its tensors under their names there, its configuration as metadata.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::adapter::Delta;
use super::gguf::Metadata;
use super::{Gguf, ImportError, MetaValue, Tensor, names, safetensors};

mod network;
mod vocabulary;

/// The longest configuration or index that is read.
const MAX_CONFIG: u64 = 64 << 20;
/// The longest `tokenizer.json`.
const MAX_TOKENIZER: u64 = 256 << 20;
const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// What of a checkpoint belongs to images, not to text.
const BESIDE: [&str; 4] = ["vision_tower.", "multi_modal_projector.", "visual.", "audio_tower."];

/// Whether a folder is a checkpoint, and no imported model.
pub(crate) fn is_one(folder: &Path) -> bool {
    folder.join("config.json").is_file() && !folder.join("model.json").is_file()
}

/// Opens the folder.
pub(super) fn open(folder: &Path) -> Result<Gguf, ImportError> {
    let config = object(folder, "config.json", MAX_CONFIG)?
        .ok_or_else(|| unsupported(folder, "it has no `config.json`"))?;
    let network = network::Network::read(&config).map_err(|why| unsupported(folder, &why))?;
    let (mut parts, mut tensors) = (Vec::new(), Vec::new());
    for path in files(folder)? {
        let (part, found) = safetensors::open(&path, parts.len(), |_| true)?;
        parts.push(part);
        tensors.extend(found.into_iter().filter_map(|tensor| named(tensor, &network)));
    }
    let rows = tensors.iter().find(|tensor| tensor.name == "token_embd.weight");
    let rows = rows.map_or(0, |tensor| tensor.rows);
    let mut metadata = network.metadata;
    metadata.extend(vocabulary::metadata(folder, &config, rows)?);
    let norms: Vec<(String, usize)> = tensors
        .iter()
        .filter(|tensor| network.sandwich && tensor.name.ends_with("norm.weight"))
        .map(|tensor| (tensor.name.trim_end_matches(".weight").to_owned(), tensor.cols))
        .collect();
    let mut model = Gguf::of(folder, parts, metadata, tensors)?;
    // Gemma's norms multiply by one more than they store; a GGUF has the sum.
    model.add(norms.into_iter().map(|(name, cols)| Delta::ones(name, cols)));
    Ok(model)
}

/// A tensor under the name that a GGUF gives it; none for what is not the text model's. A name that is
/// not known stays, and is refused where the graph is built.
fn named(tensor: Tensor, network: &network::Network) -> Option<Tensor> {
    let plain = tensor.name.trim_start_matches("model.");
    let beside = BESIDE.iter().any(|prefix| plain.starts_with(prefix));
    if beside || tensor.name.ends_with("rotary_emb.inv_freq") {
        return None;
    }
    let (module, end) = tensor.name.rsplit_once('.')?;
    let Some(module) = names::module(module, network.sandwich) else { return Some(tensor) };
    if module == "output" && network.tied {
        return None;
    }
    Some(Tensor { name: format!("{module}.{end}"), ..tensor })
}

/// The files with the weights.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let Some(index) = object(folder, INDEX, MAX_CONFIG)? else {
        let whole = folder.join(WHOLE);
        return match whole.is_file() {
            true => Ok(vec![whole]),
            false => Err(unsupported(folder, &format!("it has neither `{WHOLE}` nor `{INDEX}`"))),
        };
    };
    let map = index.get("weight_map").and_then(Value::as_object);
    let names: BTreeSet<&str> =
        map.into_iter().flat_map(Map::values).filter_map(Value::as_str).collect();
    let mut files = Vec::new();
    for name in names {
        let path = folder.join(name);
        if name.contains(['/', '\\']) || !path.is_file() {
            return Err(unsupported(
                folder,
                &format!("its index names `{name}`, which is not there"),
            ));
        }
        files.push(path);
    }
    match files.is_empty() {
        true => Err(unsupported(folder, &format!("its `{INDEX}` names no file"))),
        false => Ok(files),
    }
}

/// A JSON object in the folder; none where the file is not there.
fn object(folder: &Path, name: &str, most: u64) -> Result<Option<Map<String, Value>>, ImportError> {
    let path = folder.join(name);
    let failed = |source| ImportError::Read { path: path.clone(), source };
    let Ok(meta) = std::fs::metadata(&path) else { return Ok(None) };
    if meta.len() > most {
        return Err(unsupported(folder, &format!("its `{name}` is longer than {most} bytes")));
    }
    let text = guard::file::read(&path, most).map_err(failed)?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| unsupported(folder, &format!("its `{name}` is no JSON object: {error}")))
}

fn unsupported(folder: &Path, reason: &str) -> ImportError {
    ImportError::Unsupported { path: folder.to_owned(), reason: reason.to_owned() }
}

fn string(text: impl Into<String>) -> MetaValue {
    MetaValue::String(text.into())
}

/// Puts in what is there.
fn put(metadata: &mut Metadata, key: &str, value: Option<MetaValue>) {
    if let Some(value) = value {
        metadata.insert(key.to_owned(), value);
    }
}
