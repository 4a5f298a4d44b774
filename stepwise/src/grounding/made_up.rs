//! What a model writes into a call and nothing says: numbers, addresses, names left to be filled in.

use serde_json::{Map, Value};

use super::Evidence;
use super::numbers::written;
use text::calendar;

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

/// Whether these arguments say what was once found to be made up: a number, an address, a blank.
pub(in super::super) fn says(arguments: &Value, found: &str) -> bool {
    let arguments = arguments.to_string();
    made_up_in(found, &Evidence::of([], [arguments.as_str()].into_iter())).is_none()
}

/// Whether the arguments of one of several calls stand on what the evidence says: a text of theirs, or where
/// they have none each of their numbers. Numbers that are no digits there are not told from others.
pub(in super::super) fn stands_on(arguments: &Value, evidence: &Evidence) -> bool {
    let fields = || arguments.as_object().into_iter().flat_map(Map::values);
    let mut texts = fields().filter_map(Value::as_str).peekable();
    match texts.peek() {
        Some(_) => texts.any(|text| evidence.text(text)),
        None => {
            evidence.numbers.is_empty()
                || fields().filter_map(Value::as_f64).all(|number| evidence.number(number))
        }
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
    let lines = lines.map(|line| without_dates(line, evidence));
    lines.flat_map(|line| written(&line)).find(|written| !evidence.says(written))
}

/// A line without its dates and times that the evidence says in another way: `2031-03-04` as the 4th of March
/// 2031, `15:00` as 3 pm.
fn without_dates(line: &str, evidence: &Evidence) -> String {
    let rest = |word: &'_ str| {
        let after = after_date(word, evidence).unwrap_or(word);
        let time = if after.len() < word.len() { after.trim_start_matches('T') } else { after };
        after_time(time, evidence).unwrap_or(after).to_string()
    };
    line.split_inclusive(char::is_whitespace).map(rest).collect()
}

/// What follows a date whose year and day the evidence has, and its month by its number or its name: written
/// `2031-03-04`, `4.3.2031` or with any other marks and order.
fn after_date<'a>(word: &'a str, evidence: &Evidence) -> Option<&'a str> {
    let in_date = |c: char| c.is_ascii_digit() || ['-', '/', '.'].contains(&c);
    let end = word.find(|c| !in_date(c)).unwrap_or(word.len());
    let (written, rest) = word.split_at(end);
    let parts = written.trim_end_matches('.').split(['-', '/', '.']);
    let parts: Vec<u32> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (year, first, second) = match *parts.as_slice() {
        [year, month, day] if year > 999 => (year, day, month),
        [day, month, year] if year > 999 => (year, day, month),
        _ => return None,
    };
    let has = |number: u32| evidence.number(f64::from(number));
    let names = |month: u32, text: &String| {
        text.split(|c: char| !c.is_alphabetic()).any(|word| calendar::month(word) == Some(month))
    };
    let is_month = |month: u32| has(month) || evidence.texts.iter().any(|text| names(month, text));
    let said = has(first) && is_month(second) || has(second) && is_month(first);
    (said && has(year)).then_some(rest)
}

/// What follows a time whose hour the evidence has, also as one of the afternoon, and whose minutes and
/// seconds are none or stand there too.
fn after_time<'a>(word: &'a str, evidence: &Evidence) -> Option<&'a str> {
    let (hour, rest) = word.split_once(':')?;
    let two = |text: &str| text.get(..2)?.parse::<u32>().ok();
    let (hour, minute) = (hour.parse::<u32>().ok()?, two(rest)?);
    let has = |number: u32| evidence.number(f64::from(number));
    let afternoon = |text: &String| {
        let text = text.to_lowercase().replace(['.', ' '], "");
        text.contains(&format!("{}pm", hour - 12)) || text.contains(&format!("{:02}pm", minute))
    };
    let hour = has(hour) || hour > 12 && evidence.texts.iter().any(afternoon);
    let rest = rest.get(2..)?;
    let seconds = rest.strip_prefix(":00").unwrap_or(rest);
    (hour && (minute == 0 || has(minute))).then_some(seconds)
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
    fn one_of_several_calls_stands_on_the_task() {
        let evidence = |task: &'static str| Evidence::of([task], std::iter::empty());
        let pairs = evidence("The hypotenuse for 3 and 4, and for 5 and 12?");
        assert!(stands_on(&json!({"a": 5, "b": 12}), &pairs));
        assert!(!stands_on(&json!({"a": 13, "b": 5}), &pairs));
        assert!(!stands_on(&json!({"a": 10, "b": 6}), &pairs));
        let order = evidence("Order two boxes of chalk and a sponge.");
        assert!(stands_on(&json!({"article": "sponge", "count": 1}), &order));
        assert!(!stands_on(&json!({"article": "ladder", "count": 1}), &order));
        assert!(stands_on(&json!({"count": 2}), &order));
    }

    #[test]
    fn a_number_is_said_as_a_number() {
        assert!(says(&json!({"pitch": 14, "text": "until Friday"}), "14"));
        assert!(!says(&json!({"pitch": 214}), "14"));
        assert!(says(&json!({"to": "ana@example.org"}), "ana@example.org"));
        assert!(!says(&json!({"to": "rui@example.org"}), "ana@example.org"));
    }

    #[test]
    fn a_time_may_be_one_of_the_afternoon() {
        let found = |task: &str, time: &str| {
            made_up(&json!(time), &Evidence::of([task], std::iter::empty()))
        };
        for task in ["Book the hall at 3 pm.", "Book the hall at 3pm", "Book it for 3 P.M."] {
            assert_eq!(found(task, "15:00"), None, "{task}");
        }
        assert_eq!(found("Book the hall at 4:30 pm.", "16:30"), None);
        assert_eq!(found("Book the hall at 9.", "09:00"), None);
        assert_eq!(found("Book the hall at 3.", "15:00").as_deref(), Some("15"));
        assert_eq!(found("Book the hall at 3 pm.", "16:00").as_deref(), Some("16"));
    }

    #[test]
    fn what_a_change_makes_up_is_found() {
        let task = "Write to ana@example.org that bus 27 leaves at 9:15.";
        let evidence = Evidence::of([task], [INVOICE].into_iter());
        let found = |arguments: Value| made_up(&arguments, &evidence);
        for fine in [
            json!({"to": "ana@example.org", "text": "Bus 27 leaves at 9:15.\n\n1. Bus\n2. 1234.50 EUR"}),
            json!({"text": "- [x] done, see [the page](out.md)", "count": 7}),
            json!({"day": "2031-03-03"}),
            json!({"day": ["2031-3-3", "03/03/2031", "3.3.2031", "Paid on 3.3.2031."]}),
            json!({"text": "Paid on 2031-03-03, at 9:15."}),
            json!({"at": "2031-03-03T09:15:00", "until": "27:00"}),
        ] {
            assert_eq!(found(fine), None);
        }
        for (arguments, made_up) in [
            (json!({"to": "customer@example.com"}), "customer@example.com"),
            (json!({"text": "Dear Ana,\n\n[Your Name]"}), "[Your Name]"),
            (json!({"text": ["It leaves at 9:40."]}), "40"),
            (json!({"day": "2031-04-03"}), "04"),
            (json!({"day": "2032-03-03"}), "2032"),
            (json!({"text": "See https://bus.example/27."}), "https://bus.example/27"),
        ] {
            assert_eq!(found(arguments).as_deref(), Some(made_up));
        }
    }
}
