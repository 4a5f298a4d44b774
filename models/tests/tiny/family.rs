//! What the families differ in.

use super::{HEAD, HIDDEN};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Llama,
    /// With factors of its own for each frequency.
    Llama3,
    Qwen2,
    Qwen3,
    Gemma3,
    Phi3,
    SmolLm3,
    Granite,
}

pub const FAMILIES: [Family; 8] = [
    Family::Llama,
    Family::Llama3,
    Family::Qwen2,
    Family::Qwen3,
    Family::Gemma3,
    Family::Phi3,
    Family::SmolLm3,
    Family::Granite,
];

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Llama | Family::Llama3 => "llama",
            Family::Qwen2 => "qwen2",
            Family::Qwen3 => "qwen3",
            Family::Gemma3 => "gemma3",
            Family::Phi3 => "phi3",
            Family::SmolLm3 => "smollm3",
            Family::Granite => "granite",
        }
    }

    /// Whether a GGUF has the rows of q and k permuted.
    pub fn pairs(self) -> bool {
        matches!(self, Family::Llama | Family::Llama3 | Family::SmolLm3 | Family::Granite)
    }

    pub fn layers(self) -> usize {
        if self == Family::SmolLm3 { 4 } else { 2 }
    }

    pub fn unturned(self, layer: usize) -> bool {
        self == Family::SmolLm3 && layer == 3
    }

    /// Norms before and after each block.
    pub fn sandwich(self) -> bool {
        self == Family::Gemma3
    }

    pub fn head_norms(self) -> bool {
        matches!(self, Family::Qwen3 | Family::Gemma3)
    }

    pub fn fused(self) -> bool {
        self == Family::Phi3
    }

    /// How much of a head is turned.
    pub fn width(self) -> usize {
        HEAD
    }

    pub fn factors(self) -> Vec<f64> {
        let varied = matches!(self, Family::Llama3 | Family::Phi3);
        (0..self.width() / 2).map(|i| if varied { 1.0 + i as f64 / 2.0 } else { 1.0 }).collect()
    }

    pub fn magnitude(self) -> f64 {
        if self == Family::Phi3 { 1.25 } else { 1.0 }
    }

    pub fn embedding_scale(self) -> f64 {
        match self {
            Family::Gemma3 => (HIDDEN as f64).sqrt(),
            Family::Granite => 6.0,
            _ => 1.0,
        }
    }

    pub fn residual_scale(self) -> f64 {
        if self == Family::Granite { 0.25 } else { 1.0 }
    }

    pub fn logit_scale(self) -> f64 {
        if self == Family::Granite { 8.0 } else { 1.0 }
    }

    pub fn attention_scale(self) -> f64 {
        match self {
            Family::Granite => 0.125,
            _ => (HEAD as f64).sqrt().recip(),
        }
    }

    pub fn activated(self, x: f64) -> f64 {
        match self {
            Family::Gemma3 => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            }
            _ => x / (1.0 + (-x).exp()),
        }
    }
}
