#!/usr/bin/env python3
"""Loads `errand serve` and llama.cpp's `llama-server` with the same conversations, the two in turn.

    python3 benches/load.py --llama-server PATH [--errand target/release/errand] qwen2.5-coder-0.5b=FILE.gguf

Each of 1, 4 and 8 clients holds conversations of three turns, streamed, as an agent does: a long beginning that all
share, a task of its own, and everything said so far sent again with each turn. A row: tokens written a second by all
clients together, and the time to the first token, of a conversation's first turn and of those that go on. Greedy, 64
tokens a turn. The machine should do nothing else.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import pathlib
import socket
import statistics
import subprocess
import tempfile
import threading
import time

TOKEN = "errand-load-0123456789abcdef0123456789abcdef"
TURNS = 3
WRITTEN = 64

# What an agent's tools and rules take: about 750 tokens that every conversation begins with.
TOOLS = "\n".join(
    f"- {verb}_{noun}(id: string, note: string, limit: integer): {verb}s {noun} records of the shop that fit."
    for verb in ("list", "read", "change", "count", "export")
    for noun in ("order", "invoice", "customer", "parcel", "refund", "supplier")
)
RULES = f"You are a careful clerk of a shop. These tools exist:\n{TOOLS}\nWhat you are asked for you write out in full."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", metavar="NAME=GGUF")
    parser.add_argument("--llama-server", required=True)
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="1,4,8", help="how many at once, with commas between them")
    parser.add_argument("--slots", type=int, default=8, help="of both servers")
    parser.add_argument("--context", type=int, default=4096, help="tokens a slot")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    name, separator, gguf = options.model.partition("=")
    if not separator:
        parser.error(f"`{options.model}` is not NAME=GGUF")
    sizes = [int(size) for size in options.clients.split(",")]
    figures = {}
    for turn in range(options.rounds):
        for server in ("errand", "llama-server"):
            started = errand(options, name) if server == "errand" else llama(options, gguf)
            with started as port:
                for clients in sizes:
                    # Unlike those before: no round finds its own conversations remembered.
                    said = measured(port, clients, seed=1000 * turn + 100 * clients)
                    figures.setdefault((clients, server), []).append(said)
                    print(json.dumps({"round": turn, "server": server, "clients": clients, **said}), flush=True)
                print(json.dumps({"round": turn, "server": server, "peak_mb": started.peak()}), flush=True)
    print("| clients | server | tokens/s | first token, first turn: p50, p99, s | first token, later turns: p50, p99, s |")
    print("|---|---|---|---|---|")
    for (clients, server), rounds in sorted(figures.items()):
        middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        print(
            f"| {clients} | {server} | {middle['tps']:.1f} | {middle['first_p50']:.2f}, {middle['first_p99']:.2f} "
            f"| {middle['later_p50']:.2f}, {middle['later_p99']:.2f} |"
        )


def measured(port, clients, seed):
    """All clients at once, each with conversations of its own, until each has held two."""
    replies, lock = [], threading.Lock()

    def client(number):
        for conversation in range(2):
            begin = seed + 10 * number + conversation
            messages = [{"role": "system", "content": RULES}, {"role": "user", "content": f"Write a long story in many chapters about order {begin} and the people who packed it."}]
            for turn in range(TURNS):
                reply = asked(port, messages)
                with lock:
                    replies.append((turn, reply))
                messages += [{"role": "assistant", "content": reply["text"]}, {"role": "user", "content": f"Write chapter {turn + 2} of it, as long as you can."}]

    threads = [threading.Thread(target=client, args=[number]) for number in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    first = sorted(reply["first_s"] for turn, reply in replies if turn == 0)
    later = sorted(reply["first_s"] for turn, reply in replies if turn > 0)
    assert len(replies) == clients * 2 * TURNS, "a request failed"
    return {
        "tps": sum(reply["tokens"] for _, reply in replies) / took,
        "tokens": sum(reply["tokens"] for _, reply in replies),
        "cached": sum(reply["cached"] for _, reply in replies),
        "first_p50": statistics.median(first),
        "first_p99": first[min(len(first) - 1, int(len(first) * 0.99))],
        "later_p50": statistics.median(later),
        "later_p99": later[min(len(later) - 1, int(len(later) * 0.99))],
    }


def asked(port, messages):
    """One streamed reply: its text, its tokens by the server's own count, the time to its first token."""
    body = {"model": "loaded", "messages": messages, "max_tokens": WRITTEN, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    began = time.monotonic()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    text, first, usage = "", None, {}
    for line in response:
        if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
            continue
        chunk = json.loads(line[6:])
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", []):
            piece = choice["delta"].get("content") or ""
            if piece and first is None:
                first = time.monotonic() - began
            text += piece
    connection.close()
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return {"text": text, "first_s": first, "tokens": usage["completion_tokens"], "cached": cached}


class Server(contextlib.AbstractContextManager):
    """A server for as long as it is measured, on a port of its own."""

    def __init__(self, command, port):
        self.command, self.port = command, port

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(word) for word in self.command], stdout=self.log, stderr=self.log)
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {TOKEN}"})
                if connection.getresponse().status == 200:
                    # The first reply loads what is loaded late.
                    asked(self.port, [{"role": "user", "content": "Say yes."}])
                    return self.port
            time.sleep(0.1)
        self.log.seek(0)
        raise SystemExit(f"{self.command[0]} did not start: {self.log.read().decode()[-2000:]}")

    def peak(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(status.partition("VmHWM:")[2].split()[0]) / 1024)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def errand(options, name):
    port = free()
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "serve.toml").write_text(
        f'[listen]\naddress = "127.0.0.1:{port}"\n'
        f'[models.loaded]\nname = "{name}"\ncontext = {options.context}\nslots = {options.slots}\n'
        f'[users.load]\ntoken_sha256 = "{hashlib.sha256(TOKEN.encode()).hexdigest()}"\n'
        "[limits]\nrequests_per_minute = 100000\n"
    )
    return Server([options.errand, "serve", folder / "serve.toml"], port)


def llama(options, gguf):
    port = free()
    sizes = ["-c", options.context * options.slots, "-np", options.slots, "-t", options.threads]
    return Server([options.llama_server, "-m", gguf, "--host", "127.0.0.1", "--port", port, "--alias", "loaded", "--api-key", TOKEN, *sizes], port)


if __name__ == "__main__":
    main()
