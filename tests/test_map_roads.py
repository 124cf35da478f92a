"""The roads of a map: which classes at which width, each once, few points, the owner named."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import gridworld
import numpy as np
import pytest
import shapely
from boai.geodata.network import CLASSES, Network
from boai.geodata.shapes import STEPS, Shapes
from boai.maps import roads, words
from boai.maps.layers import project
from boai.maps.roads import MainRoads, main_roads

NAMES = ("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential")


def lattice(names: list[str], *, step_deg: float, points: int = 5, one_way: bool = False) -> Network:
    """Roads side by side from south to north, one per name, each of one shape with a bend in every point."""
    n = len(names)
    lon = np.repeat(115.0 + step_deg * np.arange(n), 2)
    lat = np.tile([28.0, 28.0 + step_deg * n], n)
    along = np.tile(np.linspace(0, 1, points), n)
    bend = np.tile(np.arange(points) % 2 * 1e-4, n)
    tail, head = np.arange(0, 2 * n, 2), np.arange(1, 2 * n, 2)
    pairs = (tail, head) if one_way else (np.concatenate([tail, head]), np.concatenate([head, tail]))
    network = gridworld.make_network(*pairs, np.full(len(pairs[0]), 100), lon=lon, lat=lat)
    number = np.array([CLASSES.index(name) for name in names], np.uint8)
    edge = np.column_stack([np.arange(n), np.full(n, -1)]) if one_way else np.arange(2 * n).reshape(n, 2)
    road = np.arange(n) if one_way else np.arange(2 * n) // 2
    shapes = Shapes(
        of=(road * 2 + (0 if one_way else np.arange(2 * n) % 2)).astype(np.int32),
        edge=edge.astype(np.int32),
        start=np.arange(n + 1, dtype=np.int64) * points,
        x=np.rint((np.repeat(lon[::2], points) + bend) * STEPS).astype(np.int32),
        y=np.rint((28.0 + step_deg * n * along) * STEPS).astype(np.int32),
        way_start=np.zeros(n + 1, np.int64),
        way=np.empty(0, np.int64),
        snap=np.ones(n, bool),
    )
    meta = {"label": "", "kind": "osm", "source": "x.osm.pbf", "made": "2026-03-01"}
    meta["licence"] = "© OpenStreetMap contributors, ODbL"
    return replace(network, shapes=shapes, road_class=number[road], meta=meta)


def count(found: MainRoads) -> tuple[int, int]:
    return len(shapely.get_parts(found.fast)), len(shapely.get_parts(found.other))


@pytest.mark.parametrize(
    ("step_deg", "others", "name"),
    [
        (0.5, 2, "主、次干路"),  # 350 km wide
        (0.12, 3, "主干路等"),  # 94 km
        (0.03, 4, "主干路等"),  # 23 km
    ],
)
def test_a_smaller_map_shows_smaller_roads(step_deg: float, others: int, name: str) -> None:
    found = main_roads(lattice(list(NAMES), step_deg=step_deg))
    assert count(found) == (2, others)
    assert (found.fast_name, found.other_name) == ("高速、快速路", name)


def test_names_fit_the_legend() -> None:
    for first in range(6):
        for last in range(first, 6):
            found = main_roads(lattice(list(NAMES[first : last + 1]), step_deg=0.02))
            assert len(found.fast_name) <= 6
            assert len(found.other_name) <= 6


@pytest.mark.parametrize(
    ("names", "expected", "called"),
    [
        (["motorway", "primary"], (1, 1), ("高速公路", "主干路")),
        (["trunk", "secondary"], (1, 1), ("国道快速路", "次干路")),
        (["primary", "secondary"], (1, 1), ("主干路", "次干路")),
        (["secondary"], (1, 0), ("次干路", "")),
        (["motorway"], (1, 0), ("高速公路", "")),
        (["residential", "service"], (0, 0), ("", "")),
        (["motorway_link", "primary_link"], (0, 0), ("", "")),
    ],
)
def test_fast_roads_are_the_highest_there_are(
    names: list[str], expected: tuple[int, int], called: tuple[str, str]
) -> None:
    found = main_roads(lattice(names, step_deg=2.0 / len(names)))
    assert (count(found), (found.fast_name, found.other_name)) == (expected, called)


def test_ramps_are_drawn_with_their_road_on_small_maps() -> None:
    found = main_roads(lattice(["motorway", "motorway_link", "primary"], step_deg=0.03))
    assert count(found) == (2, 1)


@pytest.mark.parametrize("one_way", [False, True])
def test_a_road_is_drawn_once_where_it_lies(one_way: bool) -> None:
    network = lattice(["trunk", "primary"], step_deg=0.02, one_way=one_way)
    found = main_roads(network)
    shapes = network.shapes
    assert shapes is not None
    points = project(shapes.x / STEPS, shapes.y / STEPS)
    lines = [shapely.LineString(points[first : first + 5]) for first in (0, 5)]
    assert found.fast.hausdorff_distance(lines[0]) < 2.5  # simplified to 2 m, the finest
    assert found.other.hausdorff_distance(lines[1]) < 2.5
    assert found.fast.length == pytest.approx(lines[0].length, rel=1e-3)


def test_lines_are_simplified_to_what_can_be_seen() -> None:
    """Bends of 10 m are seen on a map of 9 km, not on one of 350 km."""
    near, far = (main_roads(lattice(["trunk"] * 7, step_deg=step, points=41)) for step in (0.01, 0.5))
    assert shapely.get_num_coordinates(near.fast) == 7 * 41
    assert shapely.get_num_coordinates(far.fast) == 7 * 2


def test_lines_run_on_through_junctions() -> None:
    network = lattice(["trunk"] * 2, step_deg=0.02)
    shapes = network.shapes
    assert shapes is not None
    y = shapes.y.copy()
    y[5:] += y[4] - y[5]
    x = shapes.x.copy()
    x[5:] += x[4] - x[5]
    found = main_roads(replace(network, shapes=replace(shapes, x=x, y=y)))
    assert count(found) == (1, 0)


def test_roads_far_outside_are_left_away() -> None:
    network = lattice(["trunk", "primary"] * 10, step_deg=0.05)
    west, south, east, north = 115.0, 28.0, 115.24, 28.5  # five of twenty roads
    corner = project([west, east, east, west], [south, south, north, north])
    found = main_roads(network, province=shapely.Polygon(corner))
    assert count(found) == (3, 3)  # and one within a tenth of the width beyond
    assert main_roads(network).fast.length > 3 * found.fast.length


def test_the_lowest_classes_go_first_where_there_are_too_many_points(monkeypatch: Any) -> None:
    network = lattice(list(NAMES), step_deg=0.03, points=41)
    whole = sum(map(shapely.get_num_coordinates, (main_roads(network).fast, main_roads(network).other)))
    monkeypatch.setattr(roads, "MOST_POINTS", whole - 1)
    assert count(main_roads(network)) == (2, 3)
    monkeypatch.setattr(roads, "MOST_POINTS", 1)
    assert main_roads(network).other_name == "主干路"


def test_no_roads() -> None:
    empty = gridworld.make_network([], [], [], n_nodes=3)
    assert count(main_roads(empty)) == (0, 0)


def test_the_owner_is_named_with_the_date_of_the_file() -> None:
    network = lattice(["trunk"], step_deg=0.1)
    assert words.credit(network) == "道路 © OpenStreetMap 贡献者 (ODbL), 数据日期 2026-03-01"
    for made in ("", "<b>", "2026-03-01T08:00:00Z"):
        text = words.credit(replace(network, meta={**network.meta, "made": made}))
        assert text.startswith("道路 © OpenStreetMap 贡献者 (ODbL)")
        assert ("2026-03-01" in text) == made.startswith("2026")
        assert "<" not in text
    assert words.credit(replace(network, meta={"licence": "", "source": "own.shp"})) == ""
    assert words.credit(gridworld.grid_network()) == ""


@pytest.mark.slow
def test_half_a_million_shapes_are_quick() -> None:
    rng = np.random.default_rng(1)
    share = [0.02, 0.03, 0.06, 0.09, 0.1, 0.3, 0.4]
    network = lattice(rng.choice(NAMES, 500_000, p=share).tolist(), step_deg=8e-6, points=6)
    start = time.process_time()
    found = main_roads(network)
    took = time.process_time() - start
    points = sum(map(shapely.get_num_coordinates, (found.fast, found.other)))
    assert took < 10, took
    assert points <= roads.MOST_POINTS
