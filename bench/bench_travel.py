"""Compare the travel kernels with scipy and networkx on one network: same answers, paired runs, peak memory.

    python bench/bench_travel.py                   # a made-up grid of 100 000 nodes
    python bench/bench_travel.py demo/network      # the network of a workspace

In every repetition all engines run one after the other, so that a busy machine slows them alike; a ratio is
the median over the pairs. Answers are compared before anything is timed. Memory is what a fresh process takes
at its peak beyond the loaded network, the engine's own form of it included. The first call of a kernel, which
compiles it, is not timed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from boai.coverage import travel
from boai.geodata.network import NODE_CELL, Network, from_edges, load_network
from numpy.typing import NDArray

SIDE = 316
SEED = 20240701
ENGINES = ("boai", "scipy", "networkx")


def make_grid(side: int = SIDE) -> Network:
    """Make a square grid with random driving times of 20 to 120 s, different in the two directions."""
    rng = np.random.default_rng(SEED)
    node = np.arange(side * side).reshape(side, side)
    a = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    b = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    tail, head = np.concatenate([a, b]), np.concatenate([b, a])
    n, m = side * side, len(tail)
    start, order = from_edges(tail, head, n)
    row, column = np.divmod(np.arange(n), side)
    return Network(
        lon=114.0 + 0.01 * column,
        lat=25.0 + 0.01 * row,
        kind=np.full(n, NODE_CELL, np.uint8),
        name=np.full(n, ""),
        start=start,
        head=head[order].astype(np.int32),
        centiseconds=rng.integers(2000, 12_001, m).astype(np.int32),
        metres=np.full(m, 1000, np.float32),
        road=np.zeros(m, np.int16),
        roads=("",),
    )


def open_network(folder: str) -> Network:
    """Open the network of a folder, or make the grid where none is named."""
    return load_network(Path(folder)) if folder else make_grid()


def prepare(engine: str, network: Network) -> Any:
    """Bring the network into the engine's own form."""
    if engine == "boai":
        return network
    tail = travel.edge_tails(network)
    if engine == "scipy":
        return _scipy_matrix(network, tail)
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(network.n_nodes))
    order = np.argsort(
        -network.centiseconds, kind="stable"
    )  # the shortest of parallel edges comes last and stays
    edges = zip(
        tail[order].tolist(), network.head[order].tolist(), network.centiseconds[order].tolist(), strict=True
    )
    graph.add_weighted_edges_from(edges)
    return graph


def _scipy_matrix(network: Network, tail: NDArray[np.int32]) -> Any:
    from scipy.sparse import csr_array

    key = tail.astype(np.int64) * network.n_nodes + network.head
    order = np.lexsort((network.centiseconds, key))
    keep = order[np.unique(key[order], return_index=True)[1]]
    times = network.centiseconds[keep].astype(np.float64)
    return csr_array((times, (tail[keep], network.head[keep])), shape=(network.n_nodes, network.n_nodes))


def nearest(engine: str, graph: Any, nodes: NDArray[np.int64], limit: int) -> NDArray[np.float64]:
    """Time from the nearest of the sites to every node, inf where there is none; ``limit`` is not used."""
    del limit
    if engine == "boai":
        found = travel.to_nearest(graph, nodes).centiseconds
        return np.where(found == travel.UNREACHED, np.inf, found)
    if engine == "scipy":
        from scipy.sparse.csgraph import dijkstra

        return np.asarray(dijkstra(graph, indices=nodes, min_only=True))
    import networkx as nx

    times = nx.multi_source_dijkstra_path_length(graph, set(nodes.tolist()))
    return np.array([times.get(node, np.inf) for node in range(len(graph))])


