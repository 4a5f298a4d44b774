//! Tools of one's own: a new project of each language and the example of each language build, say
//! what they are, and do what their tests say. What a machine cannot build is said and skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use agent_core::action::{Action, CallId, Capability, Decision, Permit, Verdict};
use agent_core::policy::Policy;
use agent_core::sandbox::{Gate, Sandbox, SandboxError, Use};
use agent_core::tool::{Component, Guest, Limits, ToolSpec};
use async_trait::async_trait;
use sandbox::{Config, Wasm};
use serde_json::Value;
use tools::author::{Language, Project, start};

use crate::place::{Place, Ran, block_on};

/// Lets nothing be reached: the tools under test only compute.
struct Nothing;

impl Policy for Nothing {
    fn judge(&self, _action: &Action) -> Verdict {
        Verdict { decision: Decision::Allow, reasons: Vec::new() }
    }

    fn narrow(&self, tools: &[ToolSpec]) -> Vec<ToolSpec> {
        tools.to_vec()
    }
}

#[async_trait]
impl Gate for Nothing {
    async fn authorize(&self, capability: Capability) -> Result<Use, String> {
        Err(format!("may not {capability}"))
    }

    async fn done(&self, _mark: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, _arguments: Value) -> Result<Value, String> {
        Err(format!("may not call `{tool}`"))
    }
}

const LIMITS: Limits = Limits {
    memory: 512 << 20,
    time: Duration::from_secs(30),
    output: 1 << 20,
    fuel: None,
    calls: 8,
};

/// What this machine lacks to build a language.
pub(crate) fn lacks(language: Language) -> Option<&'static str> {
    let programs: &[&str] = match language {
        Language::Rust => &["cargo"],
        Language::Python | Language::C => &["python3"],
        Language::Javascript => &["node", "npm"],
    };
    let starts = |program: &&&'static str| Command::new(program).arg("--version").output().is_ok();
    programs.iter().find(|program| !starts(program)).copied()
}

/// Toolchains and compiled C libraries outlive the tests.
pub(crate) fn home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("author")
}

pub(crate) fn build(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.command(["tools", "build"]);
    command.args(args).env("ERRAND_HOME", home());
    // What the SDK depends on is compiled once for all projects.
    command.env("CARGO_TARGET_DIR", home().join("target"));
    place.ran(&command.output().unwrap())
}

/// A copy with the SDK that the links of an example lead to.
fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            _ if ["build", "target"].iter().any(|built| from.ends_with(built)) => {}
            true => copied(&from, &to),
            false => drop(fs::copy(from, to).unwrap()),
        }
    }
}

