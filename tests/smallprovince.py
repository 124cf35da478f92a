"""Liechtenstein as a small mountain province: its roads moved to Jiangxi, with invented residents and sites.

The maps' projection is that of Jiangxi, so the nodes of the file are shifted to 115.9 E, 28.7 N; longitudes
are drawn together by the ratio of the cosines: distances on the ground stay what they are (within 0.3 %).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import gridworld
import h3.api.numpy_int as h3
import numpy as np
import shapely
from boai.coverage.standards import load_standards
from boai.geodata import crs, roads
from boai.geodata.boundaries import Units
from boai.geodata.demand import Demand
from boai.geodata.layers import Kind, Layer
from boai.geodata.network import Network
from boai.scenarios.world import World

FROM, TO = (9.53, 47.13), (115.9, 28.7)
RESIDENTS = 40_000
RESOLUTION = 8
"""Cells of 0.7 km², finer than a province's: there are some 200."""
SOURCE = "示例居民 (按道路节点分布的合成数据, 不是真实人口)"
LIMITS_S = (300, 600, 900)
SITES: dict[Kind, int] = {"warehouse": 2, "team": 3, "home": 6, "aed": 15}


def moved(path: Path, to: Path) -> Path:
    """Write a copy of an OSM file with all nodes shifted from ``FROM`` to ``TO``."""
    import osmium

    ratio = np.cos(np.radians(FROM[1])) / np.cos(np.radians(TO[1]))
    with osmium.SimpleWriter(str(to)) as writer:
        for thing in osmium.FileProcessor(str(path)):
            if thing.is_node() and thing.location.valid():
                place = (
                    TO[0] + (thing.location.lon - FROM[0]) * ratio,
                    TO[1] + thing.location.lat - FROM[1],
                )
                writer.add_node(thing.replace(location=place))
            elif not thing.is_node():
                writer.add(thing)
    return to


def make_network(path: Path, folder: Path, **options: Any) -> Network:
    """Read the moved file."""
    return roads.read_osm(moved(path, folder / "moved.osm.pbf"), mode="drive", **options)


def make_units(network: Network) -> Units:
    """The land around the roads as the province, cut by three straight lines: 4 counties, 2 cities."""
    points = shapely.multipoints(np.column_stack(crs.from_wgs84(network.lon, network.lat, to=crs.ALBERS)))
    land = shapely.concave_hull(points, ratio=0.3).buffer(800)
    frame = gpd.GeoSeries([land], crs=crs.ALBERS).to_crs(4326)
    province = shapely.set_precision(frame.iloc[0], 1e-7)
    west, _, east, _ = province.bounds
    middle, low, high = np.median(network.lon), *np.quantile(network.lat, (0.35, 0.7))
    cuts = shapely.multilinestrings(
        [
            [(west - 1, low), (east + 1, low)],
            [(west - 1, high), (east + 1, high)],
            [(middle, low), (middle, high)],
        ]
    )
    pieces = shapely.get_parts(shapely.polygonize([shapely.union(province.boundary, cuts)]))
    pieces = pieces[shapely.covers(province, shapely.point_on_surface(pieces))]
    x, y = shapely.get_coordinates(shapely.point_on_surface(pieces)).T
    number = np.where(y < low, 0, np.where(y > high, 3, np.where(x < middle, 1, 2)))
    parts = [shapely.coverage_union_all(pieces[number == each]) for each in range(4)]
    names = {"code": gridworld.CODES, "name": ("南山县", "西川县", "东岭县", "北谷县")}
    cities = {"city_code": ["360100"] * 2 + ["360200"] * 2, "city_name": gridworld.CITIES}
    counties = gpd.GeoDataFrame({**names, **cities}, geometry=parts, crs=4326)
    halves = [shapely.coverage_union_all(parts[:2]), shapely.coverage_union_all(parts[2:])]
    city = gpd.GeoDataFrame(
        {"code": ["360100", "360200"], "name": ["东市", "西市"]}, geometry=halves, crs=4326
    )
    whole = gpd.GeoDataFrame({"code": ["360000"], "name": ["江西省"]}, geometry=[province], crs=4326)
    return Units(whole, city, counties, "道路外缘 (测试)")


def make_demand(network: Network, units: Units) -> Demand:
    """Cells over the province with residents in proportion to the junctions in them."""
    province = units.province.geometry.iloc[0]
    rings = [[(lat, lon) for lon, lat in ring.coords] for ring in (province.exterior, *province.interiors)]
    cell = np.unique(h3.polygon_to_cells(h3.LatLngPoly(*rings), RESOLUTION))
    lat, lon = np.array([h3.cell_to_latlng(each) for each in cell.tolist()]).T
    inside = gpd.GeoSeries.from_xy(lon, lat, crs=4326)
    county = np.full(len(cell), -1, np.int32)
    for number, shape in enumerate(units.counties.geometry):
        county[shapely.covers(shape, inside.to_numpy())] = number
    cell, lon, lat, county = (values[county >= 0] for values in (cell, lon, lat, county))
    here = [h3.latlng_to_cell(y, x, RESOLUTION) for x, y in zip(network.lon, network.lat, strict=True)]
    weight = (np.array(here, np.uint64) == cell[:, None]).sum(axis=1)
    people = np.floor(RESIDENTS * weight / weight.sum()).astype(np.int64)
    people[np.argmax(people)] += RESIDENTS - people.sum()
    return Demand(
        cell=cell,
        lon=lon,
        lat=lat,
        area_km2=np.array([h3.cell_area(each, "km^2") for each in cell.tolist()]),
        county=county,
        residents=people,
        urban=people // 2,
        age_60=people // 4,
        age_65=people // 8,
        county_code=np.array(gridworld.CODES),
        county_name=units.counties["name"].to_numpy(str),
        city_name=np.array(gridworld.CITIES),
        meta={"source": SOURCE},
    )


def make_layers(demand: Demand) -> dict[Kind, Layer]:
    """Example sites a little off the centres of cells where people live, the same in every run."""
    rng = np.random.default_rng(4)
    chance = demand.residents / demand.residents.sum()
    layers: dict[Kind, Layer] = {}
    for kind, count in SITES.items():
        cells = rng.choice(len(demand.cell), count, replace=False, p=chance)
        lon, lat = (values[cells] + rng.uniform(-0.003, 0.003, count) for values in (demand.lon, demand.lat))
        level = "县级" if kind in {"warehouse", "team"} else ""
        layer = gridworld.make_layer(kind, lon, lat, demand=demand, year=2024, readiness_min=np.nan)
        layers[kind] = Layer(kind, layer.table.assign(level=level, source="示例"), True)
    return layers


def make_world(path: Path, folder: Path) -> World:
    """Everything from the file: network, boundaries, residents, places, sites; limits of 5, 10, 15 min."""
    network = make_network(path, folder)
    units = make_units(network)
    demand = make_demand(network, units)
    standards = load_standards()
    for kind in ("warehouse", "team"):
        standards[kind] = replace(
            standards[kind], limits=LIMITS_S, main=LIMITS_S[0], compliance=(), mobilisation_s=0
        )
    gazetteer = gridworld.make_gazetteer(demand)
    names = np.array(["江西省", "东市", "西市", *demand.county_name, *gazetteer.name[7:]])
    return World(
        units,
        demand,
        network,
        replace(gazetteer, name=names),
        make_layers(demand),
        standards,
        {"boai": "0"},
    )
