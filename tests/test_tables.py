"""The tables: what is written is what was computed, and no cell is ever run."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path
from typing import Any

import mapworld
import openpyxl
import pandas as pd
import pytest
from boai.maps import tables
from boai.maps.tables import WORKBOOK, safe_text, write_tables
from boai.maps.words import one_line
from boai.scenarios.compare import compare
from hypothesis import given
from hypothesis import strategies as st

SHEETS = [
    "说明", "概要", "覆盖_省市县", "缺口", "新增站点", "方案对比", "目标台账", "达标检查", "站点", "选址求解",
    "配置要求",
]  # fmt: skip


@pytest.fixture(scope="module")
def small() -> tuple[Any, list[Any], pd.DataFrame]:
    world = mapworld.make_world()
    results = mapworld.make_results(world)
    return world, results, compare(results)


@given(st.text())
def test_no_text_can_be_a_formula(text: str) -> None:
    safe = safe_text(text)
    assert safe.lstrip()[:1] not in set("=+-@＝＋－＠\t\r\n")
    assert safe_text(f"={text}").startswith("'")


@given(st.text(), st.integers(1, 12))
def test_texts_are_one_harmless_line(text: str, longest: int) -> None:
    blank = "".join(" " if mark.isspace() else mark for mark in text)
    bare = "".join(mark for mark in blank if unicodedata.category(mark) not in ("Cc", "Cf", "Cs")).strip()
    line = one_line(text, longest=longest)
    assert line == (bare if len(bare) <= longest else bare[: longest - 1] + "…")


def test_csv_opens_in_excel_and_holds_the_figures(
    small: tuple[Any, list[Any], pd.DataFrame], tmp_path: Path
) -> None:
    world, results, comparison = small
    paths = write_tables(world, results, comparison, tmp_path)
    assert [path.name for path in paths] == [WORKBOOK, *(f"{name}.csv" for name in SHEETS[1:])]
    assert paths[2].read_bytes().startswith(b"\xef\xbb\xbf")
    table = pd.read_csv(paths[2], encoding="utf-8-sig", dtype={"代码": str})
    units = results[0].units
    assert len(table) == sum(len(result.units) for result in results)
    rows = table[(table["方案"] == "现状") & (table["图层"] == "备灾仓库") & (table["级别"] == "县")]
    own = units[(units["kind"] == "warehouse") & (units["level"] == "县")]
    assert rows["覆盖居民"].tolist() == own["served"].tolist()
    assert rows["代码"].tolist() == own["code"].tolist()


def test_workbook_is_ready_for_the_office(small: tuple[Any, list[Any], pd.DataFrame], tmp_path: Path) -> None:
    path = write_tables(*small, tmp_path)[0]
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == SHEETS
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        headers = [cell.value for cell in sheet[1]]
        assert len(set(headers)) == len(headers)
        assert not [header for header in headers if str(header).isascii() and header != "AED"], sheet.title
    sheet = book["覆盖_省市县"]
    column = {cell.value: cell.column for cell in sheet[1]}
    assert sheet.cell(2, column["覆盖比例"]).number_format == "0.0%"
    assert sheet.cell(2, column["居民"]).number_format == "#,##0"
    assert sheet.cell(2, column["居民"]).value == 37 * 343 * 16
    assert isinstance(sheet.cell(2, column["代码"]).value, str)
    notes = [row[1].value for row in book["说明"].iter_rows()]
    assert "内部使用 不得公开" in notes
    assert any(str(note).startswith("示例数据") for note in notes)
    assert "计划: 注意" in notes
    ledger = book["目标台账"]
    column = {cell.value: cell.column for cell in ledger[1]}
    comparators = {ledger.cell(row, column["比较"]).value for row in range(2, ledger.max_row + 1)}
    assert comparators == {"等于", "不少于", "范围", "全部"}


def test_same_data_same_bytes(small: tuple[Any, list[Any], pd.DataFrame], tmp_path: Path) -> None:
    first, second = write_tables(*small, tmp_path / "a"), write_tables(*small, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_hostile_names_are_never_run(tmp_path: Path) -> None:
    world = mapworld.make_world(names=mapworld.HOSTILE)
    results = mapworld.make_results(world, title="=HYPERLINK(1)")
    comparison = compare(results).assign(**{"=1+1": "@SUM(1)"})
    paths = write_tables(world, results, comparison, tmp_path)
    for sheet in openpyxl.load_workbook(paths[0]):
        for row in sheet.iter_rows():
            assert not [cell for cell in row if cell.data_type == "f"]
    for path in paths[1:]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        risky = [cell for cell in cells if cell[:1] in "=+-@" and cell and not _is_number(cell)]
        assert not risky
    sites = pd.read_csv(
        next(path for path in paths if path.name == "站点.csv"),
        encoding="utf-8-sig",
        dtype=str,
        keep_default_na=False,
    )
    assert "'=cmd|' /C calc'!A0" in set(sites["名称"])
    assert "长" * 500 in set(sites["名称"])
    assert "修水县 仓库" in set(sites["名称"])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_missing_values_are_empty(small: tuple[Any, list[Any], pd.DataFrame]) -> None:
    table = pd.DataFrame({"gain": [float("nan"), float("inf"), 1.005], "name": ["", None, "甲"]})
    text = tables._csv_text(tables.as_written("表", table))
    assert text == "新增覆盖居民,名称\r\n,\r\n,\r\n1.0,甲\r\n"


def test_a_failing_write_keeps_the_old_tables(
    small: tuple[Any, list[Any], pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [path.read_bytes() for path in write_tables(*small, tmp_path)]

    def stop(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(tables.Path, "replace", stop)
    with pytest.raises(OSError, match="disk full"):
        write_tables(*small, tmp_path)
    assert [path.read_bytes() for path in write_or_list(tmp_path)] == old


def write_or_list(folder: Path) -> list[Path]:
    """Files of a folder in the order in which they are written."""
    names = [WORKBOOK, *(f"{name}.csv" for name in SHEETS[1:])]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    return [folder / name for name in names]
