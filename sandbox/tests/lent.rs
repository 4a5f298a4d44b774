//! What an untrusted component is lent: what it was granted, bounded, and nothing else.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "lent/requests.rs"]
mod requests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::action::Capability;
use agent_core::manifest::SecretUse;
use agent_core::provenance::Origin;
use agent_core::sandbox::{Gate, Level, Remark, Sandbox, SandboxError, Use};
use agent_core::tool::{Component, Guest, Imports, Limits};
use async_trait::async_trait;
use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{Asked, Folder, LIMITS, permit, stranger, wat};
use serde_json::{Value, json};

const ALL: Imports = Imports { files: true, http: true, kv: true, pages: false, tools: true };
const KEY: &str = "sk-0123456789/abc+DEF";

fn guest(imports: Imports, limits: Limits) -> Guest {
    Guest { imports, ..Guest::untrusted("weather", stranger(), limits) }
}

fn folder() -> Folder {
    Folder::with(|config| {
        config.kv = Some(config.root.join("kv"));
        config.secrets = Arc::new(|name| (name == "API_KEY").then(|| KEY.to_string()));
    })
}

async fn run(folder: &Folder, gate: &dyn Gate, guest: &Guest, tool: &str, with: Value) -> Answer {
    let permit = permit("c1", &format!("weather.{tool}"), with);
    folder.wasm.invoke(&permit, guest, gate).await.unwrap().result
}

type Answer = Result<Value, String>;

async fn used(folder: &Folder, tool: &str, with: Value) -> Answer {
    run(folder, &Asked::everything(), &guest(ALL, LIMITS), tool, with).await
}

#[tokio::test]
async fn an_import_that_was_not_granted() {
    let folder = folder();
    for (imports, missing) in [
        (Imports { files: false, ..ALL }, "errand:tool/files@0.1.0"),
        (Imports { http: false, ..ALL }, "errand:tool/http@0.1.0"),
        (Imports { kv: false, ..ALL }, "errand:tool/kv@0.1.0"),
        (Imports { tools: false, ..ALL }, "errand:tool/tools@0.1.0"),
    ] {
        let guest = guest(imports, LIMITS);
        let answer = run(&folder, &Asked::everything(), &guest, "echo", json!({})).await;
        let said = format!("the component imports `{missing}`, which it was not granted");
        assert_eq!(answer, Err(said));
    }
    assert_eq!(used(&folder, "echo", json!({"n": 1})).await, Ok(json!({"n": 1})));
}

