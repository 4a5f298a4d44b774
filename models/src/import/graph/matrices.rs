//! Matrices: which of the file's go together, with how many bits, and the products with them.

use super::{Builder, MS};
use crate::import::onnx::{AttributeProto, FLOAT};
use crate::import::quantize::{Bits, Part};
use crate::import::weights::Matrix;
use crate::import::{ImportError, Tensor, TensorType};

impl Builder<'_, '_> {
    /// Logits. Where the file has no matrix for them, the embedding serves as one.
    pub(super) fn head(&mut self, normed: &str) -> Result<(), ImportError> {
        let name = match self.draft.gguf.tensor("output.weight") {
            Some(_) => "output.weight",
            None => "token_embd.weight",
        };
        let tensor = self.tensor(name, self.config.vocab, self.config.hidden)?;
        // Quality is won or lost here, so whatever has more than four bits keeps eight.
        let bits = self.precision.bits(Part::Head, finer_than_four(tensor.kind));
        let head = self.weights.matrix("head", &[&tensor], bits)?;
        let out = self.multiply(&head, normed, None);
        let out = self.scaled(&out, "logit.scale", self.config.logit_scale.recip());
        self.draft.node("Identity", "", &[&out], &["logits"], vec![]);
        Ok(())
    }

    /// Matrices of a layer, one under the other, that all read `width` numbers.
    pub(super) fn linear(
        &mut self,
        layer: usize,
        name: &str,
        parts: &[&str],
        width: usize,
    ) -> Result<Matrix, ImportError> {
        let mut tensors = Vec::new();
        for part in parts {
            let rows = self.rows(part);
            tensors.push(self.tensor(&format!("blk.{layer}.{part}.weight"), rows, width)?);
        }
        let parts: Vec<&Tensor> = tensors.iter().collect();
        let place = match name {
            "attn_qkv" | "attn_output" | "ffn_down" => Part::Sensitive,
            _ => Part::Wide,
        };
        let finer = tensors.iter().any(|tensor| finer_than_four(tensor.kind));
        let bits = self.precision.bits(place, finer);
        self.weights.matrix(&format!("blk.{layer}.{name}"), &parts, bits)
    }

    /// How many rows a matrix must have; 0 for any number.
    fn rows(&self, part: &str) -> usize {
        let (q, kv) = (self.config.heads, self.config.kv_heads);
        match part {
            "attn_q" => q * self.config.head_dim,
            "attn_k" | "attn_v" => kv * self.config.head_dim,
            "attn_qkv" => (q + 2 * kv) * self.config.head_dim,
            "attn_output" | "ffn_down" => self.config.hidden,
            _ => 0,
        }
    }

    /// The biases of these matrices, one after the other; none where the file has none.
    pub(super) fn biases(
        &mut self,
        layer: usize,
        name: &str,
        parts: &[&str],
    ) -> Result<Option<String>, ImportError> {
        let names: Vec<String> =
            parts.iter().map(|part| format!("blk.{layer}.{part}.bias")).collect();
        if names.iter().all(|name| self.draft.gguf.tensor(name).is_none()) {
            return Ok(None);
        }
        let mut tensors = Vec::new();
        for (name, part) in names.iter().zip(parts) {
            let length = match self.rows(part) {
                0 => self
                    .draft
                    .gguf
                    .tensor(&format!("blk.{layer}.{part}.weight"))
                    .map_or(0, |t| t.rows),
                rows => rows,
            };
            tensors.push(self.tensor(name, 1, length)?);
        }
        let out = format!("blk.{layer}.{name}.bias");
        self.weights.vector(&out, &tensors.iter().collect::<Vec<_>>())?;
        Ok(Some(out))
    }

    pub(super) fn multiply(&mut self, matrix: &Matrix, input: &str, bias: Option<&str>) -> String {
        let name = &matrix.name;
        let out = format!("{name}.out");
        if matrix.bits == Bits::Sixteen {
            self.multiply_whole(matrix, input, bias, &out);
            return out;
        }
        let (values, scales) = (format!("{name}.values"), format!("{name}.scales"));
        let zeros = match matrix.bits.has_zeros() {
            true => format!("{name}.zeros"),
            false => String::new(),
        };
        let mut inputs = vec![input, &values, &scales, &zeros, "", bias.unwrap_or_default()];
        while inputs.last() == Some(&"") {
            inputs.pop();
        }
        let attributes = vec![
            AttributeProto::int("K", matrix.cols as i64),
            AttributeProto::int("N", matrix.rows as i64),
            AttributeProto::int("bits", matrix.bits.count() as i64),
            AttributeProto::int("block_size", matrix.bits.block(matrix.cols) as i64),
            AttributeProto::int("accuracy_level", 4),
        ];
        self.draft.node("MatMulNBits", MS, &inputs, &[&out], attributes);
        out
    }

    /// Without quantization: computed in single precision.
    fn multiply_whole(&mut self, matrix: &Matrix, input: &str, bias: Option<&str>, out: &str) {
        let name = &matrix.name;
        let (half, single) = (format!("{name}.values"), format!("{name}.single"));
        let to_float = vec![AttributeProto::int("to", i64::from(FLOAT))];
        self.draft.node("Cast", "", &[&half], &[&single], to_float);
        let product = match bias {
            None => out.to_owned(),
            Some(_) => format!("{name}.product"),
        };
        let transposed = vec![AttributeProto::int("transB", 1)];
        self.draft.node("FusedMatMul", MS, &[input, &single], &[&product], transposed);
        if let Some(bias) = bias {
            self.draft.node("Add", "", &[&product, bias], &[out], vec![]);
        }
    }
}

pub(in crate::import) fn finer_than_four(kind: TensorType) -> bool {
    !matches!(
        kind,
        TensorType::Q4_0
            | TensorType::Q4_1
            | TensorType::Q4K
            | TensorType::Q2K
            | TensorType::Q3K
            | TensorType::Iq4Nl
            | TensorType::Iq4Xs
    )
}
