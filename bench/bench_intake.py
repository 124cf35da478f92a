"""Time the intake of large files: workbook, text, the shifts of coordinates, the verdict on their system.

    python bench/bench_intake.py                # 100 000 rows
    python bench/bench_intake.py --rows 10000

Every task runs in a fresh process, so that its memory is its own: megabytes at the peak beyond what the
imports take. Processor time includes making and checking the answers; where the wall clock shows more, the
machine was busy with other work. The files are made of random points in the real counties, in GCJ-02, with
nothing that names their system. What came out is checked before it is printed: all rows good, the system
found, and the coordinates within 1e-7 degrees of the true ones.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20240701
HEADER = (
    "编号",
    "名称",
    "设区市",
    "县区",
    "地址",
    "经度",
    "纬度",
    "状态",
    "年份",
    "保管人",
    "电话",
    "开放时间",
)
LIMITS = {"xlsx": 60.0, "csv": 10.0, "cells": 3.0, "shift": 1.0, "judge": 5.0}
"""Seconds that the tasks may take for 100 000 rows."""


def make_points(n: int) -> tuple[Any, Any, Any]:
    """Spread n points over the counties: WGS84 longitudes, latitudes and the positions of their counties."""
    from boai.geodata import boundaries

    units = boundaries.read_default()
    rng = np.random.default_rng(SEED)
    west, south, east, north = units.province.total_bounds
    lon, lat, county = np.empty(0), np.empty(0), np.empty(0, int)
    while len(lon) < n:
        x, y = np.round(rng.uniform(west, east, n), 6), np.round(rng.uniform(south, north, n), 6)
        found = boundaries.locate(units, x, y)
        lon, lat = np.append(lon, x[found >= 0]), np.append(lat, y[found >= 0])
        county = np.append(county, found[found >= 0])
    return lon[:n], lat[:n], county[:n]


def make_rows(n: int) -> list[tuple[Any, ...]]:
    """Describe n sites as an office would, coordinates in GCJ-02."""
    from boai.geodata import boundaries, datums

    lon, lat, county = make_points(n)
    x, y = datums.from_wgs84(lon, lat, system="GCJ-02")
    units = boundaries.read_default().counties
    names, cities = units["name"].to_list(), units["city_name"].to_list()
    return [
        (
            f"A{i:06d}", f"{names[c]}第{i}号点", cities[c], names[c], f"{names[c]}人民路{i % 900}号",
            x[i].item(), y[i].item(), "已建", 2015 + i % 9, f"保管员{i % 500}", f"138{i:08d}", "24小时",
        )
        for i, c in enumerate(county.tolist())
    ]  # fmt: skip


def make_files(folder: Path, n: int) -> None:
    """Write the rows as a workbook and as text."""
    import openpyxl

    rows = make_rows(n)
    with (folder / "a.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("AED")
    for row in (HEADER, *rows):
        sheet.append(row)
    book.save(folder / "a.xlsx")


def read_file(path: Path, n: int) -> tuple[float, str]:
    """Read a file as the intake does: seconds, and what came out."""
    from boai.geodata.intake import read

    begin = time.perf_counter()
    intake = read(path, kind="aed")
    seconds = time.perf_counter() - begin
    lon, lat, _ = make_points(n)
    sites = intake.sites.sort_values("id")
    if len(sites) != n or intake.verdict.system != "GCJ-02":
        raise SystemExit(f"{path.suffix}: {len(sites)} good rows, {intake.verdict.system}")
    off = max(np.abs(sites["lon"].to_numpy() - lon).max(), np.abs(sites["lat"].to_numpy() - lat).max())
    if off > 1e-7:
        raise SystemExit(f"{path.suffix}: coordinates off by {off} degrees")
    return seconds, f"{intake.verdict.status} {intake.verdict.system}, {len(sites)} rows"


def shift(_: Path, n: int) -> tuple[float, str]:
    """Turn BD-09 into WGS84."""
    from boai.geodata import datums

    lon, lat, _county = make_points(n)
    x, y = datums.from_wgs84(lon, lat, system="BD-09")
    begin = time.perf_counter()
    back = datums.to_wgs84(x, y, system="BD-09")
    seconds = time.perf_counter() - begin
    return seconds, f"error {max(np.abs(back[0] - lon).max(), np.abs(back[1] - lat).max()):.1e} degrees"


def judge(_: Path, n: int) -> tuple[float, str]:
    """Find the system of BD-09 points with their counties."""
    from boai.geodata import boundaries, datums
    from boai.geodata.intake import verdict

    units = boundaries.read_default()
    lon, lat, county = make_points(n)
    x, y = datums.from_wgs84(lon, lat, system="BD-09")
    begin = time.perf_counter()
    found = verdict.judge(x, y, units=units, county=county)
    return time.perf_counter() - begin, f"{found.status} {found.system}"


def read_xlsx(folder: Path, n: int) -> tuple[float, str]:
    """Read the workbook."""
    return read_file(folder / "a.xlsx", n)


def read_csv(folder: Path, n: int) -> tuple[float, str]:
    """Read the text file."""
    return read_file(folder / "a.csv", n)


def read_cells(folder: Path, n: int) -> tuple[float, str]:
    """Split the text file into cells, without a look at what they say."""
    from boai.geodata.intake.files import read_tables

    begin = time.perf_counter()
    (table,) = read_tables(folder / "a.csv").tables
    seconds = time.perf_counter() - begin
    if table.n_rows != n:
        raise SystemExit(f"cells: {table.n_rows} rows")
    return seconds, f"{table.n_rows} rows"


def export_xlsx(folder: Path, _: int) -> tuple[float, str]:
    """Write what was read as a workbook."""
    from boai.geodata.export import export_layer
    from boai.geodata.intake import read

    sites = read(folder / "a.csv", kind="aed").sites
    begin = time.perf_counter()
    export_layer(sites, "aed", folder / "out.xlsx", system="GCJ-02")
    return time.perf_counter() - begin, f"{(folder / 'out.xlsx').stat().st_size / 1e6:.0f} MB"


TASKS: dict[str, Callable[[Path, int], tuple[float, str]]] = {
    "xlsx": read_xlsx,
    "csv": read_csv,
    "cells": read_cells,
    "shift": shift,
    "judge": judge,
    "export": export_xlsx,
}


def measure(task: str, folder: Path, n: int) -> tuple[float, float, float, str]:
    """Run a task in this (fresh) process: seconds, those of the processor, megabytes, a remark."""
    import boai.geodata.export
    import boai.geodata.intake.pipeline  # noqa: F401

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    seconds, remark = TASKS[task](folder, n)
    busy = time.process_time() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit / 1e6
    return seconds, busy, peak, remark


def main() -> None:
    """Run the tasks that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], help="default: all")
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()
    start = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with start.Pool(1) as pool:
            pool.apply(make_files, (folder, options.rows))
        print(f"{options.rows} rows")
        print(f"{'task':10} {'time':>10} {'processor':>10} {'limit':>8} {'peak':>10}  result")
        for task in options.tasks or TASKS:
            with start.Pool(1) as pool:
                seconds, busy, peak, remark = pool.apply(measure, (task, folder, options.rows))
            limit = f"{LIMITS[task]:.0f} s" if task in LIMITS else "-"
            print(f"{task:10} {seconds:8.2f} s {busy:8.2f} s {limit:>8} {peak:7.0f} MB  {remark}", flush=True)


if __name__ == "__main__":
    main()
