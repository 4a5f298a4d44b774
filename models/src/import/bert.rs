//! The graph of a BERT encoder (Devlin et al., 2018) in ONNX Runtime's own operators, in `f32`:
//! EmbedLayerNormalization*, MultiHeadAttention* and SkipLayerNormalization* (of `com.microsoft`).
//! Inputs and output are those of the hub's exports: `input_ids`, `attention_mask`, `token_type_ids` →
//! `last_hidden_state`; or `logits`, where the file has a classifier over the first token.
//!
//! Eight bits were tried and left: with per-block activations (MatMulNBits*) it is hardly faster at
//! these widths, with per-tensor ones the vectors differ by a cosine of 0.992 from those of `f32`.

use super::draft::{Draft, MS, model};
use super::onnx::dimension::Value::{Name, Size};
use super::onnx::{AttributeProto, FLOAT, INT32, INT64, ModelProto, ValueInfoProto};
use super::weights::Weights;
use super::{Gguf, ImportError, MetaValue};

/// The network's shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub(super) context: usize,
    pub(super) hidden: usize,
    pub(super) labels: Option<usize>,
    layers: usize,
    heads: usize,
    inner: usize,
    vocab: usize,
    epsilon: f32,
}

impl Shape {
    pub(super) fn read(gguf: &Gguf) -> Result<Self, ImportError> {
        let refuse = |reason| ImportError::Unsupported { path: gguf.path().to_owned(), reason };
        let number = |key: &str, most: u64| {
            let key = format!("bert.{key}");
            let value = gguf.metadata(&key).and_then(MetaValue::as_u64);
            value
                .filter(|value| (1..=most).contains(value))
                .map(|value| value as usize)
                .ok_or_else(|| refuse(format!("its `{key}` is missing or cannot be")))
        };
        let hidden = number("embedding_length", 1 << 14)?;
        let heads = number("attention.head_count", 1 << 8)?;
        if hidden % heads != 0 {
            return Err(refuse(format!("{hidden} numbers do not divide among {heads} heads")));
        }
        let rows = |name: &str| gguf.tensor(name).map(|tensor| tensor.rows);
        let vocab = rows("token_embd.weight")
            .ok_or_else(|| refuse("it has no tensor `token_embd.weight`".to_owned()))?;
        let epsilon = gguf.metadata("bert.attention.layer_norm_epsilon");
        Ok(Self {
            context: number("context_length", 1 << 16)?,
            hidden,
            labels: rows("cls.output.weight"),
            layers: number("block_count", 1 << 8)?,
            heads,
            inner: number("feed_forward_length", 1 << 16)?,
            vocab,
            epsilon: epsilon.and_then(MetaValue::as_f64).unwrap_or(1e-12) as f32,
        })
    }
}

/// Builds the graph, writing the weights on the way.
pub(super) fn build(
    gguf: &Gguf,
    shape: &Shape,
    mut weights: Weights<'_>,
) -> Result<ModelProto, ImportError> {
    let mut graph = Builder { draft: Draft::new(gguf), shape, weights: &mut weights };
    let out = graph.network()?;
    let nodes = graph.draft.nodes()?;
    let names = |names: &[&str]| names.iter().map(|name| Name((*name).to_owned())).collect();
    let input = ["input_ids", "attention_mask", "token_type_ids"]
        .map(|name| ValueInfoProto::tensor(name, INT64, names(&["batch", "sequence"])));
    let dims = match shape.labels {
        Some(labels) => vec![Name("batch".to_owned()), Size(labels as i64)],
        None => {
            let mut dims: Vec<_> = names(&["batch", "sequence"]);
            dims.push(Size(shape.hidden as i64));
            dims
        }
    };
    let output = vec![ValueInfoProto::tensor(out, FLOAT, dims)];
    Ok(model("encoder", nodes, weights.finish()?, input.into(), output))
}

struct Builder<'a, 'w> {
    draft: Draft<'a>,
    shape: &'a Shape,
    weights: &'a mut Weights<'w>,
}

