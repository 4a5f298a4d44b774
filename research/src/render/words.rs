//! What every format says in the same words.

use crate::report::{Claim, Source};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Without what a terminal or a parser would obey or a reader not see, on one line.
pub fn plain(text: &str) -> String {
    let shown = text.chars().map(|sign| match sign {
        sign if sign.is_control() => ' ',
        sign if guard::hides(sign) => '\u{fffd}',
        sign => sign,
    });
    text::one_line(&shown.collect::<String>())
}

/// Whether an address leads to the web, and so can be a link.
pub(crate) fn web(url: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme))
}

/// A source's title, or its address where it has none.
pub(crate) fn title(source: &Source) -> &str {
    if source.title.trim().is_empty() { &source.url } else { &source.title }
}

/// A moment in milliseconds since 1970 as a date, in UTC; empty where there is none.
pub(crate) fn date(at: u64) -> String {
    let moment = i64::try_from(at).ok().filter(|at| *at > 0);
    let moment = moment.and_then(|at| Timestamp::from_millisecond(at).ok());
    moment
        .map(|moment| moment.to_zoned_datetime(TimeZone::UTC).date().to_string())
        .unwrap_or_default()
}

/// The numbers of the sources that a claim cites, each once.
pub(crate) fn cited(claim: &Claim) -> Vec<u32> {
    let mut numbers: Vec<u32> = claim.citations.iter().map(|span| span.source).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date() {
        assert_eq!(date(1_795_536_000_000), "2026-11-24");
        assert_eq!((date(0), date(u64::MAX)), (String::new(), String::new()));
    }
}
