"""Runs one snippet: its output, the value of its last expression, or an error that explains."""

import ast
import io
import linecache
import math
import sys
import types
import warnings

from errand import closed, explain, functions, tables, view

OUTPUT = 60_000
VALUE = 200_000


class Failed(Exception):
    """The snippet failed; the message is for the model."""


class _Flood(BaseException):
    pass


class _Output(io.TextIOBase):
    """Keeps what is printed, up to a limit; far beyond it the snippet is stopped."""

    encoding = "utf-8"

    def __init__(self):
        self._parts = []
        self._size = 0

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._size < OUTPUT:
            self._parts.append(text[: OUTPUT - self._size])
        self._size += len(text)
        if self._size > 20 * OUTPUT:
            raise _Flood
        return len(text)

    def text(self):
        text = "".join(self._parts)
        if self._size > OUTPUT:
            text += f"\n… (only the first {OUTPUT} characters that were printed are here)"
        return text.encode("utf-8", "replace").decode("utf-8")


def prepare():
    """Everything that can be done before there is a snippet."""
    view.install()
    closed.install()
    explain.install()
    # A warning is printed among the output, where a model takes it for an answer.
    warnings.simplefilter("ignore")
    # Deep enough for honest recursion, well before the guest's own stack ends.
    sys.setrecursionlimit(400)


def run(code, tools):
    output = _Output()
    sys.stdout = sys.stderr = output
    sys.stdin = io.StringIO("")
    sys.argv = ["snippet.py"]
    sys.path = []
    sys.path_importer_cache.clear()
    try:
        value = _run(code, tools)
        view.finish()
    except SystemExit as stop:
        view.finish()
        value = stop.code if isinstance(stop.code, str) else None
    except _Flood:
        value = None
    except BaseException as error:
        told = explain.explain(error, code)
        printed = output.text().strip()
        raise Failed(f"{printed[-2000:]}\n{told}" if printed else told) from None
    return {"output": output.text(), "value": _json(value), "wrote": view.wrote}


def _run(code, tools):
    source = code.replace("\r\n", "\n")
    linecache.cache[explain.NAME] = (len(source), None, source.splitlines(True), explain.NAME)
    tree = ast.parse(source, explain.NAME)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    main = types.ModuleType("__main__")
    main.__dict__.update(tables.names())
    main.__dict__.update(functions.names(tools))
    sys.modules["__main__"] = main
    exec(compile(tree, explain.NAME, "exec"), main.__dict__)
    if last is None:
        return None
    return eval(compile(last, explain.NAME, "eval"), main.__dict__)


def _json(value):
    """As JSON where it is data, else as Python shows it."""
    try:
        plain = _plain(value, 0)
    except (TypeError, ValueError, RecursionError):
        plain = repr(value)
    if isinstance(plain, str):
        plain = plain[:VALUE].encode("utf-8", "replace").decode("utf-8")
    return plain


def _plain(value, depth):
    if depth > 40:
        raise ValueError("too deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, functions.Items):
        return _plain(list(value), depth)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        if abs(value) >= 1 << 63:
            raise ValueError("too large")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("not a number")
        return float(value)
    if isinstance(value, dict):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, depth + 1) for item in value]
    raise TypeError("no data")


def _key(key):
    if isinstance(key, bool) or not isinstance(key, (str, int, float)):
        raise TypeError("no key")
    return str(key)
