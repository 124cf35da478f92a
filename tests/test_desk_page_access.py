"""The desk's page by keyboard, for a screen reader, on a small phone, on paper, in English, slowly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import deskpage
import pytest
from deskpage import Page

pytestmark = pytest.mark.browser


@pytest.fixture
def address(desk_served: Any) -> str:
    return f"http://127.0.0.1:{desk_served.port}/"


@pytest.fixture(params=["phone", pytest.param("desktop", marks=pytest.mark.slow)])
def page(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with deskpage.paging(browser, address, request.param) as found:
        yield found


@pytest.fixture
def desk(browser: Any, address: str) -> Iterator[Page]:
    with deskpage.paging(browser, address, "desktop") as found:
        yield found


def test_english_and_back(page: Page) -> None:
    page.open(at="镇5")
    page.page.click("#language")
    assert page.page.evaluate("document.documentElement.lang") == "en"
    assert page.text("#tab-nearest") == "Nearest"
    assert "getting ready 45 min + driving 0 min" in page.text("#cards .card:nth-child(1)")
    assert page.names()[0] == "五号库"
    page.open()
    assert page.text("#tab-nearest") == "Nearest"
    page.page.click("#language")
    assert page.text("#tab-nearest") == "谁先到"


def test_tabs_and_kinds_by_keyboard(desk: Page) -> None:
    desk.open(at="镇5")
    desk.page.focus("#tab-nearest")
    desk.page.keyboard.press("ArrowRight")
    assert desk.page.evaluate("document.activeElement.id") == "tab-need"
    assert desk.page.locator("#panel-need").is_visible()
    desk.page.keyboard.press("End")
    assert desk.page.locator("#panel-log").is_visible()
    desk.page.keyboard.press("Home")
    desk.page.focus("#kinds [aria-checked=true]")
    with desk.answering():
        desk.page.keyboard.press("ArrowRight")
    assert desk.names() == ["医疗队", "搜救队"]


def test_the_answer_is_said_to_a_screen_reader(desk: Page) -> None:
    desk.open(at="镇5")
    desk.page.wait_for_function(
        "() => document.getElementById('live').innerText.includes('最先到达的是 五号库, 45分')"
    )


@pytest.mark.slow
def test_the_question_is_kept_in_the_address(desk: Page) -> None:
    desk.open().ask("镇5")
    with desk.answering():
        desk.page.click("#kinds [data-kind=team]")
    desk.page.reload()
    desk.wait(1)
    assert desk.names() == ["医疗队", "搜救队"]


@pytest.mark.parametrize("width", [320, pytest.param(390, marks=pytest.mark.slow)])
def test_nothing_is_wider_than_the_phone(browser: Any, address: str, width: int) -> None:
    with deskpage.paging(browser, address, "phone") as page:
        page.page.set_viewport_size({"width": width, "height": 700})
        page.open(at="镇5")
        for language in range(2):
            for name in ("nearest", "need", "roads", "log"):
                page.tab(name)
                wide = page.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (language, name, wide)
            page.page.click("#language")


def test_what_is_pressed_is_large_enough(page: Page) -> None:
    page.open(at="镇5")
    for name in ("nearest", "need", "roads", "log"):
        small = page.tab(name).page.evaluate(
            "[...document.querySelectorAll('button, a.call, select, summary, input:not([type=checkbox])')]"
            ".filter((node) => node.offsetParent && node.getBoundingClientRect().height < 43.5"
            " && !node.classList.contains('name')).map((node) => node.outerHTML)"
        )
        assert small == [], name


@pytest.mark.slow
def test_the_map_folds_away_on_a_phone(browser: Any, address: str) -> None:
    with deskpage.paging(browser, address, "phone") as page:
        page.open(at="镇5")
        heights = []
        for _ in range(3):
            heights.append(page.page.locator("#map").bounding_box())
            page.page.click("#map-size")
        assert heights[2] is None
        assert heights[1]["height"] > 1.5 * heights[0]["height"] > 200
        bar = page.page.locator("#tabs").bounding_box()
        assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)  # at the thumb


@pytest.mark.slow
def test_a_low_window_scrolls_whole(browser: Any, address: str) -> None:
    with deskpage.paging(browser, address, "phone") as page:
        page.page.set_viewport_size({"width": 640, "height": 320})  # as a page enlarged fourfold
        page.open(at="镇5")
        assert page.page.evaluate("getComputedStyle(document.getElementById('tabs')).position") == "static"


@pytest.mark.slow
def test_paper_shows_the_answer_without_controls(desk: Page) -> None:
    desk.open(at="镇5")
    desk.page.emulate_media(media="print")
    for selector in ("#actions", "#tabs", ".tools", "#here", "#language"):
        assert desk.page.locator(selector).first.is_hidden(), selector
    assert desk.page.locator("#cards .card").first.is_visible()


@pytest.mark.slow
@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_where_that_is_not_wanted(browser: Any, address: str, motion: str) -> None:
    with deskpage.paging(browser, address, "desktop", reduced_motion=motion) as page:
        page.open(at="镇5")
        assert page.page.evaluate("boai.chart.map.options.zoomAnimation") is (motion != "reduce")


@pytest.mark.slow
def test_an_area_is_drawn_with_the_keyboard(desk: Page) -> None:
    desk.open(at="镇5").tab("roads")
    desk.page.click("#map-all")
    desk.page.click("#area-draw")
    assert desk.page.locator("#draw-finish").is_disabled()
    assert holder(desk) == "map"
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft"):
        desk.page.focus("#map")
        for _ in range(3):
            desk.page.keyboard.press(key)
        desk.page.focus("#map-centre")
        desk.page.keyboard.press("Enter")
    desk.page.focus("#draw-finish")
    with desk.answering():
        desk.page.keyboard.press("Enter")
    assert desk.count("path.area.trial") == 1
    assert holder(desk) == "area-draw"  # back where the drawing began


@pytest.mark.slow
def test_suggestions_are_chosen_with_the_keyboard(page: Page) -> None:
    page.open()
    field = page.page.locator("#at")
    field.press_sequentially("镇1")
    page.page.wait_for_selector("#suggestions [role=option]")
    assert field.get_attribute("aria-expanded") == "true"
    field.press("ArrowDown")
    field.press("ArrowDown")
    chosen = page.page.locator("#suggestions [aria-selected=true]")
    assert chosen.get_attribute("id") == field.get_attribute("aria-activedescendant")
    name = chosen.locator("span").first.inner_text()
    with page.answering():
        field.press("Enter")
    assert name in field.input_value()
    assert page.page.locator("#suggestions").is_hidden()
    field.press_sequentially("镇")
    page.page.wait_for_selector("#suggestions [role=option]")
    field.press("Escape")
    assert page.page.locator("#suggestions").is_hidden()


def holder(page: Page) -> str:
    """Name the control that has the focus."""
    return str(
        page.page.evaluate(
            "(({ dataset, id, tagName }) => dataset.key || id || tagName)(document.activeElement)"
        )
    )


def test_the_focus_stays_where_it_was_when_the_answer_is_drawn_anew(desk: Page) -> None:
    desk.open(at="镇5")
    for selector in (
        "#more-button",
        "#cards .card:nth-child(1) [data-key^=empty]",
        "#kinds [data-kind=team]",
    ):
        desk.page.focus(selector)
        before = holder(desk)
        with desk.answering():
            desk.page.keyboard.press("Enter")
        assert holder(desk) in (before, "panels"), selector  # the button for more may be gone
    assert desk.page.evaluate("document.activeElement !== document.body")


@pytest.mark.slow
def test_what_becomes_empty_is_no_longer_sent(desk: Page) -> None:
    """The first site is chosen by itself: the next one takes its place, one chosen by hand stays."""
    desk.open(at="镇5")
    assert desk.page.evaluate("[...boai.state.now.chosen]") == ["warehouse-1"]
    with desk.answering():
        desk.page.click("#cards .card:nth-child(1) [data-key^=empty]")
    first = desk.page.locator("#cards .card").first.get_attribute("data-id")
    assert desk.page.evaluate("[[...boai.state.now.chosen], boai.state.now.selected]") == [[first], first]
    desk.page.click("#cards .card:nth-child(2) input")
    desk.page.click("#cards .card:nth-child(1) input")
    second = desk.page.locator("#cards .card").nth(1).get_attribute("data-id")
    with desk.answering():
        desk.page.evaluate("boai.state.untryAll()")
    assert desk.page.evaluate("[...boai.state.now.chosen]") == [second]


@pytest.mark.slow
def test_the_way_back_asks_the_question_before(desk: Page) -> None:
    desk.open().ask("镇5").ask("镇15")
    assert "镇15" in desk.text("#asked h2")
    with desk.answering():
        desk.page.go_back()
    assert desk.page.input_value("#at") == "镇5"
    assert "镇5" in desk.text("#asked h2")
    assert desk.names()[0] == "五号库"


@pytest.mark.slow
def test_a_refused_question_leaves_no_old_way_on_the_map(desk: Page) -> None:
    desk.open(at="镇5")
    assert desk.count("#map .rank") == 4
    desk.page.fill("#at", "121.5,31.2")
    desk.page.press("#at", "Enter")
    desk.page.wait_for_selector("#place-note[data-kind=error]")
    assert [desk.count(what) for what in ("#map .rank", "#map .spot", "#map path.way")] == [0, 0, 0]
    assert desk.page.locator("#asked").is_hidden()


@pytest.mark.slow
def test_a_slow_answer_says_that_it_is_awaited(desk: Page) -> None:
    desk.open(at="镇5")
    desk.page.evaluate(
        "const fetched = fetch; globalThis.fetch = (path, facts) => new Promise((go) => setTimeout(go,"
        " String(path).startsWith('nearest') ? 1200 : 0)).then(() => fetched(path, facts));"
    )
    desk.page.fill("#at", "镇15")
    with desk.answering():
        desk.page.press("#at", "Enter")
        desk.page.wait_for_selector("#busy:not([hidden])")
        assert desk.page.get_attribute("#panels", "aria-busy") == "true"
    assert desk.page.locator("#busy").is_hidden()


@pytest.mark.slow
def test_a_rough_position_stays_said_beside_the_answer(browser: Any, address: str) -> None:
    there = {
        "geolocation": {"longitude": 115.3, "latitude": 28.3, "accuracy": 1500},
        "permissions": ["geolocation"],
    }
    with deskpage.paging(browser, address, "phone", **there) as page:
        page.open()
        with page.answering():
            page.page.click("#here")
        assert "定位误差约 1.5 公里" in page.text("#place-note")


@pytest.mark.slow
def test_the_first_card_is_in_sight_on_a_small_phone(browser: Any, address: str) -> None:
    with deskpage.paging(browser, address, "phone") as page:
        page.page.set_viewport_size({"width": 320, "height": 568})
        page.open(at="镇5")
        assert (
            page.page.locator("#cards .card").first.bounding_box()["y"]
            < page.page.locator("#tabs").bounding_box()["y"]
        )


def test_controls_have_names_and_headings_an_order(page: Page) -> None:
    page.open(at="镇5")
    for name in ("nearest", "need", "roads", "log"):
        page.tab(name)
        assert page.page.evaluate(UNNAMED) == [], name


UNNAMED = """() => {
  const seen = (node) => node.offsetParent;
  const labels = (node) => [...(node.labels || [])].map((one) => one.textContent).join("");
  const own = (node) => (["SELECT", "INPUT"].includes(node.tagName) ? "" : node.textContent);
  const named = (node) => (node.getAttribute("aria-label") || labels(node) || own(node)).trim();
  const controls = "button, a[href], input, select, textarea, summary, [role=button]";
  const found = [...document.querySelectorAll(controls)].filter((node) => seen(node) && !named(node))
    .map((node) => node.outerHTML);
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  found.push(...ids.filter((id, at) => ids.indexOf(id) !== at));
  let last = 1;
  for (const heading of [...document.querySelectorAll("h1, h2, h3, h4")].filter(seen)) {
    const level = Number(heading.tagName[1]);
    if (level > last + 1) found.push("after h" + last + ": " + heading.outerHTML);
    last = level;
  }
  return found;
}"""
