//! SentencePiece's vocabularies have scores and no merges: of two neighbours that make a piece, those
//! are joined first whose piece has the highest score. That is byte-pair encoding with the pieces, in
//! the order of their scores, as merges.

use std::collections::HashMap;

/// Numbers of GGUF's `tokenizer.ggml.token_type`.
const NORMAL: i64 = 1;
const USER: i64 = 4;

/// The merges that a vocabulary comes to, the first ones first. Pieces that a person defined come
/// before all others, the short ones first.
pub(super) fn merges(tokens: &[String], types: &[i64], scores: &[f64]) -> Vec<String> {
    let kind = |id: usize| types.get(id).copied().unwrap_or(NORMAL);
    let usable = |id: usize| {
        (kind(id) == NORMAL || kind(id) == USER && is_text(&tokens[id]))
            && !tokens[id].contains(' ')
    };
    let pieces: HashMap<&str, usize> =
        (0..tokens.len()).filter(|&id| usable(id)).map(|id| (tokens[id].as_str(), id)).collect();
    let mut found = Vec::new();
    for (&piece, &id) in &pieces {
        for (at, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(at);
            if let (Some(&l), Some(&r)) = (pieces.get(left), pieces.get(right)) {
                let score = match kind(id) {
                    USER => f64::INFINITY,
                    _ => scores.get(id).copied().unwrap_or(f64::NEG_INFINITY),
                };
                let length = if kind(id) == USER { piece.len() } else { 0 };
                found.push((score, length, id, l, r));
            }
        }
    }
    found.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then((a.2, a.3, a.4).cmp(&(b.2, b.3, b.4)))
    });
    found.into_iter().map(|(_, _, _, l, r)| format!("{} {}", tokens[l], tokens[r])).collect()
}

/// Whether a piece that a person defined is text, such as several line ends, and marks nothing.
pub(crate) fn is_text(piece: &str) -> bool {
    !piece.starts_with(['<', '[', '|'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_score_is_merged_first() {
        let tokens = ["a", "b", "c", "ab", "bc", "abc", "<x>", "\n", "\n\n"].map(str::to_owned);
        let types = [1, 1, 1, 1, 1, 1, 3, 1, 4];
        let scores = [-9.0, -9.0, -9.0, -2.0, -1.0, -3.0, 0.0, -9.0, -1000.0];
        assert_eq!(merges(&tokens, &types, &scores), ["\n \n", "b c", "a b", "a bc", "ab c"]);
    }
}
