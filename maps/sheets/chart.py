"""One map of a sheet while it is drawn: its frame, what is occupied, and what its legend must explain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .. import palette
from .canvas import Box, Canvas
from .frame import Frame
from .naming import Taken
from .view import View


@dataclass(frozen=True)
class Sign:
    """A sign as map, legend and tables draw it."""

    marker: str
    size: float
    face: str
    edge: str = palette.PAPER
    width: float = 0.5

    def draw(self, canvas: Canvas, points: NDArray[np.float64], grown: float = 1.0) -> None:
        """Draw it at points in millimetres."""
        look = {"facecolor": self.face, "edgecolor": self.edge, "linewidth": self.width}
        canvas.signs(points, self.marker, self.size * grown, **look)


@dataclass
class Chart:
    """A map and what is known of it so far."""

    canvas: Canvas
    frame: Frame
    view: View
    taken: Taken
    legend: list[tuple[Sign, str]] = field(default_factory=list)
    """Signs that are on the map, and their words."""
    sites: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    """(n, 2) the unit's existing sites in millimetres, that are in the frame."""

    site_names: list[str] = field(default_factory=list)
    """(n,) their names."""
    magnified: Box | None = None
    """Part of the map that an inset shows larger: its smaller names are left to the inset."""

    @property
    def grown(self) -> float:
        """Signs are larger on maps of smaller units, which have fewer."""
        return {"省": 1.0, "市": 1.25, "县": 1.5}[self.view.place.level]
