"""Runs: invariants, first-principles arithmetic, brute force over phases, and what is recorded."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gridworld
import numpy as np
import pandas as pd
import pytest
import shapeworld
from boai.app import answers
from boai.coverage.gaps import find_gaps
from boai.coverage.measures import by_unit, cover_layer
from boai.geodata.errors import InputError
from boai.geodata.layers import KIND_NAMES
from boai.geodata.types import load_types
from boai.maps import words
from boai.scenarios import phases
from boai.scenarios.candidates import AED_NOTE, lacking_seats, populous_cells, settlements
from boai.scenarios.compare import compare, headlines
from boai.scenarios.conclusion import conclusion
from boai.scenarios.ledger.targets import load_targets
from boai.scenarios.results import load_result, save_result
from boai.scenarios.run import ADDED, Result, result_key, run
from boai.scenarios.schema import PRESETS, load_scenario
from boai.scenarios.world import World
from tinyworld import drive_world, scenario, walk_world


def served(result: Result, kind: str, limit: int) -> int:
    units = result.units
    row = (units["kind"] == kind) & (units["limit"] == limit) & (units["level"] == "省")
    return int(units.loc[row, "served"].iloc[0])


def reach(nodes: Sequence[int], k: int = 4) -> set[int]:
    """Nodes within one road of some nodes of the grid."""
    near = set()
    for node in nodes:
        row, column = divmod(node, k)
        steps = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
        near |= {(row + r) * k + column + c for r, c in steps if 0 <= row + r < k and 0 <= column + c < k}
    return near


def node_of(world: World, added: pd.DataFrame) -> list[int]:
    """Cells where the added sites stand."""
    away = (world.demand.lon - added["lon"].to_numpy()[:, None]) ** 2
    return np.argmin(away + (world.demand.lat - added["lat"].to_numpy()[:, None]) ** 2, axis=1).tolist()


def same(left: Result, right: Result) -> None:
    """Everything equal, bit for bit, but the seconds of the solver."""
    for kind in left.layers:
        pd.testing.assert_frame_equal(left.layers[kind].table, right.layers[kind].table)
        assert left.covers[kind].share.tobytes() == right.covers[kind].share.tobytes()
        assert left.covers[kind].nearest.tobytes() == right.covers[kind].nearest.tobytes()
        assert left.covers[kind].cost.tobytes() == right.covers[kind].cost.tobytes()
        pd.testing.assert_frame_equal(left.gaps[kind], right.gaps[kind])
    for name in ("units", "added", "targets", "admin"):
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))
    plans = [[{**plan, "seconds": 0} for plan in result.plans] for result in (left, right)]
    assert plans[0] == plans[1] and left.provenance == right.provenance and left.key == right.key


@pytest.mark.parametrize("world", [drive_world([0, 5], [10]), walk_world([3], [9])], ids=["drive", "walk"])
def test_the_empty_scenario_is_the_baseline_bit_for_bit(world: World) -> None:
    result = run(world, scenario())
    for kind, layer in world.layers.items():
        cover = cover_layer(world.demand, world.network, layer, world.standards[kind])
        assert result.layers[kind] is layer
        assert result.covers[kind].share.tobytes() == cover.share.tobytes()
        assert result.covers[kind].cost.tobytes() == cover.cost.tobytes()
        units = result.units[result.units["kind"] == kind].drop(columns="kind").reset_index(drop=True)
        pd.testing.assert_frame_equal(units, by_unit(world.demand, cover))
        pd.testing.assert_frame_equal(
            result.gaps[kind], find_gaps(world.demand, cover, layer, world.gazetteer)
        )
    assert result.added.empty and list(result.added.columns) == ADDED
    assert result.plans == [] and result.notes == ()


def test_open_then_close_equals_nothing() -> None:
    world = drive_world([0])
    changes = """changes:
  - open: {kind: warehouse, id: a, name: 甲, year: 2025, lon: 115.1, lat: 28.1}
  - close: {kind: warehouse, id: a}
