#!/usr/bin/env python3
"""Asks an agent a file of questions and prints its score, the time and the tokens.

    python3 benches/questions/run.py examples/almanac            the almanac's 20
    python3 benches/questions/run.py benches/questions/heldout   10 that nothing was tuned on

A folder holds `agent.toml` and `questions.jsonl`; `--model` and `--only ID` are passed on or
picked. A question is right when the answer holds one of `accept` as a whole word, or a number
within 0.5 % of `number`; one that the files do not answer is right when `found` is false.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import time
import unicodedata


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--model")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--log", type=pathlib.Path, help="append every line of every run")
    options = parser.parse_args()
    lines = (options.folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    if options.only:
        questions = [question for question in questions if question["id"] in options.only]
    rows = []
    for question in questions:
        rows.append(ask(options, question))
        show(question, rows[-1])
    right = sum(row["right"] for row in rows)
    total = {key: sum(row[key] for row in rows) for key in ("seconds", "input", "output")}
    count = len(rows) or 1
    print(
        f"{right} of {len(rows)} right; a question takes {total['seconds'] / count:.1f} s, at most "
        f"{max((row['seconds'] for row in rows), default=0):.1f} s, "
        f"{total['input'] / count:.0f} tokens read, {total['output'] / count:.0f} written"
    )


def ask(options, question):
    command = [options.errand, "run", options.folder / "agent.toml", "--json"]
    command += ["-p", f"question={question['question']}"]
    command += ["--model", options.model] if options.model else []
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seconds = time.monotonic() - began
    if options.log:
        with options.log.open("a", encoding="utf-8") as log:
            log.write(done.stdout)
    lines = done.stdout.splitlines()
    last = json.loads(lines[-1]) if lines else {"outcome": None, "usage": {}}
    return {
        "right": right(question, last["outcome"]),
        "outcome": last["outcome"],
        "seconds": seconds,
        "input": last["usage"].get("input_tokens", 0),
        "output": last["usage"].get("output_tokens", 0),
    }


def right(question, outcome):
    if not outcome or outcome.get("found") is not question["found"]:
        return False
    if not question["found"]:
        return True
    answer = plain(str(outcome.get("answer", "")))
    for accepted in question["accept"]:
        if re.search(r"(?<![\w.])(?:" + plain(accepted) + r")(?!\w|\.\d)", answer):
            return True
    if "number" in question:
        for number in re.findall(r"-?\d[\d,]*\.?\d*", answer):
            if abs(float(number.replace(",", "")) - question["number"]) <= 0.005 * abs(question["number"]):
                return True
    return False


def plain(text):
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).lower()


def show(question, row):
    mark = "right" if row["right"] else "WRONG"
    outcome = json.dumps(row["outcome"], ensure_ascii=False)
    print(
        f"{mark}  {question['kind']:<12} {question['id']:<18} {row['seconds']:6.1f} s "
        f"{row['input']:5} + {row['output']:3} tokens  {outcome}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
