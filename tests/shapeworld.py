"""Small networks with roads as lines on the ground, and the same world for networkx: every point a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
from boai.coverage.snap import Access
from boai.geodata.edge_index import build_grid
from boai.geodata.network import CLOSED, NODE_JUNCTION, Network, from_edges, incoming
from boai.geodata.shapes import STEPS, Shapes
from numpy.typing import NDArray

WEST, SOUTH = 1_150_000_000, 280_000_000
"""Corner of the worlds, steps of 1e-7 degrees: 115°E, 28°N."""


@dataclass(frozen=True)
class Road:
    """A road from node ``a`` to node ``b`` by some points between, and its times; None: one way."""

    a: int
    b: int
    there: int | None
    back: int | None
    between: Sequence[tuple[int, int]] = ()
    name: int = 0
    snap: bool = True


def make(places: Any, roads: Sequence[Road], *, names: Sequence[str] = ("",), **others: Any) -> Network:
    """Make a network of nodes at (x, y) steps from the corner, and roads in that order as its shapes."""
    corner = np.array([WEST, SOUTH])
    places = np.asarray(places, np.int64).reshape(-1, 2) + corner
    lines = [
        np.concatenate([places[[r.a]], np.reshape(r.between, (-1, 2)) + corner, places[[r.b]]]) for r in roads
    ]
    ways = [(i, 0, r.a, r.b, r.there) for i, r in enumerate(roads) if r.there is not None]
    ways += [(i, 1, r.b, r.a, r.back) for i, r in enumerate(roads) if r.back is not None]
    shape, against, tail, head, time = np.array(ways, np.int64).reshape(-1, 5).T
    start, order = from_edges(tail, head, len(places))
    edge = np.full((len(roads), 2), -1, np.int32)
    edge[shape[order], against[order]] = np.arange(len(order))
    points = np.concatenate(lines) if lines else np.empty((0, 2), np.int64)
    shapes = Shapes(
        of=(2 * shape + against)[order].astype(np.int32),
        edge=edge,
        start=np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(np.int64),
        x=points[:, 0].astype(np.int32),
        y=points[:, 1].astype(np.int32),
        way_start=np.arange(len(roads) + 1, dtype=np.int64),
        way=np.arange(len(roads), dtype=np.int64),
        snap=np.array([r.snap for r in roads], bool),
    )
    n = len(places)
    network = Network(
        lon=places[:, 0] / STEPS,
        lat=places[:, 1] / STEPS,
        kind=np.full(n, NODE_JUNCTION, np.uint8),
        name=np.full(n, ""),
        start=start,
        head=head[order].astype(np.int32),
        centiseconds=time[order].astype(np.int32),
        metres=np.array([lengths(lines[i]) for i in shape[order]], np.float32),
        road=np.array([roads[i].name for i in shape[order]], np.int32),
        roads=names,
        shapes=shapes,
        grid=build_grid(shapes),
        **others,
    )
    return replace(network, into=incoming(network))


def lengths(line: NDArray[np.int64]) -> float:
    """Length of a line in metres, roughly: these are worlds of a few kilometres."""
    step = np.diff(line, axis=0) * (np.cos(np.radians(28.0)), 1.0)
    return float(np.hypot(*step.T).sum()) / STEPS * 111_195


def random_roads(seed: int, *, n: int = 12, m: int = 20, wide: int = 40_000) -> Network:
    """Random places and bent roads: one-ways, loops, parallel roads, some that may not be met."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, wide, (n, 2))
    roads = []
    for _ in range(m):
        a, b = rng.integers(0, n, 2)
        times = rng.integers(1, 400, 2).tolist()
        way = rng.integers(0, 4)
        between = rng.integers(0, wide, (int(rng.integers(1 if a == b else 0, 4)), 2))
        there, back = (times[0] if way != 1 else None), (times[1] if way > 0 else None)
        name = int(rng.integers(0, 3))
        roads.append(Road(int(a), int(b), there, back, between.tolist(), name, bool(rng.random() < 0.8)))
    roads.append(Road(0, 1, 50, 60))
    return make(places, roads, names=("", "G1", "G2"))


