//! Reads a GGUF file (<https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>): its metadata,
//! its tensors' places, and rows of a tensor as `f32`.
//!
//! The file is not trusted. Every count and length is checked against what is left of the file
//! before anything is allocated, and a file that is cut or inconsistent is an error that says
//! where. Tensor data is read by position rather than mapped: an import then holds only the rows
//! it works on, and a file that shrinks meanwhile is an error instead of a signal.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::blocks::{self, TensorType};
use super::parts;
use super::{Delta, ImportError, checkpoint};

/// The longest string a header may hold; chat templates are the longest in use (tens of kB).
const MAX_STRING: u64 = 16 << 20;
/// The most elements of a metadata array; the largest vocabularies have some 300,000 tokens.
const MAX_ARRAY: u64 = 4 << 20;
/// The most metadata pairs and the most tensors.
const MAX_ITEMS: u64 = 1 << 16;

/// An open model: a GGUF file, with all its parts where it was split, or a checkpoint told in the
/// same words.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    parts: Vec<Part>,
    metadata: Metadata,
    tensors: Vec<Tensor>,
    by_name: HashMap<String, usize>,
    /// What is added to a tensor as it is read, by the tensor's name.
    added: HashMap<String, Delta>,
}

/// One file, and where the tensors' data begins in it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) file: Mutex<File>,
    pub(super) data: u64,
}

/// A metadata value. Integers of every width are one kind, and so are floats.
#[derive(Debug, Clone, PartialEq)]
pub enum MetaValue {
    /// Any integer.
    Int(i128),
    /// A 32- or 64-bit float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Text.
    String(String),
    /// An array of integers or truth values.
    Ints(Vec<i64>),
    /// An array of floats.
    Floats(Vec<f64>),
    /// An array of texts.
    Strings(Vec<String>),
}

impl MetaValue {
    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let MetaValue::String(text) = self { Some(text) } else { None }
    }

    /// The number, where it is a whole one that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        if let MetaValue::Int(value) = self { u64::try_from(*value).ok() } else { None }
    }

    /// The number, whole or not.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            MetaValue::Int(value) => Some(*value as f64),
            MetaValue::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let MetaValue::Bool(value) = self { Some(*value) } else { None }
    }

    /// The array of texts.
    pub fn as_strings(&self) -> Option<&[String]> {
        if let MetaValue::Strings(values) = self { Some(values) } else { None }
    }

    /// The array of whole numbers.
    pub fn as_ints(&self) -> Option<&[i64]> {
        if let MetaValue::Ints(values) = self { Some(values) } else { None }
    }

    /// The array of floats.
    pub fn as_floats(&self) -> Option<&[f64]> {
        if let MetaValue::Floats(values) = self { Some(values) } else { None }
    }
}

/// Where a tensor is and how it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, like `blk.0.attn_q.weight`.
    pub name: String,
    /// How many rows; 1 for a vector.
    pub rows: usize,
    /// The length of a row, which is what blocks run along.
    pub cols: usize,
    /// How its numbers are stored.
    pub kind: TensorType,
    pub(super) offset: u64,
    pub(super) part: usize,
}

impl Tensor {
    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.cols / self.kind.block() * self.kind.block_bytes()
    }
}

impl Gguf {
    /// Opens a file, or a checkpoint's folder, and checks its header: every tensor lies inside the
    /// file.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        if path.is_dir() {
            return checkpoint::open(path);
        }
        let (part, metadata, mut tensors) = Part::open(path)?;
        let others = parts::others(path, &metadata)?;
        let whole = metadata.get("split.tensors.count").and_then(MetaValue::as_u64);
        let (mut all, split) = (vec![part], !others.is_empty());
        for other in &others {
            let (part, own, more) = Part::open(other)?;
            parts::check(other, &own, all.len(), others.len() + 1)?;
            tensors.extend(more.into_iter().map(|tensor| Tensor { part: all.len(), ..tensor }));
            all.push(part);
        }
        let broken = |reason| ImportError::Broken { path: path.to_owned(), reason };
        if let Some(whole) = whole.filter(|whole| split && *whole != tensors.len() as u64) {
            let held = tensors.len();
            return Err(broken(format!("its parts hold {held} tensors and should hold {whole}")));
        }
        Self::of(path, all, metadata, tensors)
    }

    /// Puts together what was read; each tensor lies in one of the parts.
    pub(super) fn of(
        path: &Path,
        parts: Vec<Part>,
        metadata: Metadata,
        tensors: Vec<Tensor>,
    ) -> Result<Self, ImportError> {
        let mut by_name = HashMap::with_capacity(tensors.len());
        for (index, tensor) in tensors.iter().enumerate() {
            if by_name.insert(tensor.name.clone(), index).is_some() {
                let reason = format!("tensor `{}` appears twice", tensor.name);
                return Err(ImportError::Broken { path: path.to_owned(), reason });
            }
        }
        let (path, added) = (path.to_owned(), HashMap::new());
        Ok(Self { path, parts, metadata, tensors, by_name, added })
    }

    /// From now on each matrix is read with these added to it.
    pub(super) fn add(&mut self, deltas: impl IntoIterator<Item = Delta>) {
        self.added.extend(deltas.into_iter().map(|delta| (delta.tensor(), delta)));
    }

    /// The file's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of a metadata key.
    pub fn metadata(&self, key: &str) -> Option<&MetaValue> {
        self.metadata.get(key)
    }

    /// Every tensor, in the file's order.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.by_name.get(name).map(|&index| &self.tensors[index])
    }

    /// The stored bytes of `count` rows from row `first` on, replacing what `into` holds.
    pub fn read_rows(
        &self,
        tensor: &Tensor,
        first: usize,
        count: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), ImportError> {
        if first.checked_add(count).is_none_or(|end| end > tensor.rows) {
            let reason = format!("tensor `{}` has only {} rows", tensor.name, tensor.rows);
            return Err(ImportError::Broken { path: self.path.clone(), reason });
        }
        let row = tensor.row_bytes();
        into.resize(count * row, 0);
        let part = &self.parts[tensor.part];
        let at = part.data + tensor.offset + (first * row) as u64;
        let mut file = part.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.read_exact(into))
            .map_err(|source| ImportError::Read { path: part.path.clone(), source })
    }

    /// `count` rows from row `first` on as `f32`, replacing what `into` holds.
    pub fn read_f32(
        &self,
        tensor: &Tensor,
        first: usize,
        count: usize,
        into: &mut Vec<f32>,
    ) -> Result<(), ImportError> {
        let mut bytes = Vec::new();
        self.read_rows(tensor, first, count, &mut bytes)?;
        into.resize(count * tensor.cols, 0.0);
        blocks::dequantize(tensor.kind, &bytes, into);
        if let Some(delta) = self.added.get(&tensor.name) {
            delta.add_to(first, into);
        }
        Ok(())
    }
}

