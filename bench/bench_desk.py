"""The emergency desk in one process: who arrives first, and the whole answer, question after question.

    python bench/bench_desk.py demo               # a workspace such as that of `make demo`, a minute
    python bench/bench_desk.py demo --large       # and made-up roads of 1.5 M nodes (made once, minutes)

Percentiles are of single questions: CPU milliseconds of the thread that answers, and by the clock, which
other work on the machine lengthens. Half of the questions come with roads closed and slowed. scipy's Dijkstra
runs in the same process on the same points; it gives times only, and searches the whole network. Its arrivals
are compared with ours before anything is printed. Each world runs in a process of its own, for its start and
its memory.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

SITES, QUESTIONS, PEER, SEED = 48, 1000, 20, 20261122
CLOSED, SLOWED = 200, 1000
"""Edges of the measures."""
_SPREAD_DEG = 0.004

Row = tuple[str, str, str, str, str]


def percentiles(
    ask: Callable[[tuple[float, float]], Any], points: list[tuple[float, float]]
) -> tuple[Any, Any]:
    """Ask at every point: (50th and 99th percentile of) CPU and clock milliseconds of a question."""
    cpu, clock = [], []
    for point in points:
        begin, start = time.thread_time(), time.perf_counter()
        ask(point)
        cpu.append(time.thread_time() - begin)
        clock.append(time.perf_counter() - start)
    return tuple(1000 * np.percentile(part, [50, 99]) for part in (cpu, clock))


def line(job: str, found: tuple[Any, Any], peer_ms: float = np.nan, goal: str = "") -> Row:
    """Make a row of percentiles, with the ratio of the peer's CPU to ours."""
    cpu, clock = ([f"{ms:.2f}" for ms in part] for part in found)
    ratio = f"{peer_ms / found[0][0]:.0f}" if np.isfinite(peer_ms) else ""
    return job, f"{cpu[0]} / {cpu[1]}", f"{clock[0]} / {clock[1]}", ratio, goal


def seconds(job: str, work: Callable[[], Any], goal: str) -> Row:
    """Make a row of one piece of work, in milliseconds."""
    begin, start = time.process_time(), time.perf_counter()
    work()
    cpu, clock = time.process_time() - begin, time.perf_counter() - start
    return job, f"{1000 * cpu:.0f}", f"{1000 * clock:.0f}", "", goal


def points_about(network: Any, count: int) -> list[tuple[float, float]]:
    """Scatter points about random nodes."""
    rng = np.random.default_rng(SEED)
    node = rng.integers(0, network.n_nodes, count)
    axes = (np.asarray(axis)[node] + rng.normal(0, _SPREAD_DEG, count) for axis in (network.lon, network.lat))
    return list(zip(*(axis.tolist() for axis in axes), strict=True))


def made_up_sites(network: Any) -> list[dict[str, Any]]:
    """Put sites at random nodes; every third states no readiness."""
    rng = np.random.default_rng(SEED + 1)
    own = rng.choice(network.n_nodes, SITES, replace=False).tolist()
    return [
        {"id": f"w{i}", "lon": float(network.lon[v]), "lat": float(network.lat[v])}
        | ({"readiness_min": float(rng.integers(10, 90))} if i % 3 else {})
        for i, v in enumerate(own)
    ]


def closed(network: Any) -> Any:
    """Close and slow roads between the usual ones."""
    from boai.geodata.overlay import Overlay, impose, under

    edges = np.random.default_rng(SEED + 2).choice(network.n_edges, CLOSED + SLOWED, replace=False)
    made = impose(Overlay(), edges[:CLOSED], what="closed")
    return under(network, impose(made, edges[CLOSED:], speed=0.5, what="slowed"))


