"""A flooded area: against measuring anew on closed roads without its sites, and cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import gridworld
import h3
import numpy as np
import pytest
import shapely
import shapeworld
import tinyworld
from boai.coverage import measures
from boai.coverage.flood import COLUMNS, ROAD_COLUMNS, SITE_COLUMNS, Flood, closed_by, flooded, share_inside
from boai.coverage.standards import Standard
from boai.coverage.zones import zones_of
from boai.geodata.crs import haversine_m
from boai.geodata.demand import Demand
from boai.geodata.errors import InputError
from boai.geodata.layers import Layer
from boai.geodata.network import Network
from boai.geodata.polygons import area_of
from boai.geodata.shapes import STEPS

World = tuple[Demand, Network, Layer, Standard]


def shaped(seed: int, *, sites: int = 5, cells: int = 30) -> World:
    """Bent roads; the cells are points, none of h3: they lie inside or outside as a whole."""
    network = shapeworld.random_roads(seed)
    lon, lat = shapeworld.points_on_roads(network, seed, sites + cells)
    n = np.arange(cells)
    demand = gridworld._demand(
        n.astype(np.uint64), lon[sites:], lat[sites:], np.ones(cells), n % 4, 2 ** n.astype(np.int64)
    )
    layer = gridworld.make_layer("warehouse", lon[:sites], lat[:sites], demand=demand)
    return demand, network, layer, gridworld.drive_standard((2, 4, 8), 4, access_kmh=400.0)


def corner(share: float) -> Any:
    """The south-west of the worlds of `shapeworld`."""
    west, south, side = shapeworld.WEST / STEPS, shapeworld.SOUTH / STEPS, share * 40_000 / STEPS
    return shapely.box(west - 0.001, south - 0.001, west + side, south + side)


def dry_world(world: World, area: Any) -> tuple[Network, Layer]:
    """What is left by hand: every road whose line meets the area is closed, every site in it gone."""
    _, network, layer, _ = world
    shut = []
    for shape, pair in enumerate(network.shapes.edge.tolist()):
        own = slice(int(network.shapes.start[shape]), int(network.shapes.start[shape + 1]))
        line = np.column_stack([network.shapes.x[own], network.shapes.y[own]]) / STEPS
        if area.intersects(shapely.LineString(line)):
            shut += [edge for edge in pair if edge >= 0]
    wet = [
        area.covers(shapely.Point(x, y)) for x, y in zip(layer.table["lon"], layer.table["lat"], strict=True)
    ]
    table = layer.table[~np.array(wet)].reset_index(drop=True)
    return shapeworld.closing(network, sorted(shut)), Layer(layer.kind, table, layer.example)


def check_adds_up(found: Flood, demand: Demand) -> None:
    table = found.table
    assert list(table.columns) == COLUMNS
    assert (table["inside"] + table["outside"] == table["residents"]).all()
    assert (table["served"] - table["lost"] + table["gained"] == table["served_after"]).all()
    assert (table["inside_served"] <= table["inside"]).all() and (table["lost"] <= table["served"]).all()
    whole = ["residents", "inside", "inside_served", "outside", "served", "lost", "served_after"]
    sums = table.groupby("level")[whole].sum()
    assert (sums.loc["省"] == sums.loc["县"]).all() and (sums.loc["省"] == sums.loc["市"]).all()
    assert sums.loc["省", "residents"] == demand.residents.sum()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_roads_equal_measuring_what_is_left(seed: int, share: float) -> None:
    world, area = shaped(seed), corner(share)
    demand, network, layer, standard = world
    found = flooded(demand, network, layer, standard, area)
    dry, left = dry_world(world, area)
    np.testing.assert_array_equal(found.edges, np.flatnonzero(dry.centiseconds != network.centiseconds))
    assert len(found.sites) == len(layer.table) - len(left.table)
    before = measures.cover_layer(demand, network, layer, standard)
    after = measures.cover_layer(demand, dry, left, standard)
    wet = np.array([area.covers(shapely.Point(x, y)) for x, y in zip(demand.lon, demand.lat, strict=True)])
    people, row = demand.residents, found.table.iloc[0]
    was, now = before.main_share == 1, after.main_share == 1
    assert row["inside"] == people[wet].sum() and row["inside_served"] == people[wet & was].sum()
    assert row["served"] == people[~wet & was].sum() and row["served_after"] == people[~wet & now].sum()
    assert row["lost"] == people[~wet & was & ~now].sum()
    assert row["gained"] == people[~wet & now & ~was].sum()
    assert row["cut_off"] == people[~wet & np.isfinite(before.cost) & np.isinf(after.cost)].sum()
    later = ~wet & (after.cost > before.cost) & np.isfinite(after.cost)
    assert row["slower"] == people[later].sum()
    if later.any():
        added = after.cost[later].astype(float) - before.cost[later]
        assert row["added_max"] == pytest.approx(added.max() / 60, rel=1e-3)
        assert row["added_mean"] == pytest.approx(np.average(added, weights=people[later]) / 60, rel=1e-3)
    for rank in range(len(found.sites)):
        mine = ~wet & (before.nearest == found.sites["row"][rank])
        assert found.sites["users"][rank] == people[mine].sum()
    check_adds_up(found, demand)


def test_on_foot_equals_counting_sub_cells() -> None:
    demand = gridworld.hex_demand(2)
    rng = np.random.default_rng(3)
    at = rng.integers(0, len(demand.cell), 30)
    lon, lat = (axis[at] + rng.normal(0, 0.008, 30) for axis in (demand.lon, demand.lat))
    layer = gridworld.make_layer("home", lon, lat, demand=demand)
    network = gridworld.make_network([], [], [], lon=demand.lon, lat=demand.lat)
    standard = gridworld.walk_standard((500, 1000), 1000, detour=1.3)
    area = shapely.Point(demand.lon.mean(), demand.lat.mean()).buffer(0.02)
    found = flooded(demand, network, layer, standard, area)
    wet = np.array([area.covers(shapely.Point(x, y)) for x, y in zip(lon, lat, strict=True)])
    assert 0 < wet.sum() < 30 and found.sites["row"].tolist() == np.flatnonzero(wet).tolist()
    count = dict.fromkeys(("inside", "inside_served", "served", "lost"), 0)
    for cell in demand.cell.tolist():
        for child in h3.cell_to_children(h3.int_to_str(cell), 10):
            y, x = h3.cell_to_latlng(child)
            metres = haversine_m(x, y, lon, lat) * 1.3
            drowned = area.covers(shapely.Point(x, y))
            was, now = bool((metres <= 1000).any()), bool((metres[~wet] <= 1000).any())
            count["inside"] += 16 * drowned
            count["inside_served"] += 16 * (drowned and was)
            count["served"] += 16 * (not drowned and was)
            count["lost"] += 16 * (not drowned and was and not now)
    row = found.table.iloc[0]
    assert {name: row[name] for name in count} == count and count["lost"] > 0
    assert row["gained"] == 0 == row["cut_off"] and 0 < row["slower"] <= row["served_after"]
    assert row["added_max"] <= 1000 and "步行按直线距离" in found.notes[-1]
    check_adds_up(found, demand)


def test_the_share_of_a_cell_is_that_of_its_sub_cells() -> None:
    demand = gridworld.hex_demand(2)
    area = shapely.box(demand.lon.mean(), 28.0, 117.0, 29.5)
    share = share_inside(demand, area)
    assert (share[demand.lon < demand.lon.mean() - 0.03] == 0).all()
    assert (share[demand.lon > demand.lon.mean() + 0.03] == 1).all()
    for cell in np.flatnonzero((share > 0) & (share < 1)).tolist():
        own = h3.cell_to_children(h3.int_to_str(int(demand.cell[cell])), 10)
        inside = sum(h3.cell_to_latlng(child)[1] >= demand.lon.mean() for child in own)
        assert share[cell] == inside / 343
    small = shapely.Point(demand.lon[0], demand.lat[0] + 0.005).buffer(0.003)
    assert 0 < share_inside(demand, small)[0] < 0.2  # no centre of a cell lies in it


def test_round_numbers() -> None:
    """A 4 x 4 grid, sites at opposite corners; the lower left cell drowns with its site and two roads."""
    world = tinyworld.drive_world([0, 15])
    demand, network, layer = world.demand, world.network, world.layers["warehouse"]
    standard = gridworld.drive_standard((600, 1200, 1800), 1200)
    found = flooded(demand, network, layer, standard, shapely.box(114.95, 27.95, 115.05, 28.05))
    row = found.table.iloc[0]
    assert row["inside"] == 1 == row["inside_served"] and len(found.edges) == 4
    west = [1, 2, 4, 5, 8]  # within twenty minutes of the first site
    assert row["lost"] == sum(2**node for node in west)
    assert row["cut_off"] == 0 and row["added_max"] == 40.0  # from ten to fifty minutes
    assert found.roads["length_km"].tolist() == [20.0] and found.roads["pieces"].tolist() == [2]
    assert list(found.roads.columns) == ROAD_COLUMNS and list(found.sites.columns) == SITE_COLUMNS
    assert "310名居民失去20分钟覆盖" in found.headline and "中断道路20公里" in found.headline
    check_adds_up(found, demand)


def test_an_area_elsewhere_is_a_sentence_and_changes_nothing() -> None:
    demand, network, layer, standard = shaped(1)
    found = flooded(demand, network, layer, standard, shapely.box(100, 20, 101, 21))
    assert "没有影响" in found.headline and not len(found.edges) and not len(found.sites)
    assert not len(found.roads) and not found.table[["inside", "lost", "slower", "cut_off"]].to_numpy().any()
    assert (found.table["served"] == found.table["served_after"]).all()
    world = tinyworld.walk_world(homes=[5])
    found = flooded(world.demand, world.network, world.layers["home"], world.standards["home"],
                    shapely.box(100, 20, 101, 21))  # fmt: skip
    assert "没有影响" in found.headline and found.table["served"][0] == found.table["served_after"][0] > 0


@pytest.mark.parametrize("kind", ["roads", "straight", "walk"])
def test_everything_under_water(kind: str) -> None:
    if kind == "roads":
        demand, network, layer, standard = shaped(1)
    else:
        world = tinyworld.drive_world([0, 5]) if kind == "straight" else tinyworld.walk_world(homes=[5, 7])
        name = "warehouse" if kind == "straight" else "home"
        demand, network, layer = world.demand, world.network, world.layers[name]
        standard = world.standards[name]
    found = flooded(demand, network, layer, standard, shapely.box(110, 20, 120, 35))
    row = found.table.iloc[0]
    assert row["inside"] == row["residents"] == demand.residents.sum() and row["outside"] == 0
    assert not row[["served", "lost", "slower", "cut_off"]].any() and np.isnan(row["share_after"])
    assert len(found.sites) == len(layer.table) and "范围外没有居民" in found.headline
    check_adds_up(found, demand)


def test_the_last_site_under_water_cuts_everybody_off() -> None:
    world = tinyworld.drive_world([0])
    found = flooded(world.demand, world.network, world.layers["warehouse"], world.standards["warehouse"],
                    shapely.box(114.95, 27.95, 115.05, 28.05))  # fmt: skip
    assert found.table["cut_off"][0] == 2**16 - 2 and "无路可达" in found.headline
    walk = tinyworld.walk_world(homes=[5])
    site = walk.layers["home"].table.iloc[0]
    found = flooded(walk.demand, walk.network, walk.layers["home"], walk.standards["home"],
                    shapely.Point(site["lon"], site["lat"]).buffer(0.001))  # fmt: skip
    assert found.table["cut_off"][0] == found.table["lost"][0] > 0


@pytest.mark.parametrize("kind", ["warehouse", "home"])
def test_no_sites_is_a_table_of_nobody_served(kind: str) -> None:
    world = tinyworld.drive_world([]) if kind == "warehouse" else tinyworld.walk_world()
    area = shapely.box(110, 20, 115.05, 28.05) if kind == "warehouse" else shapely.box(110, 20, 115.86, 35)
    found = flooded(world.demand, world.network, world.layers[kind], world.standards[kind], area)
    assert not found.table[["served", "served_after", "lost", "inside_served"]].to_numpy().any()
    assert found.table["inside"][0] > 0 and not len(found.sites)
    check_adds_up(found, world.demand)


def test_zones_may_be_chosen() -> None:
    demand, network, layer, standard = shaped(2)
    found = flooded(demand, network, layer, standard, corner(0.5), zones=[zones_of(demand, "市")])
    whole = flooded(demand, network, layer, standard, corner(0.5))
    assert found.table["level"].unique().tolist() == ["市"] and found.headline == whole.headline
    assert found.table["lost"].sum() == whole.table["lost"][0]


def test_more_water_never_helps(small_province: Any) -> None:
    """Real roads: the rows of a growing area, the last of which is measured anew."""
    world = small_province
    demand, network, layer = world.demand, world.network, world.layers["team"]
    standard = world.standards["team"]
    middle = shapely.Point(layer.table["lon"][0], layer.table["lat"][0])
    rows = []
    for radius in (0.005, 0.01, 0.02):
        area = middle.buffer(radius)
        found = flooded(demand, network, layer, standard, area)
        check_adds_up(found, demand)
        rows.append(found.table.iloc[0])
    assert [row["inside"] for row in rows] == sorted(row["inside"] for row in rows)
    dry, left = dry_world((demand, network, layer, standard), area)
    before = measures.cover_layer(demand, network, layer, standard)
    after = measures.cover_layer(demand, dry, left, standard)
    out = demand.residents * (1 - share_inside(demand, area))
    lost = (out * (before.main_share * (1 - after.main_share))).sum()
    assert rows[-1]["lost"] == pytest.approx(lost, abs=1) and lost > 0
    assert (
        closed_by(network, area).tolist() == np.flatnonzero(dry.centiseconds != network.centiseconds).tolist()
    )


def test_areas_are_read_from_files_and_text(tmp_path: Path) -> None:
    square = shapely.box(115.0, 28.0, 115.5, 28.5)
    frame = gpd.GeoDataFrame({"name": ["水"]}, geometry=[square], crs=4326)
    frame.to_file(tmp_path / "a.geojson")
    frame.to_crs(4548).to_file(tmp_path / "b.gpkg", layer="x")
    frame.to_crs(4490).to_file(tmp_path / "c.shp", encoding="utf-8")
    for name in ("a.geojson", "b.gpkg", "c.shp"):
        area = area_of(str(tmp_path / name))
        assert area.symmetric_difference(square).area < 1e-6 * square.area
    for text in ("115,28 115.5,28 115.5,28.5 115,28.5", "115，28；115.5，28；115.5,28.5；115,28.5"):
        assert area_of(text).equals(square)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "应为多边形文件"),
        ("115,28 116,29", "应为多边形文件"),
        ("115,28 116,29 洪水 117,28", "应为多边形文件"),
        ("115,28 116,29 117,30", "面积为零"),
        ("28,115 29,116 28,117", "写反"),
        ("nowhere.gpkg", "文件不存在"),
        ("nowhere.shp", "文件不存在"),
        ("nowhere.geojson", "文件不存在"),
    ],
)
def test_wrong_areas_are_sentences(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        area_of(text)


def test_wrong_files_are_sentences(tmp_path: Path) -> None:
    (tmp_path / "broken.gpkg").write_bytes(b"no database")
    (tmp_path / "points.geojson").write_text(
        json.dumps({"type": "Point", "coordinates": [115, 28]}), encoding="utf-8"
    )
    gpd.GeoDataFrame(geometry=[shapely.Point(115, 28)], crs=4326).to_file(tmp_path / "points.gpkg")
    frame = gpd.GeoDataFrame(geometry=[shapely.box(115, 28, 116, 29)])
    with pytest.warns(UserWarning, match="crs"):
        frame.to_file(tmp_path / "nowhere.shp")
    said = {"broken.gpkg": "读不出多边形", "points.geojson": "没有多边形", "points.gpkg": "没有多边形",
            "nowhere.shp": "没有写明坐标系"}  # fmt: skip
    for name, what in said.items():
        with pytest.raises(InputError, match=what):
            area_of(str(tmp_path / name))
