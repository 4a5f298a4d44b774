//! Control groups, in which the kernel counts what many processes use together: the one that errand is
//! in, and those that it makes below it, where this user may.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, open, unlinkat};

const MOUNT: &str = "/sys/fs/cgroup";

/// The controllers that a group of errand's needs.
const MEMORY: &str = "memory";
const TASKS: &str = "pids";

/// Where errand's own processes are put, since a group of version 2 that has groups with limits has no
/// processes of its own.
const LEAF: &str = "errand";

/// Of the interface: the two name their files differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy for each controller.
    One,
    /// One hierarchy for all.
    Two,
}

/// The group that this process is in, as one controller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The controller's.
    pub version: Version,
    mount: PathBuf,
    group: PathBuf,
}

impl Own {
    /// None where the system has no such controller, or does not show it.
    pub fn of(controller: &str) -> Option<Self> {
        Self::in_table(&fs::read_to_string("/proc/self/cgroup").ok()?, controller)
    }

    /// `table` has a line for each hierarchy: number, controllers, group.
    fn in_table(table: &str, controller: &str) -> Option<Self> {
        let lines = || table.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
        let group = |path: &str| PathBuf::from(path.trim_start_matches('/'));
        let has = |list: &str| list.split(',').any(|one| one == controller);
        if let Some((_, path)) = lines().find(|(list, _)| has(list)) {
            let mount = Path::new(MOUNT).join(controller);
            return Some(Self { version: Version::One, mount, group: group(path) });
        }
        let (_, path) = lines().find(|(list, _)| list.is_empty())?;
        // Beside hierarchies of version 1 it lies one folder deeper.
        let beside = Path::new(MOUNT).join("unified");
        let mount = if beside.is_dir() { beside } else { PathBuf::from(MOUNT) };
        Some(Self { version: Version::Two, mount, group: group(path) })
    }

    /// The group's folder, then those of the groups above it. In a namespace of groups the first are as
    /// they are outside, and not there.
    pub fn folders(&self) -> impl Iterator<Item = PathBuf> {
        self.group.ancestors().map(|group| self.mount.join(group))
    }

    /// Where a group with limits can be made.
    fn base(&self, controllers: &[&str]) -> Result<PathBuf, String> {
        let own = self.mount.join(&self.group);
        match self.version {
            Version::One => Ok(own),
            Version::Two => {
                let leaf = own.file_name().is_some_and(|name| name == LEAF);
                let base = own.parent().filter(|_| leaf).map_or(own.clone(), Path::to_path_buf);
                hand_down(&base, controllers).map(|()| base)
            }
        }
    }
}

/// Lets groups below this one have limits. What is in it is moved into a group of its own for that, if
/// it is nothing but errand: others were not put there to be moved.
fn hand_down(base: &Path, controllers: &[&str]) -> Result<(), String> {
    let read = |file: &str| fs::read_to_string(base.join(file)).unwrap_or_default();
    let lacks = |file: &str| {
        let there = read(file);
        controllers.iter().find(|one| !there.split_whitespace().any(|it| it == **one)).copied()
    };
    if let Some(controller) = lacks("cgroup.controllers") {
        return Err(format!("no controller `{controller}` here"));
    }
    let wanted = "cgroup.subtree_control";
    if lacks(wanted).is_none() {
        return Ok(());
    }
    let all: String = controllers.iter().map(|one| format!("+{one} ")).collect();
    let allow = || fs::write(base.join(wanted), &all);
    if allow().is_ok() {
        return Ok(());
    }
    let this = fs::read_link("/proc/self/exe").map_err(|error| error.to_string())?;
    let processes = read("cgroup.procs");
    let other = |pid: &&str| fs::read_link(format!("/proc/{pid}/exe")).ok().as_ref() != Some(&this);
    if processes.split_whitespace().any(|pid| other(&pid)) {
        return Err("other programs are in this group".to_string());
    }
    let leaf = base.join(LEAF);
    let made = || -> io::Result<()> {
        if !leaf.is_dir() {
            fs::create_dir(&leaf)?;
        }
        for pid in processes.split_whitespace() {
            fs::write(leaf.join("cgroup.procs"), pid)?;
        }
        allow()
    };
    made().map_err(|error| error.to_string())
}

/// A group for the processes of one cell. Dropping it removes it, once they are gone.
#[derive(Debug)]
pub struct Group(Vec<Folder>);

/// Its folder in one hierarchy. All that is needed later is open: by then the folder may have no name.
#[derive(Debug)]
struct Folder {
    above: OwnedFd,
    name: String,
    processes: OwnedFd,
    /// What tells of processes that were ended for want of memory.
    events: Option<OwnedFd>,
}

impl Group {
    /// Makes one: so much memory and so many processes and threads together.
    ///
    /// # Errors
    /// Why there can be none: most users may not make one.
    pub fn make(memory: u64, tasks: usize) -> Result<Self, String> {
        let own = |controller| Own::of(controller).ok_or("no control groups here".to_string());
        let (of_memory, of_tasks) = (own(MEMORY)?, own(TASKS)?);
        let mut group = Self(Vec::new());
        if of_memory.version == Version::Two && of_tasks == of_memory {
            let base = of_memory.base(&[MEMORY, TASKS])?;
            let mut limits = memory_limits(Version::Two, memory);
            limits.extend(task_limits(tasks));
            group.0.push(Folder::make(&base, &limits)?);
        } else {
            for (own, controller, limits) in [
                (&of_memory, MEMORY, memory_limits(of_memory.version, memory)),
                (&of_tasks, TASKS, task_limits(tasks)),
            ] {
                group.0.push(Folder::make(&own.base(&[controller])?, &limits)?);
            }
        }
        Ok(group)
    }

