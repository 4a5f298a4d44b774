"""The agent's tools as Python functions: `files.search(query="…")`, and `files_search` as well."""

import json
import types

from componentize_py_types import Err
from wit_world.imports import tools as host

BUILTIN = [
    {"name": "files.list", "params": ["path", "depth"]},
    {"name": "files.search", "params": ["query", "path", "limit", "skip"]},
    {"name": "files.read", "params": ["path", "start", "lines"]},
    {"name": "files.write", "params": ["path", "content"]},
    {"name": "web.read", "params": ["url", "part"]},
]


class ToolError(Exception):
    """What the host said instead of a result."""

    __module__ = "builtins"


class Record(dict):
    """An object of a result: keys are attributes too, and a file's record stands for its path."""

    def __getattr__(self, name):
        if name in self:
            return self[name]
        if not name.startswith("_") and isinstance(self.get("path"), str) and hasattr(str, name):
            return getattr(self["path"], name)
        raise AttributeError(f"there is no `{name}`, only {_names(self)}", name=None, obj=None)

    def __missing__(self, key):
        raise KeyError(key, f"there is only {_names(self)}")

    def __fspath__(self):
        if isinstance(self.get("path"), str):
            return self["path"]
        raise TypeError("this is no file")


class Text(str):
    """A result that is a text: a string, with the other fields as keys and attributes."""

    def __new__(cls, fields):
        self = super().__new__(cls, fields["text"])
        self.fields = Record(fields)
        return self

    def __getitem__(self, key):
        return self.fields[key] if isinstance(key, str) else super().__getitem__(key)

    def __getattr__(self, name):
        if name == "fields":
            raise AttributeError(name)
        return getattr(self.fields, name)

    def __fspath__(self):
        raise TypeError("this is the text itself, not a path: use it directly")

    def get(self, key, default=None):
        return self.fields.get(key, default)

    def keys(self):
        return self.fields.keys()


class Items(list):
    """A result that is a list: itself that list, with the fields as keys and attributes."""

    def __init__(self, fields, items):
        super().__init__(items)
        self.fields = fields

    def __getitem__(self, key):
        return self.fields[key] if isinstance(key, str) else super().__getitem__(key)

    def __getattr__(self, name):
        if name == "fields":
            raise AttributeError(name)
        return getattr(self.fields, name)

    def get(self, key, default=None):
        return self.fields.get(key, default)

    def keys(self):
        return self.fields.keys()

    def __str__(self):
        return "\n".join(map(_line, self)) if self else "nothing"


def _line(item):
    if isinstance(item, dict) and "text" in item and "path" in item:
        return f"[{item['path']}:{item.get('start', '')}]\n{item['text']}\n"
    if isinstance(item, dict) and "path" in item and "size" in item:
        return item["path"] + ("/" if item.get("folder") else f" ({item['size']} bytes)")
    return str(item)


def _names(fields):
    return ", ".join(map(str, fields)) or "nothing"


def dress(value):
    """A result in the form that is easiest to use."""
    if isinstance(value, list):
        return [dress(item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = Record((key, dress(item)) for key, item in value.items())
    if isinstance(value.get("text"), str) and "score" not in value:
        return Text(fields)
    lists = [item for item in fields.values() if isinstance(item, list)]
    names = [key for key, item in fields.items() if isinstance(item, list)]
    if names and names[0] in ("entries", "passages", "results", "items"):
        return Items(fields, lists[0])
    return fields


def function(name, params, description=""):
    """A Python function that calls a tool."""

    def call(*args, **kwargs):
        if len(args) > len(params):
            raise TypeError(f"{name}() takes {', '.join(params) or 'nothing'}")
        for param, value in zip(params, args):
            if param in kwargs:
                raise TypeError(f"{name}() got `{param}` twice")
            kwargs[param] = value
        for param in kwargs:
            if params and param not in params:
                raise TypeError(f"{name}() has no `{param}`: it takes {', '.join(params)}")
        given = {key: _plain(value) for key, value in kwargs.items() if value is not None}
        try:
            result = host.call(name, json.dumps(given, default=_default))
        except Err as refused:
            raise ToolError(refused.value) from None
        return dress(json.loads(result))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = description
    return call


def _plain(value):
    if isinstance(value, Record) and isinstance(value.get("path"), str):
        return value["path"]
    return value


def _default(value):
    if hasattr(value, "__fspath__"):
        return value.__fspath__()
    if isinstance(value, (set, frozenset, tuple, range)) or hasattr(value, "__next__"):
        return list(value)
    return str(value)


class Family(types.SimpleNamespace):
    """`files` or `web`: tools whose names begin alike."""

    def __getattr__(self, name):
        raise AttributeError(f"there is no such tool, only {_names(vars(self))}", name=None, obj=None)


def names(tools):
    """The names that a snippet starts with."""
    scope = {}
    for tool in BUILTIN if tools is None else tools:
        name = tool["name"]
        if name == "python":
            continue
        call = function(name, tool.get("params") or [], tool.get("description", ""))
        scope[name.replace(".", "_").replace("-", "_")] = call
        family, dot, rest = name.partition(".")
        if dot:
            home = scope.setdefault(family, Family())
            if isinstance(home, Family):
                setattr(home, rest.replace(".", "_").replace("-", "_"), call)
        scope.setdefault(name, call)
    return {name: value for name, value in scope.items() if name.isidentifier()}
