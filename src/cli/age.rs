//! How long ago something was, as it is written after a flag and as it is shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const UNITS: [(&str, u64); 5] =
    [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600), ("w", 7 * 24 * 3600)];

/// Reads `90s`, `30m`, `12h`, `7d` or `2w`.
pub(crate) fn read(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as `90s`, `30m`, `12h`, `7d` or `2w`".to_string();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit = UNITS.iter().find(|(unit, _)| *unit == &text[digits..]).ok_or_else(wrong)?;
    number.checked_mul(unit.1).map(Duration::from_secs).ok_or_else(wrong)
}

/// The moment so long ago, in milliseconds since 1970.
pub(crate) fn before(age: Duration) -> u64 {
    now().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

/// How long ago a moment was, in its largest unit: `5 m ago`.
pub(crate) fn ago(at: u64) -> String {
    let seconds = now().saturating_sub(at) / 1000;
    // Weeks are harder to read than days.
    let units = UNITS[..4].iter().rev();
    match units.into_iter().find(|(_, length)| seconds >= *length) {
        Some((unit, length)) => format!("{} {unit} ago", seconds / length),
        None => "now".to_string(),
    }
}

fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_and_shown() {
        let read = |text| super::read(text).ok().map(|age| age.as_secs());
        assert_eq!(read("90s"), Some(90));
        assert_eq!(read("2w"), Some(14 * 24 * 3600));
        for wrong in ["", "7", "d", "1.5h", "-1d", "1 d", "99999999999999999999d", "7M"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(ago(before(Duration::from_secs(3 * 24 * 3600 + 9))), "3 d ago");
        assert_eq!(ago(u64::MAX), "now");
    }
}
