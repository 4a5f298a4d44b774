//! Days as people write them, and as SQL compares them: `2024-12-31`.

/// How a column's days are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `2024-12-31`, also with a time.
    Iso,
    /// `2024/12/31`.
    YearFirst,
    /// `31.12.2024`.
    Points,
    /// `31/12/2024`.
    DayFirst,
    /// `12/31/2024`.
    MonthFirst,
    /// `31 December 2024`, `Dec 31, 2024`.
    Named,
}

pub(crate) const FORMS: [Form; 6] =
    [Form::Iso, Form::YearFirst, Form::Points, Form::DayFirst, Form::MonthFirst, Form::Named];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Form {
    /// The day, and its time where there is one, as SQLite's functions take it.
    pub(crate) fn read(self, cell: &str) -> Option<String> {
        let cell = cell.trim();
        let (day, time) = match self {
            Form::Named => (cell, None),
            _ => match cell.split_once(['T', ' ']) {
                Some((day, time)) => (day, Some(time.trim())),
                None => (cell, None),
            },
        };
        let (year, month, day) = match self {
            Form::Iso => parts(day, '-', 0, 1, 2),
            Form::YearFirst => parts(day, '/', 0, 1, 2),
            Form::Points => parts(day, '.', 2, 1, 0),
            Form::DayFirst => parts(day, '/', 2, 1, 0),
            Form::MonthFirst => parts(day, '/', 2, 0, 1),
            Form::Named => named(day),
        }?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=last).contains(&day) || year < 1000 {
            return None;
        }
        match time {
            None => Some(format!("{year:04}-{month:02}-{day:02}")),
            Some(time) if clock(time) => Some(format!("{year:04}-{month:02}-{day:02} {time}")),
            Some(_) => None,
        }
    }
}

fn parts(text: &str, mark: char, year: usize, month: usize, day: usize) -> Option<(u32, u32, u32)> {
    let parts: Vec<&str> = text.split(mark).collect();
    let [_, _, _] = parts[..] else { return None };
    let number = |at: usize, most: usize| {
        let part = parts[at];
        let fits = !part.is_empty() && part.len() <= most;
        (fits && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
    };
    (parts[year].len() == 4).then_some(())?;
    Some((number(year, 4)?, number(month, 2)?, number(day, 2)?))
}

fn named(text: &str) -> Option<(u32, u32, u32)> {
    let words: Vec<&str> =
        text.split([' ', ',', '-', '.']).filter(|word| !word.is_empty()).collect();
    let [one, two, year] = words[..] else { return None };
    let (month, day) =
        if one.starts_with(|c: char| c.is_ascii_digit()) { (two, one) } else { (one, two) };
    let month = month.to_lowercase();
    let short = month.get(..3)?;
    let number = MONTHS.iter().position(|name| *name == short)?;
    let day = day.trim_end_matches("st").trim_end_matches("nd");
    let day = day.trim_end_matches("rd").trim_end_matches("th");
    (year.len() == 4 && day.len() <= 2).then_some(())?;
    Some((year.parse().ok()?, number as u32 + 1, day.parse().ok()?))
}

/// `14:05`, `14:05:09.25`, with a zone or not.
fn clock(text: &str) -> bool {
    let bare = text.trim_end_matches('Z');
    let bare = bare.rfind(['+', '-']).map_or(bare, |at| bare[..at].trim_end());
    let parts: Vec<&str> = bare.split(':').collect();
    let two = |part: &str, most: u32| {
        part.len() == 2 && part.parse::<u32>().is_ok_and(|number| number <= most)
    };
    match parts[..] {
        [hour, minute] => two(hour, 24) && two(minute, 59),
        [hour, minute, second] => {
            let whole = second.split('.').next().unwrap_or_default();
            two(hour, 24) && two(minute, 59) && two(whole, 60)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, expected: &[(Form, &str)]) {
        let read: Vec<(Form, String)> =
            FORMS.into_iter().filter_map(|form| Some((form, form.read(cell)?))).collect();
        let read: Vec<(Form, &str)> =
            read.iter().map(|(form, day)| (*form, day.as_str())).collect();
        assert_eq!(read, expected, "{cell}");
    }

    #[test]
    fn days_are_read_in_the_forms_that_fit() {
        check("2024-02-29", &[(Form::Iso, "2024-02-29")]);
        check("2024-12-31T14:05:09Z", &[(Form::Iso, "2024-12-31 14:05:09Z")]);
        check("31.12.2024 08:00", &[(Form::Points, "2024-12-31 08:00")]);
        check("31/12/2024", &[(Form::DayFirst, "2024-12-31")]);
        check("12/31/2024", &[(Form::MonthFirst, "2024-12-31")]);
        check("3/4/2024", &[(Form::DayFirst, "2024-04-03"), (Form::MonthFirst, "2024-03-04")]);
        check("2024/1/5", &[(Form::YearFirst, "2024-01-05")]);
        check("Dec 3rd, 2024", &[(Form::Named, "2024-12-03")]);
        check("3 March 2024", &[(Form::Named, "2024-03-03")]);
        for other in ["2023-02-29", "1.2.3", "31.12.24", "10:30", "2024", "12-2024", "", "é-1-2024"]
        {
            check(other, &[]);
        }
    }
}
