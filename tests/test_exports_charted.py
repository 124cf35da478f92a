"""Workbooks with charts: the charts show the cells of the tables, and no text is taken for a formula."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import exportworld
import mapworld
import numpy as np
import openpyxl
import pandas as pd
import pytest
from boai.maps import palette
from boai.maps.exports import workbook
from boai.maps.exports.charted import Chart, Written, write_charted
from boai.maps.workbook import Sheet, workbook_bytes
from boai.maps.workbook_charts import CHARTS

NOTES = [("用途", "内部使用 不得公开")]
C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
KINDS = ("line", "scatter", "bar", "stacked_bar", "column", "stacked_column", "dumbbell")
TABLE = Written(
    "表", ["方案", "站点", "前", "后"], [("甲", 1, 0.25, 0.5), ("甲", 2, 0.5, 0.75), ("乙", 1, 0.1, 0.2)],
    ["", "0", "0.0%", "0.0%"],
)  # fmt: skip


def charts_of(path: Path) -> list[Xml.Element]:
    with zipfile.ZipFile(path) as parts:
        names = sorted(
            (name for name in parts.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", name)),
            key=lambda name: int(re.sub(r"\D", "", name)),
        )
        return [Xml.fromstring(parts.read(name)) for name in names]


def texts(element: Xml.Element) -> list[str]:
    return [each.text or "" for each in element.iter(f"{A}t")]


def cells(book: openpyxl.Workbook, reference: str) -> list[Any]:
    """Values of a range such as '表'!$C$2:$C$3."""
    sheet, area = reference.replace("$", "").rsplit("!", 1)
    found = book[sheet.strip("'")][area]
    return [row[0].value for row in found] if isinstance(found, tuple) else [found.value]


@pytest.mark.parametrize("kind", KINDS)
def test_a_chart_of_each_kind_refers_to_its_cells(kind: Any, tmp_path: Path) -> None:
    chart = Chart("=题目", kind, "表", "站点", ("前", "后"), y_title="比例", rows=(0, 2), y_range=(0, 1))
    path = write_charted(tmp_path / "a.xlsx", NOTES, {"表": TABLE}, [chart])
    (drawn,) = charts_of(path)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["说明", CHARTS, "表"]
    series = list(drawn.iter(f"{C}ser"))
    references = [[each.text or "" for each in one.iter(f"{C}f")] for one in series]
    assert [cells(book, own[0]) for own in references] == [["前"], ["后"]]
    assert [cells(book, own[1]) for own in references] == [[1, 2], [1, 2]]
    assert [cells(book, own[2]) for own in references] == [[0.25, 0.5], [0.5, 0.75]]
    kept = [each.text for each in series[0].iter(f"{C}v")][-2:]
    assert kept == ["0.25", "0.5"]  # also shown by programs that do not compute
    assert [text for text in ("'=题目", "站点", "比例") if text not in texts(drawn)] == []
    assert drawn.find(f".//{C}title//{C}strRef") is None
    colours = {each.get("val", "").lower() for each in drawn.iter(f"{A}srgbClr")}
    assert {palette.SERIES[0].colour[1:], palette.SERIES[1].colour[1:]} <= colours


def test_runs_of_a_column_are_series_of_one_look(tmp_path: Path) -> None:
    chart = Chart("一", "scatter", "表", "站点", ("前",), by="方案", order=("现状", "甲", "乙"))
    path = write_charted(tmp_path / "a.xlsx", NOTES, {"表": TABLE}, [chart])
    book = openpyxl.load_workbook(path)
    series = list(charts_of(path)[0].iter(f"{C}ser"))
    found = [[cells(book, each.text or "") for each in one.iter(f"{C}f")] for one in series]
    assert found == [[["甲"], [1, 2], [0.25, 0.5]], [["乙"], [1], [0.1]]]
    colours = [one.find(f"{C}spPr//{A}srgbClr").get("val") for one in series]  # type: ignore[union-attr]
    assert [f"#{colour}".lower() for colour in colours] == [each.colour for each in palette.SERIES[1:3]]


@pytest.mark.parametrize(
    "change", [{"sheet": "无"}, {"x": "无"}, {"y": ("无",)}, {"by": "无"}, {"rows": (2, 2)}]
)
def test_a_chart_of_nothing_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    chart = Chart(**({"title": "一", "kind": "line", "sheet": "表", "x": "站点", "y": ("前",)} | change))
    with pytest.raises(ValueError, match="一"):
        write_charted(tmp_path / "a.xlsx", NOTES, {"表": TABLE}, [chart])
    assert list(tmp_path.iterdir()) == []


def test_charts_lie_apart_and_never_across_two_pages() -> None:
    sheet = Sheet("表", TABLE.headers, TABLE.rows, TABLE.formats)
    charts = [Chart(str(number), "bar", "表", "方案", ("前",)) for number in range(5)]
    file = workbook_bytes([sheet], charts)
    assert file == workbook_bytes([sheet], charts)
    page = openpyxl.load_workbook(io.BytesIO(file))[CHARTS]
    places = [(each.anchor._from.row, each.anchor._from.col) for each in page._charts]
    assert places == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]
    assert all(each.anchor.to.row == each.anchor._from.row for each in page._charts)
    assert (page.page_setup.orientation, page.page_setup.fitToHeight) == ("landscape", 0)


def test_english_columns_get_their_headers_and_formats(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["=1+1"], "share": [0.5], "residents": [1234]})
    book = openpyxl.load_workbook(write_charted(tmp_path / "a.xlsx", NOTES, {"表": table}))
    rows = list(book["表"].iter_rows())
    assert [cell.value for cell in rows[0]] == ["名称", "覆盖比例", "居民"]
    assert [cell.value for cell in rows[1]] == ["'=1+1", 0.5, 1234]
    assert [cell.number_format for cell in rows[1]] == ["General", "0.0%", "#,##0"]
    assert CHARTS not in book.sheetnames


def test_the_workbook_of_an_export(tmp_path: Path) -> None:
    world, results = exportworld.small()
    paths = [workbook.write_workbook(world, results, NOTES, tmp_path / name) for name in ("a.xlsx", "b.xlsx")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    book = openpyxl.load_workbook(paths[0])
    assert {"图_累计覆盖", "图_远近", "图_洛伦兹", "图_分市"} <= set(book.sheetnames)
    drawn = charts_of(paths[0])
    titles = [texts(each)[0] for each in drawn]
    assert "备灾仓库: 新增站点与覆盖" in titles
    for chart in drawn:
        for reference in chart.iter(f"{C}f"):
            assert cells(book, reference.text or "")
    shares = [row[2].value for row in book["图_分市"].iter_rows(min_row=2) if row[0].value == "备灾仓库"]
    units = results[0].units
    own = units[(units["kind"] == "warehouse") & (units["limit"] == 600) & (units["level"] == "市")]
    assert shares[1:] == own["share"].round(6).tolist()
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_a_province_where_nobody_lives_has_a_workbook(tmp_path: Path) -> None:
    world = mapworld.make_world()
    nobody = replace(world.demand, residents=np.zeros_like(world.demand.residents))
    world = replace(world, demand=nobody)
    path = workbook.write_workbook(world, [mapworld.baseline(world)], NOTES, tmp_path / "a.xlsx")
    assert "图_分市" in openpyxl.load_workbook(path).sheetnames
