//! Where words begin and end, in each script.

/// The runs of letters and digits of a text: its words where words have spaces between them, and what a name in a
/// program is made of.
pub fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty())
}

/// The letters and digits of a text in lower case with nothing between them: what two texts are compared by that
/// were set differently.
pub fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The words of a text: its runs of letters and digits. Chinese and Japanese put no space between
/// words and Korean none before a particle: there each two characters that stand together are a
/// word, so that a word is found wherever it stands and whatever is added to it.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').flat_map(|run| {
        let mut parts = Vec::new();
        let mut rest = run;
        while let Some(first) = rest.chars().next() {
            let dense = is_dense(first);
            let end = rest.find(|c| is_dense(c) != dense).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            match dense {
                true => pairs(part, &mut parts),
                false => parts.push(part),
            }
            rest = after;
        }
        parts
    })
}

fn pairs<'a>(text: &'a str, parts: &mut Vec<&'a str>) {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    match starts.len() {
        0..=3 => parts.push(text),
        _ => parts.extend(starts.windows(3).map(|pair| &text[pair[0]..pair[2]])),
    }
}

/// Whether words are not told apart by spaces in this script.
pub fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}' // Japanese
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3134F}' // Chinese
        | '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' // Korean
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_letters_and_digits() {
        assert_eq!(
            runs("4.5 km²—the star_map").collect::<Vec<_>>(),
            ["4", "5", "km²", "the", "star", "map"]
        );
        assert_eq!(letters("Søren's 2nd_Tower!"), "sørens2ndtower");
    }

    #[test]
    fn words_are_found_in_each_script() {
        let words = |text| split(text).collect::<Vec<_>>();
        assert_eq!(words("The 2nd tower, 30 m"), ["The", "2nd", "tower", "30", "m"]);
        assert_eq!(words("次の会議は6月"), ["次の", "の会", "会議", "議は", "6", "月"]);
        assert_eq!(words("회의는 부산에서"), ["회의", "의는", "부산", "산에", "에서"]);
        assert!(words("图书馆").contains(&"书馆"));
        assert!(words("").is_empty());
    }
}
