//! Programs of this machine, asked for their versions.

use std::env;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// An empty folder of its own, in which programs are started.
pub(super) struct Runner {
    folder: TempDir,
}

/// What a program printed, and whether it ended well.
pub(super) struct Output {
    pub(super) well: bool,
    pub(super) out: String,
    pub(super) err: String,
}

impl Output {
    /// The first line, if the program ended well.
    pub(super) fn line(&self) -> Option<String> {
        self.out.lines().next().filter(|line| self.well && !line.trim().is_empty()).map(plain)
    }
}

impl Runner {
    pub(super) fn new() -> io::Result<Runner> {
        Ok(Runner { folder: TempDir::new()? })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a program to its end. None where it does not start, or does not end in time.
    pub(super) async fn ask(&self, mut command: Command, most: Duration) -> Option<Output> {
        command.current_dir(self.folder()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = tokio::process::Command::from(command);
        let output = command.kill_on_drop(true).output();
        let output = tokio::time::timeout(most, output).await.ok()?.ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Output {
            well: output.status.success(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        })
    }

    /// What a program says when it is asked for its version.
    pub(super) async fn version(&self, program: &Path) -> Option<String> {
        let mut command = Command::new(program);
        command.arg("--version");
        self.ask(command, Duration::from_secs(10)).await?.line()
    }
}

/// A program on the search path. A folder of that path that is relative is where errand happens to
/// run, and not looked into.
pub(super) fn found(name: impl AsRef<Path>) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let runs = |path: &PathBuf| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    folders.map(|folder| folder.join(name.as_ref())).find(runs)
}

/// What another program said, without what would act on a terminal, and not too long.
fn plain(line: &str) -> String {
    line.trim().chars().filter(|c| !c.is_control()).take(120).collect()
}
