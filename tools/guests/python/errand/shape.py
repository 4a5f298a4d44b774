"""Code as it arrives: indented as a whole, in a fence, behind prompts, with a word processor's quotes.

Nothing is changed in code that parses, and a change counts only if the code parses with it.
"""

import ast
import html
import re
import textwrap

FENCE = re.compile(r"^[ \t]*(?:```+|~~~+) *([^\n`]*)\n(.*?)(?:\n?[ \t]*(?:```+|~~~+)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^[ \t]*(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
MAGIC = re.compile(r"^[ \t]*(?:!|%%?[a-z])", re.MULTILINE)

INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060\u00ad"
BLANKS = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
QUOTES = {"“": "”", "”": "”", "„": "“”", "«": "»", "‘": "’", "’": "’", "‚": "‘’"}
SIGNS = str.maketrans(
    dict.fromkeys(INVISIBLE, "")
    | dict.fromkeys(BLANKS, " ")
    | {"−": "-", "–": "-", "×": "*", "≤": "<=", "≥": ">=", "≠": "!=", "…": "...", "\u2028": "\n", "\u2029": "\n"}
    | dict(zip("，：；（）［］｛｝＝＋＜＞", ",:;()[]{}=+<>"))
)


def parse(code, name):
    """The code that runs, and its tree; of code that cannot be mended, what is wrong with it as it came."""
    source = code.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    try:
        return source, _tree(source, name)
    except SyntaxError as error:
        wrong = error
    for mended in _mended(source):
        try:
            return mended, _tree(mended, name)
        except SyntaxError:
            continue
    raise wrong


def _tree(source, name):
    return ast.parse(source, name)


def _mended(source):
    """What the code may have been meant as, the smallest change first."""
    forms = [source]
    for change in (_fenced, _prompted, _broken_lines, html.unescape, _signs, _dedented):
        for form in forms[:]:
            changed = change(form)
            if changed != form:
                yield changed
                forms.append(changed)


def _dedented(source):
    """Where only the first line lost its indentation, it is the other lines that have too much."""
    whole = textwrap.dedent(source)
    if whole != source:
        return whole
    first, _, rest = source.strip("\n").partition("\n")
    return f"{first}\n{textwrap.dedent(rest)}" if not first.rstrip().endswith(":") else source


def _fenced(source):
    """What is in the fences; those in a string of the code are no fences around it."""
    blocks = FENCE.findall(source)
    if not source.lstrip().startswith(("```", "~~~")):
        blocks = [block for block in blocks if block[0].strip().lower() in ("python", "python3", "py")]
    return "\n".join(textwrap.dedent(block) for _, block in blocks) if blocks else source


def _prompted(source):
    """What was typed after prompts; other lines are what was printed."""
    if not PROMPT.search(source):
        return source
    return "\n".join(PROMPT.sub("", line, count=1) for line in source.split("\n") if PROMPT.match(line))


def _broken_lines(source):
    """Line breaks that were written as two letters."""
    if "\n" in source.strip() or "\\n" not in source:
        return source
    return source.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"').replace("\\'", "'")


def _signs(source):
    """Outside of strings: a word processor's quotes, blanks and signs as Python has them."""
    mended, at = [], 0
    while at < len(source):
        end = _string_end(source, at)
        if end is not None:
            mended.append(source[at:end])
        elif source[at] in QUOTES and (end := _quoted_end(source, at)):
            inside = source[at + 1 : end - 1]
            mended.append(repr(inside) if '"' in inside else f'"{inside}"')
        elif source[at] == "#":
            end = source.find("\n", at)
            end = len(source) if end < 0 else end
            mended.append(source[at:end])
        else:
            end = at + 1
            mended.append(source[at].translate(SIGNS))
        at = end
    return "".join(mended)


def _string_end(source, at):
    """Where the string that begins here ends, if one does."""
    quote = next((q for q in ('"""', "'''", '"', "'") if source.startswith(q, at)), None)
    if quote is None:
        return None
    end = at + len(quote)
    while end < len(source) and (len(quote) == 3 or source[end] != "\n"):
        if source.startswith(quote, end):
            return end + len(quote)
        end += 2 if source[end] == "\\" else 1
    return None


def _quoted_end(source, at):
    line = source.find("\n", at)
    line = len(source) if line < 0 else line
    ends = [end for closing in QUOTES[source[at]] if (end := source.find(closing, at + 1, line)) > 0]
    return min(ends) + 1 if ends else None


def hint(source):
    """What to do about code that cannot be mended."""
    if MAGIC.search(source):
        return "lines that begin with ! or % are a notebook's: leave them out"
    return None
