//! File systems that are no disk: what the kernel tells there is of this machine and of the very process that
//! asks – its environment, its memory – and no grant of a folder above means it.

use std::io;
use std::os::fd::AsFd;

/// The magic numbers of `statfs(2)`.
#[cfg(target_os = "linux")]
const KERNELS: [u32; 17] = [
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x0000_1cd1, // devpts
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x6265_6570, // configfs
    0xf97c_ff8c, // selinux
    0x4341_5d53, // smack
    0x6e73_6673, // nsfs
    0x1980_0202, // mqueue
    0x4249_4e4d, // binfmt_misc
];

/// Whether something that is open lies in one of them.
#[cfg(target_os = "linux")]
pub(super) fn tells(open: impl AsFd) -> io::Result<bool> {
    let found = rustix::fs::fstatfs(open)?;
    // The field is as wide as the machine's words; a magic number is 32 bits of it.
    Ok(KERNELS.contains(&(found.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn tells(_: impl AsFd) -> io::Result<bool> {
    Ok(false)
}
