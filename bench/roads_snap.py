"""Points to roads: a million points to the nearest edge, and one question in a fresh process.

    python bench/roads_snap.py            # the made-up province of 1.5 M nodes
    python bench/roads_snap.py FOLDER     # a saved network

Beside shapely's STRtree, which looks for the nearest of the same pieces in one plane for all points, and
scipy, which has to search the whole network. Answers are compared before anything is timed.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import roads_graph
from boai.geodata.edge_index import build_grid, nearest_piece
from boai.geodata.network import Network, edge_tails, load_network, save_network
from boai.geodata.shapes import STEPS, Shapes
from numpy.typing import NDArray

_Array = NDArray[Any]

POINT_EVERY_M = 110.0
"""Length of a piece of road at least; OpenStreetMap's roads in Jiangxi have a point every 60 to 120 m."""
BEND = 0.12
"""How far points lie beside the straight line, as a share of the piece (standard deviation)."""


POINTS = 1_000_000
SITES = 120
REPEATS = 5
_SPREAD_DEG = 0.003
"""Standard deviation of the points about the junctions, 300 m."""


class Row(NamedTuple):
    """One measurement: CPU seconds, and how many times as long as boai's the engine takes."""

    job: str
    engine: str
    cpu_s: float
    ratio: float
    note: str = ""


def rows(network: Network, folder: Path) -> Iterator[Row]:
    """Measure on a network with shapes that is saved in a folder."""
    yield from snapping_rows(network)
    yield from fresh_rows(network, folder)


def snapping_rows(network: Network, points: int = POINTS) -> Iterator[Row]:
    """Find the nearest edge of many points, in pairs with shapely's tree (its making not counted)."""
    import shapely

    assert network.shapes is not None
    assert network.grid is not None
    shapes, grid = network.shapes, network.grid
    lon, lat = points_about(network, points)
    narrow = np.cos(np.radians(np.mean(network.lat)))
    piece = np.setdiff1d(np.arange(len(shapes.x) - 1), shapes.start[1:-1] - 1)
    x, y = shapes.x / STEPS * narrow, shapes.y / STEPS
    ends = np.column_stack([x[piece], y[piece], x[piece + 1], y[piece + 1]]).reshape(-1, 2, 2)
    began = time.process_time()
    lines = shapely.linestrings(ends)
    tree = shapely.STRtree(lines)
    tree.query_nearest(shapely.points(0, 0))
    making = time.process_time() - began
    places = shapely.points(lon * narrow, lat)

    def own() -> Any:
        return nearest_piece(shapes, grid, lon, lat, centiseconds=network.centiseconds)

    def peer() -> Any:
        return tree.query_nearest(places, all_matches=False)[1]

    found, other = own().piece, piece[peer()]
    apart = np.flatnonzero(found != other)
    ours, theirs = (away_deg(shapes, each[apart], lon[apart], lat[apart]) for each in (found, other))
    assert (ours <= theirs + 1e-13).all(), "a nearer piece was missed"
    ties = np.count_nonzero(theirs <= ours + 1e-13) / points
    times = [(_cpu(own), _cpu(peer)) for _ in range(REPEATS)]
    fast, slow = (min(each) for each in zip(*times, strict=True))
    job = f"{points:,} points to the nearest of {len(piece):,} pieces"
    note = (
        f"goal < 0.6 s; {100 * ties:.1f} % ties, {100 * (len(apart) / points - ties):.2f} % nearer than its"
    )
    yield Row(job, "boai", fast, 1.0, note)
    yield Row(job, "shapely STRtree", slow, slow / fast, f"and {making:.1f} s to make")


def away_deg(shapes: Shapes, piece: _Array, lon: _Array, lat: _Array) -> _Array:
    """Measure by shapely how far pieces are from their points, degrees in the plane at each point."""
    import shapely

    ends = [
        ((shapes.x[p] / STEPS - lon) * np.cos(np.radians(lat)), shapes.y[p] / STEPS - lat)
        for p in (piece, piece + 1)
    ]
    lines = shapely.linestrings(np.array(ends).transpose(2, 0, 1))
    return np.asarray(shapely.distance(lines, shapely.Point(0, 0)))


def points_about(network: Network, count: int, seed: int = 5) -> tuple[_Array, _Array]:
    """Scatter points about random junctions."""
    rng = np.random.default_rng(seed)
    node = rng.choice(network.n_nodes, count)
    return tuple(
        np.asarray(axis)[node] + rng.normal(0, _SPREAD_DEG, count) for axis in (network.lon, network.lat)
    )  # type: ignore[return-value]


