"""Tens of millions of demand points: merged in memory, read from Parquet, or made chunk by chunk."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from siting_instances import Plane, cordeau

Found = dict[str, Any]

RADII = (3.25, 3.5, 3.75, 4.0, 5.5, 5.75, 6.0, 6.25)
SITES = (10, 15, 20)
CHUNK = 2_000_000


def _columns(plane: Plane) -> tuple[Any, Any, Any]:
    x, y = (np.ascontiguousarray(plane.demand[:, axis]) for axis in (0, 1))
    return x, y, plane.weight


def _warm_up(x: Any, y: Any, weight: Any, candidates: Any) -> None:
    """Let the kernels for arrays of these types come from disk, or be compiled, before the clock runs."""
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import aggregate_points

    small = aggregate_points(x[:9999], y[:9999], weight[:9999], candidates, 3.0)
    mclp(small.indptr, small.indices, small.weight, len(candidates), p=10)


def in_memory(m: int, n: int, limit_s: float) -> Found:
    """The 24 instances of Cordeau, Furini and Ljubić (2019): merge and solve each; the worst of them."""
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import aggregate_points

    plane = cordeau(n, m)
    (x, y, weight), candidates = _columns(plane), plane.candidates
    del plane
    _warm_up(x, y, weight, candidates)
    rows: list[Found] = []
    for radius in RADII:
        for p in SITES:
            started, cpu = time.perf_counter(), time.process_time()
            classes = aggregate_points(x, y, weight, candidates, radius)
            merged, merged_cpu = time.perf_counter() - started, time.process_time() - cpu
            plan = mclp(classes.indptr, classes.indices, classes.weight, n, p=p, time_limit_s=limit_s)
            spent, spent_cpu = time.perf_counter() - started, time.process_time() - cpu
            name = f"R {radius}, p {p}, {len(classes.weight):,} classes"
            rows.append({"name": name, "s": spent, "cpu_s": spent_cpu, "merge_s": merged} | _told(plan))
            rows[-1]["merge_cpu_s"] = merged_cpu
    worst = max(rows, key=lambda row: row["s"])
    proven = sum(row["status"] == "optimal" for row in rows)
    note = f"worst {worst['name']}, of it merging {worst['merge_s']:.2f} s; "
    note += f"all together {sum(row['cpu_s'] for row in rows):.1f} CPU s, "
    note += f"of it merging {sum(row['merge_cpu_s'] for row in rows):.1f}"
    return worst | {"status": f"{proven}/{len(rows)} proven", "note": note, "rows": rows}


def _told(plan: Any) -> Found:
    return {"objective": plan.objective, "bound": plan.bound, "status": plan.status}


def from_parquet(m: int, n: int, limit_s: float) -> Found:
    """The hardest number of sites of each radius again, each with the points read from a file anew."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import PointStream

    plane = cordeau(n, m)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.parquet"
        x, y, weight = _columns(plane)
        pq.write_table(
            pa.table({"x": x, "y": y, "weight": weight.astype(np.uint8)}), path, compression="snappy"
        )
        megabytes, candidates = path.stat().st_size / 1e6, plane.candidates
        del plane, x, y, weight
        rows: list[Found] = []
        first = next(pq.ParquetFile(path).iter_batches(9999))
        _warm_up(*(first.column(name).to_numpy() for name in ("x", "y", "weight")), candidates)
        for radius in RADII:
            started, cpu = time.perf_counter(), time.process_time()
            stream = PointStream(candidates, radius)
            for batch in pq.ParquetFile(path).iter_batches(CHUNK):
                stream.add(*(batch.column(name).to_numpy() for name in ("x", "y", "weight")))
            classes = stream.classes()
            plan = mclp(classes.indptr, classes.indices, classes.weight, n, p=10, time_limit_s=limit_s)
            spent, spent_cpu = time.perf_counter() - started, time.process_time() - cpu
            rows.append({"name": f"R {radius}, p 10", "s": spent, "cpu_s": spent_cpu} | _told(plan))
    worst = max(rows, key=lambda row: row["s"])
    proven = sum(row["status"] == "optimal" for row in rows)
    note = f"worst {worst['name']}; file of {megabytes:,.0f} MB, in the cache of the system"
    return worst | {"status": f"{proven}/{len(rows)} proven", "note": note, "rows": rows}


def streamed(m: int, n: int, limit_s: float) -> Found:
    """One instance, radius 4, 15 sites, made chunk by chunk and never held; the seconds with generation."""
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import PointStream

    random = np.random.default_rng(6)
    candidates = random.uniform(0, 30, (n, 2))
    few = random.random((2, 9999), np.float32) * np.float32(30)
    _warm_up(*few, random.integers(1, 101, 9999, np.uint8), candidates)
    stream = PointStream(candidates, 4.0)
    started, cpu = time.perf_counter(), time.process_time()
    for begin in range(0, m, CHUNK):
        count = min(CHUNK, m - begin)
        x, y = random.random((2, count), np.float32) * np.float32(30)
        stream.add(x, y, random.integers(1, 101, count, np.uint8))
    classes = stream.classes()
    merged = time.perf_counter() - started
    plan = mclp(classes.indptr, classes.indices, classes.weight, n, p=15, time_limit_s=limit_s)
    spent, spent_cpu = time.perf_counter() - started, time.process_time() - cpu
    note = f"{len(classes.weight):,} classes, of it making and merging {merged:.1f} s"
    return {"s": spent, "cpu_s": spent_cpu, "note": note} | _told(plan)


def many_candidates(m: int, n: int, limit_s: float) -> Found:
    """A thousand candidates, radius 2, 50 sites: tens of thousands of classes are left."""
    from boai.coverage.siting import mclp
    from boai.coverage.siting.aggregate import aggregate_points

    plane = cordeau(n, m)
    (x, y, weight), candidates = _columns(plane), plane.candidates
    del plane
    _warm_up(x, y, weight, candidates)
    started, cpu = time.perf_counter(), time.process_time()
    classes = aggregate_points(x, y, weight, candidates, 2.0)
    merged = time.perf_counter() - started
    plan = mclp(classes.indptr, classes.indices, classes.weight, n, p=50, time_limit_s=limit_s - merged)
    spent, spent_cpu = time.perf_counter() - started, time.process_time() - cpu
    note = f"{len(classes.weight):,} classes, of it merging {merged:.1f} s"
    return {"s": spent, "cpu_s": spent_cpu, "note": note} | _told(plan)
