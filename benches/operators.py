#!/usr/bin/env python3
"""What grows with the history: the time of each kind of operator in one step, by how many tokens were read before it.

    pip install numpy onnxruntime==1.32.0
    python3 benches/operators.py MODEL_FOLDER --history 1024 2048 4096 8192

One token is written, as `errand models bench --history` does it: the cache's past and present are one buffer. Of each operator
the least time of the runs counts, from ONNX Runtime's own profile, with one thread: what else the machine does adds to the others.
"""

import argparse
import collections
import json
import os
import tempfile

import numpy as np
import onnxruntime as ort

ATTENTION = "GroupQueryAttention"
PRODUCTS = "MatMulNBits"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the folder of an imported model")
    parser.add_argument("--history", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=1, help="tokens read in the step")
    options = parser.parse_args()
    print("| history | attention, ms | products with weights, ms | all else, ms |")
    print("|---|---|---|---|")
    for history in options.history:
        least = profile(options, history)
        kinds = collections.Counter()
        for (_, kind), time in least.items():
            kinds[kind if kind in (ATTENTION, PRODUCTS) else "else"] += time / 1000
        cells = [f"{kinds[kind]:.2f}" for kind in (ATTENTION, PRODUCTS, "else")]
        print(f"| {history:,} | {' | '.join(cells)} |", flush=True)


def profile(options, history):
    """The least time of each node, in microseconds."""
    with tempfile.TemporaryDirectory() as work:
        settings = ort.SessionOptions()
        settings.intra_op_num_threads = 1
        settings.enable_profiling = True
        settings.profile_file_prefix = os.path.join(work, "profile")
        session = ort.InferenceSession(os.path.join(options.model, "model.onnx"), settings, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        total = history + options.tokens
        for given in session.get_inputs():
            if given.name.startswith("past"):
                _, heads, _, width = given.shape
                past = np.random.default_rng(1).standard_normal((1, heads, total, width), dtype=np.float32)
                cache = ort.OrtValue.ortvalue_from_numpy(past)
                binding.bind_ortvalue_input(given.name, cache)
                binding.bind_ortvalue_output(given.name.replace("past_key_values", "present"), cache)
        binding.bind_cpu_input("input_ids", np.arange(1, options.tokens + 1, dtype=np.int64)[None])
        binding.bind_cpu_input("attention_mask", np.ones((1, total), dtype=np.int64))
        binding.bind_output("logits")
        for _ in range(options.runs):
            session.run_with_iobinding(binding)
        with open(session.end_profiling(), encoding="utf-8") as file:
            events = json.load(file)
    least = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            key = (event["name"], event["args"]["op_name"])
            least[key] = min(event["dur"], least.get(key, event["dur"]))
    return least


if __name__ == "__main__":
    main()
