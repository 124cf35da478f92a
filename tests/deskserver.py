"""A desk's server in the process of a test: a small workspace, a clock that is set, and a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import tinyspace
from boai.app.desk.parts import CHINA
from boai.app.desk.store import Store
from boai.app.server.app import create_app
from boai.app.server.settings import Settings
from boai.app.server.tokens import add_token

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=CHINA)
FREE = "1000000/second"


@dataclass
class Clock:
    """A time that a test sets."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])

    @property
    def code(self) -> str:
        return str(self.json()["error"]["code"])


@dataclass
class Client:
    """Asks an application as a server would; headers as a hostile client may send them."""

    app: Any
    token: str = ""
    host: str = "localhost:8642"
    address: str = "127.0.0.1"
    sent: int = field(default=0, init=False)
    """Bytes of the last body that the application took."""

    def get(self, path: str, /, **query: Any) -> Answer:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: Any = None, /, **more: Any) -> Answer:
        return self.ask("POST", path, body=body, **more)

    def put(self, path: str, body: Any = None, /, **more: Any) -> Answer:
        return self.ask("PUT", path, body=body, **more)

    def delete(self, path: str, /) -> Answer:
        return self.ask("DELETE", path)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        raw: bytes | Sequence[bytes] | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Answer:
        """Send a request; ``raw`` are bytes of a body, or pieces of one without a stated length."""
        sent = [("host", self.host), *headers]
        if self.token:
            sent.append(("authorization", f"Bearer {self.token}"))
        pieces = [raw] if isinstance(raw, bytes) else list(raw or [])
        if raw is None and body is not None:
            pieces = [json.dumps(body).encode()]
        if (body is not None or raw is not None) and not any(key == "content-type" for key, _ in sent):
            sent.append(("content-type", "application/json"))
        where, _, given = path.partition("?")
        text = given or urlencode(query or {}, doseq=True)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": where,
            "raw_path": quote(where).encode(),
            "query_string": text.encode(),
            "root_path": "",
            "headers": [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in sent],
            "client": (self.address, 5000),
            "server": ("127.0.0.1", 8642),
            "state": {},
        }
        return asyncio.run(self._ask(scope, pieces))

    async def _ask(self, scope: dict[str, Any], pieces: Sequence[bytes]) -> Answer:
        waiting, out = iter([*pieces, b""]), list[dict[str, Any]]()
        self.sent = 0

        async def receive() -> dict[str, Any]:
            piece = next(waiting, None)
            if piece is None:
                return {"type": "http.disconnect"}
            self.sent += len(piece)
            return {"type": "http.request", "body": piece, "more_body": piece != b""}

        async def send(message: dict[str, Any]) -> None:
            out.append(message)

        await self.app(scope, receive, send)
        start, *rest = out
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in start["headers"]]
        return Answer(start["status"], headers, b"".join(one.get("body", b"") for one in rest))


def settings(root: Path, **more: Any) -> Settings:
    """Settings that refuse nobody for being quick."""
    return Settings(str(root), **{"reads": FREE, "writes": FREE, "wrong_tokens": FREE, **more})


@dataclass
class Desk:
    """A server with a client for each role."""

    root: Path
    clock: Clock
    app: Any
    anyone: Client
    desk: Client
    planner: Client
    admin: Client

    @property
    def store(self) -> Store:
        return Store(self.root)

    def close(self) -> None:
        """Stop what the application started."""
        self.app.state.desk.questions.stop()
        self.app.state.desk.keeper.stop()


def make_desk(root: Path, *, clock: Clock | None = None, **more: Any) -> Desk:
    """Serve a workspace, which is made where there is none."""
    if not root.exists():
        tinyspace.make(root)
    clock = clock or Clock()
    app = create_app(root, settings=settings(root, **more), clock=clock, warm=False)
    store = Store(root)
    made = {
        role: add_token(store, name=f"{role}一号", role=role, at=clock(), made_by="测试")[0]
        for role in ("desk", "planner", "admin")
    }
    return Desk(root, clock, app, Client(app), *(Client(app, token) for token in made.values()))
