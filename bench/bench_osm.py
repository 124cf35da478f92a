"""Time the import of OpenStreetMap files, each row in a fresh process.

    python bench/bench_osm.py                        # all rows
    python bench/bench_osm.py --only fast-large      # one row

CPU seconds (of all threads), seconds on the clock, and megabytes at the peak beyond what the imports take.
Porto is ../shared/data/osm/porto_portugal.osm.pbf; the large file is Porto 13 times side by side with other
ids, some 41.5 MB, made once in a temporary folder. A row warms up first where it says so: the kernels are
compiled, or loaded from disk, before the clock starts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import osm_networks
from osm_copies import multiply

OSM = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "osm"
PORTO = OSM / "porto_portugal.osm.pbf"
FOLDER = Path(tempfile.gettempdir()) / "boai-bench-osm"
COPIES = 13


@dataclass(frozen=True)
class Row:
    """One measured job."""

    job: Callable[[], str]
    """Does it and returns a remark."""
    warm: Callable[[], object]
    """What comes before the clock starts."""


def large() -> Path:
    """Return the multiplied Porto, made where it is missing."""
    path = FOLDER / f"porto_x{COPIES}.osm.pbf"
    if not path.exists():
        FOLDER.mkdir(exist_ok=True)
        making = path.with_suffix(".making")
        multiply(PORTO, making, COPIES)
        making.replace(path)
    return path


def _read(path: Path, reader: str) -> str:
    from boai.geodata.osm.reading import read_raw

    raw = read_raw(path, reader=reader)
    mb = path.stat().st_size / 1e6
    return f"{mb:.1f} MB: {len(raw.way_id)} roads, {len(raw.node_id)} of {raw.counts['nodes']} nodes"


def _kernels() -> object:
    return _read(OSM / "helsinki.osm.pbf", "fast")


def _osmium() -> object:
    return _read(OSM / "helsinki.osm.pbf", "osmium")


def _plain_osmium() -> str:
    """Read roads with their coordinates as a script would: pyosmium, one pass, no counts."""
    import osmium

    roads = points = 0
    objects = (
        osmium.FileProcessor(str(large())).with_locations().with_filter(osmium.filter.KeyFilter("highway"))
    )
    for found in objects:
        if found.is_way():
            roads += 1
            points += len([(node.ref, node.location.x, node.location.y) for node in found.nodes])
    return f"{roads} ways, {points} references"


ROWS: dict[str, Row] = {
    "fast-porto": Row(lambda: _read(PORTO, "fast"), _kernels),
    "osmium-porto": Row(lambda: _read(PORTO, "osmium"), _osmium),
    "fast-large": Row(lambda: _read(large(), "fast"), _kernels),
    "osmium-large": Row(lambda: _read(large(), "osmium"), _osmium),
    "plain-osmium-large": Row(_plain_osmium, lambda: None),
} | {
    name: Row(*both) for name, both in osm_networks.rows(PORTO, FOLDER, OSM / "liechtenstein.osm.pbf").items()
}


def measure(name: str) -> tuple[float, float, float, str]:
    """Run a row in this (fresh) process: CPU seconds, clock seconds, megabytes, remark."""
    row = ROWS[name]
    row.warm()
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy, begin = time.process_time(), time.perf_counter()
    remark = row.job()
    busy, clock = time.process_time() - busy, time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return busy, clock, peak * unit / 1e6, remark


def main() -> None:
    """Run the rows that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=ROWS, help="a row; may come again")
    options = parser.parse_args()
    if not PORTO.exists():
        sys.exit("../shared/data/osm is not here")
    start = multiprocessing.get_context("spawn")
    with start.Pool(1) as pool:  # apart, for a process inherits the peak of its parent's memory
        pool.apply(large)
    print(f"{'row':20} {'processor':>10} {'clock':>9} {'peak':>8}  result")
    for name in options.only or ROWS:
        with start.Pool(1) as pool:
            busy, clock, peak, remark = pool.apply(measure, (name,))
        print(f"{name:20} {busy:8.2f} s {clock:7.2f} s {peak:5.0f} MB  {remark}", flush=True)


if __name__ == "__main__":
    main()
