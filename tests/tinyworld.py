"""Whole worlds of round numbers for the tests of scenarios, made of the parts of ``gridworld``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import gridworld
import numpy as np
from boai.coverage.standards import Standard
from boai.geodata.boundaries import Units
from boai.geodata.demand import Demand
from boai.geodata.layers import Kind, Layer
from boai.scenarios.schema import Scenario, parse_scenario
from boai.scenarios.world import World
from shapely import box

EMPTY = {"lon": np.empty(0), "lat": np.empty(0)}


def make_units(demand: Demand) -> Units:
    """Four rectangles as counties, two pairs of them as cities, around the cells of a small demand."""
    lon, lat, county = demand.lon, demand.lat, demand.county
    middle = (lon[county >= 2].min() + lon[county < 2].max()) / 2
    height = (lat[county % 2 == 1].min() + lat[county % 2 == 0].max()) / 2
    west, east, south, north = lon.min() - 0.05, lon.max() + 0.05, lat.min() - 0.05, lat.max() + 0.05
    boxes = [
        box(west, south, middle, height),
        box(west, height, middle, north),
        box(middle, south, east, height),
        box(middle, height, east, north),
    ]
    codes, names, cities = gridworld.CODES, gridworld.COUNTIES, gridworld.CITIES
    city_codes = [code[:4] + "00" for code in codes]
    counties = gpd.GeoDataFrame(
        {"code": codes, "name": names, "city_code": city_codes, "city_name": cities}, geometry=boxes, crs=4326
    )
    city = gpd.GeoDataFrame(
        {"code": city_codes[::2], "name": cities[::2]},
        geometry=[box(west, south, middle, north), box(middle, south, east, north)],
        crs=4326,
    )
    province = gpd.GeoDataFrame(
        {"code": ["360000"], "name": ["江西省"]}, geometry=[box(west, south, east, north)], crs=4326
    )
    return Units(province, city, counties, "测试")


def sites(kind: Kind, demand: Demand, cells: list[int], **columns: Any) -> Layer:
    """Existing sites at the centres of cells."""
    blank = {"year": np.nan, "readiness_min": np.nan}
    return gridworld.make_layer(
        kind, demand.lon[cells], demand.lat[cells], demand=demand, **(blank | columns)
    )


def drive_world(
    warehouses: list[int] | None = None, teams: list[int] | None = None, *, k: int = 4, residents: Any = None
) -> World:
    """A k x k grid, ten minutes a road, 2^node residents; stores and teams at nodes, limit ten minutes."""
    demand = gridworld.grid_demand(k, residents=residents)
    layers = {
        "warehouse": sites("warehouse", demand, warehouses or [], level="县级"),
        "team": sites("team", demand, teams or [], level="市级"),
    }
    standards = {kind: replace(gridworld.drive_standard(), kind=kind) for kind in ("warehouse", "team")}
    return _world(demand, gridworld.grid_network(k), layers, standards)


def walk_world(aeds: list[int] | None = None, homes: list[int] | None = None) -> World:
    """Hexagons around 南昌 with 16 residents per sub-cell; AED within 270 m, 博爱家园 within 1000 m."""
    demand = gridworld.hex_demand(2)
    layers = {"aed": sites("aed", demand, aeds or []), "home": sites("home", demand, homes or [])}
    standards = {
        "aed": gridworld.walk_standard((100, 270)),
        "home": replace(gridworld.walk_standard((1000,)), kind="home"),
    }
    network = gridworld.make_network([], [], [], lon=demand.lon, lat=demand.lat)
    return _world(demand, network, layers, standards)


def _world(
    demand: Demand, network: Any, layers: Mapping[Any, Layer], standards: Mapping[Any, Standard]
) -> World:
    gazetteer = gridworld.make_gazetteer(demand)
    return World(
        make_units(demand), demand, network, gazetteer, layers, standards, {"boai": "0", "demand": "x"}
    )


def scenario(text: str = "", *, name: str = "test", title: str = "测试") -> Scenario:
    return parse_scenario(f"name: {name}\ntitle: {title}\n{text}")
