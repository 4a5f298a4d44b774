"""Files of the agent. Paths are relative to the agent file's folder; every use is judged."""

from componentize_py_types import Err
from wit_world.imports import files as host

from .declare import Failed


def roots() -> list[str]:
    """The folders and files that the agent may read, as its file names them."""
    return host.roots()


def read(path: str) -> bytes:
    """The whole file."""
    try:
        return host.read(path)
    except Err as error:
        raise Failed(error.value) from None


def read_text(path: str) -> str:
    """The whole file, as UTF-8 text."""
    try:
        return read(path).decode("utf-8")
    except UnicodeDecodeError:
        raise Failed(f"`{path}` is not UTF-8 text") from None


def list(path: str):
    """What is directly in a folder, sorted by name: entries with `path`, `folder`, `size`."""
    try:
        return host.list(path)
    except Err as error:
        raise Failed(error.value) from None


def write(path: str, data: bytes | str) -> None:
    """Creates or replaces the whole file, or leaves it as it was."""
    try:
        host.write(path, data.encode("utf-8") if isinstance(data, str) else data)
    except Err as error:
        raise Failed(error.value) from None


def rename(path: str, to: str, *, replace: bool = False) -> None:
    """Gives a file or a folder another path. A file that stands there stays, unless `replace`."""
    try:
        host.rename(path, to, host.Existing.REPLACE if replace else host.Existing.KEEP)
    except Err as error:
        raise Failed(error.value) from None


def delete(path: str) -> None:
    """Removes a file or an empty folder."""
    try:
        host.delete(path)
    except Err as error:
        raise Failed(error.value) from None
