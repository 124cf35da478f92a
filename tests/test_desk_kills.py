"""The desk's server among killed workers, full disks and damaged records: what was acknowledged stays."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from boai.app.desk.store import Store
from boai.app.server.log import read_dispatches
from deskprocess import AT, DeskProcess, close_one, copy_workspace, kept, make_token, record_one, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills and limits processes as Linux does")


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_that_was_acknowledged(workspace_folder: Path, tmp_path: Path) -> None:
    kill_workers(workspace_folder, tmp_path, kills=1)


@pytest.mark.slow
def test_workers_killed_again_and_again_lose_nothing(workspace_folder: Path, tmp_path: Path) -> None:
    kill_workers(workspace_folder, tmp_path, kills=6)


def kill_workers(workspace_folder: Path, tmp_path: Path, *, kills: int) -> None:
    """Close roads, mark stores and record dispatches while workers are killed; then count."""
    root = copy_workspace(workspace_folder, tmp_path / "w")
    with serving(root, workers=2, token=make_token(root)) as server:
        sites = [card["id"] for card in server.get(f"{AT}&k=12")["sites"]]
        stop, said, killed = threading.Event(), Said(), []
        threads = [threading.Thread(target=said.work, args=(server, who, sites, stop)) for who in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(kills):
            said.wait(3)
            killed.append(random.Random(turn).choice(server.workers()))
            os.kill(killed[-1], signal.SIGKILL)
        said.wait(3)
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        assert server.eventually("/health", lambda found: found["ok"], seconds=20)["ok"]
        until = time.monotonic() + 30
        while len(living := server.workers()) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        listed = {one["properties"]["number"] for one in server.get("/closures")["features"]}
        marks = {mark["id"]: mark["note"] for mark in server.get("/marks")["marks"]}
    assert len(living) == 2  # who is killed is replaced
    assert not set(killed) & set(living)
    assert len(said.closures) > 3 * kills
    assert len(said.dispatches) > 3 * kills
    in_file = kept(root)
    assert said.closures.items() <= in_file.items()
    assert listed == set(in_file)
    _, records = read_dispatches(Store(root), limit=10**6)
    by_number = {record["number"]: record["note"] for record in records}
    assert len(by_number) == len(records)
    assert said.dispatches.items() <= by_number.items()
    for site, note in said.marks.items():  # the last one acknowledged, or one that was sent after it
        assert int(marks[site]) >= int(note)


class Said:
    """What a server acknowledged."""

    def __init__(self) -> None:
        self.closures: dict[int, str] = {}
        self.dispatches: dict[str, str] = {}
        self.marks: dict[str, str] = {}

    def wait(self, more: int, *, seconds: float = 60) -> None:
        """Wait until so many more closures and dispatches are acknowledged."""
        goal = len(self.closures) + more, len(self.dispatches) + more
        until = time.monotonic() + seconds
        while (len(self.closures) < goal[0] or len(self.dispatches) < goal[1]) and time.monotonic() < until:
            time.sleep(0.01)

    def work(self, server: DeskProcess, who: int, sites: list[str], stop: threading.Event) -> None:
        """Write as several desks do; each thread marks sites of its own."""
        own = sites[who::4]
        turn = 0
        while not stop.is_set():
            turn += 1
            reason = f"{who}-{turn}"
            number = close_one(server, 40 * who + turn % 40, reason)
            if number is not None:
                self.closures[number] = reason
            given = record_one(server, reason, sites[:2])
            if given is not None:
                self.dispatches[given] = reason
            with suppress(OSError):
                site = own[turn % len(own)]
                status, _ = server.ask(
                    "PUT", f"/marks/warehouse/{site}", {"state": "可用", "note": str(turn)}
                )
                if status == 200:
                    self.marks[site] = str(turn)


@pytest.mark.slow
def test_a_full_disk_stops_writing_but_no_answer(workspace_folder: Path, tmp_path: Path) -> None:
    """Simulated: no file of the server's may grow beyond a limit (RLIMIT_FSIZE): it fails as a quota does."""
    root = copy_workspace(workspace_folder, tmp_path / "w")
    token = make_token(root)
    said: dict[int, str] = {}
    with serving(root, most_file_bytes=130_000, token=token) as server:
        refused: Any = None
        for turn in range(3000):
            status, made = server.ask(
                "POST", "/closures", {"edges": [turn % 500], "reason": f"{turn:03d} " + "满" * 190}
            )
            if status != 201:
                refused = status, made
                break
            said[int(made["number"])] = f"{turn:03d} "
        assert refused is not None
        assert refused[0] == 503, refused
        assert "磁盘" in str(refused[1]["error"]) or "写" in str(refused[1]["error"])
        for _ in range(5):
            answer = server.get(AT)
        assert answer["sites"]
        assert {one["number"] for one in answer["closures"]} == set(said)
        health = server.get("/health")
        assert set(health) >= {"ok", "problems"}
    assert kept(root).keys() == said.keys()
    assert all(text.startswith(said[number]) for number, text in kept(root).items())
    left = [path.name for path in (root / "network").iterdir() if path.name.startswith(".closures.json")]
    assert left == []  # no half-written file stays
    with serving(root, token=token) as server:
        assert {one["number"] for one in server.get(AT)["closures"]} == set(said)
        assert close_one(server, 3, "又能写") is not None