    /// Takes this process in. It is called between `fork` and `exec`: it allocates nothing.
    ///
    /// # Errors
    /// The kernel does not let it.
    pub fn join(&self) -> io::Result<()> {
        for folder in &self.0 {
            rustix::io::write(&folder.processes, b"0")?;
        }
        Ok(())
    }

    /// Whether a process of it was ended since there was no more memory.
    pub fn exhausted(&self) -> bool {
        self.0.iter().filter_map(|folder| folder.events.as_ref()).any(|events| {
            let mut text = [0; 512];
            let read = rustix::io::pread(events, &mut text, 0).unwrap_or_default();
            let text = String::from_utf8_lossy(&text[..read]);
            let killed = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
            killed.is_some_and(|count| count.trim() != "0")
        })
    }
}

/// A file of a group, and what is written into it.
struct Limit {
    file: &'static str,
    value: String,
    /// Whether there is no group without it.
    must: bool,
}

fn memory_limits(version: Version, bytes: u64) -> Vec<Limit> {
    let limit = |file, value: u64, must| Limit { file, value: value.to_string(), must };
    match version {
        // The second with what is swapped out, which a kernel need not count.
        Version::One => vec![
            limit("memory.limit_in_bytes", bytes, true),
            limit("memory.memsw.limit_in_bytes", bytes, false),
        ],
        Version::Two => vec![
            limit("memory.max", bytes, true),
            limit("memory.swap.max", 0, false),
            limit("memory.oom.group", 1, false),
        ],
    }
}

fn task_limits(tasks: usize) -> Vec<Limit> {
    vec![Limit { file: "pids.max", value: tasks.to_string(), must: true }]
}

impl Folder {
    fn make(base: &Path, limits: &[Limit]) -> Result<Self, String> {
        sweep(base);
        let name = format!("{LEAF}-{}", std::process::id());
        let folder = base.join(&name);
        let failed = |what: &str, error: io::Error| format!("`{what}`: {error}");
        fs::create_dir(&folder).map_err(|error| failed(&folder.to_string_lossy(), error))?;
        let made = || -> Result<Self, String> {
            let here = |path: &Path, flags| {
                let opened = open(path, flags | OFlags::CLOEXEC, Mode::empty());
                opened.map_err(|error| failed(&path.to_string_lossy(), error.into()))
            };
            for Limit { file, value, must } in limits {
                let opened = File::options().write(true).open(folder.join(file));
                match opened.and_then(|mut file| file.write_all(value.as_bytes())) {
                    Err(error) if *must => return Err(failed(file, error)),
                    _ => {}
                }
            }
            let events = ["memory.events", "memory.oom_control"].into_iter();
            Ok(Self {
                above: here(base, OFlags::RDONLY | OFlags::DIRECTORY)?,
                processes: here(&folder.join("cgroup.procs"), OFlags::WRONLY)?,
                events: events.flat_map(|file| here(&folder.join(file), OFlags::RDONLY)).next(),
                name: name.clone(),
            })
        };
        made().inspect_err(|_| {
            let _left = fs::remove_dir(&folder);
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A process of it that is only just gone may still count: then the next one that is made sweeps it.
        let _swept = unlinkat(&self.above, &self.name, AtFlags::REMOVEDIR);
    }
}

/// Removes the groups of those who were killed before they could. One with processes in it stays.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(LEAF)?.strip_prefix('-'));
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _left = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_is_in_its_own_hierarchy_or_in_the_one_for_all() {
        let table = "8:pids:/\n4:cpu,memory:/a/b\n0::/c\n";
        let memory = Own::in_table(table, "memory").unwrap();
        assert_eq!(memory.version, Version::One);
        let folders: Vec<PathBuf> = memory.folders().collect();
        let under = |path: &str| Path::new("/sys/fs/cgroup/memory").join(path);
        assert_eq!(folders, [under("a/b"), under("a"), under("")]);
        let io = Own::in_table(table, "io").unwrap();
        assert_eq!((io.version, io.group), (Version::Two, PathBuf::from("c")));
        assert_eq!(Own::in_table("4:memory:/\n", "pids"), None);
    }

    /// A folder that says what a group's says, since a kernel has either version of a controller.
    #[test]
    fn a_group_of_version_two_hands_its_limits_down() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("cgroup.controllers"), "cpu memory\n").unwrap();
        let refused = hand_down(folder.path(), &["memory", "pids"]).unwrap_err();
        assert_eq!(refused, "no controller `pids` here");
        fs::write(file("cgroup.controllers"), "cpu memory pids\n").unwrap();
        hand_down(folder.path(), &["memory", "pids"]).unwrap();
        assert_eq!(fs::read_to_string(file("cgroup.subtree_control")).unwrap(), "+memory +pids ");
        // With processes in it, the kernel does not take that.
        fs::remove_file(file("cgroup.subtree_control")).unwrap();
        fs::create_dir(file("cgroup.subtree_control")).unwrap();
        fs::write(file("cgroup.procs"), "1\n").unwrap();
        let refused = hand_down(folder.path(), &["memory", "pids"]).unwrap_err();
        assert_eq!(refused, "other programs are in this group");
        fs::write(file("cgroup.procs"), format!("{}\n", std::process::id())).unwrap();
        hand_down(folder.path(), &["memory", "pids"]).unwrap_err();
        let moved = fs::read_to_string(file("errand/cgroup.procs")).unwrap();
        assert_eq!(moved, std::process::id().to_string());
    }
}
