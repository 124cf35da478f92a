"""Tables of the units below the sheet's, or beside it: their cover, before and after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ...coverage.curves import residents_by_cost
from .. import palette, style, words
from ..words import one_line
from .block import Block, sentence
from .canvas import Canvas
from .table import HEAD, HEADING, Column, draw_table, heading
from .view import View

BAR_ROW = 6.6
_STEPS = 4


def units(view: View) -> Block:
    """Draw the share of each unit below the sheet's as a bar; on a sheet of gaps who is left out."""
    title = {"市": "各设区市", "县": "各县区", "乡镇": "各乡镇"}[view.below_level]
    note = ", 范围按最近居民点近似" if view.approximate_below else ""
    return _bars(view, view.below, title, note)


def siblings(view: View) -> Block:
    """Set a county without townships among the counties of its city, its own row marked."""
    city = view.above[0]
    rows = words.unit_rows(view.result, view.kind, "县", view.standard.main)
    rows = rows[rows["code"].astype(str).isin(city.codes)]
    own = rows["code"].astype(str) == view.place.code
    marked = rows["name"].where(~own, rows["name"] + " (本图)")
    return _bars(view, rows.assign(name=marked), f"{one_line(city.name)}各县区", "")


def _bars(view: View, table: pd.DataFrame, title: str, more_note: str) -> Block:
    gaps = view.job.theme == "gaps"
    table = table.assign(without=table["residents"] - table["served"])
    order = ["without"] if gaps else ["share", "without"]  # the worst first: what is cut is the best
    table = table.sort_values([*order, "code"], ascending=[*(each == "share" for each in order), True])
    full = max(float(table["without" if gaps else "share"].max()), 1e-9) if gaps or not view.drive else 1.0
    note = f"{view.within}{'以外' if gaps else '以内'}的居民"
    note += ", 含人口稀疏处" if gaps and view.dense else ""
    note += "" if gaps or view.drive else f", 横条以最高的 {style.share_text(full)} 为满"
    note += more_note

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        more = "" if rows == len(table) else f", {rows} / {len(table)} 个"
        top = heading(canvas, corner, width, title, note + more)
        shown = table.head(rows)
        columns = _without(shown, full) if gaps else _within(shown, full)
        draw_table(canvas, (corner[0], top), width, columns, row=BAR_ROW)

    return Block(HEADING - 3, BAR_ROW, len(table), min(4, len(table)), draw, title)


def _within(shown: pd.DataFrame, full: float) -> list[Column]:
    shares = shown["share"].to_numpy(float)
    return [
        Column("", [one_line(name) for name in shown["name"]], cut=True),
        Column(
            "", [""] * len(shown), bar=[(-1.0, 0.0 if np.isnan(each) else each / full) for each in shares]
        ),
        Column("", [style.share_text(each) for each in shares], "right"),
        Column("", [style.people_text(each) for each in shown["served"]], "right", palette.QUIET),
    ]


def _without(shown: pd.DataFrame, full: float) -> list[Column]:
    left = shown["without"].to_numpy(float)
    of = left / np.maximum(shown["residents"].to_numpy(float), 1.0)
    return [
        Column("", [one_line(name) for name in shown["name"]], cut=True),
        Column("", [""] * len(shown), bar=[(-1.0, each / full) for each in left], colour=palette.OUT),
        Column("", [style.people_text(each) for each in left], "right"),
        Column("", [style.share_text(each) for each in of], "right", palette.QUIET),
    ]


