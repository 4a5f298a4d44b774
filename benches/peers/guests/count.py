"""The work as a program of Python: JSON on standard input, JSON on standard output."""

import json
import sys

text = json.load(sys.stdin)["text"]
json.dump({"words": len(text.split()), "bytes": len(text.encode())}, sys.stdout)
