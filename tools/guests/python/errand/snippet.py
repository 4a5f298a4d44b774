"""Runs one snippet: its output, the value of its last expression, or an error that explains."""

import ast
import asyncio
import inspect
import io
import linecache
import math
import sys
import types
import warnings

from errand import closed, explain, functions, loop, query, shape, tables, view, zones
from errand.output import Flood, Output

VALUE = 200_000


class Failed(Exception):
    """The snippet failed; the message is for the model."""


def prepare():
    """Everything that can be done before there is a snippet."""
    view.install()
    closed.install()
    explain.install()
    zones.install()
    loop.install()
    # A warning is printed among the output, where a model takes it for an answer.
    warnings.simplefilter("ignore")
    # Deep enough for honest recursion, well before the guest's own stack ends.
    sys.setrecursionlimit(400)


def run(code, tools):
    output = Output()
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = output
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BytesIO(), "utf-8")
    sys.argv = ["snippet.py"]
    sys.path = []
    sys.path_importer_cache.clear()
    try:
        value = _run(code, tools)
        view.finish()
    except SystemExit as stop:
        view.finish()
        value = stop.code if isinstance(stop.code, str) else None
    except Flood:
        value = None
    except BaseException as error:
        told = explain.explain(error, _source(code))
        printed = output.text().strip()
        raise Failed(f"{printed[-2000:]}\n{told}" if printed else told) from None
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    return {"output": output.text(), "value": _json(value), "wrote": view.wrote}


def _source(code):
    """The code as it ran: its lines are those that an error names."""
    known = linecache.cache.get(explain.NAME)
    return "".join(known[2]) if known else code


def _run(code, tools):
    source, tree = shape.parse(code, explain.NAME)
    linecache.cache[explain.NAME] = (len(source), None, source.splitlines(True), explain.NAME)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)
    main = types.ModuleType("__main__")
    main.__dict__.update({**tables.names(), **query.names()})
    main.__dict__.update(functions.names(tools))
    sys.modules["__main__"] = main
    _evaluate(tree, "exec", main)
    return None if last is None else _evaluate(last, "eval", main)


def _evaluate(tree, mode, main):
    """As at the prompt of asyncio, `await` may stand outside of a function."""
    code = compile(tree, explain.NAME, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    value = eval(code, main.__dict__)
    return asyncio.run(value) if code.co_flags & inspect.CO_COROUTINE else value


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
