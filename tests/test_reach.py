"""Reach by road and on foot: round numbers, networkx, and h3 cell by cell."""

from __future__ import annotations

import gridworld
import h3
import numpy as np
import pytest
import shapeworld
from boai.coverage import near_nodes, pairs, reach, snap
from boai.coverage.subcells import parent_cells
from boai.geodata.crs import haversine_m
from boai.geodata.demand import Demand
from boai.geodata.network import NODE_CELL, NODE_INTERCHANGE, NODE_SETTLEMENT, Network
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray


def subcells(demand: Demand) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Centres of all sub-cells and the row of their cell, by h3's own family tree."""
    lonlat, owner = [], []
    for row, cell in enumerate(demand.cell.tolist()):
        for child in h3.cell_to_children(h3.int_to_str(cell), 10):
            lonlat.append(h3.cell_to_latlng(child)[::-1])
            owner.append(row)
    lon, lat = np.array(lonlat).T
    return lon, lat, np.array(owner)


def test_drive_reach_counts_the_blocks() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    found = reach.drive_reach(demand, network, *gridworld.at_nodes(network, [0]), gridworld.drive_standard())
    row, column = np.divmod(np.arange(16), 4)
    assert found.cost.tolist() == ((row + column) * 600).tolist()
    assert found.share.tolist() == [[float(far <= most) for most in (1, 2, 3)] for far in row + column]
    assert (found.nearest == 0).all()


def test_drive_reach_equals_networkx_on_random_networks() -> None:
    for seed in range(4):
        network = gridworld.random_network(seed, n=36, m=130, longest=20_000)
        demand = gridworld.grid_demand(6, residents=np.ones(36))
        at = network.lon[:36], network.lat[:36]
        demand = Demand(**{**vars(demand), "lon": at[0], "lat": at[1]})
        sites, standard = [1, 7, 20], gridworld.drive_standard((100, 250, 400), 100)
        found = reach.drive_reach(demand, network, *gridworld.at_nodes(network, sites), standard)
        graph = gridworld.as_graph(network)
        times = [gridworld.times_from(graph, site) for site in sites]
        for cell in range(36):
            best = min((time[cell] for time in times if cell in time), default=None)
            assert found.cost[cell] == (np.inf if best is None else np.float32(best / 100))
            assert found.share[cell].tolist() == [
                best is not None and best <= s * 100 for s in standard.limits
            ]


def test_a_site_and_a_cell_off_the_road_pay_for_the_way_to_it() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    moved = demand.lon.copy()
    moved[15] += 0.01
    demand = Demand(**{**vars(demand), "lon": moved})
    standard = gridworld.drive_standard(detour=1.5, access_kmh=36.0)
    found = reach.drive_reach(demand, network, 115.0, 28.01, standard)
    site_m = haversine_m(115.0, 28.01, 115.0, 28.0)
    cell_m = haversine_m(moved[15], demand.lat[15], network.lon[15], network.lat[15])
    own = round(site_m * 1.5 / 10 * 100)
    assert found.cost[0] == np.float32(own / 100)
    assert found.cost[5] == np.float32((2 * 60_000 + own) / 100)
    assert found.cost[15] == np.float32((6 * 60_000 + own + round(cell_m * 1.5 / 10 * 100)) / 100)


