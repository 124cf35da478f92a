"""Time the registry at size: a GeoPackage and a PostGIS server, one process per store and size.

``python bench/bench_registry.py [--sites 10000 100000 1000000] [--postgis postgresql://…]`` prints a Markdown
table: seconds to import (with history), to import it again, to change 1 % of the sites, to undo that, to
change one site as a file does (which reads the layer to match the rows), to ask for one county and for a
box, to read and to verify all; processor seconds of the client (the rest went to the server or to other work
of the machine), size on disk and peak memory of the client. Without ``--postgis`` a private server is started
from the installed binaries; where there are none, PostGIS is left out with a reason.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from boai.geodata.registry import Change, open_registry

COLUMNS = (
    "import", "again", "change 1 %", "undo", "one site", "county", "box", "read all", "verify", "processor",
    "MB on disk", "MB memory",
)  # fmt: skip


def make_sites(n: int) -> pd.DataFrame:
    """Sites all over Jiangxi in 100 counties, filled as an office's file of AEDs is."""
    random = np.random.default_rng(1)
    county = random.integers(0, 100, n)
    number = np.arange(n)
    return pd.DataFrame(
        {
            "id": [f"aed-{i:07d}" for i in number],
            "name": [f"第{i}处AED" for i in number],
            "city": [f"第{i // 10}市" for i in county],
            "county": [f"第{i}县" for i in county],
            "county_code": [f"36{i:04d}" for i in county],
            "address": [f"某街道{i % 997}号" for i in number],
            "lon": random.uniform(113.6, 118.5, n).round(6),
            "lat": random.uniform(24.5, 30.1, n).round(6),
            "status": "已建",
            "phone": [f"1380000{i % 10000:04d}" for i in number],
            "brand": random.choice(["甲", "乙", "丙"], n),
            "example": False,
        }
    )


def measure(target: str, n: int) -> dict[str, float]:
    """Time each operation on a fresh registry."""
    sites, took = make_sites(n), {}
    began = time.process_time()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        took[name] = time.perf_counter() - start
        return result

    with open_registry(target, create=True) as registry:
        facts = {"who": "bench", "file": "aed.xlsx"}
        timed("import", lambda: registry.apply("aed", sites, **facts))
        timed("again", lambda: registry.apply("aed", sites, **facts))
        few = sites[::100].assign(phone="0791-86210000")
        timed("change 1 %", lambda: registry.apply("aed", few, **facts))
        timed("undo", lambda: registry.undo(who="bench"))
        one = sites.iloc[:1].assign(phone="0791-86210001")
        timed("one site", lambda: registry.update("aed", lambda _: Change(one), **facts))
        county = timed("county", lambda: registry.sites("aed", county="第42县"))
        box = timed("box", lambda: registry.sites("aed", bbox=(115.8, 28.6, 116.0, 28.8)))
        assert set(county["id"]) == set(sites.query("county == '第42县'")["id"])
        assert len(box) == (sites["lon"].between(115.8, 116.0) & sites["lat"].between(28.6, 28.8)).sum()
        assert len(timed("read all", lambda: registry.sites("aed"))) == n
        timed("verify", registry.verify)
    took["processor"] = time.process_time() - began
    took["MB memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took


def _size_mb(target: str) -> float:
    if "://" not in target:
        return Path(target).stat().st_size / 1e6
    import psycopg

    with psycopg.connect(target) as connection:
        return connection.execute("SELECT pg_database_size(current_database())").fetchone()[0] / 1e6


def _measure_apart(target: str, n: int) -> dict[str, float]:
    """Measure in a process of its own, for its memory."""
    how = [sys.executable, __file__, "--one", target, str(n)]
    done = subprocess.run(how, check=True, capture_output=True, text=True)
    return {**json.loads(done.stdout), "MB on disk": _size_mb(target)}


def _databases(address: str | None) -> Callable[[], str] | None:
    """Give fresh databases of a server: the named one, or a private one."""
    if address is not None:
        return lambda: address
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    import pytest
    from postgis import start_server

    try:
        return start_server().new_database
    except pytest.skip.Exception as reason:
        print(f"PostGIS: {reason}", file=sys.stderr)
        return None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--postgis")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    new_database = _databases(options.postgis)
    print(f"| store | sites | {' | '.join(COLUMNS)} |")
    print("|" + "---|" * (len(COLUMNS) + 2))
    for n in options.sites:
        with tempfile.TemporaryDirectory() as folder:
            targets = {"GeoPackage": f"{folder}/layers.gpkg"}
            if new_database is not None:
                targets["PostGIS"] = new_database()
            for store, target in targets.items():
                took = _measure_apart(target, n)
                cells = [f"{took[name]:.0f}" if "MB" in name else f"{took[name]:.2f}" for name in COLUMNS]
                print(f"| {store} | {n:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
