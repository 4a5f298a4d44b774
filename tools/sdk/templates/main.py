"""NAME: tools for an agent. A tool is a function with `@tool`."""

from dataclasses import dataclass
from typing import Annotated

from errand_sdk import Failed, about, tool

about("Counts what is in a text.")


@dataclass
class Counts:
    characters: int
    words: int
    lines: int


@tool(effect="pure")
def count(text: Annotated[str, "The text to look at."]) -> Counts:
    """Counts the characters, words and lines of a text."""
    if not text.strip():
        raise Failed("the text is empty")
    return Counts(len(text), len(text.split()), len(text.splitlines()))
