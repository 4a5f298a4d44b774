//! What the metadata says about the network, checked before anything is built from it.

use super::quantize::BLOCK;
use super::{Gguf, ImportError, MetaValue};

/// The longest context an import prepares rotary tables for.
const MAX_CONTEXT: u64 = 32_768;
/// Base of the rotary angles in layers that look at a window (gemma3), where the file is silent.
const LOCAL_BASE: f64 = 10_000.0;
/// Of how many layers the last one looks at everything (gemma3).
const LOCAL_PERIOD: usize = 6;
/// Of how many layers the last one has no rotary positions (smollm3).
const UNTURNED_PERIOD: usize = 4;

/// A family whose graph is known.
struct Family {
    name: &'static str,
    /// A GGUF stores the rows of q and k permuted, so that what is turned together are neighbours.
    pairs: bool,
    activation: Activation,
}

const FAMILIES: [Family; 7] = [
    Family { name: "llama", pairs: true, activation: Activation::Silu },
    Family { name: "qwen2", pairs: false, activation: Activation::Silu },
    Family { name: "qwen3", pairs: false, activation: Activation::Silu },
    Family { name: "gemma3", pairs: false, activation: Activation::Gelu },
    Family { name: "phi3", pairs: false, activation: Activation::Silu },
    Family { name: "smollm3", pairs: true, activation: Activation::Silu },
    Family { name: "granite", pairs: true, activation: Activation::Silu },
];

/// Says of a checkpoint told as a GGUF that its rows are not permuted.
pub(super) const UNPERMUTED: &str = "errand.unpermuted";

/// What the gate goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    Silu,
    /// In its tanh form.
    Gelu,
}

/// How positions turn q and k.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rotary {
    pub(super) base: f64,
    /// Positions are divided by this.
    pub(super) scale: f64,
    /// So many numbers of a head are turned, the first ones.
    pub(super) width: usize,
    /// Whether what is turned together are neighbours.
    pub(super) pairs: bool,
    /// Sines and cosines are multiplied by this.
    pub(super) magnitude: f64,
}

/// Layers that see only the last tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Local {
    /// So many, the token itself among them.
    pub(super) window: usize,
    pub(super) base: f64,
    /// The last of so many layers sees everything.
    pub(super) period: usize,
}

/// The network's shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) architecture: String,
    pub(super) activation: Activation,
    pub(super) context: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) hidden: usize,
    pub(super) vocab: usize,
    pub(super) epsilon: f32,
    pub(super) rotary: Rotary,
    pub(super) local: Option<Local>,
    /// The last of so many layers does not turn; 0 where all do.
    unturned: usize,
    pub(super) embedding_scale: f32,
    /// What a block gives is multiplied by this before it is added.
    pub(super) residual_scale: f32,
    pub(super) attention_scale: f32,
    /// Logits are divided by this.
    pub(super) logit_scale: f32,
}

