"""Tables of results for the office: CSV files and one Excel workbook with Chinese headers, safe to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ..geodata.layers import COLUMNS, KIND_NAMES, Kind, shown_kinds
from ..geodata.store import replacing
from ..scenarios import compare
from . import columns, style, words
from .words import one_line, stock_text
from .workbook import Sheet, Value, workbook_bytes
from .workbook_charts import Chart

if TYPE_CHECKING:
    from ..scenarios.run import Result
    from ..scenarios.world import World

WORKBOOK = "结果.xlsx"

_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_LONGEST = 1000


def safe_text(text: str) -> str:
    """Make a text safe as a cell: nothing that a spreadsheet would run, no control or direction marks.

    A text that begins (after blanks) with ``= + - @``, their full-width forms, a tab or a line end gets a
    ``'`` before it: the rule of OWASP against CSV injection.

    Examples
    --------
    >>> safe_text("=cmd|' /C calc'!A0"), safe_text("修水县"), safe_text(" +1")
    ("'=cmd|' /C calc'!A0", '修水县', "'+1")
    """
    risky = text[:1] in _FORMULA_STARTS or text.lstrip()[:1] in _FORMULA_STARTS
    clean = one_line(text, longest=_LONGEST)
    return f"'{clean}" if risky or clean[:1] in _FORMULA_STARTS else clean


def write_tables(
    world: World, results: Sequence[Result], comparison: pd.DataFrame, folder: Path
) -> list[Path]:
    """Write every table as CSV (UTF-8 with a mark, as Excel expects) and all of them as one workbook.

    Parameters
    ----------
    world
        What the results were made from, for sources and labels.
    results
        The baseline first.
    comparison
        The tidy table of ``scenarios.compare``.
    folder
        Made where it is missing; each file appears whole or not at all.

    Returns
    -------
    The workbook, then the CSV files.
    """
    tables = labelled(build_tables(results, comparison), world, results[0])
    return save_tables(notes_of(world, results), tables, folder, WORKBOOK)


def save_tables(
    notes: Sequence[tuple[str, str]], tables: Mapping[str, pd.DataFrame], folder: Path, workbook: str
) -> list[Path]:
    """Write tables by their Chinese names as one workbook, with a sheet of notes in front, and as CSV.

    Columns get their Chinese headers and formats by their English names; see `write_tables`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, written = [folder / workbook], [as_written(name, table) for name, table in tables.items()]
    with replacing(paths[0]) as temporary:
        temporary.write_bytes(workbook_of(notes, written))
    for table in written:
        path = folder / f"{table.name}.csv"
        with replacing(path) as temporary:
            temporary.write_bytes(_csv_text(table).encode("utf-8-sig"))
        paths.append(path)
    return paths


