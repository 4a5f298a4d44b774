//! Numbers that follow from others. In a long table every number is the difference of some two, so
//! what is worked out counts only where its operands belong together: they stand in one row, few of
//! them share a field, or the task names their rows.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use text::rank;

use super::numbers::{readings, written};

/// Of more numbers than this, two that come to a third by chance are likely.
const FEW: usize = 8;

/// The numbers of what was observed by rows and fields, and what the task says.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    task: HashSet<String>,
    asked: Vec<f64>,
}

/// A line of a text, or an object of a JSON value.
#[derive(Debug)]
struct Row {
    text: usize,
    words: HashSet<String>,
    /// A field's name or place, and what its number may be.
    cells: Vec<(String, Vec<f64>)>,
}

impl Rows {
    pub(super) fn asked(&mut self, text: &str) {
        self.task.extend(rank::words(text));
        self.asked.extend(written(text).iter().flat_map(|number| readings(number)));
    }

    pub(super) fn observed(&mut self, number: usize, text: &str) {
        match serde_json::from_str::<Value>(text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => self.object(number, "", &value),
            _ => text.lines().for_each(|line| self.line(number, line)),
        }
    }

    fn line(&mut self, text: usize, line: &str) {
        if let Ok(value @ Value::Object(_)) = serde_json::from_str::<Value>(line) {
            return self.object(text, "", &value);
        }
        let separator = ['\t', ';', '|', ','].into_iter().find(|c| line.contains(*c));
        let table = separator.map(|separator| line.split(separator).collect::<Vec<_>>());
        // A cell holds one number and little else; elsewhere commas part sentences.
        let cells = table.filter(|cells| cells.iter().all(|cell| written(cell).len() < 2));
        let cells = match cells {
            Some(cells) => cells
                .iter()
                .enumerate()
                .flat_map(|(at, cell)| written(cell).into_iter().map(move |number| (at, number)))
                .collect(),
            None => written(line).into_iter().enumerate().collect::<Vec<_>>(),
        };
        let cells =
            cells.into_iter().map(|(at, number)| (at.to_string(), readings(&number))).collect();
        self.push(text, line, cells);
    }

    fn object(&mut self, text: usize, field: &str, value: &Value) {
        let (mut cells, mut words) = (Vec::new(), String::new());
        self.leaves(text, field, value, &mut cells, &mut words);
        self.push(text, &words, cells);
    }

    /// The values of an object; its objects are rows of their own.
    fn leaves(
        &mut self,
        text: usize,
        field: &str,
        value: &Value,
        cells: &mut Vec<(String, Vec<f64>)>,
        words: &mut String,
    ) {
        match value {
            Value::Number(number) => {
                cells.extend(number.as_f64().map(|n| (field.to_string(), vec![n])))
            }
            Value::String(long) if long.contains('\n') => {
                long.lines().for_each(|line| self.line(text, line));
            }
            Value::String(short) => {
                words.push_str(short);
                words.push('\n');
                if let [number] = written(short).as_slice() {
                    cells.push((field.to_string(), readings(number)));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| match item {
                Value::Object(_) => self.object(text, field, item),
                _ => self.leaves(text, field, item, cells, words),
            }),
            Value::Object(fields) => fields.iter().for_each(|(key, value)| match value {
                Value::Object(_) => self.object(text, key, value),
                _ => self.leaves(text, key, value, cells, words),
            }),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn push(&mut self, text: usize, words: &str, cells: Vec<(String, Vec<f64>)>) {
        if !cells.is_empty() {
            self.rows.push(Row { text, words: rank::words(words).into_iter().collect(), cells });
        }
    }

    /// Every number that follows from those that are there.
    pub(super) fn results(&self) -> Vec<f64> {
        let mut results: Vec<f64> = self.in_rows().collect();
        results.extend(self.fields().values().flat_map(|field| self.of_a_field(field)));
        results.extend(self.with_the_task());
        results
    }

    /// What two of a row's few numbers come to.
    fn in_rows(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().filter(|row| row.cells.len() <= FEW).flat_map(|row| {
            let numbers: Vec<f64> = row.cells.iter().flat_map(|(_, ways)| ways.clone()).collect();
            pairs(&numbers).into_iter().flat_map(|(one, other)| all_of(one, other))
        })
    }

    /// Its sums over a text, over all, and over the rows that a word of the task is in; what two of
    /// few come to.
    fn of_a_field(&self, field: &[(&Row, &[f64])]) -> Vec<f64> {
        let mut parts: Vec<Vec<&(&Row, &[f64])>> = vec![field.iter().collect()];
        let texts: HashSet<usize> = field.iter().map(|(row, _)| row.text).collect();
        parts.extend(
            texts.iter().map(|text| field.iter().filter(|(row, _)| row.text == *text).collect()),
        );
        parts.extend(
            self.task
                .iter()
                .map(|word| field.iter().filter(|(row, _)| row.words.contains(word)).collect()),
        );
        let sum = |part: &[&(&Row, &[f64])], read: fn(&[f64]) -> Option<&f64>| -> f64 {
            part.iter().filter_map(|(_, ways)| read(ways)).sum()
        };
        let mut results: Vec<f64> = parts
            .iter()
            .filter(|part| !part.is_empty())
            .flat_map(|part| [sum(part, <[f64]>::first), sum(part, <[f64]>::last)])
            .collect();
        let few = pairs(&self.few(field));
        results.extend(few.into_iter().flat_map(|(one, other)| sum_or_ratio(one, other)));
        results
    }

    /// What a number of the task and another of it, or one of few, come to.
    fn with_the_task(&self) -> Vec<f64> {
        if self.asked.len() > 2 * FEW {
            return Vec::new();
        }
        let cells: Vec<(&Row, &[f64])> =
            self.cells().map(|(row, (_, ways))| (row, &**ways)).collect();
        let few = self.few(&cells);
        let with = |(at, one): (usize, &f64)| {
            let one = *one;
            let others = self.asked[at + 1..].iter().chain(&few);
            others.flat_map(move |other| all_of(one, *other)).collect::<Vec<_>>()
        };
        self.asked.iter().enumerate().flat_map(with).collect()
    }

    /// How many rows a word of the task is in.
    pub(super) fn named(&self) -> impl Iterator<Item = usize> {
        self.task
            .iter()
            .map(|word| self.rows.iter().filter(|row| row.words.contains(word)).count())
            .filter(|count| *count > 0)
    }

    fn cells(&self) -> impl Iterator<Item = (&Row, &(String, Vec<f64>))> {
        self.rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)))
    }

