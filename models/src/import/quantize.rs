//! Rows of numbers to the blocks of ONNX Runtime's `MatMulNBits`: one scale, one whole-numbered
//! zero point, 2, 4 or 8 bits a number.
//!
//! With 4 bits a block has 32 numbers. Q4_0 is such blocks already and comes out exactly. Every
//! other 4-bit format has a minimum that is not a multiple of its scale, so the nearest block is
//! searched for: several scales and zero points, each followed by the scale that minimises the
//! weighted squared error.
//!
//! With 8 bits a block has up to 128 numbers: the error stays far below that of the formats that
//! are read (0.4 % of the largest number in the block at most), and the operator multiplies larger
//! blocks a third faster.

use super::TensorType;

/// Numbers in a block of 4 bits each, and what every row must be a multiple of.
pub(super) const BLOCK: usize = 32;

/// How many bits a weight gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// Four, and eight where the file spent more on what is sensitive.
    #[default]
    Native,
    /// Two in the wide matrices of the feed-forward network and four in the others: three on average.
    /// ONNX Runtime multiplies with 2, 4 and 8 bits and nothing between.
    Three,
    /// Four.
    Four,
    /// Eight.
    Eight,
    /// Sixteen: half-precision floats, computed in single precision.
    Sixteen,
}

impl Precision {
    /// From the number of bits; the error says which there are.
    pub fn of_bits(bits: u32) -> Result<Self, String> {
        match bits {
            3 => Ok(Self::Three),
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            16 => Ok(Self::Sixteen),
            _ => Err(format!("{bits} bits are not possible: 3, 4, 8 and 16 are")),
        }
    }

    /// What a matrix gets; `finer` where the file spent more than four on it. The head, from which the
    /// logits come, keeps eight below sixteen unless the file has less.
    pub(super) fn bits(self, part: Part, finer: bool) -> Bits {
        match (self, part) {
            (Self::Sixteen, _) => Bits::Sixteen,
            (Self::Eight, _) => Bits::Eight,
            (Self::Three, Part::Wide) => Bits::Two,
            (Self::Three | Self::Four, Part::Wide | Part::Sensitive) => Bits::Four,
            // Attention and `ffn_down` are the sensitive ones: where the file spent more than four
            // bits on any of it, so does the import. On the 0.5B attention brings the output's
            // divergence from an all-8-bit import from 0.057 to 0.036 nats a token, `ffn_down` saves
            // 0.006 more. A prompt is read faster so, too. The gate and the matrix beside it stay at
            // four: they are most of the network, and every token written reads them whole.
            (Self::Native, Part::Wide) => Bits::Four,
            (_, Part::Head | Part::Sensitive) if finer => Bits::Eight,
            (_, Part::Head | Part::Sensitive) => Bits::Four,
        }
    }
}

/// What a matrix is in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    /// Attention, and the way out of the feed-forward network.
    Sensitive,
    /// The gate, and what stands beside it.
    Wide,
}

/// How many bits a number gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    Two,
    Four,
    Eight,
    Sixteen,
}

impl Bits {
    pub(super) fn count(self) -> usize {
        match self {
            Bits::Two => 2,
            Bits::Four => 4,
            Bits::Eight => 8,
            Bits::Sixteen => 16,
        }
    }

    /// Whether each block has a zero point of its own.
    pub(super) fn has_zeros(self) -> bool {
        matches!(self, Bits::Two | Bits::Four)
    }

    /// The largest number there is.
    fn most(self) -> f32 {
        if self == Bits::Two { 3.0 } else { 15.0 }
    }

    /// Numbers in a block of a row of `cols`.
    pub(super) fn block(self, cols: usize) -> usize {
        match self {
            Bits::Two | Bits::Four => BLOCK,
            Bits::Eight | Bits::Sixteen => {
                [128, 64].into_iter().find(|&size| cols.is_multiple_of(size)).unwrap_or(BLOCK)
            }
        }
    }
}

/// Quantised rows: what `MatMulNBits` takes as `B`, `scales` and `zero_points`. With 8 bits every
/// zero point is 128, the operator's default, and `zeros` stays empty.
#[derive(Debug, Default)]
pub(super) struct Quantized {
    pub(super) values: Vec<u8>,
    pub(super) scales: Vec<f32>,
    pub(super) zeros: Vec<u8>,
}

