"""The events of an iCalendar text (RFC 5545)."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from errand_sdk import Failed, tool


@dataclass
class Event:
    title: str
    start: Annotated[str, "A date, or a date and time; `Z` at its end says UTC."]
    end: str | None = None
    place: str | None = None
    repeats: Annotated[str | None, "The rule of RFC 5545."] = None


@dataclass
class Events:
    events: list[Event]
    left_out: Annotated[int, "How many lie outside of the days asked for."]


@tool(effect="pure")
def events(
    ics_text: Annotated[str, "The text of an .ics file."],
    since: Annotated[str | None, "The first day to look at, like 2026-11-23."] = None,
    until: Annotated[str | None, "The last day to look at."] = None,
) -> Events:
    """Lists the events of an iCalendar text in the order of their start. A repeating event is
    listed once, with its rule."""
    if "BEGIN:VCALENDAR" not in ics_text:
        raise Failed("this is no iCalendar text: it has no `BEGIN:VCALENDAR`")
    found = sorted(_events(ics_text), key=lambda event: event.start)
    first, last = _day(since, "since"), _day(until, "until")
    wanted = [
        event for event in found
        if (not first or event.start[:10] >= first) and (not last or event.start[:10] <= last)
    ]
    return Events(wanted, len(found) - len(wanted))


def _day(text: str | None, name: str) -> str | None:
    try:
        return text and date.fromisoformat(text).isoformat()
    except ValueError:
        raise Failed(f"`{name}` is not a day: write it like 2026-11-23") from None


def _events(text: str):
    # A line that begins with a blank goes on with the one before.
    lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
    fields: dict[str, str] | None = None
    for line in lines:
        head, _, value = line.partition(":")
        name = head.split(";")[0].upper()
        if line == "BEGIN:VEVENT":
            fields = {}
        elif line == "END:VEVENT" and fields is not None:
            yield _event(fields)
            fields = None
        elif fields is not None:
            fields.setdefault(name, value)


def _event(fields: dict[str, str]) -> Event:
    start = _when(fields.get("DTSTART", ""))
    return Event(
        title=_text(fields.get("SUMMARY", "(no title)")),
        start=start,
        end=_when(fields["DTEND"]) if "DTEND" in fields else _after(start, fields.get("DURATION")),
        place=_text(fields["LOCATION"]) if "LOCATION" in fields else None,
        repeats=fields.get("RRULE"),
    )


def _text(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "N": "\n"}.get(found[1], found[1]), value)


def _when(value: str) -> str:
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", value)
    if not found:
        raise Failed(f"`{value}` is not a date of an event")
    year, month, day, hour, minute, second, utc = found.groups()
    days = f"{year}-{month}-{day}"
    return f"{days}T{hour}:{minute}:{second}{utc}" if hour else days


def _after(start: str, duration: str | None) -> str | None:
    found = re.fullmatch(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", duration or "")
    if not duration or not found:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    end = datetime.fromisoformat(start.rstrip("Z")) + length
    return end.isoformat()[: len(start.rstrip("Z"))] + ("Z" if start.endswith("Z") else "")
