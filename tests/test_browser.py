"""The page in a real browser: opened from a file, offline, clicked through, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mappage
import mapworld
import numpy as np
import pytest
from boai.coverage.curves import residents_by_cost
from boai.maps import words
from boai.maps.page import write_page
from boai.maps.page_tiles import tiles_of
from deskpage import SIZES
from mappage import MapPage

pytestmark = pytest.mark.browser

CELLS = 37
RESIDENTS = 343 * 16


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Any], Path]:
    world = mapworld.make_world()
    results = mapworld.make_results(world)
    return world, results, write_page(world, results, tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def desk(browser: Any, made: tuple[Any, list[Any], Path]) -> Iterator[MapPage]:
    with mappage.opened(browser, made[2]) as page:
        yield page


def pixels(page: MapPage) -> dict[str, int]:
    """Count the pixels of each colour of the cells' canvas; pale for pixels at an edge of the province."""
    return dict(
        page.run(
            """() => {
              const canvas = document.querySelector('.leaflet-areas-pane canvas');
              const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
              const found = {};
              for (let i = 0; i < data.length; i += 4) {
                if (data[i + 3] !== 255) continue;
                const hex = '#' + [0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, '0')).join('');
                found[hex] = (found[hex] || 0) + 1;
              }
              return found;
            }"""
        )
    )


@pytest.mark.parametrize("size", SIZES)
def test_page_opens_offline_and_can_be_clicked_through(
    browser: Any, made: tuple[Any, list[Any], Path], size: str
) -> None:
    with mappage.opened(browser, made[2], size) as page:
        assert page.state == ["baseline", "warehouse", "reach"]
        assert "江西省红十字救援资源覆盖图" in page.text("h1")
        assert page.count("path.county") == 4
        assert page.text("#figures .big strong") == "18.9%"
        assert page.text("#badges").split() == ["示例数据", "近似路网"]
        assert page.text("#stamp") == "内部使用 不得公开"
        assert page.count(".leaflet-gaps-pane .number") == 4
        assert page.count(".leaflet-names-pane .label") > 0
        page.run("boaiMap.app.showCounty(1)")
        card = page.text("#card")
        for word in ("乙县", "360102", "10分钟车程以内", "备灾仓库"):
            assert word in card
        page.choose("scenario", 1)
        assert page.state == ["plan", "warehouse", "reach"]
        assert page.count(".leaflet-added-pane .diamond") == 2
        assert "比现状多" in page.text("#figures")
        page.choose("kind", 0)
        assert page.state == ["plan", "aed", "county"]
        assert "与现状相同" in page.text("#figures")
        assert "台" in page.text("#legend")
        assert page.text("#badges") == "示例数据"
        for view in ("reach", "state", "county-state"):
            page.choose("view", view)
            assert page.state == ["plan", "aed", view]
        width = page.run("document.documentElement.scrollWidth")
        assert width <= SIZES[size]["viewport"]["width"]
        stage, controls = (page.page.locator(each).bounding_box() for each in ("#stage", ".controls"))
        if size == "phone":  # map and choices in one sight
            assert stage["y"] < 120 and stage["y"] + stage["height"] <= controls["y"] + 1
            assert controls["y"] + controls["height"] < SIZES[size]["viewport"]["height"]
        assert "公里" in page.text(".leaflet-control-scale-line")
        assert len(mappage.picture(page.page)) > 10_000


def test_cells_are_painted_by_class(made: tuple[Any, list[Any], Path], desk: MapPage) -> None:
    """Cells of equal area: the two inner rings are whole, 7 and 12 of them."""
    best, second, worst = (swatch["colour"] for swatch in desk.run("boaiMap.app.facts.standard(0, 2).reach"))
    counted = pixels(desk)
    assert set(counted) == {best, second, worst}
    assert counted[second] / 12 == pytest.approx(counted[best] / 7, rel=0.03)
    desk.slide(1200)
    two = pixels(desk)
    assert two[best] == counted[best] + counted[second] and two[worst] == counted[worst]
    desk.choose("view", "county")
    assert pixels(desk) == {}
    assert desk.count("path.county.filled") == 4


