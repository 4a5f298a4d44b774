//! JSON laid out over lines, so that it can be read and given in parts. Its letters stay what they
//! are: numbers are not read as numbers, which would change them.

use serde::de::IgnoredAny;

/// Valid JSON with an indent of two; what is no JSON, or stands on lines already, as it is.
pub(crate) fn laid_out(text: &str) -> String {
    let text = text.trim().trim_start_matches('\u{feff}');
    if text.contains('\n') || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                out.push(letter);
                string(&mut letters, &mut out);
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(|next| next.is_whitespace()).is_some() {}
                if let Some(close) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_whitespace() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// The rest of a string, with the quote that ends it.
fn string(letters: &mut impl Iterator<Item = char>, out: &mut String) {
    while let Some(letter) = letters.next() {
        out.push(letter);
        match letter {
            '"' => return,
            '\\' => out.extend(letters.next()),
            _ => {}
        }
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_otherwise_unchanged() {
        let text = r#"{"a":[1,2.50,1e400],"b":{},"c":"x\"{,:","d":[ ],"n":123456789012345678901}"#;
        let expected = "{\n  \"a\": [\n    1,\n    2.50,\n    1e400\n  ],\n  \"b\": {},\n  \"c\": \
                        \"x\\\"{,:\",\n  \"d\": [],\n  \"n\": 123456789012345678901\n}";
        assert_eq!(laid_out(text), expected);
        let (a, b) = (text.replace("1e400", "1"), expected.replace("1e400", "1"));
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        assert_eq!(read(&a), read(&b));
    }

    #[test]
    fn what_is_no_json_stays() {
        for text in ["{\"a\":", "not json", "{\"a\":1}\n{\"a\":2}", "{\n \"a\": 1\n}"] {
            assert_eq!(laid_out(text), text);
        }
        let deep = "[".repeat(100_000);
        assert_eq!(laid_out(&deep), deep);
        assert_eq!(laid_out("\u{feff}[1]"), "[\n  1\n]");
    }
}
