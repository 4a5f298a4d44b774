#!/usr/bin/env python3
"""Drives `errand serve` for some minutes with a stub model, and fails where memory or descriptors grow.

    python3 benches/soak.py 30 [--errand target/release/errand] [--clients 8]

Runs and their events, streams whose clients go away, readers that do not read, cancels, approvals that are denied,
webhooks that come twice, conversations with `/mcp`, bodies that do not come: all at once, over and over. One line a
period says what the server holds. It fails if the server ends, answers with a 5xx that is no refusal, holds more
descriptors at rest than before, or if the memory of its last quarter is more than a tenth (and 32 MiB) above that
of its second.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "errand-soak-0123456789abcdef0123456789abcdef"
SECRET = base64.b64encode(b"a secret of the soak test, 32 by").decode()


class Stub(BaseHTTPRequestHandler):
    """A model: asks a person now and then, and else says one thing; sometimes after a while."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(random.choice([0, 0.01, 0.05, 0.5]))
        delta = {"role": "assistant", "content": "Done. " * random.randint(1, 200)}
        if random.random() < 0.2:
            arguments = json.dumps({"question": "Which?"})
            call = {"index": 0, "id": "c", "type": "function", "function": {"name": "ask.person", "arguments": arguments}}
            delta = {"role": "assistant", "tool_calls": [call]}
        ends = "tool_calls" if "tool_calls" in delta else "stop"
        chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}, {"choices": [{"index": 0, "delta": {}, "finish_reason": ends}]}]
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text.encode())
        except OSError:
            pass  # Its run was cancelled.

    def log_message(self, *_):
        pass


