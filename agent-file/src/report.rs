//! Collects problems while a file is checked.

use std::ops::Range;

use super::problem::{Invalid, Place, Problem};
use super::source::Source;

pub(super) struct Report<'a> {
    pub(super) source: &'a Source,
    pub(super) problems: Vec<Problem>,
}

impl Report<'_> {
    /// Something is wrong with the value at this JSON pointer.
    pub(super) fn value(&mut self, pointer: &str, message: impl Into<String>) -> &mut Problem {
        self.push(self.source.value(pointer), message)
    }

    /// Something is wrong with the key at this JSON pointer, or about what it holds.
    pub(super) fn key(&mut self, pointer: &str, message: impl Into<String>) -> &mut Problem {
        self.push(self.source.key(pointer), message)
    }

    /// Something is wrong with a part of the string at this JSON pointer.
    pub(super) fn part(
        &mut self,
        pointer: &str,
        part: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.push(self.source.part(pointer, part), message)
    }

    /// Something is wrong with an argument of the command line, shown as it was written.
    pub(super) fn argument(&mut self, written: String, message: impl Into<String>) -> &mut Problem {
        self.push(Place::Argument(written), message)
    }

    /// What is wrong with another file that this one names.
    pub(super) fn elsewhere(&mut self, invalid: Invalid) {
        self.problems.extend(invalid.elsewhere());
    }

    fn push(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        let at = self.problems.len();
        self.problems.push(Problem::new(place, message));
        &mut self.problems[at]
    }
}
