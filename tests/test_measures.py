"""Cover in round numbers, invariants, exact sums, networkx as the independent implementation."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import numpy as np
import pandas as pd
import pytest
from boai.coverage import measures, zones
from boai.coverage.measures import Cover
from boai.coverage.people import GROUPS, people
from boai.coverage.standards import Rule
from boai.geodata.demand import Demand
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st


def grid_cover(nodes: list[int], k: int = 4) -> tuple[Demand, Cover]:
    network, demand = gridworld.grid_network(k), gridworld.grid_demand(k)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, nodes))
    return demand, measures.cover_layer(demand, network, layer, gridworld.drive_standard())


def pick(table: pd.DataFrame, level: str, limit: int) -> pd.DataFrame:
    return table[(table["level"] == level) & (table["limit"] == limit)].set_index("code")


def test_residents_within_a_block_of_the_south_west_corner() -> None:
    demand, cover = grid_cover([0])
    table = measures.by_unit(demand, cover)
    whole = 2**16 - 1
    province = pick(table, "省", 600)
    assert province.loc["360000", ["name", "residents", "served"]].tolist() == ["江西省", whole, 1 + 2 + 16]
    assert province["share"].item() == 19 / whole
    assert province["limit_text"].item() == "10分钟"
    assert pick(table, "省", 1200)["served"].item() == 19 + 4 + 32 + 256
    counties = pick(table, "县", 600)
    assert counties["name"].tolist() == list(gridworld.COUNTIES)
    assert counties["served"].tolist() == [19, 0, 0, 0]
    assert counties.loc["360101", "residents"] == 1 + 2 + 16 + 32
    assert pick(table, "市", 600).loc["360100", ["name", "city", "served"]].tolist() == ["东市", "东市", 19]
    assert len(table) == (1 + 2 + 4) * 3


def test_cover_of_the_grid_equals_networkx() -> None:
    network, demand, sites = gridworld.grid_network(6, seconds=420), gridworld.grid_demand(6), [3, 17, 29]
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, sites))
    standard = gridworld.drive_standard((420, 840, 1260), 840)
    table = measures.by_unit(demand, measures.cover_layer(demand, network, layer, standard))
    graph = gridworld.as_graph(network)
    times = [gridworld.times_from(graph, site) for site in sites]
    for limit in standard.limits:
        inside = [min(time[cell] for time in times) <= limit * 100 for cell in range(36)]
        assert pick(table, "省", limit)["served"].item() == demand.residents[inside].sum()
        for position, code in enumerate(gridworld.CODES):
            own = np.array(inside) & (demand.county == position)
            assert pick(table, "县", limit).loc[code, "served"] == demand.residents[own].sum()


@settings(max_examples=many(40), deadline=None)
@given(st.lists(st.integers(0, 24), min_size=1, max_size=5), st.integers(0, 24))
def test_opening_a_site_or_loosening_a_limit_never_lowers_cover(nodes: list[int], another: int) -> None:
    demand, before = grid_cover(nodes, 5)
    _, after = grid_cover([*nodes, another], 5)
    assert (after.share >= before.share).all()
    assert (after.cost <= before.cost).all()
    assert (np.diff(before.share, axis=1) >= 0).all()
    served = measures.by_unit(demand, before).pivot(index="code", columns="limit", values="served")
    assert (np.diff(served.to_numpy(), axis=1) >= 0).all()


@settings(max_examples=many(40), deadline=None)
@given(st.permutations(list(range(5))))
def test_permuting_sites_changes_positions_only(order: list[int]) -> None:
    nodes = [0, 7, 7, 13, 24]
    demand, cover = grid_cover(nodes, 5)
    _, turned = grid_cover([nodes[i] for i in order], 5)
    np.testing.assert_array_equal(turned.share, cover.share)
    np.testing.assert_array_equal(turned.cost, cover.cost)
    pd.testing.assert_frame_equal(measures.by_unit(demand, turned), measures.by_unit(demand, cover))
    network = gridworld.grid_network(5)
    graph = gridworld.as_graph(network)
    for cell, row in enumerate(turned.nearest.tolist()):
        site = nodes[order[row]]
        assert gridworld.times_from(graph, site)[cell] == cover.cost[cell] * 100


def test_equally_near_sites_give_the_lowest_row() -> None:
    for nodes in ([0, 2], [2, 0]):
        assert grid_cover(nodes, 3)[1].nearest[[1, 4, 7]].tolist() == [0, 0, 0]


@settings(max_examples=many(200), deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sums_are_exact_and_shares_unrounded(seed: int) -> None:
    rng = np.random.default_rng(seed)
    demand = gridworld.grid_demand(4, residents=rng.integers(0, 5, 16))
    share = np.sort(rng.integers(0, 344, (16, 3)) / 343, axis=1)
    standard = gridworld.walk_standard((100, 200, 300))
    cover = Cover(standard, share, np.zeros(16, np.int32), np.zeros(16, np.float32))
    table = measures.by_unit(demand, cover)
    for column, limit in enumerate(standard.limits):
        province, cities, counties = (pick(table, level, limit) for level in measures.LEVELS)
        exact = demand.residents * share[:, column]
        assert counties["served"].sum() == cities["served"].sum() == province["served"].item()
        assert (counties.groupby(counties.index.str[:4])["served"].sum().tolist()) == cities[
            "served"
        ].tolist()
        assert abs(province["served"].item() - exact.sum()) <= (0.5 if column == 0 else 4)
        per_county = np.bincount(demand.county, weights=exact, minlength=4)
        assert (np.abs(counties["served"] - per_county) < 1).all()
        assert (counties["served"] <= counties["residents"]).all()
        if demand.residents.sum():
            assert province["share"].item() == pytest.approx(exact.sum() / demand.residents.sum())
    served = table.pivot(index="code", columns="limit", values="served").to_numpy()
    assert (np.diff(served, axis=1) >= 0).all()


def test_largest_remainder_rounds_once_at_the_counties() -> None:
    residents = np.zeros(16, np.int64)
    residents[[0, 8, 2, 10]] = 1
    demand = gridworld.grid_demand(4, residents=residents)
    share = np.zeros((16, 1))
    share[[0, 8, 2, 10], 0] = 0.4, 0.3, 0.45, 0.85
    standard = gridworld.walk_standard((100,))
    cover = Cover(standard, share, np.zeros(16, np.int32), np.zeros(16, np.float32))
    table = measures.by_unit(demand, cover)
    assert pick(table, "县", 100)["served"].tolist() == [0, 0, 1, 1]
    assert pick(table, "省", 100)["served"].item() == 2
    assert pick(table, "省", 100)["share"].item() == pytest.approx(0.5)


def test_walking_cover_of_hexagons() -> None:
    demand = gridworld.hex_demand(2)
    layer = gridworld.make_layer("aed", demand.lon[:3], demand.lat[:3])
    network = gridworld.grid_network(2)
    cover = measures.cover_layer(
        demand, network, layer, gridworld.walk_standard((270, 1000), 270, detour=1.3)
    )
    assert (cover.main_share == cover.share[:, 0]).all()
    assert (cover.cost[:3] == 0).all()
    table = measures.by_unit(demand, cover)
    assert 0 < pick(table, "省", 270)["served"].item() < pick(table, "省", 1000)["served"].item()


def test_no_sites_and_no_residents_are_defined() -> None:
    network, nobody = gridworld.grid_network(4), gridworld.grid_demand(4, residents=np.zeros(16))
    empty = gridworld.make_layer("warehouse", [], [])
    standard = gridworld.drive_standard()
    demand = gridworld.grid_demand(4)
    cover = measures.cover_layer(demand, network, empty, standard)
    table = measures.by_unit(demand, cover)
    assert (table["served"] == 0).all()
    assert (table["share"] == 0).all()
    assert (cover.nearest == -1).all()
    assert np.isinf(measures.percentile(demand, cover))
    unpeopled = measures.by_unit(nobody, measures.cover_layer(nobody, network, empty, standard))
    assert (unpeopled["served"] == 0).all()
    assert unpeopled["share"].isna().all()
    assert np.isnan(measures.percentile(nobody, cover))
    assert (measures.density(demand, empty)["sites"] == 0).all()
    assert measures.density(nobody, empty)["per_10k"].isna().all()


def test_percentile() -> None:
    demand, cover = grid_cover([15])
    row, column = np.divmod(np.arange(16), 4)
    minutes = (6 - row - column) * 10
    for quantile in (0.1, 0.5, 0.75, 0.9, 1.0):
        bound = measures.percentile(demand, cover, quantile=quantile) / 60
        total = demand.residents.sum()
        assert demand.residents[minutes <= bound].sum() >= quantile * total
        assert demand.residents[minutes < bound].sum() < quantile * total
    assert measures.percentile(demand, cover, quantile=0.5) == 0
    assert measures.percentile(demand, cover) == 1200
    few = gridworld.grid_demand(2, residents=[1, 1, 2, 0])
    cost = np.array([60, 120, 180, 240], np.float32)
    cover = Cover(gridworld.drive_standard(), np.zeros((4, 3)), np.zeros(4, np.int32), cost)
    assert [measures.percentile(few, cover, quantile=q) for q in (0.25, 0.5, 0.51, 1.0)] == [
        60,
        120,
        180,
        180,
    ]


def test_second_cover() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [5, 6]))
    second = measures.second_cover(demand, network, layer, gridworld.drive_standard())
    served = pick(measures.by_unit(demand, second), "省", 600)["served"].item()
    assert served == 2**5 + 2**6
    alone = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [5]))
    nobody = measures.second_cover(demand, network, alone, gridworld.drive_standard())
    assert nobody.share.sum() == 0
    with pytest.raises(ValueError, match="driving"):
        measures.second_cover(demand, network, layer, gridworld.walk_standard())


def test_density_counts_sites_in_their_county() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4, residents=np.full(16, 2500))
    layer = gridworld.make_layer("aed", *gridworld.at_nodes(network, [0, 1, 15]), demand=demand)
    layer.table.loc[len(layer.table)] = layer.table.loc[0].replace({"360101": "420101"})
    table = measures.density(demand, layer).set_index("code")
    assert table.loc[list(gridworld.CODES), "sites"].tolist() == [2, 0, 0, 1]
    assert table.loc["360101", "per_10k"] == 2.0
    assert table.loc["360000", ["residents", "sites", "per_10k"]].tolist() == [40_000, 3, 0.75]
    assert table.loc["360100", "per_10k"] == 1.0


def test_administrative_requirements_list_failing_units() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    teams = gridworld.make_layer("team", *gridworld.at_nodes(network, [0, 8]), demand=demand)
    stores = gridworld.make_layer(
        "warehouse", *gridworld.at_nodes(network, [0, 15]), demand=demand, level=["市级", "县级"]
    )
    table = measures.admin_failures(demand, {"team": teams, "warehouse": stores})
    assert table[["kind", "level", "name"]].to_numpy().tolist() == [
        ["team", "市", "西市"],
        ["team", "县", "丙县"],
        ["team", "县", "丁县"],
        ["warehouse", "市", "西市"],
        ["warehouse", "县", "乙县"],
        ["warehouse", "县", "丙县"],
    ]
    assert (table["sites"] == 0).all()
    assert table["rule"].str.contains("至少").all()


def test_requirements_without_layers_without_rules_and_all_met() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    assert len(measures.admin_failures(demand, {})) == 2 + 4 + 2 + 4
    assert list(measures.admin_failures(demand, {}, ()).columns) == list(
        measures.admin_failures(demand, {}).columns
    )
    everywhere = gridworld.make_layer(
        "team", *gridworld.at_nodes(network, [0, 2, 8, 10, 10]), demand=demand, level="市级"
    )
    rules = (Rule("team", "县", 1, ("市级",), "每县", "测试"), Rule("team", "县", 2, (), "每县两支", "测试"))
    table = measures.admin_failures(demand, {"team": everywhere}, rules)
    assert table["rule"].tolist() == ["每县两支"] * 3
    assert len(measures.admin_failures(demand, {"team": everywhere}, rules[:1])) == 0


def test_demand_is_not_changed() -> None:
    demand = gridworld.grid_demand(4)
    before = {name: np.copy(value) for name, value in vars(demand).items() if isinstance(value, np.ndarray)}
    measures.by_unit(demand, grid_cover([0, 5])[1])
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(demand, name), value)


def test_all_five_levels_add_up_for_every_group() -> None:
    demand = gridworld.hex_demand(2)
    layer = gridworld.make_layer("aed", demand.lon[:4], demand.lat[:4])
    standard = gridworld.walk_standard((270, 1000), 270, detour=1.3)
    cover = measures.cover_layer(demand, gridworld.grid_network(2), layer, standard)
    gaz = gridworld.make_gazetteer(demand)
    for group in GROUPS:
        table = measures.by_unit(demand, cover, levels=zones.LEVELS, group=group, gazetteer=gaz)
        assert list(table.columns[:6]) == ["level", "code", "name", "city", "county", "limit"]
        sums = table.groupby(["level", "limit"])[["residents", "served"]].sum().unstack()
        assert (sums.nunique() == 1).all()
        assert sums["residents"].iloc[0, 0] == people(demand, group).sum()
        per_county = table.groupby(["county", "level", "limit"])["served"].sum()
        assert per_county.xs("乡镇", level="level").equals(per_county.xs("网格", level="level"))
    plain = measures.by_unit(demand, cover)
    pd.testing.assert_frame_equal(
        plain, measures.by_unit(demand, cover, levels=("省", "市", "县"), group="all")
    )
    assert "county" not in plain.columns


def test_order_of_cells_changes_no_table() -> None:
    demand = gridworld.grid_demand(4, residents=np.arange(16) % 5)
    order = np.random.default_rng(2).permutation(16)
    names = ("cell", "lon", "lat", "area_km2", "county", "residents", "urban", "age_60", "age_65")
    shuffled = replace(demand, **{name: getattr(demand, name)[order] for name in names})
    share = np.sort(np.random.default_rng(3).integers(0, 344, (16, 2)) / 343, axis=1)
    cost = np.arange(16, dtype=np.float32) * 60
    standard, gaz = gridworld.walk_standard((100, 200)), gridworld.make_gazetteer(demand)
    before = Cover(standard, share, np.zeros(16, np.int32), cost)
    after = Cover(standard, share[order], np.zeros(16, np.int32), cost[order])
    pd.testing.assert_frame_equal(
        measures.by_unit(demand, before, levels=zones.LEVELS, gazetteer=gaz),
        measures.by_unit(shuffled, after, levels=zones.LEVELS, gazetteer=gaz),
    )
    for level in zones.LEVELS:
        pd.testing.assert_frame_equal(
            measures.by_group(demand, before, zones.zones_of(demand, level, gazetteer=gaz)),
            measures.by_group(shuffled, after, zones.zones_of(shuffled, level, gazetteer=gaz)),
        )


def test_groups_are_a_demand_of_their_own() -> None:
    demand, cover = grid_cover([0])
    county = zones.zones_of(demand, "县")
    table = measures.by_group(demand, cover, county)
    assert table["group_text"].tolist()[:5] == ["全部居民", "城镇", "乡村", "60岁以上", "65岁以上"]
    for group, rows in table.groupby("group"):
        own = replace(demand, residents=people(demand, group))
        units = pick(measures.by_unit(own, cover), "县", 600)
        assert rows["residents"].tolist() == units["residents"].tolist()
        assert rows["served"].tolist() == units["served"].tolist()
        np.testing.assert_array_equal(rows["share"], units["share"])
        for i, p90 in enumerate(rows["p90"].tolist()):
            alone = replace(own, residents=own.residents * (own.county == i))
            assert p90 == measures.percentile(alone, cover) or not alone.residents.any()
    whole = table.pivot(index="code", columns="group", values="residents")
    assert (whole["urban"] + whole["rural"] == whole["all"]).all()
    nobody = replace(demand, urban=np.zeros(16, np.int64))
    row = measures.by_group(nobody, cover, county, groups=("urban",)).iloc[0]
    assert row["p90_text"] == ""
    assert np.isnan(row["share"])


def test_the_summary_of_requirements_names_the_failing_units() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    teams = gridworld.make_layer("team", *gridworld.at_nodes(network, [0, 8]), demand=demand)
    rules = (
        Rule("team", "市", 1, (), "每市一支", "测试"),
        Rule("team", "县", 1, (), "每县一支", "测试"),
        Rule("team", "县", 0, (), "不要求", "测试"),
        Rule("home", "县", 1, (), "每县一家", "测试"),
    )
    table = measures.admin_summary(demand, {"team": teams}, rules)
    assert table["names"].tolist() == ["西市", "丙县、丁县", "", "甲县、乙县、丙县、丁县"]
    assert table["failing"].tolist() == [1, 2, 0, 4]
    assert table["units"].tolist() == [2, 4, 4, 4]
    assert table["met"].tolist() == [False, False, True, False]
    assert len(measures.admin_summary(demand, {})) == len(measures.load_rules())