    fn fields(&self) -> BTreeMap<&str, Vec<(&Row, &[f64])>> {
        let mut fields: BTreeMap<&str, Vec<(&Row, &[f64])>> = BTreeMap::new();
        for (row, (field, ways)) in self.cells() {
            fields.entry(field).or_default().push((row, ways));
        }
        fields
    }

    /// The numbers themselves where they are few; else those whose rows a word names that the task
    /// has and few rows do; none where these are many too.
    fn few(&self, cells: &[(&Row, &[f64])]) -> Vec<f64> {
        let numbers =
            |cells: &[(&Row, &[f64])]| cells.iter().flat_map(|(_, ways)| ways.to_vec()).collect();
        if cells.len() <= FEW {
            return numbers(cells);
        }
        let holders =
            |word: &String| cells.iter().filter(|(row, _)| row.words.contains(word)).count();
        let rare: Vec<&String> = self.task.iter().filter(|word| holders(word) <= FEW / 2).collect();
        let named: Vec<_> = cells
            .iter()
            .filter(|(row, _)| rare.iter().any(|word| row.words.contains(*word)))
            .copied()
            .collect();
        match named.len() <= FEW {
            true => numbers(&named),
            false => Vec::new(),
        }
    }
}

fn pairs(numbers: &[f64]) -> Vec<(f64, f64)> {
    let rest =
        |(at, one): (usize, &f64)| numbers[at + 1..].iter().map(|other| (*one, *other)).collect();
    numbers.iter().enumerate().flat_map::<Vec<_>, _>(rest).collect()
}

/// What two numbers come to, also of different kinds.
fn all_of(one: f64, other: f64) -> impl Iterator<Item = f64> {
    [one * other].into_iter().chain(sum_or_ratio(one, other))
}

/// What two numbers of one kind come to.
fn sum_or_ratio(one: f64, other: f64) -> [f64; 5] {
    // What is divided by zero is no number, and the same as none.
    [one + other, one - other, other - one, one / other, other / one]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follows(task: &str, texts: &[&str], wanted: f64) -> bool {
        let mut rows = Rows::default();
        rows.asked(task);
        for (number, text) in texts.iter().enumerate() {
            rows.observed(number, text);
        }
        rows.results().iter().any(|have| (have - wanted).abs() < 0.001)
    }

    const STOCK: &str = "item,store,count,price\nlamp,A,40,12.5\nrope,B,7,3.2\nladder,A,3,89\n\
                         nail,B,911,0.05\nglue,A,61,4.1\nsaw,B,18,17.3\nbolt,B,233,0.4\n\
                         hinge,A,87,1.9\nbrush,B,29,2.6\ntape,A,52,1.7\n";

    #[test]
    fn a_row_multiplies_and_a_field_adds_up() {
        assert!(follows("What are the lamps worth?", &[STOCK], 500.0));
        assert!(follows("How many things are there?", &[STOCK], 1441.0));
        assert!(follows("How many things are in store B?", &[STOCK], 1198.0));
        assert!(follows("How many more nails than bolts?", &[STOCK], 678.0));
    }

    #[test]
    fn rows_that_nothing_names_do_not_come_to_anything() {
        // The rope's count and the saw's, the lamp's price and the ladder's count, two stores mixed.
        for wanted in [25.0, 37.5, 101.0, 226.0] {
            assert!(!follows("How many things are in store C?", &[STOCK], wanted), "{wanted}");
        }
    }

    #[test]
    fn results_of_one_kind_and_the_task_go_together() {
        let orders =
            [r#"{"id": 7, "total": 500}"#, r#"{"id": 8, "total": 267, "paid": {"sum": 17}}"#];
        assert!(follows("What do orders 7 and 8 come to?", &orders, 767.0));
        assert!(follows("What is left of my 900 after order 7?", &orders, 400.0));
        assert!(!follows("What do the orders come to?", &orders, 284.0));
        let list = [r#"{"rows": [{"city": "Oslo", "rain": 12}, {"city": "Bergen", "rain": 31}]}"#];
        assert!(follows("How much more rain?", &list, 19.0));
    }
}