def many(engine: str, graph: Any, nodes: NDArray[np.int64], limit: int) -> tuple[int, int]:
    """All nodes within the limit of each source: (their number, the sum of the times)."""
    if engine == "boai":
        found = travel.within(graph, nodes, within_cs=limit)
        return len(found.node), int(found.centiseconds.sum(dtype=np.int64))
    count = total = 0
    if engine == "scipy":
        from scipy.sparse.csgraph import dijkstra

        for part in np.array_split(nodes, max(1, len(nodes) // 20)):  # its rows are dense: a few at a time
            times = dijkstra(graph, indices=part, limit=limit)
            reached = np.isfinite(times)
            count, total = count + int(reached.sum()), total + int(times[reached].sum())
        return count, total
    import networkx as nx

    for node in nodes.tolist():
        times = nx.single_source_dijkstra_path_length(graph, node, cutoff=limit)
        count, total = count + len(times), total + sum(times.values())
    return count, total


TASKS: dict[str, Callable[..., Any]] = {"nearest": nearest, "many": many}


def peak_mb(folder: str, task: str, engine: str, nodes: NDArray[np.int64], limit: int) -> float:
    """Run a task once in this (fresh) process: megabytes at the peak beyond the loaded network."""
    network = open_network(folder)
    travel.to_nearest(make_grid(3), [0])
    travel.within(make_grid(3), [0], within_cs=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    TASKS[task](engine, prepare(engine, network), nodes, limit)
    unit = 1 if sys.platform == "darwin" else 1024
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit / 1e6


def compare(
    task: str, graphs: dict[str, Any], nodes: NDArray[np.int64], limit: int, repeats: int
) -> dict[str, list[float]]:
    """Check that all engines agree, then time them in turn: seconds per engine and repetition."""
    expected = TASKS[task]("boai", graphs["boai"], nodes, limit)
    for engine in ENGINES[1:]:
        if not np.array_equal(TASKS[task](engine, graphs[engine], nodes, limit), expected):
            raise SystemExit(f"{task}: {engine} gives another answer")
    seconds: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(repeats):
        for engine in ENGINES:
            begin = time.perf_counter()
            TASKS[task](engine, graphs[engine], nodes, limit)
            seconds[engine].append(time.perf_counter() - begin)
    return seconds


def peaks(folder: str, task: str, nodes: NDArray[np.int64], limit: int) -> dict[str, float]:
    """Measure the memory of every engine, each in a process of its own."""
    found = {}
    for engine in ENGINES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found[engine] = pool.apply(peak_mb, (folder, task, engine, nodes, limit))
    return found


def report(title: str, seconds: dict[str, list[float]], memory: dict[str, float]) -> None:
    """Print the rows of one task."""
    for engine in ENGINES:
        ratio = median(b / a for a, b in zip(seconds["boai"], seconds[engine], strict=True))
        time_ms = median(seconds[engine]) * 1000
        print(f"{title:14} {engine:9} {time_ms:10.1f} ms {ratio:8.1f} x {memory[engine]:8.0f} MB")


def main() -> None:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", nargs="?", default="", help="folder of a saved network")
    parser.add_argument("--sites", type=int, default=50)
    parser.add_argument("--sources", type=int, default=100)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    network = open_network(options.network)
    limit = options.minutes * 6000
    rng = np.random.default_rng(SEED)
    cases = {
        "nearest": rng.integers(0, network.n_nodes, options.sites),
        "many": rng.integers(0, network.n_nodes, options.sources),
    }
    print(f"{options.network or 'made-up grid'}: {network.n_nodes} nodes, {network.n_edges} edges")
    # Memory first: a process starts with the peak of the one that started it, which is still small here.
    memory = {task: peaks(options.network, task, nodes, limit) for task, nodes in cases.items()}
    graphs = {}
    for engine in ENGINES:
        begin = time.perf_counter()
        graphs[engine] = prepare(engine, network)
        print(f"prepare {engine}: {(time.perf_counter() - begin) * 1000:.0f} ms")
    print(f"{'task':14} {'engine':9} {'median':>13} {'of boai':>10} {'peak':>11}")
    for task, nodes in cases.items():
        seconds = compare(task, graphs, nodes, limit, options.repeats)
        report(f"{task} ({len(nodes)})", seconds, memory[task])


if __name__ == "__main__":
    main()
