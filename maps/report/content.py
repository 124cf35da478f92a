"""The decision report: two pages for those who decide, and an appendix; all figures from one workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...geodata.layers import Kind, shown_kinds
from ...scenarios.conclusion import conclusion
from ..charts_data import titles
from ..public import Release
from ..tables import notes_of
from ..words import one_line
from . import content_context as chosen
from . import content_tables as made
from . import facts_grounds, facts_options, facts_reach
from .content_charts import LOW, SIZE, bases, cities, minutes
from .content_context import Shown
from .content_map import SIZE as MAP_SIZE
from .content_map import gap_map
from .content_text import blocks_of
from .facts import Book, Row
from .facts_charts import add_charts
from .model import Block, Document, Span
from .trace import TRACE, numbered

if TYPE_CHECKING:
    from ...scenarios.run import Result
    from ...scenarios.sensitivity import Sensitivity
    from ...scenarios.world import World

TITLE = "布局方案决策报告"
_NAMED = 3
"""Scenarios that the subtitle names."""


def document(
    world: World,
    results: Sequence[Result],
    *,
    release: Release | None = None,
    date: str = "",
    title: str = "",
    steadiness: Sequence[tuple[str, Kind, Sensitivity]] = (),
) -> tuple[Document, Book]:
    """Write the report on some results.

    Parameters
    ----------
    world
        The baseline's. For the public, world and results are those of `public.for_public`.
    results
        The baseline first.
    date
        Printed where it is given; there is no clock in a report.
    title
        By default the name of the area and ``TITLE``.
    steadiness
        Analyses of how steady siting is, where they were made: title of the scenario, layer, analysis.

    Returns
    -------
    The document, and the tables that all its figures stand in (`trace.write_workbook`).
    """
    release = release or Release()
    named = enumerate(zip(results, titles(results), strict=True))
    results = [replace(each, title=own, name=str(at)) for at, (each, own) in named]
    kinds = [kind for kind in shown_kinds(each.layers for each in results) if kind in results[0].covers]
    book = _book(world, results, kinds, steadiness, release.note)
    layers = chosen.layers_of(results[0], kinds, book)
    focus = chosen.focus_of(layers, book)
    if focus is not None:
        add_charts(book, world, results, focus.kind)
    context = chosen.context(world, results, layers, focus, book)
    body, first = numbered(_body(world, results, context, book, release.stamp))
    book.add(TRACE, _trace_table(first))
    book.notes = _notes(world, results, context["labels"], release, date)
    report = Document(
        one_line(title) or f"{context['province']}{TITLE}",
        _subtitle(results),
        release.stamp,
        tuple(context["labels"]),
        date,
        [*body, *_appendix(context, book, first)],
        f"博爱 {world.hashes.get('boai', '')} · 结果 {'、'.join(each.key[:8] for each in results[:_NAMED])}",
    )
    return report, book


def _subtitle(results: Sequence[Result]) -> str:
    if len(results) < 2:
        return "现状"
    names = "、".join(f"「{each.title}」" for each in results[1 : _NAMED + 1])
    more = f"等 {len(results) - 1} 个方案" if len(results) > _NAMED + 1 else ""
    return f"现状与{names}{more}"


def _book(
    world: World,
    results: Sequence[Result],
    kinds: Sequence[Kind],
    steadiness: Sequence[tuple[str, Kind, Sensitivity]],
    note: str,
) -> Book:
    """Make all tables."""
    compared = facts_options.comparison(world, results, kinds)
    options = facts_options.options_table(compared, results)
    overview = facts_options.overview_table(results, options)
    added = facts_options.added_table(results, kinds)
    targets = facts_grounds.targets_table(results)
    tables = {
        "概况": facts_reach.reach_table(world, results[0], kinds),
        "缺口": facts_reach.gaps_table(results, kinds),
        "方案总览": overview,
        "方案": options,
        "取舍": facts_options.trades_table(options, overview),
        "逐处收益": facts_options.gains_table(added),
        "新增站点": added,
        "费用": facts_options.costs_table(compared),
        "目标汇总": facts_grounds.target_counts(targets),
        "目标": targets.drop(columns="id"),
        "设区市": facts_reach.units_table(results, kinds, "市"),
        "县区": facts_reach.units_table(results, kinds, "县"),
        "标准": facts_grounds.standards_table(world, results[0], kinds),
        "标准取值": facts_grounds.cited_table(results[0], kinds),
        "选址求解": facts_grounds.proofs_table(results),
        "稳定性": facts_grounds.steadiness_table(steadiness),
        "数据来源": facts_grounds.sources_table(world, results, kinds, note=note),
        "结果编号": facts_grounds.keys_table(results),
    }
    book = Book()
    for name, table in tables.items():
        book.add(name, table)
    return book


def _body(
    world: World, results: Sequence[Result], context: Mapping[str, Any], book: Book, stamp: str
) -> list[Block]:
    """Write the pages for those who decide."""
    layers, focus = context["layers"], context["focus"]
    gaps = chosen.chosen_gaps(layers, focus, book)
    mapped = chosen.own_rows(gaps, focus)
    signs = {row.name.ref: at for at, row in enumerate(mapped, 1)}
    rows, left_out = chosen.chosen_options(layers, len(context["options"]), book)
    blocks: dict[str, list[Block]] = {
        "reach": made.reach([layer.row for layer in layers]),
        "map": _maps(world, results, focus, mapped, stamp) if focus else [],
        "gaps": made.gaps(gaps, signs),
        "options": made.options(rows, left_out),
        "charts": _charts(world, results, focus, book) if focus else [],
    }
    return blocks_of("report.j2", context, blocks)


def _maps(
    world: World, results: Sequence[Result], focus: Shown, gaps: Sequence[Row], stamp: str
) -> list[Block]:
    drawn = [gap_map(world, results[0], focus.kind, gaps, stamp)]
    return [*drawn, *([cities(results, focus.kind, MAP_SIZE)] if len(world.units.cities) > 1 else [])]


def _charts(world: World, results: Sequence[Result], focus: Shown, book: Book) -> list[Block]:
    """Draw what the bases of the layer that is shown add, and the ways to them, where there are any."""
    if len(results) < 2:
        return []
    added = bool(book.rows("新增站点", kind=focus.name))
    size = LOW if chosen.is_crowded(book) else SIZE
    several = focus.is_driven or len(results[0].covers[focus.kind].standard.limits) > 1
    return [
        *([bases(results, focus.kind, size)] if added else []),
        *([minutes(world, results, focus.kind, size)] if several else []),
    ]


def _appendix(context: Mapping[str, Any], book: Book, first: Sequence[Span]) -> list[Block]:
    best = chosen.best_for_targets(book)
    rows = book.rows("目标", option=best.option.value if best else 0)
    blocks: dict[str, list[Block]] = {
        "standards": made.standards(book.rows("标准")),
        "targets": made.targets(rows, str(best.title.value) if best else ""),
        "sources": made.sources(book.rows("数据来源")),
        "trace": made.trace(first),
        "keys": made.keys(book.rows("结果编号")),
    }
    return blocks_of("appendix.j2", context, blocks)


def _trace_table(first: Sequence[Span]) -> pd.DataFrame:
    rows = [
        {"number": one.number, "figure": one.text, "where": one.ref.sheet, "at": one.ref.cell}
        for one in first
        if one.ref is not None
    ]
    return pd.DataFrame(rows, columns=["number", "figure", "where", "at"])


def _notes(
    world: World, results: Sequence[Result], labels: Sequence[str], release: Release, date: str
) -> list[tuple[str, str]]:
    """Rows of the sheet 说明; that of 用途 stands on every printed page."""
    _, *rest = notes_of(world, results)
    told = conclusion(results)
    return [
        ("用途", " · ".join((release.stamp, *labels))),
        *([("日期", date)] if date else []),
        ("内容", f"决策报告里每个数字的出处；“{TRACE}”一表按报告里的小号数排列"),
        *([("公开版", release.note)] if release.note else []),
        *([("结论", told)] if told else []),
        *rest,
    ]
