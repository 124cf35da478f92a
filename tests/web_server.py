"""A web server on this machine that serves files well or badly, as a test wants it."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Route = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Hands each request to the route of its path, and notes it."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _serve(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        self.body = body
        self.server.seen.append((path, {key.lower(): value for key, value in self.headers.items()}))
        self.close_connection = True
        with contextlib.suppress(ConnectionError, TimeoutError):
            self.server.routes.get(path, status(404))(self)

    def send(self, code: int, body: bytes, **headers: str) -> None:
        """Answer whole."""
        self.send_response(code)
        for name, value in {"Content_Length": str(len(body)), "Connection": "close", **headers}.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """The routes by path, and the requests that came: (path, headers)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.routes: dict[str, Route] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients hang up on purpose."""


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Serve while a test runs."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def status(code: int, body: bytes = b"", **headers: str) -> Route:
    """Always the same answer."""
    return lambda handler: handler.send(code, body, **headers)


def in_turn(*routes: Route) -> Route:
    """One route after the other; the last stays."""
    left = list(routes)

    def next_one(handler: Handler) -> None:
        route = left.pop(0) if len(left) > 1 else left[0]
        route(handler)

    return next_one


@dataclass
class File:
    """A file, and what is wrong with the way it is served."""

    content: bytes
    etag: str = '"one"'
    modified: str = "Mon, 02 Mar 2026 20:21:00 GMT"
    ranges: bool = True
    """Whether Range is obeyed."""
    breaks: list[int] = field(default_factory=list)
    """Of each request in turn, the bytes after which the connection is cut."""
    longer: int = 0
    """Added to what Content-Length says."""
    chunked: bool = False
    shift: int = 0
    """Added to the start that Content-Range says."""
    pause_s: float = 0.0
    """Before each ``piece`` bytes."""
    piece: int = 1 << 16
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, handler: Handler) -> None:
        start = self._start(handler)
        if start is None:
            handler.send(416, b"", Content_Range=f"bytes */{len(self.content)}")
            return
        if handler.headers.get("If-None-Match") == self.etag:
            handler.send(304, b"", Content_Length="")
            return
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            at = start + self.shift
            total = len(self.content)
            handler.send_header("Content-Range", f"bytes {at}-{at + len(body) - 1}/{total}")
        self._describe(handler, len(body))
        self._write(handler, body)

    def _start(self, handler: Handler) -> int | None:
        asked = handler.headers.get("Range", "")
        condition = handler.headers.get("If-Range")
        fresh = condition in (None, self.etag, self.modified)
        if not asked or not self.ranges or not fresh:
            return 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return start if start < len(self.content) else None

    def _describe(self, handler: Handler, length: int) -> None:
        if self.etag:
            handler.send_header("ETag", self.etag)
        if self.modified:
            handler.send_header("Last-Modified", self.modified)
        if self.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", str(length + self.longer))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Connection", "close")
        handler.end_headers()

    def _write(self, handler: Handler, body: bytes) -> None:
        end = self.breaks.pop(0) if self.breaks else len(body)
        for at in range(0, min(end, len(body)), self.piece):
            time.sleep(self.pause_s)
            part = body[at : min(at + self.piece, end)]
            frame = b"%x\r\n%s\r\n" % (len(part), part) if self.chunked else part
            handler.wfile.write(frame)
            handler.wfile.flush()
        if self.chunked and end >= len(body):
            handler.wfile.write(b"0\r\n\r\n")


def md5_of(content: bytes, name: str = "x.osm.pbf") -> bytes:
    """The text of an .md5 file."""
    return f"{hashlib.md5(content).hexdigest()}  {name}\n".encode()
