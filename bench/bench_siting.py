"""Siting at the size of a province, against PySAL spopt (CBC and HiGHS), one process for each run.

    python bench/bench_siting.py                          # an hour; every row of the table
    python bench/bench_siting.py --quick                  # two minutes: small rows, short limits
    python bench/bench_siting.py --only "50 000" --peer-limit 900
    python bench/bench_siting.py --no-peers --list

Prints a Markdown table: wall and CPU seconds of the call alone (compiled kernels on disk), the peak memory of
the process with its input, and how many times longer the peer took, building included. The peer's time limit
counts for building and solving together, so a ratio from an unproven peer says "at least".
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import siting_cases as cases
from siting_cases import CASES, Case

COLUMNS = "instance|goal|solver|wall s|CPU s|objective|bound|gap %|status|peak MB|x ours|notes"
OTHERS = ("bench_median.py", "bench_capacity.py")
"""Measured by benchmarks of their own, which print tables of their own."""


def measure(number: int, solver: str, limit_s: float) -> dict[str, Any]:
    """Run one case in this process."""
    case = CASES[number]
    job, shape = cases.ours(case, limit_s) if solver == "boai" else cases.peer(case, solver, limit_s)
    started, cpu, children = time.perf_counter(), time.process_time(), _children_s()
    found = job()
    spent, cpu_s = time.perf_counter() - started, time.process_time() - cpu + _children_s() - children
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {"s": spent, "cpu_s": cpu_s} | shape | found | {"mb": peak / 1024}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # CBC is a program of its own
    return used.ru_utime + used.ru_stime


def run(case: Case, solver: str, limit_s: float) -> dict[str, Any]:
    """Run one case in a process of its own, which is ended where it does not end by itself."""
    command = [sys.executable, __file__, "--one", str(CASES.index(case)), solver, "--limit", str(limit_s)]
    patience = limit_s * 1.5 + 120 if solver != "boai" else 1800
    pipe = subprocess.PIPE
    # A group of its own: CBC is a child of the child, and would run on after its parent is ended.
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as child:
        try:
            out, err = child.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            return {"s": patience, "status": "ended from outside, no answer"}
        finally:
            _end_group(child.pid)
    if child.returncode:
        return {"status": "failed: " + (err.strip().splitlines() or ["no message"])[-1][:90]}
    return dict(json.loads(out.splitlines()[-1]))


def _end_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # all have ended
        os.killpg(group, signal.SIGKILL)


def line(case: Case, solver: str, row: dict[str, Any], own: dict[str, Any] | None) -> str:
    """One row of the table."""

    def number(name: str, form: str) -> str:
        return f"{row[name]:{form}}" if row.get(name) is not None else ""

    gap, ratio = "", ""
    if row.get("bound") is not None and row.get("objective"):
        most = max(abs(row["bound"]), abs(row["objective"]))
        gap = f"{100 * abs(row['bound'] - row['objective']) / most:.3f}"
    elif "gap" in row:
        gap = f"{100 * row['gap']:.3f}"
    if own and own.get("s") and row.get("s"):
        least = "" if row["status"] == "proven" else ">= "
        ratio = f"{least}{row['s'] / own['s']:,.0f}"
    notes = [f"built in {row['build_s']:.0f} s"] if "build_s" in row else []
    notes += [text for text in (row.get("shape"), row.get("note"), case.note if own is None else "") if text]
    cells = (
        case.name, case.goal if own is None else "", solver, number("s", ".2f"), number("cpu_s", ".2f"),
        number("objective", ",.10g"), number("bound", ",.10g"), gap, row["status"], number("mb", ",.0f"),
        ratio, "; ".join(notes),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def table(chosen: list[Case], options: argparse.Namespace) -> None:
    """Run what was chosen and print the table row by row."""
    print(f"Load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.\n")
    print(f"|{COLUMNS}|\n" + "|---" * 12 + "|")
    for case in chosen:
        own = run(case, "boai", options.limit)
        print(line(case, "boai", own, None), flush=True)
        for solver in () if options.no_peers else case.solvers:
            if solver.startswith("spopt") and case.peer_build_s > options.peer_limit:
                row = {"status": f"not begun: builds for about {case.peer_build_s:.0f} s"}
            else:
                row = run(case, solver, options.peer_limit)
            print(line(case, solver, row, own), flush=True)
        if options.detail:
            for part in own.get("rows", ()):
                print(line(case, part["name"], part, {}), flush=True)
    print(f"\nLoad after: {os.getloadavg()[0]:.1f}.")


def main() -> None:
    """Choose, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for our own solvers")
    parser.add_argument("--peer-limit", type=float, default=200.0, help="seconds for a peer, with building")
    parser.add_argument("--only", action="append", default=[], help="part of an instance's name; repeatable")
    parser.add_argument("--quick", action="store_true", help="small rows, peers within a minute and a half")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--detail", action="store_true", help="every instance of a group")
    parser.add_argument("--list", action="store_true", help="name the instances and stop")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "SOLVER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(int(options.one[0]), options.one[1], options.limit)))
        return
    if options.quick:
        options.peer_limit = min(options.peer_limit, 90.0)
    named = [case for case in CASES if all(part in case.name for part in options.only)]
    chosen = [case for case in named if case.quick or not options.quick]
    if options.list:
        print("\n".join(case.name for case in chosen))
        return
    table(chosen, options)
    for other in OTHERS:
        path = Path(__file__).with_name(other)
        if path.exists() and not options.only and not options.quick:
            print(f"\n{other}:\n", flush=True)
            subprocess.run([sys.executable, str(path)], check=False)


if __name__ == "__main__":
    main()
