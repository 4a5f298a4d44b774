"""Errors as a small model can use them: its own line, the exception, and a hint where one helps."""

import csv
import difflib
import re
import traceback
import zoneinfo

from errand import library, shape, texts, view, zones

NAME = "<snippet>"
FRAMES = 3
WIDTH = 300


class Row(dict):
    """A row of `csv.DictReader` whose KeyError names the columns."""

    def __missing__(self, key):
        raise KeyError(key, f"the columns are {', '.join(map(str, self))}")


class DictReader(csv.DictReader):
    __doc__ = csv.DictReader.__doc__

    def __next__(self):
        return Row(super().__next__())


def install():
    csv.DictReader = DictReader


def explain(error, source):
    """What went wrong, in a few lines."""
    # Without frames: looking up their lines would read files through the host.
    told = traceback.TracebackException.from_exception(error, limit=0, lookup_lines=False, compact=True)
    lines = [f"line {number}: {_line(source, number)}" for number in _numbers(error)[-FRAMES:]]
    if isinstance(error, SyntaxError) and error.filename == NAME:
        lines = [f"line {error.lineno}: {_line(source, error.lineno)}"]
        lines.append(f"{type(error).__name__}: {error.msg}")
    elif isinstance(error, KeyError) and len(error.args) == 2:
        lines.append(f"KeyError: {error.args[0]!r}; {error.args[1]}")
    elif isinstance(error, ModuleNotFoundError) and error.name:
        lines.append(f"ModuleNotFoundError: {library.missing(error.name)}")
    else:
        said = "".join(told.format_exception_only()).strip().splitlines() or [type(error).__name__]
        lines.append(_short(said[-1] if len(said) == 1 else " ".join(said)))
    hint = shape.hint(source) if isinstance(error, SyntaxError) else _hint(error)
    if hint:
        lines.append(f"hint: {hint}")
    return "\n".join(lines)


def _numbers(error):
    """The lines of the snippet that the error went through."""
    numbers = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME and trace.tb_lineno:
            numbers.append(trace.tb_lineno)
        trace = trace.tb_next
    return numbers


def _line(source, number):
    lines = source.splitlines()
    return _short(lines[number - 1].strip()) if number and number <= len(lines) else ""


def _hint(error):
    words = str(error)
    if isinstance(error, FileNotFoundError) and error.filename:
        near = view.nearest(str(error.filename))
        if near:
            return "there is " + ", ".join(near)
        some = view.everything(10)[:10]
        return "the files are " + ", ".join(some) if some else None
    if isinstance(error, ValueError) and "could not convert string to float" in words or "invalid literal for int()" in words:
        value = words.rpartition(": ")[2].strip("'\"")
        if not value.strip():
            return "the value is empty: skip such rows"
        if re.fullmatch(r"[\s\d,.\-]+", value) and "," in value:
            return "convert it with number(text), which knows decimal commas and thousands"
        return "take only the number out of it, or skip such rows"
    if isinstance(error, TypeError) and "'str'" in words and ("unsupported operand" in words or "not supported between" in words or "can only concatenate" in words):
        return "what is read from a file is text: convert it with number(text) first"
    if isinstance(error, ZeroDivisionError) or "requires at least one data point" in words or "iterable argument is empty" in words:
        return "nothing was found to compute with: check what is compared, print a few rows"
    if "unable to open database file" in words:
        return "a database is in memory here: sqlite3.connect(':memory:'), then deserialize(open(path, 'rb').read()) to read one"
    if isinstance(error, UnicodeDecodeError):
        return _decoded(error)
    if isinstance(error, LookupError) and words.startswith("unknown encoding: "):
        return "leave `encoding` out: open() finds it"
    if isinstance(error, zoneinfo.ZoneInfoNotFoundError):
        key = words.rpartition(" ")[2].strip("'\"")
        near = [name for name in zones.NAMES if name.lower() == key.lower() or name.lower().endswith("/" + key.lower())]
        near = near or difflib.get_close_matches(key, zones.NAMES, 3)
        return "there is " + ", ".join(near) if near else "a zone is named like Europe/Berlin"
    if isinstance(error, IndexError) or isinstance(error, StopIteration):
        return "it has fewer items than that: print it to see"
    if isinstance(error, RecursionError):
        return "use a loop"
    if isinstance(error, MemoryError):
        return "work on the file line by line"
    return None


def _decoded(error):
    encoding, _ = texts.guess(error.object)
    if encoding is None:
        return "open it with mode 'rb'" if texts.binary(error.object) else "it is in another encoding: name it, as in encoding='shift_jis'"
    return f"it seems to be {encoding}: leave `encoding` out, or name that"


def _short(text):
    return text if len(text) <= WIDTH else text[:WIDTH] + "…"
