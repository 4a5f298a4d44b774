"""The agent's files as Python sees them: `open`, `os`, `glob` and `pathlib` on the host's import.

Paths are relative to the agent's folder, which is also the current directory, under the name
`/agent`. What may be read or written is the host's to say, at each use.
"""

import codecs
import difflib
import errno
import io
import os
import posixpath
import stat as modes

from componentize_py_types import Err
from wit_world.imports import files as host

from errand import texts

HOME = "/agent"

_known = []
_kinds = {}
_listings = {}
_writers = {}
# The files that were written, each once.
wrote = []


def host_path(path):
    """As the host wants it: relative in the agent's folder, absolute elsewhere."""
    path = os.fspath(path)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if "\0" in path:
        raise ValueError("a path cannot hold a NUL byte")
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        # The host takes text, and would end the whole snippet.
        raise ValueError("a path cannot hold a lone surrogate")
    path = posixpath.normpath(path) if path else ""
    if path == HOME or path.startswith(HOME + "/"):
        path = path[len(HOME) + 1 :]
    return path or "."


def roots():
    """The granted folders and files, asked for once."""
    if not _known:
        _known.append([host_path(root) for root in host.roots()])
    return _known[0]


def granted(path):
    """Whether a path is, or lies in, what may be read; others are not asked for by looking."""
    return any(root == "." and not path.startswith(("/", "..")) or path == root or path.startswith(root.rstrip("/") + "/") for root in roots())


def entries(path):
    """What is in a folder: name -> (is a folder, size)."""
    path = host_path(path)
    if path not in _listings:
        if granted(path):
            try:
                found = host.list(path)
            except Err as refused:
                raise _refusal(path, refused.value) from None
            _listings[path] = {posixpath.basename(e.path.rstrip("/")): (e.folder, e.size) for e in found}
        else:
            _listings[path] = _towards_roots(path)
    if not _listings[path] and not granted(path):
        raise _error(FileNotFoundError, errno.ENOENT, f"`{path}` is outside of what may be read", path)
    return _listings[path]


def _towards_roots(path):
    """A folder that holds granted ones may be looked through, as far as they go."""
    start = "" if path == "." else path.rstrip("/") + "/"
    found = {}
    for root in roots():
        if root != path and root.startswith(start) and (start or not root.startswith(("/", ".."))):
            name, deeper, _ = root[len(start) :].partition("/")
            found[name] = (True, 0) if deeper else _root(root)
    return found


def _root(root):
    """A root may be a folder or a file."""
    if root not in _kinds:
        try:
            host.list(root)
            _kinds[root] = (True, 0)
        except Err:
            try:
                _kinds[root] = (False, len(host.read(root)))
            except Err:
                _kinds[root] = (True, 0)
    return _kinds[root]


def look(path):
    """(is a folder, size), or FileNotFoundError."""
    path = host_path(path)
    if path == ".":
        return (True, 0)
    if path in roots():
        return _root(path)
    parent, name = posixpath.split(path)
    found = entries(parent or ".")
    if name in found:
        return found[name]
    raise _error(FileNotFoundError, errno.ENOENT, f"there is no `{path}`", path)


def _refusal(path, words):
    """The host's words as the exception that Python code expects."""
    if granted(path) and path not in roots():
        try:
            folder, _ = look(path)
            return _error(IsADirectoryError if folder else PermissionError, errno.EACCES, words, path)
        except FileNotFoundError:
            return _error(FileNotFoundError, errno.ENOENT, words, path)
        except OSError:
            pass
    elif not granted(path) and not path.startswith(("/", "..")) and nearest(path):
        return _error(FileNotFoundError, errno.ENOENT, words, path)
    return _error(PermissionError, errno.EACCES, words, path)


class _Words:
    """The host's sentence instead of `[Errno 2] …`."""

    def __str__(self):
        return self.strerror


_CLASSES = {
    kind: type(kind.__name__, (_Words, kind), {"__module__": "builtins"})
    for kind in (FileNotFoundError, PermissionError, IsADirectoryError)
}


def _error(kind, number, words, path):
    return _CLASSES[kind](number, words, path)


