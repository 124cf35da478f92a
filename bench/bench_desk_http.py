"""The emergency desk over HTTP on this machine: requests a second, percentiles, start, a closed road, memory.

    python bench/bench_desk_http.py                       # demo and a network of 1.5 M nodes, some minutes
    python bench/bench_desk_http.py --quick               # the demo alone, a minute
    python bench/bench_desk_http.py --workspace DIR …     # own workspaces

One worker process answers ``GET /nearest`` (k = 3 with routes, cards and compliance) at points drawn among
the residents, while roads are closed; a client in a process of its own asks over 1 and over 8 connections.
Peers in the same run, on the same points, sites and closures: a plain FastAPI handler that answers with
networkx (one Dijkstra from the point against the roads, then the paths), and on the large network one with
scipy's Dijkstra. Prints Markdown tables with the ratios. CPU seconds are of the server alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PARTS = ("boai.json", "boundaries.gpkg", "outline", "gazetteer", "demand", "network", "layers.gpkg")
SEED, POINTS, CLOSED_SHARE = 20261122, 400, 0.002
WARMING = 20
"""Questions after which the server makes ready what answers quickly while roads are closed."""
MOST_OF_NETWORKX = 200_000
"""Nodes of the largest network that networkx answers on: on 1.5 M it needs 4 GB and half a minute."""
_TICKS = os.sysconf("SC_CLK_TCK")
DESK = """
import sys
from pathlib import Path
from boai.app.server.serve import serve
serve(Path(sys.argv[2]), port=int(sys.argv[1]), reads="1000000/second", writes="1000000/second")
"""
"""The server of ``boai desk serve``, without limits on the rate of questions."""
PEER = """
import sys, uvicorn
uvicorn.run("desk_peer:make", factory=True, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


@contextmanager
def serving(root: Path, peer: str = "") -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the desk's server, or a peer, in a process of its own: (process, port)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", PEER if peer else DESK, str(port), str(root)]
    environment = {**os.environ, "DESK_PEER": peer, "DESK_ROOT": str(root)}
    process = subprocess.Popen(command, env=environment, cwd=HERE)
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(20)


def fetch(port: int, path: str, *, body: Any = None, token: str = "") -> tuple[int, Any]:
    """Ask once over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    method = "GET" if body is None else "POST"
    connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
    response = connection.getresponse()
    content = json.loads(response.read())
    connection.close()
    return response.status, content


def first_answer_s(port: int, path: str, began: float) -> float:
    """Seconds from the start of the process to its first answer."""
    while True:
        try:
            status, _ = fetch(port, path)
        except OSError:
            time.sleep(0.005)
            continue
        assert status == 200, status
        return time.perf_counter() - began


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def settle(pid: int, *, most_s: float = 60) -> None:
    """Wait until a server has made what it makes behind its first answers, and is idle."""
    until = time.perf_counter() + most_s
    while time.perf_counter() < until:
        before = cpu_s(pid)
        time.sleep(1)
        if cpu_s(pid) - before < 0.05:
            return


def memory_mb(pid: int) -> tuple[float, float]:
    """(own, peak) memory of a process in MB; own leaves out what files and other processes share."""
    rollup = {
        parts[0]: int(parts[1])
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        if len(parts := line.replace(":", "").split()) >= 2 and parts[1].isdigit()
    }
    peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line[:6] == "VmHWM:")
    return (rollup["Private_Clean"] + rollup["Private_Dirty"]) / 1024, int(peak.split()[1]) / 1024


def points_of(root: Path) -> list[tuple[float, float]]:
    """Draw places among the residents."""
    from boai.geodata import demand

    people = demand.load(root / "demand")
    rng = np.random.default_rng(SEED)
    at = rng.choice(len(people.lon), POINTS, p=people.residents / people.residents.sum())
    return [(round(float(people.lon[i]), 5), round(float(people.lat[i]), 5)) for i in at]


def close_roads(root: Path) -> int:
    """Close some roads for everybody, as desks do: returns the number of directed edges."""
    from boai.geodata.network import edge_tails, load_network
    from boai.geodata.overlay import Overlay, impose, save_overlay

    folder = root / "network"
    network = load_network(folder, verify=False)
    rng = np.random.default_rng(SEED)
    one_way = rng.random(network.n_edges) < CLOSED_SHARE / 2
    tail, head = edge_tails(network).astype(np.int64), np.asarray(network.head, np.int64)
    key, back = tail * network.n_nodes + head, head * network.n_nodes + tail
    shut = np.flatnonzero(one_way | np.isin(back, key[one_way]))
    overlay = Overlay(str(network.meta["hash"]))
    for number, part in enumerate(np.array_split(shut, 5)):
        overlay = impose(overlay, np.sort(part), what=f"测试 {number}", at="2026-11-22T08:00:00+08:00")
    save_overlay(overlay, folder)
    return len(shut)


def run_load(port: int, paths: list[str], connections: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Let the client process ask; its numbers."""
    listed = folder / "paths.json"
    listed.write_text(json.dumps(paths), encoding="utf-8")
    command = [
        sys.executable,
        str(HERE / "desk_load.py"),
        str(port),
        str(listed),
        str(connections),
        str(seconds),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert not found["wrong"], found["wrong"]
    return found


def measure(root: Path, peer: str, seconds: float) -> list[list[Any]]:
    """Ask one server, and return the rows of the table."""
    name = f"FastAPI + {peer}" if peer else "boai desk"
    paths = [f"/nearest?lon={lon}&lat={lat}&system=WGS84&k=3" for lon, lat in points_of(root)]
    began = time.perf_counter()
    with serving(root, peer) as (process, port), tempfile.TemporaryDirectory() as folder:
        start_s = first_answer_s(port, paths[0], began)
        rows: list[list[Any]] = []
        for path in paths[:1] if peer else paths[:WARMING]:  # what is made ready behind the first answers
            fetch(port, path)
        settle(process.pid)
        ready_s, ready_cpu_s = time.perf_counter() - began, cpu_s(process.pid)
        for connections in (1, 8):
            before = cpu_s(process.pid)
            found = run_load(port, paths, connections, seconds, Path(folder))
            took = np.array(found["took"]) * 1000
            spent = 1000 * (cpu_s(process.pid) - before) / len(took)
            rate = len(took) / found["seconds"]
            found_ms = np.percentile(took, [50, 99])
            rows.append([name, connections, len(took), rate, *found_ms, spent, start_s, ready_s, ready_cpu_s])
        own, peak = memory_mb(process.pid)
        for row in rows:
            row += [own, peak]
    return rows


def closing_s(root: Path) -> tuple[float, float, float]:
    """Seconds from POST /closures until it is confirmed, a question is answered by it, it is taken back."""
    from boai.app.desk.store import Store
    from boai.app.server.tokens import add_token
    from boai.geodata.network import load_network

    token, _ = add_token(
        Store(root), name="bench", role="desk", at=datetime.now().astimezone(), made_by="bench"
    )
    network = load_network(root / "network", verify=False)
    with serving(root) as (_, port):
        lon, lat = points_of(root)[0]
        question = f"/nearest?lon={lon}&lat={lat}&system=WGS84&k=3"
        first_answer_s(port, question, 0)
        spent: list[list[float]] = []
        for edge in np.random.default_rng(SEED).integers(0, network.n_edges, 5).tolist():
            began = time.perf_counter()
            status, made = fetch(port, "/closures", body={"edges": [edge]}, token=token)
            assert status == 201, made
            confirmed = time.perf_counter() - began
            _, answer = fetch(port, question)
            answered = time.perf_counter() - began
            assert made["number"] in [one["number"] for one in answer["closures"]]
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"Authorization": f"Bearer {token}"}
            connection.request("DELETE", f"/closures/{made['number']}", headers=headers)
            assert connection.getresponse().status == 200
            spent.append([confirmed, answered, time.perf_counter() - began])
    confirmed, answered, undone = np.median(spent, axis=0).tolist()
    return confirmed, answered, undone


def workspaces(args: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path]]:
    """Give copies of the workspaces, so that nothing of the originals changes."""
    if args.workspace:
        for path in args.workspace:
            yield path.name, copied(path, folder)
        return
    from boai.app import workspace
    from boai.app.in_use import use_network

    demo = folder / "made"
    workspace.init(demo)
    yield "demo", copied(demo, folder)
    if not args.quick:
        import roads_graph

        roads_graph.province(args.nodes)
        kept = next(roads_graph.folder().glob(f"province-*-{args.nodes}-1"))
        large = copied(demo, folder)
        use_network(large, kept)
        yield f"{args.nodes / 1e6:g} M nodes", large


