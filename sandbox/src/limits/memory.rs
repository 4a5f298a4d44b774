//! Linear memory and tables of one call: counted, limited, the peak remembered.

use wasmtime::ResourceLimiter;

use super::Hit;

/// Function references are what a table holds; CPython's has 20,000.
pub(crate) const TABLE_ELEMENTS: usize = 64 * 1024;

/// Core instances of one call: CPython from componentize-py is some twenty around one memory.
pub(crate) const INSTANCES: usize = 64;

/// Tables of one call.
pub(crate) const TABLES: usize = 8;

/// Linear memories of one call.
pub(crate) const MEMORIES: usize = 2;

/// The memory of all instances of one call together.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    now: usize,
    peak: usize,
    /// What the last growth added, in case it then fails for another reason.
    added: usize,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Memory {
        Memory { limit, now: 0, peak: 0, added: 0 }
    }

    /// The most there was, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.peak
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let added = desired.saturating_sub(current);
        let now = self.now.saturating_add(added);
        if now > self.limit {
            return Err(Hit::Memory(self.limit).into());
        }
        self.now = now;
        self.added = added;
        self.peak = self.peak.max(now);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.now -= std::mem::take(&mut self.added);
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            return Err(Hit::Table(TABLE_ELEMENTS).into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
