//! What a model writes into a call and nothing says: numbers, addresses, names left to be filled in.

use serde_json::Value;

use super::Evidence;
use super::numbers::written;

/// Up to this, a whole number in the arguments of a call may be a choice and no fact.
const COUNT: f64 = 12.0;

/// Something in the arguments of a call that is not the model's to make up – a number, an address,
/// a name to be filled in – and that the evidence does not have. Small counts are its own.
pub(in super::super) fn made_up(arguments: &Value, evidence: &Evidence) -> Option<String> {
    match arguments {
        Value::String(text) => made_up_in(text, evidence),
        Value::Array(items) => items.iter().find_map(|item| made_up(item, evidence)),
        Value::Object(fields) => fields.values().find_map(|value| made_up(value, evidence)),
        Value::Number(number) => {
            let value = number.as_f64()?;
            let small = value.fract() == 0.0 && (0.0..=COUNT).contains(&value);
            (!small && !evidence.number(value)).then(|| number.to_string())
        }
        Value::Null | Value::Bool(_) => None,
    }
}

fn made_up_in(text: &str, evidence: &Evidence) -> Option<String> {
    let held = |part: &str| {
        let part = part.to_lowercase();
        evidence.texts.iter().any(|text| text.to_lowercase().contains(&part))
    };
    if let Some(blank) = blanks(text).find(|blank| !held(blank)) {
        return Some(blank.to_string());
    }
    let addresses = text.split(|c: char| c.is_whitespace() || "<>()[]\"'`,;*".contains(c));
    let mut addresses = addresses
        .map(|part| part.trim_end_matches(['.', ':', '!', '?', '_']).trim_start_matches('_'))
        .map(|part| part.strip_prefix("mailto:").unwrap_or(part));
    let address = |part: &&str| {
        part.contains("://") || part.split_once('@').is_some_and(|(_, host)| host.contains('.'))
    };
    if let Some(address) = addresses.find(|part| address(part) && !held(part)) {
        return Some(address.to_string());
    }
    let lines = text.lines().map(without_its_number);
    lines.flat_map(written).find(|written| !evidence.says(written))
}

/// What is left to be filled in: `[Your name]`, but no link and no box to tick.
fn blanks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('[').filter_map(|(at, _)| {
        let end = at + text[at..].find(']')?;
        let inside = &text[at + 1..end];
        let words = inside.chars().all(|c| c.is_alphabetic() || c == ' ' || c == '\'');
        let long = inside.chars().count() > 2 && inside.starts_with(char::is_uppercase);
        let link = text[end + 1..].starts_with('(');
        (words && long && !link).then(|| &text[at..=end])
    })
}

/// A line of a list without the number that it begins with.
fn without_its_number(line: &str) -> &str {
    let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(['.', ')']) {
        Some(rest) if rest.starts_with(' ') => rest,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INVOICE: &str = "Date: 3 March 2031\nTotal: 1.234,50 EUR\n";

    #[test]
    fn what_a_change_makes_up_is_found() {
        let task = "Write to ana@example.org that bus 27 leaves at 9:15.";
        let evidence = Evidence::of([task], [INVOICE].into_iter());
        let found = |arguments: Value| made_up(&arguments, &evidence);
        for fine in [
            json!({"to": "ana@example.org", "text": "Bus 27 leaves at 9:15.\n\n1. Bus\n2. 1234.50 EUR"}),
            json!({"text": "- [x] done, see [the page](out.md)", "count": 7}),
        ] {
            assert_eq!(found(fine), None);
        }
        for (arguments, made_up) in [
            (json!({"to": "customer@example.com"}), "customer@example.com"),
            (json!({"text": "Dear Ana,\n\n[Your Name]"}), "[Your Name]"),
            (json!({"text": ["It leaves at 9:40."]}), "40"),
            (json!({"text": "See https://bus.example/27."}), "https://bus.example/27"),
        ] {
            assert_eq!(found(arguments).as_deref(), Some(made_up));
        }
    }
}
