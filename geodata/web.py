"""Ask a web server for a file as if it were hostile: bounded in time, size and redirects."""

from __future__ import annotations

import errno
import http.client
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from .pbf_check import starts_as_pbf

SLOWEST = 1000
"""Bytes a second that a server must bring at least."""

_MOST_REDIRECTS = 5
_PIECE = 1 << 16
_SMALL = 4096
_SAY_S = 1.0
_ASTRAY = "服务器不断转向, 或转向不安全的地址, 不跟随"
_NO_FILE = (401, 402, 403, 404, 405, 406, 410, 451)


class Failed(Exception):  # noqa: N818  (a step that failed, not the error that a user meets)
    """One try failed; the next may succeed unless it is ``final``."""

    def __init__(
        self,
        what: str,
        got: str = "",
        fix: str = "",
        *,
        final: bool = False,
        anew: bool = False,
        slow: bool = False,
        after_s: float = 0.0,
    ) -> None:
        """Say what happened, in Chinese; ``anew``: what came before is of no use."""
        super().__init__(what)
        self.what, self.got, self.fix = what, got[:200], fix
        self.final, self.anew, self.slow, self.after_s = final, anew, slow, after_s


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow few redirects, to the web only, and from https to https only."""

    max_redirections = _MOST_REDIRECTS
    max_repeats = 2

    def redirect_request(  # noqa: PLR0917  (as urllib has it)
        self, req: Any, fp: Any, code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (scheme == "http" and req.type == "https"):
            raise Failed(_ASTRAY, newurl, final=True)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Make an opener that knows http and https only; this machine is never reached through a proxy."""
    host = urlsplit(url).hostname or ""
    here = host in ("localhost", "::1") or host.startswith("127.")
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({} if here else None),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


class Answer:
    """What a server sends: which part of which version of the file, and the bytes."""

    def __init__(self, response: Any, fetch: Fetch) -> None:
        """Read the headers."""
        self._response, self._fetch = response, fetch
        headers = response.headers
        self.unchanged = response.status == 304
        self.etag = headers.get("ETag") or ""
        self.last_modified = headers.get("Last-Modified") or ""
        self.content_range = headers.get("Content-Range") or ""
        length = headers.get("Content-Length") or ""
        self.length = int(length) if length.isdecimal() and len(length) < 16 else None
        self.start, self.total = 0, self.length
        if response.status == 206:
            self.start, self.total = self._range()

    def _range(self) -> tuple[int, int | None]:
        """Read ``Content-Range``; -1 where it is none."""
        found = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", self.content_range.strip())
        if not found:
            return -1, None
        return int(found[1]), None if found[3] == "*" else int(found[3])

    def copy_to(self, file: BinaryIO) -> None:
        """Write the bytes as they come.

        Raises
        ------
        Failed
            They end too soon, come too slowly, are too many, or are no OSM PBF file.
        OSError
            They cannot be written.
        """
        at = self.start
        for piece in self._pieces():
            if at == 0 and not starts_as_pbf(piece):
                what = "服务器给出的不是 OSM PBF 文件 (可能是登录页或出错页)"
                shown = piece[:60].decode("utf-8", "replace")
                raise Failed(what, shown, "请检查网址, 或用浏览器打开看看", final=True)
            at += len(piece)
            if at > self._fetch.most_bytes:
                raise Failed(f"文件超过 {self._fetch.most_bytes >> 20} MB, 不下载", final=True)
            file.write(piece)
            self._fetch.report(at, self.total)
        if self.total is not None and at != self.total:
            raise Failed("连接中断, 文件没有传完", f"{at} / {self.total} 字节", anew=at > self.total)

    def head(self, most: int) -> bytes:
        """Read the first bytes; raises ``Failed``."""
        kept = b""
        for piece in self._pieces():
            kept += piece
            if len(kept) >= most:
                break
        return kept[:most]

    def _pieces(self) -> Iterator[bytes]:
        """Yield the bytes; a server that hardly sends any is left."""
        first, since, came = True, time.monotonic(), 0
        while True:
            try:
                piece = self._response.read1(_PIECE)
                while first and piece and len(piece) < 16 and (more := self._response.read1(_PIECE)):
                    piece += more  # enough to see what it is
            except (http.client.HTTPException, ValueError, OSError) as error:
                raise Failed(f"连接中断 ({plain_error(error)})") from None
            if not piece:
                return
            first = False
            yield piece
            came += len(piece)
            seconds = time.monotonic() - since
            if seconds >= self._fetch.timeout_s:
                if came < SLOWEST * seconds:
                    raise Failed("服务器传得太慢, 断开重连", f"{came / seconds:.0f} 字节/秒", slow=True)
                since, came = time.monotonic(), 0


