//! How a program is confined on Linux, before it runs: the program that this is part of is
//! started again, shuts itself in, and only then becomes that program.
//!
//! In two stages, since a namespace of processes begins with a child. The first leaves the network,
//! the processes and the files of this machine behind ([`root`]) and watches what the second uses
//! ([`bounds`]); when it dies, and it dies with the errand that started it, all of the namespace
//! dies, whatever the program did to get away. The second gives up all rights to files but those
//! granted and what the kernel offers beside them ([`kernel`]), and becomes the program.
//! A machine that cannot do one of these is told so, and the program does not start.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use agent_core::mcp::Network;
use guard::Program;
use guard::cgroup::Group;
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{
    Resource, Rlimit, Signal, getgid, getuid, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};

use super::bounds::{self, Processes};
use super::kernel;
use super::mounts::Exceptions;
use super::root;
use super::{CANNOT, ENDED, SYSTEM};

/// What a program with a network looks names up with.
const NAMES: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/gai.conf"];
pub(super) const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];
/// What a program has to itself.
pub(super) const PRIVATE: [&str; 2] = ["/tmp", "/dev/shm"];

/// What a confined program may.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) stage: Stage,
    pub(super) read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) network: Network,
    /// Bytes, for all its processes together. What lies in the private `/tmp` and in shared memory has
    /// limits of its own, and counts here as well where there is a control group.
    pub(super) memory: u64,
    pub(super) except: Exceptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Leaves the network and the processes behind.
    Leave,
    /// Gives up the files, and becomes the program.
    Become,
}

/// What of the system a program reads that sees this network.
pub(super) fn system(network: Network) -> impl Iterator<Item = &'static str> {
    let names = NAMES.into_iter().filter(move |_| network == Network::Open);
    SYSTEM.into_iter().chain(names)
}

/// Why there is no exit code of the program's own.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It did not start.
    #[error(
        "{CANNOT}{0}\nhint: `unconfined = true` in the table of a server starts it all the same, with \
         all that its user may do"
    )]
    Unconfined(String),
    /// All its processes together used too much.
    #[error("{ENDED}{0}")]
    Ended(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Unconfined(reason)
    }
}

/// Runs one stage; `words` are what was agreed on, then the program and its arguments. Comes back
/// where the program has ended, or with what went wrong on standard error's line.
pub fn confined(words: &[OsString]) -> Result<ExitCode, Fault> {
    let by_hand = || "this is started by errand itself, not by hand".to_string();
    let [agreed, program, arguments @ ..] = words else { return Err(by_hand().into()) };
    let agreed = agreed.to_str().and_then(|text| serde_json::from_str::<Cell>(text).ok());
    let cell = agreed.ok_or_else(by_hand)?;
    // The parent is gone: so is this.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot be tied to its starter: {error}"))?;
    match cell.stage {
        Stage::Leave => leave(cell, program, arguments),
        Stage::Become => Ok(become_program(&cell, program, arguments)?),
    }
}

