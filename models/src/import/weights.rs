//! Writes weights into the external data file as they are converted: every core takes the next
//! few rows, so that no tensor is ever held whole.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use half::f16;

use super::onnx::{FLOAT, FLOAT16, StringStringEntryProto, TensorProto, UINT8};
use super::quantize::{Bits, quantize};
use super::{Gguf, ImportError, Tensor};

/// The data file's name, next to `model.onnx`.
pub(super) const DATA: &str = "model.onnx.data";
/// Where a tensor may begin: a page, so that it can be mapped.
const ALIGN: u64 = 4096;
/// About as many numbers are converted at a time.
const CHUNK: usize = 1 << 20;

/// The data file and the tensors in it.
pub(super) struct Weights<'a> {
    gguf: &'a Gguf,
    path: PathBuf,
    file: Mutex<File>,
    end: u64,
    initializers: Vec<TensorProto>,
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// A quantised matrix's names.
pub(super) struct Matrix {
    pub(super) name: String,
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) bits: Bits,
}

impl<'a> Weights<'a> {
    pub(super) fn create(
        gguf: &'a Gguf,
        folder: &Path,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Result<Self, ImportError> {
        let path = folder.join(DATA);
        let file = File::create(&path)
            .map_err(|source| ImportError::Write { path: path.clone(), source })?;
        // An embedding that serves as the head too is read twice.
        let tied = match gguf.tensor("output.weight") {
            Some(_) => 0,
            None => gguf.tensor("token_embd.weight").map_or(0, bytes),
        };
        let total = gguf.tensors().iter().map(bytes).sum::<u64>() + tied;
        Ok(Self {
            gguf,
            path,
            file: Mutex::new(file),
            end: 0,
            initializers: Vec::new(),
            done: 0,
            total,
            progress,
        })
    }

    /// Everything is written: the initializers for the graph.
    pub(super) fn finish(self) -> Result<Vec<TensorProto>, ImportError> {
        let file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        file.set_len(self.end)
            .and_then(|()| file.sync_all())
            .map_err(|source| ImportError::Write { path: self.path, source })?;
        Ok(self.initializers)
    }

    /// A small tensor, kept inside the graph file.
    pub(super) fn inline(&mut self, name: &str, kind: i32, dims: &[usize], data: Vec<u8>) {
        self.initializers.push(TensorProto {
            dims: dims.iter().map(|&size| size as i64).collect(),
            data_type: kind,
            name: name.to_owned(),
            raw_data: Some(data),
            external_data: Vec::new(),
            data_location: 0,
        });
    }

    /// A single number, kept inside the graph file. The same one may be asked for again.
    pub(super) fn number(&mut self, name: &str, value: f32) {
        if !self.initializers.iter().any(|tensor| tensor.name == name) {
            self.inline(name, FLOAT, &[], value.to_le_bytes().to_vec());
        }
    }

    /// A vector of the GGUF, or several after another, as `f32` inside the graph file.
    pub(super) fn vector(&mut self, name: &str, parts: &[&Tensor]) -> Result<(), ImportError> {
        let mut all = Vec::new();
        let mut part_values = Vec::new();
        for part in parts {
            self.gguf.read_f32(part, 0, part.rows, &mut part_values)?;
            all.extend(part_values.iter().flat_map(|x| x.to_le_bytes()));
            self.done += bytes(part);
        }
        let length = all.len() / 4;
        self.inline(name, FLOAT, &[length], all);
        (self.progress)(self.done, self.total);
        Ok(())
    }

    /// Computed numbers, in the data file.
    pub(super) fn table(
        &mut self,
        name: &str,
        dims: &[usize],
        rows: impl Iterator<Item = Vec<f32>>,
    ) -> Result<(), ImportError> {
        let length = 4 * dims.iter().product::<usize>();
        let mut at = self.place(name, FLOAT, dims, length);
        for row in rows {
            let data: Vec<u8> = row.iter().flat_map(|x| x.to_le_bytes()).collect();
            write(&self.file, &self.path, at, &data)?;
            at += data.len() as u64;
        }
        Ok(())
    }

    /// A matrix as half-precision floats, for looking rows up.
    pub(super) fn half(&mut self, name: &str, tensor: &Tensor) -> Result<(), ImportError> {
        self.halves(name, &[tensor])
    }

    /// Matrices one under the other, as half-precision floats.
    fn halves(&mut self, name: &str, parts: &[&Tensor]) -> Result<(), ImportError> {
        let cols = parts[0].cols;
        let rows = parts.iter().map(|part| part.rows).sum::<usize>();
        let at = self.place(name, FLOAT16, &[rows, cols], 2 * rows * cols);
        self.convert(parts, |_, row, values, write| {
            let data: Vec<u8> =
                values.iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
            write(at + (row * cols * 2) as u64, &data)
        })
    }

    /// A matrix as it is, as `f32` in the data file.
    pub(super) fn floats(&mut self, name: &str, tensor: &Tensor) -> Result<(), ImportError> {
        let dims = [tensor.rows, tensor.cols];
        let at = self.place(name, FLOAT, &dims, 4 * tensor.rows * tensor.cols);
        self.convert(&[tensor], |_, row, values, write| {
            let data: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            write(at + (row * tensor.cols * 4) as u64, &data)
        })
    }

    /// Matrices one under the other, transposed: what `MatMul` multiplies with from the right.
    pub(super) fn transposed(&mut self, name: &str, parts: &[&Tensor]) -> Result<(), ImportError> {
        let (rows, cols) = (parts.iter().map(|part| part.rows).sum::<usize>(), parts[0].cols);
        let (mut all, mut values) = (Vec::with_capacity(rows * cols), Vec::new());
        for part in parts {
            self.gguf.read_f32(part, 0, part.rows, &mut values)?;
            all.extend_from_slice(&values);
            self.done += bytes(part);
        }
        let columns = (0..cols).map(|col| (0..rows).map(|row| all[row * cols + col]).collect());
        self.table(name, &[cols, rows], columns)?;
        (self.progress)(self.done, self.total);
        Ok(())
    }

    /// Matrices one under the other, quantised.
    pub(super) fn matrix(
        &mut self,
        name: &str,
        parts: &[&Tensor],
        bits: Bits,
    ) -> Result<Matrix, ImportError> {
        let cols = parts[0].cols;
        let rows = parts.iter().map(|part| part.rows).sum::<usize>();
        let block = bits.block(cols);
        let blocks = cols / block;
        let blob = block * bits.count() / 8;
        if bits == Bits::Sixteen {
            self.halves(&format!("{name}.values"), parts)?;
            return Ok(Matrix { name: name.to_owned(), rows, cols, bits });
        }
        let values = self.place(
            &format!("{name}.values"),
            UINT8,
            &[rows, blocks, blob],
            rows * blocks * blob,
        );
        let scales =
            self.place(&format!("{name}.scales"), FLOAT, &[rows, blocks], rows * blocks * 4);
        let zero_bytes = (blocks * bits.count()).div_ceil(8);
        let zeros = bits.has_zeros().then(|| {
            self.place(&format!("{name}.zeros"), UINT8, &[rows, zero_bytes], rows * zero_bytes)
        });
        self.convert(parts, |part, row, numbers, write| {
            let out = quantize(numbers, cols, bits, part.kind);
            write(values + (row * blocks * blob) as u64, &out.values)?;
            let bytes: Vec<u8> = out.scales.iter().flat_map(|x| x.to_le_bytes()).collect();
            write(scales + (row * blocks * 4) as u64, &bytes)?;
            match zeros {
                Some(at) => write(at + (row * zero_bytes) as u64, &out.zeros),
                None => Ok(()),
            }
        })?;
        Ok(Matrix { name: name.to_owned(), rows, cols, bits })
    }

    /// Sets room aside in the data file.
    fn place(&mut self, name: &str, kind: i32, dims: &[usize], length: usize) -> u64 {
        let at = self.end.next_multiple_of(ALIGN);
        self.end = at + length as u64;
        let entry =
            |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
        self.initializers.push(TensorProto {
            dims: dims.iter().map(|&size| size as i64).collect(),
            data_type: kind,
            name: name.to_owned(),
            raw_data: None,
            external_data: vec![
                entry("location", DATA.to_owned()),
                entry("offset", at.to_string()),
                entry("length", length.to_string()),
            ],
            data_location: 1,
        });
        at
    }

    /// Reads the parts a few rows at a time, on every core. `work` gets the part, the row's
    /// number in the whole, the rows as `f32`, and a function that writes bytes at a place.
    fn convert<F>(&mut self, parts: &[&Tensor], work: F) -> Result<(), ImportError>
    where
        F: Fn(&Tensor, usize, &[f32], Put<'_>) -> Result<(), ImportError> + Sync,
    {
        let mut chunks = Vec::new();
        let mut row = 0;
        for part in parts {
            let step = (CHUNK / part.cols).max(1);
            for first in (0..part.rows).step_by(step) {
                chunks.push((*part, first, step.min(part.rows - first), row + first));
            }
            row += part.rows;
        }
        let next = AtomicUsize::new(0);
        let (report, reports) = mpsc::channel();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(chunks.len());
        let (gguf, file, path) = (self.gguf, &self.file, &self.path);
        let run = || -> Result<(), ImportError> {
            let mut numbers = Vec::new();
            while let Some(&(part, first, count, row)) =
                chunks.get(next.fetch_add(1, Ordering::Relaxed))
            {
                gguf.read_f32(part, first, count, &mut numbers)?;
                work(part, row, &numbers, &|at, data| write(file, path, at, data))?;
                // The receiver outlives the threads; a report that is not heard is no loss.
                let _ = report.send((count * part.row_bytes()) as u64);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let run = &run;
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            let mut expected = parts.iter().map(|part| bytes(part)).sum::<u64>();
            while expected > 0 && !workers.iter().all(thread::ScopedJoinHandle::is_finished) {
                let Ok(done) = reports.recv_timeout(std::time::Duration::from_millis(100)) else {
                    continue;
                };
                expected = expected.saturating_sub(done);
                self.done += done;
                (self.progress)(self.done, self.total);
            }
            for worker in workers {
                match worker.join() {
                    Ok(result) => result?,
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            for done in reports.try_iter() {
                self.done += done;
            }
            Ok(())
        })
    }
}

type Put<'a> = &'a dyn Fn(u64, &[u8]) -> Result<(), ImportError>;

fn bytes(tensor: &Tensor) -> u64 {
    (tensor.rows * tensor.row_bytes()) as u64
}

fn write(file: &Mutex<File>, path: &Path, at: u64, data: &[u8]) -> Result<(), ImportError> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.write_all(data))
        .map_err(|source| ImportError::Write { path: path.to_owned(), source })
}
