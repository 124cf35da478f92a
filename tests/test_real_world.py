"""A real network from file to map: Liechtenstein as a small mountain province.

Every figure that is checked is computed again by other means: networkx on the roads, shapely for the nearest
road, sums by hand.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import openpyxl
import pytest
import shapely
import smallprovince
from boai.geodata import roads
from boai.geodata.network import CLOSED, Network
from boai.geodata.shapes import STEPS
from boai.maps import page_data, words
from boai.maps.layers import project
from boai.maps.page import write_page
from boai.maps.sheets.draw import draw
from boai.maps.sheets.ground import Ground
from boai.maps.sheets.job import Job
from boai.maps.tables import write_tables
from boai.scenarios.compare import compare
from boai.scenarios.run import Result, run
from boai.scenarios.schema import parse_scenario
from boai.scenarios.world import World
from mappage import read
from PIL import Image
from test_sheet import pdf_text

PLAN = """
name: plan
title: 增设计划
siting:
  - {kind: warehouse, year: 2025, number: 1}
  - {kind: team, year: 2025, rule: each_county, level: 县级}
  - {kind: home, year: 2026, number: 3}
  - {kind: aed, year: 2026, number: 10}
"""
CREDIT = "道路 © OpenStreetMap 贡献者 (ODbL), 数据日期 2014-03-25"


@pytest.fixture(scope="module")
def province(small_province: World) -> World:
    network = small_province.network
    return replace(small_province, network=replace(network, meta={**network.meta, "made": "2014-03-25"}))


@pytest.fixture(scope="module")
def results(province: World) -> list[Result]:
    baseline = run(province, parse_scenario("name: baseline\ntitle: 现状\n"))
    return [baseline, run(province, parse_scenario(PLAN), reuse=baseline)]


def test_the_moved_province_is_the_real_one(province: World, shared: Path) -> None:
    """The same roads, junctions and lengths as the file itself; only the place is another."""
    real = roads.read_osm(shared / "data" / "osm" / "liechtenstein.osm.pbf")
    here, there = province.network.meta["report"], real.meta["report"]
    assert (here["nodes"], here["edges"]) == (there["nodes"], there["edges"])
    assert here["choices"].keys() == there["choices"].keys()
    assert {name: km["ways"] for name, km in here["left_out"].items()} == {
        name: km["ways"] for name, km in there["left_out"].items()
    }
    for name, km in there["km"].items():
        assert here["km"][name] == pytest.approx(km, rel=0.003), name
    assert province.demand.residents.sum() == smallprovince.RESIDENTS


# --- times --------------------------------------------------------------------------------------------------


class Feet:
    """Where points meet the roads, found by shapely on a plane in metres around each point."""

    def __init__(self, network: Network) -> None:
        shapes = network.shapes
        assert shapes is not None
        self.network, self.shapes = network, shapes
        points = np.column_stack((shapes.x, shapes.y)) / STEPS
        ends = zip(shapes.start[:-1].tolist(), shapes.start[1:].tolist(), strict=True)
        self.lines = np.array([shapely.LineString(points[first:last]) for first, last in ends])
        self.tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
        driven = np.append(network.centiseconds > 0, False)[shapes.edge].any(axis=1)  # edge -1: nobody may
        self.met = shapes.snap & driven

    def of(self, lon: float, lat: float) -> tuple[float, list[tuple[int, float]], list[tuple[int, float]]]:
        """Return the metres to the road, and (node, seconds) of the ways out of the foot and into it."""
        scale = np.radians(6_371_008.8) * np.array([np.cos(np.radians(lat)), 1])
        away = np.where(self.met, shapely.distance(self.lines, shapely.Point(lon, lat)), np.inf)
        near = np.flatnonzero(away < 1.5 * away.min())  # a degree of longitude is shorter by a tenth
        planes = shapely.transform(self.lines[near], lambda points: (points - (lon, lat)) * scale)
        metres = shapely.distance(planes, shapely.Point(0, 0))
        best = int(np.argmin(metres))
        line, number = planes[best], int(near[best])
        share = line.project(shapely.Point(0, 0)) / line.length
        out, into = [], []
        for edge, part in zip(self.shapes.edge[number].tolist(), (share, 1 - share), strict=True):
            if edge >= 0 and self.network.centiseconds[edge] > 0:
                seconds = self.network.centiseconds[edge] / 100
                out.append((int(self.network.head[edge]), seconds * (1 - part)))
                into.append((int(self.tail[edge]), seconds * part))
                if part in {0, 1}:  # at a junction, from where every road goes on
                    node = into[-1][0] if part == 0 else out[-1][0]
                    return float(metres[best]), [(node, 0.0)], [(node, 0.0)]
        return float(metres[best]), out, into


def seconds_by_networkx(network: Network, result: Result, cells: list[tuple[float, float]]) -> list[float]:
    """Drive from the stores to cells over the graph handed to networkx, without its closed edges."""
    standard, stores = result.covers["warehouse"].standard, result.layers["warehouse"].table
    pace, feet = standard.detour / (standard.access_kmh / 3.6), Feet(network)
    graph = nx.DiGraph()
    for tail, head, time in zip(feet.tail.tolist(), network.head.tolist(), network.centiseconds, strict=True):
        if time > 0 and time / 100 < graph.get_edge_data(tail, head, {"seconds": np.inf})["seconds"]:
            graph.add_edge(tail, head, seconds=time / 100)
    for row, site in enumerate(stores.itertuples()):
        metres, out, _ = feet.of(site.lon, site.lat)
        for node, seconds in out:
            graph.add_edge(f"site{row}", node, seconds=seconds + metres * pace)
    sources = {name for name in graph if isinstance(name, str)}
    times = nx.multi_source_dijkstra_path_length(graph, sources, weight="seconds")
    found = []
    for lon, lat in cells:
        metres, _, into = feet.of(lon, lat)
        found.append(
            min((times[node] + s for node, s in into if node in times), default=np.inf) + metres * pace
        )
    return found


def test_driving_times_are_those_of_networkx(province: World, results: list[Result]) -> None:
    """From the nearest point of a road to the nearest of another, by other means, within a tenth second."""
    demand, cost = province.demand, results[0].covers["warehouse"].cost
    chosen = slice(0, None, 7)
    places = list(zip(demand.lon[chosen].tolist(), demand.lat[chosen].tolist(), strict=True))
    expected = seconds_by_networkx(province.network, results[0], places)
    assert np.asarray(cost)[chosen] == pytest.approx(expected, abs=0.1)
    assert max(expected) > 900  # the village in the side valley


def test_a_closed_main_road_makes_ways_longer(province: World, results: list[Result]) -> None:
    """With the 10 km of Landstrasse closed every time is that of a graph that never had it."""
    network, demand = province.network, province.demand
    shut = np.array([name == "Landstrasse" for name in network.roads])[network.road]
    assert network.metres[shut].sum() / 2 == pytest.approx(10_400, rel=0.05)
    closed = replace(network, centiseconds=np.where(shut, CLOSED, network.centiseconds).astype(np.int32))
    result = run(
        replace(province, network=closed), parse_scenario("name: x\ntitle: 断路\n"), kinds=["warehouse"]
    )
    before, after = results[0].covers["warehouse"].cost, result.covers["warehouse"].cost
    chosen = slice(0, None, 7)
    places = list(zip(demand.lon[chosen].tolist(), demand.lat[chosen].tolist(), strict=True))
    assert np.asarray(after)[chosen] == pytest.approx(seconds_by_networkx(closed, result, places), abs=0.1)
    assert (np.asarray(after) > np.asarray(before) + 30).mean() > 0.1


def test_residents_within_the_limits_add_up(province: World, results: list[Result]) -> None:
    for result in results:
        for kind in ("warehouse", "team"):
            cover = result.covers[kind]
            row = words.province_row(result, kind, cover.standard.main)
            inside = np.asarray(cover.cost) <= cover.standard.main
            assert row["served"] == province.demand.residents[inside].sum()
            counties = words.unit_rows(result, kind, "县", cover.standard.main)
            assert counties["served"].sum() == row["served"]
    before, after = (words.province_row(result, "warehouse", 300)["served"] for result in results)
    assert before < after <= smallprovince.RESIDENTS


def test_the_new_store_is_the_best_one(province: World, results: list[Result]) -> None:
    """MCLP with one new store equals trying every place: no other serves more residents."""
    network, demand, standard = province.network, province.demand, results[0].covers["warehouse"].standard
    added = results[1].added[results[1].added["kind"] == "warehouse"]
    assert len(added) == 1
    covered = np.asarray(results[0].covers["warehouse"].cost) <= standard.main
    graph, feet = roads.to_networkx(network), Feet(network)
    pace = standard.detour / (standard.access_kmh / 3.6)
    met = [feet.of(x, y) for x, y in zip(demand.lon, demand.lat, strict=True)]
    gains = []
    for place, (metres, out, _) in enumerate(met):  # the candidates: a settlement at every cell
        graph.add_weighted_edges_from((("new", node, s + metres * pace) for node, s in out), weight="seconds")
        times = nx.single_source_dijkstra_path_length(graph, "new", cutoff=standard.main, weight="seconds")
        graph.remove_node("new")
        far = [
            min((times[node] + s for node, s in into if node in times), default=np.inf) + m * pace
            for m, _, into in met
        ]
        far[place] = 2 * metres * pace
        gains.append(int(demand.residents[(np.array(far) <= standard.main) & ~covered].sum()))
    assert int(added["gain"].iloc[0]) == max(gains) > 0


def colours(path: Path) -> set[str]:
    """Colours of at least a hundred pixels."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(np.int64)
    codes, counts = np.unique(pixels @ (65536, 256, 1), return_counts=True)
    return {f"#{code:06x}" for code in codes[counts >= 100]}