impl Part {
    /// Opens a file on its own; what is said of its tensors is that they lie inside it.
    fn open(path: &Path) -> Result<(Self, Metadata, Vec<Tensor>), ImportError> {
        let failed = |source| ImportError::Read { path: path.to_owned(), source };
        let file = guard::file::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut header =
            Header { input: BufReader::with_capacity(1 << 16, &file), at: 0, length, path };
        let (metadata, tensors) = header.read()?;
        let align = match metadata.get("general.alignment") {
            None => 32,
            Some(value) => value
                .as_u64()
                .filter(|align| align.is_power_of_two() && *align <= 1 << 20)
                .ok_or_else(|| header.broken("`general.alignment` is not a power of two"))?,
        };
        let data = header.at.next_multiple_of(align);
        for tensor in &tensors {
            let fits = (tensor.row_bytes() as u64)
                .checked_mul(tensor.rows as u64)
                .and_then(|bytes| bytes.checked_add(tensor.offset)?.checked_add(data))
                .is_some_and(|end| end <= length);
            if !fits {
                return Err(header.broken(&format!(
                    "tensor `{}` lies beyond the end of the file; is the download complete?",
                    tensor.name
                )));
            }
        }
        Ok((Self { path: path.to_owned(), file: Mutex::new(file), data }, metadata, tensors))
    }
}

pub(super) type Metadata = HashMap<String, MetaValue>;
type Contents = (Metadata, Vec<Tensor>);

/// The header while it is read: knows how much of the file is left.
struct Header<'a> {
    input: BufReader<&'a File>,
    at: u64,
    length: u64,
    path: &'a Path,
}

