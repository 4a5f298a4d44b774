"""`survey`, `table` and `examples`: what a program about a folder begins with.

Small models write the wrong column number, forget that numbers in a table are text, and guess what
a column holds. With these they need to do none of it.
"""

import csv
import os
import re

from wit_world.imports import files as host

ENDINGS = (".csv", ".tsv")
SURVEYED = 200


def names():
    """The names that a snippet starts with."""
    return {"survey": survey, "table": table, "examples": examples}


def survey():
    """One line for each file: its columns, its headings, or its first words."""
    lines = []
    for path in _files():
        if len(lines) == SURVEYED:
            lines.append("… and more files")
            break
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError as error:
            lines.append(f"{path}: cannot be read: {error}")
            continue
        lines.append(f"{path}: {_line(path, text)}")
    return "\n".join(lines)


def table(path):
    """The rows of a table as dicts, with numbers converted and empty cells None."""
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        text = file.read()
    return [
        {key: value if isinstance(value, list) else _value(value) for key, value in row.items()}
        for row in csv.DictReader(text.splitlines(True), delimiter=_delimiter(text))
    ]


def examples(path, question, count=2):
    """The rows that a question is most about, one that it is not about, and the values it names, as
    the comment that a program over the table begins with.
    """
    rows = table(path)
    wanted = _words(question)
    held = [wanted & _words(" ".join(map(str, row.values()))) for row in rows]
    common = {word: sum(word in words for words in held) for word in wanted}
    # A word that few rows hold says more than one that many hold.
    scores = [sum(1 / common[word] for word in words) for words in held]
    best = sorted(range(len(rows)), key=lambda number: (-scores[number], number))[:count]
    # Where all rows share the value that is asked for, a model forgets to ask for it.
    other = [n for n in range(len(rows)) if n not in best and scores[n] < scores[best[0]] / 2]
    lines = [f"# Rows of {path} look like this:"]
    lines += [f"#   {rows[number]!r}" for number in best + other[:1]]
    named = _named(rows, question)
    if 0 < len(named) < 5:
        lines.append(f"# Values named in the question: {', '.join(named)}")
    return "\n".join(lines)


def _named(rows, question):
    cells = dict.fromkeys(
        (column, value)
        for row in rows
        for column, value in row.items()
        if isinstance(value, str) and len(value) > 2
    )
    whole = r"(?<!\w){}(?!\w)"
    return [
        f"{column} {value!r}"
        for column, value in cells
        if re.search(whole.format(re.escape(value)), question, re.IGNORECASE)
    ]


def _files():
    found = []
    for root in host.roots():
        if os.path.isdir(root):
            for folder, folders, files in os.walk(root):
                folders.sort()
                found += [os.path.normpath(os.path.join(folder, name)) for name in sorted(files)]
        else:
            found.append(root)
    return found


def _line(path, text):
    if path.lower().endswith(ENDINGS):
        rows = list(csv.reader(text.splitlines(True), delimiter=_delimiter(text)))
        if rows:
            return f"table of {len(rows) - 1} rows with the columns {', '.join(rows[0])}"
        return "empty"
    headings = "; ".join(re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    words = " ".join((headings or text[:400]).split())
    return f"text, {words[:120]}" if words else "empty"


def _delimiter(text):
    head = text.split("\n", 1)[0]
    return max(",;\t|", key=head.count)


def _value(text):
    text = (text or "").strip()
    if not text:
        return None
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
        return float(text)
    return text


def _words(text):
    words = re.findall(r"[^\W_]+", text.casefold())
    # The plural of a word is the word.
    return {word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words}
