//! A headless Chromium that shows pages, for those that say nothing before their scripts have run.
//!
//! Chromium is an untrusted program, and what it runs are untrusted scripts: each page gets a
//! process of its own, confined as an MCP server's is, without a network, with a profile that is
//! gone afterwards. It is spoken to in the DevTools protocol over two pipes. Whatever a page asks
//! for is handed back to the host ([`Web`]), which judges it and fetches it, or does not.

mod pipe;
mod visit;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent_core::browser::{Browser, BrowserConfig, Shown, Web};
use agent_core::mcp::{Confinement, Network, Program};
use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use crate::process::{Cells, Process, SILENT, found};
use pipe::Pipe;
use visit::Lost;

/// What Chromium and its kin are called, where nothing is said.
pub const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// What it reads beside the system's programs. The files of `/proc` that belong to other programs
/// stay closed: landlock lets no program look into a process outside.
const READS: [&str; 7] = [
    "/proc",
    "/sys/devices/system/cpu",
    "/etc/chromium",
    "/etc/chromium.d",
    "/etc/fonts",
    "/opt/google",
    "/var/cache/fontconfig",
];

/// The shell turns standard input and output into the two files that the protocol is spoken over.
const HANDS_OVER: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";

const FLAGS: [&str; 16] = [
    "--headless",
    "--remote-debugging-pipe",
    // Its own sandbox needs what the cell takes away. The cell is tighter: one page, no network.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-breakpad",
    // Frames of other sites stay in the page's process, where their requests are seen.
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process",
    "--blink-settings=imagesEnabled=false",
    "--mute-audio",
    "--no-first-run",
];

/// Pages that are shown at once: each is some 300 MB.
const AT_ONCE: usize = 2;

/// The time for one page, the browser's start included.
const MOST: Duration = Duration::from_secs(45);

/// Chromium, or what is made of it.
#[derive(Debug)]
pub struct Chromium {
    program: PathBuf,
    cells: Cells,
    turns: Semaphore,
}

impl Chromium {
    /// The browser that an agent names, its folder, and the program that confines it. The
    /// error says that there is no browser.
    pub fn new(
        config: &BrowserConfig,
        root: &Path,
        confiner: Option<PathBuf>,
    ) -> Result<Chromium, String> {
        let program = match &config.program {
            Some(program) => found(program, root)
                .map_err(|reason| format!("`[browser]` cannot be used: {reason}"))?,
            None => NAMES.iter().find_map(|name| found(name, root).ok()).ok_or_else(|| {
                format!(
                    "`[browser]` needs a browser, and none of {} is on the search path\nhint: \
                     install Chromium, or name its program, as in `program = \"/opt/chrome\"`",
                    NAMES.map(|name| format!("`{name}`")).join(", ")
                )
            })?,
        };
        let cells = Cells { confiner, kept: Arc::default() };
        Ok(Chromium { program, cells, turns: Semaphore::new(AT_ONCE) })
    }

    fn start(&self, profile: &Path) -> Result<(Process, Pipe), String> {
        let program = self.program.to_string_lossy().into_owned();
        let mut args = vec!["-c".to_string(), HANDS_OVER.to_string(), program];
        args.extend(FLAGS.map(str::to_string));
        args.push(format!("--user-data-dir={}", profile.join("profile").display()));
        let mut read: Vec<PathBuf> = READS.iter().map(PathBuf::from).collect();
        read.extend(
            self.program.canonicalize().ok().and_then(|at| Some(at.parent()?.to_path_buf())),
        );
        let cell = Program {
            command: "sh".to_string(),
            args,
            env: BTreeMap::new(),
            root: profile.to_path_buf(),
            read,
            write: vec![profile.to_path_buf()],
            network: Network::None,
            confinement: Confinement::Required,
        };
        let own = profile.to_string_lossy().into_owned();
        let mut env: BTreeMap<String, String> =
            ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"]
                .map(|name| (name.to_string(), own.clone()))
                .into();
        env.insert("PATH".to_string(), "/usr/bin:/bin".to_string());
        let (process, (from, to)) = Process::start(&cell, env, &self.cells)?;
        Ok((process, Pipe::new(to, from)))
    }
}

#[async_trait]
impl Browser for Chromium {
    async fn show(&self, url: &Url, web: &dyn Web) -> Result<Shown, String> {
        let _turn = self.turns.acquire().await.map_err(|closed| closed.to_string())?;
        let broken = |reason: String| format!("the browser cannot be started: {reason}");
        let profile = TempDir::new().map_err(|error| broken(error.to_string()))?;
        let folder = profile.path().canonicalize().map_err(|error| broken(error.to_string()))?;
        let (mut process, pipe) = self.start(&folder).map_err(broken)?;
        match timeout(MOST, visit::visit(pipe, url, web)).await {
            Ok(Ok(shown)) => Ok(shown),
            Ok(Err(Lost::Said(reason))) => Err(reason),
            Ok(Err(Lost::Gone)) => {
                Err(format!("the browser is gone: {}", process.end(SILENT).await))
            }
            Err(_) => Err(format!("`{url}`: the browser gave nothing within {} s", MOST.as_secs())),
        }
    }
}
