"""A hub of models on this machine: as much of its protocol as a push and a pull use."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandIn(http.server.ThreadingHTTPServer):
    """Repositories in memory.

    Attributes:
        files: content by repository and name.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, dict[str, bytes]] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.files.setdefault(name, {})
            self._tell({"url": f"{self.server.endpoint}/{name}"})
        elif self.path == "/api/validate-yaml":
            self._tell({"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/api/models/([^?]+)/preupload/main.*", self.path):
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                for f in json.loads(body)["files"]
            ]
            self._tell({"files": files})
        elif found := re.fullmatch(r"/api/models/([^?]+)/commit/main.*", self.path):
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    content = base64.b64decode(line["value"]["content"])
                    self.server.files[found[1]][line["value"]["path"]] = content
            url = f"{self.server.endpoint}/{found[1]}/commit/{COMMIT}"
            self._tell({"commitUrl": url, "commitOid": COMMIT})
        else:
            self._answer(404, b"")

    def do_HEAD(self) -> None:
        self._file()

    def do_GET(self) -> None:
        self._file()

    def _file(self) -> None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        content = self.server.files.get(found[1], {}).get(found[3]) if found else None
        if content is None:
            known = found and found[1] in self.server.files
            code = "EntryNotFound" if known else "RepoNotFound"
            self._answer(404, b"", **{"X-Error-Code": code})
            return
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        self._answer(200, content, **{"ETag": etag, "X-Repo-Commit": COMMIT})

    def _tell(self, value: Any) -> None:
        self._answer(
            200, json.dumps(value).encode(), **{"Content-Type": "application/json"}
        )

    def _answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def serving() -> Iterator[StandIn]:
    """A hub that runs meanwhile."""
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
