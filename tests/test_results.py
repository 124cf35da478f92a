"""Results on disk: read back exactly, the same bytes in every process, never trusted when damaged."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from boai.coverage.standards import load_standards
from boai.geodata.errors import WorkspaceError
from boai.scenarios import packing, result_tables, results
from boai.scenarios.run import Result, run
from tinyworld import drive_world, scenario, walk_world

TEXT = """description: 试算
changes:
  - open: {kind: warehouse, name: "=1+1", year: 2025, lon: 115.2, lat: 28.3, level: 县级, cost: 80}
  - close: {kind: team, id: team-0}
siting:
  - {kind: warehouse, year: 2025, number: 1}
  - {kind: team, phases: {2026: 1, 2027: 1}}
costs: {open: {warehouse: 100}}
"""


@pytest.fixture(scope="module")
def result() -> Result:
    return run(drive_world([0, 5], [10, 3]), scenario(TEXT))


@pytest.fixture
def folder(result: Result, tmp_path: Path) -> Path:
    results.save_result(result, tmp_path / "test")
    return tmp_path / "test"


def same(left: Result, right: Result) -> None:
    """Every field equal, arrays bit for bit, tables with their types."""
    for name in vars(left):
        a, b = getattr(left, name), getattr(right, name)
        if name == "layers":
            assert list(a) == list(b)
            for kind in a:
                pd.testing.assert_frame_equal(a[kind].table, b[kind].table)
                assert (a[kind].kind, a[kind].example) == (b[kind].kind, b[kind].example)
                assert dict(a[kind].left_out) == dict(b[kind].left_out)
        elif name == "covers":
            assert list(a) == list(b)
            for kind in a:
                assert a[kind].standard == b[kind].standard
                for part in ("share", "nearest", "cost"):
                    one, other = getattr(a[kind], part), getattr(b[kind], part)
                    assert one.dtype == other.dtype and one.tobytes() == other.tobytes()
        elif name == "gaps":
            assert list(a) == list(b)
            for kind in a:
                pd.testing.assert_frame_equal(a[kind], b[kind])
        elif isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and a.tobytes() == b.tobytes()
        elif name != "work":
            assert a == b, name


def test_a_result_is_read_back_exactly(result: Result, folder: Path) -> None:
    loaded = results.load_result(folder)
    same(result, loaded)
    assert loaded.work["computed"] == result.work["computed"]
    walked = run(walk_world([3], [9]), scenario("siting: [{kind: aed, year: 2025, number: 2}]"))
    results.save_result(walked, folder)  # takes the place of the other
    same(walked, results.load_result(folder))
    assert [path.name for path in folder.parent.iterdir()] == ["test"]


def test_every_standard_is_read_back_exactly() -> None:
    from dataclasses import asdict

    for standard in load_standards().values():
        assert results.standard_of(json.loads(json.dumps(asdict(standard)))) == standard


def test_the_manifest_says_what_the_result_is(result: Result, folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest == results.read_manifest(folder)
    assert (manifest["name"], manifest["key"], manifest["seed"]) == ("test", result.key, 0)
    assert manifest["provenance"]["scenario"]["siting"][0]["number"] == 1
    assert manifest["provenance"]["world"] == {"boai": "0", "demand": "x"}
    (first, *_) = manifest["solver"]
    assert first["status"] == "optimal" and first["objective"] == first["bound"] and "seconds" not in first
    rows = {row["kind"]: row for row in manifest["summary"]}
    assert rows["warehouse"]["served"] == result.summary.set_index("kind").loc["warehouse", "served"]
    names = {path.name for path in folder.iterdir()}
    assert names == {"manifest.json", "times.json", *manifest["files"]}
    for name, facts in manifest["files"].items():
        assert results._facts((folder / name).read_bytes()) == facts
    times = json.loads((folder / "times.json").read_text(encoding="utf-8"))
    assert times["computed"]["gaps"] == 2 and set(times["seconds"]) == {
        "resolve", "siting", "measures", "tables",
    }  # fmt: skip
    assert "reused" not in manifest and "seconds" not in json.dumps(manifest)


def test_tables_are_for_people(result: Result, folder: Path) -> None:
    found = {}
    for path in folder.glob("*.csv"):
        content = path.read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        found[path.stem] = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    assert {"汇总", "覆盖", "缺口", "改动", "新增站点", "选址", "分期对照", "目标", "费用"} <= set(found)
    for name, rows in found.items():
        assert rows and all(row["数据标注"] == "示例数据" for row in rows), name
        headers = set(rows[0]) - {"数据标注"}
        assert headers <= set(result_tables.HEADERS[name].values()), name
        assert not any(header.isascii() for header in headers)
        assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    assert found["新增站点"][0]["名称"] == "'=1+1"
    assert found["改动"][1]["动作"] == "撤销" and found["改动"][0]["图层"] == "备灾仓库"
    assert found["费用"][0]["费用"] == "80" and {row["是否采用"] for row in found["分期对照"]} == {"是", "否"}
    assert len(found["汇总"]) == len(result.summary)


MAKE = f"""
import sys
from pathlib import Path
from boai.scenarios.results import save_result
from boai.scenarios.run import run
from tinyworld import drive_world, scenario
save_result(run(drive_world([0, 5], [10, 3]), scenario({TEXT!r})), Path(sys.argv[1]))
"""


def test_the_same_input_gives_the_same_bytes_in_every_process(folder: Path, tmp_path: Path) -> None:
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"  # another than here
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", MAKE, str(tmp_path / "other")], env=env, check=True)
    mine, other = (
        {path.name: path.read_bytes() for path in one.iterdir() if path.name != "times.json"}
        for one in (folder, tmp_path / "other")
    )
    assert mine == other


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: list[Any] = [_cut, _flip, _pipe, _folder, Path.unlink, lambda path: path.write_bytes(b"")]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["manifest.json", "arrays.npz"])
def test_a_damaged_result_is_refused_in_one_sentence(folder: Path, name: str, damage: Any) -> None:
    damage(folder / name)
    for read in (results.read_manifest, results.load_result):
        with pytest.raises(WorkspaceError) as error:
            read(folder)
        assert "请重新运行" in str(error.value)


def test_a_manifest_that_somebody_wrote_is_no_result(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    outside = {**manifest["files"], "../x": results._facts(b"")}
    (tmp_path / "x").write_bytes(b"")
    hostile: list[Any] = [
        {**manifest, "files": outside},
        {**manifest, "format": 2},
        {**manifest, "key": 3},
        {**manifest, "files": {"arrays.npz": {}}},
        {**manifest, "files": {"arrays.npz": None}},
        {},
    ]
    for content in hostile:
        if "files" in content:
            content["digest"] = results._digest(content)
        (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(WorkspaceError):
            results.read_manifest(folder)


def test_arrays_that_somebody_packed_are_no_result(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for content in (b"", packing.pack({"a": np.arange(3)}), packing.pack({"rest": np.zeros(3, np.uint8)})):
        (folder / "arrays.npz").write_bytes(content)
        manifest["files"]["arrays.npz"] = results._facts(content)
        manifest["digest"] = results._digest(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(WorkspaceError):
            results.load_result(folder)


def test_no_result_and_no_times(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        results.load_result(tmp_path / "other")
    (folder / "times.json").write_text("[", encoding="utf-8")
    loaded = results.load_result(folder)
    assert loaded.work == {} and {plan["seconds"] for plan in loaded.plans} == {0.0}


def test_a_reader_waits_for_the_second_rename(folder: Path) -> None:
    """A writer that was killed between its two renames leaves the old one under another name."""
    key = results.read_manifest(folder)["key"]
    folder.rename(folder.parent / ".test.old")
    assert results.read_manifest(folder)["key"] == key
    assert results.load_result(folder).key == key


def test_a_result_that_cannot_be_written_leaves_the_old_one(
    result: Result, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        results.save_result(result, folder)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["test"]


TABLE = pd.DataFrame(
    {
        "text": ["a", "", "中"],
        "missing": pd.Series(["a", np.nan, None], dtype="str"),
        "mixed": np.array([True, None, "x"], object),
        "whole": [1, 2, 3],
        "small": np.array([1, 2, 255], np.uint8),
        "part": [0.1, np.nan, np.inf],
        "maybe": pd.array([1, None, 3], dtype="Int64"),
        "flag": [True, False, True],
    }
)


@pytest.mark.parametrize(
    "table",
    [
        TABLE,
        TABLE[::-1],
        TABLE[:0],
        TABLE[["text"]].iloc[[2]],
        pd.DataFrame(),
        pd.DataFrame(index=range(3)),
        pd.DataFrame(columns=["a", "b"]),
    ],
)
def test_tables_come_back_with_their_types(table: pd.DataFrame) -> None:
    again = packing.arrays_table(packing.unpack(packing.pack(packing.table_arrays(table), level=6)))
    pd.testing.assert_frame_equal(again, table)


def test_cells_that_are_no_plain_values_are_refused() -> None:
    with pytest.raises(TypeError, match="what"):
        packing.table_arrays(pd.DataFrame({"what": [[1], {}]}))


def test_packed_bytes_know_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {"a": np.zeros(5000), "b": np.array(["x", "中"])}
    first = packing.pack(arrays, level=6)
    assert len(first) < 2000 and len(packing.pack(arrays)) > 40_000
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert packing.pack(arrays, level=6) == first


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packing.pack({"a": np.zeros(1 << 20)}, level=6)
    monkeypatch.setattr(packing, "MOST_BYTES", 1 << 20)
    with pytest.raises(ValueError, match="too large"):
        packing.unpack(content)


def test_a_copied_folder_is_the_same_result(result: Result, folder: Path, tmp_path: Path) -> None:
    same(result, results.load_result(Path(shutil.copytree(folder, tmp_path / "copy"))))


def test_a_reader_never_sees_half_a_result(result: Result, tmp_path: Path) -> None:
    """Two writers put results in each other's place while a reader reads: each time one of them, whole."""
    other = run(drive_world([0]), scenario(OTHER))
    folder, keys, seen = tmp_path / "test", {result.key, other.key}, set()
    results.save_result(result, folder)
    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(_save_often, one, folder) for one in (result, other)]
        while not all(writer.done() for writer in writers):
            seen |= {results.read_manifest(folder)["key"], results.load_result(folder).key}
    assert [writer.exception() for writer in writers] == [None, None]
    assert seen <= keys and results.load_result(folder).key in keys
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


OTHER = "siting: [{kind: warehouse, year: 2025, number: 1}]"


def _save_often(result: Result, folder: Path) -> None:
    for _ in range(6):
        results.save_result(result, folder)
