//! The browser of an agent, set up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_core::browser::{Browser, BrowserConfig};
use tools::browser::Chromium;

/// The Chromium that an agent names, or that of the search path.
pub(super) fn open(
    wanted: &BrowserConfig,
    root: &Path,
    confiner: Option<PathBuf>,
) -> anyhow::Result<Arc<dyn Browser>> {
    Ok(Arc::new(Chromium::new(wanted, root, confiner).map_err(anyhow::Error::msg)?))
}
