"""Sentences a second: `errand embed` beside `fastembed`, the same lines, two threads each, alternating.

    pip install fastembed
    python3 benches/embed.py ERRAND LINES.txt MODEL_FOLDER [ROUNDS]

MODEL_FOLDER holds the `model.onnx`, `tokenizer.json`, `config.json`, `tokenizer_config.json` and
`special_tokens_map.json` that fastembed is given (all-MiniLM-L6-v2). Each side runs as a process of its
own, once on all lines and once on half of them; what counts is the difference, so that start and loading
cancel out. Prints the median over the rounds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

PEER = """
import sys
from fastembed import TextEmbedding
model = TextEmbedding("sentence-transformers/all-MiniLM-L6-v2", specific_model_path=sys.argv[2], threads=2)
lines = [line for line in open(sys.argv[1]).read().split("\\n") if line.strip()]
print(len(list(model.embed(lines))))
"""


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    errand, lines, folder = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    text = [line for line in open(lines).read().split("\n") if line.strip()]
    half = text[: len(text) // 2]
    with tempfile.TemporaryDirectory() as work:
        files = []
        for name, part in (("half.txt", half), ("all.txt", text)):
            files.append(os.path.join(work, name))
            with open(files[-1], "w") as out:
                out.write("\n".join(part))
        sides = {
            "errand": lambda file: [errand, "embed", file, "--json", "--threads", "2"],
            "fastembed": lambda file: [sys.executable, "-c", PEER, file, folder],
        }
        rates = {name: [] for name in sides}
        for _ in range(rounds):
            for name, command in sides.items():
                short, long = (seconds(command(file)) for file in files)
                rates[name].append((len(text) - len(half)) / max(long - short, 1e-9))
        for name, found in rates.items():
            print(f"{name:<10} {statistics.median(found):7.0f} sentences/s  {[round(x) for x in found]}")


if __name__ == "__main__":
    main()
