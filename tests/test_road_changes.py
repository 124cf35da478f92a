"""Roads that scenarios close and slow: by name, way, place, area and class, on both networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gridworld
import numpy as np
import pytest
import shapely
import shapeworld
import tinyworld
from boai.coverage.flood import closed_by, flooded
from boai.coverage.measures import cover_layer
from boai.geodata import overlay
from boai.geodata.errors import InputError
from boai.geodata.network import CLASSES, CLOSED, Network
from boai.scenarios.areas import Area
from boai.scenarios.changes import FLOOD_RULES, resolve
from boai.scenarios.run import run
from boai.scenarios.world import World
from shapely import box

NAMES = ("", "G60 沪昆高速", "G45 大广高速", "解放路")
AREA = "[[115.05, 27.95], [115.15, 27.95], [115.15, 28.05], [115.05, 28.05]]"
"""Around node 1 of the grid."""


def roads_of(*, every: int = 1, hash_: str = "d", mode: str = "drive", first_way: int = 0) -> Network:
    """Roads of a 4 x 4 grid as lines; along the rows G60, G45, 解放路 and a nameless one."""
    places = [
        (round((x - 115) * 1e7), round((y - 28) * 1e7))
        for x, y in zip(*gridworld.grid_lonlat(4), strict=True)
    ]
    pairs = [(i, i + 1, (1 + i // 4) % 4) for i in range(15) if i % 4 < 3] + [
        (i, i + 4, 0) for i in range(12)
    ]
    roads = [shapeworld.Road(a, b, 60_000, 60_000, name=name) for a, b, name in pairs][::every]
    made = shapeworld.make(places, roads, names=NAMES)
    assert made.shapes is not None
    shapes = replace(made.shapes, way=made.shapes.way + first_way)
    classes = np.where(made.road == 1, CLASSES.index("motorway"), CLASSES.index("primary")).astype(np.uint8)
    return replace(made, shapes=shapes, road_class=classes, meta={"hash": hash_, "mode": mode})


WORLD = replace(
    tinyworld.drive_world([0, 1, 15], [5]),
    network=roads_of(),
    walk=roads_of(every=2, hash_="w", mode="walk", first_way=100),
)


def changed(*lines: str, world: World = WORLD) -> Any:
    return resolve(world, tinyworld.scenario("changes:\n" + "".join(f"  - {line}\n" for line in lines)))


def said(*lines: str, world: World = WORLD) -> list[str]:
    with pytest.raises(InputError) as error:
        changed(*lines, world=world)
    return [str(problem) for problem in error.value.problems]


def closed(network: Network) -> list[int]:
    return np.flatnonzero(network.centiseconds == CLOSED).tolist()


def named(network: Network, row: int) -> list[int]:
    return np.flatnonzero(network.road == row).tolist()


@pytest.mark.parametrize("name", ["G60", "沪昆高速", "沪昆", "ｇ60 沪昆高速"])
def test_a_road_is_closed_by_any_of_its_names_on_both_networks(name: str) -> None:
    made = changed(f"block: {{road: {name}}}")
    assert closed(made.world.network) == named(WORLD.network, 1) != []
    assert closed(made.world.walk) == named(WORLD.walk, 1) != []
    edges = len(named(WORLD.network, 1)) + len(named(WORLD.walk, 1))
    assert made.done["edges"].tolist() == [edges]
    assert made.done["detail"].tolist() == [f"封闭 G60 沪昆高速 ({edges} 个路段)"]
    assert made.done[["kind", "id", "name"]].iloc[0].tolist() == ["", "", ""]


def test_slow_roads_take_longer_and_the_strictest_counts() -> None:
    made = changed(
        "slow: {all: true, speed: 0.8}", "slow: {road: G45, speed: 0.5}", f"block: {{area: {AREA}}}"
    )
    times, before = made.world.network.centiseconds, WORLD.network.centiseconds
    corners = "115.05 27.95, 115.15 27.95, 115.15 28.05, 115.05 28.05, 115.05 27.95"
    inside = closed_by(WORLD.network, Area(wkt=f"POLYGON (({corners}))").shape)
    expected = np.where(np.isin(np.arange(len(before)), named(WORLD.network, 2)), before * 2, before / 0.8)
    expected[inside] = CLOSED
    assert times.tolist() == np.rint(expected).tolist()
    assert WORLD.network.centiseconds.max() == 60_000


def test_the_hash_is_that_of_the_overlay() -> None:
    made = changed("block: {road: G60}").world.network
    edges = named(WORLD.network, 1)
    by_hand = overlay.under(WORLD.network, overlay.impose(overlay.Overlay(), edges, what=""))
    assert made.meta["hash"] == by_hand.meta["hash"] != "d"
    assert made.head is WORLD.network.head and made.shapes is WORLD.network.shapes


def test_what_one_network_lacks_is_found_on_the_other() -> None:
    own = set(WORLD.walk.shapes.way.tolist()) - set(WORLD.network.shapes.way.tolist())
    way = min(own)
    made = changed(f"block: {{way: {way}}}")
    assert made.world.network is WORLD.network and len(closed(made.world.walk)) == 2
    made = changed("block: {way: [0, 1]}")
    assert made.world.walk is WORLD.walk and len(closed(made.world.network)) == 4


def test_slow_roads_leave_walkers_alone() -> None:
    made = changed("slow: {all: true, speed: 0.5}", f"flood: {{area: {AREA}, speed: 0.1}}")
    assert made.world.walk is WORLD.walk and made.done["edges"].tolist() == [48, 6]
    own = set(WORLD.walk.shapes.way.tolist()) - set(WORLD.network.shapes.way.tolist())
    assert said(f"slow: {{way: {min(own)}, speed: 0.5}}") == [
        f"changes 第1项.slow: 驾车路网里没有这些道路; 减速只影响驾车, 得到 way {min(own)}"
    ]


def test_thousands_of_measures_are_laid_over_at_once() -> None:
    lines = [f"slow: {{way: {i % 24}, speed: 0.5}}" for i in range(1500)]
    made = changed(*lines, "block: {road: G60}").world.network
    assert sorted(set(made.centiseconds.tolist())) == [CLOSED, 120_000]


def test_near_and_classes() -> None:
    made = changed("block: {near: {lon: 115.05, lat: 28.0, within_m: 100}}")
    assert len(closed(made.world.network)) == 2
    made = changed("slow: {classes: motorway, speed: 0.25}")
    slow = np.flatnonzero(made.world.network.centiseconds != 60_000).tolist()
    assert slow == named(WORLD.network, 1)
    assert set(made.world.network.centiseconds[slow]) == {240_000}


def test_a_measure_that_touches_no_edge_leaves_the_network() -> None:
    made = changed("flood: {area: [[110, 20], [111, 20], [111, 21]]}")
    for name in ("layers", "network", "walk", "demand", "resources"):
        assert getattr(made.world, name) is getattr(WORLD, name)
    assert made.done["detail"].tolist() == ["封闭 自绘范围内的道路 (0 个路段), 0 处站点停用"]


def test_a_flood_closes_roads_and_takes_sites_out_of_service() -> None:
    hosts = WORLD.layers["warehouse"].table[["id", "name", "lon", "lat", "status"]].assign(status="已建")
    world = replace(WORLD, resources={"school": hosts, "club": hosts.iloc[:1]})
    made = changed(f"flood: {{area: {AREA}}}", world=world)
    layer = made.world.layers["warehouse"]
    assert layer.table["id"].tolist() == ["warehouse-0", "warehouse-2"]
    assert layer.table.index.tolist() == [0, 1] and layer.left_out == {"受淹": 1}
    assert layer.note == "另有 1 处未计入 (受淹 1)"
    assert made.world.layers["team"] is world.layers["team"]
    assert len(closed(made.world.network)) == 6
    assert made.world.demand is world.demand
    assert made.notes == (*FLOOD_RULES, "备灾仓库: 1 处在受淹范围内, 停用: 站1")
    assert made.done["sites"].tolist() == [1]
    assert made.world.resources["school"]["status"].tolist() == ["已建", "停用", "已建"]
    assert made.world.resources["club"] is world.resources["club"]
    assert world.resources["school"]["status"].tolist() == ["已建"] * 3


def test_a_flood_leaves_whom_the_assessment_of_floods_leaves() -> None:
    """The residents outside the area who are reached afterwards are those of `coverage.flood`."""
    for base in (WORLD, tinyworld.drive_world([0, 1, 15], [5])):
        changed_world = changed(f"flood: {{area: {AREA}}}", world=base).world
        shape = box(115.05, 27.95, 115.15, 28.05)
        layer, standard = base.layers["warehouse"], base.standards["warehouse"]
        table = flooded(base.demand, base.network, layer, standard, shape).table
        cover = cover_layer(base.demand, changed_world.network, changed_world.layers["warehouse"], standard)
        dry = np.flatnonzero(np.arange(16) != 1)
        served = base.demand.residents[dry] @ (cover.cost[dry] <= standard.main)
        assert served == table.loc[table["level"] == "省", "served_after"].iloc[0] > 0


def test_a_flood_counts_where_sites_stand_in_the_end_wherever_it_is_written() -> None:
    lines = [
        f"flood: {{area: {AREA}}}",
        "move: {kind: warehouse, id: warehouse-1, lon: 115.3, lat: 28.3}",
        "move: {kind: warehouse, id: warehouse-0, lon: 115.1, lat: 28.0}",
        "open: {kind: team, name: 队, lon: 115.1, lat: 28.01, year: 2025}",
    ]
    for order in (lines, lines[::-1]):
        layers = changed(*order).world.layers
        assert layers["warehouse"].table["id"].tolist() == ["warehouse-1", "warehouse-2"]
        assert layers["team"].table["id"].tolist() == ["team-0"]


def test_a_flood_may_slow_roads_only() -> None:
    made = changed(f"flood: {{area: {AREA}, speed: 0.5}}")
    assert sorted(set(made.world.network.centiseconds.tolist())) == [60_000, 120_000]
    assert made.world.layers["warehouse"].left_out == {"受淹": 1}


def test_the_same_thing_at_different_speeds_is_refused_with_both_places() -> None:
    first = "changes 第1项"
    assert said("block: {road: G60}", "slow: {road: 沪昆高速, speed: 0.5}") == [
        f"changes 第2项.slow: 与 {first}.block 矛盾: G60 沪昆高速, 那里写的是封闭, 得到 减速到 50 %; "
        "请删去其中一项"
    ]
    for one, other in (
        ("slow: {all: true, speed: 0.5}", "slow: {all: true, speed: 0.6}"),
        ("slow: {way: 3, speed: 0.5}", "block: {way: [2, 3]}"),
        ("slow: {classes: motorway, speed: 0.5}", "block: {classes: [primary, motorway]}"),
        (f"flood: {{area: {AREA}}}", f"slow: {{area: {AREA}, speed: 0.5}}"),
        (
            "block: {near: {lon: 115.05, lat: 28.0}}",
            "slow: {near: {lon: 115.05, lat: 28.0, within_m: 50}, speed: 0.1}",
        ),
    ):
        (problem,) = said(one, other)
        assert problem.startswith("changes 第2项.") and f"与 {first}." in problem and "矛盾" in problem
    twice = changed("block: {road: G60}", "block: {road: [G45, G60]}").world.network
    assert closed(twice) == sorted(named(WORLD.network, 1) + named(WORLD.network, 2))


def test_roads_that_are_not_there_are_told_together_with_near_names() -> None:
    assert said(
        "block: {road: [G61, 解放大道, G60]}",
        "block: {way: [-5, 77]}",
        "slow: {classes: [trunk], speed: 0.5}",
        "block: {near: {lon: 116.5, lat: 28.0, within_m: 10}}",
        "block: {area: [[110, 20], [111, 20], [111, 21]]}",
    ) == [
        "changes 第1项.block.road: 路网里没有这条道路, 得到 G61; 相近的有 G60、G60沪昆高速",
        "changes 第1项.block.road: 路网里没有这条道路, 得到 解放大道; 相近的有 解放路",
        "changes 第2项.block.way: 路网里没有这条 way, 得到 -5; 请核对 OpenStreetMap 的 way 编号",
        "changes 第2项.block.way: 路网里没有这条 way, 得到 77; 请核对 OpenStreetMap 的 way 编号",
        "changes 第3项.slow.classes: 路网里没有这个等级的道路, 得到 trunk; 路网里有 motorway、primary",
        "changes 第4项.block.near: 附近没有道路, 得到 116.5,28 周围 10 米; "
        "最近的道路在 117815 米外, 请加大 within_m 或检查经纬度",
        "changes 第5项.block.area: 范围内没有道路, 得到 110,20 至 111,21; "
        "请检查多边形的坐标 (WGS84, 经度在前) 和位置",
    ]


def test_the_approximate_network_knows_no_ways_and_no_classes() -> None:
    world = tinyworld.drive_world([0])
    world = replace(world, network=replace(world.network, meta={"label": "近似路网"}))
    assert said("block: {way: 1}", "block: {classes: motorway}", world=world) == [
        "changes 第1项.block.way: 这个路网没有来源编号, 得到 近似路网; 请用道路名称或位置指定",
        "changes 第2项.block.classes: 这个路网没有道路等级, 得到 近似路网; "
        "请改用 road (道路名称)、near 或 area",
    ]
    made = changed("slow: {all: true, speed: 0.5}", world=world)
    assert made.done["detail"].tolist() == ["减速到 50 % 全部道路 (48 个路段, 近似路网)"]
    empty = replace(world, network=gridworld.make_network([], [], [], n_nodes=2))
    assert "路网里没有道路" in said("block: {road: G60}", world=empty)[0]


def test_a_blocked_road_costs_cover() -> None:
    """Ten minutes a road: the store at node 0 reaches nodes 1 and 4; node 1 only by the road between them."""
    world = tinyworld.drive_world([0])
    line = "block: {near: {lon: 115.05, lat: 28.0, within_m: 100}}"
    before = run(world, tinyworld.scenario()).covers["warehouse"].cost
    after = run(world, tinyworld.scenario(f"changes: [{{{line}}}]")).covers["warehouse"].cost
    assert before[[0, 1, 4]].tolist() == [0, 600, 600]
    assert after[[0, 1, 4]].tolist() == [0, 1800, 600]


SOUTH_WEST = "[[114.95, 27.95], [115.15, 27.95], [115.15, 28.15], [114.95, 28.15]]"
"""Nodes 0, 1, 4 and 5 of the grid: all of 甲县."""


def test_a_flooded_county_is_one_gap_by_the_roads_of_today() -> None:
    world = tinyworld.drive_world([0], [5])
    dry, wet = (
        run(world, tinyworld.scenario(text)) for text in ("", f"changes: [{{flood: {{area: {SOUTH_WEST}}}}}]")
    )
    own = wet.gaps["warehouse"].set_index("county")
    assert own["residents"].to_dict() == {"甲县": 51, "乙县": 13056, "丙县": 204, "丁县": 52224}
    assert own["cells"].tolist() == [4, 4, 4, 4]
    assert dry.keys["warehouse"]["gaps"] != wet.keys["warehouse"]["gaps"]


@pytest.mark.parametrize("choice", ["settlements", "cells"])
def test_no_new_site_goes_under_water(choice: str) -> None:
    world = tinyworld.drive_world([15], residents=[1000] * 6 + [10] * 10)
    asked = f"siting: [{{kind: warehouse, year: 2025, number: 2, candidates: {choice}}}]"
    wet = run(world, tinyworld.scenario(f"changes: [{{flood: {{area: {SOUTH_WEST}}}}}]\n{asked}"))
    dry = run(world, tinyworld.scenario(asked))
    area = box(114.95, 27.95, 115.15, 28.15)
    inside = [shapely.intersects_xy(area, one.added["lon"], one.added["lat"]) for one in (wet, dry)]
    assert inside[0].tolist() == [False] * 2 and inside[1].any()
    assert FLOOD_RULES[1] in wet.notes


def test_a_rule_opens_no_site_under_water() -> None:
    world = tinyworld.drive_world()
    flood = f"changes: [{{flood: {{area: {SOUTH_WEST}}}}}]"
    for rule, there in (("each_county", ["乙县", "丙县", "丁县"]), ("each_city", ["乙县", "丙县"])):
        asked = f"siting: [{{kind: warehouse, year: 2025, rule: {rule}, level: 市级}}]"
        found = run(world, tinyworld.scenario(f"{flood}\n{asked}"))
        assert sorted(found.added["county"]) == sorted(there)
