"""The bill of a scenario: one row per action, with its price where an office stated one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from .costs import PRICED, Costs

if TYPE_CHECKING:
    from .phases import Placed
    from .world import World

COLUMNS = [
    "number", "action", "kind", "id", "name", "county_code", "county", "city", "year", "level", "sites",
    "price", "unit", "source", "cost", "detail",
]  # fmt: skip
"""Columns of the table of actions."""

PRICES = ("price", "unit", "source", "cost")
"""Those of them that tell what an action costs."""

STATED, LISTED, UNKNOWN, NONE = "该项写明", "价目表", "未给价格", "情景条件, 不计价"
"""Where a price comes from."""

_TEXT = ("action", "kind", "id", "name", "county_code", "county", "city", "level", "detail")


class Total(NamedTuple):
    """What some actions cost together."""

    cost: float
    """Sum of the known prices; 0 where nothing is to be paid for, NaN where no price is known."""
    unpriced: int
    """Actions to be paid for whose price nobody stated."""
    unit: str

    @property
    def whole(self) -> float:
        """The cost where every action has its price, else NaN: a part of a cost compares with nothing."""
        return float("nan") if self.unpriced else self.cost


def action_table(
    before: World, after: World, done: pd.DataFrame, placed: Placed, costs: Costs
) -> pd.DataFrame:
    """List what a scenario does, and what each action costs where an office stated it.

    A site that the scenario opens and closes again is no action, and what else is done to a site of its own
    is part of opening it, but for what states a cost of its own.

    Parameters
    ----------
    before, after
        The world of today and the one with the changes that are written, before any siting.
    done
        The changes as they were resolved (`changes.Resolved`).
    placed
        The new sites of the siting requests, and existing ones that give way to them.
    costs
        Prices; a ``cost`` at the change or request itself goes before them. At a change it is that of the
        whole change, at a request that of each new site.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``, one row per action: written changes in file order, then sited ones. number is that of
        the change, 0 for sited ones; action is open, close, move, resize, retime, block, slow, flood or
        grow; sites that it touches; price of one site by the list; unit; source of the price in Chinese;
        cost of the action, NaN where nobody stated one: never 0 in its place.
    """
    written = _own_sites_once(done.assign(level=_levels(before, after, done)) if len(done) else done)
    parts = [written, placed.sites.assign(action="open"), placed.given_up.assign(action="close")]
    table = pd.concat(
        [_columns(part) for part in parts if len(part)] or [_columns(written)], ignore_index=True
    )
    keys = zip(*(table[name].tolist() for name in ("action", "kind", "level")), strict=True)
    found = [costs.price(*key) for key in keys]
    listed = np.array([np.nan if each is None else each for each in found], np.float64)
    stated = table["cost"].to_numpy(float)
    paid = table["action"].isin(PRICED).to_numpy()
    known = [stated == stated, listed == listed, paid]  # noqa: PLR0124 (not NaN)
    return table.assign(
        price=np.where(known[0], np.nan, listed),
        unit=costs.unit,
        source=np.select(known, [STATED, LISTED, UNKNOWN], NONE),
        cost=np.where(known[0], stated, listed * table["sites"]),
    )[COLUMNS]


def total(actions: pd.DataFrame) -> Total:
    """Add up what actions cost.

    Examples
    --------
    >>> actions = pd.DataFrame({"action": ["open", "close"], "cost": [80.0, np.nan], "unit": "万元"})
    >>> total(actions)
    Total(cost=80.0, unpriced=1, unit='万元')
    >>> total(actions[:0]).cost, total(actions[1:]).cost, total(actions).whole
    (0.0, nan, nan)
    """
    cost = actions["cost"].to_numpy(float)
    known = np.isfinite(cost)
    unpriced = int((actions["action"].isin(PRICED).to_numpy() & ~known).sum())
    amount = float("nan") if unpriced and not known.any() else float(cost[known].sum())
    return Total(amount, unpriced, str(actions["unit"].iloc[0]) if len(actions) else "")


def _columns(part: pd.DataFrame) -> pd.DataFrame:
    """Give a table the columns of the actions, each of its type."""
    text = {name: _text(part, name) for name in _TEXT}
    numbers = {name: part.get(name, pd.Series(np.nan, part.index)).astype(float) for name in ("year", "cost")}
    whole = {
        name: part.get(name, pd.Series(blank, part.index)).fillna(blank).astype(np.int64)
        for name, blank in (("number", 0), ("sites", 1))
    }
    return pd.DataFrame(text | numbers | whole, index=part.index)


def _text(part: pd.DataFrame, name: str) -> pd.Series[str]:
    column = part[name].astype(object) if name in part.columns else pd.Series("", part.index, object)
    return column.where(column.notna(), "").astype(str)


def _levels(before: World, after: World, done: pd.DataFrame) -> list[str]:
    """Find the level of the site of each change: as it is today, or as the scenario opens it."""
    known: dict[tuple[str, str], str] = {}
    for world in (after, before):
        for kind in set(done["kind"]) & set(world.layers):
            table = world.layers[kind].table
            known |= {
                (kind, identity): level for identity, level in zip(table["id"], table["level"], strict=True)
            }
    return [known.get(key, "") for key in zip(done["kind"], done["id"], strict=True)]


def _own_sites_once(done: pd.DataFrame) -> pd.DataFrame:
    """Leave one action for each site that the scenario itself opens, and none where it closes it again."""
    if done.empty:
        return done
    site = pd.MultiIndex.from_frame(done[["kind", "id"]])
    opens, closes = done["action"] == "open", done["action"] == "close"
    own = site.isin(site[opens])
    gone = own & site.isin(site[closes])
    return done[~gone & (opens | ~own | done["cost"].notna())]