fn leave(cell: Cell, program: &OsString, arguments: &[OsString]) -> Result<ExitCode, Fault> {
    // Twice as many as are ended for: that is said in words, and until it is seen this holds.
    let together = Group::make(cell.memory, 2 * bounds::TASKS).ok();
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    let mut flags = UnshareFlags::NEWUSER | UnshareFlags::NEWPID | UnshareFlags::NEWIPC;
    flags |= UnshareFlags::NEWNS;
    if cell.network == Network::None {
        flags |= UnshareFlags::NEWNET;
    }
    // SAFETY: no other thread runs in this process yet, and no table of files is left.
    #[expect(unsafe_code, reason = "the call is unsafe for tables of files, which stay shared")]
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(|error| format!("namespaces cannot be made: {error}"))?;
    let map = |file: &str, text: String| {
        std::fs::write(file, text).map_err(|error| format!("`{file}` cannot be written: {error}"))
    };
    map("/proc/self/setgroups", "deny".to_string())?;
    map("/proc/self/uid_map", format!("{user} {user} 1"))?;
    map("/proc/self/gid_map", format!("{group} {group} 1"))?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    if !cell.except.is_empty() {
        cell.except.mount().map_err(|reason| format!("files cannot be kept from it: {reason}"))?;
    }
    let processes = Processes::open().map_err(|error| format!("`/proc`: {error}"))?;
    let here = std::env::current_dir().map_err(|error| error.to_string())?;
    let granted = |path| cell.read.iter().chain(&cell.write).any(|it| it == Path::new(path));
    // A grant of everything leaves nothing to hide; landlock holds what is read and written.
    let (all, mounts) = (granted("/"), !granted(root::PROC));
    let own = match all {
        true => own,
        false => {
            root::enter(&cell, &own, &here)
                .map_err(|reason| format!("a root of its own cannot be made: {reason}"))?;
            PathBuf::from(root::CONFINER)
        }
    };
    let memory = cell.memory;
    let cell = Cell { stage: Stage::Become, ..cell };
    let agreed = serde_json::to_string(&cell).map_err(|error| error.to_string())?;
    let mut next = start(own)?;
    next.arg(super::CONFINED).arg(agreed).arg(program).args(arguments);
    let together = together.map(Arc::new);
    let joins = together.clone();
    // SAFETY: this process has one thread, so nothing is held by another that the child lacks.
    #[expect(unsafe_code, reason = "only a child of this process is in its new namespace")]
    unsafe {
        next.pre_exec(move || {
            joins.as_ref().map_or(Ok(()), |group| group.join())?;
            if all { Ok(()) } else { root::close(&here, mounts) }
        });
    }
    let mut child = next.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    drop(next);
    let status = processes.wait(&mut child, memory, together.as_deref())?;
    // As a shell tells of a signal.
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

/// With the folder and the environment that this stage was given.
fn start(program: impl Into<PathBuf>) -> Result<Command, String> {
    let folder = std::env::current_dir().map_err(|error| error.to_string())?;
    let program = Program::at(program).map_err(|error| error.to_string())?;
    Ok(program.given(&folder, std::env::vars_os()))
}

fn become_program(
    cell: &Cell,
    program: &OsString,
    arguments: &[OsString],
) -> Result<ExitCode, String> {
    const MIB: u64 = 1 << 20;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Nofile, 512),
        (Resource::Nproc, bounds::TASKS as u64),
        (Resource::Fsize, 1024 * MIB),
        (Resource::Data, cell.memory),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .map_err(|error| format!("limits cannot be set: {error}"))?;
    }
    kernel::refuse(cell.network)
        .map_err(|error| format!("the kernel cannot be kept from it: {error}"))?;
    files(cell).map_err(|error| format!("files cannot be kept from it: {error}"))?;
    let error = start(program)?.args(arguments).exec();
    Err(format!("`{}` cannot be started: {error}", program.to_string_lossy()))
}

/// Landlock sets `no_new_privs` too: no program that follows gains a right.
fn files(cell: &Cell) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| error.to_string();
    // What every kernel with landlock has is a must, what newer ones add is welcome.
    let must = ABI::V1;
    let reading = AccessFs::from_read(must);
    // In a root of its own there is nothing of others in them.
    let in_root = Path::new(root::CONFINER).exists();
    let private: &[&str] = if in_root { &PRIVATE } else { &[] };
    let processes = in_root.then_some(root::PROC);
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(must))
        .map_err(|error| broken(&error))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))
        .map_err(|error| broken(&error))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)
        .map_err(|error| broken(&error))?
        .create()
        .map_err(|error| broken(&error))?
        .add_rules(path_beneath_rules(system(cell.network), reading))
        .map_err(|error| broken(&error))?
        .add_rules(path_beneath_rules(processes, reading))
        .map_err(|error| broken(&error))?
        .add_rules(path_beneath_rules(private, AccessFs::from_all(ABI::V5)))
        .map_err(|error| broken(&error))?
        .add_rules(path_beneath_rules(DEVICES, AccessFs::ReadFile | AccessFs::WriteFile))
        .map_err(|error| broken(&error))?
        .add_rules(path_beneath_rules(&cell.read, reading))
        .map_err(|error| broken(&error))?
        .add_rules(path_beneath_rules(&cell.write, AccessFs::from_all(ABI::V5)))
        .map_err(|error| broken(&error))?;
    let status = rules.restrict_self().map_err(|error| broken(&error))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("this kernel has no landlock".to_string()),
        _ if !status.no_new_privs => Err("`no_new_privs` cannot be set".to_string()),
        _ => Ok(()),
    }
}
