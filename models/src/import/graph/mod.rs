//! The graph of a decoder network in ONNX Runtime's own operators.
//!
//! `com.microsoft` operators (marked *) are documented in ONNX Runtime's `ContribOperators.md`:
//! embedding lookup in half precision; root-mean-square norms that carry the residual
//! (SkipSimplifiedLayerNormalization*); one MatMulNBits* for q, k and v together;
//! GroupQueryAttention* with rotary positions and a cache it updates in place; SiLU as QuickGelu*
//! with alpha 1, GELU as FastGelu*. From the last layer's attention on, only the last position is
//! computed: nothing else is asked for.
//!
//! As an encoder it has no cache, reads several texts at once, padded at their ends, and gives one row a
//! text: what there is at the text's own last token.

use super::config::Config;
use super::draft::{Draft, MS, model};
use super::onnx::dimension::Value::{Name, Size};
use super::onnx::{AttributeProto, FLOAT, INT64, ModelProto, ValueInfoProto};
use super::quantize::{BLOCK, Precision};
use super::weights::Weights;
use super::{Gguf, ImportError, Tensor};

mod attention;
mod feed_forward;
mod matrices;
mod positions;
mod rows;

pub(super) use matrices::finer_than_four;
pub(super) use positions::FACTORS;

/// What a graph gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// Logits of the next token; with a cache.
    Logits,
    /// The state of each text's last token.
    Vectors,
    /// By how much each text's last token says yes rather than no.
    Scores,
}

/// Builds the graph, writing the weights on the way.
pub(super) fn build(
    gguf: &Gguf,
    config: &Config,
    gives: Gives,
    precision: Precision,
    mut weights: Weights<'_>,
) -> Result<ModelProto, ImportError> {
    let draft = Draft::new(gguf);
    let mut graph = Builder { draft, config, gives, precision, weights: &mut weights };
    graph.network()?;
    let nodes = graph.draft.nodes()?;
    let (name, (input, output)) = match gives {
        Gives::Logits => ("decoder", interface(config)),
        Gives::Vectors | Gives::Scores => ("encoder", rows::interface(config, gives)),
    };
    Ok(model(name, nodes, weights.finish()?, input, output))
}

fn interface(config: &Config) -> (Vec<ValueInfoProto>, Vec<ValueInfoProto>) {
    let name = |name: &str| Name(name.to_owned());
    let mut input = vec![
        ValueInfoProto::tensor("input_ids", INT64, vec![Size(1), name("sequence")]),
        ValueInfoProto::tensor("attention_mask", INT64, vec![Size(1), name("total")]),
    ];
    let vocab = Size(config.vocab as i64);
    let mut output = vec![ValueInfoProto::tensor("logits", FLOAT, vec![Size(1), Size(1), vocab])];
    for layer in 0..config.layers {
        for part in ["key", "value"] {
            let dims = || {
                let (heads, size) = (config.kv_heads as i64, config.head_dim as i64);
                vec![Size(1), Size(heads), name("capacity"), Size(size)]
            };
            let past = format!("past_key_values.{layer}.{part}");
            input.push(ValueInfoProto::tensor(&past, FLOAT, dims()));
            output.push(ValueInfoProto::tensor(&format!("present.{layer}.{part}"), FLOAT, dims()));
        }
    }
    (input, output)
}

struct Builder<'a, 'w> {
    draft: Draft<'a>,
    config: &'a Config,
    gives: Gives,
    precision: Precision,
    weights: &'a mut Weights<'w>,
}

