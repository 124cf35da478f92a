"""Changes of layers: resolved together, applied in order, the world untouched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tinyworld
from boai.geodata.errors import InputError
from boai.geodata.layers import COLUMNS, EXAMPLE, Layer
from boai.scenarios.changes import append_sites, apply_changes, count_actions, next_ids
from boai.scenarios.world import World
from hypothesis import given, settings
from hypothesis import strategies as st


def apply(world: World, *lines: str) -> dict[str, Layer]:
    text = "changes:\n" + "".join(f"  - {line}\n" for line in lines)
    return apply_changes(world, tinyworld.scenario(text).changes)


def said(world: World, *lines: str) -> list[str]:
    with pytest.raises(InputError) as error:
        apply(world, *lines)
    return [str(problem) for problem in error.value.problems]


OPEN = "open: {kind: warehouse, name: 新仓库, lon: 115.31, lat: 28.02, level: 县级, year: 2025}"


def test_an_opened_site_has_a_county_an_id_and_no_stock() -> None:
    world = tinyworld.drive_world([0])
    layer = apply(world, OPEN)["warehouse"]
    row = layer.table.iloc[-1]
    assert list(layer.table.columns) == list(COLUMNS)
    assert (row["id"], row["name"], row["level"], row["year"]) == (
        "warehouse-open-01",
        "新仓库",
        "县级",
        2025,
    )
    assert (row["county"], row["county_code"], row["city"]) == ("丙县", "360201", "西市")
    assert (row["status"], row["stock"], row["phone"]) == ("规划", "", "") and np.isnan(row["readiness_min"])
    assert layer.label == EXAMPLE
    pd.testing.assert_frame_equal(layer.table.iloc[:1], world.layers["warehouse"].table[list(COLUMNS)])


def test_untouched_layers_are_the_worlds_own() -> None:
    world = tinyworld.drive_world([0], [5])
    layers = apply(world, OPEN)
    assert layers["team"] is world.layers["team"]
    assert len(world.layers["warehouse"].table) == 1


def test_no_change_is_no_change() -> None:
    world = tinyworld.drive_world([0], [5])
    layers = apply_changes(world, ())
    assert all(layers[kind] is world.layers[kind] for kind in world.layers)


def test_open_then_close_equals_nothing() -> None:
    world = tinyworld.drive_world([0])
    layers = apply(world, OPEN.replace("name", "id: neu, name"), "close: {kind: warehouse, id: neu}")
    assert layers["warehouse"] is world.layers["warehouse"]


def test_close_and_move() -> None:
    world = tinyworld.drive_world([0, 3, 12])
    table = apply(
        world,
        "close: {kind: warehouse, id: warehouse-1}",
        "move: {kind: warehouse, id: warehouse-2, lon: 115.3, lat: 28.3}",
    )["warehouse"].table
    assert table["id"].tolist() == ["warehouse-0", "warehouse-2"]
    moved = table.iloc[1]
    assert (moved["lon"], moved["lat"], moved["county"], moved["name"]) == (115.3, 28.3, "丁县", "站2")
    assert table.index.tolist() == [0, 1]


def test_an_opened_site_can_be_moved() -> None:
    world = tinyworld.drive_world()
    move = "move: {kind: warehouse, id: warehouse-open-01, lon: 115.0, lat: 28.3}"
    table = apply(world, OPEN, move)["warehouse"].table
    assert table[["lon", "lat", "county", "name"]].to_numpy().tolist() == [[115.0, 28.3, "乙县", "新仓库"]]


def test_all_problems_are_told_together() -> None:
    world = tinyworld.drive_world([0, 3])
    assert said(
        world,
        "close: {kind: warehouse, id: warehouse-9}",
        "open: {kind: team, name: 远方, year: 2025, lon: 120.0, lat: 30.0}",
        "close: {kind: warehouse, id: warehouse-0}",
        "move: {kind: warehouse, id: warehouse-0, lon: 115.0, lat: 28.0}",
        "move: {kind: warehouse, id: warehouse-1, lon: 73.0, lat: 28.0}",
        "open: {kind: warehouse, id: warehouse-1, name: 同号, year: 2025, lon: 115.0, lat: 28.0}",
        "close: {kind: team, id: 不存在}",
        "close: {kind: aed, id: aed-1}",
    ) == [
        "changes 第1项.close: 备灾仓库图层里没有这个编号, 得到 warehouse-9; 是否指 warehouse-1?",
        "changes 第2项.open: 位置不在省内, 得到 120,30; 请检查经纬度 (WGS84), 是否写反",
        "changes 第4项.move: 同一个站点只能改动一次, 得到 warehouse-0; 请删去其中一项改动",
        "changes 第5项.move: 位置不在省内, 得到 73,28; 请检查经纬度 (WGS84), 是否写反",
        "changes 第6项.open: 编号已被占用, 得到 warehouse-1; 请换一个编号, 或不写 id",
        "changes 第7项.close: 救援队图层里没有这个编号, 得到 不存在; 可用 boai layers show team 查编号",
        "changes 第8项.close: 工作区没有这个图层, 得到 AED",
    ]


def test_a_closed_id_is_not_used_again() -> None:
    world = tinyworld.drive_world([0])
    close = "close: {kind: warehouse, id: warehouse-0}"
    assert "编号已被占用" in said(world, close, OPEN.replace("name", "id: warehouse-0, name"))[0]


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(4)))
def test_the_order_of_changes_of_different_sites_does_not_matter(order: list[int]) -> None:
    world = tinyworld.drive_world([0, 3, 12], [5])
    lines = [
        "close: {kind: warehouse, id: warehouse-1}",
        "move: {kind: warehouse, id: warehouse-2, lon: 115.1, lat: 28.1}",
        "close: {kind: team, id: team-0}",
        OPEN,
    ]
    layers = apply(world, *(lines[i] for i in order))
    for kind, layer in apply(world, *lines).items():
        pd.testing.assert_frame_equal(layers[kind].table, layer.table)


def test_ids_skip_those_taken() -> None:
    assert next_ids("a", 3, {"a-01", "a-03"}) == ["a-02", "a-04", "a-05"]
    assert next_ids("a", 0, ()) == []
    assert next_ids("a", 100, ())[-1] == "a-100"


def test_appending_nothing_and_to_nothing() -> None:
    world = tinyworld.drive_world([0])
    assert append_sites(world.layers["warehouse"], pd.DataFrame()) is world.layers["warehouse"]
    layer = append_sites(world.layers["team"], pd.DataFrame({"id": ["t"], "lon": [115.0], "year": [2025]}))
    assert layer.table["year"].dtype == np.float64 and layer.table.loc[0, "stock"] == ""


def test_actions_are_counted() -> None:
    world = tinyworld.drive_world([0, 3, 12], [5])
    layers = apply(
        world,
        "close: {kind: warehouse, id: warehouse-1}",
        "move: {kind: warehouse, id: warehouse-2, lon: 115.1, lat: 28.1}",
        OPEN,
        OPEN,
    )
    counts = count_actions(world.layers, layers)
    assert counts["warehouse"] == {"opened": 2, "closed": 1, "moved": 1}
    assert counts["team"] == {"opened": 0, "closed": 0, "moved": 0}
