"""Charts of lines: cover against the number of sites, cover against minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.layers import KIND_NAMES, Kind
from . import charts_data as data
from . import labels, style, words
from .charts_axes import (
    Label,
    Plot,
    draw_axes,
    draw_labels,
    label_width,
    percent,
    plot_box,
    round_ticks,
    share_range,
)
from .charts_series import by_title, dropped, joined, limited, merged, series_of
from .charts_sheet import Box, Foot, Sheet, open_sheet, say_nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..coverage.standards import Standard
    from ..scenarios.run import Result
    from ..scenarios.world import World

Floats = NDArray[np.float64]

_APART_MM = 2.2
"""Each new site has a step and a sign where they stand so far apart; else only the last of each year has."""
_MINUTES = (5, 10, 15, 20, 30, 60, 120, 180, 240, 360)
_TRUNCATED = "纵轴不从 0 开始"


# ---------- cover against the number of sites ----------


def bases(
    results: Sequence[Result],
    kind: Kind,
    width_mm: float,
    height_mm: float,
    *,
    foot: Foot | None = None,
    titled: bool = True,
) -> Figure:
    """Draw what is covered with each new site; steps, years marked, one line per scenario."""
    table = data.bases(results, kind)
    standard, unit = results[0].covers[kind].standard, style.UNITS[kind]
    name = style.spaced(KIND_NAMES[kind]).strip()
    low, high = share_range(table["share_after"].tolist())
    cut = f"; {_TRUNCATED}" if low > 0 else ""
    under = f"{words.within(standard)}以内的居民占全省的比例{cut}{dropped(results)}"
    title = f"{name}: 每新增一{unit}, 覆盖多少居民"
    sheet = open_sheet(width_mm, height_mm, title, under, foot=foot, titled=titled)
    lines = by_title(table, results)
    if not lines:
        return say_nothing(sheet, f"各方案都没有新增{style.spaced(KIND_NAMES[kind])}".strip())
    return _draw_bases(sheet, lines, results, kind, (low, high))


def _draw_bases(
    sheet: Sheet,
    lines: dict[str, pd.DataFrame],
    results: Sequence[Result],
    kind: Kind,
    ends: tuple[float, float],
) -> Figure:
    looks, groups, unit = series_of(results), merged(lines, ["rank", "share_after"]), style.UNITS[kind]
    named = limited(results, kind)
    shown = [
        Label(looks[first], joined(names, named), *_end_texts(lines[first], unit))
        for first, names in groups.items()
    ]
    most = int(max(own["rank"].max() for own in lines.values()))
    y_ticks = [(each, percent(each)) for each in round_ticks(*ends, 5)]
    box = plot_box(sheet, [text for _, text in y_ticks], right=label_width(sheet, shown))
    plot = Plot(sheet, box, (0.0, float(most) * 1.02), ends)
    x_ticks = [(each, f"{each:,.0f}") for each in round_ticks(0, most, 6) if each == round(each)]
    draw_axes(plot, x_ticks, y_ticks, f"新增站点 ({unit})")
    dense = box.width < _APART_MM * sheet.scale * most
    placed = []
    for first, label in zip(groups, shown, strict=True):
        x, y = _draw_steps(plot, lines[first], looks[first], dense=dense)
        placed.append(replace(label, x=x, y=y))
    _draw_years(plot, [lines[first] for first in groups])
    draw_labels(sheet, placed, Box(box.right, box.bottom, sheet.free.right, box.top))
    return sheet.figure


def _draw_steps(plot: Plot, own: pd.DataFrame, look: style.Series, *, dense: bool) -> tuple[float, float]:
    """Draw the line of a scenario, with a step and a sign for each site if not ``dense``; returns its end."""
    rank, share = own["rank"].to_numpy(float), own["share_after"].to_numpy(float)
    plot.draw(rank, share, look, steps=not dense)
    at = np.append(0.0, _year_ends(own)) if dense else rank
    plot.signs(at, np.interp(at, rank, share), look, size=1.5)
    x, y = plot.at(rank[-1], share[-1])
    return float(x), float(y)


def _end_texts(own: pd.DataFrame, unit: str) -> tuple[str, float, float, str]:
    """Say what the last site reaches: in full, for no point yet, and in brief."""
    last = own.iloc[-1]
    share = style.share_text(float(last["share_after"]))
    return f"{int(last['rank']):,} {unit} {share}", np.nan, np.nan, share


def _year_ends(own: pd.DataFrame) -> Any:
    """Ranks of the last site of each year."""
    known = own[own["rank"] > 0]
    return known.groupby("year", sort=True)["rank"].max().to_numpy(float)


def _draw_years(plot: Plot, lines: Sequence[pd.DataFrame]) -> None:
    """Name the start, and each year where its last site stands, where there is room beside all lines."""
    sheet, taken = plot.sheet, []
    spots: dict[tuple[float, float], str] = {}
    for own in lines:
        rank, share = own["rank"].to_numpy(float), own["share_after"].to_numpy(float)
        taken.append(
            labels.boxes(np.column_stack(plot.at(rank, share)), 1.5 * sheet.scale, 1.5 * sheet.scale)
        )
        taken.append(labels.boxes(np.column_stack(plot.at(*_along(rank, share))), sheet.scale, sheet.scale))
        x, y = plot.at(0.0, share[0])
        spots.setdefault((float(x), float(y)), f"新增前 {style.share_text(float(share[0]))}")
        for end in _year_ends(own).tolist():
            row = own[own["rank"] == end].iloc[0]
            x, y = plot.at(end, row["share_after"])
            spots[float(x), float(y)] = style.year_text(float(row["year"]))
    _write_near(plot, spots, np.vstack(taken))


def _along(rank: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Give points close to each other along the treads and the risers of steps."""
    across = np.linspace(rank[0], rank[-1], 300)
    treads = share[np.searchsorted(rank, across, side="right") - 1]
    risers = share[:-1, None] + np.diff(share)[:, None] * np.linspace(0, 1, 20)
    return np.concatenate([across, np.repeat(rank[1:], 20)]), np.concatenate([treads, risers.ravel()])


