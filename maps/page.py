"""One self-contained page: folium writes it, everything is inlined, nothing is loaded from outside.

folium's own map brings jQuery, Bootstrap and others from content networks and forbids pinching; here its
template is replaced. All data come as one JSON text that the page's script turns into text nodes, never into
HTML. A content security policy that names the hashes of the page's own scripts and styles forbids every
request, and opens only the hosts of a base map that was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Element, Figure
from folium.template import Template as FoliumTemplate
from jinja2 import Template

from ..geodata.layers import Kind
from ..geodata.store import write_text
from . import style, words
from .page_data import page_json
from .page_tiles import Tiles, image_sources
from .public import Release

if TYPE_CHECKING:
    from ..coverage.states import States
    from ..scenarios.run import Result
    from ..scenarios.world import World

TITLE = "红十字救援资源覆盖图"
"""After the name of the province."""
SCRIPTS = (
    "page-base.js", "page-facts.js", "page-rest.js", "page-grid.js", "page-points.js", "page-names.js",
    "page-paint.js", "page-view.js", "page-charts.js", "page-tables.js", "page-search.js",
    "page-panel.js", "page-controls.js", "page-hash.js", "page-print.js", "gcj02.js", "page-tiles.js",
    "page-compare.js", "page-compare-pair.js", "page-compare-panel.js", "page.js",
)  # fmt: skip
"""The scripts of the page after Leaflet, in the order in which they are run."""
STYLES = ("page.css", "page-compare.css", "page-phone.css", "page-print.css")
_CENTRE = (27.3, 115.9)


class _Raw(Element):
    """Text that goes into the page as it is: no template is compiled from it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **_: Any) -> str:
        return self.text


class _Figure(Figure):
    _template = Template(
        '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n{{ this.header.render(**kwargs) }}\n</head>\n'
        "<body>\n{{ this.html.render(**kwargs) }}\n</body>\n</html>\n"
    )


class _Map(folium.Map):
    """A folium map without tiles, foreign scripts and the ban on pinching, and with a fixed name."""

    _template = FoliumTemplate(
        "{% macro script(this, kwargs) %}"
        "boaiMap.start({{ this.get_name()|tojson }}, "
        "{center: {{ this.location|tojson }}, ...{{ this.options|tojavascript }} });"
        "{% endmacro %}"
    )


def write_page(
    world: World,
    results: Sequence[Result],
    path: Path,
    *,
    headlines: Sequence[str] | None = None,
    title: str = "",
    states: Mapping[tuple[str, Kind], States] | None = None,
    release: Release | None = None,
    tiles: Tiles | None = None,
    start: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page of one or more results to an HTML file, whole or not at all.

    Parameters
    ----------
    world
        Boundaries, residents, network and gazetteer that the results were made from.
    results
        The baseline first, then the scenarios that are compared with it.
    path
        The file; its folder is made.
    headlines
        Sentences at the top; by default ``words.headlines``.
    title
        By default the name of the province and ``TITLE``.
    states
        States of the residents by the result's name and the resource type. What is missing is shown with two
        states, within reach and not, and the page says so.
    release
        For whom the page is made: what is stamped on it. World and results are shown as they are given; for
        the public they are those of ``public.for_public``.
    tiles
        A base map from the network; by default none, and the page asks nobody for anything.
    start
        What the page shows first, such as ``{"compare": "swipe", "left": 0, "right": 1}``.
    """
    title = title or f"{world.units.province['name'].iloc[0]}{TITLE}"
    data = page_json(
        world,
        results,
        headlines=words.headlines(results) if headlines is None else headlines,
        title=title,
        states=states,
        release=release,
        extra={"start": dict(start or {}), "tiles": tiles.for_page() if tiles else None},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, _render(data, title, tiles))
    path.chmod(0o644)
    return path


def _asset(name: str) -> str:
    return (files("boai.maps") / "assets" / name).read_text(encoding="utf-8")


def _code() -> str:
    """Put Leaflet and the page's scripts together as one text."""
    licence = _asset("LICENSE.leaflet").strip()
    return "\n;\n".join([f"/*! {licence} */\n{_asset('leaflet.js')}", *map(_asset, SCRIPTS)])


def _css() -> str:
    """Put the style sheets together; pictures of controls that are not used are left away."""
    leaflet = re.sub(r"url\([^)]*\)", "none", _asset("leaflet.css"))
    return "\n".join([leaflet, style.css_variables(), *map(_asset, STYLES)])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _render(data: str, title: str, tiles: Tiles | None) -> str:
    """Put map, assets and data together; the same data give the same bytes."""
    page, figure = _map()
    page.render()  # type: ignore[no-untyped-call]
    start = "".join(child.render() for child in figure.script._children.values())
    css, code = f"\n{_css()}", f"\n{_code()}\n;\n{start}\n"
    policy = (
        f"default-src 'none'; script-src {_hash(code)}; style-src {_hash(css)}; "
        f"img-src {image_sources(tiles)}; base-uri 'none'; form-action 'none'"
    )
    head = [
        '<meta charset="UTF-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="format-detection" content="telephone=no">',
        f"<title>{_escape(title)}</title>",
        '<link rel="icon" href="data:,">',
        f"<style>{css}</style>",
    ]
    body = [
        _asset("page.html").strip(),
        f'<script id="boai-data" type="application/json">{data}</script>',
        f"<script>{code}</script>",
    ]
    for part, lines in ((figure.header, head), (figure.html, body)):
        part._children.clear()
        part.add_child(_Raw("\n".join(lines)), name="page")
    return str(figure._template.render(this=figure, kwargs={}))


def _map() -> tuple[_Map, _Figure]:
    page = _Map(_CENTRE, tiles=None, zoom_start=7, zoom_snap=0.25, zoom_delta=0.5, max_zoom=16)
    page._name, page._id = "map", "boai"
    page.default_js, page.default_css = [], []
    figure = _Figure()
    figure.add_child(page, name="map")
    return page, figure


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
