"""Gaps on the grid: which places, how many residents, whose office."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pandas as pd
from boai.coverage import gaps, measures
from boai.coverage.measures import Cover
from boai.coverage.standards import PARTLY, Standard, load_standards
from boai.geodata.demand import Demand
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.layers import Layer
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def find(
    nodes: list[int], *, demand: Demand | None = None, standard: Standard | None = None, k: int = 4
) -> pd.DataFrame:
    network = gridworld.grid_network(k)
    demand = demand or gridworld.grid_demand(k)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, nodes))
    cover = measures.cover_layer(demand, network, layer, standard or gridworld.drive_standard())
    return gaps.find_gaps(demand, cover, layer, gridworld.make_gazetteer(demand))


def custom(demand: Demand, missing: dict[int, float], standard: Standard) -> tuple[Cover, Layer]:
    """A cover in which only the given cells miss the given share."""
    share = np.ones((len(demand.cell), 1))
    share[list(missing), 0] -= list(missing.values())
    n = len(demand.cell)
    layer = gridworld.make_layer("aed", demand.lon[:1], demand.lat[:1])
    return Cover(standard, share, np.zeros(n, np.int32), np.full(n, 5000, np.float32)), layer


def test_gaps_of_a_corner_site() -> None:
    table = find([0])
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table["county"].tolist() == ["丁县", "乙县", "丙县", "甲县"]
    assert table["county_code"].tolist() == ["360202", "360102", "360201", "360101"]
    assert table["city"].tolist() == ["西市", "东市", "西市", "东市"]
    sums = [2**10 + 2**11 + 2**14 + 2**15, 2**8 + 2**9 + 2**12 + 2**13, 4 + 8 + 64 + 128, 32]
    assert table["residents"].tolist() == sums
    assert table["cells"].tolist() == [4, 4, 4, 1]
    last = table.iloc[-1]
    assert (last["name"], last["nearest_site"], last["nearest_id"]) == (
        "甲县大部 (镇5附近)",
        "站0",
        "warehouse-0",
    )
    assert (last["cost"], last["cost_text"]) == (20.0, "20分钟")
    assert list(table.columns) == gaps.COLUMNS


def test_a_gap_is_described_from_its_cell_nearest_to_the_residents() -> None:
    """In 丁县 two thirds live in cell 15, so the centre of residents is nearest to it."""
    first = find([0]).iloc[0]
    demand = gridworld.grid_demand(4)
    assert (first["lon"], first["lat"]) == (demand.lon[15], demand.lat[15])
    assert first["name"] == "丁县大部 (镇15附近)"
    assert first["cost"] == 60.0


def test_pieces_that_do_not_touch_are_gaps_of_their_own() -> None:
    demand = gridworld.grid_demand(6, residents=np.full(36, 100))
    cover, layer = custom(demand, {0: 1.0, 1: 1.0, 14: 1.0, 8: 0.0}, gridworld.walk_standard((100,)))
    table = gaps.find_gaps(demand, cover, layer, gridworld.make_gazetteer(demand))
    assert table[["residents", "cells", "county"]].to_numpy().tolist() == [[200, 2, "甲县"], [100, 1, "甲县"]]
    joined, layer = custom(demand, {2: 1.0, 3: 1.0}, gridworld.walk_standard((100,)))
    table = gaps.find_gaps(demand, joined, layer, gridworld.make_gazetteer(demand))
    assert table["county"].tolist() == ["甲县", "丙县"]


def test_neighbouring_hexagons_are_one_gap_and_the_second_ring_is_not() -> None:
    demand = gridworld.hex_demand(3)
    gaz, standard = gridworld.make_gazetteer(demand), gridworld.walk_standard((100,))
    demand = Demand(**{**vars(demand), "county": np.zeros(len(demand.cell), np.int32)})
    middle = int(np.argmin((demand.lon - 115.86) ** 2 + (demand.lat - 28.68) ** 2))
    order = np.argsort((demand.lon - demand.lon[middle]) ** 2 * 0.77 + (demand.lat - demand.lat[middle]) ** 2)
    for others, pieces in ((order[1:7], 1), (order[7:8], 2)):
        cover, layer = custom(demand, {int(cell): 1.0 for cell in [middle, *others]}, standard)
        assert len(gaps.find_gaps(demand, cover, layer, gaz)) == pieces


def test_a_gap_on_foot_is_described_from_a_cell_beyond_the_limit() -> None:
    demand = gridworld.grid_demand(4, residents=[100, 100, 1] + [0] * 13)
    cover, layer = custom(demand, {0: 0.9, 1: 0.9, 4: 1.0}, gridworld.walk_standard((1000,)))
    cover.cost[[0, 1]] = 999, 1000
    gaz = gridworld.make_gazetteer(demand)
    only_partly = gaps.find_gaps(demand, cover, layer, gaz)
    assert only_partly["cost"].tolist() == [999.0]
    cover.cost[1] = 1001
    assert gaps.find_gaps(demand, cover, layer, gaz)["cost"].tolist() == [1001.0]


def test_only_dense_cells_count() -> None:
    residents = np.full(16, 149_999)
    residents[[5, 10]] = 150_000, 200_000
    demand = gridworld.grid_demand(4, residents=residents)
    standard = gridworld.walk_standard((100,), min_density=1500.0)
    cover, layer = custom(demand, dict.fromkeys(range(16), 0.5), standard)
    table = gaps.find_gaps(demand, cover, layer, gridworld.make_gazetteer(demand))
    assert table["residents"].tolist() == [100_000, 75_000]
    assert table["cost_text"].tolist() == ["5.0公里"] * 2
    assert table["cost"].tolist() == [5000.0] * 2


@settings(max_examples=many(60), deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_residents_sum_to_those_unserved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = gridworld.grid_demand(6, residents=rng.integers(0, 4, 36))
    share = rng.integers(0, 344, (36, 1)) / 343
    cover = Cover(gridworld.walk_standard((100,)), share, np.zeros(36, np.int32), np.zeros(36, np.float32))
    layer = gridworld.make_layer("aed", 115.0, 28.0)
    table = gaps.find_gaps(demand, cover, layer, gridworld.make_gazetteer(demand))
    exact = (demand.residents * (1 - share[:, 0])).sum()
    assert table["residents"].sum() == np.rint(np.round(exact, 6))
    assert (table["residents"] > 0).all()
    assert table["residents"].is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, len(table) + 1))


@settings(max_examples=many(30), deadline=None)
@given(st.lists(st.integers(0, 35), min_size=1, max_size=4))
def test_driving_gaps_and_served_residents_are_everybody(nodes: list[int]) -> None:
    network, demand = gridworld.grid_network(6), gridworld.grid_demand(6)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, nodes))
    cover = measures.cover_layer(demand, network, layer, gridworld.drive_standard())
    table = gaps.find_gaps(demand, cover, layer, gridworld.make_gazetteer(demand))
    units = measures.by_unit(demand, cover)
    served = units[(units["level"] == "县") & (units["limit"] == 600)].set_index("code")
    missing = table.groupby("county_code")["residents"].sum()
    assert (served["residents"] - served["served"]).tolist() == missing.reindex(
        served.index, fill_value=0
    ).tolist()


def test_everybody_served_gives_an_empty_table() -> None:
    table = find([5], standard=gridworld.drive_standard((100_000,), 100_000))
    assert len(table) == 0
    assert list(table.columns) == gaps.COLUMNS


def test_no_sites_leave_everybody_in_gaps_without_a_nearest_site() -> None:
    table = find([])
    assert table["residents"].sum() == 2**16 - 1
    assert set(table["nearest_site"]) == set(table["nearest_id"]) == {""}
    assert set(table["cost_text"]) == {"无法到达"}
    assert np.isinf(table["cost"]).all()


def test_nobody_lives_anywhere() -> None:
    assert len(find([0], demand=gridworld.grid_demand(4, residents=np.zeros(16)))) == 0


def test_a_middle_in_reach_is_partly_reached_and_no_distance() -> None:
    standard = load_standards()["aed"]
    assert standard.far_text(70.0) == PARTLY
    assert standard.far_text(270.0) == PARTLY
    assert standard.far_text(271.0) == "271米"
    warehouse = load_standards()["warehouse"]
    assert [warehouse.far_text(cost) for cost in (3600.0, 3601.0, np.inf)] == [
        "1小时",
        "1小时1分钟",
        "无法到达",
    ]


def test_a_gap_over_most_of_a_county_says_so() -> None:
    assert gaps._most_of("修水县", "修水县 杭口镇附近") == "修水县大部 (杭口镇附近)"
    assert gaps._most_of("青山湖区", "青山湖区驻地附近") == "青山湖区大部 (驻地附近)"


def test_where_nothing_parts_neighbours_the_network_changes_nothing() -> None:
    network, demand = gridworld.grid_network(6), gridworld.grid_demand(6)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [7]))
    cover = measures.cover_layer(demand, network, layer, gridworld.drive_standard())
    gaz = gridworld.make_gazetteer(demand)
    pd.testing.assert_frame_equal(
        gaps.find_gaps(demand, cover, layer, gaz), gaps.find_gaps(demand, cover, layer, gaz, network=network)
    )


def test_cells_of_a_gap_sum_to_its_residents() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0]))
    cover = measures.cover_layer(demand, network, layer, gridworld.drive_standard())
    found = gaps.locate_gaps(demand, cover, layer, gridworld.make_gazetteer(demand), network=network)
    for row, gap in found.table.iterrows():
        own = found.member == row
        assert (own.sum(), demand.residents[own].sum()) == (gap["cells"], gap["residents"])
        assert set(demand.county[own]) == {gridworld.COUNTIES.index(gap["county"])}
        whole = demand.residents[demand.county == demand.county[own][0]].sum()
        assert gap["share"] == gap["residents"] / whole
    assert (found.member[[0, 1, 4]] == -1).all()
    assert found.table["places"][0] == "镇15、镇14、镇11、丁县驻地等5处"


def without_settlements(gaz: Gazetteer) -> Gazetteer:
    names = ("name", "lon", "lat", "level", "county", "population")
    return replace(gaz, **{name: getattr(gaz, name)[np.asarray(gaz.level) < 3] for name in names})


def test_equal_names_are_told_apart() -> None:
    demand = gridworld.grid_demand(6, residents=np.full(36, 100))
    gaz = gridworld.make_gazetteer(demand)
    few = np.asarray(gaz.level) < 3
    gaz = replace(
        gaz,
        **{name: getattr(gaz, name)[few] for name in ("name", "lon", "lat", "level", "county", "population")},
    )
    gaz = replace(gaz, lon=np.where(gaz.level == 2, gaz.lon + 0.02, gaz.lon), lat=gaz.lat + 0.02)
    close = Demand(**{**vars(demand), "lon": 115 + (demand.lon - 115) / 4, "lat": 28 + (demand.lat - 28) / 4})
    close = Demand(**{**vars(close), "area_km2": demand.area_km2 / 16})
    cover, layer = custom(close, {0: 1.0, 2: 0.9}, gridworld.walk_standard((100,)))
    names = gaps.find_gaps(close, cover, layer, gaz)["name"].tolist()
    assert names == ["甲县驻地西南约3公里", "甲县驻地东南约4公里"]
    cover, layer = custom(close, {0: 1.0, 2: 1.0}, gridworld.walk_standard((100,)))
    here = replace(close, lon=np.where(close.lon > 115.04, close.lon, 115.0))
    assert not gaps.find_gaps(here, cover, layer, gaz)["name"].duplicated().any()


def test_edges_of_the_world_of_gaps() -> None:
    one = gridworld.grid_demand(1, residents=[7])
    network, gaz = gridworld.grid_network(2), gridworld.make_gazetteer(gridworld.grid_demand(2))
    nobody = gridworld.grid_demand(2, residents=[0, 0, 0, 0])
    bare = replace(
        gaz,
        **{name: getattr(gaz, name)[:7] for name in ("name", "lon", "lat", "level", "county", "population")},
    )
    none = gridworld.make_layer("warehouse", [], [])
    for demand, count in ((one, 1), (nobody, 0)):
        cover = measures.cover_layer(demand, network, none, gridworld.drive_standard())
        for places in (gaz, bare):
            found = gaps.locate_gaps(demand, cover, none, places, network=network)
            assert len(found.table) == count and list(found.table.columns) == gaps.COLUMNS
            assert (found.table["cost_text"] == "无法到达").all()