def _write_near(plot: Plot, spots: dict[tuple[float, float], str], taken: labels.Boxes) -> None:
    """Write small texts beside points of the paper, those for which there is room."""
    sheet, box = plot.sheet, plot.box
    sizes = np.array([(sheet.wide(text, "fine") + 0.4, sheet.high("fine")) for text in spots.values()])
    points, frame = np.array(list(spots), float), (box.left, box.bottom, box.right, box.top)
    centres = labels.place(points, sizes, taken, gap=0.5 * sheet.scale, rings=3, frame=frame)
    for text, (x, y) in zip(spots.values(), centres.tolist(), strict=True):
        if np.isfinite(x):
            sheet.text(x, y, text, "fine", colour=style.QUIET, align="center")


# ---------- cover against minutes ----------


def minutes(
    world: World,
    results: Sequence[Result],
    kind: Kind,
    width_mm: float,
    height_mm: float,
    *,
    foot: Foot | None = None,
    titled: bool = True,
) -> Figure:
    """Draw the residents within each minute of a site, with the limits; on foot points at the limits."""
    standard = results[0].covers[kind].standard
    drive = standard.mode == "drive"
    table = data.minutes(world, results, kind)
    name = style.spaced(KIND_NAMES[kind]).strip()
    title = f"{name}: {'多少分钟能到多少居民' if drive else '步行多远能到多少居民'}"
    note = "" if drive else "; 步行只知道各档上限以内的人数, 不连成线"
    under = f"{words.measure_text(world, standard)}以内的居民占全省的比例{note}{dropped(results)}"
    sheet = open_sheet(width_mm, height_mm, title, under, foot=foot, titled=titled)
    lines = by_title(table, results)
    if not lines or not np.isfinite(table["share"].to_numpy(float)).any():
        return say_nothing(sheet, "没有居民, 无法计算比例")
    if not (table["share"].to_numpy(float) > 0).any():
        return say_nothing(sheet, f"没有{name}站点, 没有居民在任何{'时间' if drive else '距离'}以内")
    return _draw_minutes(sheet, standard, lines, results)


