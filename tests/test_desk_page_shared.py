"""What desks share on the page: tokens, closed roads, reported sites, the log; two desks at one server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import deskpage
import pytest
from deskpage import Page

pytestmark = pytest.mark.browser

SOON_MS = 15_000


@pytest.fixture
def served(desk_served: Any) -> Any:
    return desk_served


@pytest.fixture(params=["phone", pytest.param("desktop", marks=pytest.mark.slow)])
def page(browser: Any, served: Any, request: pytest.FixtureRequest) -> Iterator[Page]:
    with deskpage.paging(browser, f"http://127.0.0.1:{served.port}/", request.param) as found:
        yield found
    for feature in served.get("/closures")["features"]:
        served.ask("DELETE", f"/closures/{feature['properties']['number']}")
    for mark in served.get("/marks")["marks"]:
        served.ask("DELETE", f"/marks/{mark['kind']}/{mark['id']}")


def enter(page: Page, token: str, *, stay: bool = False) -> None:
    """Write the token of a desk."""
    page.tab("log")
    page.page.fill("#token", token)
    if stay:
        page.page.check("#token-stay")
    page.page.press("#token", "Enter")


def kept(page: Page) -> list[Any]:
    return list(
        page.page.evaluate("[sessionStorage.getItem('boai-token'), localStorage.getItem('boai-token')]")
    )


@pytest.mark.slow
def test_a_token_is_kept_as_asked_and_forgotten(page: Page, served: Any) -> None:
    page.open()
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    assert "测试desk" in page.text("#panel-log")
    assert kept(page) == [served.token, None]
    page.page.click("#token-leave")
    assert kept(page) == [None, None]
    enter(page, served.token, stay=True)
    page.page.wait_for_selector("#token-leave")
    assert kept(page) == [None, served.token]


@pytest.mark.slow
def test_a_wrong_token_is_refused_in_words(page: Page) -> None:
    page.open()
    enter(page, "boai_00000000_" + "A" * 43)
    page.page.wait_for_selector("#panel-log .notice[data-kind=error]")
    assert "令牌" in page.text("#panel-log .notice[data-kind=error]")
    assert kept(page) == [None, None]


def test_a_closed_road_reaches_the_other_desk_and_opens_again(page: Page, served: Any) -> None:
    page.open(at="镇6")
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    page.tab("roads")
    page.page.fill("#road-name", "G60")
    with page.answering():
        page.page.press("#road-name", "Enter")
    page.page.click("#trials >> text=通告各席位")
    page.page.fill("#form-reason", "<b>塌方</b>")
    page.page.fill("#form-reporter", "<i>巡查员</i>")
    page.page.select_option("#form-until", "6")
    with deskpage.paging(page.page.context.browser, page.address, "desktop") as other:
        other.open(at="镇6")
        assert "1小时10分" in other.text("#cards .card:nth-child(1)")
        page.page.click("#trials form .primary")
        page.page.wait_for_selector("#closures li")
        line = page.text("#closures li")
        for words in ("G60 沪昆高速 封闭", "<b>塌方</b>", "<i>巡查员</i> 报告", "自动失效"):
            assert words in line, words
        assert page.count("#trials > li") == 0
        other.page.wait_for_selector("#banner:not([hidden])", timeout=SOON_MS)
        assert "各席位动态" in other.text("#banner")
        other.page.wait_for_selector("#changes:not([hidden])", timeout=SOON_MS)
        assert "1小时10分" not in other.text("#cards .card:nth-child(1)")
        assert other.count("#map path.closed:not(.case)") == 1
    page.page.click("#history-box summary")
    page.page.wait_for_selector("#history li")
    assert "G60 沪昆高速" in page.text("#history")
    page.page.click("#closures >> text=恢复通行")
    page.page.wait_for_function("() => document.querySelectorAll('#closures li').length === 0")


@pytest.mark.slow
def test_without_a_token_nothing_is_closed(page: Page, served: Any) -> None:
    page.open(at="镇6").tab("roads")
    page.page.fill("#road-name", "G60")
    with page.answering():
        page.page.press("#road-name", "Enter")
    page.page.click("#trials >> text=通告各席位")
    page.page.fill("#form-reporter", "路人")
    page.page.click("#trials form .primary")
    page.page.wait_for_selector("#trials form .notice")
    assert "需要席位令牌" in page.text("#trials form .notice")
    assert served.get("/closures")["features"] == []


@pytest.mark.slow
def test_a_site_is_reported_empty_for_all(page: Page, served: Any) -> None:
    page.open(at="镇5")
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    page.tab("nearest")
    page.page.click("#cards .card:nth-child(1) >> text=通报有无")
    page.page.fill("#form-note", "<script>alert(1)</script>")
    page.page.select_option("#form-until", "2")
    with page.answering():
        page.page.click(".mark-form .primary")
    assert page.names()[0] == deskpage.HOSTILE
    page.tab("roads")
    assert "五号库: 空" in page.text("#marks")
    assert "<script>alert(1)</script>" in page.text("#marks")
    with page.answering():
        page.page.click("#marks >> text=撤销")
    assert page.tab("nearest").names()[0] == "五号库"


@pytest.mark.slow
def test_a_dispatch_is_logged_and_read_again(page: Page, served: Any) -> None:
    page.open(at="镇5")
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    page.tab("nearest")
    page.page.click("#record")
    page.page.fill("#record-note", "<u>请带发电机</u>")
    page.page.fill("#record-who", "值班员甲")
    page.page.click("#record-save")
    page.page.wait_for_selector("#log li:has-text('五号库')")
    assert "请带发电机" in page.text("#log")


@pytest.mark.slow
def test_a_lost_server_is_said_and_comes_back(page: Page) -> None:
    page.open(at="镇5")
    context = page.page.context
    context.set_offline(True)
    page.page.evaluate("boai.source.look()")
    page.page.wait_for_selector("#banner[data-kind=offline]")
    assert "离线" in page.text("#banner")
    assert page.text("#link") == "离线"
    assert page.names()[0] == "五号库"  # the last answer stays
    context.set_offline(False)
    page.page.wait_for_function(
        "() => document.getElementById('link').dataset.online === 'true'", timeout=SOON_MS
    )
    assert page.page.locator("#banner[data-kind=offline]").count() == 0
    page.complaints.clear()  # the browser writes that it was offline


@pytest.mark.slow
def test_a_form_half_written_survives_the_news_of_another_desk(page: Page, served: Any) -> None:
    page.open(at="镇5")
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    page.tab("nearest")
    page.page.click("#cards .card:nth-child(1) >> text=通报有无")
    page.page.fill("#form-note", "问过李四")
    with page.answering():
        served.ask("POST", "/closures", {"roads": ["G60"], "reporter": "另一席位"})
        page.page.evaluate("boai.source.look()")
    assert page.page.input_value("#form-note") == "问过李四"


@pytest.mark.slow
def test_a_road_is_slowed_for_all(page: Page, served: Any) -> None:
    page.open(at="镇6")
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    page.tab("roads")
    page.page.fill("#road-name", "G60")
    with page.answering():
        page.page.press("#road-name", "Enter")
    page.page.click("#trials >> text=通告各席位")
    page.page.select_option("#form-speed", "0.5")
    page.page.fill("#form-reporter", "巡查员")
    page.page.click("#trials form .primary")
    page.page.wait_for_selector("#closures li:has-text('车速降为 50 %')")
    assert served.get("/closures")["features"][0]["properties"]["speed"] == 0.5


def test_a_plan_becomes_one_dispatch_with_its_amounts_and_number(page: Page, served: Any) -> None:
    page.open(at="镇5")
    enter(page, served.token)
    page.page.wait_for_selector("#token-leave")
    page.tab("need").page.fill("#need-persons", "600")
    page.page.press("#need-persons", "Enter")
    page.page.click("[data-plan=first] .use")
    assert "按方案 2 处" in page.text("#actions")
    page.page.click("#record")
    page.page.fill("#record-note", "请带发电机")
    with page.page.expect_response("**/log") as told:
        page.page.evaluate("for (let i = 0; i < 3; i += 1) document.getElementById('record-save').click()")
    sent = told.value.request.post_data_json
    assert [sent["plan"], sent["need"]["persons"]] == ["first", 600]
    assert sent["chosen"] == ["warehouse-1", "warehouse-0"]
    page.page.wait_for_selector("#panel-log .notice[data-kind=quiet]:not([hidden])")
    number = told.value.json()["number"]
    assert number in page.text("#panel-log .notice")
    page.page.click("#copy")
    page.page.wait_for_selector("dialog textarea")
    text = page.page.input_value("dialog textarea")
    for words in (number, "600 人", "调出: 家庭包 50", "请带发电机"):
        assert words in text, words
    page.page.click("dialog >> text=关闭")
    with page.answering():
        page.ask("镇0")
    assert "已选 1 处" in page.text("#actions")
