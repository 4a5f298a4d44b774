//! What a confined program may not ask of the kernel. Landlock bounds files and a namespace the
//! network, and both leave gaps: a socket that is a file (a container engine's, a desktop's bus) is
//! connected to whatever they say, the keyrings belong to the user, and io_uring does what a system
//! call does without being one. What is refused is refused with an error; nothing is killed.

use std::collections::BTreeMap;

use agent_core::mcp::Network;
use libc::c_long;
use rustix::process::getuid;
use rustix::thread::{CapabilitiesSecureBits, set_capabilities_secure_bits};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// Refused whatever they are asked.
const NEVER: [c_long; 10] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_setns,
];

/// Newer than what `libc` names, and the same number everywhere.
const FCHMODAT2: c_long = 452;

/// The families of sockets that there are for a program.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// The kind of a socket, without its flags.
const KIND: u64 = 0xf;

/// The kinds of sockets that there are for a program: all others of the 16 are refused.
const KINDS: [i32; 3] = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET];

/// From here on, for this process and all that follow it. Files that are open by now, beside
/// standard input, output and error, are closed when the next program begins.
pub(super) fn refuse(network: Network) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    keep_no_files()?;
    if getuid().is_root() {
        // To its namespace it would be root, with all rights there.
        set_capabilities_secure_bits(
            CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED,
        )
        .map_err(|error| format!("root's rights stay: {error}"))?;
    }
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let file = (0, SeccompCmpOp::Eq, libc::AF_UNIX);
    let of_kind = |kind| (1, SeccompCmpOp::MaskedEq(KIND), kind);
    let kinds =
        |allowed: &[i32]| -> Vec<i32> { (0..=15).filter(|it| !allowed.contains(it)).collect() };
    // A family that is none of those that there are, and a kind that is none of those.
    let mut sockets = vec![when(&FAMILIES.map(|family| (0, SeccompCmpOp::Ne, family)))?];
    for kind in kinds(&KINDS) {
        // A netlink socket that says it is raw is the same as one of datagrams.
        if kind != libc::SOCK_RAW {
            sockets.push(when(&[of_kind(kind)])?);
        }
        sockets.push(when(&[(0, SeccompCmpOp::Ne, libc::AF_NETLINK), of_kind(kind)])?);
    }
    // Of netlink there is what tells of addresses (NETLINK_ROUTE).
    sockets.push(when(&[(0, SeccompCmpOp::Eq, libc::AF_NETLINK), (2, SeccompCmpOp::Ne, 0)])?);
    match network {
        Network::Open => sockets.push(when(&[file])?),
        // Where there is nothing to connect to, nothing connects: a stream may be made and listened
        // on, as browsers do, and a datagram would need no connection.
        Network::None => {
            rules.insert(libc::SYS_connect, Vec::new());
            for kind in kinds(&[libc::SOCK_STREAM]) {
                sockets.push(when(&[file.clone(), of_kind(kind)])?);
            }
        }
    }
    rules.insert(libc::SYS_socket, sockets);
    // A pair of streams is only ever connected to itself. Datagrams can be sent to any socket.
    let mut pairs = vec![when(&[(0, SeccompCmpOp::Ne, libc::AF_UNIX)])?];
    for kind in kinds(&[libc::SOCK_STREAM, libc::SOCK_SEQPACKET]) {
        pairs.push(when(&[of_kind(kind)])?);
    }
    rules.insert(libc::SYS_socketpair, pairs);
    // A mapping without a file that is shared is memory without a name, and what of it is not looked at is
    // counted as no process's.
    let shared = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    let nameless = SeccompCmpOp::MaskedEq(u64::from((libc::MAP_TYPE | shared).unsigned_abs()));
    rules.insert(libc::SYS_mmap, vec![when(&[(3, nameless, shared)])?]);
    // In a user namespace of its own a program has rights that it does not have here.
    let new_user = SeccompCmpOp::MaskedEq(u64::from(libc::CLONE_NEWUSER.unsigned_abs()));
    let unshares = when(&[(0, new_user, libc::CLONE_NEWUSER)])?;
    rules.insert(libc::SYS_unshare, vec![unshares.clone()]);
    rules.insert(libc::SYS_clone, vec![unshares]);
    rules.extend(NEVER.map(|call| (call, Vec::new())));
    rules.extend(lent_rights()?);
    // The same calls by their numbers in the ABI of 32-bit pointers.
    #[cfg(target_arch = "x86_64")]
    rules.extend(rules.clone().into_iter().map(|(call, rules)| (call | 0x4000_0000, rules)));

    // What `clone3` and `openat2` are asked for lies in memory, where no filter sees it: programs then
    // use `clone` and `openat`. Memory that has no size in the program's own is counted nowhere: there is `/dev/shm`.
    let mut unseen = BTreeMap::from(
        [
            libc::SYS_clone3,
            libc::SYS_memfd_create,
            libc::SYS_memfd_secret,
            libc::SYS_shmget,
            libc::SYS_openat2,
        ]
        .map(|call| (call, Vec::new())),
    );
    #[cfg(target_arch = "x86_64")]
    unseen.extend(unseen.clone().into_iter().map(|(call, rules)| (call | 0x4000_0000, rules)));
    for (rules, error) in [(unseen, libc::ENOSYS), (rules, libc::EPERM)] {
        let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| failed(&error))?;
        let denied = SeccompAction::Errno(error.unsigned_abs());
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, arch);
        let program: BpfProgram =
            filter.and_then(BpfProgram::try_from).map_err(|error| failed(&error))?;
        apply_filter(&program).map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Files that run as their owner: in a folder that was granted they would lend
