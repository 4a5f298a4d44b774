//! A signed POST to an address that was granted, again until it was taken. No redirect is followed, and an address of
//! this machine or its network is reached only where that is granted, whatever a name resolves to.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, StatusCode, Url};
use server::Key;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds between attempts; after the last it is given up.
const PAUSES: [u64; 9] = [1, 5, 30, 120, 600, 3600, 14_400, 28_800, 43_200];

/// What may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public addresses, with TLS.
    Public,
    /// Also this machine and its network, and without TLS.
    Anywhere,
}

impl Reach {
    /// What sends there.
    pub(super) fn client(self) -> Result<Client, String> {
        let client =
            http_client::builder().no_proxy().timeout(PATIENCE).user_agent(sandbox::USER_AGENT);
        let client = match self {
            Reach::Public => client.dns_resolver(Arc::new(sandbox::Resolver)),
            Reach::Anywhere => client,
        };
        client.build().map_err(|error| error.to_string())
    }
}

/// Whether a URL names an address of this machine or its network by its number.
pub(super) fn private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse().is_ok_and(|address| !sandbox::public(address))
}

/// What is sent.
pub(super) struct Letter<'a> {
    /// What grants the address: the key of the serve file, for the log.
    pub(super) place: &'a str,
    pub(super) client: &'a Client,
    pub(super) url: &'a Url,
    pub(super) key: &'a Key,
    /// Its name, the same however often it comes.
    pub(super) id: &'a str,
    /// Beside those that sign it.
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Letter<'_> {
    /// Sends it until it was taken, or it is given up.
    pub(super) async fn taken(&self) {
        let Letter { place, id, .. } = self;
        let mut pauses = PAUSES.iter();
        loop {
            let why = match self.sent().await {
                Ok(status) if status.is_success() => return,
                Ok(StatusCode::GONE) => {
                    tracing::warn!("`{place}` wants to hear nothing of `{id}`: 410");
                    return;
                }
                Ok(status) => format!("status {}", status.as_u16()),
                Err(error) => http_client::reason(&error),
            };
            let Some(pause) = pauses.next() else {
                tracing::error!("`{place}` was not told of `{id}`, and will not be: {why}");
                return;
            };
            tracing::warn!("`{place}` was not told of `{id}`, again in {pause} s: {why}");
            tokio::time::sleep(Duration::from_secs(*pause)).await;
        }
    }

    async fn sent(&self) -> Result<StatusCode, reqwest::Error> {
        let time = crate::runtime::now() / 1000;
        let mut request = self.client.post(self.url.clone()).body(self.body.clone());
        request = request.headers(self.headers.clone()).header("content-type", "application/json");
        for (name, value) in self.key.sign(self.id, time, self.body.as_bytes()) {
            request = request.header(name, value);
        }
        Ok(request.send().await?.status())
    }
}
