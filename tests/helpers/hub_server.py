"""A stand-in for the Hugging Face Hub: its HTTP interface as far as pushing and loading use it.

Repositories live in memory. Source: huggingface_hub's own calls, and
https://huggingface.co/docs/hub/api
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LFS = (".safetensors", ".parquet", ".bin")
WRITER, READER = "hf_writer", "hf_reader"
"""Tokens: of one who may write under `me`, and of one who may not."""
Answered = tuple[int, Any] | tuple[int, Any, dict[str, str]]


@dataclass
class Repo:
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    @property
    def sha(self) -> str:
        state = f"{sorted(self.files)}{len(self.messages)}"
        return hashlib.sha1(state.encode()).hexdigest()


@dataclass
class Hub:
    """What is stored, and what went by."""

    url: str = ""
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    """By kind (models, datasets) and id."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """Large files by their sha256."""
    broken: int = 0
    """Answer every commit with this status."""
    seen: list[str] = field(default_factory=list)
    """Method and path of each request."""

    def answer(self, method: str, path: str, body: bytes, headers: Any) -> Answered:
        self.seen.append(f"{method} {path}")
        if method == "PUT" and path.startswith("/objects/"):
            self.objects[path.rpartition("/")[2]] = body
            return 200, {}
        token = (headers["Authorization"] or "").removeprefix("Bearer ")
        if token not in (WRITER, READER, ""):
            return 401, {"error": f"Invalid credentials: {token}"}
        for pattern, deal in ROUTES:
            if match := re.fullmatch(pattern, f"{method} {path}"):
                answered: Answered = deal(self, body, token, **match.groupdict())
                return answered
        return 404, {"error": f"The stand-in knows no {method} {path}"}

    # --- routes -------------------------------------------------------------------------------

    def whoami(self, body: bytes, token: str) -> Answered:
        if not token:
            return 401, {"error": "Invalid username or password."}
        return 200, {"name": "me", "type": "user", "orgs": []}

    def create(self, body: bytes, token: str) -> Answered:
        asked = json.loads(body)
        space = asked.get("organization") or "me"
        if token != WRITER or space != "me":
            return 403, {"error": f'You don\'t have the rights to create under "{space}"'}
        kind = asked.get("type", "model") + "s"
        name = f"{space}/{asked['name']}"
        url = f"{self.url}/{'' if kind == 'models' else kind + '/'}{name}"
        if (kind, name) in self.repos:
            return 409, {"error": "You already created this repo", "url": url}
        self.repos[kind, name] = Repo(private=asked.get("visibility") == "private")
        return 200, {"url": url, "name": name}

    def info(self, body: bytes, token: str, kind: str, repo: str) -> Answered:
        found = self._readable(kind, repo, token)
        if found is None:
            return self._missing("RepoNotFound")
        files = [{"rfilename": name} for name in sorted(found.files)]
        about = {"id": repo, "private": found.private, "sha": found.sha, "siblings": files}
        return 200, {**about, "tags": [], "downloads": 0}

    def tree(self, body: bytes, token: str, kind: str, repo: str) -> Answered:
        found = self._readable(kind, repo, token)
        if found is None:
            return self._missing("RepoNotFound")
        return 200, [
            {"type": "file", "path": name, "size": len(data), "oid": blob_id(data)}
            for name, data in sorted(found.files.items())
        ]

    def validate_yaml(self, body: bytes, token: str) -> Answered:
        text = json.loads(body)["content"]
        if not text.startswith("---\n"):
            return 400, {"errors": [{"message": "no metadata"}], "warnings": []}
        return 200, {"errors": [], "warnings": []}

    def preupload(self, body: bytes, token: str, kind: str, repo: str) -> Answered:
        found = self._readable(kind, repo, token)
        if found is None:
            return self._missing("RepoNotFound")
        return 200, {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(LFS) else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
        }

    def batch(self, body: bytes, token: str, repo: str) -> Answered:
        objects = json.loads(body)["objects"]
        for each in objects:
            if each["oid"] not in self.objects:
                href = f"{self.url}/objects/{each['oid']}"
                each["actions"] = {"upload": {"href": href}}
        return 200, {"transfer": "basic", "objects": objects}

    def commit(self, body: bytes, token: str, kind: str, repo: str) -> Answered:
        if self.broken:
            return self.broken, {"error": "Repository storage limit reached"}
        if token != WRITER:
            return 403, {"error": "You have read access only"}
        found = self.repos[kind, repo]
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                found.messages.append(value["summary"])
            elif entry["key"] == "file":
                found.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                found.files[value["path"]] = self.objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del found.files[value["path"]]
        url = f"{self.url}/{repo}/commit/{found.sha}"
        return 200, {"commitUrl": url, "commitOid": found.sha, "success": True}

    def resolve(self, body: bytes, token: str, repo: str, file: str, kind: str = "") -> Answered:
        found = self._readable(kind or "models", repo, token)
        if found is None:
            return self._missing("RepoNotFound")
        if unquote(file) not in found.files:
            return self._missing("EntryNotFound", found.sha)
        data = found.files[unquote(file)]
        return 200, data, {"X-Repo-Commit": found.sha, "ETag": f'"{blob_id(data)}"'}

    def _readable(self, kind: str, repo: str, token: str) -> Repo | None:
        found = self.repos.get((kind, repo))
        return found if found and (token or not found.private) else None

    def _missing(self, code: str, sha: str = "") -> Answered:
        headers = {"X-Error-Code": code}
        return 404, {"error": code}, headers | ({"X-Repo-Commit": sha} if sha else {})


REPO = r"(?P<repo>[^/]+/[^/]+)"
API = rf"/api/(?P<kind>models|datasets)/{REPO}"
ROUTES: list[tuple[str, Any]] = [
    (r"GET /api/whoami-v2", Hub.whoami),
    (r"POST /api/repos/create", Hub.create),
    (r"POST /api/validate-yaml", Hub.validate_yaml),
    (rf"GET {API}(/revision/[^/]+)?", Hub.info),
    (rf"GET {API}/tree/[^/]+", Hub.tree),
    (rf"POST {API}/preupload/[^/]+", Hub.preupload),
    (rf"POST {API}/commit/[^/]+", Hub.commit),
    (rf"POST /(datasets/)?{REPO}\.git/info/lfs/objects/batch", Hub.batch),
    (rf"(GET|HEAD) /((?P<kind>datasets)/)?{REPO}/resolve/[^/]+/(?P<file>.+)", Hub.resolve),
]


def blob_id(data: bytes) -> str:
    """Git's name for a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def _deal(self) -> None:
        body = self._body()
        path = urlsplit(self.path).path
        status, answer, *more = self.hub.answer(self.command, path, body, self.headers)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (more[0] if more else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = _deal

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """A stand-in on a free port of this machine; `hub.url` is its HF_ENDPOINT."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
