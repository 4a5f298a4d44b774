#!/usr/bin/env python3
"""What one version of errand costs beside another: a step of a scripted model, a tool call in a fresh instance
of its guest, and the start of a confined MCP server. Both programs run alternating, on the same agent files.

    python3 benches/price.py BEFORE AFTER [--rounds 9]

Each figure is a difference, so that the start of the program is not in it: a run of 400 replies less a run of
one, by the replies; ten replies of 60 calls less ten of a single call, by the calls; a run with one call of a
server's tool less one without any. Medians of the rounds, and the change."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("before")
parser.add_argument("after")
parser.add_argument("--rounds", type=int, default=9)
arguments = parser.parse_args()

STEPS, REPLIES, CALLS = 400, 10, 60

SERVER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = {"initialize": lambda: {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                                     "serverInfo": {"name": "one", "version": "1"}},
              "tools/call": lambda: {"content": [{"type": "text", "text": "1"}]},
              "tools/list": lambda: {"tools": [{"name": "one", "description": "Gives one.", "inputSchema": {"type": "object"}}]},
              }.get(asked["method"], lambda: {})()
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""

AGENT = """name = "{name}"
task = "do it"
act = "tools"
[model]
provider = "scripted"
name = "{name}.jsonl"
[tools]
use = ["files.read"{used}]
[permissions]
read = ["docs"]
[budget]
steps = 1000
time = "10m"
tokens = 100000000
{more}
"""


def read(number):
    return {"name": "files.read", "arguments": {"path": f"docs/{number}.md"}}


def written(folder):
    (folder / "docs").mkdir()
    for number in range(max(STEPS, CALLS)):
        (folder / f"docs/{number}.md").write_text(f"File {number}.\n")
    (folder / "server.py").write_text(SERVER)
    done = {"content": "done"}
    calls = lambda numbers: {"content": "", "tool_calls": [read(number) for number in numbers]}
    server = f'[mcp.servers.one]\ncommand = "{sys.executable}"\nargs = ["server.py"]\nread = ["server.py", "{sys.base_prefix}"]'
    for name, replies, more in [
        ("none", [done], ""),
        ("steps", [calls([number]) for number in range(STEPS)] + [done], ""),
        ("one", [calls([0])] * REPLIES + [done], ""),
        ("calls", [calls(range(CALLS))] * REPLIES + [done], ""),
        ("server", [{"content": "", "tool_calls": [{"name": "one.one", "arguments": {}}]}, done], server),
    ]:
        (folder / f"{name}.toml").write_text(AGENT.format(name=name, more=more, used=', "one.one"' if more else ""))
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies))


def ran(program, folder, *args):
    environment = {**os.environ, "ERRAND_HOME": str(folder / "home")}
    began = time.perf_counter()
    done = subprocess.run([program, *args], cwd=folder, env=environment, capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(args)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return took * 1000


def figures(program, folder):
    run = lambda name: ran(program, folder, "run", f"{name}.toml")
    none = run("none")
    return {
        "a step, ms": (run("steps") - none) / STEPS,
        "a call in a fresh instance, ms": (run("calls") - run("one")) / (REPLIES * (CALLS - 1)),
        "a server's start and call, ms": run("server") - none,
        "a run of one reply, ms": none,
    }


with tempfile.TemporaryDirectory() as ground:
    programs = [str(pathlib.Path(it).resolve()) for it in (arguments.before, arguments.after)]
    folders = []
    for number, program in enumerate(programs):
        folder = pathlib.Path(ground) / str(number)
        folder.mkdir()
        written(folder)
        ran(program, folder, "mcp", "pin", "server.toml", "--yes")
        figures(program, folder)
        folders.append(folder)
    rounds = [[], []]
    for number in range(arguments.rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            rounds[which].append(figures(programs[which], folders[which]))
    print(f"{'':34}{'before':>9}{'after':>9}{'change':>9}")
    for name in rounds[0][0]:
        before, after = (statistics.median(it[name] for it in found) for found in rounds)
        print(f"{name:34}{before:9.3f}{after:9.3f}{(after / before - 1) * 100:+8.1f}%")
