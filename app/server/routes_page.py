"""The page, its parts, the map below it, the data for working without a network, the list of addresses."""

from __future__ import annotations

import hashlib
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


@router.get("/", response_class=Response, include_in_schema=False)
async def page(request: Request) -> Response:
    """Give the page."""
    return _file(request, assets.page(), "text/html; charset=utf-8")


@router.get("/desk.js", response_class=Response, include_in_schema=False)
async def script(request: Request) -> Response:
    """Give the page's script."""
    return _file(request, assets.script(), "text/javascript; charset=utf-8")


@router.get("/desk.css", response_class=Response, include_in_schema=False)
async def style(request: Request) -> Response:
    """Give the page's style."""
    return _file(request, assets.style(), "text/css; charset=utf-8")


@router.get("/sw.js", response_class=Response, include_in_schema=False)
async def worker(request: Request) -> Response:
    """Give the service worker."""
    return _file(request, assets.worker(), "text/javascript; charset=utf-8")


@router.get("/manifest.webmanifest", response_class=Response, include_in_schema=False)
async def manifest(request: Request) -> Response:
    """Give the manifest by which a phone keeps the page."""
    return _file(request, assets.manifest(), "application/manifest+json")


@router.get("/icon.svg", response_class=Response, include_in_schema=False)
async def icon(request: Request) -> Response:
    """Give the page's sign."""
    return _file(request, assets.icon(), "image/svg+xml")


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
