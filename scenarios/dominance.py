"""Dominated scenarios: another one is at least as good in every criterion and better in one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.standards import Standard
from ..geodata.layers import KIND_NAMES, shown_kinds
from . import sides
from .cache import hash_of
from .compare import check_comparable
from .costs import PRICED
from .counts import ROADS
from .run import Result

CRITERIA = {
    "served": "覆盖居民",
    "worst": "最弱的县覆盖比例",
    "second": "失去最近一处后仍覆盖的比例",
    "cost": "费用",
}
"""What scenarios are judged by: the first three of every layer within its main limit, second when driving."""

HEADERS = {
    "scenario": "方案代码",
    "title": "方案",
    "dominated": "是否被支配",
    "by": "被哪些方案支配",
    "text": "说明",
    **{f"{kind}_served": f"{name}覆盖居民" for kind, name in KIND_NAMES.items()},
    **{f"{kind}_worst": f"{name}最弱的县覆盖比例" for kind, name in KIND_NAMES.items()},
    **{f"{kind}_second": f"{name}失去最近一处后仍覆盖的比例" for kind, name in KIND_NAMES.items()},
    "cost": "费用",
    "actions": "改动站点合计",
}
"""Columns of the dominance and their Chinese headers; the criteria stand last."""

_MOST_NAMES = 5


class Criterion(NamedTuple):
    """A figure by which scenarios are judged."""

    name: str
    """Column of `dominance`."""
    more: bool
    """Whether more is better."""


def dominance(
    results: Sequence[Result], criteria: Sequence[str] = tuple(CRITERIA), *, costs: bool = True
) -> pd.DataFrame:
    """Mark the scenarios that no one needs to choose: another is nowhere worse, and better somewhere.

    Scenarios are compared only among those with the same residents, roads, main limits and detours: who
    serves more residents after growth, or fewer on flooded roads, is neither better nor worse. Nor are those
    that change capacities or opening hours compared with others: no criterion sees what that is good for.

    Parameters
    ----------
    results
        The baseline first; it takes part.
    criteria
        Of ``CRITERIA``. served, worst, second: of every layer. cost: of the whole scenario where all that are
        compared have a price for every action, in one unit, else the number of sites that actions touch.
    costs
        False takes the number of actions in any case.

    Returns
    -------
    pd.DataFrame
        One row per result, in their order: scenario, title, dominated, by (titles, Chinese), text (Chinese:
        by what, or with what it was not compared), then a column per criterion (cost or actions is NaN where
        the other counts).

    Raises
    ------
    InputError
        The results cannot be compared.
    ValueError
        A criterion is not known.
    """
    if not criteria or set(criteria) - CRITERIA.keys():
        raise ValueError(f"criteria must be some of {', '.join(CRITERIA)}")
    check_comparable(results)
    figures = _figures(results)
    groups = comparable(results)
    rows: list[dict[str, object]] = [{} for _ in results]
    for members in dict.fromkeys(groups):
        own = [i for i, each in enumerate(groups) if each == members]
        part, chosen = figures.iloc[own], _criteria(figures.iloc[own], criteria, costs=costs)
        better = dominates(part[[each.name for each in chosen]].to_numpy(float), chosen)
        for place, i in enumerate(own):
            by = sorted(str(results[own[j]].title) for j in np.flatnonzero(better[:, place]))
            text = apart_text(groups, i)
            alone = f"其余方案中 {text}" if text else ""
            rows[i] = {
                "scenario": results[i].name,
                "title": results[i].title,
                "dominated": bool(by),
                "by": names_text(by),
                "text": "; ".join(text for text in (_text(by, len(own)), alone) if text),
                **{each.name: part.iloc[place][each.name] for each in chosen},
            }
    table = pd.DataFrame(rows)
    return table[[name for name in HEADERS if name in table.columns]]


def dominates(values: NDArray[np.float64], criteria: Sequence[Criterion]) -> NDArray[np.bool_]:
    """Tell which of n rows dominates which: (n, n), from row to column; what is missing (NaN) equals all.

    Examples
    --------
    >>> values = np.array([[10.0, 5.0], [10.0, 7.0], [12.0, 9.0]])
    >>> dominates(values, [Criterion("served", True), Criterion("cost", False)])[0].tolist()
    [False, True, False]
    """
    signed = values * np.where([each.more for each in criteria], 1.0, -1.0)
    less = signed[:, None, :] < signed[None, :, :]
    more = signed[:, None, :] > signed[None, :, :]
    return np.asarray(~less.any(axis=2) & more.any(axis=2))


def _figures(results: Sequence[Result]) -> pd.DataFrame:
    """Collect all that criteria may ask, a row per result."""
    kinds, rows = shown_kinds(result.layers for result in results), []
    for side in (sides.read(result) for result in results):
        bill = side.bills[""]
        shown = [kind for kind in kinds if kind in side.result.covers]
        actions = sum(side.sites.get((kind, action), 0) for kind in shown for action in PRICED)
        row = {"cost": bill.whole, "unit": bill.unit if bill.cost else "", "actions": actions}
        for kind in shown:
            at = side.at[kind, side.result.covers[kind].standard.main]
            row[f"{kind}_served"] = at.served
            row[f"{kind}_worst"] = float(at.shares.min()) if len(at.shares) else np.nan
            if side.result.covers[kind].standard.mode == "drive":
                row[f"{kind}_second"] = side.second.get(kind, np.nan)
        rows.append(row)
    return pd.DataFrame(rows)


def _criteria(figures: pd.DataFrame, criteria: Sequence[str], *, costs: bool) -> list[Criterion]:
    """Choose the columns that decide."""
    found = [
        Criterion(f"{kind}_{name}", True)
        for name in ("served", "worst", "second")
        if name in criteria
        for kind in KIND_NAMES
        if f"{kind}_{name}" in figures.columns
    ]
    if "cost" not in criteria:
        return found
    one_unit = len(set(figures["unit"]) - {""}) <= 1
    priced = costs and one_unit and bool(figures["cost"].notna().all())
    return [*found, Criterion("cost" if priced else "actions", False)]


_PARTS = ("居民", "道路条件", "容量或开放时间 (其效果不在这些指标内)", "主要时限、绕行系数或图层")
_BESIDE = ("resize", "retime")


def comparable(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Name what makes results comparable, in the order of ``_PARTS``."""
    return [
        (
            hash_of(np.asarray(result.residents)),
            _written(result, ROADS),
            _written(result, _BESIDE),
            json.dumps({kind: _measured_by(cover.standard) for kind, cover in sorted(result.covers.items())}),
        )
        for result in results
    ]


