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

fmt:
    cargo fmt --all
    cargo fmt --all --manifest-path tools/guests/Cargo.toml

lint:
    cargo clippy --release --workspace --all-targets -- -D warnings

deny:
    cargo deny check bans licenses sources

# Criterion; docs/performance.md explains the numbers
bench:
    cargo bench --workspace
