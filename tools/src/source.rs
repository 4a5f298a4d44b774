//! Where a component comes from: a file, or a URL or a registry from which it is fetched once. What
//! comes is bounded, and looked at before anything is made of it; nothing is unpacked.

mod fetch;
mod oci;

use std::io::Read;
use std::path::{Path, PathBuf};

use agent_core::component::LARGEST;
use url::Url;

use fetch::{Broken, Progress, body};
pub use oci::{Image, Login};

/// Where a component comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// An address, `http` or `https`.
    Url(Url),
    /// A registry's, `oci`.
    Image(Image),
}

impl Source {
    /// A path, or a URL: `https://`, `http://`, `oci://` or `file://`.
    pub fn parse(written: &str) -> Result<Self, SourceError> {
        // Only what has `://` is meant as a URL: `c:x` may be a file.
        if !written.contains("://") {
            return Ok(Self::File(written.into()));
        }
        let wrong = |reason: String| SourceError::Url { written: written.to_string(), reason };
        if let Some(image) = written.strip_prefix("oci://") {
            return Image::parse(image).map(Self::Image).map_err(wrong);
        }
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
            scheme => {
                Err(wrong(format!("`{scheme}:` is not read, only `https:`, `http:` and `oci:`")))
            }
        }
    }

    /// What the file is called, without its ending.
    pub fn stem(&self) -> Option<String> {
        let path = match self {
            Self::File(path) => path.as_path(),
            Self::Url(url) => Path::new(url.path()),
            // What follows a dot in it is no ending.
            Self::Image(image) => return Some(image.stem().to_string()),
        };
        path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
    }

    /// Its bytes: a component, by the look of it. `login` is for a registry that asks who wants it;
    /// `progress` is told bytes and, where it is known, how many there will be.
    pub async fn read(
        &self,
        login: Option<&Login>,
        progress: &(dyn Fn(u64, Option<u64>) + Sync),
    ) -> Result<Vec<u8>, SourceError> {
        let bytes = match self {
            Self::File(path) => from_file(path)?,
            Self::Url(url) => from_url(url, progress).await?,
            Self::Image(image) => image.pull(login, progress).await?,
        };
        recognized(&bytes).map_err(|what| SourceError::Other { source_is: self.shown(), what })?;
        Ok(bytes)
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => url.to_string(),
            Self::Image(image) => image.to_string(),
        }
    }
}

fn from_file(path: &Path) -> Result<Vec<u8>, SourceError> {
    let failed = |error| SourceError::File { path: path.to_path_buf(), reason: why(path, &error) };
    let file = guard::file::open(path).map_err(failed)?;
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

async fn from_url(url: &Url, progress: Progress<'_>) -> Result<Vec<u8>, SourceError> {
    let failed = |reason: String| SourceError::Fetch { url: url.to_string(), reason };
    let sent = fetch::client(url).await.map_err(failed)?.get(url.clone()).send().await;
    let response = sent.map_err(|error| failed(http_client::reason(&error)))?;
    if !response.status().is_success() {
        return Err(failed(format!("the server answered {}", response.status())));
    }
    body(response, LARGEST, progress).await.map_err(|broken| match broken {
        Broken::Large => SourceError::Large { from: url.to_string() },
        Broken::Off(reason) => failed(reason),
    })
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
            ("oci://example.org/x/weather:1.2", "weather"),
        ] {
            let source = Source::parse(written).ok();
            assert_eq!(source.and_then(|s| s.stem()).as_deref(), Some(stem), "{written}");
        }
        for (written, why) in [
            ("oci://example.org", "`oci://HOST/REPOSITORY:TAG`"),
            ("ftp://example.org/x.wasm", "`ftp:` is not read"),
            ("https://me:pw@example.org/x.wasm", "a user or a password"),
            ("https://", "cannot be added"),
        ] {
            let error = Source::parse(written).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|said| said.contains(why)), "{error:?}");
        }
    }
}
