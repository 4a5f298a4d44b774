//! Where a token stands: sines and cosines, and the two lengths that the attention is told.

use super::Builder;
use crate::import::onnx::{AttributeProto, INT32, INT64};
use crate::import::{ImportError, MetaValue};

/// Factors that a checkpoint's configuration comes to, in place of a tensor.
pub(in crate::import) const FACTORS: &str = "errand.rope_factors";

impl Builder<'_, '_> {
    pub(super) fn positions(&mut self) -> Result<(), ImportError> {
        let rotary = self.config.rotary;
        let factors = self.factors()?;
        self.angles("", rotary.base, rotary.scale, &factors)?;
        if let Some(local) = self.config.local {
            self.angles(".local", local.base, 1.0, &vec![1.0; factors.len()])?;
        }
        self.lengths();
        Ok(())
    }

    /// By what each frequency is divided.
    fn factors(&mut self) -> Result<Vec<f32>, ImportError> {
        let half = self.config.rotary.width / 2;
        let mut factors = vec![1.0_f32; half];
        // Of two sets (phi3) the one for contexts as they were trained; the other is not needed.
        for name in ["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"] {
            if let Some(tensor) = self.draft.gguf.tensor(name).cloned() {
                self.draft.place(&tensor.name);
                if name != "rope_factors_long.weight" {
                    self.draft.gguf.read_f32(&tensor, 0, tensor.rows, &mut factors)?;
                }
            }
        }
        if let Some(given) = self.draft.gguf.metadata(FACTORS).and_then(MetaValue::as_floats) {
            factors = given.iter().map(|x| *x as f32).collect();
        }
        if factors.len() != half || !factors.iter().all(|x| *x > 0.0 && x.is_finite()) {
            return Err(self.draft.unsupported("its rotary factors do not fit the heads"));
        }
        Ok(factors)
    }

    /// The tables `cosines` and `sines`, with this at the end of their names.
    fn angles(
        &mut self,
        suffix: &str,
        base: f64,
        scale: f64,
        factors: &[f32],
    ) -> Result<(), ImportError> {
        let (width, magnitude) = (self.config.rotary.width as f64, self.config.rotary.magnitude);
        let frequency = |(i, factor): (usize, &f32)| {
            (base.powf((2 * i) as f64 / width) * f64::from(*factor) * scale).recip()
        };
        let frequencies: Vec<f64> = factors.iter().enumerate().map(frequency).collect();
        for (name, function) in [("cosines", f64::cos as fn(f64) -> f64), ("sines", f64::sin)] {
            let rows = (0..self.config.context).map(|position| {
                let angle = |f: &f64| (magnitude * function(position as f64 * f)) as f32;
                frequencies.iter().map(angle).collect()
            });
            let dims = [self.config.context, factors.len()];
            self.weights.table(&format!("{name}{suffix}"), &dims, rows)?;
        }
        Ok(())
    }

    fn lengths(&mut self) {
        let one = 1_i64.to_le_bytes().to_vec();
        self.weights.inline("axis", INT64, &[1], one.clone());
        self.weights.inline("one", INT64, &[], one);
        self.draft.node(
            "ReduceSum",
            "",
            &["attention_mask", "axis"],
            &["length"],
            vec![AttributeProto::int("keepdims", 0)],
        );
        self.draft.node("Sub", "", &["length", "one"], &["length.before"], vec![]);
        self.draft.node("Shape", "", &["attention_mask"], &["mask.shape"], vec![]);
        self.draft.node("Gather", "", &["mask.shape", "one"], &["mask.length"], vec![]);
        let to_int = || vec![AttributeProto::int("to", i64::from(INT32))];
        self.draft.node("Cast", "", &["length.before"], &["seqlens_k"], to_int());
        self.draft.node("Cast", "", &["mask.length"], &["total"], to_int());
    }
}
