//! PEFT's folders: `adapter_config.json` beside `adapter_model.safetensors`.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Adapter, Half, Order, pairs_of, refused};
use crate::import::{Gguf, ImportError, names, safetensors};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// The longest configuration that is read.
const MAX_CONFIG: u64 = 1 << 20;

/// Keys that mean another method than plain LoRA wherever they are set.
const OTHERS: [(&str, &str); 9] = [
    ("use_dora", "it is DoRA, which scales whole columns"),
    ("use_qalora", "it is QALoRA"),
    ("fan_in_fan_out", "its matrices are transposed (`fan_in_fan_out`)"),
    ("lora_bias", "it has biases (`lora_bias`)"),
    ("alpha_pattern", "its scale differs by layer (`alpha_pattern`)"),
    ("modules_to_save", "it replaces whole modules (`modules_to_save`)"),
    ("layer_replication", "it repeats layers (`layer_replication`)"),
    ("target_parameters", "it changes single parameters (`target_parameters`)"),
    ("alora_invocation_tokens", "it begins to work at certain tokens (aLoRA)"),
];

pub(super) fn open(folder: &Path) -> Result<Adapter, ImportError> {
    let config = config(folder)?;
    let path = folder.join(WEIGHTS);
    if !path.is_file() {
        let reason = format!("it has no `{WEIGHTS}`; other files, such as `.bin`, are not read");
        return Err(refused(folder, reason));
    }
    let alpha = config.get("lora_alpha").and_then(Value::as_f64);
    let alpha = alpha.filter(|alpha| alpha.is_finite());
    let alpha =
        alpha.ok_or_else(|| refused(folder, format!("its `{CONFIG}` has no `lora_alpha`")))?;
    let rooted = set(&config, "use_rslora");
    let scale = |rank: usize, _: &str| {
        let rank = rank as f64;
        alpha / if rooted { rank.sqrt() } else { rank }
    };
    let (part, tensors) = safetensors::open(&path, 0, |_| true)?;
    if let Some(tensor) = tensors.iter().find(|tensor| tensor.name.contains("lora_magnitude")) {
        let reason = format!("its tensor `{}` says that it is DoRA", tensor.name);
        return Err(refused(folder, reason));
    }
    let file = Gguf::of(&path, vec![part], Default::default(), tensors)?;
    let deltas = pairs_of(folder, &file, named, scale)?;
    let base = config.get("base_model_name_or_path").and_then(Value::as_str).map(str::to_owned);
    let (path, architecture) = (folder.to_owned(), None);
    Ok(Adapter { path, architecture, base, order: Order::Halves, deltas })
}

/// Reads the configuration, and refuses what is not plain LoRA.
fn config(folder: &Path) -> Result<Map<String, Value>, ImportError> {
    let path = folder.join(CONFIG);
    let failed = |source| ImportError::Read { path: path.clone(), source };
    if std::fs::metadata(&path).map_err(failed)?.len() > MAX_CONFIG {
        return Err(refused(folder, format!("its `{CONFIG}` is longer than a configuration")));
    }
    let text = guard::file::read(&path, MAX_CONFIG).map_err(failed)?;
    let config: Map<String, Value> = serde_json::from_slice(&text)
        .map_err(|error| refused(folder, format!("its `{CONFIG}` is no JSON object: {error}")))?;
    match config.get("peft_type").and_then(Value::as_str) {
        Some("LORA") => {}
        other => {
            let kind = other.unwrap_or("nothing");
            return Err(refused(folder, format!("its `peft_type` is `{kind}`; `LORA` is known")));
        }
    }
    if let Some((_, what)) = OTHERS.iter().find(|(key, _)| set(&config, key)) {
        return Err(refused(folder, format!("{what}; only plain LoRA is known")));
    }
    match config.get("bias").and_then(Value::as_str) {
        None | Some("none") => Ok(config),
        Some(other) => {
            let reason =
                format!("it changes biases (`bias = \"{other}\"`); only plain LoRA is known");
            Err(refused(folder, reason))
        }
    }
}

/// Whether a key says more than "no".
fn set(config: &Map<String, Value>, key: &str) -> bool {
    match config.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(_) => true,
    }
}

/// `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`; older versions have the
/// adapter's name before `weight`.
fn named(name: &str) -> Option<(String, Half)> {
    let name = name.strip_prefix("base_model.model.")?.strip_suffix(".weight")?;
    let name = name.strip_suffix(".default").unwrap_or(name);
    let (module, half) = name.rsplit_once('.')?;
    let half = match half {
        "lora_A" => Half::A,
        "lora_B" => Half::B,
        _ => return None,
    };
    Some((names::module(module, false)?, half))
}
