//! A program of this machine that an agent file names – a server's, a browser – while it runs:
//! started with the environment that it is given and no other, confined, and killed with all that it
//! started when it is let go of.

#[cfg(target_os = "linux")]
mod bounds;
#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod mounts;
mod once;
#[cfg(target_os = "linux")]
mod root;

#[cfg(target_os = "linux")]
pub use confine::{Fault, confined};
#[cfg(target_os = "linux")]
pub use kernel::landlock;
pub(crate) use once::{End, once};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::mcp::{Confinement, Network, Program};
use agent_core::provenance::Origin;
use guard::{Kept, Program as Start};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::plain::plain;

/// The hidden subcommand of the program that sets up what a program may do, and becomes it.
pub const CONFINED: &str = "confined";

/// How much of what a program says on standard error is kept, in bytes: its latest.
const SAID: usize = 2000;
/// What is said of a program that is still there and was waited for.
pub(crate) const SILENT: &str = "its program does not answer";
/// How many lines of it are told.
const LAST: usize = 12;

/// What the system's programs and libraries are made of.
pub(crate) const SYSTEM: [&str; 21] = [
    "/usr",
    "/lib",
    "/lib64",
    "/lib32",
    "/bin",
    "/sbin",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    // Certificates, and not the private keys beside them.
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/localtime",
    "/etc/alternatives",
    "/etc/nsswitch.conf",
    "/etc/mime.types",
    "/etc/passwd",
];

/// How a line begins that says why a program did not start, and one that says why it was ended.
const CANNOT: &str = "it cannot be confined: ";
const ENDED: &str = "it was ended: ";

/// Bytes of memory for all processes of a program that runs beside an agent.
const MEMORY: u64 = 4 << 30;

/// What programs are confined with.
#[derive(Debug, Clone)]
pub struct Cells {
    /// The program that confines others: `errand`, which is started again for that. A program that has this
    /// code in a program of their own says where it is; without it nothing is started that must be
    /// confined.
    pub confiner: Option<PathBuf>,
    /// What is left out of every grant.
    pub kept: Arc<Kept>,
}

impl Cells {
    fn confiner(&self) -> Result<&Path, String> {
        self.confiner.as_deref().ok_or_else(|| {
            "nothing here confines it\nhint: `Errand::confined_by` takes the path of the program \
             `errand`"
                .to_string()
        })
    }
}

/// A program that runs. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
}

/// What a program reads from and writes to.
pub(crate) type Pipes = (ChildStdout, ChildStdin);

impl Process {
    /// Starts a program.
    pub(crate) fn start(
        program: &Program,
        env: BTreeMap<String, String>,
        cells: &Cells,
    ) -> Result<(Self, Pipes), String> {
        // Its own files are no other program's: what it is started with it may be meant to write.
        let own: Vec<PathBuf> = program.args.iter().map(|arg| program.root.join(arg)).collect();
        let mut child = spawn(program, env, cells, MEMORY, &own)?;
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(mut stderr) = child.stderr.take() {
            let said = said.clone();
            tokio::spawn(async move {
                let mut part = [0; 512];
                while let Ok(read @ 1..) = stderr.read(&mut part).await {
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    said.extend_from_slice(&part[..read]);
                    let over = said.len().saturating_sub(SAID);
                    said.drain(..over);
                }
            });
        }
        match (child.stdout.take(), child.stdin.take()) {
            (Some(stdout), Some(stdin)) => Ok((Self { child, said }, (stdout, stdin))),
            _ => Err("it has no standard input and output".to_string()),
        }
    }

    /// Waits until it ends by itself, and says whether it ended well.
    async fn ended(&mut self) -> bool {
        self.child.wait().await.is_ok_and(|status| status.success())
    }

    /// Ends it, and waits until all that it started is gone.
    #[cfg(feature = "mcp")]
    pub(crate) async fn stopped(mut self) {
        let stop = move || stop(&mut self.child);
        // What cannot be waited for was killed all the same.
        let _ = tokio::task::spawn_blocking(stop).await;
    }