def closing(network: Network, edges: Any) -> Network:
    """Close edges."""
    times = network.centiseconds.copy()
    times[np.asarray(edges, np.int64)] = CLOSED
    return replace(network, centiseconds=times)


def random_points(
    seed: int, count: int, *, wide: int = 40_000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Random points on whole steps in and about the world."""
    x, y = np.random.default_rng(seed).integers(-wide // 10, wide + wide // 10, (2, count))
    return (WEST + x) / STEPS, (SOUTH + y) / STEPS


def points_on_roads(
    network: Network, seed: int, count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Random points of which half lie on roads that may be met, some of these at bends and junctions."""
    rng, shapes = np.random.default_rng(seed), network.shapes
    assert shapes is not None
    lon, lat = random_points(seed, count)
    open_shapes = np.flatnonzero(shapes.snap)
    for row in range(0, count, 2):
        shape = rng.choice(open_shapes)
        piece = rng.integers(shapes.start[shape], shapes.start[shape + 1] - 1)
        share = rng.choice([0.0, 0.5, rng.random()])
        for line, place in ((shapes.x, lon), (shapes.y, lat)):
            place[row] = round(float(line[piece] + share * (int(line[piece + 1]) - int(line[piece])))) / STEPS
    return lon, lat


def split_graph(network: Network, *points: Access) -> nx.DiGraph:
    """Insert points as nodes that split their edges, by the rule of whole centiseconds.

    Nodes are the network's numbers, ("on", shape, along) and, per list of points, ("at", list, row); to and
    from these the way off the road is an edge. Points at the same place of a shape share one node.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(range(network.n_nodes))

    def add(a: Any, b: Any, time: int) -> None:
        if time < graph.get_edge_data(a, b, {"cs": np.inf})["cs"]:
            graph.add_edge(a, b, cs=time)

    on: dict[int, set[float]] = {}
    for number, access in enumerate(points):
        for row in np.flatnonzero(access.met).tolist():
            shape, along = int(access.shape[row]), float(access.along[row])
            at: Any = ("on", shape, along) if shape >= 0 else _node_at(network, access, row)
            if shape >= 0:
                on.setdefault(shape, set()).add(along)
            add(("at", number, row), at, int(access.off_cs[row]))
            add(at, ("at", number, row), int(access.off_cs[row]))
        graph.add_nodes_from(("at", number, row) for row in range(len(access.metres)))
    assert network.shapes is not None
    tails = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    for edge in np.flatnonzero(network.centiseconds != CLOSED).tolist():
        shape, against = divmod(int(network.shapes.of[edge]), 2)
        cost = int(network.centiseconds[edge])
        stops = [(0, int(tails[edge]))]
        for along in sorted(on.get(shape, ()), reverse=bool(against)):
            share = 1.0 - along if against else along
            stops.append((round(share * cost), ("on", shape, along)))
        stops.append((cost, int(network.head[edge])))
        for (before, a), (after, b) in pairwise(stops):
            add(a, b, after - before)
    return graph


def _node_at(network: Network, access: Access, row: int) -> int:
    """Find the junction at which a point stands by its place."""
    here = np.abs(network.lon - access.lon[row]) + np.abs(network.lat - access.lat[row])
    own = np.flatnonzero(here < 1e-9)
    assert access.out_node[row, 0] in own
    return int(access.out_node[row, 0])


def times_between(graph: nx.DiGraph, sources: int, targets: int) -> NDArray[np.float64]:
    """Centiseconds from each of the first list of points to each of the second, by networkx; inf: no way."""
    found = np.full((sources, targets), np.inf)
    for i in range(sources):
        times = nx.single_source_dijkstra_path_length(graph, ("at", 0, i), weight="cs")
        for j in range(targets):
            found[i, j] = times.get(("at", 1, j), np.inf)
    return found
