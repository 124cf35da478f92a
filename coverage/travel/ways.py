"""The ways behind stored answers: no search, only the edges followed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...geodata.compiled import plain
from ...geodata.network import Network
from .inputs import is_from, limit_of, of_nodes, seeds_of
from .local import walk
from .results import KNearest, Nearest, Nodes, Way


def path(
    network: Network, nearest: Nearest | KNearest, node: int, *, rank: int = 0
) -> tuple[Nodes, NDArray[np.int64]]:
    """Follow the shortest way between a node and its nearest site: its nodes and edges, as driven.

    Both are empty where no site reaches the node.

    Parameters
    ----------
    rank
        Of `KNearest`: 0 for the nearest site, 1 for the second, ….

    Raises
    ------
    ValueError
        There is no such node or rank, or the way leaves what ``nearest`` knows, as those of second nearest
        sites do.
    """
    of_nodes(network, nearest.site, nearest.edge)
    site, edge = (array.reshape(network.n_nodes, -1) for array in (nearest.site, nearest.edge))
    if not (0 <= node < len(site) and 0 <= rank < site.shape[1]):
        raise ValueError(f"there is no node {node} or no rank {rank} in answers of shape {site.shape}")
    label, forward = int(site[node, rank]), is_from(nearest.direction)
    if label < 0:
        return np.empty(0, np.int32), np.empty(0, np.int64)
    rows = plain(network.start), plain(network.head)
    nodes, edges = walk(*rows, plain(site), plain(edge), int(node), label, forward)
    if nodes[-1] < 0:
        raise ValueError(f"the way of node {node} goes on to a node whose site is not {label}; use k_nearest")
    return (nodes[::-1].copy(), edges[::-1].copy()) if forward else (nodes, edges)


def nearest_ways(
    network: Network, known: KNearest, nodes: ArrayLike, offset_cs: ArrayLike, k: int
) -> list[Way]:
    """Read the k nearest sites of a point and their ways off what is known for every node.

    Parameters
    ----------
    known
        Of the network as it is, closures included, for at least k sites.
    nodes, offset_cs
        The nodes by which the point is reached (or left, where sites are driven to) and the time between.

    Returns
    -------
    list
        In order of time, then of number; fewer than k where fewer sites are in reach.

    Raises
    ------
    ValueError
        More sites are asked for than are known, or as for a point of `Finder.nearest`.
    """
    of_nodes(network, known.centiseconds, known.site)
    if not 1 <= k <= known.site.shape[1]:
        raise ValueError(f"the {known.site.shape[1]} nearest sites are known, {k} are asked for")
    best: dict[int, tuple[int, int, int]] = {}
    points, offsets, _ = seeds_of(network, nodes, offset_cs)
    for node, offset in zip(points.tolist(), offsets.tolist(), strict=True):
        times, sites = known.centiseconds[node].tolist(), known.site[node].tolist()
        for rank, (time, site) in enumerate(zip(times, sites, strict=True)):
            if site >= 0 and time + offset <= limit_of(None):
                best[site] = min(best.get(site, (time + offset, node, rank)), (time + offset, node, rank))
    order = sorted((time, site, node, rank) for site, (time, node, rank) in best.items())
    return [Way(site, time, *path(network, known, node, rank=rank)) for time, site, node, rank in order[:k]]
