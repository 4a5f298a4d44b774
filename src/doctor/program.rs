//! Programs of this machine, asked for their versions.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use guard::{Need, Program, Work};

/// An empty folder of its own, in which programs are started.
pub(super) struct Runner {
    work: Work,
    /// Why it is not where errand keeps its files.
    elsewhere: Option<String>,
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
    /// Beside or in `ERRAND_HOME`, which is not made for it; where nothing can be made there, in the
    /// system's folder for what is gone soon.
    pub(super) fn new(home: &Path) -> io::Result<Runner> {
        let there = home.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(home);
        match Work::new(there) {
            Ok(work) => Ok(Runner { work, elsewhere: None }),
            Err(error) => {
                let work = Work::new(&std::env::temp_dir())?;
                let elsewhere =
                    Some(format!("nothing can be made in `{}`: {error}", there.display()));
                Ok(Runner { work, elsewhere })
            }
        }
    }

    /// Why nothing can be made where errand keeps its files.
    pub(super) fn elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_deref()
    }

    pub(super) fn work(&self) -> &Work {
        &self.work
    }

    /// A program with what these needs name of the environment.
    pub(super) fn helper(&self, program: &Program, needs: &[Need]) -> Command {
        program.helper(&self.work, needs)
    }

    /// Runs a program to its end. None where it does not start, or does not end in time.
    pub(super) async fn ask(&self, mut command: Command, most: Duration) -> Option<Output> {
        command.stdin(Stdio::null());
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
    pub(super) async fn version(&self, program: &Program) -> Option<String> {
        let mut command = self.helper(program, &[]);
        command.arg("--version");
        self.ask(command, Duration::from_secs(10)).await?.line()
    }
}

/// A program on the search path.
pub(super) fn found(name: &str) -> Option<Program> {
    Program::named(name).ok()
}

/// What another program said, without what would act on a terminal, and not too long.
fn plain(line: &str) -> String {
    line.trim().chars().filter(|c| !guard::hides(*c)).take(120).collect()
}