impl Builder<'_, '_> {
    fn network(&mut self) -> Result<(), ImportError> {
        self.positions()?;
        let embedding = self.tensor("token_embd.weight", self.config.vocab, self.config.hidden)?;
        self.weights.half("embedding", &embedding)?;
        self.draft.node("Gather", "", &["embedding", "input_ids"], &["embedded.half"], vec![]);
        let to_float = vec![AttributeProto::int("to", i64::from(FLOAT))];
        self.draft.node("Cast", "", &["embedded.half"], &["embedded"], to_float);
        match self.gives {
            Gives::Logits => {
                self.weights.inline("last", INT64, &[1], (-1_i64).to_le_bytes().to_vec());
            }
            Gives::Vectors | Gives::Scores => self.ends(),
        }

        let mut residual = self.scaled("embedded", "embedding.scale", self.config.embedding_scale);
        let mut added = None;
        for layer in 0..self.config.layers {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            let normed = self.norm(&name("attn_norm"), &mut residual, added.as_deref())?;
            let mut attended = self.attention(layer, &normed)?;
            if layer + 1 == self.config.layers {
                attended = self.last(&attended);
                residual = self.last(&residual);
            }
            let width = self.config.heads * self.config.head_dim;
            let out = self.linear(layer, "attn_output", &["attn_output"], width)?;
            let bias = self.biases(layer, "attn_output", &["attn_output"])?;
            let out = self.multiply(&out, &attended, bias.as_deref());
            let out = self.given(&name("post_attention_norm"), out)?;
            let normed = self.norm(&name("ffn_norm"), &mut residual, Some(&out))?;
            let out = self.feed_forward(layer, &normed)?;
            added = Some(self.given(&name("post_ffw_norm"), out)?);
        }
        let normed = self.norm("output_norm.weight", &mut residual, added.as_deref())?;
        match self.gives {
            Gives::Logits => self.head(&normed),
            Gives::Vectors => self.vectors(&normed),
            Gives::Scores => self.scores(&normed),
        }
    }

    /// Adds what the last block gave to the residual, and norms it.
    fn norm(
        &mut self,
        name: &str,
        residual: &mut String,
        added: Option<&str>,
    ) -> Result<String, ImportError> {
        let tensor = self.tensor(name, 1, self.config.hidden)?;
        self.weights.vector(name, &[&tensor])?;
        let out = format!("{name}.out");
        match added {
            None => self.normed(residual, name, &out),
            Some(added) => {
                let sum = format!("{name}.sum");
                let epsilon = AttributeProto::float("epsilon", self.config.epsilon);
                let inputs = [residual.as_str(), added, name];
                let outputs = [&out, "", "", sum.as_str()];
                self.draft.node(
                    "SkipSimplifiedLayerNormalization",
                    MS,
                    &inputs,
                    &outputs,
                    vec![epsilon],
                );
                *residual = sum;
            }
        }
        Ok(out)
    }

    /// What a block gives: normed where the family does that, and scaled.
    fn given(&mut self, norm: &str, out: String) -> Result<String, ImportError> {
        let out = match self.draft.gguf.tensor(norm).is_some() {
            false => out,
            true => {
                let tensor = self.tensor(norm, 1, self.config.hidden)?;
                self.weights.vector(norm, &[&tensor])?;
                let normed = format!("{norm}.out");
                self.normed(&out, norm, &normed);
                normed
            }
        };
        Ok(self.scaled(&out, "residual.scale", self.config.residual_scale))
    }

    /// A root-mean-square norm along the last dimension.
    fn normed(&mut self, input: &str, weight: &str, out: &str) {
        let attributes = vec![
            AttributeProto::int("axis", -1),
            AttributeProto::float("epsilon", self.config.epsilon),
            AttributeProto::int("stash_type", 1),
        ];
        self.draft.node("SimplifiedLayerNormalization", "", &[input, weight], &[out], attributes);
    }

    /// Multiplied by a number that is `name` in the graph; nothing is done for 1.
    fn scaled(&mut self, input: &str, name: &str, by: f32) -> String {
        if by == 1.0 {
            return input.to_owned();
        }
        self.weights.number(name, by);
        let out = format!("{input}.scaled");
        self.draft.node("Mul", "", &[input, name], &[&out], vec![]);
        out
    }

    fn last(&mut self, input: &str) -> String {
        let out = format!("{input}.last");
        let (kind, attribute) = match self.gives {
            Gives::Logits => ("Gather", AttributeProto::int("axis", 1)),
            Gives::Vectors | Gives::Scores => ("GatherND", AttributeProto::int("batch_dims", 1)),
        };
        self.draft.node(kind, "", &[input, "last"], &[&out], vec![attribute]);
        out
    }

    /// The tensor of this name with this shape; 0 rows means any number. A matrix is whole blocks.
    fn tensor(&mut self, name: &str, rows: usize, cols: usize) -> Result<Tensor, ImportError> {
        let tensor = self.draft.tensor(name, rows, cols)?;
        match tensor.rows > 1 && !cols.is_multiple_of(BLOCK) {
            true => {
                let reason = format!("the rows of `{name}` are not whole blocks of 32");
                Err(self.draft.unsupported(&reason))
            }
            false => Ok(tensor),
        }
    }
}
