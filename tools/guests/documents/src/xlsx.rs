//! Excel workbooks, read by calamine cell by cell: a whole sheet as an array would be as large as its
//! farthest cell says.

use std::io::Cursor;

use calamine::{
    DataRef, ExcelDateTime, Reader, SheetVisible, Xlsx, XlsxError, XlsxFormulaMetadata,
};

use crate::archive::Archive;
use crate::grid::{Grid, Room};
use crate::markdown::Markdown;
use crate::xml::{Node, walk};

pub(crate) fn text(archive: &mut Archive<'_>) -> Result<String, String> {
    archive.weigh()?;
    for part in archive.ending("sharedstrings.xml") {
        shared(&archive.part(&part)?)?;
    }
    let mut book = Xlsx::new(Cursor::new(archive.bytes())).map_err(broken)?;
    let sheets: Vec<(String, bool)> = book
        .sheets_metadata()
        .iter()
        .map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible))
        .collect();
    let mut markdown = Markdown::default();
    let mut room = Room::default();
    for (name, visible) in sheets {
        // A sheet may be a chart, which has no cells.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut grid = Grid::default();
        while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(broken)? {
            let (row, column) = cell.pos;
            let value = match shown(cell.value) {
                value if value.is_empty() => unsaved(cell.formula),
                value => value,
            };
            // Cells may share one long text.
            room.take(1, value.len())?;
            grid.set(row, column, value);
        }
        let name = if visible { name } else { format!("{name} (hidden)") };
        grid.write(&name, &mut markdown);
    }
    Ok(markdown.finish())
}

/// That the texts which cells share are no more than cells: calamine makes room for as many as they say
/// that they are.
fn shared(xml: &str) -> Result<(), String> {
    let (mut said, mut texts) = (0, 0);
    walk(xml, |node| {
        let Node::Open(tag) = node else { return };
        match tag.name().as_str() {
            "sst" => {
                let count = tag.get("uniqueCount");
                let count = count.map_or(0, |count| count.trim().parse().unwrap_or(usize::MAX));
                said = count.max(said);
            }
            "si" => texts += 1,
            _ => {}
        }
    })?;
    Room::default().take(said.max(texts), 0)
}

fn broken(error: XlsxError) -> String {
    match error {
        XlsxError::Password => "that needs a password".to_string(),
        error => format!("that is broken: {error}"),
    }
}

/// A formula whose result nobody saved, as a program other than Excel writes it.
fn unsaved(formula: Option<XlsxFormulaMetadata>) -> String {
    match formula {
        Some(
            XlsxFormulaMetadata::Normal { formula } | XlsxFormulaMetadata::Shared { formula, .. },
        ) => format!("={formula}"),
        Some(_) => "=…".to_string(),
        None => String::new(),
    }
}

fn shown(value: DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text,
        DataRef::SharedString(text) => text.to_string(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(moment) => moment_shown(&moment),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

/// A day, a day with its time, or a time alone: a length of time as well.
fn moment_shown(moment: &ExcelDateTime) -> String {
    let value = moment.as_f64();
    let seconds = (value.fract() * 86_400.0).round() as u64;
    let time = || format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if moment.is_duration() {
        let seconds = (value * 86_400.0).round().max(0.0) as u64;
        return format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    if value < 1.0 {
        return time();
    }
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    let day = format!("{year:04}-{month:02}-{day:02}");
    if seconds == 0 { day } else { format!("{day} {}", time()) }
}