/// Builds a project, twice, and makes the calls of its test.
fn works(place: &Place, folder: &str) {
    let project = Project::open(&place.path(folder)).unwrap();
    let name = &project.name;
    let first = build(place, &[folder]);
    assert_eq!(first.code, Some(0), "{first}");
    let (built, next) = first.out.split_once("\n\n").unwrap();
    assert!(built.ends_with(&format!(" kB of {}", project.language)), "{first}");
    let shown = format!("{folder}/{name}.wasm");
    assert!(built.starts_with(&format!("built {shown}: ")), "{first}");
    assert_eq!(
        next.trim(),
        format!(
            "try it: errand tools test {shown}\nuse it: errand tools add {shown}, beside an agent file"
        )
    );
    let second = build(place, &[folder]);
    assert!(second.out.starts_with(&format!("{shown} is up to date: ")), "{second}");

    let component = Component::File(Arc::new(place.path(&shown)));
    let wasm = Wasm::new(Config::new(place.path(""), home().join("cache"))).unwrap();
    let manifest = block_on(wasm.describe(&component)).unwrap();
    assert!(!manifest.description.is_empty());
    assert_eq!(manifest.wants, agent_core::manifest::Wants::default());
    let guest = Guest::untrusted(name.as_str(), component, LIMITS);
    let tests = place.read(format!("{folder}/{name}.test.jsonl"));
    for line in tests.lines() {
        let test: Value = serde_json::from_str(line).unwrap();
        let tool = test["call"].as_str().unwrap();
        let spec = manifest.tools.iter().find(|spec| spec.name == tool);
        let spec = spec.unwrap_or_else(|| panic!("{name} has no tool `{tool}`"));
        agent_core::schema::check(&spec.input, &test["arguments"]).unwrap();
        let action = Action {
            id: CallId("c1".to_string()),
            tool: format!("{name}.{tool}"),
            arguments: test["arguments"].clone(),
            capabilities: Vec::new(),
            taint: Vec::new(),
        };
        let permit = Permit::judge(&Nothing, action).1.unwrap();
        match block_on(wasm.invoke(&permit, &guest, &Nothing)).unwrap().result {
            Ok(result) => {
                assert_eq!(result, test["result"], "{line}");
                agent_core::schema::check(&spec.output, &result).unwrap();
            }
            Err(error) => assert_eq!(error, test["error"].as_str().unwrap_or("none"), "{line}"),
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn language(language: Language) {
    if let Some(program) = lacks(language) {
        eprintln!("skipped: tools in {language}: `{program}` does not start here");
        return;
    }
    let place = Place::bare();
    start("word-count", language, &place.path("mine")).unwrap();
    works(&place, "mine");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tools");
    copied(&examples.join(language.name()), &place.path("example"));
    works(&place, "example");
}

#[test]
fn rust_tools_build_and_work() {
    language(Language::Rust);
}

#[test]
fn python_tools_build_and_work() {
    language(Language::Python);
}

#[test]
fn javascript_tools_build_and_work() {
    language(Language::Javascript);
}

#[test]
fn c_tools_build_and_work() {
    language(Language::C);
}

#[test]
fn a_new_tool_takes_no_bad_name_and_no_full_folder() {
    let place = Place::bare();
    for bad in ["Weather", "1st", "a.b", "../up", "a-", "ä", "python", &"a".repeat(33)] {
        let ran = place.errand(["tools", "new", bad, "--lang", "rust"]);
        assert_eq!(ran.code, Some(2), "{ran}");
        assert!(ran.err.contains(&format!("`{bad}` cannot be the name of a tool")), "{ran}");
    }
    assert!(fs::read_dir(place.path("")).unwrap().next().is_none());
    let ran = place.errand(["tools", "new", "weather", "--lang", "cobol"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    place.write("weather/notes.txt", "mine\n");
    let ran = place.errand(["tools", "new", "weather", "--lang", "c"]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("`weather` is not empty\nhint: name another folder"), "{ran}");
    assert_eq!(fs::read_dir(place.path("weather")).unwrap().count(), 1);
}

/// A repository that was just cloned: what looks as if it had been built, and links to what is its user's.
#[test]
fn a_project_with_links_and_with_what_looks_built() {
    if lacks(Language::Python).is_some() {
        eprintln!("skipped: python3 is not here");
        return;
    }
    let place = Place::bare();
    place.errand(["tools", "new", "words", "--lang", "python"]);
    let links = |to: &str, at: &str| std::os::unix::fs::symlink(to, place.path(at)).unwrap();
    place.write("mine/packages/a.txt", "mine").write("mine/app.py", "mine").write("lock", "mine");
    links("../mine", "words/build");
    links("../lock", "words/words.wasm");
    let ran = build(&place, &["words"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let kept = ["mine/packages/a.txt", "mine/app.py", "lock"].map(|path| place.read(path));
    assert_eq!(kept, ["mine", "mine", "mine"]);
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 2);
    // What a compiler says is the project's to choose.
    fs::remove_file(place.path("words/build")).unwrap();
    place.write("rc", "mine");
    fs::create_dir(place.path("words/build")).unwrap();
    links("../../rc", "words/build/python.log");
    let main = place.read("words/main.py");
    place.write("words/main.py", "raise Exception('\\ntouch taken\\n')\n");
    let ran = build(&place, &["words"]);
    assert_eq!((ran.code, place.read("rc").as_str()), (Some(1), "mine"), "{ran}");
    // Nothing that a project brings is taken for what was made of it.
    place.write("words/main.py", main);
    let work = fs::read_dir(home().join("toolchains/projects")).unwrap().map(Result::unwrap);
    for made in work.filter(|work| work.file_name().to_string_lossy().starts_with("words-")) {
        let stamp = made.path().join("made-of");
        let _ = fs::copy(stamp, place.path("words/build/made-of"));
    }
    place.write("words/build/component.wasm", "other");
    assert_eq!(build(&place, &["words"]).code, Some(0));
    assert!(fs::read(place.path("words/words.wasm")).unwrap().len() > 100_000);
    // Folders that hold themselves are gone into once; what a compiler makes of them is its own affair.
    for at in ["words/round", "words/again", "words/sdk/once"] {
        links(".", at);
    }
    assert!(build(&place, &["words"]).code.is_some());
}

#[test]
fn what_is_no_project_is_not_built() {
    let place = Place::bare();
    let ran = build(&place, &["."]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("there is no `tool.toml` in `.`\nhint: `errand tools new"), "{ran}");
    place.write("tool.toml", "name = \"a\"\nlanguage = \"perl\"\n");
    let ran = build(&place, &["."]);
    assert_eq!(ran.code, Some(2), "{ran}");
    assert!(ran.err.contains("`./tool.toml`: unknown variant `perl`"), "{ran}");
}

#[test]
fn a_missing_compiler_is_named() {
    let place = Place::bare();
    for (language, program) in [("rust", "rustup"), ("javascript", "npm")] {
        let ran = place.errand(["tools", "new", "mine", "--lang", language, language]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let mut command = place.command(["tools", "build", language]);
        let ran = place.ran(&command.env("PATH", place.path("")).output().unwrap());
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.err.contains(&format!("`{program}` does not start")), "{ran}");
        assert!(ran.err.contains("hint: "), "{ran}");
    }
}
