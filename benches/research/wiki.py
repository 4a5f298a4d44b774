#!/usr/bin/env python3
"""Researches questions over an invented wiki on this machine: comparisons, questions whose subject has
to be named first, plain ones, and some that no page answers.

    python3 benches/research/wiki.py tune       what prompts and thresholds were made with
    python3 benches/research/wiki.py heldout    another world by another author, run once at the end

The wiki has MediaWiki's search and pages in HTML. A right answer holds one of `accept`; of a comparison
it names the winner before the loser; one that no page answers has no answer. Every citation is
looked up in its source.
"""

import argparse
import html
import http.server
import json
import math
import pathlib
import re
import tempfile
import threading
import urllib.parse

import run

HERE = pathlib.Path(__file__).resolve().parent
AGENT = """name = "wiki"
task = "{{{{ question }}}}"
act = "{act}"
[params.question]
type = "string"
{more}
[search]
[[search.provider]]
kind = "mediawiki"
url = "{site}/api.php"
[tools]
use = ["web.search", "web.page"]
[permissions]
net = ["{host}"]
[budget]
steps = 400
tokens = 2_000_000
time = "1h"
"""
LEAD = """[params.plan]
type = "list"
default = []
[agents.researcher]
file = "researcher.toml"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", choices=["tune", "heldout"])
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--depth", default="quick")
    parser.add_argument("--model")
    parser.add_argument("--only", action="append", default=[], help="a question's id or kind")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the reports")
    options = parser.parse_args()
    options.errand = str(pathlib.Path(options.errand).resolve())
    world = json.loads((HERE / "wiki" / f"{options.world}.json").read_text(encoding="utf-8"))
    questions = world["questions"]
    if options.only:
        questions = [q for q in questions if {q["id"], q["kind"]} & set(options.only)]
    site = serve(world["pages"])
    with tempfile.TemporaryDirectory() as folder:
        options.agent = pathlib.Path(folder) / "wiki.toml"
        host = site.removeprefix("http://")
        researcher = AGENT.format(act="read", more="", site=site, host=host)
        (pathlib.Path(folder) / "researcher.toml").write_text(researcher)
        options.agent.write_text(AGENT.format(act="research", more=LEAD, site=site, host=host))
        rows = [dict(run.research(options, question), kind=question["kind"]) for question in questions]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        own = [row for row in rows if row["kind"] == kind]
        print(f"  {kind:<10} {sum(row['right'] for row in own)} of {len(own)}")
    seconds = sorted(row["seconds"] for row in rows)
    print(
        f"{sum(row['right'] for row in rows)} of {len(rows)} right, "
        f"{sum(row['faults'] for row in rows)} citations that are not in their source; "
        f"{seconds[len(seconds) // 2]:.0f} s a question at the median"
    )


def serve(pages):
    """The wiki's address."""
    index = Index(pages)

    class Wiki(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlparse(self.path)
            asked = dict(urllib.parse.parse_qsl(url.query))
            if url.path == "/api.php":
                body, kind = json.dumps(answer(index, asked, self.headers["host"])), "application/json"
            else:
                page = named(pages, url.path)
                body, kind = shown(page) if page else None, "text/html; charset=utf-8"
            self.send_response(404 if body is None else 200)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write((body or "").encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Wiki)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def named(pages, path):
    title = urllib.parse.unquote(path.removeprefix("/wiki/")).replace("_", " ")
    return next((page for page in pages if page["title"] == title), None)


class Index:
    """Words, and how well a page fits them (BM25); like the real one, all words have to be there."""

    def __init__(self, pages):
        self.pages = [(page, words(f"{page['title']} {page['title']} {page['text']}")) for page in pages]
        self.length = sum(len(own) for _, own in self.pages) / len(pages)

    def find(self, query, limit):
        asked = set(words(query))
        found = [(self.score(asked, own), page) for page, own in self.pages if asked <= set(own)]
        return [page for _, page in sorted(found, key=lambda row: -row[0])][:limit]

    def score(self, asked, own):
        score = 0.0
        for word in asked:
            holders = sum(word in other for _, other in self.pages)
            rare = math.log(1 + (len(self.pages) - holders + 0.5) / (holders + 0.5))
            count = own.count(word)
            score += rare * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(own) / self.length))
        return score


def words(text):
    # A search engine's stemming, in short: a plural is its singular.
    return [re.sub(r"(?<=\w{3})s$", "", word) for word in re.findall(r"\w+", text.lower())]


def answer(index, asked, host):
    pages = index.find(asked.get("srsearch", ""), int(asked.get("srlimit", "10")))
    found = [{"title": page["title"], "snippet": html.escape(page["text"][:200])} for page in pages]
    general = {"server": f"http://{host}", "articlepath": "/wiki/$1"}
    return {"query": {"general": general, "search": found}}


def shown(page):
    blocks = "\n".join(block(part) for part in page["text"].split("\n\n"))
    title = html.escape(page["title"])
    return f"<!doctype html><html lang=en><title>{title} – Wiki</title><main><h1>{title}</h1>\n{blocks}</main></html>"


def block(part):
    lines = part.strip().splitlines()
    if part.startswith("## "):
        return f"<h2>{html.escape(part[3:].strip())}</h2>"
    if lines and lines[0].startswith("|"):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
        rows = [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)]
        cells = lambda row, kind: "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in row)
        table = [cells(rows[0], "th"), *(cells(row, "td") for row in rows[1:])]
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in table) + "</table>"
    return f"<p>{html.escape(part)}</p>"


if __name__ == "__main__":
    main()
