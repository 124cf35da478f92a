"""The exported file on a phone and at a desk, opened from the disk with the network off, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import deskpage
import pytest
from boai.app.desk.export import export
from boai.app.desk.parts import CHINA
from boai.app.network import Choice, close
from deskpage import Page

pytestmark = pytest.mark.browser
PASSPHRASE = "鄱阳湖口 春水 17"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("file")
    root = deskpage.make(folder / "w")
    now = datetime.now(CHINA)
    export(root, folder / "plain.html", made_at=now)
    export(root, folder / "old.html", made_at=now - timedelta(days=9))
    export(root, folder / "sealed.html", passphrase=PASSPHRASE, made_at=now)
    text = (folder / "plain.html").read_text("utf-8")
    close(root, Choice(roads=["G60"]), reason="塌方")
    export(root, folder / "shut.html", made_at=now)
    for name, damaged in (
        ("cut", text[: len(text) * 2 // 3]),
        ("edited", text.replace('"phone":"138', '"phone":"139', 1)),
        ("script", text.replace("boai.local = {", "boai.local  = {", 1)),
    ):
        assert damaged != text
        (folder / f"{name}.html").write_text(damaged, "utf-8")
    return {path.stem: path for path in folder.glob("*.html")}


class FilePage(Page):
    """A page opened from a file without any network."""

    def open(self, **asked: str) -> FilePage:
        self.page.goto("about:blank")
        self.page.goto(self.address + ("#" + urlencode(asked) if asked else ""))
        self.page.wait_for_selector("html[data-ready]")
        return self


@pytest.fixture(params=["phone", pytest.param("desktop", marks=pytest.mark.slow)])
def open_file(browser: Any, files: dict[str, Path], request: pytest.FixtureRequest) -> Iterator[Any]:
    context = browser.new_context(**deskpage.SIZES[request.param], offline=True)
    pages, asked = list[FilePage](), list[str]()

    def opening(name: str, **question: str) -> FilePage:
        page = context.new_page()
        page.on("request", lambda one: asked.append(one.url))
        pages.append(FilePage(page, files[name].as_uri()))
        return pages[-1].open(**question)

    try:
        yield opening
    finally:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:", "blob:"))] == []
    assert [text for page in pages for text in page.complaints] == []


def test_the_file_answers_where_and_who(open_file: Any) -> None:
    page = open_file("plain")
    page.ask("镇5")
    assert page.names()[:3] == ["五号库", deskpage.HOSTILE, "三号库"]
    card = page.text("#cards .card:nth-child(1)")
    for words in ("45分", "准备 45分 + 行车 0分", "0.0 公里", "未核实", "李四", "可供"):
        assert words in card, words
    assert (
        page.page.locator("#cards .card").first.locator("a.call").get_attribute("href") == "tel:13800000005"
    )
    assert page.count("#map path.way.chosen") >= 1
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_coordinates_names_and_the_picker_work(open_file: Any) -> None:
    page = open_file("plain")
    assert page.ask("115.0001,28.1002").names()[0] == deskpage.HOSTILE
    assert page.ask("甲县镇4").names()
    page.page.fill("#at", "zhen1")
    page.page.fill("#at", "不知道的地方")
    page.page.press("#at", "Enter")
    page.page.wait_for_selector("#place-note:not([hidden])")
    assert "地名" in page.text("#place-note")
    page.page.click("#pick")
    page.page.select_option("#pick-city", index=1)
    assert page.count("#pick-county option") > 1


def test_a_hostile_name_stays_text(open_file: Any) -> None:
    page = open_file("plain").ask("镇0")
    assert page.page.locator("#cards .card").first.locator(".name").inner_text() == deskpage.HOSTILE
    assert page.count("img") == 0


def test_a_need_is_planned(open_file: Any) -> None:
    page = open_file("plain").ask("镇5")
    page.tab("need")
    page.page.fill("#need-persons", "1200")
    page.page.press("#need-persons", "Enter")
    page.page.wait_for_selector("#need-answer .plan")
    told = page.text("#need-answer")
    assert "家庭包" in told
    assert "五号库" in told


def test_an_empty_store_is_passed_over(open_file: Any) -> None:
    page = open_file("plain").ask("镇5")
    answer = page.page.evaluate(
        "boai.source.ask('nearest', { at: '镇5', k: 3, what_if: { empty: ['warehouse-1'] } })"
    )
    states = {site["id"]: site["status"] for site in answer["sites"]}
    assert answer["sites"][0]["name"] == deskpage.HOSTILE
    assert states["warehouse-1"] == "空"
    assert answer["changes"]["sentences"][0].startswith("最先到达的由 五号库")
    refused = page.page.evaluate(
        "boai.source.ask('nearest', { at: '镇5', what_if: { roads: ['G60'] } }).catch((one) => one.message)"
    )
    assert "服务器" in refused


@pytest.mark.slow
def test_closures_of_the_data_are_listed(open_file: Any) -> None:
    page = open_file("shut").tab("roads")
    assert "G60" in page.text("#closures")
    assert "塌方" in page.text("#closures")
    assert open_file("plain").tab("roads").text("#closures-note")


def test_the_file_says_how_old_it_is(open_file: Any) -> None:
    fresh, old = (open_file(name).page.evaluate("boai.local.health()") for name in ("plain", "old"))
    assert (fresh["age_days"], fresh["stale"]) == (0, False)
    assert (old["age_days"], old["stale"]) == (9, True)
    page = open_file("plain")
    assert "今天存下" in page.text("#banner")
    assert page.page.get_attribute("#banner", "data-kind") == "offline"
    page = open_file("old")
    assert "9 天前存下 · 已超过 7 天" in page.text("#banner")
    assert page.page.get_attribute("#banner", "data-kind") == "stale"


@pytest.mark.parametrize("name", ["cut", "edited", "script"])
def test_a_damaged_file_says_so_in_words(browser: Any, files: dict[str, Path], name: str) -> None:
    context = browser.new_context(**deskpage.SIZES["phone"], reduced_motion="reduce", offline=True)
    page = context.new_page()
    page.goto(files[name].as_uri())
    if name == "edited":
        page.wait_for_selector("html[data-ready]")
        page.fill("#at", "镇5")
        page.press("#at", "Enter")
    page.wait_for_timeout(300)
    told = page.inner_text("body")
    context.close()
    assert "被改动过" in told
    assert "请重新传一份" in told
    assert "138" not in told


@pytest.mark.slow
def test_a_browser_that_forbids_storage_and_history_answers(browser: Any, files: dict[str, Path]) -> None:
    """A file that a phone's chat program shows by itself has no origin."""
    context = browser.new_context(**deskpage.SIZES["phone"], offline=True)
    context.add_init_script(
        "const no = () => { throw new DOMException('no origin', 'SecurityError'); };"
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, { get: no, configurable: true });"
        "history.replaceState = history.pushState = no; delete Object.hasOwn;"
        "delete globalThis.DecompressionStream;"
    )
    page = FilePage(context.new_page(), files["plain"].as_uri()).open().ask("镇5")
    assert page.names()[0] == "五号库"
    with page.answering():
        page.page.click(f"#cards .card:first-child [data-key='{HERE}']")
    assert page.names()[0] == deskpage.HOSTILE
    assert page.complaints == []
    context.close()


