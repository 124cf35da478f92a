"""The p-median and p-center against published optima and at the size of a province, one process each.

Under rules: eleven cities with a quota each, a budget, exclusive pairs, ten existing sites of which four may
move.

``python bench/bench_median.py [--limit 60] [--only NAME]`` prints a Markdown table. The OR-Library files are
read from ``../shared/data/bench/pmed``; the planar instances have fixed seeds. Times are CPU seconds of the
call alone, with compiled kernels on disk; memory is the peak of the process, with the matrix of costs.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from boai.coverage.siting.rules import Budget, Rules, quotas_by
from numpy.typing import NDArray

FILES = Path(__file__).parents[2] / "shared" / "data" / "bench" / "pmed"

PLANAR = {
    "clustered-20000": (20_000, 500, 50, True),
    "clustered-200000": (200_000, 500, 50, True),
    "uniform-20000": (20_000, 500, 50, False),
    "uniform-200000": (200_000, 500, 50, False),
}
"""Rows of demand, candidates, p, and whether both lie around 40 centres."""


def planar(m: int, n: int, clustered: bool) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Straight distances in the unit square as float32, and 1 to 100 residents per row."""
    random = np.random.default_rng(1)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    if clustered:
        centre = random.random((40, 2))
        demand = centre[random.integers(0, 40, m)] + random.normal(0, 0.03, (m, 2))
        candidate = centre[random.integers(0, 40, n)] + random.normal(0, 0.04, (n, 2))
    cost = np.empty((m, n), np.float32)
    for part in np.array_split(np.arange(m), m // 10_000 + 1):
        cost[part] = 100 * np.sqrt(((demand[part, None] - candidate) ** 2).sum(-1))
    return cost, random.integers(1, 101, m).astype(float)


def rules_of(n: int, p: int) -> Rules:
    """Rules as a province has them, at random."""
    random = np.random.default_rng(5)
    cities = [f"市{city}" for city in random.integers(0, 11, n)]
    return Rules(
        quotas=quotas_by(cities, at_least=min(2, p // 11), at_most=max(3, p // 6)),
        budgets=(Budget("经费", random.uniform(1, 5, n), 2.4 * p),),
        exclusive=tuple((j, j + 1) for j in range(0, n - 1, 5)),
        existing=tuple(range(0, n, n // 10)),
        relocations=4,
    )


def optima() -> dict[str, int]:
    """The published optima of the files at hand."""
    if not FILES.is_dir():
        return {}
    with (FILES / "optima.csv").open(encoding="utf-8") as file:
        return {row["instance"]: int(row["optimum"]) for row in csv.DictReader(file)}


def run(model: str, name: str, limit: float) -> dict[str, object]:
    """Solve one instance, all files together counting as one."""
    from boai.coverage.siting.center import p_center
    from boai.coverage.siting.median import p_median
    from boai.coverage.siting.orlib import read_pmed

    solve = p_center if model == "center" else p_median
    cost, weight = planar(2_000, 100, True)
    rules = rules_of(100, 20) if model == "median-rules" else None
    solve(cost, weight, p=20, rules=rules)  # the kernels come from disk before the clock runs
    solve(cost.astype(float), weight, p=20, rules=rules)
    spent, wall, proven, count, gap = 0.0, 0.0, 0, 0, 0.0
    if name == "pmed":
        cases = [(read_pmed(FILES / f"{file}.txt"), optimum) for file, optimum in optima().items()]
    else:
        m, n, p, clustered = PLANAR[name]
        cost, weight = planar(m, n, clustered)
        cases = [(None, None)]
    for instance, optimum in cases:
        if instance is not None:
            cost, weight, p = instance.cost, np.ones(len(instance.cost)), instance.p
        rules = rules_of(cost.shape[1], p) if model == "median-rules" else None
        began = time.process_time()
        plan = solve(cost, weight, p=p, rules=rules, time_limit_s=limit)
        spent, wall, count = spent + time.process_time() - began, wall + plan.seconds, count + 1
        proven += plan.status == "optimal" and (
            model == "center" or plan.objective == (optimum or plan.objective)
        )
        gap = max(gap, plan.gap)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "proven": f"{proven}/{count}",
        "gap": gap,
        "cpu": spent,
        "wall": wall,
        "mb": peak,
        "last": plan.objective,
    }


def main() -> None:
    """Run every instance in a process of its own and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of wall time per instance")
    parser.add_argument("--only", default="")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(*options.one, options.limit)))
        return
    print("| model | instance | proven | worst gap | CPU s | wall s | peak MB | last objective |")
    print("|---|---|---|---|---|---|---|---|")
    names = (["pmed"] if optima() else []) + list(PLANAR)
    asked = [("median", name) for name in names] + [("median-rules", name) for name in PLANAR]
    for model, name in asked + [("center", name) for name in names[:1]]:
        if options.only not in f"{model}-{name}":
            continue
        command = [sys.executable, __file__, "--limit", str(options.limit), "--one", model, name]
        out = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(
            f"| {model} | {name} | {out['proven']} | {out['gap']:.4%} | {out['cpu']:.1f} | {out['wall']:.1f} "
            f"| {out['mb']:.0f} | {out['last']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
