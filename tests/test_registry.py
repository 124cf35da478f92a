"""The registry's file: it comes back as it was, QGIS can read it, and damage or malice is one sentence."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pytest
from boai.geodata.errors import InputError, WorkspaceError
from boai.geodata.layers import COLUMNS, KIND_NAMES, NUMBERS, Kind, Layer
from boai.geodata.registry import (
    check_kind,
    layer_hash,
    load_layers,
    open_registry,
    read_sites,
    read_stock,
    save_layers,
    stored_hash,
)

HOSTILE = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "南昌'; DROP TABLE boai_sites; --", "换\n行"]


def _layer(kind: Kind, names: list[str], *, example: bool = True) -> Layer:
    rows = {column: [""] * len(names) for column in COLUMNS}
    table = pd.DataFrame({**rows, "name": names, "id": [f"{kind}-{i}" for i in range(len(names))]})
    for column in NUMBERS:
        table[column] = float("nan")
    table["lon"], table["lat"] = 115.123456, 28.654321
    table["speciality"] = "医疗" if kind == "team" else ""
    table["hours"] = "24小时" if kind == "aed" else ""
    if kind == "team":
        table["members"] = 20.0
    if kind == "warehouse":
        table["capacity"], table["parent"] = 6000.0, "warehouse-0"
    return Layer(kind, table, example=example)


@pytest.fixture
def layers() -> dict[Kind, Layer]:
    return {
        kind: _layer(kind, HOSTILE if kind == "aed" else ["甲"], example=kind != "team")
        for kind in KIND_NAMES
    }


@pytest.fixture
def path(tmp_path: Path, layers: dict[Kind, Layer]) -> Path:
    save_layers(layers, tmp_path / "layers.gpkg")
    return tmp_path / "layers.gpkg"


def change(path: Path, *statements: str) -> None:
    """Change a file as another program would."""
    with closing(sqlite3.connect(path)) as base, base:
        for statement in statements:
            base.execute(statement)


# --- the layers of a workspace ----------------------------------------------------------------------------


def test_round_trip_keeps_rows_labels_and_hostile_names(path: Path, layers: dict[Kind, Layer]) -> None:
    again = load_layers(path)
    for kind, layer in layers.items():
        pd.testing.assert_frame_equal(again[kind].table, layer.table, check_dtype=False)
        assert again[kind].example == layer.example
        assert layer_hash(again[kind]) == layer_hash(layer)
    assert [entry.name for entry in path.parent.iterdir()] == ["layers.gpkg"]


def test_read_sites_equals_the_table(path: Path, layers: dict[Kind, Layer]) -> None:
    rows = read_sites(path, "aed")
    assert [row["name"] for row in rows] == HOSTILE
    assert list(rows[0]) == [*COLUMNS, "example"]
    assert (rows[0]["year"], rows[0]["phone"], rows[0]["example"]) == (None, "", True)
    team, store = read_sites(path, "team")[0], read_sites(path, "warehouse")[0]
    assert (team["speciality"], team["members"], team["capacity"]) == ("医疗", 20.0, None)
    assert (store["parent"], store["capacity"], store["members"]) == ("warehouse-0", 6000.0, None)
    assert rows[0]["hours"] == "24小时"
    assert team["example"] is False


def test_numbers_of_a_layer_are_numbers_whatever_an_attribute_holds(path: Path) -> None:
    sites = pd.DataFrame({"id": ["a", "b"], "name": "甲", "lon": 115, "lat": 28, "members": ["十人", True]})
    with open_registry(path) as registry:
        registry.apply("aed", sites, who="x")
    table = load_layers(path)["aed"].table
    assert all(table[name].dtype == float for name in NUMBERS)
    assert table["members"].isna().all()


def test_the_example_layers_are_the_first_revision(path: Path) -> None:
    with open_registry(path) as registry:
        (first,) = registry.history()
        assert (first.number, first.action, first.who, first.counts["added"]) == (1, "create", "boai", 8)
        assert stored_hash(path) == registry.state_hash() == first.after
        assert [info.kind for info in registry.layers()] == list(KIND_NAMES)
        registry.verify()


def test_saving_again_gives_the_same_hash_and_replaces_all(path: Path, layers: dict[Kind, Layer]) -> None:
    before = stored_hash(path)
    with open_registry(path) as registry:
        registry.apply("aed", pd.DataFrame({"id": ["x"], "name": ["乙"]}), who="x")
    assert stored_hash(path) != before
    (path.parent / "layers.gpkg-journal").write_bytes(b"rest of a killed writer")
    assert save_layers(layers, path) == before
    assert [entry.name for entry in path.parent.iterdir()] == ["layers.gpkg"]


def test_only_sites_in_service_take_part(path: Path) -> None:
    rows = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "e"], "name": "甲", "lon": [115, 115, 115, 115, None],
            "lat": [28, 28, 28, 28, None], "status": ["已建", "", "规划", "停用", "已建"],
        }
    )  # fmt: skip
    with open_registry(path) as registry:
        registry.apply("aed", rows, who="x")
    layer = load_layers(path)["aed"]
    assert layer.table["id"].to_list() == ["a", "b"]
    assert layer.example is False
    assert [row["id"] for row in read_sites(path, "aed")] == ["a", "b"]
    assert [row["id"] for row in read_sites(path, "aed", in_service=False)] == list("abcde")
    assert load_layers(path)["team"].table["id"].to_list() == ["team-0"]


def test_an_empty_registry_has_all_layers(tmp_path: Path) -> None:
    with open_registry(tmp_path / "e.gpkg", create=True):
        pass
    for layer in load_layers(tmp_path / "e.gpkg").values():
        assert list(layer.table.columns) == list(COLUMNS)
        assert layer.table.empty
        assert layer.table["lon"].dtype == np.float64


@pytest.mark.parametrize("text", ["warehouse", "备灾仓库", " AED ", "救援队"])
def test_kinds_go_by_code_and_by_name(text: str) -> None:
    assert check_kind(text) in KIND_NAMES


def test_an_unknown_layer_names_those_that_exist() -> None:
    with pytest.raises(InputError, match="warehouse\\(备灾仓库\\)"):
        check_kind("hospital")


@pytest.mark.parametrize("text", ["", None, "[", "[1]", "[" * 100_000, '{"棉被": "x"}', '{"棉被": true}'])
def test_a_stock_that_is_none_is_empty(text: str | None) -> None:
    assert read_stock(text) == {}


def test_the_desk_reads_without_heavy_packages(path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom boai.geodata.registry import read_sites\n"
        f"read_sites(Path({str(path)!r}), 'aed')\n"
        "heavy = {'pandas', 'geopandas', 'sqlalchemy', 'yaml', 'pyogrio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_thousand_sites_are_read_in_no_time(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": [f"a{i:04d}" for i in range(1000)], "name": "某社区卫生服务中心大厅"})
    rows = rows.assign(lon=115.5, lat=28.5, county="修水县", phone="0791-86210000", stock='{"棉被":3}')
    with open_registry(tmp_path / "l.gpkg", create=True) as registry:
        registry.apply("aed", rows, who="x")
    took = []
    for _ in range(5):
        began = time.process_time()  # other tests run at the same time
        assert len(read_sites(tmp_path / "l.gpkg", "aed")) == 1000
        took.append(time.process_time() - began)
    assert min(took) < 0.06


# --- other programs ---------------------------------------------------------------------------------------


def test_gis_programs_see_one_layer_per_type(path: Path) -> None:
    seen = dict(pyogrio.list_layers(path))
    assert seen == {**dict.fromkeys(KIND_NAMES, "Point"), "boai_log": None}
    table = pyogrio.read_dataframe(path, layer="aed")
    assert table.crs.to_epsg() == 4326
    assert table["name"].to_list() == HOSTILE
    assert table.geometry.x.to_list() == [115.123456] * 4
    assert table.geometry.y.to_list() == [28.654321] * 4
    assert pyogrio.read_info(path, layer="warehouse")["layer_metadata"] == {"IDENTIFIER": "备灾仓库"}
    assert len(pyogrio.read_dataframe(path, layer="aed", bbox=(115, 28, 116, 29))) == 4
    assert pyogrio.read_dataframe(path, layer="aed", bbox=(116, 28, 117, 29)).empty


def test_the_file_is_a_geopackage(path: Path) -> None:
    data = path.read_bytes()
    assert data[:16] == b"SQLite format 3\0"
    assert data[68:72] == b"GPKG"
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (10300,)
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert base.execute("PRAGMA foreign_key_check").fetchall() == []
        assert base.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_the_views_cannot_be_edited(path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="cannot modify"):
        change(path, "UPDATE aed SET name = 'x'")


def test_reading_never_writes(path: Path) -> None:
    before, when = path.read_bytes(), path.stat().st_mtime_ns
    read_sites(path, "team")
    stored_hash(path)
    with open_registry(path) as registry:
        registry.sites("aed")
        registry.history()
        registry.verify()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, when)
    assert [entry.name for entry in path.parent.iterdir()] == ["layers.gpkg"]


def test_a_file_that_qgis_holds_open_in_wal_mode(path: Path) -> None:
    """QGIS switches to write-ahead logging while it edits; we read and write beside it and switch back."""
    other = sqlite3.connect(path)
    assert other.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    other.execute("BEGIN")
    assert len(other.execute("SELECT * FROM aed").fetchall()) == 4
    with open_registry(path) as registry:
        registry.apply("aed", pd.DataFrame({"id": ["x"], "name": ["乙"]}), who="x")
        assert len(read_sites(path, "aed", in_service=False)) == 1
        other.rollback()
        other.close()
        registry.apply("aed", pd.DataFrame({"id": ["y"], "name": ["丙"]}), who="x")
        registry.verify()
    assert [entry.name for entry in path.parent.iterdir()] == ["layers.gpkg"]
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_another_program_that_holds_the_file_is_told_of(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM boai_sites").fetchone()  # a reader that never ends
    with open_registry(path, wait_s=0.2) as registry:
        before = registry.state_hash()
        with pytest.raises(WorkspaceError, match=r"另一个程序正在使用.*QGIS"):
            registry.apply("aed", pd.DataFrame({"id": ["x"], "name": ["乙"]}), who="x")
        other.close()
        assert registry.state_hash() == before
        registry.apply("aed", pd.DataFrame({"id": ["x"], "name": ["乙"]}), who="x")


def test_styles_of_qgis_do_no_harm(path: Path) -> None:
    change(
        path,
        "CREATE TABLE layer_styles (id INTEGER)",
        "CREATE TRIGGER t AFTER INSERT ON layer_styles BEGIN SELECT 1; END",
    )
    with open_registry(path) as registry:
        registry.apply("aed", pd.DataFrame({"id": ["x"], "name": ["乙"]}), who="x")
        registry.verify()
    assert len(read_sites(path, "aed", in_service=False)) == 1


def as_nobody(work: Callable[[], None]) -> str:
    """Run a function as a user without rights in a child of this process; return what went wrong."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told = "ok"
        try:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            work()
        except BaseException as error:
            told = repr(error)
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:  # noqa: PTH123 (a file descriptor)
        told = pipe.read()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def shared(path: Path):
    """The file in a folder that everybody may read and only the owner may change."""
    folder = Path(tempfile.mkdtemp(prefix="boai-shared-"))
    folder.chmod(0o755)
    shutil.copy(path, folder / "layers.gpkg")
    (folder / "layers.gpkg").chmod(0o644)
    yield folder / "layers.gpkg"
    shutil.rmtree(folder)


