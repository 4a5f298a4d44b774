#!/usr/bin/env python3
"""The perplexity of an imported model beside that of its GGUF file, whose weights are dequantized and computed with in float.

    pip install gguf numpy
    python3 benches/perplexity.py --errand target/release/errand qwen2.5-coder-0.5b=FILE.gguf … --text FILE

What the import made of the weights and how it computes with them is compared, and nothing else: the reference reads the tokens
that `errand models score --tokens` says it read, in the same windows, and scores the same ones. It is written in NumPy for the
families `llama` and `qwen2`, from their published descriptions, in 32-bit floats; llama.cpp rounds activations to 8 bits
and is not in it.
"""

import argparse
import json
import math
import subprocess
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="NAME=GGUF")
    parser.add_argument("--text", action="append", required=True, help="a file; may be repeated")
    parser.add_argument("--errand", default="target/release/errand")
    parser.add_argument("--window", type=int, default=2048)
    options = parser.parse_args()
    print("| model | text | tokens | imported | in float | ratio | a token's difference, nats: mean, p99 |")
    print("|---|---|---|---|---|---|---|")
    for pair in options.models:
        name, separator, path = pair.partition("=")
        if not separator:
            parser.error(f"`{pair}` is not NAME=GGUF")
        model = Gguf(path)
        ours, theirs = [], []
        scored = [score(options, name, text) for text in options.text]
        windows = [window for each in scored for window in cut(model, each, options.window)]
        logprobs = model.logprobs([tokens for tokens, _ in windows])
        found = iter(zip(windows, logprobs))
        for text, each in zip(options.text, scored):
            rows = [next(found) for _ in cut(model, each, options.window)]
            own = [value for (_, values), _ in rows for value in values]
            reference = [value for _, values in rows for value in values]
            print(row(name, text.rsplit("/", 1)[-1], own, reference), flush=True)
            ours, theirs = ours + own, theirs + reference
        print(row(name, "all", ours, theirs), flush=True)


