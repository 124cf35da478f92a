"""A sheet of paper: millimetres from its lower left corner, text that fits, deterministic files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import Stroke
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Transform

from .fonts import FAMILY, printable
from .style import INK, PAPER

MM_PER_INCH = 25.4
POINTS_PER_MM = 72 / MM_PER_INCH
DPI = 200

Align = Literal["left", "center", "right"]


def measure(text: str, size: float) -> float:
    """Width of a line of text in millimetres at ``size`` points."""
    width, _, _ = text_to_path.get_text_width_height_descent(
        text, FontProperties(family=FAMILY, size=size), False
    )
    return float(width) / POINTS_PER_MM


def fitted(text: str, size: float, width: float) -> str:
    """Shorten a text with … until it is no wider than ``width`` millimetres."""
    text = printable(text)
    if measure(text, size) <= width:
        return text
    short, long = 0, len(text)
    while short < long - 1:
        middle = (short + long) // 2
        short, long = (middle, long) if measure(f"{text[:middle]}…", size) <= width else (short, middle)
    return f"{text[:short].rstrip()}…"


def wrapped(text: str, size: float, width: float, *, lines: int) -> list[str]:
    """Break a text into at most ``lines`` lines of ``width`` mm; the last is shortened where it must be."""
    rest = printable(text)
    found: list[str] = []
    while rest and len(found) < lines - 1 and measure(rest, size) > width:
        length = len(fitted(rest, size, width)) - 1
        length = max(1, next((at for at in range(length, 1, -1) if rest[at - 1] in "，。；、,;) 》"), length))
        found.append(rest[:length].rstrip())
        rest = rest[length:].lstrip()
    return [*found, fitted(rest, size, width)] if rest else found


def patch(geometry: Any, **style: Any) -> PathPatch:
    """Turn a (multi)polygon into one filled shape, holes included."""
    vertices, codes = [], []
    for part in shapely.get_parts(geometry):
        for ring in (
            (part.exterior, *part.interiors) if part.geom_type == "Polygon" and not part.is_empty else ()
        ):
            points = shapely.get_coordinates(ring)
            vertices.append(points)
            codes.append([Outline.MOVETO, *[Outline.LINETO] * (len(points) - 2), Outline.CLOSEPOLY])
    joined = np.concatenate(vertices) if vertices else np.empty((0, 2))
    return PathPatch(Outline(joined, np.concatenate(codes) if codes else None), **style)


@dataclass(frozen=True)
class Paper:
    """A figure of ``width`` x ``height`` millimetres and the means to draw on it."""

    figure: Figure
    width: float
    height: float

    @property
    def mm(self) -> Transform:
        """Millimetres on the paper to pixels."""
        return Affine2D().scale(1 / MM_PER_INCH) + self.figure.dpi_scale_trans

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        colour: str = INK,
        align: Align = "left",
        width: float | None = None,
        bold: bool = False,
    ) -> float:
        """Write one line with its baseline at ``y``; returns its width in millimetres."""
        shown = printable(text) if width is None else fitted(text, size, width)
        options: dict[str, Any] = {"ha": align, "va": "baseline", "color": colour, "fontsize": size}
        if bold:  # the font has one weight: a stroke below the text thickens it, and the text stays text
            stroke = [Stroke(linewidth=size * 0.045, foreground=colour)]
            self.figure.text(x, y, shown, transform=self.mm, path_effects=stroke, **options)
        self.figure.text(x, y, shown, transform=self.mm, **options)
        return measure(shown, size)

    def rectangle(self, x: float, y: float, width: float, height: float, **style: Any) -> None:
        """Draw a rectangle."""
        self.figure.add_artist(Rectangle((x, y), width, height, transform=self.mm, **style))

    def pill(self, x: float, y: float, width: float, height: float, **style: Any) -> None:
        """Draw a rectangle with round ends."""
        round_ends = f"round,pad=0,rounding_size={height / 2}"
        self.figure.add_artist(
            FancyBboxPatch((x, y), width, height, boxstyle=round_ends, transform=self.mm, **style)
        )

    def line(self, x: tuple[float, float], y: tuple[float, float], **style: Any) -> None:
        """Draw a straight line."""
        self.figure.add_artist(Line2D(x, y, transform=self.mm, **style))

    def polygon(self, points: list[tuple[float, float]], **style: Any) -> None:
        """Draw a filled polygon."""
        self.figure.add_artist(Polygon(points, closed=True, transform=self.mm, **style))

    def sign(self, x: float, y: float, marker: str, size: float, **style: Any) -> None:
        """Draw one marker of ``size`` millimetres."""
        points = size * POINTS_PER_MM
        self.figure.add_artist(
            Line2D([x], [y], marker=marker, markersize=points, linestyle="", transform=self.mm, **style)
        )


def blank(width: float, height: float) -> Paper:
    """Take a white sheet of the given size in millimetres."""
    return Paper(Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), facecolor=PAPER), width, height)
