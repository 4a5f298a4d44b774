"""The network. The host sends the request, follows redirects, and judges every hop."""

import json
from dataclasses import dataclass, field

from componentize_py_types import Err
from wit_world.imports import http as host

from .declare import Failed


@dataclass
class Response:
    """Any status is an answer; `ok()` makes a failure of those that are none."""

    status: int
    url: str
    content_type: str
    body: bytes = field(repr=False)

    def ok(self) -> "Response":
        if 200 <= self.status < 300:
            return self
        raise Failed(f"`{self.url}` answered with status {self.status}")

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)


def get(url: str) -> Response:
    """Sends a GET."""
    return send("GET", url)


def send(method: str, url: str, *, headers=None, secrets=None, body: bytes | None = None) -> Response:
    """Sends a request. `headers`: name to text. `secrets`: header to the name of a secret, whose
    value the host puts in."""
    given = [host.Header(name, host.HeaderValue_Text(text)) for name, text in (headers or {}).items()]
    given += [
        host.Header(header, host.HeaderValue_Secret(name)) for header, name in (secrets or {}).items()
    ]
    try:
        said = host.send(host.Request(method, url, given, body))
    except Err as error:
        raise Failed(error.value) from None
    return Response(said.status, said.url, said.content_type, said.body)