impl Header<'_> {
    fn broken(&self, reason: &str) -> ImportError {
        ImportError::Broken { path: self.path.to_owned(), reason: reason.to_owned() }
    }

    fn read(&mut self) -> Result<Contents, ImportError> {
        if self.bytes::<4>()? != *b"GGUF" {
            return Err(self.broken("it does not begin with `GGUF`"));
        }
        match self.u32()? {
            2 | 3 => {}
            version if version.swap_bytes() <= 3 => {
                return Err(self.broken("it is big-endian; a little-endian file is needed"));
            }
            version => {
                let reason = format!("format version {version} is not known (2 and 3 are)");
                return Err(self.broken(&reason));
            }
        }
        let tensor_count = self.count(MAX_ITEMS, 24, "tensors")?;
        let pair_count = self.count(MAX_ITEMS, 12, "metadata pairs")?;
        let mut metadata = HashMap::new();
        for _ in 0..pair_count {
            let key = self.string()?;
            let value = self.value(&key)?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(self.broken(&format!("metadata key `{key}` appears twice")));
            }
        }
        let mut tensors = Vec::new();
        for _ in 0..tensor_count {
            tensors.push(self.tensor()?);
        }
        Ok((metadata, tensors))
    }

    fn tensor(&mut self) -> Result<Tensor, ImportError> {
        let name = self.string()?;
        let dimensions = self.u32()?;
        if !(1..=4).contains(&dimensions) {
            return Err(self.broken(&format!("tensor `{name}` has {dimensions} dimensions")));
        }
        let cols = self.u64()?;
        let mut rows: u64 = 1;
        for _ in 1..dimensions {
            let size = self.u64()?;
            rows = rows
                .checked_mul(size)
                .ok_or_else(|| self.broken(&format!("tensor `{name}` is impossibly large")))?;
        }
        let code = self.u32()?;
        let kind = TensorType::from_code(code).ok_or_else(|| ImportError::Unsupported {
            path: self.path.to_owned(),
            reason: format!("tensor `{name}` is stored in ggml type {code}, which is not known"),
        })?;
        let offset = self.u64()?;
        if cols == 0 || rows == 0 || cols % kind.block() as u64 != 0 {
            let reason =
                format!("tensor `{name}` of {cols}×{rows} is not whole blocks of {kind:?}");
            return Err(self.broken(&reason));
        }
        // Anything that passes is at most the file's length, so it fits `usize` on 64 bits.
        let bytes = (cols / kind.block() as u64)
            .checked_mul(kind.block_bytes() as u64)
            .and_then(|row| row.checked_mul(rows));
        if bytes.is_none_or(|bytes| bytes > self.length) {
            return Err(self.broken(&format!(
                "tensor `{name}` is larger than the file; is the download complete?"
            )));
        }
        Ok(Tensor { name, rows: rows as usize, cols: cols as usize, kind, offset, part: 0 })
    }

    fn value(&mut self, key: &str) -> Result<MetaValue, ImportError> {
        let kind = self.u32()?;
        Ok(match kind {
            0..=5 | 10 | 11 => MetaValue::Int(self.int(kind)?),
            6 => MetaValue::Float(f64::from(f32::from_le_bytes(self.bytes()?))),
            7 => MetaValue::Bool(self.bytes::<1>()?[0] != 0),
            8 => MetaValue::String(self.string()?),
            9 => self.array(key)?,
            12 => MetaValue::Float(f64::from_le_bytes(self.bytes()?)),
            _ => return Err(self.broken(&format!("`{key}` has an unknown type {kind}"))),
        })
    }

    fn int(&mut self, kind: u32) -> Result<i128, ImportError> {
        Ok(match kind {
            0 | 7 => i128::from(self.bytes::<1>()?[0]),
            1 => i128::from(i8::from_le_bytes(self.bytes()?)),
            2 => i128::from(u16::from_le_bytes(self.bytes()?)),
            3 => i128::from(i16::from_le_bytes(self.bytes()?)),
            4 => i128::from(self.u32()?),
            5 => i128::from(i32::from_le_bytes(self.bytes()?)),
            10 => i128::from(self.u64()?),
            _ => i128::from(i64::from_le_bytes(self.bytes()?)),
        })
    }

    fn array(&mut self, key: &str) -> Result<MetaValue, ImportError> {
        let kind = self.u32()?;
        let size = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => return Err(self.broken(&format!("`{key}` is an array of arrays"))),
            _ => return Err(self.broken(&format!("`{key}` is an array of unknown type {kind}"))),
        };
        let count = self.count(MAX_ARRAY, size, &format!("elements of `{key}`"))?;
        Ok(match kind {
            6 => MetaValue::Floats(
                (0..count)
                    .map(|_| Ok(f64::from(f32::from_le_bytes(self.bytes()?))))
                    .collect::<Result<_, ImportError>>()?,
            ),
            12 => MetaValue::Floats(
                (0..count)
                    .map(|_| Ok(f64::from_le_bytes(self.bytes()?)))
                    .collect::<Result<_, ImportError>>()?,
            ),
            8 => MetaValue::Strings((0..count).map(|_| self.string()).collect::<Result<_, _>>()?),
            _ => MetaValue::Ints(
                (0..count)
                    .map(|_| {
                        let value = self.int(kind)?;
                        i64::try_from(value).map_err(|_| {
                            self.broken(&format!("`{key}` holds {value}, which is out of range"))
                        })
                    })
                    .collect::<Result<_, ImportError>>()?,
            ),
        })
    }

    /// A count of things that take at least `size` bytes each.
    fn count(&mut self, most: u64, size: u64, what: &str) -> Result<u64, ImportError> {
        let count = self.u64()?;
        if count > most || count * size > self.length - self.at {
            return Err(self.broken(&format!("{count} {what} cannot be in a file this long")));
        }
        Ok(count)
    }

    fn string(&mut self) -> Result<String, ImportError> {
        let length = self.u64()?;
        if length > MAX_STRING || length > self.length - self.at {
            let reason = format!("a string of {length} bytes at byte {} runs past it", self.at);
            return Err(self.broken(&reason));
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes)
            .map_err(|_| self.broken(&format!("the string before byte {} is not UTF-8", self.at)))
    }

    fn u32(&mut self) -> Result<u32, ImportError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, ImportError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ImportError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ImportError> {
        if bytes.len() as u64 > self.length - self.at {
            return Err(self.broken(&format!("its header is cut off at byte {}", self.length)));
        }
        self.at += bytes.len() as u64;
        self.input
            .read_exact(bytes)
            .map_err(|source| ImportError::Read { path: self.path.to_owned(), source })
    }
}