def test_every_pixel_has_the_cell_whose_centre_is_nearest(
    made: tuple[Any, list[Any], Path], desk: MapPage
) -> None:
    """The page projects as the sheets do: cells at random places are those of the projection in Python."""
    from boai.maps import layers

    demand = made[0].demand
    draw = np.random.default_rng(5)
    lon = draw.uniform(demand.lon.min(), demand.lon.max(), 300)
    lat = draw.uniform(demand.lat.min(), demand.lat.max(), 300)
    centres, asked = layers.project(demand.lon, demand.lat), layers.project(lon, lat)
    apart = np.hypot(*(asked[:, None, :] - centres[None, :, :]).transpose(2, 0, 1))
    nearest, order = apart.argmin(axis=1), np.sort(apart, axis=1)
    clear = order[:, 1] - order[:, 0] > 2  # metres; centres are kept to about one
    found = desk.run(
        "([lon, lat]) => lon.map((x, i) => boaiMap.app.view.cellAt({ lat: lat[i], lng: x }))",
        lon.tolist(),
        lat.tolist(),
    )
    assert np.array(found)[clear].tolist() == nearest[clear].tolist()


def test_a_zoom_is_drawn_once_when_it_rests(desk: MapPage) -> None:
    """Between two steps what is drawn is scaled: the border lies where it belongs, and nothing is painted."""
    found = desk.run(
        """async () => {
          const { view } = boaiMap.app, { map } = view;
          const sheet = boaiMap.Sheet.prototype, update = sheet._update;
          let painted = 0;
          sheet._update = function () { painted += 1; return update.call(this); };
          const canvas = document.querySelector('.leaflet-areas-pane canvas'), first = map.getZoom();
          const rested = () => new Promise((done) => map.once('rest', () => setTimeout(done)));
          for (let i = 0; i < 4; i += 1) map.setZoom(first + 1 - i / 2, { animate: false });
          const during = painted, box = document.querySelector('path.province').getBoundingClientRect();
          const bounds = view.province.getBounds(), at = map.getContainer().getBoundingClientRect();
          const ends = [bounds.getNorthWest(), bounds.getSouthEast()];
          const corners = ends.map((one) => map.latLngToContainerPoint(one));
          const off = [at.x + corners[0].x - box.left, at.y + corners[0].y - box.top,
                       at.x + corners[1].x - box.right, at.y + corners[1].y - box.bottom];
          await rested();
          const after = painted, rest = canvas.toDataURL();
          view.redraw();
          const fresh = canvas.toDataURL();
          map.setZoom(first + 1, { animate: false });
          map.setZoom(first - 0.5, { animate: false });
          await rested();
          const back = canvas.toDataURL();
          return { during, after, off, same: [rest === fresh, back === fresh] };
        }"""
    )
    assert found["during"] == 0 and found["after"] == 4  # cells, sites, other sites, suggested sites
    assert np.abs(found["off"]).max() < 3
    assert found["same"] == [True, True]


def test_the_slider_says_what_the_tables_say(made: tuple[Any, list[Any], Path], desk: MapPage) -> None:
    """Every minute the curve of `curves`, and at the limits of the standard the tables of the results."""
    _, results, _ = made
    for scenario, result in enumerate(results):
        for kind, name in ((2, "warehouse"), (3, "team")):
            cover = result.covers[name]
            costs = np.arange(1, 41) * 60
            curve = residents_by_cost(result.residents, cover, costs=costs)
            found = desk.run(
                "([scenario, kind, costs]) =>"
                " costs.map((cost) => boaiMap.app.facts.within(scenario, kind, cost).province)",
                scenario,
                kind,
                costs.tolist(),
            )
            assert found == curve.residents.tolist()
            for limit in cover.standard.limits:
                for level, key in (("县", "counties"), ("市", "cities")):
                    shown = desk.run(
                        "([scenario, kind, limit, key]) =>"
                        " Array.from(boaiMap.app.facts.within(scenario, kind, limit)[key])",
                        scenario,
                        kind,
                        limit,
                        key,
                    )
                    assert shown == words.unit_rows(result, name, level, limit)["served"].tolist()


def test_the_slider_answers_everywhere_at_once(desk: MapPage) -> None:
    desk.run("boaiMap.app.showCounty(0)")
    desk.run("document.getElementById('cities').closest('details').open = true")
    desk.slide(1200)
    assert desk.text("#figures .big strong") == f"{19 / CELLS:.1%}"
    assert desk.text("#limit-text") == "20分钟"
    assert "20分钟以内" in desk.text("#legend") and "超过 20分钟" in desk.text("#legend")
    assert "20分钟车程以内" in desk.text("#card") and "20分钟车程以内" in desk.text("#cities")
    assert "limit=1200" in desk.run("location.hash")
    desk.page.click("#limit-reset")
    assert desk.text("#figures .big strong") == f"{7 / CELLS:.1%}"
    assert desk.page.locator("#limit-reset").is_hidden()
    desk.choose("kind", 0)  # on foot the slider steps through the limits of the standard
    assert desk.run("document.getElementById('limit').max") == "2"
    desk.choose("view", "reach")
    desk.slide(0)
    assert desk.text("#limit-text") == "步行100米"
    assert "步行100米以内" in desk.text("#figures")