def minutes(view: View) -> Block:
    """Say how many of the unit's residents are within quarters of the main limit, up to the whole of it."""
    inside, cover = view.ground.inside(view.place), view.result.covers[view.kind]
    own = replace(cover, share=cover.share[inside], nearest=cover.nearest[inside], cost=cover.cost[inside])
    steps = np.arange(1, _STEPS + 1) * (view.standard.main / _STEPS)
    curve = residents_by_cost(view.result.residents[inside], own, costs=steps)
    shares = np.nan_to_num(curve.share)

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        top = heading(canvas, corner, width, "多久能到", f"{view.place.word}居民到最近站点的驾车时间, 累计")
        columns = [
            Column("", [f"{view.standard.limit_text(step)}以内" for step in steps[:rows].tolist()]),
            Column("", [""] * rows, bar=[(-1.0, share) for share in shares[:rows].tolist()]),
            Column("", [style.share_text(share) for share in shares[:rows].tolist()], "right"),
            Column("", list(map(style.people_text, curve.residents[:rows])), "right", palette.QUIET),
        ]
        draw_table(canvas, (corner[0], top), width, columns, row=BAR_ROW)

    return Block(HEADING - 3, BAR_ROW, _STEPS, _STEPS, draw, "多久能到")


def compared(view: View) -> Block:
    """Set before and after side by side, unit by unit, then for the sheet's unit and those above it."""
    if view.change is None or view.result is view.baseline:
        return sentence("前后对比", "", "没有可比的基准 (上限不同, 或就是现状)")
    rows = _compared_rows(view)
    names, before, after, change = zip(*rows, strict=True)
    full = 1.0 if view.drive else max(*np.nan_to_num(before), *np.nan_to_num(after), 1e-9)
    sums = 1 + len(view.above)
    note = f"{view.within}以内, 竖线为{words.one_line(view.baseline.title, longest=12)}"
    note += "" if view.drive else f", 横条以 {style.share_text(full)} 为满"
    note += ", 乡镇范围近似" if view.approximate_below else ""

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, count: int) -> None:
        more = "" if count == len(rows) else f", 变化最大的 {count - sums} / {len(rows) - sums} 个"
        top = heading(canvas, corner, width, "前后对比", note + more)
        kept = [*range(count - sums), *range(len(rows) - sums, len(rows))] if count > sums else range(count)
        bars = [(_share(before[each]) / full, _share(after[each]) / full) for each in kept]
        columns = [
            Column("", [names[each] for each in kept], cut=True),
            Column("", [""] * len(bars), bar=bars),
            Column("之前", [style.share_text(before[each]) for each in kept], "right", palette.QUIET),
            Column("之后", [style.share_text(after[each]) for each in kept], "right"),
            Column("增加", [_signed(change[each], 1) for each in kept], "right", palette.GAIN_INK),
            Column("减少", [_signed(change[each], -1) for each in kept], "right", palette.LOSS_INK),
        ]
        draw_table(canvas, (corner[0], top), width, columns, row=BAR_ROW, ruled=len(bars) - sums)

    return Block(HEADING + HEAD - 3, BAR_ROW, len(rows), min(1 + sums, len(rows)), draw, "前后对比")


def _share(value: float) -> float:
    return 0.0 if np.isnan(value) else value


def _compared_rows(view: View) -> list[tuple[str, float, float, int]]:
    """Name, shares before and after, residents more: units with the largest change first, then the sums."""
    after, before = view.below, view.rows_below(view.baseline)
    both = after.merge(before[["code", "served", "share"]], on="code", suffixes=("", "_before"))
    both = both.assign(change=both["served"] - both["served_before"])
    both = both.assign(size=both["change"].abs()).sort_values(["size", "code"], ascending=[False, True])
    rows = [
        (one_line(str(row["name"])), float(row["share_before"]), float(row["share"]), int(row["change"]))
        for row in both.to_dict("records")
    ]
    for place in (view.place, *view.above):
        old, new = view.row(result=view.baseline, place=place), view.row(place=place)
        rows.append(
            (place.name, float(old["share"]), float(new["share"]), int(new["served"] - old["served"]))
        )
    return rows


def _signed(change: int, sign: int) -> str:
    mark = "+" if sign > 0 else "−"
    return f"{mark}{style.people_text(abs(change))}" if change * sign > 0 else "–"
