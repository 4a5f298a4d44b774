//! The probe guest, an agent folder, and a gate made of closures.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use agent_core::action::{Action, CallId, Capability, Decision, Permit, Verdict};
use agent_core::policy::Policy;
use agent_core::sandbox::{Gate, Invocation, Sandbox, SandboxError, Use};
use agent_core::tool::{Component, Guest, Imports, Limits, ToolSpec};
use async_trait::async_trait;
use sandbox::{Config, Wasm};
use serde_json::Value;

/// The component in `tools/guests/probe`. Needs the target `wasm32-wasip2`.
pub(crate) fn probe() -> Component {
    static BUILT: OnceLock<Arc<PathBuf>> = OnceLock::new();
    built(&BUILT, "probe", "probe.wasm")
}

/// The component in the guests' folder for tests: the world `tool`, as its authors use it.
pub(crate) fn stranger() -> Component {
    static BUILT: OnceLock<Arc<PathBuf>> = OnceLock::new();
    built(&BUILT, "stranger", "stranger.wasm")
}

/// The plain component beside it.
pub(crate) fn plain() -> Component {
    static BUILT: OnceLock<Arc<PathBuf>> = OnceLock::new();
    built(&BUILT, "stranger", "examples/plain.wasm")
}

/// Built once in a process, by a cargo of its own.
fn built(once: &OnceLock<Arc<PathBuf>>, guest: &str, file: &str) -> Component {
    let path = once.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../tools/guests/{guest}/Cargo.toml"));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(guest);
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--lib", "--examples"])
            .args(["--target", "wasm32-wasip2", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .unwrap();
        assert!(status.success(), "`{guest}` does not build; `rustup target add wasm32-wasip2`?");
        Arc::new(target.join("wasm32-wasip2/release").join(file))
    });
    Component::File(Arc::clone(path))
}

/// A component from its text.
pub(crate) fn wat(text: &str) -> Component {
    let bytes = wat::parse_str(text).unwrap().leak();
    Component::Embedded { name: "text", bytes }
}

/// Compiled components, kept from test to test.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("components")
}

/// An agent's folder with `docs` to read, `out` to write, and a secret outside both.
pub(crate) struct Folder {
    pub(crate) path: tempfile::TempDir,
    pub(crate) wasm: Wasm,
}

pub(crate) const SECRET: &str = "the secret that no guest may see";

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Folder {
        let path = tempfile::tempdir().unwrap();
        let root = path.path();
        for folder in ["docs/deep", "out", "private"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::fs::write(root.join("docs/a.md"), "hello").unwrap();
        std::fs::write(root.join("docs/deep/b.md"), "below").unwrap();
        std::fs::write(root.join("private/secret.txt"), SECRET).unwrap();
        let mut config = Config::new(root, cache());
        config.read = vec![root.join("docs")];
        config.write = vec![root.join("out")];
        change(&mut config);
        let wasm = Wasm::new(config).unwrap();
        Folder { path, wasm }
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path.path().join(path)
    }

    pub(crate) async fn run(
        &self,
        gate: &dyn Gate,
        tool: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        self.invoke(gate, tool, arguments, LIMITS).await.result
    }

    pub(crate) async fn invoke(
        &self,
        gate: &dyn Gate,
        tool: &str,
        arguments: Value,
        limits: Limits,
    ) -> Invocation {
        invoke(&self.wasm, gate, "c1", tool, arguments, limits).await.unwrap()
    }
}

pub(crate) const LIMITS: Limits = Limits {
    memory: 64 << 20,
    time: Duration::from_secs(20),
    output: 1 << 20,
    fuel: None,
    calls: 128,
};

/// What the probe is lent.
pub(crate) const IMPORTS: Imports =
    Imports { files: true, http: true, kv: false, pages: false, tools: true };

pub(crate) async fn invoke(
    wasm: &Wasm,
    gate: &dyn Gate,
    call: &str,
    tool: &str,
    arguments: Value,
    limits: Limits,
) -> Result<Invocation, SandboxError> {
    let guest = Guest::builtin(probe(), IMPORTS, limits);
    wasm.invoke(&permit(call, tool, arguments), &guest, gate).await
}

pub(crate) fn permit(call: &str, tool: &str, arguments: Value) -> Permit {
    let action = Action {
        id: CallId(call.to_string()),
        tool: tool.to_string(),
        arguments,
        capabilities: Vec::new(),
        taint: Vec::new(),
    };
    Permit::judge(&Everything, action).1.unwrap()
}

struct Everything;

impl Policy for Everything {
    fn judge(&self, _action: &Action) -> Verdict {
        Verdict { decision: Decision::Allow, reasons: Vec::new() }
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        tools.to_vec()
    }
}

type Judge = Box<dyn Fn(&Capability) -> Result<Use, String> + Send + Sync>;

/// Judges as it is told, and remembers what it was asked.
pub(crate) struct Asked {
    judge: Judge,
    pub(crate) asked: Mutex<Vec<Capability>>,
    pub(crate) done: Mutex<Vec<u64>>,
}

impl Asked {
    pub(crate) fn with(
        judge: impl Fn(&Capability) -> Result<Use, String> + Send + Sync + 'static,
    ) -> Asked {
        Asked { judge: Box::new(judge), asked: Mutex::default(), done: Mutex::default() }
    }

    /// Even what no policy would allow: the sandbox alone has to hold.
    pub(crate) fn everything() -> Asked {
        Asked::with(|_| Ok(Use::Fresh(7)))
    }

    pub(crate) fn nothing() -> Asked {
        Asked::with(|capability| Err(format!("may not {capability}")))
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

#[async_trait]
impl Gate for Asked {
    async fn authorize(&self, capability: Capability) -> Result<Use, String> {
        let said = (self.judge)(&capability);
        self.asked.lock().unwrap().push(capability);
        said
    }

    async fn done(&self, mark: u64) -> Result<(), SandboxError> {
        self.done.lock().unwrap().push(mark);
        Ok(())
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        Err(format!("no tool `{tool}` for {arguments}"))
    }
}
