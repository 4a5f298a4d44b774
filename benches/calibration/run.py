#!/usr/bin/env python3
"""Where a local model's decisions part: thresholds from labelled examples, and what they are made of.

    python3 benches/calibration/run.py qwen2.5-coder-1.5b
    python3 benches/calibration/run.py qwen2.5-coder-0.5b --write
    python3 benches/calibration/run.py qwen2.5-coder-1.5b --decision own --wrong

Each `*.jsonl` here is the labelled set of a decision: half of each answer, in domains that no benchmark has. The
model is asked by `cargo bench --bench calibration`, which asks what the strategy asks. Printed for each decision: the
area under the curve (how often an example that counts scored more than one that does not), the best threshold and
the one in use, each with how many examples are on the wrong side, and how many are if each example is held
against the threshold that all others make.

The best threshold has the fewest on the wrong side and, of those that have as few, the widest gap around it. It is
marked where it puts so many more on the right side than the one in use that chance would do so less than once in
twenty (a sign test over the examples that the two tell differently). Both sides count alike there, and in a run they
may not: who is told that no tool fits is not told more, so `fits` is low on purpose.

`--write` writes `stepwise/calibration/NAME.toml`. A threshold that the file has stays, with what these examples
say of it; a person decides whether it changes, and deletes it for the best one to take its place. A threshold that has
no set is in a new file the one that it is a stricter or a milder case of.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Thresholds without a set of their own, and what they are in a new file: as that one, or this much.
OTHERS = {
    "margin": 0.0, "margin_of_facts": 0.0, "acts_surely": "acts", "maybe": "compute", "holds_unnamed": "holds",
    "holds_surely": "holds", "holds_row": "holds", "holds_after_all": "holds", "column": 0.5, "stated_after": "stated",
}
# As `Thresholds` in `stepwise/src/calibration.rs` has them.
ORDER = [
    "own", "margin", "margin_of_facts", "fits", "suits", "opens", "whole", "looks", "acts", "acts_surely", "claims", "leaves",
    "asked", "several", "each", "compute", "number", "maybe", "holds", "holds_unnamed", "holds_surely", "holds_row",
    "holds_after_all", "column", "speaks_of_none", "stated", "stated_after",
]
# Of these the score is a sum of log odds, and more than the threshold counts.
SUMS = {"suits", "leaves"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a name of the catalog")
    parser.add_argument("--decision", action="append", help="this one only, and others that are given")
    parser.add_argument("--wrong", action="store_true", help="print the examples on the wrong side of the threshold in use")
    parser.add_argument("--scores", type=pathlib.Path, help="keep what the model said here; read it if it is there")
    parser.add_argument("--write", action="store_true", help="write the model's calibration file")
    options = parser.parse_args()
    path = ROOT / "stepwise" / "calibration" / f"{options.model}.toml"
    old = tomllib.loads(path.read_text(encoding="utf-8"))["decisions"] if path.exists() else {}
    rows = asked(options.model, options.decision, options.scores)
    names = [name for name in ORDER if any(row["decision"] == name for row in rows)]
    print("| decision | examples | area | best threshold | wrong | in use | wrong | left out one by one |")
    print("|---|---|---|---|---|---|---|---|")
    made = {}
    for name in names:
        scored = [(row["score"], row["counts"]) for row in rows if row["decision"] == name]
        used = old.get(name, {}).get("threshold", 0.0 if name in SUMS else 0.5)
        found = best(scored)
        wrong_at = lambda threshold: sum(passes(name, score, threshold) != counts for score, counts in scored)
        clear = clearly(name, scored, found, used)
        threshold = used if name in old else found
        made[name] = {"threshold": threshold, "examples": len(scored), "area": round(area(scored), 3), "wrong": wrong_at(threshold)}
        print(f"| {name} | {len(scored)} | {area(scored):.2f} | {found:g}{' (clear)' if clear else ''} | {wrong_at(found)} "
              f"| {used:g} | {wrong_at(used)} | {left_out(name, scored)} |")
        if options.wrong:
            show(name, rows, used)
    if options.write:
        # What was not asked now stays as it is.
        made = old | made
        for name, of in OTHERS.items():
            if name not in made and of in made:
                made[name] = {"threshold": made[of]["threshold"]}
            elif name not in made and not isinstance(of, str):
                made[name] = {"threshold": of}
        missing = [name for name in ORDER if name not in made]
        if missing:
            sys.exit(f"error: a file has every decision, and {', '.join(missing)} was not asked")
        path.write_text(written(options.model, made, old), encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}", file=sys.stderr)


def asked(model, decisions, kept):
    """What the model said of each example."""
    if kept and kept.exists():
        rows = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
        return [row for row in rows if not decisions or row["decision"] in decisions]
    files = [HERE / f"{name}.jsonl" for name in decisions or ORDER]
    files = [str(file) for file in files if decisions or file.exists()]
    bench = ["cargo", "bench", "--quiet", "--bench", "calibration", "--", model, *files]
    done = subprocess.run(bench, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"error: `{' '.join(bench[:6])}` ended with {done.returncode}")
    if kept:
        kept.write_text(done.stdout, encoding="utf-8")
    return [json.loads(line) for line in done.stdout.splitlines()]


def passes(name, score, threshold):
    return score > threshold if name in SUMS else score >= threshold


def area(scored):
    yes = [score for score, counts in scored if counts]
    no = [score for score, counts in scored if not counts]
    return sum((one > other) + (one == other) / 2 for one in yes for other in no) / (len(yes) * len(no))


def best(scored):
    """Fewest on the wrong side; of those the widest gap, and its middle."""
    scores = sorted({score for score, _ in scored})
    found = []
    for low, high in zip(scores, scores[1:]):
        middle = round((low + high) / 2, 2)
        # Two digits are told apart from both neighbours, or it is no threshold.
        if low < middle < high:
            wrong = sum((score > middle) != counts for score, counts in scored)
            found.append((wrong, low - high, middle))
    return min(found)[2] if found else round(scores[0], 2)


def left_out(name, scored):
    wrong = 0
    for at, (score, counts) in enumerate(scored):
        wrong += passes(name, score, best(scored[:at] + scored[at + 1:])) != counts
    return wrong


def clearly(name, scored, found, used):
    """Whether one threshold is right where the other is wrong, more often than by chance."""
    right = [(passes(name, score, found) == counts, passes(name, score, used) == counts) for score, counts in scored]
    for_found, for_used = right.count((True, False)), right.count((False, True))
    differ = for_found + for_used
    by_chance = sum(math.comb(differ, many) for many in range(for_found, differ + 1)) / 2**differ
    return differ > 0 and by_chance < 0.05


def show(name, rows, threshold):
    for row in rows:
        if row["decision"] == name and passes(name, row["score"], threshold) != row["counts"]:
            print(f"    {row['score']:.2f} {json.dumps(row['line'], ensure_ascii=False)}", file=sys.stderr)


def written(model, made, old):
    lines = [
        "# Where this model's decisions part; `stepwise/src/calibration.rs` says what each is. Made by",
        f"# `benches/calibration/run.py {model} --write` from the labelled sets beside it: how many examples, the",
        "# area under their curve, how many are on the wrong side. A note says what else a threshold was made from.",
        f"model = {json.dumps(model)}",
        "",
        "[decisions]",
    ]
    for name in ORDER:
        values = {key: value for key, value in made[name].items() if key != "note"}
        if "note" in old.get(name, {}):
            values["note"] = old[name]["note"]
        inner = ", ".join(f"{key} = {shown(value)}" for key, value in values.items())
        lines.append(f"{name} = {{ {inner} }}")
    return "\n".join(lines) + "\n"


def shown(value):
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
