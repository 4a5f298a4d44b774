//! Extism, with the same limits of memory and time: compiled once, then a fresh plug-in for each
//! call, or one for all.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use serde_json::Value;

use crate::arguments;

/// The plug-in, compiled.
pub(crate) struct Plugins(CompiledPlugin);

impl Plugins {
    pub(crate) fn new(module: &Path) -> Result<Plugins> {
        // 64 MiB and 5 s, as `Limits::DEFAULT` of errand has it.
        let manifest = Manifest::new([Wasm::data(std::fs::read(module)?)])
            .with_memory_max(1024)
            .with_timeout(Duration::from_secs(5));
        Ok(Plugins(PluginBuilder::new(manifest).with_cache_disabled().compile()?))
    }

    /// One instance, to be called again and again.
    pub(crate) fn kept(&self) -> Result<Plugin> {
        Plugin::new_from_compiled(&self.0)
    }

    /// One call in an instance of its own.
    pub(crate) fn fresh(&self) -> Result<Value> {
        call(&mut self.kept()?)
    }
}

/// One call.
pub(crate) fn call(plugin: &mut Plugin) -> Result<Value> {
    let arguments = arguments().to_string();
    let result: &str = plugin.call("count", arguments.as_str())?;
    Ok(serde_json::from_str(result)?)
}
