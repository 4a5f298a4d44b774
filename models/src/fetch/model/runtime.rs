//! ONNX Runtime for a device: one library for the processor; for CUDA a library and its providers,
//! which must lie in one folder.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::catalog::Entry;
use crate::fetch::{FetchError, Fetcher, Network, Stage};
use crate::home::{Home, into_place};
use crate::onnx::Device;

/// The package for CUDA in the catalog, and its members that are needed: the library first.
const CUDA: &str = "onnxruntime-cuda";
const MEMBERS: [&str; 3] = [
    "libonnxruntime.so.",
    "libonnxruntime_providers_shared.so",
    "libonnxruntime_providers_cuda.so",
];

impl Fetcher {
    /// The library that runs models on this device: `ORT_DYLIB_PATH` if that is set, or the one
    /// that is here, or else it is fetched.
    ///
    /// # Errors
    /// There is none for this machine, it cannot be fetched or written, or fetching is forbidden.
    pub async fn runtime(
        &self,
        device: Device,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<PathBuf, FetchError> {
        match (env("ORT_DYLIB_PATH").filter(|path| !path.is_empty()), device) {
            (Some(path), _) => Ok(path.into()),
            (None, Device::Cpu) => self.file("onnxruntime").await,
            (None, Device::Cuda) => self.unpacked(CUDA).await,
        }
    }

    /// The library out of a package that is fetched, unpacked once, and removed then.
    async fn unpacked(&self, name: &str) -> Result<PathBuf, FetchError> {
        let entry = self.catalog.get(name).ok_or_else(|| self.unknown(name))?;
        if let Some(library) = unpacked(&self.home, entry) {
            return Ok(library);
        }
        let folder = folder(&self.home, entry);
        if self.network == Network::Forbidden {
            return Err(FetchError::Offline { name: name.to_string() });
        }
        let _lock = self.lock(&format!("{}.lib", entry.sha256), name).await?;
        if library_in(&folder).is_none() {
            let package = self.entry(entry).await?;
            let to = folder.clone();
            let work = tokio::task::spawn_blocking(move || unpack(&package, &to));
            work.await.map_err(|error| FetchError::home(&folder, io::Error::other(error)))??;
            self.progress.report(name, Stage::Done);
        }
        library_in(&folder).ok_or_else(|| {
            FetchError::home(&folder, io::Error::other("the package has no library in it"))
        })
    }
}

/// The library of a package that was unpacked.
pub(super) fn unpacked(home: &Home, entry: &Entry) -> Option<PathBuf> {
    library_in(&folder(home, entry))
}

fn folder(home: &Home, entry: &Entry) -> PathBuf {
    home.file(entry).with_file_name("lib")
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(folder).ok()?.filter_map(|file| Some(file.ok()?.path()));
    files.find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(MEMBERS[0]))
    })
}

/// Takes the members out of the package, all or none, and removes it.
fn unpack(package: &Path, to: &Path) -> Result<(), FetchError> {
    let staging = to.with_extension("new");
    let failed = |source: io::Error| FetchError::home(&staging, source);
    // An attempt that was killed may have left its own; the lock says that it is abandoned.
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(failed)?;
    }
    guard::private::folder(&staging).map_err(failed)?;
    let file = File::open(package).map_err(|source| FetchError::home(package, source))?;
    let broken = |error: zip::result::ZipError| FetchError::home(package, error.into());
    let mut archive = zip::ZipArchive::new(file).map_err(broken)?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(broken)?;
        let name = member.name().rsplit('/').next().unwrap_or_default().to_string();
        if MEMBERS.iter().any(|wanted| name.starts_with(wanted)) {
            let mut out = File::create(staging.join(&name)).map_err(failed)?;
            io::copy(&mut member, &mut out).and_then(|_| out.sync_all()).map_err(failed)?;
        }
    }
    into_place(&staging, to)?;
    fs::remove_file(package).map_err(|source| FetchError::home(package, source))
}
