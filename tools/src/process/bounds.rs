//! What all processes of a confined program may use together. A limit of the kernel counts for each
//! process alone, and most users may not make a control group, which counts them together
//! ([`guard::cgroup`]); so the process that stands outside of the cell adds up what is inside as well,
//! and ends the cell that has more.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};

use guard::cgroup::Group;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Dir, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;
use rustix::param::page_size;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::confine::Fault;

/// Processes and threads.
pub(super) const TASKS: usize = 512;

/// Sockets: what waits in one to be read is memory of no process, up to a quarter of a MiB in most.
const SOCKETS: usize = 2048;

const EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// The processes of this machine, also where `/proc` has no name any more.
pub(super) struct Processes(OwnedFd);

#[derive(Default)]
struct Used {
    memory: u64,
    tasks: usize,
    /// By their numbers: several processes may have the same.
    sockets: BTreeSet<u64>,
}

/// What a program is told that was ended for its memory.
fn too_large(memory: u64) -> String {
    format!("used more than {} MiB of memory", memory >> 20)
}

impl Used {
    fn much(&self, memory: u64) -> Option<String> {
        if self.memory > memory {
            return Some(too_large(memory));
        }
        if self.sockets.len() > SOCKETS {
            return Some(format!("had more than {SOCKETS} sockets"));
        }
        (self.tasks > TASKS).then(|| format!("had more than {TASKS} processes and threads"))
    }
}

impl Processes {
    pub(super) fn open() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open("/proc", flags, Mode::empty())?))
    }

    /// Waits for this process, and ends it where it and all that it started use more than they may:
    /// then with what it was. No thread can be started by who has left its namespace of processes.
    pub(super) fn wait(
        &self,
        child: &mut Child,
        memory: u64,
        group: Option<&Group>,
    ) -> Result<ExitStatus, Fault> {
        let failed = |error: io::Error| Fault::Unconfined(format!("cannot be waited for: {error}"));
        let pid = Pid::from_child(child);
        let end = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
        let exhausted = || group.is_some_and(Group::exhausted);
        loop {
            let mut until = [PollFd::new(&end, PollFlags::IN)];
            match poll(&mut until, Some(&EVERY)) {
                Ok(0) => {}
                Ok(_) if exhausted() => {
                    child.wait().map_err(failed)?;
                    return Err(Fault::Ended(format!("it {}", too_large(memory))));
                }
                Ok(_) => return child.wait().map_err(failed),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(failed(error.into())),
            }
            let much = exhausted().then(|| too_large(memory));
            if let Some(much) = much.or_else(|| self.used(child.id()).much(memory)) {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                return Err(Fault::Ended(format!("it {much}")));
            }
        }
    }

    /// A process that ends meanwhile counts for nothing.
    fn used(&self, first: u32) -> Used {
        let mut used = Used::default();
        let mut open = vec![first];
        while let Some(process) = open.pop() {
            used.memory += self.memory(process).unwrap_or_default();
            used.sockets.extend(self.sockets(process).unwrap_or_default());
            for task in self.tasks(process).unwrap_or_default() {
                used.tasks += 1;
                open.extend(self.children(process, &task));
            }
            if used.tasks > TASKS || used.sockets.len() > SOCKETS {
                break;
            }
        }
        used
    }

    /// The first process of the cell whose outer one this is.
    pub(super) fn first(&self, outer: u32) -> Option<u32> {
        self.children(outer, &outer.to_string()).first().copied()
    }

    fn children(&self, process: u32, task: &str) -> Vec<u32> {
        let children = self.text(&format!("{process}/task/{task}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|it| it.parse().ok()).collect()
    }

    /// Pages in memory that are no file's.
    fn memory(&self, process: u32) -> Option<u64> {
        let text = self.text(&format!("{process}/statm")).ok()?;
        let mut fields = text.split_whitespace().skip(1).map(str::parse::<u64>);
        let (resident, shared) = (fields.next()?.ok()?, fields.next()?.ok()?);
        Some(resident.saturating_sub(shared) * page_size() as u64)
    }

    fn tasks(&self, process: u32) -> io::Result<Vec<String>> {
        let tasks = self.at(&format!("{process}/task"))?;
        Ok(names(Dir::new(tasks)?).collect())
    }

    /// Which it has open.
    fn sockets(&self, process: u32) -> io::Result<Vec<u64>> {
        let open = self.at(&format!("{process}/fd"))?;
        let number = |name: String| {
            let link = readlinkat(&open, name, Vec::new()).ok()?.into_string().ok()?;
            link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        };
        Ok(names(Dir::read_from(&open)?).filter_map(number).collect())
    }

    fn text(&self, path: &str) -> io::Result<String> {
        let mut text = String::new();
        File::from(self.at(path)?).read_to_string(&mut text)?;
        Ok(text)
    }

    fn at(&self, path: &str) -> io::Result<OwnedFd> {
        Ok(openat(&self.0, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
    }
}

/// What is in a folder of `/proc`.
fn names(folder: Dir) -> impl Iterator<Item = String> {
    folder.filter_map(|entry| {
        let name = entry.ok()?.file_name().to_str().ok()?.to_string();
        (!name.starts_with('.')).then_some(name)
    })
}
