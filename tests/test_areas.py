"""Service areas: nothing beyond the limit is inside, little within it is outside, and nothing overlaps."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gridworld
import numpy as np
import pytest
import shapely
import shapeworld
from boai.app import workspace
from boai.coverage import area_grid, area_kernels, area_shapes, reach
from boai.coverage.areas import Areas, service_areas
from boai.coverage.standards import Standard
from boai.geodata.crs import ALBERS, haversine_m, to_wgs84
from boai.geodata.demand import Demand
from boai.geodata.errors import InputError
from boai.geodata.layers import Layer
from boai.geodata.network import Network
from boai.scenarios.world import World
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

SPACING = 20.0
LIMITS = (300, 600, 900)


def places_as_demand(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Demand:
    """One resident at every place: so `reach` tells the cost of any place."""
    n, none = len(lon), np.zeros(len(lon), np.int64)
    one = np.array(["360101"])
    return Demand(
        np.arange(n, dtype=np.uint64), lon, lat, np.ones(n), none.astype(np.int32),
        none + 1, none, none, none, one, one, one,
    )  # fmt: skip


def cost_at(
    network: Network, layer: Layer, standard: Standard, lon: Any, lat: Any
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cost and site of places by the cover's own rule."""
    at = places_as_demand(np.asarray(lon, float), np.asarray(lat, float))
    x, y = (layer.table[axis].to_numpy(float) for axis in ("lon", "lat"))
    found = reach.drive_reach(at, network, x, y, standard)
    return found.cost, found.nearest


def random_places(areas: Areas, count: int, seed: int = 1) -> tuple[NDArray[np.float64], ...]:
    west, south, east, north = shapely.total_bounds(areas.shapes)
    rng = np.random.default_rng(seed)
    return rng.uniform(west, east, count), rng.uniform(south, north, count)


def inside(areas: Areas, limit: int, lon: Any, lat: Any) -> NDArray[np.bool_]:
    """Whether places are in any area up to a limit (rings are put together)."""
    own = areas.shapes[(areas.table["limit"] <= limit).to_numpy()]
    found = np.zeros(len(lon), bool)
    found[shapely.STRtree(shapely.points(lon, lat)).query(own, predicate="intersects")[1]] = True
    return found


def close_to(areas: Areas, lon: Any, lat: Any, metres: float) -> NDArray[np.bool_]:
    """Whether places lie within some metres of a border of an area."""
    lines = shapely.boundary(area_shapes.to_metres(areas.shapes))
    points = shapely.points(*area_shapes.from_wgs84(lon, lat, to=ALBERS))
    found = np.zeros(len(points), bool)
    found[shapely.STRtree(lines).query(points, predicate="dwithin", distance=metres)[0]] = True
    return found


@pytest.fixture(scope="module")
def world(small_province: World) -> World:
    return small_province


@pytest.fixture(scope="module")
def shares(world: World) -> Areas:
    """Areas of responsibility of the teams on real roads."""
    return service_areas(
        world.network, world.layers["team"], world.standards["team"], spacing_m=SPACING, demand=world.demand
    )


# Real roads


def test_no_place_beyond_the_limit_is_inside(world: World, shares: Areas) -> None:
    layer, standard = world.layers["team"], world.standards["team"]
    lon, lat = random_places(shares, 40_000)
    lon, lat = np.append(lon, world.demand.lon), np.append(lat, world.demand.lat)
    cost, _ = cost_at(world.network, layer, standard, lon, lat)
    for limit in LIMITS:
        found = inside(shares, limit, lon, lat)
        assert found.sum() > 2000
        assert (cost[found] <= limit).all()


def test_most_places_within_the_limit_are_inside(world: World, shares: Areas) -> None:
    lon, lat = random_places(shares, 40_000)
    cost, _ = cost_at(world.network, world.layers["team"], world.standards["team"], lon, lat)
    for limit, together, surely in ((300, 0.90, 0.96), (600, 0.95, 0.98), (900, 0.96, 0.98)):
        found, true = inside(shares, limit, lon, lat), cost <= limit
        assert (found & true).sum() / (found | true).sum() > together
        assert found[cost <= limit - shares.tolerance].mean() > surely
        assert found[cost <= limit - 60].mean() > 0.985