impl Config {
    pub(super) fn read(gguf: &Gguf) -> Result<Self, ImportError> {
        let unsupported =
            |reason| ImportError::Unsupported { path: gguf.path().to_owned(), reason };
        let name = text(gguf, "general.architecture")?;
        let family = family(name).map_err(unsupported)?;
        let key = |suffix: &str| format!("{name}.{suffix}");
        let given = |suffix: &str| gguf.metadata(&key(suffix));
        if given("expert_count").and_then(MetaValue::as_u64).is_some_and(|count| count > 0) {
            return Err(unsupported("it is a mixture of experts".to_owned()));
        }
        let softcap = float(gguf, &key("final_logit_softcapping"))?.unwrap_or(0.0);
        if softcap != 0.0 {
            return Err(unsupported(
                "its logits are capped (`final_logit_softcapping`)".to_owned(),
            ));
        }
        let hidden = number(gguf, &key("embedding_length"), 32, 1 << 16)?;
        let heads = number(gguf, &key("attention.head_count"), 1, 1 << 10)?;
        let kv_heads = match given("attention.head_count_kv") {
            None => heads,
            Some(_) => number(gguf, &key("attention.head_count_kv"), 1, heads as u64)?,
        };
        let head_dim = match given("attention.key_length") {
            None => hidden / heads,
            Some(_) => number(gguf, &key("attention.key_length"), 2, 1 << 12)?,
        };
        if given("attention.value_length").is_some_and(|n| n.as_u64() != Some(head_dim as u64)) {
            let reason = format!("its `attention.value_length` is not the head size, {head_dim}");
            return Err(unsupported(reason));
        }
        if heads % kv_heads != 0 || head_dim < 8 || head_dim % 8 != 0 || hidden % BLOCK != 0 {
            return Err(unsupported(format!(
                "its {heads} heads of {head_dim} over {kv_heads} and {hidden} numbers do not divide"
            )));
        }
        let layers = number(gguf, &key("block_count"), 1, 1 << 10)?;
        let embedding = gguf
            .tensor("token_embd.weight")
            .ok_or_else(|| unsupported("it has no tensor `token_embd.weight`".to_owned()))?;
        // What a longer context would be turned by is not prepared (phi3).
        let longest = match gguf.tensor("rope_factors_long.weight").is_some() {
            true => number(gguf, &key("rope.scaling.original_context_length"), 1, MAX_CONTEXT)?,
            false => MAX_CONTEXT as usize,
        };
        let scale = |suffix: &str| -> Result<Option<f32>, ImportError> {
            match float(gguf, &key(suffix))? {
                Some(value) if value > 0.0 => Ok(Some(value as f32)),
                Some(0.0) | None => Ok(None),
                Some(value) => Err(unsupported(format!("its `{suffix}` is {value}"))),
            }
        };
        // The largest gemma3 divides by another number than the head's size.
        let divisor = match (name, layers) {
            ("gemma3", 62) => hidden / heads,
            _ => head_dim,
        };
        let embedding_scale = match name {
            "gemma3" => (hidden as f32).sqrt(),
            _ => scale("embedding_scale")?.unwrap_or(1.0),
        };
        Ok(Self {
            architecture: name.to_owned(),
            activation: family.activation,
            context: number(gguf, &key("context_length"), 1, u64::from(u32::MAX))?.min(longest),
            layers,
            heads,
            kv_heads,
            head_dim,
            hidden,
            vocab: embedding.rows,
            epsilon: float(gguf, &key("attention.layer_norm_rms_epsilon"))?.unwrap_or(1e-5) as f32,
            rotary: rotary(gguf, name, family, head_dim)?,
            local: local(gguf, name)?,
            unturned: if name == "smollm3" { UNTURNED_PERIOD } else { 0 },
            embedding_scale,
            residual_scale: scale("residual_scale")?.unwrap_or(1.0),
            attention_scale: scale("attention.scale")?
                .unwrap_or_else(|| (divisor as f32).sqrt().recip()),
            logit_scale: scale("logit_scale")?.unwrap_or(1.0),
        })
    }

    /// Whether what is turned together are neighbours.
    pub(super) fn rotary_pairs(&self) -> bool {
        self.rotary.pairs
    }

    /// Whether a layer turns q and k.
    pub(super) fn turns(&self, layer: usize) -> bool {
        self.unturned == 0 || !(layer + 1).is_multiple_of(self.unturned)
    }

    /// What a layer sees, where that is not everything.
    pub(super) fn local(&self, layer: usize) -> Option<Local> {
        self.local.filter(|local| !(layer + 1).is_multiple_of(local.period))
    }
}

fn family(name: &str) -> Result<&'static Family, String> {
    if let Some(family) = FAMILIES.iter().find(|family| family.name == name) {
        return Ok(family);
    }
    if name.contains("bert") || name.contains("embed") {
        return Err(format!(
            "its architecture is `{name}`: it makes embeddings and writes no text"
        ));
    }
    let names: Vec<String> = FAMILIES.iter().map(|family| format!("`{}`", family.name)).collect();
    let (last, before) = names.split_last().map_or(("", [].as_slice()), |(l, b)| (l.as_str(), b));
    let known = before.join(", ");
    Err(format!("its architecture is `{name}`, and only {known} and {last} are known"))
}

