"""One search per source, many at a time: all nodes within a limit, and whole trees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...geodata.network import Network
from .arrays import lay_out
from .inputs import arcs_of, limit_of, seeds_of, shift_of
from .kernels import Work, reach_many, tree
from .queue import UNREACHED, Array
from .results import Within

_MOST_AT_A_TIME = 64
_BATCHES_PER_THREAD = 4

_Part = tuple[Array, tuple[Array, Array, Array]]
"""Sources, and what was found: entries per source, nodes, times."""


def within(
    network: Network,
    nodes: ArrayLike,
    *,
    within_cs: int,
    offset_cs: ArrayLike | None = None,
    group: ArrayLike | None = None,
    n_groups: int | None = None,
    direction: str = "from",
    threads: int | None = None,
) -> Within:
    """Find for every source all nodes within a limit (many-to-many).

    Parameters
    ----------
    network, offset_cs, direction
        As in `to_nearest`.
    nodes
        (s,) nodes of the sources.
    within_cs
        The limit, inclusive.
    group
        (s,) source that each node is part of, ascending from 0, where a source has several nodes; one that
        does not occur reaches nothing. By default each node is a source.
    n_groups
        Number of sources with ``group``; by default the last of them ends the list.
    threads
        Searches at a time; by default one per processor. The result does not depend on it.

    Notes
    -----
    Sources near each other are searched one after the other, because they read the same part of the network.
    """
    limit, arcs = limit_of(within_cs), arcs_of(network, direction)
    node, offset, source = _sources(network, nodes, offset_cs, group)
    count = n_groups if n_groups is not None else int(source.max(initial=-1)) + 1
    if len(source) and source[-1] >= count:
        raise ValueError(f"group {source[-1]} is not below n_groups {count}")
    first = np.searchsorted(source, np.arange(count + 1))
    order = _along_the_curve(node, first)
    workers = _workers(threads, len(order))
    shift = shift_of(network.centiseconds)

    def search(own: Array, work: Work) -> _Part:
        seeds, starts = _gathered(node, offset, first, own)
        return own, reach_many(arcs, seeds, starts, limit, shift, work)

    n, widest = network.n_nodes, int(np.diff(arcs[0]).max(initial=0))

    def new_work() -> Work:
        return np.full(n, UNREACHED, np.int32), np.empty(n + 1, np.int32), np.empty(widest, np.int64)

    size = max(1, min(_MOST_AT_A_TIME, len(order) // (workers * _BATCHES_PER_THREAD)))
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    return _assembled(_in_threads(batches, search, new_work, workers), count, workers)


def trees(
    network: Network,
    nodes: ArrayLike,
    *,
    offset_cs: ArrayLike | None = None,
    within_cs: int | None = None,
    direction: str = "from",
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Find the time between each of s nodes and every node: (s, n) centiseconds, ``UNREACHED`` beyond.

    The parameters are those of `within`.
    """
    limit, arcs = limit_of(within_cs), arcs_of(network, direction)
    node, offset, _ = seeds_of(network, nodes, offset_cs)
    times = np.full((len(node), network.n_nodes), UNREACHED, np.int32)
    shift = shift_of(network.centiseconds)

    def search(i: int, _: None) -> None:
        tree(arcs, (node[i : i + 1], offset[i : i + 1]), limit, shift, times[i])

    _in_threads(list(range(len(node))), search, lambda: None, _workers(threads, len(node)))
    return times


def _sources(
    network: Network, nodes: ArrayLike, offset_cs: ArrayLike | None, group: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Check the seeds: (node, offset, source), sources ascending."""
    node, offset, source = seeds_of(network, nodes, offset_cs, group)
    if (np.diff(source) < 0).any():
        raise ValueError("groups must be ascending")
    return node, offset, source


def _along_the_curve(node: Array, first: Array) -> Array:
    """Order the sources that have nodes by the first of these: nodes are numbered along a curve."""
    some = np.flatnonzero(np.diff(first))
    return some[np.argsort(node[first[some]], kind="stable")]


def _gathered(node: Array, offset: Array, first: Array, own: Array) -> tuple[tuple[Array, Array], Array]:
    """Gather the seeds of some sources: ((nodes, offsets), first seed of each)."""
    length = first[own + 1] - first[own]
    starts = np.concatenate([[0], np.cumsum(length)])
    at = np.repeat(first[own] - starts[:-1], length) + np.arange(starts[-1])
    return (node[at], offset[at]), starts


def _workers(threads: int | None, jobs: int) -> int:
    return max(1, min(threads or os.cpu_count() or 1, jobs))


def _in_threads(
    jobs: list[Any], search: Callable[[Any, Any], Any], new_work: Callable[[], Any], workers: int
) -> list[Any]:
    """Do all jobs, each thread with its own work arrays and the next job that is left."""
    left = iter(jobs)

    def work_off() -> list[Any]:
        work = new_work()
        return [search(job, work) for job in _next_of(left)]

    if workers == 1:
        return work_off()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work_off) for _ in range(workers)]
        return [result for future in futures for result in future.result()]


def _next_of(left: Iterator[Any]) -> Iterator[Any]:
    """Draw from an iterator that other threads draw from, too: ``next`` on a list's is one step."""
    nothing = object()
    while (job := next(left, nothing)) is not nothing:
        yield job


def _assembled(parts: list[_Part], count: int, workers: int) -> Within:
    """Put what the batches found in the order of the sources."""
    lengths = np.zeros(count, np.int64)
    for own, (length, _, _) in parts:
        lengths[own] = length
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    node, time = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.int32)

    def put(part: _Part, _: None) -> None:
        lay_out(part[1], part[0], indptr, node, time)

    _in_threads(parts, put, lambda: None, workers)
    return Within(indptr, node, time)
