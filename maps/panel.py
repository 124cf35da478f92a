"""The map of a dispatch sheet: a frame in the equal-area projection, its scale bar and north arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.patheffects import Stroke
from numpy.typing import NDArray

from . import style
from .paper import Paper

_MARGIN_MM = 7.0


@dataclass(frozen=True)
class Panel:
    """A map frame on the paper: axes in metres and its scale."""

    axes: Axes
    metres_per_mm: float
    bounds: tuple[float, float, float, float]
    """Left, bottom, right, top of the frame in metres."""


def open_panel(paper: Paper, frame: tuple[float, float, float, float], province: Any) -> Panel:
    """Lay a frame (x, y, width, height in mm) on the paper with the province centred in it."""
    x, y, width, height = frame
    west, south, east, north = shapely.bounds(province).tolist()
    scale = max((east - west) / (width - 2 * _MARGIN_MM), (north - south) / (height - 2 * _MARGIN_MM))
    middle = ((west + east) / 2, (south + north) / 2)
    bounds = (
        middle[0] - width / 2 * scale,
        middle[1] - height / 2 * scale,
        middle[0] + width / 2 * scale,
        middle[1] + height / 2 * scale,
    )
    place = (x / paper.width, y / paper.height, width / paper.width, height / paper.height)
    axes = paper.figure.add_axes(place, xlim=bounds[::2], ylim=bounds[1::2], xticks=[], yticks=[])
    axes.set_facecolor(style.SEA)
    for spine in axes.spines.values():
        spine.set(linewidth=0.8, edgecolor=style.INK)
    return Panel(axes, scale, bounds)


def halo(panel: Panel, centre: NDArray[np.float64], text: str, size: float, colour: str) -> None:
    """Write a text over a white rim, a shape of its own, so that the text stays text in the PDF."""
    options: dict[str, Any] = {"fontsize": size, "ha": "center", "va": "center_baseline"}
    rim = [Stroke(linewidth=size * 0.28, foreground=style.PAPER, alpha=0.9)]
    x, y = float(centre[0]), float(centre[1])
    panel.axes.text(x, y, text, color=style.PAPER, path_effects=rim, zorder=7.5, **options)
    panel.axes.text(x, y, text, color=colour, zorder=7.6, **options)


def draw_scale(panel: Panel, paper: Paper, x: float, y: float) -> None:
    """Draw a scale bar of a round length, at most 50 mm, in four steps, with the ratio of the sheet."""
    lengths = [digit * 10**power for power in range(-1, 4) for digit in (1, 2, 5)]
    length_km = max(length for length in lengths if length * 1000 / panel.metres_per_mm <= 50)
    step = length_km * 250 / panel.metres_per_mm
    for number in range(4):
        face = style.INK if number % 2 == 0 else style.PAPER
        paper.rectangle(x + number * step, y, step, 1.6, facecolor=face, edgecolor=style.INK, linewidth=0.6)
    for number, text in ((0, "0"), (2, f"{length_km / 2:g}"), (4, f"{length_km:g} km")):
        paper.text(x + number * step, y + 2.6, text, 7, align="center")
    ratio = float(f"{panel.metres_per_mm * 1000:.2g}")
    paper.text(x, y - 3.6, f"约 1 : {ratio:,.0f} (按此页原大打印)", 6.5, colour=style.QUIET)


def draw_north(paper: Paper, x: float, y: float) -> None:
    """Draw a north arrow with its foot at (x, y)."""
    paper.polygon(
        [(x, y + 12), (x - 3, y), (x, y + 2.6)], facecolor=style.INK, edgecolor=style.INK, linewidth=0.6
    )
    paper.polygon(
        [(x, y + 12), (x + 3, y), (x, y + 2.6)], facecolor=style.PAPER, edgecolor=style.INK, linewidth=0.6
    )
    paper.text(x, y + 13, "北", 9, align="center")
