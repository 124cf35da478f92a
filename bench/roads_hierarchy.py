"""The hierarchy on a province: preparation (beside METIS), times under closures, and every kind of question.

    python bench/roads_hierarchy.py                      # 1.5 M nodes
    python bench/roads_hierarchy.py --folded             # the same with chains folded
    python bench/roads_hierarchy.py --no-networkx        # without the peer that takes a minute and 2 GB
    python bench/roads_hierarchy.py --file extract.osm.pbf

CPU seconds of this process, the least of several. Every answer is compared with that of the bucket queue
before it is timed. The first call of a kernel, which compiles it, is not timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import roads_graph
from boai.coverage import hierarchy as ch
from boai.coverage import travel
from boai.coverage.hierarchy import order as orders
from boai.coverage.hierarchy import topology
from boai.coverage.hierarchy.lanes import LANES
from boai.geodata.network import CLASSES, CLOSED, Network, edge_tails, load_network, save_network
from numpy.typing import NDArray

SITES, QUESTIONS, SEED = 120, 1000, 20240701
OURS, THEIRS = 7, 2
"""Repetitions."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    job: str
    engine: str
    cpu_s: float
    ratio: float = 1.0
    """Time of this engine as a multiple of the hierarchy's."""
    note: str = ""


def rows(network: Network, sites: NDArray[Any] | None = None, *, with_networkx: bool = True) -> Iterator[Row]:
    """Measure everything on one network."""
    chosen = (
        np.random.default_rng(SEED).choice(network.n_nodes, SITES, replace=False) if sites is None else sites
    )
    small = ch.prepare(roads_graph.province(2_000))
    ch.customize(small, roads_graph.province(2_000))  # compiled before anything is timed
    began, order = time.process_time(), ch.prepare(network)
    seconds = time.process_time() - began
    yield Row("prepare", "boai", seconds, note=f"{_facts(order)}; {_megabytes(order):.0f} MB")
    made = ch.customize(order, network)
    yield from _metis(network, made, seconds, chosen)
    yield from _customizing(made)
    peer = _networkx(network) if with_networkx else None
    yield from _to_nearest(made, chosen, peer)
    yield from _trees(made, chosen, peer)
    del peer
    yield from _ranks(made, chosen)
    yield from _questions(made, chosen)
    yield from _opening(made)
    yield Row(
        "memory",
        "boai",
        np.nan,
        note=f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB, all peers included",
    )


def cpu(work: Callable[[], Any], times: int = OURS) -> float:
    """Run once to warm up, then some times; give the least CPU seconds."""
    work()
    best = np.inf
    for _ in range(times):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def _facts(order: ch.Order) -> str:
    return f"{order.n_arcs:,} arcs, {order.triangles / 1e6:.1f} M triangles, height {order.height}"


def _megabytes(holder: Any) -> float:
    return sum(array.nbytes for array in vars(holder).values() if isinstance(array, np.ndarray)) / 1e6


def _metis(network: Network, made: ch.Hierarchy, seconds: float, sites: NDArray[Any]) -> Iterator[Row]:
    """Compare with the order of METIS, on the same core, where pymetis is there."""
    if importlib.util.find_spec("pymetis") is None:
        return
    import pymetis

    began = time.process_time()
    graph = topology.undirected(np.asarray(network.start), np.asarray(network.head))
    peeled, core, (first, other) = topology.peel(*graph)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dissected = np.asarray(pymetis.nested_dissection(xadj=first, adjncy=other)[0])
    order = orders.ordered_by(
        network, np.concatenate([peeled, core[dissected]]).astype(np.int32), graph=graph
    )
    taken = time.process_time() - began
    yield Row("prepare", "METIS node_nd", taken, taken / seconds, _facts(order))
    theirs = ch.customize(order, network)
    found = ch.to_nearest(theirs, sites)
    _same(found.centiseconds, ch.to_nearest(made, sites).centiseconds)
    for job, work in (
        ("customize", lambda held: ch.customize(held.order, network, threads=1)),
        ("to the nearest of 120 sites", lambda held: ch.to_nearest(held, sites)),
    ):
        own, their = cpu(lambda work=work: work(made), 3), cpu(lambda work=work: work(theirs), 3)
        yield Row(job, "boai with METIS's order", their, their / own)


