#!/usr/bin/env python3
"""Errand's agents against model servers that others wrote: dasLLAMA's server (PyPI) and, where it is named,
llama.cpp's `llama-server`; and LiteLLM's proxy (PyPI) in front of one of them, which speaks chat completions,
the Responses API and the Messages API.

    benches/endpoints/run.py --errand target/release/errand --model MODEL.gguf [--llama-server PATH]

Fetches dasLLAMA and LiteLLM into a virtual environment in `--work`; builds nothing. Prints a line for each
case; the exit code is 1 where one is not as it should be. A model this small answers badly: what is looked
at is that each run ends as it should, not what it says."""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

KEY = "k3y-0123456789"
PACKAGES = ["litellm[proxy]==1.108.7", "dasllama==0.6.6"]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--errand", required=True)
parser.add_argument("--llama-server")
parser.add_argument("--model", required=True)
parser.add_argument("--work", default="/tmp/errand-endpoints")
parser.add_argument("--only", default="", help="cases whose names begin with this, with commas between them: `litellm messages,dasllama`")
arguments = parser.parse_args()
WORK = pathlib.Path(arguments.work).resolve()
WORK.mkdir(parents=True, exist_ok=True)


def free():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Served:
    """A server that is started, awaited, and ended."""

    def __init__(self, name, command, port, health):
        self.name, self.command, self.port, self.health = name, command, port, health
        self.process = None

    def start(self):
        with open(WORK / f"{self.name}.log", "ab") as log:
            environment = {**os.environ, "NO_PROXY": "*", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)
        for _ in range(1200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.health}", timeout=2)
                return self
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"{self.name} ended: see {WORK / self.name}.log")
                time.sleep(0.25)
        sys.exit(f"{self.name} does not answer")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Run:
    """What became of one run."""

    def __init__(self, code, out, err):
        self.code, self.err = code, err
        self.events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def id(self):
        return next(event["run"] for event in self.events if "run" in event)

    def said(self):
        return json.dumps(self.events) + self.err


def folder(name, endpoint, task, tables="", head="", model=None, key="${ENDPOINT_KEY}"):
    place = WORK / "runs" / name.replace(" ", "-").replace("/", "-")
    place.mkdir(parents=True, exist_ok=True)
    (place / "agent.toml").write_text(
        f"""name = "endpoint"
task = {json.dumps(task)}
{head}
[model]
provider = "openai"
name = "{model or endpoint['model']}"
base_url = "{endpoint['url']}"
protocol = "{endpoint['protocol']}"
api_key = "{key}"
{tables}
"""
    )
    return place


def environment():
    return {**os.environ, "ENDPOINT_KEY": KEY, "WRONG_KEY": "wr0ng-0123456789"}


def errand(place, *words, timeout=600):
    done = subprocess.run(
        [arguments.errand, *words], cwd=place, env=environment(), capture_output=True, text=True, timeout=timeout
    )
    return Run(done.returncode, done.stdout, done.stderr)


def run(place):
    return errand(place, "run", "agent.toml", "--json")


STEPS = "\n[budget]\nsteps = 4\ntokens = 60_000\n"


def answer(endpoint, name):
    done = run(folder(name, endpoint, "Name one colour.", STEPS))
    return done.code == 0 and bool(done.of("finished")), done


def schema(endpoint, name):
    tables = STEPS + """
[output.schema]
type = "object"
required = ["colour", "letters"]
additionalProperties = false
properties.colour = { type = "string", enum = ["red", "green", "blue"] }
properties.letters = { type = "integer" }
"""
    done = run(folder(name, endpoint, "Choose a colour, and count its letters.", tables))
    # llama-server holds a reply to a schema in chat completions alone; what it is told in words a model
    # this small may not understand, and the run ends with its budget.
    held = endpoint["protocol"] == "chat"
    return done.code == 0 or not held and done.code == 1 and "fault" not in json.dumps(done.of("finished")), done


