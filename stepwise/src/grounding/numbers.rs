//! Numbers as texts have them: with commas, points and spaces, in dates, in columns.

use serde_json::{Value, json};

/// A number as JSON writes it: without a point where it has none.
pub(super) fn whole(number: f64) -> Option<Value> {
    match number.fract() == 0.0 && number.abs() < 1e15 {
        true => Some(json!(number as i64)),
        false => serde_json::Number::from_f64(number).map(Value::Number),
    }
}

/// The year and the day of a date.
pub(super) fn date(text: &str) -> Option<(f64, f64)> {
    let (year, rest) = text.trim().split_at_checked(4)?;
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    let day = day.get(..2)?;
    let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    (two(month) && two(day)).then_some((year.parse().ok()?, day.parse().ok()?))
}

/// How far two numbers may lie apart: half of the last place that is written.
pub(super) fn slack(wanted: f64) -> f64 {
    let text = format!("{wanted}");
    let places = text.split_once('.').map_or(0, |(_, places)| places.len().min(12));
    match places {
        0 => 1e-6,
        places => 0.5 * 10f64.powi(-(places as i32)) + 1e-9,
    }
}

/// Every number in a text, in each way that its commas and points can be read, and their parts.
pub(super) fn numbers(text: &str) -> Vec<f64> {
    written(text)
        .iter()
        .flat_map(|number| readings(number).into_iter().chain(parts(number)))
        .collect()
}

/// Every run of digits in a text, as a number: also the day and the month of a date.
pub(in super::super) fn integers(text: &str) -> Vec<u64> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter_map(|digits| digits.parse().ok()).collect()
}

/// Every number in a text as it stands there, with its sign.
pub(super) fn written(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        if !letters[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let inside = |at: usize| {
            let next = letters.get(at + 1).is_some_and(char::is_ascii_digit);
            let spaced = [' ', '\u{a0}', '\u{202f}', '\'', '\u{2019}'].contains(&letters[at])
                && (1..=3).all(|n| letters.get(at + n).is_some_and(char::is_ascii_digit))
                && !letters.get(at + 4).is_some_and(char::is_ascii_digit);
            letters[at].is_ascii_digit() || (['.', ','].contains(&letters[at]) && next) || spaced
        };
        while at < letters.len() && inside(at) {
            at += 1;
        }
        let negative = start > 0 && letters[start - 1] == '-' && {
            start == 1 || !letters[start - 2].is_alphanumeric()
        };
        found.push(letters[if negative { start - 1 } else { start }..at].iter().collect());
    }
    found
}

/// What digits with commas, points and spaces can mean: `1.234,5` is one thing, `1,234` two.
pub(super) fn readings(written: &str) -> Vec<f64> {
    let (sign, written) = written.strip_prefix('-').map_or((1.0, written), |rest| (-1.0, rest));
    let mut found: Vec<f64> = Vec::new();
    for decimal in ['.', ','] {
        let (whole, part) = written.split_once(decimal).unwrap_or((written, ""));
        if let Some(whole) = ungrouped(whole)
            && part.bytes().all(|b| b.is_ascii_digit())
            && let Ok(number) = format!("{whole}.{part}").parse::<f64>()
            && !found.contains(&(sign * number))
        {
            found.push(sign * number);
        }
    }
    found
}

/// Digits without what parts their groups, where those are of three, or two before the last three.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split(|c: char| !c.is_ascii_digit());
    let mut digits = groups.next()?.to_string();
    let groups: Vec<&str> = groups.collect();
    let (last, inner) =
        groups.split_last().map_or((None, groups.as_slice()), |(l, i)| (Some(l), i));
    let grouped = last.is_none_or(|last| last.len() == 3)
        && inner.iter().all(|group| [2, 3].contains(&group.len()));
    digits.extend(groups.iter().copied());
    grouped.then_some(digits)
}

/// The parts of a list, a date or a version; none where it has but one.
pub(super) fn parts(written: &str) -> impl Iterator<Item = f64> {
    let parts: Vec<&str> = written.split(|c: char| !c.is_ascii_digit()).collect();
    let most = if parts.len() > 1 { parts.len() } else { 0 };
    parts.into_iter().take(most).filter_map(|part| part.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_each_way_that_its_marks_allow() {
        let cases: [(&str, &[f64]); 11] = [
            ("12.5", &[12.5]),
            ("12,50", &[12.5]),
            ("1,234", &[1234.0, 1.234]),
            ("1.234,5", &[1234.5]),
            ("1,234.5", &[1234.5]),
            ("12,34,567", &[1_234_567.0]),
            ("1 234", &[1234.0]),
            ("-3.25", &[-3.25]),
            ("7", &[7.0]),
            ("3.4.2031", &[]),
            ("1.2.3", &[]),
        ];
        for (written, read) in cases {
            assert_eq!(readings(written), read, "{written}");
        }
    }
}
