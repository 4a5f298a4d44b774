//! Verdicts that were given. A call is judged when it is planned and again at each use, and a program
//! that opens a file a hundred times asks a hundred times: the rules do not change meanwhile, so
//! neither does the answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use agent_core::action::{Capability, Verdict};

use crate::request::Taint;

/// Verdicts that are kept. Where there are more, a run asks about ever new things, and keeping them
/// is of no use.
const MOST: usize = 1024;

/// All that a verdict depends on, beside the rules.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) tool: String,
    pub(crate) taint: Taint,
    /// `None`: a call that wants nothing from the host.
    pub(crate) wanted: Option<Capability>,
}

#[derive(Debug, Default)]
pub(crate) struct Given(Mutex<HashMap<Asked, Verdict>>);

impl Given {
    /// The verdict that was given, or the one that is given now.
    pub(crate) fn or(&self, asked: Asked, judge: impl FnOnce(&Asked) -> Verdict) -> Verdict {
        let given = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verdict) = given().get(&asked) {
            return verdict.clone();
        }
        let verdict = judge(&asked);
        let mut given = given();
        if given.len() >= MOST {
            given.clear();
        }
        given.insert(asked, verdict.clone());
        verdict
    }
}

#[cfg(test)]
mod tests {
    use agent_core::action::Decision;

    use super::*;

    #[test]
    fn as_many_as_there_is_room_for_are_kept() {
        let given = Given::default();
        let mut judged = 0;
        let mut ask = |n: usize| {
            let wanted = Some(Capability::Read(format!("/{n}").into()));
            let asked = Asked { tool: "files.read".to_string(), taint: Taint::default(), wanted };
            let verdict = Verdict { decision: Decision::Deny, reasons: vec![n.to_string()] };
            let said = given.or(asked, |_| {
                judged += 1;
                verdict.clone()
            });
            assert_eq!(said, verdict);
            judged
        };
        assert_eq!((0..MOST).map(&mut ask).last(), Some(MOST));
        assert_eq!(ask(0), MOST, "it is known");
        assert_eq!(ask(MOST), MOST + 1);
        assert_eq!(ask(0), MOST + 2, "all made room");
    }
}
