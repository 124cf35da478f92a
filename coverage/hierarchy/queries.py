"""Questions to a hierarchy, in nodes, labels and edges of the network."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...geodata.compiled import plain
from ..travel.inputs import is_from, limit_of, of_nodes, seeds_of
from ..travel.results import Centiseconds, Nearest, Nodes, Way
from . import lanes, sweeps, walks
from .arrays import Array, Tree
from .customization import NEVER, Hierarchy


@dataclass(frozen=True)
class Found:
    """The nearest sites of nodes; equally near ones by number."""

    centiseconds: Centiseconds
    """(n,) or (n, k) time between site and node, the site's offset included; ``UNREACHED`` where none is."""
    site: NDArray[np.int32]
    """(n,) or (n, k) the site's number (label), -1 where there is none."""
    direction: str = "from"
    """``from`` the sites or ``to`` them."""


@dataclass(frozen=True)
class Sites:
    """Sites, put into a hierarchy so that the k nearest of any node are found at once: by `place_sites`."""

    hierarchy: Hierarchy
    direction: str
    """``from`` the sites or ``to`` them."""
    place: NDArray[np.int32]
    """(n,) row in ``keys`` of each rank that is above a site, else -1."""
    keys: NDArray[np.int64]
    """(c, k) the nearest sites below, as (time, label)."""
    arcs: NDArray[np.int32]
    """(c, k) the arcs by which they came, -1 at the site's own node."""


def to_nearest(
    hierarchy: Hierarchy,
    nodes: ArrayLike,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
    direction: str = "from",
) -> Found:
    """Find the nearest site of every node: times and sites as `travel.to_nearest`, bit for bit.

    The parameters are those of `travel.to_nearest`. For the edges, see `with_edges`.
    """
    rising, falling = _times(hierarchy, direction)
    ranks, keys, _ = _climb(hierarchy, rising, (nodes, offset_cs, label), 1)
    found = sweeps.descend(
        _tree(hierarchy), falling, ranks, keys[:, 0], limit_of(within_cs), hierarchy.order.height
    )
    return Found(*found, direction)


def k_nearest(
    hierarchy: Hierarchy,
    nodes: ArrayLike,
    k: int,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    within_cs: int | None = None,
    direction: str = "from",
) -> Found:
    """Find the k nearest sites of every node: (n, k), as `travel.k_nearest`, bit for bit."""
    rising, falling = _times(hierarchy, direction)
    ranks, keys, _ = _climb(hierarchy, rising, (nodes, offset_cs, label), k)
    found = sweeps.descend_ranked(
        _tree(hierarchy), falling, ranks, keys, limit_of(within_cs), hierarchy.order.height
    )
    return Found(*found, direction)


def with_edges(
    hierarchy: Hierarchy,
    found: Found,
    nodes: ArrayLike,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
) -> Nearest:
    """Add the edges by which the ways come in, by one pass over the network: as `travel.to_nearest`.

    ``found`` is what `to_nearest` answered to the same parameters.

    Raises
    ------
    ValueError
        ``found`` is not of `to_nearest` on this network, or the seeds are none.
    """
    network = hierarchy.network
    of_nodes(network, found.centiseconds, found.site)
    if found.site.ndim != 1:
        raise ValueError("edges can be added to the nearest sites only, not to the k nearest")
    node, offset, number = seeds_of(network, nodes, offset_cs, label)
    rows = (plain(network.start), plain(network.head), plain(network.centiseconds))
    times = (found.centiseconds, found.site)
    edge = sweeps.edges_between(rows, times, (node, offset, number), not is_from(found.direction))
    return Nearest(found.centiseconds, found.site, edge, found.direction)


