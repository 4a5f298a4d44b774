"""The time zones of the IANA database, from a file that is put beside the program: a line of JSON, name to
offset and length, then the zones in TZif. There is no system's to read."""

import io
import json
import pathlib
import zoneinfo
from zoneinfo import _common

FILE = pathlib.Path(__file__).parent / "zones.bin"
# Read when the component is made.
INDEX, _, DATA = FILE.read_bytes().partition(b"\n")
NAMES = json.loads(INDEX)


def load(key):
    """The data of a zone, as the package `tzdata` would give it."""
    at = NAMES.get(key)
    if at is None:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
    return io.BytesIO(DATA[at[0] : at[0] + at[1]])


def install():
    # Without a path none is looked for on a system.
    zoneinfo.reset_tzpath(to=[])
    _common.load_tzdata = load
    zoneinfo.available_timezones = lambda: set(NAMES)
