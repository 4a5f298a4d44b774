"""The tools of a component, as its modules declare them."""

import inspect
import json
from dataclasses import dataclass
from typing import Any, Callable, Literal

from . import schema

Effect = Literal["pure", "reads", "writes", "egress"]


class Failed(Exception):
    """What is wrong, as a sentence for the model."""


@dataclass(frozen=True)
class Secret:
    """A key that the host puts into one header of requests to one host."""

    name: str
    """The environment variable of whoever runs the tool."""
    host: str
    header: str


@dataclass(frozen=True)
class Declared:
    name: str
    description: str
    effect: str
    idempotent: bool
    input: dict
    output: dict
    run: Callable[[Any], Any]


TOOLS: dict[str, Declared] = {}
ABOUT: list[str] = []
WANTS: dict[str, Any] = {
    "net": [], "read": [], "write": [], "tools": [], "secrets": [], "kv": False,
}


def about(text: str) -> None:
    """What the component is, for people."""
    ABOUT[:] = [text]


def wants(*, net=(), read=(), write=(), tools=(), secrets=(), kv=False) -> None:
    """What the calls want of the host; what is not here they do not get.

    `net`: hosts, like `api.example.com`. `read`, `write`: files and folders, `.` for all that the
    agent may. `tools`: other tools to call. `secrets`: keys. `kv`: whether values are kept.
    """
    WANTS.update(
        net=list(net), read=list(read), write=list(write),
        tools=list(tools), secrets=list(secrets), kv=kv,
    )


def tool(effect: Effect, *, idempotent: bool | None = None):
    """Makes a tool of a function. Its comment is what the model reads.

    `effect`: `pure` (nothing but the result), `reads` (looks at the world), `writes` (changes it),
    `egress` (sends something out). `idempotent`: doing it twice is doing it once; of itself true
    of what is pure or reads.
    """
    if effect not in ("pure", "reads", "writes", "egress"):
        raise ValueError(f"`{effect}` is no effect: pure, reads, writes or egress")

    def declare(function):
        name = function.__name__
        description = inspect.getdoc(function)
        if not description:
            raise ValueError(f"`{name}` has no comment: the model reads it")
        given, gives = schema.of_function(function)

        def run(arguments):
            return schema.plain(function(**schema.arguments(function, arguments)))

        TOOLS[name] = Declared(
            name=name,
            description=" ".join(description.split()),
            effect=effect,
            idempotent=effect in ("pure", "reads") if idempotent is None else idempotent,
            input=given,
            output=gives,
            run=run,
        )
        return function

    return declare


def invoke(name: str, arguments: str) -> str:
    if name not in TOOLS:
        raise Failed(f"this component has no tool `{name}`")
    result = TOOLS[name].run(json.loads(arguments))
    return json.dumps(result, ensure_ascii=False, allow_nan=False)
