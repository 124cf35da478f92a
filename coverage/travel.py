"""Shortest travel times on the arrays of a Network: exact, in integer centiseconds.

Relief drives from the site to the residents, so every search starts at sites and follows the edges forward.
A limit is inclusive: a node that is reached in exactly the limit is within it.

The queue is a ring of buckets (Dial 1969, *Communications of the ACM* 12:632; Denardo and Fox 1979,
*Operations Research* 27:161) whose width is a power of two; inside a bucket labels are corrected until they
stand, so the result is exact for any width. The buckets are doubly linked lists over the nodes: a node is in
one bucket at most, and the memory is a few arrays of n. The kernels are compiled by numba at their first
call, kept on disk, and release the GIL.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geodata.network import Network

Nodes = NDArray[np.int32]
Centiseconds = NDArray[np.int32]
_Array = NDArray[Any]
_Arrays = tuple[_Array, _Array, _Array]

UNREACHED = np.iinfo(np.int32).max
"""Centiseconds of a node that nothing reaches."""

_OUT = -2  # in ``before``: the node is in no bucket
_FIRST = -1  # in ``before``: the node is the first of its bucket
_MOST_BUCKETS = 1 << 20

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Nearest:
    """For every node of a network the nearest of many sites; between equally near ones the first."""

    centiseconds: Centiseconds
    """(n,) time from the site to the node, the site's offset included; ``UNREACHED`` where there is none."""
    site: NDArray[np.int32]
    """(n,) position of the site, -1 where there is none."""
    edge: NDArray[np.int64]
    """(n,) edge by which the shortest way comes in; -1 at the site's node and where there is none."""


@dataclass(frozen=True)
class Within:
    """All nodes within a limit of each of s sources: those of source i are ``indptr[i]:indptr[i + 1]``."""

    indptr: NDArray[np.int64]
    """(s + 1,) first entry of each source."""
    node: Nodes
    """(entries,) the nodes in reach, each once per source, in no particular order."""
    centiseconds: Centiseconds
    """(entries,) time from the source to the node, the source's offset included."""


def to_nearest(
    network: Network, sites: ArrayLike, *, offset_cs: ArrayLike | None = None, within_cs: int | None = None
) -> Nearest:
    """Find the nearest site of every node in one pass.

    Parameters
    ----------
    network
        Times of all edges at least 1 centisecond.
    sites
        (s,) nodes of the sites; several may share a node.
    offset_cs
        (s,) time added at each site, such as its way to the node or its readiness; at least 0. Default 0.
    within_cs
        The longest time to look for, inclusive. Default any.

    Raises
    ------
    ValueError
        A site lies outside the network, or an offset, limit or edge time is not positive.
    """
    seeds, offsets = _seeds(network, sites, offset_cs)
    labels = np.arange(len(seeds), dtype=np.int32)
    barred = np.full(network.n_nodes, -1, np.int32)
    found = _spread(
        _rows(network), (seeds, offsets, labels), barred, _limit(within_cs), _ring(network, offsets)
    )
    return Nearest(*found)


def to_second_nearest(
    network: Network,
    sites: ArrayLike,
    first: Nearest,
    *,
    offset_cs: ArrayLike | None = None,
    within_cs: int | None = None,
) -> Nearest:
    """Find the second nearest site of every node, given the nearest.

    The second label of v comes in along an edge (u, v) as the first label of u where that is not v's own,
    else as the second label of u. So the first labels seed one more pass, in which no node takes its own
    first label again. ``edge`` is -1 where the way comes out of another site's area. The parameters are those
    of `to_nearest`.
    """
    nodes, offsets = _seeds(network, sites, offset_cs)
    limit, tail = _limit(within_cs), edge_tails(network)
    label = first.site[tail]
    over = np.flatnonzero((label >= 0) & (label != first.site[network.head]))
    time = first.centiseconds[tail[over]].astype(np.int64) + network.centiseconds[over]
    over, time = over[time <= limit], time[time <= limit]
    other = np.flatnonzero(first.site[nodes] != np.arange(len(nodes)))
    seeds = (
        np.concatenate([nodes[other], network.head[over]]).astype(np.int32),
        np.concatenate([offsets[other], time]).astype(np.int32),
        np.concatenate([other, label[over]]).astype(np.int32),
    )
    return Nearest(*_spread(_rows(network), seeds, first.site, limit, _ring(network, seeds[1])))


