"""Charts of rows: cover by city before and after, progress to the targets, costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..geodata.layers import KIND_NAMES, Kind
from . import charts_data as data
from . import style, words
from .charts_axes import Item, Plot, draw_legend, percent, round_ticks, share_range
from .charts_series import by_title, dropped, merged, series_of
from .charts_sheet import Box, Foot, Sheet, open_sheet, say_nothing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..scenarios.run import Result

_READING_MM, _STATE_MM = 130.0, 200.0
"""Sheets at least so wide, by their scale, have room for the readings of targets, and for their states."""
_ROWS_LARGEST = 1.2
"""Largest scale of the texts of many rows."""
_SIGNS = {"●": "o", "◆": "D", "■": "s", "○": "o"}
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"


# ---------- before and after by city ----------


def cities(
    results: Sequence[Result],
    kind: Kind,
    width_mm: float,
    height_mm: float,
    *,
    foot: Foot | None = None,
    titled: bool = True,
) -> Figure:
    """Draw the covered share of each city before and after, and by how many points it changes."""
    table, standard = data.cities(results, kind), results[0].covers[kind].standard
    name = style.spaced(KIND_NAMES[kind]).strip()
    looks = series_of(results)
    lines = by_title(table, results)
    groups = merged(lines, ["share"])
    shown = list(groups)
    table = table[table["title"].isin(shown)]
    title = f"{name}: 各设区市{'的覆盖' if len(shown) < 2 else '覆盖的变化'}"
    low, high = share_range(table["share"].tolist())
    cut = "; 横轴不从 0 开始" if low > 0 else ""
    points = "; 右列为比现状增减的百分点" if len(shown) > 1 else ""
    under = f"{words.within(standard)}以内的居民占本市的比例{points}{cut}{dropped(results)}"
    sheet = open_sheet(width_mm, height_mm, title, under, foot=foot, titled=titled)
    if table.empty or not np.isfinite(table["share"].to_numpy(float)).any():
        return say_nothing(sheet, "没有居民, 无法计算比例")
    if len(shown) > 1:
        sheet = draw_legend(sheet, _keys(groups, looks))
    _draw_cities(sheet, table, {each: looks[each] for each in shown}, (low, high))
    return sheet.figure


def _keys(groups: dict[str, tuple[str, ...]], looks: dict[str, style.Series]) -> list[Item]:
    return [
        Item("、".join(names), looks[first].colour, looks[first].marker) for first, names in groups.items()
    ]


def _draw_cities(
    sheet: Sheet, table: pd.DataFrame, looks: dict[str, style.Series], ends: tuple[float, float]
) -> None:
    """Draw a row for the province and one for each city, the best covered today first."""
    first, *others = looks
    rows = _by_share(table[table["title"] == first])
    after = {each: table[table["title"] == each].set_index("code") for each in looks}
    column = sheet.wide("+88.8", "tick") + 1.6 * sheet.scale
    told = others[: max(1, int(0.45 * sheet.free.width / column))]
    free, side = sheet.free, column * max(len(told), 1)
    names = min(max(sheet.wide(name, "tick") for name in rows["name"]) + 2.4 * sheet.scale, 0.3 * free.width)
    below, head = sheet.step("tick") + 1.0 * sheet.scale, sheet.step("tick") if len(told) > 1 else 0.0
    room = Box(free.left + names, free.bottom + below, free.right - side - 2.0 * sheet.scale, free.top - head)
    plot = Plot(sheet, room, ends, (0.0, 1.0))
    pitch = room.height / (len(rows) + 0.4)
    _draw_marks(plot)
    for number, each in enumerate(told if len(told) > 1 else []):
        across = free.right - side + column * (number + 1) - sheet.wide("88", "tick")
        sheet.sign(across, free.top - head / 2, looks[each].marker, 1.7, looks[each].colour)
    for number, row in enumerate(rows.to_dict("records")):
        y = room.top - pitch * (number + 0.5) - (0.4 * pitch if number else 0.0)
        shown = sheet.fit(str(row["name"]), "tick", names - 1.5 * sheet.scale)
        sheet.text(free.left, y, shown, "tick", colour=style.QUIET if number else style.INK)
        _draw_shares(plot, y, {each: _of(own, row, "share") for each, own in after.items()}, looks)
        changes = [_of(after[each], row, "change") for each in told]
        texts = [_points(change) for change in changes] or [style.share_text(float(row["share"]))]
        for place, (text, change) in enumerate(zip(texts, changes or [0.0], strict=True)):
            across = free.right - side + column * (place + 1)
            sheet.text(across, y, text, "tick", colour=_change_colour(change), align="right")
    line = room.top - pitch * 1.2
    sheet.line((free.left, free.right), (line, line), style.GRID, 0.5)


def _by_share(today: pd.DataFrame) -> pd.DataFrame:
    """Order the rows of a result: the province, then the cities from the best covered on."""
    rest = today.iloc[1:].sort_values(["share", "code"], ascending=[False, True], na_position="last")
    return pd.concat([today.iloc[:1], rest])


def _of(own: pd.DataFrame, row: dict[Any, Any], column: str) -> float:
    return float(own[column].get(row["code"], np.nan))


def _draw_marks(plot: Plot) -> None:
    """Draw upright grid lines with their shares below."""
    sheet, box = plot.sheet, plot.box
    last = -np.inf
    for value in round_ticks(*plot.x, 5):
        x = float(plot.at(value, 0)[0])
        sheet.line((x, x), (box.bottom, box.top), style.GRID, 0.5, zorder=1)
        half = sheet.wide(percent(value), "tick") / 2
        if x - half > last:
            y = box.bottom - 0.6 * sheet.scale - sheet.step("tick") / 2
            sheet.text(x, y, percent(value), "tick", colour=style.QUIET, align="center")
            last = x + half + 0.6


def _draw_shares(plot: Plot, y: float, shares: dict[str, float], looks: dict[str, style.Series]) -> None:
    """Draw the shares of one unit on a line from the least to the most."""
    sheet, known = plot.sheet, {each: share for each, share in shares.items() if np.isfinite(share)}
    if not known:
        return
    first = shares[next(iter(shares))]
    low, high = (float(plot.at(share, 0)[0]) for share in (min(known.values()), max(known.values())))
    colour = style.FAINT
    if len(shares) == 2 and np.isfinite(first):
        colour = style.LOSS if min(known.values()) < first else style.GAIN
    sheet.line((low, high), (y, y), colour, 2.0, zorder=2)
    for number, (each, share) in enumerate(known.items()):
        x = float(plot.at(share, 0)[0])
        size = 1.9 if number else 2.6  # today's sign is seen around the others where nothing changes
        sheet.sign(x, y, looks[each].marker, size, looks[each].colour, zorder=4 + number / 10)


def _points(change: float) -> str:
    """Write a change in percentage points; nothing where it cannot be told.

    Examples
    --------
    >>> _points(11.14), _points(0.0), _points(-0.01), _points(float("nan"))
    ('+11.1', '0', '-0.1', '–')
    """
    if not np.isfinite(change):
        return "–"
    if change == 0:
        return "0"
    least = np.copysign(max(abs(change), 0.1), change)  # a change is never rounded to none
    return f"{least:+.1f}"


def _change_colour(change: float) -> str:
    if not np.isfinite(change) or change == 0:
        return style.QUIET
    return style.GAIN_INK if change > 0 else style.LOSS_INK


# ---------- progress to the targets ----------


def progress(
    result: Result, width_mm: float, height_mm: float, *, foot: Foot | None = None, titled: bool = True
) -> Figure:
    """Draw how far each target is reached: built, planned by the scenario, still missing; with its light.

    Targets that the registry knows come first; those that do not fit on the sheet are counted below.
    """
    table = data.progress(result)
    known = table["built"].notna() & table["planned"].notna()
    table = pd.concat([table[known], table[~known]], ignore_index=True)
    title = f"目标进度: {data.titles([result])[0]}"
    under = "已建成 → 按方案达到 / 计划; 条长为占计划的比例"
    sheet = open_sheet(width_mm, height_mm, title, under, foot=foot, titled=titled, largest=_ROWS_LARGEST)
    if table.empty:
        return say_nothing(sheet, "没有目标")
    used = dict.fromkeys(style.LIGHT[light] for light in table["light"] if light in style.LIGHT)
    items = [
        Item("已建成", style.SITE),
        Item("方案新增", style.NEW),
        Item("计划的其余部分", style.TRACK, look=_EDGE),
    ]
    items += [Item(light.text, light.colour, _SIGNS[light.sign], _RING) for light in used]
    sheet = draw_legend(sheet, items)
    pitch = sheet.step("tick") * 1.12
    fits = int((sheet.free.height + 1e-6) / pitch)
    shown = table if len(table) <= fits else table.iloc[: max(fits - 1, 1)]
    pitch = min(sheet.free.height / (len(shown) + (len(shown) < len(table))), pitch * 1.6)
    _draw_targets(sheet, shown, _readings(table), pitch)
    if len(shown) < len(table):
        y = sheet.free.top - pitch * (len(shown) + 0.5)
        rest = f"另有 {len(table) - len(shown)} 项 (多为各市上报或没有登记) 见数据表"
        sheet.text(sheet.free.left, y, sheet.fit(rest, "tick", sheet.free.width), "tick", colour=style.QUIET)
    return sheet.figure


_EDGE = {"edgecolor": style.FAINT, "linewidth": 0.4}
_RING = {"markeredgecolor": style.INK, "markeredgewidth": 0.4}


def _readings(table: pd.DataFrame) -> list[str]:
    """Number the readings of targets that have several: ①, ② …; "" for the others."""
    times, seen = Counter(table["name"]), Counter[str]()
    marks = []
    for name in table["name"]:
        seen[name] += 1
        marks.append(_CIRCLED[(seen[name] - 1) % len(_CIRCLED)] if times[name] > 1 else "")
    return marks


def _draw_targets(sheet: Sheet, table: pd.DataFrame, marks: Sequence[str], pitch: float) -> None:
    """Draw a row for each target: light, name, bar, figures, and the state in words where there is room."""
    free, wide = sheet.free, sheet.paper.width / sheet.scale
    rows = table.to_dict("records")
    figures = [_figures(row) for row in rows]
    whole, told = wide >= _READING_MM, wide >= _STATE_MM
    names = [_target_name(row, mark, whole=whole) for row, mark in zip(rows, marks, strict=False)]
    light, gap = 3.0 * sheet.scale, 1.5 * sheet.scale
    first = min(_widest(sheet, names) + gap, free.width * (0.5 if whole and not told else 0.4))
    last = min(_widest(sheet, figures) + gap, free.width * 0.34)
    states = free.width * 0.3 if told else 0.0
    bar = Box(free.left + light + first, 0, free.right - last - states, pitch)
    for number, row in enumerate(rows):
        y = free.top - pitch * (number + 0.5)
        if (found := style.LIGHT.get(str(row["light"]))) is not None:
            across = free.left + light / 2 - 0.4 * sheet.scale
            sheet.sign(across, y, _SIGNS[found.sign], 1.9, found.colour, **_RING)
        sheet.text(free.left + light, y, sheet.fit(names[number], "tick", first - gap / 2), "tick")
        _draw_progress(sheet, bar, y, row)
        shown = sheet.fit(figures[number], "tick", last)
        sheet.text(bar.right + last, y, shown, "tick", colour=style.QUIET, align="right")
        if states:
            state = sheet.fit(str(row["state"]), "fine", states - gap)
            sheet.text(free.right - states + gap, y, state, "fine", colour=style.QUIET)


def _widest(sheet: Sheet, texts: Sequence[str]) -> float:
    return max(sheet.wide(each, "tick") for each in texts)


def _target_name(row: dict[Any, Any], mark: str, *, whole: bool) -> str:
    """Name a target and, where its text can be read in several ways, which of them the row is."""
    reading = f" {mark} {row['reading']}" if whole else f" {mark}"
    return f"{row['name']}{reading}" if mark else str(row["name"])


def _draw_progress(sheet: Sheet, bar: Box, y: float, row: dict[Any, Any]) -> None:
    """Draw the bar of a target; none where the plan or the registry has no figure."""
    if pd.isna(row["planned"]) or pd.isna(row["built"]):
        return
    planned = max(float(row["planned"]), 1e-9)
    built, reached = (min(float(row[name]) / planned, 1.0) for name in ("built", "reached"))
    high = min(bar.height * 0.55, sheet.high("tick") * 0.8)
    sheet.bar(bar.left, y, bar.width, high, style.TRACK, **_EDGE)
    sheet.bar(bar.left, y, bar.width * reached, high, style.NEW, zorder=2)
    sheet.bar(bar.left, y, bar.width * built, high, style.SITE, zorder=2.1)


def _figures(row: dict[Any, Any]) -> str:
    """Write what is built, reached and planned.

    Examples
    --------
    >>> _figures({"planned": 7, "planned_max": 7, "built": 0, "reached": 7, "unit": "座"})
    '0 → 7 / 7 座'
    >>> _figures({"planned": 5, "planned_max": 8, "built": pd.NA, "reached": pd.NA, "unit": "人"})
    '– / 5–8 人'
    """
    planned = "未写数目" if pd.isna(row["planned"]) else f"{int(row['planned']):,}"
    if not pd.isna(row["planned_max"]) and row["planned_max"] != row["planned"]:
        planned += f"–{int(row['planned_max']):,}"
    ways = "–" if pd.isna(row["built"]) else f"{int(row['built']):,}"
    if not pd.isna(row["built"]) and row["reached"] != row["built"]:
        ways += f" → {int(row['reached']):,}"
    unit = "" if pd.isna(row["planned"]) else f" {row['unit']}"
    return f"{ways} / {planned}{unit}"


# ---------- costs ----------


def costs(
    results: Sequence[Result],
    width_mm: float,
    height_mm: float,
    *,
    foot: Foot | None = None,
    titled: bool = True,
) -> Figure:
    """Draw what each scenario costs where prices are stated, and how many actions have none."""
    table = data.costs(results)
    units = [unit for unit in dict.fromkeys(table["unit"]) if unit]
    apart = "; 单位不同的方案不能相互比较" if len(units) > 1 else ""
    under = f"已给出价格的各项之和{f' ({units[0]})' if len(units) == 1 else ''}{apart}{dropped(results)}"
    sheet = open_sheet(width_mm, height_mm, "各方案的费用", under, foot=foot, titled=titled)
    looks = series_of(results)
    table = table[table["title"].isin(list(looks))]
    if table.empty:
        return say_nothing(sheet, "没有方案写明价格, 费用未知")
    sums = table.groupby(["title", "unit"], sort=False)[["cost", "actions", "unpriced"]].sum().reset_index()
    _draw_costs(sheet, sums.to_dict("records"), [looks[each].colour for each in sums["title"]])
    return sheet.figure


def _draw_costs(sheet: Sheet, rows: Sequence[dict[Any, Any]], colours: Sequence[str]) -> None:
    """Draw a bar for each scenario, with its cost and what has no price behind it."""
    free, gap = sheet.free, 1.5 * sheet.scale
    amounts = [f"{_amount(row['cost'])} {row['unit']}" for row in rows]
    notes = [f"另有 {int(row['unpriced']):,} 项未给价格" if row["unpriced"] else "" for row in rows]
    names = min(max(sheet.wide(str(row["title"]), "label") for row in rows) + gap, free.width * 0.32)
    figures = max(sheet.wide(each, "label") for each in amounts)
    figures = min(max([figures, *(sheet.wide(each, "fine") for each in notes)]) + gap, free.width * 0.45)
    room, left = free.width - names - figures, free.left + names
    most = {row["unit"]: 1e-9 for row in rows}
    for row in rows:
        most[row["unit"]] = max(most[row["unit"]], float(row["cost"]))
    pitch = min(free.height / len(rows), 13.0 * sheet.scale)
    for number, row in enumerate(rows):
        y = free.top - pitch * (number + 0.5)
        sheet.text(free.left, y, sheet.fit(str(row["title"]), "label", names - gap / 2), "label")
        long = room * max(float(row["cost"]), 0.0) / most[row["unit"]]
        sheet.bar(left, y, long, min(pitch * 0.6, 4.5 * sheet.scale), colours[number])
        step = sheet.step("label") / 2 if notes[number] and pitch > 2.4 * sheet.step("label") else 0.0
        sheet.text(left + long + gap / 2, y + step, sheet.fit(amounts[number], "label", figures), "label")
        if step:
            note = sheet.fit(notes[number], "fine", figures)
            sheet.text(left + long + gap / 2, y - step, note, "fine", colour=style.QUIET)
    sheet.line((left, left), (free.top, free.top - pitch * len(rows)), style.QUIET, 0.6)


def _amount(cost: float) -> str:
    """Write an amount of money.

    Examples
    --------
    >>> _amount(1240.5), _amount(80.0), _amount(0.004)
    ('1,240.5', '80', '0.004')
    """
    return f"{cost:,.1f}".removesuffix(".0") if abs(cost) >= 1 or cost == 0 else f"{cost:.3g}"
