//! Tables and texts of any bytes, as `errand batch` reads a table and `files.search` reads a file: in whatever
//! encoding, with whatever quotes. The first byte says which ending the file has. What cannot be a table
//! is refused with its line; of what is one, nothing is lost and nothing counted twice.
#![no_main]
#![allow(dead_code, reason = "modules of programs that use more of them")]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../src/batch/line_ends.rs"]
mod line_ends;
#[path = "../../tools/guests/files/src/lines.rs"]
mod lines;
#[path = "../../src/batch/quotes.rs"]
mod quotes;
#[path = "../../tools/guests/files/src/records.rs"]
mod records;
#[path = "../../tools/guests/files/src/row.rs"]
mod row;
#[path = "../../src/batch/rows.rs"]
mod rows;
#[path = "../../tools/guests/files/src/text.rs"]
mod text;

/// As `errand batch` has it.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error("{0}")]
    Usage(String),
}

static GROUND: LazyLock<PathBuf> = LazyLock::new(|| tempfile::tempdir().expect("a folder").keep());

const ENDINGS: [&str; 4] = ["csv", "tsv", "jsonl", "ndjson"];

fn batch(ending: &str, bytes: &[u8]) {
    let file = GROUND.join(format!("table.{ending}"));
    fs::write(&file, bytes).expect("a file");
    match rows::read(&file) {
        Ok(rows) => {
            for (row, number) in rows.iter().zip(1..) {
                assert_eq!(row.number, number);
                assert!(row.values.values().all(|value| !value.is_null() && !value.is_object()));
            }
            assert!(rows.is_sorted_by(|one, next| one.line < next.line), "lines go up");
        }
        Err(BatchError::Usage(said)) => assert!(!said.is_empty()),
    }
}

fn search(bytes: &[u8]) {
    let Ok(text) = text::decode(bytes) else { return };
    let pieces: Vec<&str> = lines::lines(&text).collect();
    assert!(pieces.iter().all(|piece| piece.len() <= lines::LONGEST));
    assert_eq!(pieces.concat(), text.lines().collect::<String>(), "nothing of a line is lost");
    let records = records::records(&text);
    let mut last = 0;
    for record in &records {
        assert!(record.start > last && record.end >= record.start, "rows follow each other");
        last = record.end;
    }
    let Some(header) = records.first() else { return };
    for record in records.iter().take(64) {
        row::named(header.text, record.text);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    batch(ENDINGS[usize::from(which % 4)], bytes);
    search(bytes);
});