def test_a_reader_without_write_access(shared: Path) -> None:
    def work() -> None:
        with pytest.raises(PermissionError):
            shared.touch()
        assert len(read_sites(shared, "aed")) == 4
        assert len(load_layers(shared)) == len(KIND_NAMES)
        with open_registry(shared) as registry:
            assert len(registry.sites("aed")) == 4
            registry.verify()
            with pytest.raises(WorkspaceError, match="没有写权限"):
                registry.undo(1, who="x")

    assert as_nobody(work) == "ok"


def test_a_journal_that_a_reader_may_not_roll_back(shared: Path) -> None:
    """A killed writer left a journal: who may write mends the file by opening it, who may not is told so."""
    kill_in_mid_write(shared)
    journal = shared.with_name("layers.gpkg-journal")
    assert journal.exists()

    def work() -> None:
        with pytest.raises(WorkspaceError, match=r"没有写权限|打不开") as caught:
            read_sites(shared, "aed")
        assert len(str(caught.value).splitlines()) == 1

    assert as_nobody(work) == "ok"
    assert [row["name"] for row in read_sites(shared, "aed")] == HOSTILE
    assert not journal.exists()
    with open_registry(shared) as registry:
        registry.verify()


def kill_in_mid_write(path: Path) -> None:
    """Leave the file as a writer does that is killed while its pages are on their way to the disk."""
    child = os.fork()
    if child == 0:
        base = sqlite3.connect(path, isolation_level=None)
        base.execute("PRAGMA cache_size = 1")
        base.execute("BEGIN IMMEDIATE")
        base.execute("UPDATE boai_sites SET name = 'halb'")
        base.execute("CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                     "WHERE i < 3000) SELECT i, hex(randomblob(200)) FROM n")  # fmt: skip
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


