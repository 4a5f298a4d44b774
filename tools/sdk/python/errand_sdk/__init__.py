"""What a tool for Errand is written with.

A tool is a function with `@tool`; its type hints become the JSON Schemas of what it takes and
gives. `wants(...)` says what the component wants of the host, which it reaches through `http`,
`files`, `kv`, `tools`, `log` and `progress` of this package: `from errand_sdk import http`. Import
what is used and no more: each import of `http`, `files`, `kv` and `tools` has to be granted.
"""

from .declare import Failed, Secret, about, tool, wants

__all__ = ["Failed", "Secret", "about", "tool", "wants"]
