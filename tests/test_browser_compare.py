"""Two scenarios of a page compared in a real browser: figures, maps that move as one, the curtain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import compareworld
import deskpage
import mapworld
import numpy as np
import pytest
from boai.maps.page import write_page
from boai.scenarios.differences import differences

pytestmark = pytest.mark.browser


SIDES = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)]
HAND = "() => document.querySelector('.curtain').getAttribute('aria-valuenow')"


@pytest.fixture(scope="module")
def made() -> tuple[Any, list[Any]]:
    world = mapworld.make_world()
    return world, compareworld.results(world)


@pytest.fixture(scope="module")
def page_file(made: tuple[Any, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(*made, tmp_path_factory.mktemp("compare") / "page.html")


@pytest.fixture
def show(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open pages that a test looks at; requests to elsewhere and complaints fail it."""
    with ExitStack() as stack:

        def open_(path: Path, size: str = "desktop", *, address: str = "", **compare: Any) -> Any:
            found = stack.enter_context(deskpage.paging(browser, path.as_uri() + address, size))
            found.page.goto(found.address)
            found.page.wait_for_function("() => window.boaiMap && boaiMap.app")
            if compare:
                found.page.evaluate("compare => boaiMap.app.compare(compare)", compare)
            return found.page

        yield open_


def between(page: Any, kind: int, pair: tuple[int, int], limit: int | None) -> dict[str, Any] | None:
    """Ask the page what two of its scenarios differ in."""
    asked = {"kind": kind, "pair": {"left": pair[0], "right": pair[1]}, "limit": limit}
    return page.evaluate(  # type: ignore[no-any-return]
        """({ kind, pair, limit }) => {
            const found = boaiMap.compare.between(boaiMap.app.facts, pair, kind, limit);
            if (!found) return null;
            const { gained, lost, growth } = found.counties;
            const counties = { gained: [...gained], lost: [...lost], growth: [...growth] };
            return { ...found, index: [...found.index], counties };
        }""",
        asked,
    )


def test_figures_of_the_page_are_those_of_the_tables(
    made: tuple[Any, list[Any]], page_file: Path, show: Callable[..., Any]
) -> None:
    """Every pair both ways, every layer: counties, cities and province of `scenarios.differences`."""
    world, results = made
    page = show(page_file)
    kinds = page.evaluate("() => boaiMap.app.facts.data.kinds.map((kind) => kind.kind)")
    for left, right in SIDES:
        tables = {by: differences([results[left], results[right]], world.demand, by=by) for by in "省市县"}
        for number, kind in enumerate(kinds):
            found = between(page, number, (left, right), None)
            known = {by: table[table["kind"] == kind].sort_values("code") for by, table in tables.items()}
            if known["县"].empty:  # the left one does not know the right one's limit
                assert found is None or found["limit"] != results[right].covers[kind].standard.main
                continue
            assert found is not None
            assert found["limit"] == results[right].covers[kind].standard.main
            for name in ("gained", "lost", "growth"):
                assert found["counties"][name] == known["县"][name].tolist()
                assert [city[name] for city in found["cities"]] == known["市"][name].tolist()
                assert [found["province"][name]] == known["省"][name].tolist()


@pytest.mark.slow
def test_swapping_sides_mirrors(
    made: tuple[Any, list[Any]], page_file: Path, show: Callable[..., Any]
) -> None:
    """At any limit, also between those of the standard; parts mirror where the residents are the same."""
    page = show(page_file)
    mirrored = {0: 1, 1: 0, 2: 2, 3: 3}
    for kind, limits in ((2, (300, 600, 777, 1200)), (3, (601, 1200)), (0, (100, 160))):
        for limit in limits:
            for left, right in ((0, 1), (0, 2), (1, 2)):
                there, back = (between(page, kind, pair, limit) for pair in ((left, right), (right, left)))
                assert there is not None and back is not None
                assert [mirrored[one] for one in there["index"]] == back["index"]
                net = [
                    one["province"]["gained"] - one["province"]["lost"] + one["province"]["growth"]
                    for one in (there, back)
                ]
                assert net[0] == -net[1]
                if right == 1:
                    assert there["counties"]["gained"] == back["counties"]["lost"]


@pytest.mark.slow
def test_cells_by_driving_are_those_of_the_covers(
    made: tuple[Any, list[Any]], page_file: Path, show: Callable[..., Any]
) -> None:
    _, results = made
    page = show(page_file)
    for limit in (599, 600, 601, 1200, 3000):
        found = between(page, 2, (0, 2), limit)
        assert found is not None
        was, now = (results[side].covers["warehouse"].cost <= limit for side in (0, 2))
        wanted = np.select([now & ~was, was & ~now, was & now], [0, 1, 2], 3)
        assert found["index"] == wanted.tolist()


