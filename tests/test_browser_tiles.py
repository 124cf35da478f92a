"""Base maps under a page in a real browser: where tiles lie, who is asked, and life without a network."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import deskpage
import mappage
import mapworld
import numpy as np
import pytest
import tileserver
import web_server
from boai.geodata import datums
from boai.maps.page import write_page
from boai.maps.page_pack import dump
from boai.maps.page_tiles import Tiles, image_sources, tiles_of
from PIL import Image
from scipy import ndimage

pytestmark = pytest.mark.browser

NANCHANG = (115.858, 28.683)
TILE = "/{z}/{x}/{y}.png"


def bare_page(path: Path, tiles: Tiles) -> Path:
    """Write a page of a map and its base map alone."""
    assets = files("boai.maps") / "assets"
    scripts = [(assets / name).read_text() for name in ("leaflet.js", "gcj02.js", "page-tiles.js")]
    inline = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src"
    start = f"""
    const map = L.map("map", {{ zoomSnap: 0.25, fadeAnimation: false, zoomAnimation: false }});
    const asked = {dump(tiles.for_page())};
    const tiles = boaiMap.addTiles(map, asked, (text) => {{ document.title = text; }});
    """
    path.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">'
        f'<meta http-equiv="Content-Security-Policy" content="{inline} {image_sources(tiles)}">'
        f"<style>{(assets / 'leaflet.css').read_text()} #map {{ height: 600px; width: 800px }}</style>"
        f'<body style="margin:0"><div id="map"></div><script>{"".join(scripts)}{start}</script>',
        encoding="utf-8",
    )
    return path


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[[Tiles], deskpage.Page]]:
    contexts = []

    def open_(tiles: Tiles) -> deskpage.Page:
        page = deskpage.paging(browser, bare_page(tmp_path / "map.html", tiles).as_uri(), "desktop")
        contexts.append(page)
        found = page.__enter__()
        found.page.goto(found.address)
        return found

    yield open_
    for context in contexts:
        context.__exit__(None, None, None)


def look(page: Any, at: tuple[float, float], zoom: float) -> None:
    """Bring a place into the middle and wait for its tiles."""
    page.evaluate("([x, y, z]) => { map.setView([y, x], z); tiles.show(true); }", [*at, zoom])
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.leaflet-tile')];"
        " return all.length > 5 && all.every((tile) => tile.complete && tile.naturalWidth === 256); }"
    )


def dots_seen(page: Any) -> np.ndarray[Any, Any]:
    """Centres of the dots on the screen, in pixels."""
    picture = np.asarray(Image.open(io.BytesIO(mappage.picture(page))).convert("RGB")).astype(int)[:600, :800]
    distance = np.abs(picture - np.array(tileserver.DOT)).sum(axis=2)
    weight = np.clip(1 - distance / 250, 0, 1)
    label, count = ndimage.label(distance < 200)
    centres = ndimage.center_of_mass(weight, label, range(1, count + 1))
    return np.array([(x + 0.5, y + 0.5) for y, x in centres])


def test_the_page_knows_gcj02_as_python_does(opened: Callable[[Tiles], deskpage.Page]) -> None:
    page = opened(tiles_of("osm")).page
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(70, 140, 2000), rng.uniform(0, 57, 2000)
    there = page.evaluate(
        "pairs => pairs.map(([x, y]) => gcj02.toGcj(x, y))", np.column_stack((lon, lat)).tolist()
    )
    back = page.evaluate("pairs => pairs.map(([x, y]) => gcj02.fromGcj(x, y))", there)
    assert np.allclose(np.array(there).T, datums.from_wgs84(lon, lat, system="GCJ-02"), atol=1e-11, rtol=0)
    inside = (lon > 73) & (lon < 137) & (lat > 1.5) & (lat < 55)
    assert np.allclose(np.array(back)[inside], np.column_stack((lon, lat))[inside], atol=2e-10, rtol=0)


ON_SCREEN = """dots => {
    const origin = map.getPixelOrigin().subtract(map._getMapPanePos());
    return dots.map(([x, y]) => map.project([y, x]).subtract(origin)).map((point) => [point.x, point.y]);
}"""
MATRICES = """([zoom, tiles]) => {
    map.setView([28, 116], zoom, { animate: false });
    const layer = boaiMap.tileLayers(asked)[0];
    Object.assign(layer, { _map: map, _level: { origin: L.point(0, 0) } });
    return tiles.map(([x, y]) => layer._matrix(Object.assign(L.point(x, y), { z: zoom })));
}"""


@pytest.mark.slow
def test_gcj02_tiles_lie_within_half_a_pixel(opened: Callable[[Tiles], deskpage.Page]) -> None:
    """Where the page puts tiles, against Python's formulas, at places all over the province."""
    page = opened(tiles_of("amap")).page
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(113.5, 118.5, 500), rng.uniform(24.4, 30.1, 500)
    gcj = np.column_stack(datums.from_wgs84(lon, lat, system="GCJ-02"))
    own = np.column_stack((lon, lat))
    for zoom, most in ((8, 0.5), (10, 0.5), (11, 0.5), (12, 0.5), (14, 0.1), (16, 0.02), (18, 0.01)):
        there, wanted = (
            np.array([tileserver.pixel(x, y, zoom) for x, y in points.tolist()]) for points in (gcj, own)
        )
        tile = np.floor(there / tileserver.SIZE)
        a, b, c, d, e, f = np.array(page.evaluate(MATRICES, [zoom, tile.tolist()])).T
        x, y = (there - tile * tileserver.SIZE).T
        found = np.column_stack((a * x + c * y + e, b * x + d * y + f))
        assert np.hypot(*(found - wanted).T).max() < most, zoom