    /// Why it is gone, as far as that can be told, or `otherwise` where it is still there.
    pub(crate) async fn end(&mut self, otherwise: &str) -> String {
        let patience = std::time::Duration::from_millis(200);
        let end = match tokio::time::timeout(patience, self.child.wait()).await {
            Ok(Ok(status)) => format!("its program ended with {status}"),
            _ => otherwise.to_string(),
        };
        self.told(&end)
    }

    /// This, with the end of what it said.
    pub(crate) fn told(&self, end: &str) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = plain(&String::from_utf8_lossy(&said), SAID);
        let lines: Vec<&str> = said.trim().lines().map(str::trim_end).collect();
        match lines.as_slice() {
            [] => end.to_string(),
            [line] => format!("{end}, and said: {line}"),
            lines => {
                let last = &lines[lines.len().saturating_sub(LAST)..];
                format!("{end}, and said:\n    {}", last.join("\n    "))
            }
        }
    }
}

#[cfg(unix)]
impl Drop for Process {
    /// What it started is in its group; what left the group is in its namespace, which ends with
    /// it where it was confined.
    fn drop(&mut self) {
        end_group(&self.child);
    }
}

#[cfg(unix)]
fn end_group(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
        let _gone = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

/// Ends a program and waits until all that it started is gone. The first process of a cell takes the
/// others with it, and is waited for by the one outside.
fn stop(child: &mut Child) {
    const PATIENCE: u32 = 400;
    #[cfg(target_os = "linux")]
    if let (Some(outer), Ok(processes)) = (child.id(), bounds::Processes::open()) {
        let first = processes.first(outer).and_then(|first| i32::try_from(first).ok());
        if let Some(first) = first.and_then(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process(first, rustix::process::Signal::KILL);
            for _ in 0..PATIENCE {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
    #[cfg(unix)]
    end_group(child);
}

/// Starts a program, confined where it has to be. `own` are files that it may write although no other
/// program may.
fn spawn(
    program: &Program,
    env: BTreeMap<String, String>,
    cells: &Cells,
    memory: u64,
    own: &[PathBuf],
) -> Result<Child, String> {
    let path = found(&program.command, &program.root)?;
    let (start, before) = match program.confinement {
        Confinement::Required => {
            (cells.confiner()?, in_cell(program, &path, &cells.kept, memory, own)?)
        }
        Confinement::Lifted => (&*path, Vec::new()),
    };
    let start = Start::at(start).map_err(|error| error.to_string())?;
    let mut command = Command::from(start.given(&program.root, env));
    command
        .args(before)
        .args(&program.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Whether a program can be confined on this machine: one is, in an empty folder and without a
/// network. It is the program that confines, and says its version.
///
/// # Errors
/// Why it cannot be.
pub async fn probe(cells: &Cells, folder: &Path) -> Result<(), String> {
    let program = Program {
        command: cells.confiner()?.to_string_lossy().into_owned(),
        args: vec!["--version".to_string()],
        env: BTreeMap::new(),
        root: folder.to_path_buf(),
        read: Vec::new(),
        write: Vec::new(),
        network: Network::None,
        confinement: Confinement::Required,
    };
    let (mut process, (mut stdout, _stdin)) = Process::start(&program, BTreeMap::new(), cells)?;
    let mut version = String::new();
    // What it could not say it did not say.
    let _ = stdout.read_to_string(&mut version).await;
    if process.ended().await && !version.is_empty() {
        return Ok(());
    }
    let end = process.end(SILENT).await;
    let why = end.split_once(CANNOT).map_or(end.as_str(), |(_, why)| why);
    Err(why.lines().next().unwrap_or_default().to_string())
}

/// The time, in milliseconds since 1970, from which on files in these folders are stamped that a program writes
/// which starts after this; what was there before is not. One that writes nowhere is not waited for.
pub(crate) async fn since(folders: &[PathBuf]) -> u64 {
    if folders.is_empty() {
        return 0;
    }
    let moment = guard::moment();
    while !guard::stamped_from(moment) {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    moment
}

/// Where what a program gives back may come from that may read this.
pub(crate) fn origin(path: &Path) -> Origin {
    match path.is_dir() {
        true => Origin::Folder(path.to_path_buf()),
        false => Origin::File(path.to_path_buf()),
    }
}

/// The program that a name or a path means.
pub(crate) fn found(command: &str, root: &Path) -> Result<PathBuf, String> {
    if command.contains('/') {
        return Ok(root.join(command));
    }
    let found = Start::named(command).map_err(|error| error.to_string())?;
    Ok(found.path().to_path_buf())
}

/// What is left out of a program's grants.
#[cfg(target_os = "linux")]
fn exceptions(
    program: &Program,
    kept: &Kept,
    own: &[PathBuf],
) -> Result<mounts::Exceptions, String> {
    let mut except = mounts::Exceptions::default();
    for granted in program.read.iter().chain(&program.write) {
        let Some(home) = kept.home_in(granted) else { continue };
        if granted.starts_with(home) {
            return Err(format!(
                "`{}` is in the folder that errand keeps for itself, which no program may read",
                granted.display()
            ));
        }
        except.hidden.insert(home.to_path_buf());
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let user = std::env::home_dir().map(|user| real(&user));
    for granted in &program.write {
        let granted = real(granted);
        if user.as_ref().is_some_and(|user| user.starts_with(&granted)) {
            return Err(format!(
                "`{}` holds the files that a shell runs when it starts, and a program could add to \
                 them\nhint: grant it a folder below",
                granted.display()
            ));
        }
        let fixed = kept.within(&granted).map_err(|reason| {
            format!(
                "what no program may write cannot be looked for in `{}`: {reason}\nhint: grant it a \
                 folder below",
                granted.display()
            )
        })?;
        for fixed in fixed.into_iter().filter(|path| !own.contains(path)) {
            let above = fixed.ancestors().skip(1);
            let ways = above.take_while(|above| above.starts_with(&granted) && *above != granted);
            except.ways.extend(ways.map(Path::to_path_buf));
            except.fixed.insert(fixed);
        }
    }
    Ok(except)
}

/// The words before the program's own with which this program becomes its cell.
#[cfg(target_os = "linux")]
fn in_cell(
    program: &Program,
    path: &Path,
    kept: &Kept,
    memory: u64,
    own: &[PathBuf],
) -> Result<Vec<OsString>, String> {
    let except = exceptions(program, kept, own)?;
    let roots: Vec<PathBuf> =
        program.write.iter().filter_map(|path| path.canonicalize().ok()).collect();
    // What lies in a folder that it may write is granted with that. By itself it would be more: the
    // program could put a link there, and be started again with what that leads to.
    let granted_above = |path: &&PathBuf| {
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        folder.is_some_and(|folder| roots.iter().any(|root| folder.starts_with(root)))
    };
    let alone = |paths: &[PathBuf]| -> Vec<PathBuf> {
        paths.iter().filter(|path| !granted_above(path)).cloned().collect()
    };
    let mut read = alone(&program.read);
    // The program itself, wherever it is; where it is a link, what it leads to as well.
    read.push(path.to_path_buf());
    read.extend(path.canonicalize());
    let cell = confine::Cell {
        stage: confine::Stage::Leave,
        read,
        write: alone(&program.write),
        network: program.network,
        memory,
        except,
    };
    let agreed = serde_json::to_string(&cell).map_err(|error| error.to_string())?;
    Ok(vec![CONFINED.into(), agreed.into(), path.into()])
}

#[cfg(not(target_os = "linux"))]
fn in_cell(
    _: &Program,
    _: &Path,
    _: &Kept,
    _: u64,
    _: &[PathBuf],
) -> Result<Vec<OsString>, String> {
    Err("this machine cannot confine it\nhint: `unconfined = true` in the table of a server starts it \
         all the same, with all that its user may do"
        .to_string())
}
