"""How far a call is, for the person who runs it."""

from wit_world.imports import progress as host


def report(done: int, total: int | None = None, text: str = "") -> None:
    """`done` of `total` where that is known, and what is being done."""
    host.report(done, total, text)
