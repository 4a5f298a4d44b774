//! The guests in the real sandbox, each case a call and what comes back. Attacks are named.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod open;
mod pdf;
mod snippets;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use agent_core::action::{Action, CallId, Capability, Permit};
use agent_core::sandbox::{Gate, Sandbox, SandboxError, Use};
use agent_core::schema;
use agent_core::tool::{Component, Work};
use async_trait::async_trait;
use serde_json::{Value, json};
use tools::{Registry, Setup, python};
use wit_component::DecodedWasm;

use open::Open;

/// An agent in a folder of its own: it may read `docs` and write `out`.
struct Agent {
    folder: tempfile::TempDir,
    registry: Registry,
    sandbox: sandbox::Wasm,
    used: Mutex<Vec<String>>,
}

impl Agent {
    fn new(python: Option<PathBuf>) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, text) in [
            (
                "docs/rivers.md",
                "# Rivers\n\n## Nile\nThe Nile is 6650 km long.\n\n## Rhine\nThe Rhine is 1233 km long.\n",
            ),
            (
                "docs/peaks.csv",
                "name,height_m,country\nKilimanjaro,5895,Tanzania\nMont Blanc,\"4,806\",France\n",
            ),
            ("docs/deep/note.txt", "a note\n"),
            ("secret.txt", "the secret\n"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::write(root.join("docs/data.bin"), b"a\0b").unwrap();
        std::fs::create_dir(root.join("out")).unwrap();
        let (read, write) = (vec![root.join("docs")], vec![root.join("out")]);
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("components");
        let mut config = sandbox::Config::new(&root, cache);
        config.read.clone_from(&read);
        config.write = write;
        Arc::new(Self {
            folder,
            registry: Registry::builtin(&Setup { root, read, python, ..Setup::default() }),
            sandbox: sandbox::Wasm::new(config).unwrap(),
            used: Mutex::default(),
        })
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        let found = self.registry.get(tool).ok_or_else(|| format!("there is no `{tool}`"))?;
        schema::check(&found.spec().input, &arguments)?;
        let action = Action {
            id: CallId("c0".to_string()),
            tool: tool.to_string(),
            capabilities: found.plan(&arguments)?,
            arguments,
            taint: Vec::new(),
        };
        let permit = Permit::judge(&Open, action).1.unwrap();
        let Work::Guest(guest) = found.work() else { panic!("`{tool}` is no guest") };
        let done = self.sandbox.invoke(&permit, guest, self).await.unwrap();
        let result = done.result?;
        schema::check(&found.spec().output, &result).unwrap();
        Ok(result)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }
}

#[async_trait]
impl Gate for Agent {
    async fn authorize(&self, capability: Capability) -> Result<Use, String> {
        self.used.lock().unwrap().push(capability.to_string());
        let granted = match &capability {
            Capability::Read(path) => path.starts_with(self.root().join("docs")),
            Capability::Write(path) | Capability::Delete(path) => {
                path.starts_with(self.root().join("out"))
            }
            Capability::Fetch { .. } | Capability::Run { .. } => false,
        };
        if granted { Ok(Use::Fresh(0)) } else { Err(format!("may not {capability}")) }
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        Agent::call(self, tool, arguments).await
    }
}

#[tokio::test]
async fn files_are_listed_read_searched_and_written() {
    let agent = Agent::new(None);
    let listed = agent.call("files.list", json!({})).await.unwrap();
    let paths: Vec<&str> =
        listed["entries"].as_array().unwrap().iter().map(|e| e["path"].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        ["docs/data.bin", "docs/deep", "docs/deep/note.txt", "docs/peaks.csv", "docs/rivers.md"]
    );
    let read = agent.call("files.read", json!({"path": "docs/rivers.md", "start": 4, "lines": 1}));
    assert_eq!(
        read.await.unwrap(),
        json!({"path": "docs/rivers.md", "text": "The Nile is 6650 km long.", "start": 4, "end": 4, "total_lines": 7, "next": 5})
    );
    let found =
        agent.call("files.search", json!({"query": "How long is the Rhyne?"})).await.unwrap();
    assert_eq!(found["passages"][0]["text"], "The Rhine is 1233 km long.");
    assert_eq!(found["passages"][0]["context"], "Rivers > Rhine");
    assert_eq!(found["skipped"], json!(["docs/data.bin"]));
    let found =
        agent.call("files.search", json!({"query": "height of kilimanjaro"})).await.unwrap();
    assert_eq!(
        found["passages"][0]["text"],
        "name: Kilimanjaro, height_m: 5895, country: Tanzania"
    );
    let wrote = agent.call("files.write", json!({"path": "out/a.txt", "content": "é"})).await;
    assert_eq!(wrote, Ok(json!({"path": "out/a.txt", "bytes": 2})));
    assert_eq!(std::fs::read_to_string(agent.root().join("out/a.txt")).unwrap(), "é");
}

