//! Rows of numbers, as a GGUF stores them.

use half::f16;
use rand::Rng;
use rand::rngs::StdRng;

/// Rows of numbers, and the bytes that stand for exactly these numbers in a GGUF.
#[derive(Clone)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub values: Vec<f64>,
    pub kind: u32,
    pub bytes: Vec<u8>,
}

impl Matrix {
    /// Q4_0 with whatever scales and values come.
    pub fn q4(random: &mut StdRng, rows: usize, cols: usize) -> Self {
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..rows * cols / 32 {
            let scale = f16::from_f32(random.random_range(0.01..0.04));
            let mut q: Vec<u8> = (0..32).map(|_| random.random_range(0..16)).collect();
            // The reference quantiser always puts the extreme at -8.
            q[random.random_range(0..32)] = 0;
            bytes.extend(scale.to_le_bytes());
            bytes.extend((0..16).map(|i| q[i] | q[i + 16] << 4));
            values.extend(q.iter().map(|&q| f64::from(scale) * (f64::from(q) - 8.0)));
        }
        Self { rows, cols, values, kind: 2, bytes }
    }

    /// Q8_0.
    pub fn q8(random: &mut StdRng, rows: usize, cols: usize) -> Self {
        let (mut values, mut bytes) = (Vec::new(), Vec::new());
        for _ in 0..rows * cols / 32 {
            let scale = f16::from_f32(random.random_range(0.002..0.01));
            let mut q: Vec<i8> = (0..32).map(|_| random.random_range(-127..=127)).collect();
            q[random.random_range(0..32)] = 127;
            bytes.extend(scale.to_le_bytes());
            bytes.extend(q.iter().map(|&q| q as u8));
            values.extend(q.iter().map(|&q| f64::from(scale) * f64::from(q)));
        }
        Self { rows, cols, values, kind: 8, bytes }
    }

    pub fn vector(random: &mut StdRng, length: usize, around: f32) -> Self {
        let numbers: Vec<f32> =
            (0..length).map(|_| around + random.random_range(-0.5..0.5)).collect();
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let values = numbers.into_iter().map(f64::from).collect();
        Self { rows: 1, cols: length, values, kind: 0, bytes }
    }

    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        self.values
            .chunks(self.cols)
            .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
            .collect()
    }

    /// As `convert_hf_to_gguf.py` permutes q and k for `llama`: pairs become neighbours.
    pub fn permuted(&self, heads: usize) -> Self {
        let size = self.rows / heads;
        let row = self.bytes.len() / self.rows;
        let mut out = self.clone();
        out.bytes.clear();
        for head in 0..heads {
            for i in 0..size {
                let from = head * size + i / 2 + i % 2 * (size / 2);
                out.bytes.extend(&self.bytes[from * row..][..row]);
            }
        }
        out
    }

    /// Half-precision floats.
    pub fn half(random: &mut StdRng, rows: usize, cols: usize, most: f32) -> Self {
        let numbers: Vec<f16> =
            (0..rows * cols).map(|_| f16::from_f32(random.random_range(-most..most))).collect();
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let values = numbers.into_iter().map(f64::from).collect();
        Self { rows, cols, values, kind: 1, bytes }
    }

    /// These rows under each other, in one format.
    pub fn stacked(parts: &[&Matrix]) -> Self {
        let mut all = parts[0].clone();
        for part in &parts[1..] {
            all.rows += part.rows;
            all.values.extend(&part.values);
            all.bytes.extend(&part.bytes);
        }
        all
    }

    /// The same numbers, stored as 32-bit floats.
    pub fn floats(&self) -> Self {
        Self { kind: 0, bytes: self.single(), ..self.clone() }
    }

    /// The same numbers as 32-bit floats.
    pub fn single(&self) -> Vec<u8> {
        self.values.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect()
    }

    /// One row of 32-bit floats.
    pub fn of(values: Vec<f64>) -> Self {
        let bytes = values.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
        Self { rows: 1, cols: values.len(), values, kind: 0, bytes }
    }
}
