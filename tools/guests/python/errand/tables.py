"""`survey`, `table`, `examples`, `number` and `save`: what a program about a folder works with.

Small models write the wrong column number, forget that numbers in a table are text, and guess what
a column holds. With these they need to do none of it.
"""

import csv
import functools
import io
import itertools
import json
import os
import re

from wit_world.imports import files as host

from errand import texts, view

ENDINGS = (".csv", ".tsv")
MARKDOWN = (".md", ".markdown")
SURVEYED = 200
# How much of a table tells its delimiter.
HEAD = 20_000
# Lines above a header that are looked at, and quotes that begin and never end.
TITLES = 20
UNCLOSED = 100

# What parts thousands, and what begins the decimals.
DECIMAL_POINT = ",."
DECIMAL_COMMA = ".,"
# What parts thousands whatever begins the decimals. A blank does not: it parts two numbers as well.
SPACED = "[\u00a0\u202f'\u2019]"
# A sign is none where it joins a name and its number: `A-7`.
NUMBER = re.compile(r"((?<!\w)[-\u2212])?(\d+(?:[.,'\u2019]\d+|[ \u00a0\u202f]\d{3}(?!\d))*)")

# A line of a Markdown table, and the one under its header.
PIPED = re.compile(r"\s*\|.*\|\s*")
RULE = re.compile(r"\s*\|(?:\s*:?-+:?\s*\|)+\s*")
# Which table of a text, from 1: `notes.md#2`.
NUMBERED = re.compile(r"(.+)#([1-9]\d*)")

# A cell may be as long as its file.
csv.field_size_limit((1 << 31) - 1)


def names():
    """The names that a snippet starts with."""
    return {"survey": survey, "table": table, "examples": examples, "number": number, "save": save}


def survey():
    """One line for each file: its columns, its headings, or its first words."""
    lines = []
    for path in _files():
        if len(lines) == SURVEYED:
            lines.append("… and more files")
            break
        try:
            told = _line(path, _text(path))
        except texts.Unknown:
            told = "no text" if texts.binary(view.read(path)) else "text in an unknown encoding"
        except OSError as error:
            told = f"cannot be read: {error}"
        lines.append(f"{path}: {told}")
        if path.lower().endswith(MARKDOWN) and told.startswith("text"):
            for number, rows in enumerate(_marked(_text(path)), 1):
                lines.append(f"{path}#{number}: {_told(rows)}")
    return "\n".join(lines)


def table(path):
    """The rows of a table as dicts, with numbers converted and empty cells None. Those in Markdown are
    `path#1`, `path#2` and so on.
    """
    which = NUMBERED.fullmatch(path)
    path, at = (which[1], int(which[2]) - 1) if which and not os.path.exists(path) else (path, 0)
    text = _text(path)
    marked = _marked(text) if path.lower().endswith(MARKDOWN) else []
    if which and at >= len(marked):
        raise ValueError(f"{path} has {len(marked)} tables")
    if marked:
        text, delimiter, rows = "", "|", _rows(marked[at])
    else:
        text, delimiter = _parted(text)
        rows = _rows(_lines(text, delimiter))
    columns = {}
    for row in rows:
        for key, value in row.items():
            if isinstance(value, str):
                columns.setdefault(key, []).append(value.strip())
    # Who parts cells with semicolons does so since a comma begins the decimals.
    usual = DECIMAL_COMMA if delimiter == ";" else DECIMAL_POINT
    if delimiter == ";":
        usual = _marks(sum(columns.values(), [])) or usual
    patterns = {key: _pattern(_marks(cells) or usual) for key, cells in columns.items()}
    return [
        {key: _value(value, patterns[key]) if isinstance(value, str) else value for key, value in row.items()}
        for row in rows
    ]


def _marked(text):
    """The tables of a Markdown text, as lists of cells."""
    found, lines = [], text.splitlines()
    for at, line in enumerate(lines):
        if not RULE.fullmatch(line) or not at or not PIPED.fullmatch(lines[at - 1]):
            continue
        end = next((end for end in range(at + 1, len(lines)) if not PIPED.fullmatch(lines[end])), len(lines))
        piped = [lines[at - 1]] + lines[at + 1 : end]
        found.append([[_plain(cell) for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])] for line in piped])
    return [table for table in found if len(table) > 1]