# --- damage and malice ------------------------------------------------------------------------------------


def test_damage_is_one_sentence(tmp_path: Path, path: Path) -> None:
    with pytest.raises(WorkspaceError, match="不存在"):
        load_layers(tmp_path / "no.gpkg")
    with pytest.raises(WorkspaceError, match="不存在"):
        open_registry(tmp_path / "no.gpkg")
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 3], whole[:50], b"PK\3\4 not a database" * 100):
        path.write_bytes(part)
        for read in (load_layers, stored_hash, open_registry):
            with pytest.raises(WorkspaceError, match="已损坏") as caught:
                read(path)
            assert len(str(caught.value).splitlines()) == 1
    path.write_bytes(b"")
    with pytest.raises(WorkspaceError, match="不是 boai 的图层文件"):
        load_layers(path)


def test_any_damaged_page_is_found_or_does_no_harm(path: Path) -> None:
    """Overwrite one page after the other: a sentence, or the very same sites."""
    whole, sites = path.read_bytes(), read_sites(path, "aed")
    found = 0
    for start in range(0, len(whole), 4096):
        path.write_bytes(whole[:start] + bytes(range(256)) * 16 + whole[start + 4096 :])
        try:
            assert read_sites(path, "aed") == sites
        except WorkspaceError as error:
            found += 1
            assert len(str(error).splitlines()) <= 21
    assert found >= 3


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE boai_sites SET lon = NULL WHERE id = 'aed-0'", "经度不对"),
        ("UPDATE boai_sites SET lat = 'abc'", "纬度不对"),
        ("UPDATE boai_sites SET lon = 1e300", "经度不对"),
        ("UPDATE boai_sites SET lon = NULL, lat = NULL WHERE id = 'aed-0'", "内容与登记不符"),
        ("UPDATE boai_sites SET readiness_min = -5", "响应准备"),
        ("UPDATE boai_sites SET year = '二〇二〇'", "年份不对"),
        ("UPDATE boai_sites SET name = x'41'", "名称不对"),
        ("UPDATE boai_sites SET phone = x'ff'", "电话不对"),
        ("UPDATE boai_sites SET phone = CAST(x'ff' AS TEXT)", "已损坏"),
        ("UPDATE boai_sites SET example = 1 WHERE kind = 'team'", "内容与登记不符"),
        ("UPDATE boai_sites SET example = 0 WHERE kind = 'aed'", "内容与登记不符"),
        ("UPDATE boai_sites SET attributes = '[[['", "attributes不对"),
        ("UPDATE boai_sites SET extras = '{\"a\": 1}'", "内容与登记不符"),
        ("UPDATE boai_sites SET name = '改过的名称'", "内容与登记不符"),
        ("UPDATE boai_layers SET hash = 'xyz'", "内容与登记不符"),
        ("DELETE FROM boai_layers WHERE kind = 'team'", "内容与登记不符"),
        ("DELETE FROM boai_sites WHERE kind = 'team'", "内容与登记不符"),
        ("ALTER TABLE boai_sites RENAME COLUMN phone TO phon", "结构被改动, 得到 phone"),
        ("UPDATE boai_layers SET sites = 'x'", "登记不符, 得到 boai_layers"),
        ("UPDATE boai_layers SET revision = 1e300", "登记不符, 得到 boai_layers"),
        ("UPDATE boai_revisions SET who = x'ff'", "登记不符, 得到 boai_revisions"),
        ("DROP TABLE boai_history", "结构被改动, 得到 boai_history"),
        ("DROP TABLE boai_format", "旧版"),
        ("DELETE FROM boai_format", "格式号不对"),
        ("UPDATE boai_format SET format = 'x'", "格式号不对"),
        ("UPDATE boai_format SET format = 2", "请升级 boai"),
        ("CREATE TRIGGER t DELETE ON boai_history BEGIN DELETE FROM boai_sites; END", "改动, 得到 t"),
    ],
)  # fmt: skip
def test_impossible_or_changed_values_are_refused(path: Path, statement: str, word: str) -> None:
    change(path, "DROP VIEW aed", statement)
    with pytest.raises(WorkspaceError, match=word):
        load_layers(path)
    with pytest.raises(WorkspaceError), open_registry(path) as registry:
        registry.verify()


