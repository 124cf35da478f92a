"""Draw one wall sheet: map, key figures, legend, tables and foot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from .. import palette, words
from ..fonts import drawing, printable
from . import base, blocks, places
from .block import Block
from .canvas import Canvas, Text, width_of
from .chart import Chart
from .figure import figure
from .foot import draw_foot
from .frame import fit
from .ground import Ground
from .job import Job, stem
from .legend import legend
from .magnifier import draw_inset, plan_inset
from .naming import Taken
from .notices import draw_notices, place_notices, roads_drawn
from .painting import Painting, paint
from .paper import DPI, GAPS, LEFT, RIGHT, Layout, choose, save
from .signs import draw_signs
from .unit_blocks import compared, minutes, siblings, units
from .view import View

_LEFT_OUT = 4.0
"""Millimetres of the line that names the tables for which there is no room."""
_APART = 5.0
"""Millimetres between two blocks where there is room."""


@dataclass(frozen=True)
class Drawn:
    """What `draw` made."""

    files: tuple[Path, ...]
    texts: tuple[Text, ...]
    """Every text with its kind and its box in millimetres of the paper."""


def draw(ground: Ground, job: Job, folder: Path) -> Drawn:
    """Draw a sheet into a folder, each file whole or not at all.

    Parameters
    ----------
    ground
        Shared by all sheets of a process.
    job
        What is to be drawn.
    folder
        Where the files of `stem` go; made where it is missing.

    Raises
    ------
    InputError
        There is no such unit or result.
    """
    view = View.of(ground, job)
    folder.mkdir(parents=True, exist_ok=True)
    with drawing(ground.font):
        canvas = compose(view)
        title = f"{view.title} {view.subtitle}"
        files = save(canvas.figure, folder / stem(job), job.formats, dpi=DPI[job.size], title=title)
    return Drawn(files, tuple(canvas.texts))


def compose(view: View) -> Canvas:
    """Lay a sheet out and draw it, without saving it; to be called inside ``fonts.drawing``."""
    layout = choose(view.job.size, view.place.shape)
    canvas = Canvas.blank(layout.paper, layout.factor)
    painting = paint(view)
    chart = _draw_map(canvas, view, layout, painting)
    _draw_heading(canvas, view)
    _draw_side(chart, layout, painting)
    draw_foot(canvas, view)
    return canvas


def _draw_map(canvas: Canvas, view: View, layout: Layout, painting: Painting) -> Chart:
    corners = (base.SCALE_SIZE, base.NORTH_SIZE)
    frame = fit(layout.frame, view.place.shape, corners=corners)
    chart = Chart(canvas, frame, view, Taken(frame.box))
    base.draw_ground(canvas, frame, view, painting)
    scale, north = base.place_corners(frame, frame.shape(view.place.shape), [])
    chart.taken.add(np.array([scale, north]))
    notice = place_notices(chart)
    inset = plan_inset(chart) if view.place.level != "县" else None
    chart.magnified = inset[0] if inset is not None else None
    if view.place.level != "省":
        places.draw_seats(chart)
    draw_signs(chart, gaps=GAPS[view.job.size])
    base.draw_scale(canvas, frame, scale)
    base.draw_north(canvas, frame, north)
    if notice is not None:
        draw_notices(canvas, view, notice)
    places.draw_names(chart)
    if inset is not None:
        draw_inset(chart, painting, *inset)
    base.draw_frame(canvas, frame)
    base.name_graticule(canvas, frame)
    return chart


def _draw_heading(canvas: Canvas, view: View) -> None:
    """Write title and scenario, at the right what is measured and how many residents there are."""
    x, right, base_line = LEFT, canvas.width - RIGHT, canvas.height - 21.5
    canvas.rectangle(x, canvas.height - 10, 12, 1.6, facecolor=palette.ACCENT)
    notes = _measured(view)
    wide = max(width_of(printable(text), 9.0) for text in notes)
    used = canvas.text(x, base_line, view.title, 27, kind="title", bold=True, width=right - x - 20)
    beside, below = right - wide - x - used - 12, right - x - used - 6
    size = _fitting(view.subtitle, (18.0, 16.0, 14.0, 12.0, 11.0), beside)
    spots = ((canvas.height - 16.5, notes[0]), (base_line, notes[1]))
    left = x + used + 6
    if size is None:  # the notes move up, and the scenario has the whole line
        size = _fitting(view.subtitle, (14.0, 12.0, 11.0, 10.0, 9.0), below) or 9.0
        spots = ((canvas.height - 9.5, notes[0]), (canvas.height - 13.5, notes[1]))
        left = right - min(width_of(printable(view.subtitle), size), below)
    look: dict[str, Any] = {"kind": "title", "colour": palette.QUIET}
    canvas.text(left, base_line, view.subtitle, size, width=right - left + 0.05, **look)
    for y, text in spots:
        canvas.text(right, y, text, 9.0, kind="title", colour=palette.QUIET, align="right", width=170)


def _fitting(text: str, sizes: Sequence[float], room: float) -> float | None:
    """Choose the largest size in which a text fits; None where it fits in none."""
    return next((size for size in sizes if width_of(printable(text), size) <= room), None)


def _measured(view: View) -> tuple[str, str]:
    """Say what is measured and whose residents are counted."""
    limits = "、".join(view.standard.limit_text(limit) for limit in view.standard.limits)
    measured = f"{words.measure_text(view.world, view.standard)} {limits}"
    year = view.world.demand.meta.get("year")
    census = f"{year}年人口普查 " if year else ""
    now, before = int(view.row()["residents"]), view.row(result=view.baseline, limit=_some_limit(view))
    if before is None or int(before["residents"]) == now:
        return measured, f"{view.place.word}常住居民 {census}{now:,}人"
    return measured, f"方案居民 {now:,}人 ({census}{int(before['residents']):,}人)"


def _some_limit(view: View) -> float:
    return float(view.baseline.covers[view.kind].standard.main)


def _draw_side(chart: Chart, layout: Layout, painting: Painting) -> None:
    """Fill the columns from the top down; what has rows to spare gives them up where there is no room."""
    view, most = chart.view, GAPS[chart.view.job.size]
    first = [figure(view), legend(chart, painting, _lines(view))]
    tables, spare = _tables(view, most), _extras(view)
    stacks = [[*first, *tables]]
    if layout.upright:
        stacks = _shared_out(first, tables, layout.columns[0][3])
    for stack, (_, _, _, height) in zip(stacks, layout.columns, strict=True):
        spare = _add_extras(stack, spare, height)
    for stack, (x, y, width, height) in zip(stacks, layout.columns, strict=True):
        fill(chart.canvas, stack, (x, y + height), width, height)


def _shared_out(first: list[Block], tables: list[Block], room: float) -> list[list[Block]]:
    """Share the tables out to two columns so that none is left out, then that most rows are seen.

    Of equal ways the one with more in the second column.
    """
    best: list[list[Block]] = []
    least = (np.inf, np.inf)
    for choice in product((1, 0), repeat=len(tables)):
        left = [*first, *(table for table, column in zip(tables, choice, strict=True) if column == 0)]
        right = [table for table, column in zip(tables, choice, strict=True) if column == 1]
        both = (left, right)
        short = sum(max(0.0, sum(each.height(each.least) for each in stack) - room) for stack in both)
        over = sum(max(0.0, sum(each.height(each.wanted) + 3 for each in stack) - room) for stack in both)
        if right and (short, over) < least:
            best, least = [left, right], (short, over)
    return best


def _tables(view: View, most: int) -> list[Block]:
    """The tables of a theme in their order."""
    gaps, small = blocks.gaps(view, most), view.place.level == "县"
    alone = small and len(view.below) <= 1  # a district of one township, or of none that is known
    parts = [siblings(view)] if alone else [units(view)] if len(view.below) > 1 else []
    more = [each] if (each := blocks.changes(view)) is not None else []
    if view.job.theme == "scenario":
        return [blocks.added(view), gaps, *more, *(parts if small else [])]
    if view.job.theme == "comparison":
        return [compared(view), gaps, *more]
    if view.drive and view.place.level != "省" and (alone or view.job.theme == "layer"):
        more.append(minutes(view))
    return [gaps, *parts, *([blocks.sites(view)] if small else []), *more]


def _extras(view: View) -> list[Block]:
    """What a county's sheet tells besides where there is room: sites, the time to them, neighbours."""
    if view.place.level != "县" or view.job.theme not in {"scenario", "comparison"}:
        return []
    found = [blocks.sites(view), *([minutes(view)] if view.drive else [])]
    alone = view.job.theme == "scenario" and len(view.below) <= 1  # then they stand there already
    return found if alone else [*found, siblings(view)]