def _plain(cell):
    """A cell without the marks around it."""
    return re.sub(r"^(\*\*|\*|`|__|_)(.*)\1$", r"\2", cell.strip().replace("\\|", "|"))


def _rows(lines):
    """Each line by the names of its columns; what goes beyond them is a list under None."""
    if not lines:
        return []
    names, rows = _columns(lines), []
    for line in lines[1:]:
        row = dict(itertools.zip_longest(names, line[: len(names)]))
        beyond = line[len(names) :]
        if any(cell.strip() for cell in beyond):
            row[None] = beyond
        rows.append(row)
    return rows


def _lines(text, delimiter):
    """The lines that hold something, as lists of cells, from the header on."""
    physical = list(io.StringIO(text, newline=""))
    # Some put a blank before each cell, and before its quote.
    mark = re.escape(delimiter)
    blank = delimiter.isprintable() and re.search(rf'{mark} "[^"\r\n]*"[ ]*(?:{mark}|\r|\n|$)', text)
    form = {"delimiter": delimiter, "skipinitialspace": bool(blank)}
    lines, at = [], 0
    for _ in range(UNCLOSED):
        reader, began = csv.reader(physical[at:], **form), at
        for line in reader:
            lines.append(line)
            began, last = at + reader.line_num, began
        if not _unclosed(physical[last:] if lines and began > at else [], form):
            break
        # A quote that never ends is a letter, as inches are, and not all that follows.
        lines[-1:] = csv.reader(physical[last : last + 1], quoting=csv.QUOTE_NONE, **form)
        at = last + 1
    return [line for line in _below(lines) if line]


def _unclosed(lines, form):
    """Whether a quote in the last line is still open at the end."""
    try:
        list(csv.reader(lines, strict=True, **form))
    except csv.Error as error:
        return len(lines) > 1 and "unexpected end" in str(error)
    return False


def _below(lines):
    """Without what stands above the header: titles and remarks, each in a cell of its own, of several
    words or apart. A single word may be a header that names too little.
    """
    filled = [sum(bool(cell.strip()) for cell in line) for line in lines]
    rows = sum(width > 1 for width in filled)
    header = next((number for number, width in enumerate(filled[:TITLES]) if width > 1), 0)
    above = ["".join(line).strip() for line in lines[:header]]
    titles = "" in above or all(line.startswith("#") or len(line.split()) > 1 for line in above)
    few = rows < 2 or rows * 2 < len([line for line in lines if line])
    return lines if few or not titles else lines[header:]


def _columns(lines):
    """The names of columns, each in one line, none empty and none twice: what stands under the same
    name would be lost.
    """
    header = lines[0]
    # A comma too many after the header says nothing where no line has anything there.
    while header and not header[-1].strip() and not any(cell.strip() for line in lines[1:] for cell in line[len(header) - 1 :]):
        header = header[:-1]
    names = []
    for place, name in enumerate(header, 1):
        name = " ".join(name.replace("\ufeff", "").split()) or f"column_{place}"
        same = itertools.count(2)
        given = name
        while given in names:
            given = f"{name}_{next(same)}"
        names.append(given)
    return names


def number(text):
    """The first number in a text, however its decimals and thousands are marked: `1.234,50 EUR`."""
    if isinstance(text, (int, float)):
        return text
    found = NUMBER.search(text or "")
    if not found:
        raise ValueError(f"there is no number in {text!r}")
    sign, written = found.groups()
    # A number may be parted by one mark, and begin its decimals with another.
    grouped = re.fullmatch(r"([1-9]\d{0,2})((?:([.,' \u00a0\u202f\u2019])\d{3})(?:\3\d{3})*)(?:(?!\3)[.,](\d+))?", written)
    if grouped and (grouped[3] != "." or grouped[4] or written.count(".") > 1):
        whole, part = grouped[1] + re.sub(r"\D", "", grouped[2]), grouped[4]
    else:
        whole, part = re.match(r"(\d+)(?:[.,](\d+)(?!\d|[.,]\d))?", written).groups()
    value = float(f"{whole}.{part}") if part else int(whole)
    return -value if sign else value