def tools(endpoint, name):
    tables = STEPS + """
[tools]
use = ["files.read"]

[permissions]
read = ["note.txt"]

# A source can only be what was read, so a call has to come first.
[output.schema]
type = "object"
required = ["answer", "sources"]
additionalProperties = false
properties.answer = { type = "string" }
properties.sources = { type = "array", minItems = 1, items = { type = "string", format = "source" } }
"""
    place = folder(name, endpoint, "When is the meeting? It is in note.txt: read it.", tables, 'act = "tools"')
    (place / "note.txt").write_text("The meeting is at nine.\n")
    done = run(place)
    # A model this small may call nothing, and end with its budget; it is never a fault.
    return done.code in (0, 1) and "fault" not in json.dumps(done.of("finished")), done


def long(endpoint, name):
    tables = STEPS.replace("60_000", "400_000") + '\n[tools]\nuse = ["files.read"]\n\n[permissions]\nread = ["note.txt"]\n'
    place = folder(name, endpoint, "What does note.txt say? " + "Mind the details of every line. " * 900, tables, 'act = "tools"')
    (place / "note.txt").write_text("The meeting is at nine, and the coffee is cold.\n" * 400)
    done = run(place)
    return done.code in (0, 1) and "fault" not in json.dumps(done.of("finished")), done


def wrong_key(endpoint, name):
    done = run(folder(name, endpoint, "Name one colour.", STEPS, key="${WRONG_KEY}"))
    return done.code == 1 and "key" in done.said() and "wr0ng-0123456789" not in done.said(), done


def wrong_model(endpoint, name):
    done = run(folder(name, endpoint, "Name one colour.", STEPS, model="no-such-model"))
    return done.code == 1 and "no-such-model" in done.said(), done


LONG = "Write the whole numbers from 1 to 600 in figures, one after another, and leave none out."


# Enough to be stopped in. Of what is left when little is, a small model only says that it is little.
SHORT = "\n[budget]\nsteps = 2\ntokens = 20_000\n"


