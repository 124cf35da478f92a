"""The page in a real browser: opened from a file, offline, clicked through, on a desk and on a phone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mapworld
import pytest
from boai.maps import fonts
from boai.maps.page import write_page

pytestmark = pytest.mark.browser

SIZES = {"desk": (1280, 900), "phone": (390, 844)}
ALLOWED = ("file:", "data:", "about:", "blob:", "chrome:")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip

Open = Callable[[Path, str], Any]


class Browser:
    """A page that is open, and what a user does with it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def run(self, script: str, *values: object) -> Any:
        return self.driver.execute_script(script, *values)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def count(self, selector: str) -> int:
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    def click(self, selector: str, index: int = 0) -> None:
        """Click as a mouse does; SVG shapes have no ``click()`` of their own."""
        script = (
            "const node = document.querySelectorAll(arguments[0])[arguments[1]];"
            "node.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, view: window}));"
        )
        self.run(script, selector, index)

    def choose(self, name: str, index: int) -> None:
        self.click(f"input[name={name}]", index)

    @property
    def state(self) -> list[str]:
        return str(self.run("return document.documentElement.dataset.drawn")).split()

    def outside_requests(self) -> list[str]:
        """Addresses that the page asked for and that are neither files nor parts of itself."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in asked if not address.startswith(ALLOWED)]

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def fontconfig(tmp_path_factory: pytest.TempPathFactory, font: Path) -> Path:
    """Fonts for the browser: the machine may have no Chinese one."""
    return fonts.write_fontconfig(tmp_path_factory.mktemp("browser"), font)


@pytest.fixture
def open_page(fontconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    webdriver = pytest.importorskip("selenium.webdriver")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    tool = shutil.which("chromedriver")
    if program is None or tool is None:
        pytest.skip("chromium and chromedriver are not installed")
    monkeypatch.setenv("FONTCONFIG_FILE", str(fontconfig))
    drivers: list[Any] = []

    def start(path: Path, size: str) -> Browser:
        width, height = SIZES[size]
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*FLAGS, f"--user-data-dir={tmp_path / f'profile{len(drivers)}'}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        service = webdriver.ChromeService(tool, env={**os.environ, "FONTCONFIG_FILE": str(fontconfig)})
        driver = webdriver.Chrome(options=options, service=service)
        drivers.append(driver)
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        driver.get(path.as_uri())
        return Browser(driver)

    yield start
    for driver in drivers:
        driver.quit()


@pytest.fixture(scope="module")
def small_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = mapworld.make_world()
    return write_page(world, mapworld.make_results(world), tmp_path_factory.mktemp("page") / "page.html")


@pytest.mark.parametrize("size", SIZES)
def test_page_opens_offline_and_can_be_clicked_through(
    small_page: Path, open_page: Open, tmp_path: Path, size: str
) -> None:
    page = open_page(small_page, size)
    assert page.state == ["baseline", "warehouse", "reach"]
    assert "江西省红十字救援资源覆盖图" in page.text("h1")
    assert page.count("path.area") == 3
    assert page.count("path.county") == 4
    assert page.text("#figures .big strong") == "18.9%"
    assert page.text("#badges").split() == ["示例数据", "近似路网"]
    assert page.text("#stamp") == "内部使用 不得公开"
    assert page.count(".leaflet-gaps-pane .number") == 4
    assert page.count(".leaflet-names-pane .label") > 0
    page.click("path.county", 1)
    card = page.text("#card")
    for word in ("乙县", "360102", "10分钟车程以内", "备灾仓库"):
        assert word in card
    page.choose("scenario", 1)
    assert page.state == ["plan", "warehouse", "reach"]
    assert page.count(".leaflet-added-pane .diamond") == 2
    assert "比现状多" in page.text("#figures")
    page.choose("kind", 0)
    assert page.state == ["plan", "aed", "county"]
    assert "台" in page.text("#legend")
    assert page.text("#badges") == "示例数据"
    page.choose("view", 0)
    assert page.state == ["plan", "aed", "reach"]
    assert page.count("path.area") > 0
    picture = tmp_path / "page.png"
    assert page.driver.save_screenshot(str(picture))
    assert picture.stat().st_size > 10_000
    assert page.complaints() == []
    assert page.outside_requests() == []


def test_figures_on_the_page_are_those_of_the_result(small_page: Path, open_page: Open) -> None:
    page = open_page(small_page, "desk")
    data = page.run("return JSON.parse(document.getElementById('boai-data').textContent)")
    layer = data["scenarios"][0]["layers"][2]
    for position, name in enumerate(data["counties"]["name"]):
        page.run("document.getElementById('query').value = arguments[0]", name)
        page.run("document.getElementById('query').dispatchEvent(new Event('input'))")
        page.click("#found button")
        served = data["pool"][layer["served"]][position][0]
        share = served / data["counties"]["residents"][position]
        assert name in page.text("#card")
        assert f"{share:.1%}" in page.text("#card")


def test_search_list_and_keyboard(small_page: Path, open_page: Open) -> None:
    keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
    by = pytest.importorskip("selenium.webdriver.common.by").By
    page = open_page(small_page, "desk")
    query = page.driver.find_element(by.ID, "query")
    query.send_keys("丙县")
    assert "丙县" in page.text("#found")
    query.send_keys(keys.ENTER)
    assert "丙县" in page.text("#card h3")
    query.send_keys(keys.ESCAPE)
    assert page.run("return document.getElementById('card').hidden")
    query.clear()
    query.send_keys("没有这个地方")
    assert "没有找到" in page.text("#found")
    page.click("#gaps button", 1)
    assert "最近站点" in page.text("#card")
    pin = page.driver.find_element(by.CSS_SELECTOR, ".leaflet-gaps-pane .pin")
    assert pin.get_attribute("tabindex") == "0"
    assert pin.get_attribute("aria-label")
    page.run("arguments[0].focus()", pin)
    pin.send_keys(keys.ENTER)
    assert "未覆盖居民" in page.text("#card")


def test_hostile_names_do_nothing(open_page: Open, tmp_path: Path) -> None:
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = mapworld.make_results(world, title="<img src=x onerror=alert(4)>")
    page = open_page(write_page(world, results, tmp_path / "page.html"), "desk")
    for index in range(page.count(".leaflet-sites-pane .pin")):
        page.click(".leaflet-sites-pane .pin", index)
        assert page.count("#card h3 *") == 0
    shown = page.run("return document.body.innerHTML")
    assert "<img" not in shown.split('id="boai-data"')[0]
    assert page.count("script") == 3
    assert page.complaints() == []
    assert page.outside_requests() == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_sticks_out(small_page: Path, open_page: Open, size: str) -> None:
    """No element is wider than the screen, and the badges are on the screen with the map."""
    page = open_page(small_page, size)
    width = page.run("return document.documentElement.scrollWidth")
    assert width <= SIZES[size][0]
    page.run("document.querySelector('.stage').scrollIntoView()")
    box = page.run("return document.querySelector('.badge').getBoundingClientRect().toJSON()")
    assert 0 <= box["left"] < box["right"] <= SIZES[size][0]
    assert 0 <= box["top"] < box["bottom"] <= SIZES[size][1]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_demo_page(world: Any, open_page: Open, tmp_path: Path, size: str) -> None:
    world, results = mapworld.demo(world)
    page = open_page(write_page(world, results, tmp_path / "page.html"), size)
    for scenario in range(len(results)):
        page.choose("scenario", scenario)
        for kind in range(4):
            page.choose("kind", kind)
            for view in range(2):
                page.choose("view", view)
                assert page.state[0] == results[scenario].name
                assert page.count("path.county") == 100
                assert (page.count("path.area") > 0) == (view == 0)
    assert page.complaints() == []
    assert page.outside_requests() == []