def everything(limit=300):
    """The paths of all files that may be read, up to a limit."""
    found, folders = [], []
    for root in roots():
        (folders if _root(root)[0] else found).append(root)
    while folders and len(found) < limit:
        folder = folders.pop(0)
        try:
            listed = entries(folder)
        except OSError:
            continue
        for name in sorted(listed):
            path = name if folder == "." else posixpath.join(folder, name)
            (folders if listed[name][0] else found).append(path)
    return found


def nearest(path):
    """Files whose names come close to this one's."""
    name = posixpath.basename(path).lower()
    stem = name.partition(".")[0]
    near = []
    for other in everything():
        base = posixpath.basename(other).lower()
        if other == host_path(path):
            continue
        likeness = difflib.SequenceMatcher(None, name, base).ratio()
        if len(stem) > 2 and stem in base:
            likeness += 0.5
        if likeness >= 0.6:
            near.append((-likeness, other))
    return [other for _, other in sorted(near)[:3]]


def read(path):
    path = host_path(path)
    pending = _writers.get(path)
    if pending is not None:
        return pending.getvalue()
    try:
        return bytes(host.read(path))
    except Err as refused:
        raise _refusal(path, refused.value) from None


def write(path, data):
    path = host_path(path)
    try:
        host.write(path, data)
    except Err as refused:
        raise _error(PermissionError, errno.EACCES, refused.value, path) from None
    if path not in wrote:
        wrote.append(path)
    _listings.clear()
    _kinds.clear()


class Reader(io.BytesIO):
    """A file that was read whole."""

    def __init__(self, data, name):
        super().__init__(data)
        self.name = name
        self.mode = "rb"

    def writable(self):
        return False

    def write(self, _):
        raise io.UnsupportedOperation("not writable")


class Writer(io.BytesIO):
    """A file that is sent whole when it is closed."""

    def __init__(self, data, name, append):
        super().__init__(data)
        self.name = name
        self.mode = "wb"
        self._path = host_path(name)
        self._append = append
        self._readable = False
        _writers[self._path] = self
        if append:
            self.seek(0, io.SEEK_END)

    def readable(self):
        return self._readable

    def write(self, data):
        if self._append:
            self.seek(0, io.SEEK_END)
        return super().write(data)

    def close(self):
        if not self.closed:
            data = self.getvalue()
            super().close()
            if _writers.get(self._path) is self:
                del _writers[self._path]
            write(self._path, data)

    def __del__(self):
        # Sent by `finish`, where an error can be told.
        pass


_texts = []


def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """Open a file of the agent."""
    if isinstance(file, int):
        raise OSError(errno.EBADF, "a file is opened by its path here")
    kinds = set(mode)
    if len(kinds) != len(mode) or kinds - set("rwaxbt+U") or len(kinds & set("rwax")) != 1:
        raise ValueError(f"invalid mode: '{mode}'")
    binary = "b" in kinds
    if binary and encoding is not None:
        raise ValueError("binary mode doesn't take an encoding argument")
    if binary and newline is not None:
        raise ValueError("binary mode doesn't take a newline argument")
    name = os.fspath(file)
    if kinds & set("wax") or "+" in kinds:
        raw = _writer(name, kinds)
        data = b""
    else:
        data = read(name)
        raw = Reader(data, name)
    if binary:
        return raw
    if isinstance(raw, Reader):
        encoding, errors, skip = _told(data, encoding, errors, name)
        raw = Reader(data[skip:], name) if skip else raw
    elif encoding in (None, "locale"):
        encoding = texts.guess(raw.getvalue())[0] or "utf-8"
    text = io.TextIOWrapper(raw, encoding, errors, newline, write_through=True)
    text.mode = mode
    if isinstance(raw, Writer):
        _texts.append(text)
        if "a" in kinds:
            text.seek(0, io.SEEK_END)
    return text


def _writer(name, kinds):
    path = host_path(name)
    data = b""
    if "r" in kinds:
        data = read(name)
    elif kinds & set("ax"):
        # What is there must be known first: else appending would lose it.
        if not granted(path) and path not in _writers:
            words = f"`{path}` may not be read, so it can only be written whole, with mode 'w'"
            raise _error(PermissionError, errno.EACCES, words, path)
        try:
            data = read(name)
            if "x" in kinds:
                raise FileExistsError(errno.EEXIST, "the file exists", name)
        except FileNotFoundError:
            pass
    writer = Writer(b"" if "x" in kinds else data, name, "a" in kinds)
    writer._readable = "+" in kinds
    return writer