_START = """
import sys
from pathlib import Path
import numpy as np
from boai.geodata.network import load_network
network = load_network(Path(sys.argv[1]), verify=False)
rng = np.random.default_rng(int(sys.argv[2]))
node = rng.choice(network.n_nodes, 121)
lon = (network.lon[node] + rng.normal(0, 0.003, 121)).tolist()
lat = (network.lat[node] + rng.normal(0, 0.003, 121)).tolist()
"""
_QUESTIONS = {
    ("3 nearest of 120 sites, fresh process", "boai"): """
from boai.coverage.nearest import nearest_sites
sites = [{"lon": x, "lat": y, "readiness_min": 30} for x, y in zip(lon[1:], lat[1:])]
print([arrival.row for arrival in nearest_sites(network, sites, lon=lon[0], lat=lat[0]).arrivals])
""",
    ("3 nearest of 120 sites, fresh process", "scipy"): """
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
n, into = network.n_nodes, network.into
cost = network.centiseconds[into.edge].astype(float)
times = dijkstra(csr_array((cost, into.tail, into.start), shape=(n, n)), indices=int(node[0]))
print(np.argsort(times[node[1:]], kind="stable")[:3].tolist())
""",
    ("way between two points, fresh process", "boai"): """
from boai.coverage.route import route
found = route(network, (lon[0], lat[0]), (lon[1], lat[1]))
print(found.centiseconds, len(found.edges))
""",
}
"""Programs by job and engine; scipy's starts at the junction, for it cannot stand on an edge."""


def fresh_rows(network: Network, folder: Path) -> Iterator[Row]:
    """Ask one question in a fresh process that opens the saved network: all CPU time, the start included."""
    own: dict[str, list[float]] = {}
    for (job, engine), program in _QUESTIONS.items():
        times = [_process_s(_START + program, folder, seed) for seed in range(REPEATS)]
        own.setdefault(job, times)
        note = f"{network.n_nodes:,} nodes; longest {max(times):.2f} s"
        yield Row(job, engine, min(times), min(times) / min(own[job]), note)


def _process_s(program: str, folder: Path, seed: int) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program, folder, str(seed)], check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cpu(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def shaped_province() -> Path:
    """Return where the province with shapes is kept; made at the first call."""
    bare = roads_graph.province()
    folder = roads_graph.folder() / f"shaped-{str(bare.meta['hash'])[:12]}"
    if not folder.is_dir():
        save_network(with_shapes(bare), folder)
    return folder


def with_shapes(network: Network, seed: int = 1) -> Network:
    """Give the edges of a made-up network bent lines on the ground, one for both directions, and an index."""
    rng = np.random.default_rng(seed)
    a, b, edge, of = _pairs(network)
    inner = np.clip(network.metres[edge.max(axis=1)] / POINT_EVERY_M, 0, 200).astype(np.int64)
    start = np.concatenate([[0], np.cumsum(inner + 2)])
    shape = np.repeat(np.arange(len(a)), inner + 2)
    along = (np.arange(len(shape)) - start[shape]) / (inner[shape] + 1)
    lines = []
    for place in (network.lon, network.lat):
        p, q = np.asarray(place)[a][shape], np.asarray(place)[b][shape]
        bend = rng.normal(0, BEND * POINT_EVERY_M / 111_195, len(shape)) * ((along > 0) & (along < 1))
        lines.append(np.rint((p + along * (q - p) + bend) * STEPS).astype(np.int32))
    way = np.arange(len(a), dtype=np.int64)
    shapes = Shapes(of, edge, start, lines[0], lines[1], np.arange(len(a) + 1), way, np.ones(len(a), bool))
    return replace(network, shapes=shapes, grid=build_grid(shapes))


def _pairs(network: Network) -> tuple[_Array, _Array, _Array, _Array]:
    """Pair the directions of each road: (first node, last node, (k, 2) edges, shape of each edge)."""
    tail, head, m = edge_tails(network), np.asarray(network.head), network.n_edges
    low, high, back = np.minimum(tail, head), np.maximum(tail, head), tail > head
    order = np.lexsort((back, network.metres, high, low))
    same = np.ones(m, bool)
    for key in (low, high, network.metres):
        same[1:] &= np.diff(np.asarray(key)[order]) == 0
    second = same & back[order] & ~np.roll(back[order], 1)
    second[0] = False
    shape = np.cumsum(~second) - 1
    edge = np.full((int(shape[-1]) + 1, 2), -1, np.int32)
    edge[shape, back[order].astype(int)] = order
    of = np.empty(m, np.int32)
    of[order] = 2 * shape + back[order]
    one = edge.max(axis=1)
    return low[one], high[one], edge, of


def main() -> None:
    """Measure and print a table."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else shaped_province()
    network = load_network(folder, verify=False)
    print("| job | engine | CPU s | × boai | |\n|---|---|---|---|---|")
    for row in rows(network, folder):
        print(f"| {row.job} | {row.engine} | {row.cpu_s:.3f} | {row.ratio:.2f} | {row.note} |", flush=True)


if __name__ == "__main__":
    main()
