"""JSON Schema made from type hints, and values made from JSON and back.

Understood: bool, int, float, str, None, Any, list[T], dict[str, T], T | None, Literal, Enum,
dataclasses, TypedDict, and Annotated[T, "what it is"] for a description.
"""

import dataclasses
import enum
import inspect
import types
import typing
from typing import Any

BASIC = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
EMPTY = inspect.Parameter.empty


def of_function(function) -> tuple[dict, dict]:
    """The schemas of what a function takes and gives."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields, required = {}, []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise TypeError(f"`{function.__name__}`: `{name}` has no type")
        fields[name] = of(hints[name])
        if parameter.default is EMPTY:
            required.append(name)
        elif parameter.default is not None:
            fields[name]["default"] = plain(parameter.default)
    if "return" not in hints:
        raise TypeError(f"`{function.__name__}`: its result has no type")
    return _object(fields, required), of(hints["return"])


def of(hint) -> dict:
    """The schema of a type."""
    if hint in BASIC:
        return {"type": BASIC[hint]}
    if hint is Any:
        return {}
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        texts = [text for text in args[1:] if isinstance(text, str)]
        return of(args[0]) | ({"description": texts[0]} if texts else {})
    if origin in (typing.Required, typing.NotRequired):
        return of(args[0])
    if origin is typing.Literal:
        return {"enum": list(args)}
    if origin in (typing.Union, types.UnionType):
        some = [of(arg) for arg in args if arg is not type(None)]
        # Nothing is said by leaving a field out.
        return some[0] if len(some) == 1 else {"anyOf": some}
    if hint is list or origin is list:
        return {"type": "array", "items": of(args[0])} if args else {"type": "array"}
    if hint is dict or origin is dict:
        if len(args) != 2:
            return {"type": "object"}
        return {"type": "object", "additionalProperties": of(args[1])}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        fields = dataclasses.fields(hint)
        required = [field.name for field in fields if not _optional_field(field)]
        return _object({field.name: of(hints[field.name]) for field in fields}, required)
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        required = [name for name in hints if name in hint.__required_keys__]
        return _object({name: of(type_) for name, type_ in hints.items()}, required)
    raise TypeError(f"`{hint}` has no JSON Schema")


def _object(fields: dict, required: list[str]) -> dict:
    schema: dict[str, Any] = {"type": "object", "properties": fields}
    if required:
        schema["required"] = required
    return schema | {"additionalProperties": False}


def _optional_field(field) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def arguments(function, given: dict) -> dict:
    """The arguments of a call, as its function expects them."""
    hints = typing.get_type_hints(function)
    return {name: _made(hints[name], value) for name, value in given.items()}


def _made(hint, value):
    """A value of this type; the host has held it against the schema already."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        some = [arg for arg in args if arg is not type(None)]
        return value if value is None or len(some) > 1 else _made(some[0], value)
    if origin is list and args:
        return [_made(args[0], item) for item in value]
    if origin is dict and len(args) == 2:
        return {key: _made(args[1], item) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{name: _made(hints[name], item) for name, item in value.items()})
    return float(value) if hint is float else value


def plain(value):
    """A result as JSON can hold it."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        optional = {field.name for field in dataclasses.fields(value) if _optional_field(field)}
        # A field that may be left out is never null.
        return {
            name: plain(item)
            for name, item in fields.items()
            if item is not None or name not in optional
        }
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
