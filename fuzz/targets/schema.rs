//! An untrusted schema, and a value that is held against it: a list of both, as JSON. Nothing takes
//! long, and what is said is short.
#![no_main]

use agent_core::schema::{Bounds, Checker};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Value::Array(both)) = serde_json::from_slice(bytes) else { return };
    let [schema, value] = &both[..] else { return };
    let said = match Checker::of_untrusted(schema, Bounds { bytes: 32 << 10, deepest: 80 }) {
        Ok(checker) => checker.check(value),
        Err(reason) => Err(reason),
    };
    if let Err(reason) = said {
        assert!(!reason.is_empty() && reason.len() < 4_000, "{reason}");
    }
});
