//! The network computed another way: in `f64`, the whole sequence at once, without a cache, with rotary
//! pairs half a head apart (as the original checkpoints have them; a `llama` GGUF has its rows permuted
//! instead).

use super::{
    BASE, EPSILON, HEAD, HEADS, HIDDEN, KV_HEADS, LOCAL_BASE, Layer, Matrix, Network, WINDOW,
};

impl Network {
    /// The logits after the last token.
    pub fn logits(&self, tokens: &[u32]) -> Vec<f64> {
        let last = self.state(tokens);
        let logits = self.head.as_ref().unwrap_or(&self.embedding).times(&last);
        logits.into_iter().map(|x| x / self.family.logit_scale()).collect()
    }

    /// The state of the last token, after the last norm.
    pub fn state(&self, tokens: &[u32]) -> Vec<f64> {
        let family = self.family;
        let mut stream: Vec<Vec<f64>> = tokens
            .iter()
            .map(|&token| {
                let row = &self.embedding.values[token as usize * HIDDEN..][..HIDDEN];
                row.iter().map(|x| x * family.embedding_scale()).collect()
            })
            .collect();
        for (index, layer) in self.layers.iter().enumerate() {
            let attended = self.attended(index, layer, &stream);
            for (x, mixed) in stream.iter_mut().zip(attended) {
                let out = layer.output.times(&mixed);
                add(x, &post(&out, layer.attn_post.as_ref()), family.residual_scale());
                let out = self.fed(layer, &norm(x, &layer.ffn_norm));
                add(x, &post(&out, layer.ffn_post.as_ref()), family.residual_scale());
            }
        }
        norm(&stream[tokens.len() - 1], &self.norm)
    }

    fn attended(&self, index: usize, layer: &Layer, stream: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let normed: Vec<_> = stream.iter().map(|x| norm(x, &layer.attn_norm)).collect();
        let project = |matrix: &Matrix, part: usize| -> Vec<Vec<f64>> {
            let row = |(position, x): (usize, &Vec<f64>)| {
                let mut y = matrix.times(x);
                if let Some(bias) = &layer.bias {
                    y.iter_mut().zip(&bias[part].values).for_each(|(y, b)| *y += b);
                }
                if part < 2 {
                    for head in y.chunks_mut(HEAD) {
                        if let Some(norms) = &layer.head_norms {
                            let normed = norm(head, &norms[part]);
                            head.copy_from_slice(&normed);
                        }
                        self.turn(index, head, position);
                    }
                }
                y
            };
            normed.iter().enumerate().map(row).collect()
        };
        let (q, k, v) = (project(&layer.q, 0), project(&layer.k, 1), project(&layer.v, 2));
        let scale = self.family.attention_scale();
        let window = if self.local(index) { WINDOW } else { usize::MAX };
        let mix = |t: usize| {
            let mut mixed = vec![0.0; HEADS * HEAD];
            let seen = t.saturating_sub(window - 1)..t + 1;
            for head in 0..HEADS {
                let kv = head / (HEADS / KV_HEADS) * HEAD;
                let query = &q[t][head * HEAD..][..HEAD];
                let weigh = |s: usize| {
                    let dot: f64 = query.iter().zip(&k[s][kv..]).map(|(a, b)| a * b).sum();
                    (dot * scale).exp()
                };
                let sum: f64 = seen.clone().map(weigh).sum();
                for s in seen.clone() {
                    for i in 0..HEAD {
                        mixed[head * HEAD + i] += weigh(s) / sum * v[s][kv + i];
                    }
                }
            }
            mixed
        };
        (0..stream.len()).map(mix).collect()
    }

    fn local(&self, layer: usize) -> bool {
        self.family.sandwich() && layer.is_multiple_of(2)
    }

    fn turn(&self, layer: usize, head: &mut [f64], position: usize) {
        if self.family.unturned(layer) {
            return;
        }
        let base = if self.local(layer) { LOCAL_BASE } else { BASE };
        let width = self.family.width();
        let factors = self.family.factors();
        for i in 0..width / 2 {
            let divisor = if self.local(layer) { 1.0 } else { factors[i] };
            let angle = position as f64 * base.powf(-2.0 * i as f64 / width as f64) / divisor;
            let (sin, cos) = angle.sin_cos();
            let (sin, cos) = (sin * self.family.magnitude(), cos * self.family.magnitude());
            let (a, b) = (head[i], head[i + width / 2]);
            head[i] = a * cos - b * sin;
            head[i + width / 2] = a * sin + b * cos;
        }
    }

    fn fed(&self, layer: &Layer, normed: &[f64]) -> Vec<f64> {
        let up = layer.up.times(normed);
        let gate = layer.gate.times(normed);
        let gated: Vec<f64> =
            gate.iter().zip(up).map(|(g, u)| self.family.activated(*g) * u).collect();
        layer.down.times(&gated)
    }
}

fn norm(x: &[f64], weight: &Matrix) -> Vec<f64> {
    let square = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    let scale = (square + EPSILON).sqrt().recip();
    x.iter().zip(&weight.values).map(|(x, w)| x * scale * w).collect()
}

fn post(x: &[f64], weight: Option<&Matrix>) -> Vec<f64> {
    weight.map_or_else(|| x.to_vec(), |weight| norm(x, weight))
}

fn add(x: &mut [f64], y: &[f64], scale: f64) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y * scale);
}
