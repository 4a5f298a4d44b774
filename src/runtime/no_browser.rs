//! In the place of `browser.rs`, in a build without a browser.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::browser::{Browser, BrowserConfig};
use agent_file::LeftOut;

pub(super) fn open(
    _wanted: &BrowserConfig,
    _root: &Path,
    _confiner: Option<PathBuf>,
) -> anyhow::Result<Arc<dyn Browser>> {
    Err(anyhow::Error::msg(LeftOut::refused("browser", "`[browser]`")))
}
