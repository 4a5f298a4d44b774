//! Quantities as sentences have them – `1,284 m`, `3.2 km`, `4 May 1891`, `twelve years` – in units in
//! which two of them can be compared.

use text::{calendar, numerals};

/// A number that can be held against another of its dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) dimension: Dimension,
    /// In the dimension's first unit of [`UNITS`]; of a date, its year and the part of it gone by.
    pub(crate) value: f64,
    /// As it stands there, with its unit.
    pub(crate) written: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    Length,
    Area,
    Volume,
    Mass,
    Duration,
    Speed,
    Power,
    Share,
    Date,
    /// A number of things, or one whose unit is not known here.
    Count,
}

use Dimension::{Area, Count, Date, Duration, Length, Mass, Power, Share, Speed, Volume};

/// How units are written, and what one of them is in the first of its dimension.
const UNITS: [(Dimension, f64, &[&str]); 32] = [
    (Length, 1.0, &["m", "metre", "metres", "meter", "meters", "mètres", "metros", "metri"]),
    (Length, 1000.0, &["km", "kilometre", "kilometres", "kilometer", "kilometers", "chilometri"]),
    (Length, 0.01, &["cm", "centimetre", "centimetres", "centimeter", "centimeters", "zentimeter"]),
    (Length, 0.001, &["mm", "millimetre", "millimetres", "millimeter", "millimeters"]),
    (Length, 0.3048, &["ft", "foot", "feet"]),
    (Length, 1609.344, &["mi", "mile", "miles"]),
    (Length, 1852.0, &["nmi"]),
    (Length, 0.9144, &["yd", "yard", "yards"]),
    (Length, 0.0254, &["inch", "inches"]),
    (Area, 1.0, &["m²", "m2", "sqm"]),
    (Area, 1e6, &["km²", "km2"]),
    (Area, 1e4, &["ha", "hectare", "hectares", "hektar"]),
    (Area, 4046.856, &["acre", "acres"]),
    (Volume, 1.0, &["l", "litre", "litres", "liter", "liters"]),
    (Volume, 100.0, &["hl", "hectolitre", "hectolitres", "hectoliter", "hectoliters"]),
    (Volume, 1000.0, &["m³", "m3"]),
    (Mass, 1.0, &["kg", "kilogram", "kilograms", "kilogramme", "kilogrammes", "kilogramm"]),
    (Mass, 0.001, &["g", "gram", "grams", "gramm"]),
    (Mass, 1000.0, &["t", "ton", "tons", "tonne", "tonnes", "tonnen"]),
    (Mass, 0.45359237, &["lb", "lbs", "pound", "pounds"]),
    (Duration, 1.0, &["s", "second", "seconds", "sekunden"]),
    (Duration, 60.0, &["min", "minute", "minutes", "minuten"]),
    (Duration, 3600.0, &["h", "hour", "hours", "stunden", "heures", "horas", "ore"]),
    (Duration, 86_400.0, &["day", "days", "tage", "tagen", "jours", "días", "dias", "giorni"]),
    (Duration, 604_800.0, &["week", "weeks", "wochen", "semaines"]),
    (Duration, 2_629_746.0, &["month", "months", "monate", "monaten", "mois"]),
    (Duration, 31_556_952.0, &["year", "years", "jahre", "jahren", "ans", "años", "anos", "anni"]),
    (Speed, 1.0, &["km/h", "kmh", "kph"]),
    (Speed, 1.609344, &["mph"]),
    (Power, 1.0, &["kw", "kilowatt", "kilowatts"]),
    (Power, 1000.0, &["mw", "megawatt", "megawatts"]),
    (Share, 1.0, &["%", "percent", "per-cent", "prozent"]),
];

/// What multiplies a number and stands before its unit.
const FACTORS: [(f64, &[&str]); 3] = [
    (1e3, &["thousand", "tausend", "mille", "mil"]),
    (1e6, &["million", "millions", "millionen", "milioni", "millones", "milhões"]),
    (1e9, &["billion", "billions", "milliarden", "milliards", "miliardi"]),
];

/// All quantities of a text, in its order. `point` is what parts decimals where nothing else tells:
/// `.` in English, `,` in other languages.
pub(crate) fn quantities(text: &str, point: u8) -> Vec<Quantity> {
    let words: Vec<&str> = text.split_whitespace().flat_map(parted).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match date(&words[at..]).or_else(|| quantity(&words[at..], point)) {
            Some((quantity, taken)) => {
                found.push(quantity);
                at += taken;
            }
            None => at += 1,
        }
    }
    found
}