"""
    done, nothing = run(world, scenario(changes)), run(world, scenario())
    same(replace(done, key="", provenance={}), replace(nothing, key="", provenance={}))


def test_one_store_goes_where_it_reaches_the_most() -> None:
    """Of the 4 x 4 grid with 2^node residents, node 14 with 15, 13 and 10 is the best."""
    world = drive_world()
    result = run(world, scenario("siting: [{kind: warehouse, year: 2025, number: 1}]"))
    added = result.added.iloc[0]
    assert node_of(world, result.added) == [14]
    assert added["gain"] == added["cumulative"] == 2**15 + 2**14 + 2**13 + 2**10
    assert added["share_after"] == pytest.approx((2**15 + 2**14 + 2**13 + 2**10) / (2**16 - 1), abs=1e-15)
    assert (added["name"], added["county"], added["id"]) == (
        "丁县镇14(建议)",
        "丁县",
        "warehouse-plan-2025-01",
    )
    row = result.layers["warehouse"].table.iloc[-1]
    assert (row["status"], row["year"], row["stock"], row["source"]) == ("规划", 2025, "", "boai 选址建议")
    plan = result.plans[0]
    assert (plan["status"], plan["objective"], plan["bound"]) == ("optimal", added["gain"], added["gain"])
    assert (plan["p"], plan["opened"], plan["gap"], plan["limit_text"]) == (1, 1, 0.0, "10分钟")


@pytest.mark.parametrize("seed", range(5))
def test_phases_equal_brute_force_year_by_year(seed: int) -> None:
    """Each year the best addition to what is there, whatever the later years would need."""
    residents = np.random.default_rng(seed).integers(0, 100, 16)
    world = drive_world([seed], residents=residents)
    text = "siting: [{kind: warehouse, year: 2026, number: 2}, {kind: warehouse, year: 2025, number: 1}]"
    result = run(world, scenario(text))
    there = [seed]
    for year, number in ((2025, 1), (2026, 2)):
        covers = [
            int(residents[sorted(reach([*there, *more]))].sum())
            for more in itertools.combinations(sorted(set(range(16)) - set(there)), number)
        ]
        chosen = node_of(world, result.added[result.added["year"] == year])
        there += chosen
        assert residents[sorted(reach(there))].sum() == max(covers)
    assert served(result, "warehouse", 600) == residents[sorted(reach(there))].sum()
    assert result.notes == (phases.MYOPIC,)


def test_early_years_are_not_given_up_for_late_ones() -> None:
    """Myopic: one store first takes the middle of a row, although the two together would take the ends."""
    residents = np.zeros(16, int)
    residents[:4] = [3, 4, 4, 3]
    world = drive_world(residents=residents)
    text = "siting: [{kind: warehouse, year: 2025, number: 1}, {kind: warehouse, year: 2026, number: 1}]"
    result = run(world, scenario(text))
    assert result.added["gain"].tolist() == [11, 3]


def test_phases_are_planned_together_and_told() -> None:
    """Three years of stores: the result keeps all orders, and the gains are those of the chosen one."""
    residents = np.random.default_rng(3).integers(0, 50, 16)
    world = drive_world([5], residents=residents)
    text = """siting:
  - kind: warehouse
    phases: {2025: 1, 2026: {number: 2, level: 市级}, 2027: 1}
    quotas: {各县: -2}
    relocations: 1
"""
    result = run(world, scenario(text))
    orders = result.schedules.set_index(["order", "year"])["covered"]
    assert orders["look_ahead"].sum() >= orders["myopic"].sum()
    last = orders[("look_ahead", 2027)]
    assert served(result, "warehouse", 600) == last
    own = result.added[result.added["kind"] == "warehouse"]
    assert own[own["year"] == 2026]["level"].tolist() == ["市级"] * (own["year"] == 2026).sum()
    assert own["county"].value_counts().max() <= 2
    assert len(result.layers["warehouse"].table) == 1 + len(own) - len(result.given_up)
    assert result.plans[0]["planning"] == "look_ahead" and "warehouse" in set(result.schedules["kind"])
    assert any("备灾仓库 2025-2027 年" in note for note in result.notes)


def test_gains_add_up_to_the_tables() -> None:
    world = drive_world([15], [0])
    before = run(world, scenario())
    text = """siting:
  - {kind: warehouse, year: 2025, number: 2}
  - {kind: warehouse, year: 2026, number: 2, candidates: seats}
  - {kind: team, year: 2026, number: 1}
