//! One row a text instead of logits: the state of its last token, or a score that is made of it.

use super::{Builder, Gives};
use crate::import::ImportError;
use crate::import::config::Config;
use crate::import::onnx::dimension::Value::{Name, Size};
use crate::import::onnx::{FLOAT, INT64, ValueInfoProto};

/// What an encoder takes and gives.
pub(super) fn interface(
    config: &Config,
    gives: Gives,
) -> (Vec<ValueInfoProto>, Vec<ValueInfoProto>) {
    let name = |name: &str| Name(name.to_owned());
    let texts = |of: &str| ValueInfoProto::tensor(of, INT64, vec![name("batch"), name("sequence")]);
    let (output, width) = match gives {
        Gives::Scores => ("logits", 1),
        _ => ("sentence_embedding", config.hidden),
    };
    let output = ValueInfoProto::tensor(output, FLOAT, vec![name("batch"), Size(width as i64)]);
    (vec![texts("input_ids"), texts("attention_mask")], vec![output])
}

impl Builder<'_, '_> {
    /// Where each text ends, as `last`: padding comes after it.
    pub(super) fn ends(&mut self) {
        let axes = [1_i64, 2].iter().flat_map(|axis| axis.to_le_bytes()).collect();
        self.weights.inline("last.axes", INT64, &[2], axes);
        self.draft.node("Unsqueeze", "", &["length.before", "last.axes"], &["last"], vec![]);
    }

    pub(super) fn vectors(&mut self, normed: &str) -> Result<(), ImportError> {
        self.unread();
        self.draft.node("Flatten", "", &[normed], &["sentence_embedding"], vec![]);
        Ok(())
    }

    /// The file has the rows that `yes` and `no` have in the head. The logarithm of the odds is the
    /// difference of their logits, and so one row.
    pub(super) fn scores(&mut self, normed: &str) -> Result<(), ImportError> {
        let name = "cls.output.weight";
        let tensor = self.tensor(name, 2, self.config.hidden)?;
        self.unread();
        let mut rows = Vec::new();
        self.draft.gguf.read_f32(&tensor, 0, 2, &mut rows)?;
        let (yes, no) = rows.split_at(self.config.hidden);
        let difference: Vec<u8> =
            yes.iter().zip(no).flat_map(|(yes, no)| (yes - no).to_le_bytes()).collect();
        self.weights.inline(name, FLOAT, &[self.config.hidden, 1], difference);
        self.draft.node("Flatten", "", &[normed], &["states"], vec![]);
        self.draft.node("MatMul", "", &["states", name], &["logits"], vec![]);
        Ok(())
    }

    /// A head that nothing here reads.
    fn unread(&mut self) {
        self.draft.place("output.weight");
    }
}