def trees(
    hierarchy: Hierarchy, nodes: ArrayLike, *, direction: str = "from", threads: int | None = None
) -> Centiseconds:
    """Find the times between each of s nodes and all nodes: (s, n); sixteen sources at a time."""
    rising, falling = _times(hierarchy, direction)
    order, tree = hierarchy.order, _tree(hierarchy)
    rank = order.rank[seeds_of(hierarchy.network, nodes, None)[0]]
    blocks = -(-len(rank) // lanes.LANES)
    time = np.empty((blocks * lanes.LANES, order.n_nodes), np.int32)

    def fill(block: int) -> None:
        own = slice(block * lanes.LANES, (block + 1) * lanes.LANES)
        lane = np.argsort(rank[own], kind="stable")
        reached = lanes.climb_lanes(tree, rising, rank[own][lane], lane, order.height)
        lanes.descend_lanes(tree, falling, *reached, order.height, time[own])

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        list(pool.map(fill, range(blocks)))
    return time[: len(rank)]


def distance(hierarchy: Hierarchy, sources: ArrayLike, targets: ArrayLike) -> Centiseconds:
    """Find the time from each source to the target at the same position: (p,); ``UNREACHED`` without a way.

    Raises
    ------
    ValueError
        There are more of one than of the other, or one lies outside the network.
    """
    ends = [seeds_of(hierarchy.network, nodes, None)[0] for nodes in (sources, targets)]
    pairs = np.column_stack([hierarchy.order.rank[nodes] for nodes in ends])
    up, down = _times(hierarchy, "from")
    return walks.distances(_tree(hierarchy), up, down, pairs, hierarchy.order.height)


def path(hierarchy: Hierarchy, source: int, target: int) -> Way | None:
    """Find a shortest way from one node to another, None where there is none.

    Of several equally short ways it is always the same one.
    """
    order = hierarchy.order
    ends = seeds_of(hierarchy.network, [source, target], None)[0]
    up, down = _times(hierarchy, "from")
    time, arcs = walks.way(_tree(hierarchy), up, down, order.rank[ends], order.height)
    return None if time == NEVER else Way(-1, time, *_unpacked(hierarchy, ends[0], arcs))


def place_sites(
    hierarchy: Hierarchy,
    nodes: ArrayLike,
    k: int,
    *,
    offset_cs: ArrayLike | None = None,
    label: ArrayLike | None = None,
    direction: str = "from",
) -> Sites:
    """Put sites into a hierarchy, to ask for up to k nearest of single nodes by `nearest_of`.

    As the buckets of Knopp, Sanders, Schultes, Schulz and Wagner (2007, ALENEX), but only with the k nearest:
    who is farther below a rank is so from all that come over it. The other parameters are those of
    `travel.to_nearest`.
    """
    rising = _times(hierarchy, direction)[0]
    ranks, keys, arcs = _climb(hierarchy, rising, (nodes, offset_cs, label), k)
    place = np.full(hierarchy.order.n_nodes, -1, np.int32)
    place[ranks] = np.arange(len(ranks), dtype=np.int32)
    return Sites(hierarchy, direction, place, keys, arcs)


def nearest_of(sites: Sites, nodes: ArrayLike, *, within_cs: int | None = None) -> Found:
    """Find the k nearest sites of some nodes: (q, k), equal to those rows of `k_nearest`."""
    order = sites.hierarchy.order
    queries = order.rank[seeds_of(sites.hierarchy.network, nodes, None)[0]]
    falling, placed = _times(sites.hierarchy, sites.direction)[1], (sites.place, sites.keys, sites.arcs)
    tree = _tree(sites.hierarchy)
    found = sweeps.nearest(tree, falling, placed, queries, limit_of(within_cs), order.height)
    return Found(*found, sites.direction)


def ways_of(sites: Sites, node: int, *, within_cs: int | None = None) -> list[Way]:
    """Find the k nearest sites of a node and the shortest ways from (or to) them, the nearest first.

    Of several equally short ways it is always the same one.
    """
    hierarchy, forth = sites.hierarchy, is_from(sites.direction)
    order, falling = hierarchy.order, _times(hierarchy, sites.direction)[1]
    query = seeds_of(hierarchy.network, [node], None)[0]
    placed, limit = (sites.place, sites.keys, sites.arcs), limit_of(within_cs)
    time, label, seed, first, arcs = sweeps.ways_to_nearest(
        _tree(hierarchy), falling, placed, int(order.rank[query[0]]), limit, order.height
    )
    ways = []
    for j in np.flatnonzero(label >= 0).tolist():
        own = arcs[first[j] : first[j + 1]]
        begin = order.node[seed[j]] if forth else query[0]
        nodes, edges = _unpacked(hierarchy, begin, own if forth else own[::-1] ^ 1)
        ways.append(Way(int(label[j]), int(time[j]), nodes, edges))
    return ways


def _unpacked(hierarchy: Hierarchy, begin: int, arcs: Array) -> tuple[Nodes, Array]:
    """Give the nodes and edges of a way along arcs."""
    order, network = hierarchy.order, hierarchy.network
    up, down = _times(hierarchy, "from")
    edges = walks.unpack(order.plain_below, up, down, plain(network.centiseconds), arcs)
    return np.concatenate([np.array([begin], np.int32), network.head[edges]]), edges


def _climb(
    hierarchy: Hierarchy, rising: Array, seeds: tuple[Any, Any, Any], k: int
) -> tuple[Array, Array, Array]:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    node, offset, label = seeds_of(hierarchy.network, *seeds)
    rank = hierarchy.order.rank[node]
    key = offset.astype(np.int64) << sweeps.LABEL_BITS | label
    by = np.lexsort((key, rank))
    return sweeps.climb(_tree(hierarchy), rising, rank[by], key[by], k, hierarchy.order.height)


def _tree(hierarchy: Hierarchy) -> Tree:
    return hierarchy.order.plain_tree


def _times(hierarchy: Hierarchy, direction: str) -> tuple[Array, Array]:
    """Give the times (seeds to their ancestors, ancestors to nodes) for driving from the seeds or to them."""
    up, down = plain(hierarchy.up), plain(hierarchy.down)
    return (up, down) if is_from(direction) else (down, up)
