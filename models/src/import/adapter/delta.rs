//! What is added to one matrix.

/// How the rows of q and k lie within a head: the two numbers that are turned together are
/// neighbours, as `llama` GGUF files have them, or half a head apart, as checkpoints do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Order {
    Pairs,
    Halves,
}

/// `b` times `a`, added to a matrix of `rows` times `cols`. The adapter's scale is in `b`.
#[derive(Debug, Clone)]
pub(in super::super) struct Delta {
    /// What it is added to, like `blk.0.attn_q`.
    pub(super) module: String,
    pub(super) rank: usize,
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// `rank` rows of `cols`.
    pub(super) a: Vec<f32>,
    /// `rows` rows of `rank`.
    pub(super) b: Vec<f32>,
}

impl Delta {
    pub(super) fn new(module: String, rank: usize, rows: usize, cols: usize) -> Self {
        Self { module, rank, rows, cols, a: Vec::new(), b: Vec::new() }
    }

    /// One more in each number of a vector.
    pub(in super::super) fn ones(module: String, cols: usize) -> Self {
        Self { module, rank: 1, rows: 1, cols, a: vec![1.0; cols], b: vec![1.0] }
    }

    /// The name of the matrix in a GGUF.
    pub(in super::super) fn tensor(&self) -> String {
        format!("{}.weight", self.module)
    }

    /// Adds its rows from row `first` on to `values`.
    pub(in super::super) fn add_to(&self, first: usize, values: &mut [f32]) {
        let b = self.b.chunks_exact(self.rank).skip(first);
        for (row, weights) in values.chunks_exact_mut(self.cols).zip(b) {
            for (weight, a) in weights.iter().zip(self.a.chunks_exact(self.cols)) {
                row.iter_mut().zip(a).for_each(|(x, a)| *x += weight * a);
            }
        }
    }

    /// Moves the rows of each head into the other order; `false` where they are not whole heads.
    pub(super) fn reorder(&mut self, heads: usize, into: Order) -> bool {
        let size = self.rows / heads.max(1);
        if heads == 0 || size * heads != self.rows || !size.is_multiple_of(2) {
            return false;
        }
        let mut moved = Vec::with_capacity(self.b.len());
        for row in 0..self.rows {
            let (head, at) = (row / size, row % size);
            let from = match into {
                Order::Pairs => at / 2 + at % 2 * (size / 2),
                Order::Halves => at % (size / 2) * 2 + at / (size / 2),
            };
            moved.extend(&self.b[(head * size + from) * self.rank..][..self.rank]);
        }
        self.b = moved;
        true
    }

    /// Why it fits no matrix of the model; `found` is what the model has under its name.
    pub(super) fn misfit(&self, found: Option<(usize, usize)>, base: Option<&str>) -> String {
        let made = base.map_or_else(String::new, |base| format!(" (it says `{base}`)"));
        let Self { module, rows, cols, .. } = self;
        match found {
            None => format!(
                "it changes `{module}`, which the model does not have: was it made for \
                             another base{made}?"
            ),
            Some((r, c)) => format!(
                "its `{module}` is {rows}×{cols} and the model's {r}×{c}: it was made for another \
                 base{made}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_to_pairs_and_back() {
        let mut delta = Delta::new("blk.0.attn_q".to_owned(), 1, 8, 1);
        delta.b = (0..8).map(|row| row as f32).collect();
        assert!(delta.reorder(2, Order::Pairs));
        assert_eq!(delta.b, [0., 2., 1., 3., 4., 6., 5., 7.]);
        assert!(delta.reorder(2, Order::Halves));
        assert_eq!(delta.b, [0., 1., 2., 3., 4., 5., 6., 7.]);
        assert!(!delta.reorder(3, Order::Pairs));
    }

    #[test]
    fn the_product_is_added_from_a_row_on() {
        let mut delta = Delta::new("m".to_owned(), 2, 3, 2);
        delta.a = vec![1., 2., 3., 4.];
        delta.b = vec![0., 0., 1., 0., 1., 1.];
        let mut values = [10.0; 4];
        delta.add_to(1, &mut values);
        assert_eq!(values, [11., 12., 14., 16.]);
    }
}
