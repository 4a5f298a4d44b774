"""Values that the component keeps between its calls: anything that JSON can hold."""

import json

from componentize_py_types import Err
from wit_world.imports import kv as host

from .declare import Failed


def get(key: str, default=None):
    """The value of a key."""
    try:
        value = host.get(key)
    except Err as error:
        raise Failed(error.value) from None
    return default if value is None else json.loads(value)


def set(key: str, value) -> None:
    """Sets the whole value, or leaves it as it was."""
    try:
        host.set(key, json.dumps(value, ensure_ascii=False).encode("utf-8"))
    except Err as error:
        raise Failed(error.value) from None


def delete(key: str) -> None:
    """Removes a key; one that is not there is fine."""
    try:
        host.delete(key)
    except Err as error:
        raise Failed(error.value) from None


def keys() -> list[str]:
    """All keys, sorted."""
    try:
        return host.keys()
    except Err as error:
        raise Failed(error.value) from None
