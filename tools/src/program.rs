//! `run.program`: a program of this machine that the agent file names, run to its end in a cell that
//! is made for the call. What it may be called with is the policy's business; how far it goes is what
//! the agent was granted, whatever it is told to do.

mod made;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use agent_core::action::{Capability, Permit};
use agent_core::journal::Writer;
use agent_core::mcp::{Confinement, Network, Program};
use agent_core::path::resolve;
use agent_core::permission::Grants;
use agent_core::program::{Programs, RUN, RunRule};
use agent_core::sandbox::{Cost, Gate, Invocation, SandboxError};
use agent_core::tool::{Effect, Tool, ToolSpec, Work, Worker};
use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::builtin;
use crate::process::{Cells, End, once, origin, since};

use self::made::Made;

/// Bytes of output that a model is shown at once.
const AT_ONCE: u64 = 16 << 10;

/// Arguments of `run.program`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The program.
    #[schemars(length(min = 1, max = 1000))]
    program: String,
    /// Its arguments, one word each, such as `["-l", "a.txt"]`. There is no shell: no pipes, no quotes,
    /// no patterns.
    #[schemars(length(max = 1000))]
    arguments: Vec<String>,
    /// The folder to run it in; leave out for the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    /// What it reads from standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

/// Result of `run.program`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Ran {
    /// 0 where it ended well.
    exit_code: i32,
    /// What it wrote to standard output.
    output: String,
    /// What it wrote to standard error.
    errors: String,
}

pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![spec()]
}

fn spec() -> ToolSpec {
    builtin::spec::<Arguments, Ran>(
        RUN,
        "Runs a program of this machine to its end, without a shell.",
        Effect::Writes,
    )
}

/// The tool of an agent that may run these. `linked` is where links led that were granted when the run
/// began: a program runs only while all of it leads there.
pub fn tool(
    grants: &Grants,
    programs: &Programs,
    linked: &BTreeMap<PathBuf, PathBuf>,
    cells: Cells,
) -> Arc<dyn Tool> {
    let mut spec = spec();
    spec.input["properties"]["program"]["enum"] = json!(programs.names());
    // A small model would take a `*` for an argument.
    let rule = |rule: &RunRule| format!("`{}`", rule.to_string().replace(" *", " …"));
    let rules: Vec<String> = programs.rules.iter().map(rule).collect();
    spec.description = format!("Runs a program to its end, without a shell: {}.", rules.join(", "));
    if grants.write.is_empty() && programs.network == Network::None {
        // There is nothing that it could change.
        spec.effect = Effect::Reads;
    }
    let mut read = programs.read.clone();
    if programs.network == Network::None {
        read.extend(grants.read.iter().cloned());
    }
    let write = grants.write.clone();
    let led = |path: &PathBuf| (path.clone(), linked.get(path).unwrap_or(path).clone());
    let granted = read.iter().chain(&write).map(led).collect();
    let (root, programs) = (grants.root.clone(), programs.clone());
    Arc::new(Runs { spec: Arc::new(spec), root, read, write, granted, programs, cells })
}

struct Runs {
    spec: Arc<ToolSpec>,
    root: PathBuf,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    /// Where each of those led when the run began.
    granted: Vec<(PathBuf, PathBuf)>,
    programs: Programs,
    cells: Cells,
}

impl Tool for Runs {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn plan(&self, arguments: &Value) -> Result<Vec<Capability>, String> {
        let Arguments { program, arguments, folder, .. } = parsed(arguments)?;
        if arguments.iter().any(|word| word.contains('\0')) {
            return Err("an argument cannot hold a zero byte".to_string());
        }
        let mut wanted = vec![Capability::Run { program, arguments }];
        if let Some(folder) = folder {
            let folder = resolve(&self.root, &folder)?;
            // It is where the program starts; what it does there is held by its cell.
            if !self.write.iter().any(|own| folder.starts_with(own)) {
                wanted.push(Capability::Read(folder));
            }
        }
        Ok(wanted)
    }

    fn work(&self) -> Work<'_> {
        Work::Worker(self)
    }

    fn show(&self, result: &Value) -> String {
        let Ok(Ran { exit_code, output, errors }) = Ran::deserialize(result) else {
            return result.to_string();
        };
        shown(Some(exit_code), &output, &errors)
    }
}