def within(
    network: Network,
    sources: ArrayLike,
    *,
    within_cs: int,
    offset_cs: ArrayLike | None = None,
    threads: int | None = None,
) -> Within:
    """Find for every source all nodes within a limit (many-to-many).

    Parameters
    ----------
    network, sources, offset_cs
        As in `to_nearest`.
    within_cs
        The limit, inclusive.
    threads
        Searches at a time; by default one per processor. The result does not depend on it.
    """
    nodes, offsets = _seeds(network, sources, offset_cs)
    rows, limit, ring = _rows(network), _limit(within_cs), _ring(network, offsets)
    count = max(1, min(threads or os.cpu_count() or 1, len(nodes)))
    edges = np.linspace(0, len(nodes), count + 1).astype(int)

    def search(first: int, last: int) -> _Arrays:
        return _bounded(rows, (nodes[first:last], offsets[first:last]), limit, ring)

    with ThreadPoolExecutor(count) as pool:
        parts = list(pool.map(search, edges[:-1], edges[1:]))
    lengths = np.concatenate([part[0] for part in parts])
    node, time = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    return Within(np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]), node, time)


def path(network: Network, nearest: Nearest, node: int) -> tuple[Nodes, NDArray[np.int64]]:
    """Follow the shortest way from the nearest site to a node: its nodes and the edges between, in order.

    Both are empty where no site reaches the node.
    """
    if nearest.site[node] < 0:
        return np.empty(0, np.int32), np.empty(0, np.int64)
    nodes, edges = [int(node)], []
    while (edge := int(nearest.edge[nodes[-1]])) >= 0:
        edges.append(edge)
        nodes.append(int(np.searchsorted(network.start, edge, side="right")) - 1)
    return np.array(nodes[::-1], np.int32), np.array(edges[::-1], np.int64)


def edge_tails(network: Network) -> Nodes:
    """Return the (m,) node from which each edge leaves."""
    return np.repeat(np.arange(network.n_nodes, dtype=np.int32), np.diff(network.start))


def _seeds(network: Network, sites: ArrayLike, offset_cs: ArrayLike | None) -> tuple[Nodes, Centiseconds]:
    nodes = np.asarray(sites, np.int64).reshape(-1)
    offsets = np.zeros(len(nodes), np.int64) if offset_cs is None else np.asarray(offset_cs, np.int64)
    if len(nodes) and not (nodes.min() >= 0 and nodes.max() < network.n_nodes):
        raise ValueError(f"a site lies outside the {network.n_nodes} nodes of the network")
    if offsets.shape != nodes.shape or (
        len(nodes) and not (offsets.min() >= 0 and offsets.max() < UNREACHED)
    ):
        raise ValueError("offsets must be one per site, 0 or more centiseconds")
    return nodes.astype(np.int32), offsets.astype(np.int32)


def _limit(within_cs: int | None) -> int:
    if within_cs is None:
        return int(UNREACHED) - 1
    if within_cs < 0:
        raise ValueError(f"the limit must be 0 or more centiseconds, got {within_cs}")
    return min(int(within_cs), int(UNREACHED) - 1)


def _ring(network: Network, seed_time: Centiseconds) -> tuple[int, int]:
    """Choose the buckets: (log2 of their width in centiseconds, number - 1 as a bit mask).

    An eighth to a quarter of the mean edge time: on grids and on the approximate network every width from
    1/32 to 1/2 took the same time within 5 %. The ring spans all times that are in the queue at once, so that
    they come up in order; the result would be exact without.
    """
    times = network.centiseconds
    if not len(times):
        return 0, _mask(seed_time.max(initial=0))
    if times.min() < 1:
        raise ValueError("every edge of the network must take at least 1 centisecond")
    spread = int(max(times.max(), seed_time.max(initial=0)))
    shift = max(0, int(np.log2(times.mean())) - 2)
    while (spread >> shift) + 2 > _MOST_BUCKETS:
        shift += 1
    return shift, _mask(spread >> shift)


def _mask(last: int) -> int:
    """Give the smallest 2^k - 1 that holds two buckets more than ``last``."""
    return int((1 << (int(last) + 2).bit_length()) - 1)


def _rows(network: Network) -> _Arrays:
    """Give the rows as plain read-only views, so that memory maps and arrays share one compiled kernel."""
    return _plain(network.start), _plain(network.head), _plain(network.centiseconds)


def _plain(array: _Array) -> _Array:
    view = np.ascontiguousarray(array).view(np.ndarray)[:]
    view.flags.writeable = False
    return view