def _measured_by(standard: Standard) -> list[object]:
    """List what of a standard decides who counts as served."""
    return [standard.mode, standard.main, standard.detour, standard.access_kmh]


def _written(result: Result, names: Sequence[str]) -> str:
    """Write the changes of some kinds, in their order."""
    changes = result.provenance["scenario"]["changes"]
    own = [{name: each[name] for name in names if each.get(name)} for each in changes]
    return json.dumps([each for each in own if each], sort_keys=True, ensure_ascii=False)


def apart_text(groups: Sequence[tuple[str, ...]], own: int = 0) -> str:
    """Say in what the scenarios that one is not compared with differ from it; empty where there are none."""
    others = [each for each in groups if each != groups[own]]
    if not others:
        return ""
    why = [part for i, part in enumerate(_PARTS) if any(each[i] != groups[own][i] for each in others)]
    return f"{len(others)} 个的{'、'.join(why)}不同, 未作比较"


def _text(by: Sequence[str], compared: int) -> str:
    if by:
        return f"各项都不优于{names_text(by)}, 且至少一项较差"
    return "没有方案在各项上都不比它差" if compared > 1 else ""


def names_text(by: Sequence[str]) -> str:
    """List titles, a few of many: 「甲」、「乙」."""
    more = f" 等 {len(by)} 个方案" if len(by) > _MOST_NAMES else ""
    return "、".join(f"「{name}」" for name in by[:_MOST_NAMES]) + more