def test_a_finer_grid_comes_closer(world: World) -> None:
    layer, standard = world.layers["warehouse"], world.standards["warehouse"]
    areas = [service_areas(world.network, layer, standard, spacing_m=h, together=True) for h in (40, 15)]
    assert areas[0].table["area_km2"].sum() < areas[1].table["area_km2"].sum()
    lon, lat = random_places(areas[1], 30_000)
    cost, _ = cost_at(world.network, layer, standard, lon, lat)
    found, true = inside(areas[1], 900, lon, lat), cost <= 900
    assert not (found & ~true).any()
    assert (found & true).sum() / true.sum() > 0.965


def test_areas_of_responsibility_do_not_overlap_and_make_the_whole(world: World, shares: Areas) -> None:
    metres = area_shapes.to_metres(shares.shapes)
    assert shapely.is_valid(shares.shapes).all()
    first, second = shapely.STRtree(metres).query(metres, predicate="intersects")
    pairs = first < second
    both = shapely.area(shapely.intersection(metres[first[pairs]], metres[second[pairs]]))
    assert both.sum() < 1.0
    layer, standard = world.layers["team"], world.standards["team"]
    whole = service_areas(world.network, layer, standard, spacing_m=SPACING, together=True)
    own = shares.table.groupby("limit")["area_km2"].sum().to_numpy()
    assert own == pytest.approx(whole.table["area_km2"].to_numpy(), rel=1e-6)
    assert shares.rings
    assert shares.product == "责任区"
    assert whole.product == "合并范围"


def test_each_place_is_in_the_area_of_its_nearest_site(world: World, shares: Areas) -> None:
    lon, lat = random_places(shares, 20_000)
    _, site = cost_at(world.network, world.layers["team"], world.standards["team"], lon, lat)
    row, place = shapely.STRtree(shapely.points(lon, lat)).query(shares.shapes, predicate="contains")
    wrong = shares.table["site"].to_numpy()[row] != site[place]
    assert wrong.mean() < 0.01
    assert close_to(shares, lon[place[wrong]], lat[place[wrong]], 4 * SPACING).all()


def test_residents_by_travel_are_those_of_the_cover(world: World, shares: Areas) -> None:
    layer, standard = world.layers["team"], world.standards["team"]
    x, y = (layer.table[axis].to_numpy(float) for axis in ("lon", "lat"))
    found = reach.drive_reach(world.demand, world.network, x, y, standard)
    table = shares.table
    for row in table.itertuples():
        own = (found.nearest == row.site) & (found.cost <= row.limit) & (found.cost > row.band_from)
        assert row.residents == world.demand.residents[own].sum()
    total = world.demand.residents.sum()
    assert table["residents_centre"].sum() == pytest.approx(table["residents"].sum(), abs=0.02 * total)
    assert table["residents_centre"].sum() <= table["residents"].sum()


def test_with_overlaps_each_site_has_what_it_reaches_alone(world: World) -> None:
    layer, standard, done = world.layers["team"], world.standards["team"], []
    areas = service_areas(
        world.network,
        layer,
        standard,
        overlap=True,
        spacing_m=40,
        demand=world.demand,
        progress=lambda a, b: done.append((a, b)),
    )
    assert done[-1] == (3, 3)
    assert not areas.rings
    for site in range(3):
        alone = Layer("team", layer.table.iloc[[site]].reset_index(drop=True), True)
        own = service_areas(world.network, alone, standard, together=True, spacing_m=40, demand=world.demand)
        rows = areas.table["site"] == site
        assert areas.table.loc[rows, "area_km2"].to_numpy() == pytest.approx(
            own.table["area_km2"].cumsum().to_numpy()
        )
        assert areas.table.loc[rows, "residents"].tolist() == own.table["residents"].cumsum().tolist()


