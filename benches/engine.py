#!/usr/bin/env python3
"""Measures the local engine beside llama.cpp's `llama-bench`, on the same GGUF, the two in turn.

    python3 benches/engine.py --llama-bench PATH qwen2.5-coder-0.5b=FILE.gguf …

One row a model: the median of the rounds for each side, and the median of the rounds' ratios. The
machine should do nothing else.
"""

import argparse
import json
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="NAME=GGUF")
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=64)
    options = parser.parse_args()
    print("| model | prefill, tokens/s | llama-bench | ratio | decode, tokens/s | llama-bench | ratio | load, s | peak, MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for pair in options.models:
        name, separator, gguf = pair.partition("=")
        if not separator:
            parser.error(f"`{pair}` is not NAME=GGUF")
        rounds = [(ours(options, name), theirs(options, gguf)) for _ in range(options.rounds)]
        print(row(name, rounds), flush=True)


def ours(options, name):
    sizes = ["--prompt", options.prompt, "--decode", options.decode, "--threads", options.threads]
    said = run(options.errand, "models", "bench", name, "--json", *sizes)
    return json.loads(said)


def theirs(options, gguf):
    sizes = ["-p", options.prompt, "-n", options.decode, "-t", options.threads, "-r", 3]
    tests = json.loads(run(options.llama_bench, "-m", gguf, "-o", "json", *sizes))
    speed = {"decode_tps" if test["n_gen"] else "prefill_tps": test["avg_ts"] for test in tests}
    return speed


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE).stdout


def row(name, rounds):
    cells = [f"`{name}`"]
    for key in ("prefill_tps", "decode_tps"):
        cells.append(f"{statistics.median(a[key] for a, _ in rounds):.1f}")
        cells.append(f"{statistics.median(b[key] for _, b in rounds):.1f}")
        cells.append(f"{statistics.median(a[key] / b[key] for a, b in rounds):.2f}")
    cells.append(f"{statistics.median(a['load_s'] for a, _ in rounds):.1f}")
    cells.append(f"{max(a['peak_rss_mb'] for a, _ in rounds):,.0f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
