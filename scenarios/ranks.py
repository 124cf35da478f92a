"""The chosen sites in their order: what each adds, what all so far add, and what that costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .counts import actions_of
from .run import Result

HEADERS = {
    "scenario": "方案代码",
    "title": "方案",
    "kind": "图层",
    "rank": "次序",
    "year": "年份",
    "id": "编号",
    "name": "名称",
    "city": "设区市",
    "county": "县区",
    "level": "级别",
    "gain": "新增覆盖居民",
    "cumulative": "累计新增覆盖",
    "share_after": "建成后全省比例",
    "sole": "只靠它的居民",
    "cost": "费用",
    "cumulative_cost": "累计费用",
    "cost_unit": "费用单位",
    "gain_per_cost": "每单位费用新增覆盖",
}
"""Columns of the ranks and their Chinese headers."""

COST_COLUMNS = ("cost", "cumulative_cost", "cost_unit", "gain_per_cost")


def ranks(result: Result, *, costs: bool = True) -> pd.DataFrame:
    """List the new sites of a result by layer, in the order in which they are opened.

    Returns
    -------
    pd.DataFrame
        One row per new site: scenario, title, kind, rank (within the layer), year, id, name, city, county,
        level; gain, residents within the main limit beyond all sites before; cumulative; share_after of the
        province; sole, residents who depend on it alone (only where the result tells). With ``costs`` also
        cost of the opening (NaN where nobody stated one), cumulative_cost (NaN from the first site without a
        price on), cost_unit, gain_per_cost (residents per unit of cost; NaN where the cost is 0 or unknown).
    """
    table = result.added.assign(scenario=result.name, title=result.title)
    names = [name for name in HEADERS if name in table.columns]
    if not costs:
        return table[names].reset_index(drop=True)
    actions = actions_of(result)
    opened = actions[actions["action"] == "open"].drop_duplicates(["kind", "id"])
    bills = opened[["kind", "id", "cost", "unit"]].rename(columns={"unit": "cost_unit"})
    priced = table[names].merge(bills, on=["kind", "id"], how="left")
    cost = priced["cost"].astype(float)
    # One unknown price makes every sum after it unknown.
    summed = cost.groupby(priced["kind"]).transform(lambda own: own.cumsum(skipna=False))
    per = priced["gain"] / cost.where(cost > 0, np.nan)
    found = priced.assign(cost=cost, cumulative_cost=summed, gain_per_cost=per)
    return found[[name for name in HEADERS if name in found.columns]]