class Fetch:
    """One request for a file or for the rest of it."""

    def __init__(
        self, url: str, *, timeout_s: float, most_bytes: int, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Take the address and the bounds."""
        self.url, self.timeout_s, self.most_bytes, self._say = url, timeout_s, most_bytes, say
        self._said = time.monotonic()

    def report(self, at: int, total: int | None) -> None:
        """Tell how far it is, once a second."""
        if time.monotonic() - self._said >= _SAY_S:
            self._said = time.monotonic()
            of = f" / {total / 1e6:.1f}" if total else ""
            self._say(f"下载 {self.url.rpartition('/')[2]}: {at / 1e6:.1f}{of} MB")

    @contextmanager
    def open(self, *, have: int = 0, validator: str = "", known: str = "") -> Iterator[Answer]:
        """Ask for the file from byte ``have``, if it is still that version; or only if it is not ``known``.

        Raises
        ------
        Failed
            The server cannot be reached or refuses.
        """
        headers = {"User-Agent": "boai", "Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        elif known:
            headers |= {"If-None-Match": known}
        try:
            request = urllib.request.Request(self.url, headers=headers)  # noqa: S310 (checked: http, https)
            response = _opener(self.url).open(request, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304 and known:
                    yield Answer(error, self)
                    return
                raise _refused(error) from None
        except (urllib.error.URLError, http.client.HTTPException, ValueError, OSError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise Failed(f"无法连接服务器 ({plain_error(reason)})") from None
        with response:
            answer = Answer(response, self)
            self._check(response, answer)
            yield answer

    def _check(self, response: Any, answer: Answer) -> None:
        encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise Failed(
                "服务器擅自压缩了文件, 无法续传和核对", encoding, "请换一个镜像 (mirror)", final=True
            )
        if answer.total is not None and answer.total > self.most_bytes:
            what = f"文件超过 {self.most_bytes >> 20} MB, 不下载"
            raise Failed(what, f"{answer.total >> 20} MB", final=True)


def _refused(error: urllib.error.HTTPError) -> Failed:
    """Turn a status of the server into a failure."""
    said = f"HTTP {error.code}"
    if 300 <= error.code < 400:
        return Failed(_ASTRAY, said, final=True)
    if error.code in _NO_FILE:
        return Failed("服务器上没有这个文件, 或不允许下载", said, "请核对地区或网址", final=True)
    after = error.headers.get("Retry-After") or ""
    seconds = float(after) if after.isdecimal() and len(after) < 6 else 0.0
    if error.code == 429 or error.code >= 500:
        return Failed("服务器繁忙或出错", said, after_s=seconds)
    return Failed("服务器拒绝了请求", said, anew=error.code == 416)


def fetch_small(url: str, *, timeout_s: float) -> str:
    """Fetch a short text, such as a checksum; what is longer is cut off.

    Raises
    ------
    Failed
        It cannot be had.
    """
    with Fetch(url, timeout_s=timeout_s, most_bytes=1 << 40).open() as answer:
        return answer.head(_SMALL).decode("ascii", "replace")


def plain_error(error: object) -> str:
    """Say in Chinese why something with the network or the disk failed."""
    if isinstance(error, TimeoutError | socket.timeout):
        return "超时"
    if isinstance(error, socket.gaierror):
        return "找不到服务器, 可能没有联网"
    if isinstance(error, ConnectionRefusedError):
        return "服务器拒绝连接"
    if isinstance(error, http.client.IncompleteRead | ConnectionError | http.client.RemoteDisconnected):
        return "连接断开"
    number = getattr(error, "errno", None)
    texts = {
        errno.ENOSPC: "磁盘已满", errno.EACCES: "没有权限", errno.EPERM: "没有权限", errno.EROFS: "只读",
        errno.ENETUNREACH: "没有联网", errno.EHOSTUNREACH: "没有联网", errno.EDQUOT: "磁盘配额已满",
    }  # fmt: skip
    return texts.get(number or 0) or getattr(error, "strerror", None) or type(error).__name__
