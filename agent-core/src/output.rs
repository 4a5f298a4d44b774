//! Outputs that are too long to be shown whole: a model is shown the first part and told how to
//! read on. What is kept here is a view of the journal: it is made again with the run, and a part
//! comes with the origins of the whole.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use crate::action::CallId;
use crate::event::Observation;
use crate::provenance::Origin;

/// The tool that reads on. A model has it from when something was left out, and no sooner.
pub const READ: &str = "output.read";

/// The most characters of one observation that a model reads at once; the journal has all of them.
pub(crate) const SHOWN: usize = 12_000;

/// Characters of a part: together with what is said of it, it is shown whole.
const PART: usize = 11_000;

/// The most that one run keeps at hand, in bytes; then the oldest output goes.
const MOST: usize = 64 << 20;

/// The outputs of one run that were not shown whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outputs {
    kept: VecDeque<Output>,
}

#[derive(Debug, Clone)]
struct Output {
    call: CallId,
    text: Arc<str>,
    parts: Vec<Range<usize>>,
    origins: Vec<Origin>,
}

/// A part of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it says.
    pub text: String,
    /// Which part it is, from 1.
    pub part: u64,
    /// How many there are.
    pub parts: u64,
    /// Where the bytes of the whole came from.
    pub origins: Vec<Origin>,
}

impl Outputs {
    /// Whether there is nothing to read on in.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What a model is shown of an observation. What it is not shown is kept.
    pub(crate) fn shown(&mut self, call: &CallId, seen: &Observation, reads_on: &str) -> String {
        let most = seen.at_once.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(0));
        let long = seen.text.len() > most || seen.text.chars().nth(SHOWN).is_some();
        if !long {
            return seen.text.clone();
        }
        let output = Output {
            call: call.clone(),
            text: seen.text.as_str().into(),
            parts: parts(&seen.text, most),
            origins: seen.origins.clone(),
        };
        let first = output.text[output.parts[0].clone()].to_string();
        let said = format!("{first}\n[part 1 of {}; {reads_on} reads on]", output.parts.len());
        self.kept.push_back(output);
        while self.kept.iter().map(|output| output.text.len()).sum::<usize>() > MOST {
            self.kept.pop_front();
        }
        said
    }

    /// A part of the output of this call. The error is a sentence for the model.
    pub(crate) fn read(&self, call: &str, part: u64) -> Result<Part, String> {
        let Some(output) = self.kept.iter().rev().find(|output| output.call.0 == call) else {
            let calls: Vec<String> =
                self.kept.iter().map(|output| format!("`{}`", output.call)).collect();
            return Err(match calls.is_empty() {
                true => "every output was shown whole".to_string(),
                false => {
                    format!("no output of a call `{call}` is kept; there is {}", calls.join(", "))
                }
            });
        };
        let at = usize::try_from(part).ok().and_then(|part| part.checked_sub(1));
        let Some(range) = at.and_then(|at| output.parts.get(at)) else {
            return Err(format!(
                "the output of `{call}` has the parts 1 to {}",
                output.parts.len()
            ));
        };
        Ok(Part {
            text: output.text[range.clone()].to_string(),
            part,
            parts: output.parts.len() as u64,
            origins: output.origins.clone(),
        })
    }
}

/// Where a text is cut: after so many characters, or before so many bytes. No part is empty.
fn parts(text: &str, most: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = &text[from..];
        let by_characters = rest.char_indices().nth(PART).map_or(rest.len(), |(at, _)| at);
        let by_bytes = rest.floor_char_boundary(most);
        let one = rest.chars().next().map_or(1, char::len_utf8);
        let end = from + by_characters.min(by_bytes).max(one);
        found.push(from..end);
        from = end;
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::strategy::{CODE, Entry, TOOLS};

    fn reads_on(entry: &Entry, call: &CallId) -> String {
        (entry.start)(&[]).conversation().map(|talk| talk.reads_on(call)).unwrap_or_default()
    }
    use crate::event::Status;
    use crate::sandbox::Cost;

    fn seen(text: String, at_once: Option<u64>) -> Observation {
        Observation {
            text,
            result: serde_json::Value::Null,
            status: Status::Ok,
            parts: Vec::new(),
            origins: vec![Origin::Server("far".to_string())],
            cost: Cost::default(),
            at_once,
        }
    }

    #[test]
    fn parts_are_the_whole() {
        let text = "äb€".repeat(5_000);
        for most in [usize::MAX, 1000, 20] {
            let parts = parts(&text, most);
            let whole: String = parts.iter().map(|part| &text[part.clone()]).collect();
            assert!(whole == text, "{most}");
            assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= most));
        }
    }

    #[test]
    fn what_was_left_out_can_be_read_with_its_origins() {
        let (mut outputs, call) = (Outputs::default(), CallId("c2".to_string()));
        let short = outputs.shown(&call, &seen("x".repeat(SHOWN), None), &reads_on(&TOOLS, &call));
        assert_eq!(short.len(), SHOWN);
        assert_eq!(outputs.read("c2", 1), Err("every output was shown whole".to_string()));
        let text: String = (0..SHOWN).map(|n| format!("{n} ")).collect();
        let first = outputs.shown(&call, &seen(text.clone(), None), &reads_on(&TOOLS, &call));
        let (first, said) = first.split_once("\n[").unwrap();
        assert_eq!(said, "part 1 of 6; output.read {\"call\":\"c2\",\"part\":2} reads on]");
        let mut whole = first.to_string();
        for part in 2..=6 {
            let part = outputs.read("c2", part).unwrap();
            assert_eq!((part.parts, &part.origins[..]), (6, &[Origin::Server("far".into())][..]));
            whole += &part.text;
        }
        assert!(whole == text);
        assert!(outputs.read("c2", 7).unwrap_err().ends_with("has the parts 1 to 6"));
        assert!(outputs.read("c2", 0).is_err());
        let other = outputs.read("c3", 1).unwrap_err();
        assert_eq!(other, "no output of a call `c3` is kept; there is `c2`");
    }

    #[test]
    fn a_tools_own_limit_makes_smaller_parts() {
        let (mut outputs, call) = (Outputs::default(), CallId("c1".to_string()));
        let shown =
            outputs.shown(&call, &seen("0123456789".to_string(), Some(4)), &reads_on(&CODE, &call));
        assert_eq!(shown, "0123\n[part 1 of 3; print(output.read(call=\"c1\", part=2)) reads on]");
        assert_eq!(outputs.read("c1", 3).unwrap().text, "89");
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut outputs = Outputs::default();
        for call in 0..5 {
            let call = CallId(format!("c{call}"));
            outputs.shown(&call, &seen("x".repeat(16 << 20), None), &reads_on(&TOOLS, &call));
        }
        assert!(outputs.read("c0", 1).is_err() && outputs.read("c1", 1).is_ok());
    }
}