def _customizing(made: ch.Hierarchy) -> Iterator[Row]:
    """Times for the whole network, and again with major roads closed."""
    order, network = made.order, made.network
    whole = cpu(lambda: ch.customize(order, network, threads=1), 3)
    note = f"{2 * order.triangles / whole / 1e6:.0f} M relaxations/s, {_megabytes(made):.0f} MB more"
    yield Row("customize", "boai", whole, note=note)
    began = time.perf_counter()
    ch.customize(order, network, threads=2)
    yield Row("customize", "boai, 2 threads, by the clock", time.perf_counter() - began)
    major = np.flatnonzero(
        np.isin(network.road_class, [CLASSES.index(name) for name in ("motorway", "trunk")])
    )
    for count in (1, 10, 1000):
        times = np.array(network.centiseconds)
        times[np.random.default_rng(SEED).choice(major, min(count, len(major)), replace=False)] = CLOSED
        now = replace(network, centiseconds=times)
        again = ch.recustomize(made, now)
        fresh = ch.customize(order, now)
        _same(again.up, fresh.up)
        _same(again.down, fresh.down)
        taken = cpu(lambda now=now: ch.recustomize(made, now), 3)
        yield Row(
            f"customize again, {count} major edges closed",
            "boai",
            taken,
            note=f"{taken / whole:.2f} of the whole",
        )


def _to_nearest(made: ch.Hierarchy, sites: NDArray[Any], peer: Any) -> Iterator[Row]:
    """Every node's nearest of 120 sites, in both directions."""
    network, job = made.network, "to the nearest of 120 sites"
    for direction in ("from", "to"):
        want, found = (
            travel.to_nearest(network, sites, direction=direction),
            ch.to_nearest(made, sites, direction=direction),
        )
        _same(found.centiseconds, want.centiseconds)
        _same(found.site, want.site)
    own = cpu(lambda: ch.to_nearest(made, sites))
    n, a = made.order.n_nodes, made.order.n_arcs
    floor = (6 * a + (4 + made.order.depth.itemsize + 4) * n + 8 * n) / _bandwidth()
    yield Row(
        job,
        "boai",
        own,
        note=f"floor {floor * 1e3:.1f} ms: depth and time of each arc, 10 bytes of a node, 8 written",
    )
    taken = cpu(lambda: ch.to_nearest(made, sites, direction="to"))
    yield Row(f"{job}, driven towards", "boai", taken)
    taken = cpu(lambda: ch.with_edges(made, found, sites))
    yield Row(
        f"{job}: edges, too", "boai", own + taken, note=f"one pass over the network, {taken * 1e3:.1f} ms"
    )
    taken = cpu(lambda: travel.to_nearest(network, sites), 3)
    yield Row(job, "boai, bucket queue", taken, taken / own)
    if peer is not None:
        taken = cpu(lambda: peer.to_nearest(sites), THEIRS)
        yield Row(job, "networkx", taken, taken / own)


def _trees(made: ch.Hierarchy, sites: NDArray[Any], peer: Any) -> Iterator[Row]:
    """Full trees in lanes."""
    network, sources, job = made.network, sites[: 2 * LANES], "one full tree"
    found = ch.trees(made, sources, threads=1)
    for i in (0, len(sources) - 1):
        _same(found[i], travel.trees(network, sources[[i]])[0])
    own = cpu(lambda: ch.trees(made, sources, threads=1)) / len(sources)
    n, a = made.order.n_nodes, made.order.n_arcs
    floor = (6 * a + 10 * n) / LANES / _bandwidth() + 4 * n / _bandwidth()
    yield Row(
        job,
        f"boai, {LANES} lanes",
        own,
        note=f"floor {floor * 1e3:.2f} ms; {a / own / 1e6:,.0f} M relaxations/s",
    )
    taken = cpu(lambda: travel.trees(network, sources[:1], threads=1), 3)
    yield Row(job, "boai, bucket queue", taken, taken / own)
    if peer is not None:
        taken = cpu(lambda: peer.to_nearest(sources[:1]), 1)
        yield Row(job, "networkx", taken, taken / own)


def _ranks(made: ch.Hierarchy, sites: NDArray[Any]) -> Iterator[Row]:
    """The three nearest sites of all nodes."""
    want, found = travel.k_nearest(made.network, sites, 3), ch.k_nearest(made, sites, 3)
    _same(found.centiseconds, want.centiseconds)
    _same(found.site, want.site)
    yield Row("3 nearest of all nodes", "boai", cpu(lambda: ch.k_nearest(made, sites, 3), 3))