"""
    result = run(world, scenario(text), reuse=before)
    for kind in ("warehouse", "team"):
        own = result.added[result.added["kind"] == kind]
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
        assert own["gain"].cumsum().tolist() == own["cumulative"].tolist()
        assert served(result, kind, 600) - served(before, kind, 600) == own["cumulative"].iloc[-1]
        assert sum(plan["objective"] for plan in result.plans if plan["kind"] == kind) == own["gain"].sum()
    assert result.layers["warehouse"].table["id"].is_unique


def test_sited_ones_are_listed_by_year_though_phases_come_first() -> None:
    """Phases up to 2028 are settled before a request of 2026: gains are told in the order of the years."""
    text = """siting:
  - {kind: warehouse, phases: {2025: 1, 2028: 1}}
  - {kind: warehouse, year: 2026, number: 1}
"""
    own = run(drive_world([0]), scenario(text)).added
    assert own["year"].tolist() == [2025, 2026, 2028] and own["rank"].tolist() == [1, 2, 3]
    assert own["gain"].cumsum().tolist() == own["cumulative"].tolist()


def test_sites_opened_by_hand_count_before_sited_ones() -> None:
    """A store by hand at node 14, then the best of what is left."""
    world = drive_world([0])
    text = """changes: [{open: {kind: warehouse, name: 手工, year: 2030, lon: 115.2, lat: 28.3, level: 县级}}]
siting: [{kind: warehouse, year: 2025, number: 1}]
"""
    result = run(world, scenario(text))
    rows = result.added[["rank", "name", "year", "gain"]].to_numpy().tolist()
    assert rows[0] == [1, "手工", 2030, 2**15 + 2**14 + 2**13 + 2**10]
    (node,) = node_of(world, result.added.iloc[1:])
    left = {each: sum(2**i for i in reach([each]) - reach([0, 14])) for each in range(16)}
    assert rows[1][3] == left[node] == max(left.values())
    assert result.added["cumulative"].iloc[-1] == served(result, "warehouse", 600) - (2**0 + 2**1 + 2**4)


def test_phases_never_lower_the_cover() -> None:
    world = drive_world([0])
    text = (
        "siting: [" + ", ".join(f"{{kind: warehouse, year: {2025 + i}, number: 1}}" for i in range(5)) + "]"
    )
    result = run(world, scenario(text))
    shares = result.added["share_after"].to_numpy()
    assert (np.diff(shares) > 0).all() and (result.added["gain"] > 0).all()
    before = run(world, scenario())
    assert (result.covers["warehouse"].share >= before.covers["warehouse"].share).all()


def test_no_useless_site_is_opened_and_it_is_said() -> None:
    world = drive_world()
    result = run(world, scenario("siting: [{kind: warehouse, year: 2025, number: 16}]"))
    plan = result.plans[0]
    assert plan["p"] == 16 and plan["opened"] < 16
    assert plan["note"] == f"另外 {16 - plan['opened']} 个名额不会增加覆盖人口, 未开设"
    assert served(result, "warehouse", 600) == 2**16 - 1


def test_a_limit_of_its_own() -> None:
    """Sited for twenty minutes; the gain that is shown stays that of the main limit."""
    world = drive_world()
    result = run(world, scenario("siting: [{kind: warehouse, year: 2025, number: 1, limit: 20}]"))
    (node,) = node_of(world, result.added)
    twice = [sum(2**each for each in reach(reach([start]))) for start in range(16)]
    assert twice[node] == max(twice) == result.plans[0]["objective"]
    assert result.added["gain"].tolist() == [sum(2**each for each in reach([node]))]
    assert result.plans[0]["limit_text"] == "20分钟"


def test_another_main_limit() -> None:
    world = drive_world([0])
    text = "standards: {warehouse: 20}\nsiting: [{kind: warehouse, year: 2025, number: 1}]"
    result = run(world, scenario(text), reuse=run(world, scenario()))
    assert result.covers["warehouse"].standard.main == 1200
    assert result.covers["team"].standard.main == 600
    assert result.provenance["main_limits"] == {"warehouse": 1200, "team": 600}
    (node,) = node_of(world, result.added)
    assert result.added["gain"].tolist() == [
        sum(2**each for each in reach(reach([node])) - reach(reach([0])))
    ]


def test_every_county_and_every_city() -> None:
    """甲县 holds a team of the city; the rules ask for one of every county and of each city."""
    world = drive_world([0, 15], [0])
    text = """siting:
  - {kind: warehouse, year: 2025, rule: each_county, level: 县级}
  - {kind: team, year: 2025, rule: each_city, level: 市级}