@pytest.mark.slow
@pytest.mark.parametrize("garbage", [b"", b"not a database" * 1000])
def test_a_damaged_record_stops_writing_but_no_answer(
    workspace_folder: Path, tmp_path: Path, garbage: bytes
) -> None:
    root = copy_workspace(workspace_folder, tmp_path / "w")
    token = make_token(root)
    with serving(root, token=token) as server:
        assert close_one(server, 3, "在先") is not None
        for name in ("desk.sqlite-wal", "desk.sqlite-shm"):
            (root / name).unlink(missing_ok=True)
        (root / "new").write_bytes(garbage)
        (root / "new").replace(root / "desk.sqlite")
        for _ in range(5):
            answer = server.get(AT)
            time.sleep(0.3)
        assert answer["sites"]
        assert len(answer["closures"]) == 1  # they are in a file of their own
        status, refused = server.ask("POST", "/closures", {"edges": [9]})
        assert status in (401, 503)
        assert refused["error"]["message"]
        if garbage:
            assert server.get("/health")["problems"]
    assert list(kept(root).values()) == ["在先"]


@pytest.mark.slow
def test_readers_and_writers_for_a_while(workspace_folder: Path, tmp_path: Path) -> None:
    """Two workers, readers without pause, writers that close and reopen: each answer is of one moment."""
    root = copy_workspace(workspace_folder, tmp_path / "w")
    with serving(root, workers=2, token=make_token(root)) as server:
        stop, statuses, versions = threading.Event(), [], []

        def read() -> None:
            while not stop.is_set():
                status, answer = server.ask("GET", AT)
                statuses.append(status)
                versions.append((answer["version"], tuple(card["eta_min"] for card in answer["sites"])))

        def write(who: int) -> None:
            while not stop.is_set():
                number = close_one(server, who, "一会儿")
                if number is not None:
                    assert server.ask("DELETE", f"/closures/{number}")[0] in (200, 404, 503)

        threads = [threading.Thread(target=read) for _ in range(4)]
        threads += [threading.Thread(target=write, args=(who,)) for who in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(12)
        stop.set()
        for thread in threads:
            thread.join(60)
    assert set(statuses) == {200}
    etas: dict[str, set[tuple[float, ...]]] = {}
    for version, eta in versions:
        etas.setdefault(version, set()).add(eta)
    assert all(len(found) == 1 for found in etas.values())  # the same data, the same answer