@pytest.mark.parametrize(
    ("datum", "zoom"),
    [
        ("gcj02", 18),
        *(
            pytest.param(datum, zoom, marks=pytest.mark.slow)
            for datum, zoom in product(("gcj02", "wgs84"), (9, 11.25, 14, 17.5))
        ),
    ],
)
@pytest.mark.slow
def test_places_on_the_tiles_lie_where_the_map_has_them(
    opened: Callable[[Tiles], deskpage.Page], datum: str, zoom: float
) -> None:
    """Dots that a server draws by Python's own formulas are seen within half a pixel of the map's points."""
    middle = tileserver.pixel(*NANCHANG, zoom)  # type: ignore[arg-type]
    offsets = [(0, 0), (-350, -250), (330, 240), (-300, 210), (290, -230)]
    dots = [tileserver.place(middle[0] + dx, middle[1] + dy, zoom) for dx, dy in offsets]  # type: ignore[arg-type]
    with tileserver.serving(dots, datum="GCJ-02" if datum == "gcj02" else "WGS84") as server:
        page = opened(tiles_of(server.url + TILE, datum=datum)).page
        look(page, NANCHANG, zoom)
        wanted = page.evaluate(ON_SCREEN, dots)
        seen = dots_seen(page)
    assert len(seen) == len(dots)
    off = np.hypot(*(seen[:, None] - np.array(wanted)[None]).transpose(2, 0, 1)).min(axis=0)
    assert off.max() < 1.0  # the browser and Leaflet put pictures at whole pixels


@pytest.fixture(scope="module")
def made() -> tuple[Any, list[Any]]:
    """Two results that differ in their names alone."""
    world = mapworld.make_world()
    today = mapworld.baseline(world)
    return world, [today, replace(today, name="same", title="一样")]


@contextmanager
def opening(browser: Any, made: tuple[Any, list[Any]], folder: Path, source: str) -> Iterator[Any]:
    """Open a page with a base map; requests to elsewhere and complaints fail the test."""
    path = write_page(*made, folder / "page.html", tiles=tiles_of(source))
    with deskpage.paging(browser, path.as_uri(), "desktop") as found:
        found.page.goto(found.address)
        found.page.wait_for_function("() => window.boaiMap && boaiMap.app")
        yield found.page


