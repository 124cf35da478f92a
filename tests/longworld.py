"""Tiny worlds that a sheet has a hard time with: long names, many sites, odd units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import geopandas as gpd
import mapworld
import numpy as np
import pandas as pd
import shapely
from boai.geodata.boundaries import Units
from boai.geodata.layers import Layer
from boai.maps.public import for_public
from boai.scenarios.run import Result
from boai.scenarios.world import World

Made = tuple[World, list[Result]]

PLACE = "赣江新区临空组团儒乐湖片区第二十七社区居民委员会" + "综合服务站"
"""A name of 29 characters."""
ROAD = "S999 南昌至九江沿江综合交通走廊快速通道二期工程连接线"
CREDITED = {"licence": "ODbL, OpenStreetMap", "made": "2026-03-01", "source": "公开道路"}
ACTIONS = (
    "close",
    "move",
    "block",
    "flood",
    "close",
    "residents",
    "close",
    "move",
    "block",
    "close",
    "close",
)


def _long(world: World, *, sites: int = 60) -> World:
    """Give everything long names, and the first county so many warehouses and AED."""
    demand, gaz = world.demand, world.gazetteer
    own = np.flatnonzero(demand.county == 0)
    at = own[np.arange(sites) % len(own)]
    shift = np.linspace(-0.012, 0.012, sites)
    layers = dict(world.layers)
    for kind in ("warehouse", "aed"):
        rows = layers[kind].table.iloc[[0] * sites].assign(  # type: ignore[index]
            id=[f"{kind}-{number}" for number in range(sites)],
            name=[f"{number}号{PLACE}"[:30] for number in range(sites)],
            host=[f"{PLACE}{number % 9}"[-30:] for number in range(sites)],
            lon=demand.lon[at] + shift, lat=demand.lat[at] + shift[::-1],
            county_code=demand.county_code[0], county=demand.county_name[0], city=demand.city_name[0],
        )  # fmt: skip
        layers[kind] = Layer(kind, rows.reset_index(drop=True), True)  # type: ignore[index, arg-type]
    names = np.where(np.asarray(gaz.level) == 3, np.char.add(PLACE[:26], gaz.name.astype(str)), gaz.name)
    roads = (world.network.roads[0], *(ROAD for _ in world.network.roads[1:]))
    network = replace(world.network, roads=roads, meta={**world.network.meta, **CREDITED})
    return replace(world, layers=layers, gazetteer=replace(gaz, name=names), network=network)


def _results(world: World, *, count: int = 9) -> list[Result]:
    """A baseline and a scenario of a long title that also changes a dozen other things."""
    today, plan = mapworld.make_results(world, title="远期" + PLACE, count=count)
    done = [(action, "warehouse", f"{action} {PLACE}, 物资改到{PLACE}") for action in ACTIONS]
    rows = pd.DataFrame(done, columns=["action", "kind", "detail"]).assign(action="close")
    plan = replace(plan, done=pd.concat([plan.done, rows], ignore_index=True))
    plan.added["name"] = [f"{PLACE}{number}"[-30:] for number in range(len(plan.added))]
    return [today, plan]


def long_names() -> Made:
    """Names of 30 characters, 60 sites in one county, a dozen changes."""
    world = _long(mapworld.make_world(names=(PLACE,)))
    return world, _results(world)


def few_sites() -> Made:
    """Twelve sites of a county, which a table lists one by one."""
    world = _long(mapworld.make_world(names=(PLACE,)), sites=12)
    return world, _results(world, count=3)


def released() -> Made:
    """The same for the public."""
    world, results = few_sites()
    return for_public(world, results)


def _units(world: World, boxes: list[shapely.Geometry], codes: list[str], cities: list[str]) -> Units:
    """Units of other boxes for the first counties of a world; cities by the county's position."""
    counties = world.units.counties.iloc[: len(boxes)].assign(code=codes)
    names = ["东市" if code == cities[0] else "西市" for code in cities]
    counties = counties.assign(city_code=cities, city_name=names).set_geometry(boxes)
    of = {
        code: [box for box, own in zip(boxes, cities, strict=True) if own == code]
        for code in dict.fromkeys(cities)
    }
    city = gpd.GeoDataFrame(
        {"code": list(of), "name": ["东市", "西市"][: len(of)]},
        geometry=[shapely.union_all(parts) for parts in of.values()], crs="EPSG:4326",
    )  # fmt: skip
    province = world.units.province.set_geometry([shapely.union_all(boxes)], crs="EPSG:4326")
    return replace(world.units, province=province, cities=city, counties=counties.set_crs("EPSG:4326"))


def _corners(world: World) -> tuple[float, float, float, float]:
    west, south, east, north = world.units.province.total_bounds.tolist()
    return west, south, east, north


def narrow() -> Made:
    """A county 2 km wide and high, beside three others."""
    world = mapworld.make_world(names=(PLACE,))
    west, south, east, north = _corners(world)
    x, y = west + 0.0205, south + 0.018
    boxes = [
        shapely.box(west, south, x, y), shapely.box(west, y, x, north),
        shapely.box(x, south, east, y), shapely.box(x, y, east, north),
    ]  # fmt: skip
    codes = world.units.counties["code"].tolist()
    world = replace(world, units=_units(world, boxes, codes, ["360100"] * 2 + ["360200"] * 2))
    return world, _results(world)


def deserted() -> Made:
    """A county in which nobody lives."""
    world = mapworld.make_world()
    people = np.where(world.demand.county == 0, 0, world.demand.residents)
    none = np.zeros_like(people)
    demand = replace(world.demand, residents=people, urban=none, age_60=none, age_65=none)
    world = replace(world, demand=demand)
    return world, _results(world, count=2)


def _of_two(cities: list[str]) -> World:
    """A province of two counties."""
    world = mapworld.make_world(names=(PLACE,))
    west, south, east, north = _corners(world)
    middle = float(np.median(world.demand.lon))
    boxes = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    codes = [f"{city[:4]}{number:02}" for number, city in enumerate(cities, 1)]
    units = _units(world, boxes, codes, cities)
    demand, gaz = world.demand, world.gazetteer
    named = {"county_code": np.array(codes), "county_name": demand.county_name[:2]}
    named["city_name"] = units.counties["city_name"].to_numpy(str)
    county = (demand.lon > middle).astype(np.int32)
    demand = replace(demand, county=county, **named)
    inner = np.where(gaz.county >= 0, (gaz.lon > middle).astype(np.int32), -1)
    keep = ~np.isin(gaz.name, ["丙县", "丁县"])
    columns = {name: getattr(gaz, name)[keep] for name in ("name", "lon", "lat", "level", "population")}
    gaz = replace(gaz, county=inner[keep].astype(np.int32), **columns, **named)
    layers = {
        kind: Layer(kind, layer.table.assign(county_code="360101", county="甲县", city="东市"), True)
        for kind, layer in world.layers.items()
    }
    return replace(world, units=units, demand=demand, gazetteer=gaz, layers=layers)


def two_counties() -> Made:
    """A province of two counties, each its own city."""
    world = _of_two(["360100", "360200"])
    return world, _results(world, count=2)


def one_city() -> Made:
    """A province of one city."""
    world = _of_two(["360100", "360100"])
    return world, _results(world, count=2)


MADE: dict[str, Callable[[], Made]] = {
    "long": long_names, "few": few_sites, "public": released, "narrow": narrow, "deserted": deserted,
    "two": two_counties, "one": one_city,
}  # fmt: skip
