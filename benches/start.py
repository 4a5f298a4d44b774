#!/usr/bin/env python3
"""How long a start takes: `errand serve` until it says that it is ready, and `errand run` until the first byte of its
model's first request. One or more programs, in turn.

    python3 benches/start.py target/release/errand [BEFORE] [--rounds 21]

The serve file is that of docs/serve.md: a scripted model and an agent; the run has a remote model on loopback and
`files.read` granted. Medians and least, in ms: wall time, and processor time of all its threads, which is what can be
compared on a machine that is busy. The home is there, with a journal in it, as for any start but the first."""

import argparse
import pathlib
import re
import socket
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("programs", nargs="+")
parser.add_argument("--rounds", type=int, default=21)
arguments = parser.parse_args()

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "serve.md"

AGENT = """name = "start"
task = "do it"
act = "tools"
[model]
provider = "openai"
name = "m"
base_url = "http://127.0.0.1:{port}/v1"
[tools]
use = ["files.read"]
[permissions]
read = ["docs"]
"""


def processor(pid):
    """Milliseconds that its threads have been running."""
    spent = 0
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        spent += int((thread / "schedstat").read_text().split()[0])
    return spent / 1e6


class Place:
    """A home and the files of both cases."""

    def __init__(self, folder):
        self.folder = folder
        for name, text in re.findall(r"^```\w+ ([\w.]+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S):
            (folder / name).write_text(text)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(60)
        (folder / "agent.toml").write_text(AGENT.format(port=self.listener.getsockname()[1]))
        (folder / "docs").mkdir()
        (folder / "docs" / "a.md").write_text("A line of text.\n")

    def start(self, program, *words, **more):
        began = time.perf_counter()
        environment = {"ERRAND_HOME": str(self.folder / "home"), "PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        started = subprocess.Popen([program, *words], cwd=self.folder, env=environment, **more)
        return began, started

    def serve(self, program):
        words = ["serve", "--json", "--listen", "127.0.0.1:0", "serve.toml"]
        began, started = self.start(program, *words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert b'"ready"' in started.stdout.readline(), "it did not come up"
        return self.measured(began, started)

    def run(self, program):
        words = ["run", "agent.toml", "--json"]
        began, started = self.start(program, *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked, _ = self.listener.accept()
        assert asked.recv(1), "nothing was asked"
        measured = self.measured(began, started)
        asked.close()
        return measured

    def measured(self, began, started):
        wall, spent = (time.perf_counter() - began) * 1e3, processor(started.pid)
        started.kill()
        started.wait()
        return wall, spent


def main():
    programs = [pathlib.Path(program).resolve() for program in arguments.programs]
    with tempfile.TemporaryDirectory() as folder:
        place = Place(pathlib.Path(folder))
        cases = {"serve, ready": place.serve, "run, first request": place.run}
        figures = {}
        for case, measure in cases.items():
            for program in programs:
                measure(program)
            for _ in range(arguments.rounds):
                for program in programs:
                    figures.setdefault((case, program), []).append(measure(program))
        for (case, program), measured in figures.items():
            walls, spent = zip(*measured)
            for what, times in (("wall", walls), ("processor", spent)):
                told = f"median {statistics.median(times):6.1f}  least {min(times):6.1f}"
                print(f"{case:18}  {what:9}  {told}  {program}")


main()
