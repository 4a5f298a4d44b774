"""Other tools of the agent, through the same gate as any call."""

import json

from componentize_py_types import Err
from wit_world.imports import tools as host

from .declare import Failed


def call(name: str, **arguments):
    """Calls a tool that `wants(tools=...)` names: `call("files.read", path="a.txt")`."""
    try:
        return json.loads(host.call(name, json.dumps(arguments, ensure_ascii=False)))
    except Err as error:
        raise Failed(error.value) from None