def _draw_minutes(
    sheet: Sheet, standard: Standard, lines: dict[str, pd.DataFrame], results: Sequence[Result]
) -> Figure:
    drive, looks = standard.mode == "drive", series_of(results)
    column, per = ("cost_min", 60.0) if drive else ("cost_m", 1.0)
    main = standard.main / per
    groups = merged(lines, [column, "share"])
    best = sorted(groups, key=lambda first: -_at(lines[first], column, main))
    shown = [
        Label(looks[first], joined(groups[first]), style.share_text(_at(lines[first], column, main)))
        for first in best
    ]
    heading = f"{words.within(standard)}以内"
    plot = _open_minutes(
        sheet, standard, lines, label_width(sheet, [*shown, Label(style.SERIES[0], heading, "")])
    )
    for first in reversed(best):
        own = lines[first][lines[first][column] <= plot.x[1]]
        cost, share = own[column].to_numpy(float), own["share"].to_numpy(float)
        if drive:  # beyond the last minute nobody is added
            plot.draw([*cost, plot.x[1]], [*share, share[-1]], looks[first], steps=True)
            plot.signs(main, _at(own, column, main), looks[first])
        else:
            plot.signs(cost, share, looks[first], size=2.0)
    side = Box(plot.box.right, plot.box.bottom, sheet.free.right, plot.box.top)
    draw_labels(sheet, shown, side, heading=heading, leaders=False)
    return sheet.figure


def _open_minutes(sheet: Sheet, standard: Standard, lines: dict[str, pd.DataFrame], side: float) -> Plot:
    """Draw the axes and the limits, and leave ``side`` millimetres for the labels."""
    drive = standard.mode == "drive"
    column, per = ("cost_min", 60.0) if drive else ("cost_m", 1.0)
    top = max(float(own["share"].max()) for own in lines.values())
    high = 1.0 if drive else share_range([0.0, top * 1.08])[1]
    last = _last(lines, column, standard, per)
    y_ticks = [(each, percent(each)) for each in round_ticks(0, high, 5)]
    box = plot_box(sheet, [text for _, text in y_ticks], right=side, top=sheet.step("fine"))
    plot = Plot(sheet, box, (0.0, last), (0.0, high))
    x_ticks = [(each, f"{each:,.0f}") for each in round_ticks(0, last, 7, _MINUTES if drive else ())]
    draw_axes(plot, x_ticks, y_ticks, "到最近站点的车程 (分钟)" if drive else "到最近站点的步行距离 (米)")
    _draw_limits(plot, standard, per)
    return plot


def _at(own: pd.DataFrame, column: str, cost: float) -> float:
    """Share within a cost; between two minutes that of the lower, so that nobody is counted too much."""
    row = int(np.searchsorted(own[column].to_numpy(float), cost + 1e-9, side="right")) - 1
    return float(own["share"].iloc[row]) if row >= 0 else 0.0


def _last(lines: dict[str, pd.DataFrame], column: str, standard: Standard, per: float) -> float:
    """Right end of the axis: beyond all limits, and where the last thousandth begins."""
    limit = max(standard.limits) / per
    if standard.mode == "walk":
        return float(limit * 1.12)
    ends = []
    for own in lines.values():
        share = own["share"].to_numpy(float)
        ends.append(float(own[column].iloc[int(np.argmax(share >= share[-1] - 0.001))]))
    return float(min(max([*ends, limit * 1.05]), limit * 2.5))


def _draw_limits(plot: Plot, standard: Standard, per: float) -> None:
    """Mark the limits by dashed lines and name them above the plot, the main one first."""
    sheet, box = plot.sheet, plot.box
    at = box.top + sheet.step("fine") * 0.62
    taken: list[tuple[float, float]] = []
    for limit in sorted(standard.limits, key=lambda limit: limit != standard.main):
        main = limit == standard.main
        x = float(plot.at(limit / per, 0)[0])
        colour = style.INK if main else style.FAINT
        sheet.line((x, x), (box.bottom, box.top), colour, 0.7, linestyle=(0, (3, 2)), zorder=2)
        text = standard.limit_text(limit)
        half = sheet.wide(text, "fine") / 2
        x = min(x, sheet.free.right - half)
        if all(x + half < left or x - half > right for left, right in taken):
            sheet.text(x, at, text, "fine", colour=style.INK if main else style.QUIET, align="center")
            taken.append((x - half - 0.8, x + half + 0.8))
