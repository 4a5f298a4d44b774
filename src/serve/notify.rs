//! Tells a URL how the runs of triggers come to rest: signed, and again until it was taken. What is owed is a
//! file a run, written before the run begins and removed once its end was told, so a restart forgets none.
//! A delivery may come twice, with the same `webhook-id`; it comes at least once, or a log line says why not.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::event::RunId;
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use server::{Key, Look};

use super::letter::{Letter, Reach, private};

/// Where what is owed is kept, in `ERRAND_HOME`.
const FOLDER: &str = "notify";

/// Where outcomes go, and which are owed.
pub(super) struct Notify {
    url: Url,
    key: Key,
    client: Client,
    folder: PathBuf,
    /// What is being told now.
    telling: Mutex<HashSet<String>>,
}

impl Notify {
    /// To this address. One of this machine or its network is reached only where `grant` says so.
    pub(super) fn new(
        url: &str,
        grant: Reach,
        key: Key,
        home: &std::path::Path,
    ) -> Result<Notify, String> {
        let url = Url::parse(url).map_err(|error| format!("`notify.url`: `{url}`: {error}"))?;
        if private(&url) && grant == Reach::Public {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            return Err(format!(
                "`notify.url`: `{host}` is an address of this machine or its private network\nhint: \
                 `private = true` under `[notify]` grants it"
            ));
        }
        let plain = url.scheme() == "http" && grant == Reach::Anywhere;
        if url.scheme() != "https" && !plain {
            return Err(format!("`notify.url`: `{url}` must begin with `https://`"));
        }
        let client = grant.client().map_err(|error| format!("`notify.url`: {error}"))?;
        let folder = home.join(FOLDER);
        guard::private::folder(&folder)
            .map_err(|error| format!("`{}`: {error}", folder.display()))?;
        Ok(Notify { url, key, client, folder, telling: Mutex::default() })
    }

    /// Notes that the end of this run is to be told.
    pub(super) fn owe(&self, run: &RunId) -> io::Result<()> {
        guard::private::write(&self.folder.join(&run.0), b"")
    }

    pub(super) fn owes(&self, run: &RunId) -> bool {
        self.folder.join(&run.0).exists()
    }

    /// All runs whose end is to be told.
    pub(super) fn owed(&self) -> Vec<RunId> {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        files.filter_map(|file| file.file_name().into_string().ok()).map(RunId).collect()
    }

    /// There is nothing to tell any more.
    pub(super) fn settled(&self, run: &RunId) {
        if let Err(error) = std::fs::remove_file(self.folder.join(&run.0)) {
            tracing::warn!("what is owed of run `{run}` cannot be removed: {error}");
        }
    }

    /// Tells how a run rests, on its own.
    pub(super) fn tell(self: &Arc<Self>, look: Look) {
        // How a run stands is named by how far it has come.
        let id = format!("{}_{}", look.id, look.events);
        if !self.telling.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
            return;
        }
        let notify = self.clone();
        tokio::spawn(async move {
            notify.told(&id, &look).await;
            if !["waiting", "fault", "interrupted"].contains(&&*look.status) {
                notify.settled(&RunId(look.id));
            }
            notify.telling.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
    }

    async fn told(&self, id: &str, look: &Look) {
        let Notify { url, key, client, .. } = self;
        let (headers, body) = (HeaderMap::new(), body(look).to_string());
        Letter { place: "notify.url", client, url, key, id, headers, body }.taken().await;
    }
}

fn body(look: &Look) -> Value {
    json!({
        "type": format!("run.{}", look.status),
        "data": {
            "id": look.id, "agent": look.agent, "status": look.status, "outcome": look.outcome,
            "detail": look.detail, "waits": look.waits, "usage": look.usage,
            "created_ms": look.created_ms, "updated_ms": look.updated_ms,
        },
    })
}
