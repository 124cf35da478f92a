"""A tiny world to draw: four square counties, two cities, 37 cells, sites with decent or hostile names."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import gridworld
import numpy as np
import pandas as pd
import shapely
import yaml
from boai.coverage.standards import load_standards
from boai.geodata.boundaries import Units
from boai.geodata.demand import Demand
from boai.geodata.layers import KIND_NAMES, Kind, Layer
from boai.geodata.network import Network
from boai.scenarios.run import ADDED, Result, run
from boai.scenarios.schema import load_scenario, parse_scenario
from boai.scenarios.world import World
from numpy.typing import NDArray

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<img src=x onerror=alert(2)>",
    "{{7*7}}{% raise %}{# x #}",
    "=cmd|' /C calc'!A0",
    "\"'`\\$a_b^c$",
    "修水\u202e县\u2028仓库\u0000\r\n\t",
    "长" * 500,
    "😀 &amp; <b>𠮷</b>",
)
"""Names that try to get out of their place."""

DRIVE: tuple[Kind, ...] = ("warehouse", "team", "training")


def make_units(demand: Demand) -> Units:
    """Four boxes that meet at the medians of the cells; two and two are a city."""
    west, south, middle_x, middle_y, east, north = (
        demand.lon.min() - 0.02,
        demand.lat.min() - 0.02,
        float(np.median(demand.lon)),
        float(np.median(demand.lat)),
        demand.lon.max() + 0.02,
        demand.lat.max() + 0.02,
    )
    boxes = [
        shapely.box(west, south, middle_x, middle_y),
        shapely.box(west, middle_y, middle_x, north),
        shapely.box(middle_x, south, east, middle_y),
        shapely.box(middle_x, middle_y, east, north),
    ]
    named = {"code": gridworld.CODES, "name": gridworld.COUNTIES}
    of_city = {"city_code": ["360100"] * 2 + ["360200"] * 2, "city_name": gridworld.CITIES}
    counties = gpd.GeoDataFrame({**named, **of_city}, geometry=boxes, crs="EPSG:4326")
    halves = [shapely.union_all(boxes[:2]), shapely.union_all(boxes[2:])]
    city = {"code": ["360100", "360200"], "name": ["东市", "西市"]}
    whole = {"code": ["360000"], "name": ["江西省"]}
    return Units(
        gpd.GeoDataFrame(whole, geometry=[shapely.union_all(boxes)], crs="EPSG:4326"),
        gpd.GeoDataFrame(city, geometry=halves, crs="EPSG:4326"),
        counties,
        "测试边界",
    )


def _spread(demand: Demand) -> NDArray[np.float64]:
    """Distances between all cells in degrees of latitude."""
    east = (demand.lon[:, None] - demand.lon) * np.cos(np.radians(28.7))
    return np.asarray(np.hypot(east, demand.lat[:, None] - demand.lat))


def middle_cell(demand: Demand) -> int:
    """The cell that all others lie around."""
    return int(np.argmin(_spread(demand).sum(axis=1)))


def make_network(demand: Demand, label: str) -> Network:
    """Roads between neighbouring cells, ten minutes each; those that touch the middle are a 高速."""
    gap = np.hypot(
        (demand.lon[:, None] - demand.lon) * np.cos(np.radians(28.7)), demand.lat[:, None] - demand.lat
    )
    tail, head = np.nonzero((gap > 0) & (gap < 1.3 * np.min(gap[gap > 0])))
    middle = middle_cell(demand)
    fast = ((tail == middle) | (head == middle)).astype(np.int16)
    time = np.full(len(tail), 60_000)
    roads = ("", "G1 测试高速")
    network = gridworld.make_network(tail, head, time, lon=demand.lon, lat=demand.lat, road=fast, roads=roads)
    return replace(network, meta={"label": label, "source": "测试路网"})


def make_world(*, names: tuple[str, ...] = (), example: bool = True, label: str = "近似路网") -> World:
    """Three rings of cells around one in the middle, where every site stands.

    A ring is ten minutes further: 7 cells lie within 10 minutes, 12 more within 20, the other 18 beyond.
    """
    demand = replace(gridworld.hex_demand(3), meta={"source": "测试普查", "year": 2020})
    network = make_network(demand, label)
    standards = load_standards()
    for kind in DRIVE:
        standards[kind] = replace(
            standards[kind], limits=(600, 1200), main=600, compliance=(), mobilisation_s=0
        )
    middle = int(np.argmax(np.diff(network.start) * (network.road[network.start[:-1]] > 0)))
    layers: dict[Kind, Layer] = {}
    for kind in KIND_NAMES:
        labels = names or (f"{kind}站",)
        stock = '{"棉被": 1200, "帐篷": 30}' if kind == "warehouse" else ""
        spots = np.full(len(labels), demand.lon[middle]), np.full(len(labels), demand.lat[middle])
        layer = gridworld.make_layer(
            kind, *spots, demand=demand, name=list(labels), phone="000-1", stock=stock
        )
        layers[kind] = Layer(kind, layer.table.assign(level="县级", source="测试"), example)
    gaz = gridworld.make_gazetteer(demand)
    return World(make_units(demand), demand, network, gaz, layers, standards, {"boai": "0"})


def baseline(world: World) -> Result:
    """How things stand."""
    return run(world, parse_scenario("name: baseline\ntitle: 现状\n"))


def make_results(world: World, *, title: str = "计划", count: int = 2) -> list[Result]:
    """The baseline, and a scenario that opens warehouses at the last cells and calls them suggested."""
    today = baseline(world)
    cells = [len(world.demand.cell) - 1 - number % 30 for number in range(count)]
    lon, lat = world.demand.lon[cells], world.demand.lat[cells]
    places = enumerate(zip(lon.tolist(), lat.tolist(), strict=True))
    sites = [{"name": f"新库{i}", "id": f"new-{i}", "lon": x, "lat": y} for i, (x, y) in places]
    opened = [{"open": {"kind": "warehouse", "year": 2022, **site}} for site in sites]
    plan = run(world, parse_scenario(yaml.safe_dump({"name": "plan", "title": "计划", "changes": opened})))
    county = world.demand.county[cells]
    rank = np.arange(1, count + 1)
    added = pd.DataFrame(
        {
            "kind": "warehouse",
            "year": 2022,
            "rank": rank,
            "id": [f"new-{i}" for i in range(count)],
            "name": [f"新库{i}" for i in range(count)],
            "county": world.demand.county_name[county],
            "city": world.demand.city_name[county],
            "county_code": world.demand.county_code[county],
            "lon": lon,
            "lat": lat,
            "level": "",
            "gain": 16 * rank[::-1],
            "cumulative": np.cumsum(16 * rank[::-1]),
            "share_after": 0.5,
        }
    )
    return [today, replace(plan, added=added[ADDED], title=title, notes=("说明", "注意"))]


_made: dict[int, list[Result]] = {}


def demo(world: World) -> tuple[World, list[Result]]:
    """The demo's world with its baseline and its plan, run once per process."""
    if id(world) not in _made:
        today = run(world, load_scenario("baseline"))
        _made[id(world)] = [today, run(world, load_scenario("plan_2022_2024"), reuse=today)]
    return world, _made[id(world)]
