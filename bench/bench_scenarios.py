"""Measure many scenarios in one call.

    python bench/bench_scenarios.py demo --number 200 --processes 2

The workspace, such as that of ``make demo``, is copied; the scenarios are a mix of what offices ask: sites
opened, closed and moved at many places, roads blocked, other standards, siting of one to three stores or
teams. Printed are wall time, processor time of all processes, the load of the machine, and what was reused.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("warehouse", "team", "home", "aed")
ROADS = ("G60", "G70", "G56", "G45", "G35", "G72", "G105", "G320")


def scenarios(root: Path, number: int) -> list[dict[str, Any]]:
    """Make the scenarios: the same for the same workspace."""
    from boai.app.workspace import load_world, open_workspace

    world, draw = load_world(open_workspace(root)), np.random.default_rng(7)
    demand = world.demand
    dense = np.argsort(-demand.residents)[:4000]
    made = []
    for i in range(number):
        kind = KINDS[i // 8 % 4]
        table = world.layers[kind].table
        cell = int(draw.choice(dense))
        place = {"lon": round(float(demand.lon[cell]), 6), "lat": round(float(demand.lat[cell]), 6)}
        site = {"kind": kind, "id": str(table["id"].iloc[int(draw.integers(len(table)))])}
        stored = ("warehouse", "team")[i // 8 % 2]
        siting = {"kind": stored, "year": 2025, "number": int(draw.integers(1, 4))}
        body = (
            {"changes": [{"open": {"kind": kind, "name": f"新{i}", "year": 2025, **place}}]},
            {"changes": [{"close": site}]},
            {"changes": [{"move": {**site, **place}}]},
            {"changes": [{"block": {"near": {**place, "within_m": 3000}}}]},
            {"standards": {"warehouse": int(draw.choice([60, 120])), "team": int(draw.choice([60, 120]))}},
            {"siting": [siting]},
            {"changes": [{"close": site}], "siting": [siting]},
            {"changes": [{"block": {"road": [str(draw.choice(ROADS))]}}], "siting": [siting]},
        )[i % 8]
        made.append({"name": f"s{i:03d}", "title": f"方案{i}", **body})
    return made


def write(root: Path, number: int) -> Path:
    """Write the scenarios as YAML (JSON is YAML); those that do not fit this world are left out."""
    folder = root / "scenarios"
    folder.mkdir(exist_ok=True)
    for one in scenarios(root, number):
        (folder / f"{one['name']}.yaml").write_text(json.dumps(one, ensure_ascii=False), encoding="utf-8")
    return folder


def cpu_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    """Run and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--number", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(asked.workspace, Path(folder) / "w"))
        shutil.rmtree(root / "results", ignore_errors=True)
        own = write(root, asked.number)
        measure(root, own, asked.processes)


def measure(root: Path, own: Path, processes: int) -> None:
    """Run all in one call, then again, then one of them as a process of its own."""
    from boai.app.runs import run_many
    from boai.scenarios.results import read_times

    for name in ("first call", "second call"):
        began, used = time.perf_counter(), cpu_s()
        reports = run_many(
            root, [own], processes=processes, progress=lambda text: print(text, file=sys.stderr)
        )
        wall, cpu = time.perf_counter() - began, cpu_s() - used
        outcomes = dict(Counter(report.outcome for report in reports))
        print(f"{name}: {len(reports)} scenarios {outcomes}")
        print(f"  wall {wall:.1f} s, CPU {cpu:.1f} s, load {os.getloadavg()[0]:.1f}")
        for report in reports:
            if report.problems:
                print(f"  {report.name}: {report.problems[0]}")
    reused, computed, seconds = Counter[str](), Counter[str](), Counter[str]()
    for report in reports:
        if report.folder is not None:
            times = read_times(report.folder)
            reused.update(times["reused"])
            computed.update(times["computed"])
            seconds.update(times["seconds"])
    print("reused  ", dict(reused))
    print("computed", dict(computed))
    print("seconds ", {name: round(value, 1) for name, value in seconds.items()})
    results = root / "results"
    size = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    kept = sum(path.stat().st_size for path in (results / ".cache").iterdir())
    print(f"on disk: results {(size - kept) / 1e6:.0f} MB, cache {kept / 1e6:.0f} MB")
    code = (
        "import sys; from pathlib import Path; from boai.app.runs import run_many; "
        "print([one.outcome for one in run_many(Path(sys.argv[1]), ['s000'])])"
    )
    began, used = time.perf_counter(), cpu_s()
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)
    wall, cpu = time.perf_counter() - began, cpu_s() - used
    print(f"one unchanged scenario, whole process: wall {wall:.2f} s, CPU {cpu:.2f} s")


if __name__ == "__main__":
    main()
