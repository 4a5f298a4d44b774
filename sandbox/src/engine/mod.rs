//! The wasmtime engine: how guests are compiled, pooled, and interrupted.

mod ticker;

pub(crate) use ticker::Ticker;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{concurrency, limits};

/// CPython recurses deeply; the default of 512 KiB ends a recursive descent early.
const WASM_STACK: usize = 2 << 20;

/// Makes the engine. A pool of instances where the machine has the address space for it (a slot
/// reserves 4 GiB without using it), instances made on demand elsewhere.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    Engine::new(settings().allocation_strategy(InstanceAllocationStrategy::Pooling(pool())))
        .or_else(|error| {
            tracing::warn!("no room for a pool of instances, making each on demand: {error}");
            Engine::new(&settings())
        })
}

/// Makes an engine that counts what guests do. Counting slows a guest down, and it is decided for a
/// whole engine, so this is another one. Its instances are made on demand.
pub(crate) fn counting() -> wasmtime::Result<Engine> {
    Engine::new(settings().consume_fuel(true))
}

/// One of each kind, for what they compile and not to run it.
pub(crate) fn compilers() -> wasmtime::Result<[Engine; 2]> {
    Ok([Engine::new(&settings())?, counting()?])
}

/// What decides how a component is compiled: the same with and without a pool, so that both load
/// the same artifacts.
fn settings() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(WASM_STACK + (1 << 20))
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None)
        // Nothing unwinds through a guest. LLVM's unwinder, which the packaged binary has, takes in
        // functions one by one: 70 ms for the python guest.
        .native_unwind_info(false);
    config
}

/// One class of slots for all guests: a slot costs address space, not memory, until it is used.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(concurrency::TOTAL)
        .total_stacks(concurrency::TOTAL)
        .total_core_instances(concurrency::TOTAL * limits::INSTANCES as u32)
        .max_core_instances_per_component(limits::INSTANCES as u32)
        .total_memories(concurrency::TOTAL * limits::MEMORIES as u32)
        .max_memories_per_component(limits::MEMORIES as u32)
        .total_tables(concurrency::TOTAL * limits::TABLES as u32)
        .max_tables_per_component(limits::TABLES as u32)
        .table_elements(limits::TABLE_ELEMENTS)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_unused_warm_slots(16)
        // Small guests are wiped with memset, which is cheaper than giving pages back.
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(16 << 10)
        // Where the kernel can say which pages were touched, only those are wiped.
        .pagemap_scan(Enabled::Auto);
    pool
}
