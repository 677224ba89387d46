"""A stand-in for Google Cloud Storage on loopback, which TensorFlow's client talks to.

    with stand_in_gcs.Server() as server:
        os.environ.update(server.environment)
        tf.io.gfile.listdir("gs://bucket/x")
        server.count()

The client knows one address, https://www.googleapis.com; it is led here as to a proxy,
whose certificate is the one beside this file. What is served is what the client asks
for: objects with generations, conditions, pages of lists, ranges, resumable uploads.
"""

from __future__ import annotations

import datetime
import http.server
import json
import pathlib
import re
import socketserver
import ssl
import threading
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse

CERTIFICATE = pathlib.Path(__file__).with_name("stand_in_gcs.pem")
_STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"
_UPLOAD = r"/upload/storage/v1/b/([^/]+)/o"
_REWRITE = r"/storage/v1/b/([^/]+)/o/([^/]+)/rewriteTo/b/([^/]+)/o/([^/]+)"
_OBJECT = r"/storage/v1/b/([^/]+)/o/([^/]+)"
_LIST = r"/storage/v1/b/([^/]+)/o"
_BUCKET = r"/storage/v1/b/([^/]+)"
_CONTENT = r"/([^/]+)/(.+)"


class Server:
    """The store, empty, and the thread that serves it; `environment` leads a client."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.objects: dict[tuple[str, str], tuple[int, str, bytes]] = {}
        self.uploads: dict[str, tuple[str, str, bytearray]] = {}
        self.requests: Counter[str] = Counter()
        self.generation = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        handler = type("Handler", (_Handler,), {"store": self, "context": context})
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process whose client is to talk to it, without credentials."""
        proxy = f"http://127.0.0.1:{self._http.server_address[1]}"
        return {
            "https_proxy": proxy,
            "no_proxy": "",
            "CURL_CA_BUNDLE": str(CERTIFICATE),
            "NO_GCE_CHECK": "true",
            "GOOGLE_APPLICATION_CREDENTIALS": "",
        }

    def count(self) -> int:
        """Requests since it was last asked."""
        with self.lock:
            number = self.requests.total()
            self.requests.clear()
        return number

    def names(self, bucket: str) -> list[str]:
        """The objects of a bucket."""
        with self.lock:
            return sorted(name for where, name in self.objects if where == bucket)

    def age(self, seconds: float) -> None:
        """Lets everything be older than it is, as if that time had passed."""
        with self.lock:
            for key, (number, stamp, data) in self.objects.items():
                then = datetime.datetime.strptime(stamp, _STAMP)
                earlier = then - datetime.timedelta(seconds=seconds)
                self.objects[key] = number, earlier.strftime(_STAMP), data

    # Below, with the lock held.

    def put(self, key: tuple[str, str], data: bytes) -> dict[str, Any]:
        self.generation += 1
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = now.strftime(_STAMP)
        self.objects[key] = (self.generation, stamp, data)
        return self.about(key)

    def about(self, key: tuple[str, str]) -> dict[str, Any]:
        generation, updated, data = self.objects[key]
        return {
            "bucket": key[0],
            "name": key[1],
            "size": str(len(data)),
            "generation": str(generation),
            "updated": updated,
        }

    def page(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        found: dict[str, dict[str, Any] | None] = {}
        for where, name in sorted(self.objects):
            if where != bucket or not name.startswith(prefix):
                continue
            inner = name[len(prefix) :]
            if delimiter and delimiter in inner:
                found[prefix + inner.partition(delimiter)[0] + delimiter] = None
            elif name >= query.get("startOffset", ""):
                found[name] = self.about((where, name))
        # A page holds objects and prefixes together, as the real one does.
        names = sorted(found)
        after = query.get("pageToken", "")
        names = [name for name in names if name > after]
        most = min(1000, int(query.get("maxResults", 1000)))
        page: dict[str, Any] = {
            "items": [found[n] for n in names[:most] if found[n]],
            "prefixes": [n for n in names[:most] if not found[n]],
        }
        if len(names) > most:
            page["nextPageToken"] = names[most - 1]
        return page


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Server
    context: ssl.SSLContext

    def log_message(self, *_: Any) -> None:
        pass

    def do_CONNECT(self) -> None:  # noqa: N802
        """Becomes the server that the client asked its proxy for."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)
        self.close_connection = False

    def _answer(self, code: int, data: Any = b"", **headers: str) -> None:
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self) -> None:
        address = urlparse(self.path)
        query = {k: v[0] for k, v in parse_qs(address.query).items()}
        body = self._body()
        with self.store.lock:
            self.store.requests[f"{self.command} {address.path}"] += 1
            code, data, headers = self._result(address.path, query, body)
        self._answer(code, data, **headers)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _result(
        self, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        store, act = self.store, self.command
        if found := re.fullmatch(_UPLOAD, path):
            return self._upload(found[1], query, body)
        if found := re.fullmatch(_REWRITE, path):
            source, target = ((found[n], unquote(found[n + 1])) for n in (1, 3))
            if source not in store.objects:
                return 404, {}, {}
            made = store.put(target, store.objects[source][2])
            return 200, {"done": True, "resource": made}, {}
        if found := re.fullmatch(_OBJECT, path):
            key = found[1], unquote(found[2])
            if key not in store.objects:
                return 404, {"error": {"code": 404}}, {}
            if act == "DELETE":
                del store.objects[key]
                return 204, b"", {}
            return 200, store.about(key), {}
        if found := re.fullmatch(_LIST, path):
            return 200, store.page(found[1], query), {}
        if found := re.fullmatch(_BUCKET, path):
            return 200, {"name": found[1], "location": "US"}, {}
        if found := re.fullmatch(_CONTENT, path):
            return self._content((found[1], unquote(found[2])))
        return 400, {}, {}

    def _upload(
        self, bucket: str, query: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        store = self.store
        if self.command == "PUT":
            where, name, data = store.uploads[query["upload_id"]]
            data += body
            return 200, store.put((where, name), bytes(data)), {}
        key = bucket, query["name"]
        if query.get("ifGenerationMatch") == "0" and key in store.objects:
            return 412, {"error": {"code": 412}}, {}
        if query.get("uploadType") != "resumable":
            return 200, store.put(key, body), {}
        store.generation += 1
        number = str(store.generation)
        store.uploads[number] = (*key, bytearray())
        host = "https://www.googleapis.com"
        place = f"{host}/upload/storage/v1/b/{bucket}/o?upload_id={number}"
        return 200, b"", {"Location": place}

    def _content(self, key: tuple[str, str]) -> tuple[int, Any, dict[str, str]]:
        if key not in self.store.objects:
            return 404, {}, {}
        data = self.store.objects[key][2]
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not span:
            return 200, data, {}
        first, last = int(span[1]), min(int(span[2]) + 1, len(data))
        if first >= len(data):
            return 416, {}, {}
        about = f"bytes {first}-{last - 1}/{len(data)}"
        return 206, data[first:last], {"Content_Range": about}