/// `1,284m` and `12-year` as a number and its unit.
fn parted(word: &str) -> Vec<&str> {
    let word = word.trim_matches(|c: char| "()[]\"“”'‘’;:!?~≈*".contains(c));
    let digits = word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len());
    let end = word[digits..]
        .find(|c: char| !c.is_ascii_digit() && !['.', ','].contains(&c))
        .map_or(word.len(), |end| digits + end);
    match digits == 0 && end < word.len() && iso(bare(word)).is_none() {
        true => vec![&word[..end], word[end..].trim_start_matches(['-', '\u{2011}', '\u{2013}'])],
        false => vec![word],
    }
}

fn bare(word: &str) -> &str {
    word.trim_end_matches(['.', ',', ';'])
}

/// A number with what multiplies it and its unit, and how many words that takes.
fn quantity(words: &[&str], point: u8) -> Option<(Quantity, usize)> {
    let (mut value, mut taken) = (number(words.first()?, point)?, 1);
    let spelled = !bare(words[0]).starts_with(|c: char| c.is_ascii_digit());
    let ended = words[0].ends_with([',', ';']);
    let word = |at: usize| (!ended).then(|| words.get(at).map(|word| bare(word).to_lowercase()));
    // `12 345` in two words.
    while let Some(group) = words.get(taken).filter(|_| !ended && taken < 3)
        && bare(words[0]).len() <= 3
        && bare(group).len() == 3
        && bare(group).bytes().all(|b| b.is_ascii_digit())
        && !spelled
    {
        value = value * 1000.0 + number(group, point)?;
        taken += 1;
    }
    let factor = word(taken).flatten().and_then(|word| {
        FACTORS.iter().find(|(_, names)| names.contains(&&*word)).map(|(factor, _)| *factor)
    });
    if let Some(factor) = factor {
        value *= factor;
        taken += 1;
    }
    let square = word(taken).flatten().is_some_and(|word| ["square", "sq"].contains(&&*word));
    let unit = word(taken + usize::from(square)).flatten().and_then(|word| unit(&word, square));
    let (dimension, one) = match unit {
        Some((dimension, one)) => {
            taken += 1 + usize::from(square);
            (dimension, one)
        }
        // A word for a small number is often none: "one of the bridges".
        None if spelled && factor.is_none() => return None,
        None if factor.is_none() && is_year(words[0]) => (Date, 1.0),
        None => (Count, 1.0),
    };
    let written = words[..taken].join(" ");
    Some((Quantity { dimension, value: value * one, written: bare(&written).to_string() }, taken))
}

fn unit(word: &str, square: bool) -> Option<(Dimension, f64)> {
    let known = UNITS.iter().find(|(_, _, names)| names.contains(&word));
    let (dimension, one) = known.map(|(dimension, one, _)| (*dimension, *one))?;
    match square {
        true => (dimension == Length).then_some((Area, one * one)),
        false => Some((dimension, one)),
    }
}

fn number(word: &str, point: u8) -> Option<f64> {
    let word = bare(word);
    if let Some(small) = numerals::small(word) {
        return Some(f64::from(small));
    }
    let plain = word.trim_start_matches('-');
    if !plain.starts_with(|c: char| c.is_ascii_digit())
        || !plain.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',')
    {
        return None;
    }
    // The mark that stands last parts the decimals; one alone before three digits may part groups.
    let last = plain.rfind(['.', ',']);
    let decimal = last.filter(|at| {
        let after = plain.len() - at - 1;
        let mark = plain.as_bytes()[*at];
        let others = plain[..*at].bytes().filter(|b| b".,".contains(b));
        let same = others.clone().any(|b| b == mark);
        !same && (after != 3 || others.count() > 0 || mark == point || plain.starts_with('0'))
    });
    let digits = |text: &str| text.replace(['.', ','], "");
    let value = match decimal {
        Some(at) => format!("{}.{}", digits(&plain[..at]), &plain[at + 1..]),
        None => digits(plain),
    };
    value.parse().ok()
}

fn is_year(word: &str) -> bool {
    let word = bare(word);
    word.len() == 4 && word.parse().is_ok_and(|year: u32| (1000..=2100).contains(&year))
}

