"""The foot of a sheet: stamp at the lower left, labels, sources, dates and the number of the result."""

from __future__ import annotations

from .. import palette, words
from ..fonts import printable
from ..paper import wrapped
from .canvas import Canvas, em, width_of
from .notices import roads_drawn
from .paper import LEFT, RIGHT
from .view import View

_SIZES = (7.0, 6.4, 5.8, 5.4, 5.0)
_FIRST, _LAST, _LEADING = 15.4, 8.3, 1.2
"""Baselines of the first and the last line of the sources, and their distance in ems."""


def draw_foot(canvas: Canvas, view: View) -> None:
    """Write the foot."""
    x, y = LEFT, 8.5
    stamp = view.ground.stamp
    width = width_of(printable(stamp), 12) + 7
    canvas.rectangle(x, y, width, 8, facecolor="none", edgecolor=palette.ACCENT, linewidth=1.4)
    canvas.text(
        x + width / 2, y + 2.4, stamp, 12, kind="stamp", colour=palette.ACCENT, align="center", bold=True
    )
    x += width + 4
    for label in words.labels(view.world, view.result, view.kind):
        width = width_of(printable(label), 11) + 8
        canvas.pill(x, y, width, 8, facecolor=palette.BADGE, edgecolor=palette.BADGE_EDGE, linewidth=0.9)
        canvas.text(x + width / 2, y + 2.5, label, 11, kind="label", colour=palette.BADGE_INK, align="center")
        x += width + 3
    _sources(canvas, view, x + 2)
    facts = " · ".join(_facts(view))
    canvas.text(canvas.width - RIGHT, 5.6, facts, 7, kind="foot", colour=palette.QUIET, align="right")


def _sources(canvas: Canvas, view: View, x: float) -> None:
    """Write the sources in letters as small as they must be."""
    parts = list(words.sources(view.world, view.result, view.kind))
    credit = words.road_credit(view.world, view.standard)
    if credit and not roads_drawn(view):  # else it stands on the map
        parts.insert(0, credit)
    text, room = "; ".join(parts), canvas.width - RIGHT - x
    for size in _SIZES:
        step = _LEADING * em(size)
        lines = wrapped(text, size, room, lines=1 + int((_FIRST - _LAST) / step))
        if not lines[-1].endswith("…"):
            break
    for number, line in enumerate(lines):
        canvas.text(x, _FIRST - step * number, line, size, kind="foot", colour=palette.QUIET)


def _facts(view: View) -> list[str]:
    stock, version = words.data_date(view.result, view.kind), view.world.hashes.get("boai", "")
    facts = [f"库存日期 {stock}"] if stock else []
    facts += [f"结果编号 {view.result.key[:12]}", f"制图 boai {version}".strip()]
    return [*facts, *([f"制图日期 {view.ground.date}"] if view.ground.date else [])]