def copied(root: Path, folder: Path) -> Path:
    """Copy what a desk needs of a workspace."""
    to = Path(tempfile.mkdtemp(dir=folder))
    for part in PARTS:
        path = root / part
        (shutil.copytree if path.is_dir() else shutil.copy)(path, to / part)
    (to / "network" / "closures.json").unlink(missing_ok=True)
    return to


HEADS = (
    "server", "connections", "answers", "answers/s", "p50 ms", "p99 ms", "CPU ms/answer", "first answer s",
    "ready s", "ready CPU s", "own MB", "peak MB",
)  # fmt: skip


def show(rows: list[list[Any]]) -> None:
    """Print a Markdown table with the ratio to the desk in the row of each peer."""
    print(f"| {' | '.join([*HEADS, 'desk is faster by'])} |")
    print("|" + "---|" * (len(HEADS) + 1))
    own = {row[1]: row[3] for row in rows if row[0] == "boai desk"}
    for row in rows:
        cells = [f"{value:,.2f}" if isinstance(value, float) and value < 100 else
                 f"{value:,.0f}" if isinstance(value, float) else str(value) for value in row]  # fmt: skip
        ratio = "" if row[0] == "boai desk" else f"{own[row[1]] / row[3]:,.1f} x"
        print(f"| {' | '.join([*cells, ratio])} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workspace", type=Path, nargs="*")
    parser.add_argument("--nodes", type=int, default=1_500_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load for each row")
    parser.add_argument("--quick", action="store_true", help="the demo alone")
    parser.add_argument("--no-peers", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="boai-desk-") as folder:
        for name, root in workspaces(args, Path(folder)):
            shut = close_roads(root)
            print(f"\n### {name}: {shut:,} directed edges closed; load {os.getloadavg()[0]:.1f}\n")
            rows = measure(root, "", args.seconds)
            small = np.load(root / "network" / "lon.npy", mmap_mode="r").size < MOST_OF_NETWORKX
            peers = () if args.no_peers else ("networkx", "scipy") if small else ("scipy",)
            for peer in peers:
                rows += measure(root, peer, args.seconds)
            show(rows)
            confirmed, answered, undone = closing_s(root)
            print(
                f"\nPOST /closures confirmed after {confirmed:.3f} s, the next /nearest counts it after "
                f"{answered:.3f} s, DELETE confirmed after {undone:.3f} s (medians of 5)."
            )


if __name__ == "__main__":
    main()
