//! The gated feed-forward network of a layer.

use super::{Builder, MS};
use crate::import::ImportError;
use crate::import::config::Activation;
use crate::import::onnx::{AttributeProto, INT64};

impl Builder<'_, '_> {
    pub(super) fn feed_forward(
        &mut self,
        layer: usize,
        normed: &str,
    ) -> Result<String, ImportError> {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let apart = self.draft.gguf.tensor(&name("ffn_gate.weight")).is_some();
        let (gate, up, width) = match apart {
            true => self.gate_and_up(layer, normed)?,
            false => self.gate_with_up(layer, normed)?,
        };
        let activated = name("activated");
        match self.config.activation {
            Activation::Silu => {
                let alpha = vec![AttributeProto::float("alpha", 1.0)];
                self.draft.node("QuickGelu", MS, &[&gate], &[&activated], alpha);
            }
            Activation::Gelu => self.draft.node("FastGelu", MS, &[&gate], &[&activated], vec![]),
        }
        self.draft.node("Mul", "", &[&activated, &up], &[&name("gated")], vec![]);
        let down = self.linear(layer, "ffn_down", &["ffn_down"], width)?;
        let bias = self.biases(layer, "ffn_down", &["ffn_down"])?;
        Ok(self.multiply(&down, &name("gated"), bias.as_deref()))
    }

    fn gate_and_up(
        &mut self,
        layer: usize,
        normed: &str,
    ) -> Result<(String, String, usize), ImportError> {
        let gate = self.linear(layer, "ffn_gate", &["ffn_gate"], self.config.hidden)?;
        let up = self.linear(layer, "ffn_up", &["ffn_up"], self.config.hidden)?;
        if gate.rows != up.rows {
            return Err(self.draft.unsupported("its gate and up matrices differ in size"));
        }
        let bias = self.biases(layer, "ffn_gate", &["ffn_gate"])?;
        let gate_out = self.multiply(&gate, normed, bias.as_deref());
        let bias = self.biases(layer, "ffn_up", &["ffn_up"])?;
        let up_out = self.multiply(&up, normed, bias.as_deref());
        Ok((gate_out, up_out, gate.rows))
    }

    /// One matrix with the gate's rows first (phi3).
    fn gate_with_up(
        &mut self,
        layer: usize,
        normed: &str,
    ) -> Result<(String, String, usize), ImportError> {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let both = self.linear(layer, "ffn_up", &["ffn_up"], self.config.hidden)?;
        if both.rows % 2 != 0 {
            return Err(self.draft.unsupported("its gate and up matrices differ in size"));
        }
        let out = self.multiply(&both, normed, None);
        let (gate, up, sizes) = (name("ffn_gate.part"), name("ffn_up.part"), name("ffn_up.sizes"));
        let half = (both.rows / 2) as i64;
        let bytes = [half, half].iter().flat_map(|size| size.to_le_bytes()).collect();
        self.weights.inline(&sizes, INT64, &[2], bytes);
        let axis = vec![AttributeProto::int("axis", -1)];
        self.draft.node("Split", "", &[&out, &sizes], &[&gate, &up], axis);
        Ok((gate, up, both.rows / 2))
    }
}