def test_the_address_keeps_what_is_shown(browser: Any, made: tuple[Any, list[Any], Path]) -> None:
    asked = "#scenario=plan&layer=team&view=reach&limit=900&others=warehouse&hidden=names&at=28.7,115.9,11.5"
    with mappage.opened(browser, made[2], hash=asked) as page:
        assert page.state == ["plan", "team", "reach"]
        assert page.text("#limit-text") == "15分钟"
        assert page.count(".leaflet-names-pane .label") == 0
        assert "备灾仓库" in page.text("#legend")
        assert page.run("boaiMap.app.view.map.getZoom()") == 11.5
        again = page.run("location.hash")
        page.open(made[2], again)
        assert page.run("location.hash") == again
        odd = "#scenario=__proto__&layer=<b>&view=constructor&limit=1e99&at=x,y,z&others=,,&hidden=toString"
        page.open(made[2], odd)
        assert page.state == ["baseline", "warehouse", "reach"]


def test_figures_on_the_page_are_those_of_the_result(
    made: tuple[Any, list[Any], Path], desk: MapPage
) -> None:
    rows = words.unit_rows(made[1][0], "warehouse", "县", 600)
    desk.run("document.getElementById('counties').closest('details').open = true")
    shown = {row.split("\t")[0]: row for row in desk.text("#counties tbody").splitlines()}
    for row in rows.to_dict("records"):
        desk.page.fill("#query", row["name"])
        desk.page.click("#found button")
        share = f"{row['served'] / row['residents']:.1%}"
        assert row["name"] in desk.text("#card") and share in desk.text("#card")
        assert share in shown[row["name"]]


def test_search_list_and_keyboard(desk: MapPage) -> None:
    keyboard = desk.page.keyboard
    desk.page.focus("#query")
    keyboard.type("丙县")
    assert "丙县" in desk.text("#found")
    keyboard.press("Enter")
    assert "丙县" in desk.text("#card h3")
    keyboard.press("Escape")
    assert desk.page.locator("#card").is_hidden()
    for typed in ("dx", "dingxian"):
        desk.page.fill("#query", typed)
        assert "丁县" in desk.text("#found")
    desk.page.fill("#query", "warehouse站")
    assert "站点" in desk.text("#found")
    keyboard.press("ArrowDown")
    assert desk.run("document.getElementById('query').getAttribute('aria-activedescendant')") == "hit0"
    keyboard.press("Enter")
    assert "warehouse站" in desk.text("#card h3")
    desk.page.fill("#query", "没有这个地方")
    assert "没有找到" in desk.text("#found")
    desk.page.locator("#gaps button").nth(1).click()
    assert "最近站点" in desk.text("#card")
    pin = desk.page.locator(".leaflet-gaps-pane .pin").first
    assert pin.get_attribute("tabindex") == "0" and pin.get_attribute("aria-label")
    pin.focus()
    keyboard.press("Enter")
    assert "未覆盖居民" in desk.text("#card")


