"""The stored layers come back as they were; damage is one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from boai.geodata.errors import InputError, WorkspaceError
from boai.geodata.layers import COLUMNS, KIND_NAMES, Kind, Layer
from boai.geodata.registry import (
    check_kind,
    layer_hash,
    load_layers,
    read_sites,
    read_stock,
    save_layers,
)

_WARN = pytest.mark.filterwarnings("ignore:.*:RuntimeWarning:pyogrio")


def _layer(kind: Kind, names: list[str], *, example: bool = True) -> Layer:
    rows = {column: [""] * len(names) for column in COLUMNS}
    table = pd.DataFrame({**rows, "name": names, "id": [f"{kind}-{i}" for i in range(len(names))]})
    for column in ("year", "readiness_min"):
        table[column] = float("nan")
    table["lon"], table["lat"] = 115.123456, 28.654321
    return Layer(kind, table, example=example)


@pytest.fixture
def layers() -> dict[Kind, Layer]:
    hostile = ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "南昌'; DROP TABLE aed; --", "换\n行"]
    return {
        kind: _layer(kind, hostile if kind == "aed" else ["甲"], example=kind != "team")
        for kind in KIND_NAMES
    }


def test_round_trip_keeps_rows_labels_and_hostile_names(tmp_path: Path, layers: dict[Kind, Layer]) -> None:
    save_layers(layers, tmp_path / "layers.gpkg")
    again = load_layers(tmp_path / "layers.gpkg")
    for kind, layer in layers.items():
        pd.testing.assert_frame_equal(again[kind].table, layer.table, check_dtype=False)
        assert again[kind].example == layer.example
        assert layer_hash(again[kind]) == layer_hash(layer)
    assert [path.name for path in tmp_path.iterdir()] == ["layers.gpkg"]


def test_read_sites_equals_the_table(tmp_path: Path, layers: dict[Kind, Layer]) -> None:
    save_layers(layers, tmp_path / "layers.gpkg")
    rows = read_sites(tmp_path / "layers.gpkg", "aed")
    assert [row["name"] for row in rows] == layers["aed"].table["name"].to_list()
    assert rows[0]["year"] is None
    assert rows[0]["example"] is True


@pytest.mark.parametrize("text", ["warehouse", "备灾仓库", " AED ", "救援队"])
def test_kinds_go_by_code_and_by_name(text: str) -> None:
    assert check_kind(text) in KIND_NAMES


def test_an_unknown_layer_names_those_that_exist() -> None:
    with pytest.raises(InputError, match="warehouse\\(备灾仓库\\)"):
        check_kind("hospital")


def test_damage_is_one_sentence(tmp_path: Path, layers: dict[Kind, Layer]) -> None:
    path = tmp_path / "layers.gpkg"
    with pytest.raises(WorkspaceError, match="不存在"):
        load_layers(path)
    save_layers(layers, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(WorkspaceError, match="已损坏"):
        load_layers(path)
    path.write_bytes(whole)
    base = sqlite3.connect(path)
    base.execute("DELETE FROM boai_layers WHERE kind = 'team'")
    base.commit()
    base.close()
    with pytest.raises(WorkspaceError, match="没有图层 救援队"):
        load_layers(path)


def test_reading_never_writes(tmp_path: Path, layers: dict[Kind, Layer]) -> None:
    path = tmp_path / "layers.gpkg"
    save_layers(layers, path)
    before = path.read_bytes()
    read_sites(path, "team")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["layers.gpkg"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("UPDATE aed SET lon = NULL WHERE fid = 1", "经度不对"),
        ("UPDATE aed SET lat = 'abc'", "纬度不对"),
        ("UPDATE aed SET lon = 1e300", "经度不对"),
        ("UPDATE aed SET readiness_min = -5", "响应准备"),
        ("UPDATE aed SET year = '二〇二〇'", "年份不对"),
        ("UPDATE aed SET id = 'aed-0'", "编号不对"),
        ("UPDATE aed SET name = NULL", "名称不对"),
        ("UPDATE aed SET phone = x'ff'", "电话不对"),
        ("ALTER TABLE aed RENAME COLUMN phone TO phon", "已损坏"),
        ("UPDATE boai_layers SET example = NULL", "没有图层"),
        ("UPDATE aed SET name = '改过的名称'", "内容与登记不符"),
    ],
)
def test_impossible_or_changed_values_are_refused(
    tmp_path: Path, layers: dict[Kind, Layer], change: str, word: str
) -> None:
    path = tmp_path / "layers.gpkg"
    save_layers(layers, path)
    base = sqlite3.connect(path)
    for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        base.execute(f'DROP TRIGGER "{name}"')
    base.execute(change)
    base.commit()
    base.close()
    with pytest.raises(WorkspaceError, match=word):
        load_layers(path)


@pytest.mark.parametrize("text", ["", None, "[", "[1]", "[" * 100_000, '{"棉被": "x"}', '{"棉被": true}'])
def test_a_stock_that_is_none_is_empty(text: str | None) -> None:
    assert read_stock(text) == {}