"""
    result = run(world, scenario(text))
    stores = result.layers["warehouse"].table
    assert sorted(stores["county_code"]) == sorted(gridworld.CODES)
    assert result.added[result.added["kind"] == "warehouse"]["name"].tolist() == [
        "乙县驻地(建议)",
        "丙县驻地(建议)",
    ]
    assert result.added[result.added["kind"] == "team"]["county"].tolist() == ["丙县"]
    assert set(result.layers["team"].table["level"]) == {"市级"}
    before = run(world, scenario())
    failing = [result.admin.query("kind == 'team'")["level"].tolist() for result in (before, result)]
    assert failing == [["市", "县", "县", "县"], ["县", "县"]]
    again = run(replace(world, layers=result.layers), scenario(text))
    assert again.added.empty and all("各单位都已有, 无需新增" in plan["note"] for plan in again.plans)


def test_a_rule_opens_sites_that_add_nobody() -> None:
    residents = np.zeros(16, int)
    residents[15] = 7
    world = drive_world([15], residents=residents)
    result = run(world, scenario("siting: [{kind: warehouse, year: 2025, rule: each_county}]"))
    assert len(result.added) == 3 and result.added["gain"].tolist() == [0, 0, 0]


def test_places_with_a_site_are_no_candidates() -> None:
    world = drive_world([0, 15])
    free = settlements(world, world.layers["warehouse"], seats_only=False)
    # 甲县's seat and 镇0 stand at one place; the seat comes first and is held.
    assert sorted(free.name) == sorted(["乙县驻地", "丙县驻地", "丁县驻地"] + [
        f"{world.demand.county_name[world.demand.county[i]]}镇{i}" for i in range(15)
    ])  # fmt: skip
    seats = settlements(world, world.layers["warehouse"], seats_only=True)
    assert seats.name.tolist() == ["乙县驻地", "丙县驻地", "丁县驻地"]
    assert lacking_seats(world, world.layers["team"], unit="city").name.tolist() == [
        "甲县驻地",
        "丙县驻地",
    ]


def test_too_many_sites_is_an_error_with_its_reason() -> None:
    text = "siting: [{kind: warehouse, year: 2025, number: 1}, {kind: warehouse, year: 2024, number: 99}]"
    with pytest.raises(InputError) as error:
        run(drive_world([0]), scenario(text))
    (problem,) = error.value.problems
    assert str(problem) == "siting 第2项: 要求开设 99 个, 可选的候选点只有 19 个; 请减少数量或放宽候选点"


def test_all_that_does_not_fit_the_world_is_told_together() -> None:
    text = """standards: {warehouse: 7}
