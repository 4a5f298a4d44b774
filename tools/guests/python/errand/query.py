"""`columns` and `query`: what a question about a table can be made of, and what comes of it.

A small model forgets a condition, compares text with numbers and counts what it should add up. Here
it only names columns, values that are in them and what to find; the rest is done for it.
"""

import datetime
import json
import re

from errand import tables

# So many values of a column are told, and of so few each may be meant whatever the question says.
VALUES = 24
FEW = 3
# So many values may have a word that tells them apart; a fourth of all in a longer column.
COMMON = 3
# So many rows are printed beneath a result.
SHOWN = 3

MONTHS = [
    ("january", "januar", "janvier", "jan"),
    ("february", "februar", "février", "feb"),
    ("march", "märz", "mars", "mar"),
    ("april", "avril", "apr"),
    ("may", "mai"),
    ("june", "juni", "juin", "jun"),
    ("july", "juli", "juillet", "jul"),
    ("august", "août", "aug"),
    ("september", "septembre", "sept", "sep"),
    ("october", "oktober", "octobre", "oct", "okt"),
    ("november", "novembre", "nov"),
    ("december", "dezember", "décembre", "dec", "dez"),
]
WEEKDAYS = [
    ("monday", "mondays", "mon", "montag", "montags", "lundi", "mo"),
    ("tuesday", "tuesdays", "tue", "dienstag", "dienstags", "mardi", "di"),
    ("wednesday", "wednesdays", "wed", "mittwoch", "mittwochs", "mercredi", "mi"),
    ("thursday", "thursdays", "thu", "donnerstag", "donnerstags", "jeudi", "do"),
    ("friday", "fridays", "fri", "freitag", "freitags", "vendredi", "fr"),
    ("saturday", "saturdays", "sat", "samstag", "samstags", "sonnabend", "samedi", "sa"),
    ("sunday", "sundays", "sun", "sonntag", "sonntags", "dimanche", "so"),
]
# What stands between the two ends of a span, and what makes one of an "and".
TO = {"to", "till", "until", "through", "-", "–", "bis", "bis zum", "à", "au", "jusqu'à", "jusqu'au"}
AND = {"and", "und", "et"}
BETWEEN = re.compile(r"(?:between|zwischen|entre)\s+\Z", re.IGNORECASE)
# Numbers in words: from two to twelve, then the tens.
COUNTED = [
    "two three four five six seven eight nine ten eleven twelve",
    "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "deux trois quatre cinq six sept huit neuf dix onze douze",
]
TENS = [
    "twenty thirty forty fifty sixty seventy eighty ninety hundred",
    "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert",
]
NUMBERS = {word: number for words in COUNTED for number, word in enumerate(words.split(), 2)}
NUMBERS |= {word: 10 * tens for words in TENS for tens, word in enumerate(words.split(), 2)}
SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
TIME = re.compile(r"([01]?\d|2[0-4])[:h]([0-5]\d)(?::00)?(?: (?:Uhr|h))?")
DURATION = re.compile(r"(?:(\d+) ?(?:h|hours?|hrs?|Std\.?|Stunden?|heures?))? ?(?:(\d+) ?(?:mins?|minutes?|Min\.?|Minuten?))?(?: \([^)]*\))?")
SAID_TIME = re.compile(r"\b\d{1,2}[:h][0-5]\d\b")
# A number and what it is a number of, in this order or the other.
MEASURED = re.compile(r"(?:(?P<before>[^\W\d_]{1,4}|[€$£¥]) ?)?[-\u2212]?\d[\d.,'\u2019\u00a0\u202f]*(?: ?(?P<after>[^\d\s][^\d]{0,11}))?")


def names():
    """The names that a snippet starts with."""
    return {"columns": columns, "query": query}


def columns(path, question):
    """What each column holds, as JSON: its kind, its values, those that the question may mean, and the
    numbers and dates that it says.
    """
    (rows, kinds), numbers, told = _typed(path), _numbers(question), []
    for name, (kind, unit) in kinds.items():
        cells = [row[name] for row in rows if row[name] is not None]
        distinct = list(dict.fromkeys(cells))
        column = {
            "name": name,
            "kind": kind,
            "unit": unit,
            "empty": len(cells) < len(rows),
            # Each row has its own: what is counted is not one of these.
            "unique": kind == "text" and len(distinct) == len(rows) > 1,
            "years": kind == "number" and all(isinstance(cell, int) and 1000 <= cell <= 2100 for cell in cells),
            "values": [],
            "offered": [],
            "parts": [],
            "such": [str(value) for value in distinct[:3]],
            "span": None,
            "met": [],
        }
        if kind == "text":
            column["values"] = distinct if len(distinct) <= VALUES else []
            column["offered"] = distinct if len(distinct) <= FEW else _meant(name, distinct, question)
            column["parts"] = sorted(word for word in _said(question) if _inside(word, distinct))
        elif kind == "date":
            column["values"] = sorted({value[:7] for value in distinct})
            column["offered"] = _when({value[:size] for value in distinct for size in (4, 7)}, question)
        elif kind == "time":
            column["values"] = [min(distinct), max(distinct)]
            column["offered"] = [time for time in map(_time, SAID_TIME.findall(question)) if time]
        elif kind == "number":
            column["met"] = _met(cells, numbers, column["empty"])
        column["span"] = _span(kind, distinct, question)
        if column["span"]:
            # The ends of a span are no dates of their own.
            own = [] if kind == "date" else column["offered"]
            column["offered"] = [value for value in own if value not in column["span"]]
        told.append(column)
    return json.dumps({"rows": len(rows), "columns": told, "numbers": numbers}, ensure_ascii=False)


