//! What a repository of the model hub holds that is not in the catalog.

use serde::Deserialize;

use super::imported;

use crate::catalog::{Entry, Hub, Kind, Source};
use crate::fetch::error::SourceError;
use crate::fetch::hub::client;
use crate::fetch::{FetchError, Fetcher};
use http_client::reason;

impl Fetcher {
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
            tried: false,
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
