"""Siting against the plain model: the same instances, the same machine, one process each.

``python bench/bench_siting.py [--limit 60] [--only NAME]`` prints a Markdown table: our `mclp` beside the
textbook model without reductions, solved by scipy's HiGHS (``scipy.optimize.milp``). Instances are planar,
with fixed seeds, in the shapes of the demo (stores, 博爱家园 and AED of Jiangxi), uniform and clustered.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, eye_array
from scipy.spatial import cKDTree

Arrays = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], int]

WIDTH, HEIGHT = 280.0, 600.0
"""Kilometres of the rectangle that stands for Jiangxi."""


@dataclass(frozen=True)
class Case:
    """An instance and how many sites it asks for."""

    name: str
    p: int
    """0: the fewest sites that cover all (set covering)."""
    make: Callable[[], Arrays]


def _cover(demand: NDArray[np.float64], candidate: NDArray[np.float64], reach_km: NDArray[np.float64]):
    """Rows of candidates within their own reach of each demand point."""
    near = cKDTree(demand).sparse_distance_matrix(
        cKDTree(candidate), float(reach_km.max()), output_type="coo_matrix"
    )
    keep = near.data <= reach_km[near.col]
    rows = csr_array(
        (np.ones(keep.sum()), (near.row[keep], near.col[keep])), shape=(len(demand), len(candidate))
    )
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int32)


def _grid(n: int) -> NDArray[np.float64]:
    step = np.sqrt(WIDTH * HEIGHT / n)
    x, y = np.meshgrid(np.arange(0, WIDTH, step), np.arange(0, HEIGHT, step))
    return np.column_stack([x.ravel(), y.ravel()])


def _places(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Half of the places anywhere, half around eleven cities."""
    cities = random.uniform((0, 0), (WIDTH, HEIGHT), (11, 2))
    around = cities[random.integers(0, 11, n - n // 2)] + random.normal(0, 30, (n - n // 2, 2))
    return np.clip(np.concatenate([random.uniform((0, 0), (WIDTH, HEIGHT), (n // 2, 2)), around]), 0, HEIGHT)


def _residents(
    random: np.random.Generator, points: NDArray, places: NDArray, total: float
) -> NDArray[np.float64]:
    away = cKDTree(places).query(points)[0]
    weight = (random.pareto(1.2, len(points)) * 300 + 5) * np.exp(-away / 4) + 1
    return np.round(weight * total / weight.sum())


def stores(reach_km: float, *, served: bool) -> Arrays:
    """32 000 cells, 1 300 settlements, a reach that differs by place as roads do; cities served or not."""
    random = np.random.default_rng(1)
    cells, places = _grid(32_000), _places(random, 1300)
    weight = _residents(random, cells, places, 45_188_635)
    indptr, indices = _cover(cells, places, reach_km * random.uniform(0.8, 1.2, len(places)))
    if served:
        cities = random.uniform((0, 0), (WIDTH, HEIGHT), (11, 2))
        weight = np.where(cKDTree(cities).query(cells)[0] < reach_km, 0.0, weight)
    return indptr, indices, weight, len(places)


def homes() -> Arrays:
    """2 000 dense cells of 343 sub-cells of 0.015 km2, a candidate in each, 1 km of reach."""
    random = np.random.default_rng(2)
    chosen = random.choice(len(_grid(32_000)), 2000, replace=False)
    centre = _grid(32_000)[chosen] / 8  # towns: the cells lie close together
    points = (centre[:, None] + random.uniform(-1.15, 1.15, (2000, 150, 2))).reshape(-1, 2)
    weight = np.repeat(random.pareto(1.5, 2000) * 5000 + 500, 150) / 343
    return *_cover(points, centre, np.full(2000, 1.0)), weight, 2000


def aed() -> Arrays:
    """3 000 parts of cells, few of which share a sub-cell within 208 m."""
    random = np.random.default_rng(3)
    centre = random.uniform(0, 60, (3000, 2))
    points = (centre[:, None] + random.uniform(-0.25, 0.25, (3000, 20, 2))).reshape(-1, 2)
    weight = np.repeat(random.pareto(1.5, 3000) * 5000 + 500, 20) / 343
    return *_cover(points, centre, np.full(3000, 0.208)), weight, 3000


def planar(m: int, n: int, radius: float, *, clustered: bool, seed: int = 4) -> Arrays:
    """Demand 1-100 in a square of side 30, uniform or around 40 centres."""
    random = np.random.default_rng(seed)

    def points(count: int) -> NDArray[np.float64]:
        if not clustered:
            return random.uniform(0, 30, (count, 2))
        centre = np.random.default_rng(5).uniform(0, 30, (40, 2))
        return centre[random.integers(0, 40, count)] + random.normal(0, 0.8, (count, 2))

    demand, candidate = points(m), points(n)
    weight = random.integers(1, 101, m).astype(np.float64)
    return *_cover(demand, candidate, np.full(n, radius)), weight, n


CASES = (
    Case("stores, cities served, 40 km", 1, lambda: stores(40.0, served=True)),
    Case("stores, cities served, 40 km", 4, lambda: stores(40.0, served=True)),
    Case("stores, cities served, 40 km", 10, lambda: stores(40.0, served=True)),
    Case("stores, nobody served, 60 km", 10, lambda: stores(60.0, served=False)),
    Case("stores, nobody served, 25 km", 40, lambda: stores(25.0, served=False)),
    Case("homes, 300 000 sub-cells", 40, homes),
    Case("AED, 60 000 sub-cells", 500, aed),
    Case("uniform 10 000 x 500, r 3", 20, lambda: planar(10_000, 500, 3.0, clustered=False)),
    Case("uniform 10 000 x 500, r 3.2", 20, lambda: planar(10_000, 500, 3.2, clustered=False)),
    Case("uniform 10 000 x 500, r 2", 50, lambda: planar(10_000, 500, 2.0, clustered=False)),
    Case("uniform 50 000 x 500, r 2", 50, lambda: planar(50_000, 500, 2.0, clustered=False)),
    Case("uniform 200 000 x 500, r 2", 50, lambda: planar(200_000, 500, 2.0, clustered=False)),
    Case("cover all, uniform 10 000 x 500, r 3.6", 0, lambda: planar(10_000, 500, 3.6, clustered=False)),
    Case("clustered 50 000 x 500, r 1", 20, lambda: planar(50_000, 500, 1.0, clustered=True)),
)


def ours(arrays: Arrays, p: int, limit_s: float) -> dict[str, float | str]:
    from boai.coverage.siting import lscp, mclp

    indptr, indices, weight, n = arrays
    if p:
        plan = mclp(indptr, indices, weight, n, p=p, time_limit_s=limit_s)
    else:
        plan = lscp(indptr, indices, weight, n, time_limit_s=limit_s)
    return {"objective": plan.objective, "bound": plan.bound, "status": plan.status}


def plain(arrays: Arrays, p: int, limit_s: float) -> dict[str, float | str]:
    """Max sum w z, z_r <= sum x_j, sum x <= p: one row per demand point with weight."""
    indptr, indices, weight, n = arrays
    m = len(weight)
    cover = csr_array((np.ones(len(indices)), indices, indptr), shape=(m, n))
    if not p:
        return _plain_cover(cover[np.diff(indptr) > 0], limit_s)
    matrix = block_array([[-cover, eye_array(m)], [csr_array(np.ones((1, n))), None]], format="csr")
    scale = 1e4 / weight.sum()
    result = milp(
        np.r_[np.zeros(n), -weight * scale],
        constraints=LinearConstraint(matrix, -np.inf, np.r_[np.zeros(m), p]),
        integrality=np.r_[np.ones(n), np.zeros(m)],
        bounds=Bounds(0, 1),
        options={"time_limit": limit_s},
    )
    objective = -result.fun / scale if result.fun is not None else float("nan")
    bound = -result.mip_dual_bound / scale if result.mip_dual_bound is not None else float("nan")
    return {
        "objective": objective,
        "bound": bound,
        "status": "optimal" if result.status == 0 else "time limit",
    }


def _plain_cover(cover: csr_array, limit_s: float) -> dict[str, float | str]:
    """Min sum x with a row of at least 1 for every demand point that can be covered."""
    result = milp(
        np.ones(cover.shape[1]),
        constraints=LinearConstraint(cover, 1, np.inf),
        integrality=1,
        bounds=Bounds(0, 1),
        options={"time_limit": limit_s},
    )
    found = result.fun if result.fun is not None else float("nan")
    bound = result.mip_dual_bound if result.mip_dual_bound is not None else float("nan")
    return {"objective": found, "bound": bound, "status": "optimal" if result.status == 0 else "time limit"}


def points_in_memory(m: int) -> None:
    """Print the 24 instances of Cordeau, Furini and Ljubić (2019): points x 100 candidates, square of 30."""
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import aggregate_points

    random = np.random.default_rng(6)
    candidates = random.uniform(0, 30, (100, 2)).round(6)
    x, y = random.uniform(0, 30, m).round(6), random.uniform(0, 30, m).round(6)
    weight = random.integers(1, 101, m).astype(np.int32)
    aggregate_points(x[:1000], y[:1000], weight[:1000], candidates, 3.0)  # compiled before
    print("| R | p | classes | merge s | CPU s | solve s | CPU s | objective | status |")
    print("|---|---|---|---|---|---|---|---|---|")
    for radius in (3.25, 3.5, 3.75, 4.0, 5.5, 5.75, 6.0, 6.25):
        for p in (10, 15, 20):
            started, cpu = time.perf_counter(), time.process_time()
            classes = aggregate_points(x, y, weight, candidates, radius)
            merged, merged_cpu = time.perf_counter() - started, time.process_time() - cpu
            plan = mclp(classes.indptr, classes.indices, classes.weight, 100, p=p)
            spent = time.perf_counter() - started - merged, time.process_time() - cpu - merged_cpu
            times = f"{merged:.2f} | {merged_cpu:.2f} | {spent[0]:.2f} | {spent[1]:.2f}"
            row = f"| {radius} | {p} | {len(classes.weight):,} | {times} |"
            print(f"{row} {plan.objective:,.0f} | {plan.status} |", flush=True)
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def points_streamed(m: int, chunk: int = 2_000_000) -> None:
    """Print one instance of m points x 100 candidates, made chunk by chunk and never held."""
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import PointStream

    random = np.random.default_rng(6)
    started, cpu = time.perf_counter(), time.process_time()
    stream = PointStream(random.uniform(0, 30, (100, 2)), 4.0)
    for _ in range(m // chunk):
        x, y = random.random((2, chunk), np.float32) * np.float32(30)
        stream.add(x, y, random.integers(1, 101, chunk, np.uint8))
    classes = stream.classes()
    plan = mclp(classes.indptr, classes.indices, classes.weight, 100, p=15)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{m:,} points streamed: {seconds:.1f} s, {cpu_s:.1f} CPU s with generation, {peak:,.0f} MB,", end=" "
    )
    print(f"{len(classes.weight):,} classes, {plan.objective:,.0f}, {plan.status}")


def measure(case: Case, solver: str, limit_s: float) -> dict[str, float | str]:
    """Solve one case in this process; the peak memory is that of the whole process."""
    arrays = case.make()
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, cpu = time.perf_counter(), time.process_time()
    found = {"ours": ours, "plain": plain}[solver](arrays, case.p, limit_s)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    shape = f"{len(arrays[2]):,} x {arrays[3]:,}, {len(arrays[1]):,} pairs"
    return found | {"s": seconds, "cpu_s": cpu_s, "mb": peak / 1024, "input_mb": base / 1024, "shape": shape}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds per solver and instance")
    parser.add_argument("--only", default="", help="part of an instance's name")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "SOLVER"), help=argparse.SUPPRESS)
    parser.add_argument("--points", type=int, help="the 24 instances with so many points in memory, instead")
    parser.add_argument("--stream", type=int, help="one instance with so many points streamed, instead")
    options = parser.parse_args()
    if options.points or options.stream:
        if options.points:
            points_in_memory(options.points)
        if options.stream:
            points_streamed(options.stream)
        return
    if options.one:
        print(json.dumps(measure(CASES[int(options.one[0])], options.one[1], options.limit)))
        return
    print("| instance | p | solver | s | CPU s | objective | bound | gap % | status | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for number, case in enumerate(CASES):
        if options.only not in case.name:
            continue
        for solver in ("ours", "plain"):
            command = [sys.executable, __file__, "--limit", str(options.limit), "--one", str(number), solver]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"| {case.name} | {case.p} | {solver} | failed | | | | | | |", flush=True)
                continue
            row = json.loads(done.stdout)
            gap = 100 * abs(row["bound"] - row["objective"]) / max(row["bound"], row["objective"])
            where = f"| {case.name} ({row['shape']}) | {case.p} | {solver} |"
            where += f" {row['s']:.2f} | {row['cpu_s']:.2f} |"
            found = f" {row['objective']:,.0f} | {row['bound']:,.0f} | {gap:.3f} | {row['status']} |"
            print(f"{where}{found} {row['mb']:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