# --- pages, sheets, tables ----------------------------------------------------------------------------------


def test_the_page_draws_the_real_roads(province: World, results: list[Result], tmp_path: Path) -> None:
    path = write_page(province, results, tmp_path / "page.html")
    _, data = read(path)
    assert [part["name"] for part in data["roads"]] == ["主干路", "次干路等"]
    lines = [
        np.cumsum(np.reshape(flat, (-1, 2)), axis=0) / page_data.SCALE
        for part in data["roads"]
        for flat in part["lines"]
    ]
    length = sum(shapely.LineString(project(*line.T)).length for line in lines)
    report = province.network.meta["report"]["km"]
    wanted = sum(
        km
        for name, km in report.items()
        if name.removesuffix("_link") in {"primary", "secondary", "tertiary", "unclassified"}
    )
    assert length / 1000 == pytest.approx(wanted, rel=0.01)  # simplified to 5 m, and drawn once
    assert data["credit"] == CREDIT
    layers = {
        kind["kind"]: data["scenarios"][1]["layers"][number] for number, kind in enumerate(data["kinds"])
    }
    assert layers["warehouse"]["labels"] == ["示例数据"]
    assert any(CREDIT in text for text in layers["warehouse"]["sources"])
    assert not any("OpenStreetMap" in text for text in layers["aed"]["sources"])
    text = path.read_text(encoding="utf-8")
    assert "近似路网" not in text
    assert len(text.encode()) < 1_000_000