def test_one_more_site_never_takes_a_place_away(world: World) -> None:
    layer, standard = world.layers["team"], world.standards["team"]
    few = Layer("team", layer.table.iloc[[0, 2]].reset_index(drop=True), True)
    less, more = (
        service_areas(world.network, own, standard, limits=[600], together=True, spacing_m=40).shapes[0]
        for own in (few, layer)
    )
    assert shapely.area(shapely.difference(less, more)) < 1e-12
    turned = Layer("team", layer.table.iloc[::-1].reset_index(drop=True), True)
    again = service_areas(world.network, turned, standard, limits=[600], together=True, spacing_m=40)
    assert shapely.area(shapely.symmetric_difference(again.shapes[0], more)) < 1e-12


def test_areas_are_clipped_to_the_province(world: World) -> None:
    province = shapely.box(115.85, 28.6, 115.93, 28.7)
    layer, standard = world.layers["team"], world.standards["team"]
    kinds: list[dict[str, Any]] = [{}, {"overlap": True}, {"together": True}]
    for kind in kinds:
        areas = service_areas(world.network, layer, standard, spacing_m=60, province=province, **kind)
        assert areas.table["area_km2"].sum() > 1
        assert shapely.area(shapely.difference(areas.shapes, province)).sum() < 1e-9


def test_walking_on_a_network_counts_its_metres(world: World) -> None:
    walk = replace(world.network, meta={**world.network.meta, "mode": "walk"})
    layer = world.layers["home"]
    standard = gridworld.walk_standard((500, 1000), detour=1.3)
    areas = service_areas(walk, layer, standard, together=True, spacing_m=10)
    costs = area_grid.costs_of(walk, standard)
    assert costs is not None
    seconds = gridworld.drive_standard((500, 1000), 500, access_kmh=3.6)
    lon, lat = random_places(areas, 20_000)
    cost, _ = cost_at(costs.network, layer, seconds, lon, lat)
    for limit in (500, 1000):
        found = inside(areas, limit, lon, lat)
        assert found.sum() > 50
        assert (cost[found] <= limit).all()
    assert found[cost <= 1000 - areas.tolerance].mean() > 0.92


@pytest.mark.parametrize("seed", range(3))
def test_sites_in_the_middle_of_roads(world: World, seed: int) -> None:
    """Within 40 seconds only the roads count on which the sites stand, one-ways among them."""
    rng = np.random.default_rng(seed)
    assert world.network.shapes is not None
    shape = rng.choice(np.flatnonzero(world.network.shapes.snap), 60)
    point = world.network.shapes.start[shape]
    middle = (point + world.network.shapes.start[shape + 1]) // 2
    x, y = world.network.shapes.x[middle] / 1e7 + 1e-5, world.network.shapes.y[middle] / 1e7
    layer, standard = gridworld.make_layer("team", x, y), gridworld.drive_standard((20, 40), 20)
    areas = service_areas(world.network, layer, standard, spacing_m=10)
    lon, lat = (
        np.repeat(x, 400) + rng.normal(0, 1e-3, 24_000),
        np.repeat(y, 400) + rng.normal(0, 1e-3, 24_000),
    )
    cost, _ = cost_at(world.network, layer, standard, lon, lat)
    for limit in (20, 40):
        found = inside(areas, limit, lon, lat)
        assert found.sum() > 1000
        assert (cost[found] <= limit).all()
    assert found[cost <= 30].mean() > 0.9


@pytest.mark.slow
def test_the_whole_province_takes_seconds(world_of_the_demo: World) -> None:
    """1.2 million vertices of 500 m for all stores; nothing beyond is inside, of the cells neither."""
    demo = world_of_the_demo
    layer, standard = demo.layers["warehouse"], demo.standards["warehouse"]
    province = demo.units.province.geometry.iloc[0]
    for spacing in (2000, 500):  # the first compiles
        start = time.process_time()
        areas = service_areas(demo.network, layer, standard, spacing_m=spacing, province=province)
        took = time.process_time() - start
    assert took < 3
    lon, lat = random_places(areas, 30_000)
    for x, y in ((lon, lat), (demo.demand.lon, demo.demand.lat)):
        cost, _ = cost_at(demo.network, layer, standard, x, y)
        inner = shapely.contains_xy(province, x, y)
        for limit in standard.limits:
            found = inside(areas, limit, x, y)
            assert (cost[found] <= limit).all()
            assert found[inner & (cost <= limit - areas.tolerance)].mean() > 0.97