impl Builder<'_, '_> {
    /// The name of its output.
    fn network(&mut self) -> Result<&'static str, ImportError> {
        let mut hidden = self.embedding()?;
        for layer in 0..self.shape.layers {
            hidden = self.layer(layer, &hidden)?;
        }
        if self.shape.labels.is_some() {
            self.classifier(&hidden)?;
            return Ok("logits");
        }
        // A pooler that nothing reads is left out: what is made of the states is the caller's choice.
        for unread in ["cls.weight", "cls.bias"] {
            self.draft.place(unread);
        }
        self.draft.node("Identity", "", &[&hidden], &["last_hidden_state"], vec![]);
        Ok("last_hidden_state")
    }

    fn embedding(&mut self) -> Result<String, ImportError> {
        let Shape { hidden, vocab, context, .. } = *self.shape;
        for name in ["input_ids", "token_type_ids", "attention_mask"] {
            let to = vec![AttributeProto::int("to", i64::from(INT32))];
            self.draft.node("Cast", "", &[name], &[&format!("{name}.int")], to);
        }
        let tables = [
            ("token_embd.weight", vocab),
            ("position_embd.weight", context),
            ("token_types.weight", 0),
        ];
        for (name, rows) in tables {
            let tensor = self.draft.tensor(name, rows, hidden)?;
            self.weights.floats(name, &tensor)?;
        }
        let (scale, shift) = self.norm("token_embd_norm")?;
        self.draft.node(
            "EmbedLayerNormalization",
            MS,
            &[
                "input_ids.int",
                "token_type_ids.int",
                "token_embd.weight",
                "position_embd.weight",
                "token_types.weight",
                &scale,
                &shift,
            ],
            &["embedded", "embedded.mask"],
            vec![AttributeProto::float("epsilon", self.shape.epsilon)],
        );
        Ok("embedded".to_owned())
    }

    fn layer(&mut self, layer: usize, input: &str) -> Result<String, ImportError> {
        let Shape { hidden, inner, heads, .. } = *self.shape;
        let name = |part: &str| format!("blk.{layer}.{part}");
        let mut projected = Vec::new();
        for part in ["attn_q", "attn_k", "attn_v"] {
            projected.push(self.linear(&name(part), input, hidden, hidden)?);
        }
        let attended = name("attended");
        self.draft.node(
            "MultiHeadAttention",
            MS,
            &[&projected[0], &projected[1], &projected[2], "", "attention_mask.int"],
            &[&attended],
            vec![AttributeProto::int("num_heads", heads as i64)],
        );
        let out = self.linear(&name("attn_output"), &attended, hidden, hidden)?;
        let normed = self.added(&name("attn_output_norm"), &out, input)?;
        let up = self.linear(&name("ffn_up"), &normed, inner, hidden)?;
        self.draft.node("Gelu", MS, &[&up], &[&name("gelu")], vec![]);
        let down = self.linear(&name("ffn_down"), &name("gelu"), hidden, inner)?;
        self.added(&name("layer_output_norm"), &down, &normed)
    }

    /// A dense layer with tanh over the first token, and one more for the labels.
    fn classifier(&mut self, states: &str) -> Result<(), ImportError> {
        self.weights.inline("first", INT64, &[], 0_i64.to_le_bytes().to_vec());
        let axis = vec![AttributeProto::int("axis", 1)];
        self.draft.node("Gather", "", &[states, "first"], &["first.state"], axis);
        let hidden = self.shape.hidden;
        let dense = self.linear("cls", "first.state", hidden, hidden)?;
        self.draft.node("Tanh", "", &[&dense], &["pooled"], vec![]);
        let labels = self.shape.labels.unwrap_or(1);
        let logits = self.linear("cls.output", "pooled", labels, hidden)?;
        self.draft.node("Identity", "", &[&logits], &["logits"], vec![]);
        Ok(())
    }

    fn linear(
        &mut self,
        name: &str,
        input: &str,
        rows: usize,
        cols: usize,
    ) -> Result<String, ImportError> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let matrix = self.draft.tensor(&weight, rows, cols)?;
        self.weights.transposed(&weight, &[&matrix])?;
        let vector = self.draft.tensor(&bias, 1, rows)?;
        self.weights.vector(&bias, &[&vector])?;
        let (product, out) = (format!("{name}.product"), format!("{name}.out"));
        self.draft.node("MatMul", "", &[input, &weight], &[&product], vec![]);
        self.draft.node("Add", "", &[&product, &bias], &[&out], vec![]);
        Ok(out)
    }

    /// Scale and shift of a norm.
    fn norm(&mut self, name: &str) -> Result<(String, String), ImportError> {
        let names = (format!("{name}.weight"), format!("{name}.bias"));
        for part in [&names.0, &names.1] {
            let tensor = self.draft.tensor(part, 1, self.shape.hidden)?;
            self.weights.vector(part, &[&tensor])?;
        }
        Ok(names)
    }

    fn added(&mut self, name: &str, new: &str, residual: &str) -> Result<String, ImportError> {
        let (scale, shift) = self.norm(name)?;
        let out = format!("{name}.out");
        let epsilon = vec![AttributeProto::float("epsilon", self.shape.epsilon)];
        let inputs = [new, residual, &scale, &shift];
        self.draft.node("SkipLayerNormalization", MS, &inputs, &[&out], epsilon);
        Ok(out)
    }
}