changes: [{close: {kind: warehouse, id: x}}]
siting: [{kind: team, year: 2025, number: 1, limit: 11}, {kind: aed, year: 2025, number: 1}]
"""
    with pytest.raises(InputError) as error:
        run(drive_world([0]), scenario(text))
    assert [str(problem) for problem in error.value.problems] == [
        "standards.warehouse: 应是测试驾车的一档, 单位分钟, 得到 7; 可选: 10, 20, 30",
        "changes 第1项.close: 备灾仓库图层里没有这个编号, 得到 x; 可用 boai layers show warehouse 查编号",
        "siting 第1项.limit: 应是测试驾车的一档, 单位分钟, 得到 11; 可选: 10, 20, 30",
        "siting 第2项: 工作区没有这个图层, 得到 AED",
    ]


def test_reuse_changes_nothing() -> None:
    world = drive_world([0, 5], [10])
    text = scenario("siting: [{kind: warehouse, year: 2025, number: 1}]")
    base = run(world, scenario())
    reused = run(world, text, reuse=base)
    same(reused, run(world, text))
    assert reused.covers["team"] is base.covers["team"] and reused.gaps["team"] is base.gaps["team"]
    same(run(world, scenario(), reuse=reused), base)


def test_the_same_input_gives_the_same_result() -> None:
    world = walk_world([3], [9])
    text = scenario("siting: [{kind: aed, year: 2025, number: 4}, {kind: home, year: 2025, number: 2}]")
    same(run(world, text), run(world, text))


def test_the_world_stays_as_it_is() -> None:
    world = drive_world([0], [10])
    before = {kind: layer.table.copy() for kind, layer in world.layers.items()}
    residents = world.demand.residents.copy()
    run(world, scenario("siting: [{kind: warehouse, year: 2025, number: 2}]"))
    for kind, table in before.items():
        pd.testing.assert_frame_equal(world.layers[kind].table, table)
    assert (world.demand.residents == residents).all()


def test_walking_sites_gain_what_the_tables_gain() -> None:
    """Existing sites in some cells; every new one adds residents, to within the rounding of the tables."""
    world = walk_world([3, 7], [9])
    before = run(world, scenario())
    text = """siting:
  - {kind: aed, year: 2025, number: 5}
  - {kind: aed, year: 2026, number: 3}
  - {kind: home, year: 2025, number: 3}
"""
    result = run(world, scenario(text), reuse=before)
    for kind, limit, count in (("aed", 270, 8), ("home", 1000, 3)):
        own = result.added[result.added["kind"] == kind]
        assert len(own) == count and (own["gain"] > 0).all()
        assert (
            abs(served(result, kind, limit) - served(before, kind, limit) - own["cumulative"].iloc[-1]) <= 1
        )
        exact = world.demand.residents @ result.covers[kind].main_share / world.demand.residents.sum()
        assert own["share_after"].iloc[-1] == pytest.approx(exact, abs=1e-12)
        assert sum(plan["objective"] for plan in result.plans if plan["kind"] == kind) == pytest.approx(
            own["gain"].sum(), abs=1
        )
    assert result.added[result.added["kind"] == "aed"]["name"].str.endswith(AED_NOTE).all()
    assert not result.added[result.added["kind"] == "home"]["name"].str.contains(AED_NOTE, regex=False).any()


def test_populous_cells_are_the_dense_ones_with_unreached_residents() -> None:
    world = walk_world([3])
    cover = cover_layer(world.demand, world.network, world.layers["aed"], world.standards["aed"])
    centres = populous_cells(world, cover, parts=1)
    assert len(centres) == len(world.demand.cell) and centres.county.dtype == np.int32
    assert np.allclose(sorted(centres.lon), sorted(world.demand.lon), atol=1e-6)
    # The cell with a site has fewer residents left than the others and comes last.
    assert centres.lon[-1] == pytest.approx(world.demand.lon[3], abs=1e-6)
    dense = replace(cover, standard=gridworld.walk_standard((100, 270), min_density=1e9))
    assert len(populous_cells(world, dense, parts=7)) == 0


def test_seven_parts_lie_in_their_cell_apart_from_each_other() -> None:
    import h3.api.numpy_int as h3

    world = walk_world()
    cover = cover_layer(world.demand, world.network, world.layers["aed"], world.standards["aed"])
    parts = populous_cells(world, cover, parts=7)
    cells = [h3.latlng_to_cell(y, x, 7) for x, y in zip(parts.lon.tolist(), parts.lat.tolist(), strict=True)]
    assert sorted(cells) == sorted(np.repeat(world.demand.cell, 7).tolist())
    area = world.demand.area_km2.mean()
    from boai.geodata.crs import haversine_m

    apart = haversine_m(parts.lon[:7, None], parts.lat[:7, None], parts.lon[:7], parts.lat[:7]) / 1000
    nearest = np.sort(apart, axis=1)[:, 1]
    assert nearest == pytest.approx(np.full(7, np.sqrt(2 / np.sqrt(3) * area / 7)), rel=0.02)


def test_the_key_is_that_of_all_that_the_result_depends_on() -> None:
    world, empty = drive_world([0]), scenario()
    keys = {
        result_key(world, empty),
        result_key(replace(world, hashes={**world.hashes, "demand": "y"}), empty),
        result_key(
            replace(world, standards={**world.standards, "team": gridworld.drive_standard((60,), 60)}), empty
        ),
        result_key(world, scenario("description: 别的")),
    }
    assert len(keys) == 4 and run(world, empty).key == result_key(drive_world([0]), scenario())


def test_progress_is_told_in_sentences() -> None:
    said: list[str] = []
    run(
        drive_world([0]), scenario("siting: [{kind: warehouse, year: 2025, number: 2}]"), progress=said.append
    )
    assert said == ["2025 年 备灾仓库: 在 19 个候选点中选 2 处", "测试: 备灾仓库的缺口", "测试: 救援队的缺口"]


def test_labels_and_notes_are_kept() -> None:
    text = """description: 只是试算
