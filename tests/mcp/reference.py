"""A server made with the reference package, over stdio or, with a port, over streamable HTTP."""

import os
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("reference")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def look(path: str) -> str:
    """Reads a file."""
    with open(path) as file:
        return file.read()


@server.tool()
def environment() -> dict[str, str]:
    """All of the environment."""
    return {name: value for name, value in os.environ.items() if name != "PATH"}


@server.resource("note://today")
def today() -> str:
    """What is on today."""
    return "nothing much"


@server.prompt()
def greet(name: str) -> str:
    """A greeting."""
    return f"Say hello to {name}."


if len(sys.argv) > 1:
    server.run(transport="streamable-http", port=int(sys.argv[1]))
else:
    server.run(transport="stdio")
