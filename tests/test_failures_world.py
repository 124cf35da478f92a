"""Failures and gaps on real roads and ways on foot: every figure by taking things away and measuring anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gridworld
import numpy as np
import pytest
import shapely
import smallprovince
from boai.coverage import meet, pairs, reach, subcells
from boai.coverage.areas import service_areas
from boai.coverage.closing import Closing
from boai.coverage.fewest_sites import fewest
from boai.coverage.flood import flooded
from boai.coverage.gap_closing import close_gaps
from boai.coverage.gaps import locate_gaps, unserved
from boai.coverage.link_kernels import NEVER
from boai.coverage.link_tables import critical_and_busiest, critical_links
from boai.coverage.links import measure_links
from boai.coverage.marginal import FREE, site_values
from boai.coverage.matrix import build_matrix, rank_sites
from boai.coverage.measures import cover_layer
from boai.coverage.resilience import lost_sites, worst_case
from boai.coverage.standards import Standard, load_standards
from boai.geodata import roads, selection
from boai.geodata.layers import Layer
from boai.geodata.network import CLOSED, Network, edge_tails
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array


def made(shared: Path, folder: Path, mode: str) -> SimpleNamespace:
    """Liechtenstein as a small province, its roads or its ways on foot."""
    path = smallprovince.moved(shared / "data" / "osm" / "liechtenstein.osm.pbf", folder / "moved.osm.pbf")
    network = roads.read_osm(path, mode=mode)
    demand = smallprovince.make_demand(network, smallprovince.make_units(network))
    return SimpleNamespace(network=network, demand=demand, gazetteer=gridworld.make_gazetteer(demand))


@pytest.fixture(scope="module")
def driving(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return made(shared, tmp_path_factory.mktemp("drive"), "drive")


@pytest.fixture(scope="module")
def walking(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return made(shared, tmp_path_factory.mktemp("walk"), "walk")


def sites_of(world: SimpleNamespace, seed: int, count: int, kind: Any) -> Layer:
    """Sites where people live; the last stands on the first."""
    rng, people = np.random.default_rng(seed), world.demand.residents
    cells = rng.choice(len(people), count, p=people / people.sum())
    aside = rng.uniform(-0.002, 0.002, (2, count))
    lon, lat = world.demand.lon[cells] + aside[0], world.demand.lat[cells] + aside[1]
    lon[-1], lat[-1] = lon[0], lat[0]
    return gridworld.make_layer(kind, lon, lat, demand=world.demand)


def standard_of(kind: Any, limit: int) -> Standard:
    changed = {"limits": (limit,), "main": limit, "compliance": (), "min_density": 0.0}
    return replace(load_standards()[kind], **changed)


def with_ties(network: Network) -> Network:
    """Times in tens of seconds, so that many ways are equally short."""
    times = np.maximum(1000, np.rint(network.centiseconds / 1000) * 1000)
    return replace(network, centiseconds=np.where(network.centiseconds < 0, CLOSED, times).astype(np.int32))


def without(network: Network, edges: Any) -> Network:
    times = np.array(network.centiseconds)
    times[edges] = CLOSED
    return replace(network, centiseconds=times)


@pytest.mark.parametrize(
    ("seed", "limit", "tied"), [pytest.param(1, 600, False, marks=pytest.mark.slow), (3, 300, True)]
)
def test_every_link_of_real_roads_is_closed_in_turn(
    driving: SimpleNamespace, seed: int, limit: int, *, tied: bool
) -> None:
    """Every column of both tables, and that no link that is not listed or in a listed chain is worse."""
    demand, network = driving.demand, with_ties(driving.network) if tied else driving.network
    layer, standard = sites_of(driving, seed, 5, "warehouse"), standard_of("warehouse", limit)
    lon, lat, people = layer.table["lon"], layer.table["lat"], demand.residents
    worst, busy = critical_and_busiest(demand, network, layer, standard)
    links = measure_links(network, demand, Closing(demand, network, layer, standard), standard)
    before = reach.drive_reach(demand, network, lon, lat, standard)
    lost = np.zeros(len(links.users), np.int64)
    users = traced(demand, network, layer, standard, links.of_edge)
    np.testing.assert_array_equal(users, links.users)
    after = {}
    shown = links.of_edge[np.append(worst.table["edge"], busy.table["edge"]).astype(int)]
    for link in np.union1d(np.flatnonzero(links.bound), shown).tolist():
        now = reach.drive_reach(demand, without(network, links.edges(link)), lon, lat, standard)
        lost[link] = people[(before.share[:, 0] > now.share[:, 0])].sum()
        after[link] = now.cost
    for _, row in [*worst.table.iterrows(), *busy.table.iterrows()]:
        link = int(links.of_edge[row["edge"]])
        later = (after[link] > before.cost) & np.isfinite(after[link]) & (people > 0)
        added = (after[link][later].astype(float) - before.cost[later]).round(2) / 60
        gone = np.isinf(after[link]) & np.isfinite(before.cost)
        figures = row[["users", "lost", "slower", "cut_off"]].tolist()
        assert figures == [users[link], lost[link], people[later].sum(), people[gone].sum()]
        if later.any():
            assert row["person_hours"] == pytest.approx((added * people[later]).sum() / 60, rel=1e-5)
            assert row["added_mean_min"] == pytest.approx(np.average(added, weights=people[later]), rel=1e-5)
            assert row["added_max_min"] == pytest.approx(added.max(), rel=1e-5)
    by_chain = np.zeros(links.chain.max() + 1, np.int64)
    np.maximum.at(by_chain, links.chain, lost)
    assert worst.table["lost"].tolist() == np.sort(by_chain[by_chain > 0])[::-1][:10].tolist()
    assert worst.proven == len(worst.table) and worst.notes[-1].startswith("已证明")
    most, few = np.zeros(len(by_chain), np.int64), np.full(len(by_chain), 10**9)
    np.maximum.at(most, links.chain, links.users)
    np.minimum.at(few, links.chain, links.users)
    assert (2 * few >= most)[most > 0].all()


def traced(demand: Any, network: Network, layer: Layer, standard: Standard, of_edge: Any) -> Any:
    """Count the users of every link by following the way of each cell back to its site."""
    today = Closing(demand, network, layer, standard).today
    users, tail = np.zeros(int(of_edge.max()) + 1, np.int64), edge_tails(network)
    for cell in np.flatnonzero(today.cost < NEVER).tolist():
        node, passed = int(today.node[cell]), {int(today.cells.shape[cell])}
        while node >= 0 and today.nearest.edge[node] >= 0:
            passed.add(int(of_edge[today.nearest.edge[node]]))
            node = int(tail[today.nearest.edge[node]])
        if today.node[cell] >= 0:
            passed.add(int(today.sites.shape[today.site[cell]]))
        for link in passed - {-1}:
            users[link] += demand.residents[cell]
    return users


def test_two_branches_of_one_road_are_two_rows() -> None:
    """Half of the users go on either way, and each way is the only one: both closures are listed."""
    tail, head = np.array([0, 1, 1]), np.array([1, 2, 3])
    network = gridworld.make_network(
        np.concatenate([tail, head]),
        np.concatenate([head, tail]),
        np.full(6, 30_000),
        lon=[115.0, 115.1, 115.2, 115.1],
        lat=[28.0, 28.0, 28.0, 28.1],
        road=np.ones(6),
        roads=("", "G1 国道"),
    )
    demand = gridworld._demand(
        np.arange(4, dtype=np.uint64),
        network.lon,
        network.lat,
        np.ones(4),
        np.zeros(4),
        np.array([0, 0, 4000, 4000]),
    )
    layer = gridworld.make_layer("warehouse", [115.0], [28.0])
    found = critical_links(demand, network, layer, gridworld.drive_standard((600,), 600))
    assert found.table["lost"].tolist() == [8000, 4000]
    assert "8,000名居民失去" in found.headline and "4,000名居民" in found.table["text"][1]


def by_sub_cells(world: SimpleNamespace, layer: Layer, standard: Standard, network: Network) -> Any:
    """Say for every sub-cell within the limit of each site what it costs: {(child, site): centimetres}."""
    found = pairs.on_foot(world.demand, *meet.sites(layer), standard, limit=standard.main, network=network)
    inside = subcells.cell_of(world.demand, found.child) >= 0
    return found.child[inside], found.site[inside], found.cost[inside]


def shares(world: SimpleNamespace, layer: Layer, standard: Standard, rows: Any) -> Any:
    """Residents covered by some sites, by ways on foot."""
    lon, lat = layer.table["lon"][rows], layer.table["lat"][rows]
    share = reach.walk_reach(world.demand, lon, lat, standard, world.network).share[:, 0]
    return world.demand.residents * share


@pytest.mark.parametrize(("seed", "limit"), [(1, 270), (4, 600)])
def test_sites_on_ways_on_foot_are_taken_away_in_turn(
    walking: SimpleNamespace, seed: int, limit: int
) -> None:
    demand, network = walking.demand, walking.network
    layer, standard = sites_of(walking, seed, 7, "aed"), standard_of("aed", limit)
    matrix = build_matrix(demand, network, layer, standard)
    ranked = rank_sites(demand, network, layer, standard, k=3)
    table = lost_sites(demand, ranked, layer, matrix=matrix, top=None).table.set_index("row")
    values = site_values(demand, matrix, layer).table.set_index("id")
    every = np.arange(7)
    whole = shares(walking, layer, standard, every)
    child, site, cost = by_sub_cells(walking, layer, standard, network)
    for row in range(7):
        left = shares(walking, layer, standard, every != row)
        alone = shares(walking, layer, standard, every == row)
        gone = round(float((whole - left).sum()), 6)
        assert table.loc[row, "lost"] == values.loc[f"aed-{row}", "sole"] == np.rint(gone)
        assert values.loc[f"aed-{row}", "gross"] == np.rint(round(float(alone.sum()), 6))
        order = np.lexsort((site, cost, child))
        first = order[np.flatnonzero(np.diff(child[order], prepend=np.uint64(0)))]
        mine = first[site[first] == row]
        weight = demand.residents[subcells.cell_of(demand, child[mine])] / subcells.CHILDREN
        assert table.loc[row, "users"] == np.rint(round(float(weight.sum()), 6))
    free = values.index[values["could_close"] == FREE]
    kept = shares(walking, layer, standard, ~layer.table["id"].isin(free).to_numpy())
    assert len(free) and np.array_equal(kept, whole)
    table = worst_case(demand, ranked, layer, matrix=matrix).table
    assert (table["served"] - table["lost"] == table["served_after"]).all()


def test_water_over_ways_on_foot(walking: SimpleNamespace) -> None:
    demand, network = walking.demand, walking.network
    layer, standard = sites_of(walking, 4, 7, "aed"), standard_of("aed", 1500)
    area = shapely.Point(layer.table["lon"][0], layer.table["lat"][0]).buffer(0.01)
    wet = shapely.intersects_xy(area, layer.table["lon"], layer.table["lat"])
    left = Layer("aed", layer.table[~wet].reset_index(drop=True), True)
    dry = without(network, selection.inside(network, area))
    whole = flooded(demand, network, layer, standard, area).table.iloc[0]
    cost = []
    for sites, roads_left in ((layer, network), (left, dry)):
        child, _, metres = by_sub_cells(walking, sites, standard, roads_left)
        best: dict[int, int] = {}
        for each, centimetres in zip(child.tolist(), metres.tolist(), strict=True):
            best[each] = min(centimetres, best.get(each, 10**9))
        cost.append(best)
    before, after = cost
    sums = dict.fromkeys(("served", "lost", "gained", "served_after", "slower", "inside_served"), 0.0)
    for each in before.keys() | after.keys():
        one = np.array([each], np.uint64)
        part = demand.residents[subcells.cell_of(demand, one)[0]] / subcells.CHILDREN
        was, now = before.get(each), after.get(each)
        if shapely.intersects_xy(area, *(float(axis[0]) for axis in subcells.centres(one))):
            sums["inside_served"] += part * (was is not None)
            continue
        sums["served"] += part * (was is not None)
        sums["served_after"] += part * (now is not None)
        sums["lost"] += part * (was is not None and now is None)
        sums["gained"] += part * (was is None and now is not None)
        sums["slower"] += part * (was is not None and now is not None and now > was)
    assert sums["lost"] > 10 and sums["inside_served"] > 100
    for name, amount in sums.items():
        assert abs(whole[name] - amount) <= 1, name
    assert whole["served"] - whole["lost"] + whole["gained"] == whole["served_after"]


def test_a_ring_of_water_cuts_off_who_walks(walking: SimpleNamespace) -> None:
    """The only site is dry inside the ring; nobody outside is reached by a way that is left."""
    demand, centre = walking.demand, int(np.argmax(walking.demand.residents))
    layer = gridworld.make_layer("aed", demand.lon[centre], demand.lat[centre], demand=demand)
    middle = shapely.Point(demand.lon[centre], demand.lat[centre])
    ring = middle.buffer(0.005).difference(middle.buffer(0.004))
    found = flooded(demand, walking.network, layer, standard_of("aed", 1500), ring)
    whole = found.table.iloc[0]
    assert whole["cut_off"] == whole["lost"] > 500 and "名居民无路可达" in found.headline


@pytest.mark.parametrize("limit", [270, pytest.param(600, marks=pytest.mark.slow)])
def test_gaps_on_foot_are_closed_along_the_ways(walking: SimpleNamespace, limit: int) -> None:
    """The best place reaches its residents; who is in reach of the own place does not count as unreached."""
    demand, network = walking.demand, walking.network
    layer, standard = sites_of(walking, 2, 6, "aed"), standard_of("aed", limit)
    cover = cover_layer(demand, network, layer, standard)
    found = locate_gaps(demand, cover, layer, walking.gazetteer, network=network)
    missing = unserved(demand, cover)
    assert found.table["residents"].sum() == np.rint(round(float(missing.sum()), 6))
    assert found.table["name"].is_unique
    table = close_gaps(demand, network, layer, cover, found, gaz=walking.gazetteer, top=13, gap_time_s=0.0)
    served, checked = np.unique(by_sub_cells(walking, layer, standard, network)[0]), 0
    for gap, row in table.iterrows():
        child = children_of(demand, np.flatnonzero(found.member == gap))
        level = 15 - int(child[0] >> np.uint64(52)) % 16
        middle = child[(child >> np.uint64(3 * level)) % np.uint64(8) == 0]
        cell = subcells.cell_of(demand, child)
        child = child[~np.isin(child, served) & (demand.residents[cell] > 0)]
        part = demand.residents[subcells.cell_of(demand, child)] / subcells.CHILDREN
        assert abs(part.sum() - row["residents"]) <= 1
        one = pairs.on_foot(
            demand, [row["best_lon"]], [row["best_lat"]], standard, limit=limit, network=network
        )
        assert row["one_reaches"] == np.rint(round(float(part[np.isin(child, one.child)].sum()), 6))
        if len(child) > 6 * limit:
            continue
        own, seventh = (
            pairs.on_foot(demand, *subcells.centres(each), standard, limit=limit, network=network)
            for each in (child, middle)
        )
        reached = np.isin(child, seventh.child)
        reached[own.site[own.child == child[own.site]]] = True
        assert row["unreached"] == np.rint(round(float(part[~reached].sum()), 6))
        checked += 1
    assert checked > 3


def children_of(demand: Any, cells: Any) -> Any:
    import h3.api.numpy_int as h3

    level = h3.get_resolution(int(demand.cell[0])) + subcells.CHILD_LEVELS
    return np.concatenate([h3.cell_to_children(int(each), level) for each in demand.cell[cells]])


def test_few_sites_are_proven_without_a_clock() -> None:
    """Up to eight sites the interval is closed by trying, equal to the integer programme of scipy."""
    proven = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        r, c = int(rng.integers(1, 40)), int(rng.integers(1, 30))
        cover = rng.random((r, c)) < rng.choice([0.05, 0.15, 0.3, 0.6])
        cover[np.arange(r), rng.integers(0, c, r)] = True
        best = milp(
            np.ones(c),
            constraints=LinearConstraint(cover.astype(float), lb=1),
            integrality=np.ones(c),
            bounds=Bounds(0, 1),
        )
        exact = round(float(best.fun))
        low, enough = fewest(csr_array(cover.astype(np.int8)), np.ones(r), np.full(c, -1, np.int8), 0.0)
        assert low <= exact <= enough
        if exact < 8:
            assert low == enough
            proven += exact > 2
    assert proven > 50


def test_areas_on_foot_hold_no_place_beyond_the_limit(walking: SimpleNamespace) -> None:
    """Random places in the areas on a network of ways, at their true cost; no two areas overlap."""
    layer = sites_of(walking, 5, 4, "aed")
    standard = replace(standard_of("aed", 600), limits=(300, 600))
    areas = service_areas(walking.network, layer, standard, spacing_m=20.0)
    ways = meet.on_foot(walking.network, standard)
    rng = np.random.default_rng(1)
    for limit in (300, 600):
        whole = shapely.union_all(areas.shapes[areas.table["limit"] == limit])
        west, south, east, north = whole.bounds
        x, y = rng.uniform(west, east, 30_000), rng.uniform(south, north, 30_000)
        inside = shapely.intersects_xy(whole, x, y)
        corners = shapely.get_coordinates(whole)
        x, y = np.append(x[inside], corners[:, 0]), np.append(y[inside], corners[:, 1])
        n = len(x)
        places = gridworld._demand(
            np.arange(n, dtype=np.uint64), x, y, np.ones(n), np.zeros(n), np.ones(n, np.int64)
        )
        cost = reach._drive(places, ways, *meet.sites(layer), standard, second=False).cost
        assert n > 200 and (cost <= limit).all()
    parts = shapely.area(areas.shapes)
    assert abs(parts.sum() - shapely.area(shapely.union_all(areas.shapes))) < 1e-9 * parts.sum()
