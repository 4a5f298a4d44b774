#!/usr/bin/env python3
"""The same questions asked of a model alone, through OpenAI's API: its template, no strategy.

    errand serve --model qwen2.5-coder-1.5b
    python3 benches/bfcl/bare.py --mode free --limit 20 --seed 3

`free` lets the model write what it will, from which the server reads the calls; `required` holds the reply to
a call while it is decoded (`tool_choice`). One request a question, judged as `run.py` judges.
"""

import argparse
import json
import os
import pathlib
import urllib.request

import functions
import run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=["free", "required"], default="free")
    parser.add_argument("--category", action="append", choices=run.CATEGORIES)
    parser.add_argument("--limit", type=int, help="questions of a category; all if left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    parser.add_argument("--url", default=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8484/v1"))
    parser.add_argument("--token", default=os.environ.get("OPENAI_API_KEY", ""))
    parser.add_argument("--package", type=pathlib.Path, default=run.HERE / ".bfcl", help="where `bfcl-eval` is unpacked")
    options = parser.parse_args()
    data = run.fetched(options.package)
    check = run.checker(options.package)
    for category in options.category or run.CATEGORIES:
        questions = run.sample(data, category, options.limit, options.seed)
        right = sum(judged(question, category, options, check) for question in questions)
        print(f"{category}, {options.mode}: {right} of {len(questions)}", flush=True)


def judged(question, category, options, check):
    calls = asked(question, options)
    if category == "irrelevance":
        right = not calls
    else:
        judged = calls if category == "parallel" else calls[:1]
        right = bool(judged) and check(question["function"], judged, question["answer"], category)["valid"]
    print(f"{'right' if right else 'WRONG'}  {question['id']:<20} {json.dumps(calls)[:120]}", flush=True)
    return right


def asked(question, options):
    tools = [
        {"name": functions.name(it), "description": it["description"], "parameters": functions.schema(it["parameters"])}
        for it in question["function"]
    ]
    body = {
        "model": options.model,
        "messages": question["question"][0],
        "tools": [{"type": "function", "function": tool} for tool in tools],
        "tool_choice": "required" if options.mode == "required" else "auto",
        "temperature": 0,
        "max_tokens": 400,
    }
    headers = {"authorization": f"Bearer {options.token}", "content-type": "application/json"}
    request = urllib.request.Request(f"{options.url}/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=600) as reply:
        message = json.load(reply)["choices"][0]["message"]
    functions_called = (call["function"] for call in message.get("tool_calls") or [])
    return [{call["name"]: json.loads(call["arguments"])} for call in functions_called]


if __name__ == "__main__":
    main()