def _add_extras(stack: list[Block], extras: Sequence[Block], height: float) -> list[Block]:
    """Put those at the end of a column for whose least rows it has room, all others being whole.

    Returns those that are left.
    """
    left = []
    room = height - sum(each.height(each.wanted) + _APART for each in stack)
    for each in extras:
        if each.height(each.least) <= room:
            stack.append(each)
            room -= each.height(each.wanted) + _APART
        else:
            left.append(each)
    return left


def _lines(view: View) -> list[tuple[str, dict[str, Any]]]:
    """Lines of the legend: the roads that are drawn."""
    if not roads_drawn(view):
        return []
    roads = view.ground.roads(view.place)
    pairs = ((roads.fast_name, palette.ROADS[0]), (roads.other_name, palette.ROADS[1]))
    return [(name, {"color": look.colour, "linewidth": look.width * 1.5}) for name, look in pairs if name]


def fill(
    canvas: Canvas, stack: Sequence[Block], corner: tuple[float, float], width: float, height: float
) -> None:
    """Give every block its least rows, then more in their order; what has no room at all is named below."""
    kept, x, y = list(stack), *corner
    while sum(each.height(each.least) for each in kept) > height and not all(each.firm for each in kept):
        if len(kept) == len(stack):
            height -= _LEFT_OUT
        kept.remove([each for each in kept if not each.firm][-1])
    if names := "、".join(each.name for each in stack if each not in kept):
        text = f"版面所限, 未列: {names}; 见结果表格, 或用更大的纸"
        canvas.text(
            x, y - height - _LEFT_OUT + 0.6, text, 7.4, kind="left out", colour=palette.QUIET, width=width
        )
    rows = [each.least for each in kept]
    while sum(each.height(count) for each, count in zip(kept, rows, strict=True)) > height and rows[-1] > 1:
        rows[-1] -= 1
    spare = height - sum(each.height(count) for each, count in zip(kept, rows, strict=True))
    for number, block in enumerate(kept):
        if block.row > 0:
            more = min(block.wanted - rows[number], int(max(spare, 0.0) // block.row))
            rows[number] += more
            spare -= more * block.row
    gap = min(_APART, max(spare, 0.0) / max(len(kept) - 1, 1))
    for block, count in zip(kept, rows, strict=True):
        block.draw(canvas, (x, y), width, count)
        y -= block.height(count) + gap
