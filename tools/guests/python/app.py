"""The guest behind `python`: runs one snippet and gives back what it printed and its last value.

Made into a component by componentize-py. Everything imported here is part of the component; a
module that is not imported when the component is made cannot be imported later.
"""

import json

import wit_world
from componentize_py_types import Err

from errand import library, snippet

library.load()
snippet.prepare()


class WitWorld(wit_world.WitWorld):
    def invoke(self, tool, arguments):
        if tool != "python":
            raise Err(f"this component has no tool `{tool}`")
        arguments = json.loads(arguments)
        try:
            result = snippet.run(arguments["code"], arguments.get("tools"))
        except snippet.Failed as failed:
            raise Err(_text(failed.args[0])) from None
        return _text(json.dumps(result, ensure_ascii=False, allow_nan=False))


def _text(said):
    """What the host can take: lone surrogates are no text."""
    return said.encode("utf-8", "replace").decode("utf-8")