/// What it wrote and its exit code, if it has one, as the model reads it.
fn shown(exit_code: Option<i32>, output: &str, errors: &str) -> String {
    let mut parts = Vec::new();
    if let Some(code) = exit_code.filter(|code| *code != 0) {
        parts.push(format!("exit code {code}"));
    }
    for (label, text) in [(None, output), (Some("standard error:"), errors)] {
        let text = text.trim_end();
        if !text.is_empty() {
            parts.extend(label.map(str::to_string));
            parts.push(text.to_string());
        }
    }
    match (parts.is_empty(), exit_code) {
        (false, _) => parts.join("\n"),
        (true, Some(_)) => "it ended well and wrote nothing".to_string(),
        (true, None) => "it wrote nothing".to_string(),
    }
}

#[async_trait]
impl Worker for Runs {
    async fn invoke(&self, permit: &Permit, gate: &dyn Gate) -> Result<Invocation, SandboxError> {
        let began = Instant::now();
        let action = permit.action();
        self.label(gate).await?;
        // What it leaves behind keeps the origins of all that it was given, also where it failed.
        let (run, name) = (gate.run(), action.id.to_string());
        let since = since(&self.write).await;
        let writer = Writer { run: &run, name: &name, folders: &self.write, since };
        gate.writer_began(&writer, &[]).await?;
        let result = self.watched(&action.arguments).await;
        gate.writer_ended(&run, &name).await?;
        let result = result.map(|ran| json!(ran));
        Ok(Invocation { result, cost: Cost { time: began.elapsed(), ..Cost::default() } })
    }

    fn at_once(&self) -> Option<u64> {
        Some(AT_ONCE)
    }
}

impl Runs {
    /// Where what it gives back may come from: all that it can read.
    async fn label(&self, gate: &dyn Gate) -> Result<(), SandboxError> {
        let readable: Vec<PathBuf> = self.read.iter().chain(&self.write).cloned().collect();
        readable.iter().map(|path| origin(path)).for_each(|origin| gate.record_origin(origin));
        gate.reads_all(&readable).await
    }

    /// Runs it, and has nothing left behind that no agent may write.
    async fn watched(&self, arguments: &Value) -> Result<Ran, String> {
        let (write, kept) = (self.write.clone(), Arc::clone(&self.cells.kept));
        let made = blocking(move || Made::watch(write, kept)).await?;
        let result = self.run(arguments).await;
        blocking(move || made.removed()).await.and(result)
    }

    async fn run(&self, arguments: &Value) -> Result<Ran, String> {
        let Arguments { program, arguments, folder, input } = parsed(arguments)?;
        for (path, then) in &self.granted {
            if guard::real(path) != *then {
                return Err(format!("`{}` is not what it was when the run began", path.display()));
            }
        }
        // What is not there could not be written to: it may be a folder.
        let missing: Vec<&PathBuf> =
            self.write.iter().filter(|path| path.extension().is_none() && !path.exists()).collect();
        for folder in &missing {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("`{}` cannot be made: {error}", folder.display()))?;
        }
        let folder = folder.map_or(Ok(self.root.clone()), |folder| resolve(&self.root, &folder))?;
        let cell = Program {
            command: self.found(&program)?,
            args: arguments,
            env: BTreeMap::new(),
            root: folder,
            read: self.read.clone(),
            write: self.write.clone(),
            network: self.programs.network,
            confinement: Confinement::Required,
        };
        let Programs { memory, timeout, .. } = self.programs;
        let input = input.unwrap_or_default();
        let ran = once(&cell, self.environment(), &self.cells, memory, &input, timeout).await;
        for folder in missing {
            // Where the program made use of it, it is not empty and stays.
            let _used = std::fs::remove_dir(folder);
        }
        let ran = ran?;
        match ran.end {
            End::Code(exit_code) => Ok(Ran { exit_code, output: ran.output, errors: ran.errors }),
            End::Stopped(how) => {
                let until = shown(None, &ran.output, &ran.errors);
                Err(format!("`{program}` {how}; until then:\n{until}"))
            }
        }
    }

    /// The program that the agent file means by this name, by its path.
    fn found(&self, program: &str) -> Result<String, String> {
        let found = crate::process::found(program, &self.root)?;
        if !found.is_file() {
            return Err(format!("there is no program `{program}`"));
        }
        Ok(found.to_string_lossy().into_owned())
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut env: BTreeMap<String, String> = [
            ("PATH", guard::search_path()),
            ("TMPDIR", "/tmp".to_string()),
            ("LANG", "C.UTF-8".to_string()),
            ("TERM", "dumb".to_string()),
            ("NO_COLOR", "1".to_string()),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into();
        let home = std::env::home_dir().map(|home| home.to_string_lossy().into_owned());
        env.extend(home.map(|home| ("HOME".to_string(), home)));
        env.extend(self.programs.env.clone());
        env
    }
}

/// Work that looks through folders.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn parsed(arguments: &Value) -> Result<Arguments, String> {
    Arguments::deserialize(arguments).map_err(|error| error.to_string())
}
