//! A small model's endless repetition, noticed while it goes on: the same run of tokens again and
//! again at the end of a reply. Lists whose items merely look alike are left alone.

/// The longest run of tokens that is looked for.
const LONGEST: usize = 96;
/// So many tokens of repetition at least.
const LEAST: usize = 64;
/// So many times the same at least.
const TIMES: usize = 4;

/// Whether what was written ends with the same run of tokens again and again.
pub(super) fn repeats(written: &[u32]) -> bool {
    (1..=LONGEST.min(written.len() / TIMES)).any(|period| {
        let length = (period * TIMES).max(LEAST);
        written.len() >= length + period && {
            let end = &written[written.len() - length..];
            end.iter().zip(&end[period..]).all(|(before, now)| before == now)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_round_is_noticed() {
        let start = [1, 2, 3];
        for period in [1, 2, 7, 40, 96] {
            let turn: Vec<u32> = (10..10 + period).collect();
            let long: Vec<u32> =
                start.iter().chain(turn.iter().cycle()).take(600).copied().collect();
            assert!(repeats(&long), "{period}");
        }
    }

    #[test]
    fn what_merely_looks_alike_goes_on() {
        let counted: Vec<u32> = (0..100).flat_map(|n| [5, 6, 100 + n, 7]).collect();
        assert!(!repeats(&counted));
        let thrice: Vec<u32> = (0..40).chain(0..40).chain(0..40).collect();
        assert!(!repeats(&thrice));
        assert!(!repeats(&[7; 60]));
    }
}
