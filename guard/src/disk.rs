//! Where files are: on a disk of this machine, which answers in microseconds or at worst in milliseconds and
//! stamps files by this machine's clock, or elsewhere, where another machine or a program may not answer at all.

use std::os::fd::AsFd;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a file system's files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// On this machine.
    Near,
    /// Elsewhere, or not known.
    Far,
}

#[cfg(target_os = "linux")]
const NEAR: [u32; 9] = [
    0x0000_ef53, // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683e, // btrfs
    0xf2f5_2010, // f2fs
    0x2fc1_2fc1, // zfs
    0xca45_1a4e, // bcachefs
    0x794c_7630, // overlayfs
    0x0102_1994, // tmpfs
    0x8584_58f6, // ramfs
];

/// Where something that is open lies.
#[cfg(target_os = "linux")]
pub fn disk(open: impl AsFd) -> Disk {
    of(rustix::fs::fstatfs(open))
}

/// Where what is at a path lies.
#[cfg(target_os = "linux")]
pub fn disk_at(path: &Path) -> Disk {
    of(rustix::fs::statfs(path))
}

#[cfg(target_os = "linux")]
fn of(found: rustix::io::Result<rustix::fs::StatFs>) -> Disk {
    match found {
        Ok(found) if NEAR.contains(&(found.f_type as u32)) => Disk::Near,
        _ => Disk::Far,
    }
}

#[cfg(not(target_os = "linux"))]
pub fn disk(_: impl AsFd) -> Disk {
    Disk::Far
}

#[cfg(not(target_os = "linux"))]
pub fn disk_at(_: &Path) -> Disk {
    Disk::Far
}

/// A moment after all that was written until now, in milliseconds since 1970.
pub fn moment() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or_default() + 1
}

/// Whether what is written from here on, on a disk of this machine, is stamped with that moment or a later one:
/// the clock that files are stamped by goes on in ticks, of at most some milliseconds.
pub fn stamped_from(moment: u64) -> bool {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        u64::try_from(now.tv_sec * 1000 + now.tv_nsec / 1_000_000).is_ok_and(|now| now >= moment)
    }
    #[cfg(not(target_os = "linux"))]
    {
        self::moment() > moment
    }
}
