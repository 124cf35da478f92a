"""The legend: only what is on the map, with what the unit has of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import palette
from .block import Block, fitting
from .canvas import Canvas, width_of
from .chart import Chart
from .painting import Painting
from .table import HEADING, heading

_ROW = 6.6


def legend(chart: Chart, painting: Painting, lines: Sequence[tuple[str, dict[str, Any]]]) -> Block:
    """Explain the classes that are on the map, with what the unit has of each, and its signs and lines."""
    shown = painting.shown
    entries: list[tuple[Any, str]] = [*chart.legend, *((look, name) for name, look in lines)]
    rows = len(shown) + (len(entries) + 1) // 2

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, _: int) -> None:
        x = corner[0]
        top = heading(canvas, corner, width, "图例", painting.note)
        for number, which in enumerate(shown):
            at = top - _ROW * (number + 1) + 0.6
            face = painting.swatches[which].colour
            look = {"facecolor": face, "edgecolor": palette.EDGE, "linewidth": 0.4}
            canvas.rectangle(x, at - 0.9, 9, 4.4, **look)
            if which == painting.hatched:
                for step in range(4):
                    ends = (x + 0.4 + 2.1 * step, x + 2.3 + 2.1 * step)
                    canvas.line(ends, (at - 0.7, at + 3.3), color=palette.PAPER, linewidth=0.5)
            amount = painting.amounts[which]
            wide = width_of(amount, 9.5)
            canvas.text(x + width, at, amount, 9.5, kind="legend", colour=palette.QUIET, align="right")
            fitting(canvas, (x + 12, at), painting.swatches[which].text, width - 12 - wide - 4)
        low = top - _ROW * len(shown)
        half = width / 2
        for number, (sign, text) in enumerate(entries):
            left, at = x + half * (number % 2), low - _ROW * (number // 2 + 1) + 0.6
            if isinstance(sign, dict):
                canvas.line((left, left + 8), (at + 1.3, at + 1.3), **sign)
            else:
                sign.draw(canvas, np.array([[left + 4, at + 1.3]]))
            fitting(canvas, (left + 11.5, at), text, half - 13)

    return Block(HEADING - 3, _ROW, rows, rows, draw, firm=True)