def test_never_two_different_limits(page_file: Path, show: Callable[..., Any]) -> None:
    page = show(page_file, how="swipe", left=0, right=2)
    words = "() => document.getElementById('figures').innerText"
    page.evaluate("() => boaiMap.app.set({ kind: 3 })")  # teams: 10 and 20 minutes
    assert "两边都按20分钟车程以内比较" in page.evaluate(words)
    assert "两个方案自己的上限不同: 左边 10分钟车程, 右边 20分钟车程" in page.evaluate(words)
    assert "居民数不同" in page.evaluate(words)
    states = page.locator("input[name=view][value*=state]")
    assert states.count() == 0  # they are those at each one's own main limit
    limits = "() => boaiMap.app.view.shown().map((state) => state.limit)"
    assert page.evaluate(limits) == [1200, 1200]
    page.evaluate("() => boaiMap.app.setLimit(900)")
    assert page.evaluate(limits) == [900, 900]
    page.evaluate("() => boaiMap.app.compare({ how: 'swipe', left: 2, right: 0 })")
    page.evaluate("() => boaiMap.app.set({ kind: 0 })")  # AED: 270 metres is known to one side alone
    assert page.inner_text("#limit-text") == "步行160米"
    assert "两边都按步行160米以内比较" in page.evaluate(words)
    page.evaluate("() => boaiMap.app.set({ kind: 1 })")  # homes: nothing in common
    assert "不能比较" in page.evaluate(words)
    assert page.locator(".pair.nothing").count() == 1


@pytest.mark.parametrize("size", [pytest.param("phone", marks=pytest.mark.slow), "desktop"])
def test_three_ways_and_back(page_file: Path, show: Callable[..., Any], size: str) -> None:
    page = show(page_file, size)
    choose = "([name, value]) => document.querySelector(`input[name=${name}][value='${value}']`).click()"
    page.evaluate(choose, ["compare", "difference"])
    assert page.inner_text("#figures h2") == "备灾仓库 · 现状 → 计划"
    assert "新覆盖" in page.inner_text("#legend")
    assert page.evaluate("() => document.documentElement.dataset.drawn") == "plan warehouse difference"
    page.evaluate(choose, ["view", "county-difference"])
    assert "多" in page.inner_text("#legend")
    page.select_option("[data-key=compare-right]", "2")
    assert "站点的变化 (新增 1 座, 撤去 1 座)" in page.inner_text("#compared-title")
    assert page.locator(".leaflet-gaps-pane .changed.closed").count() == 1
    page.evaluate(choose, ["compare", "beside"])
    assert page.locator("#pair .leaflet-container").count() == 2
    assert page.evaluate("() => boaiMap.app.state.view") == "county"
    page.evaluate("() => boaiMap.app.view.goTo(28.7, 115.9, 13)")
    page.wait_for_function(
        "() => { const [a, b] = boaiMap.app.view.views.map((view) => view.map);"
        " return a.getZoom() === 13 && b.getZoom() === 13 && a.getCenter().distanceTo(b.getCenter()) < 40; }"
    )
    page.evaluate(choose, ["compare", ""])
    assert page.locator("#pair .leaflet-container").count() == 0
    assert page.locator("#map_boai").is_visible()
    assert page.evaluate("() => boaiMap.app.state.scenario") == 2
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= deskpage.SIZES[size]["viewport"]["width"]


@pytest.mark.slow
def test_curtain_moves_by_key_and_hand(page_file: Path, show: Callable[..., Any]) -> None:
    page = show(page_file, how="swipe", left=0, right=1)
    curtain = page.locator(".curtain")
    assert curtain.get_attribute("role") == "slider"
    assert (curtain.get_attribute("aria-valuemin"), curtain.get_attribute("aria-valuemax")) == ("0", "100")
    assert page.evaluate(HAND) == "50"
    curtain.focus()
    for key, wanted in (
        ("ArrowLeft", "48"), ("Shift+ArrowRight", "58"), ("PageDown", "48"), ("Home", "0"),
        ("ArrowLeft", "0"), ("End", "100"), ("ArrowDown", "98"),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate(HAND) == wanted
    assert "左边 现状 占 98%" in curtain.get_attribute("aria-valuetext")
    box = page.locator("#pair").bounding_box()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("PageUp")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 220, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + 10, box["y"] + 220)
    assert page.evaluate(HAND) == "25"
    clip = page.evaluate("() => document.querySelector('.half.right').style.clipPath")
    assert clip.endswith("25%)") or "25.0" in clip or "24.9" in clip


