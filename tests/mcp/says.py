"""A server that says what `says.json` holds: its `tools`, the `results` of calls by a tool's name, the `capabilities`,
the `cursor` after each page, what it `asks` its client during a call, and whether it is of a `later` revision."""

import json
import sys

SAYS = json.load(open("says.json"))


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(method, params):
    if method == "initialize":
        if SAYS.get("later"):
            return {"error": {"code": -32022, "message": "no handshake", "data": {"supported": ["2026-07-28"]}}}
        return {"result": {
            "protocolVersion": params["protocolVersion"],
            "capabilities": SAYS.get("capabilities", {"tools": {}}),
            "serverInfo": {"name": "says", "version": "1"},
        }}
    if method == "server/discover" and SAYS.get("later"):
        return {"result": {
            "resultType": "complete",
            "supportedVersions": ["2026-07-28"],
            "capabilities": {"tools": {}},
            "ttlMs": 0,
            "cacheScope": "private",
        }}
    if method == "tools/list":
        more = {"resultType": "complete"} if SAYS.get("later") else {}
        more |= {"nextCursor": SAYS["cursor"]} if "cursor" in SAYS else {}
        return {"result": {"tools": SAYS["tools"], **more}}
    if method == "tools/call":
        told = []
        for asks in SAYS.get("asks", []):
            send({"id": "of the server", **asks})
            told.append(json.loads(sys.stdin.readline()))
        text = json.dumps(told or {"called": params["name"], "with": params.get("arguments")})
        said = {"content": [{"type": "text", "text": text}]}
        if SAYS.get("later"):
            said["resultType"] = "complete"
        if SAYS.get("changes"):
            send({"method": "notifications/tools/list_changed"})
        return {"result": SAYS.get("results", {}).get(params["name"], said)}
    return {"error": {"code": -32601, "message": "no such method"}}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        send({"id": request["id"], **answer(request["method"], request.get("params") or {})})
