"""The edge index: pieces in squares by shapely, the nearest piece by brute force, both searches alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
import shapeworld
from boai.geodata import edge_index
from boai.geodata.crs import haversine_m
from boai.geodata.edge_boxes import spans
from boai.geodata.edge_index import along_shape, build_grid, foot, nearest_piece, point_shares
from boai.geodata.network import CLOSED, Network
from boai.geodata.shapes import STEPS, Grid, Shapes
from examples import many
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapeworld import SOUTH, WEST, Road

METRES_PER_STEP = 6_371_008.8 * np.pi / 180 / STEPS


def shapes_of(network: Network) -> tuple[Shapes, Grid]:
    assert network.shapes is not None
    assert network.grid is not None
    return network.shapes, network.grid


def pieces(shapes: Shapes) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Snappable pieces and their (p, 2, 2) ends in steps, in plain Python."""
    found = [
        p
        for s in np.flatnonzero(shapes.snap).tolist()
        for p in range(int(shapes.start[s]), int(shapes.start[s + 1]) - 1)
    ]
    ends = [[(shapes.x[p + i], shapes.y[p + i]) for i in (0, 1)] for p in found]
    return np.array(found, np.int64), np.array(ends, float).reshape(-1, 2, 2)


def check_grid(shapes: Shapes, grid: Grid) -> None:
    """Every square lists every piece that touches it, ascending, and none that is farther than a hair."""
    west, south, side, columns, rows = grid.frame.tolist()
    number, ends = pieces(shapes)
    lines = shapely.linestrings(ends / STEPS)
    hair = 1e-5 * side
    for square in range(int(columns * rows)):
        row, column = divmod(square, int(columns))
        x, y = west + column * side, south + row * side
        box = shapely.box(x, y, x + side, y + side)
        listed = grid.piece[grid.start[square] : grid.start[square + 1]].tolist()
        assert listed == sorted(set(listed))
        away = shapely.distance(lines, box)
        assert set(number[away < 1e-12].tolist()) <= set(listed)
        assert set(listed) <= set(number[away < hair].tolist())


@settings(max_examples=many(30))
@given(st.integers(0, 10_000))
def test_squares_list_the_pieces_that_touch_them(seed: int) -> None:
    shapes, grid = shapes_of(shapeworld.random_roads(seed))
    check_grid(shapes, grid)
    check_grid(shapes, build_grid(shapes, side_deg=0.00021))


@pytest.mark.parametrize(
    "places",
    [
        [(0, 0), (100_000_000, 0)],  # an endless road due east: no area
        [(0, 0), (0, 90_000_000)],
        [(0, 0), (90_000_000, 90_000_000)],
        [(5, 5), (5, 5)],  # no length
    ],
)
def test_long_and_degenerate_lines_do_not_explode(places: list[tuple[int, int]]) -> None:
    """A thousand times the same line, and one piece of a few metres far away."""
    world = [*places, (-3_000_000, -2_000_000), (-3_000_000, -2_000_100)]
    network = shapeworld.make(world, [Road(0, 1, 9, 9)] * 1000 + [Road(2, 3, 9, 9)])
    shapes, grid = shapes_of(network)
    assert len(grid.start) - 1 <= 4 * 1001 + 4
    assert len(grid.piece) <= 8 * 1001
    x, y = places[1]
    found = nearest_piece(shapes, grid, (WEST + x) / STEPS, (SOUTH + y) / STEPS)
    assert found.piece.tolist() == [0]


def test_no_snappable_road_at_all() -> None:
    network = shapeworld.make([(0, 0), (900, 900)], [Road(0, 1, 5, 5, snap=False)])
    shapes, grid = shapes_of(network)
    assert len(grid.piece) == 0
    for cold in (False, True):
        found = nearest_piece(shapes, grid, [115.0, 3.0], [28.0, -5.0], cold=cold)
        assert found.piece.tolist() == [-1, -1]
        assert np.isnan(found.metres).all()
    with pytest.raises(ValueError, match="positive"):
        build_grid(shapes, side_deg=0.0)


