//! Times as people write them: `90s`, `10m`, `1h30m`.

use std::time::Duration;

/// The longest time that can be written.
const LONGEST: Duration = Duration::from_secs(720 * 3600);

/// Reads a time above zero. The error says what it must be, to come after "must be".
pub(super) fn read(text: &str) -> Result<Duration, &'static str> {
    const FORM: &str = "a time such as `90s`, `10m` or `1h30m`";
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(FORM);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(FORM)?;
        let units = &rest[digits..];
        let end = units.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(units.len());
        let number: u32 = match rest[..digits].parse() {
            Ok(number) => number,
            Err(_) if digits > 0 => return Err("at most `720h`"),
            Err(_) => return Err(FORM),
        };
        let unit = match &units[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" | "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(FORM),
        };
        let part = unit.checked_mul(number).ok_or("at most `720h`")?;
        total = total.checked_add(part).ok_or("at most `720h`")?;
        rest = units[end..].trim_start();
    }
    match total {
        Duration::ZERO => Err("above zero"),
        total if total > LONGEST => Err("at most `720h`"),
        total => Ok(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("10m", 600.0),
            ("1h30m", 5400.0),
            ("1h 30m", 5400.0),
            ("500ms", 0.5),
            ("720h", 2_592_000.0),
        ] {
            assert_eq!(read(text).map(|time| time.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in [
            "",
            "0s",
            "0m0s",
            "10",
            "m",
            "-1s",
            "1.5h",
            "10 m m",
            "721h",
            "99999999999s",
            "1d",
            "4294967295h",
            "１s",
            "s10",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
