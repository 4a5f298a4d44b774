//! The machine itself: memory, and what its kernel offers to confine programs.

use std::time::Duration;

use models::home::size;
use tools::process::Cells;

use super::Check;
use super::program::Runner;

/// Memory, against what the default model takes.
pub(super) fn memory((needs, smaller): (u64, Option<String>)) -> Check {
    let check = Check::new("memory", "the default model, while it runs").required(true);
    let Some((all, free)) = sandbox::memory() else {
        return check.unasked("the system does not say");
    };
    let found = format!("{} free of {}, {} needed", size(free.min(all)), size(all), size(needs));
    let smaller = smaller.map_or_else(String::new, |model| {
        format!(", or use a smaller model: `errand run --model {model}`")
    });
    if all < needs {
        check.missing(found, format!("none for the default model on this machine{smaller}"))
    } else if free < needs {
        // It may be free again when the run begins.
        check.required(false).missing(found, format!("end other programs{smaller}"))
    } else {
        check.ok(found)
    }
}

/// What Landlock offers.
#[cfg(target_os = "linux")]
pub(super) fn landlock() -> Check {
    let check = Check::new("landlock", "keeps the files of this machine from confined programs");
    match tools::process::landlock() {
        Some(version) => check.ok(format!("version {version}")),
        None => check.missing(
            "this kernel has none, or it is switched off",
            "Linux 5.13 or later, with `landlock` among the security modules (`lsm=`)",
        ),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn landlock() -> Check {
    Check::new("landlock", "keeps the files of this machine from confined programs")
        .missing("Linux has it", "none on this system")
}

/// Whether a program can be confined: one is.
pub(super) async fn confinement(runner: &Runner, cells: &Cells) -> Check {
    let check = Check::new(
        "confinement",
        "user namespaces, landlock and seccomp together: MCP servers and the browser run in them",
    );
    let remedy = "allow user namespaces (`kernel.unprivileged_userns_clone=1`, \
                  `kernel.apparmor_restrict_unprivileged_userns=0`; in a container, its seccomp \
                  profile), or `unconfined = true` for a server you trust";
    let probe = tools::process::probe(cells, runner.work().path());
    match tokio::time::timeout(Duration::from_secs(10), probe).await {
        Ok(Ok(())) => check.ok("a program ran confined"),
        Ok(Err(reason)) => check.missing(reason, remedy),
        Err(_) => check.missing("the confined program did not end", remedy),
    }
}

/// Whether this user may make control groups below the one that errand runs in.
pub(super) fn cgroups() -> Check {
    let check = Check::new(
        "cgroups",
        "bounds a confined program with all that it starts; without them errand looks four times a second",
    );
    match guard::cgroup::Group::make(1 << 30, 16) {
        Ok(_) => check.ok("a group was made"),
        Err(reason) => check.missing(
            reason,
            "start errand in a group of its own: `systemd-run --user --scope -p Delegate=yes errand …`, or \
             `Delegate=yes` in its service's unit",
        ),
    }
}
