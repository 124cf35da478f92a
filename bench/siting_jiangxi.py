"""A province on its roads: 2 000 000 points x 3 000 candidates, who reaches whom in an hour or half of one.

The roads are the synthetic ones of `roads_graph` in the frame of Jiangxi (approximate, 594 567 junctions),
not the province's; points lie along the roads, more where junctions are dense, as residents do. The pairs of
points and candidates (139 million) are never held: a first pass over the searches sums two random numbers of
each candidate into every point that it reaches, points with equal sums are merged, and a second pass lists
the candidates of one point per class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import roads_graph
from boai.coverage import travel
from boai.geodata.compiled import compiled
from boai.geodata.network import Network
from numpy.typing import NDArray
from siting_instances import Arrays

POINTS, CANDIDATES, LIMIT_CS = 2_000_000, 3_000, 360_000
RESIDENTS = 45_188_635
BATCH = 250
"""Candidates whose searches are held at a time."""

Found = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]
"""Compressed rows: first entries, nodes or points, centiseconds."""


class Points(NamedTuple):
    """Points on roads: each is come to from one end of its road, or from both."""

    first: NDArray[np.int64]
    """(nodes + 1,) first entry of each node."""
    point: NDArray[np.int32]
    cost: NDArray[np.int32]
    """(entries,) points that are come to from the node, and centiseconds from there."""
    residents: NDArray[np.float64]


def scatter(network: Network, count: int, seed: int = 20260301) -> Points:
    """Put points on roads: a road is drawn for its two junctions, so points are dense where junctions are."""
    random = np.random.default_rng(seed)
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    head, cost = np.asarray(network.head, np.int64), np.asarray(network.centiseconds, np.int64)
    key = tail * network.n_nodes + head
    order = np.argsort(key, kind="stable")
    back = head * network.n_nodes + tail
    at = np.searchsorted(key[order], back)
    found = order[np.minimum(at, len(key) - 1)]
    two_way = key[found] == back
    edge = np.sort(random.integers(0, len(head), count))
    along = np.rint(random.random(count) * cost[edge]).astype(np.int64)
    both = np.flatnonzero(two_way[edge])
    rest = cost[found[edge[both]]] - np.minimum(along[both], cost[found[edge[both]]])
    node = np.r_[tail[edge], head[edge[both]]]
    order = np.argsort(node, kind="stable")
    first = np.r_[0, np.cumsum(np.bincount(node, minlength=network.n_nodes))]
    people = random.pareto(1.5, count) + 0.2
    residents = random.multinomial(RESIDENTS, people / people.sum()).astype(np.float64)
    point = np.r_[np.arange(count), both][order].astype(np.int32)
    return Points(first, point, np.r_[along, rest][order].astype(np.int32), residents)


@compiled
def _sum_keys(
    found: Found,
    points: Found,
    key: NDArray[np.uint64],
    limit: int,
    state: tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int32]],
) -> None:
    """Add the keys (2, s) of each of s sources to the points that it reaches.

    ``state`` are the last source of each point, its two sums and its count, (m,), (2, m) and (m,).
    """
    indptr, node, time = found
    first, point, cost = points
    last, sums, count = state
    for source in range(len(indptr) - 1):
        for e in range(indptr[source], indptr[source + 1]):
            for f in range(first[node[e]], first[node[e] + 1]):
                at = point[f]
                if time[e] + cost[f] <= limit and last[at] != source:
                    last[at] = source
                    sums[0, at] += key[0, source]
                    sums[1, at] += key[1, source]
                    count[at] += 1


@compiled
def _list_pairs(
    found: Found,
    points: Found,
    class_of: NDArray[np.int32],
    bounds: tuple[int, int],
    state: tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]],
) -> None:
    """Write each source into the rows of the classes whose one point it reaches.

    ``bounds`` are the limit and the number of the first source; ``state`` the last source of each point, the
    next entry of each row, and the entries.
    """
    indptr, node, time = found
    first, point, cost = points
    last, place, indices = state
    limit, offset = bounds
    for source in range(len(indptr) - 1):
        for e in range(indptr[source], indptr[source + 1]):
            for f in range(first[node[e]], first[node[e] + 1]):
                at = point[f]
                row = class_of[at]
                if row >= 0 and time[e] + cost[f] <= limit and last[at] != source:
                    last[at] = source
                    indices[place[row]] = source + offset
                    place[row] += 1


def jiangxi(m: int = POINTS, n: int = CANDIDATES, limit_cs: int = LIMIT_CS) -> tuple[Arrays, dict[str, int]]:
    """Make the instance: compressed rows of the classes, and what was merged."""
    network = roads_graph.folded_province()
    points = scatter(network, m)
    random = np.random.default_rng(20260302)
    sites = np.sort(random.choice(network.n_nodes, n, replace=False))
    key = random.integers(1, 2**63, (2, n), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    sums, count = np.zeros((2, m), np.uint64), np.zeros(m, np.int32)
    by_node = points.first, points.point, points.cost

    def searches() -> Iterator[tuple[int, Found, NDArray[np.int32]]]:
        for begin in range(0, n, BATCH):
            some = travel.within(network, sites[begin : begin + BATCH], within_cs=limit_cs)
            yield begin, (some.indptr, some.node, some.centiseconds), np.full(m, -1, np.int32)

    for begin, found, stamp in searches():
        own = key[:, begin : begin + BATCH].copy()
        _sum_keys(found, by_node, own, limit_cs, (stamp, sums, count))
    order = np.lexsort((sums[1], sums[0]))
    first, second = sums[0][order], sums[1][order]
    start = np.flatnonzero(np.r_[True, (first[1:] != first[:-1]) | (second[1:] != second[:-1])])
    weight, one = np.add.reduceat(points.residents[order], start), order[start]
    reached = count[one] > 0
    weight, one = weight[reached], one[reached]
    class_of = np.full(m, -1, np.int32)
    class_of[one] = np.arange(len(one))
    indptr = np.r_[0, np.cumsum(count[one], dtype=np.int64)]
    indices, place = np.empty(indptr[-1], np.int32), indptr[:-1].copy()
    for begin, found, stamp in searches():
        _list_pairs(found, by_node, class_of, (limit_cs, begin), (stamp, place, indices))
    counts = {"points": m, "pairs": int(count.sum()), "classes": len(one), "pairs of classes": len(indices)}
    return (indptr, indices, weight, n), counts