siting: [{kind: warehouse, year: 2025, number: 1, note: 级别未说明}]
"""
    result = run(drive_world([0]), scenario(text))
    assert result.notes == ("只是试算",) and result.plans[0]["note"] == "级别未说明"
    assert result.provenance["labels"] == ["示例数据"]
    assert result.provenance["scenario"]["description"] == "只是试算"
    assert result.residents is not None and len(result.residents) == 16


def test_who_lives_and_what_stands_far_from_every_road_is_said() -> None:
    """Only the lowest row of cells has a road; of three stores one stands in the row above."""
    base = drive_world([0, 3, 5])
    places = [
        (round((x - 115.0) * 1e7), round((y - 28.0) * 1e7))
        for x, y in zip(*gridworld.grid_lonlat(4), strict=True)
    ]
    roads = [shapeworld.Road(i, i + 1, 60_000, 60_000) for i in range(3)]
    world = replace(base, network=shapeworld.make(places[:4], roads))
    result = run(world, scenario("description: 试算"))
    assert result.notes == (
        "试算",
        "65,520 人所在的 12 个网格距可通行的道路超过 5 公里, 计为驾车不可达",
        "备灾仓库: 1 处站点距可通行的道路超过 5 公里, 不计入驾车覆盖: 站2",
    )
    cover = result.covers["warehouse"]
    assert cover.cost[:4].tolist() == [0.0, 600.0, 600.0, 0.0]
    assert np.isinf(cover.cost[4:]).all()
    assert cover.nearest[:4].tolist() == [0, 0, 1, 1]
    assert result.far == {"warehouse": result.notes[1:], "team": result.notes[1:2]}
    assert run(base, scenario("description: 试算")).notes == ("试算",)
    listed = words.sources(world, result, "warehouse")
    said = [f"注意: {note}" for note in result.notes[1:]]
    assert [text for text in listed if text.startswith("注意: ")] == said
    assert not any(text.startswith("选址: ") for text in listed)
    assert answers.notes_of(world, ["team"], [result])[1:] == [result.notes[1]]
    again = replace(result, title="计划", far={"warehouse": (result.notes[1], "别的")})
    both = answers.notes_of(world, ["warehouse"], [result, again])
    assert both == [*result.notes[1:], "计划: 别的"]


def test_a_result_says_which_roads_it_rests_on() -> None:
    base = drive_world([0])
    meta = {
        "source": "jiangxi.osm.pbf", "licence": "© OpenStreetMap contributors, ODbL", "made": "2026-01-02",
        "mode": "heavy", "rules": {"posted_share": 1.0}, "report": {"nodes": 1}, "label": "", "hash": "0",
    }  # fmt: skip
    world = replace(base, network=replace(base.network, meta=meta))
    result = run(world, scenario(""))
    kept = {key: meta[key] for key in ("source", "licence", "made", "mode", "rules")}
    assert result.provenance["roads"] == kept
    roads = next(text for text in words.sources(world, result, "warehouse") if text.startswith("路网: "))
    assert "OpenStreetMap" in roads
    assert "jiangxi.osm.pbf" in roads
    assert roads.endswith("按重型车能走的道路和车速")
    own = replace(base, network=replace(base.network, meta={"source": "own.shp", "made": "2026-01-02"}))
    assert "路网: own.shp, 数据日期 2026-01-02" in words.sources(own, run(own, scenario("")), "team")


@pytest.mark.slow
def test_the_presets_on_jiangxi(world: World) -> None:
    """The whole plan on the embedded data: proven plans, targets reached, gains that add up."""
    base = run(world, load_scenario("baseline"))
    plan, stores = (run(world, load_scenario(name), reuse=base) for name in PRESETS[1:])
    for result in (plan, stores):
        assert {each["status"] for each in result.plans} == {"optimal"}
        assert all(each["opened"] == each["p"] for each in result.plans)
        counts = result.added["kind"].value_counts()
        assert (counts["aed"], counts["home"]) == (1500, 100)
        for kind, standard in world.standards.items():
            own = result.added[result.added["kind"] == kind]
            gain = served(result, kind, standard.main) - served(base, kind, standard.main)
            assert abs(gain - own["cumulative"].iloc[-1]) <= 1
            assert (result.covers[kind].share >= base.covers[kind].share).all()
        assert result.admin[result.admin["kind"] == "team"].empty
    reached = plan.targets[
        plan.targets["kind"].isin(["aed", "home", "team"]) & (plan.targets["id"] != "team-nation")
    ]
    assert (reached["left"] == 0).all()
    assert (plan.targets[plan.targets["id"].str.startswith("warehouse")]["left"] == 0).all()
    assert (stores.targets[stores.targets["id"] == "county-store"]["left"] == 0).all()
    assert set(stores.layers["warehouse"].table["county_code"]) == set(world.demand.county_code)


def test_no_layer_need_be_measured(tmp_path: Path) -> None:
    found = run(drive_world([0], [10]), scenario(), kinds=())
    assert not found.covers and found.units.empty and "served" in found.units.columns
    save_result(found, tmp_path / "r")
    assert load_result(tmp_path / "r").units.columns.tolist() == found.units.columns.tolist()
    assert compare([found, found]).empty and conclusion([found] * 3) == ""


def test_a_province_without_residents_has_no_shares() -> None:
    opened = "{kind: team, name: 甲, lon: 115.1, lat: 28.1, year: 2025}"
    text = f"changes: [{{grow: {{unit: 全省, percent: -100}}}}, {{open: {opened}}}]"
    found = run(drive_world([0], [10]), scenario(text))
    assert found.added[["gain", "share_after"]].to_numpy().tolist() == [[0, 0.0]]
    sentence = headlines([run(drive_world([0], [10]), scenario()), found])[1]
    assert "nan" not in sentence and "无居民" in sentence


def test_the_targets_count_what_is_no_layer() -> None:
    world = drive_world([0], [10])
    base = pd.DataFrame({"id": ["x"], "county_code": "360101", "level": "", "status": "已建", "year": 2023.0})
    kind = next(each.kind for each in load_targets().targets if each.kind not in (None, *KIND_NAMES))
    rows = [
        run(one, scenario()).targets.query("resource == @title")
        for title in [load_types()[str(kind)].title]
        for one in (world, replace(world, resources={str(kind): base}))
    ]
    assert rows[0]["built"].isna().all() and (rows[1]["built"] >= 0).any()


def test_gaps_need_not_be_looked_for() -> None:
    """Without them the cover is the same, nothing is said of gaps, and nothing of them can be taken over."""
    world, said = drive_world([0]), list[str]()
    bare = run(world, scenario(), gaps=False, progress=said.append)
    assert said == [] and all(table.empty for table in bare.gaps.values())
    whole = run(world, scenario(), reuse=bare, progress=said.append)
    assert any("缺口" in text for text in said) and not whole.gaps["warehouse"].empty
    pd.testing.assert_frame_equal(bare.units, whole.units)
    pd.testing.assert_frame_equal(bare.summary, whole.summary)
    assert whole.covers["warehouse"] is bare.covers["warehouse"]