def brute_force(shapes: Shapes, lon: float, lat: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Distance of a point to all pieces by shapely, in metres in the plane at the point."""
    number, ends = pieces(shapes)
    scale = np.array([np.cos(np.radians(lat)), 1.0])
    lines = shapely.linestrings((ends - np.array([lon, lat]) * STEPS) * scale)
    return number, shapely.distance(lines, shapely.Point(0, 0)) * METRES_PER_STEP


@settings(max_examples=many(60))
@given(st.integers(0, 10_000))
def test_the_nearest_piece_is_that_of_shapely(seed: int) -> None:
    shapes, grid = shapes_of(shapeworld.random_roads(seed))
    lon, lat = shapeworld.random_points(seed + 1, 25)
    lon[:3] += np.array([0.3, -0.2, 0.0])  # far outside
    lat[:3] += np.array([0.1, 0.0, -0.4])
    found = nearest_piece(shapes, grid, lon, lat)
    for i in range(len(lon)):
        number, metres = brute_force(shapes, lon[i], lat[i])
        if len(number) == 0:
            assert found.piece[i] == -1
            continue
        own = metres[number == found.piece[i]][0]
        assert own <= metres.min() + 1e-6
        if own < 3000:
            assert found.metres[i] == pytest.approx(own, rel=3e-4, abs=1e-6)
        circle = haversine_m(lon[i], lat[i], found.lon[i], found.lat[i])
        assert found.metres[i] == pytest.approx(circle, rel=1e-12)


@settings(max_examples=many(60))
@given(st.integers(0, 10_000), st.sampled_from([None, 0.0, 30.0, 400.0]), st.booleans())
def test_both_searches_give_the_same_bits(seed: int, limit_m: float | None, some_closed: bool) -> None:
    network = shapeworld.random_roads(seed)
    rng = np.random.default_rng(seed)
    shapes, grid = shapes_of(network)
    times = network.centiseconds
    if some_closed:
        times = shapeworld.closing(
            network, rng.choice(len(times), len(times) // 2, replace=False)
        ).centiseconds
    lon, lat = shapeworld.random_points(seed + 2, 60)
    on = rng.integers(0, len(shapes.x), 20)
    lon[:20], lat[:20] = shapes.x[on] / STEPS, shapes.y[on] / STEPS
    options = {"limit_m": limit_m, "centiseconds": times}
    cold = nearest_piece(shapes, grid, lon, lat, cold=True, **options)
    many = edge_index._find_many(shapes, grid, lon, lat, limit_m=limit_m, times=times, threads=1 + seed % 3)
    if limit_m is not None:
        many = edge_index._without(many, many.metres > limit_m)
        assert (cold.metres[cold.piece >= 0] <= limit_m).all()
    for a, b in zip(cold, many, strict=True):
        np.testing.assert_array_equal(a, b)
    shape = np.searchsorted(shapes.start, cold.piece[cold.piece >= 0], side="right") - 1
    edges = shapes.edge[shape]
    assert (((edges >= 0) & (times[edges] != CLOSED)).any(axis=1)).all()
    assert shapes.snap[shape].all()


def test_of_equally_near_pieces_the_lowest_counts() -> None:
    """A lattice of streets from the equator on, asked at corners and between; exact where degrees are."""
    k, step = 6, 1000
    places = [(x * step - WEST, y * step - SOUTH) for y in range(k) for x in range(k)]
    roads = [Road(i, i + 1, 9, 9) for i in range(k * k) if i % k < k - 1]
    roads += [Road(i, i + k, 9, 9) for i in range(k * (k - 1))]
    rng = np.random.default_rng(3)
    network = shapeworld.make(places, [roads[i] for i in rng.permutation(len(roads))])
    shapes, grid = shapes_of(network)
    number, ends = pieces(shapes)
    half = np.arange(0, 2 * k - 1) * step // 2
    x, y = (axis.ravel() for axis in np.meshgrid(half, half))
    exact = (x / STEPS * STEPS == x) & (y / STEPS * STEPS == y) & ((y == 0) | (x % step == 0))
    x, y, ties = x[exact], y[exact], 0
    cold = nearest_piece(shapes, grid, x / STEPS, y / STEPS, cold=True)
    many = edge_index._find_many(shapes, grid, x / STEPS, y / STEPS, limit_m=None, times=None, threads=2)
    for i in range(len(x)):
        scale = np.array([np.cos(np.radians(y[i] / STEPS)), 1.0])
        lines = shapely.linestrings((ends - np.array([x[i], y[i]])) * scale)
        away = shapely.distance(lines, shapely.Point(0, 0))
        nearest = number[away == away.min()]
        ties += len(nearest) > 1
        assert cold.piece[i] == many.piece[i] == nearest[0]
    assert ties > 10


def test_a_closed_road_is_passed_over_and_the_limit_is_inclusive() -> None:
    network = shapeworld.make(
        [(0, 0), (10_000, 0), (0, 2000), (10_000, 2000)], [Road(0, 1, 9, 9), Road(2, 3, 9, None)]
    )
    shapes, grid = shapes_of(network)
    lon, lat = (WEST + 5000) / STEPS, (SOUTH + 500) / STEPS
    both = [int(edge) for edge in shapes.edge[0]]
    for cold in (True, False):
        one = shapeworld.closing(network, both[:1]).centiseconds
        assert nearest_piece(shapes, grid, lon, lat, centiseconds=one, cold=cold).piece.tolist() == [0]
        shut = shapeworld.closing(network, both).centiseconds
        found = nearest_piece(shapes, grid, lon, lat, centiseconds=shut, cold=cold)
        assert found.piece.tolist() == [2]
        metres = float(found.metres[0])
        assert metres == pytest.approx(1500 * METRES_PER_STEP, rel=1e-5)
        kept = nearest_piece(shapes, grid, lon, lat, centiseconds=shut, limit_m=metres, cold=cold)
        assert kept.piece.tolist() == [2]
        less = np.nextafter(metres, 0)
        lost = nearest_piece(shapes, grid, lon, lat, centiseconds=shut, limit_m=less, cold=cold)
        assert (lost.piece.tolist(), lost.share.tolist()) == ([-1], [0.0])
        assert np.isnan([lost.metres[0], lost.lon[0], lost.lat[0]]).all()


def test_a_coordinate_that_is_none_is_refused() -> None:
    shapes, grid = shapes_of(shapeworld.random_roads(1))
    with pytest.raises(ValueError, match="finite"):
        nearest_piece(shapes, grid, [115.0, np.nan], [28.0, 28.0])
    assert len(nearest_piece(shapes, grid, [], []).piece) == 0


@settings(max_examples=many(40))
@given(st.integers(0, 10_000))
def test_shares_along_shapes(seed: int) -> None:
    """Against the great circle, piece by piece; exactly 0 and 1 at the ends; rising from point to point."""
    shapes, _ = shapes_of(shapeworld.random_roads(seed))
    for shape in range(len(shapes.snap)):
        own = slice(int(shapes.start[shape]), int(shapes.start[shape + 1]))
        x, y = shapes.x[own] / STEPS, shapes.y[own] / STEPS
        metres = np.concatenate([[0.0], np.cumsum(haversine_m(x[:-1], y[:-1], x[1:], y[1:]))])
        share = point_shares(shapes, shape)
        np.testing.assert_allclose(share, metres / max(metres[-1], 1e-9), atol=1e-4)
        assert share[0] == 0.0
        assert metres[-1] == 0 or share[-1] == 1.0
        piece = np.arange(own.start, own.stop - 1)
        middle = np.full(len(piece), 0.5)
        where, along = along_shape(shapes, np.repeat(piece, 3), np.tile([0.0, 0.5, 1.0], len(piece)))
        assert (where == shape).all()
        np.testing.assert_array_equal(along.reshape(-1, 3)[:, 0], share[:-1])
        np.testing.assert_array_equal(along.reshape(-1, 3)[:, 2], share[1:])
        np.testing.assert_allclose(along.reshape(-1, 3)[:, 1], (share[1:] + share[:-1]) / 2, atol=1e-12)
        half = foot(shapes, piece, middle)
        np.testing.assert_allclose(half, [(x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2], atol=1e-12)


def test_spans() -> None:
    assert spans(np.array([5, 9, 2]), np.array([2, 0, 3])).tolist() == [5, 6, 2, 3, 4]
    assert spans(np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == []


def test_shapes_that_may_not_be_met_are_in_no_square() -> None:
    network = shapeworld.random_roads(5)
    shapes, _ = shapes_of(network)
    none = replace(shapes, snap=np.zeros(len(shapes.snap), bool))
    assert len(build_grid(none).piece) == 0
