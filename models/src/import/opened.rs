//! An imported graph opened up for the engine: logits at the positions that are asked for, and of several
//! conversations at once. What lies on disk gives those of the last position of one.

use super::onnx::dimension::Value::Name;
use super::onnx::{GraphProto, INT64, ModelProto, TypeProto, ValueInfoProto};

/// The input that names the positions whose logits are wanted: counted from the end, -1 is the last.
pub(crate) const POSITIONS: &str = "last";

impl ModelProto {
    /// Makes the positions of the logits an input, and the number of conversations free.
    pub(crate) fn opened_up(&mut self) {
        let Some(graph) = &mut self.graph else { return };
        conversations(graph);
        // An initializer until now: an input of the same name takes its place in every node.
        graph.initializer.retain(|tensor| tensor.name != POSITIONS);
        let positions = vec![Name("positions".to_owned())];
        graph.input.push(ValueInfoProto::tensor(POSITIONS, INT64, positions));
        for logits in graph.output.iter_mut().filter(|output| output.name == "logits") {
            name_dimension(logits, 1, "positions");
        }
    }
}

/// Every input, output and reshaped tensor begins with the conversation.
fn conversations(graph: &mut GraphProto) {
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        name_dimension(value, 0, "conversations");
    }
    let reshaped = graph.node.iter().filter(|node| node.op_type == "Reshape");
    let shapes: Vec<String> = reshaped.filter_map(|node| node.input.get(1).cloned()).collect();
    for tensor in graph.initializer.iter_mut().filter(|tensor| shapes.contains(&tensor.name)) {
        let first = tensor.raw_data.as_mut().and_then(|data| data.first_chunk_mut::<8>());
        if let Some(first) = first.filter(|first| i64::from_le_bytes(**first) == 1) {
            // As many as there are in what is reshaped.
            *first = 0_i64.to_le_bytes();
        }
    }
}

fn name_dimension(value: &mut ValueInfoProto, place: usize, name: &str) {
    let Some(TypeProto { tensor_type: Some(tensor) }) = &mut value.r#type else { return };
    if let Some(place) = tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim).nth(place) {
        place.value = Some(Name(name.to_owned()));
    }
}
