//! What the MCP servers of an agent file offer, before an agent has them and without a run.

use std::collections::BTreeMap;

use agent_core::mcp::Server;
use futures::future::join_all;
use tools::mcp::{Client, McpError, Offered};
use tools::process::Cells;

use super::{Errand, new_id};

impl Errand {
    /// Looks at servers side by side: one that says nothing for long delays the rest only once. What they
    /// write meanwhile keeps its origins, as in a run.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn offered<'a>(
        &self,
        servers: &BTreeMap<&'a String, &Server>,
        cells: &Cells,
    ) -> anyhow::Result<Vec<(&'a String, Result<Offered, McpError>)>> {
        let (store, owner) = (self.store()?, new_id());
        let writes = servers.values().any(|server| server.writes());
        let _driven = if writes { Some(store.drive(&owner)?) } else { None };
        let looked = join_all(servers.iter().map(async |(name, server)| {
            let client = Client::new(name, (*server).clone(), cells.clone(), owner.clone())
                .signed_in(self.tokens());
            client.watched(&store).await?;
            anyhow::Ok((*name, client.offered().await))
        }))
        .await;
        if writes {
            store.programs_ended(Some(&owner)).await?;
        }
        looked.into_iter().collect()
    }

    /// What a server says to one who is not signed in (`WWW-Authenticate`), if it says anything.
    pub async fn challenge(&self, name: &str, server: &Server, cells: &Cells) -> Option<String> {
        Client::new(name, server.clone(), cells.clone(), new_id()).challenge().await
    }
}