def build_tables(results: Sequence[Result], comparison: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Collect the tables by their Chinese names; columns keep their English names until they are written."""
    sites = [layer.table.assign(kind=kind) for kind, layer in results[0].layers.items()]
    stock = pd.concat(sites, ignore_index=True)[["kind", *COLUMNS]]
    stock = stock.assign(stock=[stock_text(str(text)) for text in stock["stock"]])
    kinds = shown_kinds(result.layers for result in results)
    gaps = [
        gap.assign(title=result.title, kind=kind)
        for result in results
        for kind, gap in result.gaps.items()
        if kind in kinds
    ]
    return {
        "概要": _first(_stack([_of(result.summary, kinds, result) for result in results])),
        "覆盖_省市县": _first(_stack([_of(result.units, kinds, result) for result in results])),
        "缺口": _first(_stack(gaps)),
        "新增站点": _first(_stack([result.added.assign(title=result.title) for result in results])),
        "方案对比": for_sheet(comparison),
        "目标台账": _first(_stack([result.targets.assign(title=result.title) for result in results])),
        "达标检查": _first(_stack([result.compliance.assign(title=result.title) for result in results])),
        "站点": stock,
        "选址求解": _first(_stack([_plans(result) for result in results])),
        "配置要求": _first(_stack([result.admin.assign(title=result.title) for result in results])),
    }


def labelled(tables: Mapping[str, pd.DataFrame], world: World, baseline: Result) -> dict[str, pd.DataFrame]:
    """Give every row the labels of the data it was made from; rows about no layer get those of all."""
    of_kind: dict[str, tuple[str, ...]] = {
        kind: words.labels(world, baseline, kind) for kind in baseline.covers
    }
    everything = "、".join(dict.fromkeys(text for found in of_kind.values() for text in found))
    marks = {kind: "、".join(found) for kind, found in of_kind.items()}
    return {
        name: table.assign(
            labels=[marks.get(kind, everything) for kind in table["kind"]] if "kind" in table else everything
        )
        for name, table in tables.items()
    }


def _of(table: pd.DataFrame, kinds: Sequence[Kind], result: Result) -> pd.DataFrame:
    """Leave the rows of the layers that are shown, with the title of their result."""
    rows = table[table["kind"].isin(kinds)] if "kind" in table.columns else table
    return rows.assign(title=result.title)


def _plans(result: Result) -> pd.DataFrame:
    """Rows of the siting requests without their wall time, which differs from run to run."""
    table = pd.DataFrame(result.plans).rename(columns={"status": "solver"})
    return table[[name for name in columns.SOLVING if name in table.columns]].assign(title=result.title)


def _stack(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if not table.empty]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def for_sheet(comparison: pd.DataFrame) -> pd.DataFrame:
    """Leave of a comparison what people read: no names twice, no columns that say nothing in all rows.

    Costs are left out where no scenario states a price.
    """
    table = comparison.drop(columns=["layer", "limit", "p90_text"], errors="ignore")
    if "all_cost" in table.columns and not (table["all_cost"] > 0).any():
        table = table.drop(columns=list(compare.COST_COLUMNS))
    seldom = [name for name in _SELDOM if name in table.columns and not table[name].fillna(0).any()]
    table = table.drop(columns=seldom)
    return _first(table.loc[:, [name for name in table.columns if not table[name].isna().all()]])


_SELDOM = ("growth", "moved", "resized", "retimed", "out_of_service", "roads", "grown")
"""Columns of a comparison that are 0 in most: they are shown where they are not."""


def _first(table: pd.DataFrame) -> pd.DataFrame:
    """Put scenario and layer before the other columns."""
    lead = [name for name in ("title", "kind") if name in table.columns]
    return table[[*lead, *(name for name in table.columns if name not in lead)]]


def notes_of(world: World, results: Sequence[Result]) -> list[tuple[str, str]]:
    """Rows of the sheet 说明: what this is, its labels, sources, standards and results."""
    baseline = results[0]
    kinds = shown_kinds(result.layers for result in results)
    found = words.labels_by_layer(world, baseline, kinds)
    rows = [("用途", style.STAMP)]
    rows += [("标注", f"{text}: {style.LABELS.get(text, '')}") for text in found]
    rows += [("口径", "一切上限都含等号; 居民数为整数, 县相加等于市, 市相加等于省。")]
    for kind in kinds:
        name = KIND_NAMES[kind]
        rows += [(name, text) for text in words.sources(world, baseline, kind)]
        rows += [(name, note) for note in baseline.covers[kind].standard.notes]
    rows += [("方案", f"{result.title}: {note}") for result in results for note in result.notes]
    rows += [("结果", f"{result.title}: 编号 {result.key}") for result in results]
    return list(dict.fromkeys(rows))


def _cell(name: str, value: Any) -> Value:
    """Turn a value into what a cell holds: text made safe, a number, or nothing."""
    if name in columns.WORDS and isinstance(value, str):
        return columns.word(name, value) or safe_text(value)
    if name == "year" and str(value).isdecimal():
        return int(value)
    if isinstance(value, bool | np.bool_):
        return "是" if value else "否"
    if isinstance(value, int | np.integer | float | np.floating):
        if columns.is_cost(name) and value == np.inf:
            return columns.NO_WAY
        return columns.rounded(name, value)
    return None if value is None or value is pd.NA else safe_text(str(value))


def _header(name: str, table: str) -> str:
    return columns.header(name, table) or safe_text(name)


class Written(NamedTuple):
    """A table as it is written: what its headers and cells say, and how its numbers look."""

    name: str
    headers: list[str]
    rows: list[tuple[Value, ...]]
    formats: list[str]


def as_written(name: str, table: pd.DataFrame) -> Written:
    """Write a table with the Chinese headers of its columns and cells that are safe to open."""
    names = [str(column) for column in table.columns]
    cells = [
        [_cell(own, value) for value in table[column].tolist()]
        for own, column in zip(names, table.columns, strict=True)
    ]
    return Written(
        name,
        [_header(own, name) for own in names],
        list(zip(*cells, strict=True)),
        [columns.number_format(own) for own in names],
    )


def _csv_text(table: Written) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(table.headers)
    writer.writerows(table.rows)
    return buffer.getvalue()


def workbook_of(
    notes: Sequence[tuple[str, str]], tables: Sequence[Written], charts: Sequence[Chart] = ()
) -> bytes:
    """Make a workbook: notes, charts, tables; the 用途 of the notes is on every printed page."""
    front = [[safe_text(name), safe_text(text)] for name, text in notes]
    sheets = [Sheet("说明", ["项目", "内容"], front, ["", ""], wrapped=1)]
    sheets += [Sheet(each.name, each.headers, each.rows, each.formats) for each in tables]
    return workbook_bytes(sheets, charts, footer=dict(notes).get("用途", ""))
