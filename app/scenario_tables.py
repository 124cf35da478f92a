"""Tables of a scenario's result for a screen: in the words of the workbook, no column that says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..geodata.layers import shown_kinds
from ..maps import columns
from ..scenarios.compare import compare
from ..scenarios.costs import PRICED
from ..scenarios.counts import actions_of
from ..scenarios.ranks import ranks
from ..scenarios.run import Result
from .answers import rows_of


def tables_of(results: Sequence[Result], *, costs: bool) -> list[dict[str, Any]]:
    """Make the tables of the last of some results, the baseline first; some may have no rows."""
    result = results[-1]
    whole = compare(results, costs=costs)
    main = whole[whole["main"] & (whole["scenario"] == result.name)]
    main = main[main["kind"].isin(shown_kinds(each.layers for each in results))]
    plans = pd.DataFrame(result.plans).rename(columns={"status": "solver"})
    asked = "kind years rule planning p opened closed counts objective bound gap solver stopped note"
    sites = "kind rank year name city gain cumulative cost"
    cover = "kind limit_text share points gained lost per_site worst_county worst_share"
    bill = (
        [_table("费用", "费用", _bill(result), "action kind sites price cost unit source")] if costs else []
    )
    return [
        _table("覆盖", "方案对比", main, cover),
        _table("改动", "改动", result.done, "number action kind name county detail"),
        _table("新站点", "选址排序", ranks(result, costs=costs), sites),
        _table("撤销的现有站点", "行动", result.given_up, "kind year name city county"),
        _table("选址求解", "选址求解", plans, asked),
        _table("各年次序", "各年次序", result.schedules, "kind year order opened covered bound chosen"),
        *bill,
    ]


def _bill(result: Result) -> pd.DataFrame:
    """Sum the actions that are paid for up: one row per action, layer, price and source of the price."""
    actions = actions_of(result)
    paid = actions[actions["action"].isin(PRICED)]
    groups = paid.groupby(["action", "kind", "price", "unit", "source"], sort=False, dropna=False)
    summed = groups.agg(sites=("sites", "sum"), cost=("cost", lambda own: own.sum(min_count=1)))
    return summed.reset_index()


def _table(title: str, sheet: str, table: pd.DataFrame, names: str) -> dict[str, Any]:
    """Write a table for a screen: the columns that say anything, in the words of the workbook."""
    said = [name for name in names.split() if name in table.columns]
    wanted = [name for name in said if not (table[name].isna() | (table[name] == "")).all()]
    rows = rows_of(table)
    shown = [{name: columns.shown(name, row[name]) for name in wanted} for row in rows]
    headers = {name: columns.header(name, sheet) or name for name in wanted}
    return {"title": title, "headers": headers, "shown": shown, "rows": rows}
