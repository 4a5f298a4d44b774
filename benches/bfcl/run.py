#!/usr/bin/env python3
"""The Berkeley Function Calling Leaderboard's questions, asked of an agent, judged by its own checker.

    python3 benches/bfcl/run.py --limit 40 --seed 1 --results results.jsonl
    python3 benches/bfcl/run.py --limit 40 --seed 1 --results results.jsonl --column remote --model model.toml

Each question's functions are tools of an MCP server, and what is judged are the calls that it received: the
first one, or all where the category wants several; none for `irrelevance`. Data and checker are those of PyPI's
`bfcl-eval`, which is fetched with pip. What stands in the results is not asked again, so a run that was
stopped goes on. `--model` is a file with the lines of `[model]`, for another column of the table: a local model's
calls are held to their form while they are decoded, an endpoint's are free text.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import types

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = "bfcl-eval==2026.3.23"
CATEGORIES = ["simple_python", "multiple", "parallel", "irrelevance"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--category", action="append", choices=CATEGORIES)
    parser.add_argument("--limit", type=int, help="questions of a category; all if left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("bfcl.jsonl"))
    parser.add_argument("--column", default="local", help="what the results of this model are called")
    parser.add_argument("--model", type=pathlib.Path, help="the lines of `[model]`")
    parser.add_argument("--package", type=pathlib.Path, default=HERE / ".bfcl", help="where `bfcl-eval` is unpacked")
    options = parser.parse_args()
    options.errand = str(pathlib.Path(options.errand).resolve())
    data = fetched(options.package)
    check = checker(options.package)
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    done = {(row["column"], row["id"]) for row in rows}
    for category in options.category or CATEGORIES:
        for question in sample(data, category, options.limit, options.seed):
            if (options.column, question["id"]) in done:
                continue
            row = ask(question, category, options, check)
            rows.append(row)
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    table(rows)


def fetched(folder):
    """The package's data, fetched once: the wheel alone, since its dependencies are for other models' clients."""
    if not (folder / "bfcl_eval").is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*pip, "--target", folder, PACKAGE], check=True)
    return folder / "bfcl_eval" / "data"


def checker(folder):
    sys.path.insert(0, str(folder))
    # The list of its models imports the clients of all of them; the checker asks it one thing.
    models = types.ModuleType("bfcl_eval.constants.model_config")
    models.MODEL_CONFIG_MAPPING = {"errand": types.SimpleNamespace(underscore_to_dot=True)}
    sys.modules[models.__name__] = models
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

    def check(functions, calls, answer, category):
        try:
            return ast_checker(functions, calls, answer, Language.PYTHON, category, "errand")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return {"valid": False, "error": [f"{type(error).__name__}: {error}"]}

    return check


def sample(data, category, limit, seed):
    lines = (data / f"BFCL_v4_{category}.json").read_text().splitlines()
    questions = [json.loads(line) for line in lines]
    answers = data / "possible_answer" / f"BFCL_v4_{category}.json"
    if answers.exists():
        known = {row["id"]: row["ground_truth"] for row in map(json.loads, answers.read_text().splitlines())}
        questions = [{**question, "answer": known[question["id"]]} for question in questions]
    random.Random(seed).shuffle(questions)
    return questions[:limit]


def ask(question, category, options, check):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bfcl-"))
    shutil.copy(HERE / "functions.py", folder)
    (folder / "functions.json").write_text(json.dumps(question["function"]), encoding="utf-8")
    (folder / "agent.toml").write_text(agent(question, category, options.model), encoding="utf-8")
    began = time.monotonic()
    pinned = subprocess.run([options.errand, "mcp", "pin", "agent.toml", "--yes"], cwd=folder, capture_output=True, text=True)
    ran = subprocess.run([options.errand, "run", "agent.toml", "--json"], cwd=folder, capture_output=True, text=True)
    seconds = time.monotonic() - began
    log = folder / "calls.jsonl"
    calls = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if category == "irrelevance":
        right, error = not calls, "a call was made" if calls else ""
    else:
        judged = calls if category == "parallel" else calls[:1]
        verdict = check(question["function"], judged, question["answer"], category) if judged else {"valid": False, "error": ["no call"]}
        right, error = verdict["valid"], "; ".join(map(str, verdict["error"]))
    # A run that could not even begin says nothing of the model.
    if pinned.returncode or '"type"' not in ran.stdout:
        sys.exit(f"{question['id']}: {(pinned.stderr if pinned.returncode else ran.stderr).strip()}")
    print(f"{'right' if right else 'WRONG'}  {question['id']:<20} {seconds:5.0f} s  {json.dumps(calls)[:100]}  {error[:100]}", flush=True)
    shutil.rmtree(folder)
    return {"column": options.column, "category": category, "id": question["id"], "right": right, "calls": calls, "error": error, "seconds": round(seconds, 1)}


def agent(question, category, model):
    task = "\n".join(turn["content"] for turn in question["question"][0])
    steps = 8 if category == "parallel" else 2
    lines = [f"name = {json.dumps(question['id'])}", f"task = {json.dumps(task, ensure_ascii=False)}"]
    if model:
        lines += ["[model]", model.read_text(encoding="utf-8")]
    names = [f"functions.{it['name'].replace('.', '_')}" for it in question["function"]]
    lines += ["[tools]", f"use = {json.dumps(names)}", "[budget]", f"steps = {steps}", 'time = "10m"', "[mcp.servers.functions]"]
    lines += [f"command = {json.dumps(sys.executable)}", 'args = ["functions.py"]']
    lines += [f"read = {json.dumps(['functions.py', 'functions.json', sys.base_prefix])}", 'write = ["."]']
    return "\n".join(lines) + "\n"


def table(rows):
    columns = list(dict.fromkeys(row["column"] for row in rows))
    print(f"{'':<16}" + "".join(f"{column:>18}" for column in columns))
    for category in CATEGORIES:
        cells = []
        for column in columns:
            own = [row["right"] for row in rows if (row["column"], row["category"]) == (column, category)]
            cells.append(f"{sum(own)} of {len(own)}" if own else "–")
        print(f"{category:<16}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
