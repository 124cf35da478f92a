"""The numbers of the charts: one table each, from the tables of the results and the curves of `coverage`.

Columns have the names of the results' tables; `in_chinese` gives them their headers. ``title`` is the name of
a scenario, once for each result: two of the same title carry their names, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.curves import residents_by_cost
from ..coverage.inequality import Curve, gini_of, lorenz, thinned
from ..geodata.layers import KIND_NAMES, Kind
from ..scenarios.bills import total
from ..scenarios.ledger.targets import TOTAL
from . import words

if TYPE_CHECKING:
    from ..scenarios.run import Result
    from ..scenarios.world import World

Variable = Literal["cover", "cost"]
"""What a Lorenz curve is drawn of: the covered share of the counties, or the way to the nearest site."""

HEADERS = {
    "title": "方案", "year": "年份", "rank": "次序", "name": "名称", "city": "设区市", "county": "县区",
    "sites": "站点总数", "gain": "新增覆盖居民", "cumulative": "累计新增覆盖", "share_after": "全省覆盖比例",
    "cost_min": "路程(分)", "cost_m": "路程(米)", "residents": "居民", "served": "覆盖居民",
    "share": "覆盖比例", "people_share": "居民累计占比", "value_share": "数值累计占比", "gini": "基尼系数",
    "code": "代码", "change": "比现状增减(百分点)", "resource": "资源", "planned": "计划",
    "planned_max": "计划上限", "unit": "单位", "reading": "读法", "built": "已建成", "reached": "方案达到",
    "left": "还差", "light": "灯", "state": "状态", "kind": "图层", "actions": "计价的项数",
    "cost": "费用", "unpriced": "未给价格的项数",
}  # fmt: skip
"""Chinese headers of the columns."""


def in_chinese(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table its Chinese headers."""
    return table.rename(columns=HEADERS)


def titles(results: Sequence[Result]) -> list[str]:
    """Name each result by its title, and by its name as well where two have the same title.

    Examples
    --------
    >>> from types import SimpleNamespace as Made
    >>> titles([Made(title="现状", name="a"), Made(title="计划", name="b"), Made(title="计划", name="c")])
    ['现状', '计划 (b)', '计划 (c)']
    """
    shown = [words.one_line(result.title, longest=60) or words.one_line(result.name) for result in results]
    count = Counter(shown)
    return [
        f"{title} ({words.one_line(result.name)})" if count[title] > 1 else title
        for title, result in zip(shown, results, strict=True)
    ]


def bases(results: Sequence[Result], kind: Kind) -> pd.DataFrame:
    """List the new sites of each scenario in their order, and what is covered with each.

    Returns
    -------
    pd.DataFrame
        title, rank (0: before the first), year, name, city, county, sites (with those that were there), gain,
        cumulative, share_after: the columns of ``Result.added``. Scenarios without new sites are left out.
        The row of rank 0 is the state that ``cumulative`` counts from: today's, with the scenario's other
        changes.
    """
    tables = []
    for title, result in zip(titles(results), results, strict=True):
        own = result.added[result.added["kind"] == kind].sort_values("rank")
        if kind not in result.covers or own.empty:
            continue
        before = len(result.layers[kind].table) - len(own)
        chosen = own[["rank", "year", "name", "city", "county", "gain", "cumulative", "share_after"]]
        start = {"rank": 0, "gain": 0, "cumulative": 0, "share_after": _share_before(result, kind, own)}
        rows = pd.concat([pd.DataFrame([start]), chosen], ignore_index=True)
        rows[["name", "city", "county"]] = rows[["name", "city", "county"]].fillna("").astype(str)
        tables.append(rows.assign(title=title, sites=before + rows["rank"]))
    columns = [
        "title",
        "rank",
        "year",
        "name",
        "city",
        "county",
        "sites",
        "gain",
        "cumulative",
        "share_after",
    ]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _share_before(result: Result, kind: Kind, own: pd.DataFrame) -> float:
    """Share of the province before the first new site, from the first share and its whole residents."""
    row = words.province_row(result, kind, result.covers[kind].standard.main)
    people = max(float(row["residents"]), 1.0)
    first = own.iloc[0]
    return max(0.0, float(first["share_after"]) - float(first["cumulative"]) / people)


def minutes(world: World, results: Sequence[Result], kind: Kind) -> pd.DataFrame:
    """Count the residents within each minute of their nearest site; on foot within the limits alone.

    Returns
    -------
    pd.DataFrame
        title, cost_min (drive: 0, 1, … up to the minute within which all that reach a site do, the same for
        all scenarios) or cost_m (walk: the limits), residents (whole), share (of all residents, also those
        who reach no site; NaN without residents).
    """
    shown = [
        (title, each) for title, each in zip(titles(results), results, strict=True) if kind in each.covers
    ]
    who = [words.residents_of(world, result).residents for _, result in shown]
    covers = [result.covers[kind] for _, result in shown]
    curves = [residents_by_cost(*pair) for pair in zip(who, covers, strict=True)]
    name, scale = ("cost_min", 60.0) if covers and covers[0].standard.mode == "drive" else ("cost_m", 1.0)
    if name == "cost_min":
        longest = max(curves, key=lambda curve: len(curve.cost)).cost
        curves = [residents_by_cost(*pair, costs=longest) for pair in zip(who, covers, strict=True)]
    tables = [
        pd.DataFrame(
            {
                "title": title,
                name: curve.cost / scale,
                "residents": _whole(curve.residents),
                "share": curve.share,
            }
        )
        for (title, _), curve in zip(shown, curves, strict=True)
    ]
    return (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=["title", name, "residents", "share"])
    )