def peer(live: Any, points: list[tuple[float, float]]) -> float:
    """Search by scipy from points against the roads, compare arrivals, and give CPU milliseconds of one."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    network, engine = live.network, live._engine
    tail = np.repeat(np.arange(network.n_nodes), np.diff(network.start))
    is_open = np.asarray(network.centiseconds) > 0
    ends = np.asarray(network.head)[is_open], tail[is_open]
    cost = np.asarray(network.centiseconds)[is_open].astype(float)
    order = np.lexsort((cost, *ends))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(ends[0][order]) != 0) | (np.diff(ends[1][order]) != 0)
    kept = order[first]
    graph = csr_array((cost[kept], (ends[0][kept], ends[1][kept])), shape=(network.n_nodes,) * 2)
    taken = []
    for lon, lat in points:
        _, nodes, off = live._attach([lon], [lat]).entries()
        begin = time.thread_time()
        times = dijkstra(graph, indices=nodes) + off[:, None]
        taken.append((time.thread_time() - begin) / len(nodes))
        drive = times.min(axis=0)[engine.help.node] + engine.help.out
        eta = np.sort(engine.help.least_of(drive.astype(np.int64)) + engine.help.ready)[:3]
        found = [round(100 * one.eta_s) for one in live.nearest(lon, lat).arrivals]
        same = zip(found, eta.tolist(), strict=True)
        assert all(a == b or (a < b and network.shapes is not None) for a, b in same), (
            "scipy arrives otherwise"
        )
    return 1000 * float(np.median(taken))


def rows_of(network: Any, sites: list[dict[str, Any]]) -> list[Row]:
    """Measure the search on one network."""
    from boai.coverage.live import Live

    points = points_about(network, QUESTIONS)
    half = len(points) // 2
    live = Live(network, sites)
    rows = [seconds("first answer of a new process, sites met", lambda: live.nearest(*points[0]), "")]
    rows.append(seconds("labels and table of times, in the background", live.prepare, ""))
    usual = percentiles(lambda at: live.nearest(*at), points[:half])
    rows.append(line("first three with ways", usual, peer(live, points[:PEER]), "p99 < 10"))
    now: list[Any] = []

    def close() -> None:
        now.append(live.under(closed(network)))
        now[0].nearest(*points[half])

    rows.append(seconds("roads closed, first answer", close, "< 1000"))
    rows.append(line("with roads closed, led by the usual roads",
                     percentiles(lambda at: now[0].nearest(*at), points[half:half + 100])))  # fmt: skip
    now[0].prepare()
    after = percentiles(lambda at: now[0].nearest(*at), points[half:])
    rows.append(line("with roads closed, its own labels", after, peer(now[0], points[-PEER:]), "p99 < 10"))
    rows.append(line("times of all sites, roads closed", percentiles(lambda at: now[0].times(*at), points)))
    return rows


def answer_rows(root: Path) -> list[Row]:
    """Measure the whole answer of the desk: place, cards, ways, compliance, changes."""
    from boai.app.desk.answers import nearest
    from boai.app.desk.ground import open_ground
    from boai.app.desk.where import resolve

    ground, now = open_ground(root), datetime.now(UTC)
    for live in {ground.usual["warehouse"], ground.live["warehouse"]}:
        live.prepare()
    gc.collect()
    gc.freeze()  # as the server does when it has started
    demand = np.load(root / "demand" / "lon.npy"), np.load(root / "demand" / "lat.npy")
    chosen = np.random.default_rng(SEED).integers(0, len(demand[0]), QUESTIONS)
    points = [(float(demand[0][i]), float(demand[1][i])) for i in chosen.tolist()]

    def ask(point: tuple[float, float]) -> Any:
        return nearest(ground, resolve(ground, lon=point[0], lat=point[1]), now=now)

    ask(points[0])
    job = "the desk's whole answer (place, cards, ways, compliance)"
    return [line(job, percentiles(ask, points), goal="p99 < 10")]


def demo_world(workspace: Path) -> list[Row]:
    """Measure on a copy of a workspace, at the end with a road closed."""
    from boai.app.network import Choice, close
    from boai.geodata.network import load_network
    from boai.geodata.registry import read_sites

    with tempfile.TemporaryDirectory() as there:
        root = Path(shutil.copytree(workspace, Path(there) / "demo"))
        network = load_network(root / "network", verify="once")
        sites = [dict(site) for site in read_sites(root / "layers.gpkg", "warehouse")]
        rows = [start_row(root / "network", sites), *rows_of(network, sites), *answer_rows(root)]
        close(root / "network", Choice(roads=["G60"]))
        return [*rows, *((f"{job}, G60 closed", *rest) for job, *rest in answer_rows(root))]


def large_desk(workspace: Path, folder: Path) -> list[Row]:
    """Measure the whole answer in a copy of a workspace with other roads, some of them closed."""
    from boai.app.in_use import use_network
    from boai.geodata.network import load_network
    from boai.geodata.overlay import Overlay, impose, save_overlay

    with tempfile.TemporaryDirectory() as there:
        root = Path(shutil.copytree(workspace, Path(there) / "large"))
        (root / "network" / "closures.json").unlink(missing_ok=True)
        use_network(root, folder)
        network = load_network(root / "network", verify=False)
        edges = np.random.default_rng(SEED + 2).choice(network.n_edges, CLOSED, replace=False)
        save_overlay(impose(Overlay(str(network.meta["hash"])), edges, what="closed"), root / "network")
        return [(f"{job}, roads closed", *rest) for job, *rest in answer_rows(root)]


def large_world(workspace: Path, *, shapes: bool) -> list[Row]:
    """Measure on made-up roads."""
    import roads_graph
    import roads_snap
    from boai.geodata.network import load_network

    bare = roads_graph.province()
    folder = (
        roads_snap.shaped_province()
        if shapes
        else next(roads_graph.folder().glob(f"province-*-{roads_graph.NODES}-1"))
    )
    network = load_network(folder, verify=False)
    sites = made_up_sites(bare)
    desk = [] if shapes else large_desk(workspace, folder)
    return [start_row(folder, sites), *rows_of(network, sites), *desk]


_START = """
import time; begin = time.perf_counter()
import sys; from pathlib import Path
from boai.coverage.live import Live
from boai.geodata.network import load_network
import json; network = load_network(Path(sys.argv[1]), verify=False)
live = Live(network, json.loads(sys.stdin.read())); live.nearest(float(network.lon[9]), float(network.lat[9]))
first = time.perf_counter() - begin
live.times(float(network.lon[9]), float(network.lat[9]))
print(first, time.perf_counter() - begin, time.process_time())
"""


def start_row(folder: Path, sites: list[dict[str, Any]]) -> Row:
    """Measure a fresh process: imports, opening, the sites, the first answer."""
    done = subprocess.run(
        [sys.executable, "-c", _START, str(folder)],
        input=json.dumps([{key: site[key] for key in ("id", "lon", "lat")} for site in sites]),
        capture_output=True,
        text=True,
        check=True,
    )
    first, times, cpu = (1000 * float(part) for part in done.stdout.split())
    job = f"process started, first answer (with the times of all sites: {times:.0f})"
    return job, f"{cpu:.0f}", f"{first:.0f}", "", "< 3000"


def worlds(workspace: Path, *, large: bool) -> dict[str, Callable[[], list[Row]]]:
    """Name the worlds."""
    found: dict[str, Callable[[], list[Row]]] = {"demo": lambda: demo_world(workspace)}
    if large:
        found["1.5 M nodes"] = lambda: large_world(workspace, shapes=False)
        found["1.5 M nodes, with shapes"] = lambda: large_world(workspace, shapes=True)
    return found


def print_table(title: str, rows: list[Row], megabytes: float) -> None:
    """Print one world as Markdown."""
    print(f"\n**{title}** (most memory {megabytes:.0f} MB)\n")
    print("| job | CPU ms, p50 / p99 | clock ms, p50 / p99 | scipy / boai | goal (ms) |")
    print("|---|---:|---:|---:|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def main() -> None:
    """Measure every world in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--large", action="store_true", help="also 1.5 M nodes")
    parser.add_argument("--world", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    found = worlds(chosen.workspace, large=chosen.large)
    if chosen.world:
        rows = found[chosen.world]()
        print_table(chosen.world, rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    for name in found:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--world", name], check=True)


if __name__ == "__main__":
    main()