/// Whether a GGUF of this family has the rows of q and k permuted.
pub(super) fn pairs_in_gguf(name: &str) -> bool {
    FAMILIES.iter().any(|family| family.name == name && family.pairs)
}

fn rotary(gguf: &Gguf, name: &str, family: &Family, head: usize) -> Result<Rotary, ImportError> {
    let unsupported = |reason| ImportError::Unsupported { path: gguf.path().to_owned(), reason };
    let key = |suffix: &str| format!("{name}.rope.{suffix}");
    let kind = gguf.metadata(&key("scaling.type")).and_then(MetaValue::as_str);
    let scale = match kind {
        // With factors of its own for each frequency (llama 3, phi 3) there is no factor for all.
        None | Some("none" | "longrope" | "llama3") => 1.0,
        Some("linear") => float(gguf, &key("scaling.factor"))?.unwrap_or(1.0),
        Some(other) => return Err(unsupported(format!("its rotary scaling is `{other}`"))),
    };
    let base = float(gguf, &key("freq_base"))?.unwrap_or(10_000.0);
    let magnitude = float(gguf, &key("scaling.attn_factor"))?.unwrap_or(1.0);
    if !(base > 1.0 && scale > 0.0 && magnitude > 0.0) {
        return Err(unsupported(format!("its rotary base is {base} over {scale}")));
    }
    let width = match gguf.metadata(&key("dimension_count")) {
        None => head,
        Some(_) => number(gguf, &key("dimension_count"), 2, head as u64)?,
    };
    let pairs = family.pairs && gguf.metadata(UNPERMUTED).is_none();
    // The runtime turns sixteen numbers at a time.
    if width % 16 != 0 || pairs && width != head {
        return Err(unsupported(format!("it turns {width} numbers of a head of {head}")));
    }
    Ok(Rotary { base, scale, width, pairs, magnitude })
}

fn local(gguf: &Gguf, name: &str) -> Result<Option<Local>, ImportError> {
    let key = |suffix: &str| format!("{name}.{suffix}");
    let window = gguf.metadata(&key("attention.sliding_window")).and_then(MetaValue::as_u64);
    // phi3 writes a window that its models were not trained with; llama.cpp leaves it aside too.
    let Some(window) = window.filter(|window| *window > 0 && name == "gemma3") else {
        return Ok(None);
    };
    let base = float(gguf, &key("rope.freq_base_swa"))?.unwrap_or(LOCAL_BASE);
    let pattern = key("attention.sliding_window_pattern");
    let period = match gguf.metadata(&pattern) {
        Some(MetaValue::Int(_)) => number(gguf, &pattern, 1, 1 << 10)?,
        _ => LOCAL_PERIOD,
    };
    Ok(Some(Local { window: window.min(MAX_CONTEXT) as usize, base, period }))
}

pub(super) fn missing(gguf: &Gguf, key: &str) -> ImportError {
    let reason = format!("its metadata has no `{key}`, or not of the right type");
    ImportError::Unsupported { path: gguf.path().to_owned(), reason }
}

pub(super) fn text<'a>(gguf: &'a Gguf, key: &str) -> Result<&'a str, ImportError> {
    gguf.metadata(key).and_then(MetaValue::as_str).ok_or_else(|| missing(gguf, key))
}

fn float(gguf: &Gguf, key: &str) -> Result<Option<f64>, ImportError> {
    match gguf.metadata(key) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|value| value.is_finite())
            .map(Some)
            .ok_or_else(|| missing(gguf, key)),
    }
}

fn number(gguf: &Gguf, key: &str, least: u64, most: u64) -> Result<usize, ImportError> {
    let value = gguf.metadata(key).and_then(MetaValue::as_u64).ok_or_else(|| missing(gguf, key))?;
    if !(least..=most).contains(&value) {
        let reason = format!("`{key}` is {value}, which cannot be");
        return Err(ImportError::Unsupported { path: gguf.path().to_owned(), reason });
    }
    Ok(value as usize)
}
