//! Tells a URL how the runs of triggers come to rest: signed, and again until it was taken. What is owed is a
//! file a run, written before the run begins and removed once its end was told, so a restart forgets none.
//! A delivery may come twice, with the same `webhook-id`; it comes at least once, or a log line says why not.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_core::event::RunId;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use server::{Key, Look};

/// Where what is owed is kept, in `ERRAND_HOME`.
const FOLDER: &str = "notify";

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds between attempts; after the last it is given up.
const PAUSES: [u64; 9] = [1, 5, 30, 120, 600, 3600, 14_400, 28_800, 43_200];

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
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_string();
        let literal = host.parse().ok();
        if literal.is_some_and(|address| !sandbox::public(address)) && grant == Reach::Public {
            return Err(format!(
                "`notify.url`: `{host}` is an address of this machine or its private network\nhint: \
                 `private = true` under `[notify]` grants it"
            ));
        }
        let plain = url.scheme() == "http" && grant == Reach::Anywhere;
        if url.scheme() != "https" && !plain {
            return Err(format!("`notify.url`: `{url}` must begin with `https://`"));
        }
        let client =
            http_client::builder().no_proxy().timeout(PATIENCE).user_agent(sandbox::USER_AGENT);
        let client = match grant {
            Reach::Public => client.dns_resolver(Arc::new(sandbox::Resolver)),
            Reach::Anywhere => client,
        };
        let client = client.build().map_err(|error| format!("`notify.url`: {error}"))?;
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
        let body = body(look).to_string();
        let mut pauses = PAUSES.iter();
        loop {
            let why = match self.sent(id, &body).await {
                Ok(status) if status.is_success() => return,
                Ok(StatusCode::GONE) => {
                    tracing::warn!("`notify.url` wants to hear nothing of `{id}`: 410");
                    return;
                }
                Ok(status) => format!("status {}", status.as_u16()),
                Err(error) => http_client::reason(&error),
            };
            let Some(pause) = pauses.next() else {
                tracing::error!("`notify.url` was not told of `{id}`, and will not be: {why}");
                return;
            };
            tracing::warn!("`notify.url` was not told of `{id}`, again in {pause} s: {why}");
            tokio::time::sleep(Duration::from_secs(*pause)).await;
        }
    }

    async fn sent(&self, id: &str, body: &str) -> Result<StatusCode, reqwest::Error> {
        let time = crate::runtime::now() / 1000;
        let mut request = self.client.post(self.url.clone()).body(body.to_string());
        request = request.header("content-type", "application/json");
        for (name, value) in self.key.sign(id, time, body.as_bytes()) {
            request = request.header(name, value);
        }
        Ok(request.send().await?.status())
    }
}

/// What may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public addresses, with TLS.
    Public,
    /// Also this machine and its network, and without TLS.
    Anywhere,
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
