//! Which known word was probably meant.

/// The hint for a word that is not one of these: the nearest where one is near, else all of them.
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none to choose from".to_string(),
        None if known.len() == 1 => format!("the only one is `{}`", known[0]),
        None => format!("choose from {}", list(&known)),
    }
}

/// The known word that this one is most likely a slip of.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let near = |known: &'a str| {
        let score = strsim::jaro_winkler(&lower, &known.to_lowercase());
        let edits = strsim::damerau_levenshtein(&lower, &known.to_lowercase());
        // Among short words everything is near: `gpu` is no slip of `cpu`.
        let close = match word.chars().count() {
            0 | 1 => edits == 0,
            2 | 3 => known.starts_with(&lower),
            _ => score > 0.85 || edits <= 1 || edits * 4 <= known.len(),
        };
        close.then_some((score, known))
    };
    // Distances are quadratic in the length, and no misspelling is this long.
    let known = known.into_iter().filter(|_| word.len() <= 100);
    known.filter_map(near).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// `` `a`, `b`, `c` ``.
pub(super) fn list<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    quoted.join(", ")
}