def test_base_map_of_the_house(made: tuple[Any, list[Any]], browser: Any, tmp_path: Path) -> None:
    """Seen under half transparent cells, credited, on both maps of a comparison, and switched off."""
    with tileserver.serving() as server, opening(browser, made, tmp_path, server.url + TILE) as page:
        page.wait_for_selector(".over-tiles .leaflet-tile-loaded")
        assert (
            page.evaluate("() => getComputedStyle(document.querySelector('.leaflet-areas-pane')).opacity")
            < "0.7"
        )
        assert page.inner_text(".leaflet-control-attribution").startswith("底图: 127.0.0.1")
        assert page.inner_text("#tiles").strip() == "联网底图: 自备底图"
        page.evaluate("() => boaiMap.app.compare({ how: 'beside', left: 0, right: 1 })")
        page.wait_for_function("() => document.querySelectorAll('#pair .over-tiles').length === 2")
        page.evaluate("() => document.querySelector('#tiles input').click()")
        assert page.locator(".over-tiles").count() == page.locator(".leaflet-tile").count() == 0
        page.evaluate("() => boaiMap.app.compare(null)")
        assert page.locator(".leaflet-tile").count() == 0
        page.evaluate("() => document.querySelector('#tiles input').click()")
        page.wait_for_selector("#map_boai.over-tiles .leaflet-tile-loaded")


def test_no_other_host_is_opened(browser: Any, tmp_path: Path) -> None:
    with tileserver.serving() as server, web_server.serving() as other:
        page = browser.new_context().new_page()
        page.goto(bare_page(tmp_path / "map.html", tiles_of(server.url + TILE)).as_uri())
        refused = page.evaluate(
            "address => new Promise((done) => { document.addEventListener('securitypolicyviolation',"
            " (event) => done(event.effectiveDirective)); new Image().src = address; })",
            other.url + "/1/1/1.png",
        )
        page.context.close()
    assert (refused, other.seen) == ("img-src", [])


@pytest.mark.slow
def test_without_a_network_one_line_says_so(
    made: tuple[Any, list[Any]], browser: Any, tmp_path: Path
) -> None:
    world, results = made
    tiles = tiles_of("天地图", key="0123456789abcdef")
    path = write_page(world, results[:2], tmp_path / "page.html", tiles=tiles, title="底图测试")
    assert path.read_text(encoding="utf-8").count("0123456789abcdef") == 1
    page = browser.new_context(offline=True).new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function("() => document.querySelector('#tiles p')?.textContent === '底图不可用 (离线)'")
    page.wait_for_function("() => document.querySelectorAll('.leaflet-tile').length === 0")
    page.evaluate("() => boaiMap.app.compare({ how: 'difference', left: 0, right: 1 })")
    assert "新覆盖" in page.inner_text("#figures")
    assert page.locator(".over-tiles").count() == 0
    assert all(text.startswith("Failed to load resource") for text in heard)
    assert "0123456789abcdef" not in page.inner_text("body") + page.title()
    page.context.close()


@pytest.mark.slow
def test_openstreetmap_is_not_asked_by_a_file(
    made: tuple[Any, list[Any]], browser: Any, tmp_path: Path
) -> None:
    """Its servers refuse requests without a Referer, which a file cannot send; any request fails here."""
    with opening(browser, made, tmp_path, "osm") as page:
        assert page.inner_text("#tiles p") == "底图不可用 (该底图要求从网站打开本页)"
        assert page.locator(".leaflet-tile").count() == 0


def test_no_base_map_unless_asked(made: tuple[Any, list[Any]], tmp_path: Path) -> None:
    text = write_page(made[0], made[1][:1], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "img-src data:; " in text
    assert "tianditu.gov.cn" not in text and "autonavi.com" not in text
