//! One call of a small guest written in Rust: a fresh instance, its arguments and its result.

#![expect(clippy::unwrap_used, reason = "a bench")]

#[path = "../tests/common/mod.rs"]
mod common;

use agent_core::sandbox::Sandbox;
use agent_core::tool::{Component, Guest};
use common::{Asked, LIMITS, permit};
use criterion::{Criterion, criterion_group, criterion_main};
use sandbox::{Config, Wasm};
use serde_json::json;

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let wasm = Wasm::new(Config::new("/", common::cache())).unwrap();
    let Component::File(path) = common::probe() else { unreachable!("the probe is a file") };
    let bytes = std::fs::read(path.as_path()).unwrap().leak();
    let guest =
        Guest::builtin(Component::Embedded { name: "probe", bytes }, common::IMPORTS, LIMITS);
    let permit = permit("c1", "echo", json!({"n": 1}));
    let gate = Asked::nothing();
    criterion.bench_function("instantiate and call a small guest", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            let call = wasm.invoke(&permit, &guest, &gate).await.unwrap();
            assert!(call.result.is_ok());
        });
    });
}

criterion_group!(benches, calls);
criterion_main!(benches);
