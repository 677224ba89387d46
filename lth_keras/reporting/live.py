"""A page that is served to this machine alone, and drawn again when there is news.

with live.server(state, page, port=0) as one:
    one.serve_forever()
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable
from typing import Any

from lth_keras.errors import LotteryError

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")


def server(
    state: Callable[[], str], page: Callable[[str], str], port: int
) -> http.server.ThreadingHTTPServer:
    """A server of two addresses: the page, and what state it is of.

    Args:
        state: f() -> a text that changes when the page would.
        page: f(state) -> the page as HTML; made once for each state.
        port: to listen at; 0 for a free one, `server_port` of the result.

    Raises:
        LotteryError: somebody else listens there.
    """
    pages = _Pages(page)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  The name is the host's.
            # A page of another host that was led here by its name must not read this.
            name = self.headers.get("Host", "").rpartition(":")[0]
            if name not in _NAMES:
                self._answer(403, "text/plain", "only for this machine\n")
            elif self.path == "/":
                self._answer(200, "text/html", pages.of(state()))
            elif self.path == "/state":
                self._answer(200, "text/plain", state())
            else:
                self._answer(404, "text/plain", "there is / alone\n")

        def _answer(self, code: int, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: a page asks every two seconds."""

    try:
        return _Server((HOST, port), Handler)
    except OSError as error:
        raise LotteryError(
            f"port={port} cannot be listened at ({error.strerror}): use another, or 0 "
            "for a free one"
        ) from None


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True  # Ctrl-C does not wait for a drawing.

    def handle_error(self, *_: Any) -> None:
        """Nothing: a browser that is closed hears no answer."""


class _Pages:
    """The page of the last state; several browsers wait for one drawing."""

    def __init__(self, page: Callable[[str], str]):
        self._page, self._lock = page, threading.Lock()
        self._last: tuple[str, str] | None = None

    def of(self, state: str) -> str:
        with self._lock:
            if self._last is None or self._last[0] != state:
                self._last = state, self._page(state)
            return self._last[1]
