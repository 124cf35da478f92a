"""Roads that must not fail: closures against recomputation, flows against networkx, ranks against all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import gridworld
import networkx as nx
import numpy as np
import pytest
import shapeworld
from boai.coverage import reach, travel
from boai.coverage.closing import Closing, Effect
from boai.coverage.detours import Detours
from boai.coverage.link_kernels import NEVER
from boai.coverage.link_tables import COLUMNS, busiest_links, critical_links
from boai.coverage.links import find_worst, links_of, measure_links
from boai.coverage.standards import Standard
from boai.geodata.demand import Demand
from boai.geodata.errors import InputError
from boai.geodata.layers import Layer
from boai.geodata.network import CLOSED, Network, edge_tails
from boai.geodata.shapes import STEPS
from boai.scenarios.world import World
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st

STANDARD = gridworld.drive_standard((2, 4, 8), 4, access_kmh=400.0)
"""Limits that the worlds of `shapeworld` and `gridworld.random_network` straddle."""


def demand_at(lon: np.ndarray, lat: np.ndarray, residents: np.ndarray | None = None) -> Demand:
    """Residents at any points, in the counties of `gridworld`."""
    n = len(lon)
    county = 2 * (lon >= np.sort(lon)[n // 2 : n // 2 + 1]) + (lat >= np.sort(lat)[n // 2 : n // 2 + 1])
    people = 2 ** (np.arange(n) % 40) if residents is None else residents
    return gridworld._demand(np.arange(n, dtype=np.uint64), lon, lat, np.ones(n), county, people)


def shaped(seed: int, *, sites: int = 4, cells: int = 30) -> tuple[Demand, Network, Layer]:
    """Bent roads, one-ways, loops and parallel roads; half of the sites and residents stand on roads."""
    network = shapeworld.random_roads(seed)
    lon, lat = shapeworld.points_on_roads(network, seed, sites + cells)
    layer = gridworld.make_layer("warehouse", lon[:sites], lat[:sites])
    return demand_at(lon[sites:], lat[sites:]), network, layer


def straight(seed: int, *, n: int = 36) -> tuple[Demand, Network, Layer]:
    """Random edges without shapes; every node is a cell."""
    network = gridworld.random_network(seed, n=n, m=120, longest=300)
    layer = gridworld.make_layer("warehouse", network.lon[[1, 7, 20]], network.lat[[1, 7, 20]])
    return demand_at(network.lon[:n], network.lat[:n]), network, layer


def worlds() -> Iterator[tuple[Demand, Network, Layer]]:
    for seed in range(5):
        yield shaped(seed)
        yield straight(seed)


def check_effect(
    demand: Demand, network: Network, layer: Layer, standard: Standard, edges: np.ndarray, effect: Effect
) -> None:
    """Hold that an effect lists just the cells that a recomputation finds different, with its figures."""
    lon, lat = layer.table["lon"], layer.table["lat"]
    before = reach.drive_reach(demand, network, lon, lat, standard)
    after = reach.drive_reach(demand, shapeworld.closing(network, edges), lon, lat, standard)
    cost = np.where(effect.after < NEVER, effect.after / 100, np.inf).astype(np.float32)
    np.testing.assert_array_equal(cost, after.cost[effect.cell])
    np.testing.assert_array_equal(effect.site, after.nearest[effect.cell])
    old = np.where(effect.before < NEVER, effect.before / 100, np.inf).astype(np.float32)
    np.testing.assert_array_equal(old, before.cost[effect.cell])
    differs = (before.cost != after.cost) | (before.nearest != after.nearest)
    assert effect.cell.tolist() == np.flatnonzero(differs).tolist()


def lost_by(demand: Demand, network: Network, layer: Layer, standard: Standard, edges: np.ndarray) -> int:
    """Residents who lose the cover, by full recomputation."""
    lon, lat = layer.table["lon"], layer.table["lat"]
    before = reach.drive_reach(demand, network, lon, lat, standard).share[:, standard.main_index]
    now = shapeworld.closing(network, edges)
    after = reach.drive_reach(demand, now, lon, lat, standard).share[:, standard.main_index]
    return int(demand.residents[(before == 1) & (after == 0)].sum())


def test_every_closure_equals_a_full_recomputation() -> None:
    """One link at a time, one direction alone, and several roads together; nothing is left behind."""
    rng = np.random.default_rng(1)
    for demand, network, layer in worlds():
        closing = Closing(demand, network, layer, STANDARD)
        of_edge = links_of(network)[0]
        choices = [np.flatnonzero(of_edge == link) for link in range(of_edge.max() + 1)][::3]
        choices += [rng.choice(network.n_edges, size, replace=False) for size in (1, 1, 4, 15)]
        for edges in choices:
            check_effect(demand, network, layer, STANDARD, edges, closing.effect(edges))
        assert not len(closing.effect([]).cell)


def test_closures_come_on_top_of_those_in_force() -> None:
    demand, network, layer = shaped(3)
    network = shapeworld.closing(network, [0, 3, 8])
    closing = Closing(demand, network, layer, STANDARD)
    for edges in ([0], [1, 2], [5, 8]):
        check_effect(demand, network, layer, STANDARD, np.array(edges), closing.effect(edges))


def test_flows_are_the_ways_that_networkx_finds() -> None:
    """Times without ties, so that there is one shortest way; every part of a road counts as its link."""
    for seed in range(12):
        demand, network, layer = shaped(seed)
        rng = np.random.default_rng(seed)
        times = rng.choice(10**6, network.n_edges, replace=False).astype(np.int32) + 1
        network = replace(network, centiseconds=np.where(network.centiseconds < 0, CLOSED, times))
        standard = gridworld.drive_standard((4000,), 4000, access_kmh=400.0)
        closing = Closing(demand, network, layer, standard)
        links = measure_links(network, demand, closing, standard)
        users = np.zeros(len(links.users), np.int64)
        today = closing.today
        graph = shapeworld.split_graph(network, today.sites, today.cells)
        for cell in np.flatnonzero(today.cost < NEVER).tolist():
            way = nx.dijkstra_path(graph, ("at", 0, int(today.site[cell])), ("at", 1, cell), weight="cs")
            passed = {link_between(network, a, b) for a, b in pairwise(way[1:-1])}
            for link in passed or {int(way[1][1]) for _ in range(isinstance(way[1], tuple))}:
                users[link] += demand.residents[cell]
        np.testing.assert_array_equal(links.users, users)
        assert (links.served <= links.users).all() and (links.served <= links.bound).all()


def link_between(network: Network, a: object, b: object) -> int:
    """The shape between two neighbours of a way through the graph of `shapeworld.split_graph`."""
    for spot in (a, b):
        if isinstance(spot, tuple):
            return int(spot[1])
    own = np.flatnonzero((edge_tails(network) == a) & (network.head == b) & (network.centiseconds >= 0))
    return int(network.shapes.of[own[np.argmin(network.centiseconds[own])]] >> 1)


def test_the_worst_links_are_those_of_closing_all() -> None:
    """The bound never lets a worse link pass, on roads and on straight edges, however short the list."""
    found_some = 0
    for demand, network, layer in worlds():
        closing = Closing(demand, network, layer, STANDARD)
        links = measure_links(network, demand, closing, STANDARD)
        every = [
            lost_by(demand, network, layer, STANDARD, links.edges(link)) for link in range(len(links.users))
        ]
        close = Detours(network, demand, closing, STANDARD, links).bound
        bounds = np.array([close(link) for link in range(len(links.users))])
        assert (np.array(every) <= bounds).all() and (bounds <= links.bound).all()
        by_chain = np.zeros(links.chain.max() + 1, np.int64)
        np.maximum.at(by_chain, links.chain, every)
        for top in (1, 3, 100):
            worst = find_worst(demand, links, closing, STANDARD, close, top=top)
            expected = np.sort(by_chain[by_chain > 0])[::-1][:top]
            assert [loss.lost for loss in worst.losses] == expected.tolist()
            assert [every[loss.link] for loss in worst.losses] == expected.tolist()
            assert worst.complete and worst.proven == len(expected)
            found_some += len(expected)
    assert found_some > 50


@settings(max_examples=many(60))
@given(st.integers(2, 14), st.integers(0, 30), st.integers(0, 10**6), st.integers(1, 3), st.booleans())
def test_detours_are_bounds_and_exact_where_roads_run_both_ways(
    n: int, m: int, seed: int, n_sites: int, both_ways: bool
) -> None:
    """The latest time of every node without the link above it, against a search without that link."""
    rng = np.random.default_rng(seed)
    a, b, cost = rng.integers(0, n, m), rng.integers(0, n, m), rng.integers(1, 9, m)
    if both_ways:
        a, b, cost = np.append(a, b), np.append(b, a), np.append(cost, cost)
    lon, lat = rng.uniform(115, 116, n), rng.uniform(28, 29, n)
    network = gridworld.make_network(a, b, cost, lon=lon, lat=lat)
    demand, sites = demand_at(lon, lat), rng.integers(0, n, n_sites)
    layer = gridworld.make_layer("warehouse", lon[sites], lat[sites])
    closing = Closing(demand, network, layer, STANDARD)
    links = measure_links(network, demand, closing, STANDARD)
    later = Detours(network, demand, closing, STANDARD, links).later
    for v in np.flatnonzero(closing.today.nearest.edge >= 0).tolist():
        shut = shapeworld.closing(network, links.edges(links.of_edge[closing.today.nearest.edge[v]]))
        label, node, offset = closing.today.sites.exits()
        then = travel.to_nearest(shut, node, offset_cs=offset, label=label).centiseconds[v]
        assert later[v] >= then
        if both_ways:
            assert later[v] == then if then < travel.UNREACHED else later[v] == NEVER


def test_the_table_says_what_one_bridge_costs() -> None:
    """Two towns of five cells in a row, joined by one road of an hour; the only site is in the west."""
    lon = 115.0 + 0.1 * np.arange(6)
    tail = np.arange(5)
    network = gridworld.make_network(
        [*tail, *(tail + 1)], [*(tail + 1), *tail], [60_000] * 10, lon=lon, lat=np.full(6, 28.0),
        road=[1] * 10, roads=("", "G1 试验高速"),
    )  # fmt: skip
    demand = demand_at(lon, network.lat, np.array([1, 2, 4, 8, 16, 32]))
    demand = replace(demand, county=np.array([0, 1, 2, 3, 3, 3], np.int32))
    layer = gridworld.make_layer("warehouse", lon[:1], network.lat[:1])
    standard = gridworld.drive_standard((600, 1200, 1800), 1800)
    found = critical_links(demand, network, layer, standard, gazetteer=gridworld.make_gazetteer(demand))
    assert list(found.table.columns) == COLUMNS
    row = found.table.iloc[0]
    assert len(found.table) == 1 and row["pieces"] == 5 and row["road"] == "G1 试验高速"
    assert (row["users"], row["users_served"], row["lost"], row["cut_off"]) == (62, 14, 14, 62)
    assert row["slower"] == 0 and np.isnan(row["added_mean_min"]) and row["county_lost"] == 8 + 0
    assert row["length_km"] == pytest.approx(10.0) and row["rank"] == 1
    assert row["place"] == "甲县驻地附近至乙县驻地附近" and "无路可达" in row["text"]
    assert found.headline.startswith("最不能中断的是G1 试验高速") and found.proven == 1
    used = busiest_links(demand, network, layer, standard)
    assert used.table["users"].tolist() == [62] and "115.0000,28.0000" in used.table["place"][0]


def test_a_way_round_is_counted_in_minutes() -> None:
    demand, network = gridworld.grid_demand(2), gridworld.grid_network(2)
    layer = gridworld.make_layer("warehouse", network.lon[:1], network.lat[:1])
    standard = gridworld.drive_standard((600, 1200, 1800), 600)
    found = critical_links(demand, network, layer, standard)
    assert found.table["lost"].tolist() == [4, 2]  # cells 1 (2 residents) and 2 (4) are ten minutes away
    assert found.table["added_mean_min"].tolist() == [20.0, 20.0]
    assert found.table["person_hours"].tolist() == pytest.approx([4 / 3, 2 / 3])
    assert found.table["cut_off"].tolist() == [0, 0]


def test_order_of_sites_and_cells_changes_nothing() -> None:
    demand, network, layer = shaped(5)
    first = critical_links(demand, network, layer, STANDARD).table
    turned = Layer(layer.kind, layer.table.iloc[::-1].reset_index(drop=True), True)
    order = np.random.default_rng(0).permutation(len(demand.cell))
    columns = ("lon", "lat", "area_km2", "county", "residents", "urban", "age_60", "age_65")
    shuffled = replace(demand, **{name: getattr(demand, name)[order] for name in columns})
    again = critical_links(shuffled, network, turned, STANDARD).table
    assert first["lost"].tolist() == again["lost"].tolist()
    assert first["users"].sum() == again["users"].sum()


def test_a_time_limit_is_honest() -> None:
    demand, network, layer = shaped(0)
    nothing = critical_links(demand, network, layer, STANDARD, seconds=0.0)
    assert not len(nothing.table) and nothing.proven == 0 and nothing.closed == 0
    assert "尚未证明" in nothing.headline and "限时已到" in nothing.notes[-1]
    closing = Closing(demand, network, layer, STANDARD)
    links = measure_links(network, demand, closing, STANDARD)
    close = Detours(network, demand, closing, STANDARD, links).bound
    enough = find_worst(demand, links, closing, STANDARD, close, top=10, seconds=60.0)
    assert enough.complete and enough.proven == len(enough.losses)


def test_a_search_that_is_cut_short_proves_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stops after each number of closures: the rows called proven are those of the whole search."""
    demand, network, layer = straight(2)
    closing = Closing(demand, network, layer, STANDARD)
    links = measure_links(network, demand, closing, STANDARD)
    close = Detours(network, demand, closing, STANDARD, links).bound
    whole = find_worst(demand, links, closing, STANDARD, close, top=10)
    proven = []
    for ticks in range(whole.closed + 1):
        clock = iter(range(-1, 10_000))
        monkeypatch.setattr("boai.coverage.links.time.monotonic", lambda clock=clock: next(clock))
        found = find_worst(demand, links, closing, STANDARD, close, top=10, seconds=ticks + 1)
        assert found.closed == ticks and found.complete == (ticks == whole.closed)
        assert found.losses[: found.proven] == whole.losses[: found.proven]
        proven.append(found.proven)
    assert proven == sorted(proven) and proven[-1] == len(whole.losses) > 2


