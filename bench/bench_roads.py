"""Travel times on a province of 1.5 M nodes: ours and the peers' in one run, against the goals.

    python bench/bench_roads.py                       # everything but the slowest peers, some minutes
    python bench/bench_roads.py --only nearest,tree   # some jobs
    python bench/bench_roads.py --no-peers --nodes 200000
    python bench/bench_roads.py --all                 # pandana, too (its graph takes a minute)

CPU seconds of one process; the engines run in turn, the best of several counts, ours oftener than theirs. A
peer's answer is compared with ours before its time is shown; making its graph is not in its time. The ratio
is that to networkx, as in the goals. Memory is what our job takes at its peak in a fresh process, beyond the
opened network. The first call of a kernel, which compiles it, is not timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import roads_graph
import roads_peers
from boai.coverage import travel
from boai.geodata.network import CLASSES, CLOSED, Network, load_network
from numpy.typing import NDArray
from roads_peers import LIMIT_CS, Peer

SITES, SOURCES, QUESTIONS, SEED = 120, 1000, 1000, 20240701
OURS, THEIRS = 7, 2
"""Repetitions."""
_FEW = 10
"""Sources that networkx and scipy search of the 1 000; their rate is shown."""


@dataclass
class World:
    """The network, what is asked, and the peers."""

    nodes: int
    folded: bool = False
    peers: list[Peer] = field(default_factory=list)

    @cached_property
    def network(self) -> Network:
        make = roads_graph.folded_province if self.folded else roads_graph.province
        return make(self.nodes)

    @cached_property
    def sites(self) -> NDArray[Any]:
        return np.random.default_rng(SEED).choice(self.network.n_nodes, SITES, replace=False)

    @cached_property
    def sources(self) -> NDArray[Any]:
        return np.random.default_rng(SEED + 1).integers(0, self.network.n_nodes, SOURCES)

    @cached_property
    def points(self) -> list[int]:
        found = np.random.default_rng(SEED + 2).integers(0, self.network.n_nodes, QUESTIONS)
        return [int(node) for node in found]

    @cached_property
    def ranks(self) -> travel.KNearest:
        return travel.k_nearest(self.network, self.sites, 3)

    def closing(self, count: int, seed: int = 0) -> tuple[Network, NDArray[Any]]:
        """Close random edges of expressways and trunk roads: (the network of then, the edges)."""
        classes = [CLASSES.index(name) for name in ("motorway", "trunk")]
        major = np.flatnonzero(np.isin(self.network.road_class, classes))
        edges = np.sort(np.random.default_rng(SEED + seed).choice(major, count, replace=False))
        times = np.array(self.network.centiseconds)
        times[edges] = CLOSED
        return replace(self.network, centiseconds=times), edges


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    job: str
    engine: str
    figure: str
    ratio: float = np.nan
    """How many times as fast as networkx."""
    goal: str = ""
    met: bool | None = None
    note: str = ""


def cpu(work: Callable[[], Any], times: int = 1) -> float:
    """Run some times and give the least CPU seconds."""
    best = np.inf
    for _ in range(times):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    return best


def wall(work: Callable[[], Any], times: int = 1) -> float:
    """Run some times and give the least seconds by the clock."""
    best = np.inf
    for _ in range(times):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return best


def paired(
    ours: Callable[[], Any], theirs: dict[str, Callable[[], Any]], times: int = OURS
) -> dict[str, float]:
    """Run all in turn and give the least CPU seconds of each; ours also between the others."""
    best = dict.fromkeys(["boai", *theirs], np.inf)
    for turn in range(times):
        best["boai"] = min(best["boai"], cpu(ours))
        for name, work in theirs.items():
            if turn < THEIRS:
                best[name] = min(best[name], cpu(work))
                best["boai"] = min(best["boai"], cpu(ours))
    return best


def agreeing(world: World, own: NDArray[Any], ask: Callable[[Peer], Any]) -> dict[str, Callable[[], Any]]:
    """List the peers that know the question; one that gives another answer ends the run."""
    found: dict[str, Callable[[], Any]] = {}
    for peer in world.peers:
        answer = ask(peer)
        if answer is None:
            continue
        if not np.array_equal(answer, own):
            raise SystemExit(f"{peer.name} gives another answer")
        found[peer.name] = lambda peer=peer: ask(peer)
    return found


def against(job: str, best: dict[str, float], goal: float, note: str = "") -> Iterator[Row]:
    """Make the rows of a job whose goal is a ratio to networkx."""
    slow = best.get("networkx", np.nan)
    for name, seconds in best.items():
        ratio = slow / seconds
        own = name == "boai"
        met = bool(ratio >= goal) if own and np.isfinite(ratio) else None
        yield Row(
            job, name, f"{seconds:.4f} s", ratio, f"≥ {goal:g} ×" if own else "", met, note if own else ""
        )


def nearest(world: World) -> Iterator[Row]:
    """Time from the nearest of 120 sites, and which it is, for all nodes."""

    def ours() -> travel.Nearest:
        return travel.to_nearest(world.network, world.sites)

    own = ours().centiseconds
    best = paired(ours, agreeing(world, own, lambda peer: peer.nearest()))
    yield from against("to the nearest of 120 sites", best, 70, floor_note(world.network, best["boai"]))
    seconds = cpu(lambda: travel.to_nearest(world.network, world.sites, direction="to"), OURS)
    yield Row("to the nearest, driven towards", "boai", f"{seconds:.4f} s")


def tree(world: World) -> Iterator[Row]:
    """One full tree, and sixteen one after the other."""
    node = int(world.sites[0])

    def ours() -> NDArray[Any]:
        return travel.trees(world.network, [node], threads=1)[0]

    best = paired(ours, agreeing(world, ours(), lambda peer: peer.tree(node)))
    yield from against("one full tree", best, 60)
    seconds = cpu(lambda: travel.trees(world.network, world.sites[:16], threads=1), 2) / 16
    yield Row("one of 16 full trees", "boai", f"{seconds:.4f} s", best.get("networkx", np.nan) / seconds)


def within(world: World) -> Iterator[Row]:
    """1 000 sources, 30 minutes, sparse."""
    job, few = "1 000 sources × 30 min", world.sources[:_FEW]

    def ours(threads: int = 1, sources: Any = world.sources) -> travel.Within:
        return travel.within(world.network, sources, within_cs=LIMIT_CS, threads=threads)

    found, part = ours(), ours(sources=few)
    own = np.array([len(part.node), part.centiseconds.sum(dtype=np.int64)])
    best = paired(ours, agreeing(world, own, lambda peer: peer.within(few)))
    slow = len(part.node) / best.get("networkx", np.nan) / 1e6
    for name, seconds in best.items():
        rate = len(found.node if name == "boai" else part.node) / seconds / 1e6
        figure, ratio = f"{rate:.2f} M entries/s", rate / slow
        if name == "boai":
            yield Row(job, name, figure, ratio, "≥ 30 M/s", rate >= 30, f"{len(found.node):,} entries")
        else:
            yield Row(job, name, figure, ratio, note=f"{_FEW} sources")
    clock = [wall(lambda threads=threads: ours(threads), OURS) for threads in (1, 2)]
    speedup = clock[0] / clock[1]
    note = "by the clock; only telling on a machine with two idle processors"
    yield Row(job, "boai, 2 threads", f"{speedup:.2f} × one", np.nan, "≥ 1.7 ×", speedup >= 1.7, note)


def query(world: World) -> Iterator[Row]:
    """The three nearest sites of a point with their ways, one question at a time."""
    job, network, ranks = "3 nearest with ways, one question", world.network, world.ranks
    finder = travel.Finder(network, world.sites)

    def stored(node: int) -> list[travel.Way]:
        return travel.nearest_ways(network, ranks, [node], [0], 3)

    slow = yield from _peers_three(world, job, stored)
    yield _quantiles(job, "boai, stored labels", stored, world.points, (slow, 1.0))
    for count in (10, 1000):
        now, _ = world.closing(count)
        led = travel.Finder(now, world.sites, before=(network, ranks))
        plain = travel.Finder(now, world.sites)
        for node in world.points[:50]:
            if _times(led.nearest([node], 3)) != _times(plain.nearest([node], 3)):
                raise SystemExit("the led search gives another answer")
        name = f"boai, {count} edges closed"
        yield _quantiles(job, name, lambda node, led=led: led.nearest([node], 3), world.points, (slow, 5.0))
    yield _quantiles(
        job,
        "boai, nothing stored",
        lambda node: finder.nearest([node], 3),
        world.points[:300],
        (slow, np.nan),
    )


def _times(ways: Iterable[travel.Way]) -> list[tuple[int, int]]:
    return [(way.site, way.centiseconds) for way in ways]


def _peers_three(world: World, job: str, stored: Callable[[int], list[travel.Way]]) -> Any:
    """Ask the peers some of the questions; the limit that ours found spares them the rest of the graph."""
    slow = np.nan
    for peer in world.peers:
        seconds = []
        for node in world.points[:30]:
            own = [way.centiseconds for way in stored(node)]
            begin = time.process_time()
            found = peer.three(node, max(own, default=0))
            seconds.append(time.process_time() - begin)
            if found is None:
                break
            if found != own:
                raise SystemExit(f"{peer.name} gives another answer")
        else:
            median = float(np.median(seconds)) * 1e3
            slow = median if peer.name == "networkx" else slow
            yield Row(job, peer.name, f"{median:.1f} ms", slow / median, note="median; told where to stop")
    return slow


def _quantiles(
    job: str,
    engine: str,
    ask: Callable[[int], Any],
    points: list[int],
    against_ms: tuple[float, float],
) -> Row:
    ask(points[0])
    slow, goal = against_ms
    each = []
    for node in points:
        begin = time.process_time()
        ask(node)
        each.append((time.process_time() - begin) * 1e3)
    median, high = np.percentile(each, [50, 99])
    stated = np.isfinite(goal)
    return Row(
        job,
        engine,
        f"{median:.3f} ms, p99 {high:.3f}",
        slow / median,
        f"p99 < {goal:g} ms" if stated else "",
        bool(high < goal) if stated else None,
        f"{len(points)} questions",
    )


def labels(world: World) -> Iterator[Row]:
    """The three nearest sites of all nodes."""
    seconds = cpu(lambda: travel.k_nearest(world.network, world.sites, 3), OURS)
    yield Row("3 nearest of all nodes", "boai", f"{seconds:.3f} s", np.nan, "< 1 s", seconds < 1)


def closures(world: World) -> Iterator[Row]:
    """Close major edges and answer for all nodes again, equal to a new search bit for bit."""
    base = travel.to_nearest(world.network, world.sites)
    keeper = travel.Repairer(world.network, world.sites, nearest=base)
    for count, goal_ms in ((1, np.nan), (10, 0.12), (100, np.nan), (1000, 62.0)):
        best, again, changed = [], [], []
        for seed in range(5):
            now, edges = world.closing(count, seed)
            change = keeper.change(now, changed=edges)
            fresh, mended = travel.to_nearest(now, world.sites), change.applied(base)
            for part in ("centiseconds", "site", "edge"):
                if not np.array_equal(getattr(fresh, part), getattr(mended, part)):
                    raise SystemExit(f"the mended answer has another {part}")
            best.append(cpu(lambda now=now, edges=edges: keeper.change(now, changed=edges), OURS) * 1e3)
            again.append(cpu(lambda now=now: travel.to_nearest(now, world.sites), 2) * 1e3)
            changed.append(len(change.node))
        job, per_node = f"close {count} major edges", np.median(best) / max(np.median(changed), 1) * 1e6
        stated = np.isfinite(goal_ms)
        yield Row(
            job,
            "boai",
            f"{np.median(best):.2f} ms",
            np.nan,
            f"{goal_ms:g} ms" if stated else "",
            bool(np.median(best) <= goal_ms) if stated else None,
            f"median of 5; {np.median(changed):,.0f} nodes change, {per_node:.0f} ns each; "
            f"a new search {np.median(again):.0f} ms",
        )


def lost(world: World) -> Iterator[Row]:
    """What if each of the 120 sites is lost: with the answer of now known, and from nothing."""
    base = travel.to_nearest(world.network, world.sites)
    seconds = cpu(lambda: travel.without_each(world.network, world.sites, first=base), OURS)
    yield Row("each of 120 sites lost", "boai", f"{seconds:.3f} s", np.nan, "< 0.2 s", seconds < 0.2)
    seconds = cpu(lambda: travel.without_each(world.network, world.sites), OURS)
    yield Row("each lost, with the answer of now", "boai", f"{seconds:.3f} s")


def route(world: World) -> Iterator[Row]:
    """Shortest routes between two random nodes, without preparation."""
    router, ends = travel.Router(world.network), iter(world.points[100:])
    ask: Callable[[int], Any] = lambda node: router.route([(node, 0)], [(next(ends), 0)])  # noqa: E731
    yield _quantiles("one route, both ends", "boai", ask, world.points[:100], (np.nan, np.nan))


def floor_note(network: Network, seconds: float) -> str:
    """State the least time in which what a search must read and write passes through memory."""
    n, m = network.n_nodes, network.n_edges
    read = 8 * (n + 1) + 8 * m  # rows once
    write = 12 * n  # time, site and edge once
    rate = bandwidth()
    least = (read + write) / rate
    return f"floor {least * 1e3:.1f} ms at {rate / 1e9:.1f} GB/s; {seconds / least:.0f} × it"


def bandwidth() -> float:
    """Measure bytes per second of a copy, read and written bytes counted."""
    source = np.ones(1 << 25)
    target = np.empty_like(source)
    return 2 * source.nbytes / cpu(lambda: np.copyto(target, source), 5)


JOBS: dict[str, Callable[[World], Iterator[Row]]] = {
    "nearest": nearest,
    "within": within,
    "tree": tree,
    "query": query,
    "labels": labels,
    "closures": closures,
    "lost": lost,
    "route": route,
}
OTHERS = ("hierarchy", "snap")
"""Jobs of roads_hierarchy.py and roads_snap.py, where these are."""

_MEMORY: dict[str, Callable[[World], Any]] = {
    "nearest": lambda world: travel.to_nearest(world.network, world.sites),
    "within": lambda world: travel.within(world.network, world.sources, within_cs=LIMIT_CS, threads=1),
    "tree": lambda world: travel.trees(world.network, world.sites[:1]),
    "query": lambda world: travel.Finder(world.network, world.sites).nearest([0], 3),
    "labels": lambda world: world.ranks,
    "closures": lambda world: travel.Repairer(world.network, world.sites),
    "lost": lambda world: travel.without_each(world.network, world.sites),
    "route": lambda world: travel.Router(world.network),
}


def peak_mb(job: str, nodes: int, folded: bool) -> tuple[float, bool]:
    """Run a job once in this (fresh) process: megabytes beyond the opened network, and whether more were not
    taken before, when numba was loaded (then it is less).
    """
    small, world = World(2000), World(nodes, folded)
    _MEMORY[job](small)
    for array in vars(world.network).values():
        if isinstance(array, np.ndarray) and array.dtype.kind != "U":
            array.sum()  # the map is read into memory before anything is counted
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4
    _MEMORY[job](world)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before) * 1024 / 1e6, after > peak


def memory_rows(jobs: list[str], nodes: int, folded: bool) -> Iterator[Row]:
    """Measure the memory of our jobs, each in a process of its own (on Linux)."""
    for job in jobs:
        if not Path("/proc/self/statm").exists():
            return
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            peak, is_own = pool.apply(peak_mb, (job, nodes, folded))
        yield Row(f"memory of {job}", "boai", f"{'' if is_own else '< '}{peak:.0f} MB")


def other_rows(name: str, world: World) -> Iterator[Row]:
    """Take the rows of another bench file, where it is there."""
    if importlib.util.find_spec(f"roads_{name}") is None:
        return
    module = importlib.import_module(f"roads_{name}")
    arguments: tuple[Any, ...] = (world.network,)
    if name == "snap":
        folder = module.shaped_province()
        arguments = (load_network(folder, verify=False), folder)
    for row in module.rows(*arguments):
        yield Row(
            row.job, row.engine, f"{row.cpu_s:.4f} s", np.nan, note=f"{row.ratio:.2f} × boai; {row.note}"
        )


def show(rows: Iterable[Row]) -> None:
    """Print rows as they come."""
    for row in rows:
        ratio = f"{row.ratio:,.1f} ×" if np.isfinite(row.ratio) else ""
        met = "" if row.met is None else ("yes" if row.met else "no")
        print(
            f"| {row.job} | {row.engine} | {row.figure} | {ratio} | {row.goal} | {met} | {row.note} |",
            flush=True,
        )


def main() -> None:
    """Run the jobs that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=roads_graph.NODES)
    parser.add_argument("--folded", action="store_true", help="on the same roads, chains folded")
    parser.add_argument("--only", default="", help=f"some of {', '.join([*JOBS, *OTHERS])}, by commas")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--all", action="store_true", help="the slowest peers, too")
    options = parser.parse_args()
    chosen = [name for name in options.only.split(",") if name] or [*JOBS, *OTHERS]
    unknown = set(chosen) - set(JOBS) - set(OTHERS)
    if unknown:
        parser.error(f"no such job: {', '.join(sorted(unknown))}")
    jobs = [name for name in chosen if name in JOBS]
    world = World(options.nodes, options.folded)
    print(f"{world.network.n_nodes:,} nodes, {world.network.n_edges:,} directed edges, {SITES} sites")
    print("| job | engine | CPU | of networkx | goal | met | |\n|---|---|---|---|---|---|---|")
    if options.memory:  # first: a process starts with the peak of the one that started it
        show(memory_rows(jobs, options.nodes, options.folded))
    kinds = [*roads_peers.PEERS, *(roads_peers.SLOW_PEERS if options.all else ())] if options.peers else []
    if jobs:
        for kind in filter(roads_peers.importable, kinds):
            begin = time.process_time()
            world.peers.append(kind(world.network, sites=world.sites))
            seconds = time.process_time() - begin
            show([Row("make the graph", kind.name, f"{seconds:.2f} s")])
    for name in jobs:
        show(JOBS[name](world))
    world.peers.clear()
    for name in OTHERS:
        if name in chosen:
            show(other_rows(name, world))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
