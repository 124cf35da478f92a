"""A client that asks a desk's server as fast as it answers, and notes how long each answer took.

    python bench/desk_load.py PORT POINTS.json CONNECTIONS SECONDS

Runs in a process of its own, so that client and server do not share an interpreter. Each connection is kept
open and asks one question after the other. Prints one JSON object.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from itertools import cycle
from pathlib import Path
from typing import Any


def ask(port: int, paths: list[str], until: float, into: list[float], wrong: list[str]) -> None:
    """Ask over one connection until the time is up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for path in cycle(paths):
        began = time.perf_counter()
        if began > until:
            break
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        into.append(time.perf_counter() - began)
        if response.status != 200 or b'"sites"' not in body:
            wrong.append(f"{response.status} {body[:200]!r}")
    connection.close()


def load(port: int, paths: list[str], connections: int, seconds: float) -> dict[str, Any]:
    """Ask over several connections, each beginning elsewhere in the list."""
    took: list[float] = []
    wrong: list[str] = []
    began = time.perf_counter()
    shares = [paths[number::connections] or paths for number in range(connections)]
    threads = [
        threading.Thread(target=ask, args=(port, share, began + seconds, took, wrong)) for share in shares
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - began, "took": took, "wrong": wrong[:3]}


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    print(json.dumps(load(int(sys.argv[1]), given, int(sys.argv[3]), float(sys.argv[4]))))
