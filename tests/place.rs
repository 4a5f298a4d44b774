//! A folder of its own for each test: an agent file, what it reads, and an `ERRAND_HOME` in which
//! the guests are compiled already. And the binary, run there.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use agent_core::event::{Event, RunId};
use agent_core::journal::Journal;
use serde_json::{Value, json};
use store::Store;
use tempfile::TempDir;

/// Where one test happens: a folder in a folder, so that what lies above it is the test's too.
pub(crate) struct Place {
    above: TempDir,
    folder: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Place {
        let place = Place::bare();
        lend(&warm().join("home"), &place.home());
        place
    }

    /// With the python guest, which the first test to ask for it has the program make.
    pub(crate) fn with_python() -> Place {
        let place = Place::bare();
        lend(&warm_python().join("home"), &place.home());
        place
    }

    /// With an `ERRAND_HOME` that does not exist.
    pub(crate) fn bare() -> Place {
        let above = TempDir::new().unwrap();
        let folder = above.path().join("here");
        fs::create_dir(&folder).unwrap();
        Place { above, folder }
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> &Place {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Writes `agent.toml`: `head` above the first table, `tables` below `[model]`, and the model's
    /// replies.
    pub(crate) fn agent(&self, head: &str, tables: &str, replies: &[Value]) -> &Place {
        let replies: String = replies.iter().map(|reply| format!("{reply}\n")).collect();
        self.write("replies.jsonl", replies);
        let task = if head.contains("task =") { "" } else { "task = \"do it\"\n" };
        let text = format!(
            "name = \"test\"\n{task}{head}\n\n[model]\nprovider = \"scripted\"\n\
             name = \"replies.jsonl\"\n\n{tables}\n"
        );
        self.write("agent.toml", text)
    }

    /// The binary, to be run here.
    pub(crate) fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_errand"));
        command
            .args(args)
            .current_dir(&self.folder)
            .env("ERRAND_HOME", self.home())
            .env("COLUMNS", "100")
            .env_remove("ERRAND_SOURCES")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// The binary on a terminal, which a Python program is: its arguments are the command.
    pub(crate) fn terminal(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command.args(["-c", program, env!("CARGO_BIN_EXE_errand")]).args(args);
        command.current_dir(&self.folder).env("ERRAND_HOME", self.home()).stdin(Stdio::null());
        command
    }

    pub(crate) fn errand(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        self.ran(&self.command(args).output().unwrap())
    }

    /// `errand run agent.toml --json`
    pub(crate) fn run(&self) -> Ran {
        self.errand(["run", "agent.toml", "--json"])
    }

    pub(crate) fn resume(&self, run: &str, flags: &[&str]) -> Ran {
        self.errand([&["runs", "resume", run, "--json"], flags].concat())
    }

    /// Says yes to what a run waits for, and to nothing else.
    pub(crate) fn approve(&self, waits: &Ran) -> Ran {
        self.resume(&waits.run(), &["--approve", &waits.waits()])
    }

    /// What a program printed, without this machine in it.
    pub(crate) fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.tidy(&String::from_utf8_lossy(bytes));
        Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    pub(crate) fn tidy(&self, text: &str) -> String {
        let here = self.folder.canonicalize().unwrap();
        let above = self.above.path().canonicalize().unwrap();
        text.replace(&*here.to_string_lossy(), "HERE").replace(&*above.to_string_lossy(), "ABOVE")
    }

    /// A new home with the guests of this one, and the first events of a run: what a process that
    /// was killed there left behind.
    pub(crate) fn cut(&self, name: &str, run: &str, events: &[Event]) -> PathBuf {
        let home = self.path(name);
        lend(&self.home(), &home);
        let (store, run) = (Store::open(&home).unwrap(), RunId(run.to_string()));
        for (seq, event) in (0..).zip(events) {
            block_on(store.append(&run, seq, event)).unwrap();
        }
        home
    }

    /// The events of a run, as the journal holds them.
    pub(crate) fn events(&self, run: &str) -> Vec<Event> {
        Place::events_in(&self.home(), run)
    }

    /// Likewise, in another home.
    pub(crate) fn events_in(home: &Path, run: &str) -> Vec<Event> {
        let store = Store::open(home).unwrap();
        block_on(store.events(&RunId(run.to_string()))).unwrap()
    }

    /// The journal of a run, one line an event.
    pub(crate) fn journal(&self, run: &str) -> String {
        self.tidy(&crate::journal::rendered(&self.events(run)))
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}

/// What the binary did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The lines of `--json`.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The run that this was.
    pub(crate) fn run(&self) -> String {
        let started = self.lines().into_iter().find(|line| line["type"] == "started");
        let Some(started) = started else { panic!("no run began: {self}") };
        started["run"].as_str().unwrap().to_string()
    }

    /// The last line.
    pub(crate) fn finished(&self) -> Value {
        let last = self.lines().pop().unwrap_or_default();
        assert_eq!(last["type"], "finished", "{self}");
        last
    }

    /// What a person names to say yes to what the run waits for.
    pub(crate) fn waits(&self) -> String {
        self.finished()["waits"].as_str().unwrap_or_else(|| panic!("{self}")).to_string()
    }

    /// What the model was told of each call, in order.
    pub(crate) fn observations(&self) -> Vec<String> {
        let lines = self.lines();
        let seen = lines.iter().filter(|line| line["type"] == "observation");
        seen.map(|line| line["text"].as_str().unwrap().to_string()).collect()
    }

    /// Everything about it, for a snapshot.
    pub(crate) fn all(&self) -> String {
        self.to_string()
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "exit {code}")?,
            None => write!(f, "killed")?,
        }
        for (name, text) in [("stdout", &self.out), ("stderr", &self.err)] {
            if !text.is_empty() {
                write!(f, "\n--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// A reply of a scripted model that only says something.
pub(crate) fn say(content: &str) -> Value {
    json!({ "content": content })
}

/// A reply of a scripted model that calls tools.
pub(crate) fn call<const N: usize>(calls: [(&str, Value); N]) -> Value {
    let calls =
        calls.map(|(name, arguments)| json!({ "name": name, "arguments": arguments })).to_vec();
    json!({ "content": "", "tool_calls": calls })
}

/// A reply of a scripted model that runs Python.
pub(crate) fn python(code: &str) -> Value {
    say(&format!("```python\n{code}\n```"))
}

/// The place whose home the others' guests are copied from: the program itself compiled them.
pub(crate) fn warm() -> &'static Path {
    static WARM: OnceLock<PathBuf> = OnceLock::new();
    WARM.get_or_init(|| {
        warmed(
            "warm",
            "act = \"tools\"",
            "[tools]\nuse = [\"files.read\", \"web.read\"]\n[permissions]\nread = [\"a.txt\"]\n\
             net = [\"127.0.0.1:9\"]",
            &[
                call([
                    ("files.read", json!({"path": "a.txt"})),
                    ("web.read", json!({"url": "http://127.0.0.1:9/"})),
                ]),
                say("done"),
            ],
        )
    })
}

pub(crate) fn warm_python() -> &'static Path {
    static WARM: OnceLock<PathBuf> = OnceLock::new();
    WARM.get_or_init(|| {
        lend(&warm().join("home"), &kept("warm-python").join("home"));
        warmed(
            "warm-python",
            "act = \"code\"",
            "[tools]\nuse = [\"python\"]",
            &[python("print(1)"), say("done")],
        )
    })
}

/// A folder that outlives the tests, so that the next ones need not compile again.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn warmed(name: &str, head: &str, tables: &str, replies: &[Value]) -> PathBuf {
    let folder = kept(name);
    let place = Place::bare();
    place.agent(head, tables, replies).write("a.txt", "a\n");
    let mut command = place.command(["run", "agent.toml", "--json"]);
    let ran = place.ran(&command.env("ERRAND_HOME", folder.join("home")).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    // What a build before this one left there would be lent as well.
    let mut command = place.command(["self", "prune"]);
    let ran = place.ran(&command.env("ERRAND_HOME", folder.join("home")).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran}");
    folder
}

/// Gives a home the guests of another, compiled, without copying them.
pub(crate) fn lend(from: &Path, to: &Path) {
    // With the key that they were sealed with.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
    if from.join("cache.key").exists() && !to.join("cache.key").exists() {
        fs::copy(from.join("cache.key"), to.join("cache.key")).unwrap();
    }
    for part in ["cache", "guests"] {
        let Ok(files) = fs::read_dir(from.join(part)) else { continue };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(to.join(part)).unwrap();
        for file in files.map(Result::unwrap) {
            let to = to.join(part).join(file.file_name());
            let ends = ["wasm", "cwasm", "seal"];
            let whole =
                file.path().extension().is_some_and(|end| ends.iter().any(|known| end == *known));
            if whole && !to.exists() {
                fs::hard_link(file.path(), &to)
                    .or_else(|_| fs::copy(file.path(), &to).map(drop))
                    .unwrap();
            }
        }
    }
}
