"""The Excel report on an intake."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest
from boai.geodata.errors import InputError
from boai.geodata.intake.pipeline import read
from boai.geodata.intake.report import write_report

CSV = """编号,名称,县区,经度,纬度,年份,备注
1,=1+1,修水县,114.5685,29.0358,2020,@SUM(A1)
2,甲,修水县,114.5685,,2020,
3,乙,修水县,114.5690,29.0359,去年,<b>x</b>
3,丙,武宁县,115.10,29.25,2021,-2+3
"""


def _report(tmp_path: Path, text: str = CSV, **options: object) -> openpyxl.Workbook:
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8")
    intake = read(path, kind="aed", crs="WGS84", today=date(2024, 6, 1))
    write_report(intake, tmp_path / "r.xlsx", **options)
    return openpyxl.load_workbook(tmp_path / "r.xlsx")


def test_sheets_and_problems(tmp_path: Path) -> None:
    book = _report(tmp_path)
    assert book.sheetnames == ["问题", "坐标判定", "表头对应", "原表 a.csv"]
    page = book["问题"]
    assert page.freeze_panes == "A2"
    assert [cell.value for cell in page[1]][:8] == [
        "程度",
        "文件",
        "工作表",
        "行",
        "列",
        "问题",
        "得到",
        "怎么办",
    ]
    rows = {(row[3], row[9]) for row in page.iter_rows(min_row=2, values_only=True)}
    assert {(5, "duplicate_id"), (4, "value_invalid")} <= rows
    systems = [row[1] for row in book["坐标判定"].iter_rows(min_row=2, values_only=True)]
    assert systems[0] == "WGS84"
    pairs = {(row[2], row[3]) for row in book["表头对应"].iter_rows(min_row=2, values_only=True)}
    assert {("经度", "lon"), ("备注", "-")} <= pairs


def test_the_table_is_repeated_with_its_problems(tmp_path: Path) -> None:
    page = _report(tmp_path)["原表 a.csv"]
    lines = list(page.iter_rows(min_row=2))
    assert [line[0].value for line in lines] == [2, 3, 4, 5]
    assert lines[0][-1].value in (None, "")
    assert "编号与" in lines[3][-1].value
    red, yellow = "FFFF9999", "FFFFE699"
    assert lines[3][1].fill.start_color.rgb == red
    assert lines[2][6].fill.start_color.rgb == yellow
    assert lines[0][1].fill.fill_type is None


def test_nothing_is_a_formula(tmp_path: Path) -> None:
    book = _report(tmp_path)
    cells = [cell for page in book for row in page.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert "=1+1" in [cell.value for cell in cells]


def test_large_tables_are_shortened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boai.geodata.intake.report.WHOLE_ROWS", 2)
    page = _report(tmp_path)["原表 a.csv"]
    rows = [row[0] for row in page.iter_rows(min_row=2, values_only=True)]
    assert rows[0] == "原表 4 行, 只列出有问题的 3 行"
    assert rows[1:] == [3, 4, 5]


def test_no_folder_is_a_sentence_and_nothing_is_left(tmp_path: Path) -> None:
    _report(tmp_path)
    intake = read(tmp_path / "a.csv", kind="aed", crs="WGS84")
    for path in (tmp_path / "none" / "r.xlsx", tmp_path):
        with pytest.raises(InputError, match="无法写入报告"):
            write_report(intake, path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "r.xlsx"]
