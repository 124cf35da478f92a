"""Tables of gaps, new sites, changes and sites, for the side of a sheet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .. import done, palette, style, words
from ..fonts import printable
from ..words import one_line
from . import signs
from .block import Block, sentence
from .canvas import Canvas, width_of
from .table import HEAD, HEADING, NOTE, ROW, Column, draw_table, heading
from .unit_blocks import BAR_ROW
from .view import View

MOST_CHANGES = 8


def gaps(view: View, most: int) -> Block:
    """List the largest gaps with the numbers that the map shows."""
    table = view.gaps.head(most)
    note = gap_note(view)
    if table.empty:
        return sentence("最大的缺口", note, f"{view.place.word}没有缺口")

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        top = heading(canvas, corner, width, "最大的缺口", note)
        shown = table.head(rows)
        columns = [
            Column("位置", [gap_place(view, gap) for gap in shown.to_dict("records")], cut=True),
            Column("居民", [style.people_text(each) for each in shown["residents"]], "right"),
            Column("最近站点", _nearest(shown), colour=palette.QUIET, cut=True),
            Column("相距", [str(text) for text in shown["cost_text"]], "right"),
        ]
        if view.place.level != "省":
            columns.append(Column("全省第", [f"{rank}" for rank in shown["rank"]], "right", palette.QUIET))

        def mark(canvas: Canvas, x: float, y: float, number: int) -> None:
            signs.GAP.draw(canvas, np.array([[x, y]]), 0.92)
            signs.write_number(canvas, np.array([x, y]), str(number + 1), 8, palette.ACCENT)

        draw_table(canvas, (corner[0], top), width, columns, mark=mark)

    # Every number on the map has its row: the other blocks make room.
    return Block(HEADING + HEAD - 3, ROW, len(table), len(table), draw, firm=True)


def gap_note(view: View) -> str:
    """Say what counts as a gap, and how many the unit has."""
    low = view.standard.min_density
    dense = f", 只看每平方公里 {low:g} 人及以上的网格" if low > 0 else ""
    return f"{view.within}以外的居民{dense}, {view.place.word}共 {len(view.gaps):,} 处"


def gap_place(view: View, gap: dict[Any, Any]) -> str:
    """Name the place of a gap by what the sheet does not say already."""
    name = one_line(gap["name"], longest=60)
    if view.place.level == "省":
        return f"{one_line(gap['city'])} {name}"
    if view.place.level == "县":
        return name.removeprefix(view.place.name) or name
    return name


def _nearest(table: pd.DataFrame) -> list[str]:
    return [one_line(name, longest=40).removeprefix("示例") or "无" for name in table["nearest_site"]]


def added(view: View) -> Block:
    """List the suggested sites of the unit in their order, or count them by unit where they are too many."""
    table = view.added
    if table.empty:
        return sentence("建议新增", "", f"本方案在{view.place.word}没有新增{view.name}".rstrip())
    if len(table) > signs.MOST_NUMBERED:
        return _added_by_unit(view)
    unit = view.measure_word

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        shown = table.head(rows)
        more = f"前 {rows} {unit}, " if rows < len(table) else ""
        note = f"按建设次序, {more}{view.place.word}共 {len(table):,} {unit}"
        top = heading(canvas, corner, width, "建议新增", note)
        draw_table(canvas, (corner[0], top), width, _added_columns(view, shown), mark=mark)

    def mark(canvas: Canvas, x: float, y: float, number: int) -> None:
        rank = int(table["rank"].iloc[number])
        signs.NEW.draw(canvas, np.array([[x, y]]))
        size = 6.5 if rank < 100 else 4.6 if rank < 1000 else 3.6
        signs.write_number(canvas, np.array([x, y]), str(rank), size, palette.PAPER)

    return Block(HEADING + HEAD - 3, ROW, len(table), min(3, len(table)), draw, "建议新增")


def _added_columns(view: View, shown: pd.DataFrame) -> list[Column]:
    """Place, year, what each brings beyond those before it, and what all together reach."""
    records = shown.to_dict("records")
    where = {"省": ("city", "county"), "市": ("county", "name"), "县": ("name",)}[view.place.level]
    names = [_joined([one_line(str(row[name]), longest=40) for name in where]) for row in records]
    return [
        Column("位置", names, cut=True),
        Column("年份", [style.year_text(row["year"]) for row in records], "right"),
        Column("新增覆盖", [f"+{style.people_text(row['gain'])}" for row in records], "right"),
        Column(
            "累计", [f"+{style.people_text(row['cumulative'])}" for row in records], "right", palette.QUIET
        ),
        Column("建成后全省", [style.share_text(float(row["share_after"])) for row in records], "right"),
    ]


def _joined(names: list[str]) -> str:
    """Join names, without one that the next begins with."""
    kept = [a for a, b in zip(names, [*names[1:], ""], strict=True) if a and not b.startswith(a)]
    return " ".join(kept)


def _added_by_unit(view: View) -> Block:
    column, word = {"省": ("city", "市"), "市": ("county", "县区"), "县": ("year", "年")}[view.place.level]
    groups = view.added.groupby(column, as_index=False).agg(count=("id", "size"), gain=("gain", "sum"))
    groups = groups.sort_values(["gain", column], ascending=[False, True])
    most = max(float(groups["gain"].max()), 1.0)
    names = [f"{value:g}年" if column == "year" else one_line(str(value)) for value in groups[column]]
    note = f"{view.place.word}共 {len(view.added):,} {view.measure_word}, 各{word}的数量和新增覆盖的居民"

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        top = heading(canvas, corner, width, "建议新增", note)
        shown = groups.head(rows)
        columns = [
            Column("", names[:rows], cut=True),
            Column("", [""] * rows, bar=[(-1.0, float(gain) / most) for gain in shown["gain"]]),
            Column("", [f"{count:,} {view.measure_word}" for count in shown["count"]], "right"),
            Column("", [f"+{style.people_text(gain)}" for gain in shown["gain"]], "right", palette.QUIET),
        ]
        draw_table(canvas, (corner[0], top), width, columns, row=BAR_ROW)

    return Block(HEADING - 3, BAR_ROW, len(groups), min(5, len(groups)), draw, "建议新增")


def changes(view: View) -> Block | None:
    """List what the scenario changes beside its new sites; None where there is nothing."""
    table = view.job.theme == "scenario" and len(view.added) > 0
    listed = done.changes(view.world, view.result, kind=view.kind, most=10_000, listed=table)
    if not listed:
        return None
    of = "" if view.place.level == "省" else "方案的全部改动, 不只本图范围"

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        top = heading(canvas, corner, width, done.TITLE, of)
        shown = (
            listed
            if rows >= len(listed)
            else (*listed[: rows - 1], f"其余 {len(listed) - rows + 1} 项见结果表格")
        )
        for number, text in enumerate(shown):
            at = top - 5.4 * (number + 1) + 0.6
            line = printable(f"· {text}")
            size = next((each for each in (8.0, 7.4, 6.8, 6.2) if width_of(line, each) <= width), 6.2)
            canvas.text(corner[0], at, line, size, kind="table", width=width)

    return Block(HEADING - 3, 5.4, min(len(listed), MOST_CHANGES), min(2, len(listed)), draw, done.TITLE)


def sites(view: View) -> Block:
    """List the sites of a county; of many, count those of each kind of place."""
    table = view.sites
    title = f"{view.place.word}{view.name}".rstrip()
    if table.empty:
        near = "" if view.gaps.empty else f"; 最近的是{_nearest(view.gaps.head(1))[0]}"
        return sentence(title, "", f"没有{view.name}{near}".replace("没有 ", "没有 "))
    if len(table) > 12:
        return _sites_by_host(view, title)

    table = table.sort_values(["level", "id"])
    stock = [] if view.ground.public else [words.stock_text(str(text)) for text in table["stock"]]
    notes = [f"库存 {text}" if text else "" for text in stock] if any(stock) else []
    row = ROW + (NOTE if notes else 0.0)

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        note = f"共 {len(table)} {view.measure_word}" + (f", 前 {rows}" if rows < len(table) else "")
        top = heading(canvas, corner, width, title, note)
        columns = _site_columns(view, table.head(rows))
        draw_table(canvas, (corner[0], top), width, columns, row=row, notes=notes[:rows])

    return Block(HEADING + HEAD - 3, row, len(table), min(2, len(table)), draw, title)


def _site_columns(view: View, shown: pd.DataFrame) -> list[Column]:
    """Name and level, and for internal use what else is stated."""
    names = [one_line(name, longest=40).removeprefix("示例") for name in shown["name"]]
    columns = [Column("名称", names, cut=True)]
    inner = [
        ("类别", "speciality"),
        ("人数", "members"),
        ("容量", "capacity"),
        ("保管", "keeper"),
        ("电话", "phone"),
    ]
    for head, name in [("级别", "level"), ("场所", "host"), *([] if view.ground.public else inner)]:
        number = name in {"members", "capacity"}
        texts = [(_whole if number else _text)(value) for value in shown[name]]
        if any(texts):
            columns.append(
                Column(head, texts, "right" if number else "left", palette.QUIET, cut=name == "host")
            )
    return columns


def _text(value: Any) -> str:
    return "" if pd.isna(value) else one_line(value, longest=60)


def _whole(value: Any) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else ""


def _sites_by_host(view: View, title: str) -> Block:
    hosts = view.sites["host"].fillna("").astype(str).replace("", "未填场所")
    counts = hosts.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
    most = float(counts.max())

    def draw(canvas: Canvas, corner: tuple[float, float], width: float, rows: int) -> None:
        more = f", 前 {rows} / {len(counts)} 类" if rows < len(counts) else ""
        note = f"共 {len(view.sites):,} {view.measure_word}, 按场所{more}"
        top = heading(canvas, corner, width, title, note)
        shown = counts.head(rows)
        columns = [
            Column("", [one_line(name, longest=24) for name in shown.index], cut=True),
            Column("", [""] * rows, bar=[(-1.0, float(each) / most) for each in shown]),
            Column("", [f"{each:,} {view.measure_word}" for each in shown], "right"),
        ]
        draw_table(canvas, (corner[0], top), width, columns, row=BAR_ROW)

    return Block(HEADING - 3, BAR_ROW, len(counts), min(3, len(counts)), draw, title)
