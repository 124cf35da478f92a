"""Make a road network of the size of a province, for measurements: the same every time, kept on disk.

Junctions are scattered about towns whose sizes follow Zipf's law, and about villages; roads are the minimum
spanning tree of their Delaunay triangulation and those other edges that are nearest to being relative
neighbours. The edges that shortest ways between towns use most become the expressways, trunk roads and so on,
so that times have the hierarchy of real roads: without it searches spread like circles, and kernels look
better or worse than they are. Nearly half of the nodes are points where nothing branches off, as in a network
that is not folded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numba
import numpy as np
from boai.geodata.network import (
    CLASSES,
    NODE_FRINGE,
    NODE_JUNCTION,
    Network,
    from_edges,
    incoming,
    load_network,
    save_network,
)
from numpy.typing import NDArray

_Array = NDArray[Any]

NODES = 1_500_000
ROADS_PER_NODE = 1.2025
"""Undirected; with one-ways this makes 3.55 M directed edges of 1.5 M nodes."""
FRAME = (113.6, 24.5, 118.5, 30.1)  # the province's west, south, east, north
JUNCTIONS = 0.6
"""Of the nodes; the others lie along the roads between them."""
TOWNS = 1_600
PER_VILLAGE = 25
"""Junctions for one village."""
VILLAGE_DEG = 0.005
HUBS = 64
"""Towns between whose shortest ways the traffic is counted."""
ONE_WAY_SHARE = 0.1
"""Of the roads that are in no spanning tree."""
RANKS = (
    (0.025, "motorway", 110.0),
    (0.055, "trunk", 80.0),
    (0.10, "primary", 70.0),
    (0.18, "secondary", 60.0),
    (0.34, "tertiary", 50.0),
    (0.60, "unclassified", 40.0),
    (1.0, "residential", 30.0),
)
"""(share of the length up to here, most used first; class; km/h)."""
METRES_PER_DEGREE = 111_195.0
_VERSION = 5


def province(nodes: int = NODES, seed: int = 1) -> Network:
    """Open the network, memory-mapped; made at the first call (a minute or two for 1.5 M nodes)."""
    return _kept(f"province-{_VERSION}-{nodes}-{seed}", lambda: _make(nodes, seed))


def folded_province(nodes: int = NODES, seed: int = 1) -> Network:
    """Open the same network with its chains folded, about half as many nodes."""
    return _kept(f"folded-{_VERSION}-{nodes}-{seed}", lambda: folded(province(nodes, seed)))


def folder() -> Path:
    """Return where the networks are kept."""
    return Path(tempfile.gettempdir()) / "boai-bench"


def _kept(name: str, make: Any) -> Network:
    at = folder() / name
    if not at.is_dir():
        at.parent.mkdir(exist_ok=True)
        save_network(make(), at)
    return load_network(at, verify=False)


def _make(n: int, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    junctions = max(4, round(n * JUNCTIONS))
    lon, lat, towns = _scatter(junctions, rng)
    x, y = lon * np.cos(np.radians(27.0)) * METRES_PER_DEGREE, lat * METRES_PER_DEGREE
    a, b, metres, one_way = _roads(x, y, junctions + n * (ROADS_PER_NODE - 1), rng)
    rank = _hierarchy(junctions, (a, b, metres), towns, rng)
    lon, lat, a, b, road = _divided(lon, lat, (a, b, metres), n)
    order = np.argsort(morton(lon, lat), kind="stable")
    place = np.argsort(order)
    a, b, one_way, rank = place[a], place[b], one_way[road], rank[road]
    metres = (metres / np.bincount(road))[road]
    speed = np.array([kmh for _, _, kmh in RANKS])[rank]
    cost = np.maximum(1, np.rint(metres / speed * 360)).astype(np.int32)
    back = ~one_way
    tail, head = np.concatenate([a, b[back]]), np.concatenate([b, a[back]])
    cost, metres, rank = (np.concatenate([part, part[back]]) for part in (cost, metres, rank))
    return _network(lon[order], lat[order], (tail, head, cost, metres, rank))


def _divided(
    lon: _Array, lat: _Array, roads: tuple[_Array, _Array, _Array], n: int
) -> tuple[_Array, _Array, _Array, _Array, _Array]:
    """Divide roads, the longer into the more parts, so that there are n nodes: (lon, lat, a, b, road)."""
    a, b, metres = roads
    share = np.rint(np.cumsum(metres) / metres.sum() * (n - len(lon))).astype(np.int64)
    inner = np.diff(share, prepend=0)
    road = np.repeat(np.arange(len(a)), inner)
    step = np.arange(len(road)) - (share - inner)[road] + 1
    along = step / (inner[road] + 1)
    between = [v[a[road]] + along * (v[b[road]] - v[a[road]]) for v in (lon, lat)]
    part = np.repeat(np.arange(len(a)), inner + 1)
    first = np.cumsum(inner + 1) - (inner + 1)
    number = np.arange(len(part)) - first[part]
    own = len(lon) + (share - inner)[part] + number
    tail = np.where(number == 0, a[part], own - 1)
    head = np.where(number == inner[part], b[part], own)
    return np.append(lon, between[0]), np.append(lat, between[1]), tail, head, part


def _network(lon: _Array, lat: _Array, edges: tuple[_Array, ...]) -> Network:
    from dataclasses import replace

    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    tail, head, cost, metres, rank = edges
    n = len(lon)
    start, order = from_edges(tail, head, n)
    graph = csr_array((np.ones(len(head), np.int8), (tail, head)), shape=(n, n))
    strong = connected_components(graph, connection="strong")[1]
    main = strong == np.bincount(strong).argmax()
    classes = np.array([CLASSES.index(name) for _, name, _ in RANKS], np.uint8)
    network = Network(
        lon=lon,
        lat=lat,
        kind=np.where(main, NODE_JUNCTION, NODE_FRINGE).astype(np.uint8),
        name=np.full(n, ""),
        start=start,
        head=head[order].astype(np.int32),
        centiseconds=cost[order].astype(np.int32),
        metres=metres[order].astype(np.float32),
        road=np.zeros(len(head), np.int32),
        roads=("",),
        meta={"kind": "made up", "mode": "drive", "label": ""},
        road_class=classes[rank[order]],
    )
    return replace(network, into=incoming(network))


def morton(lon: _Array, lat: _Array) -> _Array:
    """Number points along the Z curve of a square of 65 536 by 65 536."""

    def spread(values: _Array) -> _Array:
        v = ((values - values.min()) / max(np.ptp(values), 1e-12) * 65535).astype(np.uint64)
        for by, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            v = (v | (v << np.uint64(by))) & np.uint64(mask)
        return v

    return spread(lon) | (spread(lat) << np.uint64(1))


def _scatter(n: int, rng: np.random.Generator) -> tuple[_Array, _Array, _Array]:
    """Scatter n points: first the towns, then villages half of which lie about towns, then points about both.

    Returns
    -------
    tuple
        Longitude, latitude, positions of the towns.
    """
    low, high = FRAME[:2], FRAME[2:]
    towns, villages = max(2, min(TOWNS, n // 20)), max(2, n // PER_VILLAGE)
    town = rng.uniform(low, high, (towns, 2))
    weight = 1.0 / np.arange(1, towns + 1) ** 0.8
    of = rng.choice(towns, villages // 2, p=weight / weight.sum())
    about = _about(town[of], 0.03 * np.sqrt(weight[of] / weight.mean()), rng)
    village = np.concatenate([about, rng.uniform(low, high, (villages - len(about), 2))])
    rest = n - towns - villages
    alone = rng.uniform(low, high, (rest // 5, 2))
    house = _about(village[rng.integers(0, villages, rest - len(alone))], np.array(VILLAGE_DEG), rng)
    points = np.clip(np.concatenate([town, village, house, alone]), low, high)
    points += rng.normal(0, 1e-5, points.shape)  # clipping piles points up
    return points[:, 0].copy(), points[:, 1].copy(), np.arange(towns)


def _about(centre: _Array, radius: _Array, rng: np.random.Generator) -> _Array:
    """Throw a point about each centre, normal in both directions; radii in degrees."""
    return np.asarray(centre + rng.normal(0, 1, centre.shape) * radius.reshape(-1, 1))


def _roads(
    x: _Array, y: _Array, wanted: float, rng: np.random.Generator
) -> tuple[_Array, _Array, _Array, _Array]:
    """Choose about ``wanted`` roads: (a, b, metres, one way from a to b)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial import Delaunay

    n = len(x)
    corners = Delaunay(np.column_stack([x, y])).simplices
    key, straight, score = _sides(x, y, corners.astype(np.int64))
    a, b = key // n, key % n
    tree = minimum_spanning_tree(csr_array((straight, (a, b)), shape=(n, n))).tocoo()
    in_tree = np.isin(key, np.minimum(*tree.coords).astype(np.int64) * n + np.maximum(*tree.coords))
    others = np.flatnonzero(~in_tree)
    others = others[np.argsort(-score[others], kind="stable")[: round(wanted) - int(in_tree.sum())]]
    chosen = np.sort(np.concatenate([np.flatnonzero(in_tree), others]))
    one_way = ~in_tree[chosen] & (rng.random(len(chosen)) < ONE_WAY_SHARE)
    metres = straight[chosen] * rng.uniform(1.0, 1.2, len(chosen)) + 1.0
    return a[chosen], b[chosen], metres, one_way