/// A Word document of these paragraphs.
fn word(paragraphs: &[&str]) -> Vec<u8> {
    use std::io::Write;
    let text = |paragraph: &&str| format!("<w:p><w:r><w:t>{paragraph}</w:t></w:r></w:p>");
    let body: String = paragraphs.iter().map(text).collect();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
    write!(zip, "<w:document><w:body>{body}</w:body></w:document>").unwrap();
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn documents_are_read_and_searched() {
    let agent = Agent::new(None);
    let docs = agent.root().join("docs");
    std::fs::write(docs.join("order.docx"), word(&["Order 7", "Forty lamps for Faro."])).unwrap();
    let pages = ["The first page.", "The lighthouse of Faro has forty lamps."];
    std::fs::write(docs.join("towers.pdf"), pdf::of(&pages, "")).unwrap();
    std::fs::write(docs.join("broken.pdf"), "%PDF-1.7").unwrap();
    let read = agent.call("files.read", json!({"path": "docs/order.docx"})).await.unwrap();
    assert_eq!(read["text"], "Order 7\n\nForty lamps for Faro.");
    let found = agent.call("files.search", json!({"query": "lighthouse of Faro"})).await.unwrap();
    let passage = &found["passages"][0];
    assert_eq!(
        (&passage["path"], &passage["context"]),
        (&json!("docs/towers.pdf"), &json!("Page 2"))
    );
    assert_eq!(found["skipped"], json!(["docs/broken.pdf", "docs/data.bin"]));
    let broken = agent.call("files.read", json!({"path": "docs/broken.pdf"})).await;
    let said = "`docs/broken.pdf` is a PDF that is broken: no pages can be found in it";
    assert_eq!(broken, Err(said.to_string()));
}

/// A row of runs of runs: what it unpacks to is told, and nothing of it is kept.
#[tokio::test]
async fn a_pdf_bomb_is_a_failure_of_its_call() {
    let agent = Agent::new(None);
    std::fs::write(agent.root().join("docs/bomb.pdf"), pdf::bomb()).unwrap();
    let read = agent.call("files.read", json!({"path": "docs/bomb.pdf"})).await;
    assert!(read.is_err(), "{read:?}");
}

#[tokio::test]
async fn files_are_edited_moved_and_deleted() {
    let agent = Agent::new(None);
    // What may be written may not be read here: an edit needs both.
    std::fs::write(agent.root().join("out/a.txt"), "one\ntwo\n").unwrap();
    let edit = json!({"path": "out/a.txt", "old": "two", "new": "2"});
    let edited = agent.call("files.edit", edit).await.unwrap_err();
    assert!(edited.starts_with("may not read"), "{edited}");
    let deleted = agent.call("files.delete", json!({"path": "out/a.txt"})).await;
    assert_eq!(deleted, Ok(json!({"deleted": "out/a.txt"})));
    assert!(!agent.root().join("out/a.txt").exists());
    let refused = agent.call("files.delete", json!({"path": "docs/rivers.md"})).await.unwrap_err();
    assert!(refused.starts_with("may not delete"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_clearly() {
    let agent = Agent::new(None);
    for (path, expected) in [
        ("docs/data.bin", "is no text but a binary file (3 bytes)"),
        ("docs/river.md", "there is `docs/rivers.md`"),
        ("secret.txt", "may not read"),
        ("docs/../secret.txt", "may not read"),
        ("/etc/passwd", "may not read"),
    ] {
        let error = agent.call("files.read", json!({"path": path})).await.unwrap_err();
        assert!(error.contains(expected), "{path}: {error}");
    }
    let error = agent.call("files.write", json!({"path": "docs/x", "content": ""})).await;
    assert!(error.unwrap_err().contains("may not write"));
    let error = agent.call("web.read", json!({"url": "http://127.0.0.1:9/"})).await;
    assert!(error.unwrap_err().contains("may not GET"));
}

/// The component, made as a user's machine makes it; the package is fetched once.
fn component() -> PathBuf {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let build = python::Build::new(home.join("guests"));
        if let Some(made) = build.made() {
            return made;
        }
        let folder = home.join(format!("componentize-py-{}-wheel", python::VERSION));
        let wheel = || {
            let files = std::fs::read_dir(&folder).ok()?;
            let mut paths = files.map(|file| file.unwrap().path());
            paths.find(|path| path.extension().is_some_and(|end| end == "whl"))
        };
        if wheel().is_none() {
            let fetched = Command::new("python3")
                .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"])
                .arg("--dest")
                .arg(&folder)
                .arg(format!("componentize-py=={}", python::VERSION))
                .status()
                .unwrap();
            assert!(fetched.success());
        }
        build.make("python3".as_ref(), &wheel().unwrap()).unwrap()
    })
    .clone()
}

/// What a component imports, by the interfaces' whole names.
fn imports(component: &Component) -> Vec<String> {
    let wasm = match component {
        Component::Embedded { bytes, .. } => bytes.to_vec(),
        Component::Packed { packed, sha256, .. } => {
            // One that was built here is not compressed.
            let wasm = match packed.starts_with(b"\0asm") {
                true => packed.to_vec(),
                false => zstd::decode_all(*packed).unwrap(),
            };
            assert_eq!(sandbox::digest(&wasm), *sha256);
            wasm
        }
        Component::File(path) | Component::Pinned { path, .. } => {
            std::fs::read(path.as_path()).unwrap()
        }
    };
    let decoded = wit_component::decode(&wasm).unwrap();
    let DecodedWasm::Component(resolve, world) = decoded else { panic!("it is no component") };
    let imports = resolve.worlds[world].imports.keys();
    imports.map(|key| resolve.name_world_key(key)).collect()
}

/// A component or a server of such a name would stand in front of them.
#[test]
fn every_family_of_tools_is_reserved() {
    let own = tools::registry::known().iter().map(|spec| spec.name.clone());
    for name in own.chain([tools::output::spec().name]) {
        let family = name.split('.').next().unwrap();
        assert!(agent_core::component::RESERVED.contains(&family), "{name}");
    }
}

/// A guest that came with the runtime was lent HTTP because all of them were.
#[test]
fn a_built_in_guest_that_is_lent_more_than_it_declares() {
    let wasi = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
    let agent = Agent::new(Some(component()));
    let mut seen = 0;
    for tool in agent.registry.iter() {
        let name = &tool.spec().name;
        let Work::Guest(guest) = tool.work() else {
            assert_eq!(name, "ask.person", "a built-in tool is a guest's");
            seen += 1;
            continue;
        };
        let lent = guest.imports;
        let mut expected = match name.split('.').next().unwrap() {
            "files" | "data" => vec!["files"],
            "web" => vec!["files", "http", "pages"],
            "python" => vec!["files", "tools"],
            other => panic!("`{other}` has to say here what it is linked with"),
        };
        let lends = [
            ("files", lent.files),
            ("http", lent.http),
            ("kv", lent.kv),
            ("pages", lent.pages),
            ("tools", lent.tools),
        ];
        let lends = lends.into_iter().filter(|(_, lent)| *lent).map(|(name, _)| name);
        assert_eq!(lends.collect::<Vec<_>>(), expected, "{name} is lent");
        for import in imports(&guest.component) {
            let (package, interface) = import.split_once('/').unwrap();
            let interface = interface.split('@').next().unwrap();
            match package {
                "errand:tool" => {
                    assert!(expected.contains(&interface), "{name} imports `{import}`");
                    expected.retain(|known| *known != interface);
                }
                _ => {
                    let known = wasi.iter().any(|known| package == format!("wasi:{known}"));
                    assert!(known, "{name} imports `{import}`");
                }
            }
        }
        assert_eq!(expected, [""; 0], "{name} is lent what it does not import");
        seen += 1;
    }
    // What runs programs is no guest, and what compares by meaning is set up by the runtime.
    let elsewhere = ["run.program", "data.search", "data.cluster", "data.outliers"];
    assert_eq!(seen, tools::registry::known().len() - elsewhere.len());
}

async fn check(cases: &[(&str, Result<Value, &str>)]) -> Arc<Agent> {
    let agent = Agent::new(Some(component()));
    check_in(&agent, cases).await;
    agent
}

async fn check_in(agent: &Agent, cases: &[(&str, Result<Value, &str>)]) {
    for (code, expected) in cases {
        match (agent.call("python", json!({ "code": code })).await, expected) {
            (Ok(result), Ok(expected)) => {
                let shown = match result["output"].as_str().unwrap() {
                    "" => result["value"].clone(),
                    output => json!(output),
                };
                assert_eq!(&shown, expected, "{code}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.contains(expected), "{code}:\n{error}\nwithout: {expected}");
            }
            (result, expected) => panic!("{code}:\n{result:?}\ninstead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn python_computes_over_files() {
    let agent = check(&[
        ("1 + 1", Ok(json!(2))),
        ("print('a'); {'x': (1, None)}", Ok(json!("a\n"))),
        ("import csv\nrows = list(csv.DictReader(open('docs/peaks.csv')))\nrows[0]['country']", Ok(json!("Tanzania"))),
        ("from pathlib import Path\nsorted(str(p) for p in Path('.').rglob('*.*'))", Ok(json!(["docs/data.bin", "docs/deep/note.txt", "docs/peaks.csv", "docs/rivers.md"]))),
        ("import os\n[os.path.exists('docs/peaks.csv'), os.path.isdir('docs'), os.path.exists('/etc/passwd')]", Ok(json!([true, true, false]))),
        ("with open('out/w.txt', 'w') as f:\n    print('héllo', file=f)\n", Ok(Value::Null)),
        ("files.read('docs/rivers.md').splitlines()[0]", Ok(json!("# Rivers"))),
        ("files.search('rhine')[0].path", Ok(json!("docs/rivers.md"))),
        ("import sys\nprint('x')\nsys.exit(0)", Ok(json!("x\n"))),
        ("2 ** 100", Ok(json!("1267650600228229401496703205376"))),
        (
            "[number(n) for n in ('4,806', '64,5', '1.234,50 EUR', \"1'234.5\", '-3')]",
            Ok(json!([4806, 64.5, 1234.5, 1234.5, -3])),
        ),
        (
            "[number(n) for n in ('A-7', '1 234,50', '12.05.2031', '\u{2212}12,50', '5 1234')]",
            Ok(json!([7, 1234.5, 12, -12.5, 5])),
        ),
    ])
    .await;
    assert_eq!(std::fs::read_to_string(agent.root().join("out/w.txt")).unwrap(), "héllo\n");
}

#[tokio::test]
async fn python_reads_and_saves_tables_as_people_have_them() {
    let agent = Agent::new(Some(component()));
    for (name, text) in [
        ("german", "Datum;Kilometer;Preis\n03.02.2032;64,5;1.200\n04.02.2032;7;19,90\n"),
        ("english", "name,people,share\nLeiden,\"124,093\",1.5\n"),
        ("version", "name;version\na;1.2.3\nb;007\n"),
        ("mixed", "weight,width\n1.250,\"3,5\"\n"),
    ] {
        std::fs::write(agent.root().join(format!("docs/{name}.csv")), text).unwrap();
    }
    let rows = "[{'a': 1, 'b': 'x, y'}, {'a': 2, 'b': None}]";
    let missing = format!("save('out/a.json', {rows}, columns=['c'])");
    let saves = format!(
        "save('out/a.csv', {rows})\nsave('out/b.json', {rows}, ['b'])\n\
         save('out/c.txt', ['one', 'two'])\nsave('out/d.json', {{'a': 1}})"
    );
    check_in(
        &agent,
        &[
            (
                "table('docs/german.csv')",
                Ok(json!([
                    {"Datum": "03.02.2032", "Kilometer": 64.5, "Preis": 1200},
                    {"Datum": "04.02.2032", "Kilometer": 7, "Preis": 19.9},
                ])),
            ),
            (
                "table('docs/english.csv')",
                Ok(json!([{"name": "Leiden", "people": 124_093, "share": 1.5}])),
            ),
            (
                "table('docs/version.csv')",
                Ok(json!([{"name": "a", "version": "1.2.3"}, {"name": "b", "version": "007"}])),
            ),
            ("table('docs/mixed.csv')", Ok(json!([{"weight": 1.25, "width": 3.5}]))),
            (&missing, Err("KeyError: 'c'; the columns are a, b")),
            (&saves, Ok(Value::Null)),
        ],
    )
    .await;
    let saved = |name: &str| std::fs::read_to_string(agent.root().join("out").join(name)).unwrap();
    assert_eq!(saved("a.csv"), "a,b\n1,\"x, y\"\n2,\n");
    let json: Value = serde_json::from_str(&saved("b.json")).unwrap();
    assert_eq!(json, json!([{"b": "x, y"}, {"b": null}]));
    assert_eq!(saved("c.txt"), "one\ntwo\n");
    assert_eq!(saved("d.json"), "{\n  \"a\": 1\n}\n");
    let written = agent.call("python", json!({ "code": saves })).await.unwrap();
    assert_eq!(written["wrote"], json!(["out/a.csv", "out/b.json", "out/c.txt", "out/d.json"]));
}

#[tokio::test]
async fn python_errors_say_what_to_do() {
    check(&[
        ("open('peaks.csv')", Err("hint: there is docs/peaks.csv")),
        (
            "import csv\nfor r in csv.DictReader(open('docs/peaks.csv')):\n    r['height']",
            Err("line 3: r['height']\nKeyError: 'height'; the columns are name, height_m, country"),
        ),
        ("float('4,806')", Err("hint: convert it with number(text)")),
        (
            "import pandas as pd",
            Err("there is no `pandas` here, only the standard library: use csv"),
        ),
        ("prnt(1)", Err("Did you mean: 'print'?")),
        (
            "for i in range(3)\n    pass",
            Err("line 1: for i in range(3)\nSyntaxError: expected ':'"),
        ),
        ("files.search(q='x')", Err("files.search() has no `q`: it takes query, path, limit")),
        ("input('name?')", Err("there is nobody to ask")),
        ("def f(n): return f(n + 1)\nf(0)", Err("RecursionError")),
    ])
    .await;
}

#[tokio::test]
async fn python_attacks() {
    let agent = check(&[
        ("open('secret.txt').read()", Err("may not read")),
        ("open('docs/../secret.txt').read()", Err("may not read")),
        ("open('/etc/passwd').read()", Err("may not read")),
        ("open('docs/\\0a')", Err("a path cannot hold a NUL byte")),
        ("open('docs/x', 'w').write('x')", Err("may not write")),
        ("from wit_world.imports import files as f\nf.read('secret.txt')", Err("may not read")),
        ("import _io\n_io.open('/etc/passwd')", Err("FileNotFoundError")),
        ("import posix\nposix.listdir('/')", Err("FileNotFoundError")),
        ("import posix\nposix.open('secret.txt', 0)", Err("FileNotFoundError")),
        ("import os\ndict(os.environ)", Ok(json!({}))),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", Err("there is no network")),
        ("import _socket\n_socket.socket().connect(('127.0.0.1', 80))", Err("ermission")),
        ("import subprocess\nsubprocess.run(['ls'])", Err("there are no processes")),
        ("import os\nos.system('ls')", Err("there are no processes")),
        ("import threading\nthreading.Thread(target=print).start()", Err("there are no threads")),
        ("import ctypes", Err("`ctypes` does not work in this sandbox")),
        ("web.read('http://169.254.169.254/')", Err("may not GET")),
    ])
    .await;
    assert_eq!(std::fs::read_to_string(agent.root().join("secret.txt")).unwrap(), "the secret\n");
}
