//! What a guest says while it works: lines for whoever runs it, in the log of this process, never
//! for the model. Cut, counted, and without anything that a terminal would obey.

use super::Host;
use super::bindings::errand::tool::log::{self, Level};
use super::bindings::errand::tool::progress;
use crate::limits::Import;

/// The longest line, in bytes.
const LONGEST: usize = 2 << 10;

impl log::Host for Host {
    async fn write(&mut self, level: Level, text: String) -> wasmtime::Result<()> {
        // What is too much is dropped; the time it takes is the guest's.
        if self.uses.count(Import::Log).is_err() {
            return Ok(());
        }
        let (tool, text) = (self.shown(), self.line(&text));
        match level {
            Level::Debug => tracing::debug!(target: "errand::tool", tool, "{text}"),
            Level::Info => tracing::info!(target: "errand::tool", tool, "{text}"),
            Level::Warn => tracing::warn!(target: "errand::tool", tool, "{text}"),
            Level::Error => tracing::error!(target: "errand::tool", tool, "{text}"),
        }
        Ok(())
    }
}

impl progress::Host for Host {
    async fn report(
        &mut self,
        done: u64,
        total: Option<u64>,
        text: String,
    ) -> wasmtime::Result<()> {
        if self.uses.count(Import::Progress).is_ok() {
            let (tool, text) = (self.shown(), self.line(&text));
            tracing::debug!(target: "errand::tool", tool, done, total, "{text}");
        }
        Ok(())
    }
}

impl Host {
    fn line(&self, text: &str) -> String {
        let cut = &text[..text.floor_char_boundary(LONGEST)];
        let plain = cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.keys.clean_text(plain)
    }
}
