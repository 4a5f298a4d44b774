"""What the conformance harness takes for a client: with the binary that ERRAND names it pins the
server at a URL, and where the scenario has a tool, runs an agent that calls it."""

import json
import os
import subprocess
import sys
import tempfile

ERRAND, URL = os.environ["ERRAND"], sys.argv[1]
CALLS = {
    "tools_call": {"name": "tested.add_numbers", "arguments": {"a": 5, "b": 3}},
    "sse-retry": {"name": "tested.test_reconnection", "arguments": {}},
}
call = CALLS.get(os.environ["MCP_CONFORMANCE_SCENARIO"])

AGENT = f"""
name = "conformance"
task = "call the tool"
act = "tools"

[model]
provider = "scripted"
name = "replies.jsonl"

[mcp.servers.tested]
url = {json.dumps(URL)}

[tools]
use = ["tested.*"]
"""

with tempfile.TemporaryDirectory() as folder:
    def errand(*words):
        environment = {**os.environ, "ERRAND_HOME": os.path.join(folder, "home")}
        done = subprocess.run([ERRAND, *words], cwd=folder, env=environment, capture_output=True, text=True)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        if done.returncode != 0:
            sys.exit(done.returncode)
        return done.stdout

    replies = [{"tool_calls": [call]}, {"content": "done"}]
    with open(os.path.join(folder, "replies.jsonl"), "w") as file:
        file.writelines(json.dumps(reply) + "\n" for reply in replies)
    with open(os.path.join(folder, "agent.toml"), "w") as file:
        file.write(AGENT)
    errand("mcp", "pin", "agent.toml", "--yes")
    if call:
        events = [json.loads(line) for line in errand("run", "agent.toml", "--json").splitlines()]
        seen = [event for event in events if event["type"] == "observation"]
        if [event["status"] for event in seen] != ["ok"]:
            sys.exit(f"the call did not succeed: {seen}")