@pytest.mark.parametrize("what", ["no sites", "no residents", "nobody", "no roads"])
def test_nothing_to_lose_is_a_sentence(what: str) -> None:
    demand, network = gridworld.grid_demand(2), gridworld.grid_network(2)
    layer = gridworld.make_layer("warehouse", network.lon[:1], network.lat[:1])
    if what == "no sites":
        layer = gridworld.make_layer("warehouse", [], [])
    elif what == "no residents":
        demand = gridworld.grid_demand(2, residents=np.zeros(4))
    elif what == "nobody":
        demand = demand_at(np.empty(0), np.empty(0))
    else:
        network = gridworld.make_network([], [], [], lon=network.lon, lat=network.lat)
    for table in (critical_links, busiest_links):
        found = table(demand, network, layer, gridworld.drive_standard())
        assert not len(found.table) and found.headline and list(found.table.columns) == COLUMNS


def test_sites_everywhere_leave_no_road_to_lose() -> None:
    demand, network = gridworld.grid_demand(2), gridworld.grid_network(2)
    everywhere = gridworld.make_layer("warehouse", network.lon, network.lat)
    found = critical_links(demand, network, everywhere, gridworld.drive_standard())
    assert not len(found.table) and "任何一条路段单独中断" in found.headline
    one_point = gridworld.make_layer("warehouse", network.lon[[0, 0]], network.lat[[0, 0]])
    found = critical_links(demand, network, one_point, gridworld.drive_standard())
    assert found.table["lost"].tolist() == [4, 2]


