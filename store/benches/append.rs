//! What an append costs: one run alone pays for its sync, many at once share it.

use std::sync::atomic::{AtomicU64, Ordering};

use agent_core::event::{Event, RunId, What};
use agent_core::journal::Journal;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use store::Store;

fn event(bytes: usize) -> Event {
    Event::new(1, What::Planned { plan: "x".repeat(bytes) })
}

fn append(c: &mut Criterion) {
    let Ok(home) = tempfile::tempdir() else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let Ok(store) = Store::open(home.path()) else { return };
    let runs = AtomicU64::new(0);
    let fresh = || RunId(format!("r{}", runs.fetch_add(1, Ordering::Relaxed)));
    let event = event(2_000);

    let (run, mut seq) = (fresh(), 0);
    c.bench_function("store/append 2 kB", |b| {
        b.iter(|| {
            let kept = runtime.block_on(store.append(&run, seq, &event));
            assert!(kept.is_ok());
            seq += 1;
        });
    });

    let mut group = c.benchmark_group("store");
    group.sample_size(20);
    group.throughput(Throughput::Elements(100));
    group.bench_function("append 2 kB for 100 runs at once", |b| {
        b.iter_batched(
            // Held by a `Drive` each, so that their locks are let go of after the batch.
            || (0..100).map(|_| fresh()).map(|run| (store.drive(&run), run)).collect::<Vec<_>>(),
            |runs| {
                let all = runs.iter().map(|(_, run)| store.append(run, 0, &event));
                let kept = runtime.block_on(futures::future::try_join_all(all));
                assert!(kept.is_ok(), "{kept:?}");
                runs
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();

    c.bench_function("store/open", |b| b.iter(|| assert!(Store::open(home.path()).is_ok())));
}

criterion_group!(benches, append);
criterion_main!(benches);
