//! A graph as it is drawn up: its nodes, and the tensors of the file that have a place in it.

use std::collections::HashSet;

use super::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto,
};
use super::{Gguf, ImportError, Tensor};

/// Contributed operators.
pub(super) const MS: &str = "com.microsoft";

pub(super) struct Draft<'a> {
    pub(super) gguf: &'a Gguf,
    nodes: Vec<NodeProto>,
    used: HashSet<String>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(gguf: &'a Gguf) -> Self {
        Self { gguf, nodes: Vec::new(), used: HashSet::new() }
    }

    pub(super) fn node(
        &mut self,
        kind: &str,
        domain: &str,
        input: &[&str],
        output: &[&str],
        attribute: Vec<AttributeProto>,
    ) {
        self.nodes.push(NodeProto::new(kind, domain, input, output, attribute));
    }

    /// The tensor of this name with this shape; 0 rows means any number.
    pub(super) fn tensor(
        &mut self,
        name: &str,
        rows: usize,
        cols: usize,
    ) -> Result<Tensor, ImportError> {
        let Some(tensor) = self.gguf.tensor(name) else {
            return Err(self.unsupported(&format!("it has no tensor `{name}`")));
        };
        if tensor.cols != cols || (rows != 0 && tensor.rows != rows) {
            let (r, c) = (tensor.rows, tensor.cols);
            return Err(self.unsupported(&format!(
                "its tensor `{name}` is {c}×{r} where {cols}×{rows} is needed"
            )));
        }
        self.place(name);
        Ok(tensor.clone())
    }

    /// A tensor has a place, or is left out on purpose.
    pub(super) fn place(&mut self, name: &str) {
        self.used.insert(name.to_owned());
    }

    pub(super) fn unsupported(&self, reason: &str) -> ImportError {
        ImportError::Unsupported { path: self.gguf.path().to_owned(), reason: reason.to_owned() }
    }

    /// The nodes. A tensor that has no place would mean that the network is another than it seems.
    pub(super) fn nodes(self) -> Result<Vec<NodeProto>, ImportError> {
        match self.gguf.tensors().iter().find(|tensor| !self.used.contains(&tensor.name)) {
            None => Ok(self.nodes),
            Some(tensor) => Err(self.unsupported(&format!(
                "its tensor `{}` has no place in its architecture's graph",
                tensor.name
            ))),
        }
    }
}

/// The model that a graph comes to.
pub(super) fn model(
    name: &str,
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
    input: Vec<ValueInfoProto>,
    output: Vec<ValueInfoProto>,
) -> ModelProto {
    ModelProto {
        ir_version: 10,
        producer_name: ModelProto::PRODUCER.to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(GraphProto { node, name: name.to_owned(), initializer, input, output }),
        opset_import: vec![
            OperatorSetIdProto { domain: String::new(), version: 21 },
            OperatorSetIdProto { domain: MS.to_owned(), version: 1 },
        ],
    }
}
