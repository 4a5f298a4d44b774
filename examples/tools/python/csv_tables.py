"""What is in a CSV table."""

import csv
import io
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

from errand_sdk import Failed, tool


@dataclass
class Frequent:
    value: str
    count: int


@dataclass
class Column:
    name: str
    kind: Literal["number", "text", "empty"]
    filled: Annotated[int, "Cells that are not empty."]
    distinct: int
    least: float | None = None
    greatest: float | None = None
    mean: float | None = None
    sum: float | None = None
    frequent: Annotated[list[Frequent] | None, "Of texts: the three most frequent."] = None


@dataclass
class Table:
    rows: int
    columns: list[Column]


@tool(effect="pure")
def summarize(
    csv_text: Annotated[str, "A CSV table, its first line the names of the columns."],
    delimiter: Annotated[str | None, "What stands between two cells; found out if left out."] = None,
) -> Table:
    """Summarizes a CSV table: of each column what it holds, its range, sum and mean, or its most
    frequent values."""
    if not csv_text.strip():
        raise Failed("the table is empty")
    rows = list(csv.reader(io.StringIO(csv_text), delimiter=delimiter or _delimiter(csv_text)))
    names, rows = rows[0], [row for row in rows[1:] if any(row)]
    cells = [[row[i].strip() if i < len(row) else "" for row in rows] for i in range(len(names))]
    return Table(len(rows), [_column(name, column) for name, column in zip(names, cells)])


def _delimiter(text: str) -> str:
    first = text.lstrip().splitlines()[0]
    return max(",;\t|", key=first.count)


def _column(name: str, cells: list[str]) -> Column:
    filled = [cell for cell in cells if cell]
    column = Column(name.strip(), "empty", len(filled), len(set(filled)))
    numbers = [_number(cell) for cell in filled]
    if filled and None not in numbers:
        column.kind = "number"
        column.least, column.greatest = min(numbers), max(numbers)
        column.sum, column.mean = round(sum(numbers), 9), round(statistics.fmean(numbers), 9)
    elif filled:
        column.kind = "text"
        column.frequent = [Frequent(*pair) for pair in Counter(filled).most_common(3)]
    return column


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
