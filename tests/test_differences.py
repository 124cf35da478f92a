"""Differences by county and city: gains and losses apart, adding up to the comparison."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest
from boai.geodata.errors import InputError
from boai.scenarios.compare import compare
from boai.scenarios.differences import COLUMNS, changed, differences
from boai.scenarios.run import Result, run
from boai.scenarios.world import World
from tinyworld import drive_world, scenario, walk_world

SWAP = """changes:
  - close: {kind: warehouse, id: warehouse-0}
  - open: {kind: warehouse, name: 新, year: 2025, lon: 115.3, lat: 28.3}
"""
GROW = "  - grow: {unit: 甲县, percent: 100}\n  - grow: {unit: 丁县, percent: -50}\n"
WALK = """changes: [{close: {kind: aed, id: aed-0}}, {grow: {unit: 甲县, percent: 13}}]
siting: [{kind: aed, year: 2025, number: 3}]
"""


@cache
def made(walk: bool) -> tuple[World, list[Result]]:
    world = walk_world([3, 7], [9]) if walk else drive_world([0], [5])
    texts = (WALK, "changes: [{close: {kind: home, id: home-0}}]") if walk else (SWAP, SWAP + GROW)
    base = run(world, scenario(name="baseline", title="现状"))
    return world, [
        base,
        *(run(world, scenario(t, name=n, title=n)) for n, t in zip("ab", texts, strict=True)),
    ]


def test_gains_and_losses_by_county() -> None:
    """The store leaves 甲县 (nodes 0, 1, 4) for 丁县 (15, 14, 11)."""
    world, results = made(False)
    table = differences(results, world.demand)
    assert list(table.columns) == COLUMNS
    own = table[(table["scenario"] == "a") & (table["kind"] == "warehouse")]
    assert own["name"].tolist() == ["丁县", "乙县", "丙县", "甲县"]
    first, last = own.iloc[0], own.iloc[-1]
    gone, come = 2**0 + 2**1 + 2**4, 2**15 + 2**14 + 2**11
    assert (first["gained"], first["lost"], first["change"], first["actions"]) == (come, 0, come, 1)
    assert (last["gained"], last["lost"], last["change"], last["actions"]) == (0, gone, -gone, 1)
    assert last["points"] == pytest.approx(-100 * gone / (2**0 + 2**1 + 2**4 + 2**5))
    assert not own.iloc[1:3][["gained", "lost", "growth", "actions"]].to_numpy().any()


def test_growth_is_shown_where_it_happens() -> None:
    world, results = made(False)
    table = differences(results, world.demand)
    own = table[(table["scenario"] == "b") & (table["kind"] == "team")].set_index("name")
    there = 2**1 + 2**4 + 2**5  # of 甲县, which the team at node 5 reaches
    assert own.loc["甲县", ["gained", "lost", "growth"]].tolist() == [0, 0, there]
    stores = table[(table["scenario"] == "b") & (table["kind"] == "warehouse")].set_index("name")
    assert stores.loc["丁县", ["gained", "lost", "growth"]].tolist() == [2**14 + 2**13 + 2**10, 0, 0]
    assert stores.loc["甲县", ["gained", "lost", "growth"]].tolist() == [0, 2 * 19, 19]


@pytest.mark.parametrize("walk", [False, True], ids=["drive", "walk"])
def test_units_add_up_to_the_comparison(walk: bool) -> None:
    world, results = made(walk)
    comparison = compare(results)
    main = comparison[comparison["main"]].set_index(["scenario", "kind"])
    sums = {
        by: differences(results, world.demand, by=by)
        .groupby(["scenario", "kind"])[["gained", "lost", "growth", "change", "residents", "served"]]
        .sum()
        for by in ("县", "市", "省")
    }
    for table in sums.values():
        pd.testing.assert_frame_equal(table, sums["省"])
        for key, row in table.iterrows():
            assert row[["gained", "lost", "growth", "served"]].tolist() == (
                main.loc[key, ["gained", "lost", "growth", "served"]].tolist()
            )
    table = differences(results, world.demand)
    away = (table["change"] - (table["served"] - table["served_before"])).abs()
    assert away.max() <= (2 if walk else 0)


def test_units_where_nothing_changes_are_left_out() -> None:
    world, results = made(False)
    table = differences(results, world.demand)
    short = changed(table)
    assert 0 < len(short) < len(table)
    assert short["change"].abs().sum() == table["change"].abs().sum()


def test_what_cannot_be_compared_is_refused() -> None:
    world, results = made(False)
    with pytest.raises(InputError, match="应为 省、市、县 之一"):
        differences(results, world.demand, by="乡镇")
    assert list(differences(results[:1], world.demand).columns) == COLUMNS