@pytest.mark.slow
def test_the_sheet_names_roads_and_owners(province: World, results: list[Result], tmp_path: Path) -> None:
    ground = Ground(province, tuple(results), fonts=tmp_path)
    png, pdf = draw(ground, Job("scenario", "warehouse", results[1].name), tmp_path).files
    text = pdf_text(pdf)
    for word in ("主干路", "次干路等", CREDIT, "示例数据", "建议新增"):
        assert word in text, word
    for word in ("近似路网", "高速公路", "国道"):
        assert word not in text, word
    assert "#8c969f" in colours(png)
    assert not any("OpenStreetMap" in text for text in words.sources(province, results[1], "aed"))


def test_the_tables_name_the_owners(province: World, results: list[Result], tmp_path: Path) -> None:
    book = write_tables(province, results, compare(results), tmp_path)[0]
    rows = [
        "".join(str(cell) for cell in row if cell)
        for row in openpyxl.load_workbook(book).worksheets[0].values
    ]
    assert any(CREDIT in row and "moved.osm.pbf" in row for row in rows)
    assert not any("近似路网" in row for row in rows)


def test_same_file_same_result(province: World, results: list[Result], shared: Path, tmp_path: Path) -> None:
    again = smallprovince.make_world(shared / "data" / "osm" / "liechtenstein.osm.pbf", tmp_path)
    for name in ("lon", "lat", "start", "head", "centiseconds", "metres", "road_class"):
        assert np.array_equal(getattr(again.network, name), getattr(province.network, name)), name
    result = run(again, parse_scenario("name: baseline\ntitle: 现状\n"), kinds=["warehouse"])
    assert np.array_equal(result.covers["warehouse"].cost, results[0].covers["warehouse"].cost)
