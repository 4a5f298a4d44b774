//! Low-rank adapters (LoRA, Hu et al., 2021): what is added to a model's matrices, read from a PEFT
//! folder or from a GGUF file of llama.cpp's making. Everything that would change the model in
//! another way is refused by name.

use std::path::{Path, PathBuf};

use super::{Gguf, ImportError, MetaValue};

mod apply;
mod delta;
mod peft;

pub(crate) use apply::adapted;
pub(super) use delta::{Delta, Order};

/// The highest rank that is taken; usual ones are 4 to 256.
const MAX_RANK: usize = 4096;

/// A low-rank adapter.
#[derive(Debug)]
pub struct Adapter {
    path: PathBuf,
    /// The family that it says it was made for.
    architecture: Option<String>,
    /// The model that it says it was made for.
    base: Option<String>,
    order: Order,
    deltas: Vec<Delta>,
}

impl Adapter {
    /// Opens a PEFT folder (`adapter_config.json`, `adapter_model.safetensors`) or a GGUF adapter.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let adapter = if path.is_dir() { peft::open(path)? } else { of_gguf(path)? };
        if adapter.deltas.is_empty() {
            return Err(refused(path, "it changes no matrix".to_owned()));
        }
        Ok(adapter)
    }

    /// What it adds to a model of this shape, whose rows of q and k lie in this order.
    pub(super) fn fitted(self, shape: &Shape<'_>, order: Order) -> Result<Vec<Delta>, ImportError> {
        if let Some(made_for) = self.architecture.as_deref().filter(|name| *name != shape.family) {
            let reason =
                format!("it was made for `{made_for}`, and the model is `{}`", shape.family);
            return Err(refused(&self.path, reason));
        }
        let mut deltas = self.deltas;
        for delta in &mut deltas {
            let heads = match delta.module.rsplit_once('.').map(|(_, part)| part) {
                Some("attn_q") => shape.heads,
                Some("attn_k") => shape.kv_heads,
                _ => continue,
            };
            if self.order != order && !delta.reorder(heads, order) {
                let reason = format!("the rows of its `{}` are not whole heads", delta.module);
                return Err(refused(&self.path, reason));
            }
        }
        Ok(deltas)
    }

    /// Adds it to a model as that is read.
    pub fn merge_into(self, model: &mut Gguf) -> Result<(), ImportError> {
        let config = super::config::Config::read(model)?;
        let shape =
            Shape { family: &config.architecture, heads: config.heads, kv_heads: config.kv_heads };
        let (path, base) = (self.path.clone(), self.base.clone());
        let order = if config.rotary_pairs() { Order::Pairs } else { Order::Halves };
        let deltas = self.fitted(&shape, order)?;
        for delta in &deltas {
            let found = model.tensor(&delta.tensor()).map(|tensor| (tensor.rows, tensor.cols));
            if found != Some((delta.rows, delta.cols)) {
                return Err(refused(&path, delta.misfit(found, base.as_deref())));
            }
        }
        model.add(deltas);
        Ok(())
    }
}

/// What of a model says how an adapter's rows must lie.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) family: &'a str,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
}

/// An adapter of llama.cpp's format: `general.type` is `adapter`, the matrices are
/// `blk.N.attn_q.weight.lora_a` and `.lora_b`.
fn of_gguf(path: &Path) -> Result<Adapter, ImportError> {
    let gguf = Gguf::open(path)?;
    let text = |key: &str| gguf.metadata(key).and_then(MetaValue::as_str);
    if text("general.type") != Some("adapter") || text("adapter.type") != Some("lora") {
        let reason = "its metadata does not say that it is a LoRA adapter".to_owned();
        return Err(refused(path, reason));
    }
    if gguf.metadata("adapter.alora.invocation_tokens").is_some() {
        let reason = "it begins to work at certain tokens (aLoRA), which is not known".to_owned();
        return Err(refused(path, reason));
    }
    let architecture = text("general.architecture").map(str::to_owned);
    let alpha = gguf.metadata("adapter.lora.alpha").and_then(MetaValue::as_f64).unwrap_or(0.0);
    let pairs = architecture.as_deref().is_some_and(super::config::pairs_in_gguf);
    let order = if pairs { Order::Pairs } else { Order::Halves };
    let named = |name: &str| {
        let (matrix, half) = name.rsplit_once('.')?;
        let half = match half {
            "lora_a" => Half::A,
            "lora_b" => Half::B,
            _ => return None,
        };
        Some((matrix.strip_suffix(".weight")?.to_owned(), half))
    };
    let scale = |rank: usize, _: &str| if alpha == 0.0 { 1.0 } else { alpha / rank as f64 };
    let deltas = pairs_of(path, &gguf, named, scale)?;
    Ok(Adapter { path: path.to_owned(), architecture, base: None, order, deltas })
}

/// Which of the two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    A,
    B,
}

/// Finds for each A its B, and reads them. `named` says what a tensor belongs to.
fn pairs_of(
    path: &Path,
    file: &Gguf,
    named: impl Fn(&str) -> Option<(String, Half)>,
    scale: impl Fn(usize, &str) -> f64,
) -> Result<Vec<Delta>, ImportError> {
    let mut halves = std::collections::BTreeMap::<String, [Option<&super::Tensor>; 2]>::new();
    for tensor in file.tensors() {
        let Some((module, half)) = named(&tensor.name) else {
            let reason = format!("its tensor `{}` is no part of a known matrix", tensor.name);
            return Err(refused(path, reason));
        };
        halves.entry(module).or_default()[usize::from(half == Half::B)] = Some(tensor);
    }
    let mut deltas = Vec::with_capacity(halves.len());
    for (module, pair) in halves {
        let [Some(a), Some(b)] = pair else {
            return Err(refused(path, format!("its `{module}` has one matrix of two")));
        };
        if a.rows != b.cols || a.rows > MAX_RANK {
            let reason = format!(
                "its `{module}` is {}×{} after {}×{}, which is no low rank",
                b.rows, b.cols, a.rows, a.cols
            );
            return Err(refused(path, reason));
        }
        let scale = scale(a.rows, &module);
        let mut delta = Delta::new(module, a.rows, b.rows, a.cols);
        file.read_f32(a, 0, a.rows, &mut delta.a)?;
        file.read_f32(b, 0, b.rows, &mut delta.b)?;
        delta.b.iter_mut().for_each(|x| *x = (f64::from(*x) * scale) as f32);
        if !delta.a.iter().chain(&delta.b).all(|x| x.is_finite()) {
            return Err(refused(path, format!("its `{}` holds no numbers", delta.module)));
        }
        deltas.push(delta);
    }
    Ok(deltas)
}

fn refused(path: &Path, reason: String) -> ImportError {
    ImportError::Adapter { path: path.to_owned(), reason }
}
