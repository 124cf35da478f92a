"""What `boai scenario front` answers: all plans of new sites that no other beats, as plain rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES
from ..geodata.registry import check_kind
from .answers import rows_of
from .assessments import labels_of, notes_of
from .outputs import check_folder
from .planning import Wanted, ask_of
from .workspace import Progress, load_world, open_workspace

if TYPE_CHECKING:
    import pandas as pd

    from ..scenarios.fronts import FrontResult
    from ..scenarios.world import World

WORKBOOK = "前沿.xlsx"

MOST = 1000
"""New sites of a front at most."""

AGAINST = {"cost": "费用与覆盖", "equity": "覆盖与公平"}

HEADERS = {
    "number": "新增(处)",
    "cost": "费用",
    "residents": "覆盖居民",
    "share": "覆盖比例",
    "more": "比上一行多覆盖",
    "lowest_unit": "覆盖最低的单位",
    "lowest_share": "最低覆盖比例",
    "gini": "基尼系数",
    "added": "新设站点",
    "given_up": "撤去站点",
    "status": "证明",
    "supported": "加权求和可得",
}

GIVEN = {
    "title": "方案", "number": "新增(处)", "residents": "覆盖居民", "better": "同样数量可多覆盖",
    "fewer": "同样覆盖可少设(处)",
}  # fmt: skip

_SHARES = ("share", "lowest_share")


def front(
    root: Path,
    wanted: Wanted,
    *,
    against: str = "cost",
    most: int = 30,
    price: float | None = None,
    unit: str = "万元",
    by: str = "county",
    scenarios: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """List every plan of new sites that no other plan beats, in cost and cover or in cover and equity.

    Parameters
    ----------
    wanted
        Layer, limit, candidates, quotas, spacing, relocations, time limit (some 300 s are advised), ``out``;
        for ``equity`` the number of new sites.
    against
        ``cost`` or ``equity``.
    most
        New sites at most (``cost``).
    price, unit
        Of one new site, as the office states it; without it no cost is written.
    by
        ``county`` or ``city``: whose worst share counts (``equity``).
    scenarios
        Scenarios to hold against the front of cost.

    Returns
    -------
    dict
        title, labels, headers, rows, shown (rows as a screen shows them), given_headers, given, complete,
        missing (intervals in which plans may be missing), sentences, files.
    """
    from ..scenarios.costs import Costs  # noqa: PLC0415 (pandas is slow to import)
    from ..scenarios.fronts import front as find  # noqa: PLC0415

    say = progress or (lambda _: None)
    kind = check_kind(wanted.kind)
    problems = [*_wrong(against, most, price, by)]
    if against == "equity" and (scenarios or price is not None):
        problems.append(Problem("命令", "覆盖与公平的前沿不用 --price 和 --compare"))
    if problems:
        raise InputError(problems)
    if wanted.out is not None:
        check_folder(wanted.out)
    world = load_world(open_workspace(root))
    ask = ask_of(replace(wanted, model="mclp"), world.standards[kind])
    given, notes = _layers(root, kind, scenarios, say) if scenarios else (None, [])
    found = find(
        world,
        ask if against == "equity" else replace(ask, number=None),
        against="equity" if against == "equity" else "cost",
        costs=None if price is None else Costs.model_validate({"unit": unit, "open": {kind: price}}),
        most=most,
        by="city" if by == "city" else "county",
        given=given,
        say=say,
    )
    return _answer(world, wanted, kind, found, notes)


def _wrong(against: str, most: int, price: float | None, by: str) -> Iterator[Problem]:
    """List what cannot be asked."""
    if against not in AGAINST:
        yield Problem("--against", "应为 cost (费用与覆盖) 或 equity (覆盖与公平)", against[:30])
    if by not in ("county", "city"):
        yield Problem("--by", "应为 county (县区) 或 city (设区市)", by[:30])
    if not 0 <= most <= MOST:
        yield Problem("--most", f"应在 0 到 {MOST:,} 之间", str(most))
    if price is not None and not 0 <= price <= 1e12:
        yield Problem("--price", "应是不小于 0 的数", str(price))


def _layers(
    root: Path, kind: str, scenarios: Sequence[str], say: Progress
) -> tuple[Mapping[str, Any], list[str]]:
    """Give the sites of a layer by scenarios' titles, and what is left of these in a comparison."""
    from .scenarios import results_of, sources  # noqa: PLC0415 (pandas is slow to import)

    chosen = sources(root, scenarios)
    results = results_of(root, chosen, progress=say)  # the baseline is always the first
    layers, notes = {}, []
    for result in results if "baseline" in chosen else results[1:]:
        title = result.title if result.title not in layers else f"{result.title} ({result.name})"
        layers[title] = result.layers[check_kind(kind)]
        if len(result.given_up) or (len(result.done) and (result.done["action"] != "open").any()):
            told = "这里只比较它的站点, 按现状的道路和居民计; 处数是新增减去撤销和停用"
            notes.append(f"{title}: 除新设站点外还有别的改动, {told}。")
    return layers, notes


