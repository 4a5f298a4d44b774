//! One call of a small guest written in Rust: a fresh instance, its arguments and its result.

#![expect(clippy::unwrap_used, missing_docs, reason = "a bench")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Asked, LIMITS, invoke};
use criterion::{Criterion, criterion_group, criterion_main};
use sandbox::{Config, Wasm};
use serde_json::json;

fn calls(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let wasm = Wasm::new(Config::new("/", common::cache())).unwrap();
    let gate = Asked::nothing();
    criterion.bench_function("instantiate and call a small guest", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            let call = invoke(&wasm, &gate, "c1", "echo", json!({"n": 1}), LIMITS).await.unwrap();
            assert!(call.result.is_ok());
        });
    });
}

criterion_group!(benches, calls);
criterion_main!(benches);
