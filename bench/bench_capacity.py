"""Capacitated siting against the plain model: the same instances, the same machine, one process each.

``python bench/bench_capacity.py [--limit 60] [--only NAME]`` prints a Markdown table: `capacitated_mclp` and
`capacitated_p_median` beside the textbook models on the same classes, solved by scipy's HiGHS
(``scipy.optimize.milp``) within the same time. Planar instances with fixed seeds: 200 candidates on about
12 000 classes for the cover, 2 000 rows and 100 candidates for the median; capacities differ threefold.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, coo_array, csr_array, diags_array, eye_array
from scipy.spatial import cKDTree

SIDE = 100.0
COVERS = {
    "cover clustered p 8": (True, 24.0, 8, 1.0, 400_000),
    "cover clustered p 16": (True, 24.0, 16, 1.3, 400_000),
    "cover uniform p 8": (False, 22.0, 8, 1.0, 400_000),
    "cover uniform p 16": (False, 22.0, 16, 0.8, 400_000),
    "cover uniform p 8, roomy": (False, 22.0, 8, 1.6, 400_000),
}
"""Clustered or not, radius, sites, room of ``p`` average sites as a share of all residents, points."""

MEDIANS = {"median p 10, room 1.2": (1, 1.2), "median p 10, room 1.05": (2, 1.05)}


def cover(name: str) -> tuple[csr_array, NDArray[np.float64], NDArray[np.float64], int]:
    """Classes (0/1 rows), residents, capacities, sites; kept in a file, so that memory is the solver's."""
    kept = Path(tempfile.gettempdir()) / f"boai_capacity_{name.replace(' ', '_').replace(',', '')}.npz"
    if not kept.exists():
        rows, size, capacity, p = make_cover(name)
        np.savez(kept, indptr=rows.indptr, indices=rows.indices, size=size, capacity=capacity, p=p)
    with np.load(kept) as part:
        start, to = part["indptr"], part["indices"]
        rows = csr_array((np.ones(len(to)), to, start), shape=(len(start) - 1, len(part["capacity"])))
        return rows, part["size"], part["capacity"], int(part["p"])


def make_cover(name: str) -> tuple[csr_array, NDArray[np.float64], NDArray[np.float64], int]:
    """Make an instance of many points, merged by their sets of candidates."""
    from boai.coverage.siting.reduce import merge_rows

    clustered, radius, p, share, m = COVERS[name]
    random, n = np.random.default_rng(1), 200
    if clustered:
        cities = random.uniform(0, SIDE, (40, 2))
        points = cities[random.integers(0, 40, m)] + random.normal(0, 6, (m, 2))
        places = cities[random.integers(0, 40, n)] + random.normal(0, 8, (n, 2))
        points, places = np.clip(points, 0, SIDE), np.clip(places, 0, SIDE)
    else:
        points, places = random.uniform(0, SIDE, (m, 2)), random.uniform(0, SIDE, (n, 2))
    weight = random.integers(1, 100, m).astype(float)
    near = cKDTree(points).sparse_distance_matrix(cKDTree(places), radius, output_type="coo_matrix")
    reach = csr_array((np.ones(near.nnz), (near.row, near.col)), shape=(m, n))
    some = np.diff(reach.indptr) > 0
    rows, size, _ = merge_rows(csr_array(reach[some]), weight[some])
    capacity = np.round(weight.sum() * share / p * random.uniform(0.5, 1.5, n))
    return rows, size, capacity, p


