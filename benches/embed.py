"""Sentences a second: `errand embed` beside `fastembed`, the same lines and threads, alternating; and how near the vectors
are to those of the published weights.

    pip install fastembed numpy tokenizers
    python3 benches/embed.py LINES.txt --errand target/release/errand --onnx FOLDER [--published FOLDER]

`--onnx` holds the `model.onnx`, `tokenizer.json`, `config.json`, `tokenizer_config.json` and `special_tokens_map.json` that
fastembed is given (all-MiniLM-L6-v2). Each side runs as a process of its own, once on all lines and once on half of them; what
counts is the difference, so that start and loading cancel out. Prints the medians over the rounds, and that of the rounds' ratios; of
processor time too, which says more where the machine does something else, with one thread: several spin while they wait.

`--published` holds the `model.safetensors` and `tokenizer.json` of the model's authors: the network is computed from them in NumPy, in
64-bit floats, and the cosine of each vector with its own is told. Lines that are longer than the encoder reads are no part of that.
"""

import argparse
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

PEER = """
import sys
from fastembed import TextEmbedding
model = TextEmbedding("sentence-transformers/all-MiniLM-L6-v2", specific_model_path=sys.argv[2], threads=int(sys.argv[3]))
lines = [line for line in open(sys.argv[1]).read().split("\\n") if line.strip()]
print(len(list(model.embed(lines))))
"""
READS = 256


def seconds(command):
    """Of wall time, and of processor time."""
    start, busy = time.perf_counter(), processor()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start, processor() - busy


def processor():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("lines", help="a text a line")
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--onnx", help="what fastembed is given")
    parser.add_argument("--published", help="what the cosines are taken with")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with open(options.lines, encoding="utf-8") as file:
        text = [line for line in file.read().split("\n") if line.strip()]
    if options.published:
        cosines(options, text)
    if options.onnx:
        race(options, text)


def race(options, text):
    half = text[: len(text) // 2]
    with tempfile.TemporaryDirectory() as work:
        files = [written(os.path.join(work, name), part) for name, part in (("half.txt", half), ("all.txt", text))]
        sides = {
            "errand": lambda file: [options.errand, "embed", file, "--json", "--threads", str(options.threads)],
            "fastembed": lambda file: [sys.executable, "-c", PEER, file, options.onnx, str(options.threads)],
        }
        rates = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, command in sides.items():
                took = zip(*(seconds(command(file)) for file in files))
                rates[name].append([(len(text) - len(half)) / max(long - short, 1e-9) for short, long in took])
    for place, unit in enumerate(("sentences/s", "sentences/s of processor time")):
        for name, found in rates.items():
            found = [each[place] for each in found]
            print(f"{name:<10} {statistics.median(found):7.0f} {unit}  {[round(x) for x in found]}")
        ratios = [ours[place] / theirs[place] for ours, theirs in zip(*rates.values())]
        print(f"ratio      {statistics.median(ratios):7.2f} {[round(x, 2) for x in ratios]}")


def written(path, lines):
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))
    return path


def cosines(options, text):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(options.published, "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokens = [encoded.ids for encoded in tokenizer.encode_batch(text)]
    kept = [place for place, ids in enumerate(tokens) if len(ids) <= READS]
    with tempfile.TemporaryDirectory() as work:
        file = written(os.path.join(work, "lines.txt"), [text[place] for place in kept])
        said = subprocess.run([options.errand, "embed", file, "--json"], check=True, stdout=subprocess.PIPE).stdout
    ours = [json.loads(line)["vector"] for line in said.splitlines()]
    network = Bert(os.path.join(options.published, "model.safetensors"))
    found = sorted(cosine(vector, network.vector(tokens[place])) for vector, place in zip(ours, kept, strict=True))
    print(f"cosine     least {found[0]:.7f}, median {statistics.median(found):.7f}, of {len(found)} lines")


def cosine(one, two):
    import numpy as np

    return float(np.dot(one, two) / np.linalg.norm(one) / np.linalg.norm(two))


class Bert:
    """The encoder from its weights: six layers of twelve heads, the mean of the last states."""

    HEADS = 12

    def __init__(self, path):
        import numpy as np

        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
            data = file.read()
        header.pop("__metadata__", None)
        self.weights = {}
        for name, it in header.items():
            if it["dtype"] == "F32":
                start, end = it["data_offsets"]
                self.weights[name] = np.frombuffer(data[start:end], np.float32).reshape(it["shape"]).astype(np.float64)

    def vector(self, ids):
        import numpy as np

        weights = self.weights
        words, places, kinds = (weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type"))
        state = self.normed(words[ids] + places[: len(ids)] + kinds[0], "embeddings.LayerNorm")
        for layer in range(6):
            name = f"encoder.layer.{layer}."
            query, key, value = (
                self.times(state, f"{name}attention.self.{part}").reshape(len(ids), self.HEADS, -1).swapaxes(0, 1)
                for part in ("query", "key", "value")
            )
            shares = np.exp(query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1]))
            mixed = (shares / shares.sum(-1, keepdims=True) @ value).swapaxes(0, 1).reshape(len(ids), -1)
            state = self.normed(state + self.times(mixed, f"{name}attention.output.dense"), f"{name}attention.output.LayerNorm")
            inner = gelu(self.times(state, f"{name}intermediate.dense"))
            state = self.normed(state + self.times(inner, f"{name}output.dense"), f"{name}output.LayerNorm")
        return state.mean(0)

    def times(self, state, name):
        return state @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def normed(self, state, name):
        import numpy as np

        centred = state - state.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return centred / scale * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def gelu(x):
    import numpy as np

    # The error function to 1.5e-7 (Abramowitz and Stegun, 7.1.26): NumPy has none.
    z = np.abs(x) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.sign(x) * (1 - series * np.exp(-z * z))
    return x * 0.5 * (1 + erf)


if __name__ == "__main__":
    main()