def _questions(made: ch.Hierarchy, sites: NDArray[Any]) -> Iterator[Row]:
    """Single questions, one at a time as a program would ask them."""
    rng = np.random.default_rng(SEED + 2)
    points, targets = rng.integers(0, made.order.n_nodes, (2, QUESTIONS))
    placed = ch.place_sites(made, sites, 3)
    yield Row("place 120 sites", "boai", cpu(lambda: ch.place_sites(made, sites, 3), 3))
    found, tails = ch.nearest_of(placed, points), edge_tails(made.network)
    for i in range(100):
        for way, time_cs in zip(
            ch.ways_of(placed, int(points[i])), found.centiseconds[i].tolist(), strict=True
        ):
            assert made.network.centiseconds[way.edges].sum() == way.centiseconds == time_cs
            assert tails[way.edges].tolist() == way.nodes[:-1].tolist()
    yield _quantiles("3 nearest, one question", lambda v, _: ch.nearest_of(placed, [v]), points, targets)
    yield _quantiles("3 nearest with ways, one question", lambda v, _: ch.ways_of(placed, v), points, targets)
    each = cpu(lambda: ch.nearest_of(placed, points), 3) / QUESTIONS
    yield Row("3 nearest, 1 000 questions at once, each", "boai", each)
    each = cpu(lambda: ch.distance(made, points, targets), 3) / QUESTIONS
    yield Row("time between two nodes, 1 000 pairs at once, each", "boai", each)
    yield _quantiles("route between two nodes", lambda v, u: ch.path(made, v, u), points, targets)


def _quantiles(job: str, ask: Callable[[int, int], Any], points: NDArray[Any], targets: NDArray[Any]) -> Row:
    seconds = []
    ask(int(points[0]), int(targets[0]))
    for v, u in zip(points.tolist(), targets.tolist(), strict=True):
        began = time.thread_time()
        ask(v, u)
        seconds.append(time.thread_time() - began)
    return Row(job, "boai", float(np.median(seconds)), note=f"p99 {np.percentile(seconds, 99) * 1e3:.3f} ms")


def _opening(made: ch.Hierarchy) -> Iterator[Row]:
    """Saved beside its network and opened again."""
    with tempfile.TemporaryDirectory() as temporary:
        save_network(made.network, Path(temporary) / "network")
        network = load_network(Path(temporary) / "network", verify=False)
        began = time.process_time()
        ch.save(replace(made, network=network), Path(temporary) / "fast")
        yield Row("save", "boai", time.process_time() - began)
        yield Row("open", "boai", cpu(lambda: ch.load(Path(temporary) / "fast", network, verify=False)))
        taken = cpu(lambda: ch.load(Path(temporary) / "fast", network), 3)
        yield Row("open, every byte checked", "boai", taken)


class _networkx:  # noqa: N801
    """The network as a graph of networkx: times of parallel edges at their least."""

    def __init__(self, network: Network) -> None:
        import networkx as nx

        order = np.argsort(-np.asarray(network.centiseconds), kind="stable")
        order = order[network.centiseconds[order] >= 0]
        ends = (edge_tails(network)[order], network.head[order], network.centiseconds[order])
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(range(network.n_nodes))
        self.graph.add_weighted_edges_from(zip(*(part.tolist() for part in ends), strict=True))

    def to_nearest(self, sites: NDArray[Any]) -> Any:
        """Time to the nearest of the sites, by node."""
        import networkx as nx

        return nx.multi_source_dijkstra_path_length(self.graph, set(sites.tolist()))


def _bandwidth() -> float:
    """Measure bytes per second of a copy, read and written bytes counted."""
    source = np.ones(1 << 25)
    target = np.empty_like(source)
    return 2 * source.nbytes / cpu(lambda: np.copyto(target, source), 5)


def _same(found: NDArray[Any], want: NDArray[Any]) -> None:
    if not np.array_equal(found, want):
        raise SystemExit("the answers differ")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=roads_graph.NODES)
    parser.add_argument("--folded", action="store_true")
    parser.add_argument("--no-networkx", action="store_true")
    parser.add_argument("--file", help="an OpenStreetMap file instead")
    chosen = parser.parse_args()
    if chosen.file:
        from boai.geodata.roads import read_osm

        network = read_osm(Path(chosen.file), mode="drive")
    else:
        network = (roads_graph.folded_province if chosen.folded else roads_graph.province)(chosen.nodes)
    print(f"{network.n_nodes:,} nodes, {network.n_edges:,} directed edges")
    for row in rows(network, with_networkx=not chosen.no_networkx):
        figure = "" if np.isnan(row.cpu_s) else f"{row.cpu_s * 1e3:12.3f} ms{row.ratio:9.2f} ×"
        print(f"{row.job:52}{row.engine:30}{figure:26}  {row.note}", flush=True)


if __name__ == "__main__":
    main()