class Relay:
    """What stands between a run and a server, and tells when the server has begun to answer."""

    # More than the head of an answer, and less than the answer.
    ENOUGH = 4096

    def __init__(self, port):
        self.behind, self.passed, self.begun = port, 0, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                run, _ = self.socket.accept()
                server = socket.create_connection(("127.0.0.1", self.behind))
            except OSError:
                return
            for source, target, counts in ((run, server, False), (server, run, True)):
                threading.Thread(target=self.carry, args=(source, target, counts), daemon=True).start()

    def carry(self, source, target, counts):
        try:
            while part := source.recv(65536):
                target.sendall(part)
                self.passed += len(part) * counts
                if self.passed > self.ENOUGH:
                    self.begun.set()
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def begun(endpoint, name):
    """A run that its server has begun to answer, and the folder that it is in."""
    port = int(endpoint["url"].split(":")[2].split("/")[0])
    relay = Relay(port)
    through = {**endpoint, "url": f"http://127.0.0.1:{relay.port}/v1"}
    place = folder(name, through, LONG, SHORT)
    words = [arguments.errand, "run", "agent.toml", "--json"]
    started = subprocess.Popen(
        words, cwd=place, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if not relay.begun.wait(timeout=300):
        sys.exit(f"{name}: the server does not begin to answer")
    return started, place


def ended(started):
    out, err = started.communicate(timeout=300)
    return Run(started.returncode, out, err)


def resumed(place, run):
    done = errand(place, "runs", "resume", run.id, "--json")
    return done.code in (0, 1) and "fault" not in json.dumps(done.of("finished")), done


def stop(endpoint, name):
    started, place = begun(endpoint, name)
    at = time.monotonic()
    started.send_signal(signal.SIGINT)
    stopped = ended(started)
    took = time.monotonic() - at
    if stopped.code == 0 or took > 5 or "cancelled" not in json.dumps(stopped.of("finished")):
        return False, stopped
    return resumed(place, stopped)


def killed(endpoint, name):
    started, place = begun(endpoint, name)
    server = endpoint["behind"]
    server.kill()
    died = ended(started)
    server.start()
    if died.code == 0 or "broke off" not in json.dumps(died.of("finished")):
        return False, died
    return resumed(place, died)


def installed():
    """The folder of the programs that are fetched."""
    venv = WORK / "venv"
    if not (venv / "bin/dasllama-server").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", "--only-binary=:all:", *PACKAGES], check=True)
    return venv / "bin"


def dasllama():
    port = free()
    words = [installed() / "dasllama-server", "-m", arguments.model, "-p", str(port), "--ctx", "4096", "-s", "1",
             "-t", str(os.cpu_count() or 2), "--gpu", "off"]
    return Served("dasllama", words, port, "/v1/models").start()


def llama_server():
    port = free()
    words = [arguments.llama_server, "-m", arguments.model, "--host", "127.0.0.1", "--port", str(port), "--api-key", KEY,
             "-c", "4096", "-np", "1", "--jinja", "-t", str(os.cpu_count() or 2)]
    return Served("llama-server", words, port, "/health").start()


def proxy(behind):
    port = free()
    # A provider that LiteLLM itself translates for.
    backend = {"model": f"lm_studio/{behind['model']}", "api_key": KEY, "api_base": behind["url"]}
    config = {
        "model_list": [{"model_name": "small", "litellm_params": backend}],
        "general_settings": {"master_key": KEY},
    }
    (WORK / "litellm.json").write_text(json.dumps(config))
    words = [installed() / "litellm", "--config", WORK / "litellm.json", "--host", "127.0.0.1", "--port", str(port)]
    return Served("litellm", words, port, "/health/liveliness").start()


ALL = {"answer": answer, "schema": schema, "tools": tools, "too long": long, "wrong key": wrong_key,
       "wrong model": wrong_model, "stopped": stop, "server killed": killed}


def chat(server, model):
    return {"url": f"http://127.0.0.1:{server.port}/v1", "protocol": "chat", "model": model, "behind": server}


def wanted(server):
    """Whether a case of this server is asked for."""
    return any(only.startswith(server) or not only for only in arguments.only.split(","))


started, endpoints, behind = [], {}, None
# dasLLAMA asks for no key; llama-server has one model, and answers to any name; without its database LiteLLM
# answers to a wrong key that it has none.
if wanted("dasllama") or not arguments.llama_server:
    started.append(dasllama())
    behind = chat(started[-1], pathlib.Path(arguments.model).name)
    endpoints["dasllama chat"] = (behind, [name for name in ALL if name != "wrong key"])
if arguments.llama_server:
    started.append(llama_server())
    behind = chat(started[-1], "small")
    for protocol in ["chat", "responses", "messages"]:
        cases = [name for name in ALL if name != "wrong model"]
        endpoints[f"llama-server {protocol}"] = ({**behind, "protocol": protocol}, cases)
if wanted("litellm"):
    started.append(proxy(behind))
    through = {**behind, "url": f"http://127.0.0.1:{started[-1].port}/v1", "model": "small"}
    for protocol in ["chat", "responses", "messages"]:
        cases = [name for name in ALL if name != "wrong key"]
        endpoints[f"litellm {protocol}"] = ({**through, "protocol": protocol}, cases)

wrong = 0
try:
    for server, (endpoint, names) in endpoints.items():
        for name in names:
            case = f"{server} {name}"
            if not any(case.startswith(only) for only in arguments.only.split(",")):
                continue
            at = time.monotonic()
            good, done = ALL[name](endpoint, case)
            wrong += not good
            calls = len([event for event in done.of("observation") if event["status"] == "ok"])
            took = time.monotonic() - at
            print(f"{'ok' if good else 'WRONG':6} {case:36} exit {done.code}  {calls} calls  {took:5.1f} s", flush=True)
            if not good:
                print(json.dumps(done.of("finished")), done.err[-1500:], sep="\n", flush=True)
finally:
    for server in started:
        server.kill()
sys.exit(1 if wrong else 0)
