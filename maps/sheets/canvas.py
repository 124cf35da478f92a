"""A sheet of paper to draw on: millimetres from the lower left corner, every text with its box.

Everything is laid out for an A3 sheet that hangs a metre from the eye. Other papers are larger or smaller by
their ``factor``: texts, signs and lines all grow by it, and what of the paper is left over carries more map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Outline
from matplotlib.patheffects import Stroke
from matplotlib.transforms import Affine2D, Transform
from numpy.typing import NDArray

from .. import palette
from ..fonts import printable
from ..paper import MM_PER_INCH, POINTS_PER_MM, Align, fitted, measure, patch

ASCENT, DESCENT = 0.88, 0.14
"""Height and depth of the font's characters above and below the baseline, in ems."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in millimetres."""


@dataclass(frozen=True)
class Text:
    """A text on a sheet and its box in millimetres of the paper."""

    text: str
    kind: str
    """What it is: title, heading, body, table, name, number, scale, graticule, foot."""
    box: Box


@lru_cache(maxsize=20_000)
def width_of(text: str, size: float) -> float:
    """Width of a line of text in millimetres at ``size`` points."""
    return measure(text, size)


def em(size: float) -> float:
    """Size of a text in millimetres."""
    return size / POINTS_PER_MM


@dataclass
class Canvas:
    """A figure and the means to draw on it; what is drawn later lies on top."""

    figure: Figure
    width: float
    height: float
    """Size in the millimetres of the layout: those of the paper divided by the factor."""
    factor: float = 1.0
    texts: list[Text] = field(default_factory=list)
    _order: int = 0

    @classmethod
    def blank(cls, paper: tuple[float, float], factor: float) -> Canvas:
        """Take a white sheet of the given millimetres."""
        size = (paper[0] / MM_PER_INCH, paper[1] / MM_PER_INCH)
        figure = Figure(figsize=size, facecolor=palette.PAPER)
        return cls(figure, paper[0] / factor, paper[1] / factor, factor)

    @property
    def _mm(self) -> Transform:
        return Affine2D().scale(self.factor / MM_PER_INCH) + self.figure.dpi_scale_trans

    def _next(self) -> float:
        self._order += 1
        return 10.0 + self._order

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        kind: str = "body",
        colour: str = palette.INK,
        align: Align = "left",
        width: float | None = None,
        bold: bool = False,
        halo: str = "",
    ) -> float:
        """Write one line with its baseline at ``y``; returns its width.

        Parameters
        ----------
        width
            Longer texts are cut with ….
        bold
            The font has one weight: a stroke below the text thickens it, and the text stays text.
        halo
            Colour of a rim around the text.
        """
        shown = printable(text) if width is None else fitted(text, size, width)
        if not shown:
            return 0.0
        long = width_of(shown, size)
        left = x - {"left": 0.0, "center": long / 2, "right": long}[align]
        options: dict[str, Any] = {"ha": "left", "va": "baseline", "fontsize": size * self.factor}
        options["transform"] = self._mm
        if halo:
            rim = [Stroke(linewidth=size * 0.28 * self.factor, foreground=halo, joinstyle="round")]
            self.figure.text(left, y, shown, path_effects=rim, color=halo, zorder=self._next(), **options)
        if bold:
            thick = [Stroke(linewidth=size * 0.045 * self.factor, foreground=colour)]
            self.figure.text(left, y, shown, path_effects=thick, color=colour, zorder=self._next(), **options)
        self.figure.text(left, y, shown, color=colour, zorder=self._next(), **options)
        box = (left, y - DESCENT * em(size), left + long, y + ASCENT * em(size))
        own = tuple(each * self.factor for each in box)
        self.texts.append(Text(shown, kind, (own[0], own[1], own[2], own[3])))
        return long

    def rectangle(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle."""
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], **look)

    def pill(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a rectangle with round ends."""
        ends = f"round,pad=0,rounding_size={height / 2}"
        shape = FancyBboxPatch((x, y), width, height, boxstyle=ends, **self._look(look))
        self.figure.add_artist(shape)

    def polygon(self, points: Sequence[tuple[float, float]], **look: Any) -> None:
        """Draw a filled polygon."""
        self.figure.add_artist(PathPatch(Outline([*points, points[0]], closed=True), **self._look(look)))

    def area(self, geometry: Any, **look: Any) -> None:
        """Fill a (multi)polygon in millimetres, holes included."""
        if not shapely.is_empty(geometry):
            self.figure.add_artist(patch(geometry, **self._look(look)))

    def line(self, x: tuple[float, float], y: tuple[float, float], **look: Any) -> None:
        """Draw a straight line."""
        self.lines(shapely.LineString(np.column_stack((x, y))), **look)

    def lines(self, geometry: Any, **look: Any) -> None:
        """Draw the lines of a geometry in millimetres as one path: a thousand of their own cost a second."""
        parts = shapely.get_parts(geometry)
        drawn = [shapely.get_coordinates(part) for part in parts]
        drawn = [line for line in drawn if len(line) > 1]
        if drawn:
            codes = [[Outline.MOVETO, *[Outline.LINETO] * (len(line) - 1)] for line in drawn]
            path = Outline(np.concatenate(drawn), np.concatenate(codes))
            own = {"facecolor": "none", "joinstyle": "round", "capstyle": "butt", **look}
            own["edgecolor"] = own.pop("color", palette.INK)
            self.figure.add_artist(PathPatch(path, **self._look(own)))

    def signs(self, points: NDArray[np.float64], marker: str, size: float, **look: Any) -> None:
        """Draw markers of one shape, ``size`` millimetres wide."""
        points = np.reshape(points, (-1, 2))
        if not len(points):
            return
        style = MarkerStyle(marker)
        path = style.get_path().transformed(style.get_transform())
        own = {"facecolor": palette.SITE, "edgecolor": palette.PAPER, "linewidth": 0.5, **look}
        across = size * POINTS_PER_MM * self.factor
        shapes = PathCollection(
            [path],
            sizes=[across**2],
            offsets=points,
            offset_transform=self._mm,
            facecolors=[own["facecolor"]],
            edgecolors=[own["edgecolor"]],
            linewidths=[own["linewidth"] * self.factor],
            zorder=self._next(),
        )
        # A collection without this keeps its paths in pixels: sizes are areas in points squared.
        shapes.set_transform(Affine2D())
        self.figure.add_artist(shapes)

    def _look(self, look: dict[str, Any]) -> dict[str, Any]:
        """Give a patch its place on the paper, its width of line and its turn."""
        own = {"edgecolor": "none", "linewidth": 0.0, **look}
        own["linewidth"] = own["linewidth"] * self.factor
        return {**own, "transform": self._mm, "zorder": self._next()}
