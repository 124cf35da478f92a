"""The map page read as a file and opened in a browser: its data unpacked, a hand on it, all kept inside."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from boai.maps import page_data
from boai.maps.page_pack import unpack
from deskpage import SIZES
from shapely.geometry import Polygon

ALLOWED = ("file:", "data:", "about:", "blob:")


class Reader(HTMLParser):
    """Collects the tags, and the text of data, scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = str(dict(attrs).get("id") or tag) if tag in ("script", "style") else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    @property
    def policy(self) -> str:
        """The content security policy."""
        found = (facts for _, facts in self.tags if facts.get("http-equiv") == "Content-Security-Policy")
        return str(next(found)["content"])


def read(path: Path) -> tuple[Reader, dict[str, Any]]:
    """Read a page: its elements, and its data with every packed array unpacked."""
    reader = Reader(path.read_text(encoding="utf-8"))
    return reader, unpacked(json.loads(reader.inside["boai-data"]))


def unpacked(value: Any) -> Any:
    """Replace packed arrays by lists, at any depth."""
    if isinstance(value, dict):
        return (
            unpack(value).tolist() if "z" in value else {key: unpacked(each) for key, each in value.items()}
        )
    return [unpacked(each) for each in value] if isinstance(value, list) else value


def rows(table: dict[str, Any]) -> list[list[Any]]:
    """Read a table of sites, gaps or suggested sites by rows: x, y, mark, texts."""
    lon, lat = (np.array(table[axis]) / page_data.SCALE for axis in "xy")
    return [list(row) for row in zip(lon.tolist(), lat.tolist(), table["mark"], *table["texts"], strict=True)]


def areas(shapes: dict[str, Any]) -> list[float]:
    """Compute the areas of packed polygons in square degrees, one by one."""
    points = np.column_stack((shapes["x"], shapes["y"])) / page_data.SCALE
    rings = iter(np.split(points, np.cumsum(shapes["points"])[:-1]))
    sizes = iter(shapes["rings"])
    parts = [[next(rings) for _ in range(next(sizes))] for count in shapes["parts"] for _ in range(count)]
    whole = iter([Polygon(part[0], part[1:]).area for part in parts])
    return [float(sum(next(whole) for _ in range(count))) for count in shapes["parts"]]


class MapPage:
    """A page that is open, and what a user does with it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.outside: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, message: Any) -> None:
        if (
            message.type in ("error", "warning") and "willReadFrequently" not in message.text
        ):  # the tests' own
            self.complaints.append(message.text)

    def _asked(self, address: str) -> None:
        if not address.startswith(ALLOWED):
            self.outside.append(address)

    def open(self, path: Path, hash: str = "") -> MapPage:
        """Open the page and wait until it is drawn."""
        self.page.goto("about:blank")
        self.page.goto(path.as_uri() + hash)
        self.page.wait_for_selector("html[data-ready]")
        return self

    def run(self, script: str, *values: object) -> Any:
        """Evaluate an expression or a function of the values."""
        return self.page.evaluate(script, list(values)) if values else self.page.evaluate(script)

    def text(self, selector: str) -> str:
        """Read what is shown of an element."""
        return str(self.page.inner_text(selector))

    def count(self, selector: str) -> int:
        """Count elements."""
        return int(self.page.locator(selector).count())

    def choose(self, name: str, value: object) -> None:
        """Choose a radio button."""
        self.page.locator(f"input[name={name}][value='{value}']").check(force=True)

    def slide(self, value: object) -> None:
        """Move the slider, and wait until the page has answered."""
        self.run(
            "([value]) => { const slider = document.getElementById('limit'); slider.value = value;"
            " slider.dispatchEvent(new Event('input')); return new Promise((done) =>"
            " requestAnimationFrame(() => requestAnimationFrame(done))); }",
            value,
        )

    @property
    def state(self) -> list[str]:
        """Scenario, layer and view that are drawn."""
        return str(self.run("document.documentElement.dataset.drawn")).split()


def picture(page: Any, most_s: float = 30.0) -> bytes:
    """Take a picture (PNG) when all is painted: two in a row are the same.

    On a busy machine Chromium shows parts of a page before it has painted the others.
    """
    last, until = b"", time.monotonic() + most_s
    while last != (now := page.screenshot()):
        assert time.monotonic() < until, "the page does not come to rest"
        last = now
        page.wait_for_timeout(100)
    return now


@contextmanager
def opened(browser: Any, path: Path, size: str = "desktop", hash: str = "", **more: Any) -> Iterator[MapPage]:
    """Open a page from its file in a context of its own; a request or a complaint fails the test."""
    facts = {**SIZES[size], "service_workers": "block", "reduced_motion": "reduce", **more}
    context = browser.new_context(**facts)
    context.route(lambda url: not url.startswith(ALLOWED), lambda route: route.abort())
    found = MapPage(context.new_page())
    try:
        yield found.open(path, hash)
    finally:
        context.close()
    assert found.outside == [], found.outside
    assert found.complaints == [], found.complaints
