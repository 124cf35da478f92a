"""Running the server: one process or several, on this machine unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.supervisors import Multiprocess

from ...geodata.errors import InputError, Problem
from ..desk.ground import open_ground
from .app import SETTINGS, create_app
from .audit import plain
from .settings import LOOPBACK, Settings

PORT = 8642
"""Port where nothing else is told."""

HEAD_S = 15.0
"""How long the head of a request may take to arrive."""
_MOST_HEAD = 32 << 10
_MOST_CONNECTIONS = 400
_BACKLOG = 256
_KEEP_ALIVE_S = 15
_WHY = {
    errno.EADDRINUSE: "已被别的程序占用",
    errno.EACCES: "没有权限使用",
    errno.EADDRNOTAVAIL: "不是本机的地址",
}


class Impatient(H11Protocol):
    """uvicorn's protocol, which alone would wait for ever for the head of a request."""

    head_s = HEAD_S
    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        found = transport.get_extra_info("socket")
        if found is not None and found.family in {socket.AF_INET, socket.AF_INET6}:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else 40 ms between head and body
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and wait for the rest of a head."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._calm()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._calm()
        elif self._alarm is None:
            self._alarm = self.loop.call_later(self.head_s, self._give_up)

    def _calm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _give_up(self) -> None:
        self._alarm = None
        if not self.transport.is_closing():
            self.transport.close()


def serve(
    root: Path,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    workers: int = 1,
    allow_hosts: Sequence[str] = (),
    behind_proxy: bool = False,
    reads: str = "",
    writes: str = "",
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a workspace until a signal ends it.

    Parameters
    ----------
    root
        Workspace.
    host
        Address to listen at; by default only this machine can call.
    port
        0: any that is free.
    workers
        Processes; one that dies is replaced.
    allow_hosts
        Further names by which browsers may call; needed where ``host`` is not of this machine alone.
    behind_proxy
        A reverse proxy on this machine says who the client is (X-Forwarded-For, X-Forwarded-Proto).
    reads, writes
        Rates, see `settings.Settings`; empty: the defaults.
    ready
        Called with the address when the port is open.

    Raises
    ------
    InputError
        The address cannot be used, or names of hosts are missing.
    WorkspaceError
        The workspace is missing or damaged.
    """
    hosts = _hosts(host, allow_hosts)
    usual = Settings(str(root.absolute()), hosts=hosts, behind_proxy=behind_proxy)
    settings = replace(usual, reads=reads or usual.reads, writes=writes or usual.writes)
    if not 1 <= workers <= 64:
        raise InputError(Problem("--workers", "应在 1 到 64 之间", str(workers)))
    _clean_logs()
    with _listening(host, port) as listener:
        if workers == 1:
            app = create_app(root, settings=settings)
            ready(_address(listener))
            server = uvicorn.Server(config_of(app, settings))
            server.run(sockets=[listener])
            return
        open_ground(root, warm=False)  # what is wrong with it is said once, not by every worker
        os.environ[SETTINGS] = settings.as_text()
        config = config_of("boai.app.server.app:from_environment", settings, factory=True, workers=workers)
        ready(_address(listener))
        Multiprocess(config, sockets=[listener]).run()


def config_of(app: Any, settings: Settings, **more: Any) -> uvicorn.Config:
    """Make uvicorn's settings: limits for slow and many clients, no banner, no websockets."""
    return uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        limit_concurrency=_MOST_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        timeout_worker_healthcheck=30,
        h11_max_incomplete_event_size=_MOST_HEAD,
        **more,
    )


def _hosts(host: str, more: Sequence[str]) -> tuple[str, ...]:
    """List the names by which the server may be called."""
    if _is_loopback(host):
        return tuple(dict.fromkeys([*LOOPBACK, *more]))
    own = () if host in {"0.0.0.0", "::", ""} else (f"[{host}]" if ":" in host else host,)  # noqa: S104
    if not (own or more):
        fix = "请用 --name 写明浏览器访问时用的主机名或地址, 例如 --name desk.example.org"
        raise InputError(Problem("--host", "对外开放时要写明允许的主机名", host, fix))
    return tuple(dict.fromkeys([*LOOPBACK, *own, *more]))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Open the port; raises ``InputError`` where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        fix = "请换一个端口 (--port), 或检查地址和权限"
        why = _WHY.get(getattr(error, "errno", None) or 0, "不能使用")
        raise InputError(Problem("--port", f"{plain(host)[:60]}:{port} {why}", fix=fix)) from None
    listener.set_inheritable(True)
    with contextlib.closing(listener):
        yield listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/"


class _Clean(logging.Formatter):
    """Writes a record without control characters: a request must not forge lines of the log."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; the lines of a traceback stay lines."""
        text = super().format(record)
        return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (of the standard library)
        """Write the message of a record as one line."""
        record.message = plain(record.message)
        return super().formatMessage(record)


def _clean_logs() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Clean("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
