//! The model hub: plain GETs with a `Range`, resumed where they broke off.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::redirect::Policy;

use super::error::SourceError;
use super::{FetchError, Fetcher, length};
use crate::catalog::{Entry, Hub, SourceKind};
use http_client::reason;

/// A hub that cannot be reached must not hold up the next source.
const CONNECT: Duration = Duration::from_secs(5);
/// A transfer that stands still this long is broken.
const STILL: Duration = Duration::from_secs(30);
/// How often in a row a transfer may break without a byte gained.
const FRUITLESS: u32 = 3;

impl Fetcher {
    /// Completes the partial file.
    pub(super) async fn via_hub(
        &self,
        entry: &Entry,
        hub: &Hub,
        partial: &Path,
    ) -> Result<(), SourceError> {
        let address =
            format!("{}/{}/resolve/{}/{}", self.hub, hub.repository, hub.revision, hub.path);
        let client = client()?;
        let mut fruitless = 0;
        loop {
            let before = length(partial);
            if before == entry.size {
                return Ok(());
            }
            let broke = match self.transfer(&client, &address, entry, partial).await {
                Ok(()) => return Ok(()),
                Err(Broken::Off(reason)) => reason,
                Err(Broken::For(error)) => return Err(error),
            };
            fruitless = if length(partial) > before { 0 } else { fruitless + 1 };
            if fruitless == FRUITLESS {
                return Err(SourceError::Source(format!("`{address}` broke off: {broke}")));
            }
            tokio::time::sleep(Duration::from_millis(200 << fruitless)).await;
        }
    }

    /// One GET of what is missing.
    async fn transfer(
        &self,
        client: &reqwest::Client,
        address: &str,
        entry: &Entry,
        partial: &Path,
    ) -> Result<(), Broken> {
        let here = |source| Broken::For(FetchError::home(partial, source).into());
        let mut done = length(partial);
        let response = client.get(address).header(RANGE, format!("bytes={done}-")).send().await;
        let response = response.map_err(|error| match error.is_connect() {
            true => Broken::For(SourceError::Source(reason(&error))),
            false => Broken::Off(reason(&error)),
        })?;
        let mut file = std::fs::File::options();
        let mut file = file.create(true).truncate(false).write(true).open(partial).map_err(here)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins(&response) == Some(done) => {}
            // The server knows no ranges: what is here is of no use.
            StatusCode::OK => done = 0,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0).map_err(here)?;
                return Err(Broken::Off("the file there is shorter".to_string()));
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Err(Broken::Off(format!("it answered {status}")));
            }
            status => {
                let reason = format!("`{address}` answered {status}");
                return Err(Broken::For(SourceError::Source(reason)));
            }
        }
        file.set_len(done).map_err(here)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(here)?;
        let mut body = response.bytes_stream();
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| Broken::Off(reason(&error)))?;
            if done + bytes.len() as u64 > entry.size {
                file.set_len(0).map_err(here)?;
                let reason = format!("`{address}` is larger than {} bytes", entry.size);
                return Err(Broken::For(SourceError::Source(reason)));
            }
            file.write_all(&bytes).map_err(here)?;
            done += bytes.len() as u64;
            self.fetched(entry, SourceKind::Hub, done);
        }
        match done == entry.size {
            true => Ok(()),
            false => Err(Broken::Off(format!("it ended after {done} of {} bytes", entry.size))),
        }
    }
}

/// How a transfer failed.
enum Broken {
    /// In the middle: it can be resumed.
    Off(String),
    /// For good.
    For(SourceError),
}

pub(super) fn client() -> Result<reqwest::Client, SourceError> {
    http_client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(STILL)
        // Files of a hub lie elsewhere. Nothing secret is sent, and what comes is held against its SHA-256.
        .redirect(Policy::limited(10))
        .no_gzip()
        .user_agent(concat!("errand/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| SourceError::Source(reason(&error)))
}

/// Where the part that a response holds begins.
fn begins(response: &reqwest::Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