def test_the_page_is_named_for_a_screen_reader(desk: MapPage) -> None:
    """Names of all controls, headers of all tables, text for all pictures; the limit is said in words."""
    desk.run("document.querySelectorAll('details').forEach((block) => { block.open = true; })")
    desk.page.wait_for_selector("#charts svg")
    nameless = desk.run(
        "[...document.querySelectorAll('button, input, a[href], [role=img], [role=region]')].filter((node) =>"
        " !(node.innerText || node.getAttribute('aria-label') || (node.labels && node.labels.length)))"
        ".map((node) => node.outerHTML)"
    )
    assert nameless == []
    headless = desk.run(
        "[...document.querySelectorAll('table')].filter((one) => !one.caption || !one.querySelector('th'))"
        ".map((one) => one.outerHTML)"
    )
    assert headless == []
    assert desk.count("#charts svg[role=img][aria-label]") == 3
    assert desk.run("document.getElementById('limit').getAttribute('aria-valuetext')") == "10分钟, 标准上限"
    assert "18.9% 居民在10分钟车程以内" in desk.text("#live")
    ids = desk.run("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


def test_hostile_names_do_nothing(browser: Any, tmp_path: Path) -> None:
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = mapworld.make_results(world, title="<img src=x onerror=alert(4)>")
    path = write_page(world, results, tmp_path / "page.html", title="<script>alert(5)</script>")
    with mappage.opened(browser, path) as page:
        page.run("document.querySelectorAll('details').forEach((block) => { block.open = true; })")
        for index in range(len(mapworld.HOSTILE)):
            page.run("([row]) => boaiMap.app.showSite(row)", index)
            assert page.count("#card h3 *") == 0
            assert page.text("#card h3")
        for kind in range(4):
            page.choose("kind", kind)
        page.page.fill("#query", "script")
        assert page.count("#found img, #found script, main img") == 0
        assert page.count("script") == 2


def test_many_sites_are_gathered_and_can_be_reached(browser: Any, tmp_path: Path) -> None:
    """5 000 sites in one cell are one circle with their count; each of them has its card."""
    world = mapworld.make_world()
    result, n = mapworld.baseline(world), 5000
    layer = result.layers["aed"]
    table = layer.table.iloc[np.zeros(n, int)].assign(
        id=[f"a{i}" for i in range(n)], name=[f"点{i}" for i in range(n)]
    )
    crowded = replace(result, layers={**result.layers, "aed": replace(layer, table=table)})
    path = write_page(world, [crowded], tmp_path / "page.html")
    with mappage.opened(browser, path, hash="#layer=aed") as page:
        assert page.run("boaiMap.app.view.crowded()")
        assert "多处站点" in page.text("#legend")
        assert page.count(".leaflet-sites-pane *") == 1  # the canvas
        zoom = page.run("boaiMap.app.view.map.getZoom()")
        spot = page.run(
            "(() => { const { view, facts } = boaiMap.app, table = facts.sites(0, 0);"
            " const at = view.map.latLngToContainerPoint([table.y[0] / 1e5, table.x[0] / 1e5]);"
            " const box = view.map.getContainer().getBoundingClientRect();"
            " return [at.x + box.left, at.y + box.top]; })()"
        )
        page.page.mouse.click(*spot)
        assert page.run("boaiMap.app.view.map.getZoom()") > zoom
        page.page.fill("#query", "点4321")
        page.page.keyboard.press("Enter")
        assert page.text("#card h3") == "点4321"


def test_a_site_under_the_mouse_goes_before_its_county(desk: MapPage) -> None:
    spot = desk.run(
        "(() => { const { view, facts } = boaiMap.app, table = facts.sites(0, 2);"
        " const at = view.map.latLngToContainerPoint([table.y[0] / 1e5, table.x[0] / 1e5]);"
        " const box = view.map.getContainer().getBoundingClientRect();"
        " return [at.x + box.left, at.y + box.top]; })()"
    )
    desk.page.mouse.click(*spot)
    assert desk.text("#card h3") == "warehouse站"
    desk.page.mouse.click(spot[0] + 60, spot[1] + 12)
    assert desk.text("#card h3").endswith("县")


def test_a_base_map_that_cannot_be_had_is_said_to_be_so(
    browser: Any, made: tuple[Any, list[Any], Path], tmp_path: Path
) -> None:
    """OpenStreetMap refuses pages opened from files: nothing is asked for, and the page works on."""
    path = write_page(made[0], made[1], tmp_path / "page.html", tiles=tiles_of("osm"))
    with mappage.opened(browser, path) as page:
        assert "联网底图: OSM" in page.text("#tiles") and "底图不可用" in page.text("#tiles")
        page.page.uncheck("#tiles input")
        assert "底图不可用" not in page.text("#tiles")
        assert page.state == ["baseline", "warehouse", "reach"]


@pytest.mark.slow
def test_paper_shows_map_and_figures_without_controls(desk: MapPage) -> None:
    desk.page.emulate_media(media="print")
    desk.run("window.dispatchEvent(new Event('beforeprint'))")
    for selector in (".controls", ".search", ".leaflet-control-zoom"):
        assert desk.page.locator(selector).first.is_hidden(), selector
    for selector in ("#title", "#map_boai", "#stamp", "#legend", "#gaps table", "#notes"):
        assert desk.page.locator(selector).first.is_visible(), selector
    box = desk.page.locator("#stage").bounding_box()
    assert box["width"] <= 690 and box["height"] <= 650
    desk.run("window.dispatchEvent(new Event('afterprint'))")
    desk.page.emulate_media(media="screen")
    assert desk.page.locator(".controls").is_visible()
    assert len(desk.page.pdf()) > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_demo_page(world: Any, browser: Any, tmp_path: Path, size: str) -> None:
    world, results = mapworld.demo(world)
    with mappage.opened(browser, write_page(world, results, tmp_path / "page.html"), size) as page:
        for scenario in range(len(results)):
            page.choose("scenario", scenario)
            for kind in range(4):
                page.choose("kind", kind)
                for view in ("reach", "county", "state", "county-state"):
                    page.choose("view", view)
                    assert page.state[0] == results[scenario].name
                    assert (page.count("path.county.filled") == 100) == view.startswith("county")
                    assert (len(pixels(page)) > 0) == (not view.startswith("county"))
