"""Compare results with the baseline: one tidy table, and one sentence per scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..coverage.inequality import percent_text
from ..coverage.standards import Standard
from ..geodata.errors import InputError, Problem
from ..geodata.layers import KIND_NAMES, Kind
from .changes import count_actions
from .run import Result

GOOD_SHARE = 0.9
"""A county counts as well served from this share of its residents on (a display choice, 假设)."""

HEADERS = {
    "scenario": "方案代号",
    "title": "方案",
    "kind": "图层代号",
    "layer": "图层",
    "limit": "时限(秒)或距离(米)",
    "limit_text": "时限或距离",
    "main": "主要一档",
    "residents": "居民",
    "served": "覆盖居民",
    "share": "覆盖比例",
    "gained": "新覆盖",
    "lost": "失去覆盖",
    "worst_county": "最弱的县",
    "worst_share": "最弱的县覆盖比例",
    "counties_good": "达标的县",
    "counties": "县数",
    "opened": "新增站点",
    "closed": "撤销站点",
    "moved": "迁移站点",
    "actions": "改动数",
    "per_site": "平均每处新覆盖",
}
"""Columns of the comparison and their Chinese headers."""

COLUMNS = list(HEADERS)


def compare(results: Sequence[Result], *, good_share: float = GOOD_SHARE) -> pd.DataFrame:
    """Compare results with the first of them, the baseline.

    Parameters
    ----------
    results
        All of the same residents.
    good_share
        Counties with at least this share of their residents served are counted in ``counties_good``.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``, one row per scenario, kind and limit: residents of the province and those served; gained
        and lost, those newly served and no longer served, counted cell by cell (gained less lost is the
        difference of served); the county with the lowest share; the actions, counted (no cost is known);
        per_site, residents gained per opened site (NaN where none is).

    Raises
    ------
    InputError
        There is no result, or the results are of different residents.
    """
    if not results:
        raise InputError(Problem("方案对比", "没有可比较的结果"))
    base = results[0]
    for result in results[1:]:
        if not np.array_equal(result.residents, base.residents):
            raise InputError(Problem(f"方案 {result.title}", "与基准的居民数据不同, 不能比较"))
    rows = [row for result in results for row in _rows(base, result, good_share)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(base: Result, result: Result, good_share: float) -> list[dict[str, Any]]:
    rows = []
    actions = count_actions(base.layers, result.layers)
    for kind, cover in result.covers.items():
        for column, limit in enumerate(cover.standard.limits):
            units = result.units[(result.units["kind"] == kind) & (result.units["limit"] == limit)]
            province = units[units["level"] == "省"].iloc[0]
            counties = units[units["level"] == "县"].dropna(subset=["share"])
            gained, lost = _gained_lost(base, result, kind, column)
            opened = actions[kind]["opened"]
            worst = counties.sort_values(["share", "code"]).iloc[0] if len(counties) else None
            rows.append(
                {
                    "scenario": result.name,
                    "title": result.title,
                    "kind": kind,
                    "layer": KIND_NAMES[kind],
                    "limit": limit,
                    "limit_text": cover.standard.limit_text(limit),
                    "main": limit == cover.standard.main,
                    "residents": int(province["residents"]),
                    "served": int(province["served"]),
                    "share": float(province["share"]),
                    "gained": gained,
                    "lost": lost,
                    "worst_county": "" if worst is None or worst["share"] >= 1 else str(worst["name"]),
                    "worst_share": float("nan") if worst is None else float(worst["share"]),
                    "counties_good": int((counties["share"] >= good_share).sum()),
                    "counties": len(counties),
                    **actions[kind],
                    "actions": sum(actions[kind].values()),
                    "per_site": gained / opened if opened else float("nan"),
                }
            )
    return rows


def _gained_lost(base: Result, result: Result, kind: Kind, column: int) -> tuple[int, int]:
    """Count residents newly served and no longer served, cell by cell, in keeping with the tables."""
    change = result.residents * (result.covers[kind].share[:, column] - base.covers[kind].share[:, column])
    difference = _served(result, kind, column) - _served(base, kind, column)
    if not (change < 0).any():
        return difference, 0
    if not (change > 0).any():
        return 0, -difference
    # Fractions of residents are rounded once more here; the difference of the tables decides.
    lost = int(np.rint(-change[change < 0].sum()))
    return max(0, difference + lost), max(lost, -difference)


def _served(result: Result, kind: Kind, column: int) -> int:
    limit = result.covers[kind].standard.limits[column]
    units = result.units
    province = (units["kind"] == kind) & (units["limit"] == limit) & (units["level"] == "省")
    return int(units.loc[province, "served"].iloc[0])


def headlines(results: Sequence[Result]) -> tuple[str, ...]:
    """Write one sentence per result: the baseline's cover, then what each scenario changes."""
    table = compare(results)
    main = table[table["main"]]
    first = results[0]
    return tuple(_headline(main[main["scenario"] == result.name], first, result) for result in results)


def _headline(rows: pd.DataFrame, base: Result, result: Result) -> str:
    parts = []
    for row in rows.to_dict("records"):
        kind: Kind = row["kind"]
        standard = result.covers[kind].standard
        now = f"{row['layer']}{_limit_text(standard)}覆盖 {percent_text(row['share'])}"
        if result is base:
            parts.append(now)
        elif row["actions"]:
            lost = f"、减少 {_people(row['lost'])}" if row["lost"] else ""
            shares = f"{percent_text(_share(base, kind, standard.main))} → {percent_text(row['share'])}"
            people = f"(增加 {_people(row['gained'])}{lost})"
            parts.append(f"{row['layer']} {_actions(row)}, {_limit_text(standard)}覆盖 {shares} {people}")
    if result is base:
        return f"{result.title}: " + ", ".join(parts) + "。"
    return f"{result.title}: " + ("; ".join(parts) if parts else "站点没有变化") + "。"


def _actions(row: Mapping[Any, Any]) -> str:
    words = (("opened", "新增"), ("closed", "撤销"), ("moved", "迁移"))
    return "、".join(f"{word} {row[name]:,} 处" for name, word in words if row[name])


def _limit_text(standard: Standard) -> str:
    text = standard.limit_text(standard.main)
    return f"{text}车程" if standard.mode == "drive" else f"步行{text}"


def _share(result: Result, kind: Kind, limit: float) -> float:
    units = result.units
    row = units[(units["kind"] == kind) & (units["limit"] == limit) & (units["level"] == "省")]
    return float(row["share"].iloc[0])


def _people(count: int) -> str:
    """Say a number of residents: 12.3 万人 from ten thousand on."""
    return f"{count / 10_000:,.1f} 万人" if count >= 10_000 else f"{count:,} 人"
