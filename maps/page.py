"""One self-contained page: folium writes it, everything is inlined, nothing is loaded from outside.

folium's own map brings jQuery, Bootstrap and others from content networks and forbids pinching; here its
template is replaced. All data come as one JSON text that the page's script turns into text nodes, never into
HTML, and a content security policy forbids every request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folium
from branca.element import Element, Figure
from folium.template import Template as FoliumTemplate
from jinja2 import Template

from ..geodata.store import write_text
from . import words
from .page_data import page_json

if TYPE_CHECKING:
    from ..scenarios.run import Result
    from ..scenarios.world import World

TITLE = "江西省红十字救援资源覆盖图"
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
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
        "<body>\n{{ this.html.render(**kwargs) }}\n"
        "<script>\n{{ this.script.render(**kwargs) }}\n</script>\n</body>\n</html>\n"
    )


class _Map(folium.Map):
    """A folium map without tiles, foreign scripts and the ban on pinching, and with a fixed name."""

    _template = FoliumTemplate(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, "
        "{center: {{ this.location|tojson }}, ...{{ this.options|tojavascript }} });"
        "{% endmacro %}"
    )


def write_page(
    world: World,
    results: Sequence[Result],
    path: Path,
    *,
    headlines: Sequence[str] | None = None,
    title: str = TITLE,
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
    """
    sentences = words.headlines(results) if headlines is None else headlines
    data = page_json(world, results, headlines=sentences, title=title)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, _render(data, title))
    path.chmod(0o644)
    return path


def _asset(name: str) -> str:
    return (files("boai.maps") / "assets" / name).read_text(encoding="utf-8")


def _render(data: str, title: str) -> str:
    """Put map, assets and data together; the same data give the same bytes."""
    page, figure = _map()
    licence = _asset("LICENSE.leaflet").strip()
    css = re.sub(r"url\([^)]*\)", "none", _asset("leaflet.css"))  # pictures of controls that are not used
    head = [
        '<meta charset="UTF-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="format-detection" content="telephone=no">',
        f"<title>{_escape(title)}</title>",
        '<link rel="icon" href="data:,">',
        f"<style>\n{css}\n{_asset('page.css')}</style>",
        f"<script>\n/*! {licence} */\n{_asset('leaflet.js')}</script>",
    ]
    figure.header._children.clear()
    figure.header.add_child(_Raw("\n".join(head)), name="head")
    figure.html.add_child(_Raw(_asset("page.html")), name="skeleton")
    figure.html.add_child(
        _Raw(f'<script id="boai-data" type="application/json">{data}</script>'), name="data"
    )
    figure.script.add_child(_Raw(_asset("page.js")), name="page")
    page.render()  # type: ignore[no-untyped-call]
    start = 'JSON.parse(document.getElementById("boai-data").textContent)'
    figure.script.add_child(_Raw(f"startPage({page.get_name()}, {start});"), name="start")
    return str(figure._template.render(this=figure, kwargs={}))


def _map() -> tuple[_Map, _Figure]:
    page = _Map(
        _CENTRE, tiles=None, zoom_start=7, zoom_snap=0.25, zoom_delta=0.5, max_zoom=14, world_copy_jump=False
    )
    page._name, page._id = "map", "boai"
    page.default_js, page.default_css = [], []
    figure = _Figure()
    figure.add_child(page, name="map")
    return page, figure


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