def test_walking_is_refused() -> None:
    demand, network = gridworld.grid_demand(2), gridworld.grid_network(2)
    layer = gridworld.make_layer("aed", network.lon[:1], network.lat[:1])
    with pytest.raises(InputError, match="只适用于驾车"):
        critical_links(demand, network, layer, gridworld.walk_standard())


@pytest.fixture(scope="module")
def province(small_province: World) -> tuple[Demand, Network, Layer, Standard]:
    world = small_province
    return world.demand, world.network, world.layers["team"], world.standards["team"]


def test_real_roads_are_ranked_and_proven(province: tuple[Demand, Network, Layer, Standard]) -> None:
    """Every row equals a full recomputation; links drawn at random lose no more than bound and last row."""
    demand, network, layer, standard = province
    found = critical_links(demand, network, layer, standard)
    closing = Closing(demand, network, layer, standard)
    links = measure_links(network, demand, closing, standard)
    assert found.proven == len(found.table) == 10
    listed = links.of_edge[found.table["edge"]]
    for link, lost in zip(listed.tolist(), found.table["lost"].tolist(), strict=True):
        edges = links.edges(link)
        assert lost == lost_by(demand, network, layer, standard, edges)
        check_effect(demand, network, layer, standard, edges, closing.effect(edges))
    rng = np.random.default_rng(2)
    used = np.flatnonzero(links.bound)
    close = Detours(network, demand, closing, standard, links).bound
    for link in [*rng.choice(used, 25, replace=False).tolist(), *closing.site_road.tolist()]:
        edges = links.edges(link)
        check_effect(demand, network, layer, standard, edges, closing.effect(edges))
        lost = lost_by(demand, network, layer, standard, edges)
        assert lost <= close(link) <= links.bound[link]
        if links.chain[link] not in links.chain[listed]:
            assert lost <= found.table["lost"].iloc[-1]
    x, y = np.asarray(network.shapes.x) / STEPS, np.asarray(network.shapes.y) / STEPS
    assert found.table["lon"].between(x.min(), x.max()).all()
    assert found.table["lat"].between(y.min(), y.max()).all()
