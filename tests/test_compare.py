"""Comparison with the baseline: gains and losses cell by cell, actions counted, sentences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from boai.geodata.errors import InputError
from boai.scenarios.compare import COLUMNS, compare, headlines
from boai.scenarios.run import Result, run
from tinyworld import drive_world, scenario, walk_world

SWAP = """changes:
  - close: {kind: warehouse, id: warehouse-0}
  - open: {kind: warehouse, name: 新, year: 2025, lon: 115.3, lat: 28.3}
"""


def pair(text: str, **stores: list[int]) -> tuple[Result, Result]:
    world = drive_world(**stores)
    base = run(world, scenario(name="baseline", title="现状"))
    return base, run(world, scenario(text), reuse=base)


def test_gains_and_losses_are_counted_cell_by_cell() -> None:
    """The store leaves the south-west corner (nodes 0, 1, 4) for the north-east one (15, 14, 11)."""
    table = compare(pair(SWAP, warehouses=[0], teams=[5]))
    row = table[(table["scenario"] == "test") & (table["kind"] == "warehouse") & table["main"]].iloc[0]
    assert (row["gained"], row["lost"]) == (2**15 + 2**14 + 2**11, 2**0 + 2**1 + 2**4)
    assert (row["opened"], row["closed"], row["moved"], row["actions"]) == (1, 1, 0, 2)
    assert row["per_site"] == 2**15 + 2**14 + 2**11
    assert row["served"] == row["gained"] and row["share"] == row["served"] / (2**16 - 1)
    # Nodes 15, 14 and 11 lie in 丁县; the other counties are not served, and the first by code is named.
    assert (row["worst_county"], row["worst_share"]) == ("甲县", 0.0)
    assert (row["counties_good"], row["counties"]) == (1, 4)


def test_the_table_is_tidy() -> None:
    results = pair(SWAP, warehouses=[0], teams=[5])
    table = compare(results)
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 2 * 3 and not table.duplicated(["scenario", "kind", "limit"]).any()
    base = table[table["scenario"] == "baseline"]
    assert not base[["gained", "lost", "actions"]].to_numpy().any() and base["per_site"].isna().all()
    for result in results:
        for row in table[table["scenario"] == result.name].to_dict("records"):
            before = base[(base["kind"] == row["kind"]) & (base["limit"] == row["limit"])]["served"].iloc[0]
            assert row["gained"] - row["lost"] == row["served"] - before


def test_the_share_of_good_counties_can_be_chosen() -> None:
    results = pair(SWAP, warehouses=[0], teams=[5])
    assert compare(results, good_share=0.0)["counties_good"].eq(4).all()
    assert compare(results, good_share=1.01)["counties_good"].eq(0).all()


def test_sites_on_foot_keep_with_the_tables() -> None:
    world = walk_world([3, 7], [9])
    base = run(world, scenario(name="baseline", title="现状"))
    text = """changes: [{close: {kind: aed, id: aed-0}}]
siting: [{kind: aed, year: 2025, number: 3}]
"""
    table = compare([base, run(world, scenario(text)), run(world, scenario(text.splitlines()[0]))])
    before = table[table["scenario"] == "baseline"].set_index(["kind", "limit"])["served"]
    for row in table.to_dict("records"):
        assert row["gained"] >= 0 and row["lost"] >= 0
        assert row["gained"] - row["lost"] == row["served"] - before[row["kind"], row["limit"]]
    closed = table[(table["title"] == "测试") & (table["kind"] == "aed") & (table["opened"] == 0)]
    assert (closed["gained"] == 0).all() and (closed["lost"] > 0).all()


def test_a_moved_site_is_one_action() -> None:
    move = "changes: [{move: {kind: warehouse, id: warehouse-0, lon: 115.3, lat: 28.3}}]"
    table = compare(pair(move, warehouses=[0], teams=[5]))
    row = table[(table["scenario"] == "test") & (table["kind"] == "warehouse") & table["main"]].iloc[0]
    assert (row["opened"], row["closed"], row["moved"], row["actions"]) == (0, 0, 1, 1)
    assert (row["gained"], row["lost"]) == (2**15 + 2**14 + 2**11, 2**0 + 2**1 + 2**4)
    assert np.isnan(row["per_site"])


def test_headlines() -> None:
    assert headlines(pair(SWAP, warehouses=[0], teams=[5])) == (
        "现状: 备灾仓库10分钟车程覆盖 不到0.1%, 救援队10分钟车程覆盖 1.0%。",
        "测试: 备灾仓库 新增 1 处、撤销 1 处, 10分钟车程覆盖 不到0.1% → 78.1% (增加 5.1 万人、减少 19 人)。",
    )
    assert headlines(pair("", warehouses=[0], teams=[5]))[1] == "测试: 站点没有变化。"


def test_results_of_other_residents_are_refused() -> None:
    base, other = pair(SWAP, warehouses=[0], teams=[5])
    with pytest.raises(InputError, match="方案 测试: 与基准的居民数据不同"):
        compare([base, replace(other, residents=other.residents + 1)])
    with pytest.raises(InputError, match="没有可比较的结果"):
        compare([])
