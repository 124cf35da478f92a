"""Pairs and ranks of residents and sites: equal to networkx and to brute force, by road and on foot."""

from __future__ import annotations

from dataclasses import replace

import gridworld
import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapeworld
from boai.coverage import meet, pairs, reach, snap
from boai.coverage.matrix import UNREACHED, Matrix, build_matrix, rank_sites
from boai.geodata.crs import haversine_m
from boai.geodata.demand import Demand
from boai.geodata.layers import Layer
from boai.geodata.network import Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray


def rows_of(matrix: Matrix) -> list[list[tuple[int, int]]]:
    """(cost, site) of each row."""
    both = list(zip(matrix.cost.tolist(), matrix.site.tolist(), strict=True))
    return [both[a:b] for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)]


def road_world(seed: int) -> tuple[Network, Demand, Layer]:
    """Bent roads with 25 cells and 6 sites beside, two of them at one place."""
    network, demand = shapeworld.random_roads(seed), gridworld.grid_demand(5)
    lon, lat = shapeworld.points_on_roads(network, seed, 25)
    demand = replace(demand, lon=lon, lat=lat)
    x, y = shapeworld.points_on_roads(network, seed + 1, 6)
    x[5], y[5] = x[2], y[2]
    return network, demand, gridworld.make_layer("warehouse", x, y, demand=demand)


def times_by_networkx(network: Network, demand: Demand, layer: Layer) -> NDArray[np.float64]:
    """(sites, cells) centiseconds on the graph in which sites and cells split their edges."""
    sites = snap.attach(network, *meet.sites(layer), detour=1.3, speed_kmh=20.0)
    cells = snap.attach(network, demand.lon, demand.lat, detour=1.3, speed_kmh=20.0)
    graph = shapeworld.split_graph(network, sites, cells)
    return shapeworld.times_between(graph, len(layer.table), len(demand.cell))


@settings(max_examples=many(40))
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_driving_equals_networkx(seed: int, k: int) -> None:
    """All pairs within the limit and the k nearest, with their order, to the centisecond."""
    network, demand, layer = road_world(seed)
    times = times_by_networkx(network, demand, layer)
    limit = int(np.median(times[np.isfinite(times)])) // 100 + 1 if np.isfinite(times).any() else 1
    standard = gridworld.drive_standard((limit, 2 * limit), limit)
    every = [
        sorted((int(times[site, cell]), site) for site in range(6) if np.isfinite(times[site, cell]))
        for cell in range(25)
    ]
    matrix = build_matrix(demand, network, layer, standard, limit=limit)
    assert rows_of(matrix) == [[pair for pair in row if pair[0] <= limit * 100] for row in every]
    assert matrix.cell.tolist() == list(range(25))
    ranked = rank_sites(demand, network, layer, standard, k=k)
    for cell, row in enumerate(every):
        expected = (row + [(UNREACHED, -1)] * k)[:k]
        assert list(zip(ranked.cost[cell].tolist(), ranked.site[cell].tolist(), strict=True)) == expected


def test_the_first_ranks_are_the_covers() -> None:
    """On a grid of roads, with ties: the nearest and second nearest of `reach`."""
    demand, network = gridworld.grid_demand(5), gridworld.grid_network(5)
    standard = gridworld.drive_standard()
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0, 4, 4, 12, 24]), demand=demand)
    ranked = rank_sites(demand, network, layer, standard)
    both = (reach.drive_reach, reach.second_drive_reach)
    for column, found in enumerate(both):
        first = found(demand, network, *meet.sites(layer), standard)
        np.testing.assert_array_equal(ranked.site[:, column], first.nearest)
        np.testing.assert_array_equal((ranked.cost[:, column] / 100).astype(np.float32), first.cost)
    matrix = build_matrix(demand, network, layer, standard)
    assert matrix.limit == standard.limits[-1]
    first = reach.drive_reach(demand, network, *meet.sites(layer), standard)
    for column, limit in enumerate(standard.limits):
        served = np.bincount(matrix.rows()[matrix.within(limit)], minlength=25) > 0
        np.testing.assert_array_equal(served, first.share[:, column] > 0)


