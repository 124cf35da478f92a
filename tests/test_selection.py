"""Choosing edges: by number, way, place and area, against brute force with shapely."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import gridworld
import numpy as np
import pytest
import shapely
from boai.geodata import selection
from boai.geodata.errors import InputError
from boai.geodata.network import Network, edge_tails
from boai.geodata.road_names import edges_of_roads
from boai.geodata.shapes import Shapes

GRID = gridworld.grid_network(4)


def _curved(seed: int = 1) -> Network:
    """The grid with a bent shape for each road, ways numbered, some roads one-way."""
    rng = np.random.default_rng(seed)
    tail, head = edge_tails(GRID), np.asarray(GRID.head)
    pairs = np.unique(np.sort(np.column_stack((tail, head)), axis=1), axis=0)
    number = {tuple(pair): at for at, pair in enumerate(pairs.tolist())}
    of, edge = np.empty(GRID.n_edges, np.int32), np.full((len(pairs), 2), -1, np.int32)
    for at, (a, b) in enumerate(zip(tail.tolist(), head.tolist(), strict=True)):
        shape, back = number[min(a, b), max(a, b)], int(a > b)
        of[at], edge[shape, back] = 2 * shape + back, at
    x, y = np.rint(GRID.lon * 1e7), np.rint(GRID.lat * 1e7)
    middle = np.column_stack(
        (
            x[pairs].mean(axis=1) + rng.normal(0, 2e5, len(pairs)),
            y[pairs].mean(axis=1) + rng.normal(0, 2e5, len(pairs)),
        )
    )
    xs = np.column_stack((x[pairs[:, 0]], middle[:, 0], x[pairs[:, 1]])).reshape(-1).astype(np.int32)
    ys = np.column_stack((y[pairs[:, 0]], middle[:, 1], y[pairs[:, 1]])).reshape(-1).astype(np.int32)
    k = len(pairs)
    shapes = Shapes(
        of=of, edge=edge, start=3 * np.arange(k + 1), x=xs, y=ys, way_start=2 * np.arange(k + 1),
        way=np.repeat(1000 + np.arange(k) // 2, 2) + np.tile([0, 500], k), snap=np.ones(k, bool),
    )  # fmt: skip
    return replace(GRID, shapes=shapes)


CURVED = _curved()


def _line(network: Network, edge: int) -> shapely.LineString:
    if network.shapes is None:
        ends = [edge_tails(network)[edge], network.head[edge]]
        return shapely.LineString(np.column_stack((network.lon[ends], network.lat[ends])))
    shape = int(network.shapes.of[edge]) >> 1
    at = slice(int(network.shapes.start[shape]), int(network.shapes.start[shape + 1]))
    return shapely.LineString(np.column_stack((network.shapes.x[at] / 1e7, network.shapes.y[at] / 1e7)))


@pytest.mark.parametrize("network", [GRID, CURVED], ids=["straight", "curved"])
def test_near_equals_brute_force(network: Network) -> None:
    lon, lat, scale = 115.13, 28.11, float(np.cos(np.radians(28.11)))
    metre = np.radians(1) * 6_371_008.8

    def metres(edge: int) -> float:
        line = shapely.transform(_line(network, edge), lambda xy: (xy - [lon, lat]) * [metre * scale, metre])
        return float(shapely.distance(shapely.Point(0, 0), line))

    away = np.array([metres(edge) for edge in range(network.n_edges)])
    for within in (0.0, 1500.0, 4000.0, 9000.0, 30_000.0):
        expected = np.flatnonzero(away <= within).tolist()
        if expected:
            assert selection.near(network, lon, lat, within_m=within).tolist() == expected
        else:
            with pytest.raises(InputError, match=f"最近的道路在 {away.min():.0f} 米外"):
                selection.near(network, lon, lat, within_m=within)


@pytest.mark.parametrize("network", [GRID, CURVED], ids=["straight", "curved"])
def test_inside_equals_brute_force(network: Network) -> None:
    area = shapely.union_all(
        [shapely.box(115.05, 28.05, 115.15, 28.15), shapely.Point(115.3, 28.3).buffer(0.03)]
    )
    expected = [edge for edge in range(network.n_edges) if shapely.intersects(area, _line(network, edge))]
    assert 0 < len(expected) < network.n_edges
    assert selection.inside(network, area).tolist() == expected
    with pytest.raises(InputError, match="范围内没有道路"):
        selection.inside(network, shapely.box(115.02, 28.02, 115.03, 28.03))


def test_the_other_direction_comes_with_an_edge() -> None:
    for network in (GRID, CURVED):
        tail, head = edge_tails(network), np.asarray(network.head)
        for edge in range(network.n_edges):
            found = selection.by_number(network, [edge])
            back = np.flatnonzero((tail == head[edge]) & (head == tail[edge]))
            assert found.tolist() == sorted([edge, *back.tolist()])
            assert selection.by_number(network, [edge], both=False).tolist() == [edge]


def test_unknown_numbers_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        selection.by_number(GRID, [0, -1, 48, 10**30])
    assert [problem.got for problem in caught.value.problems] == ["-1", "48", str(10**30)]


def test_by_way() -> None:
    shapes = CURVED.shapes
    assert shapes is not None
    found = selection.by_way(CURVED, [1003, 1504])
    expected = {int(edge) for shape in (6, 7, 8, 9) for edge in shapes.edge[shape]}
    assert set(found.tolist()) == expected
    with pytest.raises(InputError) as caught:
        selection.by_way(CURVED, [1003, 7, 10**30])
    assert [problem.got for problem in caught.value.problems] == ["7", str(10**30)]
    with pytest.raises(InputError, match="没有来源编号"):
        selection.by_way(GRID, [1])


def _write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_areas_of_any_geojson(tmp_path: Path) -> None:
    square = shapely.geometry.mapping(shapely.box(115, 28, 116, 29))
    feature = {"type": "Feature", "properties": {}, "geometry": square}
    point = {"type": "Feature", "properties": None, "geometry": {"type": "Point", "coordinates": [1, 2]}}
    empty = {"type": "Feature", "properties": None, "geometry": None}
    collection = {"type": "FeatureCollection", "features": [feature, point, empty]}
    mixed = {"type": "GeometryCollection", "geometries": [square]}
    for content in (square, feature, collection, mixed):
        area = selection.read_area(_write(tmp_path / "a.geojson", content))
        assert area.bounds == (115, 28, 116, 29)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "7", "null", {"type": "Polygon"}, {"type": "Polygon", "coordinates": "x"}, {"a": 1},
        {"type": "Polygon", "coordinates": []}, {"type": "Point", "coordinates": [115, 28]},
        {"type": "FeatureCollection", "features": 3},
        {"type": "Polygon", "coordinates": [[[1e9, 1], [2, 2], [3, 1], [1e9, 1]]]},
        "[" * 100_000, {"type": "Feature", "geometry": {"type": ["x"]}},
        {"type": "Polygon", "coordinates": [[[float("nan"), 1], [2, 2], [3, 1], [float("nan"), 1]]]},
        '{"type": "Polygon", "coordinates": [[[1e999, 1], [2, 2], [3, 1], [1e999, 1]]]}',
        {"type": "Polygon", "coordinates": [[[29, 115], [29.1, 115.1], [29.2, 115], [29, 115]]]},
    ],
    ids=range(17),
)  # fmt: skip
def test_a_hostile_area_is_one_sentence(tmp_path: Path, content: object) -> None:
    with pytest.raises(InputError) as caught:
        selection.read_area(_write(tmp_path / "a.geojson", content))
    assert len(caught.value.problems) == 1
    assert "a.geojson" in str(caught.value)


def test_no_area_file(tmp_path: Path) -> None:
    paths = [tmp_path / "none.geojson", tmp_path]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.geojson")
        (tmp_path / "endless.geojson").symlink_to("/dev/zero")
        paths += [tmp_path / "pipe.geojson", tmp_path / "endless.geojson"]
    for path in paths:
        with pytest.raises(InputError):
            selection.read_area(path)


def test_roads_by_any_of_their_names() -> None:
    road = np.where(np.arange(GRID.n_edges) % 3 == 0, 1, np.where(np.arange(GRID.n_edges) % 3 == 1, 2, 0))
    named = replace(GRID, road=road, roads=("", "G60 沪昆高速", "G105 国道"))
    for text in ("G60", "ｇ６０", "沪昆高速", "沪昆", "G60沪昆高速", " G60 沪昆高速 "):
        edges, names = edges_of_roads(named, [text])
        assert edges.tolist() == np.flatnonzero(road == 1).tolist()
        assert names == ["G60 沪昆高速"]
    assert edges_of_roads(named, ["105国道"])[1] == ["G105 国道"]
    with pytest.raises(InputError) as caught:
        edges_of_roads(named, ["G6", "国道", "", "沪昆高"])
    assert [problem.got for problem in caught.value.problems] == ["G6", "国道", "", "沪昆高"]
    assert "G60" in str(caught.value.problems[0])


@pytest.mark.parametrize("network", [GRID, CURVED], ids=["straight", "curved"])
def test_a_click_means_the_nearest_road(network: Network) -> None:
    rng = np.random.default_rng(3)
    scale = np.array([np.cos(np.radians(28.15)), 1.0])
    for lon, lat in zip(*rng.uniform([[114.98], [27.98]], [[115.32], [28.32]], (2, 40)), strict=True):
        lines = [_line(network, edge) for edge in range(network.n_edges)]
        plane = [shapely.LineString(np.array(one.coords) * scale) for one in lines]
        away = shapely.distance(plane, shapely.Point(np.array([lon, lat]) * scale)) * 111_195
        found = selection.clicked(network, lon, lat, within_m=20_000)
        assert found.metres == pytest.approx(away.min(), rel=2e-3, abs=1)
        assert away[found.edges] == pytest.approx(away.min(), rel=1e-9)
        assert set(selection.opposite(network, found.edges).tolist()) == set()
        assert shapely.distance(shapely.LineString(found.line), shapely.Point(found.lon, found.lat)) < 1e-5
        assert shapely.hausdorff_distance(shapely.LineString(found.line), lines[found.edges[0]]) < 1e-6


def test_a_click_beside_all_roads() -> None:
    with pytest.raises(InputError, match="附近没有道路"):
        selection.clicked(GRID, 115.05, 28.05, within_m=100)


def test_the_whole_road_of_a_click() -> None:
    network = gridworld.make_network(
        [0, 1, 1, 2, 2, 3, 0], [1, 0, 2, 1, 3, 2, 3], [100] * 7,
        lon=115 + np.array([0.0, 0.1, 0.2, 0.2]), lat=28 + np.array([0.0, 0.0, 0.0, 0.1]),
        road=[1, 1, 1, 1, 1, 1, 0], roads=("", "G105"),
    )  # fmt: skip
    found = selection.clicked(network, 115.05, 28.0001)
    assert (found.name, found.road_class, sorted(found.edges.tolist())) == ("G105", "", [0, 2])
    near, far = (selection.same_road(network, found, within_m=m) for m in (6000, 60_000))
    named = np.flatnonzero(np.asarray(network.road) == 1).tolist()
    assert sorted(near.tolist()) == sorted(
        e for e in named if max(edge_tails(network)[e], network.head[e]) < 3
    )
    assert sorted(far.tolist()) == named
    unnamed = selection.clicked(network, 115.1, 28.05)
    assert unnamed.name == ""
    assert selection.same_road(network, unnamed, within_m=60_000).tolist() == unnamed.edges.tolist()
