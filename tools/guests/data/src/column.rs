//! What a column of separated values holds. All of its cells decide, never one alone.

use rusqlite::types::Value;

use crate::date::{FORMS, Form};
use crate::number::{self, Mark, Number};

const MARKS: [Mark; 2] = [Mark::Point, Mark::Comma];
/// What is written where there is no value, among numbers or days.
const MISSING: [&str; 10] = ["n/a", "na", "null", "none", "nan", "#n/a", "-", "–", "—", "?"];
/// Cells that tell whether there are numbers in a text.
const SAMPLE: u64 = 1000;

/// How the cells of a column become values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Text,
    Number(Mark),
    Day(Form),
}

/// What has been seen of a column.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    filled: u64,
    missing: u64,
    /// Cells that are a number by each mark, and those that are no whole one.
    numbers: [u64; 2],
    real: [bool; 2],
    proven: [bool; 2],
    /// The forms of days that all cells have.
    days: [bool; 6],
    /// Cells that begin with a number and go on, and one of them.
    units: u64,
    unit: String,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            filled: 0,
            missing: 0,
            numbers: [0; 2],
            real: [false; 2],
            proven: [false; 2],
            days: [true; 6],
            units: 0,
            unit: String::new(),
        }
    }
}

impl Guess {
    pub(crate) fn see(&mut self, cell: &str) {
        let cell = cell.trim();
        if cell.is_empty() {
            return;
        }
        if missing(cell) {
            self.missing += 1;
            return;
        }
        self.filled += 1;
        for (at, mark) in MARKS.into_iter().enumerate() {
            let read = mark.read(cell);
            self.numbers[at] += u64::from(read.is_some());
            self.real[at] |= matches!(read, Some(Number::Real(_)));
        }
        if let Some(at) = MARKS.iter().position(|mark| Mark::proven(cell) == Some(*mark)) {
            self.proven[at] = true;
        }
        for (open, form) in self.days.iter_mut().zip(FORMS) {
            *open = *open && form.read(cell).is_some();
        }
        if self.filled <= SAMPLE && begins_with_number(cell) {
            self.units += 1;
            self.unit = cell.chars().take(40).collect();
        }
    }

    /// What one of the cells can be read with in no other way.
    pub(crate) fn mark(&self) -> Option<Mark> {
        MARKS.into_iter().zip(self.proven).find(|(_, proven)| *proven).map(|(mark, _)| mark)
    }

    pub(crate) fn reading(&self, usual: Mark) -> Reading {
        let mark = self.mark().unwrap_or(usual);
        if self.filled == 0 {
            return Reading::Text;
        }
        if self.numbers[mark as usize] == self.filled {
            return Reading::Number(mark);
        }
        let mut forms = FORMS.into_iter().zip(self.days).filter(|(_, open)| *open);
        match (forms.next(), forms.next()) {
            (Some((form, _)), None) => Reading::Day(form),
            _ => Reading::Text,
        }
    }

    /// What a person would be told of it.
    pub(crate) fn holds(&self, reading: Reading) -> &'static str {
        match reading {
            Reading::Number(mark) if self.real[mark as usize] => "number",
            Reading::Number(_) => "integer",
            Reading::Day(_) => "date",
            Reading::Text => "text",
        }
    }

    /// What may surprise about the values of a column of this name.
    pub(crate) fn note(&self, name: &str, reading: Reading) -> Option<String> {
        let days = self.days.iter().filter(|open| **open).count();
        match reading {
            Reading::Number(_) | Reading::Day(_) if self.missing > 0 => {
                Some(format!("`{name}`: {} cells such as `n/a` or `-` are NULL", self.missing))
            }
            Reading::Day(form) if form != Form::Iso => {
                Some(format!("`{name}` holds days as 2024-12-31, however the file writes them"))
            }
            Reading::Text if self.filled > 0 && days > 1 => {
                Some(format!("`{name}` is text: its days may begin with the day or with the month"))
            }
            Reading::Text if self.units * 2 > self.filled.min(SAMPLE) => Some(format!(
                "`{name}` is text such as '{}'; number({name}) is the number in it",
                self.unit
            )),
            _ => None,
        }
    }
}

impl Reading {
    pub(crate) fn value(self, cell: &str) -> Value {
        let cell = cell.trim();
        if cell.is_empty() {
            return Value::Null;
        }
        match self {
            Reading::Text => Value::Text(cell.to_string()),
            Reading::Number(mark) => mark.read(cell).map_or(Value::Null, number),
            Reading::Day(form) => form.read(cell).map_or(Value::Null, Value::Text),
        }
    }
}

pub(crate) fn number(number: Number) -> Value {
    match number {
        Number::Whole(value) => Value::Integer(value),
        Number::Real(value) => Value::Real(value),
    }
}

fn missing(cell: &str) -> bool {
    MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// `12 kg`, `€ 4,50`, `12%`, but not `A12`, not a day, not a name of digits.
fn begins_with_number(cell: &str) -> bool {
    let bare = cell.trim_start_matches(|c: char| !c.is_alphanumeric());
    let first = bare.starts_with(|c: char| c.is_ascii_digit());
    first
        && number::first(cell).is_some()
        && MARKS.iter().all(|mark| mark.read(cell).is_none())
        && cell.contains(|c: char| c.is_alphabetic() || "€$£¥%".contains(c))
        && cell.split_whitespace().count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(cells: &[&str]) -> Guess {
        let mut guess = Guess::default();
        cells.iter().for_each(|cell| guess.see(cell));
        guess
    }

    fn check(cells: &[&str], expected: Reading, holds: &str) {
        let guess = guess(cells);
        let reading = guess.reading(Mark::Point);
        assert_eq!((reading, guess.holds(reading)), (expected, holds), "{cells:?}");
    }

    #[test]
    fn all_cells_decide() {
        check(&["1", "", "3"], Reading::Number(Mark::Point), "integer");
        check(&["1,234", "1,5"], Reading::Number(Mark::Comma), "number");
        check(&["1.5", "n/a"], Reading::Number(Mark::Point), "number");
        check(&["12", "ca. 40"], Reading::Text, "text");
        check(&["007", "8"], Reading::Text, "text");
        check(&["NA", "DE"], Reading::Text, "text");
        check(&["3/4/2024", "13/4/2024"], Reading::Day(Form::DayFirst), "date");
        check(&["3/4/2024", "5/4/2024"], Reading::Text, "text");
        check(&["", ""], Reading::Text, "text");
    }

    #[test]
    fn what_surprises_is_told() {
        let note = |cells: &[&str]| {
            let guess = guess(cells);
            guess.note("c", guess.reading(Mark::Point)).unwrap_or_default()
        };
        assert!(note(&["12 kg", "3 kg"]).contains("number(c)"));
        assert!(note(&["€ 4,50", "€ 3"]).contains("number(c)"));
        assert!(note(&["1", "n/a"]).contains("NULL"));
        assert!(note(&["3/4/2024"]).contains("is text"));
        assert!(note(&["31.12.2024"]).contains("2024-12-31"));
        assert_eq!(note(&["A12", "B3"]), "");
        assert_eq!(note(&["2024-12-31"]), "");
    }
}
