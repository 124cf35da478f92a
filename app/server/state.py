"""What the routes share: the ground in use, the store, the clock; and how an answer is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio
from fastapi import Request
from pydantic_core import PydanticSerializationError, to_json
from starlette.responses import JSONResponse, Response

from ...geodata.errors import Problem
from ..desk.ground import Ground
from ..desk.parts import CHINA
from ..desk.store import Store
from .errors import Refusal
from .settings import Settings
from .watch import Keeper

if TYPE_CHECKING:
    from .log import QuestionLog
    from .rates import Rates

Clock = Callable[[], datetime]
GEOJSON = "application/geo+json"
_WAIT_S = 2.0
"""How long a question waits for changed data before it is answered from those in use."""


class GeoJson(JSONResponse):
    """An answer in GeoJSON (RFC 7946), for the description of routes."""

    media_type = GEOJSON


def china_clock() -> datetime:
    """Return the time, as China reads it."""
    return datetime.now(CHINA)


@dataclass
class Desk:
    """One server process."""

    settings: Settings
    keeper: Keeper
    store: Store
    clock: Clock
    rates: Rates
    questions: QuestionLog


def desk_of(request: Request) -> Desk:
    """Return the server's state."""
    found: Desk = request.app.state.desk
    return found


async def the_desk(request: Request) -> Desk:
    """Return the server's state; a dependency of routes, which no thread has to be woken for."""
    return desk_of(request)


async def ground_of(request: Request) -> Ground:
    """Return the data as they are now, renewed where their files have changed; a dependency of routes."""
    keeper = desk_of(request).keeper
    if keeper.is_stale():
        with anyio.move_on_after(_WAIT_S):
            await anyio.to_thread.run_sync(keeper.renew, abandon_on_cancel=True)
    return keeper.ground


def encoded(content: Any) -> bytes:
    """Write JSON; not-a-number and infinity have no place in an answer, and raise ``ValueError``."""
    try:
        made: bytes = to_json(content, inf_nan_mode="constants")
    except PydanticSerializationError:  # half of a surrogate pair, or what is no JSON at all
        made = b"NaN"
    if b"NaN" not in made and b"Infinity" not in made:
        return made
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def reply(content: Any, *, status: int = 200, media: str = "application/json") -> Response:
    """Answer JSON."""
    return Response(encoded(content), status_code=status, media_type=media)


def tagged(
    request: Request,
    tag: str,
    content: Callable[[], Any],
    *,
    media: str = "application/json",
    private: bool = False,
) -> Response:
    """Answer JSON with an ETag, and with 304 whoever has that answer already.

    Parameters
    ----------
    tag
        What the answer depends on beside the address: the version of the data.
    content
        Makes the answer.
    private
        It names people: no cache may keep it, though the page itself may ask whether it has changed.
    """
    return etagged(request, lambda: encoded(content()), media, tag, private=private)


def etagged(
    request: Request, content: bytes | Callable[[], bytes], media: str, tag: str, *, private: bool = False
) -> Response:
    """Answer bytes as `tagged` does."""
    whole = f"{tag} {request.url.path}?{request.url.query}"
    etag = f'W/"{hashlib.sha256(whole.encode()).hexdigest()[:20]}"'
    headers = {"ETag": etag, "Cache-Control": "no-store" if private else "no-cache"}
    if etag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content if isinstance(content, bytes) else content(), headers=headers, media_type=media)


def unknown(where: str, what: str, got: str, fix: str = "") -> Refusal:
    """Make the refusal of something that is not there."""
    return Refusal(404, Problem(where, what, got[:60], fix))
