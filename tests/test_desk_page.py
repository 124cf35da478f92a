"""The desk's page, asked as a person on duty asks it: on a phone and at a desk, by hand and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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


def test_a_name_gives_the_cards_in_the_order_of_arrival(page: Page) -> None:
    page.open().ask("镇5")
    assert page.names() == ["五号库", deskpage.HOSTILE, "三号库", "空库"]
    card = page.text("#cards .card:nth-child(1)")
    for words in ("45分", "准备 45分 + 行车 0分", "0.0 公里", "市级 · 东市 · 甲县", "未核实", "李四", "可供"):
        assert words in card, words
    assert page.text("#labels") == ""  # its stores are real, only the teams are examples
    assert page.count("#map path.way.chosen") == 3  # the way, its case, and what a finger meets
    assert page.count("#map .rank") == 4
    assert page.text("#map .rank.chosen") == "1"


def test_hostile_names_are_text(page: Page) -> None:
    page.open(at="镇0")
    card = page.page.locator("#cards .card").first
    assert card.locator(".name").inner_text() == deskpage.HOSTILE
    assert "<b>王五</b>" in card.inner_text()
    assert page.count("img") == 0
    assert page.count("#cards b") == page.page.evaluate(
        "[...document.querySelectorAll('#cards b')].filter((node) => !node.children.length).length"
    )


def test_telephones_are_links_that_a_thumb_meets(page: Page) -> None:
    page.open(at="镇0")
    links = page.page.locator("#cards .card").first.locator("a.call")
    assert [link.get_attribute("href") for link in links.all()] == ["tel:07911234567", "tel:13900000000"]
    assert "副手 副手甲" in links.nth(1).inner_text()
    assert all(box["height"] >= 44 for box in (link.bounding_box() for link in links.all()))
    assert "电话未填" in page.ask("镇15").text("#cards .card:nth-child(1)")


@pytest.mark.slow
def test_old_stock_says_so_and_an_empty_store_stands_last(page: Page) -> None:
    page.open(at="镇5")
    assert "数据较旧, 请先核实 截至 2020-01-31" in page.text("#cards .card:nth-child(1) .stock.old")
    assert page.count("#cards .card:nth-child(2) .stock.old") == 0
    last = page.page.locator("#cards .card.greyed")
    assert last.count() == 1
    assert last.locator(".chip").inner_text() == "空"


def test_a_place_is_picked_step_by_step(page: Page) -> None:
    page.open()
    page.page.click("#pick")
    page.page.wait_for_selector("#pick-city:not([disabled])")
    page.page.select_option("#pick-city", label="西市")
    page.page.select_option("#pick-county", label="丁县")
    with page.answering():
        page.page.select_option("#pick-town", label="镇15")
    assert page.names()[0] == "十五号库"
    with page.answering():
        page.page.select_option("#pick-county", label="丙县")
        page.page.click("#pick-go")
    assert "丙县" in page.page.input_value("#at")


def test_a_tap_on_the_map_asks_there(page: Page) -> None:
    page.open(at="镇5")
    with page.answering():
        page.tap(115.17, 28.12)
    assert page.page.evaluate("boai.state.now.place.lon") == pytest.approx(115.17, abs=0.01)
    with page.answering():
        page.page.click("#map-centre")  # the same with the keyboard: the cross in the middle


@pytest.mark.parametrize(
    "text",
    [
        "28°6′N 115°6′E",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("115.1,28.1", "东经115.1度 北纬28.1度")),
    ],
)
@pytest.mark.slow
def test_coordinates_in_any_notation(desk: Page, text: str) -> None:
    desk.open().ask(text)
    assert desk.names()[0] == "五号库"


@pytest.mark.slow
def test_the_system_of_coordinates_is_chosen(desk: Page) -> None:
    desk.open().ask("115.1,28.1")
    before = desk.page.evaluate("boai.state.now.answer.place.lon")
    with desk.answering():
        desk.page.select_option("#system", "gcj02")
    moved = before - desk.page.evaluate("boai.state.now.answer.place.lon")
    assert 0.003 < moved < 0.008  # GCJ-02 lies some 500 m east of WGS84


def test_the_phones_own_position(browser: Any, address: str) -> None:
    there = {"geolocation": {"longitude": 115.3, "latitude": 28.3}, "permissions": ["geolocation"]}
    with deskpage.paging(browser, address, "phone", **there) as page:
        page.open()
        with page.answering():
            page.page.click("#here")
        assert page.names()[0] == "十五号库"


@pytest.mark.slow
def test_a_refused_position_is_said(browser: Any, address: str) -> None:
    with deskpage.paging(browser, address, "phone") as page:
        page.open()
        page.page.click("#here")
        page.page.wait_for_selector("#place-note[data-kind=error]")
        assert "没有获得定位许可" in page.text("#place-note")


def test_a_place_outside_or_unknown_is_refused_in_words(page: Page) -> None:
    page.open(at="镇5")
    page.page.fill("#at", "121.5,31.2")
    page.page.press("#at", "Enter")
    page.page.wait_for_selector("#place-note[data-kind=error]")
    assert "不在江西省范围内" in page.text("#place-note")
    assert page.names() == []  # no old answer that could be taken for the new one
    page.page.fill("#at", "镇五十五号大院")
    page.page.press("#at", "Enter")
    page.page.wait_for_function("() => !document.getElementById('place-note').innerText.includes('范围内')")
    assert page.text("#place-note")


def test_more_sites_and_the_teams(page: Page) -> None:
    page.open(at="镇5")
    with page.answering():
        page.page.click("#more-button")
    assert page.names() == ["五号库", deskpage.HOSTILE, "三号库", "十五号库", "空库"]
    with page.answering():
        page.page.click("#kinds [data-kind=team]")
    assert page.names() == ["医疗队", "搜救队"]
    assert "12 人" in page.text("#cards .card:nth-child(1)")
    assert "示例数据" in page.text("#labels")
    with page.answering():
        page.page.select_option("#speciality", "搜救")
    assert page.names() == ["搜救队"]


@pytest.mark.slow
def test_a_card_shows_its_way_and_the_way_its_card(page: Page) -> None:
    page.open(at="镇5")
    page.page.locator("#cards .name").nth(1).click()
    assert page.text("#map .rank.chosen") == "2"
    assert page.count("#cards .card.chosen") == 1
    page.page.locator("#map .pin[role=button]").first.press("Enter")
    assert page.text("#cards .card.chosen .number") == page.text("#map .rank.chosen")


def test_the_limits_are_told(page: Page) -> None:
    page.open(at="镇5")
    lines = page.page.locator("#compliance li").all_inner_texts()
    assert len(lines) == 3
    assert all("达标" in line for line in lines)
    assert ["县级 6小时内" in lines[0], "市级 8小时内" in lines[1], "省级 10小时内" in lines[2]] == [True] * 3


def test_persons_become_bags_and_two_plans(page: Page) -> None:
    page.open(at="镇5").tab("need")
    page.page.fill("#need-persons", "600")
    page.page.press("#need-persons", "Enter")
    page.page.wait_for_selector(".plan")
    assert "家庭包 150" in page.text("#need-answer .items")
    assert "五号库" in page.text("[data-plan=first]")
    assert "2 个仓库 · 1小时20分送齐" in page.text("[data-plan=first]")
    assert "1 个仓库" in page.text("[data-plan=fewest]")
    assert page.count(".enough") == 2
    page.page.click("#need-items summary")
    page.page.fill("#need-items input >> nth=1", "300")
    page.page.press("#need-items input >> nth=1", "Enter")
    page.page.wait_for_selector(".short")
    assert page.text(".short >> nth=0") == "缺口: 棉被 90"
    page.page.fill("#need-persons", "100000")
    page.page.press("#need-persons", "Enter")
    page.page.wait_for_selector(".short:has-text('24,420')")
    assert page.text(".short >> nth=0") == "缺口: 家庭包 24,420"


def test_residents_of_an_area_drawn_on_the_map(page: Page) -> None:
    page.open(at="镇5").tab("need")
    page.page.fill("#need-km", "3")
    page.page.press("#need-km", "Enter")
    page.page.wait_for_selector(".plan")
    assert "居民" in page.text("#need-answer")
    page.page.click(".plan .use >> nth=0")
    page.page.click("#copy")
    page.page.wait_for_selector("dialog textarea")
    assert "所画范围的中心" in page.page.input_value("dialog textarea")
    page.page.keyboard.press("Escape")
    page.page.click("#need-draw")
    for lon, lat in ((115.07, 28.07), (115.13, 28.07), (115.13, 28.12), (115.07, 28.12)):
        page.tap(lon, lat)
    page.page.click("#draw-undo")
    with page.page.expect_response("**/need") as told:
        page.page.click("#draw-finish")
    assert len(told.value.request.post_data_json["area"]) == 3
    assert page.count("path.area.need") == 1


def test_a_road_tapped_on_the_map_is_tried_in_both_directions(page: Page) -> None:
    page.open(at="镇6").tab("roads")
    assert page.page.locator("#roads-offline").is_hidden()
    page.page.click("#road-click")
    page.tap(115.15, 28.101)
    page.page.wait_for_selector("#pending-try")
    assert "G60 沪昆高速" in page.text("#pending")
    assert "双向" in page.text("#pending")
    assert page.count("#map path.closed.preview") == 1
    with page.page.expect_response("**/nearest") as told:
        page.page.click("#pending-try")
    assert len(told.value.request.post_data_json["what_if"]["edges"]) == 2
    page.page.wait_for_selector("#trial-said .changes")
    assert page.count("#map path.closed.trial") == 1
    assert page.count("#map path.closed.preview") == 0
    assert "G60 沪昆高速" in page.text("#trials")


@pytest.mark.slow
def test_a_tap_far_from_any_road_is_said(desk: Page) -> None:
    desk.open(at="镇6").tab("roads")
    desk.page.click("#road-click")
    desk.tap(115.15, 28.15)
    desk.page.wait_for_selector("#trial-said .notice[data-kind=error]")
    assert "附近没有道路" in desk.text("#map-mode")
    desk.page.click("#map-mode .plain")
    assert desk.page.locator("#map-mode").is_hidden()


@pytest.mark.slow
def test_what_is_refused_is_not_tried(desk: Page) -> None:
    desk.open(at="镇5").tab("roads")
    desk.page.click("#area-draw")
    for lon, lat in ((115.04, 28.04), (115.06, 28.04), (115.05, 28.06)):
        desk.tap(lon, lat)
    desk.page.click("#draw-finish")
    desk.page.wait_for_selector("#trial-said .notice[data-kind=error]")
    assert desk.count("#trials li") == 0
    assert desk.tab("nearest").names()[0] == "五号库"


def test_a_warehouse_is_tried_empty_and_what_changes_is_said(page: Page) -> None:
    page.open(at="镇5")
    with page.answering():
        page.page.click("#cards .card:nth-child(1) >> text=假设无货")
    assert page.names()[0] == deskpage.HOSTILE
    assert "五号库" in page.text("#changes")
    assert "+35分" in page.text("#changes .delta")
    page.tab("roads")
    assert "+35分" in page.text("#strip")
    assert "试算" in page.text("#strip")
    assert "五号库 假设无货" in page.text("#trials")
    with page.answering():
        page.page.click("#trials >> text=撤销")
    assert page.tab("nearest").names()[0] == "五号库"
    assert page.page.locator("#changes").is_hidden()


def test_a_trial_outlasts_a_reload_of_its_tab_and_says_so(desk: Page) -> None:
    desk.open(at="镇5")
    with desk.answering():
        desk.page.click("#cards .card:nth-child(1) >> text=假设无货")
    desk.page.reload()
    desk.page.wait_for_selector("html[data-ready]")
    desk.wait(1)
    assert desk.names()[0] == deskpage.HOSTILE
    assert "之前的试算仍在起作用" in desk.text("#banner")
    assert "试算结果" in desk.text("#changes")
    with desk.answering():
        desk.page.click("#changes button")
    desk.page.reload()
    desk.page.wait_for_selector("html[data-ready]")
    assert desk.wait(1).names()[0] == "五号库"
    assert desk.page.locator("#changes").is_hidden()


def test_a_kept_trial_that_is_no_longer_possible_is_dropped_and_said(desk: Page) -> None:
    desk.open(at="镇5")
    desk.page.evaluate(
        "() => sessionStorage.setItem('boai-trial:' + location.pathname,"
        " JSON.stringify({ empty: [{ id: 'gone', name: '撤销的库' }] }))"
    )
    desk.page.reload()
    desk.page.wait_for_selector("html[data-ready]")
    assert desk.wait(1).names()[0] == "五号库"
    assert "已不能用" in desk.text("#banner")
    assert desk.page.evaluate("() => sessionStorage.getItem('boai-trial:' + location.pathname)") is None


def test_a_road_by_name_and_a_flood_are_tried(page: Page) -> None:
    page.open(at="镇6").tab("roads")
    page.page.fill("#road-name", "G60")
    with page.answering():
        page.page.press("#road-name", "Enter")
    assert "G60 沪昆高速" in page.text("#trials")
    assert "G60" in page.text("#trial-said")
    assert page.count("#map path.closed.trial") == 1
    page.page.fill("#road-name", "G9999")
    page.page.press("#road-name", "Enter")
    page.page.wait_for_selector("#trial-said .notice[data-kind=error]")
    assert page.count("#trials > li:has(span)") == 1  # what does not exist is not tried
    page.page.fill("#flood-km", "2")
    with page.answering():
        page.page.press("#flood-km", "Enter")
    assert page.count("path.area.trial") == 1
    assert page.tab("nearest").text("#empty") == "没有能到达的站点"
    page.page.click("#more summary")
    assert "五号库" in page.text("#more")
    with page.answering():
        page.page.click("#changes button")
    assert page.names()[0] == "五号库"


@pytest.mark.slow
def test_the_text_for_a_chat_is_shown_and_copied(browser: Any, address: str) -> None:
    with deskpage.paging(
        browser, address, "desktop", permissions=["clipboard-read", "clipboard-write"]
    ) as page:
        page.open(at="镇5")
        page.page.click("#copy")
        page.page.wait_for_selector("dialog textarea")
        shown = page.page.input_value("dialog textarea")
        assert "五号库" in shown
        assert "已复制" in page.text("dialog")
        assert page.page.evaluate("navigator.clipboard.readText()") == shown
        page.page.keyboard.press("Escape")
        page.page.wait_for_selector("dialog", state="detached")


@pytest.mark.slow
def test_a_browser_that_does_not_copy_says_so(desk: Page) -> None:
    desk.page.add_init_script("delete Navigator.prototype.clipboard")
    desk.open(at="镇5")
    desk.page.click("#copy")
    desk.page.wait_for_selector("dialog textarea")
    assert "请长按或全选后复制" in desk.text("dialog")
    desk.page.click("dialog .primary")
    assert "已复制" in desk.text("dialog")


@pytest.mark.slow
def test_the_sheet_is_a_pdf(desk: Page, tmp_path: Path) -> None:
    desk.open(at="镇5")
    with desk.page.expect_download(timeout=60000) as download:
        desk.page.click("#sheet-button")
    path = tmp_path / "sheet.pdf"
    download.value.save_as(path)
    assert path.read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename.endswith(".pdf")
