"""Papers: sizes, how much larger all is on them, where map and tables stand, and how files are saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ...geodata.store import replacing
from .canvas import Box
from .frame import MARGIN
from .job import Format, Size

MILLIMETRES: dict[Size, tuple[float, float]] = {
    "A4": (297.0, 210.0),
    "A3": (420.0, 297.0),
    "A1": (841.0, 594.0),
    "A0": (1189.0, 841.0),
}
"""Long and short side (ISO 216)."""
FACTORS: dict[Size, float] = {"A4": 0.78, "A3": 1.0, "A1": 1.75, "A0": 2.4}
"""How much larger texts and signs are than on A3: A4 is read at hand, A0 from some metres away.

They grow less than the paper, so that a larger one carries more names and rows.
"""
DPI: dict[Size, int] = {"A4": 300, "A3": 200, "A1": 150, "A0": 120}
"""Dots per inch of the pictures; a large print is best made from the PDF."""
GAPS: dict[Size, int] = {"A4": 10, "A3": 10, "A1": 12, "A0": 15}
"""So many of the largest gaps have a number and a row."""

LEFT, RIGHT, FOOT, TOP = 18.0, 12.0, 25.0, 29.0
"""Millimetres of the layout around map and tables."""
SIDE, BETWEEN = 156.0, 10.0
_WORTH = 1.08
"""An upright sheet must show the map so much larger: sheets that hang side by side lie where they can."""
_BELOW = 0.4
"""Share of the height that the tables take at least below the map of an upright sheet."""
_LEAST, _ABOVE = 0.4, 7.0
"""Share that the map takes at least, and the millimetres between them, where the longitudes stand."""


@dataclass(frozen=True)
class Layout:
    """Where things stand, in millimetres of the layout."""

    upright: bool
    paper: tuple[float, float]
    """Width and height of the paper itself."""
    factor: float
    frame: Box
    """x, y, width, height of the map."""
    columns: tuple[Box, ...]
    """x, y, width, height of the columns of tables."""


def choose(size: Size, area: Any) -> Layout:
    """Lay the paper so that the area (metres) becomes as large as it can."""
    west, south, east, north = shapely.bounds(area).tolist()
    wide, high = east - west, north - south
    lying, upright = (_lay(size, upright=each) for each in (False, True))
    scales = [_metres_per_mm(layout, wide, high) for layout in (lying, upright)]
    if scales[1] * _WORTH >= scales[0]:
        return lying
    return _lay(size, upright=True, map_mm=high / scales[1] + 2 * MARGIN)


def _metres_per_mm(layout: Layout, wide: float, high: float) -> float:
    _, _, width, height = layout.frame
    return float(max(wide / (width - 2 * MARGIN), high / (height - 2 * MARGIN)))


def _lay(size: Size, *, upright: bool, map_mm: float = np.inf) -> Layout:
    """Lay out a paper; the map of an upright one is no higher than ``map_mm``, the tables get the rest."""
    long, short = MILLIMETRES[size]
    paper, factor = (short, long) if upright else (long, short), FACTORS[size]
    width, height = paper[0] / factor, paper[1] / factor
    room = height - FOOT - TOP
    if not upright:
        across = width - LEFT - RIGHT - SIDE - BETWEEN
        side = (width - RIGHT - SIDE, FOOT, SIDE, room)
        return Layout(upright, paper, factor, (LEFT, FOOT, across, room), (side,))
    across = width - LEFT - RIGHT
    above = min((1 - _BELOW) * room, max(map_mm, _LEAST * room))
    below = room - above - _ABOVE
    column = (across - BETWEEN) / 2
    columns = ((LEFT, FOOT, column, below), (LEFT + column + BETWEEN, FOOT, column, below))
    return Layout(upright, paper, factor, (LEFT, FOOT + below + _ABOVE, across, above), columns)


def save(figure: Figure, stem: Path, formats: Sequence[Format], *, dpi: int, title: str) -> tuple[Path, ...]:
    """Save a figure in some formats, each file whole or not at all; none holds a date or a random name."""
    writers = {"png": _png, "pdf": _pdf, "svg": _svg}
    paths = []
    for form in dict.fromkeys(formats):
        path = stem.with_name(f"{stem.name}.{form}")
        with replacing(path) as temporary:
            writers[form](figure, temporary, title, dpi)
        paths.append(path)
    return tuple(paths)


def _png(figure: Figure, path: Path, title: str, dpi: int) -> None:
    FigureCanvasAgg(figure)
    facts: dict[str, Any] = {"metadata": {"Title": title, "Software": "boai"}, "dpi": dpi}
    figure.savefig(path, format="png", pil_kwargs={"compress_level": 4}, **facts)


def _pdf(figure: Figure, path: Path, title: str, _: int) -> None:
    FigureCanvasPdf(figure)
    facts = {"Title": title, "Creator": "boai", "Producer": "boai (matplotlib)", "CreationDate": None}
    figure.savefig(path, format="pdf", metadata=facts)


def _svg(figure: Figure, path: Path, title: str, _: int) -> None:
    """Write letters as outlines: the file looks the same where no Chinese font is installed."""
    FigureCanvasSVG(figure)
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "boai"}):
        figure.savefig(path, format="svg", metadata={"Title": title, "Creator": "boai", "Date": None})
