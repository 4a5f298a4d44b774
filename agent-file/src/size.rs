//! Amounts of memory as people write them: `64MB`, `256KiB`.

/// The most that can be written: all that a 32-bit guest can address.
const MOST: u64 = 4 << 30;

/// Reads an amount above zero. The error says what it must be, to come after "must be".
pub fn read(text: &str) -> Result<u64, &'static str> {
    const FORM: &str = "an amount such as `64MB`, `256KB` or `1GiB`";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(FORM)?;
    let unit: u64 = match text[digits..].trim_start() {
        "B" => 1,
        "KB" | "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(FORM),
    };
    if digits == 0 {
        return Err(FORM);
    }
    let number: u64 = text[..digits].parse().map_err(|_| "at most `4GiB`")?;
    match number.checked_mul(unit) {
        Some(0) => Err("above zero"),
        Some(bytes) if bytes <= MOST => Ok(bytes),
        _ => Err("at most `4GiB`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("64MB", 64_000_000),
            ("64 MiB", 64 << 20),
            ("256KB", 256_000),
            ("1B", 1),
            ("4GiB", 4 << 30),
        ] {
            assert_eq!(read(text), Ok(bytes), "{text}");
        }
        for text in ["", "64", "MB", "0MB", "-1MB", "1.5GB", "5GiB", "64mb", "64M", "٣MB"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("99999999999999999999B"), Err("at most `4GiB`"));
        assert_eq!(read("9999999999999GB"), Err("at most `4GiB`"));
    }
}
