//! MCP servers: the clients that the agents of a run share, and what a server offers before an agent has it
//! and without a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::event::RunId;
use agent_core::mcp::Server;
use agent_core::tool::Tool;
use futures::future::join_all;
use guard::Kept;
use store::{Drive, Store};
use tools::mcp::{self, Client, McpError, Offered, Tokens};
use tools::process::Cells;

use super::{Errand, new_id};

/// The servers of one run, one client for each.
#[derive(Clone, Default)]
pub(super) struct Servers {
    clients: Arc<tokio::sync::Mutex<Vec<Named>>>,
    owner: Arc<Mutex<Option<(RunId, Drive)>>>,
}

/// A client, and what the agent file calls its server.
type Named = (String, Arc<Client>);

impl Servers {
    /// The tools of a server, with one client for it, whichever agents of the run use it. A server that
    /// has other tools than were agreed to stops the run before it begins; one that cannot be reached
    /// is a failure of the calls that need it.
    pub(super) async fn tools(
        &self,
        errand: &Errand,
        store: &Store,
        kept: &Arc<Kept>,
        (name, server): (&String, &Server),
    ) -> anyhow::Result<Vec<Arc<dyn Tool>>> {
        let mut clients = self.clients.lock().await;
        let same = |(known, client): &&Named| known == name && client.server() == server;
        if let Some((_, client)) = clients.iter().find(same) {
            return Ok(mcp::tools(client));
        }
        let cells = Cells { confiner: errand.confiner.clone(), kept: Arc::clone(kept) };
        let owner = if server.writes() { self.owner(store)? } else { new_id() };
        let client = Client::new(name, server.clone(), cells, owner);
        let client = Arc::new(client.signed_in(errand.tokens()));
        client.watched(store).await?;
        if let Err(error @ McpError::Changed { .. }) = client.ready().await {
            return Err(error.into());
        }
        let tools = mcp::tools(&client);
        clients.push((name.clone(), client));
        Ok(tools)
    }

    /// Ends them.
    pub(super) async fn end(&self) {
        for (_, client) in self.clients.lock().await.drain(..) {
            client.end().await;
        }
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// What the servers are known by in the journal: driven, as a run is, while this process lives.
    fn owner(&self, store: &Store) -> anyhow::Result<RunId> {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, driven) = match owner.take() {
            Some(owner) => owner,
            None => {
                let id = new_id();
                (id.clone(), store.drive(&id)?)
            }
        };
        *owner = Some((id.clone(), driven));
        Ok(id)
    }
}

impl Errand {
    /// What the user is signed in with at MCP servers.
    pub fn tokens(&self) -> Tokens {
        Tokens::new(self.fetcher.home().root())
    }

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