def median(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    """Costs (2 000, 100), residents, capacities, sites."""
    seed, share = MEDIANS[name]
    random = np.random.default_rng(seed)
    points, places = random.uniform(0, SIDE, (2000, 2)), random.uniform(0, SIDE, (100, 2))
    cost = np.round(np.hypot(*(points[:, None] - places[None]).T).T * 10)
    weight = random.integers(1, 100, 2000).astype(float)
    return cost, weight, np.round(weight.sum() * share / 10 * random.uniform(0.5, 1.5, 100)), 10


def ours(name: str, limit: float) -> dict[str, Any]:
    """Solve with boai: objective and bound."""
    from boai.coverage.siting.capacitated_cover import capacitated_mclp
    from boai.coverage.siting.capacitated_median import capacitated_p_median

    if name in COVERS:
        rows, weight, capacity, p = cover(name)
        tiny = (np.array([0, 1]), np.array([0]), np.ones(1), 1)
        capacitated_mclp(*tiny, capacity=1, p=1)  # kernels from disk
        start = time.process_time()
        plan = capacitated_mclp(
            rows.indptr, rows.indices, weight, 200, capacity=capacity, p=p, time_limit_s=limit
        ).plan
    else:
        cost, weight, capacity, p = median(name)
        capacitated_p_median(np.ones((2, 2)), np.ones(2), p=1, capacity=5)
        start = time.process_time()
        plan = capacitated_p_median(cost, weight, p=p, capacity=capacity, time_limit_s=limit).plan
    return {"objective": plan.objective, "bound": plan.bound, "cpu": time.process_time() - start}


def compact(name: str, limit: float) -> dict[str, Any]:
    """Solve the textbook model with HiGHS: objective and bound."""
    if name in COVERS:
        rows, weight, capacity, p = cover(name)
        value = -np.ones(rows.nnz)
    else:
        cost, weight, capacity, p = median(name)
        rows, value = csr_array(cost + 1.0), cost.ravel()
    n, pairs = len(capacity), np.arange(rows.nnz)
    row = np.repeat(np.arange(len(weight)), np.diff(rows.indptr))
    one = np.ones(rows.nnz)
    by_row = coo_array((one, (row, pairs)), shape=(len(weight), rows.nnz))
    by_site = coo_array((one, (rows.indices, pairs)), shape=(n, rows.nnz))
    link = coo_array((-weight[row], (pairs, rows.indices)), shape=(rows.nnz, n))
    matrix = block_array(
        [[by_row, None], [by_site, -diags_array(capacity)], [eye_array(rows.nnz), link]], format="csr"
    )
    low = np.r_[weight if name in MEDIANS else np.full(len(weight), -np.inf), np.full(n + rows.nnz, -np.inf)]
    whole = np.r_[np.zeros(rows.nnz), np.ones(n)]
    start = time.process_time()
    found = milp(
        np.r_[value, np.zeros(n)],
        constraints=[
            LinearConstraint(matrix, low, np.r_[weight, np.zeros(n + rows.nnz)]),
            LinearConstraint(csr_array(whole[None]), -np.inf, p),
        ],
        integrality=whole,
        bounds=Bounds(0, np.r_[np.full(rows.nnz, np.inf), np.ones(n)]),
        options={"time_limit": limit},
    )
    sign = -1.0 if name in COVERS else 1.0
    bound = getattr(found, "mip_dual_bound", None)
    return {
        "objective": None if found.x is None else sign * found.fun,
        "bound": None if bound is None or not np.isfinite(bound) else sign * bound,
        "cpu": time.process_time() - start,
    }


def measured(how: str, name: str, limit: float) -> dict[str, Any]:
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--run", how, name, "--limit", str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr[-300:]}


def told(found: dict[str, Any]) -> str:
    """Objective, gap, CPU and memory as cells."""
    if "error" in found or found["objective"] is None:
        return f"- | - | {found.get('cpu', 0):.0f} | {found.get('mb', 0):.0f}"
    objective, bound = found["objective"], found["bound"]
    gap = "-" if bound is None else f"{abs(bound - objective) / max(bound, objective):.2%}"
    return f"{objective:.0f} | {gap} | {found['cpu']:.1f} | {found['mb']:.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--only", default="")
    parser.add_argument("--run", nargs=2)
    asked = parser.parse_args()
    if asked.run:
        how, name = asked.run
        if how == "make":
            _ = cover(name) if name in COVERS else None
            return
        found = (ours if how == "ours" else compact)(name, asked.limit)
        found["mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found))
        return
    print(f"limit {asked.limit:g} s, load {os.getloadavg()[0]:.1f}\n")
    print("| instance | boai | gap | CPU s | MB | HiGHS | gap | CPU s | MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in (*COVERS, *MEDIANS):
        if asked.only in name:
            subprocess.run([sys.executable, __file__, "--run", "make", name], check=True)
            cells = [told(measured(how, name, asked.limit)) for how in ("ours", "compact")]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
