//! Reads a safetensors file (<https://github.com/huggingface/safetensors>): a header in JSON that
//! says where each tensor lies, then the numbers.
//!
//! The file is not trusted: its header is bounded, and a tensor that is not inside the file, or is
//! not as long as its shape says, is an error.

use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::gguf::Part;
use super::{ImportError, Tensor, TensorType};

/// The longest header; the format's own limit.
const MAX_HEADER: u64 = 100 << 20;

/// What the header says of a tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Opens a file; its tensors, those that are wanted by their names, say that they lie in part
/// `number`.
pub(super) fn open(
    path: &Path,
    number: usize,
    wanted: impl Fn(&str) -> bool,
) -> Result<(Part, Vec<Tensor>), ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let broken = |reason: String| ImportError::Broken { path: path.to_owned(), reason };
    let mut file = guard::file::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut size = [0; 8];
    if length < 8 {
        return Err(broken(format!("{length} bytes hold no header")));
    }
    file.read_exact(&mut size).map_err(failed)?;
    let size = u64::from_le_bytes(size);
    if size > MAX_HEADER || size > length - 8 {
        return Err(broken(format!(
            "a header of {size} bytes cannot be in it; is it safetensors?"
        )));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text).map_err(failed)?;
    let header: Map<String, Value> = serde_json::from_slice(&text)
        .map_err(|error| broken(format!("its header is no JSON object: {error}")))?;
    let data = 8 + size;
    let mut tensors = Vec::with_capacity(header.len());
    for (name, value) in header {
        if name == "__metadata__" || !wanted(&name) {
            continue;
        }
        let entry: Entry = serde_json::from_value(value)
            .map_err(|error| broken(format!("its header's `{name}` says: {error}")))?;
        tensors.push(tensor(path, name, &entry, length - data, number)?);
    }
    Ok((Part { path: path.to_owned(), file: Mutex::new(file), data }, tensors))
}

fn tensor(
    path: &Path,
    name: String,
    entry: &Entry,
    room: u64,
    part: usize,
) -> Result<Tensor, ImportError> {
    let broken = |reason: String| ImportError::Broken { path: path.to_owned(), reason };
    let kind = match entry.dtype.as_str() {
        "F32" => TensorType::F32,
        "F16" => TensorType::F16,
        "BF16" => TensorType::Bf16,
        other => {
            let reason = format!(
                "tensor `{name}` is stored as `{other}`; F32, F16 and BF16 are known, so take the \
                 model's own version and not a quantized one"
            );
            return Err(ImportError::Unsupported { path: path.to_owned(), reason });
        }
    };
    let (rows, cols) = match entry.shape.as_slice() {
        [] => (Some(1), 1),
        [cols] => (Some(1), *cols),
        [rows @ .., cols] => {
            (rows.iter().try_fold(1_u64, |all, size| all.checked_mul(*size)), *cols)
        }
    };
    let bytes =
        rows.and_then(|rows| rows.checked_mul(cols)?.checked_mul(kind.block_bytes() as u64));
    let [begin, end] = entry.data_offsets;
    let (Some(rows), Some(bytes)) = (rows, bytes) else {
        return Err(broken(format!("tensor `{name}` is impossibly large")));
    };
    if end > room || end.checked_sub(begin) != Some(bytes) || bytes == 0 {
        let reason = format!("tensor `{name}` is not where its header says; is the file complete?");
        return Err(broken(reason));
    }
    Ok(Tensor { name, rows: rows as usize, cols: cols as usize, kind, offset: begin, part })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, data: usize) -> Result<Vec<Tensor>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.resize(bytes.len() + data, 0);
        std::fs::write(file.path(), bytes).unwrap();
        open(file.path(), 3, |_| true)
            .map(|(_, tensors)| tensors)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_tensor_is_where_the_header_says() {
        let header = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]}}"#;
        let found = read(header, 16).unwrap();
        let tensor = &found[0];
        assert_eq!((tensor.rows, tensor.cols, tensor.offset, tensor.part), (2, 3, 4, 3));
        assert_eq!(tensor.kind, TensorType::Bf16);
        assert!(read(header, 15).unwrap_err().contains("is the file complete?"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let of = |text: &str| read(&format!(r#"{{"w":{text}}}"#), 64).unwrap_err();
        let cases = [
            (r#"{"dtype":"F32","shape":[2],"data_offsets":[8,0]}"#, "is not where"),
            (r#"{"dtype":"F32","shape":[3],"data_offsets":[0,8]}"#, "is not where"),
            (r#"{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}"#, "large"),
            (r#"{"dtype":"I8","shape":[8],"data_offsets":[0,8]}"#, "stored as `I8`"),
            (r#"{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"#, "is not where"),
            (r#"{"shape":[8]}"#, "says: missing field"),
        ];
        for (text, reason) in cases {
            let error = of(text);
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(read("[]", 0).unwrap_err().contains("no JSON object"));
        let huge = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(huge.path(), u64::MAX.to_le_bytes()).unwrap();
        assert!(
            open(huge.path(), 0, |_| true).unwrap_err().to_string().contains("is it safetensors?")
        );
    }
}
