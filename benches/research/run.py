#!/usr/bin/env python3
"""Researches a file of questions and prints the score.

    benches/web/offline.sh start                        a search engine and pages, on this machine
    python3 benches/research/run.py --agent FILE        FILE: an agent file that searches there

A question is right when the report's answer holds one of `accept` as a whole word and none of
`reject`, and stands on a citation that is called supported. One that the pages do not answer
(`found` is false) is right when the report has no answer. Every report is checked: a citation that
is not in its source counts against all.
"""

import argparse
import json
import pathlib
import re
import subprocess
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", required=True, type=pathlib.Path)
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--depth", default="quick")
    parser.add_argument("--model")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the reports")
    options = parser.parse_args()
    here = pathlib.Path(__file__).parent
    lines = (here / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    if options.only:
        questions = [question for question in questions if question["id"] in options.only]
    rows = [research(options, question) for question in questions]
    there = [row for row in rows if row["found"]]
    nowhere = [row for row in rows if not row["found"]]
    print(
        f"{sum(row['right'] for row in there)} of {len(there)} answered, "
        f"{sum(row['right'] for row in nowhere)} of {len(nowhere)} said to be nowhere, "
        f"{sum(row['faults'] for row in rows)} citations that are not in their source; "
        f"{sum(row['seconds'] for row in rows) / max(len(rows), 1):.0f} s a question"
    )


def research(options, question):
    command = [options.errand, "research", question["question"], "--json"]
    command += ["--agent", options.agent, "--depth", options.depth]
    command += ["--model", options.model] if options.model else []
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seconds = time.monotonic() - began
    lines = done.stdout.splitlines()
    last = json.loads(lines[-1]) if lines else {}
    report = last.get("outcome") or {}
    answer = report.get("answer")
    text = answer["text"] if answer else ""
    if question.get("found", True):
        right = (
            answer is not None
            and answer["support"] == "supported"
            and any(held(word, text) for word in question["accept"])
            and not any(held(word, text) for word in question.get("reject", []))
            and wins(question, text)
        )
    else:
        right = bool(report) and answer is None
    faults = sum(wrong(report, span) for span in citations(report))
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        kept = options.keep / f"{question['id']}.json"
        kept.write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
    shown = text or last.get("detail") or done.stderr.strip()[-160:] or "not found"
    print(f"{'right' if right else 'WRONG'} {question['id']:<16} {seconds:4.0f} s  {shown}", flush=True)
    found = question.get("found", True)
    return {"right": right, "found": found, "faults": faults, "seconds": seconds}


def wins(question, text):
    """Whether what a comparison is won by is named first, or alone."""
    if "winner" not in question:
        return True
    first, second = (text.find(question[key]) for key in ("winner", "loser"))
    return first >= 0 and (second < 0 or first < second)


def held(word, text):
    # `3.8` is not in `3.8.1` or `13.8`; `copytree` is in `shutil.copytree`.
    before = r"(?<![\w.])" if word[0].isdigit() else r"(?<!\w)"
    return re.search(rf"{before}{re.escape(word)}(?!\w|\.\d)", text) is not None


def citations(report):
    claims = [claim for section in report.get("sections", []) for claim in section["claims"]]
    claims += [report["answer"]] if report.get("answer") else []
    return [span for claim in claims for span in claim["citations"]]


def wrong(report, span):
    """Whether a citation is not what stands in its source, by another way than errand's own."""
    sources = report["sources"]
    if not 1 <= span["source"] <= len(sources):
        return 1
    text = sources[span["source"] - 1]["text"].encode("utf-8")
    return int(text[span["start"] : span["end"]] != span["quote"].encode("utf-8"))


if __name__ == "__main__":
    main()
