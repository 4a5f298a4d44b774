"""A client made with the reference package: with the binary that is named first it calls the agent of agent.toml,
and says yes to what it is asked. Prints what it got as JSON."""

import asyncio
import json
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import ElicitResult

asked = []
told = []


async def ask(context, params):
    asked.append(params.message)
    return ElicitResult(action="accept", content={"decision": "approve"})


async def tell(progress, total, message):
    told.append(message)


async def main():
    server = StdioServerParameters(command=sys.argv[1], args=["mcp", "serve", "agent.toml"], env={"ERRAND_HOME": sys.argv[2]})
    async with stdio_client(server) as (read, write):
        async with ClientSession(read, write, elicitation_callback=ask) as session:
            await session.initialize()
            tools = await session.list_tools()
            result = await session.call_tool("test", {}, progress_callback=tell)
            got = json.loads(result.model_dump_json(by_alias=True))
            print(json.dumps({"tools": [tool.name for tool in tools.tools], "result": got, "asked": asked, "told": told}))


asyncio.run(main())