@pytest.fixture(scope="module")
def world_of_the_demo(workspace_folder: Path) -> World:
    return workspace.load_world(workspace.open_workspace(workspace_folder))


# Networks without shapes, random worlds


def test_the_grid_world_is_discs_around_nodes() -> None:
    """A node that is reached after ten minutes leaves five minutes of walking: 1282 m at 20 km/h x 1.3."""
    network = gridworld.grid_network(4)
    layer = gridworld.make_layer("warehouse", *gridworld.at_nodes(network, [5]))
    standard = gridworld.drive_standard((300, 900), 300)
    areas = service_areas(network, layer, standard, overlap=True, spacing_m=15)
    radius = 300 / 1.3 * 20 / 3.6
    disc = np.pi * (radius / 1000) ** 2
    assert areas.table["area_km2"].iloc[0] == pytest.approx(disc, rel=0.04)
    assert areas.table["area_km2"].iloc[0] < disc
    assert shapely.get_num_geometries(areas.shapes).tolist() == [1, 5]
    own = np.pi * (900 / 1.3 * 20 / 3.6 / 1000) ** 2  # no neighbour is nearer than 2 x 3846 m
    assert areas.table["area_km2"].iloc[1] == pytest.approx(own + 4 * disc, rel=0.04)


@given(st.integers(0, 10_000), st.sampled_from([60.0, 150.0, 400.0]))
@settings(max_examples=8)
def test_nothing_beyond_in_random_worlds_of_nodes(seed: int, spacing: float) -> None:
    network = gridworld.random_network(seed, longest=90_000)
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(115, 116, 3), rng.uniform(28, 29, 3)
    _check_random(network, x, y, spacing, limits=(900, 1800), seed=seed)


@given(st.integers(0, 10_000), st.sampled_from([15.0, 40.0, 120.0]))
@settings(max_examples=many(25))
def test_nothing_beyond_in_random_worlds_of_roads(seed: int, spacing: float) -> None:
    network = shapeworld.random_roads(seed)
    rng = np.random.default_rng(seed)
    network = shapeworld.closing(network, rng.choice(network.n_edges, 2))
    x, y = shapeworld.points_on_roads(network, rng, 3) if seed % 2 else shapeworld.random_points(rng, 3)
    _check_random(network, x, y, spacing, limits=(60, 200), seed=seed)


def _check_random(
    network: Network, x: Any, y: Any, spacing: float, *, limits: tuple[int, ...], seed: int
) -> None:
    layer, standard = gridworld.make_layer("warehouse", x, y), gridworld.drive_standard(limits, limits[0])
    areas = service_areas(network, layer, standard, spacing_m=spacing)
    assert shapely.is_valid(areas.shapes).all()
    if not areas.table["area_km2"].sum():
        return
    lon, lat = random_places(areas, 3000, seed)
    cost, _ = cost_at(network, layer, standard, lon, lat)
    for limit in limits:
        assert (cost[inside(areas, limit, lon, lat)] <= limit).all()


def test_parts_of_roads_are_reached_in_the_stated_time() -> None:
    """A two-way road of 2 km and 100 s from a site at its end: point k of n lies at (k + 0.5) / n of it."""
    network = shapeworld.make([(0, 0), (20_000, 0)], [shapeworld.Road(0, 1, 10_000, 10_000)])
    costs = area_grid.Costs(network, gridworld.drive_standard((60,), 60))
    points = area_grid.road_points(costs, spacing_m=100)
    n = len(points.x)
    assert n == np.ceil(haversine_m(115.0, 28.0, 115.002, 28.0) / 100)
    node, time = points.ways()
    assert points.access.along == pytest.approx((np.arange(n) + 0.5) / n)
    assert (node == [0, 1]).all()
    assert np.abs(time[:, 0] - 10_000 * (np.arange(n) + 1) / n).max() <= 2
    own = area_kernels.point_times(
        (node, time, np.full(n, area_kernels.BEYOND)),
        np.array([0, 10_000], np.int32),
        np.array([7, 7], np.int32),
        np.full(n, -1, np.int32),
    )
    assert (own[1] == 7).all()
    assert (np.diff(own[0]) > 0).all()