/// Quantises whole rows of `cols` numbers, which must be whole blocks, to eight bits or less.
pub(super) fn quantize(rows: &[f32], cols: usize, bits: Bits, from: TensorType) -> Quantized {
    let size = bits.block(cols);
    let in_byte = 8 / bits.count().min(8);
    let pack = |q: &[u8]| (0..).zip(q).fold(0, |byte, (at, q)| byte | q << (at * bits.count()));
    let mut out = Quantized::default();
    for row in rows.chunks_exact(cols) {
        let mut zeros = Vec::with_capacity(cols / size);
        for block in row.chunks_exact(size) {
            if !bits.has_zeros() {
                out.scales.push(eight(block, &mut out.values));
                continue;
            }
            let fit = match from {
                TensorType::Q4_0 if bits == Bits::Four => symmetric(block),
                _ => search(block, bits.most()),
            };
            out.values.extend(fit.apply(block, bits.most()).chunks_exact(in_byte).map(pack));
            out.scales.push(fit.scale);
            zeros.push(fit.zero as u8);
        }
        out.zeros.extend(zeros.chunks(in_byte).map(pack));
    }
    out
}

/// Eight bits around 128; the largest number of the block is ±127 scales.
fn eight(block: &[f32], values: &mut Vec<u8>) -> f32 {
    let most = block.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let scale = most / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    values.extend(block.iter().map(|x| (nearest(x * inverse) + 128.0) as u8));
    scale
}

/// A scale and a zero point between 0 and the largest number.
#[derive(Debug, Clone, Copy)]
struct Fit {
    scale: f32,
    zero: f32,
}

impl Fit {
    fn apply(self, block: &[f32], most: f32) -> [u8; BLOCK] {
        let inverse = if self.scale == 0.0 { 0.0 } else { 1.0 / self.scale };
        let mut q = [0; BLOCK];
        for (q, x) in q.iter_mut().zip(block) {
            *q = nearest(x * inverse + self.zero).clamp(0.0, most) as u8;
        }
        q
    }
}

/// Q4_0 takes the number furthest from zero as −8 scales.
fn symmetric(block: &[f32]) -> Fit {
    let furthest =
        block.iter().fold(0.0_f32, |most, &x| if x.abs() > most.abs() { x } else { most });
    // A block whose extreme is not at −8 was not made by the reference quantiser; then the
    // search finds its grid, which is inside the space it looks through.
    let fit = Fit { scale: furthest / -8.0, zero: 8.0 };
    let exact = block.iter().zip(fit.apply(block, 15.0)).all(|(x, q)| {
        let back = (f32::from(q) - 8.0) * fit.scale;
        (back - x).abs() <= 1e-3 * furthest.abs()
    });
    if exact { fit } else { search(block, 15.0) }
}

/// The scale and zero point with the least weighted error among some that are likely. Large
/// numbers weigh more, as in ggml's own quantiser: they carry most of a dot product.
fn search(block: &[f32], top: f32) -> Fit {
    let mut x = [0.0_f32; BLOCK];
    x.copy_from_slice(block);
    let (low, high) = x.iter().fold((0.0_f32, 0.0_f32), |(l, h), &x| (l.min(x), h.max(x)));
    if high - low <= f32::MIN_POSITIVE {
        return Fit { scale: 0.0, zero: 0.0 };
    }
    let mean = (x.iter().map(|x| x * x).sum::<f32>() / BLOCK as f32).sqrt();
    let weight = x.map(|x| mean + x.abs());
    let mut best = (f32::INFINITY, Fit { scale: 0.0, zero: 0.0 });
    for step in [0.93, 0.967, 1.0, 1.033, 1.067, 1.133] {
        let scale = (high - low) / (step * top);
        let zero = -low / scale;
        for zero in [zero.floor(), zero.floor() + 1.0] {
            let start = Fit { scale, zero: zero.clamp(0.0, top) };
            let found = refine(&x, &weight, start, top);
            if found.0 < best.0 {
                best = found;
            }
        }
    }
    best.1
}

