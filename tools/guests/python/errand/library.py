"""The standard library that snippets may import, and kind words about what they may not."""

import importlib
import sys

NAMES = """
abc argparse array ast base64 binascii bisect bz2 calendar cmath codecs collections
collections.abc configparser contextlib contextvars copy copyreg csv dataclasses datetime decimal
difflib dis email email.message email.parser email.policy email.utils encodings.ascii
encodings.cp1252 encodings.idna encodings.latin_1 encodings.utf_16 encodings.utf_16_le
encodings.utf_16_be encodings.utf_32 encodings.utf_8 encodings.utf_8_sig encodings.cp437
encodings.iso8859_15 encodings.punycode encodings.unicode_escape encodings.raw_unicode_escape enum
errno fileinput fnmatch fractions functools gc getopt glob graphlib gzip hashlib heapq hmac html
html.entities html.parser importlib importlib.resources importlib.util inspect io ipaddress itertools json
json.decoder json.encoder keyword linecache locale logging lzma math mimetypes numbers opcode
operator os os.path pathlib pickle pkgutil platform posixpath pprint queue random re reprlib
secrets select shlex shutil signal socket stat statistics string string.templatelib stringprep
struct subprocess sys tarfile tempfile textwrap threading time timeit token tokenize traceback
types typing unicodedata urllib urllib.error urllib.parse urllib.request urllib.robotparser uuid
warnings weakref xml xml.dom.minidom xml.etree.ElementTree zipfile zlib zoneinfo _strptime
""".split()

INSTEAD = {
    "pandas": "csv, collections and statistics",
    "numpy": "math and statistics",
    "scipy": "math and statistics",
    "sklearn": "math and statistics",
    "polars": "csv and statistics",
    "openpyxl": "csv",
    "requests": "web.read",
    "httpx": "web.read",
    "aiohttp": "web.read",
    "urllib3": "web.read",
    "bs4": "html.parser or re",
    "lxml": "xml.etree.ElementTree",
    "yaml": "json or re",
    "dateutil": "datetime",
    "pytz": "zoneinfo",
    "matplotlib": "text",
    "tabulate": "str.ljust",
}


def load():
    """Imports what there is of `NAMES`; some need an operating system that is not here."""
    for name in NAMES:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    import zoneinfo

    # There is no time zone data; without a path it is not looked for either.
    zoneinfo.reset_tzpath(to=[])
    # An encoding is looked up when a file names it.
    for name in ("utf-8", "utf-8-sig", "latin-1", "cp1252", "ascii", "utf-16", "iso-8859-1", "windows-1252"):
        "".encode(name)


def missing(name):
    """What to say of a module that is not here."""
    top = name.partition(".")[0]
    if top in INSTEAD:
        return f"there is no `{top}` here, only the standard library: use {INSTEAD[top]}"
    if top in sys.stdlib_module_names:
        return f"`{name}` does not work in this sandbox"
    return f"there is no `{name}` here, only the standard library"
