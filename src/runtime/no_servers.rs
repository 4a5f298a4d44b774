//! In the place of `servers.rs`, in a build without MCP.

use std::sync::Arc;

use agent_core::mcp::Server;
use agent_core::tool::Tool;
use agent_file::LeftOut;
use guard::Kept;
use store::Store;

use super::Errand;

/// None is spoken to.
#[derive(Clone, Default)]
pub(super) struct Servers {}

impl Servers {
    pub(super) async fn tools(
        &self,
        _errand: &Errand,
        _store: &Store,
        _kept: &Arc<Kept>,
        (name, _): (&String, &Server),
    ) -> anyhow::Result<Vec<Arc<dyn Tool>>> {
        let asked = format!("the MCP server `{name}`");
        Err(anyhow::Error::msg(LeftOut::refused("mcp", &asked)))
    }

    pub(super) async fn end(&self) {}
}
