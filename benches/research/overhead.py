#!/usr/bin/env python3
"""Measures what a research costs beside its model and its network, from its journal.

    benches/web/offline.sh python3 benches/research/overhead.py [--depth deep] ["QUESTION"]

Between errand and the two servers stand proxies that note when a request came and when its answer
was complete. Each moment of the run, from its first event to its last, is then one of:

    model    between `thinking` and `replied` in some journal
    network  between a request's arrival at a server and the end of its answer
    turn     between a fetch's permission and its arrival: a host is not asked too often
    own      none of these: parsing pages in the guest, ranking, judging, the journal, everything else
"""

import argparse
import http.client
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time
import urllib.parse

QUESTION = "How do Python's lists, tuples and sets differ?"


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to a server and notes when; in bodies, addresses are changed."""

    daemon_threads = True

    def __init__(self, target, changes=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = urllib.parse.urlsplit(target).netloc
        self.changes, self.seen = changes, []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        begun = time.time()
        server = http.client.HTTPConnection(self.server.target, timeout=60)
        headers = {"Accept": self.headers.get("Accept", "*/*"), "User-Agent": self.headers.get("User-Agent", "")}
        server.request("GET", self.path, headers=headers)
        answer = server.getresponse()
        body = answer.read()
        for here, there in self.server.changes:
            body = body.replace(here.encode(), there.encode())
        self.send_response(answer.status)
        for name in ["Content-Type", "Cache-Control", "ETag", "Last-Modified", "Location"]:
            if value := answer.headers.get(name):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.seen.append((self.server.url + self.path, begun * 1000, time.time() * 1000))

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", nargs="?", default=QUESTION)
    parser.add_argument("--depth", default="deep")
    parser.add_argument("--time", default="2h", help="the budget; what is known by then counts")
    parser.add_argument("--errand", default="target/release/errand", type=pathlib.Path)
    options = parser.parse_args()
    kiwix = Proxy(os.environ["KIWIX_URL"])
    searx = Proxy(os.environ["SEARX_URL"], [(os.environ["KIWIX_URL"], kiwix.url)])
    errand = options.errand.resolve()
    with tempfile.TemporaryDirectory() as folder:
        agents(pathlib.Path(folder), searx, kiwix, options.time)
        command = [errand, "research", options.question, "--agent", "research.toml", "--json"]
        done = subprocess.run(
            [*command, "--depth", options.depth], cwd=folder, stdout=subprocess.PIPE, text=True
        )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    runs = [line["run"] for line in lines if line["type"] == "started"]
    journals = {run: journal(errand, run) for run in runs}
    report(options, lines[-1], runs[0], journals, searx.seen + kiwix.seen)


def agents(folder, searx, kiwix, limit):
    """The examples, looking where the proxies are."""
    net = json.dumps([urllib.parse.urlsplit(proxy.url).netloc for proxy in (searx, kiwix)])
    search = f'\n[[search.provider]]\nkind = "searxng"\nurl = "{searx.url}"\n'
    for name in ["research.toml", "researcher.toml"]:
        example = pathlib.Path("examples", name).read_text(encoding="utf-8")
        own = example.replace('net = ["public"]', f"net = {net}")
        assert own != example, name
        if name == "research.toml":
            own = own.replace('time = "2h"', f'time = "{limit}"')
        (folder / name).write_text(own + search, encoding="utf-8")


def journal(errand, run):
    told = subprocess.run([errand, "runs", "show", run, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in told.stdout.splitlines()]


def report(options, last, lead, journals, seen):
    begin, end = journals[lead][0]["at"], journals[lead][-1]["at"]
    events = [event for events in journals.values() for event in events]
    model = [span for events in journals.values() for span in thoughts(events, end)]
    network = [(begun, done) for _, begun, done in seen]
    turn = turns(events, seen)
    total = end - begin
    thinking = length(model)
    waiting = length(model + network) - thinking
    taking = length(model + network + turn) - thinking - waiting
    own = total - thinking - waiting - taking
    outcome = last["outcome"] or {}
    pages = sum(section["pages"] for section in outcome.get("sections", []))
    print(
        f"run {lead}, {options.depth}: {len(journals)} runs, {len(events)} events, {len(model)} model calls, "
        f"{pages} pages read, {len(seen)} requests"
    )
    parts = {"model": thinking, "network": waiting, "turn": taking, "own": own}
    for name, part in parts.items():
        print(f"{name:<8} {part / 1000:8.2f} s  {100 * part / total:5.2f} %")
    print(f"{'in all':<8} {total / 1000:8.2f} s")


def thoughts(events, end):
    begun = None
    for event in events:
        if event["type"] == "thinking":
            begun = event["at"]
        elif event["type"] == "replied" and begun is not None:
            yield begun, event["at"]
            begun = None
    # The budget may end while the model thinks.
    if begun is not None:
        yield begun, end


def turns(events, seen):
    """From each permission to fetch to the next arrival of that address."""
    spans = []
    for event in events:
        fetch = event.get("capability", {}).get("fetch") if event["type"] == "used" else None
        if fetch:
            came = [begun for url, begun, _ in seen if same(url, fetch["url"]) and begun >= event["at"] - 2]
            if came:
                spans.append((event["at"], min(came)))
    return spans


def same(one, other):
    return urllib.parse.unquote(one) == urllib.parse.unquote(other)


def length(spans):
    """How long at least one of them lasted."""
    total, reached = 0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0, end - max(begin, reached))
        reached = max(reached, end)
    return total


if __name__ == "__main__":
    main()
