#!/usr/bin/env python3
"""Gives an agent everyday tasks and looks at what it did: the fields of its outcome, the files that it
wrote, the messages that it sent.

    python3 benches/everyday/run.py tune             134 tasks that prompts and thresholds were made with
    python3 benches/everyday/run.py heldout          28 others, run once when all else was done

A task is right when everything that it names is so, and nothing else was sent. A value of an outcome
is invented when it stands neither in the task, nor in what the run saw, nor in what was expected.
"""

import argparse
import csv
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVERS = ["bakery.py", "campsite.py", "cinema.py", "kino.py", "library.py", "office.py", "stable.py", "vet.py", "workshop.py"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("half", choices=["tune", "heldout"])
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--model")
    parser.add_argument("--only", action="append", default=[], help="a task's id or kind")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for what each run left")
    options = parser.parse_args()
    options.errand = str(pathlib.Path(options.errand).resolve())
    tasks = [json.loads(line) for line in (HERE / f"{options.half}.jsonl").read_text().splitlines()]
    if options.only:
        tasks = [task for task in tasks if {task["id"], task["kind"]} & set(options.only)]
    rows = [attempt(task, options) for task in tasks]
    kinds = dict.fromkeys(row["kind"] for row in rows)
    for kind in kinds:
        own = [row for row in rows if row["kind"] == kind]
        print(f"  {kind:<12} {sum(row['right'] for row in own)} of {len(own)}")
    seconds = sorted(row["seconds"] for row in rows)
    print(
        f"{sum(row['right'] for row in rows)} of {len(rows)} right, {sum(len(row['invented']) for row in rows)} "
        f"values invented; a task takes {seconds[len(seconds) // 2]:.1f} s at the median"
    )


def attempt(task, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="everyday-"))
    for path, text in task.get("files", {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    for path in task.get("write", []):
        (folder / path).mkdir(parents=True, exist_ok=True)
    site = Site(task["pages"]) if "pages" in task else None
    (folder / "agent.toml").write_text(agent(task, site, options.model), encoding="utf-8")
    if "mcp" in task:
        for file in SERVERS:
            shutil.copy(HERE / file, folder)
        subprocess.run([options.errand, "mcp", "pin", "agent.toml", "--yes"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    ran = subprocess.run(
        [options.errand, "run", "agent.toml", "--json"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    seconds = time.monotonic() - began
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    end = events[-1] if events else {"outcome": None, "reason": ran.stderr}
    wrong = list(problems(task, folder, events, end))
    found = list(invented(task, events, end.get("outcome")))
    row = {"kind": task["kind"], "right": not wrong, "seconds": seconds, "invented": found}
    mark = "right" if not wrong else "WRONG"
    said = json.dumps(end.get("outcome"), ensure_ascii=False)
    print(f"{mark}  {task['kind']:<11} {task['id']:<19} {seconds:5.0f} s  {said[:150]}", flush=True)
    for problem in wrong + [f"invented: {value}" for value in found]:
        print(f"         {problem}", flush=True)
    if options.keep:
        (options.keep).mkdir(parents=True, exist_ok=True)
        (options.keep / f"{task['id']}.jsonl").write_text(ran.stdout + ran.stderr)
    shutil.rmtree(folder)
    return row


def agent(task, site, model):
    text = task["task"].replace("{SITE}", site.url if site else "")
    lines = [f"name = {json.dumps(task['id'])}", f"task = {json.dumps(text, ensure_ascii=False)}"]
    if model:
        lines += ["[model]", f"name = {json.dumps(model)}"]
    lines += ["[tools]", f"use = {json.dumps(task.get('use', []))}", "[permissions]"]
    for key in ("read", "write", "delete"):
        lines.append(f"{key} = {json.dumps(task.get(key, []))}")
    if site:
        lines.append(f"net = {json.dumps([site.url.removeprefix('http://')])}")
    lines += ["[budget]", "steps = 16", 'time = "10m"']
    if "mcp" in task:
        name = server(task)
        more = f'"{name}.py", "many"' if task["mcp"] == "many" else f'"{name}.py"'
        lines += [f"[mcp.servers.{name}]", f'command = "{sys.executable}"', f"args = [{more}]"]
        lines += [f"read = {json.dumps([*SERVERS, sys.base_prefix])}", 'write = ["."]']
    if "schema" in task:
        lines += ["[output]", f"schema = {inline(task['schema'])}"]
    return "\n".join(lines) + "\n"


def server(task):
    return "office" if task["mcp"] == "many" else task["mcp"]


def inline(value):
    """A JSON value as TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def problems(task, folder, events, end):
    outcome = end.get("outcome")
    if task.get("nothing"):
        # There is nothing to report but that it cannot be done.
        said = json.dumps(outcome or "").lower()
        if outcome and not re.search(r"not found|not possible|cannot|can't|could not|no tool|unable|denied|not able|not have|n't have|impossible", said):
            yield "it should say that it could not"
    elif outcome is None:
        yield f"no outcome: {end.get('reason')}: {end.get('detail')}"
    for key, wanted in task.get("expect", {}).items():
        if not same((outcome or {}).get(key), wanted):
            yield f"`{key}` should be {wanted!r}"
    for key, held in task.get("contains", {}).items():
        text = str((outcome or {}).get(key))
        for word in held:
            # A list of words: one of them is enough.
            ways = "|".join(map(re.escape, word if isinstance(word, list) else [word]))
            if not re.search(rf"(?<![\w.])(?:{ways})(?!\w|\.[1-9])", text, re.IGNORECASE):
                yield f"`{key}` should hold {word}"
    for path, wanted in task.get("effects", {}).items():
        text = (folder / path).read_text(encoding="utf-8") if (folder / path).exists() else None
        yield from effect(path, text, wanted)
    if "mcp" in task:
        log = folder / f"{server(task)}.log"
        done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        yield from sent(done, task.get("log", []))
    if task.get("nocalls") and any(event["type"] == "call" for event in events):
        yield "no call was needed"


def effect(path, text, wanted):
    if wanted is None:
        if text is not None:
            yield f"{path} should be gone"
        return
    if text is None:
        yield f"{path} was not written"
        return
    if "text" in wanted and text.strip() != wanted["text"].strip():
        yield f"{path} is {text[:120]!r}"
    for word in wanted.get("has", []):
        if word.lower() not in text.lower():
            yield f"{path} should hold {word!r}: {text[:80]!r}"
    for word in wanted.get("hasnt", []):
        if word.lower() in text.lower():
            yield f"{path} should not hold {word!r}: {text[:80]!r}"
    if "csv" in wanted:
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if row]
        if rows != wanted["csv"]:
            yield f"{path} is {rows}"
    if "json" in wanted:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if value != wanted["json"]:
            yield f"{path} is {text[:120]!r}"


def sent(done, wanted):
    for item in wanted:
        if not any(all(str(want).lower() in str(have.get(key, "")).lower() for key, want in item.items()) for have in done):
            yield f"{item} did not happen: {done}"
    if len(done) > len(wanted):
        yield f"more happened than was asked for: {done}"


def same(have, wanted):
    if wanted is None:
        return have is None or str(have).lower() in ("not found", "null", "none", "")
    if isinstance(wanted, bool) or isinstance(have, bool):
        return have is wanted
    if isinstance(wanted, (int, float)):
        return isinstance(have, (int, float)) and abs(have - wanted) <= 0.005 * abs(wanted)
    if isinstance(wanted, list):
        return isinstance(have, list) and len(have) == len(wanted) and all(map(same, have, wanted))
    if isinstance(wanted, dict):
        return isinstance(have, dict) and all(same(have.get(key), item) for key, item in wanted.items())
    return plain(wanted) in plain(str(have))


def plain(text):
    return re.sub(r"\W+", "", text.casefold())


def invented(task, events, outcome):
    """Numbers and short texts of an outcome that nothing holds."""
    seen = task["task"] + " " + " ".join(event["text"] for event in events if event["type"] == "observation" and event["status"] == "ok")
    seen += json.dumps([task.get("expect"), task.get("contains"), task.get("schema")], ensure_ascii=False)
    seen = plain(seen)
    for value in leaves(outcome):
        if isinstance(value, bool) or value is None or task["kind"] in ("no tool", "compute"):
            continue
        texts = re.findall(r"\d+", str(value)) if not isinstance(value, str) or len(value.split()) > 3 else [value]
        for text in texts:
            if plain(text).rstrip("0") not in seen and not re.search(r"(?i)not found|null|none", text):
                yield text


def leaves(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


class Site:
    """Pages on loopback."""

    def __init__(self, pages):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages.get(self.path)
                self.send_response(200 if body else 404)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write((body or "").encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"


if __name__ == "__main__":
    sys.exit(main())
