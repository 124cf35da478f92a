"""The desk's server under load, among killed workers, cut connections, full disks and files that change.

The rule: what was acknowledged stays, what was not may be missing but is never half there, and questions are
answered as long as anything can answer them.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from boai.app import network as networks
from boai.app.desk.parts import CHINA
from boai.app.desk.store import Store
from boai.app.in_use import use_network
from boai.app.server.log import read_dispatches
from boai.app.server.watch import Keeper
from boai.geodata.network import load_network, save_network
from boai.geodata.overlay import Overlay, impose, save_overlay
from deskprocess import AT, DeskProcess, close_one, copy_workspace, cut, kept, make_token, record_one, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills and limits processes as Linux does")


@pytest.fixture(scope="module")
def desk(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskProcess]:
    root = copy_workspace(workspace_folder, tmp_path_factory.mktemp("desk") / "w")
    with serving(root, token=make_token(root)) as server:
        yield server


@pytest.fixture
def clean(desk: DeskProcess) -> Iterator[DeskProcess]:
    """The server of this module without closures, before and after a test."""
    yield desk
    (desk.root / "network" / "closures.json").unlink(missing_ok=True)
    health = desk.eventually("/health", lambda found: found["closures"] == 0 and found["ok"])
    assert health["problems"] == []


def test_many_desks_close_roads_at_once_and_none_is_lost(clean: DeskProcess) -> None:
    def work(who: int) -> list[tuple[int, str]]:
        return [(insist(50 * who + turn, f"{who}-{turn}"), f"{who}-{turn}") for turn in range(5)]

    def insist(edge: int, reason: str) -> int:
        tries = (close_one(clean, edge, reason) for _ in range(20))  # who has waited too long is told so
        return next(number for number in tries if number is not None)

    with ThreadPoolExecutor(8) as pool:
        said = dict(one for part in pool.map(work, range(8)) for one in part)
    assert len(said) == 40
    assert kept(clean.root) == said
    listed = clean.get("/closures")["features"]
    assert {one["properties"]["number"]: one["properties"]["reason"] for one in listed} == said
    history = clean.get("/closures/history?limit=1000")["events"]
    assert sorted(event["number"] for event in history) == sorted(said)
    answer = clean.get(AT)
    assert {one["number"] for one in answer["closures"]} == set(said)


def test_cut_connections_change_nothing_and_hurt_nobody(clean: DeskProcess) -> None:
    body = json.dumps({"edges": [3], "reason": "半截"}).encode()
    head = (
        f"POST /closures HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {clean.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    for part in (b"", b"GE", head[:40], head, head + body[: len(body) // 2]):
        cut(clean.raw(part))
        sock = clean.raw(part)
        sock.shutdown(1)
        sock.close()
    assert kept(clean.root) == {}
    question = f"GET {AT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    for _ in range(20):
        sock = clean.raw(question)
        sock.recv(1)  # the answer has begun
        cut(sock)
    whole = clean.raw(head + body)
    cut(whole)  # sent, not heard: it may or may not be there, but whole
    assert clean.get(AT)["sites"]
    assert clean.get("/health")["ok"]
    time.sleep(0.3)
    assert list(kept(clean.root).values()) in ([], ["半截"])


def test_a_road_that_another_program_closes_counts_at_once(clean: DeskProcess) -> None:
    before = clean.get(AT)
    road = next(name for card in before["sites"] for name in card["roads"]).split()[0]
    networks.close(clean.root, networks.Choice(roads=[road]), reason="命令行")
    after = clean.eventually(AT, lambda found: bool(found["closures"]))
    assert [one["reason"] for one in after["closures"]] == ["命令行"]
    assert after["version"] != before["version"]
    assert not any(road in name.split() for card in after["sites"] for name in card["roads"])
    networks.reopen(clean.root, None)
    again = clean.eventually(AT, lambda found: not found["closures"])
    assert again["version"] == before["version"]
    assert [card["eta_min"] for card in again["sites"]] == [card["eta_min"] for card in before["sites"]]


@pytest.mark.parametrize("text", ["", "{", '{"format": 1}', "[" * 10_000, '{"format": 99}'])
def test_damaged_closures_are_said_and_never_written_over(clean: DeskProcess, text: str) -> None:
    number = close_one(clean, 7, "在先")
    path = clean.root / "network" / "closures.json"
    sound = path.read_bytes()
    path.write_text(text, encoding="utf-8")
    health = clean.eventually("/health", lambda found: not found["ok"])
    assert any("损坏" in problem or "读" in problem for problem in health["problems"])
    answer = clean.get(AT)
    assert answer["sites"]
    assert any("数据" in note for note in answer["notes"])
    assert [one["number"] for one in answer["closures"]] == [number]  # what was known last still counts
    status, refused = clean.ask("POST", "/closures", {"edges": [9]})
    assert status in (409, 503)
    assert refused["error"]["message"]
    assert path.read_text(encoding="utf-8") == text
    path.write_bytes(sound)
    assert clean.eventually("/health", lambda found: found["ok"])["closures"] == 1


def test_a_workspace_that_goes_away_and_comes_back(clean: DeskProcess) -> None:
    aside = clean.root.with_name("aside")
    clean.root.rename(aside)
    try:
        answer = clean.get(AT)
        assert answer["sites"]
        health = clean.eventually("/health", lambda found: not found["ok"])
        assert health["problems"]
        status, refused = clean.ask("POST", "/closures", {"edges": [9]})
        assert status in (401, 503)  # even who may write cannot be looked up
        assert refused["error"]["message"]
        assert not clean.root.exists()
    finally:
        if clean.root.exists():
            shutil.rmtree(clean.root)
        aside.rename(clean.root)
    assert clean.eventually("/health", lambda found: found["ok"])["problems"] == []
    assert close_one(clean, 9, "回来") is not None


def test_layers_that_are_replaced_are_read_again(clean: DeskProcess) -> None:
    path = clean.root / "layers.gpkg"
    sound = path.read_bytes()
    before = clean.get(AT)["version"]
    path.write_bytes(sound[: len(sound) // 2])  # somebody copies a file, and is half done
    health = clean.eventually("/health", lambda found: not found["ok"])
    assert health["problems"]
    assert clean.get(AT)["sites"]
    path.with_name("new.gpkg").write_bytes(sound)
    path.with_name("new.gpkg").replace(path)
    assert clean.eventually("/health", lambda found: found["ok"])["version"] == before


def test_a_clock_that_jumps_ends_and_revives_closures_by_the_time_they_state(
    workspace_folder: Path, tmp_path: Path
) -> None:
    root = copy_workspace(workspace_folder, tmp_path / "w")
    now = datetime(2026, 11, 22, 14, 0, tzinfo=CHINA)
    clock = [now]
    keeper = Keeper(root, clock=lambda: clock[0])

    def in_force() -> int:
        return (
            len(keeper.renew().overlay.measures) if keeper.is_stale() else len(keeper.ground.overlay.measures)
        )

    until = (now + timedelta(hours=2)).isoformat()
    network = keeper.ground.network
    made = impose(Overlay(str(network.meta["hash"])), [1, 2], what="测试", at=now.isoformat(), until=until)
    save_overlay(made, root / "network")
    assert in_force() == 1
    clock[0] = now + timedelta(hours=1, minutes=59, seconds=59)
    assert in_force() == 1
    clock[0] = now + timedelta(hours=2)
    assert in_force() == 0
    clock[0] = now - timedelta(days=400)  # the battery of the machine's clock is empty
    keeper.renew(force=True)
    assert in_force() == 1
    clock[0] = now + timedelta(days=4000)
    assert in_force() == 0
    keeper.stop()


def test_dispatch_numbers_are_each_given_once(clean: DeskProcess) -> None:
    chosen = [clean.get(AT)["sites"][0]["id"]]

    def work(who: int) -> list[str | None]:
        return [record_one(clean, f"{who}-{turn}", chosen) for turn in range(5)]

    with ThreadPoolExecutor(6) as pool:
        numbers = [one for part in pool.map(work, range(6)) for one in part if one]
    assert len(numbers) >= 25
    assert len(set(numbers)) == len(numbers)
    assert record_one(clean, "0-0", chosen) in numbers  # sent again after a lost answer: the same number
    total, records = read_dispatches(Store(clean.root), limit=1000)
    assert total == len(records) == len({record["number"] for record in records})
    assert set(numbers) <= {record["number"] for record in records}


@pytest.mark.slow
def test_a_network_that_is_swapped_under_the_server(workspace_folder: Path, tmp_path: Path) -> None:
    root = copy_workspace(workspace_folder, tmp_path / "w")
    network = load_network(root / "network")
    slower = network.centiseconds * 2
    save_network(replace(network, centiseconds=slower), tmp_path / "slow")
    with serving(root, token=make_token(root)) as server:
        before = server.get(AT)
        stop, seen = threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                status, answer = server.ask("GET", AT)
                seen.append((status, [card["drive_min"] for card in answer["sites"]]))

        thread = threading.Thread(target=ask)
        thread.start()
        use_network(root, tmp_path / "slow")
        after = server.eventually(AT, lambda found: found["version"] != before["version"])
        stop.set()
        thread.join(30)
    usual = [card["drive_min"] for card in before["sites"]]
    slow = [card["drive_min"] for card in after["sites"]]
    assert min(slow) > min(usual)
    assert {status for status, _ in seen} == {200}
    assert all(drives in (usual, slow) for _, drives in seen)  # never half of each
