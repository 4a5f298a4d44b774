//! CSV, TSV and what else parts its cells by a sign. It is walked through twice: once to know what the
//! columns hold, once to fill the table, so that nothing of it is held beside the table.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::base::{Base, COLUMNS, named};
use crate::column::{Guess, Reading};
use crate::number::Mark;
use crate::records::{self, Record};
use crate::types::Column;

/// Rows by which the delimiter is found.
const HEAD: usize = 20;

pub(crate) fn fill(base: &mut Base, name: &str, path: &str, text: &str) -> Result<(), String> {
    let records = records::records(text);
    let delimiter = match path.to_lowercase().ends_with(".tsv") || path.ends_with(".tab") {
        true => b'\t',
        false => delimiter(text, &records),
    };
    let mut cells = Cells::new(delimiter);
    let header = match records.first() {
        Some(first) => cells.of(first.text).to_vec(),
        None => return Err(format!("`{path}` is empty")),
    };
    let mut guesses: Vec<Guess> = vec![Guess::default(); header.len()];
    for record in &records[1..] {
        let row = cells.of(record.text);
        if row.len() > COLUMNS {
            return Err(format!("`{path}`, line {}: more than {COLUMNS} cells", record.start));
        }
        if row.len() > guesses.len() {
            guesses.resize(row.len(), Guess::default());
        }
        row.iter().zip(&mut guesses).for_each(|(cell, guess)| guess.see(cell));
    }
    let usual = usual(delimiter, &guesses);
    // Numbers name no columns.
    let bare = records.len() > 1 && header.iter().all(|cell| usual.read(cell).is_some());
    if bare {
        header.iter().zip(&mut guesses).for_each(|(cell, guess)| guess.see(cell));
    }
    let names = (0..guesses.len()).map(|at| {
        header.get(at).filter(|_| !bare).map(|cell| cell.trim().to_string()).unwrap_or_default()
    });
    let names = named(&base.connection, names);
    let readings: Vec<Reading> = guesses.iter().map(|guess| guess.reading(usual)).collect();
    let columns: Vec<Column> = names
        .into_iter()
        .zip(guesses.iter().zip(&readings))
        .map(|((name, written), (guess, reading))| Column {
            name,
            holds: guess.holds(*reading).to_string(),
            written,
        })
        .collect();
    for (column, (guess, reading)) in columns.iter().zip(guesses.iter().zip(&readings)) {
        if let Some(note) = guess.note(&column.name, *reading) {
            base.note(name, Some(&column.name), note);
        }
    }
    if bare {
        base.note(name, None, format!("`{path}` names no columns"));
    }
    base.table(name, path, columns, |row| {
        for record in &records[usize::from(!bare)..] {
            let found = cells.of(record.text);
            let values = readings.iter().enumerate().map(|(at, reading)| {
                reading.value(found.get(at).map(String::as_str).unwrap_or_default())
            });
            row(values.collect())?;
        }
        Ok(())
    })
}

/// Where cells are parted by semicolons, it is since a comma begins the decimals.
fn usual(delimiter: u8, guesses: &[Guess]) -> Mark {
    let proven: Vec<Mark> = guesses.iter().filter_map(Guess::mark).collect();
    match delimiter {
        b';' if proven.contains(&Mark::Point) => Mark::Point,
        b';' => Mark::Comma,
        _ => Mark::Point,
    }
}

/// The sign that gives the first rows the most even width, then the widest.
fn delimiter(text: &str, records: &[Record<'_>]) -> u8 {
    let first = text.trim_start_matches('"').lines().next().unwrap_or_default();
    if let Some(named) = first.trim().strip_prefix("sep=").and_then(|rest| rest.bytes().next()) {
        return named;
    }
    let fit = |delimiter: &u8| {
        let mut cells = Cells::new(*delimiter);
        let widths: Vec<usize> =
            records.iter().take(HEAD).map(|record| cells.of(record.text).len()).collect();
        let first = widths.first().copied().unwrap_or_default();
        let even = widths.iter().filter(|width| **width == first).count();
        if first < 2 { (0, 0) } else { (even * 1000 / widths.len(), first) }
    };
    // Of equals the first: a comma.
    [b'|', b'\t', b';', b','].into_iter().max_by_key(fit).unwrap_or(b',')
}

/// The cells of one row, in room that is used again.
struct Cells {
    reader: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
    cells: Vec<String>,
}

impl Cells {
    fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, output: vec![0; 1024], ends: vec![0; 64], cells: Vec::new() }
    }

    fn of(&mut self, mut record: &str) -> &[String] {
        self.reader.reset();
        let (mut written, mut ended) = (0, 0);
        loop {
            let (result, read, wrote, ends) = self.reader.read_record(
                record.as_bytes(),
                &mut self.output[written..],
                &mut self.ends[ended..],
            );
            record = &record[record.ceil_char_boundary(read)..];
            (written, ended) = (written + wrote, ended + ends);
            match result {
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.cells.clear();
        let mut start = 0;
        for end in &self.ends[..ended] {
            self.cells.push(String::from_utf8_lossy(&self.output[start..*end]).into_owned());
            start = *end;
        }
        &self.cells
    }
}
