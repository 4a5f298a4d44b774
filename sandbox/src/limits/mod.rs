//! How far a call may go. A limit that is hit stops the guest and becomes a sentence for the
//! model; none of them is a fault.

mod clock;
mod memory;
mod uses;

pub(crate) use clock::Clock;
pub(crate) use memory::{INSTANCES, MEMORIES, Memory, TABLE_ELEMENTS, TABLES};
pub(crate) use uses::{Import, Uses};

use std::time::Duration;

/// The limit that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Hit {
    #[error("used more than {} of memory", bytes(*.0 as u64))]
    Memory(usize),
    #[error("worked longer than {}", time(*.0))]
    Time(Duration),
    #[error("gave more than {} of output", bytes(*.0 as u64))]
    Output(usize),
    #[error("used up its fuel of {0}")]
    Fuel(u64),
    #[error("made a table of more than {0} elements")]
    Table(usize),
    #[error("passed more than {} to the host at once", bytes(*.0 as u64))]
    Carried(usize),
    #[error("used `{0}` more than {1} times in one call")]
    Uses(&'static str, u32),
}

/// `64 MiB`, `1500 bytes`.
pub(crate) fn bytes(count: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if count >= unit && count.is_multiple_of(unit) {
            return format!("{} {name}", count / unit);
        }
        if count >= 10 * unit {
            return format!("{} {name}", count.div_ceil(unit));
        }
    }
    format!("{count} bytes")
}

/// `5 s`, `250 ms`.
pub(crate) fn time(time: Duration) -> String {
    if time.subsec_millis() == 0 && time.as_secs() > 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_it_was_written() {
        assert_eq!(Hit::Memory(64 << 20).to_string(), "used more than 64 MiB of memory");
        assert_eq!(Hit::Memory(1500).to_string(), "used more than 1500 bytes of memory");
        assert_eq!(Hit::Time(Duration::from_secs(5)).to_string(), "worked longer than 5 s");
        assert_eq!(
            Hit::Time(Duration::from_millis(1250)).to_string(),
            "worked longer than 1250 ms"
        );
        assert_eq!(Hit::Output(1 << 10).to_string(), "gave more than 1 KiB of output");
        assert_eq!(bytes((40 << 20) + 1), "41 MiB");
    }
}
