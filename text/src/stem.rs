//! Words without their endings. There are two, for two uses. What is *held* against a text – a value, a name, a
//! statement – loses a plural's ending and no more ([`plural`]): each further form that meets another would let
//! something through that does not stand there. What is *searched* for loses the commonest endings of verbs as well
//! ([`light`]). Snowball's English stemmer finds no more: docs/performance.md, "Search in files".

/// Without the ending of an English plural.
pub fn plural(word: &str) -> String {
    let letters = word.chars().count();
    let cut = match word {
        _ if letters > 4 && word.ends_with("ies") => {
            return format!("{}y", &word[..word.len() - 3]);
        }
        _ if letters > 3 && word.ends_with('s') && !word.ends_with("ss") => 1,
        _ => 0,
    };
    word[..word.len() - cut].to_string()
}

/// Without a plural's ending and the commonest endings of English verbs, and no more: a search that stems too much
/// ranks worse than one that stems too little. What comes of it is compared, never shown.
pub fn light(mut word: String) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_meet() {
        for forms in [
            &["volcano", "volcanos"][..],
            &["city", "cities"],
            &["produce", "produced", "producing", "produces"],
            &["planned", "planning", "plan", "plans"],
            &["box", "boxes"],
            &["class", "classes"],
            &["discover", "discovered", "discovers"],
        ] {
            let stems: Vec<String> = forms.iter().map(|form| light(form.to_string())).collect();
            assert!(stems.iter().all(|stem| *stem == stems[0]), "{stems:?}");
        }
        assert_ne!(light("bus".to_string()), light("bu".to_string()));
        assert_ne!(light("sing".to_string()), light("s".to_string()));
    }

    #[test]
    fn what_is_held_against_a_text_loses_a_plural_alone() {
        for (word, stem) in
            [("bodies", "body"), ("towers", "tower"), ("class", "class"), ("planned", "planned")]
        {
            assert_eq!(plural(word), stem);
        }
    }
}