class Server:
    """The server, and what it holds."""

    def __init__(self, errand, folder, model):
        (folder / "script.jsonl").write_text(json.dumps({"content": "word " * 20_000}) + "\n")
        (folder / "agent.toml").write_text(
            'name = "test"\ntask = "{{ what }}"\nact = "tools"\n[params]\nwhat = { type = "string" }\n'
            f'[model]\nprovider = "openai"\nname = "m"\nbase_url = "{model}"\n[tools]\nuse = ["ask.person"]\n'
        )
        (folder / "secret").write_text(f"whsec_{SECRET}")
        (folder / "serve.toml").write_text(
            '[models.echo]\nprovider = "scripted"\nname = "script.jsonl"\n[agents.helper]\nfile = "agent.toml"\n'
            f'[users.ada]\ntoken_sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
            '[triggers.t]\nagent = "helper"\nuser = "ada"\nwebhook = { secret_file = "secret", param = "what" }\n'
            "[limits]\nrequests_per_minute = 10000000\nconcurrent = 200\nruns = 16\nclient_s = 2\n"
        )
        environment = dict(os.environ, ERRAND_HOME=str(folder / "home"))
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            [os.path.abspath(errand), "serve", "serve.toml", "--listen", "127.0.0.1:0", "--json"],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=self.log,
        )
        self.at = json.loads(self.process.stdout.readline())["url"].removeprefix("http://")
        self.port = int(self.at.rsplit(":", 1)[1])

    def memory(self):
        """In MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self, start, body=b"", headers=()):
        """A connection on which this was sent."""
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        head = [f"{start} HTTP/1.1", f"Host: {self.at}", f"Authorization: Bearer {TOKEN}", "Connection: close"]
        head += ["Content-Type: application/json", *headers]
        if not any(header.startswith("Content-Length") for header in headers):
            head.append(f"Content-Length: {len(body)}")
        stream.sendall("\r\n".join([*head, "", ""]).encode() + body)
        return stream

    def ask(self, start, body=None, headers=()):
        """The status, and the body as text."""
        body = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        with self.connect(start, body, headers) as stream:
            read = b"".join(iter(lambda: stream.recv(65536), b""))
        head, _, rest = read.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]) if head else 0, rest.decode(errors="replace")


class Soak:
    """What clients do, each thing by its name, and how often it was done."""

    def __init__(self, server):
        self.server = server
        self.done = {}
        self.wrong = []
        self.over = threading.Event()

    def work(self):
        things = [self.run, self.gone, self.unread, self.cancel, self.webhook, self.chat, self.mcp, self.slow, self.list]
        while not self.over.is_set():
            thing = random.choice(things)
            try:
                status = thing()
            except OSError as error:
                if self.server.process.poll() is not None:
                    self.wrong.append("the server has ended")
                    return
                status = type(error).__name__
            key = (thing.__name__, status)
            self.done[key] = self.done.get(key, 0) + 1
            # 503 says that there is no room; nothing else may fail.
            if isinstance(status, int) and status >= 500 and status != 503:
                self.wrong.append(f"{thing.__name__}: {status}")

    def begun(self):
        status, body = self.server.ask("POST /v1/runs", {"agent": "helper", "params": {"what": "x" * 1000}})
        return status, json.loads(body)["id"] if status == 201 else None

    def run(self):
        status, run = self.begun()
        if run:
            status, events = self.server.ask(f"GET /v1/runs/{run}/events")
            digest = re.search(r'"digest":"([^"]+)"', events)
            if digest and random.random() < 0.8:
                self.server.ask(f"POST /v1/runs/{run}/reply", {"digest": digest.group(1), "text": "that one"})
                status, _ = self.server.ask(f"GET /v1/runs/{run}/events")
        return status

    def gone(self):
        body = json.dumps({"model": "echo", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}).encode()
        with self.server.connect("POST /v1/chat/completions", body) as stream:
            stream.recv(100)
        return 200

    def unread(self):
        _, run = self.begun()
        with self.server.connect(f"GET /v1/runs/{run or 'none'}/events"):
            self.over.wait(random.choice([0.1, 3]))
        return 200

    def cancel(self):
        status, run = self.begun()
        return self.server.ask(f"POST /v1/runs/{run}/cancel")[0] if run else status

    def webhook(self):
        name, now, body = f"m{random.getrandbits(64)}", int(time.time()), b"Lamps."
        key = base64.b64decode(SECRET)
        tag = base64.b64encode(hmac.new(key, f"{name}.{now}.".encode() + body, "sha256").digest()).decode()
        headers = [f"webhook-id: {name}", f"webhook-timestamp: {now}", f"webhook-signature: v1,{tag}"]
        self.server.ask("POST /v1/triggers/t", body, headers)
        return self.server.ask("POST /v1/triggers/t", body, headers)[0]

    def chat(self):
        return self.server.ask("POST /v1/chat/completions", {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]})[0]

    def mcp(self):
        accept = "Accept: application/json, text/event-stream"
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "soak", "version": "1"}}
        body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}).encode()
        with self.server.connect("POST /mcp", body, [accept]) as stream:
            head = stream.recv(65536).decode()
        session = re.search(r"(?i)mcp-session-id: (\S+)", head)
        if not session:
            return int(head.split(" ")[1])
        return self.server.ask("DELETE /mcp", None, [accept, f"Mcp-Session-Id: {session.group(1)}"])[0]

    def slow(self):
        with self.server.connect("POST /v1/runs", b"{", ["Content-Length: 100"]) as stream:
            return int(stream.recv(100).split(b" ")[1])

    def list(self):
        return self.server.ask("GET /v1/runs?limit=100")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("minutes", type=float)
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    model = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options.errand, pathlib.Path(folder), f"http://127.0.0.1:{model.server_port}/v1")
        try:
            wrong = soaked(server, options)
        finally:
            server.process.kill()
            server.process.wait()
    for line in wrong:
        print(f"failed: {line}")
    sys.exit(bool(wrong))


def soaked(server, options):
    """What was wrong."""
    soak = Soak(server)
    # What is opened once and kept – the journal, a connection to the model – is open from here on.
    for _ in range(options.clients):
        soak.run()
    before = server.descriptors()
    clients = [threading.Thread(target=soak.work) for _ in range(options.clients)]
    for client in clients:
        client.start()
    seconds, began, seen = options.minutes * 60, time.monotonic(), []
    print("| s | MiB | descriptors | done |\n|---|---|---|---|")
    while time.monotonic() - began < seconds and server.process.poll() is None:
        time.sleep(seconds / 20)
        seen.append(server.memory())
        print(f"| {time.monotonic() - began:.0f} | {seen[-1]:.1f} | {server.descriptors()} | {sum(soak.done.values())} |", flush=True)
    soak.over.set()
    for client in clients:
        client.join()
    # What was left open is given up after `client_s`, and what runs comes to its end.
    rest = time.monotonic()
    while time.monotonic() - rest < 60 and server.descriptors() > before + 4:
        time.sleep(0.5)
    after, quarter = server.descriptors(), max(len(seen) // 4, 1)
    early, late = statistics.median(seen[quarter : 2 * quarter] or seen), statistics.median(seen[-quarter:])
    for (thing, status), count in sorted(soak.done.items(), key=str):
        print(f"{thing} {status}: {count}")
    print(f"memory: {early:.1f} MiB in the second quarter, {late:.1f} in the last; descriptors: {before} before, {after} after")
    wrong = list(dict.fromkeys(soak.wrong))
    if late > early * 1.1 and late > early + 32:
        wrong.append("memory grows")
    if after > before + 4:
        wrong.append("descriptors are left open")
    return wrong


if __name__ == "__main__":
    main()
