# Everything that is done more than once. `just` lists it.

_list:
    @just --list

# The README's first command
almanac:
    cargo run --release -- run examples/almanac/agent.toml

# The README's second command
test:
    cargo test --release --workspace

# Exactly what CI runs
ci:
    bash .ci/run

# The packages for this machine, or for another architecture: `just dist aarch64` (docs/install.md)
dist *arch:
    python3 packaging/dist.py {{arch}}

# What CI does with them: makes all for this machine, installs the wheel, runs the almanac from it
dist-check:
    packaging/check.sh

fmt:
    cargo fmt --all
    cargo fmt --all --manifest-path tools/guests/Cargo.toml
    cargo fmt --all --manifest-path tools/guests/data/Cargo.toml
    cargo fmt --all --manifest-path benches/peers/Cargo.toml
    cargo fmt --all --manifest-path benches/many/rig/Cargo.toml
    rustfmt --edition 2024 benches/peers/guests/*/src/lib.rs
    cargo fmt --all --manifest-path fuzz/Cargo.toml

lint:
    cargo clippy --release --workspace --all-targets -- -D warnings

deny:
    cargo deny check bans licenses sources
    cargo deny --manifest-path tools/guests/Cargo.toml --config {{justfile_directory()}}/deny.toml check bans licenses sources
    cargo deny --manifest-path tools/guests/data/Cargo.toml --config {{justfile_directory()}}/deny.toml check bans licenses sources

# Criterion; docs/performance.md explains the numbers
bench:
    cargo bench --workspace

# One tool call in errand's sandbox, in extism, in a program of C, in one of Python
peers:
    cargo run --release --ignore-rust-version --manifest-path benches/peers/Cargo.toml

# One fuzz target (those in fuzz/targets), for so many seconds
fuzz target seconds="600":
    RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none {{target}} fuzz/corpus/{{target}} fuzz/seeds/{{target}} -- -max_total_time={{seconds}} -timeout=20
