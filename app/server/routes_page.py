"""The page, its parts, the map below it, the data for working without a network, the list of addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from functools import lru_cache

import anyio
from fastapi import APIRouter, Request
from starlette.responses import Response

from ..desk import assets, drawing
from . import bundles
from .api_page import api_page
from .routes_data import At, Grounded
from .shapes_out import errors_of
from .state import etagged

router = APIRouter(tags=["页面"])
_WRONG = errors_of(429)


def _file(request: Request, text: str, media: str) -> Response:
    return etagged(request, text.encode(), media, _digest(text))


@lru_cache(maxsize=16)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


_FILES = {
    "/": ("page", "text/html; charset=utf-8"),
    "/desk.js": ("script", "text/javascript; charset=utf-8"),
    "/desk.css": ("style", "text/css; charset=utf-8"),
    "/sw.js": ("worker", "text/javascript; charset=utf-8"),
    "/manifest.webmanifest": ("manifest", "application/manifest+json"),
    "/icon.svg": ("icon", "image/svg+xml"),
}
"""The page and its parts: address → (function of `assets`, media type)."""


def _giving(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    """Make the route of a part."""

    async def file(request: Request) -> Response:
        return _file(request, getattr(assets, name)(), media)

    return file


for _address, _facts in _FILES.items():
    router.add_api_route(_address, _giving(*_facts), response_class=Response, include_in_schema=False)


@router.get("/docs", response_class=Response, include_in_schema=False)
async def docs(request: Request) -> Response:
    """Give the list of addresses; it needs no script and nothing from outside."""
    return _file(request, api_page(request.app.openapi()), "text/html; charset=utf-8")


@router.get(
    "/map.json", responses={200: {"description": "底图: 省界、县界、道路、地名"}, **errors_of(429, 503)}
)
async def chart(request: Request, ground: Grounded) -> Response:
    """Give what the map draws: outline, borders, roads, names."""
    text = await anyio.to_thread.run_sync(drawing.drawing, ground.root)
    return _file(request, text, "application/json")


@router.get("/offline.json", responses={200: {"description": "离线数据包"}, **errors_of(429, 503)})
async def offline(request: Request, ground: Grounded, desk: At) -> Response:
    """Give all that the page needs to answer without a network."""
    made = await anyio.to_thread.run_sync(bundles.bundle_of, ground, desk.clock())
    return etagged(request, made, "application/json", f"offline {ground.version}", private=True)
