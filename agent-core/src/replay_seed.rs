//! What the clocks and random numbers of a call begin with. It is written down before the call
//! runs, so that one that runs again after an interruption begins at the same moment and draws the
//! same numbers.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a guest's clocks and random numbers begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Milliseconds since 1970.
    pub at: u64,
    /// What its random numbers are made from.
    pub seed: Seed,
}

/// 128 random bits, written as 32 hexadecimal digits: no number of JSON holds them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Seed(pub u128);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        u128::from_str_radix(&digits, 16).map(Seed).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_start_is_read_as_it_was_written() {
        let start = Start { at: 1_700_000_000_000, seed: Seed((0xfeed << 100) | 7) };
        let text = serde_json::to_string(&start).unwrap();
        assert_eq!(text, r#"{"at":1700000000000,"seed":"000feed0000000000000000000000007"}"#);
        assert_eq!(serde_json::from_str::<Start>(&text).unwrap(), start);
        assert!(serde_json::from_str::<Seed>("\"no digits\"").is_err());
    }
}
