"""A tiny world with a scenario for charts, and what a drawn chart says and where."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any

import mapworld
import numpy as np
from boai.geodata.layers import Kind
from boai.maps import charts
from boai.maps.charts_sheet import ALONE, HALF
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

SIZES = {"half": HALF, "alone": ALONE, "a4": (297.0, 210.0)}


@cache
def small() -> tuple[Any, list[Result]]:
    """The baseline and a scenario that opens six stores one after another."""
    world = mapworld.make_world()
    return world, [mapworld.baseline(world), opening(world, "plan", "计划", [36, 30, 24, 18, 12, 33])]


def opening(world: Any, name: str, title: str, cells: Sequence[int], *, price: float | None = None) -> Result:
    """Run a scenario that opens stores at cells, in 2022 and 2023 by turns."""
    lines = [f"name: {name}", f"title: {title}", "changes:"]
    for number, cell in enumerate(cells):
        lon, lat = world.demand.lon[cell], world.demand.lat[cell]
        site = f"kind: warehouse, id: {name}-{number}, name: 新库{number}, lon: {lon}, lat: {lat}"
        cost = "" if price is None or number == 0 else f", cost: {price}"
        lines.append(f"- open: {{{site}, year: {2022 + number // 3}{cost}}}")
    return run(world, parse_scenario("\n".join(lines)))


def entry(name: str) -> charts.Entry:
    return next(each for each in charts.ALL if each.name == name)


def draw(
    name: str, world: Any, results: Sequence[Result], kind: Kind, size: str = "half", **look: Any
) -> Figure:
    own = results[-1:] if name == "progress" else results
    return entry(name).draw(world, own, kind, *SIZES[size], **look)


def texts(figure: Figure) -> list[tuple[str, Any]]:
    """Every text of a figure that is seen, with its box in pixels; a bold text and its rim are one."""
    canvas = FigureCanvasAgg(figure).get_renderer()
    found: dict[tuple[str, tuple[float, ...]], Any] = {}
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible():
            box = text.get_window_extent(canvas)
            found[text.get_text(), tuple(np.round(box.extents, 1))] = box
    return [(text, box) for (text, _), box in found.items()]


def meeting(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes share more than a hair, and texts that leave the sheet."""
    shown = texts(figure)
    pairs = [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(shown, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.3 * a.height
    ]
    width, height = figure.bbox.width, figure.bbox.height
    cut = [
        (text, "边")
        for text, box in shown
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1
    ]
    return pairs + cut