def _whole(residents: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(residents).astype(np.int64)


def lorenz_curve(world: World, result: Result, kind: Kind, variable: Variable) -> Curve:
    """Draw the Lorenz curve of a result as `equity` does: of the counties' cover, or of each resident's way.

    ``cover``: the share of each county within the main limit, weighted by its residents. ``cost``: the cost
    to the nearest site, of the residents who reach any.
    """
    cover = result.covers[kind]
    if variable == "cost":
        who = words.residents_of(world, result).residents
        reached = np.isfinite(cover.cost)
        return lorenz(cover.cost[reached], who[reached])
    rows = words.unit_rows(result, kind, "县", cover.standard.main)
    return lorenz(rows["share"].fillna(0.0).to_numpy(float), rows["residents"].to_numpy(float))


def lorenz_rows(
    world: World, results: Sequence[Result], kind: Kind, *, variable: Variable = "cover"
) -> pd.DataFrame:
    """List the points of the Lorenz curves and their Gini coefficients.

    Returns
    -------
    pd.DataFrame
        title, people_share, value_share (`inequality.thinned`), gini (of the whole curve). A scenario that
        covers nobody has one row without numbers.
    """
    tables = []
    for title, result in zip(titles(results), results, strict=True):
        if kind not in result.covers:
            continue
        curve = lorenz_curve(world, result, kind, variable)
        points = thinned(curve)
        blank = [np.nan] if not len(points.people) else []
        shares = {"people_share": [*points.people, *blank], "value_share": [*points.value, *blank]}
        tables.append(pd.DataFrame({"title": title, **shares, "gini": gini_of(curve)}))
    columns = ["title", "people_share", "value_share", "gini"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def cities(results: Sequence[Result], kind: Kind) -> pd.DataFrame:
    """List the covered share of the province and of each city under every result.

    Scenarios with another main limit than the baseline's are compared at the baseline's, and left out where
    they do not have it: two limits are never compared.

    Returns
    -------
    pd.DataFrame
        title, code, name, residents, served, share (NaN without residents), change (percentage points
        against the first result); the province first, then the cities by code, for each result in turn.
    """
    tables: list[pd.DataFrame] = []
    for title, result in zip(titles(results), results, strict=True):
        if kind not in result.covers or kind not in results[0].covers:
            continue
        main = results[0].covers[kind].standard.main
        levels = [words.unit_rows(result, kind, level, main) for level in ("省", "市")]
        rows = pd.concat(levels, ignore_index=True)
        if rows.empty:
            continue
        rows = rows[["code", "name", "residents", "served", "share"]].assign(title=title)
        first = tables[0] if tables else rows
        before = first.set_index("code")["share"].reindex(rows["code"]).to_numpy(float)
        tables.append(rows.assign(change=(rows["share"].to_numpy(float) - before) * 100))
    columns = ["title", "code", "name", "residents", "served", "share", "change"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def progress(result: Result) -> pd.DataFrame:
    """List where a result stands against each target: its total, or its only year, in every reading.

    Returns
    -------
    pd.DataFrame
        resource, name, year, reading, planned, planned_max, unit, built, reached, left, light, state: the
        columns of ``Result.targets``, in the ledger's order.
    """
    columns = [
        "resource", "name", "year", "reading", "planned", "planned_max", "unit", "built", "reached", "left",
        "light", "state",
    ]  # fmt: skip
    table = result.targets
    if table.empty:
        return pd.DataFrame(columns=columns)
    own = table.groupby(["id", "reading"], sort=False, dropna=False)["year"]
    kept = table["year"].eq(TOTAL) | own.transform("size").eq(1)
    return table.loc[kept, columns].reset_index(drop=True)


def costs(results: Sequence[Result]) -> pd.DataFrame:
    """Add up what each scenario costs by layer, where prices are stated.

    Returns
    -------
    pd.DataFrame
        title, kind (Chinese, "" for what belongs to no layer), actions (to be paid for and priced), cost (of
        those), unpriced, unit. Nothing for scenarios without a single stated price: a price that nobody
        stated is never taken as 0.
    """
    rows: list[Mapping[str, Any]] = []
    for title, result in zip(titles(results), results, strict=True):
        actions = result.costs
        if actions.empty or not np.isfinite(actions["cost"].to_numpy(float)).any():
            continue
        for kind in dict.fromkeys(actions["kind"].astype(str)):
            own = actions[actions["kind"].astype(str) == kind]
            bill = total(own)
            known = int(np.isfinite(own["cost"].to_numpy(float)).sum())
            if known or bill.unpriced:
                name = KIND_NAMES.get(kind, "")  # type: ignore[call-overload]
                rows.append(
                    {
                        "title": title,
                        "kind": name,
                        "actions": known,
                        "cost": bill.cost,
                        "unpriced": bill.unpriced,
                        "unit": bill.unit,
                    }
                )
    return pd.DataFrame(rows, columns=["title", "kind", "actions", "cost", "unpriced", "unit"])