#[tokio::test]
async fn an_import_that_nobody_has() {
    let folder = folder();
    for (import, shown) in [
        ("wasi:http/outgoing-handler@0.2.0", "wasi:http/outgoing-handler@0.2.0"),
        ("errand:tool/root@0.1.0", "errand:tool/root@0.1.0"),
        ("evil:host/shell", "evil:host/shell"),
    ] {
        let text = format!(r#"(component (import "{import}" (instance (export "f" (func)))))"#);
        let said = folder.wasm.describe(&wat(&text)).await.unwrap_err();
        assert_eq!(said, format!("the component imports `{shown}`, which this host does not have"));
    }
    let text = r#"(component (import "errand:tool/kv@0.1.0" (instance (export "wipe" (func)))))"#;
    let said = folder.wasm.describe(&wat(text)).await.unwrap_err();
    assert!(said.starts_with("the component does not fit this host: "), "{said}");
}

#[tokio::test]
async fn values_are_kept_from_call_to_call() {
    let folder = folder();
    let set = |key: &str, value: &str| json!({"key": key, "value": value});
    for (key, value) in [("b", "two"), ("../../a", "one"), ("b", "three")] {
        assert_eq!(used(&folder, "set", set(key, value)).await, Ok(json!("set")));
    }
    assert_eq!(used(&folder, "value", json!({"key": "b"})).await, Ok(json!("three")));
    assert_eq!(used(&folder, "value", json!({"key": "c"})).await, Ok(Value::Null));
    assert_eq!(used(&folder, "keys", json!({})).await, Ok(json!(["../../a", "b"])));
    assert_eq!(used(&folder, "delete", json!({"key": "b"})).await, Ok(json!("deleted")));
    assert_eq!(used(&folder, "delete", json!({"key": "b"})).await, Ok(json!("deleted")));
    assert_eq!(used(&folder, "keys", json!({})).await, Ok(json!(["../../a"])));
    // Another component has its own, and a name that is a path has none.
    for (name, answer) in
        [("other", Ok(json!([]))), ("../weather", Err("nothing can be kept here".to_string()))]
    {
        let other = Guest { name: Some(name.into()), ..guest(ALL, LIMITS) };
        let permit = permit("c1", "keys", json!({}));
        let gate = Asked::nothing();
        let call = folder.wasm.invoke(&permit, &other, &gate).await.unwrap();
        assert_eq!(call.result, answer);
    }
}

/// Values were kept by the component's name alone, so one agent read what another one had stored, and
/// nothing said that it came from a private file.
#[tokio::test]
async fn values_of_another_agent_and_where_they_came_from() {
    let kept = tempfile::tempdir().unwrap();
    let of = |agent: &str| {
        Folder::with(|config| {
            config.kv = Some(kept.path().to_path_buf());
            config.agent = agent.into();
        })
    };
    let (one, other) = (of("/a/agent.toml"), of("/b/agent.toml"));
    let private = Origin::File("/docs/iban.md".into()).inherited();
    let gate = || Reading { left: vec![private.clone()], saw: Mutex::default() };
    let ask = async |folder: &Folder, guest: &Guest, tool: &str, with: Value| {
        let gate = gate();
        let answer = run(folder, &gate, guest, tool, with).await;
        (answer, gate.saw.into_inner().unwrap())
    };
    let weather = guest(ALL, LIMITS);
    let set = json!({"key": "iban", "value": "DE00"});
    assert_eq!(ask(&one, &weather, "set", set).await, (Ok(json!("set")), Vec::new()));
    let key = json!({"key": "iban"});
    let origins = vec![private.clone()];
    let value = ask(&one, &weather, "value", key.clone()).await;
    assert_eq!(value, (Ok(json!("DE00")), origins.clone()));
    assert_eq!(ask(&one, &weather, "keys", json!({})).await, (Ok(json!(["iban"])), origins));
    assert_eq!(ask(&other, &weather, "value", key.clone()).await, (Ok(Value::Null), Vec::new()));
    assert_eq!(ask(&other, &weather, "keys", json!({})).await, (Ok(json!([])), Vec::new()));
    // Nor does another component of the name.
    let Component::File(file) = stranger() else { panic!("it is a file") };
    let copy = kept.path().join("copy.wasm");
    std::fs::copy(&*file, &copy).unwrap();
    let copied = Guest { component: Component::File(Arc::new(copy)), ..weather };
    assert_eq!(ask(&one, &copied, "value", key).await, (Ok(Value::Null), Vec::new()));
}

/// Has read something, and remembers what it is told of.
struct Reading {
    left: Vec<Origin>,
    saw: Mutex<Vec<Origin>>,
}

#[async_trait]
impl Gate for Reading {
    async fn authorize(&self, _: Capability) -> Result<Use, String> {
        Ok(Use::Fresh(0))
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, _: &str, _: Value) -> Result<Value, String> {
        Err("no".to_string())
    }

    fn leaves(&self) -> Vec<Origin> {
        self.left.clone()
    }

    fn record_origin(&self, origin: Origin) {
        self.saw.lock().unwrap().push(origin);
    }
}

#[tokio::test]
async fn kv_flood() {
    let folder = folder();
    let fill = |keys: u64, bytes: u64| json!({"keys": keys, "bytes": bytes});
    let over = used(&folder, "fill", fill(1, (1 << 20) + 1)).await;
    assert_eq!(over, Ok(json!([0, "a value has at most 1 MiB"])));
    let bytes = used(&folder, "fill", fill(20, 1 << 20)).await;
    assert_eq!(bytes, Ok(json!([7, "a component keeps at most 8 MiB"])));
    let long = used(&folder, "set", json!({"key": "k".repeat(300), "value": ""})).await;
    assert_eq!(long, Err("a key has 1 to 256 bytes".to_string()));
    let folder = self::folder();
    let keys = used(&folder, "fill", fill(2_000, 1)).await;
    assert_eq!(keys, Ok(json!([1000, "a component keeps at most 1000 keys"])));
}

#[tokio::test]
async fn floods_on_every_import() {
    let folder = folder();
    for (import, limit) in [("kv", 10_000), ("http", 1_000), ("files", 100_000), ("tools", 1_000)] {
        let answer = used(&folder, "flood", json!({"import": import})).await;
        let said = format!("used `{import}` more than {limit} times in one call");
        assert_eq!(answer, Err(said));
    }
    // What is only said is dropped; the guest's time is its own.
    for import in ["log", "progress"] {
        let limits = Limits { time: Duration::from_millis(300), ..LIMITS };
        let with = json!({"import": import, "text": "x\u{1b}[2J".repeat(1000)});
        let guest = guest(ALL, limits);
        let answer = run(&folder, &Asked::everything(), &guest, "flood", with).await;
        assert_eq!(answer, Err("worked longer than 300 ms".to_string()));
        let with = json!({"import": import, "text": "x", "times": 20_000});
        assert_eq!(used(&folder, "flood", with).await, Ok(json!("done")));
    }
}

/// Notes what a guest says.
#[derive(Default)]
struct Listening {
    said: Mutex<Vec<Remark>>,
}

#[async_trait]
impl Gate for Listening {
    async fn authorize(&self, _: Capability) -> Result<Use, String> {
        Err("no".to_string())
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, _: &str, _: Value) -> Result<Value, String> {
        Err("no".to_string())
    }

    fn emit(&self, remark: Remark) {
        self.said.lock().unwrap().push(remark);
    }
}

#[tokio::test]
async fn what_is_said_is_cut_counted_and_plain() {
    let (folder, gate) = (folder(), Listening::default());
    let text = format!("a\u{1b}[2J\r\n\u{202e}b\u{200b}{KEY} {}", "x".repeat(5000));
    let with = json!({"import": "log", "text": text, "times": 1000});
    assert_eq!(run(&folder, &gate, &guest(ALL, LIMITS), "flood", with).await, Ok(json!("done")));
    let said = std::mem::take(&mut *gate.said.lock().unwrap());
    assert_eq!(said.len(), 200);
    let Remark::Log { level: Level::Info, text } = &said[0] else { panic!("{:?}", said[0]) };
    assert!(text.starts_with("a [2J   b ") && text.len() <= 2 << 10, "{text}");
    // Of many reports a few come through, and of those that end with the end the last.
    let with = json!({"import": "progress", "text": "page", "times": 5000});
    assert_eq!(run(&folder, &gate, &guest(ALL, LIMITS), "flood", with).await, Ok(json!("done")));
    let said = gate.said.lock().unwrap();
    let Remark::Progress { done: 0, total: None, text } = &said[0] else { panic!("{:?}", said[0]) };
    assert!(text == "page" && said.len() < 100, "{}", said.len());
}

#[tokio::test]
async fn more_than_its_fuel() {
    let folder = folder();
    let fuelled = |fuel| guest(ALL, Limits { fuel: Some(fuel), ..LIMITS });
    let gate = Asked::everything();
    let spun = run(&folder, &gate, &fuelled(1_000_000), "spin", json!({})).await;
    assert_eq!(spun, Err("used up its fuel of 1000000".to_string()));
    let echoed = run(&folder, &gate, &fuelled(10_000_000), "echo", json!({"n": 1})).await;
    assert_eq!(echoed, Ok(json!({"n": 1})));
}

#[tokio::test]
async fn more_than_the_host_carries() {
    let folder = Folder::with(|config| {
        config.file_bytes = 1 << 20;
        config.response_bytes = 1 << 20;
    });
    let guest = guest(ALL, Limits { output: 64 << 10, ..LIMITS });
    let gate = Asked::everything();
    let carried = run(&folder, &gate, &guest, "carry", json!({"bytes": 1 << 20})).await;
    assert_eq!(carried, Ok(json!("carried")));
    let more = run(&folder, &gate, &guest, "carry", json!({"bytes": 5 << 20})).await;
    assert_eq!(more, Err("passed more than 2 MiB to the host at once".to_string()));
}

/// A component whose only function is this one, in a core module with these parts.
fn core(parts: &str, body: &str) -> Component {
    wat(&format!(
        r#"(component
          (core module $m {parts} (func $run (export "run") (result i32) {body}))
          (core instance $i (instantiate $m))
          (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    ))
}

#[tokio::test]
async fn tables_stack_and_instances() {
    let folder = folder();
    let grown = "(table.grow $t (ref.null func) (i32.const 100000))";
    for (component, said) in [
        (core("(table $t 1 funcref)", grown), "made a table of more than 65536 elements"),
        (core("", "(i32.add (call $run) (i32.const 1))"), "the tool nested its calls too deeply"),
        (core("", "(i32.div_u (i32.const 1) (i32.const 0))"), "the tool stopped: "),
    ] {
        for fuel in [None, Some(1 << 30)] {
            let limits = Limits { fuel, ..LIMITS };
            let guest = Guest::untrusted("weather", component.clone(), limits);
            let answer = run(&folder, &Asked::nothing(), &guest, "run", json!({})).await;
            let failure = answer.unwrap_err();
            assert!(failure.starts_with(said), "{failure}");
        }
    }
    for (parts, count, said) in [
        ("", 70, "core module instances"),
        ("(memory 1)", 3, "memor"),
        ("(table 1 funcref)", 9, "table"),
    ] {
        let more = |n| format!("(core instance $x{n} (instantiate $m))");
        let many: String = (0..count).map(more).collect();
        let component = wat(&format!(
            r#"(component
              (core module $m {parts} (func (export "run") (result i32) (i32.const 1)))
              (core instance $i (instantiate $m)) {many}
              (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
        ));
        let guest = Guest::untrusted("weather", component, LIMITS);
        let permit = permit("c1", "weather.run", json!({}));
        let failure = match folder.wasm.invoke(&permit, &guest, &Asked::nothing()).await {
            Ok(call) => call.result.unwrap_err(),
            Err(error) => error.to_string(),
        };
        assert!(failure.contains(said), "{failure}");
    }
}

/// Counts the calls that are in it at once, and may call the component again.
struct Counting {
    folder: Folder,
    limits: Limits,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Counting {
    fn new(limits: Limits) -> Counting {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Counting { folder: folder(), limits, now, most }
    }

    async fn call(&self, id: &str, tool: &str) -> Answer {
        let with = json!({"tool": tool, "arguments": {}});
        let permit = permit(id, "weather.call", with);
        self.folder.wasm.invoke(&permit, &guest(ALL, self.limits), self).await.unwrap().result
    }
}

#[async_trait]
impl Gate for Counting {
    async fn authorize(&self, _: Capability) -> Result<Use, String> {
        Err("no".to_string())
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, _: Value) -> Result<Value, String> {
        if tool == "again" {
            return self.call("c1.1", "t").await;
        }
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(json!("called"))
    }
}

#[tokio::test]
async fn more_calls_at_once_than_may_run() {
    let gate = Counting::new(Limits { calls: 2, ..LIMITS });
    let calls = futures::future::join_all((0..8).map(|_| gate.call("c1", "t"))).await;
    assert!(calls.iter().all(|answer| *answer == Ok(json!("called"))), "{calls:?}");
    assert_eq!(gate.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_only_call_that_may_run_calls_its_own_tool() {
    let limits = Limits { calls: 1, time: Duration::from_millis(300), ..LIMITS };
    let answer = Counting::new(limits).call("c1", "again").await;
    assert_eq!(answer, Ok(json!("called")));
}
