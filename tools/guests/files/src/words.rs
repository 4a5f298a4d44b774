//! Words as the search compares them: folded to lower case without accents, lightly stemmed.

/// The terms of a text, in order, stop words included.
pub(crate) fn terms(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(term)
}

/// One word as it is compared.
pub(crate) fn term(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase) {
        match fold(c) {
            Some(plain) => folded.push_str(plain),
            None if ('\u{300}'..='\u{36F}').contains(&c) => {}
            None => folded.push(c),
        }
    }
    stem(folded)
}

/// Words that every text has; a query keeps them only where it has no others.
pub(crate) fn common(term: &str) -> bool {
    const COMMON: [&str; 58] = [
        "a", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "did", "do",
        "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "into", "is", "it",
        "its", "list", "many", "me", "much", "my", "of", "on", "or", "our", "tell", "than", "that",
        "the", "their", "there", "these", "they", "this", "to", "was", "we", "were", "what",
        "when", "where", "which", "who", "why", "with", "you",
    ];
    COMMON.contains(&term)
}

/// How many letters must be added, dropped, replaced or swapped with their neighbour (Damerau,
/// "A technique for computer detection and correction of spelling errors", 1964; the restricted
/// form) to make one of the other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Plurals and the commonest endings of English verbs, and no more: a search that stems too much
/// ranks worse than one that stems too little.
fn stem(mut word: String) -> String {
    if !word.is_ascii() || word.len() < 4 || word.bytes().any(|b| b.is_ascii_digit()) {
        return word;
    }
    for (ending, plain) in
        [("ies", "i"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")]
    {
        if word.len() > ending.len() + 1 && word.ends_with(ending) {
            word.truncate(word.len() - ending.len());
            word.push_str(plain);
            return word;
        }
    }
    if word.ends_with('s')
        && !word.ends_with("ss")
        && !word.ends_with("us")
        && !word.ends_with("is")
    {
        word.pop();
    }
    for ending in ["ing", "ed"] {
        let Some(left) = word.len().checked_sub(ending.len()) else { continue };
        if left >= 3 && word.ends_with(ending) && word[..left].contains(['a', 'e', 'i', 'o', 'u']) {
            word.truncate(left);
            let bytes = word.as_bytes();
            let doubled = bytes.len() > 3
                && bytes[bytes.len() - 1] == bytes[bytes.len() - 2]
                && !matches!(bytes[bytes.len() - 1], b'l' | b's' | b'z');
            if doubled {
                word.pop();
            }
            break;
        }
    }
    // `produce`, `produced` and `producing` meet without their e.
    if word.len() > 4 && word.ends_with('e') && !word.ends_with("ee") {
        word.pop();
    }
    if word.len() > 3 && word.ends_with('y') {
        word.pop();
        word.push('i');
    }
    word
}

fn fold(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì'..='ï' | 'ī' | 'į' | 'ı' => "i",
        'ł' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => "o",
        'œ' => "oe",
        'ř' => "r",
        'ß' => "ss",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ţ' | 'ț' | 'ť' => "t",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'þ' => "th",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_meet() {
        for forms in [
            &["Volcano", "volcanos", "VOLCANO"][..],
            &["city", "cities"],
            &["produce", "produced", "producing", "produces"],
            &["planned", "planning", "plan", "plans"],
            &["São", "sao", "SAO"],
            &["box", "boxes"],
            &["class", "classes"],
            &["discover", "discovered", "discovers"],
            &["Zürich", "zurich"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| term(form)).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{stems:?}");
        }
        assert_ne!(term("bus"), term("bu"));
        assert_ne!(term("sing"), term("s"));
        assert_eq!(terms("4.5 km²—fast").collect::<Vec<_>>(), ["4", "5", "km²", "fast"]);
    }

    #[test]
    fn typos_have_a_distance() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
            ("", "ab", 2),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