# Discs on foot


def test_discs_hold_nothing_beyond_and_miss_little() -> None:
    network = gridworld.grid_network(2)
    x, y = np.array([115.9, 115.903, 115.903]), np.array([28.7, 28.7, 28.7])
    layer, standard = gridworld.make_layer("aed", x, y), gridworld.walk_standard((130, 260), detour=1.3)
    own = service_areas(network, layer, standard, overlap=True)
    circle = np.pi * np.array([0.1, 0.2]) ** 2
    assert own.table["area_km2"].to_numpy().reshape(3, 2) == pytest.approx(np.tile(circle, (3, 1)), rel=0.01)
    lon, lat = random_places(own, 20_000)
    cost = haversine_m(lon[:, None], lat[:, None], x, y) * 1.3
    shares, whole = (service_areas(network, layer, standard, **kind) for kind in ({}, {"together": True}))
    for limit in (130, 260):
        for areas in (own, shares, whole):
            found = inside(areas, limit, lon, lat)
            assert (cost[found].min(axis=1) <= limit).all()
            assert found[cost.min(axis=1) <= limit * 0.999].all()
    assert shares.table.groupby("site")["area_km2"].sum()[2] == 0  # at the place of a lower row
    assert shares.table["area_km2"].sum() == pytest.approx(whole.table["area_km2"].sum())
    row, place = shapely.STRtree(shapely.points(lon, lat)).query(shares.shapes, predicate="contains")
    wrong = shares.table["site"].to_numpy()[row] != cost.argmin(axis=1)[place]
    assert np.ptp(cost[place[wrong], :2], axis=1).max(initial=0) < 2.0
    assert own.label == "示例数据"
    assert own.spacing_m == 0


def test_residents_on_foot_are_those_of_the_cover() -> None:
    demand = gridworld.hex_demand(2)
    layer = gridworld.make_layer("home", demand.lon[[3, 4]], demand.lat[[3, 4]], demand=demand)
    standard = gridworld.walk_standard((500, 1000))
    found = reach.walk_reach(demand, demand.lon[[3, 4]], demand.lat[[3, 4]], standard)
    expected = [round(float((demand.residents * found.share[:, i]).sum())) for i in range(2)]
    network = gridworld.grid_network(2)
    for kind in ({}, {"together": True}):
        table = service_areas(network, layer, standard, demand=demand, **kind).table
        assert table.groupby("limit")["residents"].sum().cumsum().tolist() == pytest.approx(expected, abs=2)


# Edge cases


def empty_layer() -> Layer:
    return gridworld.make_layer("warehouse", np.empty(0), np.empty(0))


@pytest.mark.parametrize("kind", [{}, {"overlap": True}, {"together": True}])
def test_no_site_no_area(kind: dict[str, Any]) -> None:
    demand = gridworld.grid_demand(3)
    for standard in (gridworld.drive_standard(), gridworld.walk_standard()):
        areas = service_areas(gridworld.grid_network(3), empty_layer(), standard, demand=demand, **kind)
        rows = len(standard.limits) if "together" in kind else 0
        assert len(areas.table) == len(areas.shapes) == rows
        assert areas.table["area_km2"].sum() == 0
        assert areas.table["residents"].sum() == 0


def test_no_network_no_area() -> None:
    network = gridworld.make_network([], [], [], lon=np.empty(0), lat=np.empty(0))
    areas = service_areas(network, gridworld.make_layer("team", 115.0, 28.0), gridworld.drive_standard())
    assert areas.notes == ("路网是空的",)
    assert shapely.is_empty(areas.shapes).all()


def test_all_sites_on_one_point_belong_to_the_lowest() -> None:
    network = gridworld.grid_network(3)
    layer = gridworld.make_layer("warehouse", [115.1] * 3, [28.1] * 3)
    areas = service_areas(network, layer, gridworld.drive_standard((300,), 300), spacing_m=60)
    assert (areas.table["area_km2"] > 0).tolist() == [True, False, False]
    assert areas.label == "示例数据"


