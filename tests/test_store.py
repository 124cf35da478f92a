"""Folders of arrays: written whole or not at all, opened read-only, damage named in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from boai.geodata.errors import WorkspaceError
from boai.geodata.store import MANIFEST, load_arrays, save_arrays, write_text
from examples import many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

ARRAYS = {"x": np.arange(5, dtype=np.int32), "name": np.array(["南昌县", ""])}


def test_round_trip_keeps_bytes_and_types(tmp_path: Path) -> None:
    digest = save_arrays(tmp_path / "a", ARRAYS, kind="thing", meta={"label": "近似路网"})
    arrays, meta = load_arrays(tmp_path / "a", kind="thing", verify=True)
    assert meta == {"label": "近似路网", "hash": digest}
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
        assert not arrays[name].flags.writeable


@given(hnp.arrays(st.sampled_from([np.float64, np.int32, np.uint8]), hnp.array_shapes(max_dims=2)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=many(30))
def test_any_array_comes_back(tmp_path: Path, array: np.ndarray) -> None:
    save_arrays(tmp_path / "a", {"x": array}, kind="thing", meta={})
    np.testing.assert_array_equal(load_arrays(tmp_path / "a", kind="thing")[0]["x"], array)


def test_same_content_same_hash_and_other_content_another(tmp_path: Path) -> None:
    first = save_arrays(tmp_path / "a", ARRAYS, kind="thing", meta={})
    assert save_arrays(tmp_path / "b", ARRAYS, kind="thing", meta={}) == first
    assert save_arrays(tmp_path / "b", {**ARRAYS, "x": np.arange(6)}, kind="thing", meta={}) != first


def test_a_failed_save_leaves_the_old_folder_and_no_rest(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a", ARRAYS, kind="thing", meta={})
    with pytest.raises(ValueError, match="Object arrays"):
        save_arrays(tmp_path / "a", {"x": np.array([object()])}, kind="thing", meta={})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    np.testing.assert_array_equal(load_arrays(tmp_path / "a", kind="thing")[0]["x"], ARRAYS["x"])


def _truncate(folder: Path) -> None:
    path = folder / "x.npy"
    path.write_bytes(path.read_bytes()[:-3])


def _flip(folder: Path) -> None:
    path = folder / "x.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


def _manifest(text: str):
    return lambda folder: (folder / MANIFEST).write_text(text)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda folder: (folder / "x.npy").unlink(), "不存在"),
        (_truncate, "不完整"),
        (_flip, "与清单不符"),
        (lambda folder: (folder / MANIFEST).unlink(), "不存在"),
        (_manifest("{"), "已损坏"),
        (_manifest("[]"), "已损坏"),
        (
            _manifest(json.dumps({"format": 1, "kind": "thing", "hash": "", "meta": {}, "files": []})),
            "已损坏",
        ),
        (
            _manifest(
                json.dumps({"format": 1, "kind": "thing", "hash": "", "meta": {}, "files": {"../x": {}}})
            ),
            "已损坏",
        ),
        (
            _manifest(json.dumps({"format": 1, "kind": "other", "hash": "", "meta": {}, "files": {}})),
            "应为 thing",
        ),
        (
            _manifest(json.dumps({"format": 9, "kind": "thing", "hash": "", "meta": {}, "files": {}})),
            "应为 thing",
        ),
    ],
)
def test_damage_is_one_sentence_each(tmp_path: Path, damage, word: str) -> None:
    folder = tmp_path / "a"
    save_arrays(folder, ARRAYS, kind="thing", meta={})
    damage(folder)
    with pytest.raises(WorkspaceError, match=word) as caught:
        load_arrays(folder, kind="thing", verify=True)
    assert len(caught.value.problems) == 1
    assert "boai init --force" in str(caught.value)


def test_all_damaged_files_are_named_at_once(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a", ARRAYS, kind="thing", meta={})
    for name in ARRAYS:
        (tmp_path / "a" / f"{name}.npy").unlink()
    with pytest.raises(WorkspaceError) as caught:
        load_arrays(tmp_path / "a", kind="thing")
    assert len(caught.value.problems) == len(ARRAYS)


def test_write_text_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    write_text(path, "一")
    write_text(path, "二")
    assert path.read_text(encoding="utf-8") == "二"
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.txt"]


def test_missing_and_foreign_arrays_are_named(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a", ARRAYS, kind="thing", meta={})
    assert set(load_arrays(tmp_path / "a", kind="thing", names=("x", "name"))[0]) == {"x", "name"}
    for names in (("x", "name", "head"), ("x",)):
        with pytest.raises(WorkspaceError, match="清单与所需文件不符"):
            load_arrays(tmp_path / "a", kind="thing", names=names)
