//! Names that every model can be given for what a server calls its tools: a name that is one already
//! stays, any other is made into one that follows from the server's names alone.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// The longest name, in letters.
const LONGEST: usize = 64;
/// Letters of the digest in a name that could be another tool's.
const MARK: usize = 8;

/// A name for each of these, in their order; none where it would be another's.
pub(super) fn usable(theirs: &[&str]) -> Vec<Option<String>> {
    let legal: HashSet<&str> = theirs.iter().copied().filter(|name| is_legal(name)).collect();
    let mut wanted: HashMap<String, usize> = HashMap::new();
    for name in theirs.iter().filter(|name| !is_legal(name)) {
        *wanted.entry(spelled(name)).or_default() += 1;
    }
    let mut given: HashSet<String> = legal.iter().map(ToString::to_string).collect();
    let name = |name: &&str| {
        if is_legal(name) {
            return Some((*name).to_string());
        }
        let plain = spelled(name);
        let alone = wanted[&plain] == 1 && plain.len() <= LONGEST && plain.contains(is_letter);
        let chosen = match alone && !legal.contains(plain.as_str()) {
            true => plain,
            false => marked(&plain, name),
        };
        (!name.is_empty() && given.insert(chosen.clone())).then_some(chosen)
    };
    theirs.iter().map(name).collect()
}

fn is_legal(name: &str) -> bool {
    let legal = |c: char| is_letter(c) || matches!(c, '_' | '-' | '.');
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(legal)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

fn spelled(name: &str) -> String {
    let letter = |c: char| if is_letter(c) || matches!(c, '-' | '.') { c } else { '_' };
    name.chars().map(letter).collect()
}

/// With what only this name has.
fn marked(plain: &str, name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let mark: String = digest.iter().take(MARK / 2).map(|byte| format!("{byte:02x}")).collect();
    let kept = plain.trim_matches('_').chars().take(LONGEST - MARK - 1).collect::<String>();
    if kept.is_empty() { format!("tool_{mark}") } else { format!("{kept}_{mark}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_has_a_name_of_its_own_that_does_not_depend_on_their_order() {
        let long = "a".repeat(80);
        let theirs = ["good", "a/b", "a b", "Make it", "检索", "x.y", &long, "p/q", "p_q", ""];
        let names = usable(&theirs);
        let name = |at: usize| names[at].as_deref().unwrap_or_default();
        assert_eq!([name(0), name(3), name(5), name(8)], ["good", "Make_it", "x.y", "p_q"]);
        for at in [1, 2] {
            assert!(name(at).starts_with("a_b_"), "{names:?}");
        }
        assert!(name(4).starts_with("tool_") && name(7).starts_with("p_q_"), "{names:?}");
        assert_eq!(name(6).len(), 64);
        assert_eq!(names[9], None);
        let distinct: HashSet<_> = names.iter().flatten().collect();
        assert_eq!(distinct.len(), 9);
        let back: Vec<&str> = theirs.iter().rev().copied().collect();
        assert_eq!(usable(&back).into_iter().rev().collect::<Vec<_>>(), names);
    }

    #[test]
    fn a_name_that_was_made_to_collide_is_nobodys() {
        let made = usable(&["a/b", "a_b"])[0].clone().unwrap_or_default();
        let names = usable(&["a/b", "a_b", &made]);
        assert_eq!(names[0], None, "{names:?}");
    }
}
