"""Sites that must not fail: every figure against measuring anew without the site."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pytest
import shapeworld
import tinyworld
from boai.coverage import measures
from boai.coverage.matrix import Matrix, Ranked, build_matrix, rank_sites
from boai.coverage.resilience import COLUMNS, UNIT_COLUMNS, lost_sites, worst_case
from boai.coverage.standards import Standard
from boai.coverage.zones import zones_of
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from boai.geodata.network import Network

World = tuple[Demand, Network, Layer, Standard]


def shaped(seed: int, *, sites: int = 5, cells: int = 30) -> World:
    network = shapeworld.random_roads(seed)
    lon, lat = shapeworld.points_on_roads(network, seed, sites + cells)
    n = np.arange(cells)
    demand = gridworld._demand(
        n.astype(np.uint64), lon[sites:], lat[sites:], np.ones(cells), n % 4, 2 ** n.astype(np.int64)
    )
    layer = gridworld.make_layer("warehouse", lon[:sites], lat[:sites], demand=demand)
    return demand, network, layer, gridworld.drive_standard((2, 4, 8), 4, access_kmh=400.0)


def on_foot(seed: int, *, sites: int = 12) -> World:
    """Hexagons around 南昌 with sites so near each other that they share sub-cells."""
    demand = gridworld.hex_demand(2)
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, len(demand.cell), sites)
    lon, lat = (axis[cell] + rng.normal(0, 0.008, sites) for axis in (demand.lon, demand.lat))
    network = gridworld.make_network([], [], [], lon=demand.lon, lat=demand.lat)
    layer = gridworld.make_layer("home", lon, lat, demand=demand)
    return demand, network, layer, gridworld.walk_standard((500, 1000), 1000, detour=1.3)


def known(world: World) -> tuple[Ranked, Matrix | None]:
    demand, network, layer, standard = world
    matrix = build_matrix(demand, network, layer, standard) if standard.mode == "walk" else None
    return rank_sites(demand, network, layer, standard, k=2), matrix


def without(layer: Layer, row: int) -> Layer:
    return Layer(layer.kind, layer.table.drop(layer.table.index[row]).reset_index(drop=True), layer.example)


@pytest.mark.parametrize("seed", range(8))
def test_driving_equals_measuring_without_the_site(seed: int) -> None:
    world = shaped(seed)
    demand, network, layer, standard = world
    ranked, _ = known(world)
    table = lost_sites(demand, ranked, layer, top=None).table.set_index("row")
    assert sorted(table.index) == list(range(len(layer.table)))
    before = measures.cover_layer(demand, network, layer, standard)
    people = demand.residents
    for row in range(len(layer.table)):
        after = measures.cover_layer(demand, network, without(layer, row), standard)
        own, mine = table.loc[row], before.nearest == row
        lost = people * (before.main_share - after.main_share)
        assert own["lost"] == lost.sum() and own["users"] == people[mine].sum()
        assert own["users_served"] == (people * before.main_share)[mine].sum()
        assert own["cut_off"] == people[mine & np.isinf(after.cost)].sum()
        longer = mine & (after.cost > before.cost) & np.isfinite(after.cost)
        assert own["slower"] == people[longer].sum()
        added = after.cost[longer].astype(float) - before.cost[longer]
        assert own["added_sum"] == pytest.approx((people[longer] * added).sum() / 3600, rel=1e-5)
        if longer.any():
            assert own["added_mean"] == pytest.approx(
                np.average(added, weights=people[longer]) / 60, rel=1e-4
            )
            assert own["added_max"] == pytest.approx(added.max() / 60, rel=1e-4)
        else:
            assert np.isnan(own["added_mean"]) and np.isnan(own["added_max"])
        counties = np.bincount(demand.county, weights=lost, minlength=4)
        assert own["county_lost"] == counties.max()
        assert own["county"] == (demand.county_name[counties.argmax()] if lost.any() else "")


@pytest.mark.parametrize("seed", range(3))
def test_walking_equals_measuring_without_the_site(seed: int) -> None:
    world = on_foot(seed)
    demand, network, layer, standard = world
    ranked, matrix = known(world)
    table = lost_sites(demand, ranked, layer, matrix=matrix, top=None).table.set_index("row")
    before = measures.cover_layer(demand, network, layer, standard)
    assert table["users_served"].sum() == pytest.approx((demand.residents * before.main_share).sum())
    assert (table["lost"] < table["users_served"]).any() and (table["lost"] > 0).any()
    for row in range(len(layer.table)):
        after = measures.cover_layer(demand, network, without(layer, row), standard)
        assert table.loc[row, "lost"] == np.rint(
            (demand.residents * (before.main_share - after.main_share)).sum()
        )
    assert (table["added_max"].dropna() <= 1000).all() and not table["cut_off"].any()


@pytest.mark.parametrize("world", [shaped(1), shaped(2), on_foot(0)], ids=["roads", "others", "walk"])
def test_the_worst_case_adds_up_and_is_the_cover_without_the_site(world: World) -> None:
    demand, network, layer, standard = world
    ranked, matrix = known(world)
    case = worst_case(demand, ranked, layer, matrix=matrix)
    first = lost_sites(demand, ranked, layer, matrix=matrix).table.iloc[0]
    assert case.row == first["row"] and list(case.table.columns) == UNIT_COLUMNS
    after = measures.by_unit(
        demand, measures.cover_layer(demand, network, without(layer, case.row), standard)
    )
    after = after[after["limit"] == standard.main].reset_index(drop=True)
    before = measures.by_unit(demand, measures.cover_layer(demand, network, layer, standard))
    before = before[before["limit"] == standard.main].reset_index(drop=True)
    assert case.table["code"].tolist() == after["code"].tolist()
    np.testing.assert_allclose(case.table["share_after"], after["share"])
    np.testing.assert_allclose(case.table["share"], before["share"])
    if standard.mode == "drive":
        assert case.table["served_after"].tolist() == after["served"].tolist()
        assert case.table["served"].tolist() == before["served"].tolist()
    assert (case.table["served"] - case.table["lost"] == case.table["served_after"]).all()
    by_level = case.table.groupby("level")[["residents", "served", "lost", "cut_off"]].sum()
    assert (by_level.loc["省"] == by_level.loc["县"]).all()
    assert by_level.loc["省", "lost"] == pytest.approx(first["lost"], abs=1)


def test_round_numbers() -> None:
    """A 4 x 4 grid, ten minutes a road, 2^node residents, sites at two corners of the south."""
    world = tinyworld.drive_world([0, 3])
    demand, network, layer = world.demand, world.network, world.layers["warehouse"]
    ranked = rank_sites(demand, network, layer, world.standards["warehouse"], k=2)
    found = lost_sites(demand, ranked, layer)
    assert list(found.table.columns) == COLUMNS and found.table["rank"].tolist() == [1, 2]
    assert found.table["row"].tolist() == [1, 0]  # columns 2 and 3 hold four times as many
    own = [2**node for node in range(16)]
    east = sum(own[node] for node in range(16) if node % 4 > 1)
    assert found.table["users"].tolist() == [east, sum(own) - east]
    assert found.table["lost"].tolist() == [4 + 8 + 128, 1 + 2 + 16]
    assert found.table["added_max"].tolist() == [30.0, 30.0]
    assert "站1" in found.headline and "140名居民失去10分钟覆盖" in found.headline
    assert found.table["text"][0].startswith("失去站1: ")


def test_one_site_alone_cuts_everybody_off() -> None:
    world = tinyworld.drive_world([5])
    demand, network, layer = world.demand, world.network, world.layers["warehouse"]
    ranked = rank_sites(demand, network, layer, world.standards["warehouse"], k=2)
    row = lost_sites(demand, ranked, layer).table.iloc[0]
    assert row["cut_off"] == row["users"] == 2**16 - 1 and row["slower"] == 0 and "再无站点" in row["text"]
    assert worst_case(demand, ranked, layer).table["cut_off"][0] == 2**16 - 1
    small = tinyworld.walk_world(homes=[5])
    walk = small.demand, small.network, small.layers["home"], small.standards["home"]
    ranked, matrix = known(walk)
    row = lost_sites(small.demand, ranked, small.layers["home"], matrix=matrix).table.iloc[0]
    assert row["cut_off"] == row["lost"] == row["users"] > 0


def test_sites_on_one_point_stand_in_for_each_other() -> None:
    world = tinyworld.drive_world([5, 5, 5])
    demand, network, layer = world.demand, world.network, world.layers["warehouse"]
    ranked = rank_sites(demand, network, layer, world.standards["warehouse"], k=2)
    found = lost_sites(demand, ranked, layer)
    assert not found.table[["lost", "slower", "cut_off"]].to_numpy().any()
    assert "任何一处" in found.headline
    case = worst_case(demand, ranked, layer)
    assert case.row == -1 and not case.table["lost"].any() and case.table["served"][0] > 0


def test_nothing_to_lose_is_a_sentence() -> None:
    world = tinyworld.drive_world([])
    standard = world.standards["warehouse"]
    layer = world.layers["warehouse"]
    ranked = rank_sites(world.demand, world.network, layer, standard, k=2)
    found = lost_sites(world.demand, ranked, layer)
    assert not len(found.table) and "没有站点" in found.headline and list(found.table.columns) == COLUMNS
    case = worst_case(world.demand, ranked, layer)
    assert case.row == -1 and case.table["served"].sum() == 0 and case.table["residents"][0] == 2**16 - 1
    nobody = tinyworld.drive_world([3], residents=np.zeros(16))
    layer = nobody.layers["warehouse"]
    ranked = rank_sites(nobody.demand, nobody.network, layer, standard, k=2)
    assert "没有居民" in lost_sites(nobody.demand, ranked, layer).headline
    assert worst_case(nobody.demand, ranked, layer).table["share"].isna().all()


def test_order_changes_nothing_but_the_rows() -> None:
    world = shaped(4)
    demand, network, layer, standard = world
    first = lost_sites(demand, known(world)[0], layer).table
    turned = Layer(layer.kind, layer.table.iloc[::-1].reset_index(drop=True), True)
    again = lost_sites(demand, known((demand, network, turned, standard))[0], turned).table
    assert first["lost"].tolist() == again["lost"].tolist()
    distinct = first[first["lost"] > 0].drop_duplicates("lost", keep=False)["id"]
    assert set(distinct) <= set(again["id"]) and len(distinct)


def test_zones_may_be_chosen() -> None:
    world = shaped(1)
    demand, _, layer, _ = world
    ranked = known(world)[0]
    cities = worst_case(demand, ranked, layer, zones=[zones_of(demand, "市")]).table
    assert cities["level"].unique().tolist() == ["市"]
    whole = worst_case(demand, ranked, layer).table
    assert cities["lost"].sum() == whole["lost"][0]


def test_wrong_arguments_are_refused() -> None:
    demand, network, layer, standard = world = shaped(1)
    ranked, _ = known(world)
    with pytest.raises(ValueError, match="two nearest"):
        lost_sites(demand, rank_sites(demand, network, layer, standard, k=1), layer)
    with pytest.raises(ValueError, match="another demand or layer"):
        lost_sites(demand, ranked, without(layer, 0))
    walk = on_foot(0)
    ranked, matrix = known(walk)
    with pytest.raises(ValueError, match="matrix"):
        lost_sites(walk[0], ranked, walk[2])
    with pytest.raises(ValueError, match="main limit"):
        lost_sites(walk[0], ranked, walk[2], matrix=replace(matrix, limit=500))
