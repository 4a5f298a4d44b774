//! Parquet, read row by row.

use bytes::Bytes;
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::types::Value as Cell;

use crate::base::{Base, CELLS, COLUMNS, named};
use crate::types::Column;

/// Bytes that the columns say to unpack to.
const UNPACKED: i64 = 256 << 20;

pub(crate) fn fill(base: &mut Base, name: &str, path: &str, bytes: Vec<u8>) -> Result<(), String> {
    let broken =
        |error: &dyn std::fmt::Display| format!("`{path}` is no Parquet that can be read: {error}");
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(|error| broken(&error))?;
    let told = reader.metadata();
    let unpacked = told
        .row_groups()
        .iter()
        .fold(0i64, |sum, group| sum.saturating_add(group.total_byte_size().max(0)));
    if unpacked > UNPACKED {
        return Err(format!("`{path}` unpacks to more than {} MiB", UNPACKED >> 20));
    }
    let fields = told.file_metadata().schema_descr().root_schema().get_fields().to_vec();
    if fields.len() > COLUMNS {
        return Err(format!("`{path}` has more than {COLUMNS} columns"));
    }
    let rows = told.file_metadata().num_rows();
    if rows.saturating_mul(fields.len() as i64) > CELLS as i64 {
        return Err(format!("`{path}` has more than {CELLS} cells"));
    }
    let names = named(&base.connection, fields.iter().map(|field| field.name().to_string()));
    let mut holds = vec![""; fields.len()];
    let columns = names
        .into_iter()
        .map(|(name, written)| Column { name, written, holds: String::new() })
        .collect();
    base.table(name, path, columns, |insert| {
        for row in reader.get_row_iter(None).map_err(|error| broken(&error))? {
            let row = row.map_err(|error| broken(&error))?;
            let cells =
                row.into_columns().into_iter().zip(&mut holds).map(|((_, field), holds)| {
                    let (kind, cell) = cell(field);
                    if !kind.is_empty() {
                        *holds = kind;
                    }
                    cell
                });
            insert(cells.collect())?;
        }
        Ok(())
    })?;
    base.holds(name, &holds);
    Ok(())
}

fn cell(field: Field) -> (&'static str, Cell) {
    let whole = |value: i64| ("integer", Cell::Integer(value));
    let real = |value: f64| ("number", if value.is_nan() { Cell::Null } else { Cell::Real(value) });
    match field {
        Field::Null => ("", Cell::Null),
        Field::Bool(flag) => ("true or false", Cell::Integer(flag.into())),
        Field::Byte(value) => whole(value.into()),
        Field::Short(value) => whole(value.into()),
        Field::Int(value) => whole(value.into()),
        Field::Long(value) => whole(value),
        Field::UByte(value) => whole(value.into()),
        Field::UShort(value) => whole(value.into()),
        Field::UInt(value) => whole(value.into()),
        Field::ULong(value) => {
            i64::try_from(value).map_or(("integer", Cell::Text(value.to_string())), whole)
        }
        Field::Float16(value) => real(value.into()),
        Field::Float(value) => real(value.to_string().parse().unwrap_or(f64::from(value))),
        Field::Double(value) => real(value),
        Field::Decimal(value) => ("number", decimal(&value)),
        Field::Str(text) => ("text", Cell::Text(text)),
        Field::Bytes(bytes) => match String::from_utf8(bytes.data().to_vec()) {
            Ok(text) => ("text", Cell::Text(text)),
            Err(_) => ("bytes", Cell::Blob(bytes.data().to_vec())),
        },
        Field::Date(days) => ("date", day(days.into())),
        Field::TimeMillis(value) => ("time", time(i64::from(value) * 1000)),
        Field::TimeMicros(value) => ("time", time(value)),
        Field::TimestampMillis(value) => ("date", moment(value.saturating_mul(1000))),
        Field::TimestampMicros(value) => ("date", moment(value)),
        nested => ("json", Cell::Text(nested.to_json_value().to_string())),
    }
}

/// Exact where a float is; what has more digits than that is text.
fn decimal(value: &Decimal) -> Cell {
    let bytes = value.data();
    if bytes.is_empty() || bytes.len() > 16 {
        return Cell::Null;
    }
    let mut wide = [if bytes[0] & 0x80 == 0 { 0 } else { 0xFF }; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    let digits = i128::from_be_bytes(wide);
    let scale = value.scale();
    match (i64::try_from(digits), scale) {
        (Ok(whole), 0) => Cell::Integer(whole),
        _ => format!("{digits}e-{scale}").parse().map_or(Cell::Null, Cell::Real),
    }
}

const DAY: i64 = 86_400_000_000;

fn day(days: i64) -> Cell {
    Cell::Text(date(days))
}

fn moment(micros: i64) -> Cell {
    let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    Cell::Text(match rest {
        0 => date(days),
        rest => format!("{} {}", date(days), clock(rest)),
    })
}

fn time(micros: i64) -> Cell {
    Cell::Text(clock(micros.rem_euclid(DAY)))
}

fn clock(micros: i64) -> String {
    let (seconds, part) = (micros / 1_000_000, micros % 1_000_000);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if part == 0 { whole } else { format!("{whole}.{part:06}") }
}

/// Days since 1970 in the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`).
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(moment(1_735_689_599_250_000), Cell::Text("2024-12-31 23:59:59.250000".into()));
        assert_eq!(moment(-DAY), Cell::Text("1969-12-31".into()));
    }

    #[test]
    fn decimals() {
        let of = |value: i32, scale| decimal(&Decimal::from_i32(value, 9, scale));
        assert_eq!(of(-1250, 2), Cell::Real(-12.5));
        assert_eq!(of(7, 0), Cell::Integer(7));
    }
}
