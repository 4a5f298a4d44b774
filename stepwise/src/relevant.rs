//! Results that are too long for a small model, as the parts that matter: the beginning, and what
//! shares the rarest words with the task.

use text::rank;

/// Characters of a part, roughly.
const PART: usize = 320;
/// Stands where parts were left out.
const GAP: &str = "[…]";

/// At most about `most` characters of a text: its first part, and those that fit `question` best,
/// in their order. Where no part fits, the beginning.
pub(super) fn relevant(text: &str, question: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_string();
    }
    let parts = parts(text);
    let scores = rank::score(question, parts.iter().copied());
    let mut order: Vec<usize> = (1..parts.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let size = |part: usize| parts[part].chars().count() + 4;
    let mut kept = vec![0];
    let mut room = most.saturating_sub(size(0));
    for part in order {
        if size(part) <= room {
            room -= size(part);
            kept.push(part);
        }
    }
    kept.sort_unstable();
    let mut shown = String::new();
    let mut next = 0;
    for part in kept {
        if part > next {
            shown += GAP;
            shown.push('\n');
        }
        shown += parts[part].trim_end_matches('\n');
        shown.push('\n');
        next = part + 1;
    }
    if next < parts.len() {
        shown += GAP;
    }
    shown.trim_end().to_string()
}

/// A text in parts: whole lines where they are short, else cut where a sentence or a value ends.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = &text[from..];
        let end = match rest.char_indices().nth(PART) {
            None => rest.len(),
            Some((most, _)) => {
                let head = &rest[..most];
                let ends = [("\n", 1), (". ", 2), ("}, ", 3), ("},", 2), (", ", 2), (" ", 1)];
                let cut = ends.iter().find_map(|(end, length)| {
                    head.rfind(end).filter(|at| *at > 0).map(|at| at + length)
                });
                cut.unwrap_or(most)
            }
        };
        parts.push(&rest[..end]);
        from += end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_whole() {
        assert_eq!(relevant("a\nb", "b", 10), "a\nb");
    }

    #[test]
    fn what_fits_the_question_is_kept() {
        let lines: Vec<String> = (0..400).map(|n| format!("line {n} of the long report")).collect();
        let mut text = lines.join("\n");
        text.insert_str(text.len() / 2, "\nThe heron nests at Lagos.\n");
        let shown = relevant(&text, "Where does the heron nest?", 1000);
        assert!(shown.contains("nests at Lagos") && shown.starts_with("line 0 "), "{shown}");
        assert!(shown.contains(GAP) && shown.chars().count() <= 1000, "{shown}");
    }

    #[test]
    fn one_long_line_has_parts() {
        let items: Vec<String> = (0..300).map(|n| format!("{{\"id\":{n},\"no\":\"x\"}}")).collect();
        let text = format!("[{},{{\"heron\":7}}]", items.join(","));
        assert!(relevant(&text, "the heron", 900).contains("{\"heron\":7}"));
        assert_eq!(parts(&text).concat(), text);
        let letters = "ä".repeat(2000);
        assert_eq!(parts(&letters).concat(), letters);
    }
}