/// `4 May 1891`, `May 4, 1891`, `May 1891`, `1891-05-04`, and how many words that takes.
fn date(words: &[&str]) -> Option<(Quantity, usize)> {
    let word = |at: usize| words.get(at).map(|word| bare(word));
    let day = |at: usize| {
        let word = word(at)?.trim_end_matches(['s', 't', 'n', 'd', 'r', 'h']);
        word.parse::<u32>().ok().filter(|day| (1..=31).contains(day))
    };
    let month = |at: usize| calendar::month(word(at)?);
    let year = |at: usize| word(at).filter(|word| is_year(word))?.parse::<u32>().ok();
    let (year, month, day, taken) = if let Some(parts) = iso(word(0)?) {
        (parts.0, parts.1, parts.2, 1)
    } else if let (Some(month), Some(year)) = (month(0), year(1)) {
        (year, month, 1, 2)
    } else if let (Some(day), Some(month), Some(year)) = (day(0), month(1), year(2)) {
        (year, month, day, 3)
    } else {
        let (month, day, year) = (month(0)?, day(1)?, year(2)?);
        (year, month, day, 3)
    };
    let value = f64::from(year) + (f64::from(month - 1) * 31.0 + f64::from(day - 1)) / 372.0;
    let written = words[..taken].join(" ");
    Some((Quantity { dimension: Date, value, written: bare(&written).to_string() }, taken))
}

fn iso(word: &str) -> Option<(u32, u32, u32)> {
    let mut parts = word.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    ((1000..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day))
        .then_some((year, month, day))
}

/// A value in the unit of a quantity that is written.
pub(crate) fn written_as(value: f64, like: &Quantity) -> String {
    let unit = like.written.split_whitespace().last().filter(|_| like.dimension != Date);
    let known = unit.and_then(unit_of);
    let (value, unit) = match known {
        Some(one) => (value / one, unit),
        None => (value, None),
    };
    let rounded = (value * 1000.0).round() / 1000.0;
    match unit {
        Some("%") => format!("{rounded}%"),
        Some(unit) => format!("{rounded} {unit}"),
        None => rounded.to_string(),
    }
}

fn unit_of(word: &str) -> Option<f64> {
    unit(&word.to_lowercase(), false).map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Dimension, f64, String)> {
        let found = quantities(text, b'.').into_iter();
        found.map(|q| (q.dimension, (q.value * 1e6).round() / 1e6, q.written)).collect()
    }

    #[test]
    fn quantities_are_read() {
        for (text, dimension, value, written) in [
            ("It is 1,284 m high.", Length, 1284.0, "1,284 m"),
            ("It is 1.284 metres high", Length, 1.284, "1.284 metres"),
            ("3.2 km long", Length, 3200.0, "3.2 km"),
            ("some 12 345 km²,", Area, 12_345e6, "12 345 km²"),
            ("14 square kilometres", Area, 14e6, "14 square kilometres"),
            ("after twelve years.", Duration, 12.0 * 31_556_952.0, "twelve years"),
            ("a 12-year wait", Duration, 12.0 * 31_556_952.0, "12 year"),
            ("2.5 million people", Count, 2.5e6, "2.5 million"),
            ("it seats 1284.", Date, 1284.0, "1284"),
            ("it seats 11,284 people", Count, 11_284.0, "11,284"),
            ("in 1891,", Date, 1891.0, "1891"),
            ("on 1 January 1891.", Date, 1891.0, "1 January 1891"),
            ("January 1, 1891", Date, 1891.0, "January 1, 1891"),
            ("since 1891-01-01", Date, 1891.0, "1891-01-01"),
            ("at 40% of", Share, 40.0, "40 %"),
            ("12,5 Prozent", Share, 12.5, "12,5 Prozent"),
        ] {
            assert_eq!(read(text), [(dimension, value, written.to_string())], "{text}");
        }
        assert_eq!(quantities("1.284 m, 0,5 m", b',').iter().map(|q| q.value).sum::<f64>(), 1284.5);
        assert!(read("one of the bridges").is_empty());
        assert_eq!(read("Built in 1891, it is 61 m long and 4 m wide.").len(), 3);
    }

    #[test]
    fn a_difference_has_the_unit_of_what_it_comes_from() {
        let [long, short] = &quantities("3.2 km and 900 m", b'.')[..] else { panic!() };
        assert_eq!(written_as(long.value - short.value, long), "2.3 km");
        let [late, early] = &quantities("1904 and 1891", b'.')[..] else { panic!() };
        assert_eq!(written_as(late.value - early.value, late), "13");
        let [more, less] = &quantities("40 % and 12,5 %", b'.')[..] else { panic!() };
        assert_eq!(written_as(more.value - less.value, more), "27.5%");
    }
}
