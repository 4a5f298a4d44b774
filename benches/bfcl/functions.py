"""The functions of one question as an MCP server. Each call is appended to `calls.jsonl`, and done."""

import json
import sys

KINDS = {"dict": "object", "float": "number", "tuple": "array", "any": None}


def schema(value):
    """A schema as BFCL writes it, as JSON Schema."""
    if isinstance(value, list):
        return [schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {key: schema(item) for key, item in value.items() if key != "type" or isinstance(item, dict)}
    kind = value.get("type")
    if isinstance(kind, str) and (named := KINDS.get(kind, kind)):
        plain["type"] = named
    return plain


def name(function):
    return function["name"].replace(".", "_")


def main():
    with open("functions.json", encoding="utf-8") as file:
        functions = json.load(file)
    tools = [
        # Nothing is changed: what an agent may change is not the question.
        {
            "name": name(it),
            "description": it["description"],
            "inputSchema": schema(it["parameters"]),
            "annotations": {"readOnlyHint": True},
        }
        for it in functions
    ]
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        method, params = message.get("method"), message.get("params") or {}
        result = {}
        if method == "initialize":
            info = {"name": "functions", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        elif method == "tools/list":
            result = {"tools": tools}
        elif method == "tools/call":
            with open("calls.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps({params["name"]: params.get("arguments") or {}}) + "\n")
            result = {"content": [{"type": "text", "text": "done"}]}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