@pytest.mark.parametrize("mirrored", ["lon", "lat", "both", "kind"])
def test_cells_find_their_nodes_wherever_those_stand(mirrored: str) -> None:
    """A mirrored grid is the same roads, but its nodes do not stand at the cells of their position."""
    demand, standard, network = (
        gridworld.grid_demand(4),
        gridworld.drive_standard(),
        gridworld.grid_network(4),
    )
    node = np.arange(16).reshape(4, 4)
    places = {
        "lon": {"lon": network.lon[node[:, ::-1].ravel()]},
        "lat": {"lat": network.lat[node[::-1].ravel()]},
        "both": {"lon": network.lon[::-1].copy(), "lat": network.lat[::-1].copy()},
        "kind": {"kind": np.full(16, NODE_SETTLEMENT, np.uint8)},
    }
    other = Network(**{**vars(network), **places[mirrored]})
    site = gridworld.at_nodes(network, [6])
    expected = reach.drive_reach(demand, network, *site, standard)
    for a, b in zip(reach.drive_reach(demand, other, *site, standard), expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_second_nearest_site() -> None:
    network, demand = gridworld.grid_network(4), gridworld.grid_demand(4)
    at = gridworld.at_nodes(network, [0, 0, 15])
    second = reach.second_drive_reach(demand, network, *at, gridworld.drive_standard())
    row, column = np.divmod(np.arange(16), 4)
    near, far = (row + column) * 600, (6 - row - column) * 600
    assert second.cost.tolist() == np.sort([near, near, far], axis=0)[1].tolist()
    assert second.nearest[0] == 1
    alone = reach.second_drive_reach(demand, network, 115.0, 28.0, gridworld.drive_standard())
    assert np.isinf(alone.cost).all()
    assert alone.share.sum() == 0


@pytest.mark.parametrize(("detour", "limits"), [(1.0, (300, 1000)), (1.3, (100, 160, 270))])
def test_walk_reach_equals_every_subcell_measured_one_by_one(detour: float, limits: tuple[int, ...]) -> None:
    demand = gridworld.hex_demand(2)
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(115.80, 115.92, 12), rng.uniform(28.63, 28.73, 12)
    standard = gridworld.walk_standard(limits, detour=detour)
    found = reach.walk_reach(demand, lon, lat, standard)
    x, y, owner = subcells(demand)
    metres = haversine_m(x[:, None], y[:, None], lon, lat).min(axis=1) * detour
    for column, limit in enumerate(limits):
        expected = np.bincount(owner[metres <= limit], minlength=len(demand.cell)) / 343
        np.testing.assert_array_equal(found.share[:, column], expected)
        assert expected.sum() > 0
    straight = haversine_m(demand.lon[:, None], demand.lat[:, None], lon, lat)
    np.testing.assert_array_equal(found.nearest, straight.argmin(axis=1))
    whole = np.rint(straight.min(axis=1) * detour * 100) / 100  # centimetres
    np.testing.assert_array_equal(found.cost, whole.astype(np.float32))


def test_the_walking_limit_is_inclusive() -> None:
    demand = gridworld.hex_demand(1)
    x, y, _ = subcells(demand)
    site = x[500] + 0.0012, y[500]
    exact = float(haversine_m(x[500], y[500], *site))
    inside = int(np.sum(haversine_m(x, y, *site) < exact))
    limit = 1000
    for metres, count in ((limit, inside + 1), (limit + 0.004, inside + 1), (limit + 0.006, inside)):
        detour = metres / exact  # distances count in whole centimetres
        share = reach.walk_reach(demand, *site, gridworld.walk_standard((limit,), detour=detour)).share
        assert round(share.sum() * 343) == count
        candidates = reach.candidate_reach_walk(
            demand, *site, gridworld.walk_standard((limit,), detour=detour)
        )
        assert len(candidates.indices) == count


def test_all_of_a_cell_in_reach_is_exactly_one() -> None:
    demand = gridworld.hex_demand(2)
    found = reach.walk_reach(demand, 115.86, 28.68, gridworld.walk_standard((20_000,)))
    assert (found.share == 1.0).all()


def test_equally_near_sites_on_foot_give_the_lowest_row() -> None:
    demand = gridworld.hex_demand(1)
    lon, lat = [115.9, 115.9, 115.8, 115.9], [28.7, 28.7, 28.6, 28.7]
    assert set(reach.walk_reach(demand, lon, lat, gridworld.walk_standard()).nearest.tolist()) <= {0, 2}


def test_no_sites_reach_nobody() -> None:
    network, grid, hexes = gridworld.grid_network(3), gridworld.grid_demand(3), gridworld.hex_demand(1)
    standards = gridworld.drive_standard(), gridworld.walk_standard()
    for found in (
        reach.drive_reach(grid, network, [], [], standards[0]),
        reach.second_drive_reach(grid, network, [], [], standards[0]),
        reach.walk_reach(hexes, [], [], standards[1]),
    ):
        assert found.share.sum() == 0
        assert (found.nearest == -1).all()
        assert np.isinf(found.cost).all()


def test_parents_equal_h3() -> None:
    cells = gridworld.hex_demand(3).cell
    expected = [h3.str_to_int(h3.cell_to_parent(h3.int_to_str(cell), 4)) for cell in cells.tolist()]
    assert parent_cells(cells, 3).tolist() == expected


def test_drive_candidates_are_the_sites_that_reach_each_cell() -> None:
    network, demand = gridworld.grid_network(5), gridworld.grid_demand(5)
    lon, lat = gridworld.at_nodes(network, [0, 12, 24, 3, 12])
    lon = lon + np.array([0, 0, 0.004, 0, 0])
    standard = gridworld.drive_standard()
    found = reach.candidate_reach_drive(network, demand, lon, lat, standard, limit=1200, threads=2)
    assert found.cell.tolist() == list(range(25))
    assert found.weight.tolist() == demand.residents.tolist()
    for cell in range(25):
        columns = found.indices[found.indptr[cell] : found.indptr[cell + 1]].tolist()
        reaching = [
            i
            for i in range(5)
            if reach.drive_reach(demand, network, lon[i], lat[i], standard).cost[cell] <= 1200
        ]
        assert columns == reaching


def test_drive_candidates_honour_cells_that_share_a_node_and_what_is_covered() -> None:
    demand = gridworld.grid_demand(4)
    lonely = gridworld.make_network([0], [1], [100], lon=[115.0, 115.3], lat=[28.0, 28.3])
    covered = np.zeros(16)
    covered[3] = 1.0
    standard = gridworld.drive_standard((100_000,), 100_000)
    found = reach.candidate_reach_drive(lonely, demand, [115.0], [28.0], standard, covered=covered)
    assert np.diff(found.indptr).tolist() == [1] * 16
    assert found.weight.tolist() == [0 if i == 3 else 2**i for i in range(16)]
    cost = reach.drive_reach(demand, lonely, 115.0, 28.0, standard).cost
    for limit in (0, int(np.ceil(np.median(cost))), int(np.floor(cost.max()))):
        near = reach.candidate_reach_drive(lonely, demand, [115.0], [28.0], standard, limit=limit)
        assert np.diff(near.indptr).tolist() == (cost <= limit).tolist()
        assert 0 < len(near.indices) < 16


def test_walk_candidates_sum_to_what_walk_reach_adds() -> None:
    demand = gridworld.hex_demand(2)
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(115.83, 115.89, 8), rng.uniform(28.65, 28.71, 8)
    standard = gridworld.walk_standard((1000,))
    old = slice(0, 3)
    new = slice(3, 8)
    found = reach.candidate_reach_walk(demand, lon[new], lat[new], standard, existing=(lon[old], lat[old]))
    before = reach.walk_reach(demand, lon[old], lat[old], standard).share[:, 0]
    for candidate in range(5):
        rows = np.flatnonzero(np.diff(found.indptr))
        holds = [candidate in found.indices[found.indptr[r] : found.indptr[r + 1]] for r in rows]
        gain = found.weight[rows][holds].sum()
        pick = [0, 1, 2, 3 + candidate]
        after = reach.walk_reach(demand, lon[pick], lat[pick], standard).share[:, 0]
        assert gain == pytest.approx((demand.residents * (after - before)).sum(), abs=1e-6)
    everybody = reach.walk_reach(demand, lon, lat, standard).share[:, 0]
    assert found.weight.sum() == pytest.approx((demand.residents * (everybody - before)).sum(), abs=1e-6)
    assert np.diff(found.indptr).min() >= 1
    assert len(found.indptr) == len(found.weight) + 1 == len(found.cell) + 1


def test_no_candidates_or_none_in_reach() -> None:
    demand, standard = gridworld.hex_demand(1), gridworld.walk_standard()
    for lon, lat in (([], []), ([100.0], [20.0])):
        found = reach.candidate_reach_walk(demand, lon, lat, standard)
        assert (found.indptr.tolist(), len(found.indices), len(found.weight)) == ([0], 0, 0)
    grid, network = gridworld.grid_demand(3), gridworld.grid_network(3)
    found = reach.candidate_reach_drive(network, grid, [], [], gridworld.drive_standard())
    assert found.indptr.tolist() == [0] * 10


@settings(max_examples=many(60), deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_both_ways_to_snap_find_the_nearest_node(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(113, 119, n).round(), rng.uniform(24, 30, n).round()
    kind = rng.choice([NODE_CELL, NODE_INTERCHANGE], n)
    network = gridworld.make_network([], [], [], lon=lon, lat=lat, kind=kind)
    x, y = rng.uniform(112, 120, 20), rng.uniform(23, 31, 20)
    x[0], y[0] = lon[0], lat[0]
    nodes, metres = near_nodes.nearest_nodes(network, x, y)
    few, few_metres = near_nodes.nearest_nodes_by_box(network, x, y)
    allowed = near_nodes.road_nodes(network)
    truth = haversine_m(x[:, None], y[:, None], lon[allowed], lat[allowed])
    np.testing.assert_allclose(metres, truth.min(axis=1), atol=1e-6)
    np.testing.assert_allclose(few_metres, truth.min(axis=1), atol=1e-6)
    # Different places may be equally far but for rounding; there, each way may take another of them.
    places = [len({(lon[at], lat[at]) for at in allowed[row <= row.min() + 1e-6]}) for row in truth]
    clear = np.array(places) == 1
    first = allowed[truth.argmin(axis=1)]
    assert nodes[clear].tolist() == few[clear].tolist() == first[clear].tolist()
    assert clear[1:].any()


def test_points_do_not_snap_to_interchanges() -> None:
    kind = [NODE_INTERCHANGE, NODE_SETTLEMENT]
    network = gridworld.make_network([], [], [], lon=[115.0, 115.1], lat=[28.0, 28.0], kind=kind)
    assert near_nodes.nearest_nodes(network, [115.0], [28.0])[0].tolist() == [1]
    assert near_nodes.nearest_nodes_by_box(network, [115.0], [28.0])[0].tolist() == [1]
    only = gridworld.make_network([], [], [], lon=[115.0], lat=[28.0], kind=[NODE_INTERCHANGE])
    assert near_nodes.nearest_nodes(only, [115.0], [28.0])[0].tolist() == [0]


def test_a_network_without_nodes_takes_no_points() -> None:
    nothing = gridworld.make_network([], [], [], lon=[], lat=[])
    for find in (near_nodes.nearest_nodes, near_nodes.nearest_nodes_by_box):
        assert len(find(nothing, [], [])[0]) == 0
        with pytest.raises(ValueError, match="no nodes"):
            find(nothing, [115.0], [28.0])


def road_world(seed: int, cells: int) -> tuple[Network, Demand, NDArray[np.float64], NDArray[np.float64]]:
    """Random roads with a fifth of the edges closed, residents on and about them, six sites, two at one."""
    rng = np.random.default_rng(seed)
    network = shapeworld.random_roads(seed)
    network = shapeworld.closing(network, rng.choice(network.n_edges, network.n_edges // 5, replace=False))
    side = round(cells**0.5)
    demand = gridworld.grid_demand(side, residents=np.ones(side * side))
    lon, lat = shapeworld.points_on_roads(network, seed + 1, side * side)
    x, y = shapeworld.points_on_roads(network, seed + 2, 6)
    x[5], y[5] = x[1], y[1]
    lon[0], lat[0] = x[2], y[2]
    return network, Demand(**{**vars(demand), "lon": lon, "lat": lat}), x, y


def split_times(
    network: Network, demand: Demand, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(sites, cells) centiseconds by networkx on the graph in which sites and cells split their edges."""
    sites = snap.attach(network, lon, lat, detour=1.3, speed_kmh=20.0)
    cells = snap.attach(network, demand.lon, demand.lat, detour=1.3, speed_kmh=20.0)
    graph = shapeworld.split_graph(network, sites, cells)
    return shapeworld.times_between(graph, len(lon), len(demand.cell))


@settings(max_examples=many(40))
@given(st.integers(0, 10_000))
def test_driving_on_edges_equals_a_graph_split_at_every_point(seed: int) -> None:
    """First and second nearest with the site, bit for bit; and what every candidate reaches."""
    network, demand, lon, lat = road_world(seed, 25)
    times = split_times(network, demand, lon, lat)
    limit = int(np.median(times[np.isfinite(times)])) // 100 + 1 if np.isfinite(times).any() else 1
    standard = gridworld.drive_standard((limit, 2 * limit), limit)
    order = np.lexsort((np.repeat(np.arange(6)[:, None], 25, 1), times), axis=0)
    for rank, reached in enumerate((reach.drive_reach, reach.second_drive_reach)):
        found = reached(demand, network, lon, lat, standard)
        site = order[rank]
        best = times[site, np.arange(25)]
        np.testing.assert_array_equal(found.cost, (best / 100).astype(np.float32))
        np.testing.assert_array_equal(found.nearest, np.where(np.isfinite(best), site, -1))
        expected = best[:, None] <= np.array(standard.limits) * 100
        np.testing.assert_array_equal(found.share, expected.astype(float))
    candidates = reach.candidate_reach_drive(network, demand, lon, lat, standard, threads=1)
    rows = np.split(candidates.indices, candidates.indptr[1:-1])
    assert [row.tolist() for row in rows] == [
        np.flatnonzero(times[:, cell] <= limit * 100).tolist() for cell in range(25)
    ]


def test_candidates_in_parts_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, demand, lon, lat = road_world(11, 36)
    standard = gridworld.drive_standard((60, 90), 60)
    whole = reach.candidate_reach_drive(network, demand, lon, lat, standard)
    monkeypatch.setattr(pairs, "_MOST_ENTRIES", 2 * network.n_nodes)
    for a, b in zip(reach.candidate_reach_drive(network, demand, lon, lat, standard), whole, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(whole.indices) > 10


def test_cells_and_sites_far_from_every_road_are_out_of_reach() -> None:
    network, demand, lon, lat = road_world(3, 25)
    far = demand.lon.copy()
    far[7] += 0.2
    demand = Demand(**{**vars(demand), "lon": far})
    standard = gridworld.drive_standard((36_000,), 36_000)
    for reached in (reach.drive_reach, reach.second_drive_reach):
        found = reached(demand, network, lon, lat, standard)
        assert (found.cost[7], found.nearest[7], found.share[7, 0]) == (np.inf, -1, 0.0)
    rows, metres = snap.unmet(network, demand.lon, demand.lat)
    assert rows.tolist() == [7]
    assert 15_000 < metres[0] < 20_000
    alone = reach.drive_reach(demand, network, lon[:1] + 0.2, lat[:1], standard)
    assert np.isinf(alone.cost).all()
    assert (alone.nearest == -1).all()
    candidates = reach.candidate_reach_drive(network, demand, lon + 0.2, lat, standard)
    assert len(candidates.indices) == 0
    assert np.isinf(reach.drive_reach(demand, network, [], [], standard).cost).all()
