"""The gate before every request: who may call by which name, how much, how often; and the headers of answers.

An ASGI middleware that does without the framework: what it refuses reaches no route, and costs nothing. A
body is read here whole, within its limit of bytes and time, whatever its headers promise: a client that lies
about its length or sends a byte a minute holds no route. No header of CORS is ever sent, and a request that
writes is refused where a browser says that another site made it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...geodata.errors import Problem, WorkspaceError
from .audit import close_entry, open_entry
from .errors import Refusal, internal, response
from .state import Desk

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content security policy of the served page: everything from this server, nothing inline."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_SHARED = frozenset({"closures", "marks", "log", "tokens"})
"""First parts of the addresses at which a token writes."""
_BODIES = frozenset({"POST", "PUT", "PATCH"})
_BODY_S = 20.0
"""How long a body may take to arrive."""
_MOST_QUERY = 8192
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:@/\s]+)(?::\d{1,5})?")


def client_of(scope: Scope) -> str:
    """Name a client for counting: its address, of IPv6 the network of 64 bits that one customer has.

    Examples
    --------
    >>> client_of({"client": ("2001:db8::1:2", 5)}), client_of({"client": ("10.0.0.7", 5)})
    ('2001:db8::/64', '10.0.0.7')
    """
    text = (scope.get("client") or ("?", 0))[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return str(text)[:60]
    if address.version == 6:
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


class Gate:
    """Middleware: checks a request, hands it on with its body, and adds headers to the answer."""

    def __init__(self, app: ASGIApp, *, desk: Desk) -> None:
        self._app, self._desk = app, desk
        self._hosts = frozenset(host.lower() for host in desk.settings.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no route speaks over a websocket
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = _Answer(send, scope)
        try:
            body = await self._admit(scope, receive)
            if scope["method"] == "HEAD":  # answered as GET; what sends the answer leaves its body out
                scope = {**scope, "method": "GET"}
            await self._app(scope, body, answer)
        except Refusal as refusal:
            await response(refusal)(scope, receive, answer)
        except Exception as error:
            if answer.status:  # half of an answer is out: the connection must end
                raise
            await response(internal(error))(scope, receive, answer)
        finally:
            if "audit" in scope.get("state", {}):
                await anyio.to_thread.run_sync(close_entry, self._desk.store, scope["state"], answer.status)
            elif answer.status >= 400 and answer.status != 429 and _would_write(scope):
                await anyio.to_thread.run_sync(self._note_refused, scope, answer.status)

    def _note_refused(self, scope: Scope, status: int) -> None:
        """Note a write that was refused before anybody asked for its token: foreign, garbled, too long."""
        desk, client, state = self._desk, client_of(scope), dict[str, Any]()
        facts = {"action": scope["method"], "target": scope["path"], "client": client}
        with suppress(Refusal, WorkspaceError):  # as many as wrong tokens: nobody may fill the disk with them
            desk.rates.count("wrong", client)
            state["audit"] = open_entry(desk.store, at=desk.clock(), who="", role="", **facts)
            close_entry(desk.store, state, status)

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Check everything that no route needs to know; returns where the body comes from."""
        headers = Headers(scope=scope)
        host = self._check_host(headers)
        method = scope["method"]
        if len(scope.get("query_string", b"")) > _MOST_QUERY:
            raise Refusal(400, Problem("参数", f"最多 {_MOST_QUERY} 个字节", fix="多的内容请用 POST 发送"))
        self._desk.rates.count("read", client_of(scope))
        if method not in _READING:
            _check_origin(headers, host)
        if method not in _BODIES:
            return _nothing(receive)
        body = await self._body(headers, receive)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":
            fix = "请用 Content-Type: application/json"
            raise Refusal(415, Problem("请求头 Content-Type", "内容应为 JSON", kind[:40], fix))
        return _replayed(body, receive)

    def _check_host(self, headers: Headers) -> str:
        """Refuse names that are not the server's (DNS rebinding), and more than one of them."""
        given = headers.getlist("host")
        found = _HOST.fullmatch(given[0].strip()) if len(given) == 1 else None
        if found is None:
            raise Refusal(400, Problem("请求头 Host", "应有且只有一个主机名"), code="wrong_host")
        if "*" not in self._hosts and found[1].lower() not in self._hosts:
            fix = "请用服务器自己的地址访问; 其它名字由管理员用 --name 加上"
            shown = "".join(c for c in found[1] if c.isprintable())[:60]
            raise Refusal(
                400, Problem("请求头 Host", "这个主机名不在允许之列", shown, fix), code="wrong_host"
            )
        return given[0].strip().lower()

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        most = self._desk.settings.body_bytes
        stated = headers.get("content-length", "0")
        if stated.isascii() and stated.isdigit() and int(stated[:20]) > most:
            raise _too_large(most)
        parts, size = [], 0
        with anyio.move_on_after(_BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return b""
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > most:
                    raise _too_large(most)
                if not message.get("more_body", False):
                    return b"".join(parts)
        what = f"内容 {_BODY_S:g} 秒内没有送完"
        raise Refusal(400, Problem("请求", what, fix="请检查网络后再试"), headers={"Connection": "close"})


def _would_write(scope: Scope) -> bool:
    """Tell whether a request asks for what needs a token to be written."""
    part = scope["path"].strip("/").partition("/")[0]
    return scope["method"] not in _READING and part in _SHARED and scope["path"] != "/closures/preview"


def _too_large(most: int) -> Refusal:
    what = f"内容太大, 最多 {most:,} 字节"
    return Refusal(413, Problem("请求", what, fix="请分成几次"), headers={"Connection": "close"})


def _check_origin(headers: Headers, host: str) -> None:
    """Refuse what a browser sends in the name of another site."""
    origin = headers.get("origin")
    foreign = origin is not None and _name_in(origin) != host
    if foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise Refusal(403, Problem("请求", "来自别的网站, 没有办理", fix="请在值班台自己的页面上操作"))


def _name_in(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # http://[
        return ""


def _nothing(receive: Receive) -> Receive:
    """Give no body to routes that read none, and the end of the connection when it comes."""

    async def wait() -> Message:
        message = await receive()
        while message["type"] == "http.request" and message.get("more_body", False):
            message = await receive()
        return message

    return wait


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give the whole body once, then what the connection says."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return next_message


class _Answer:
    """Adds the headers that every answer has, and remembers its status."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self._send, self._path = send, scope["path"]
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Send one message of an answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            _add(headers, _HEADERS)
            if "cache-control" not in headers:
                headers["Cache-Control"] = "no-store"  # answers name people and their telephones
        await self._send(message)


def _add(headers: MutableHeaders, more: Mapping[str, str]) -> None:
    for name, value in more.items():
        headers.setdefault(name, value)
