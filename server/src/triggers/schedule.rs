//! When a schedule fires: a cron expression in a time zone, and what becomes of times at which nothing ran.

use std::fmt;

use cronexpr::{Crontab, MakeTimestamp};
use jiff::Timestamp;
use jiff::tz::AmbiguousOffset;

/// How late a firing is not yet a missed one, in seconds: a restart takes no longer.
pub(super) const GRACE: i64 = 60;

/// The most missed firings that are made up for at once.
const MOST: usize = 100;

/// What becomes of firings at which nothing ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    #[default]
    Skip,
    /// The latest of them is made up for.
    Once,
    /// All of them are, the oldest first: a hundred at most.
    All,
}

/// Times.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    cron: Crontab,
    /// Whether hours are named: then an hour that the clocks show twice counts once.
    hours: bool,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({})", self.text)
    }
}

impl Schedule {
    /// From five fields, `0 7 * * 1-5`, and the name of a time zone.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(cron: &str, zone: &str) -> Result<Schedule, String> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        if fields.len() != 5 {
            let wanted = "minute, hour, day of the month, month, day of the week";
            return Err(format!("`{cron}` must be five fields: {wanted}"));
        }
        if zone.is_empty()
            || zone.contains(char::is_whitespace)
            || jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err(format!("`{zone}` is no time zone, such as `Europe/Berlin`"));
        }
        let text = format!("{} {zone}", fields.join(" "));
        let cron = cronexpr::parse_crontab(&text).map_err(|error| {
            let why = error.to_string();
            format!("`{cron}` is no schedule: {}", why.lines().next().unwrap_or_default())
        })?;
        let schedule = Schedule { text, cron, hours: !fields[1].starts_with('*') };
        match schedule.after(Timestamp::UNIX_EPOCH.as_second()) {
            Some(_) => Ok(schedule),
            None => Err(format!("`{}` never comes", schedule.text)),
        }
    }

    /// The first time after this one, in seconds since 1970.
    pub(super) fn after(&self, time: i64) -> Option<i64> {
        let mut time = time;
        loop {
            let next = self.cron.find_next(MakeTimestamp::from_second(time).ok()?).ok()?;
            time = next.timestamp().as_second();
            let local = next.time_zone().to_ambiguous_timestamp(next.datetime());
            match local.offset() {
                AmbiguousOffset::Fold { after, .. } if self.hours && next.offset() == after => {}
                _ => return Some(time),
            }
        }
    }

    /// What is to be fired now, of the times after `from` up to `now`, oldest first.
    pub(super) fn due(&self, from: i64, now: i64, missed: Missed) -> Vec<i64> {
        match missed {
            Missed::All => self.between(from, now, MOST),
            Missed::Skip => self.latest(from.max(now - GRACE), now),
            Missed::Once => self.latest(from, now),
        }
    }

    fn between(&self, from: i64, to: i64, most: usize) -> Vec<i64> {
        let times = std::iter::successors(self.after(from), |time| self.after(*time));
        times.take_while(|time| *time <= to).take(most).collect()
    }

    /// The latest time after `from` up to `now`, looked for further and further back.
    fn latest(&self, from: i64, now: i64) -> Vec<i64> {
        let mut back = GRACE;
        loop {
            let start = from.max(now.saturating_sub(back));
            if let Some(last) = self.between(start, now, usize::MAX).pop() {
                return vec![last];
            }
            if start == from {
                return Vec::new();
            }
            back = back.saturating_mul(8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_schedule_follows_the_clocks_of_its_zone() {
        let mornings = Schedule::parse("0 7 * * 1-5", "Europe/Berlin").unwrap();
        // From Friday to Monday, and from summer to winter time.
        assert_eq!(mornings.after(at("2026-10-23T05:00:00Z")), Some(at("2026-10-26T06:00:00Z")));
        assert_eq!(mornings.after(at("2026-10-22T05:00:00Z")), Some(at("2026-10-23T05:00:00Z")));
    }

    #[test]
    fn an_hour_that_comes_twice_fires_once_where_hours_are_named() {
        let nightly = Schedule::parse("30 2 * * *", "Europe/Berlin").unwrap();
        let first = at("2026-10-25T00:30:00Z");
        assert_eq!(nightly.after(first - 1), Some(first));
        assert_eq!(nightly.after(first), Some(at("2026-10-26T01:30:00Z")));
        // Every half hour is every half hour.
        let often = Schedule::parse("*/30 * * * *", "Europe/Berlin").unwrap();
        assert_eq!(often.after(first), Some(first + 1800));
        assert_eq!(often.after(first + 1800), Some(first + 3600));
    }

    #[test]
    fn what_was_missed_is_skipped_or_made_up_for() {
        let hourly = Schedule::parse("0 * * * *", "UTC").unwrap();
        let (from, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-03T00:30:00Z"));
        assert_eq!(hourly.due(from, now, Missed::Skip), Vec::<i64>::new());
        assert_eq!(hourly.due(from, now, Missed::Once), [at("2026-01-03T00:00:00Z")]);
        let all = hourly.due(from, now, Missed::All);
        assert_eq!((all.len(), all[0]), (48, at("2026-01-01T01:00:00Z")));
        // Just now is not missed; what was fired is not due.
        let now = at("2026-01-03T00:00:20Z");
        assert_eq!(hourly.due(from, now, Missed::Skip), [at("2026-01-03T00:00:00Z")]);
        assert_eq!(hourly.due(at("2026-01-03T00:00:00Z"), now, Missed::Once), Vec::<i64>::new());
        // A clock that was put back fires nothing.
        assert_eq!(hourly.due(now, from, Missed::All), Vec::<i64>::new());
        // A year of minutes is not made up for at once.
        let minutes = Schedule::parse("* * * * *", "UTC").unwrap();
        let year = at("2027-01-03T00:00:20Z");
        assert_eq!(minutes.due(from, year, Missed::All).len(), MOST);
        assert_eq!(minutes.due(from, year, Missed::Once), [at("2027-01-03T00:00:00Z")]);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for (cron, zone) in [
            ("0 7 * *", "UTC"),
            ("0 7 * * 1-5 UTC", "UTC"),
            ("60 7 * * *", "UTC"),
            ("0 7 31 2 *", "UTC"),
            ("0 7 * * *", "Europe/Atlantis"),
            ("0 7 * * *", ""),
        ] {
            assert!(Schedule::parse(cron, zone).is_err(), "{cron} {zone}");
        }
    }
}