def _answer(
    world: World, wanted: Wanted, kind: str, found: FrontResult, notes: Sequence[str]
) -> dict[str, Any]:
    checked = check_kind(kind)
    labels, limit = labels_of(world, checked), found.board.standard.limit_text(found.board.limit)
    title = f"{KIND_NAMES[checked]}: {AGAINST[found.against]}的前沿, {limit}以内算覆盖"
    sentences = [*found.sentences, *notes, *notes_of(world, checked)]
    sentences += [found.board.note] if found.board.note else []
    rows = rows_of(found.table)
    missing = [{name: getattr(one, name) for name in one.__dataclass_fields__} for one in found.front.missing]
    answer: dict[str, Any] = {
        "title": title,
        "labels": labels,
        "headers": {name: text for name, text in HEADERS.items() if _says(found.table, name)},
        "rows": rows,
        "shown": [shown(row) for row in rows],
        "given_headers": GIVEN,
        "given": rows_of(found.given),
        "complete": found.front.complete,
        "missing": missing,
        "sentences": sentences,
        "files": [],
    }
    if wanted.out is not None:
        tables = {"前沿": (found.table, HEADERS), "对照方案": (found.given, GIVEN)}
        answer["files"] = save(wanted.out / WORKBOOK, answer, tables)
    return answer


def _says(table: pd.DataFrame, name: str) -> bool:
    """Tell whether a column is there and says anything."""
    return name in table.columns and bool((table[name].notna() & (table[name].astype(str) != "")).any())


def shown(row: Mapping[str, Any], shares: Sequence[str] = _SHARES) -> dict[str, Any]:
    """Write a row for a screen: shares as per cent, numbers whole, yes and no.

    Examples
    --------
    >>> shown({"share": 0.1234, "residents": 12.0, "supported": True, "more": None})
    {'share': '12.34 %', 'residents': '12', 'supported': '是', 'more': ''}
    """
    told: dict[str, Any] = {}
    for name, value in row.items():
        if value is None:
            told[name] = ""
        elif isinstance(value, bool):
            told[name] = "是" if value else "否"
        elif isinstance(value, (int, float)) and name in shares:
            told[name] = f"{100 * value:.2f} %"
        elif isinstance(value, (int, float)):
            told[name] = f"{value:.3f}" if name == "gini" else f"{value:,.10g}"
        else:
            told[name] = value
    return told


def save(
    path: Path, answer: Mapping[str, Any], tables: Mapping[str, tuple[pd.DataFrame, Mapping[str, str]]]
) -> list[str]:
    """Write tables with Chinese headers as a workbook and CSV files into a new folder.

    Parameters
    ----------
    path
        Of the workbook.
    answer
        Its title, sentences and labels are the sheet in front.
    """
    from ..maps.tables import save_tables  # noqa: PLC0415 (slow to import)

    title, sentences, labels = answer["title"], answer["sentences"], answer["labels"]
    mark = "、".join(labels)
    notes = [("标题", title), *(("说明", text) for text in sentences), *([("标注", mark)] if mark else [])]
    ready = {}
    for name, (table, headers) in tables.items():
        kept = [column for column in headers if column in table.columns]
        if len(table):
            told = table[kept].rename(columns=dict(headers))
            ready[name] = told.assign(标注=mark) if mark else told
    return [str(path) for path in save_tables(notes, ready, path.parent, path.name)]
