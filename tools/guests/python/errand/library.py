"""The standard library that snippets may import, and kind words about what they may not."""

import encodings
import importlib
import pkgutil
import sys

NAMES = """
__future__ abc argparse array ast asyncio base64 binascii bisect bz2 calendar cmath cmd code codecs codeop
collections collections.abc colorsys concurrent.futures configparser contextlib contextvars copy copyreg csv
dataclasses datetime decimal difflib dis doctest email email.header email.headerregistry email.message
email.mime.application email.mime.multipart email.mime.text email.parser email.policy email.utils encodings
enum errno filecmp fileinput fnmatch fractions functools gc getopt getpass gettext glob graphlib gzip hashlib
heapq hmac html html.entities html.parser http http.client http.cookies importlib importlib.metadata
importlib.resources importlib.util inspect io ipaddress itertools json json.decoder json.encoder json.tool
keyword linecache locale logging logging.handlers lzma math mimetypes netrc numbers opcode operator optparse
os os.path pathlib pickle pkgutil platform plistlib posixpath pprint pyexpat queue quopri random re reprlib
sched secrets select selectors shlex shutil signal site socket sqlite3 stat statistics string
string.templatelib stringprep struct subprocess symtable sys sysconfig tarfile tempfile textwrap threading
time timeit token tokenize tomllib trace traceback tracemalloc types typing unicodedata unittest unittest.mock
urllib urllib.error urllib.parse urllib.request urllib.robotparser uuid warnings wave weakref xml
xml.dom.minidom xml.etree.ElementTree xml.parsers.expat xml.sax xml.sax.handler xml.sax.saxutils zipfile zlib
zoneinfo _strptime
""".split()

# Encodings that only Windows has.
ELSEWHERE = ("mbcs", "oem")

INSTEAD = {
    "pandas": "csv, collections and statistics, or table(path)",
    "numpy": "math and statistics",
    "scipy": "math and statistics",
    "sklearn": "math and statistics",
    "polars": "csv and statistics, or table(path)",
    "duckdb": "table(path) or sqlite3 in memory",
    "openpyxl": "files.read, which reads spreadsheets",
    "xlrd": "files.read, which reads spreadsheets",
    "docx": "files.read, which reads documents",
    "PyPDF2": "files.read, which reads PDF",
    "pypdf": "files.read, which reads PDF",
    "requests": "web.read",
    "httpx": "web.read",
    "aiohttp": "web.read",
    "urllib3": "web.read",
    "bs4": "html.parser or re",
    "lxml": "xml.etree.ElementTree",
    "yaml": "json or re",
    "toml": "tomllib",
    "tomli": "tomllib",
    "dateutil": "datetime",
    "pytz": "zoneinfo",
    "tzlocal": "zoneinfo",
    "chardet": "open() without an encoding, which finds it",
    "regex": "re",
    "pytest": "unittest or assert",
    "matplotlib": "print()",
    "tabulate": "str.ljust",
    "bz2": "zlib, gzip or zipfile",
    "lzma": "zlib, gzip or zipfile",
    "tkinter": "print()",
    "turtle": "print()",
    "curses": "print()",
    "readline": "files: there is nobody to ask",
    "ssl": "web.read: there is no network in python",
    "ctypes": "plain Python",
    "mmap": "open(path, 'rb').read()",
    "multiprocessing": "a loop: there are no processes in python",
    "smtplib": "a tool of the agent: there is no network in python",
    "shelve": "json or pickle with open()",
    "dbm": "json or pickle with open()",
}


def load():
    """Imports what there is of `NAMES`; some need an operating system that is not here."""
    for name in NAMES + [f"encodings.{module.name}" for module in pkgutil.iter_modules(encodings.__path__)]:
        if name.rpartition(".")[2] in ELSEWHERE:
            continue
        try:
            importlib.import_module(name)
        except ImportError:
            pass


def missing(name):
    """What to say of a module that is not here."""
    top = name.partition(".")[0]
    if top in INSTEAD and top in sys.stdlib_module_names:
        return f"`{name}` does not work in this sandbox: use {INSTEAD[top]}"
    if top in INSTEAD:
        return f"there is no `{top}` here, only the standard library: use {INSTEAD[top]}"
    if top in sys.stdlib_module_names:
        return f"`{name}` does not work in this sandbox"
    return f"there is no `{name}` here, only the standard library"
