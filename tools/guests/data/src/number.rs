//! Numbers as people write them: `1.234,50`, `1,234.5`, `1 234`. What marks the decimals is a matter
//! of a whole column, since one cell alone (`1,234`) can be read in two ways.

/// What begins the decimals; the other of `.` and `,` may part thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Point,
    Comma,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
}

/// What parts thousands whatever begins the decimals.
const SPACES: [char; 4] = ['\u{a0}', '\u{202f}', '\'', '\u{2019}'];

impl Mark {
    fn point(self) -> char {
        if self == Mark::Point { '.' } else { ',' }
    }

    fn thousands(self) -> char {
        if self == Mark::Point { ',' } else { '.' }
    }

    /// What a cell can be read with in no other way.
    pub(crate) fn proven(cell: &str) -> Option<Mark> {
        let bare = cell.trim().strip_prefix('-').unwrap_or(cell.trim());
        let grouped = |mark: Mark| {
            let (whole, decimals) = match bare.split_once(mark.point()) {
                Some((whole, decimals)) => (whole, Some(decimals)),
                None => (bare, None),
            };
            let groups = grouped(whole, |c| c == mark.thousands());
            (groups, decimals.is_some_and(digits))
        };
        match grouped(Mark::Point) {
            (Some(groups), decimals)
                if decimals && groups > 0 || groups > 1 && !bare.contains('.') =>
            {
                return Some(Mark::Point);
            }
            _ => {}
        }
        let (whole, decimals) = bare.split_once(',')?;
        let thousands = matches!(grouped(Mark::Comma), (Some(groups), true) if groups > 0);
        let plain = digits(whole) && digits(decimals);
        // `1,234` is a thousand to some.
        let either = plain && decimals.len() == 3 && whole.len() <= 3 && !whole.starts_with('0');
        (thousands || plain && !either).then_some(Mark::Comma)
    }

    /// The number that all of a cell is. What begins with a zero that counts nothing is a name.
    pub(crate) fn read(self, cell: &str) -> Option<Number> {
        let cell = cell.trim();
        let (sign, bare) = match cell.strip_prefix(['-', '\u{2212}']) {
            Some(bare) => ("-", bare),
            None => ("", cell),
        };
        if self == Mark::Point && bare.contains(['e', 'E']) {
            return scientific(sign, bare);
        }
        let (whole, decimals) = match bare.split_once(self.point()) {
            Some((whole, decimals)) if digits(decimals) => (whole, Some(decimals)),
            Some(_) => return None,
            None => (bare, None),
        };
        let plain =
            digits(whole) && (whole == "0" || !whole.starts_with('0') || decimals.is_some());
        let apart = |c: char| c == self.thousands() || SPACES.contains(&c);
        if !plain && !grouped(whole, apart).is_some_and(|groups| groups > 0) {
            return None;
        }
        let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
        match decimals {
            Some(decimals) => format!("{sign}{whole}.{decimals}").parse().ok().map(Number::Real),
            None => format!("{sign}{whole}").parse().ok().map(Number::Whole),
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// How many groups of three follow the first digits, all parted by the same mark.
fn grouped(text: &str, apart: impl Fn(char) -> bool) -> Option<usize> {
    let mark = text.chars().find(|c| apart(*c));
    let Some(mark) = mark else { return digits(text).then_some(0) };
    let mut parts = text.split(mark);
    let first = parts.next()?;
    let fits = digits(first) && first.len() <= 3 && !first.starts_with('0');
    let groups: Vec<&str> = parts.collect();
    let whole = groups.iter().all(|group| group.len() == 3 && digits(group));
    (fits && whole).then_some(groups.len())
}

/// `1.5e-05`, as programs write. `1e5` alone may be a name.
fn scientific(sign: &str, bare: &str) -> Option<Number> {
    let (value, power) = bare.split_once(['e', 'E'])?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    let told = bare.contains('.') || power.starts_with(['-', '+']);
    let fits = digits(whole)
        && (decimals.is_empty() || digits(decimals))
        && digits(power.trim_start_matches(['-', '+']));
    let read = || format!("{sign}{bare}").parse().ok().filter(|value: &f64| value.is_finite());
    (told && fits).then(read).flatten().map(Number::Real)
}

/// The first number in a text: `about 1.234,50 EUR`.
pub(crate) fn first(text: &str) -> Option<Number> {
    let inside = |c: char| c.is_ascii_digit() || ".,".contains(c) || SPACES.contains(&c);
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
    let written = rest[..end].trim_end_matches(|c: char| !c.is_ascii_digit());
    let mark = Mark::proven(written).unwrap_or(Mark::Point);
    let other = if mark == Mark::Point { Mark::Comma } else { Mark::Point };
    let value = mark.read(written).or_else(|| other.read(written)).or_else(|| {
        let end = written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len());
        written[..end].parse().ok().map(Number::Whole)
    })?;
    let before = &text[..start];
    // A sign is none where it joins a name and its number: `A-7`.
    let signed = before.ends_with(['-', '\u{2212}'])
        && !before.trim_end_matches(['-', '\u{2212}']).ends_with(char::is_alphanumeric);
    Some(match value {
        Number::Whole(value) if signed => Number::Whole(-value),
        Number::Real(value) if signed => Number::Real(-value),
        value => value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_proves_what_marks_its_decimals() {
        for cell in ["1,234.50", "1,234,567", "-12,345.0"] {
            assert_eq!(Mark::proven(cell), Some(Mark::Point), "{cell}");
        }
        for cell in ["1.234,50", "0,5", "12,34", "1234,5", "-7,25", "0,125"] {
            assert_eq!(Mark::proven(cell), Some(Mark::Comma), "{cell}");
        }
        for cell in ["1,234", "1.234", "12", "a", "1,2,3", "", "1.234.567"] {
            assert_eq!(Mark::proven(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_number_is_read_by_its_mark() {
        let check = |cell: &str, mark: Mark, expected: Option<f64>| {
            let read = mark.read(cell).map(|number| match number {
                Number::Whole(value) => value as f64,
                Number::Real(value) => value,
            });
            assert_eq!(read, expected, "{cell} {mark:?}");
        };
        check("1,234.5", Mark::Point, Some(1234.5));
        check("1.234,5", Mark::Comma, Some(1234.5));
        check("1.234", Mark::Comma, Some(1234.0));
        check("1.234", Mark::Point, Some(1.234));
        check("1 234,5", Mark::Comma, None);
        check("1\u{202f}234,5", Mark::Comma, Some(1234.5));
        check("12'345", Mark::Point, Some(12345.0));
        check("\u{2212}3", Mark::Point, Some(-3.0));
        check("0.5", Mark::Point, Some(0.5));
        check("1.5e-05", Mark::Point, Some(1.5e-5));
        for name in ["007", "12,34", "1e5", "1.2.3", "", "-", "12 kg", "99999999999999999999"] {
            check(name, Mark::Point, None);
        }
    }

    #[test]
    fn the_first_number_of_a_text() {
        assert_eq!(first("about 1.234,50 EUR"), Some(Number::Real(1234.5)));
        assert_eq!(first("€ 1,234"), Some(Number::Whole(1234)));
        assert_eq!(first("-3 °C"), Some(Number::Whole(-3)));
        assert_eq!(first("A-7"), Some(Number::Whole(7)));
        assert_eq!(first("12.5%"), Some(Number::Real(12.5)));
        assert_eq!(first("007."), Some(Number::Whole(7)));
        assert_eq!(first("none"), None);
    }
}
