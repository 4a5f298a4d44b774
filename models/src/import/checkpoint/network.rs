//! `config.json`: the network's shape.

use serde_json::{Map, Value};

use super::{put, string};
use crate::import::MetaValue;
use crate::import::config::UNPERMUTED;
use crate::import::gguf::Metadata;
use crate::import::graph::FACTORS;

/// What `model_type` calls a family, and what a GGUF does.
const FAMILIES: [(&str, &str); 9] = [
    ("llama", "llama"),
    ("mistral", "llama"),
    ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
    ("gemma3_text", "gemma3"),
    ("gemma3", "gemma3"),
    ("phi3", "phi3"),
    ("smollm3", "smollm3"),
    ("granite", "granite"),
];

/// Numbers that mean the same under another name.
const NUMBERS: [(&str, &str); 12] = [
    ("hidden_size", "embedding_length"),
    ("num_hidden_layers", "block_count"),
    ("num_attention_heads", "attention.head_count"),
    ("num_key_value_heads", "attention.head_count_kv"),
    ("head_dim", "attention.key_length"),
    ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
    ("max_position_embeddings", "context_length"),
    ("embedding_multiplier", "embedding_scale"),
    ("residual_multiplier", "residual_scale"),
    ("attention_multiplier", "attention.scale"),
    ("logits_scaling", "logit_scale"),
    ("final_logit_softcapping", "final_logit_softcapping"),
];

/// What a configuration comes to.
pub(super) struct Network {
    pub(super) metadata: Metadata,
    /// Norms stand before and after each block, and store one less than they multiply by.
    pub(super) sandwich: bool,
    /// The embedding serves as the head.
    pub(super) tied: bool,
}

impl Network {
    /// Reads it; the error says what is not known.
    pub(super) fn read(whole: &Map<String, Value>) -> Result<Self, String> {
        let kind = whole.get("model_type").and_then(Value::as_str).unwrap_or_default();
        let Some((_, family)) = FAMILIES.iter().find(|(theirs, _)| *theirs == kind) else {
            let known: Vec<_> = FAMILIES.iter().map(|(theirs, _)| format!("`{theirs}`")).collect();
            let known = known.join(", ");
            return Err(format!("its `model_type` is `{kind}`, and only {known} are known"));
        };
        let config = whole.get("text_config").and_then(Value::as_object).unwrap_or(whole);
        if whole.contains_key("quantization_config") {
            return Err(
                "its weights are quantized already; take the model's own version".to_owned()
            );
        }
        if config.get("use_sliding_window") == Some(&Value::Bool(true)) {
            return Err("its attention looks at a window (`use_sliding_window`)".to_owned());
        }
        if kind == "mistral" && config.get("sliding_window").is_some_and(|window| !window.is_null())
        {
            return Err("its attention looks at a window (`sliding_window`)".to_owned());
        }
        let mut metadata = Metadata::new();
        metadata.insert("general.architecture".to_owned(), string(*family));
        metadata.insert(UNPERMUTED.to_owned(), MetaValue::Bool(true));
        let key = |suffix: &str| format!("{family}.{suffix}");
        for (theirs, ours) in NUMBERS {
            put(&mut metadata, &key(ours), config.get(theirs).and_then(number));
        }
        rotary(config, &key, &mut metadata)?;
        match *family {
            "gemma3" => gemma(config, &key, &mut metadata)?,
            "smollm3" => smollm(config)?,
            _ => {}
        }
        let tie = config.get("tie_word_embeddings").or(whole.get("tie_word_embeddings"));
        let tied = tie.and_then(Value::as_bool).unwrap_or(*family == "gemma3");
        Ok(Self { metadata, sandwich: *family == "gemma3", tied })
    }
}

fn number(value: &Value) -> Option<MetaValue> {
    match value.as_u64() {
        Some(whole) => Some(MetaValue::Int(i128::from(whole))),
        None => value.as_f64().map(MetaValue::Float),
    }
}

/// Base, width and scaling. Newer configurations have all of it in `rope_parameters`.
fn rotary(
    config: &Map<String, Value>,
    key: &impl Fn(&str) -> String,
    metadata: &mut Metadata,
) -> Result<(), String> {
    let empty = Map::new();
    let table = |name: &str| config.get(name).and_then(Value::as_object);
    let parameters = table("rope_parameters").or(table("rope_scaling")).unwrap_or(&empty);
    // Of layers of several kinds (gemma3), those that see everything.
    let full = parameters.get("full_attention").and_then(Value::as_object);
    let parameters = full.unwrap_or(parameters);
    let base = parameters.get("rope_theta").or(config.get("rope_theta"));
    put(metadata, &key("rope.freq_base"), base.and_then(number));
    let size = |name: &str| config.get(name).and_then(Value::as_u64);
    let head =
        size("head_dim").or_else(|| size("hidden_size")?.checked_div(size("num_attention_heads")?));
    let partial = parameters.get("partial_rotary_factor").or(config.get("partial_rotary_factor"));
    let width = match (partial.and_then(Value::as_f64), head) {
        (Some(part), Some(head)) => Some((part * head as f64).round() as u64),
        (_, head) => head,
    };
    if let Some(width) = width {
        metadata.insert(key("rope.dimension_count"), MetaValue::Int(i128::from(width)));
    }
    let kind = parameters.get("rope_type").or(parameters.get("type")).and_then(Value::as_str);
    let factor = parameters.get("factor").and_then(Value::as_f64);
    match kind {
        None | Some("default") => {}
        Some("linear") => {
            metadata.insert(key("rope.scaling.type"), string("linear"));
            put(metadata, &key("rope.scaling.factor"), factor.map(MetaValue::Float));
        }
        Some("llama3") => {
            let base = base.and_then(Value::as_f64).unwrap_or(10_000.0);
            let factors = stretched(parameters, base, width.unwrap_or(0))
                .ok_or("its `llama3` rotary scaling is not complete")?;
            metadata.insert(FACTORS.to_owned(), MetaValue::Floats(factors));
        }
        Some("longrope" | "su") => long(config, parameters, key, metadata)?,
        Some(other) => return Err(format!("its rotary scaling is `{other}`")),
    }
    Ok(())
}

