//! An adapter in an imported model's graph: beside each matrix that it changes two small ones, whose
//! product with the input is added to the output. The weights stay as they are.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Adapter, Delta, Order, Shape, refused};
use crate::import::onnx::{FLOAT, GraphProto, ModelProto, NodeProto, TensorProto};
use crate::import::{ImportError, ModelInfo};

/// A graph with its adapter is one message, and these are at most 2 GiB.
const MAX_BYTES: usize = 1 << 30;

/// The graph in `folder`, as it lies there, with the adapter in it. Its weights are still in the
/// folder's own data file.
pub(crate) fn adapted(
    folder: &Path,
    info: &ModelInfo,
    adapter: &Path,
) -> Result<ModelProto, ImportError> {
    let adapter = Adapter::open(adapter)?;
    let mut model = ModelProto::open(folder)?;
    let (path, base) = (adapter.path.clone(), adapter.base.clone());
    let family = info.architecture.as_str();
    let shape = Shape { family, heads: info.heads, kv_heads: info.kv_heads };
    let graph = model.graph.get_or_insert_default();
    let order = order(graph);
    let mut places = BTreeMap::<usize, Vec<(usize, Delta)>>::new();
    for delta in adapter.fitted(&shape, order)? {
        let found = place(graph, info, &delta.module);
        let fits = found.as_ref().filter(|p| (p.rows, p.cols) == (delta.rows, delta.cols));
        let Some(place) = fits else {
            let found = found.map(|place| (place.rows, place.cols));
            return Err(refused(&path, delta.misfit(found, base.as_deref())));
        };
        places.entry(place.node).or_default().push((place.first, delta));
    }
    let bytes: usize = places
        .iter()
        .map(|(node, deltas)| {
            let rank: usize = deltas.iter().map(|(_, delta)| delta.rank).sum();
            let (rows, cols) = size(graph, &graph.node[*node]);
            4 * rank * (rows + cols)
        })
        .sum();
    if bytes > MAX_BYTES {
        let reason = format!("it comes to {} MB, and 1,073 MB is the most", bytes / 1_000_000);
        return Err(refused(&path, reason));
    }
    // From the end, so that the places before stay what they are.
    for (node, deltas) in places.into_iter().rev() {
        insert(graph, node, &deltas);
    }
    Ok(model)
}

/// How this graph turns q and k.
fn order(graph: &GraphProto) -> Order {
    let pairs = graph
        .node
        .iter()
        .flat_map(|node| &node.attribute)
        .any(|attribute| attribute.name == "rotary_interleaved" && attribute.i == Some(1));
    if pairs { Order::Pairs } else { Order::Halves }
}

/// Where a module's rows are: in a node of its own, or one under the other with those beside it.
struct Place {
    node: usize,
    first: usize,
    rows: usize,
    cols: usize,
}

fn place(graph: &GraphProto, info: &ModelInfo, module: &str) -> Option<Place> {
    let (q, kv) = (info.heads * info.head_dim, info.kv_heads * info.head_dim);
    let whole = |name: &str| {
        let out = format!("{name}.out");
        let node = graph.node.iter().position(|node| node.output.first() == Some(&out))?;
        let (rows, cols) = size(graph, &graph.node[node]);
        (rows > 0).then_some(Place { node, first: 0, rows, cols })
    };
    if module == "output" {
        return whole("head");
    }
    let (layer, part) = module.rsplit_once('.')?;
    let (first, rows) = match part {
        "attn_q" => (0, q),
        "attn_k" => (q, kv),
        "attn_v" => (q + kv, kv),
        _ => return whole(module),
    };
    let place = whole(&format!("{layer}.attn_qkv"))?;
    Some(Place { first, rows, ..place })
}

/// A matrix's rows and columns; 0 rows of a node that is no matrix.
fn size(graph: &GraphProto, node: &NodeProto) -> (usize, usize) {
    let number = |name: &str| {
        let found = node.attribute.iter().find(|attribute| attribute.name == name)?;
        usize::try_from(found.i?).ok()
    };
    if let (Some(rows), Some(cols)) = (number("N"), number("K")) {
        return (rows, cols);
    }
    // Without quantization the matrix itself says it.
    let name = node.output.first().and_then(|out| out.strip_suffix(".out"));
    let values = name.map(|name| format!("{name}.values"));
    let found = graph.initializer.iter().find(|tensor| Some(&tensor.name) == values.as_ref());
    match found.map(|tensor| tensor.dims.as_slice()) {
        Some(&[rows, cols]) => (rows as usize, cols as usize),
        _ => (0, 0),
    }
}

/// Adds what the deltas give to what the node gives.
fn insert(graph: &mut GraphProto, at: usize, deltas: &[(usize, Delta)]) {
    let (rows, cols) = size(graph, &graph.node[at]);
    let out = graph.node[at].output[0].clone();
    let input = multiplied(graph, at);
    let rank: usize = deltas.iter().map(|(_, delta)| delta.rank).sum();
    let mut a = vec![0.0_f32; cols * rank];
    let mut b = vec![0.0_f32; rank * rows];
    let mut column = 0;
    for (first, delta) in deltas {
        for r in 0..delta.rank {
            for c in 0..cols {
                a[c * rank + column + r] = delta.a[r * cols + c];
            }
            for row in 0..delta.rows {
                b[(column + r) * rows + first + row] = delta.b[row * delta.rank + r];
            }
        }
        column += delta.rank;
    }
    let named = |part: &str| format!("{out}.adapter.{part}");
    graph.initializer.push(floats(&named("a"), [cols, rank], &a));
    graph.initializer.push(floats(&named("b"), [rank, rows], &b));
    graph.node[at].output[0] = named("base");
    let nodes = [
        plain("MatMul", &[&input, &named("a")], &named("low")),
        plain("MatMul", &[&named("low"), &named("b")], &named("delta")),
        plain("Add", &[&named("base"), &named("delta")], &out),
    ];
    graph.node.splice(at + 1..at + 1, nodes);
}

/// What a node's matrix is multiplied with: where a bias is added behind it, the input of the product.
fn multiplied(graph: &GraphProto, at: usize) -> String {
    let node = &graph.node[at];
    let product = match node.op_type == "Add" {
        true => graph.node.iter().find(|other| other.output.first() == node.input.first()),
        false => None,
    };
    product.unwrap_or(node).input[0].clone()
}

fn plain(kind: &str, input: &[&str], output: &str) -> NodeProto {
    let node = NodeProto::new(kind, "", input, &[output], Vec::new());
    NodeProto { name: format!("{}.adapter", node.name), ..node }
}

fn floats(name: &str, dims: [usize; 2], values: &[f32]) -> TensorProto {
    TensorProto {
        dims: dims.iter().map(|&size| size as i64).collect(),
        data_type: FLOAT,
        name: name.to_owned(),
        raw_data: Some(values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        ..TensorProto::default()
    }
}
