//! What is shown to a person, of any text: nothing in it acts on a terminal or hides, and JSON still says
//! the same.
#![no_main]

use guard::{hides, visible, visible_json};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let shown = visible(&text);
    assert!(!shown.chars().any(|letter| hides(letter) && !matches!(letter, '\n' | '\t')));
    assert_eq!(visible(&shown), shown, "what is shown is shown as it is");
    let json = Value::String(text.clone().into_owned());
    for json in [json.to_string(), text.into_owned()] {
        let Ok(value) = serde_json::from_str::<Value>(&json) else { continue };
        let shown = visible_json(&json);
        assert!(!shown.chars().any(|letter| hides(letter) && !letter.is_ascii_whitespace()));
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("it is JSON still"), value);
    }
});
