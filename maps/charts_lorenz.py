"""Charts of inequality: Lorenz curves with Gini's coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..geodata.layers import KIND_NAMES, Kind
from . import charts_data as data
from . import style, words
from .charts_axes import Label, Plot, draw_axes, draw_labels, percent, plot_box
from .charts_series import by_title, dropped, joined, limited, merged, series_of
from .charts_sheet import Box, Foot, Sheet, open_sheet, say_nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..scenarios.run import Result
    from ..scenarios.world import World

_EXPLAINED_MM = 40.0
"""A column so wide has room for a few lines on how to read the chart."""


def lorenz(
    world: World,
    results: Sequence[Result],
    kind: Kind,
    width_mm: float,
    height_mm: float,
    *,
    variable: data.Variable = "cover",
    foot: Foot | None = None,
    titled: bool = True,
) -> Figure:
    """Draw how evenly cover (or the way to the nearest site) is shared, with Gini's coefficient."""
    table = data.lorenz_rows(world, results, kind, variable=variable)
    standard, name = results[0].covers[kind].standard, style.spaced(KIND_NAMES[kind]).strip()
    title = f"{name}: {'覆盖' if variable == 'cover' else '路程'}在居民间是否均匀 (洛伦兹曲线)"
    what = f"{words.within(standard)}以内的居民" if variable == "cover" else "到最近站点的路程"
    under = f"{what}的累计占比; 越弯越不均{dropped(results)}"
    sheet = open_sheet(width_mm, height_mm, title, under, foot=foot, titled=titled)
    lines = by_title(table, results)
    if table["gini"].isna().all():
        return say_nothing(
            sheet, "没有居民被覆盖, 基尼系数没有意义" if variable == "cover" else "没有可计算的路程"
        )
    return _draw_lorenz(sheet, lines, results, kind, variable)


def _draw_lorenz(
    sheet: Sheet,
    lines: dict[str, pd.DataFrame],
    results: Sequence[Result],
    kind: Kind,
    variable: data.Variable,
) -> Figure:
    """Draw a square plot at the left, and names and coefficients beside it."""
    cover = variable == "cover"
    ticks = [(each, percent(each)) for each in (0.0, 0.25, 0.5, 0.75, 1.0)]
    box = plot_box(sheet, [text for _, text in ticks])
    side = min(box.height, box.width * 0.62)
    box = Box(box.left, box.bottom, box.left + side, box.bottom + side)
    plot = Plot(sheet, box, (0.0, 1.0), (0.0, 1.0))
    draw_axes(plot, ticks, ticks, "")
    _below(sheet, box, f"居民累计占比 ({'覆盖最差的县在前' if cover else '离站点最近的在前'})")
    left, low, right, high = box.left, box.bottom, box.right, box.top
    sheet.line((right, right), (low, high), style.GRID, 0.5)
    sheet.line((left, right), (low, high), style.QUIET, 0.7, zorder=2)
    _draw_even(plot)
    looks, groups = series_of(results), merged(lines, ["people_share", "value_share"])
    named = limited(results, kind) if cover else None
    shown = [
        _draw_curve(plot, lines[first], Label(looks[first], joined(names, named), ""), cover=cover)
        for first, names in groups.items()
    ]
    column = _explain(sheet, Box(right + 2 * sheet.scale, low, sheet.free.right, high), variable)
    draw_labels(sheet, shown, column, heading="基尼系数", leaders=False)
    return sheet.figure


def _draw_curve(plot: Plot, own: pd.DataFrame, label: Label, *, cover: bool) -> Label:
    """Draw one curve, where there is any, and say its coefficient."""
    gini = float(own["gini"].iloc[0])
    if not np.isfinite(gini):
        return replace(label, figure="无人被覆盖" if cover else "没有路程")
    people, value = own["people_share"].to_numpy(float), own["value_share"].to_numpy(float)
    half = float(np.interp(0.5, people, value))
    plot.draw(people, value, label.series)
    plot.signs(0.5, half, label.series)
    told = f"{gini:.2f}; {'最差' if cover else '最近'}一半占{style.share_text(half)}"
    return replace(label, figure=told, brief=f"{gini:.2f}")


_READ: dict[data.Variable, str] = {
    "cover": "读图: 各县按覆盖比例从低到高排列; 横轴 50% 处的高度, 是覆盖最差的一半居民占被覆盖居民的比例。"
    "曲线与对角线重合时, 各县的覆盖比例都相同。",
    "cost": "读图: 居民按到最近站点的路程从近到远排列; 横轴 50% 处的高度, 是最近的一半居民占全部路程的比例。"
    "曲线与对角线重合时, 所有居民的路程都相同。",
}


def _explain(sheet: Sheet, column: Box, variable: data.Variable) -> Box:
    """Say how the curve is read, at the foot of a column that is wide enough; returns what is left of it."""
    left = column.left + 2.0 * sheet.scale
    if column.right - left < _EXPLAINED_MM * sheet.scale:
        return column
    lines = sheet.wrap(_READ[variable], "tick", column.right - left, lines=6)
    for number, line in enumerate(reversed(lines)):
        at = column.bottom + sheet.step("tick") * (number + 0.5)
        sheet.text(left, at, line, "tick", colour=style.QUIET)
    return replace(column, bottom=column.bottom + sheet.step("tick") * (len(lines) + 0.5))


def _below(sheet: Sheet, box: Box, text: str) -> None:
    """Name the axis of a square plot below it, from its left edge."""
    at = box.bottom - 0.9 * sheet.scale - 1.5 * sheet.step("tick")
    shown = sheet.fit(text, "tick", sheet.free.right - box.left)
    sheet.text(box.left, at, shown, "tick", colour=style.QUIET)


def _draw_even(plot: Plot) -> None:
    """Name the diagonal above it, where no curve runs: Lorenz curves lie below."""
    sheet, text = plot.sheet, "完全平均"
    half = sheet.wide(text, "fine") / 2
    x, y = plot.at(0.45, 0.45)
    at = float(x) - half - 1.2 * sheet.scale
    if at - half > plot.box.left:
        sheet.text(at, float(y) + 0.8 * sheet.scale, text, "fine", colour=style.QUIET, align="center")
