#!/usr/bin/env python3
"""How often `files.search` has the passage that answers a question among its first 1, 3, 5 and 8; no model is asked.

    python3 benches/questions/search.py benches/questions/*/ examples/almanac

A passage has the answer where it stands in one of the question's files and holds what is accepted as a whole
word. `--results FILE` writes what each question was given, one JSON object a line, to hold two builds side by side.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

FIRST = (1, 3, 5, 8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=pathlib.Path, nargs="+")
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--results", type=pathlib.Path)
    options = parser.parse_args()
    ranks, results = [], []
    for folder in options.folders:
        if not (folder / "questions.jsonl").is_file():
            continue
        with tempfile.TemporaryDirectory() as place:
            # Its own folder: an agent's is a workspace of which nothing here shall be left.
            work = pathlib.Path(place) / folder.name
            shutil.copytree(folder, work)
            for line in (work / "questions.jsonl").read_text(encoding="utf-8").splitlines():
                question = json.loads(line)
                passages = search(options.errand, work, question["question"])
                results.append({"folder": folder.name, "id": question["id"], "passages": passages})
                if question["found"] and question.get("files"):
                    ranks.append(rank(question, passages))
    if options.results:
        lines = [json.dumps(result, ensure_ascii=False) for result in results]
        options.results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    held = ", ".join(f"{sum(rank <= first for rank in ranks)} @{first}" for first in FIRST)
    print(f"{len(ranks)} questions that a file answers: {held}")


def search(errand, folder, query):
    arguments = json.dumps({"query": query, "limit": 20})
    command = [errand, "tools", "call", "--json", "--agent", folder / "agent.toml"]
    done = subprocess.run([*command, "files.search", arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["result"]["passages"]


def rank(question, passages):
    """The place of the first passage that answers, from 1; far behind where none does."""
    for place, passage in enumerate(passages, 1):
        text = f"{passage.get('context', '')} {passage['text']}".lower()
        held = (rf"(?<!\w){re.escape(one.lower())}(?!\w)" for one in question["accept"])
        if passage["path"] in question["files"] and any(re.search(one, text) for one in held):
            return place
    return len(passages) + 1000


if __name__ == "__main__":
    main()
