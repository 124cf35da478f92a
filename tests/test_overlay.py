"""Closed and slowed roads over an immutable network: what counts, taking back, saving, damage."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import gridworld
import numpy as np
import pytest
from boai.geodata import edge_runs, overlay
from boai.geodata.errors import InputError, WorkspaceError
from boai.geodata.moments import CHINA
from boai.geodata.network import CLOSED, Network, load_network, save_network
from boai.geodata.overlay import Overlay, impose, lift, under
from hypothesis import given
from hypothesis import strategies as st

GRID = gridworld.grid_network(3)
TIMES = GRID.centiseconds.tolist()
MEASURE = {"number": 1, "speed": 0, "edges": "1", "what": "", "reason": "", "since": ""}


def test_closing_and_taking_back_leaves_the_base_alone() -> None:
    closed = impose(Overlay(), [4, 2, 2], what="桥")
    now = under(GRID, closed)
    assert now.centiseconds[[2, 4]].tolist() == [CLOSED, CLOSED]
    rest = np.delete(np.arange(GRID.n_edges), [2, 4])
    assert (now.centiseconds[rest] == GRID.centiseconds[rest]).all()
    assert GRID.centiseconds.tolist() == TIMES
    assert now.head is GRID.head
    assert now.meta["hash"] != GRID.meta.get("hash")
    back = lift(closed, [1])
    assert under(GRID, back) is GRID
    assert [event.action for event in back.events] == ["close", "reopen"]


def test_the_strictest_measure_counts() -> None:
    both = impose(impose(Overlay(), [0, 1, 2], speed=0.5, what="a"), [1, 2], speed=0.25, what="b")
    both = impose(both, [2], what="c")
    assert under(GRID, both).centiseconds[:3].tolist() == [2 * TIMES[0], 4 * TIMES[1], CLOSED]
    assert under(GRID, lift(both, [3])).centiseconds[2] == 4 * TIMES[2]
    assert under(GRID, lift(both, [2, 3])).centiseconds[2] == 2 * TIMES[2]


def test_numbers_are_never_used_twice() -> None:
    first = lift(impose(Overlay(), [0], what="a"), None)
    assert impose(first, [1], what="b").measures[0].number == 2


def test_a_slowed_edge_never_overflows_and_a_closed_one_stays_closed() -> None:
    times = np.array(GRID.centiseconds)
    times[0], times[1] = np.iinfo(np.int32).max - 5, CLOSED
    long = replace(GRID, centiseconds=times)
    now = under(long, impose(Overlay(), [0, 1], speed=0.01, what="a"))
    assert now.centiseconds[:2].tolist() == [np.iinfo(np.int32).max - 1, CLOSED]


@pytest.mark.parametrize("speed", [1.0, 1.5, -0.1, 0.005, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(InputError, match="车速比例"):
        impose(Overlay(), [0], speed=speed, what="a")


def test_unknown_numbers_are_all_named() -> None:
    closed = impose(Overlay(), [0], what="a")
    with pytest.raises(InputError) as caught:
        lift(closed, [1, 7, 9])
    assert [problem.got for problem in caught.value.problems] == ["7", "9"]


@given(st.lists(st.integers(0, 500), unique=True).map(sorted))
def test_runs_keep_every_edge(edges: list[int]) -> None:
    assert edge_runs.edges_of(edge_runs.runs_of(np.array(edges, np.int64))).tolist() == edges


@pytest.mark.parametrize(
    "runs", ["5-3", "1,1", "3,2", "a", "1-", "-1", "1--2", "9" * 12, "1,,2", "٣", "0-2147483646"]
)
def test_hostile_runs_are_refused(runs: str) -> None:
    with pytest.raises(ValueError):
        edge_runs.edges_of(runs)


def test_saved_and_read_again(tmp_path: Path) -> None:
    save_network(GRID, tmp_path / "net")
    network = load_network(tmp_path / "net")
    assert overlay.load_overlay(tmp_path / "net", network) == Overlay(network.meta["hash"])
    made = impose(
        overlay.load_overlay(tmp_path / "net", network), [1, 2, 5], speed=0.5, what="路", reason="水", at="t"
    )
    overlay.save_overlay(made, tmp_path / "net")
    found = overlay.load_overlay(tmp_path / "net", network)
    assert found.events == made.events
    assert found.measures[0].edges.tolist() == [1, 2, 5]
    assert replace(found.measures[0], edges=None) == replace(made.measures[0], edges=None)  # type: ignore[arg-type]
    assert load_network(tmp_path / "net").meta["hash"] == network.meta["hash"]  # the arrays are untouched


def test_measures_of_another_network_are_refused(tmp_path: Path) -> None:
    overlay.save_overlay(impose(Overlay("other"), [0], what="a"), tmp_path)
    with pytest.raises(WorkspaceError, match="另一个路网"):
        overlay.load_overlay(tmp_path, GRID)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 3), ("format", []), ("measures", 3), ("measures", [{}]), ("events", [1]), ("events", None),
        ("measures", [{"number": 1, "speed": 7, "edges": "1", "what": "", "reason": "", "since": ""}]),
        ("measures", [{"number": 1, "speed": 0, "edges": "2-1", "what": "", "reason": "", "since": ""}]),
        ("measures", [{"number": "x", "speed": 0, "edges": "1", "what": "", "reason": "", "since": ""}]),
        ("measures", [MEASURE | {"number": float("inf")}]), ("measures", [MEASURE | {"number": -1}]),
        ("measures", [MEASURE | {"number": True}]), ("measures", [MEASURE, MEASURE]), ("measures", {}),
        ("measures", [MEASURE | {"speed": float("nan")}]), ("measures", [MEASURE | {"speed": []}]),
        ("measures", [MEASURE | {"number": 1 + at, "edges": ""} for at in range(1001)]), ("network", None),
        ("events", [{"number": 1e400, "at": "", "action": "", "what": "", "reason": ""}]),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_sentence(tmp_path: Path, key: str, value: object) -> None:
    overlay.save_overlay(impose(Overlay(""), [0], what="a"), tmp_path)
    content = json.loads((tmp_path / overlay.FILE).read_text(encoding="utf-8"))
    (tmp_path / overlay.FILE).write_text(json.dumps({**content, key: value}), encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"已损坏|另一个路网"):
        overlay.load_overlay(tmp_path, GRID)


def test_few_words_do_not_fill_the_memory(tmp_path: Path) -> None:
    every = [MEASURE | {"number": 1 + at, "edges": "0-3999999"} for at in range(1000)]
    content = {"format": 1, "network": "", "measures": every, "events": []}
    (tmp_path / overlay.FILE).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="已损坏"):
        overlay._read(tmp_path / overlay.FILE, 4_000_000)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Overlay()
    for at in range(1000):
        made = impose(made, [at], what="a")
    with pytest.raises(InputError, match="太多"):
        impose(made, [0], what="a")
    monkeypatch.setattr(overlay, "_MOST_BYTES", 1000)
    with pytest.raises(InputError, match="太多"):
        overlay.save_overlay(made, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_words_from_a_command_line_that_are_no_text(tmp_path: Path) -> None:
    made = impose(Overlay(), [0], what="a\udcff", reason="\ud800" * 500)
    overlay.save_overlay(made, tmp_path)
    assert made.measures[0].what == "a?"
    assert made.measures[0].reason == "?" * 200


def _saved(folder: Path, **changed: object) -> Network:
    save_network(replace(GRID, **changed), folder)  # type: ignore[arg-type]
    return load_network(folder)


def test_measures_stay_when_the_same_network_is_saved_again(tmp_path: Path) -> None:
    network = _saved(tmp_path / "net")
    made = impose(Overlay(network.meta["hash"]), [1, 2], what="桥")
    overlay.save_overlay(made, tmp_path / "net")
    overlay.save_over(network, tmp_path / "net")
    assert overlay.load_overlay(tmp_path / "net", network).events == made.events


def test_another_network_never_drops_measures_in_force(tmp_path: Path) -> None:
    folder, network = tmp_path / "net", _saved(tmp_path / "net")
    other = _saved(tmp_path / "other", metres=GRID.metres + np.float32(1))
    closed = impose(Overlay(network.meta["hash"]), [1, 2], what="桥")
    overlay.save_overlay(closed, folder)
    with pytest.raises(InputError, match=r"还有封闭或减速在用.*1号 桥"):
        overlay.save_over(other, folder)
    assert load_network(folder).meta["hash"] == network.meta["hash"]
    assert len(overlay.load_overlay(folder, network).measures) == 1
    overlay.save_overlay(lift(closed, None), folder)
    assert overlay.save_over(other, folder) == other.meta["hash"]
    kept = overlay.load_overlay(folder, other)
    assert [event.action for event in kept.events] == ["close", "reopen"]  # the history goes on
    assert impose(kept, [0], what="a").measures[0].number == 2


def test_measures_come_along_with_the_network_they_were_made_on(tmp_path: Path) -> None:
    network, there = _saved(tmp_path / "net"), tmp_path / "there"
    made = impose(Overlay(network.meta["hash"]), [4, 7], speed=0.5, what="路", reason="水", at="t")
    overlay.save_overlay(made, tmp_path / "net")
    overlay.save_over(network, there, source=tmp_path / "net")
    came = overlay.load_overlay(there, network).measures[0]
    overlay.save_over(network, there, source=tmp_path / "net")
    assert len(overlay.load_overlay(there, network).measures) == 1  # once is enough
    assert (came.edges.tolist(), came.speed, came.what, came.reason, came.since) == (
        [4, 7],
        0.5,
        "路",
        "水",
        "t",
    )


def test_a_file_is_put_aside_and_never_replaced(tmp_path: Path) -> None:
    assert overlay.set_aside(tmp_path) == ""
    for number in (1, 2):
        (tmp_path / overlay.FILE).write_text(f"{number}", encoding="utf-8")
        assert overlay.set_aside(tmp_path) == f"closures.damaged-{number}.json"
    assert (tmp_path / "closures.damaged-1.json").read_text(encoding="utf-8") == "1"


def test_a_measure_on_edges_that_are_not_there_is_refused() -> None:
    with pytest.raises(WorkspaceError, match="没有的路段"):
        under(GRID, impose(Overlay(), [10_000], what="a"))


def test_a_second_writer_waits_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "_WAIT_S", 0.1)
    with (
        overlay.editing(tmp_path),
        pytest.raises(WorkspaceError, match="另一个 boai"),
        overlay.editing(tmp_path),
    ):
        pass


AT = datetime(2026, 7, 1, 12, 0, tzinfo=CHINA)


def _ending(until: str) -> Overlay:
    both = impose(Overlay("net"), [0], what="桥", at="t", reporter="张三", until=until)
    return impose(both, [1], what="路")


@pytest.mark.parametrize(
    ("until", "left"),
    [
        ("2026-07-01T12:00:00+08:00", [2]), ("2026-07-01T12:00:01+08:00", [1, 2]), ("", [1, 2]),
        ("2026-07-01T03:59:59+00:00", [2]), ("2026-07-01T05:00:00+00:00", [1, 2]),
    ],
)  # fmt: skip
def test_a_measure_ends_by_itself(until: str, left: list[int]) -> None:
    made = _ending(until)
    assert [one.number for one in overlay.in_force(made, AT).measures] == left
    after = overlay.expire(made, AT)
    assert after.measures == overlay.in_force(made, AT).measures
    added = [(one.at, one.action, one.number, one.what, one.who) for one in after.events[2:]]
    assert added == ([] if 1 in left else [(until, "expire", 1, "桥", "系统")])
    assert overlay.expire(after, AT) == after
    assert impose(after, [2], what="c").measures[-1].number == 3


def test_what_ends_together_ends_in_order() -> None:
    made = impose(_ending("2026-07-01T10:00:00+08:00"), [3], what="c", until="2026-07-01T01:00:00+00:00")
    assert [event.number for event in overlay.expire(made, AT).events[3:]] == [3, 1]


def test_who_reported_and_who_took_back_is_kept(tmp_path: Path) -> None:
    network = _saved(tmp_path / "net")
    until = "2026-07-01T18:00:00+08:00"
    made = impose(Overlay(network.meta["hash"]), [1], what="桥", reporter="张三\ud800", until=until)
    made = lift(impose(made, [2], what="路"), [2], who="李四")
    overlay.save_overlay(made, tmp_path / "net")
    found = overlay.load_overlay(tmp_path / "net", network)
    assert (found.measures[0].reporter, found.measures[0].until) == ("张三?", until)
    assert [event.who for event in found.events] == ["张三?", "", "李四"]
    assert overlay.load_in_force(tmp_path / "net", network, AT).measures[0].number == 1
    late = AT.replace(hour=18)
    assert overlay.load_in_force(tmp_path / "net", network, late).measures == ()


def test_a_file_of_the_first_format_is_read(tmp_path: Path) -> None:
    event = {"at": "t", "action": "close", "number": 1, "what": "桥", "reason": "水"}
    content = {"format": 1, "network": "", "measures": [MEASURE | {"what": "桥"}], "events": [event]}
    (tmp_path / overlay.FILE).write_text(json.dumps(content), encoding="utf-8")
    found = overlay.load_overlay(tmp_path, GRID)
    assert (found.measures[0].what, found.measures[0].reporter, found.measures[0].until) == ("桥", "", "")
    assert found.events == (overlay.Event(**event, who=""),)  # type: ignore[arg-type]
    overlay.save_overlay(found, tmp_path)
    assert json.loads((tmp_path / overlay.FILE).read_text(encoding="utf-8"))["format"] == 2
    assert overlay.load_overlay(tmp_path, GRID).events == found.events


@pytest.mark.parametrize(
    "until", ["2026", "2026-07-01", "2026-07-01T18:00", 5, None, [], "x" * 9, "9999-12-31T23:59:59-23:59"]
)
def test_an_end_in_a_file_that_is_no_moment_is_damage(tmp_path: Path, until: object) -> None:
    content = {"format": 2, "network": "", "measures": [MEASURE | {"until": until}], "events": []}
    (tmp_path / overlay.FILE).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(WorkspaceError, match="已损坏"):
        overlay.load_overlay(tmp_path, GRID)


def test_an_end_that_is_no_moment_is_never_written() -> None:
    with pytest.raises(ValueError, match="no moment"):
        impose(Overlay(), [0], what="a", until="tomorrow")


def test_another_network_may_take_the_place_when_all_measures_have_ended(tmp_path: Path) -> None:
    folder, network = tmp_path / "net", _saved(tmp_path / "net")
    other = _saved(tmp_path / "other", metres=GRID.metres + np.float32(1))
    made = impose(Overlay(network.meta["hash"]), [1], what="桥", until="2026-07-01T12:00:00+08:00")
    overlay.save_overlay(made, folder)
    with pytest.raises(InputError, match="还有封闭或减速在用"):
        overlay.save_over(other, folder, at=AT.replace(hour=11))
    overlay.save_over(other, folder, at=AT)
    kept = overlay.load_overlay(folder, other)
    assert ([one.action for one in kept.events], kept.measures) == (["close", "expire"], ())


def test_who_and_until_come_along_to_another_folder(tmp_path: Path) -> None:
    network = _saved(tmp_path / "net")
    later, before = "2026-07-02T00:00:00+08:00", "2026-07-01T00:00:00+08:00"
    made = impose(Overlay(network.meta["hash"]), [4], what="a", reporter="张三", until=later)
    made = impose(made, [5], what="b", until=before)
    overlay.save_overlay(made, tmp_path / "net")
    overlay.save_over(network, tmp_path / "there", source=tmp_path / "net", at=AT)
    (came,) = overlay.load_overlay(tmp_path / "there", network).measures
    assert (came.what, came.reporter, came.until) == ("a", "张三", later)
