//! Long pages are given in parts that end where a paragraph does.

/// About 2,500 tokens.
const SIZE: usize = 10_000;

/// Part `wanted` of a text, from 1, and how many there are.
pub(crate) fn part(text: &str, wanted: u32) -> Option<(&str, u32)> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while rest.len() > SIZE {
        let mut end = SIZE;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let head = &rest[..end];
        // Not so early that a part is nearly empty.
        let cut = ["\n\n", "\n", " "]
            .iter()
            .find_map(|gap| head.rfind(gap).filter(|at| *at > SIZE / 2))
            .unwrap_or(end);
        parts.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start_matches('\n');
    }
    parts.push(rest);
    let part = parts.get((wanted as usize).checked_sub(1)?)?;
    Some((part, parts.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let text: String = (0..2_000).map(|n| format!("paragraph ünumber {n}\n\n")).collect();
        let Some((_, count)) = part(&text, 1) else { panic!() };
        assert!(count > 3);
        let all: Vec<&str> =
            (1..=count).filter_map(|n| part(&text, n).map(|(text, _)| text)).collect();
        assert!(all.iter().all(|part| part.len() <= SIZE));
        assert_eq!(all.join("\n\n"), text.trim());
        assert_eq!(part(&text, count + 1), None);
        assert_eq!(part("", 1), Some(("", 1)));
        assert!(part(&"é".repeat(SIZE), 2).is_some());
    }
}