def test_a_site_off_the_roads_is_named(world: World) -> None:
    layer = gridworld.make_layer("team", [114.0, 115.9], [27.0, 28.7], name=["远站", "近站"])
    standard = world.standards["team"]
    areas = service_areas(world.network, layer, standard, limits=[300], spacing_m=50)
    assert "远站" in areas.notes[0]
    assert "近站" not in areas.notes[0]
    assert areas.table["area_km2"].iloc[0] == 0
    nowhere = gridworld.make_layer("team", 114.0, 27.0, name="远站")
    none = service_areas(world.network, nowhere, standard, overlap=True, demand=world.demand)
    assert shapely.is_empty(none.shapes).all()
    assert len(none.notes) == 1
    assert none.table["residents"].tolist() == [0, 0, 0]


def test_a_limit_below_the_spacing_is_said() -> None:
    network = gridworld.grid_network(3)
    layer = gridworld.make_layer("warehouse", 115.1, 28.1)
    areas = service_areas(network, layer, gridworld.drive_standard((10,), 10), spacing_m=500)
    assert areas.table["area_km2"].sum() == 0
    assert "5公里" in areas.notes[0]
    assert "网格间距500米" in areas.notes[1]
    fine = service_areas(network, layer, gridworld.drive_standard((10,), 10))
    assert fine.spacing_m == 5
    assert fine.table["area_km2"].sum() > 0
    assert len(fine.notes) == 1


def test_an_island_is_not_reached() -> None:
    """Two roads that do not meet; the places by the second are nearest to it and have no way."""
    roads = [shapeworld.Road(0, 1, 1000, 1000), shapeworld.Road(2, 3, 1000, 1000)]
    network = shapeworld.make([(0, 0), (50_000, 0), (0, 10_000), (50_000, 10_000)], roads)
    layer, standard = gridworld.make_layer("team", 115.0, 28.0), gridworld.drive_standard((600,), 600)
    areas = service_areas(network, layer, standard, spacing_m=20)
    border = 28.0 + 0.0005
    assert 0 < border - shapely.bounds(areas.shapes[0])[3] < 60 / 111_195
    assert not inside(areas, 600, [115.003], [28.0009]).any()


def test_wrong_wishes_are_refused() -> None:
    network, layer = gridworld.grid_network(3), gridworld.make_layer("warehouse", 115.1, 28.1)
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("上限应大于0", {"limits": [0, 600]}),
        ("上限应大于0", {"limits": []}),
        ("间距应大于0", {"spacing_m": 0.0}),
        ("间距应大于0", {"spacing_m": float("nan")}),
        ("间距太小", {"spacing_m": 0.5}),
    ]
    for text, wish in wishes:
        with pytest.raises(InputError, match=text):
            service_areas(network, layer, gridworld.drive_standard(), **wish)


def test_faces_keep_shared_borders() -> None:
    """Three labels meet; smoothing leaves neither gaps nor overlaps, and the rim as it is."""
    lattice = area_grid.Lattice(0.0, 0.0, 10.0, 40, 30)
    label = np.zeros((30, 40), np.int32)
    label[:, 20:] = 1
    label[10:20, 10:30] = 2
    label[3, 3] = -1
    faces, owner = area_shapes.label_faces(lattice, label)
    assert sorted(owner.tolist()) == [-1, 0, 1, 2]
    assert shapely.coverage_is_valid(faces)
    assert shapely.area(faces).sum() == pytest.approx(400 * 300)
    assert shapely.area(faces[owner == 2])[0] == pytest.approx(200 * 100, rel=0.1)


def test_places_at_the_rim_of_a_disc_are_at_the_distance() -> None:
    disc = area_shapes.discs(np.array([115.9]), np.array([28.7]), 1000.0)[0]
    x, y = shapely.get_coordinates(disc).T
    lon, lat = to_wgs84(x, y, of=ALBERS)
    assert haversine_m(115.9, 28.7, lon, lat) == pytest.approx(1000.0, abs=0.01)
    assert (haversine_m(115.9, 28.7, lon, lat) <= 1000.0).all()
