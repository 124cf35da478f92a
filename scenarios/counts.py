"""What a result does, counted: its actions by layer and kind, and the sites that a flood takes out."""

from __future__ import annotations

import pandas as pd

from .bills import COLUMNS
from .costs import PRICED
from .run import Result

COUNTS = {
    "open": "opened",
    "close": "closed",
    "move": "moved",
    "resize": "resized",
    "retime": "retimed",
}
"""Column that counts the sites of an action."""

WORDS = {
    "open": "新增",
    "close": "撤销",
    "move": "迁移",
    "resize": "扩缩容",
    "retime": "调整开放时间",
    "block": "封闭道路",
    "slow": "道路减速",
    "flood": "受淹",
    "grow": "居民增减",
}
"""Chinese words of the actions."""

ROADS = ("block", "slow", "flood")
"""Actions on roads: circumstances, not decisions."""


def actions_of(result: Result) -> pd.DataFrame:
    """Return the actions of a result, the columns ``bills.COLUMNS`` also where there is none."""
    table: pd.DataFrame | None = getattr(result, "costs", None)
    return pd.DataFrame(columns=COLUMNS) if table is None or table.columns.empty else table


def once_a_site(actions: pd.DataFrame) -> pd.DataFrame:
    """Leave one row for each site and kind of action: capacity and stock may be changed one by one."""
    again = actions.duplicated(["kind", "action", "id"]) & (actions["id"] != "")
    kept: pd.DataFrame = actions[~again]
    return kept


def circumstances(result: Result) -> dict[str, int]:
    """Count the changes of roads and of residents: roads (also floods), grown."""
    action = actions_of(result)["action"]
    return {"roads": int(action.isin(ROADS).sum()), "grown": int((action == "grow").sum())}


def by_word(result: Result) -> str:
    """Say the circumstances of a result: 封闭道路 1 项、受淹 1 项; empty where there are none."""
    action = actions_of(result)["action"]
    counts = ((word, int((action == each).sum())) for each, word in WORDS.items() if each not in PRICED)
    return "、".join(f"{word} {many} 项" for word, many in counts if many)
