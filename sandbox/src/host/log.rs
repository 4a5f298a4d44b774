//! What a guest says while it works: for the watcher, never for the model. Cut, counted, and
//! without anything that a terminal would obey or that would make a line read as another one.

use std::time::{Duration, Instant};

use agent_core::sandbox::{Level, Remark};

use super::Host;
use super::bindings::errand::tool::log::{self, Level as Given};
use super::bindings::errand::tool::progress;
use crate::limits::Import;

/// The longest line, in bytes.
const LONGEST: usize = 2 << 10;

/// Between two reports of one call: a person reads no faster.
const PAUSE: Duration = Duration::from_millis(100);

impl log::Host for Host {
    async fn write(&mut self, level: Given, text: String) -> wasmtime::Result<()> {
        // What is too much is dropped; the time it takes is the guest's.
        if self.uses.count(Import::Log).is_err() {
            return Ok(());
        }
        let level = match level {
            Given::Debug => Level::Debug,
            Given::Info => Level::Info,
            Given::Warn => Level::Warn,
            Given::Error => Level::Error,
        };
        let text = self.line(&text);
        self.channel.emit(Remark::Log { level, text }).await
    }
}

impl progress::Host for Host {
    async fn report(
        &mut self,
        done: u64,
        total: Option<u64>,
        text: String,
    ) -> wasmtime::Result<()> {
        let soon = self.reported.is_some_and(|last| last.elapsed() < PAUSE);
        // The last report is what stays.
        let skipped = soon && total != Some(done);
        if self.uses.count(Import::Progress).is_err() || skipped {
            return Ok(());
        }
        self.reported = Some(Instant::now());
        let text = self.line(&text);
        self.channel.emit(Remark::Progress { done, total, text }).await
    }
}

impl Host {
    fn line(&self, text: &str) -> String {
        let cut = &text[..text.floor_char_boundary(LONGEST)];
        let plain = cut.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect();
        self.keys.clean_text(plain)
    }
}

/// Whether a terminal would do something at this character instead of showing it: a control, or a
/// mark that turns the direction of writing or cannot be seen.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
