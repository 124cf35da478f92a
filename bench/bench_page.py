"""Measure the page: bytes by part, opening, dragging the slider, zooming, also with 100 000 sites.

    python bench/bench_page.py demo

The workspace, such as that of ``make demo``, is only read; the sites of one layer are replaced by synthetic
ones, placed by residents. The peer in the same run is a page of folium itself with 10 000 circle markers, and
with ten times as many; its Leaflet is answered from the package's own copy, all else that it asks for from
content networks is refused. Times are those of headless Chromium, from navigation to the drawn map.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SITES = 100_000
_FRAMES = """
async (act) => {
  const frames = [];
  const next = () => new Promise((done) => requestAnimationFrame(done));
  await next();
  for (let i = 0; i < 40; i += 1) {
    const before = performance.now();
    ACT;
    await next();
    frames.push(performance.now() - before);
  }
  frames.sort((a, b) => a - b);
  return { median: frames[20], longest: frames[39] };
}
"""
_NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_DRAG = (
    "const slider = document.getElementById('limit'); slider.value = 1200 + i * 120;"
    " slider.dispatchEvent(new Event('input'))"
)
_ZOOM = "MAP.setZoom(7 + (i % 12) / 2, { animate: false })"
_REST = _ZOOM + "; MAP.fire('rest')"
"""The same with all drawn anew, as it is when the zoom rests."""


def synthetic(world: Any, result: Any, number: int) -> Any:
    """Replace the AEDs of a result by so many at places drawn by residents."""
    draw, demand, layer = np.random.default_rng(9), world.demand, result.layers["aed"]
    cell = draw.choice(len(demand.cell), number, p=demand.residents / demand.residents.sum())
    table = layer.table.iloc[np.arange(number) % len(layer.table)].reset_index(drop=True)
    county = demand.county[cell]
    table = table.assign(
        id=[f"aed-{i:06d}" for i in range(number)],
        name=[f"合成 AED 第{i}号" for i in range(number)],
        lon=demand.lon[cell] + draw.normal(0, 0.008, number),
        lat=demand.lat[cell] + draw.normal(0, 0.008, number),
        county=demand.county_name[county],
        city=demand.city_name[county],
        county_code=demand.county_code[county],
    )
    return replace(result, layers={**result.layers, "aed": replace(layer, table=table)})


def folium_page(table: pd.DataFrame, path: Path) -> Path:
    """Write the same sites as folium does by itself: a circle marker each.

    Without names: folium's popups ask for jQuery.
    """
    import folium

    page = folium.Map((27.3, 115.9), tiles=None, zoom_start=7)
    for lat, lon in zip(table["lat"], table["lon"], strict=True):
        folium.CircleMarker((lat, lon), radius=3, weight=1, fill=True).add_to(page)
    page.save(str(path))
    return path


def parts(path: Path) -> dict[str, int]:
    """Count the bytes of a page: code, style, and the data by piece."""
    text = path.read_text(encoding="utf-8")
    data = re.search(r'<script id="boai-data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    whole = json.loads(data.group(1))
    sizes = {key: len(json.dumps(value, ensure_ascii=False).encode()) for key, value in whole.items()}
    pieces: dict[str, int] = {}
    for scenario in whole["scenarios"]:
        for layer in scenario["layers"]:
            for name in ("times", "classes", "state", "states", "sites", "served", "gaps", "added", "lorenz"):
                numbers = layer.get(name, [])
                for number in numbers if isinstance(numbers, list) else [numbers]:
                    pieces[f"{name} {number}"] = len(json.dumps(whole["pool"][number]).encode())
    by_name: dict[str, int] = {}
    for name, size in pieces.items():
        by_name[name.split()[0]] = by_name.get(name.split()[0], 0) + size
    code = len(text.encode()) - len(data.group(1).encode())
    largest = {key: size for key, size in sizes.items() if key != "pool" and size > 5_000}
    return {"whole": path.stat().st_size, "code and style": code, **largest, **by_name}


class Chromium:
    """A headless browser without a network but for Leaflet itself."""

    def __init__(self, playwright: Any) -> None:
        program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
        flags = ["--no-sandbox", "--disable-gpu"]
        self.browser = playwright.chromium.launch(executable_path=program, args=flags)
        self.leaflet = (files("boai.maps") / "assets" / "leaflet.js").read_text(encoding="utf-8")

    def measure(self, path: Path, drawn: str, acts: dict[str, str], *, hash: str = "") -> dict[str, Any]:
        """Open a page three times (the median counts), then time frames of what is done on it."""
        found: dict[str, Any] = {"bytes": path.stat().st_size}
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        context.route(lambda url: url.startswith("http"), self._answer)
        from playwright.sync_api import TimeoutError

        page, times = context.new_page(), []
        for _ in range(3):
            page.goto("about:blank")
            start = time.perf_counter()
            page.goto(path.as_uri() + hash, wait_until="commit")
            try:
                page.wait_for_selector(drawn, state="attached", timeout=90_000)
            except TimeoutError:
                context.close()
                return {**found, "opened_s": "more than 90"}
            page.evaluate(_NEXT_FRAME)
            times.append(time.perf_counter() - start)
        found["opened_s"] = round(sorted(times)[1], 2)
        for name, act in acts.items():
            frames = page.evaluate(_FRAMES.replace("ACT", act))
            found[name] = {key: round(value, 1) for key, value in frames.items()}
        context.close()
        return found

    def _answer(self, route: Any) -> None:
        if route.request.url.endswith("leaflet.js"):
            route.fulfill(body=self.leaflet, content_type="text/javascript")
        else:
            route.abort()


def measure(root: Path, say: Callable[[str], None]) -> None:
    """Write the pages and measure them in one run."""
    from boai.app.answers import results_of
    from boai.app.workspace import load_world, open_workspace
    from boai.maps.page import write_page
    from playwright.sync_api import sync_playwright

    world, results = load_world(open_workspace(root)), results_of(root, [])
    large = [synthetic(world, results[0], SITES)]
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder, browser = Path(name), Chromium(playwright)
        ready = "html[data-ready]"
        zooms = {"zoom": _ZOOM, "zoom and rest": _REST}
        zooms = {name: act.replace("MAP", "boaiMap.app.view.map") for name, act in zooms.items()}
        for title, shown, layer in (
            ("all scenarios", results, "warehouse"),
            (f"{SITES:,} sites", large, "aed"),
        ):
            start = time.process_time()
            path = write_page(world, shown, folder / f"{layer}.html")
            say(f"{title}: written in {time.process_time() - start:.1f} s of processor time")
            say(f"  bytes: {parts(path)}")
            own = {"slider": _DRAG, **zooms} if layer == "warehouse" else zooms
            say(f"  {browser.measure(path, ready, own, hash=f'#layer={layer}')}")
        for number in (SITES // 10, SITES):
            path = folium_page(large[0].layers["aed"].table[:number], folder / "folium.html")
            code = path.read_text(encoding="utf-8")
            name_of_map = re.search(r"var (map_\w+) = L\.map", code)
            assert name_of_map is not None
            drawn = f"path.leaflet-interactive:nth-of-type({number})"
            zoom = {"zoom": _ZOOM.replace("MAP", name_of_map.group(1))}
            say(f"folium, {number:,} circle markers: {browser.measure(path, drawn, zoom)}")
    say(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    measure(parser.parse_args().workspace, print)