/// One step of least squares: the numbers' places under `fit`, then the scale that suits them
/// best. Returns the error with it.
fn refine(x: &[f32; BLOCK], weight: &[f32; BLOCK], fit: Fit, top: f32) -> (f32, Fit) {
    let inverse = 1.0 / fit.scale;
    let mut xx = [0.0_f32; 8];
    let mut xp = [0.0_f32; 8];
    let mut pp = [0.0_f32; 8];
    for start in (0..BLOCK).step_by(8) {
        for lane in 0..8 {
            let (x, w) = (x[start + lane], weight[start + lane]);
            let place = nearest((x * inverse + fit.zero).clamp(0.0, top)) - fit.zero;
            xx[lane] += w * x * x;
            xp[lane] += w * x * place;
            pp[lane] += w * place * place;
        }
    }
    let (xx, xp, pp): (f32, f32, f32) = (xx.iter().sum(), xp.iter().sum(), pp.iter().sum());
    if pp <= 0.0 {
        return (xx, fit);
    }
    (xx - xp * xp / pp, Fit { scale: xp / pp, zero: fit.zero })
}

/// Rounds to the nearest whole number; for |x| below four million. Adding and taking away 1.5·2²³
/// leaves no room for a fraction, and unlike `round` needs no library call on plain x86-64.
fn nearest(x: f32) -> f32 {
    const SHIFT: f32 = 12_582_912.0;
    (x + SHIFT) - SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(out: &Quantized, cols: usize, bits: Bits) -> Vec<f32> {
        let size = bits.block(cols);
        (0..out.scales.len() * size)
            .map(|i| {
                let block = i / size;
                let (q, zero) = match bits {
                    Bits::Four => (
                        out.values[i / 2] >> (i % 2 * 4) & 15,
                        out.zeros[block / 2] >> (block % 2 * 4) & 15,
                    ),
                    Bits::Two => (
                        out.values[i / 4] >> (i % 4 * 2) & 3,
                        out.zeros[block / 4] >> (block % 4 * 2) & 3,
                    ),
                    Bits::Eight | Bits::Sixteen => (out.values[i], 128),
                };
                (f32::from(q) - f32::from(zero)) * out.scales[block]
            })
            .collect()
    }

    #[test]
    fn q4_0_comes_out_as_it_was() {
        let q4: Vec<f32> = (0..64).map(|i| 0.25 * ((i * 7 % 16) as f32 - 8.0)).collect();
        let out = quantize(&q4, 64, Bits::Four, TensorType::Q4_0);
        assert_eq!(values(&out, 64, Bits::Four), q4);
    }

    #[test]
    fn eight_bits_are_within_half_a_step_whatever_the_block() {
        for cols in [32, 96, 64, 192, 128, 896] {
            let row: Vec<f32> = (0..cols).map(|i| 0.5 * ((i * 37 % 255) as f32 - 127.0)).collect();
            let out = quantize(&row, cols, Bits::Eight, TensorType::Q8_0);
            let size = Bits::Eight.block(cols);
            assert_eq!(out.scales.len() * size, cols);
            for (i, (a, b)) in values(&out, cols, Bits::Eight).iter().zip(&row).enumerate() {
                assert!((a - b).abs() <= 0.501 * out.scales[i / size], "{b} became {a}");
            }
        }
    }

    #[test]
    fn an_affine_block_is_matched_closely() {
        // A ramp with a minimum that is no multiple of its step.
        let ramp: Vec<f32> = (0..32).map(|i| 0.1 * ((i * 5 % 16) as f32) - 0.537).collect();
        let out = quantize(&ramp, 32, Bits::Four, TensorType::Q4K);
        let error: f32 =
            values(&out, 32, Bits::Four).iter().zip(&ramp).map(|(a, b)| (a - b).powi(2)).sum();
        assert!((error / 32.0).sqrt() < 0.04, "rms {}", (error / 32.0).sqrt());
    }

    #[test]
    fn constant_blocks_are_held() {
        for value in [0.0, 3.0, -3.0] {
            let block = [value; 32];
            let out = quantize(&block, 32, Bits::Four, TensorType::Q4_1);
            values(&out, 32, Bits::Four).iter().for_each(|x| assert!((x - value).abs() < 1e-4));
        }
    }
}
