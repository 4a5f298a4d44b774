"""How well the main content of pages is found: `web.page`, as an agent calls it, over two public sets
of pages. Neither is part of this repository; give the paths of their checkouts.

    python3 benches/extraction/run.py --articles CHECKOUT      scrapinghub/article-extraction-benchmark
    python3 benches/extraction/run.py --readability CHECKOUT   mozilla/readability
    [--errand target/release/errand] [--worst N] [--keep FOLDER]

Articles: the text is scored by the benchmark's own evaluate.py. Readability: a page counts when its title
is the expected one, give or take the site's name, and its main text holds at least 80 % of the expected
text's runs of four words, with at least 50 % of its own among them.

What is scored is what the Markdown says when it is read: markdown-it-py (PyPI) makes HTML of it, and the
text of that is taken. The pages are served from this machine, one process of errand for each.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import gzip
import html.parser
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

from markdown_it import MarkdownIt

AGENT = """
name = "reader"
task = "read"
[tools]
use = ["web.page"]
[permissions]
net = ["127.0.0.1:{port}"]
"""


class Text(html.parser.HTMLParser):
    """The text of HTML, without pictures and the addresses of links."""

    def __init__(self):
        super().__init__()
        self.parts, self.quiet = [], 0

    def handle_starttag(self, tag, _):
        self.quiet += tag in ("script", "style", "template")
        self.parts.append(" " if tag not in ("a", "b", "em", "i", "span", "strong", "sub", "sup") else "")

    def handle_endtag(self, tag):
        self.quiet -= tag in ("script", "style", "template")
        self.handle_starttag(tag if tag not in ("script", "style", "template") else "p", ())

    def handle_data(self, data):
        if not self.quiet:
            self.parts.append(data)


def text_of(markup):
    parser = Text()
    parser.feed(markup)
    parser.close()
    return "".join(parser.parts)


def read_text(markdown):
    return text_of(MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).render(markdown))


@contextlib.contextmanager
def served(pages):
    """A server for these pages, by path, and the agent file that may read them."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        agent = pathlib.Path(folder, "agent.toml")
        agent.write_text(AGENT.format(port=server.server_port), encoding="utf-8")
        yield agent, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def read_all(errand, pages):
    """What `web.page` gives for each page: its result, or the reason why there is none."""
    with served(pages) as (agent, at), concurrent.futures.ThreadPoolExecutor(2) as pool:

        def read(path):
            call = [errand, "tools", "call", "--agent", agent, "web.page", json.dumps({"url": at + path}), "--json"]
            ran = subprocess.run(call, capture_output=True, text=True)
            try:
                told = json.loads(ran.stdout)
            except ValueError:
                return None, ran.stderr.strip()
            return told.get("result"), told.get("text")

        return dict(zip(pages, pool.map(read, pages)))


def shingles(text):
    words = re.findall(r"\w+", text)
    return collections.Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)))


def overlap(expected, found):
    """Precision and recall of runs of four words."""
    expected, found = shingles(expected), shingles(found)
    both = sum((expected & found).values())
    return both / max(1, sum(found.values())), both / max(1, sum(expected.values()))


def articles(errand, checkout, worst, keep):
    pages = {f"/{path.name.split('.')[0]}": gzip.open(path).read() for path in sorted(checkout.glob("html/*.html.gz"))}
    results = read_all(errand, pages)
    failed = {path: why for path, (page, why) in results.items() if page is None}
    output = {path[1:]: {"articleBody": read_text(page["text"]) if page else ""} for path, (page, _) in results.items()}
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "output").mkdir()
        (here / "ground-truth.json").symlink_to((checkout / "ground-truth.json").resolve())
        (here / "output/errand.json").write_text(json.dumps(output), encoding="utf-8")
        subprocess.run([sys.executable, (checkout / "evaluate.py").resolve()], cwd=here, check=True)
    print(f"{len(pages)} pages, {len(failed)} not read")
    for path, why in failed.items():
        print(f"  {path}: {why}")
    truth = json.loads((checkout / "ground-truth.json").read_text(encoding="utf-8"))
    rows = sorted((overlap(truth[name]["articleBody"], found["articleBody"]), name) for name, found in output.items())
    rows.sort(key=lambda row: sum(row[0]))
    for (precision, recall), name in rows[:worst]:
        print(f"  precision {precision:.2f} recall {recall:.2f} {name} {truth[name]['url']}")
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        for path, (page, _) in results.items():
            (keep / f"{path[1:]}.md").write_text(page["text"] if page else "", encoding="utf-8")


def same_title(expected, found):
    expected, found = (" ".join(re.findall(r"\w+", title.lower())) for title in (expected, found))
    return bool(expected and found) and (expected in found or found in expected)


def readability(errand, checkout, worst, keep):
    folders = sorted(path.parent for path in checkout.glob("test/test-pages/*/source.html"))
    results = read_all(errand, {f"/{folder.name}": (folder / "source.html").read_bytes() for folder in folders})
    titles = texts = both = crashed = 0
    rows = []
    for folder in folders:
        page, why = results[f"/{folder.name}"]
        expected = json.loads((folder / "expected-metadata.json").read_text(encoding="utf-8"))
        main = text_of((folder / "expected.html").read_text(encoding="utf-8"))
        if page is None:
            crashed += 1
            print(f"  {folder.name}: {why}")
            continue
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{folder.name}.md").write_text(page["text"], encoding="utf-8")
        precision, recall = overlap(main, read_text(page["text"]))
        title = not expected["title"] or same_title(expected["title"], page["title"])
        text = recall >= 0.8 and precision >= 0.5
        titles, texts, both = titles + title, texts + text, both + (title and text)
        rows.append((title and text, recall + precision, precision, recall, title, folder.name, page["title"], expected["title"]))
    count = len(folders)
    print(f"{count} pages, {crashed} not read; title {titles} ({titles / count:.1%}), main text {texts} ({texts / count:.1%}), both {both} ({both / count:.1%})")
    for good, _, precision, recall, title, name, found, expected in sorted(rows)[:worst]:
        if not good:
            print(f"  precision {precision:.2f} recall {recall:.2f} {name}" + ("" if title else f": title {found!r}, not {expected!r}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--articles", type=pathlib.Path)
    parser.add_argument("--readability", type=pathlib.Path)
    parser.add_argument("--worst", type=int, default=0, help="show so many of the worst pages")
    parser.add_argument("--keep", type=pathlib.Path, help="keep what was read in this folder")
    asked = parser.parse_args()
    if asked.articles:
        articles(asked.errand, asked.articles, asked.worst, asked.keep)
    if asked.readability:
        readability(asked.errand, asked.readability, asked.worst, asked.keep)