def test_a_view_in_place_of_a_table_is_never_asked(path: Path) -> None:
    """A view could run for ever; it is found in the file's list of tables before any question."""
    change(
        path,
        "ALTER TABLE boai_sites RENAME TO hidden",
        "CREATE VIEW boai_sites AS WITH RECURSIVE n(fid) AS (SELECT 1 UNION ALL SELECT fid + 1 FROM n) "
        "SELECT fid FROM n",
    )
    began = time.process_time()
    for read in (load_layers, stored_hash, open_registry):
        with pytest.raises(WorkspaceError, match="结构被改动, 得到 boai_sites"):
            read(path)
    assert time.process_time() - began < 2


def test_a_trigger_laid_after_opening_is_refused_by_the_next_write(path: Path) -> None:
    with open_registry(path) as registry:
        change(path, "CREATE TRIGGER t AFTER INSERT ON boai_history BEGIN DELETE FROM boai_sites; END")
        with pytest.raises(WorkspaceError, match="结构被改动"):
            registry.apply("aed", pd.DataFrame({"id": ["x"], "name": ["乙"]}), who="x")
        assert len(read_rows(path)) == 8


def read_rows(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as base:
        return base.execute("SELECT id FROM boai_sites").fetchall()


def test_a_deeply_nested_object_is_refused(path: Path) -> None:
    change(path, f"UPDATE boai_sites SET attributes = '{'[' * 200_000}' WHERE id = 'aed-0'")
    with pytest.raises(WorkspaceError, match="attributes不对") as caught:
        load_layers(path)
    assert len(str(caught.value)) < 500


def test_the_old_format_and_other_databases_are_told_apart(tmp_path: Path) -> None:
    old, other = tmp_path / "old.gpkg", tmp_path / "other.gpkg"
    change(old, "CREATE TABLE boai_layers (kind TEXT PRIMARY KEY, example INTEGER, hash TEXT)")
    change(other, "CREATE TABLE cats (name TEXT)")
    for read in (load_layers, open_registry, lambda path: open_registry(path, create=True)):
        with pytest.raises(WorkspaceError, match=r"旧版 boai 的图层文件.*boai init --force"):
            read(old)
        with pytest.raises(WorkspaceError, match="不是 boai 的图层文件"):
            read(other)
    assert change(other, "SELECT * FROM cats") is None  # nothing was laid beside foreign tables
    with closing(sqlite3.connect(other)) as base:
        assert base.execute("SELECT name FROM sqlite_master").fetchall() == [("cats",)]


def test_an_empty_file_that_a_killed_maker_left_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "layers.gpkg"
    path.touch()
    with open_registry(path, create=True) as registry:
        assert registry.layers() == []


@pytest.mark.parametrize("target", ["mysql://a:geheim@h/x", "http://geheim/x.gpkg"])
def test_other_addresses_are_refused(target: str) -> None:
    with pytest.raises(InputError, match="postgresql://") as caught:
        open_registry(target)
    assert "geheim" not in str(caught.value)


def test_a_folder_or_a_missing_folder_is_refused(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no" / "layers.gpkg"):
        with pytest.raises(WorkspaceError):
            open_registry(target, create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_not_grow_is_not_called_damaged(path: Path) -> None:
    """A quota, a full disk, a share that goes away: nothing is written, and nobody restores a backup."""
    resource = pytest.importorskip("resource")
    rows = pd.DataFrame({"id": [f"s{i}" for i in range(2000)], "name": "甲" * 50})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_registry(path) as registry:
        before = registry.state_hash()
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50_000, limits[1]))
        try:
            with pytest.raises(WorkspaceError, match=r"磁盘.*没有写入") as caught:
                registry.apply("aed", rows, who="x")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "备份" not in str(caught.value)
        registry.verify()
        assert registry.state_hash() == before


def test_memory_stays_bounded_by_the_sites_not_by_the_history(path: Path) -> None:
    """A history of many revisions is not read to make a change."""
    rows = pd.DataFrame({"id": [f"s{i}" for i in range(50)], "name": "甲", "address": "路" * 2000})
    with open_registry(path) as registry:
        for i in range(30):
            registry.apply("home", rows.assign(address=f"{i}" + "路" * 2000), who="x")
        tracemalloc.start()
        registry.apply("home", rows.iloc[:1].assign(phone="1"), who="x")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_000_000  # the history holds about 12 MB