def test_a_limit_takes_the_last_centisecond() -> None:
    demand, network = gridworld.grid_demand(4), gridworld.grid_network(4)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [0]), demand=demand)
    for limit, cells in ((599, [0]), (600, [0, 1, 4])):
        matrix = build_matrix(demand, network, layer, gridworld.drive_standard(), limit=limit)
        assert np.flatnonzero(np.diff(matrix.indptr)).tolist() == cells


def test_sites_in_batches_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, demand, layer = road_world(11)
    standard = gridworld.drive_standard((60, 90), 60)
    whole = build_matrix(demand, network, layer, standard)
    assert len(whole.site) > 20
    monkeypatch.setattr(pairs, "_MOST_ENTRIES", 2 * network.n_nodes)
    assert rows_of(build_matrix(demand, network, layer, standard)) == rows_of(whole)


def sub_cells(demand: Demand) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Centres of all sub-cells and the row of their cell, by h3's own family tree."""
    children = [h3.cell_to_children(cell, 10) for cell in demand.cell.tolist()]
    lat, lon = np.array([h3.cell_to_latlng(child) for own in children for child in own.tolist()]).T
    return lon, lat, np.repeat(np.arange(len(children)), [len(own) for own in children])


@pytest.mark.parametrize("detour", [1.0, 1.3])
def test_straight_walks_equal_brute_force(detour: float) -> None:
    demand, rng = gridworld.hex_demand(2), np.random.default_rng(5)
    lon, lat = (rng.uniform(values.min(), values.max(), 12) for values in (demand.lon, demand.lat))
    layer = gridworld.make_layer("aed", lon, lat)
    standard = gridworld.walk_standard((400, 900), detour=detour)
    matrix = build_matrix(demand, gridworld.grid_network(2), layer, standard)
    x, y, cell = sub_cells(demand)
    cost = np.rint(haversine_m(x[:, None], y[:, None], lon, lat) * detour * 100)
    near = (cost <= 90_000).any(axis=1)
    expected = sorted(
        (int(cell[i]), sorted((int(c), s) for s, c in enumerate(cost[i]) if c <= 90_000))
        for i in np.flatnonzero(near)
    )
    assert sorted(zip(matrix.cell.tolist(), rows_of(matrix), strict=True)) == expected
    assert (np.diff(matrix.cell) >= 0).all()
    found = reach.walk_reach(demand, lon, lat, standard)
    for column, limit in enumerate(standard.limits):
        served = np.bincount(matrix.rows()[matrix.within(limit)], minlength=matrix.n_rows) > 0
        share = np.bincount(matrix.cell[served], minlength=len(demand.cell)) / 343
        np.testing.assert_array_equal(share, found.share[:, column])
    ranked = rank_sites(demand, gridworld.grid_network(2), layer, standard, k=20)
    metres = np.rint(haversine_m(demand.lon[:, None], demand.lat[:, None], lon, lat) * detour * 100)
    for i, own in enumerate(metres):
        expected_row = sorted((int(c), s) for s, c in enumerate(own))
        got = list(zip(ranked.cost[i, :12].tolist(), ranked.site[i, :12].tolist(), strict=True))
        assert got == expected_row
    assert (ranked.site[:, 12:] == -1).all()


def foot_world() -> tuple[Demand, Network, Layer]:
    """Seven cells crossed by one street from west to east, with one bridge-less side street; three sites."""
    demand = gridworld.hex_demand(1)
    middle = int(np.argmin(haversine_m(demand.lon, demand.lat, demand.lon.mean(), demand.lat.mean())))
    origin = np.array([demand.lon[middle], demand.lat[middle]]) * shapeworld.STEPS
    x, y = (origin - (shapeworld.WEST, shapeworld.SOUTH)).astype(int)
    places = [(x - 20_000, y), (x, y), (x + 20_000, y), (x, y + 9_000)]
    roads = [shapeworld.Road(0, 1, 9, 9), shapeworld.Road(1, 2, 9, 9), shapeworld.Road(1, 3, 9, 9)]
    network = shapeworld.make(places, roads)
    network = replace(network, meta={**network.meta, "mode": "walk"})
    lon = network.lon[[1, 2, 3]]
    layer = gridworld.make_layer("aed", lon, network.lat[[1, 2, 3]] + 0.0003)
    return demand, network, layer


