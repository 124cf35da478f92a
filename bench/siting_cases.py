"""The instances of the siting benchmark, what is asked of each, and how each side solves it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import siting_instances as instances
import siting_peers as peers
import siting_points as points
from siting_instances import Arrays, Plane

Found = dict[str, Any]

FILES = Path(__file__).parents[2] / "shared" / "data" / "bench" / "pmed"
SPOPT = ("spopt CBC", "spopt HiGHS")


@dataclass(frozen=True)
class Case:
    """An instance, what is asked, and who may try it."""

    name: str
    model: str
    """``mclp``, ``lscp``, ``p-median``, ``p-center``; ``own`` where ``solve`` does everything."""
    goal: str
    p: int = 0
    radius: float = 0.0
    plane: Callable[[], Plane] | None = None
    """Points in the plane, where spopt is given their distances."""
    arrays: Callable[[], Arrays] | None = None
    solve: Callable[[float], Found] | None = None
    solvers: tuple[str, ...] = ()
    """Peers."""
    peer_build_s: float = 0.0
    """About how long spopt builds the model: with a shorter limit it is not begun."""
    note: str = ""
    quick: bool = field(default=False)


def ours(case: Case, limit_s: float) -> tuple[Callable[[], Found], Found]:
    """Make the instance; the call to be timed, and the shape of the instance."""
    if case.solve is not None:
        return partial(case.solve, limit_s), {}
    from boai.coverage.siting import lscp, mclp, p_median

    if case.model == "p-median":
        cost, weight, _ = _matrix(case)
        p_median(cost[:200], weight[:200], p=5)
        return lambda: _told(p_median(cost, weight, p=case.p, time_limit_s=limit_s)), {}
    arrays = _arrays(case)
    indptr, indices, weight, n = arrays
    small = instances.within(instances.planar(300, 20, seed=9), 5.0)
    mclp(*small, p=3)  # the kernels come from disk before the clock runs
    lscp(*small)

    def call() -> Found:
        asked = {"p": case.p} if case.model == "mclp" else {}
        return _told((mclp if asked else lscp)(indptr, indices, weight, n, **asked, time_limit_s=limit_s))

    return call, {"shape": f"{len(indices):,} pairs"}


def _told(plan: Any) -> Found:
    return {"objective": plan.objective, "bound": plan.bound, "status": plan.status}


def peer(case: Case, solver: str, limit_s: float) -> tuple[Callable[[], Found], Found]:
    """The same for a peer; spopt is given the full matrix of distances, which it asks for."""
    if solver == "textbook":
        return partial(peers.textbook, case.model, _arrays(case), case.p, limit_s), {}
    cost, weight, asked = _matrix(case)
    highs = solver == "spopt HiGHS"
    return partial(peers.spopt, case.model, cost, weight, asked, limit_s, highs=highs), {}


def _arrays(case: Case) -> Arrays:
    if case.arrays is not None:
        return case.arrays()
    assert case.plane is not None
    return instances.within(case.plane(), case.radius)


def _matrix(case: Case) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    from scipy.spatial.distance import cdist

    assert case.plane is not None
    plane = case.plane()
    return cdist(plane.demand, plane.candidates), plane.weight, {"p": case.p, "radius": case.radius}


def _published(model: str, limit_s: float) -> Found:
    """All OR-Library files at hand, one after the other; the seconds of the calls alone."""
    import time

    from boai.coverage.siting import p_center, p_median
    from boai.coverage.siting.orlib import read_pmed

    if not FILES.is_dir():
        return {"status": "skipped: no OR-Library files at hand"}
    with (FILES / "optima.csv").open(encoding="utf-8") as file:
        optima = {row["instance"]: int(row["optimum"]) for row in csv.DictReader(file)}
    solve = p_median if model == "p-median" else p_center
    solve(np.random.default_rng(1).integers(1, 99, (200, 40)).astype(float), np.ones(200), p=5)
    spent, cpu, proven, gap = 0.0, 0.0, 0, 0.0
    for name, optimum in optima.items():
        instance = read_pmed(FILES / f"{name}.txt")
        started, before = time.perf_counter(), time.process_time()
        plan = solve(instance.cost, np.ones(len(instance.cost)), p=instance.p, time_limit_s=limit_s)
        spent, cpu = spent + time.perf_counter() - started, cpu + time.process_time() - before
        equal = model == "p-center" or plan.objective == optimum
        proven, gap = proven + (plan.status == "optimal" and equal), max(gap, plan.gap)
    note = "all equal to the published optima" if model == "p-median" and proven == len(optima) else ""
    status = f"{proven}/{len(optima)} proven"
    return {"s": spent, "cpu_s": cpu, "status": status, "gap": gap, "note": note}


def _median(m: int, n: int, p: int, clustered: bool, limit_s: float) -> Found:
    import time

    from boai.coverage.siting import p_median

    cost, weight = instances.unit_costs(m, n, clustered=clustered)
    p_median(cost[:2000], weight[:2000], p=10)
    started, cpu = time.perf_counter(), time.process_time()
    plan = p_median(cost, weight, p=p, time_limit_s=limit_s)
    spent, spent_cpu = time.perf_counter() - started, time.process_time() - cpu
    return {"s": spent, "cpu_s": spent_cpu, "note": "memory with the matrix, 400 MB"} | _told(plan)


def _jiangxi(p: int, minutes: int, limit_s: float) -> Found:
    import time

    from boai.coverage.siting import mclp
    from siting_jiangxi import jiangxi

    started = time.perf_counter()
    (indptr, indices, weight, n), counts = jiangxi(limit_cs=minutes * 6000)
    made = time.perf_counter() - started
    mclp(*instances.within(instances.planar(300, 20, seed=9), 5.0), p=3)
    started, cpu = time.perf_counter(), time.process_time()
    plan = mclp(indptr, indices, weight, n, p=p, time_limit_s=limit_s)
    spent, spent_cpu = time.perf_counter() - started, time.process_time() - cpu
    note = f"{counts['pairs']:,} pairs, {counts['classes']:,} classes; making the reach {made:.0f} s"
    note += f"; covers {plan.objective / weight.sum():.1%}; synthetic roads (approximate)"
    return {"s": spent, "cpu_s": spent_cpu, "note": note} | _told(plan)


def _uniform(m: int, n: int) -> Callable[[], Plane]:
    return partial(instances.planar, m, n)


CLUSTERED = partial(instances.planar, 50_000, 500, clustered=True)
PRACTICE = (
    ("stores, cities served, 40 km", 10, partial(instances.stores, 40.0, served=True)),
    ("stores, nobody served, 60 km", 10, partial(instances.stores, 60.0, served=False)),
    ("stores, nobody served, 25 km", 40, partial(instances.stores, 25.0, served=False)),
    ("homes, 300 000 sub-cells", 40, instances.homes),
    ("AED, 60 000 sub-cells", 500, instances.aed),
)

CASES = (
    Case("MCLP uniform 2 000 x 200, p 10", "mclp", "proven", 10, 4.0, _uniform(2_000, 200),
         solvers=SPOPT, quick=True),
    Case("MCLP clustered 50 000 x 500, p 20", "mclp", ">= 500 x spopt, both proven", 20, 1.0, CLUSTERED,
         solvers=(*SPOPT, "textbook"), peer_build_s=110, quick=True),
    Case("MCLP uniform 10 000 x 500, p 20", "mclp", "proven, < 5 s", 20, 3.2, _uniform(10_000, 500),
         solvers=SPOPT, peer_build_s=25),
    Case("MCLP uniform 10 000 x 500, p 50", "mclp", "proven, < 15 s", 50, 2.0, _uniform(10_000, 500),
         solvers=SPOPT, peer_build_s=25),
    Case("MCLP uniform 50 000 x 500, p 50", "mclp", "<= 0.1 % in 30 s", 50, 2.0, _uniform(50_000, 500),
         solvers=SPOPT, peer_build_s=120),
    Case("MCLP uniform 200 000 x 500, p 50", "mclp", "<= 0.5 % in 10 s", 50, 2.0, _uniform(200_000, 500),
         solvers=SPOPT, peer_build_s=500),
    Case("LSCP uniform 10 000 x 500", "lscp", "proven, < 20 s", 0, 3.6, _uniform(10_000, 500),
         solvers=SPOPT, peer_build_s=25),
    Case("OR-Library pmed, p-median", "own", "all proven, < 20 s", solve=partial(_published, "p-median")),
    Case("OR-Library pmed, p-center", "own", "all proven, < 10 s", solve=partial(_published, "p-center")),
    Case("p-median uniform 2 000 x 200, p 10", "p-median", "proven", 10, 0.0, _uniform(2_000, 200),
         solvers=SPOPT, peer_build_s=10, quick=True),
    Case("p-median clustered 200 000 x 500, p 50", "own", "proven, < 10 s, 1.5 GB",
         solve=partial(_median, 200_000, 500, 50, True), note="spopt runs out of memory (100 M variables)"),
    Case("MCLP 20 M x 100, 24 instances, in memory", "own", "all proven, each < 1 s",
         solve=partial(points.in_memory, 20_000_000, 100)),
    Case("MCLP 20 M x 100, 8 instances, from Parquet", "own", "all proven, each < 10 s",
         solve=partial(points.from_parquet, 20_000_000, 100)),
    Case("MCLP 100 M x 100, streamed", "own", "proven, < 20 s with generation, < 3 GB",
         solve=partial(points.streamed, 100_000_000, 100)),
    Case("MCLP 20 M x 1 000, r 2, p 50", "own", "<= 0.5 % in 60 s",
         solve=partial(points.many_candidates, 20_000_000, 1_000)),
    *(Case(f"Jiangxi 2 M points on roads x 3 000, {minutes} min, p {p}", "own", "<= 0.5 % in 60 s, <= 4 GB",
           solve=partial(_jiangxi, p, minutes), note="spopt cannot build it (6 billion costs)")
      for minutes in (60, 30) for p in (10, 50, 500)),
    *(Case(f"practice: {name}, p {p}", "mclp", "proven", p, arrays=make, solvers=("textbook",))
      for name, p, make in PRACTICE),
)  # fmt: skip
