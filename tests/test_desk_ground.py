"""What the desk's answers are made of, and what it writes down: opened, renewed, damaged, shared."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import gridworld
import pytest
import tinyspace
from boai.app import in_use
from boai.app import network as networks
from boai.app.desk import marks as notes
from boai.app.desk.ground import Ground, open_ground
from boai.app.desk.store import FILE, Store
from boai.app.server import log, tokens
from boai.app.server.busy import Turn
from boai.app.server.errors import Refusal
from boai.app.server.watch import Keeper
from boai.geodata.errors import InputError, UnavailableError, WorkspaceError
from boai.geodata.network import save_network
from boai.geodata.registry import open_registry
from deskserver import NOON, Clock

ROAD = networks.Choice(near="115.05,28.0", within_m=10)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ground") / "tiny"
    tinyspace.make(folder)
    return folder


@pytest.fixture
def root(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "tiny"))


def opened(root: Path, before: Ground | None = None) -> Ground:
    return open_ground(root, warm=False, before=before, at=NOON)


def test_only_what_has_changed_is_opened_again(root: Path) -> None:
    first = opened(root)
    same = opened(root, first)
    assert same.version == first.version
    assert same.live is first.live
    networks.close(root, ROAD, at=NOON)
    shut = opened(root, first)
    assert shut.version != first.version
    assert shut.network is first.network
    assert shut.usual is first.usual
    assert shut.live is not first.live
    assert [len(one.edges) for one in shut.overlay.measures] == [2]
    networks.reopen(root, None, at=NOON)
    assert opened(root, shut).version == first.version


def test_other_roads_and_sites_make_another_ground(root: Path) -> None:
    first = opened(root)
    with open_registry(root / "layers.gpkg") as registry:
        table = registry.sites("warehouse")
        registry.apply("warehouse", table.iloc[:0], delete=["warehouse-0"], action="remove", who="测试")
    fewer = opened(root, first)
    assert [site["id"] for site in fewer.usual["warehouse"].sites] == ["warehouse-1"]
    assert fewer.network is first.network
    assert fewer.site("warehouse", "warehouse-0") is None
    slower = gridworld.grid_network(4, seconds=tinyspace.SECONDS + 60)
    save_network(slower, root.parent / "roads")
    in_use.use_network(root, root.parent / "roads")
    after = opened(root, fewer)
    assert after.network is not first.network
    assert len({one.version for one in (first, fewer, after)}) == 3


def test_the_next_end_is_known(root: Path) -> None:
    networks.close(root, ROAD, until="18:00", at=NOON)
    notes.put_mark(Store(root), "team", "team-0", "空", note="", who="甲", at=NOON, until="15:00")
    ground = opened(root)
    assert str(ground.changes_at) == "2026-11-22 15:00:00+08:00"
    later = open_ground(root, warm=False, before=ground, at=NOON.replace(hour=16))
    assert later.mark("team", "team-0") is None
    assert str(later.changes_at) == "2026-11-22 18:00:00+08:00"


def test_a_keeper_renews_what_files_and_time_change(root: Path) -> None:
    clock = Clock()
    keeper = Keeper(root, clock=clock)
    try:
        first = keeper.ground
        assert not keeper.is_stale()
        networks.close(root, ROAD, until="13:00", at=NOON)
        assert keeper.is_stale()
        assert keeper.renew().version != first.version
        assert not keeper.is_stale()
        notes.put_mark(Store(root), "team", "team-0", "空", note="", who="甲", at=NOON)
        assert keeper.is_stale()
        assert keeper.renew().mark("team", "team-0") is not None
        log.add_dispatch(Store(root), {"version": "x"}, key="", who="甲", at=NOON)
        assert not keeper.is_stale()  # what is written beside the marks is no news
        clock.pass_(hours=2)
        assert keeper.is_stale()
        assert not keeper.renew().overlay.measures
        assert first.overlay.measures == ()  # who had it still has it
    finally:
        keeper.stop()


def test_a_keeper_looks_by_itself(root: Path) -> None:
    keeper = Keeper(root, clock=Clock())
    keeper.start()
    try:
        networks.close(root, ROAD, at=NOON)
        until = time.monotonic() + 20
        while not keeper.ground.overlay.measures and time.monotonic() < until:
            time.sleep(0.05)
        assert keeper.ground.overlay.measures
    finally:
        keeper.stop()


def test_damaged_parts_keep_the_sound_ground_in_use(root: Path) -> None:
    keeper = Keeper(root, clock=Clock())
    sound = keeper.ground
    shutil.copy(root / "boai.json", root.parent / "boai.json")
    (root / "boai.json").write_text("{", encoding="utf-8")
    told = keeper.renew()
    assert told.live is sound.live
    assert "工作区清单已损坏" in told.notes[-1]
    assert keeper.renew().notes == told.notes  # said once
    shutil.copy(root.parent / "boai.json", root / "boai.json")
    assert keeper.renew().notes == ()
    assert keeper.trouble == ""


def test_a_shared_registry_is_asked_for_its_hash(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boai.app.server import watch

    keeper = Keeper(root, clock=Clock())
    monkeypatch.setenv("BOAI_REGISTRY", "postgresql://nobody@localhost/none")
    monkeypatch.setattr(watch, "stored_hash", lambda address: "0" * 64)
    assert not keeper.is_stale()
    keeper._poll()
    assert keeper.is_stale()


def test_a_folder_that_is_no_workspace_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        opened(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_marks_are_replaced_taken_back_and_swept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(root)
    assert notes.read_marks(store, NOON) == {}
    notes.put_mark(store, "team", "team-0", "空", note="a", who="甲", at=NOON, until="12:30")
    notes.put_mark(store, "team", "team-0", "可用", note="b", who="乙", at=NOON)
    assert notes.read_marks(store, NOON)["team/team-0"].note == "b"
    notes.put_mark(store, "warehouse", "warehouse-0", "空", note="", who="乙", at=NOON, until="12:30")
    late = NOON.replace(hour=13)
    assert set(notes.read_marks(store, late)) == {"team/team-0"}
    monkeypatch.setattr(notes, "_MOST", 2)
    notes.put_mark(store, "warehouse", "warehouse-1", "空", note="", who="乙", at=late)
    with pytest.raises(InputError, match="最多标记"):
        notes.put_mark(store, "warehouse", "warehouse-0", "空", note="", who="乙", at=late)
    notes.put_mark(store, "warehouse", "warehouse-1", "可用", note="", who="乙", at=late)  # in its own place
    notes.take_mark(store, "team", "team-0")
    with pytest.raises(InputError, match="没有标记"):
        notes.take_mark(store, "team", "team-0")
    with pytest.raises(InputError, match="已经过去"):
        notes.put_mark(store, "team", "team-0", "空", note="", who="", at=late, until="2026-11-22 12:00")


def test_the_file_is_refused_where_it_is_not_the_desk_s(root: Path) -> None:
    store = Store(root)
    store.make()
    with sqlite3.connect(root / FILE) as base:
        base.execute("CREATE TRIGGER evil AFTER INSERT ON marks BEGIN DELETE FROM tokens; END")
    base.close()
    with pytest.raises(WorkspaceError, match="结构被改动"), store.reading():
        pass
    with sqlite3.connect(root / FILE) as base:
        base.execute("DROP TRIGGER evil")
        base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(UnavailableError, match="更新的 boai"), store.writing():
        pass


def test_a_transaction_is_whole_or_nothing(root: Path) -> None:
    store = Store(root)
    with pytest.raises(RuntimeError), store.writing() as base:
        base.execute("INSERT INTO counters VALUES ('x', 1)")
        raise RuntimeError
    with store.reading() as base:
        assert base.execute("SELECT count(*) FROM counters").fetchone()[0] == 0
        with pytest.raises(sqlite3.Error):
            base.execute("INSERT INTO counters VALUES ('x', 1)")


def test_a_full_disk_is_said_in_words(root: Path) -> None:
    store = Store(root)
    store.make()
    with pytest.raises(UnavailableError, match="磁盘空间不足"), store.writing() as base:
        pages = base.execute("PRAGMA page_count").fetchone()[0]
        base.execute(f"PRAGMA max_page_count = {pages}")
        for number in range(1000):
            base.execute("INSERT INTO counters VALUES (?, ?)", ("x" * 1000 + str(number), number))
    with store.reading() as base:
        assert base.execute("SELECT count(*) FROM counters").fetchone()[0] == 0


def test_the_log_outlives_a_full_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(root)
    own = log.QuestionLog(store)
    monkeypatch.setattr(log, "_BATCH", 2)

    def put(number: int) -> None:
        own.put(at=NOON, client="a", version="v", question={"n": number}, answer={})

    def full(self: Store) -> None:
        raise UnavailableError(grounds_problem())

    with monkeypatch.context() as patch:
        patch.setattr(Store, "writing", full)
        for number in range(5):
            put(number)
        own.flush()
        assert "磁盘空间不足" in own.trouble
    own.flush()
    assert own.trouble == ""
    assert own.lost == 0
    total, rows = log.read_questions(store)
    assert total == 5
    assert [row["question"]["n"] for row in rows] == [4, 3, 2, 1, 0]
    assert log.read_questions(store, offset=1, limit=2)[1] == rows[1:3]


def grounds_problem():
    from boai.geodata.errors import Problem

    return Problem("desk.sqlite", "磁盘空间不足, 值班台记录没有写入")


def test_what_finds_no_room_is_counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MOST_WAITING", 3)
    own = log.QuestionLog(Store(root))
    for number in range(5):
        own.put(at=NOON, client="a\n", version="v", question="x" * 10_000, answer=number)
    assert own.lost == 2
    own.stop()
    assert log.read_questions(Store(root))[0] == 3


def test_old_questions_go(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_MOST_KEPT", 3)
    own = log.QuestionLog(Store(root))
    for number in range(5):
        own.put(at=NOON, client="a", version="v", question=number, answer=number)
    own.flush()
    assert [row["question"] for row in log.read_questions(Store(root))[1]] == [4, 3, 2]


def test_numbers_of_dispatches_are_given_once(root: Path) -> None:
    store, numbers = Store(root), list[str]()
    store.make()

    def send(who: str) -> None:
        for _ in range(5):
            kept, new = log.add_dispatch(store, {"version": "v"}, key="", who=who, at=NOON)
            assert new
            numbers.append(kept["number"])

    threads = [threading.Thread(target=send, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [f"20261122-{number:03d}" for number in range(1, 21)]


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"name": ""}, "名称"),
        ({"name": "x" * 41}, "名称"),
        ({"role": "root"}, "角色"),
        ({"until": "2020"}, "失效"),
    ],
)
def test_tokens_that_cannot_be(root: Path, facts: dict[str, str], word: str) -> None:
    usual = {"name": "甲", "role": "desk", "made_by": "测试"}
    with pytest.raises(InputError, match=word):
        tokens.add_token(Store(root), at=NOON, **{**usual, **facts})


def test_a_token_is_random_and_only_its_hash_is_kept(root: Path) -> None:
    store = Store(root)
    made = [tokens.add_token(store, name="甲", role="desk", at=NOON, made_by="测试")[0] for _ in range(3)]
    assert len({text.rpartition("_")[2] for text in made}) == 3
    assert all(len(text) == len("boai_") + 8 + 1 + 43 for text in made)
    assert tokens.holder_of(store, made[0], at=NOON) == tokens.Holder(made[0][5:13], "甲", "desk")
    swapped = made[0][:14] + made[1][14:]
    assert tokens.holder_of(store, swapped, at=NOON) is None
    assert not set("".join(made)) & set("\n ")
    assert "hash" not in tokens.list_tokens(store)[0]


def test_work_is_done_in_turns() -> None:
    turn, inside, refused = Turn("覆盖范围", waiting=1, wait_s=5), list[int](), list[int]()
    begun, go = threading.Event(), threading.Event()

    def work(number: int) -> None:
        try:
            with turn.taken():
                begun.set()
                go.wait(5)
                inside.append(number)
        except Refusal as refusal:
            assert refusal.headers["Retry-After"]
            refused.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    threads[0].start()
    begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    until = time.monotonic() + 10
    while not refused and time.monotonic() < until:
        time.sleep(0.01)
    go.set()
    for thread in threads:
        thread.join()
    assert len(inside) == 2
    assert len(refused) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(root: Path) -> None:
    Store(root).make()
    (root / FILE).chmod(0)
    assert "站点标记" in opened(root).notes[0]


def test_a_ground_is_not_changed(root: Path) -> None:
    ground = opened(root)
    assert replace(ground, notes=("x",)).version == ground.version
    with pytest.raises(AttributeError):
        ground.version = "x"  # type: ignore[misc]
