//! What a component says of itself, whatever it says: a component that gives this manifest when it
//! is asked to describe itself. It is refused in a short sentence, or nothing illegal is in it.
#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use agent_core::tool::Component;
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sandbox::{Config, Wasm};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The manifest of `sandbox/wit/tool.wit`.
#[derive(Debug, Arbitrary)]
struct Told<'a> {
    description: &'a str,
    tools: Vec<Tool<'a>>,
    net: Vec<&'a str>,
    read: Vec<&'a str>,
    write: Vec<&'a str>,
    calls: Vec<&'a str>,
    secrets: Vec<[&'a str; 3]>,
    kv: bool,
}

#[derive(Debug, Arbitrary)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input: Option<&'a str>,
    output: Option<&'a str>,
    effect: u8,
    idempotent: bool,
}

/// Linear memory as the canonical ABI lays it out, from 1024 on.
#[derive(Default)]
struct Image(Vec<u8>);

impl Image {
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = self.0.len() as u32 + 1024;
        self.0.extend_from_slice(bytes);
        at
    }

    fn text(&mut self, text: &str) -> Vec<u8> {
        let at = self.put(text.as_bytes());
        [at.to_le_bytes(), (text.len() as u32).to_le_bytes()].concat()
    }

    fn list(&mut self, items: &[Vec<u8>]) -> Vec<u8> {
        let at = self.put(&items.concat());
        [at.to_le_bytes(), (items.len() as u32).to_le_bytes()].concat()
    }

    fn texts(&mut self, texts: &[&str]) -> Vec<u8> {
        let texts: Vec<_> = texts.iter().map(|text| self.text(text)).collect();
        self.list(&texts)
    }

    fn manifest(&mut self, told: &Told<'_>) -> u32 {
        let mut tools = Vec::new();
        for tool in &told.tools {
            let (input, output) = (tool.input.unwrap_or(r#"{"type":"object"}"#), tool.output);
            let texts = [tool.name, tool.description, input, output.unwrap_or("{}")];
            let mut record: Vec<u8> = texts.iter().flat_map(|text| self.text(text)).collect();
            record.extend([tool.effect, u8::from(tool.idempotent), 0, 0]);
            tools.push(record);
        }
        let secrets: Vec<Vec<u8>> = told
            .secrets
            .iter()
            .map(|secret| secret.iter().flat_map(|text| self.text(text)).collect())
            .collect();
        let parts = [
            self.text(told.description),
            self.list(&tools),
            self.texts(&told.net),
            self.texts(&told.read),
            self.texts(&told.write),
            self.texts(&told.calls),
            self.list(&secrets),
            vec![u8::from(told.kv), 0, 0, 0, 0, 0, 0, 0],
        ];
        self.put(&parts.concat())
    }
}

fn component(told: &Told<'_>) -> Vec<u8> {
    let mut image = Image::default();
    let at = image.manifest(told);
    let data: String = image.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(component
  (import "errand:tool/manifest-types@0.1.0" (instance $t
    (type $effect' (enum "pure" "reads" "writes" "egress"))
    (export "effect" (type $effect (eq $effect')))
    (type $tool' (record (field "name" string) (field "description" string)
      (field "input" string) (field "output" string)
      (field "effect" $effect) (field "idempotent" bool)))
    (export "tool-spec" (type $tool (eq $tool')))
    (type $secret' (record (field "name" string) (field "host" string) (field "header" string)))
    (export "secret" (type $secret (eq $secret')))
    (type $wants' (record (field "net" (list string)) (field "read" (list string))
      (field "write" (list string)) (field "tools" (list string))
      (field "secrets" (list $secret)) (field "kv" bool)))
    (export "wants" (type $wants (eq $wants')))
    (type $manifest' (record (field "description" string) (field "tools" (list $tool))
      (field "wants" $wants)))
    (export "manifest" (type $manifest (eq $manifest')))))
  (alias export $t "manifest" (type $manifest))
  (core module $m
    (memory (export "memory") 64)
    (data (i32.const 1024) "{data}")
    (func (export "describe") (result i32) (i32.const {at}))
    (func (export "invoke") (param i32 i32 i32 i32) (result i32) unreachable)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func (export "describe") (result $manifest)
    (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
  (func (export "invoke") (param "tool" string) (param "arguments" string)
    (result (result string (error string)))
    (canon lift (core func $i "invoke") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc")))))"#
    );
    wat::parse_str(text).expect("a component")
}

/// A sandbox keeps each component that it has seen, so it is replaced from time to time.
struct Sandbox {
    folder: TempDir,
    runtime: Runtime,
    wasm: Wasm,
    seen: usize,
}

fn fresh() -> Wasm {
    // Nothing can be made there: what is compiled is not kept on disk.
    Wasm::new(Config::new("/", PathBuf::from("/dev/null/cache"))).expect("a sandbox")
}

thread_local! {
    static SANDBOX: RefCell<Sandbox> = RefCell::new(Sandbox {
        folder: tempfile::tempdir().expect("a folder"),
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio"),
        wasm: fresh(),
        seen: 0,
    });
}

fuzz_target!(|told: Told<'_>| {
    SANDBOX.with_borrow_mut(|sandbox| {
        sandbox.seen += 1;
        if sandbox.seen % 500 == 0 {
            sandbox.wasm = fresh();
        }
        let path = sandbox.folder.path().join(format!("{}.wasm", sandbox.seen));
        fs::write(&path, component(&told)).expect("a file");
        let said = sandbox
            .runtime
            .block_on(sandbox.wasm.describe(&Component::File(Arc::new(path.clone()))));
        fs::remove_file(&path).expect("the file");
        match said {
            Ok(manifest) => {
                let text = serde_json::to_string(&manifest.wants).expect("JSON");
                assert!(!manifest.tools.is_empty() && manifest.tools.len() <= 64);
                for tool in &manifest.tools {
                    assert!(tool.input.is_object(), "{tool:?}");
                    assert!(!tool.name.is_empty() && tool.name.len() <= 64, "{tool:?}");
                    assert!(!tool.description.contains('\u{1b}'), "{tool:?}");
                }
                assert!(!text.contains("\\u001b"), "{text}");
                let up =
                    |path: &String| path.starts_with('/') || path.split('/').any(|it| it == "..");
                assert!(!manifest.wants.read.iter().chain(&manifest.wants.write).any(up), "{text}");
            }
            Err(reason) => {
                assert!(!reason.is_empty() && reason.len() < 4_000, "{reason}");
                assert!(!reason.contains('\u{1b}'), "{reason:?}");
            }
        }
    });
});
