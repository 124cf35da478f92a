"""Names and numbers on a map: where they have room, with a line to what they name where they are moved off.

A greedy search in the order of importance: what is placed is never moved again. No box may touch another, or
leave the frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from .. import palette
from ..fonts import printable
from .canvas import ASCENT, DESCENT, Box, Canvas, em, width_of

Points = NDArray[np.float64]

_AROUND = np.array([(1, 0), (0, 1), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)], float)
"""Where a name stands to its point, the best first: cartographers write to the right of it."""
_TURNS = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_PAD = 0.35
"""Millimetres that stay free around every text."""
_LEADER_MM = 2.6
"""A name further than this from its point gets a line to it."""


@dataclass
class Taken:
    """Boxes of the sheet that are occupied."""

    frame: Box
    boxes: Points = field(default_factory=lambda: np.empty((0, 4)))

    def add(self, boxes: Points) -> None:
        """Occupy boxes (n, 4)."""
        self.boxes = np.vstack((self.boxes, np.reshape(boxes, (-1, 4))))

    def add_points(self, points: Points, size: float) -> None:
        """Occupy squares of a size around points."""
        points = np.reshape(points, (-1, 2))
        self.add(np.hstack((points - size / 2, points + size / 2)))

    def free(self, boxes: Points) -> NDArray[np.bool_]:
        """Tell which boxes lie in the frame and touch nothing."""
        left, bottom, right, top = self.frame
        good = (boxes[:, 0] >= left) & (boxes[:, 1] >= bottom) & (boxes[:, 2] <= right) & (boxes[:, 3] <= top)
        if len(self.boxes) and good.any():
            a, b = boxes[good][:, None], self.boxes[None]
            meets = (a[..., 0] < b[..., 2]) & (a[..., 2] > b[..., 0]) & (a[..., 1] < b[..., 3])
            good[good] = ~(meets & (a[..., 3] > b[..., 1])).any(axis=1)
        return np.asarray(good)


def text_size(text: str, size: float) -> tuple[float, float]:
    """Width and height of a text with its margin."""
    return width_of(text, size) + 2 * _PAD, (ASCENT + DESCENT) * em(size) + 2 * _PAD * 0.6


def around(point: Points, size: tuple[float, float], gap: float, reach: float) -> Points:
    """Centres of boxes near a point: beside it, then on wider and wider rings up to ``reach``."""
    half = np.array(size) / 2
    tries = [point + _AROUND * (half + gap)]
    ring = gap + 1.6
    while ring <= reach:
        turned = np.column_stack((np.cos(_TURNS), np.sin(_TURNS)))
        tries.append(point + turned * (half + ring))
        ring += 1.6
    return np.vstack(tries)


def place_text(
    taken: Taken,
    point: Points,
    size: tuple[float, float],
    *,
    gap: float,
    reach: float,
    on_point: bool = False,
) -> Points | None:
    """Find and occupy a box for a text near a point; returns its centre, None where there is no room."""
    tries = around(point, size, gap, reach)
    if on_point:
        tries = np.vstack((point[None], tries))
    half = np.array(size) / 2
    free = taken.free(np.hstack((tries - half, tries + half)))
    if not free.any():
        return None
    centre: Points = tries[int(np.argmax(free))]
    taken.add(np.concatenate((centre - half, centre + half)))
    return centre


@dataclass(frozen=True)
class Look:
    """How the names of one level are written."""

    size: float
    colour: str = palette.INK
    bold: bool = False
    gap: float = 0.9
    """Millimetres between the point and the text."""
    reach: float = 2.4
    """How far from its point a name may stand, in millimetres."""
    on_point: bool = False
    dot: float = 0.0
    """Millimetres of the dot at the point: it must be free as well, and stays so."""
    apart: float = 0.0
    """Millimetres that stay free around a name beside the usual."""
    halo: str = palette.PAPER
    kind: str = "name"


def write_names(canvas: Canvas, taken: Taken, points: Points, names: list[str], look: Look) -> list[int]:
    """Write names at their points (millimetres), in their order; returns those for which there is no room."""
    left: list[int] = []
    for number, (point, name) in enumerate(zip(np.reshape(points, (-1, 2)), names, strict=True)):
        text = printable(name)
        if not text:
            continue
        size = text_size(text, look.size)
        dot = np.concatenate((point - look.dot / 2, point + look.dot / 2))
        if look.dot and not taken.free(dot[None])[0]:
            left.append(number)
            continue
        wide = (size[0] + 2 * look.apart, size[1] + 2 * look.apart)
        gap = look.gap - look.apart
        centre = place_text(taken, point, wide, gap=gap, reach=look.reach, on_point=look.on_point)
        if centre is None:
            left.append(number)
            continue
        if look.dot:
            taken.add(dot)
        _lead(canvas, point, centre, size, look.colour)
        write_at(canvas, centre, text, look)
    return left


def write_at(canvas: Canvas, centre: Points, text: str, look: Look) -> None:
    """Write a text around its centre."""
    y = float(centre[1]) - (ASCENT - DESCENT) / 2 * em(look.size)
    canvas.text(
        float(centre[0]), y, text, look.size, kind=look.kind, colour=look.colour, align="center",
        bold=look.bold, halo=look.halo,
    )  # fmt: skip


def _lead(canvas: Canvas, point: Points, centre: Points, size: tuple[float, float], colour: str) -> None:
    """Draw a line from a point to the box of its name where they are apart."""
    half = np.array(size) / 2
    near = np.clip(point, centre - half, centre + half)
    if np.hypot(*(near - point)) > _LEADER_MM:
        canvas.lines(shapely.LineString([point, near]), color=colour, linewidth=0.45)