def _met(cells, numbers, empty):
    """How numbers of the question stand to some of a column's cells and not to all of them, with those that
    are empty; what a number is may be the same for all.
    """
    known, least, most = set(cells), min(cells), max(cells)
    met = []
    for number in numbers:
        stands = {
            "=": number in known,
            "<": least < number and (number <= most or empty),
            "<=": least <= number and (number < most or empty),
            ">": most > number and (number >= least or empty),
            ">=": most >= number and (number > least or empty),
        }
        met += [[relation, number] for relation, holds in stands.items() if holds]
    return met


def _meant(name, distinct, question):
    """The values that a question may mean: they share a word with it, or the beginning of one, that few
    of them have.
    """
    asked = set(re.findall(r"[^\W_]+", question))
    folded = {word.casefold() for word in asked}
    begun = {word[: max(4, len(word) - 2)] for word in folded if len(word) > 3}

    def shared(value):
        words = re.findall(r"[^\W_]+", value)
        if len(value) < 3:
            # A letter is meant as it is written; small, after the name of its column.
            return {value} if value in asked and (value.isupper() or name.casefold() in folded) or value.casefold() in folded and name.casefold() in folded else set()
        words = {word.casefold() for word in words}
        return {word for word in words if len(word) > 2 and word in folded or len(word) > 3 and any(word.startswith(start) for start in begun)}

    held = {value: shared(value) for value in distinct}
    often = {word for words in held.values() for word in words if sum(word in other for other in held.values()) > max(COMMON, len(distinct) // 4)}
    return [value for value, words in held.items() if words - often][:VALUES]


def _when(values, question):
    """The years and months of a column that a question names, and other dates that it says."""
    months = {_place(word, MONTHS) for word in re.findall(r"[^\W\d_]+", question)}
    dates = _dates(question)
    years = {date[:4] for date in dates}
    named = [value for value in sorted(values) if len(value) == 7 and int(value[5:]) - 1 in months and (not years or value[:4] in years)]
    return list(dict.fromkeys(named + [date for date in dates if not (named and len(date) == 4)]))


def _span(kind, distinct, question):
    """The values from one month or weekday that a question names to another, in their order."""
    for named in (MONTHS, WEEKDAYS):
        ends = _ends(named, question)
        if not ends:
            continue
        first, last, years = ends
        size = (last - first) % len(named) + 1
        inside = [(first + step) % len(named) for step in range(size)]
        if kind == "date" and named is MONTHS:
            months = sorted({value[:7] for value in distinct if len(value) > 4})
            if any(years):
                until = years[1] or years[0] + (first > last)
                since = years[0] or until - (first > last)
                return [month for month in months if f"{since}-{first + 1:02}" <= month <= f"{until}-{last + 1:02}"] or None
            years = {date[:4] for date in _dates(question)}
            return [month for month in months if int(month[5:]) - 1 in inside and (not years or month[:4] in years)] or None
        if kind == "text":
            places = {value: _place(value.rstrip("."), named) for value in distinct}
            if len(places) > 1 and None not in places.values():
                return sorted((value for value in distinct if places[value] in inside), key=lambda value: inside.index(places[value])) or None
    return None


def _ends(named, question):
    """Of "from May to July 2031" where in their order the two stand, and the years that are said of them."""
    said = [(word, _place(word[0], named)) for word in re.finditer(r"[^\W\d_]+", question)]
    said = [(word, place) for word, place in said if place is not None]
    for (one, first), (other, last) in zip(said, said[1:]):
        between = re.sub(r"[\d\s.,]+", " ", question[one.end() : other.start()]).strip().casefold().replace("’", "'")
        if between in TO or between in AND and BETWEEN.search(question[: one.start()]):
            years = (re.match(r"[\s.,]*(\d{4})\b", question[word.end() :]) for word in (one, other))
            return first, last, [year and int(year[1]) for year in years]
    return None


def _place(word, named):
    """Where in a list of months or weekdays a word stands, by any of its names."""
    return next((place for place, names in enumerate(named) if word.casefold() in names), None)


def query(path, where=(), find="count", of=None, by=None):
    """What is found in the rows of a table that meet all conditions; of several values that one column
    shall have, any will do.
    """
    rows, _ = _typed(path)
    either = {}
    for name, relation, *value in where:
        key = name if relation in ("=", "contains") else (name, relation, str(value))
        either.setdefault(key, []).append((name, relation, *value))
    for conditions in either.values():
        rows = [row for row in rows if any(_meets(row, *condition) for condition in conditions)]
    found, shown = _find(rows, find, of, by)
    lines = [str(found)]
    if found != "nothing":
        lines.append(f"{len(rows)} rows" + (":" if shown else ""))
        lines += [", ".join(f"{name}: {value}" for name, value in row.items() if value is not None) for row in shown]
    return "\n".join(lines)


def _find(rows, find, of, by):
    if find == "count":
        return _round(len(rows) * by) if by else len(rows), []
    if not rows:
        return "nothing", []
    if find == "different":
        return len({row[of] for row in rows if row[of] is not None}), []
    if find == "list":
        values = list(dict.fromkeys(row[of] for row in rows if row[of] is not None))
        return ", ".join(map(str, values)) or "nothing", rows[:SHOWN]
    if find in ("highest", "lowest") and by:
        known = [row for row in rows if _worth(row, by) is not None]
        best = (max if find == "highest" else min)((_worth(row, by) for row in known), default=None)
        first = [row for row in known if _worth(row, by) == best]
        values = dict.fromkeys(str(row[of]) for row in first)
        return ", ".join(values) or "nothing", first[:SHOWN]
    if find in ("most", "fewest"):
        groups = {}
        for row in rows:
            if row[of] is not None:
                groups.setdefault(row[of], []).append(row)
        sizes = {value: _sum(group, by) if by else len(group) for value, group in groups.items()}
        best = (max if find == "most" else min)(sizes.values(), default=None)
        values = [str(value) for value, size in sizes.items() if size == best]
        return ", ".join(values) or "nothing", [{of: value, by or "rows": size} for value, size in sizes.items() if size == best][:SHOWN]
    values = [value for value in (_worth(row, of) for row in rows) if value is not None]
    if not values:
        return "nothing", []
    if find in ("highest", "lowest"):
        best = (max if find == "highest" else min)(values)
        return best, [row for row in rows if _worth(row, of) == best][:SHOWN]
    results = {"sum": sum, "average": lambda all: sum(all) / len(all), "difference": lambda all: max(all) - min(all)}
    return _round(results[find](values)), []


def _sum(rows, of):
    return _round(sum(value for value in (_worth(row, of) for row in rows) if isinstance(value, (int, float))))


def _worth(row, of):
    """A cell, or of two their difference or product: `["died", "-", "born"]`; or so many times one: `["km", "*", 0.4]`."""
    if not isinstance(of, (list, tuple)):
        return row[of]
    one, sign, other = of
    other = row[other] if isinstance(other, str) else other
    if row[one] is None or other is None:
        return None
    return _round(row[one] - other if sign == "-" else row[one] * other)


def _round(value):
    return round(value, 6) if isinstance(value, float) and not value.is_integer() else int(value)


def _meets(row, name, relation, value=None):
    cell = row[name]
    if relation == "in":
        return any(_meets(row, name, "=", one) for one in value)
    if relation == "empty":
        return cell is None
    if relation == "filled":
        return cell is not None
    if cell is None:
        return relation == "not"
    if isinstance(cell, str) and isinstance(value, str):
        one, other = cell.casefold(), value.casefold()
        if relation == "contains":
            return other in one
        date = re.fullmatch(r"\d{4}(-\d\d){0,2}", one) and re.fullmatch(r"\d{4}(-\d\d){0,2}", other)
        if date:
            # A day lies in its month; what is after a month begins when that is over.
            one = one[: len(other)]
        return {"=": one == other, "not": one != other, "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[relation]
    if isinstance(cell, (int, float)) and isinstance(value, (int, float)):
        return {"=": cell == value, "not": cell != value, "<": cell < value, "<=": cell <= value, ">": cell > value, ">=": cell >= value}[relation]
    return relation == "not"


def _typed(path):
    """The rows with what is a number or a date in all of a column as one."""
    rows = [{name: value for name, value in row.items() if name is not None} for row in tables.table(path)]
    kinds = _kinds(rows)
    for name, (kind, unit) in kinds.items():
        months_first = kind == "date" and _months_first(row[name] for row in rows)
        for row in rows:
            if row[name] is None:
                continue
            if kind == "number":
                minutes = _minutes(row[name]) if unit == "min" else None
                row[name] = tables.number(row[name]) if minutes is None else minutes
            elif kind == "date":
                row[name] = _date(row[name], months_first)
            elif kind == "time":
                row[name] = _time(row[name])
            else:
                row[name] = str(row[name])
    times = [name for name, (kind, _) in kinds.items() if kind == "time"]
    if len(times) == 2:
        # What lies between them is asked for more often than they are.
        hours = f"hours {times[0]}–{times[1]}"
        kinds[hours] = ("number", "h")
        for row in rows:
            row[hours] = _hours(*(row[name] for name in times))
    return rows, kinds


def _hours(begin, end):
    """The hours from one time of the day to the next other."""
    if begin is None or end is None:
        return None
    begin, end = (60 * int(time[:2]) + int(time[3:]) for time in (begin, end))
    return _round((end - begin) % (24 * 60) / 60)


def _kinds(rows):
    kinds = {}
    for name in rows[0] if rows else ():
        cells = [row[name] for row in rows if row[name] is not None]
        kinds[name] = ("text", None)
        if not cells:
            continue
        months_first = _months_first(cells)
        if all(_date(cell, months_first) for cell in cells):
            kinds[name] = ("date", None)
        elif all(_time(cell) for cell in cells):
            kinds[name] = ("time", None)
        elif all(isinstance(cell, (int, float)) for cell in cells):
            kinds[name] = ("number", None)
        else:
            units = {_unit(cell) for cell in cells}
            if len(units) == 1 and None not in units:
                kinds[name] = ("number", units.pop())
            elif all(_minutes(cell) is not None for cell in cells):
                kinds[name] = ("number", "min")
    return kinds


def _unit(cell):
    """What a cell is a number of; None where it is something else."""
    found = MEASURED.fullmatch(str(cell).strip())
    if not found:
        return None
    return " ".join(part.strip() for part in found.groups() if part) or ""


def _minutes(cell):
    """How many minutes a duration has: `2 h 10 min`, `95 min (no interval)`."""
    found = DURATION.fullmatch(str(cell).strip())
    if not found or not any(found.groups()):
        return None
    return 60 * int(found[1] or 0) + int(found[2] or 0)


def _months_first(cells):
    """Whether dates with slashes have their months first: some day after the twelfth tells."""
    parts = [found.groups() for cell in cells if (found := SLASHED.fullmatch(str(cell).strip()))]
    return any(int(second) > 12 for _, second, _ in parts) and all(int(first) <= 12 for first, _, _ in parts)


def _time(cell):
    """A time of the day as `08:15`."""
    found = TIME.fullmatch(str(cell).strip())
    return f"{int(found[1]):02}:{found[2]}" if found else None


def _date(cell, months_first=False):
    """A date as ISO 8601 has it, as far as it is told."""
    text = str(cell).strip()
    if found := re.fullmatch(r"(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ]\d\d:\d\d.*)?", text):
        year, month, day = found.groups()
    elif found := re.fullmatch(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})", text):
        day, month, year = found.groups()
    elif found := SLASHED.fullmatch(text):
        day, month, year = found.groups()
        if months_first:
            day, month = month, day
    elif found := re.fullmatch(r"(?:(\d{1,2})\.? )?([^\W\d]+)\.? (\d{4})", text):
        day, word, year = found.groups()
        place = _place(word, MONTHS)
        month = 0 if place is None else place + 1
    else:
        return None
    try:
        datetime.date(int(year), int(month), int(day or 1))
    except ValueError:
        return None
    return f"{int(year):04}-{int(month):02}" + (f"-{int(day):02}" if day else "")


def _numbers(question):
    """The numbers of a question, in digits or in words."""
    found = [tables.number(match[0]) for match in tables.NUMBER.finditer(question)]
    found += [NUMBERS[word] for word in re.findall(r"[^\W\d_]+", question.lower()) if word in NUMBERS]
    return list(dict.fromkeys(found))


def _dates(question):
    found = re.finditer(r"\d{4}-\d\d(?:-\d\d)?|\d{1,2}/\d{1,2}/\d{4}|\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|(?:(?:\d{1,2}\.? )?([^\W\d]+)\.? )?\b\d{4}\b", question)
    texts = [match[0][-4:] if match[1] and not _date(match[0]) else match[0] for match in found]
    dates = [_date(text) or text for text in texts]
    return [date for date in dict.fromkeys(dates) if re.fullmatch(r"\d{4}(-\d\d){0,2}", date)]


def _said(question):
    """The words of a question that a cell may hold among others."""
    return {word for word in re.findall(r"[^\W\d_]{3,}", question.casefold())}


def _inside(word, cells):
    """Whether a word is part of some cells, and all of none. What half of them have tells none apart."""
    held = [cell.casefold() for cell in cells if re.search(rf"(?<!\w){re.escape(word)}", cell.casefold())]
    return bool(held) and word not in held and 2 * len(held) <= len(cells)
