//! The block formats of ggml as `f32`: how numbers lie in a GGUF tensor.
//!
//! The layouts are those of `ggml-quants.c` (<https://github.com/ggml-org/llama.cpp>). The `IQ`
//! formats of less than four bits, which need large tables, are refused.

use half::{bf16, f16};

/// How a tensor's numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the formats' own names say it")]
pub enum TensorType {
    F32,
    F16,
    Bf16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q2K,
    Q3K,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
    Iq4Xs,
}

impl TensorType {
    /// The type with this number in `ggml.h`.
    pub fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            10 => Self::Q2K,
            11 => Self::Q3K,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            20 => Self::Iq4Nl,
            23 => Self::Iq4Xs,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// Numbers in a block.
    pub fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 | Self::Iq4Nl => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K | Self::Iq4Xs => 256,
        }
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 | Self::Iq4Nl => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Iq4Xs => 136,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }
}

/// Turns whole blocks into numbers. `bytes` and `out` hold the same number of blocks; what is
/// beyond the shorter of the two is left alone.
pub fn dequantize(kind: TensorType, bytes: &[u8], out: &mut [f32]) {
    let blocks = bytes.chunks_exact(kind.block_bytes()).zip(out.chunks_exact_mut(kind.block()));
    match kind {
        TensorType::F32 => {
            blocks.for_each(|(b, y)| y[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        }
        TensorType::F16 => blocks.for_each(|(b, y)| y[0] = half_at(b, 0)),
        TensorType::Bf16 => {
            blocks.for_each(|(b, y)| y[0] = bf16::from_le_bytes([b[0], b[1]]).to_f32());
        }
        TensorType::Q4_0 => blocks.for_each(|(b, y)| nibbles(&b[2..], y, half_at(b, 0), -8.0, 0.0)),
        TensorType::Q4_1 => {
            blocks.for_each(|(b, y)| nibbles(&b[4..], y, half_at(b, 0), 0.0, half_at(b, 2)));
        }
        TensorType::Q5_0 => {
            blocks.for_each(|(b, y)| fives(&b[2..6], &b[6..], y, half_at(b, 0), -16.0, 0.0));
        }
        TensorType::Q5_1 => {
            blocks
                .for_each(|(b, y)| fives(&b[4..8], &b[8..], y, half_at(b, 0), 0.0, half_at(b, 2)));
        }
        TensorType::Q8_0 => blocks.for_each(|(b, y)| {
            let scale = half_at(b, 0);
            y.iter_mut().zip(&b[2..]).for_each(|(y, &q)| *y = scale * f32::from(q as i8));
        }),
        TensorType::Q4K => blocks.for_each(|(b, y)| super_block(b, None, &b[16..], y)),
        TensorType::Q5K => blocks.for_each(|(b, y)| super_block(b, Some(&b[16..48]), &b[48..], y)),
        TensorType::Q6K => blocks.for_each(|(b, y)| six(b, y)),
        TensorType::Q2K => blocks.for_each(|(b, y)| two(b, y)),
        TensorType::Q3K => blocks.for_each(|(b, y)| three(b, y)),
        TensorType::Iq4Nl => blocks.for_each(|(b, y)| curve(&b[2..], y, half_at(b, 0))),
        TensorType::Iq4Xs => blocks.for_each(|(b, y)| curves(b, y)),
    }
}

/// What the sixteen numbers of IQ4 stand for: close together around zero.
const CURVE: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// 32 four-bit numbers: the low halves come first, then the high ones.
fn nibbles(q: &[u8], y: &mut [f32], scale: f32, zero: f32, min: f32) {
    for j in 0..16 {
        y[j] = scale * (f32::from(q[j] & 15) + zero) + min;
        y[j + 16] = scale * (f32::from(q[j] >> 4) + zero) + min;
    }
}

/// Like [`nibbles`] with a fifth bit from a mask of 32.
fn fives(high: &[u8], q: &[u8], y: &mut [f32], scale: f32, zero: f32, min: f32) {
    let mask = u32::from_le_bytes([high[0], high[1], high[2], high[3]]);
    for j in 0..16 {
        let low = (q[j] & 15) | (((mask >> j) & 1) << 4) as u8;
        let top = (q[j] >> 4) | (((mask >> (j + 16)) & 1) << 4) as u8;
        y[j] = scale * (f32::from(low) + zero) + min;
        y[j + 16] = scale * (f32::from(top) + zero) + min;
    }
}

/// Q4_K and Q5_K: eight blocks of 32 whose scales and minima are themselves six-bit numbers.
fn super_block(b: &[u8], high: Option<&[u8]>, q: &[u8], y: &mut [f32]) {
    let (scale, min) = (half_at(b, 0), half_at(b, 2));
    let packed = &b[4..16];
    for (j, y) in y.chunks_exact_mut(32).enumerate() {
        let (s, m) = if j < 4 {
            (packed[j] & 63, packed[j + 4] & 63)
        } else {
            (
                (packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4),
                (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4),
            )
        };
        let (s, m) = (scale * f32::from(s), min * f32::from(m));
        let q = &q[j / 2 * 32..][..32];
        for (l, y) in y.iter_mut().enumerate() {
            let mut value = if j % 2 == 0 { q[l] & 15 } else { q[l] >> 4 };
            if let Some(high) = high {
                value |= ((high[l] >> j) & 1) << 4;
            }
            *y = s * f32::from(value) - m;
        }
    }
}

/// Q6_K: sixteen blocks of 16 with eight-bit scales; four low bits and two high ones apart.
fn six(b: &[u8], y: &mut [f32]) {
    let scale = half_at(b, 208);
    for (n, y) in y.chunks_exact_mut(128).enumerate() {
        let low = &b[n * 64..][..64];
        let high = &b[128 + n * 32..][..32];
        let scales = &b[192 + n * 8..][..8];
        for (i, y) in y.iter_mut().enumerate() {
            let (quarter, l) = (i / 32, i % 32);
            let nibble = low[l + quarter % 2 * 32] >> (quarter / 2 * 4) & 15;
            let bits = high[l] >> (quarter * 2) & 3;
            let value = i32::from(nibble | bits << 4) - 32;
            *y = scale * f32::from(scales[i / 16] as i8) * value as f32;
        }
    }
}

/// Q2_K: sixteen blocks of 16 whose scales and minima have four bits each.
fn two(b: &[u8], y: &mut [f32]) {
    let (scale, min) = (half_at(b, 80), half_at(b, 82));
    for (j, y) in y.chunks_exact_mut(16).enumerate() {
        let (s, m) = (scale * f32::from(b[j] & 15), min * f32::from(b[j] >> 4));
        let (half, shift) = (j / 8, j % 8 / 2 * 2);
        let q = &b[16 + half * 32 + j % 2 * 16..][..16];
        y.iter_mut().zip(q).for_each(|(y, q)| *y = s * f32::from(q >> shift & 3) - m);
    }
}

/// Q3_K: sixteen blocks of 16 with six-bit scales; two low bits and a high one apart, and a high bit
/// that is not set takes four away.
fn three(b: &[u8], y: &mut [f32]) {
    let (high, q, packed, scale) = (&b[..32], &b[32..96], &b[96..108], half_at(b, 108));
    for (j, y) in y.chunks_exact_mut(16).enumerate() {
        let low = packed[j % 8] >> (j / 8 * 4) & 15;
        let top = packed[8 + j % 4] >> (j / 4 * 2) & 3;
        let s = scale * (f32::from(low | top << 4) - 32.0);
        let (half, shift, side) = (j / 8, j % 8 / 2 * 2, j % 2 * 16);
        let mask = 1_u8 << (j / 2);
        for (l, y) in y.iter_mut().enumerate() {
            let value = f32::from(q[half * 32 + side + l] >> shift & 3);
            let taken = if high[side + l] & mask == 0 { 4.0 } else { 0.0 };
            *y = s * (value - taken);
        }
    }
}

/// IQ4_NL: 32 numbers of the curve.
fn curve(q: &[u8], y: &mut [f32], scale: f32) {
    for j in 0..16 {
        y[j] = scale * f32::from(CURVE[usize::from(q[j] & 15)]);
        y[j + 16] = scale * f32::from(CURVE[usize::from(q[j] >> 4)]);
    }
}

/// IQ4_XS: eight such blocks with six-bit scales.
fn curves(b: &[u8], y: &mut [f32]) {
    let scale = half_at(b, 0);
    let high = u16::from_le_bytes([b[2], b[3]]);
    for (j, y) in y.chunks_exact_mut(32).enumerate() {
        let low = b[4 + j / 2] >> (j % 2 * 4) & 15;
        let top = (high >> (2 * j) & 3) as u8;
        let s = scale * (f32::from(low | top << 4) - 32.0);
        curve(&b[8 + j * 16..], y, s);
    }
}