def test_walks_along_a_network_equal_networkx() -> None:
    """Every sub-cell: off the street x detour, along it, off again; in whole centimetres."""
    demand, network, layer = foot_world()
    standard = gridworld.walk_standard((700, 1500), detour=1.3)
    ways = meet.on_foot(network, standard)
    assert ways is not None
    x, y, cell = sub_cells(demand)
    near = np.flatnonzero(
        (haversine_m(x[:, None], y[:, None], *(at for at in meet.sites(layer))) <= 1500).any(axis=1)
    )
    sites = snap.attach(ways, *meet.sites(layer), detour=1.3, speed_kmh=3.6)
    places = snap.attach(ways, x[near], y[near], detour=1.3, speed_kmh=3.6)
    cost = shapeworld.times_between(shapeworld.split_graph(ways, sites, places), 3, len(near))
    expected = [
        (int(cell[near[i]]), sorted((int(c), s) for s, c in enumerate(own) if c <= 150_000))
        for i, own in enumerate(cost.T)
    ]
    matrix = build_matrix(demand, network, layer, standard)
    assert sorted(zip(matrix.cell.tolist(), rows_of(matrix), strict=True)) == sorted(
        row for row in expected if row[1]
    )
    assert len(matrix.site) > 200
    found = reach.walk_reach(demand, *meet.sites(layer), standard, network)
    for column, limit in enumerate(standard.limits):
        served = np.bincount(matrix.rows()[matrix.within(limit)], minlength=matrix.n_rows) > 0
        share = np.bincount(matrix.cell[served], minlength=len(demand.cell)) / 343
        np.testing.assert_array_equal(share, found.share[:, column])
    ranked = rank_sites(demand, network, layer, standard, k=1)
    np.testing.assert_array_equal(ranked.site[:, 0], found.nearest)
    np.testing.assert_array_equal((ranked.cost[:, 0] / 100).astype(np.float32), found.cost)
    candidates = reach.candidate_reach_walk(demand, *meet.sites(layer), standard, network=network)
    assert len(candidates.indices) == len(matrix.site)


def test_a_straight_radius_stays_straight_on_a_walking_network() -> None:
    demand, network, layer = foot_world()
    standard = gridworld.walk_standard((1000,), detour=1.0)
    assert meet.on_foot(network, standard) is None
    assert meet.on_foot(gridworld.grid_network(2), gridworld.walk_standard(detour=1.3)) is None
    with_roads = build_matrix(demand, network, layer, standard)
    assert rows_of(with_roads) == rows_of(build_matrix(demand, gridworld.grid_network(2), layer, standard))


def test_no_sites_no_cells_one_place() -> None:
    demand, network = gridworld.grid_demand(3), gridworld.grid_network(3)
    hexes, foot = gridworld.hex_demand(1), gridworld.walk_standard((500,), detour=1.3)
    none = gridworld.make_layer("warehouse", [], [])
    drive = gridworld.drive_standard()
    assert build_matrix(demand, network, none, drive).indptr.tolist() == [0] * 10
    assert (rank_sites(demand, network, none, drive).site == -1).all()
    assert build_matrix(hexes, network, none, foot).n_rows == 0
    assert (rank_sites(hexes, network, none, foot).cost == UNREACHED).all()
    nobody = Demand(**{name: values[:0] for name, values in vars(demand).items() if name != "meta"})
    some = gridworld.make_layer("warehouse", [115.0], [28.0])
    assert build_matrix(nobody, network, some, drive).n_rows == 0
    assert rank_sites(nobody, network, some, drive).site.shape == (0, 3)
    assert rank_sites(nobody, network, some, foot).site.shape == (0, 3)
    together = gridworld.make_layer("warehouse", [115.0] * 4, [28.0] * 4)
    ranked = rank_sites(demand, network, together, drive)
    assert (ranked.site == [0, 1, 2]).all()
    assert (ranked.cost == ranked.cost[:, :1]).all()


def test_a_matrix_weighs_its_rows() -> None:
    demand = gridworld.hex_demand(1)
    layer = gridworld.make_layer("aed", demand.lon[:2], demand.lat[:2])
    matrix = build_matrix(demand, gridworld.grid_network(2), layer, gridworld.walk_standard((300,)))
    assert matrix.weight(demand.residents).tolist() == pytest.approx([16.0] * matrix.n_rows)
    assert matrix.rows().tolist() == np.repeat(np.arange(matrix.n_rows), np.diff(matrix.indptr)).tolist()
