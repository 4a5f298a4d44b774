//! An imported graph opened up for the engine: logits at the positions that are asked for. What lies on
//! disk gives those of the last position.

use super::onnx::dimension::Value::Name;
use super::onnx::{INT64, ModelProto, TypeProto, ValueInfoProto};

/// The input that names the positions whose logits are wanted: counted from the end, -1 is the last.
pub(crate) const POSITIONS: &str = "last";

impl ModelProto {
    /// Makes the positions of the logits an input.
    pub(crate) fn with_positions(&mut self) {
        let Some(graph) = &mut self.graph else { return };
        // An initializer until now: an input of the same name takes its place in every node.
        graph.initializer.retain(|tensor| tensor.name != POSITIONS);
        let positions = vec![Name("positions".to_owned())];
        graph.input.push(ValueInfoProto::tensor(POSITIONS, INT64, positions));
        for output in graph.output.iter_mut().filter(|output| output.name == "logits") {
            let Some(TypeProto { tensor_type: Some(tensor) }) = &mut output.r#type else {
                continue;
            };
            if let Some(place) = tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim).nth(1) {
                place.value = Some(Name("positions".to_owned()));
            }
        }
    }
}