def _told(data, encoding, errors, name):
    """The encoding to read with, what it does with broken letters, and how long the mark is."""
    if encoding not in (None, "locale"):
        known = codecs.lookup(encoding).name
        marks = [len(mark) for mark, marked in texts.MARKS if marked == known and data.startswith(mark)]
        return encoding, errors, marks[0] if marks else 0
    encoding, skip = texts.guess(data)
    if encoding is None and errors is None:
        raise texts.Unknown(name, data)
    return encoding or "utf-8", errors or "replace", skip


def finish():
    """Sends what a snippet wrote and did not close."""
    for text in _texts:
        if not text.closed:
            text.close()
    for writer in list(_writers.values()):
        writer.close()


class DirEntry:
    """What `os.scandir` gives."""

    def __init__(self, folder, name, is_folder, size):
        self.name = name
        self.path = posixpath.join(folder, name) if folder not in ("", None) else name
        self._folder = is_folder
        self._size = size

    def is_dir(self, *, follow_symlinks=True):
        return self._folder

    def is_file(self, *, follow_symlinks=True):
        return not self._folder

    def is_symlink(self):
        return False

    def is_junction(self):
        return False

    def inode(self):
        return 0

    def stat(self, *, follow_symlinks=True):
        return _stat(self._folder, self._size)

    def __fspath__(self):
        return self.path

    def __repr__(self):
        return f"<DirEntry {self.name!r}>"


class _Scan(list):
    def __enter__(self):
        return iter(self)

    def __exit__(self, *_):
        return None

    def __next__(self):
        if not self:
            raise StopIteration
        return self.pop(0)

    def close(self):
        pass


def scandir(path="."):
    folder = os.fspath(path)
    found = entries(folder)
    return _Scan(DirEntry(folder, name, *found[name]) for name in sorted(found))


def listdir(path="."):
    return sorted(entries("." if path is None else path))


def _stat(folder, size):
    mode = (modes.S_IFDIR | 0o755) if folder else (modes.S_IFREG | 0o644)
    return os.stat_result((mode, 0, 0, 1, 0, 0, size, 0, 0, 0))


def stat(path, *, dir_fd=None, follow_symlinks=True):
    return _stat(*look(path))


def access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True):
    try:
        look(path)
        return True
    except OSError:
        return False


def no_folder_needed(name, mode=0o777, exist_ok=False, **_):
    """Folders come with the first file that is written in them."""


def install():
    """Puts the agent's files where Python looks for files."""
    import builtins
    import glob
    import pathlib

    builtins.open = open
    io.open = open
    os.scandir = scandir
    os.listdir = listdir
    os.stat = stat
    os.lstat = stat
    os.access = access
    os.getcwd = lambda: HOME
    os.mkdir = no_folder_needed
    os.makedirs = no_folder_needed
    os.readlink = _no_links
    os.path.exists = _test(lambda folder: True)
    os.path.lexists = os.path.exists
    os.path.isfile = _test(lambda folder: not folder)
    os.path.isdir = _test(lambda folder: folder)
    os.path.islink = lambda path: False
    os.path.getsize = lambda path: look(path)[1]
    for name in ("remove", "unlink", "rmdir", "rename", "replace", "removedirs", "renames", "symlink", "link", "truncate"):
        setattr(os, name, _refused(f"os.{name}() does not work here: files are only read and written"))
    for name in ("chdir", "fchdir"):
        setattr(os, name, _refused("the folder cannot be changed: write paths relative to the agent's folder"))
    for owner in (getattr(glob, "_StringGlobber", None), getattr(glob, "_GlobberBase", None), getattr(pathlib, "_StringGlobber", None)):
        if owner is not None:
            for name, new in (("lexists", os.path.exists),):
                if hasattr(owner, name) and name in vars(owner):
                    setattr(owner, name, staticmethod(new))


def _no_links(path, *, dir_fd=None):
    raise OSError(errno.EINVAL, "there are no links here", path)


def _test(answer):
    def test(path):
        try:
            return answer(look(path)[0])
        except (OSError, ValueError):
            return False

    return test


def _refused(words):
    def refused(*_, **__):
        raise PermissionError(words)

    return refused
