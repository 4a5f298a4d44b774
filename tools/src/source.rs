//! Where a component comes from: a file, or a URL that is fetched once. What comes is bounded, and
//! looked at before anything is made of it; nothing is unpacked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_core::agent_file::LARGEST;
use reqwest::redirect::Policy;
use url::Url;

/// A server that cannot be reached is told soon.
const CONNECT: Duration = Duration::from_secs(10);
/// A transfer that stands still this long is broken.
const STILL: Duration = Duration::from_secs(30);
/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// An address, `http` or `https`.
    Url(Url),
}

impl Source {
    /// A path, or a URL: `https://`, `http://` or `file://`.
    pub fn parse(written: &str) -> Result<Self, SourceError> {
        // Only what has `://` is meant as a URL: `c:x` may be a file.
        if !written.contains("://") {
            return Ok(Self::File(written.into()));
        }
        let wrong = |reason: String| SourceError::Url { written: written.to_string(), reason };
        let url = Url::parse(written).map_err(|error| wrong(error.to_string()))?;
        match url.scheme() {
            "file" => {
                let path = url.to_file_path();
                path.map(Self::File).map_err(|()| wrong("it names no file here".to_string()))
            }
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                Err(wrong("a URL may not carry a user or a password".to_string()))
            }
            "http" | "https" => Ok(Self::Url(url)),
            "oci" => Err(wrong(
                "registries of images are not read: fetch the component with their own client"
                    .to_string(),
            )),
            scheme => Err(wrong(format!("`{scheme}:` is not read, only `https:` and `http:`"))),
        }
    }

    /// What the file is called, without its ending.
    pub fn stem(&self) -> Option<String> {
        let path = match self {
            Self::File(path) => path.as_path(),
            Self::Url(url) => Path::new(url.path()),
        };
        path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
    }

    /// Its bytes: a component, by the look of it. `progress` is told bytes and, where it is known,
    /// how many there will be.
    pub async fn read(
        &self,
        progress: &(dyn Fn(u64, Option<u64>) + Sync),
    ) -> Result<Vec<u8>, SourceError> {
        let bytes = match self {
            Self::File(path) => from_file(path)?,
            Self::Url(url) => from_url(url, progress).await?,
        };
        recognized(&bytes).map_err(|what| SourceError::Other { source_is: self.shown(), what })?;
        Ok(bytes)
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => url.to_string(),
        }
    }
}

fn from_file(path: &Path) -> Result<Vec<u8>, SourceError> {
    let failed = |error| SourceError::File { path: path.to_path_buf(), reason: why(path, &error) };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() > LARGEST {
        true => Err(SourceError::Large { from: path.display().to_string() }),
        false => Ok(bytes),
    }
}

fn why(path: &Path, error: &std::io::Error) -> String {
    match error.kind() {
        _ if path.is_dir() => "it is a folder".to_string(),
        std::io::ErrorKind::NotFound => "there is no such file".to_string(),
        _ => error.to_string().to_lowercase(),
    }
}

async fn from_url(
    url: &Url,
    progress: &(dyn Fn(u64, Option<u64>) + Sync),
) -> Result<Vec<u8>, SourceError> {
    let failed = |reason: String| SourceError::Fetch { url: url.to_string(), reason };
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(STILL)
        .redirect(redirects())
        // What is small on the wire may be endless once unpacked.
        .gzip(false)
        .user_agent(concat!("errand/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| failed(sentence(&error)))?;
    let sent = client.get(url.clone()).send().await;
    let mut response = sent.map_err(|error| failed(sentence(&error)))?;
    if !response.status().is_success() {
        return Err(failed(format!("the server answered {}", response.status())));
    }
    let total = response.content_length();
    if total.is_some_and(|total| total > LARGEST as u64) {
        return Err(SourceError::Large { from: url.to_string() });
    }
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| failed(sentence(&error)))? {
        if bytes.len() + part.len() > LARGEST {
            return Err(SourceError::Large { from: url.to_string() });
        }
        bytes.extend_from_slice(&part);
        progress(bytes.len() as u64, total);
    }
    Ok(bytes)
}

/// A few, and never from `https` to `http`.
fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let secure = attempt.previous().first().is_some_and(|first| first.scheme() == "https");
        if attempt.previous().len() > REDIRECTS {
            attempt.error("it redirects too often")
        } else if secure && attempt.url().scheme() != "https" {
            attempt.error("it redirects from `https:` to `http:`")
        } else {
            attempt.follow()
        }
    })
}

/// The error and what it comes from: reqwest itself says only that something failed.
fn sentence(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Whether these are the first bytes of a component; the error is what they are instead.
fn recognized(bytes: &[u8]) -> Result<(), &'static str> {
    const MODULE: &str = "a core module, not a component: build it for `wasm32-wasip2`, or make a \
                          component of it with `wasm-tools component new`";
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(MODULE),
        [0, b'a', b's', b'm', ..] => Err("WebAssembly of another version than is run here"),
        [b'P', b'K', ..] => Err("a zip archive: unpack it, and name the component in it"),
        [0x1f, 0x8b, ..] => Err("packed with gzip: unpack it first"),
        [b'\x28', 0xb5, 0x2f, 0xfd, ..] => Err("packed with zstd: unpack it first"),
        [] => Err("empty"),
        [b'<', ..] => Err("a web page: is this the address of the file itself?"),
        _ => Err("not WebAssembly"),
    }
}

/// There is nothing to be had from a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// This is no URL that is read.
    #[error("`{written}` cannot be added: {reason}")]
    Url {
        /// As it was written.
        written: String,
        /// Why not.
        reason: String,
    },
    /// It could not be fetched.
    #[error("`{url}` cannot be fetched: {reason}")]
    Fetch {
        /// From where.
        url: String,
        /// Why.
        reason: String,
    },
    /// There is too much of it.
    #[error("`{from}` is larger than {} MiB", LARGEST >> 20)]
    Large {
        /// Where it is.
        from: String,
    },
    /// It is something else.
    #[error("`{source_is}` is {what}")]
    Other {
        /// Where it is.
        source_is: String,
        /// What it is.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_addresses_are_told_apart() {
        for (written, stem) in [
            ("weather.wasm", "weather"),
            ("../a/open-meteo.wasm", "open-meteo"),
            ("https://example.org/x/weather.wasm?v=1#a", "weather"),
            ("file:///tmp/weather.wasm", "weather"),
        ] {
            let source = Source::parse(written).ok();
            assert_eq!(source.and_then(|s| s.stem()).as_deref(), Some(stem), "{written}");
        }
        for (written, why) in [
            ("oci://example.org/x", "registries of images"),
            ("ftp://example.org/x.wasm", "`ftp:` is not read"),
            ("https://me:pw@example.org/x.wasm", "a user or a password"),
            ("https://", "cannot be added"),
        ] {
            let error = Source::parse(written).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|said| said.contains(why)), "{error:?}");
        }
    }
}
