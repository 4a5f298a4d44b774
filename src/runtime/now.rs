//! The time, and names of runs that sort by it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_core::event::RunId;

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A name for a run that sorts by time: base 36 of the milliseconds, then chance against two runs
/// in the same one.
pub(crate) fn new_id() -> RunId {
    use std::hash::{BuildHasher, RandomState};
    let chance = RandomState::new().hash_one(std::process::id());
    let mut number = (u128::from(now()) << 20) | u128::from(chance & 0xf_ffff);
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]);
        number /= 36;
    }
    digits.reverse();
    RunId(String::from_utf8_lossy(&digits).into_owned())
}
