#!/usr/bin/env python3
"""Rows a minute of `errand batch`, beside a shell loop of `errand run` over the same rows.

    python3 benches/batch/run.py [--rows 12] [--model qwen2.5-coder-0.5b] [--errand target/release/errand]

Each row is one short question with an answer out of two, no row like another up to 200; the model is a local one, so
that the loop pays for loading it once a row. Then the batch once more, killed twice on its way. Both have an
ERRAND_HOME of their own whose models and runtime are those of ERRAND_HOME (links), and both are warmed by one run
before the clock starts. Both should give the same answers but for near ties, which a pass over several rows may round
otherwise: greedy decoding, the same prompts.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

AGENT = """name = "sorter"
task = "Is this a plant or an animal: {{ word }}?"
[params.word]
type = "string"
[output.schema]
type = "object"
required = ["kind"]
additionalProperties = false
properties.kind = { enum = ["plant", "animal"] }
"""
WORDS = "oak,heron,fern,otter,tulip,badger,maple,trout,ivy,lynx,clover,wren,birch,newt,thistle,moose,reed,crane,poppy,hare"
KINDS = "young,old,tall,small,wild,tame,lone,northern,sick,painted"


def home(folder: pathlib.Path) -> pathlib.Path:
    """An ERRAND_HOME that has all but the runs of the one that is set."""
    own = pathlib.Path(os.environ.get("ERRAND_HOME", "~/.local/share/errand")).expanduser()
    folder.mkdir()
    for part in ("models", "files", "cache", "guests"):
        if (own / part).exists():
            (folder / part).symlink_to(own / part)
    return folder


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rows", type=int, default=12)
    asked.add_argument("--model", default="qwen2.5-coder-0.5b")
    asked.add_argument("--errand", default="target/release/errand")
    args = asked.parse_args()
    errand = str(pathlib.Path(args.errand).resolve())
    words = [f"{kind} {word}" for kind in KINDS.split(",") for word in WORDS.split(",")]
    words = [words[row % len(words)] for row in range(args.rows)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "agent.toml").write_text(AGENT)
        (folder / "rows.csv").write_text("word\n" + "".join(f"{word}\n" for word in words))

        def run(home: pathlib.Path, *command: str) -> str:
            env = {**os.environ, "ERRAND_HOME": str(home)}
            command = (errand, *command, "--model", args.model, "--offline")
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)}\n{done.stderr}")
            return done.stdout

        loop, batch = home(folder / "loop"), home(folder / "batch")
        for each in (loop, batch):
            run(each, "run", "agent.toml", "-p", "word=oak", "-q")

        began = time.monotonic()
        looped = [json.loads(run(loop, "run", "agent.toml", "-p", f"word={word}", "-q")) for word in words]
        loop_s = time.monotonic() - began

        began = time.monotonic()
        run(batch, "batch", "agent.toml", "rows.csv", "--out", "out.jsonl")
        batch_s = time.monotonic() - began

        lines = map(json.loads, (folder / "out.jsonl").read_text().splitlines())
        batched = [line["outcome"] for line in sorted(lines, key=lambda line: line["row"])]
        same = sum(one == other for one, other in zip(batched, looped, strict=True))
        rate = {"loop": 60 * len(words) / loop_s, "batch": 60 * len(words) / batch_s}
        print(f"{len(words)} rows, {args.model}")
        print(f"shell loop of errand run  {loop_s:7.1f} s  {rate['loop']:7.1f} rows a minute")
        print(f"errand batch              {batch_s:7.1f} s  {rate['batch']:7.1f} rows a minute")
        print(f"ratio                     {rate['batch'] / rate['loop']:7.1f}")
        print(f"the same answer           {same:7} rows")

        command = (errand, "batch", "agent.toml", "rows.csv", "--out", "killed.jsonl", "--model", args.model, "--offline")
        written = folder / "killed.jsonl"
        for share in (2, 4):
            going = subprocess.Popen(command, cwd=folder, env={**os.environ, "ERRAND_HOME": str(batch)}, stderr=subprocess.DEVNULL)
            while not written.exists() or len(written.read_text().splitlines()) < len(words) * share // 6:
                assert going.poll() is None, "the batch ended before it was killed"
                time.sleep(0.01)
            going.kill()
            going.wait()
            print(f"killed after              {len(written.read_text().splitlines()):7} rows")
        run(batch, "batch", "agent.toml", "rows.csv", "--out", "killed.jsonl")
        rows = sorted(json.loads(line)["row"] for line in written.read_text().splitlines())
        lost, repeated = len(words) - len(set(rows)), len(rows) - len(set(rows))
        print(f"in the end                {len(rows):7} rows, {lost} lost, {repeated} repeated")


if __name__ == "__main__":
    main()
