"""Changes of a world: resolved together, applied in any order, the world untouched."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import gridworld
import numpy as np
import pandas as pd
import pytest
import shapeworld
import tinyworld
from boai.geodata.errors import InputError
from boai.geodata.layers import COLUMNS, EXAMPLE, Layer
from boai.scenarios.changes import DONE, Resolved, append_sites, next_ids, resolve
from boai.scenarios.schema import load_scenario
from boai.scenarios.world import World
from examples import many


def resolved(world: World, *lines: str) -> Resolved:
    return resolve(world, tinyworld.scenario("changes:\n" + "".join(f"  - {line}\n" for line in lines)))


def apply(world: World, *lines: str) -> dict[str, Layer]:
    return dict(resolved(world, *lines).world.layers)


def said(world: World, *lines: str) -> list[str]:
    with pytest.raises(InputError) as error:
        resolved(world, *lines)
    return [str(problem) for problem in error.value.problems]


OPEN = "open: {kind: warehouse, name: 新仓库, lon: 115.31, lat: 28.02, level: 县级, year: 2025}"
CLOSE = "close: {kind: warehouse, id: warehouse-0}"


def test_an_opened_site_has_a_county_an_id_and_no_stock() -> None:
    world = tinyworld.drive_world([0])
    layer = apply(world, OPEN)["warehouse"]
    row = layer.table.iloc[-1]
    assert list(layer.table.columns) == list(COLUMNS)
    assert row[["id", "name", "level", "year"]].tolist() == ["warehouse-open-01", "新仓库", "县级", 2025]
    assert row[["county", "county_code", "city"]].tolist() == ["丙县", "360201", "西市"]
    assert (row["status"], row["stock"], row["phone"]) == ("规划", "", "") and np.isnan(row["readiness_min"])
    assert layer.label == EXAMPLE
    pd.testing.assert_frame_equal(layer.table.iloc[:1], world.layers["warehouse"].table[list(COLUMNS)])


def test_an_opened_site_has_what_is_written() -> None:
    line = (
        "open: {kind: 备灾仓库, name: 甲, lon: 115.3, lat: 28, year: 2025, id: w, hours: 全天, "
        "capacity: 5000, stock: 帐篷 200, readiness_min: 30, cost: 80}"
    )
    made = resolved(tinyworld.drive_world([0]), line)
    row = made.world.layers["warehouse"].table.iloc[-1]
    assert row[["hours", "capacity", "stock", "readiness_min"]].tolist() == [
        "24小时",
        5000.0,
        '{"帐篷": 200}',
        30.0,
    ]
    team = "open: {kind: team, name: 队, lon: 115.3, lat: 28, year: 2025, members: 12}"
    table = apply(tinyworld.drive_world(), team)["team"].table
    assert table["members"].tolist() == [12.0] and table["members"].dtype == np.float64
    done = made.done.iloc[0]
    assert done[["number", "action", "kind", "id", "name", "county", "year", "cost", "sites"]].tolist() == [
        1, "open", "warehouse", "w", "甲", "丙县", 2025.0, 80.0, 1,
    ]  # fmt: skip


def test_without_changes_everything_is_the_worlds_own() -> None:
    world = tinyworld.drive_world([0], [5])
    made = resolve(world, tinyworld.scenario())
    assert made.world is world and made.notes == ()
    assert list(made.done.columns) == DONE and made.done.empty
    assert made.done["number"].dtype == np.int64 and made.done["cost"].dtype == np.float64


def test_untouched_parts_are_the_worlds_own() -> None:
    world = tinyworld.drive_world([0], [5])
    changed = resolved(world, OPEN).world
    assert changed.layers["team"] is world.layers["team"]
    for name in ("network", "demand", "standards", "units", "hashes", "resources"):
        assert getattr(changed, name) is getattr(world, name)
    changed = resolved(world, "grow: {unit: 甲县, percent: 10}").world
    assert changed.layers is world.layers and changed.network is world.network
    changed = resolved(world, "slow: {all: true, speed: 0.5}").world
    assert changed.layers is world.layers and changed.demand is world.demand
    assert len(world.layers["warehouse"].table) == 1


def test_open_then_close_equals_nothing() -> None:
    world = tinyworld.drive_world([0])
    made = resolved(world, OPEN.replace("name", "id: neu, name"), "close: {kind: warehouse, id: neu}")
    assert made.world is world
    assert made.done["action"].tolist() == ["open", "close"]
    assert made.done["detail"].iloc[1] == "撤销 备灾仓库 新仓库 (本方案新设的, 与新设相抵)"
    assert resolved(world, OPEN, "close: {kind: warehouse, id: warehouse-open-01}").world is world


def test_close_and_move() -> None:
    world = tinyworld.drive_world([0, 3, 12])
    made = resolved(
        world,
        "close: {kind: warehouse, id: warehouse-1, cost: 5}",
        "move: {kind: warehouse, id: warehouse-2, lon: 115.3, lat: 28.3}",
    )
    table = made.world.layers["warehouse"].table
    assert table["id"].tolist() == ["warehouse-0", "warehouse-2"]
    moved = table.iloc[1]
    assert (moved["lon"], moved["lat"], moved["county"], moved["name"]) == (115.3, 28.3, "丁县", "站2")
    assert table.index.tolist() == [0, 1]
    assert made.done["detail"].tolist() == ["撤销 备灾仓库 站1", "迁移 备灾仓库 站2: 乙县 → 丁县"]
    assert made.done["county"].tolist() == ["丙县", "丁县"] and made.done["cost"].iloc[0] == 5


def test_what_is_stored_and_does_not_count_is_still_told() -> None:
    world = tinyworld.drive_world([0, 3])
    layer = replace(world.layers["warehouse"], left_out={"停用": 2})
    world = replace(world, layers={**world.layers, "warehouse": layer})
    assert apply(world, CLOSE, OPEN)["warehouse"].left_out == {"停用": 2}


def test_an_opened_site_can_be_moved_and_changed() -> None:
    table = apply(
        tinyworld.drive_world(),
        OPEN,
        "move: {kind: warehouse, id: warehouse-open-01, lon: 115.0, lat: 28.3}",
        "resize: {kind: warehouse, id: warehouse-open-01, capacity: 9}",
        "retime: {kind: warehouse, id: warehouse-open-01, hours: 24小时}",
    )["warehouse"].table
    assert table[["lon", "lat", "county", "name", "capacity", "hours"]].to_numpy().tolist() == [
        [115.0, 28.3, "乙县", "新仓库", 9.0, "24小时"]
    ]


def test_capacity_stock_members_and_hours() -> None:
    world = tinyworld.drive_world([0, 3, 12], [5])
    store = world.layers["warehouse"]
    table = store.table.assign(stock_date="2024-01-01", level=["省级", "县级", "县级"], phone=["1", "2", "3"])
    world = replace(world, layers={**world.layers, "warehouse": replace(store, table=table)})
    made = resolved(
        world,
        "resize: {kind: warehouse, id: warehouse-1, capacity: 8000, stock: '帐篷:10; 棉被:20'}",
        "resize: {kind: team, id: team-0, members: 25}",
        "retime: {kind: warehouse, level: 县级, hours: 周一至周五 8点-17点}",
    )
    found = made.world.layers["warehouse"].table
    assert found["capacity"].tolist()[1] == 8000 and np.isnan(found["capacity"].iloc[0])
    assert found["stock"].tolist() == ["", '{"帐篷": 10, "棉被": 20}', ""]
    assert found["stock_date"].tolist() == ["2024-01-01", "", "2024-01-01"]
    assert found["hours"].tolist() == ["", *["周一至周五 08:00-17:00"] * 2]
    assert made.world.layers["team"].table["members"].tolist() == [25.0]
    assert made.done["sites"].tolist() == [1, 1, 2]
    changed = ["capacity", "stock", "stock_date", "hours"]
    pd.testing.assert_frame_equal(found.drop(columns=changed), table.drop(columns=changed))
    assert (found.dtypes == table.dtypes).all()


def test_hours_of_all_of_a_city_and_of_named_sites() -> None:
    world = tinyworld.drive_world([0, 3, 12, 15])  # 甲, 丙, 乙, 丁
    for line, rows in (
        ("all: true", [0, 1, 2, 3]),
        ("city: 东市", [0, 2]),
        ("county: 丙县", [1]),
        ("county: 丙县, city: 东市", None),
        ("ids: [warehouse-3, warehouse-0, warehouse-3]", [0, 3]),
    ):
        text = f"retime: {{kind: warehouse, {line}, hours: 24小时}}"
        if rows is None:
            assert "没有符合条件的备灾仓库" in said(world, text)[0]
        else:
            table = apply(world, text)["warehouse"].table
            assert np.flatnonzero(table["hours"] == "24小时").tolist() == rows


def test_a_filter_leaves_closed_and_new_sites_alone_wherever_it_stands() -> None:
    world = tinyworld.drive_world([0, 3])
    lines = ["retime: {kind: warehouse, all: true, hours: 24小时}", CLOSE, OPEN]
    tables = [apply(world, *order)["warehouse"].table for order in (lines, lines[::-1])]
    assert tables[0]["hours"].tolist() == ["24小时", ""]
    pd.testing.assert_frame_equal(*tables)


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
        "changes 第4项.move: changes 第3项.close 撤销了这个站点, 不能再改动它, 得到 warehouse-0; "
        "请删去其中一项改动",
        "changes 第5项.move: 位置不在省内, 得到 73,28; 请检查经纬度 (WGS84), 是否写反",
        "changes 第6项.open: 编号已被占用, 得到 warehouse-1; 请换一个编号, 或不写 id",
        "changes 第7项.close: 救援队图层里没有这个编号, 得到 不存在; 可用 boai layers show team 查编号",
        "changes 第8项.close: 工作区没有这个图层, 得到 AED",
    ]


def test_what_cannot_be_read_is_told_with_its_key() -> None:
    assert said(
        tinyworld.drive_world([0], [5]),
        "open: {kind: warehouse, name: a, lon: 115, lat: 28, year: 2025, hours: 随时, stock: 若干, "
        "members: 3}",
        "resize: {kind: team, id: team-0, stock: '帐篷:3'}",
        "retime: {kind: team, id: team-0, hours: 无}",
        "retime: {kind: team, city: 东西, hours: 24小时}",
        "retime: {kind: team, level: 省级, hours: 24小时}",
    ) == [
        "changes 第1项.open.hours: 开放时间无法识别, 得到 随时; 请写成 24小时 或 周一至周五 08:00-17:30; "
        "周六 09:00-12:00; 节假日关闭",
        "changes 第1项.open.stock: 库存里这几项无法识别或重复: 若干, 得到 若干; 请写成 棉被:1200; 帐篷:30",
        "changes 第1项.open.members: 备灾仓库没有人数这一项; 请删去",
        "changes 第2项.resize.stock: 救援队没有库存这一项; 请删去",
        "changes 第3项.retime.hours: 开放时间不能为空, 得到 无",
        "changes 第4项.retime.city: 地名表里没有这个地方, 得到 东西; 是否指 西市、江西省、东市?",
        "changes 第5项.retime: 没有符合条件的救援队; 现有级别: 市级",
    ]


MOVE = "move: {kind: warehouse, id: warehouse-0, lon: 115.1, lat: 28.1}"
TIME = "retime: {kind: warehouse, id: warehouse-0, hours: 24小时}"
SIZE = "resize: {kind: warehouse, id: warehouse-0, capacity: 7}"
STOCK = "resize: {kind: warehouse, id: warehouse-0, stock: 帐篷:1}"


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        (CLOSE, CLOSE, "changes 第1项.close 撤销了这个站点, 不能再改动它"),
        (CLOSE, MOVE, "changes 第1项.close 撤销了这个站点, 不能再改动它"),
        (MOVE, CLOSE, "changes 第1项.move 改动了这个站点的位置, 不能再撤销它"),
        (SIZE, CLOSE, "changes 第1项.resize 改动了这个站点的容量, 不能再撤销它"),
        (MOVE, MOVE, "与 changes 第1项.move 改动了同一个站点的位置, 只能改动一次"),
        (SIZE, SIZE.replace("7", "8"), "与 changes 第1项.resize 改动了同一个站点的容量, 只能改动一次"),
        (TIME, TIME, "与 changes 第1项.retime 改动了同一个站点的开放时间, 只能改动一次"),
        (
            "retime: {kind: warehouse, all: true, hours: 24小时}",
            "retime: {kind: warehouse, level: 县级, hours: 24小时}",
            "与 changes 第1项.retime 改动了同一个站点的开放时间, 只能改动一次",
        ),
    ],
)
def test_two_changes_of_one_thing_are_refused(first: str, second: str, what: str) -> None:
    world = tinyworld.drive_world([0])
    (problem,) = said(world, first, second)
    assert problem.startswith("changes 第2项.") and what in problem and "warehouse-0" in problem


def test_different_things_of_one_site_go_together_in_any_order() -> None:
    world, lines = tinyworld.drive_world([0]), [MOVE, TIME, SIZE, STOCK]
    first = apply(world, *lines)["warehouse"].table
    pd.testing.assert_frame_equal(apply(world, *lines[::-1])["warehouse"].table, first)
    assert first[["lat", "hours", "capacity", "stock"]].to_numpy().tolist() == [
        [28.1, "24小时", 7.0, '{"帐篷": 1}']
    ]


def test_a_site_of_the_scenario_itself_is_changed_after_it_is_opened() -> None:
    world = tinyworld.drive_world()
    opened = OPEN.replace("name", "id: neu, name")
    (problem,) = said(world, "close: {kind: warehouse, id: neu}", opened)
    assert problem == "changes 第1项.close: 这个站点在后面才新设, 得到 neu; 请把新设写在前面"
    (problem,) = said(world, opened, MOVE.replace("warehouse-0", "neu"), "close: {kind: warehouse, id: neu}")
    assert "changes 第2项.move 改动了这个站点的位置, 不能再撤销它" in problem


def test_a_new_site_that_is_refused_is_told_once() -> None:
    opened = OPEN.replace("name", "id: neu, name").replace("115.31", "120")
    (problem,) = said(tinyworld.drive_world(), opened, MOVE.replace("warehouse-0", "neu"))
    assert "位置不在省内" in problem


def test_a_closed_id_is_not_used_again() -> None:
    world = tinyworld.drive_world([0])
    assert "编号已被占用" in said(world, CLOSE, OPEN.replace("name", "id: warehouse-0, name"))[0]


def test_many_conflicts_are_told_in_short() -> None:
    world = tinyworld.drive_world(list(range(16)))
    lines = ["retime: {kind: warehouse, all: true, hours: 24小时}"] * 2
    problems = said(world, *lines)
    assert len(problems) == 6 and "同样的问题还有 11 处" in problems[-1]


def test_new_sites_stand_behind_the_old_ones_by_year_then_id() -> None:
    world = tinyworld.drive_world([0])
    made = [
        OPEN.replace("name", "id: b, name"),
        OPEN.replace("2025", "2024"),
        OPEN,
        OPEN.replace("name", "id: a, name"),
    ]
    ids = apply(world, *made)["warehouse"].table["id"].tolist()
    assert ids == ["warehouse-0", "warehouse-open-01", "a", "b", "warehouse-open-02"]
    more = [OPEN.replace("name", "id: warehouse-open-01, name"), *[OPEN] * 101]
    ids = apply(world, *more[::-1])["warehouse"].table["id"].tolist()
    assert ids[1:4] == ["warehouse-open-01", "warehouse-open-02", "warehouse-open-03"]
    assert ids[-1] == "warehouse-open-102"


def real_world() -> World:
    """Roads as lines, for driving and for walking, on which the sites of a grid stand."""
    base = tinyworld.drive_world([0, 3, 12, 15], [5, 6])
    places = [
        (round((x - 115) * 1e7), round((y - 28) * 1e7))
        for x, y in zip(*gridworld.grid_lonlat(4), strict=True)
    ]
    pairs = [(i, i + 1) for i in range(15) if i % 4 < 3] + [(i, i + 4) for i in range(12)]
    roads = [shapeworld.Road(a, b, 60_000, 60_000, name=1 + k % 3) for k, (a, b) in enumerate(pairs)]
    names = ("", "G60 沪昆高速", "G45 大广高速", "解放路")
    network = shapeworld.make(places, roads, names=names)
    walk = replace(shapeworld.make(places, roads[::2], names=names), meta={"mode": "walk", "hash": "w"})
    return replace(base, network=replace(network, meta={"hash": "d"}), walk=walk)


AREA = "[[115.05, 28.05], [115.15, 28.05], [115.15, 28.15], [115.05, 28.15]]"
APART = [
    "close: {kind: warehouse, id: warehouse-1}",
    "move: {kind: warehouse, id: warehouse-2, lon: 115.1, lat: 28.1}",
    "resize: {kind: warehouse, id: warehouse-2, capacity: 5}",
    "resize: {kind: warehouse, id: warehouse-0, stock: 帐篷:5}",
    "retime: {kind: warehouse, all: true, hours: 24小时}",
    "retime: {kind: team, id: team-0, hours: 8:00-12:00}",
    "open: {kind: warehouse, id: x, name: 甲, lon: 115.31, lat: 28.02, year: 2025}",
    "open: {kind: warehouse, id: y, name: 乙, lon: 115.1, lat: 28.1, year: 2025}",
    "block: {road: 沪昆}",
    "slow: {road: G45, speed: 0.5}",
    "slow: {all: true, speed: 0.8}",
    "slow: {near: {lon: 115.0, lat: 28.05, within_m: 100}, speed: 0.3}",
    f"flood: {{area: {AREA}}}",
    "grow: {unit: 甲县, percent: 10}",
    "grow: {unit: 西市, residents: 12345}",
]


def same(value: Any, other: Any) -> bool:
    """Whether two parts of worlds hold the same, bit for bit."""
    if value is other:
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == other.dtype and value.tobytes() == other.tobytes()
    if isinstance(value, pd.DataFrame):
        return bool(value.equals(other) and (value.dtypes == other.dtypes).all())
    if isinstance(value, dict):
        return list(value) == list(other) and all(same(value[key], other[key]) for key in value)
    if hasattr(value, "__dataclass_fields__"):
        return all(same(getattr(value, one.name), getattr(other, one.name)) for one in fields(value))
    return bool(value == other)


@pytest.mark.parametrize("seed", range(many(60)))
def test_changes_of_different_things_commute(seed: int) -> None:
    """Any subset in any order gives the same world bit for bit, and the same rows of what was done."""
    chance = random.Random(seed)
    lines = chance.sample(APART, chance.randint(1, len(APART)))
    mixed = chance.sample(lines, len(lines))
    first, second = resolved(WORLD, *lines), resolved(WORLD, *mixed)
    assert same(first.world, second.world)
    again = second.done.assign(number=[lines.index(mixed[i - 1]) + 1 for i in second.done["number"]])
    again = again.sort_values("number", ignore_index=True)
    pd.testing.assert_frame_equal(again, first.done)


WORLD = real_world()


def test_any_mix_is_resolved_or_refused_with_its_places() -> None:
    lines = [*APART, CLOSE, MOVE, TIME, SIZE, OPEN, OPEN.replace("name", "id: x, name")]
    lines += [line.replace("warehouse-0", "x") for line in (CLOSE, MOVE, TIME, SIZE)]
    lines += ["slow: {road: G60, speed: 0.5}", "grow: {unit: 东市, percent: 1}", "block: {road: G9}"]
    outcomes = set()
    for seed in range(many(80)):
        chosen = random.Random(seed).choices(lines, k=2 + seed % 5)
        try:
            made = resolved(WORLD, *chosen)
        except InputError as error:
            assert error.problems and all(one.where.startswith("changes 第") for one in error.problems)
            outcomes.add("refused")
        else:
            assert made.done["number"].tolist() == list(range(1, len(chosen) + 1))
            outcomes.add("resolved")
    assert outcomes == {"refused", "resolved"}


def test_all_of_them_change_the_world_and_leave_the_old_one_alone() -> None:
    before = real_world()
    made = resolved(WORLD, *APART)
    assert same(WORLD, before) and not same(made.world, WORLD)
    assert made.done["action"].tolist() == [line.partition(":")[0] for line in APART]
    assert made.world.hashes is WORLD.hashes
    assert made.world.network.meta["hash"] != "d" and made.world.demand.meta["hash"]
    assert made.world.walk is not None and made.world.walk.meta["hash"] not in ("w", "d")
    # The new site 乙 and the moved one stand under water.
    assert made.world.layers["warehouse"].table["id"].tolist() == ["warehouse-0", "warehouse-3", "x"]
    assert made.world.layers["warehouse"].left_out == {"受淹": 2}
    assert made.world.layers["team"].left_out == {"受淹": 1}


def test_the_file_of_each_change_is_told(tmp_path: Path) -> None:
    """A parent closes what its heir moves: both files and both places are named."""
    for name, text in (
        ("parent", "changes: [{close: {kind: warehouse, id: warehouse-0}}]"),
        (
            "child",
            "extends: parent\n"
            "changes: [{close: {kind: warehouse, id: warehouse-1}}, {move: {kind: warehouse, id: warehouse-0,"
            " lon: 115.1, lat: 28.1}}]\n"
            "siting: [{kind: aed, year: 2025, number: 3}]\nstandards: {warehouse: 21}",
        ),
    ):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\ntitle: 甲\n{text}", encoding="utf-8")
    with pytest.raises(InputError) as error:
        resolve(tinyworld.drive_world([0, 3]), load_scenario(tmp_path / "child.yaml"))
    child, parent = (f"{tmp_path}/{name}.yaml" for name in ("child", "parent"))
    assert [str(problem) for problem in error.value.problems] == [
        f"{child} standards.warehouse: 应是测试驾车的一档, 单位分钟, 得到 21; 可选: 10, 20, 30",
        f"{child} changes 第2项.move: {parent} changes 第1项.close 撤销了这个站点, 不能再改动它, "
        "得到 warehouse-0; 请删去其中一项改动",
        f"{child} siting 第1项: 工作区没有这个图层, 得到 AED",
    ]


def test_ids_skip_those_taken() -> None:
    assert next_ids("a", 3, {"a-01", "a-03"}) == ["a-02", "a-04", "a-05"]
    assert next_ids("a", 0, ()) == []
    assert next_ids("a", 100, ())[-1] == "a-100"


def test_appending_nothing_and_to_nothing() -> None:
    world = tinyworld.drive_world([0])
    assert append_sites(world.layers["warehouse"], pd.DataFrame()) is world.layers["warehouse"]
    layer = append_sites(world.layers["team"], pd.DataFrame({"id": ["t"], "lon": [115.0], "year": [2025]}))
    assert layer.table["year"].dtype == np.float64 and layer.table.loc[0, "stock"] == ""
