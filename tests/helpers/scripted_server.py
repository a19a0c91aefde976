"""An OpenAI-compatible server in this process that does as a test tells it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]]
"""Status, body (bytes as they are, anything else as JSON), headers."""


def text_of(body: dict[str, Any]) -> str:
    """What the server makes of a request, unless it is told otherwise: depends on all of it."""
    asked = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    return f" [{asked}/{body.get('seed')}]"


def completion(body: dict[str, Any], **choice: Any) -> Reply:
    """A usual answer; `choice` replaces fields of it."""
    text = text_of(body)
    if "prompt" in body:
        made: dict[str, Any] = {"index": 0, "text": text, "finish_reason": "stop"}
    else:
        message = {"role": "assistant", "content": text}
        made = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return 200, {"choices": [made | choice], "usage": usage}


@dataclass
class Script:
    """What the server does, and what it saw."""

    answer: Callable[[dict[str, Any]], Reply] = completion
    """Called with the body of each completion request, in a thread of its own."""
    models: list[str] | None = field(default_factory=lambda: ["tiny"])
    """None: it does not list them."""
    broken_list: bool = False
    """It fails to list them."""
    key: str = ""
    """Refuse requests without it."""
    url: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body of each completion request, as they came."""
    keys: list[str | None] = field(default_factory=list)
    most_at_once: int = 0
    _now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def respond(self, path: str, body: dict[str, Any] | None, key: str | None) -> Reply:
        self.keys.append(key)
        if self.key and key != f"Bearer {self.key}":
            return 401, {"error": {"message": f"Incorrect API key provided: {key}"}}
        if path == "/v1/models":
            if self.broken_list:
                return 500, b"Internal Server Error"
            if self.models is None:
                return 404, {"detail": "Not Found"}
            return 200, {"object": "list", "data": [{"id": name} for name in self.models]}
        if body is None or path not in ("/v1/completions", "/v1/chat/completions"):
            return 404, {"detail": "Not Found"}
        with self.lock:
            self.requests.append((path, body))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            return self.answer(body)
        finally:
            with self.lock:
                self._now -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def do_GET(self) -> None:
        self._send(self.script.respond(self.path, None, self.headers["Authorization"]))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(self.script.respond(self.path, body, self.headers["Authorization"]))

    def _send(self, reply: Reply) -> None:
        status, body, *more = reply
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.send_response(status)
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            # The client has gone, as in tests of timeouts and stops.
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(script: Script) -> Iterator[Script]:
    """A server on a free port of this machine; `script.url` says where."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # A handler that a test holds up must not hold up the end.
    server.daemon_threads = True
    server.block_on_close = False
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
