//! How far a call is, for the person who runs it.

use crate::bindings::errand::tool::progress;

/// `done` of `total` where that is known, and what is being done.
pub fn report(done: u64, total: Option<u64>, text: impl AsRef<str>) {
    progress::report(done, total, text.as_ref());
}
