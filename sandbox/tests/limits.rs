//! A guest that takes more than it may is stopped, and the model is told in a sentence.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::sandbox::{Gate, Sandbox, SandboxError, Use};
use agent_core::tool::{Component, Guest, Imports, Limits};
use async_trait::async_trait;
use common::{Asked, Folder, LIMITS, invoke, permit, probe};
use sandbox::Wasm;
use serde_json::{Value, json};

#[tokio::test]
async fn a_call_gives_its_result_and_its_cost() {
    let folder = Folder::new();
    let call = folder.invoke(&Asked::nothing(), "echo", json!({"n": 1}), LIMITS).await;
    assert_eq!(call.result, Ok(json!({"n": 1})));
    assert_eq!(call.cost.output, 7);
    assert!(call.cost.memory > 0 && call.cost.memory < 4 << 20, "{:?}", call.cost);
}

#[tokio::test]
async fn spin() {
    let limits = Limits { time: Duration::from_millis(200), ..LIMITS };
    let call = Folder::new().invoke(&Asked::nothing(), "spin", json!({}), limits).await;
    assert_eq!(call.result, Err("worked longer than 200 ms".to_string()));
}

#[tokio::test]
async fn sleep() {
    let limits = Limits { time: Duration::from_millis(100), ..LIMITS };
    let begun = Instant::now();
    let call =
        Folder::new().invoke(&Asked::nothing(), "sleep", json!({"ms": 600_000}), limits).await;
    assert_eq!(call.result, Err("worked longer than 100 ms".to_string()));
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_short_sleep_is_fine() {
    let slept = Folder::new().run(&Asked::nothing(), "sleep", json!({"ms": 20})).await;
    assert_eq!(slept, Ok(json!("slept")));
}

#[tokio::test]
async fn memory_growth() {
    let folder = Folder::new();
    let call = folder.invoke(&Asked::nothing(), "grow", json!({"mib": 1000}), LIMITS).await;
    assert_eq!(call.result, Err("used more than 64 MiB of memory".to_string()));
    assert!(call.cost.memory <= 64 << 20 && call.cost.memory > 32 << 20, "{:?}", call.cost);
    let call = folder.invoke(&Asked::nothing(), "grow", json!({"mib": 20}), LIMITS).await;
    assert_eq!(call.result, Ok(json!(20)));
}

#[tokio::test]
async fn output_flood() {
    let folder = Folder::new();
    let limits = Limits { memory: 256 << 20, ..LIMITS };
    for (tool, bytes, most) in [
        ("flood", 17 << 20, "16 MiB of output"),
        ("flood", 40 << 20, "16 MiB of output"),
        // A failure is a sentence, and there is no more of it to read.
        ("fail", 2 << 20, "1 MiB of output"),
    ] {
        let call = folder.invoke(&Asked::nothing(), tool, json!({"bytes": bytes}), limits).await;
        assert_eq!(call.result, Err(format!("gave more than {most}")), "{tool} {bytes}");
    }
    // What is more than a model is shown at once comes whole: it is read in parts.
    let call = folder.invoke(&Asked::nothing(), "flood", json!({"bytes": 2 << 20}), limits).await;
    assert_eq!(call.result.unwrap().as_str().map(str::len), Some(2 << 20));
}

#[tokio::test]
async fn stdout_and_stderr_flood() {
    let printed = Folder::new().run(&Asked::nothing(), "print", json!({"lines": 5000})).await;
    assert_eq!(printed, Ok(json!("printed")));
}

#[tokio::test]
async fn a_stack_that_never_ends() {
    let call = Folder::new().run(&Asked::nothing(), "recurse", json!({"depth": 10_000_000})).await;
    let failure = call.unwrap_err();
    assert!(failure.starts_with("the tool "), "{failure}");
}

#[tokio::test]
async fn a_panic_is_told_in_its_own_words() {
    let call = Folder::new().run(&Asked::nothing(), "panic", json!({"words": "no such row"})).await;
    assert_eq!(call, Err("the tool stopped with an error: no such row".to_string()));
}

#[tokio::test]
async fn an_exit_is_a_failure() {
    let call = Folder::new().run(&Asked::nothing(), "exit", json!({"status": 3})).await;
    let failure = call.unwrap_err();
    assert!(failure.starts_with("the tool ended itself with status 1"), "{failure}");
}

#[tokio::test]
async fn a_dropped_call_stops() {
    let folder = Folder::new();
    folder.wasm.prepare(&probe()).await.unwrap();
    let gate = Asked::nothing();
    let limits = Limits { time: Duration::from_secs(3600), ..LIMITS };
    let call = folder.invoke(&gate, "spin", json!({}), limits);
    assert!(tokio::time::timeout(Duration::from_millis(100), call).await.is_err());
    // The thread is ours again, and so is the instance.
    assert_eq!(folder.run(&gate, "echo", json!(1)).await, Ok(json!(1)));
}

/// Answers a call only after longer than the guest may work.
struct Slow;

#[async_trait]
impl Gate for Slow {
    async fn authorize(&self, _: agent_core::action::Capability) -> Result<Use, String> {
        Err("no".to_string())
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, _: &str, _: Value) -> Result<Value, String> {
        tokio::time::sleep(Duration::from_millis(600)).await;
        Ok(json!("late"))
    }
}

#[tokio::test]
async fn waiting_for_the_host_is_not_work() {
    let limits = Limits { time: Duration::from_millis(500), ..LIMITS };
    let arguments = json!({"tool": "t", "arguments": {}});
    let call = Folder::new().invoke(&Slow, "call", arguments, limits).await;
    assert_eq!(call.result, Ok(json!("late")));
    assert!(call.cost.time >= Duration::from_millis(600));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once() {
    let folder = Arc::new(Folder::new());
    let calls = (0..1000).map(|n| {
        let folder = Arc::clone(&folder);
        tokio::spawn(async move {
            folder.run(&Asked::nothing(), "echo", json!(n)).await == Ok(json!(n))
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap());
    }
}

/// Calls back into the sandbox, as the loop does for code that calls a tool.
struct Nested {
    wasm: Arc<Wasm>,
    depth: usize,
}

#[async_trait]
impl Gate for Nested {
    async fn authorize(&self, _: agent_core::action::Capability) -> Result<Use, String> {
        Err("no".to_string())
    }

    async fn done(&self, _: u64) -> Result<(), SandboxError> {
        Ok(())
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        let gate = Nested { wasm: Arc::clone(&self.wasm), depth: self.depth + 1 };
        let call = format!("c1{}", ".1".repeat(gate.depth));
        let invocation = invoke(&self.wasm, &gate, &call, tool, arguments, LIMITS).await;
        invocation.map_err(|error| error.to_string())?.result
    }
}

fn calls(depth: usize) -> Value {
    (0..depth).fold(json!("bottom"), |inner, level| {
        let tool = if level == 0 { "echo" } else { "call" };
        json!({"tool": tool, "arguments": inner})
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_that_wait_for_each_other() {
    let Folder { wasm, path: _path } = Folder::new();
    let wasm = Arc::new(wasm);
    let tasks = (0..1000).map(|_| {
        let gate = Nested { wasm: Arc::clone(&wasm), depth: 0 };
        tokio::spawn(async move {
            invoke(&gate.wasm, &gate, "c1", "call", calls(3), LIMITS).await.unwrap().result
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), Ok(json!("bottom")));
    }
}

#[tokio::test]
async fn calls_without_end() {
    let Folder { wasm, path: _path } = Folder::new();
    let gate = Nested { wasm: Arc::new(wasm), depth: 0 };
    let call = invoke(&gate.wasm, &gate, "c1", "call", calls(9), LIMITS).await.unwrap();
    assert_eq!(call.result, Err("tools call each other more than 3 deep".to_string()));
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    let folder = Folder::new();
    let component = Component::Embedded { name: "broken", bytes: b"not wasm" };
    let guest = Guest::builtin(component, Imports::default(), LIMITS);
    let call = folder.wasm.invoke(&permit("c1", "t", json!({})), &guest, &Asked::nothing()).await;
    let error = call.unwrap_err().to_string();
    assert!(error.starts_with("component `broken` cannot be loaded: "), "{error}");
    let component = Component::File(Arc::new(folder.at("missing.wasm")));
    let error = folder.wasm.prepare(&component).await.unwrap_err().to_string();
    assert!(error.contains("missing.wasm"), "{error}");
}