@pytest.mark.slow
def test_a_finger_moves_the_curtain(page_file: Path, show: Callable[..., Any]) -> None:
    page = show(page_file, "phone", how="swipe", left=0, right=1)
    page.evaluate("() => document.getElementById('stage').scrollIntoView()")
    box = page.locator(".curtain .grip").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, far in (("touchStart", 0), ("touchMove", 40), ("touchMove", 97.5), ("touchEnd", None)):
        points = [] if far is None else [{"x": x + far, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_function(f"({HAND})() === '75'")


@pytest.mark.slow
def test_what_lies_under_the_mouse_is_the_map_that_is_seen(page_file: Path, show: Callable[..., Any]) -> None:
    """Left of the curtain a drag moves the left map, and the right one goes along."""
    page = show(page_file, how="swipe", left=0, right=1)
    before = page.evaluate("() => boaiMap.app.view.views.map((view) => view.map.getCenter().lng)")
    page.evaluate("() => { const { map } = boaiMap.app.view.views[0]; map.setZoom(map.getZoom() + 2); }")
    box = page.locator("#pair").bounding_box()
    side = "([x, y]) => document.elementFromPoint(x, y).closest('.half').className"
    assert "left" in page.evaluate(side, [box["x"] + box["width"] * 0.2, box["y"] + 300])
    assert "right" in page.evaluate(side, [box["x"] + box["width"] * 0.8, box["y"] + 300])
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2 + 120, box["y"] + 300, steps=5)
    page.mouse.up()
    page.wait_for_timeout(100)
    after = page.evaluate("() => boaiMap.app.view.views.map((view) => view.map.getCenter().lng)")
    assert after[0] < before[0]
    assert after[0] == pytest.approx(after[1], abs=1e-3)


def test_a_page_opens_in_a_comparison(
    made: tuple[Any, list[Any]], tmp_path: Path, show: Callable[..., Any]
) -> None:
    start = {"compare": "swipe", "left": 0, "right": 2}
    path = write_page(*made, tmp_path / "start.html", start=start)
    page = show(path)
    assert page.evaluate("() => boaiMap.app.state.compare") == {"how": "swipe", "left": 0, "right": 2}
    assert page.evaluate("() => location.hash").count("compare=swipe&left=baseline&right=changed") == 1
    asked = "#scenario=plan&layer=team&view=county-difference&compare=difference&left=plan&right=baseline"
    page = show(path, address=asked)
    state = page.evaluate("() => boaiMap.app.state")
    assert state["compare"] == {"how": "difference", "left": 1, "right": 0}
    assert (state["scenario"], state["view"], state["kind"]) == (0, "county-difference", 3)
    page = show(path, address="#compare=beside&left=plan&right=baseline")  # enough without a scenario
    assert page.evaluate("() => boaiMap.app.state.compare") == {"how": "beside", "left": 1, "right": 0}
    page = show(path, address="#scenario=plan&compare=swipe&left=plan&right=<img src=x onerror=alert(1)>")
    assert page.evaluate("() => boaiMap.app.state.compare") is None
    text = path.read_text(encoding="utf-8")
    assert text.count('"right":2}') == 1
    wrong = tmp_path / "wrong.html"
    wrong.write_text(text.replace('"right":2}', '"right":9}'), encoding="utf-8")
    page = show(wrong)
    assert page.evaluate("() => boaiMap.app.state.compare") is None


def test_hostile_names_do_nothing(
    tmp_path: Path, show: Callable[..., Any], made: tuple[Any, list[Any]]
) -> None:
    world, (today, plan, _) = made
    table = plan.layers["team"].table.iloc[[0] * len(mapworld.HOSTILE)].reset_index(drop=True)
    table = table.assign(name=list(mapworld.HOSTILE), id=[f"neu-{n}" for n in range(len(mapworld.HOSTILE))])
    layer = replace(plan.layers["team"], table=table)
    hostile = replace(
        plan, layers={**plan.layers, "team": layer}, title="</script><img src=x onerror=alert(4)>"
    )
    page = show(write_page(world, [today, hostile], tmp_path / "page.html"))
    for how in ("difference", "swipe", "beside"):
        page.evaluate("how => boaiMap.app.compare({ how, left: 0, right: 1 })", how)
        page.evaluate("() => boaiMap.app.set({ kind: 3 })")
        assert page.locator("#compared tbody tr").count() == len(mapworld.HOSTILE) + 1
        page.evaluate("() => document.querySelector('#compared button.name').click()")
        assert page.locator("#card h3 *").count() == 0
        assert page.locator("body img:not(.leaflet-tile)").count() == 0
    assert page.locator("script").count() == 2


@pytest.mark.slow
def test_the_demo_compared(world: Any, show: Callable[..., Any], tmp_path: Path) -> None:
    """All ways and views of the demo's page for a layer on foot and one by driving; figures of all layers."""
    world, results = mapworld.demo(world)
    page = show(write_page(world, results, tmp_path / "page.html"))
    table = differences(results, world.demand, by="省")
    kinds = page.evaluate("() => boaiMap.app.facts.data.kinds.map((kind) => kind.kind)")
    for number, kind in enumerate(kinds):
        found = between(page, number, (0, 1), None)
        row = table[table["kind"] == kind].iloc[0]
        assert found is not None
        assert found["province"] == {name: row[name] for name in ("gained", "lost", "growth")}
    for how in ("difference", "swipe", "beside"):
        page.evaluate("how => boaiMap.app.compare({ how, left: 0, right: 1 })", how)
        for number in (kinds.index("aed"), kinds.index("warehouse")):
            page.evaluate("kind => boaiMap.app.set({ kind })", number)
            for view in page.evaluate(
                "() => [...document.querySelectorAll('[name=view]')].map((one) => one.value)"
            ):
                page.evaluate("view => boaiMap.app.set({ view })", view)
                assert page.evaluate("() => boaiMap.app.state.view") == view
                assert "→" in page.inner_text("#figures h2")
