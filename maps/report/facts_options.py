"""Tables of a report on the options: what each adds, what its bases add one by one, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...geodata.layers import Kind
from ...scenarios.bills import total
from ...scenarios.compare import compare
from ...scenarios.counts import actions_of, circumstances
from ...scenarios.dominance import comparable, dominance
from .. import words

if TYPE_CHECKING:
    from ...scenarios.run import Result
    from ...scenarios.world import World

MOST = 0.8
"""Share of the new cover that the first sites are counted for (a choice of the report)."""
FADING = 0.1
"""A site that brings less than this share of the best one no longer pays (a choice of the report)."""

APART = "居民、道路、时限或开放情况与现状不同"

_GAINS = ["total", "count", "first", "last", "last_share", "eighty", "fading", "idle"]


def comparison(world: World, results: Sequence[Result], kinds: Sequence[Kind]) -> pd.DataFrame:
    """Compare all results with the first (`compare`), with their places (column option).

    The names of the results are their places, as text.
    """
    table = compare(results, world=world)
    table = table[table["kind"].isin(kinds)]
    return table.assign(option=table["scenario"].astype(np.int64))


def options_table(table: pd.DataFrame, results: Sequence[Result]) -> pd.DataFrame:
    """Hold each scenario against the baseline, a row for each layer, within the scenario's main limit."""
    before = table[table["option"] == 0].set_index(["kind", "limit"])
    rows = table[table["main"] & (table["option"] > 0)].reset_index(drop=True)
    key = pd.MultiIndex.from_frame(rows[["kind", "limit"]])
    old = {"served_before": "served", "share_before": "share", "second_before": "second_share"}
    for name, own in old.items():
        rows[name] = before[own].reindex(key).to_numpy()
    within = [
        words.within(results[at].covers[kind].standard)
        for at, kind in zip(rows["option"], rows["kind"], strict=True)
    ]
    touched = rows[["actions", "out_of_service", "gained", "lost", "growth"]].fillna(1).ne(0).any(axis=1)
    second = 100 * (rows["second_share"] - rows["second_before"])
    return rows.assign(within=within, touched=touched, second_points=second)[_OPTIONS]


WAYS = ["opened", "closed", "moved", "resized", "retimed"]
"""Columns that count what a scenario does to sites; actions is their sum."""

_OPTIONS = [
    "option", "title", "kind", "within", *WAYS, "actions", "out_of_service", "residents", "served_before",
    "served", "share_before", "share", "points", "gained", "lost", "growth", "per_site", "second_before",
    "second_share", "second_points", "worst_county", "worst_share", "open_share", "open_points", "touched",
]  # fmt: skip


def overview_table(results: Sequence[Result], options: pd.DataFrame) -> pd.DataFrame:
    """Sum up each result in a row: what it changes, whether another beats it, what is proven and priced."""
    worse, groups = dominance(results), comparable(results)
    sums = options.groupby("option")[[*WAYS, "actions", "out_of_service"]].sum()
    rows = []
    for at, result in enumerate(results):
        actions = actions_of(result)
        bill, found = total(actions), [plan for plan in result.plans if plan["status"] != "infeasible"]
        open_ = [float(plan["gap"]) for plan in found if plan["status"] != "optimal"]
        paid = actions["source"].isin(("该项写明", "价目表")) if len(actions) else pd.Series(dtype=bool)
        rows.append(
            {
                "option": at,
                "title": result.title,
                **{name: int(sums[name].get(at, 0)) for name in sums.columns},
                **circumstances(result),
                "dominated": bool(worse["dominated"].iloc[at]),
                "by": worse["by"].iloc[at],
                "apart": "" if groups[at] == groups[0] else APART,
                "plans": len(found),
                "proven": len(found) - len(open_),
                "worst_gap": max((gap for gap in open_ if np.isfinite(gap)), default=np.nan),
                "priced": int(paid.sum()),
                "all_unpriced": bill.unpriced,
                "all_cost": bill.cost if paid.any() else np.nan,
                "cost_unit": bill.unit if paid.any() else "",
            }
        )
    return pd.DataFrame(rows)


def added_table(results: Sequence[Result], kinds: Sequence[Kind]) -> pd.DataFrame:
    """List the new sites in their order, with what each brings beyond all before it."""
    names = ["kind", "year", "rank", "name", "city", "county", "level", "gain", "cumulative", "share_after"]
    tables = [
        result.added[result.added["kind"].isin(kinds)][names].assign(option=at, title=result.title)
        for at, result in enumerate(results)
        if len(result.added)
    ]
    order = ["option", "title", *names]
    return pd.concat(tables, ignore_index=True)[order] if tables else pd.DataFrame(columns=order)


def gains_table(added: pd.DataFrame) -> pd.DataFrame:
    """Say for each scenario and layer how what the new sites bring falls from site to site."""
    keys = ["option", "title", "kind"]
    rows = [
        dict(zip(keys, key, strict=True)) | _gains(own["gain"].to_numpy(np.float64))
        for key, own in added.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows, columns=[*keys, *_GAINS])


def _gains(gain: np.ndarray[Any, Any]) -> dict[str, Any]:
    best, whole = float(gain.max()), float(gain.sum())
    strong = np.flatnonzero(gain >= FADING * best)
    after = int(strong[-1]) + 2  # the number of the first site after the last strong one
    return {
        "total": int(whole),
        "count": len(gain),
        "first": int(best),
        "last": int(gain[-1]),
        "last_share": gain[-1] / best if best else np.nan,
        "eighty": int(np.searchsorted(np.cumsum(gain), MOST * whole)) + 1 if whole else np.nan,
        "fading": after if best and after <= len(gain) else np.nan,
        "idle": int((gain <= 0).sum()),
    }


def trades_table(options: pd.DataFrame, overview: pd.DataFrame) -> pd.DataFrame:
    """Weigh scenarios against each other, layer by layer: what more sites bring more.

    Those that nobody beats and that can be compared with the baseline, in the order of their new sites; each
    with the next that covers more.
    """
    fair = overview[(overview["apart"] == "") & ~overview["dominated"]]["option"]
    names = ["kind", "less", "more", "more_sites", "more_served", "more_each"]
    rows: list[dict[str, Any]] = []
    own = options[options["option"].isin(fair) & (options["closed"] + options["moved"] == 0)]
    own = own[own["opened"] > 0]  # what a scenario adds to nothing stands in the table of options
    for kind, group in own.groupby("kind", sort=False):
        last = None
        for each in group.sort_values(["opened", "served"], kind="stable").to_dict("records"):
            if last is not None and each["opened"] > last["opened"] and each["served"] > last["served"]:
                sites, people = each["opened"] - last["opened"], each["served"] - last["served"]
                told = (kind, last["title"], each["title"], sites, people, people / sites)
                rows.append(dict(zip(names, told, strict=True)))
            if last is None or each["served"] > last["served"]:
                last = each
    return pd.DataFrame(rows, columns=names)


def costs_table(table: pd.DataFrame) -> pd.DataFrame:
    """Say what each scenario costs by layer, as far as prices are stated; ``table`` is a `comparison`."""
    rows = table[table["main"] & (table["actions"] > 0) & table["cost"].notna()]
    names = ["option", "title", "kind", "actions", "gained", "cost", "unpriced", "cost_unit"]
    return rows[names].assign(per_10k=rows["cost_per_10k"]).reset_index(drop=True)
