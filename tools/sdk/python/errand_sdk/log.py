"""What a tool says while it works, for the person who runs it: never for the model."""

from wit_world.imports import log as host


def debug(text: str) -> None:
    host.write(host.Level.DEBUG, text)


def info(text: str) -> None:
    host.write(host.Level.INFO, text)


def warn(text: str) -> None:
    host.write(host.Level.WARN, text)


def error(text: str) -> None:
    host.write(host.Level.ERROR, text)