def save(path, rows, columns=None):
    """Writes rows, with these columns alone where they are dicts, as the ending of the path says: CSV,
    TSV, JSON or JSON Lines, else a line each.
    """
    given = rows
    rows = [rows] if isinstance(rows, (str, dict)) else list(rows)
    if columns:
        given = rows = [_only(row, columns) if isinstance(row, dict) else row for row in rows]
    ending = os.path.splitext(path)[1].lower()
    with open(path, "w", encoding="utf-8", newline="") as file:
        if ending in ENDINGS:
            csv.writer(file, delimiter="\t" if ending == ".tsv" else ",", lineterminator="\n").writerows(_cells(rows))
        elif ending == ".json":
            json.dump(given if isinstance(given, dict) else rows, file, ensure_ascii=False, indent=2)
            file.write("\n")
        else:
            lines = (json.dumps(row, ensure_ascii=False) if ending == ".jsonl" else str(row) for row in rows)
            file.writelines(f"{line}\n" for line in lines)


def _only(row, columns):
    missing = [column for column in columns if column not in row]
    if missing:
        raise KeyError(missing[0], f"the columns are {', '.join(map(str, row))}")
    return {column: row[column] for column in columns}


def _cells(rows):
    if rows and all(isinstance(row, dict) for row in rows):
        columns = list(dict.fromkeys(column for row in rows for column in row))
        return [columns] + [[row.get(column) for column in columns] for row in rows]
    return [row if isinstance(row, (list, tuple)) else [row] for row in rows]


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
        text, delimiter = _parted(text)
        rows = _lines(text, delimiter)
        if rows:
            return _told(rows)
        return "empty"
    headings = "; ".join(re.findall(r"^#+ (.*)$", text, re.MULTILINE))
    words = " ".join((headings or text[:400]).split())
    language = texts.language(text)
    return f"text{language and f' in {language}'}, {words[:120]}" if words else "empty"


def _told(rows):
    return f"table of {len(rows) - 1} rows with the columns {', '.join(_columns(rows))}"


def _text(path):
    """A file as it is: what is no line break to a table, as U+2028, is none in it either."""
    with open(path, newline="") as file:
        return file.read()


def _parted(text):
    """A table without the line that only names its delimiter, and that delimiter."""
    named = re.match(r'"?sep=([,;\t|])"?[ \t]*(?:\r\n|\r|\n)', text, re.IGNORECASE)
    return (text[named.end() :], named[1]) if named else (text, _delimiter(text))


def _delimiter(text):
    """The one that gives the first rows the most even width, then the widest."""

    def fit(delimiter):
        rows = csv.reader(io.StringIO(text[:HEAD], newline=""), delimiter=delimiter)
        widths = [len(row) for row in itertools.islice(rows, 20) if row]
        if len(widths) > 1 and len(text) > HEAD:
            widths.pop()
        # The width that most have: titles may stand above, and remarks below.
        usual = max(widths, key=widths.count, default=0)
        return (widths.count(usual) / len(widths), usual) if usual > 1 else (0, 0)

    return max(",;\t|", key=fit)


def _marks(cells):
    """What parts thousands and begins decimals in these cells, where one of them can be read in no
    other way.
    """
    for cell in cells:
        if re.fullmatch(r"-?[1-9]\d{0,2}(?:,\d{3})+\.\d+|-?[1-9]\d{0,2}(?:,\d{3}){2,}", cell):
            return DECIMAL_POINT
    for cell in cells:
        decimal = re.fullmatch(r"-?[1-9]\d{0,2}(?:\.\d{3})+,\d+|-?\d+,\d+", cell)
        if decimal and not re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", cell):
            return DECIMAL_COMMA
    return None


@functools.cache
def _pattern(marks):
    thousands, point = map(re.escape, marks)
    return marks, re.compile(rf"-?(?:0|[1-9]\d*|[1-9]\d{{0,2}}(?:(?:{thousands}|{SPACED})\d{{3}})+|\d+(?={point}))(?:{point}\d+)?")


def _value(text, pattern):
    (thousands, point), written = pattern
    text = text.strip()
    if not text:
        return None
    plain = text.replace("\u2212", "-")
    if not written.fullmatch(plain):
        return text
    plain = re.sub(SPACED, "", plain).replace(thousands, "").replace(point, ".")
    return float(plain) if "." in plain else int(plain)


def _words(text):
    words = re.findall(r"[^\W_]+", text.casefold())
    # The plural of a word is the word.
    return {word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words}
