"""What the world `tool` asks of a component. `errand tools build` starts from here."""

import json
# Only modules that are loaded while the component is made are in it. These the standard library
# loads no sooner than it needs them: `Counter.most_common`, `datetime.strptime`, a printed error.
import _strptime  # noqa: F401
import heapq  # noqa: F401
import sys
import traceback

import wit_world
from componentize_py_types import Err
from wit_world.imports import manifest_types as types

from . import declare

EFFECTS = {
    "pure": types.Effect.PURE,
    "reads": types.Effect.READS,
    "writes": types.Effect.WRITES,
    "egress": types.Effect.EGRESS,
}


class WitWorld(wit_world.WitWorld):
    def describe(self):
        wants = dict(declare.WANTS)
        wants["secrets"] = [
            types.Secret(secret.name, secret.host, secret.header) for secret in wants["secrets"]
        ]
        return types.Manifest(
            description=" ".join(declare.ABOUT),
            tools=[
                types.ToolSpec(
                    name=tool.name,
                    description=tool.description,
                    input=json.dumps(tool.input, ensure_ascii=False),
                    output=json.dumps(tool.output, ensure_ascii=False),
                    effect=EFFECTS[tool.effect],
                    idempotent=tool.idempotent,
                )
                for tool in declare.TOOLS.values()
            ],
            wants=types.Wants(**wants),
        )

    def invoke(self, tool, arguments):
        try:
            return declare.invoke(tool, arguments)
        except declare.Failed as failed:
            raise Err(str(failed)) from None
        except Exception as error:
            # Where it went wrong is for the author; what went wrong, for the model.
            traceback.print_exc(file=sys.stderr)
            raise Err(f"{type(error).__name__}: {error}") from None
