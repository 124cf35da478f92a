"""Points and routes on the real roads of Liechtenstein, against shapely's tree and networkx."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import shapeworld
from boai.coverage.nearest import nearest_sites
from boai.coverage.route import RouteError, route
from boai.coverage.snap import attach
from boai.geodata.edge_index import nearest_piece
from boai.geodata.network import Network
from boai.geodata.roads import read_osm
from boai.geodata.shapes import STEPS
from numpy.typing import NDArray

OFF = {"detour": 1.3, "speed_kmh": 20.0}


@pytest.fixture(scope="module")
def liechtenstein(shared: Path) -> Network:
    return read_osm(shared / "data" / "osm" / "liechtenstein.osm.pbf", mode="drive")


def points(network: Network, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points up to some hundred metres from junctions; every tenth anywhere in the country."""
    rng = np.random.default_rng(20)
    node = rng.integers(0, network.n_nodes, count)
    places = []
    for axis in (network.lon, network.lat):
        place = np.asarray(axis)[node] + rng.normal(0, 0.002, count)
        place[::10] = rng.uniform(axis.min(), axis.max(), len(place[::10]))
        places.append(place)
    return places[0], places[1]


def test_the_nearest_edge_is_that_of_shapely(liechtenstein: Network) -> None:
    """In the plane at each point: what the tree of one plane finds near by, measured again at the point."""
    shapes, grid = liechtenstein.shapes, liechtenstein.grid
    assert shapes is not None and grid is not None
    lon, lat = points(liechtenstein, 4000)
    found = nearest_piece(shapes, grid, lon, lat)
    inner = np.setdiff1d(np.arange(len(shapes.x) - 1), shapes.start[1:-1] - 1)
    shape = np.searchsorted(shapes.start, inner, side="right") - 1
    piece = inner[shapes.snap[shape]]
    ends = np.array([[shapes.x[piece], shapes.y[piece]], [shapes.x[piece + 1], shapes.y[piece + 1]]], float)
    ends = ends.transpose(2, 0, 1)
    row = np.full(len(shapes.x), -1)
    row[piece] = np.arange(len(piece))
    middle = np.cos(np.radians(lat.mean()))
    tree = shapely.STRtree(shapely.linestrings(ends * (middle, 1.0)))
    places = shapely.points(lon * STEPS * middle, lat * STEPS)
    for i in range(0, 4000, 7):
        near = tree.query(
            places[i].buffer(1.01 * tree.geometries[row[found.piece[i]]].distance(places[i]) + 1)
        )
        scale = np.array([np.cos(np.radians(lat[i])), 1.0])
        lines = shapely.linestrings((ends[near] - np.array([lon[i], lat[i]]) * STEPS) * scale)
        metres = shapely.distance(lines, shapely.Point(0, 0)) * 6_371_008.8 * np.pi / 180 / STEPS
        own = metres[np.flatnonzero(near == row[found.piece[i]])[0]]
        assert own <= metres.min() + 1e-6
        assert found.metres[i] == pytest.approx(own, rel=1e-3, abs=1e-6)


def test_routes_and_help_equal_a_graph_split_at_every_point(liechtenstein: Network) -> None:
    network = liechtenstein
    lon, lat = points(network, 48)
    ends = [attach(network, lon[own], lat[own], limit_m=5000.0, **OFF) for own in (slice(24), slice(24, 48))]
    times = shapeworld.times_between(shapeworld.split_graph(network, *ends), 24, 24)
    for i in range(24):
        for j in {i, (i + 7) % 24}:
            a, b = (lon[i], lat[i]), (lon[24 + j], lat[24 + j])
            if np.isinf(times[i, j]):
                with pytest.raises(RouteError):
                    route(network, a, b)
                continue
            found = route(network, a, b)
            assert found.centiseconds == times[i, j]
            road = sum(part.metres for part in found.roads)
            assert shapely.LineString(found.line).length > 0
            assert road + (found.start_m + found.end_m) * 1.3 == pytest.approx(found.metres)
    sites = [{"lon": x, "lat": y, "readiness_min": 0} for x, y in zip(lon[:24], lat[:24], strict=True)]
    for j in range(24):
        if not ends[1].met[j]:
            continue
        answer = nearest_sites(network, sites, lon=lon[24 + j], lat=lat[24 + j], k=4)
        expected = sorted((time, row) for row, time in enumerate(times[:, j]) if np.isfinite(time))[:4]
        assert [(round(a.drive_s * 100), a.row) for a in answer.arrivals] == expected
