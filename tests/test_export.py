"""Export: every format and system holds the same sites, nothing is a formula, it comes back unchanged."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from boai.geodata import datums
from boai.geodata.errors import InputError
from boai.geodata.export import EPSG, FORMATS, export_layer
from boai.geodata.export_table import neutral
from boai.geodata.intake.cells import tidy_text
from boai.geodata.intake.headers import KEPT
from boai.geodata.intake.stocks import read_stock_text
from boai.geodata.intake.values import read_text
from boai.geodata.types import COMMON, find_type
from coord_convert import transform
from examples import many
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from intake_files import TODAY, points

DAY = dt.date.fromisoformat(TODAY)
SYSTEMS = (
    "WGS84",
    "GCJ-02",
    "BD-09",
    "CGCS2000",
    "EPSG:4548",
    "EPSG:4547",
    "EPSG:4527",
    "EPSG:4526",
    "EPSG:32650",
)
N = 12


def make_sites() -> pd.DataFrame:
    """AED sites as a registry returns them, with awkward texts in every place that allows them."""
    lon, lat = points("东湖区", N, inside_m=500)
    table = pd.DataFrame(
        {
            "id": [f"{i:03d}" for i in range(N)],
            "name": [f"第{i}点" for i in range(N)],
            "city": "南昌市",
            "county": "东湖区",
            "county_code": "360102",
            "township": "",
            "address": "人民路1号",
            "lon": lon,
            "lat": lat,
            "orig_x": lon + 0.005,
            "orig_y": lat - 0.003,
            "orig_crs": "GCJ-02",
            "position": "精确",
            "level": "",
            "host": "某社区",
            "status": ["规划", "在建", "已建", "停用"] * 3,
            "year": [2020.0, np.nan, 2024.0] * 4,
            "owner": "东湖区红十字会",
            "keeper": "张三",
            "deputy": "",
            "phone": "13800138000",
            "hours": "周一至周五 08:00-17:30; 节假日关闭",
            "capacity": [1.0, 2.0] * 6,
            "stock": "",
            "stock_date": "",
            "readiness_min": [5.0, 2.5, np.nan] * 4,
            "source": "县级上报",
            "verified_on": "2024-03-05",
            "venue": "社区",
            "floor": "",
            "public": [True, False, None] * 4,
            "brand": "甲牌",
            "pads_until": "2026-01-01",
            "extras": [{"巡检": "是", "fid": "7", "手机号": "9", "备注甲": "=1+1"}] * N,
            "example": False,
        }
    )
    names = (
        "=1+1",
        "@SUM(A1)",
        "+a",
        "-b",
        "<b>甲</b>",
        "甲,乙;丙\"丁'戊",
        "|cmd",
        "ＡＢ（东）",
        "#N/A点",
        "&amp;",
    )
    table.loc[: len(names) - 1, "name"] = [text if i != 7 else "AB（东）" for i, text in enumerate(names)]
    table.loc[0, "address"] = "人" * 80
    return table


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("format", FORMATS)
def test_importing_an_exported_file_is_the_identity(tmp_path: Path, format: str, system: str) -> None:
    from boai.geodata.intake import read

    sites = make_sites()
    path = tmp_path / f"aed.{format}"
    export_layer(sites, "aed", path, system=system)
    intake = read(path, kind="aed", today=DAY)
    assert not [f for f in intake.findings if f.severity == "error"]
    assert intake.verdict.status in ("stated", "none") and len(intake.sites) == N
    back = intake.sites.sort_values("id", ignore_index=True)
    for name in ("lon", "lat"):
        assert (back[name] == sites[name]).all()  # more than the 1e-7 degrees that are promised
    own = [attribute.name for attribute in find_type("aed").own]
    for name in (*COMMON, *own):
        if name in sites and name not in ("lon", "lat"):
            assert _cells(back[name]) == _cells(sites[name]), name
    assert [dict(extra) for extra in back["extras"]] == sites["extras"].tolist()
    assert back["example"].tolist() == [False] * N


def _cells(column: pd.Series) -> list[Any]:
    """Cells with one sign for missing, numbers to the 15 digits that a spreadsheet keeps."""
    cells = ["" if pd.isna(cell) else cell for cell in column.tolist()]
    return [float(f"{cell:.15g}") if isinstance(cell, float) else cell for cell in cells]


def test_example_sites_come_back_as_example_sites(tmp_path: Path) -> None:
    from boai.geodata.intake import read

    sites = make_sites().assign(example=True, source="")
    export_layer(sites, "aed", tmp_path / "aed.xlsx")
    assert "示例数据" in str([[cell.value for cell in row] for row in _page(tmp_path / "aed.xlsx")])
    assert read(tmp_path / "aed.xlsx", kind="aed", today=DAY).sites["example"].all()


def _page(path: Path) -> list[Any]:
    return list(openpyxl.load_workbook(path).active.iter_rows())


# What the files hold


def test_no_cell_of_a_workbook_is_a_formula_and_codes_are_text(tmp_path: Path) -> None:
    export_layer(make_sites(), "aed", tmp_path / "a.xlsx")
    header, *rows = _page(tmp_path / "a.xlsx")
    assert {cell.data_type for row in rows for cell in row} <= {"s", "n", "inlineStr"}
    assert rows[0][1].value == "=1+1" and rows[0][1].quotePrefix
    at = {cell.value: i for i, cell in enumerate(header)}
    for title, value in {"编号": "000", "县级代码": "360102", "电话": "13800138000"}.items():
        assert rows[0][at[title]].value == value and rows[0][at[title]].number_format == "@"
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert sheet.freeze_panes == "C2" and sheet.auto_filter.ref


def test_no_cell_of_a_csv_starts_a_formula(tmp_path: Path) -> None:
    export_layer(make_sites(), "aed", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:3] == ["编号", "名称", "设区市"] and len(rows) == N + 1
    for cell in (cell for row in rows for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "|", "\t", "\r")), cell


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), max_size=20))
def test_neutral_text_starts_no_formula_and_is_undone_by_the_import(text: str) -> None:
    made = neutral(text)
    assert not made.startswith(("=", "@", "|", "＝")) and tidy_text(made) == tidy_text(text)


@pytest.mark.parametrize(("system", "shift"), [("GCJ-02", transform.wgs2gcj), ("BD-09", transform.wgs2bd)])
def test_shifted_coordinates_are_those_of_another_program(tmp_path: Path, system: str, shift: Any) -> None:
    sites = make_sites()
    export_layer(sites, "aed", tmp_path / "a.csv", system=system)
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        for row, lon, lat in zip(csv.DictReader(file), sites["lon"], sites["lat"], strict=True):
            assert row["坐标系"] == system
            found = (float(row["经度"]), float(row["纬度"]))
            assert found == pytest.approx(shift(lon, lat), abs=1e-8)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("format", ["gpkg", "shp", "geojson"])
def test_gis_programs_find_the_points_where_they_are(tmp_path: Path, format: str, system: str) -> None:
    sites = make_sites()
    path = tmp_path / f"a.{format}"
    export_layer(sites, "aed", path, system=system)
    found = gpd.read_file(path)
    assert len(found) == N and set(found["crs" if format == "shp" else "坐标系"]) == {system}
    if system in datums.SYSTEMS[1:]:
        assert format == "geojson" or found.crs is None  # no code: nothing false is stated
        return
    assert found.crs == EPSG.get(system, system)
    degrees = found.to_crs("EPSG:4326").geometry
    assert np.abs(degrees.x - sites["lon"]).max() < 1e-7 and np.abs(degrees.y - sites["lat"]).max() < 1e-7


def test_a_shapefile_has_short_fields_with_their_headers_beside(tmp_path: Path) -> None:
    sites = make_sites()
    export_layer(sites, "aed", tmp_path / "a.shp")
    assert (tmp_path / "a.cpg").read_text() == "UTF-8"
    headers = json.loads((tmp_path / "a.fields").read_text("utf-8"))
    fields = [name for name in gpd.read_file(tmp_path / "a.shp").columns if name != "geometry"]
    assert list(headers) == fields
    assert all(len(name.encode()) <= 10 and name.isascii() for name in fields)
    assert len({name.lower() for name in fields}) == len(fields)
    assert {"编号", "响应准备(分)", "核实日期", "巡检", f"{KEPT}fid"} <= set(headers.values())


def test_kml_holds_degrees_whatever_is_asked_for(tmp_path: Path) -> None:
    export_layer(make_sites(), "aed", tmp_path / "a.kml", system="EPSG:4548")
    text = (tmp_path / "a.kml").read_text("utf-8")
    assert "<value>WGS84</value>" in text and "EPSG" not in text and "<b>" not in text


def test_a_site_without_position_has_no_point(tmp_path: Path) -> None:
    sites = make_sites()
    sites.loc[3, ["lon", "lat"]] = np.nan
    for format in FORMATS:
        export_layer(sites, "aed", tmp_path / f"a.{format}", system="GCJ-02")
    for format in ("gpkg", "shp", "geojson"):
        assert gpd.read_file(tmp_path / f"a.{format}").geometry.isna().tolist() == [i == 3 for i in range(N)]
    assert (tmp_path / "a.kml").read_text("utf-8").count("<Point>") == N - 1


def test_an_empty_layer_is_a_header(tmp_path: Path) -> None:
    for format in FORMATS:
        export_layer(make_sites()[:0], "aed", tmp_path / f"a.{format}")
    assert len(_page(tmp_path / "a.xlsx")) == 1
    assert json.loads((tmp_path / "a.geojson").read_text())["features"] == []


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None, max_examples=many(25))
@given(extras=st.lists(st.dictionaries(WORDS, WORDS | st.integers() | st.none(), max_size=4), max_size=4))
def test_extras_of_any_kind_are_written_and_no_header_stands_twice(
    tmp_path_factory: pytest.TempPathFactory, extras: list[dict[str, Any]]
) -> None:
    sites = make_sites()[: len(extras)].assign(extras=pd.Series(extras, dtype=object))
    folder = tmp_path_factory.mktemp("export")
    for format in FORMATS:
        export_layer(sites, "aed", folder / f"a.{format}")
    headers = [cell.value for cell in _page(folder / "a.xlsx")[0]]
    assert len({str(text).casefold() for text in headers}) == len(headers)
    assert len(gpd.read_file(folder / "a.gpkg")) == len(extras)


SIGNS = "巡检备注東Éßабв ABCxyz019=+-@|#'\"<>&;:,.，；：（）()/\\％😀"
TIDY = st.text(SIGNS, max_size=20).map(lambda text: read_text(text).value).filter(bool)
"""Texts as the registry keeps them: what the intake makes of any text."""

SITE = st.fixed_dictionaries(
    {
        "name": TIDY,
        "address": TIDY | st.just(""),
        "keeper": TIDY | st.just(""),
        "source": TIDY | st.just(""),
        "year": st.integers(1950, 2024) | st.just(np.nan),
        "capacity": st.integers(1, 10**6),
        "readiness_min": st.floats(0, 600).map(lambda x: round(x, 3)) | st.just(np.nan),
        "stock": st.dictionaries(TIDY, st.integers(0, 10**9), max_size=3).map(
            lambda stock: read_stock_text(json.dumps(stock, ensure_ascii=False)).value or ""
        ),
        "extras": st.dictionaries(st.text("巡检备注ABC电话=<1", min_size=1), TIDY, max_size=2),
    }
)


@settings(deadline=None, max_examples=many(30), phases=(Phase.explicit, Phase.generate))
@given(
    rows=st.lists(SITE, min_size=1, max_size=5),
    format=st.sampled_from(FORMATS),
    system=st.sampled_from(SYSTEMS),
)
def test_any_sites_come_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], format: str, system: str
) -> None:
    from boai.geodata.intake import read

    sites = make_sites()[: len(rows)].assign(**pd.DataFrame(rows))
    path = tmp_path_factory.mktemp("round") / f"a.{format}"
    export_layer(sites, "aed", path, system=system)
    intake = read(path, kind="aed", today=DAY)
    back = intake.sites.sort_values("id", ignore_index=True)
    assert len(back) == len(rows), [f for f in intake.findings if f.severity == "error"]
    for name in ("lon", "lat", *rows[0]):
        if name == "stock":
            found, wanted = ([json.loads(text or "{}") for text in table[name]] for table in (back, sites))
            assert found == wanted
        elif name == "extras":
            assert [dict(extra) for extra in back[name]] == sites[name].tolist()
        else:
            assert _cells(back[name]) == _cells(sites[name]), name


# What is refused


def test_what_cannot_be_written_is_refused_and_leaves_what_was_there(tmp_path: Path) -> None:
    sites = make_sites()
    path = tmp_path / "a.shp"
    export_layer(sites, "aed", path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"地址.*请改用 gpkg"):
        export_layer(sites.assign(address="长" * 100), "aed", path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "system", "message"),
    [("a.pdf", "WGS84", "导出格式"), ("a.csv", "西安80", "坐标系"), ("no/a.csv", "WGS84", "文件夹不存在")],
)
def test_wrong_wishes_are_told(tmp_path: Path, name: str, system: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        export_layer(make_sites(), "aed", tmp_path / name, system=system)
    assert not list(tmp_path.iterdir())


def test_a_text_that_excel_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="32767 个字符"):
        export_layer(make_sites().assign(address="长" * 40_000), "aed", tmp_path / "a.xlsx")


def test_names_of_systems_and_types_in_words(tmp_path: Path) -> None:
    export_layer(make_sites(), "AED", tmp_path / "a.csv", system="高德")
    assert ",GCJ-02," in (tmp_path / "a.csv").read_text("utf-8-sig")
