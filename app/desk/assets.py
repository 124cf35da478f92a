"""The desk's page put together: which files it is made of, served as three addresses or written as one file.

The page is the same in both cases. Served, it asks the API and falls back to the data that it has kept; as a
file it has only the data inside it. Nothing is loaded from outside, and a content security policy that names
the hashes of the file's own scripts forbids everything else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from importlib.resources import files

SCRIPTS = (
    "older.js", "words.js", "dom.js", "format.js", "server.js",
    "angles.js", "datums.js", "links.js", "pasted.js", "places.js", "where.js",
    "unpack.js", "ways.js", "vault.js",
    "local-facts.js", "local-plan.js", "local-answer.js", "local-need.js", "local.js",
    "source.js", "state.js", "chart.js", "routes.js", "draw.js", "place.js", "picker.js", "cards.js",
    "answer.js", "need.js", "whatif.js", "closures.js", "actions.js", "record.js", "token.js", "page.js",
)  # fmt: skip
"""The scripts of the page after Leaflet and gcj02.js, in the order in which they are run."""

TITLE = "博爱 · 应急值守"
THEME = "#9f0f25"
"""Colour of a phone's frame around the page: the red of the society, darkened."""

_HEAD = (
    '<meta charset="UTF-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">',
    '<meta name="format-detection" content="telephone=no">',
    '<meta name="color-scheme" content="light dark">',
    f'<meta name="theme-color" content="{THEME}">',
    f"<title>{TITLE}</title>",
)
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" '
    f'fill="{THEME}"/><path d="M26 12h12v14h14v12H38v14H26V38H12V26h14z" fill="#fff"/></svg>'
)


def _web(name: str) -> str:
    return (files("boai.app") / "web" / name).read_text(encoding="utf-8")


def _map_asset(name: str) -> str:
    return (files("boai.maps") / "assets" / name).read_text(encoding="utf-8")


@cache
def script() -> str:
    """Return Leaflet and all scripts of the page as one text."""
    licence = _map_asset("LICENSE.leaflet").strip()
    shared = [f"/*! {licence} */\n{_map_asset('leaflet.js')}", _map_asset("gcj02.js")]
    parts = [*shared, *map(_web, SCRIPTS)]
    return "\n;\n".join(parts)


@cache
def style() -> str:
    """Return the style sheets as one text; pictures of controls that are not used are left away."""
    leaflet = re.sub(r"url\([^)]*\)", "none", _map_asset("leaflet.css"))
    return f"{leaflet}\n{_web('desk.css')}"


@cache
def icon() -> str:
    """Return the page's sign as SVG."""
    return _ICON


@cache
def worker() -> str:
    """Return the service worker; its text changes with the page, so that browsers take the new page."""
    return f'self.VERSION = "{version()}";\n{_web("sw.js")}'


@cache
def version() -> str:
    """Name the page by its content: 12 hexadecimal digits."""
    return hashlib.sha256((script() + style() + _web("page.html")).encode()).hexdigest()[:12]


@cache
def page() -> str:
    """Return the page as it is served; scripts, style and data have addresses of their own."""
    head = [
        *_HEAD,
        '<link rel="icon" href="icon.svg" type="image/svg+xml">',
        '<link rel="manifest" href="manifest.webmanifest">',
        '<link rel="stylesheet" href="desk.css">',
        '<script src="desk.js" defer></script>',
    ]
    return _document("server", head, "")


def single_file(bundle: str, drawing: str) -> str:
    """Return the page as one file that needs nothing else.

    Parameters
    ----------
    bundle
        JSON text of what the page answers from, safe inside a ``<script>`` element (``maps.page_pack.dump``).
    drawing
        JSON text of the map, as ``drawing.drawing`` returns it.
    """
    code, css = f"\n{script()}\n", f"\n{style()}\n"
    policy = (
        f"default-src 'none'; script-src {_hash(code)}; style-src {_hash(css)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    sign = base64.b64encode(icon().encode()).decode()
    head = [
        *_HEAD,
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        f'<link rel="icon" href="data:image/svg+xml;base64,{sign}">',
        f"<style>{css}</style>",
    ]
    crc = zlib.crc32(bundle.encode())
    data = [
        f'<script id="boai-bundle" type="application/json" data-crc32="{crc}">{bundle}</script>',
        f'<script id="boai-map" type="application/json">{drawing}</script>',
        f"<script>{code}</script>",
    ]
    return _document("file", head, "\n".join(data))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _document(source: str, head: list[str], tail: str) -> str:
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="zh-CN" data-source="{source}">',
        "<head>",
        *head,
        "</head>",
        "<body>",
        _web("page.html").strip(),
        *([tail] if tail else []),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


@cache
def manifest() -> str:
    """Return the web app manifest: the page can be put on a phone's home screen."""
    facts = {
        "name": TITLE,
        "short_name": "博爱值守",
        "lang": "zh-CN",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": THEME,
        "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return json.dumps(facts, ensure_ascii=False)
