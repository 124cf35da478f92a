"""The desk's page in a real browser against the real server: the world it serves, and a hand on the page."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode, urlsplit

import gridworld
import numpy as np
import pytest
import tinyspace
import tinyworld
from boai.app.desk.parts import CHINA
from boai.geodata.layers import Layer

HOSTILE = "<img src=x onerror=alert(1)>仓"
SIZES: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What the browser writes by itself when a test asks for something that the server refuses."""


def make(root: Path) -> Path:
    """Write a grid of 4 x 4 places whose second row of roads is the G60, with five stores and two teams.

    Every road takes 25 minutes. The stores stand at places 0 (hostile name, fresh stock), 5 (old stock),
    15, 12 (a stock list of zeros) and 3; the teams at 10 (医疗) and 3 (搜救).
    """
    road = np.zeros(48, np.int16)
    road[[3, 4, 5, 27, 28, 29]] = 1
    network = gridworld.grid_network(4, seconds=tinyspace.SECONDS, road=road, roads=("", "G60 沪昆高速"))
    teams = tinyworld.sites(
        "team", tinyspace.PEOPLE, [10, 3], level="市级", speciality=["医疗", "搜救"], members=[12.0, 20.0],
        name=["医疗队", "搜救队"], phone=["0791-7654321", ""],
    )  # fmt: skip
    layers = tinyspace.sites((), ()) | {"warehouse": _warehouses(), "team": teams}
    tinyspace.make(root, layers, network=network)
    return root


def _warehouses() -> Layer:
    today = datetime.now(CHINA).date().isoformat()
    stock = [
        {"家庭包": 100, "棉被": 200},
        {"家庭包": 50},
        {"家庭包": 400, "棉被": 10},
        {"家庭包": 0},
        {"家庭包": 30},
    ]
    layer = tinyworld.sites(
        "warehouse", tinyspace.PEOPLE, [0, 5, 15, 12, 3],
        level=["县级", "市级", "省级", "县级", "县级"],
        name=[HOSTILE, "五号库", "十五号库", "空库", "三号库"],
        keeper=["<b>王五</b>", "李四", "", "赵六", "孙七"],
        phone=["0791-1234567", "13800000005", "", "13800000012", "13800000003"],
        stock=[json.dumps(items, ensure_ascii=False) for items in stock],
        stock_date=[today, "2020-01-31", "", "2020-01-31", today],
        readiness_min=[30.0, 45.0, np.nan, 30.0, 30.0],
        deputy=["副手甲 13900000000", "", "", "", ""],
    )  # fmt: skip
    return replace(layer, example=False)


class Page:
    """A page that is open, what a user does with it, and what it complained of."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.outside: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))

    def _heard(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(_REFUSED):
            self.complaints.append(message.text)

    def open(self, **asked: str) -> Page:
        """Open the page, with a question in its address."""
        self.page.goto("about:blank")
        self.page.goto(self.address + ("#" + urlencode(asked) if asked else ""))
        self.page.wait_for_selector("html[data-ready]")
        return self.wait(1) if asked else self

    @property
    def answers(self) -> int:
        """How many answers have been drawn."""
        return int(self.page.evaluate("Number(document.documentElement.dataset.answered || 0)"))

    def wait(self, answers: int) -> Page:
        """Wait until so many answers have been drawn."""
        self.page.wait_for_function(
            "n => Number(document.documentElement.dataset.answered || 0) >= n", arg=answers, timeout=15000
        )
        return self

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Wait for the next answer after what is done in the block."""
        before = self.answers
        yield
        self.wait(before + 1)

    def ask(self, text: str) -> Page:
        """Write a place and press Enter."""
        with self.answering():
            self.page.fill("#at", text)
            self.page.press("#at", "Enter")
        return self

    def tab(self, name: str) -> Page:
        """Show a panel."""
        self.page.click(f"#tab-{name}")
        return self

    def text(self, selector: str) -> str:
        """Read what is shown of an element."""
        return str(self.page.inner_text(selector))

    def names(self) -> list[str]:
        """List the names on the cards."""
        return list(self.page.locator("#cards .name").all_inner_texts())

    def count(self, selector: str) -> int:
        """Count elements."""
        return int(self.page.locator(selector).count())

    def tap(self, lon: float, lat: float) -> None:
        """Bring a place into the middle of the map and tap it."""
        self.page.evaluate(
            "([lon, lat]) => { boai.chart.map.setView([lat, lon], 12, { animate: false });"
            " document.getElementById('stage').scrollIntoView({ block: 'center', behavior: 'instant' }); }",
            [lon, lat],
        )
        box = self.page.locator("#map").bounding_box()
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


@contextmanager
def browsing() -> Iterator[Any]:
    """Run a browser until the end of the block; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with TemporaryDirectory(ignore_cleanup_errors=True) as config, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu"],
            env={**os.environ, "XDG_CONFIG_HOME": config},  # else it writes into the user's
        )
        yield browser
        browser.close()


@contextmanager
def paging(browser: Any, address: str, size: str, **more: Any) -> Iterator[Page]:
    """Open a page of a size in a context of its own; a request to elsewhere or a complaint fails the test."""
    facts = {**SIZES[size], "service_workers": "block", "reduced_motion": "reduce", **more}
    context = browser.new_context(**facts)
    found = Page(context.new_page(), address)

    def route(one: Any) -> None:
        if urlsplit(one.request.url).hostname == "127.0.0.1":
            one.continue_()
        else:
            found.outside.append(one.request.url)
            one.abort()

    context.route(lambda url: urlsplit(url).scheme in ("http", "https"), route)
    try:
        yield found
    finally:
        context.close()
    assert found.outside == [], found.outside
    assert found.complaints == [], found.complaints
