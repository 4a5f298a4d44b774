//! Log-probabilities of tokens: those of the model itself, before temperature, top-p or a grammar.

use agent_core::model::{Likely, TokenLogprob};

use super::EngineError;
use super::tokenizer::Tokenizer;

/// The log-probability of one token after these logits, in nats. The sum is kept in double precision:
/// a vocabulary has a hundred thousand terms.
pub(super) fn logprob(logits: &[f32], token: u32) -> Result<f64, EngineError> {
    let wanted = logits.get(token as usize);
    let wanted = wanted.ok_or(EngineError::Token { token, vocab: logits.len() })?;
    finite(f64::from(*wanted) - normalizer(logits))
}

/// That of the token that came, and the `top` likeliest in its place, the best first.
pub(super) fn told(
    logits: &[f32],
    token: u32,
    top: usize,
    tokenizer: &Tokenizer,
) -> Result<TokenLogprob, EngineError> {
    let total = normalizer(logits);
    let wanted = logits.get(token as usize);
    let wanted = wanted.ok_or(EngineError::Token { token, vocab: logits.len() })?;
    let likely = |(id, logit): (u32, f32)| Likely {
        bytes: tokenizer.bytes(id).to_vec(),
        logprob: (f64::from(logit) - total) as f32,
    };
    Ok(TokenLogprob {
        bytes: tokenizer.bytes(token).to_vec(),
        logprob: finite(f64::from(*wanted) - total)? as f32,
        likeliest: likeliest(logits, top).into_iter().map(likely).collect(),
    })
}

/// The tokens with the highest logits, the best first, the first of equals.
fn likeliest(logits: &[f32], top: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(top + 1);
    for (token, &logit) in (0_u32..).zip(logits) {
        if best.len() == top && best.last().is_none_or(|(_, least)| logit <= *least) {
            continue;
        }
        let place = best.partition_point(|(_, other)| *other >= logit);
        best.insert(place, (token, logit));
        best.truncate(top);
    }
    best
}

fn normalizer(logits: &[f32]) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - most).exp()).sum();
    f64::from(most) + sum.ln()
}

fn finite(logprob: f64) -> Result<f64, EngineError> {
    match logprob.is_finite() {
        true => Ok(logprob),
        false => Err(EngineError::Run("its logits are not numbers".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_come_in_order_and_probabilities_sum_to_one() {
        let logits = [1.0, 3.0, -2.0, 3.0, 2.0];
        let best: Vec<u32> = likeliest(&logits, 3).into_iter().map(|(token, _)| token).collect();
        assert_eq!(best, [1, 3, 4]);
        assert!(likeliest(&logits, 0).is_empty());
        assert_eq!(likeliest(&logits, 9).len(), 5);
        let sum: f64 = (0..5).map(|token| logprob(&logits, token).unwrap().exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        assert!(logprob(&[f32::NAN, 1.0], 1).is_err());
        assert!(logprob(&[f32::NEG_INFINITY, 1.0], 0).is_err());
        assert!(matches!(logprob(&[1.0], 5), Err(EngineError::Token { token: 5, vocab: 1 })));
    }
}
