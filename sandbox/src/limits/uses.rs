//! How often one call may use each of the host's interfaces. What a guest does meanwhile is
//! bounded by its time; what it makes the host do is bounded here.

use super::Hit;

/// An interface that a guest imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Import {
    Log,
    Progress,
    Kv,
    Http,
    Pages,
    Files,
    Tools,
}

impl Import {
    /// Its name, and the uses of one call.
    fn limit(self) -> (&'static str, u32) {
        match self {
            Import::Log => ("log", 200),
            Import::Progress => ("progress", 10_000),
            Import::Kv => ("kv", 10_000),
            Import::Http => ("http", 1_000),
            Import::Pages => ("pages", 1_000),
            Import::Files => ("files", 100_000),
            Import::Tools => ("tools", 1_000),
        }
    }
}

/// What one call has used.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    counts: [u32; 7],
}

impl Uses {
    /// Counts one more.
    pub(crate) fn count(&mut self, import: Import) -> Result<(), Hit> {
        let (name, limit) = import.limit();
        let count = &mut self.counts[import as usize];
        *count = count.saturating_add(1);
        if *count > limit { Err(Hit::Uses(name, limit)) } else { Ok(()) }
    }
}
