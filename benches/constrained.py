#!/usr/bin/env python3
"""Schemas of others for `models/examples/constrained.rs`: what holding replies to them costs, and whether replies come out valid.

    python3 benches/constrained.py MODEL_FOLDER [MODEL_EVERY]

The schemas are the functions of the Berkeley Function Calling Leaderboard (PyPI's `bfcl-eval`), each once, with a question that it was
asked with, and those of the JSON Schema Test Suite's required tests of 2020-12 (in the source package of PyPI's `jsonschema`). pip
fetches both. MODEL_FOLDER is an imported model; each MODEL_EVERYth schema of a kind is also written by it (default: 8; 0 for none).
"""

import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KEPT = HERE / ".schemas"
sys.path.insert(0, str(HERE / "bfcl"))

import functions  # noqa: E402
import run as bfcl  # noqa: E402

CATEGORIES = [
    *("simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple", "irrelevance"),
    *("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple", "live_irrelevance", "live_relevance"),
]
SUITE = "jsonschema==4.26.0"


def main():
    folder = sys.argv[1]
    every = sys.argv[2] if len(sys.argv) > 2 else "8"
    cases = [*leaderboard(), *suite()]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(case) + "\n" for case in cases)
        file.flush()
        cargo = ["cargo", "run", "--quiet", "--release", "--workspace", "--example", "constrained", "--"]
        subprocess.run([*cargo, folder, file.name, every], check=True)


def leaderboard():
    data = bfcl.fetched(HERE / "bfcl" / ".bfcl")
    seen = set()
    for category in CATEGORIES:
        for line in (data / f"BFCL_v4_{category}.json").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            question = "\n".join(turn["content"] for turn in entry["question"][0])
            for function in entry["function"]:
                schema = functions.schema(function["parameters"])
                key = json.dumps(schema, sort_keys=True)
                if key not in seen:
                    seen.add(key)
                    asked = f"{question}\n\nWrite the arguments of `{function['name']}` as JSON. {function['description']}"
                    yield {"from": "functions", "prompt": asked, "schema": schema}


def suite():
    if not KEPT.is_dir():
        with tempfile.TemporaryDirectory(dir=HERE) as work:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=jsonschema", "-d", work, SUITE]
            subprocess.run(pip, check=True)
            with tarfile.open(next(pathlib.Path(work).glob("*.tar.gz"))) as archive:
                archive.extractall(work, filter="data")
            (pathlib.Path(work) / SUITE.replace("==", "-") / "json" / "tests" / "draft2020-12").rename(KEPT)
    for path in sorted(KEPT.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            asked = f"Write a JSON value. {group['description']}"
            yield {"from": "suite", "prompt": asked, "schema": group["schema"]}


if __name__ == "__main__":
    main()
