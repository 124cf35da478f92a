"""How long wall sheets take: each by itself in one process, and all cities and counties in one batch.

    python bench/bench_sheets.py --workspace demo
    python bench/bench_sheets.py --workspace demo --sample 20 --no-batch --size A0

CPU seconds are those of this process, whatever else the machine does; wall seconds hold with its load, which
is told. The batch writes into a folder of its own, which goes afterwards.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

PER_SHEET_S = 600 * 2 / 111
"""What one of 111 sheets may take in CPU time for ten minutes on two processors."""


def main() -> None:
    """Measure, and print a table."""
    asked = _arguments()
    root = Path(asked.workspace)
    jobs, results = _jobs(root, asked)
    sys.stdout.write(f"{len(jobs)} 张 {asked.size} {asked.theme} {asked.kind}, 负载 {_load()}\n")
    every = max(1, len(jobs) // asked.sample)
    _measure_each(root, jobs[::every], results)
    if not asked.no_batch:
        _measure_batch(root, jobs, asked.processes)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", default="demo")
    parser.add_argument("--theme", default="gaps", choices=("layer", "gaps", "scenario", "comparison"))
    parser.add_argument("--kind", default="warehouse")
    parser.add_argument("--scenario", default="baseline")
    parser.add_argument("--size", default="A3", choices=("A4", "A3", "A1", "A0"))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, default=20, help="sheets that are measured one by one")
    parser.add_argument("--no-batch", action="store_true")
    return parser.parse_args()


def _jobs(root: Path, asked: Any) -> tuple[list[Any], tuple[str, ...]]:
    from boai.app.answers import results_of
    from boai.app.publish.batch_jobs import Wanted, make_jobs, units_of
    from boai.geodata import gazetteer

    results = results_of(root, [] if asked.scenario != "baseline" else ["baseline"])
    wanted = Wanted(
        of=("市", "县"),
        themes=(asked.theme,),
        kinds=(asked.kind,),
        scenarios=(asked.scenario,),
        size=asked.size,
    )
    jobs = make_jobs(wanted, units_of(root), results, gazetteer.load(root / "gazetteer"))
    return jobs, tuple(result.name for result in results)


def _measure_each(root: Path, jobs: Sequence[Any], names: tuple[str, ...]) -> None:
    """Draw some sheets in this process; the first opens everything, and is told apart."""
    from boai.app.publish.batch_worker import Drawer, Setting
    from boai.maps.public import Release

    drawer, spent, bytes_of = Drawer(Setting(root, names, Release())), list[float](), list[int]()
    with tempfile.TemporaryDirectory() as folder:
        for job in [replace(jobs[0], formats=("pdf",)), *jobs]:
            began = time.process_time()
            done = drawer.draw(job, Path(folder))
            spent.append(time.process_time() - began)
            if done.problem:
                raise SystemExit(done.problem)
            bytes_of.append(sum(path.stat().st_size for path in done.files))
    first, each = spent[0], np.array(spent[1:])
    told = (
        f"中位 {np.median(each):.2f} 秒, 九五分位 {np.quantile(each, 0.95):.2f} 秒, 最多 {each.max():.2f} 秒"
    )
    sys.stdout.write(f"单张 (CPU, {len(each)} 张): {told}; 打开数据和第一张 {first:.1f} 秒\n")
    sys.stdout.write(
        f"一个进程的内存峰值 {done.memory_mb:,.0f} MB; 一张的文件 {np.mean(bytes_of[1:]) / 1e6:.2f} MB\n"
    )
    sys.stdout.write(f"111 张 A3 两个处理器 10 分钟的预算: 每张 {PER_SHEET_S:.1f} 秒 CPU\n")


def _measure_batch(root: Path, jobs: Sequence[Any], processes: int) -> None:
    from boai.app.publish.batch import run

    with tempfile.TemporaryDirectory() as folder:
        before, load = os.times(), _load()
        done = run(root, jobs, Path(folder) / "sheets", processes=processes)
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        told = f"{done.drawn} 张, 没有画成 {len(done.failures)} 张, {done.seconds:.0f} 秒, CPU {cpu:.0f} 秒"
        sys.stdout.write(f"整批 ({done.processes} 个进程): {told}, 内存合计 {done.memory_mb:,.0f} MB, ")
        sys.stdout.write(f"负载 {load} → {_load()}\n")


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "不详"


if __name__ == "__main__":
    main()
