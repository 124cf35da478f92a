"""Tables of a report on today: who is reached by layer, city and county, and where the gaps are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import words

if TYPE_CHECKING:
    from ...geodata.layers import Kind
    from ...scenarios.run import Result
    from ...scenarios.world import World

MOST_GAPS = 30
"""Gaps of each layer and result that the workbook lists; the rest is counted."""

UNITS = [
    "option", "title", "kind", "level", "code", "name", "city", "limit_text", "residents", "served", "share",
]  # fmt: skip


def reach_table(world: World, result: Result, kinds: Sequence[Kind]) -> pd.DataFrame:
    """Sum up each layer in a row: who is within the main limit, who is not, and where it is worst."""
    return pd.DataFrame([_reach(world, result, kind) for kind in kinds])


def _reach(world: World, result: Result, kind: Kind) -> dict[str, Any]:
    standard = result.covers[kind].standard
    row = words.province_row(result, kind, standard.main)
    residents, served = int(row["residents"]), int(row["served"])
    summary = result.summary[result.summary["kind"] == kind].iloc[0]
    gaps = result.gaps[kind]
    return {
        "kind": kind,
        "within": words.within(standard),
        "sites": len(result.layers[kind].table),
        "residents": residents,
        "served": served,
        "share": float(row["share"]),
        "unserved": residents - served,
        "unserved_share": 1.0 - float(row["share"]),
        "second_share": float(summary["second_share"]),
        "p90_text": str(summary["p90_text"]),
        "gaps": len(gaps),
        "gap_people": int(gaps["residents"].sum()),
        **_worst(result, kind),
        "labels": "、".join(words.labels(world, result, kind)),
    }


def _worst(result: Result, kind: Kind) -> dict[str, Any]:
    """Find the city and the county with the lowest share, the first by code where several have it."""
    found: dict[str, Any] = {}
    limit = result.covers[kind].standard.main
    for level, name in (("市", "worst_city"), ("县", "worst_county")):
        rows = words.unit_rows(result, kind, level, limit)
        rows = rows[rows["residents"] > 0]
        worst = rows[rows["share"] == rows["share"].min()]
        none = worst.empty
        found[name] = "" if none else str(worst["name"].iloc[0])
        found[f"{name}_share"] = np.nan if none else float(worst["share"].iloc[0])
        if level == "县":
            found["worst_alike"] = len(worst)
            found["zero_counties"] = int((rows["served"] == 0).sum())
    return found


def units_table(results: Sequence[Result], kinds: Sequence[Kind], level: str) -> pd.DataFrame:
    """List the cover of the cities (市) or counties (县) within the main limit, result by result."""
    tables = [
        words.unit_rows(result, kind, level, result.covers[kind].standard.main).assign(
            option=number, title=result.title
        )
        for number, result in enumerate(results)
        for kind in kinds
        if kind in result.covers
    ]
    names = UNITS if level == "县" else [name for name in UNITS if name != "city"]
    return pd.concat(tables, ignore_index=True)[names] if tables else pd.DataFrame(columns=names)


def gaps_table(results: Sequence[Result], kinds: Sequence[Kind]) -> pd.DataFrame:
    """List the largest gaps of each layer and result."""
    names = [
        "rank", "name", "city", "county", "residents", "of_county", "nearest_site", "cost_text", "places",
        "lon", "lat",
    ]  # fmt: skip
    tables = [
        result.gaps[kind]
        .rename(columns={"share": "of_county"})
        .head(MOST_GAPS)[names]
        .assign(option=number, title=result.title, kind=kind)
        for number, result in enumerate(results)
        for kind in kinds
        if kind in result.gaps and len(result.gaps[kind])
    ]
    order = ["option", "title", "kind", *names]
    if not tables:
        return pd.DataFrame(columns=order)
    table = pd.concat(tables, ignore_index=True)[order]
    return table.assign(
        name=table["name"].str.replace(" ", "")
    )  # 余干县 金山嘴乡附近: one name in a sentence