def _sides(x: _Array, y: _Array, corners: _Array) -> tuple[_Array, _Array, _Array]:
    """Give each side of the triangles once: (low corner * n + high corner, metres, score).

    The score is the longer way to the corner opposite over the side: 1 and more where neither corner opposite
    is nearer to both ends than these to each other (relative neighbours, as far as the two corners tell).
    """
    a, b, c = np.concatenate([corners, np.roll(corners, 1, 1), np.roll(corners, 2, 1)]).T
    side = np.hypot(x[a] - x[b], y[a] - y[b]) + 1e-3
    detour = np.maximum(np.hypot(x[a] - x[c], y[a] - y[c]), np.hypot(x[b] - x[c], y[b] - y[c])) / side
    key = np.minimum(a, b) * len(x) + np.maximum(a, b)
    order = np.lexsort((detour, key))
    key, first = np.unique(key[order], return_index=True)
    return key, side[order[first]], detour[order[first]]


def _hierarchy(
    n: int, roads: tuple[_Array, _Array, _Array], towns: _Array, rng: np.random.Generator
) -> _Array:
    """Rank the roads by how many ways between towns use them, three times: fast roads draw more ways."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    a, b, metres = roads
    speed = np.full(len(a), 30.0)
    limits = np.array([share for share, _, _ in RANKS])
    kmh = np.array([speed for _, _, speed in RANKS])
    hubs = rng.choice(towns, min(HUBS, len(towns)), replace=False)
    by_pair = np.argsort(a.astype(np.int64) * n + b)
    pairs = (a.astype(np.int64) * n + b)[by_pair]
    for _ in range(3):
        graph = csr_array((metres / speed, (a, b)), shape=(n, n))
        used = np.zeros(len(a))
        for hub in hubs.tolist():
            time, before = dijkstra(graph, directed=False, indices=hub, return_predecessors=True)
            passing = _passing(np.argsort(time)[::-1], before.astype(np.int64), towns)
            child = np.flatnonzero(before >= 0)
            low, high = np.minimum(child, before[child]), np.maximum(child, before[child])
            used[by_pair[np.searchsorted(pairs, low * n + high)]] += passing[child]
        place, order = np.empty(len(a)), np.argsort(-used, kind="stable")
        place[order] = np.cumsum(metres[order]) / metres.sum()
        rank = np.searchsorted(limits, np.minimum(place, 1.0))
        speed = kmh[rank]
    return rank


@numba.njit(cache=True)
def _passing(far_first: _Array, before: _Array, towns: _Array) -> _Array:
    """Count the ways through each node of a tree: 1 000 to each town, 1 to each other node."""
    count = np.ones(len(before))
    for town in towns:
        count[town] += 1000.0
    for v in far_first:
        if before[v] >= 0:
            count[before[v]] += count[v]
    return count


def folded(network: Network) -> Network:
    """Merge the chains of nodes at which two roads meet, both two-way, into one road each."""
    keep = ~_in_chain(network.start, network.head, incoming(network).start, incoming(network).tail)
    tail, head, cost, metres, first = _walk(
        network.start, network.head, network.centiseconds, network.metres, keep
    )
    new = np.cumsum(keep) - 1
    classes = [CLASSES.index(name) for _, name, _ in RANKS]
    rank = np.zeros(len(CLASSES), np.int64)
    rank[classes] = np.arange(len(classes))
    assert network.road_class is not None
    edges = (new[tail], new[head], cost, metres, rank[network.road_class[first]])
    return _network(network.lon[keep], network.lat[keep], edges)


@numba.njit(cache=True)
def _in_chain(start: _Array, head: _Array, into: _Array, tail: _Array) -> _Array:
    """Mark nodes with two neighbours, to and from each of which one edge runs."""
    found = np.zeros(len(start) - 1, np.bool_)
    for v in range(len(found)):
        s, i = start[v], into[v]
        if start[v + 1] - s == 2 and into[v + 1] - i == 2:
            same = min(head[s], head[s + 1]) == min(tail[i], tail[i + 1])
            same &= max(head[s], head[s + 1]) == max(tail[i], tail[i + 1])
            found[v] = same and head[s] != head[s + 1] and head[s] != v and head[s + 1] != v
    return found


@numba.njit(cache=True)
def _walk(
    start: _Array, head: _Array, cost: _Array, metres: _Array, keep: _Array
) -> tuple[_Array, _Array, _Array, _Array, _Array]:
    """Walk from every kept node to the next along each edge: (tail, head, time, metres, first edge)."""
    m = len(head)
    tails, heads, first = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m, np.int64)
    time, length, k = np.empty(m, np.int64), np.empty(m, np.float64), 0
    for v in range(len(keep)):
        if not keep[v]:
            continue
        for e in range(start[v], start[v + 1]):
            at, came, tails[k], first[k] = head[e], v, v, e
            time[k], length[k] = cost[e], metres[e]
            while not keep[at]:
                on = start[at] if head[start[at]] != came else start[at] + 1
                came, at = at, head[on]
                time[k] += cost[on]
                length[k] += metres[on]
            heads[k] = at
            k += 1
    return tails[:k], heads[:k], time[:k], length[:k], first[:k]


if __name__ == "__main__":
    for title, made in (("province", province()), ("folded", folded_province())):
        print(f"{title}: {made.n_nodes:,} nodes, {made.n_edges:,} directed edges in {folder()}")
