"""Marginal values of sites: exact against covers without them, and against all subsets of up to ten sites."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import gridworld
import numpy as np
import pandas as pd
from boai.coverage import marginal, measures
from boai.coverage.matrix import Matrix, build_matrix
from boai.coverage.standards import Standard
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

EMPTY_NETWORK = gridworld.make_network([], [], [], lon=[115.86], lat=[28.68])


def by_hand(covers: list[list[int]], sites: int, standard: Standard | None = None) -> Matrix:
    """Rows of cells 0, 1, ... with the sites that cover each."""
    standard = standard or gridworld.drive_standard()
    ends = np.cumsum([0, *(len(each) for each in covers)])
    entries = np.array([site for each in covers for site in each], np.int32)
    n = len(covers)
    cost = np.zeros(len(entries), np.int32)
    return Matrix(standard, 600, sites, ends, entries, cost, np.arange(n, dtype=np.int32), np.ones(n))


def layer_of(count: int) -> Layer:
    return gridworld.make_layer("warehouse", np.full(count, 115.0), np.full(count, 28.0))


def people(residents: list[int]) -> Demand:
    """Sixteen cells, of which the first have the given residents."""
    return gridworld.grid_demand(4, residents=residents + [0] * (16 - len(residents)))


def drive(nodes: list[int], k: int = 5) -> tuple[Demand, Layer, Matrix]:
    network, demand = gridworld.grid_network(k), gridworld.grid_demand(k)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, nodes), demand=demand)
    return demand, layer, build_matrix(demand, network, layer, gridworld.drive_standard())


def lost(covers: list[list[int]], residents: list[int], closed: set[int]) -> int:
    return sum(w for row, w in zip(covers, residents, strict=True) if row and set(row) <= closed)


@settings(max_examples=many(40))
@given(st.integers(0, 10_000))
def test_the_largest_closable_set_equals_all_subsets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sites, n = int(rng.integers(1, 9)), int(rng.integers(1, 16))
    covers = [np.flatnonzero(rng.random(sites) < 0.4).tolist() for _ in range(n)]
    residents = rng.integers(0, 5, n).tolist()
    found = marginal.site_values(people(residents), by_hand(covers, sites), layer_of(sites))
    most = max(
        size
        for size in range(sites + 1)
        if any(not lost(covers, residents, set(some)) for some in combinations(range(sites), size))
    )
    assert found.closable == found.closable_at_most == most
    table = found.table
    row = table["id"].str.removeprefix("warehouse-").astype(int).to_numpy()
    assert not lost(covers, residents, set(row[: found.closable].tolist()))
    assert (table["could_close"].to_numpy()[: found.closable] == marginal.FREE).all()
    for step, site in enumerate(row.tolist()):
        closed = set(row[:step].tolist())
        before = lost(covers, residents, closed)
        assert table["cumulative"][step] == lost(covers, residents, closed | {site})
        assert table["loss_if_closed"][step] == table["cumulative"][step] - before
        if step >= found.closable:
            others = [lost(covers, residents, closed | {each}) for each in row[step:].tolist()]
            assert table["cumulative"][step] == min(others)
        alone = lost(covers, residents, {site})
        assert table["sole"][step] == alone
        assert (table["could_close"][step] == marginal.NEEDED) == (alone > 0)


@settings(max_examples=many(15))
@given(st.lists(st.integers(0, 24), min_size=1, max_size=7))
def test_sole_residents_are_what_the_layer_loses_without_the_site(nodes: list[int]) -> None:
    demand, layer, matrix = drive(nodes)
    network, standard = gridworld.grid_network(5), gridworld.drive_standard()
    table = marginal.site_values(demand, matrix, layer).table
    whole = measures.cover_layer(demand, network, layer, standard)
    for _, site in table.iterrows():
        others = replace(layer, table=layer.table[layer.table["id"] != site["id"]].reset_index(drop=True))
        left = measures.cover_layer(demand, network, others, standard)
        assert site["sole"] == demand.residents @ (whole.main_share - left.main_share)
        own = replace(layer, table=layer.table[layer.table["id"] == site["id"]].reset_index(drop=True))
        assert (
            site["gross"]
            == demand.residents @ measures.cover_layer(demand, network, own, standard).main_share
        )
    assert table["cumulative"].iloc[-1] == demand.residents @ whole.main_share
    parts = table[["sole", "by_one_other", "by_two_others", "by_more_others"]].sum(axis=1)
    assert (parts == table["gross"]).all()


def test_on_foot_parts_of_cells_are_exact() -> None:
    demand, standard = gridworld.hex_demand(1), gridworld.walk_standard((500,))
    lon, lat = demand.lon[:3].copy(), demand.lat[:3].copy()
    lon[2], lat[2] = lon[1] + 0.004, lat[1]
    layer = gridworld.make_layer("aed", lon, lat, demand=demand)
    matrix = build_matrix(demand, EMPTY_NETWORK, layer, standard)
    table = marginal.site_values(demand, matrix, layer).table.set_index("id")
    whole = measures.cover_layer(demand, EMPTY_NETWORK, layer, standard)
    for i in range(3):
        others = replace(layer, table=layer.table.drop(index=i).reset_index(drop=True))
        left = measures.cover_layer(demand, EMPTY_NETWORK, others, standard)
        exact = demand.residents @ (whole.main_share - left.main_share)
        assert table.loc[f"aed-{i}", "sole"] == round(exact, 6)
    assert table.loc["aed-0", "sole_share"] == 1.0
    assert 0 < table.loc["aed-1", "sole_share"] < 1
    assert table.loc["aed-1", "by_one_other"] == table.loc["aed-2", "by_one_other"] > 0


def test_sites_that_cover_the_same_can_merge() -> None:
    covers, residents = [[0, 1], [1, 2], [0, 2]], [4, 2, 1]
    found = marginal.site_values(people(residents), by_hand(covers, 3), layer_of(3))
    assert found.closable == 1
    assert sorted(found.table["could_close"]) == sorted([marginal.FREE, marginal.MERGE, marginal.MERGE])
    assert found.table["sole"].tolist() == [0, 0, 0]
    assert found.text == "3处中有1处可以同时撤去而无人失去覆盖 (已证明最多)"


def test_the_order_of_sites_does_not_matter() -> None:
    nodes = [0, 1, 2, 6, 7, 12, 18, 24, 23]
    demand, layer, matrix = drive(nodes)
    order = np.array([3, 8, 0, 5, 1, 7, 2, 6, 4])
    mixed = replace(layer, table=layer.table.iloc[order].reset_index(drop=True))
    network, standard = gridworld.grid_network(5), gridworld.drive_standard()
    again = marginal.site_values(demand, build_matrix(demand, network, mixed, standard), mixed)
    pd.testing.assert_frame_equal(marginal.site_values(demand, matrix, layer).table, again.table)


def test_a_larger_matrix_gives_the_same() -> None:
    demand, layer, _ = drive([0, 2, 12])
    network, standard = gridworld.grid_network(5), gridworld.drive_standard()
    tables = [
        marginal.site_values(demand, build_matrix(demand, network, layer, standard, limit=limit), layer).table
        for limit in (600, 1800)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_a_group_of_residents_counts_where_it_is_given() -> None:
    demand, layer, matrix = drive([0, 12])
    table = marginal.site_values(demand, matrix, layer, amount=demand.age_60).table
    assert table["gross"].sum() == demand.age_60[[0, 1, 5, 12, 7, 11, 13, 17]].sum()


def test_edges_of_the_world() -> None:
    none = marginal.site_values(people([3]), by_hand([[]], 0), layer_of(0))
    assert (len(none.table), none.closable, none.text) == (0, 0, "没有站点")
    assert list(none.table.columns) == marginal.COLUMNS
    idle = marginal.site_values(people([0]), by_hand([[0, 1]], 2), layer_of(2))
    assert idle.table["gross"].tolist() == [0, 0] and idle.table["sole_share"].isna().all()
    assert (idle.table["could_close"] == marginal.FREE).all() and idle.closable == 2
    one = marginal.site_values(people([5]), by_hand([[0]], 1), layer_of(1))
    assert one.text == "1处站点都不可撤: 撤去任何一处都有居民失去覆盖"
    assert one.table["could_close"].tolist() == [marginal.NEEDED]
    same = marginal.site_values(people([5]), by_hand([[0, 1, 2]], 3), layer_of(3))
    assert same.closable == 2 and same.table["cumulative"].tolist() == [0, 0, 5]
    unreached = marginal.site_values(people([5, 6]), by_hand([[], []], 2), layer_of(2))
    assert unreached.table["cumulative"].tolist() == [0, 0]
