"""Who arrives first, in the demo and on real roads, against scipy's Dijkstra and a snapping of its own.

Half of the points ask with roads closed. On real roads the oracle finds the foot of a point with shapely, so
that times may differ by a rounded centisecond or two.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import travelworld
from boai.coverage.live import Live
from boai.geodata.layers import Kind
from boai.geodata.network import CLOSED, NODE_FRINGE, NODE_INTERCHANGE, Network, edge_tails, load_network
from boai.geodata.overlay import Overlay, impose, under
from boai.geodata.registry import read_sites
from boai.geodata.roads import read_osm
from boai.geodata.shapes import STEPS
from numpy.typing import NDArray
from scipy.spatial import cKDTree

CS_PER_M = 1.3 / (20 / 3.6) * 100
"""Centiseconds per straight metre beside the road: 1.3 times as far, at 20 km/h."""
EARTH_M = 6_371_008.8
DEGREE_M = np.radians(1) * EARTH_M
NEVER = 1 << 60

Drives = Callable[[float, float], NDArray[np.int64]]
"""Gives the driving centiseconds from every site to a point."""


def closed(network: Network, seed: int) -> Network:
    """Close a twentieth of the roads, slow another twentieth down."""
    edges = np.random.default_rng(seed).permutation(network.n_edges)
    some = network.n_edges // 20
    made = impose(Overlay(), edges[:some], what="封闭")
    return under(network, impose(made, edges[some : 2 * some], speed=0.3, what="减速"))


def sphere(lon: Any, lat: Any) -> NDArray[np.float64]:
    lam, phi = np.radians(lon), np.radians(lat)
    return np.column_stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))


def by_nodes(network: Network, sites: list[dict[str, Any]]) -> Drives:
    """Drive from node to node; a point meets the nearest node that is no interchange."""
    kind = np.asarray(network.kind)
    allowed = np.flatnonzero((kind != NODE_INTERCHANGE) & (kind != NODE_FRINGE))
    tree = cKDTree(sphere(network.lon[allowed], network.lat[allowed]))

    def meet(lon: Any, lat: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        chord, near = tree.query(sphere(lon, lat))
        return allowed[near], np.rint(2 * np.arcsin(chord / 2) * EARTH_M * CS_PER_M).astype(np.int64)

    node, off = meet([site["lon"] for site in sites], [site["lat"] for site in sites])
    times = travelworld.all_times(network, node)

    def drives(lon: float, lat: float) -> NDArray[np.int64]:
        (to,), (end,) = meet([lon], [lat])
        whole = times[:, to] + off + end
        return np.where(np.isfinite(whole), whole, NEVER).astype(np.int64)

    return drives


class Foot:
    """Where a point meets a road, and how it goes on from there to nodes; times in parts of centiseconds."""

    def __init__(self, network: Network, tails: Any, shape: int, away_m: float, share: float) -> None:
        assert network.shapes is not None
        self.shape, self.share, self.off = shape, share, round(away_m * CS_PER_M)
        self.cost: dict[int, int] = {}
        self.out: list[tuple[int, float]] = []
        self.into: list[tuple[int, float]] = []
        edges = network.shapes.edge[shape].tolist()
        if not 1e-9 < share < 1 - 1e-9:  # at a junction it may turn into any road
            along, against = edges
            first = int(tails[along]) if along >= 0 else int(network.head[against])
            last = int(network.head[along]) if along >= 0 else int(tails[against])
            self.shape, self.out = -1, [(first if share < 0.5 else last, self.off)]
            self.into = self.out
            return
        for column, edge in enumerate(edges):
            cost = int(network.centiseconds[edge]) if edge >= 0 else CLOSED
            if cost >= 0:
                before = (1 - share if column else share) * cost
                self.cost[column] = cost
                self.out.append((int(network.head[edge]), cost - before + self.off))
                self.into.append((int(tails[edge]), before + self.off))

    def straight(self, other: Foot) -> float:
        """Centiseconds to another foot on the same road; inf where none leads there directly."""
        if self.shape != other.shape or self.shape < 0:
            return np.inf
        gap = round(other.share - self.share, 6)  # both may have their foot at one bend
        ways = [
            abs(gap) * cost for column, cost in self.cost.items() if gap == 0 or (gap < 0) == bool(column)
        ]
        return min(ways, default=np.inf) + self.off + other.off


def by_roads(network: Network, sites: list[dict[str, Any]]) -> Drives:
    """Drive along the roads; a point meets the nearest open road, as shapely measures it."""
    shapes, tails = network.shapes, edge_tails(network)
    assert shapes is not None
    edge = np.asarray(shapes.edge)
    is_open = ((edge >= 0) & (np.asarray(network.centiseconds)[edge] >= 0)).any(axis=1)
    rows = np.flatnonzero(np.asarray(shapes.snap) & is_open)
    lines = [
        np.column_stack((shapes.x[own] / STEPS, shapes.y[own] / STEPS))
        for own in (slice(*shapes.start[row : row + 2].tolist()) for row in rows.tolist())
    ]
    middle = np.array([np.cos(np.radians(float(np.median(network.lat)))), 1.0])
    tree = shapely.STRtree([shapely.LineString(line * middle) for line in lines])

    def meet(lon: float, lat: float) -> Foot:
        rough = shapely.Point(np.array([lon, lat]) * middle)
        reach = tree.query_nearest(rough, return_distance=True)[1][0]
        own = np.array([np.cos(np.radians(lat)), 1.0])
        point, best = shapely.Point(np.array([lon, lat]) * own), (np.inf, -1, 0.0)
        for near in np.sort(tree.query(rough.buffer(1.02 * reach + 1e-7))).tolist():
            line = shapely.LineString(lines[near] * own)
            if (away := line.distance(point)) < best[0] - 1e-13:
                best = away, int(rows[near]), line.project(point) / line.length
        return Foot(network, tails, best[1], best[0] * DEGREE_M, best[2])

    stops = [meet(site["lon"], site["lat"]) for site in sites]
    ways = [(row, node, time) for row, stop in enumerate(stops) for node, time in stop.out]
    site, source, out = (np.array(part) for part in zip(*ways, strict=True))
    times = travelworld.all_times(network, source.astype(int)) + out[:, None]

    def drives(lon: float, lat: float) -> NDArray[np.int64]:
        end = meet(lon, lat)
        best = np.array([stop.straight(end) for stop in stops])
        for node, time in end.into:
            np.minimum.at(best, site.astype(int), times[:, node] + time)
        return np.where(np.isfinite(best), np.rint(best), NEVER).astype(np.int64)

    return drives


def check(live: Live, drives: Drives, points: Any, *, off_cs: int) -> int:
    """Hold that the first three are those of the oracle; returns how many arrivals were compared."""
    ready = np.array([round(60 * (site["readiness_min"] or 0)) * 100 for site in live.sites])
    compared = 0
    for lon, lat in points:
        drive = drives(lon, lat)
        eta = drive + ready
        order = np.lexsort((np.arange(len(eta)), drive, eta))
        expected = [row for row in order[:3].tolist() if drive[row] < NEVER]
        found = live.nearest(lon, lat).arrivals
        rows = [one.row for one in found]
        assert len(rows) == len(expected)
        for one, row in zip(found, expected, strict=True):
            assert abs(one.eta_s * 100 - eta[row]) <= off_cs
            assert one.row == row or abs(eta[one.row] - eta[row]) <= off_cs
            assert abs(one.drive_s * 100 - drive[one.row]) <= off_cs
        every = np.rint(live.times(lon, lat).eta_s * 100)
        reached = drive < NEVER
        assert (np.isfinite(every) == reached).all()
        assert (np.abs(every - eta)[reached] <= off_cs).all()
        compared += len(rows)
    return compared


def about(network: Network, count: int, seed: int) -> list[tuple[float, float]]:
    """Points up to some kilometres from roads."""
    rng = np.random.default_rng(seed)
    node = rng.integers(0, network.n_nodes, count)
    lon, lat = (np.asarray(axis)[node] + rng.normal(0, 0.004, count) for axis in (network.lon, network.lat))
    return list(zip(lon.tolist(), lat.tolist(), strict=True))


def compare(network: Network, sites: list[dict[str, Any]], count: int, make: Any, off_cs: int) -> None:
    """Ask on the roads as they are and with some closed, led by what is known of those that are open."""
    usual = Live(network, sites)
    usual.prepare()
    now = usual.under(closed(network, 7))
    for seed, live in enumerate((usual, now)):
        points = about(network, count // 2, seed)
        assert check(live, make(live.network, sites), points, off_cs=off_cs) > count


def of_demo(folder: Path, kind: Kind) -> tuple[Network, list[dict[str, Any]]]:
    sites = [dict(site) for site in read_sites(folder / "layers.gpkg", kind)]
    rng = np.random.default_rng(1)
    for site in sites:
        site["readiness_min"] = float(rng.integers(5, 90))
    return load_network(folder / "network"), sites


def of_file(file: Path, seed: int = 3) -> tuple[Network, list[dict[str, Any]]]:
    network, rng = read_osm(file, mode="drive"), np.random.default_rng(seed)
    sites = [
        {"id": f"w{i}", "lon": lon, "lat": lat, "readiness_min": float(rng.integers(0, 9))}
        for i, (lon, lat) in enumerate(about(network, 24, seed))
    ]
    return network, sites


def test_first_arrivals_in_the_province(workspace_folder: Path) -> None:
    compare(*of_demo(workspace_folder, "warehouse"), 200, by_nodes, 1)


def test_first_arrivals_on_real_roads(shared: Path) -> None:
    compare(*of_file(shared / "data" / "osm" / "liechtenstein.osm.pbf"), 120, by_roads, 4)


@pytest.mark.slow
def test_ten_thousand_points_in_the_province(workspace_folder: Path) -> None:
    for kind in ("warehouse", "team"):
        compare(*of_demo(workspace_folder, kind), 5000, by_nodes, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["liechtenstein", "helsinki"])
def test_ten_thousand_points_on_real_roads(shared: Path, name: str) -> None:
    compare(*of_file(shared / "data" / "osm" / f"{name}.osm.pbf", 5), 5000, by_roads, 4)
