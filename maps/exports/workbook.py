"""The workbook of an export: all tables of the results, and native charts of the numbers people look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from ...geodata.layers import KIND_NAMES, Kind, shown_kinds
from ...scenarios.compare import compare
from .. import charts_data as data
from .. import palette, style, tables, words
from ..tables import Written
from ..workbook import Value
from .charted import Chart, write_charted

if TYPE_CHECKING:
    from ...scenarios.run import Result
    from ...scenarios.world import World

_SHARE = "0.0%"
_BASES, _TIMES, _LORENZ, _CITIES, _TARGETS = "图_累计覆盖", "图_远近", "图_洛伦兹", "图_分市", "图_目标进度"
_PARTS = ("已建成", "方案新增", "还差")
_MOST_TARGETS = 30
_NEARLY_ALL = 0.6
"""A share from which the axis ends at 100 %."""


_Maker = Callable[[Kind, str, dict[str, str], tuple[int, int]], Chart]


class _Drawn(NamedTuple):
    """A table and its charts."""

    table: Written
    charts: list[Chart]


def write_workbook(
    world: World, results: Sequence[Result], notes: Sequence[tuple[str, str]], path: Path
) -> Path:
    """Write the tables of the results, the numbers of the charts, and the charts.

    Parameters
    ----------
    results
        The baseline first.
    notes
        Rows of the sheet 说明.
    """
    plain = tables.build_tables(results, compare(results, world=world))
    frames: dict[str, pd.DataFrame | Written] = dict(tables.labelled(plain, world, results[0]))
    charts: list[Chart] = []
    for drawn in _drawn(world, results):
        if drawn.table.rows:
            frames[drawn.table.name] = drawn.table
            charts += drawn.charts
    return write_charted(path, notes, frames, charts)


def _drawn(world: World, results: Sequence[Result]) -> Iterator[_Drawn]:
    kinds = [kind for kind in shown_kinds(each.layers for each in results) if kind in results[0].covers]
    order = _titles(results)
    yield _curves(_BASES, [(kind, data.bases(results, kind)) for kind in kinds], _base_chart, order)
    drive = [kind for kind in kinds if results[0].covers[kind].standard.mode == "drive"]
    yield _curves(_TIMES, [(kind, data.minutes(world, results, kind)) for kind in drive], _time_chart, order)
    curves = [(kind, data.lorenz_rows(world, results, kind)) for kind in kinds]
    yield _curves(_LORENZ, curves, _lorenz_chart, order)
    yield _city_table(results, kinds)
    yield _target_table(results[-1])


def _curves(
    name: str, parts: Sequence[tuple[Kind, pd.DataFrame]], chart: _Maker, order: tuple[str, ...]
) -> _Drawn:
    """Stack the tables of the types, and draw a chart of the rows of each."""
    filled = [(kind, part) for kind, part in parts if len(part)]
    if not filled:
        return _Drawn(Written(name, [], [], []), [])
    stacked = pd.concat([part.assign(kind=kind) for kind, part in filled], ignore_index=True)
    lead = ["kind", *(column for column in stacked if column != "kind")]
    written = tables.as_written(name, stacked[lead])
    ends = np.cumsum([0, *(len(part) for _, part in filled)]).tolist()
    rows = pairwise(ends)
    header = dict(zip(map(str, lead), written.headers, strict=True))
    drawn = [
        replace(chart(kind, name, header, span), order=order)
        for (kind, _), span in zip(filled, rows, strict=True)
    ]
    return _Drawn(written, drawn)


def _base_chart(kind: Kind, sheet: str, header: dict[str, str], rows: tuple[int, int]) -> Chart:
    name = KIND_NAMES[kind]
    drawn = _curve(f"{name}: 新增站点与覆盖", sheet, header, ("rank", "share_after"), rows)
    titles = (f"新增{name} ({style.UNITS[kind]})", "覆盖的居民比例")
    return replace(drawn, x_title=titles[0], y_title=titles[1])


def _time_chart(kind: Kind, sheet: str, header: dict[str, str], rows: tuple[int, int]) -> Chart:
    drawn = _curve(f"{KIND_NAMES[kind]}: 车程与覆盖", sheet, header, ("cost_min", "share"), rows)
    titles = "到最近站点的车程 (分钟)", "这一车程以内的居民比例"
    return replace(drawn, x_title=titles[0], y_title=titles[1], y_range=(0, 1))


def _lorenz_chart(kind: Kind, sheet: str, header: dict[str, str], rows: tuple[int, int]) -> Chart:
    title = f"{KIND_NAMES[kind]}: 覆盖在各县间是否均匀 (洛伦兹曲线)"
    drawn = _curve(title, sheet, header, ("people_share", "value_share"), rows)
    titles = "居民累计占比 (从覆盖最少的县起)", "覆盖居民累计占比"
    return replace(drawn, x_title=titles[0], y_title=titles[1], x_range=(0, 1), y_range=(0, 1))


def _curve(
    title: str, sheet: str, header: dict[str, str], columns: tuple[str, str], rows: tuple[int, int]
) -> Chart:
    """Draw one column of a table over another, a line for each result."""
    x, y = (header[column] for column in columns)
    return Chart(title, "scatter", sheet, x, (y,), by=header["title"], rows=rows, x_range=(0, None))


def _city_table(results: Sequence[Result], kinds: Sequence[Kind]) -> _Drawn:
    """List the covered share of every city under each result, side by side."""
    titles = _titles(results)
    rows: list[tuple[Value, ...]] = []
    charts = []
    for kind in kinds:
        table = data.cities(results, kind)
        wide = table.pivot(index="code", columns="title", values="share")
        if wide.empty:
            continue
        names = table.drop_duplicates("code").set_index("code")["name"]
        shares = wide.reindex(columns=data.titles(results))
        start = len(rows)
        rows += [
            (KIND_NAMES[kind], tables.safe_text(str(names[code])), *(_number(share) for share in own))
            for code, *own in shares.itertuples()
        ]
        y_title = f"{words.within(results[0].covers[kind].standard)}以内的居民比例"
        title = f"{KIND_NAMES[kind]}: 全省和各设区市的覆盖"
        some = tuple(
            text for text, share in zip(titles, shares.columns, strict=True) if shares[share].notna().any()
        )
        if not some:  # nobody lives there: no share to draw
            continue
        charts.append(
            Chart(
                title,
                "dumbbell",
                _CITIES,
                "名称",
                some,
                x_title="设区市",
                y_title=y_title,
                rows=(start, len(rows)),
                y_range=(0, 1 if shares.max().max() > _NEARLY_ALL else None),
                order=titles,
            )
        )
    forms = ["", "", *([_SHARE] * len(titles))]
    return _Drawn(Written(_CITIES, ["图层", "名称", *titles], rows, forms), charts)


def _target_table(result: Result) -> _Drawn:
    """List how much of each plan is built, comes with the scenario, and is missing, where all is known."""
    table = data.progress(result)
    table = table[table["built"].notna() & table["planned"].notna()]
    planned = table["planned"].to_numpy(float)
    table, planned = table[planned > 0], planned[planned > 0]
    built = np.minimum(table["built"].to_numpy(float) / planned, 1.0)
    reached = np.clip(table["reached"].fillna(table["built"]).to_numpy(float) / planned, built, 1.0)
    parts = np.column_stack([built, reached - built, 1 - reached])
    again = table.groupby("name").cumcount().to_numpy() + 1
    single = ~table["name"].duplicated(keep=False).to_numpy()
    names = [
        tables.safe_text(str(name) if alone else f"{name} (读法 {number})")
        for name, alone, number in zip(table["name"], single.tolist(), again.tolist(), strict=True)
    ]
    readings = [tables.safe_text(str(text or "")) for text in table["reading"].fillna("")]
    rows = [
        (name, reading, *(round(value, 6) for value in values))
        for name, reading, values in zip(names, readings, parts.tolist(), strict=True)
    ]
    chart = Chart(
        f"目标进度: {tables.safe_text(result.title)}",
        "stacked_bar",
        _TARGETS,
        "目标",
        _PARTS,
        y_title="占计划的比例",
        rows=(0, min(len(rows), _MOST_TARGETS)),
        y_range=(0, 1),
        colours=(palette.SITE, palette.NEW, palette.TRACK),
    )
    return _Drawn(Written(_TARGETS, ["目标", "读法", *_PARTS], rows, ["", "", *([_SHARE] * 3)]), [chart])


def _titles(results: Sequence[Result]) -> tuple[str, ...]:
    """Name the results as the charts do, safe as cells."""
    return tuple(map(tables.safe_text, data.titles(results)))


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