def _compiled(function: _Function) -> _Function:
    """Compile at the first call; kept on disk where numba finds a folder that it may write to."""
    try:
        return cast(_Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # a read-only installation and no home: compile in every process
        return cast(_Function, numba.njit(nogil=True)(function))


def _inlined(function: _Function) -> _Function:
    """Compile into the callers: a third faster than calls."""
    return cast(_Function, numba.njit(inline="always")(function))


@_inlined
def _link(node: int, bucket: int, lists: _Arrays) -> None:
    """Put a node at the head of a bucket; ``lists`` is (first of each bucket, node after, node before)."""
    first, after, before = lists
    top = first[bucket]
    after[node], before[node] = top, _FIRST
    if top >= 0:
        before[top] = node
    first[bucket] = node


@_inlined
def _unlink(node: int, bucket: int, lists: _Arrays) -> None:
    """Take a node out of its bucket."""
    first, after, before = lists
    left, right = before[node], after[node]
    if left >= 0:
        after[left] = right
    else:
        first[bucket] = right
    if right >= 0:
        before[right] = left
    before[node] = _OUT


@_inlined
def _queue(node: int, old: int, new: int, lists: _Arrays) -> int:
    """Queue a node in bucket ``new``, out of ``old`` where it is queued; return how many more are queued."""
    if lists[2][node] == _OUT:
        _link(node, new, lists)
        return 1
    if old != new:
        _unlink(node, old, lists)
        _link(node, new, lists)
    return 0


@_compiled
def _empty_lists(n_nodes: int, mask: int) -> _Arrays:
    return (
        np.full(mask + 1, -1, np.int32),
        np.empty(n_nodes, np.int32),
        np.full(n_nodes, _OUT, np.int32),
    )


@_compiled
def _spread(rows: _Arrays, seeds: _Arrays, barred: _Array, limit: int, ring: tuple[int, int]) -> _Arrays:
    """Spread seeds (node, time, label) over the network: the least (time, label) of every node and its edge.

    A node never takes the label that it is barred from. Any better pair queues its node (again), so ties
    settle at the lowest label in whatever order a bucket is worked off.
    """
    (start, head, cost), (shift, mask), n = rows, ring, len(rows[0]) - 1
    time, label, edge = np.full(n, UNREACHED, np.int32), np.full(n, -1, np.int32), np.full(n, -1, np.int64)
    lists, queued, bucket = _empty_lists(n, mask), 0, 0
    for i in range(len(seeds[0])):
        u, t, mark = seeds[0][i], seeds[1][i], seeds[2][i]
        better = t < time[u] or (t == time[u] and mark < label[u])
        if better and t <= limit and mark != barred[u]:
            queued += _queue(u, (time[u] >> shift) & mask, (t >> shift) & mask, lists)
            time[u], label[u] = t, mark
    while queued > 0:
        v = lists[0][bucket]
        if v < 0:
            bucket = (bucket + 1) & mask
            continue
        _unlink(v, bucket, lists)
        queued -= 1
        for e in range(start[v], start[v + 1]):
            u, t = head[e], time[v] + cost[e]
            better = t < time[u] or (t == time[u] and label[v] < label[u])
            if better and t <= limit and label[v] != barred[u]:
                queued += _queue(u, (time[u] >> shift) & mask, (t >> shift) & mask, lists)
                time[u], label[u], edge[u] = t, label[v], e
    return time, label, edge


@_compiled
def _search(
    rows: _Arrays,
    source: tuple[int, int],
    limit: int,
    ring: tuple[int, int],
    work: tuple[_Array, _Array, _Arrays],
) -> int:
    """Search from one source (node, offset) into (time, touched) of ``work``; return how many it touched."""
    (start, head, cost), (shift, mask), (time, touched, lists), (v, offset) = rows, ring, work, source
    time[v], touched[0], count = offset, v, 1
    bucket, queued = (offset >> shift) & mask, 1
    _link(v, bucket, lists)
    while queued > 0:
        v = lists[0][bucket]
        if v < 0:
            bucket = (bucket + 1) & mask
            continue
        _unlink(v, bucket, lists)
        queued -= 1
        for e in range(start[v], start[v + 1]):
            u, t = head[e], time[v] + cost[e]
            if t < time[u] and t <= limit:
                if time[u] == UNREACHED:
                    touched[count] = u
                    count += 1
                queued += _queue(u, (time[u] >> shift) & mask, (t >> shift) & mask, lists)
                time[u] = t
    return count


@_compiled
def _bounded(rows: _Arrays, sources: tuple[_Array, _Array], limit: int, ring: tuple[int, int]) -> _Arrays:
    """Search from each source (node, offset) up to the limit: (nodes per source, nodes, times)."""
    n = len(rows[0]) - 1
    time, touched = np.full(n, UNREACHED, np.int32), np.empty(n, np.int32)
    work = (time, touched, _empty_lists(n, ring[1]))
    lengths, used = np.zeros(len(sources[0]), np.int64), 0
    nodes, times = np.empty(1024, np.int32), np.empty(1024, np.int32)
    for i in range(len(lengths)):
        if sources[1][i] > limit:
            continue
        count = _search(rows, (sources[0][i], sources[1][i]), limit, ring, work)
        if used + count > len(nodes):
            size = max(2 * len(nodes), used + count)
            nodes, times = _grown(nodes, used, size), _grown(times, used, size)
        for j in range(count):
            nodes[used + j], times[used + j] = touched[j], time[touched[j]]
            time[touched[j]] = UNREACHED
        used += count
        lengths[i] = count
    return lengths, nodes[:used].copy(), times[:used].copy()


@_compiled
def _grown(array: _Array, used: int, size: int) -> _Array:
    """Copy an array into a longer one."""
    longer = np.empty(size, array.dtype)
    longer[:used] = array[:used]
    return longer