/// this user's rights to all others.
fn lent_rights() -> Result<BTreeMap<c_long, Vec<SeccompRule>>, String> {
    // Which argument is the mode, and which, where there are such, the flags that make a file at all.
    #[cfg(target_arch = "x86_64")]
    let old = [
        (libc::SYS_chmod, 1, None),
        (libc::SYS_creat, 1, None),
        (libc::SYS_mknod, 1, None),
        (libc::SYS_open, 2, Some(1)),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let old = [];
    let calls = [
        (libc::SYS_fchmod, 1, None),
        (libc::SYS_fchmodat, 2, None),
        (FCHMODAT2, 2, None),
        (libc::SYS_mknodat, 2, None),
        (libc::SYS_openat, 3, Some(2)),
    ];
    let is = |argument: u8, bits: u32| {
        let bits = bits.cast_signed();
        (argument, SeccompCmpOp::MaskedEq(u64::from(bits.unsigned_abs())), bits)
    };
    let makes = [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY].map(i32::cast_unsigned);
    let mut rules = BTreeMap::new();
    for (call, mode, flags) in old.into_iter().chain(calls) {
        let mut refused = Vec::new();
        for bit in [libc::S_ISUID, libc::S_ISGID] {
            match flags {
                None => refused.push(when(&[is(mode, bit)])?),
                Some(flags) => {
                    for make in makes {
                        refused.push(when(&[is(mode, bit), is(flags, make)])?);
                    }
                }
            }
        }
        rules.insert(call, refused);
    }
    Ok(rules)
}

/// Refused where all of these hold: which argument, compared how, with what.
fn when(conditions: &[(u8, SeccompCmpOp, i32)]) -> Result<SeccompRule, String> {
    let condition = |(argument, op, value): &(u8, SeccompCmpOp, i32)| {
        let value = u64::from(value.unsigned_abs());
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, op.clone(), value)
    };
    conditions
        .iter()
        .map(condition)
        .collect::<Result<Vec<_>, _>>()
        .and_then(SeccompRule::new)
        .map_err(|error| error.to_string())
}

/// The version of landlock's interface that this kernel has; none where it has none, or may not use it.
pub fn landlock() -> Option<u32> {
    const VERSION: u32 = 1;
    #[expect(
        unsafe_code,
        reason = "no safe wrapper asks only for the version, which reads no memory"
    )]
    // SAFETY: with this flag it takes no pointer and makes nothing.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, VERSION)
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

/// The parent process may have left files open, which landlock says nothing about.
fn keep_no_files() -> Result<(), String> {
    #[expect(unsafe_code, reason = "no safe wrapper has this call, which reads no memory")]
    // SAFETY: it takes three numbers, and only marks files to be closed by `exec`.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error().to_string()) }
}
