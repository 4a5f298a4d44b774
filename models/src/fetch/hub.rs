//! The model hub: plain GETs with a `Range`, resumed where they broke off.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::redirect::Policy;
use serde::Deserialize;

use super::error::SourceError;
use super::plan::imported;
use super::{FetchError, Fetcher, length};
use crate::catalog::{Entry, Hub, Kind, Source, SourceKind};
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

    /// What a repository outside the catalog has: the file named, or the GGUF that suits best.
    pub(super) async fn look_up(&self, name: &str) -> Result<Entry, FetchError> {
        let mut parts = name.splitn(3, '/');
        let (owner, repository, file) = (parts.next(), parts.next(), parts.next());
        let repository = [owner, repository].map(Option::unwrap_or_default).join("/");
        let failed = |reason: String| FetchError::Sources {
            name: name.to_string(),
            tried: vec![format!("hub: {reason}")],
        };
        let address = format!("{}/api/models/{repository}/tree/main?recursive=true", self.hub);
        let client = client().map_err(|error| match error {
            SourceError::Here(error) => error,
            SourceError::Source(reason) => failed(reason),
        })?;
        let response = client.get(&address).send().await.map_err(|e| failed(reason(&e)))?;
        if !response.status().is_success() {
            let status = response.status();
            return Err(failed(format!("repository `{repository}` answered {status}")));
        }
        let files: Vec<Listed> = response.json().await.map_err(|e| failed(reason(&e)))?;
        let chosen = choose(&files, file).ok_or_else(|| {
            let wanted = file.unwrap_or("any GGUF in one piece");
            failed(format!("repository `{repository}` does not have `{wanted}`"))
        })?;
        let lfs = chosen
            .lfs
            .as_ref()
            .ok_or_else(|| failed(format!("the hub gives no SHA-256 for `{}`", chosen.path)))?;
        Ok(Entry {
            name: name.to_string(),
            kind: Kind::Model,
            about: chosen.path.clone(),
            license: "see the repository".to_string(),
            platform: None,
            file: chosen.path.rsplit('/').next().unwrap_or(&chosen.path).to_string(),
            size: lfs.size,
            makes: imported(lfs.size),
            memory: 0,
            sha256: lfs.oid.clone(),
            sources: vec![Source::Hub(Hub {
                repository,
                revision: "main".to_string(),
                path: chosen.path.clone(),
            })],
        })
    }
}

/// A file in a repository, as the hub lists it.
#[derive(Deserialize)]
struct Listed {
    path: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// The file asked for, or the GGUF whose quantisation imports best.
fn choose<'a>(files: &'a [Listed], wanted: Option<&str>) -> Option<&'a Listed> {
    if let Some(wanted) = wanted {
        return files.iter().find(|file| file.path == wanted);
    }
    ["q4_k_m", "q4_0", "q4_1", "q8_0", ""].iter().find_map(|quantisation| {
        files.iter().find(|file| {
            let path = file.path.to_lowercase();
            path.ends_with(".gguf") && !path.contains("-of-") && path.contains(quantisation)
        })
    })
}

/// How a transfer failed.
enum Broken {
    /// In the middle: it can be resumed.
    Off(String),
    /// For good.
    For(SourceError),
}

fn client() -> Result<reqwest::Client, SourceError> {
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