def score(options, name, text):
    command = [options.errand, "models", "score", name, text, "--tokens", "--json", "--window", str(options.window)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(said)["each"]


def cut(model, each, window):
    """The windows: what is read, and the log-probabilities of all but the first of it."""
    room = window - bool(model.first)
    parts = (each[at : at + room] for at in range(0, len(each), room))
    for part in parts:
        tokens = model.first + [model.ids[bytes(token["bytes"])] for token in part]
        values = [token["logprob"] for token in part if token["logprob"] is not None]
        if len(values) != len(tokens) - 1:
            sys.exit(f"{len(values)} tokens were scored of a window of {len(tokens)}")
        if values:
            yield tokens, values


def row(name, text, ours, theirs):
    a, b = (math.exp(-sum(values) / len(values)) for values in (ours, theirs))
    apart = np.abs(np.array(ours) - np.array(theirs))
    cells = [f"`{name}`", text, f"{len(ours):,}", f"{a:.4f}", f"{b:.4f}", f"{a / b:.4f}"]
    return f"| {' | '.join(cells)} | {apart.mean():.3f}, {np.quantile(apart, 0.99):.2f} |"


class Gguf:
    """A GGUF file's network, a layer at a time."""

    def __init__(self, path):
        reader = GGUFReader(path)
        self.tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.fields = {name: field for name, field in reader.fields.items()}
        self.family = self.value("general.architecture")
        if self.family not in ("llama", "qwen2"):
            sys.exit(f"{path}: the family `{self.family}` is not written here")
        letters = unprintable()
        words = self.value("tokenizer.ggml.tokens")
        self.ids = {bytes(letters[letter] for letter in word if letter in letters): at for at, word in reversed(list(enumerate(words)))}
        bos = self.value("tokenizer.ggml.bos_token_id", None)
        self.first = [bos] if self.value("tokenizer.ggml.add_bos_token", False) else []

    def value(self, name, *default):
        if name in self.fields:
            return self.fields[name].contents()
        if default:
            return default[0]
        sys.exit(f"the file has no `{name}`")

    def of(self, name, *default):
        return self.value(f"{self.family}.{name}", *default)

    def weight(self, name):
        tensor = self.tensors[name]
        return np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)

    def logprobs(self, windows):
        """The log-probability of each token but the first, of each window."""
        embeddings = self.weight("token_embd.weight")
        states = [embeddings[tokens] for tokens in windows]
        if "output.weight" in self.tensors:
            embeddings = self.weight("output.weight")
        for layer in range(self.of("block_count")):
            states = self.layer(f"blk.{layer}.", states)
        norm = self.weight("output_norm.weight")
        return [list(chosen(self.normed(state, norm)[:-1], embeddings, tokens[1:])) for state, tokens in zip(states, windows)]

    def normed(self, state, weight):
        scale = np.mean(state.astype(np.float64) ** 2, axis=-1, keepdims=True) + self.of("attention.layer_norm_rms_epsilon")
        return state * (1 / np.sqrt(scale)).astype(np.float32) * weight

    def layer(self, name, states):
        names = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
        weights = {short: self.weight(f"{name}{short}.weight") for short in names}
        biases = {short: self.weight(f"{name}{short}.bias") if f"{name}{short}.bias" in self.tensors else 0 for short in names}

        def times(state, short):
            return state @ weights[short].T + biases[short]

        out = []
        for state in states:
            read = self.normed(state, weights["attn_norm"])
            state = state + times(self.attention(*(times(read, short) for short in ("attn_q", "attn_k", "attn_v"))), "attn_output")
            read = self.normed(state, weights["ffn_norm"])
            gate = times(read, "ffn_gate")
            out.append(state + times(gate / (1 + np.exp(-gate)) * times(read, "ffn_up"), "ffn_down"))
        return out

    def attention(self, query, key, value):
        length, heads = len(query), self.of("attention.head_count")
        groups = self.of("attention.head_count_kv", heads)
        query, key, value = (it.reshape(length, count, -1).swapaxes(0, 1) for it, count in ((query, heads), (key, groups), (value, groups)))
        query, key = self.turned(query), self.turned(key)
        later = np.triu(np.full((length, length), -np.inf, dtype=np.float32), 1)
        out = np.empty_like(query)
        for head in range(heads):
            group = head * groups // heads
            weights = query[head] @ key[group].T / np.float32(math.sqrt(query.shape[-1])) + later
            weights = np.exp(weights - weights.max(axis=-1, keepdims=True))
            out[head] = weights / weights.sum(axis=-1, keepdims=True) @ value[group]
        return out.swapaxes(0, 1).reshape(length, -1)

    def turned(self, heads):
        """Rotary positions: pairs lie side by side in `llama` files, half a head apart in `qwen2` ones."""
        _, length, width = heads.shape
        speed = self.of("rope.freq_base", 10000.0) ** (-np.arange(0, width, 2, dtype=np.float64) / width)
        angle = np.arange(length)[:, None] * speed
        cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
        out = np.empty_like(heads)
        beside = self.family == "llama"
        one, two = (slice(0, None, 2), slice(1, None, 2)) if beside else (slice(0, width // 2), slice(width // 2, None))
        out[..., one] = heads[..., one] * cos - heads[..., two] * sin
        out[..., two] = heads[..., one] * sin + heads[..., two] * cos
        return out


def chosen(states, embeddings, tokens):
    for at in range(0, len(states), 128):
        logits = states[at : at + 128] @ embeddings.T
        peak = logits.max(axis=-1)
        total = np.log(np.exp(logits - peak[:, None]).sum(axis=-1, dtype=np.float64)) + peak
        for line, (token, whole) in enumerate(zip(tokens[at : at + 128], total)):
            yield float(logits[line, token] - whole)


def unprintable():
    """The bytes that the letters of GPT-2's vocabulary stand for."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(rest)}


if __name__ == "__main__":
    main()