/// Llama 3's scaling: long waves are stretched, short ones are not, between them it goes over smoothly.
fn stretched(parameters: &Map<String, Value>, base: f64, width: u64) -> Option<Vec<f64>> {
    let number = |name: &str| parameters.get(name).and_then(Value::as_f64);
    let (factor, low, high) =
        (number("factor")?, number("low_freq_factor")?, number("high_freq_factor")?);
    let trained = number("original_max_position_embeddings")?;
    let factors = (0..width.min(1 << 12) / 2).map(|i| {
        let wave = std::f64::consts::TAU * base.powf(2.0 * i as f64 / width as f64);
        let turns = trained / wave;
        if turns < low {
            factor
        } else if turns > high {
            1.0
        } else {
            let smooth = (turns - low) / (high - low);
            ((1.0 - smooth) / factor + smooth).recip()
        }
    });
    Some(factors.collect())
}

/// Phi 3's scaling: of two sets of factors the one for contexts as they were trained, which is what the
/// context is kept to.
fn long(
    config: &Map<String, Value>,
    parameters: &Map<String, Value>,
    key: &impl Fn(&str) -> String,
    metadata: &mut Metadata,
) -> Result<(), String> {
    let name = "original_max_position_embeddings";
    let trained = config.get(name).or(parameters.get(name)).and_then(Value::as_u64);
    let trained = trained.ok_or_else(|| format!("it has no `{name}`"))?;
    let most = config.get("max_position_embeddings").and_then(Value::as_u64).unwrap_or(trained);
    let factors = parameters.get("short_factor").and_then(Value::as_array);
    let factors = factors.ok_or("it has no `short_factor`")?;
    let factors = factors.iter().filter_map(Value::as_f64).collect();
    metadata.insert(FACTORS.to_owned(), MetaValue::Floats(factors));
    metadata.insert(key("context_length"), MetaValue::Int(i128::from(trained)));
    let stretch = most as f64 / trained.max(2) as f64;
    if stretch > 1.0 {
        let magnitude = (1.0 + stretch.ln() / (trained.max(2) as f64).ln()).sqrt();
        metadata.insert(key("rope.scaling.attn_factor"), MetaValue::Float(magnitude));
    }
    Ok(())
}

fn gemma(
    config: &Map<String, Value>,
    key: &impl Fn(&str) -> String,
    metadata: &mut Metadata,
) -> Result<(), String> {
    let window = config.get("sliding_window").and_then(number);
    put(metadata, &key("attention.sliding_window"), window);
    let base = config.get("rope_local_base_freq").and_then(number);
    put(metadata, &key("rope.freq_base_swa"), base);
    let scalar = config.get("query_pre_attn_scalar").and_then(Value::as_f64);
    let scale = scalar.map(|scalar| MetaValue::Float(scalar.sqrt().recip()));
    put(metadata, &key("attention.scale"), scale);
    let pattern = config.get("sliding_window_pattern").or(config.get("_sliding_window_pattern"));
    let period = pattern.and_then(Value::as_u64).unwrap_or(6).max(1);
    let kinds = config.get("layer_types").and_then(Value::as_array);
    let other = kinds.into_iter().flatten().zip(1..).any(|(kind, layer): (_, u64)| {
        (kind.as_str() == Some("full_attention")) != layer.is_multiple_of(period)
    });
    if other {
        return Err(format!("not the last of every {period} layers sees everything"));
    }
    let period = MetaValue::Int(i128::from(period));
    metadata.insert(key("attention.sliding_window_pattern"), period);
    Ok(())
}

fn smollm(config: &Map<String, Value>) -> Result<(), String> {
    let turned = config.get("no_rope_layers").and_then(Value::as_array);
    let other =
        turned.into_iter().flatten().zip(1..).any(|(turned, layer): (_, u64)| {
            (turned.as_u64() == Some(0)) != layer.is_multiple_of(4)
        });
    if other {
        return Err("not every fourth layer is without rotary positions".to_owned());
    }
    Ok(())
}
