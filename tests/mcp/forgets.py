"""A server over streamable HTTP, in plain Python, that forgets its clients after each call. It says
on standard output where it is, and in a file what it was asked."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSIONS = []
LOG = open(sys.argv[1], "a", buffering=1)


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, message=None, **headers):
        body = json.dumps(message).encode() if message is not None else b""
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        if body:
            self.send_header("content-type", "application/json")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(405)

    def do_DELETE(self):
        self.answer(200)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method, known = request["method"], self.headers.get("mcp-session-id") in SESSIONS
        whose = "" if known or method == "initialize" else " of nobody"
        LOG.write(f"{method}{whose}\n")
        if method == "initialize":
            SESSIONS.append(f"session-{len(SESSIONS)}-{id(request)}")
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "forgets", "version": "1"},
            }
            message = {"jsonrpc": "2.0", "id": request["id"], "result": result}
            return self.answer(200, message, mcp_session_id=SESSIONS[-1])
        if not known:
            return self.answer(404)
        if "id" not in request:
            return self.answer(202)
        if method == "tools/list":
            tool = {"name": "work", "description": "Works.", "inputSchema": {"type": "object"}}
            result = {"tools": [tool]}
        else:
            result = {"content": [{"type": "text", "text": "done"}]}
            SESSIONS.clear()
        self.answer(200, {"jsonrpc": "2.0", "id": request["id"], "result": result})


server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
print(server.server_port, flush=True)
server.serve_forever()
