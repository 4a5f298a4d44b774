"""What the conformance harness takes for a client: with the binary that ERRAND names it signs in at the
server at a URL where it has to, pins it, and where the scenario has a tool, runs an agent that calls it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request

ERRAND, URL = os.environ["ERRAND"], sys.argv[1]
SCENARIO = os.environ["MCP_CONFORMANCE_SCENARIO"]
CONTEXT = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
CALLS = {
    "tools_call": {"name": "tested.add_numbers", "arguments": {"a": 5, "b": 3}},
    "http-invalid-tool-headers": {"name": "tested.valid_tool", "arguments": {"region": "eu"}},
    "sse-retry": {"name": "tested.test_reconnection", "arguments": {}},
}

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



class Stays(urllib.request.HTTPRedirectHandler):
    """A browser that shows where it is sent."""

    def redirect_request(self, *_):
        return None


def agree(address):
    """Agrees at an authorization server as a person would, and comes back."""
    try:
        urllib.request.build_opener(Stays).open(address)
    except urllib.error.HTTPError as sent:
        urllib.request.urlopen(sent.headers["Location"]).read()


def end(done):
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


with tempfile.TemporaryDirectory() as folder:
    environment = {**os.environ, "ERRAND_HOME": os.path.join(folder, "home"), "ITS_SECRET": CONTEXT.get("client_secret", "")}

    def errand(*words):
        return subprocess.run([ERRAND, *words], cwd=folder, env=environment, capture_output=True, text=True)

    def sign_in(scopes=()):
        words = [ERRAND, "mcp", "login", "agent.toml"]
        for scope in scopes:
            words += ["--scope", scope]
        if "client_id" in CONTEXT:
            words += ["--client-id", CONTEXT["client_id"], "--client-secret-env", "ITS_SECRET"]
        login = subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        address = login.stdout.readline().strip()
        if address:
            agree(address)
        if login.wait(60) != 0:
            sys.exit(login.returncode)

    def write(call):
        replies = [{"tool_calls": [call]}, {"content": "done"}]
        with open(os.path.join(folder, "replies.jsonl"), "w") as file:
            file.writelines(json.dumps(reply) + "\n" for reply in replies)

    def pinned():
        done = errand("mcp", "pin", "agent.toml", "--yes")
        # A server may move to another authorization server right after the first sign-in.
        for _ in range(2):
            if done.returncode != 0 and "errand mcp login" in done.stderr:
                sign_in()
                done = errand("mcp", "pin", "agent.toml", "--yes")
        if done.returncode != 0:
            end(done)

    write(None)
    with open(os.path.join(folder, "agent.toml"), "w") as file:
        file.write(AGENT)
    pinned()
    call = CALLS.get(SCENARIO)
    with open(os.path.join(folder, "errand.lock"), "rb") as file:
        tools = tomllib.load(file)["mcp"].get("tested", {}).get("tool", [])
    if SCENARIO.startswith("auth/"):
        call = {"name": f"tested.{tools[0]['name']}", "arguments": {}}
    if SCENARIO == "json-schema-2020-12-preservation":
        schema = next(json.loads(tool["input"]) for tool in tools if tool["name"] != "json_schema_echo")
        call = {"name": "tested.json_schema_echo", "arguments": {"schema": schema}}
    if call:
        write(call)
        done = errand("run", "agent.toml", "--json")
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        seen = [event for event in seen if event["type"] == "observation"]
        if [event["status"] for event in seen] != ["ok"]:
            if "errand mcp login" not in json.dumps(seen):
                sys.exit(f"the call did not succeed: {seen} {done.stderr}")
            # It wants more than was agreed to: what a person does, who agrees to that.
            sign_in(re.findall(r"--scope (\S+?)[ `]", json.dumps(seen)))
            end(errand("run", "agent.toml", "--json"))