HERE = "mark:warehouse-1"


def test_a_mark_stays_on_this_device(open_file: Any) -> None:
    page = open_file("plain").ask("镇5")
    with page.answering():
        page.page.click(f"[data-key='{HERE}']")
    assert page.names()[0] == deskpage.HOSTILE
    assert page.ask("镇1").names()[0] == deskpage.HOSTILE
    page.tab("roads")
    assert "离线时不能封闭道路" in page.text("#roads-offline")
    assert "五号库" in page.text("#marks")
    again = open_file("plain", at="镇5")
    assert again.names()[0] == deskpage.HOSTILE
    assert again.page.locator(f"[data-key='{HERE}']").inner_text().startswith("取消")
    with again.answering():
        again.page.click(f"[data-key='{HERE}']")
    assert again.names()[0] == "五号库"


def test_contacts_open_with_the_passphrase(open_file: Any, files: dict[str, Path]) -> None:
    text = files["sealed"].read_text("utf-8")
    assert [word for word in ("王五", "李四", "赵六", "13800000005", "13900000000") if word in text] == []
    page = open_file("sealed").ask("镇5")
    assert "13800000005" not in page.text("#cards")
    page.page.click("#banner button")
    for words in ("wrong words entirely", PASSPHRASE):
        page.page.fill("#passphrase", words)
        page.page.press("#passphrase", "Enter")
        if words != PASSPHRASE:
            page.page.wait_for_selector("dialog .notice:not([hidden]), .box .notice:not([hidden])")
    page.page.wait_for_selector("a.call[href='tel:13800000005']", state="attached")
