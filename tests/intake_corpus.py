"""A corpus of files as offices send them, each with the verdict that a careful reader would give.

The files are made from real boundaries; coordinates are shifted by coord-convert, an independent program.
``intake_attacks`` adds the hostile ones. Importing this module fills ``CASES``.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import intake_attacks  # noqa: F401  (enters its cases)
import intake_offices  # noqa: F401  (the same)
import numpy as np
import pandas as pd
from intake_files import (
    CASES,
    DEEP,
    TITLES,
    Truth,
    across,
    case,
    csv_file,
    frame,
    geojson_features,
    gpx_text,
    grid,
    kml_text,
    ods,
    points,
    shifted,
    sites,
    told,
    with_column,
    xls,
    xlsx,
)

__all__ = ["CASES"]

WGS = {"crs": "WGS84"}
GCJ = {"crs": "GCJ-02"}
SMALL = (30, 30, 0)
BIG = (120, 120, 0)
ALL = ("county", "county_code", "city", "phone", "host", "year", "keeper", "address", "verified_on")

Made = tuple[Path, Truth]


# Clean files: every format, every system


@case("tested", "WGS84", BIG, quiet=True)
def clean_wgs84_unlabelled_xlsx(folder: Path) -> Made:
    table = sites(120)
    return xlsx(folder / "南昌AED.xlsx", grid(table)), told(table, *ALL)


@case("tested", "GCJ-02", BIG, quiet=True)
def clean_gcj02_unlabelled_xlsx(folder: Path) -> Made:
    table = sites(120)
    return xlsx(folder / "高德取点.xlsx", grid(table, "GCJ-02")), told(table, *ALL)


@case("tested", "BD-09", BIG, quiet=True)
def clean_bd09_unlabelled_xlsx(folder: Path) -> Made:
    table = sites(120)
    return xlsx(folder / "取点.xlsx", grid(table, "BD-09")), told(table, *ALL)


@case("tested", "GCJ-02", BIG, quiet=True)
def clean_gcj02_utf8sig_csv(folder: Path) -> Made:
    table = sites(120)
    return csv_file(folder / "aed.csv", grid(table, "GCJ-02")), told(table, *ALL)


@case("stated", "WGS84", SMALL, quiet=True, options=WGS)
def clean_utf8_csv(folder: Path) -> Made:
    table = sites(30)
    return csv_file(folder / "aed.csv", grid(table), encoding="utf-8"), told(table, *ALL)


@case("tested", "BD-09", BIG, quiet=True)
def clean_bd09_gb18030_csv(folder: Path) -> Made:
    table = sites(120)
    return csv_file(folder / "上报表.csv", grid(table, "BD-09"), encoding="gb18030"), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, quiet=True, options=GCJ)
def clean_unicode_text_from_excel(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02")
    return csv_file(folder / "aed.txt", rows, separator="\t", encoding="utf-16"), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, quiet=True, options=GCJ)
def clean_tsv_gbk(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02")
    return csv_file(folder / "aed.tsv", rows, separator="\t", encoding="gbk"), told(table, *ALL)


@case("stated", "WGS84", SMALL, quiet=True, options=WGS)
def clean_semicolon_csv(folder: Path) -> Made:
    table = sites(30)
    return csv_file(folder / "aed.csv", grid(table), separator=";"), told(table, *ALL)


@case("stated", "WGS84", SMALL, quiet=True, options=WGS)
def clean_pipe_txt(folder: Path) -> Made:
    table = sites(30)
    return csv_file(folder / "aed.txt", grid(table), separator="|", encoding="utf-8"), told(table, *ALL)


@case("stated", "WGS84", SMALL, quiet=True, options=WGS)
def clean_chinese_comma_txt(folder: Path) -> Made:
    table = sites(30)
    return csv_file(folder / "aed.txt", grid(table), separator="，", encoding="gb18030"), told(table, *ALL)


@case("tested", "GCJ-02", BIG, quiet=True)
def clean_gcj02_xls_of_excel_97(folder: Path) -> Made:
    table = sites(120)
    return xls(folder / "aed.xls", grid(table, "GCJ-02")), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, quiet=True, options=GCJ)
def clean_ods(folder: Path) -> Made:
    table = sites(30)
    return ods(folder / "aed.ods", grid(table, "GCJ-02")), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, quiet=True, options=GCJ)
def clean_xlsm_suffix(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "aed.xlsm", grid(table, "GCJ-02")), told(table, *ALL)


GIS_COLUMNS = ("id", "name", "county", "phone")


@case("stated", "WGS84", SMALL, quiet=True)
def clean_gpkg(folder: Path) -> Made:
    table = sites(30)
    frame(table, "WGS84", "EPSG:4326", columns=GIS_COLUMNS).to_file(folder / "点.gpkg", layer="AED点位")
    return folder / "点.gpkg", told(table, "county", "phone")


@case("stated", "EPSG:4548", SMALL, quiet=True)
def clean_gpkg_in_cgcs2000_zone_117(folder: Path) -> Made:
    table = sites(30)
    frame(table, "EPSG:4548", "EPSG:4548", columns=GIS_COLUMNS).to_file(folder / "aed.gpkg", layer="aed")
    return folder / "aed.gpkg", told(table, "county", "phone")


@case((("stated", "WGS84"), ("tested", "WGS84")), None, BIG, quiet=True)
def clean_geojson(folder: Path) -> Made:
    table = sites(120)
    content = {"type": "FeatureCollection", "features": geojson_features(table)}
    (folder / "aed.geojson").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return folder / "aed.geojson", told(table, "county")


def _shape(folder: Path, table: Truth, system: str, crs: str | None, encoding: str) -> Path:
    path = folder / "aed.shp"
    made = frame(table, system, crs or "EPSG:4326", columns=GIS_COLUMNS)
    made.to_file(path, encoding=encoding, engine="pyogrio")
    if encoding != "UTF-8":
        path.with_suffix(".cpg").unlink(missing_ok=True)
    if crs is None:
        path.with_suffix(".prj").unlink(missing_ok=True)
    return path


@case("stated", "WGS84", SMALL, quiet=True)
def clean_shp_utf8_with_cpg(folder: Path) -> Made:
    table = sites(30)
    return _shape(folder, table, "WGS84", "EPSG:4326", "UTF-8"), told(table, "county", "phone")


@case("stated", "WGS84", SMALL, quiet=True)
def shp_gb18030_without_cpg(folder: Path) -> Made:
    table = sites(30)
    path = _shape(folder, table, "WGS84", "EPSG:4326", "GB18030")
    path.with_suffix(".dbf").write_bytes(_no_code_page(path.with_suffix(".dbf").read_bytes()))
    return path, told(table, "county", "phone")


def _no_code_page(dbf: bytes) -> bytes:
    """Clear the language byte, as most GIS programs of offices leave it."""
    return dbf[:29] + b"\0" + dbf[30:]


@case("tested", "GCJ-02", BIG)
def shp_without_prj_in_gcj02(folder: Path) -> Made:
    table = sites(120)
    return _shape(folder, table, "GCJ-02", None, "UTF-8"), told(table, "county", "phone")


@case("stated", "WGS84", SMALL, quiet=True)
def clean_kml(folder: Path) -> Made:
    table = sites(30)
    (folder / "aed.kml").write_text(kml_text(table), "utf-8")
    return folder / "aed.kml", told(table, "county")


@case("stated", "WGS84", SMALL, quiet=True)
def clean_kmz(folder: Path) -> Made:
    table = sites(30)
    with zipfile.ZipFile(folder / "aed.kmz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("doc.kml", kml_text(table))
    return folder / "aed.kmz", told(table, "county")


@case("stated", "WGS84", (12, 12, 0), quiet=True)
def clean_gpx_from_a_receiver(folder: Path) -> Made:
    table = sites(12)
    (folder / "航点.gpx").write_text(gpx_text(table), "utf-8")
    return folder / "航点.gpx", told(table, "county")  # the county follows from the point


# Names that lie about the format


@case("stated", "GCJ-02", SMALL, options=GCJ)
def html_table_named_xls(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02")
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    page = f'<html><head><meta charset="utf-8"></head><body><table border=1>{body}</table></body></html>'
    (folder / "导出.xls").write_text(page, "utf-8")
    return folder / "导出.xls", told(table, "county", "phone")


@case("stated", "GCJ-02", SMALL, options=GCJ)
def gbk_tab_text_named_xls(folder: Path) -> Made:
    table = sites(30)
    path = csv_file(folder / "导出.xls", grid(table, "GCJ-02"), separator="\t", encoding="gbk")
    return path, told(table, "county", "phone")


@case("stated", "GCJ-02", SMALL, options=GCJ)
def xlsx_named_xls(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "a.xlsx", grid(table, "GCJ-02")).rename(folder / "b.xls"), told(table, "county")


@case("stated", "GCJ-02", SMALL, options=GCJ)
def xlsx_named_csv(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "a.xlsx", grid(table, "GCJ-02")).rename(folder / "b.csv"), told(table, "county")


# Folders and archives


@case("tested", "GCJ-02", BIG)
def zip_with_gbk_names(folder: Path) -> Made:
    table = sites(120)
    path = folder / "各区上报.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for i, part in enumerate((table[:60], table[60:])):
            one = xlsx(folder / f"x{i}.xlsx", grid(part, "GCJ-02"))
            info = zipfile.ZipInfo(f"part{i}/TABL{i}.xlsx")
            file.writestr(info, one.read_bytes())
            one.unlink()
    data = path.read_bytes()
    for i in range(2):  # the same length in GBK, and no flag for UTF-8
        data = data.replace(f"TABL{i}".encode(), "上报".encode("gbk") + str(i).encode())
    path.write_bytes(data)
    return path, told(table, *ALL)


@case("tested", "GCJ-02", BIG)
def folder_with_office_leftovers(folder: Path) -> Made:
    table = sites(120)
    top = folder / "上报"
    (top / "南昌").mkdir(parents=True)
    xlsx(top / "南昌" / "a.xlsx", grid(table[:60], "GCJ-02"))
    csv_file(top / "b.csv", grid(table[60:], "GCJ-02"), encoding="gb18030")
    for name in ("~$a.xlsx", ".DS_Store", "Thumbs.db"):
        (top / name).write_bytes(b"\0junk")
    (top / "__MACOSX").mkdir()
    (top / "__MACOSX" / "._a.xlsx").write_bytes(b"\0junk")
    return top, told(table, *ALL)


@case("stated", "WGS84", SMALL)
def zip_of_a_shapefile(folder: Path) -> Made:
    table = sites(30)
    (folder / "shape").mkdir()
    _shape(folder / "shape", table, "WGS84", "EPSG:4326", "UTF-8")
    path = Path(shutil.make_archive(str(folder / "shape"), "zip", folder / "shape"))
    return path, told(table, "county", "phone")


@case("stated", "GCJ-02", SMALL, options=GCJ, absent="no_table unsupported_format")
def two_sheets_of_two_offices(folder: Path) -> Made:
    table = sites(30)
    sheets = {"东湖": grid(table[:15], "GCJ-02"), "西湖": grid(table[15:], "GCJ-02")}
    return xlsx(folder / "汇总.xlsx", sheets), told(table, *ALL)


# Tables as clerks draw them


@case("stated", "GCJ-02", SMALL, options=GCJ, quiet=True)
def title_rows_above_the_header(folder: Path) -> Made:
    table = sites(30)
    rows = [["南昌市AED配置情况统计表"], ["填报单位: 南昌市红十字会", None, None, "2024年6月"], []]
    path = xlsx(folder / "统计表.xlsx", rows + grid(table, "GCJ-02"), merges=("A1:O1", "A2:C2"))
    return path, told(table, *ALL)


@case("stated", "GCJ-02", SMALL, options=GCJ, quiet=True)
def title_lines_in_a_csv(folder: Path) -> Made:
    table = sites(30)
    rows = [["南昌市AED配置情况统计表"], ["填报单位:南昌市红十字会"], *grid(table, "GCJ-02")]
    return csv_file(folder / "统计表.csv", rows, encoding="gb18030"), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, options=GCJ)
def merged_two_row_header(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02", columns=("id", "name", "county", "lon", "lat", "keeper", "phone"))
    top = ["编号", "名称", "县区", "位置", None, "联系人", None]
    low = [None, None, None, "经度", "纬度", "姓名", "电话"]
    merges = ("A1:A2", "B1:B2", "C1:C2", "D1:E1", "F1:G1")
    path = xlsx(folder / "a.xlsx", [top, low, *rows[1:]], merges=merges)
    return path, told(table, "county", "phone", "keeper")


@case("stated", "GCJ-02", SMALL, options=GCJ, codes="total_row")
def totals_and_signature_at_the_end(folder: Path) -> Made:
    table = sites(30)
    rows = [*grid(table, "GCJ-02"), ["合计", 30], [], ["填表人: 李四", None, None, "审核人: 王五"]]
    return xlsx(folder / "a.xlsx", rows), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, options=GCJ, quiet=True)
def header_repeated_on_every_page(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02")
    return xlsx(folder / "a.xlsx", [*rows[:11], rows[0], *rows[11:21], rows[0], *rows[21:]]), told(
        table, *ALL
    )


@case("stated", "GCJ-02", SMALL, options=GCJ, quiet=True)
def blank_rows_and_columns(folder: Path) -> Made:
    table = sites(30)
    rows = [[None, *row[:3], None, *row[3:]] for row in grid(table, "GCJ-02")]
    spaced = [row for i, one in enumerate(rows) for row in ([one, []] if i % 5 == 4 else [one])]
    return xlsx(folder / "a.xlsx", [[], *spaced, [], []]), told(table, *ALL)


@case("stated", "GCJ-02", SMALL, options=GCJ, codes="merged_cells")
def county_cells_merged_down(folder: Path) -> Made:
    table = sites(30).sort_values("county", kind="stable", ignore_index=True)
    rows = grid(table, "GCJ-02", columns=("county", "id", "name", "lon", "lat"))
    merges, start = [], 0
    for i in range(1, 31):
        if i == 30 or table["county"][i] != table["county"][start]:
            merges.append(f"A{start + 2}:A{i + 1}")
            start = i
    return xlsx(folder / "a.xlsx", rows, merges=merges), told(table, "county")


@case("stated", "GCJ-02", SMALL, options=GCJ, codes="sheet_skipped")
def instruction_sheet_first(folder: Path) -> Made:
    table = sites(30)
    help_ = [["填写说明"], ["1. 经纬度请用高德地图取点"], ["2. 县区写全称"]]
    path = xlsx(folder / "a.xlsx", {"填写说明": help_, "AED": grid(table, "GCJ-02"), "Sheet3": []})
    return path, told(table, *ALL)


@case("stated", "GCJ-02", SMALL, options=GCJ, quiet=True)
def headers_with_blanks_stars_and_brackets(folder: Path) -> Made:
    table = sites(30)
    titles = {
        "name": "*名 称",
        "lon": "经　度（度）",
        "lat": " 纬 度\n(度) ",
        "county": "县(区)",
        "phone": "电话：",
    }
    rows = grid(table, "GCJ-02", titles=titles, columns=("id", "name", "county", "lon", "lat", "phone"))
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "phone")


@case("stated", "GCJ-02", SMALL, options=GCJ)
def headers_in_other_words(folder: Path) -> Made:
    table = sites(30)
    titles = {
        "name": "点位名称", "county": "所属县区", "lon": "lng", "lat": "lat", "address": "详细地址",
        "keeper": "联系人", "phone": "联系电话",
    }  # fmt: skip
    rows = grid(table, "GCJ-02", titles=titles, columns=tuple(titles))
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "phone", "keeper", "address")


@case("stated", "GCJ-02", SMALL, options=GCJ, codes="extra_column")
def columns_that_nobody_knows_are_kept(folder: Path) -> Made:
    table = sites(30)
    rows = with_column(grid(table, "GCJ-02"), "巡检二维码串号", [f"QR{i:04d}" for i in range(30)])
    table["extras"] = [{"巡检二维码串号": f"QR{i:04d}"} for i in range(30)]
    return xlsx(folder / "a.xlsx", rows), told(table, "extras")


@case("stated", "GCJ-02", SMALL, options=GCJ)
def csv_with_quoted_newlines(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02", columns=("id", "name", "county", "address", "lon", "lat"))
    for row in rows[1:]:
        row[3] = f'{row[3]},\n"大门"左侧'
    return csv_file(folder / "a.csv", rows), told(table, "county")


@case("none", "", (30, 0, 30), errors="header_missing", ok=False, sentence="没有找到表头")
def no_header_at_all(folder: Path) -> Path:
    return csv_file(folder / "a.csv", grid(sites(30))[1:])


@case("none", "", (0, 0, 0), errors="no_table|header_missing|file_unreadable", ok=False)
def empty_csv(folder: Path) -> Path:
    (folder / "a.csv").write_bytes(b"")
    return folder / "a.csv"


@case("none", "", (0, 0, 0), errors="no_table|header_missing", ok=False)
def empty_workbook(folder: Path) -> Path:
    return xlsx(folder / "a.xlsx", {"Sheet1": [], "Sheet2": []})


@case("none", "", (0, 0, 0), errors="no_table|no_rows", ok=False)
def header_without_rows(folder: Path) -> Path:
    return xlsx(folder / "a.xlsx", grid(sites(6))[:1])


# Coordinates in other notations


def _dms(value: float, style: str) -> str:
    whole = int(value)
    minutes = (value - whole) * 60
    return style.format(d=whole, m=int(minutes), s=(minutes - int(minutes)) * 60)


@case("stated", "WGS84", SMALL, options=WGS, within_deg=2e-6)
def degrees_minutes_seconds(folder: Path) -> Made:
    table = sites(30)
    styles = ("{d}°{m}′{s:.3f}″{e}", "{d}°{m}'{s:.3f}\"", "{d}度{m}分{s:.3f}秒")
    x = [_dms(v, styles[i % 3].replace("{e}", "E")) for i, v in enumerate(table["lon"])]
    y = [_dms(v, styles[i % 3].replace("{e}", "N")) for i, v in enumerate(table["lat"])]
    return xlsx(folder / "度分秒.xlsx", grid(table, xy=(x, y))), told(table, "county")


@case("stated", "WGS84", SMALL, options=WGS, within_deg=2e-6)
def hemisphere_words_before_degrees(folder: Path) -> Made:
    table = sites(30)
    x = [f"东经{v:.7f}" if i % 2 else f"E{v:.7f}°" for i, v in enumerate(table["lon"])]
    y = [f"北纬{v:.7f}" if i % 2 else f"N{v:.7f}°" for i, v in enumerate(table["lat"])]
    return xlsx(folder / "a.xlsx", grid(table, xy=(x, y))), told(table, "county")


@case("tested", "GCJ-02", BIG, codes="coordinate_swapped")
def columns_swapped_throughout(folder: Path) -> Made:
    table = sites(120)
    x, y = shifted(table, "GCJ-02")
    return xlsx(folder / "a.xlsx", grid(table, xy=(y, x))), told(table, "county")


@case("tested", "GCJ-02", BIG, codes="coordinate_swapped")
def five_rows_swapped(folder: Path) -> Made:
    table = sites(120)
    x, y = (np.array(values) for values in shifted(table, "GCJ-02"))
    x[10:15], y[10:15] = y[10:15].copy(), x[10:15].copy()
    return xlsx(folder / "a.xlsx", grid(table, xy=(x, y))), told(table, "county")


def _joined(table: Truth, title: str, cells: list[str]) -> list[list[Any]]:
    return with_column(grid(table, columns=("id", "name", "county", "phone")), title, cells)


@case("tested", "GCJ-02", BIG, absent="coordinate_missing")
def one_cell_comma_joined(folder: Path) -> Made:
    table = sites(120)
    x, y = shifted(table, "GCJ-02")
    cells = [f"{a:.8f},{b:.8f}" for a, b in zip(x, y, strict=True)]
    return xlsx(folder / "a.xlsx", _joined(table, "坐标", cells)), told(table, "county", "phone")


@case("stated", "GCJ-02", SMALL, options=GCJ)
def one_cell_latitude_first(folder: Path) -> Made:
    table = sites(30)
    x, y = shifted(table, "GCJ-02")
    cells = [f"{b:.8f}，{a:.8f}" for a, b in zip(x, y, strict=True)]
    return xlsx(folder / "a.xlsx", _joined(table, "经纬度", cells)), told(table, "county", "phone")


@case("stated", "WGS84", SMALL, options=WGS)
def one_cell_well_known_text(folder: Path) -> Made:
    table = sites(30)
    cells = [f"POINT({a:.7f} {b:.7f})" for a, b in zip(table["lon"], table["lat"], strict=True)]
    return csv_file(folder / "a.csv", _joined(table, "位置坐标", cells)), told(table, "county", "phone")


@case("stated", "WGS84", SMALL, options=WGS)
def one_cell_in_words(folder: Path) -> Made:
    table = sites(30)
    cells = [f"经度:{a:.7f} 纬度:{b:.7f}" for a, b in zip(table["lon"], table["lat"], strict=True)]
    return xlsx(folder / "a.xlsx", _joined(table, "坐标", cells)), told(table, "county", "phone")


@case("stated", "WGS84", SMALL, options=WGS)
def full_width_digits(folder: Path) -> Made:
    table = sites(30)
    wide = str.maketrans("0123456789.-", "０１２３４５６７８９．－")
    x = [f" {v:.7f}".translate(wide) for v in table["lon"]]
    y = [f"{v:.7f}　".translate(wide) for v in table["lat"]]
    rows = grid(table, xy=(x, y))
    phone = rows[0].index("电话")
    for row in rows[1:]:
        row[phone] = row[phone].translate(wide)
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "phone")


@case("stated", "WGS84", SMALL, options=WGS, within_deg=1.1e-6)
def degrees_times_a_million(folder: Path) -> Made:
    table = sites(30)
    x, y = ([round(v * 1e6) for v in table[name]] for name in ("lon", "lat"))
    return xlsx(folder / "a.xlsx", grid(table, xy=(x, y))), told(table, "county")


SURVEY = ("章贡区", "袁州区", "东湖区", "珠山区")
"""Counties on both sides of the line between the zones of 114° and 117°."""


def _survey(table: Truth, system: str) -> list[list[Any]]:
    """Northing under X and easting under Y, as Chinese surveyors write."""
    x, y = shifted(table, system)
    return grid(table, titles={"lon": "X", "lat": "Y"}, xy=(y, x))


@case("tested", "EPSG:4548", BIG)
def surveyors_x_north_zone_117(folder: Path) -> Made:
    table = sites(120)
    return xlsx(folder / "测绘.xlsx", _survey(table, "EPSG:4548")), told(table, "county")


@case("tested", "EPSG:4547", (80, 80, 0))
def gauss_krueger_zone_114(folder: Path) -> Made:
    table = sites(80, SURVEY[:2], inside_m=500)
    titles = {"lon": "Y坐标", "lat": "X坐标"}
    rows = grid(table, "EPSG:4547", titles=titles)
    return xlsx(folder / "测绘.xlsx", rows), told(table, "county")


@case("tested", "EPSG:4527", (80, 80, 0))
def gauss_krueger_with_zone_39(folder: Path) -> Made:
    table = sites(80, SURVEY, inside_m=500)
    return xlsx(folder / "测绘.xlsx", _survey(table, "EPSG:4527")), told(table, "county")


@case("tested", "EPSG:4526", (80, 80, 0))
def gauss_krueger_with_zone_38(folder: Path) -> Made:
    table = sites(80, SURVEY, inside_m=500)
    return csv_file(folder / "测绘.csv", _survey(table, "EPSG:4526")), told(table, "county")


@case("tested", "EPSG:32650", BIG)
def utm_50_north(folder: Path) -> Made:
    table = sites(120)
    rows = grid(table, "EPSG:32650", titles={"lon": "东坐标", "lat": "北坐标"})
    return xlsx(folder / "utm.xlsx", rows), told(table, "county")


@case("stated", "EPSG:4548", SMALL, options={"crs": "EPSG:4548"})
def projected_and_stated(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "a.xlsx", _survey(table, "EPSG:4548")), told(table, "county")


# Which system is it


@case("doubtful", None, (12, 12, 0), errors="crs_doubtful", ok=False, sentence="坐标系")
def few_points_deep_inside(folder: Path) -> Path:
    table = sites(12, DEEP, inside_m=5000)
    return xlsx(folder / "a.xlsx", grid(table, "GCJ-02", columns=("id", "county", "lon", "lat", "name")))


@case("doubtful", None, (1, 1, 0), errors="crs_doubtful", ok=False)
def a_single_point(folder: Path) -> Path:
    table = sites(1, DEEP[:1], inside_m=5000)
    return xlsx(folder / "a.xlsx", grid(table, columns=("name", "county", "lon", "lat")))


@case("doubtful", None, (90, 90, 0), errors="crs_doubtful", ok=False)
def no_county_column_and_no_place(folder: Path) -> Path:
    table = sites(90, DEEP, inside_m=5000)
    table["name"] = [f"第{i}号柜" for i in range(90)]
    return xlsx(folder / "a.xlsx", grid(table, "GCJ-02", columns=("id", "name", "lon", "lat")))


@case("doubtful", None, (120, 120, 0), errors="crs_doubtful", ok=False)
def coordinates_rounded_to_a_tenth(folder: Path) -> Path:
    table = sites(120, DEEP, inside_m=12000)
    x, y = (np.round(values, 1) for values in shifted(table, "GCJ-02"))
    return xlsx(folder / "a.xlsx", grid(table, xy=(x, y), columns=("id", "name", "county", "lon", "lat")))


@case("doubtful", None, BIG, errors="crs_doubtful", ok=False, sentence="混")
def two_systems_mixed_in_one_sheet(folder: Path) -> Path:
    table = sites(120)
    (x, y), (u, v) = shifted(table, "WGS84"), shifted(table, "BD-09")
    half = np.arange(120) % 2 == 0
    return xlsx(folder / "a.xlsx", grid(table, xy=(np.where(half, x, u), np.where(half, y, v))))


@case("stated", "GCJ-02", (12, 12, 0), options=GCJ, quiet=True)
def doubtful_but_named(folder: Path) -> Made:
    table = sites(12, DEEP, inside_m=5000)
    rows = grid(table, "GCJ-02", columns=("id", "county", "lon", "lat", "name"))
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("confirmed", None, (12, 12, 0), options={"confirm": True})
def doubtful_and_confirmed(folder: Path) -> Path:
    table = sites(12, DEEP, inside_m=5000)
    return xlsx(folder / "a.xlsx", grid(table, "GCJ-02", columns=("id", "county", "lon", "lat", "name")))


@case("contradicted", "GCJ-02", BIG, errors="crs_contradicted", ok=False, sentence="GCJ-02")
def header_says_wgs84_but_it_is_gcj02(folder: Path) -> Path:
    rows = grid(sites(120), "GCJ-02", titles={"lon": "经度(WGS84)", "lat": "纬度(WGS84)"})
    return xlsx(folder / "a.xlsx", rows)


@case("contradicted", "WGS84", BIG, options=GCJ, errors="crs_contradicted", ok=False)
def user_says_gcj02_but_it_is_wgs84(folder: Path) -> Path:
    return xlsx(folder / "a.xlsx", grid(sites(120)))


@case("confirmed", "GCJ-02", BIG, options={"crs": "GCJ-02", "confirm": True}, codes="county_mismatch")
def user_insists_against_the_test(folder: Path) -> Path:
    return xlsx(folder / "a.xlsx", grid(sites(120)))


@case("contradicted", "GCJ-02", BIG, errors="crs_contradicted", ok=False)
def kml_drawn_on_amap(folder: Path) -> Path:
    (folder / "aed.kml").write_text(kml_text(sites(120), "GCJ-02"), "utf-8")
    return folder / "aed.kml"


@case("contradicted", "BD-09", BIG, errors="crs_contradicted", ok=False)
def gpkg_labelled_wgs84_with_bd09_inside(folder: Path) -> Path:
    made = frame(sites(120), "BD-09", "EPSG:4326", columns=GIS_COLUMNS)
    made.to_file(folder / "aed.gpkg", layer="aed")
    return folder / "aed.gpkg"


@case((("contradicted", "GCJ-02"), ("tested", "GCJ-02")), None, BIG)
def geojson_in_gcj02(folder: Path) -> Made:
    table = sites(120)
    content = {"type": "FeatureCollection", "features": geojson_features(table, "GCJ-02")}
    (folder / "aed.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return folder / "aed.json", told(table, "county")


@case("stated", "GCJ-02", SMALL)
def header_names_amap(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, "GCJ-02", titles={"lon": "高德经度", "lat": "高德纬度"})
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", "BD-09", SMALL)
def title_names_baidu(folder: Path) -> Made:
    table = sites(30)
    rows = [["AED统计表"], ["坐标系: 百度坐标(BD-09)"], *grid(table, "BD-09")]
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", "WGS84", SMALL)
def amap_and_wgs84_side_by_side(folder: Path) -> Made:
    table = sites(30)
    x, y = shifted(table, "GCJ-02")
    rows = grid(table, titles={"lon": "WGS84经度", "lat": "WGS84纬度"})
    rows = with_column(with_column(rows, "高德经度", x.tolist()), "高德纬度", y.tolist())
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", None, SMALL)
def system_in_a_column_row_by_row(folder: Path) -> Made:
    table = sites(30)
    names = {"WGS84": "WGS-84", "GCJ-02": "火星坐标系", "BD-09": "百度"}
    systems = [list(names)[i % 3] for i in range(30)]
    every = {name: shifted(table, name) for name in names}
    x = [every[system][0][i] for i, system in enumerate(systems)]
    y = [every[system][1][i] for i, system in enumerate(systems)]
    rows = with_column(grid(table, xy=(x, y)), "坐标系", [names[system] for system in systems])
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", None, SMALL, options={"crs": "国家2000"}, quiet=True)
def cgcs2000_counts_as_wgs84(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "a.xlsx", grid(table)), told(table, "county")


# Rows in the wrong place, without coordinates, twice


@case("tested", "GCJ-02", (123, 120, 3), errors="outside_province ?county_mismatch")
def three_rows_in_wuhan(folder: Path) -> Made:
    table = sites(120)
    rows = grid(table, "GCJ-02")
    for i in range(3):
        rows.insert(40 * (i + 1), _moved(rows[1], f"w{i}", 114.30 + i / 100, 30.59))
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


def _moved(row: list[Any], key: str, lon: Any, lat: Any) -> list[Any]:
    """A row of ``TITLES`` with another id, name and point."""
    names = list(TITLES)
    changed = dict(zip(names, row, strict=True)) | {"id": key, "name": f"另处{key}", "lon": lon, "lat": lat}
    return [changed[name] for name in names]


@case("tested", "GCJ-02", (122, 120, 2), errors="county_mismatch")
def two_rows_far_from_their_county(folder: Path) -> Made:
    table = sites(120)
    far = points("于都县", 2, inside_m=3000)
    rows = grid(table, "GCJ-02")
    rows += [_moved(rows[1], f"f{i}", float(far[0][i]), float(far[1][i])) for i in range(2)]
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", "WGS84", (33, 33, 0), options=WGS, codes="county_mismatch")
def three_rows_just_over_the_border(folder: Path) -> Made:
    table = sites(30)
    lon, lat = across("东湖区", "青山湖区", 3, 500)
    rows = grid(table)
    rows += [_moved(rows[1], f"n{i}", float(lon[i]), float(lat[i])) for i in range(3)]
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", "WGS84", (40, 40, 0), options=WGS, codes="position_approximate")
def ten_rows_with_an_address_only(folder: Path) -> Made:
    table = sites(30)
    more = sites(10, ("修水县", "都昌县"), seed=1)
    more[["lon", "lat"]] = np.nan
    whole = pd.concat([table, more], ignore_index=True)
    whole["position"] = ["精确"] * 30 + ["近似"] * 10
    return xlsx(folder / "a.xlsx", grid(whole)), told(whole, "county", "position")


@case("none", "", (20, 20, 0), codes="position_approximate", absent="crs_doubtful")
def no_coordinate_columns_only_addresses(folder: Path) -> Made:
    table = sites(20, ("修水县", "都昌县"))
    columns = [name for name in TITLES if name not in ("lon", "lat")]
    table[["lon", "lat"]] = np.nan
    table["position"] = "近似"
    return xlsx(folder / "a.xlsx", grid(table, columns=columns)), told(table, "county", "position")


@case("stated", "WGS84", (33, 30, 3), options=WGS, errors="coordinate_missing")
def neither_coordinates_nor_place(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table)
    rows += [["m1", "甲号柜"], ["m2", "乙号柜"], ["m3", "丙号柜"]]
    return xlsx(folder / "a.xlsx", [row + [None] * (15 - len(row)) for row in rows]), told(table, "county")


@case(
    "stated",
    "WGS84",
    (34, 30, 4),
    options=WGS,
    errors="coordinate_invalid|outside_province|coordinate_missing",
)
def zeros_and_nonsense_for_coordinates(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table)
    bad = [(0, 0), ("NaN", "inf"), (1e300, 28.6), ("待补", "待补")]
    short = [_moved(rows[1], f"z{i}", x, y) for i, (x, y) in enumerate(bad)]
    for row in short:
        row[2:6] = [None] * 4  # no county and no address: nothing else to place them by
    return xlsx(folder / "a.xlsx", rows + short), told(table, "county")


@case("stated", "WGS84", (31, 30, 1), options=WGS, errors="duplicate_id")
def the_same_id_twice(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table)
    again = _moved(rows[1], rows[1][0], rows[9][6], rows[9][7])
    again[3:6] = rows[9][3:6]
    return xlsx(folder / "a.xlsx", [*rows, again]), told(table, "county")


@case("stated", "WGS84", (32, 30, 2), options=WGS, errors="duplicate_row")
def two_rows_copied(folder: Path) -> Made:
    table = sites(30)
    rows = [row[1:] for row in grid(table)]  # no id: identical in everything
    return xlsx(folder / "a.xlsx", [*rows, rows[3], rows[7]]), told(table, "county")


@case("stated", "WGS84", (31, 31, 0), options=WGS, codes="duplicate_name")
def same_name_within_fifty_metres(folder: Path) -> Path:
    rows = grid(sites(30))
    again = list(rows[5])
    again[0], again[7], again[11] = "新号", round(again[7] + 0.0002, 7), "李四"  # 22 m north, another keeper
    return xlsx(folder / "a.xlsx", [*rows, again])


# Units, words and values


FORMER = {
    "赣县": "赣县区", "南康市": "南康区", "上饶县": "广信区", "新建县": "新建区", "东乡县": "东乡区",
    "余江县": "余江区", "广丰县": "广丰区", "九江县": "柴桑区", "星子县": "庐山市", "龙南县": "龙南市",
}  # fmt: skip


@case("stated", "WGS84", (40, 40, 0), options=WGS, codes="former_name")
def counties_by_their_former_names(folder: Path) -> Made:
    table = sites(40, tuple(FORMER.values()), inside_m=2000)
    rows = grid(table, columns=("id", "name", "county", "lon", "lat"))
    old = {new: old for old, new in FORMER.items()}
    for row in rows[1:]:
        row[2] = old[row[2]]
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "county_code", "city")


@case("stated", "WGS84", SMALL, options=WGS)
def counties_written_in_many_ways(folder: Path) -> Made:
    table = sites(30, ("修水县", "东湖区", "樟树市"), inside_m=2000)
    ways = {
        "修水县": ("江西省九江市修水县", "修水", "九江市修水县", " 修水县 "),
        "东湖区": ("南昌市东湖区", "江西省南昌市东湖区", "东湖区", "东湖"),
        "樟树市": ("宜春市樟树市", "樟树", "江西省宜春市樟树市", "宜春樟树市"),
    }
    rows = grid(table, columns=("id", "name", "county", "lon", "lat"))
    for i, row in enumerate(rows[1:]):
        row[2] = ways[row[2]][i // 3 % 4]
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "county_code", "city")


@case("stated", "WGS84", SMALL, options=WGS)
def county_codes_as_numbers(folder: Path) -> Made:
    table = sites(30)
    rows = grid(table, columns=("id", "name", "county_code", "lon", "lat"))
    for i, row in enumerate(rows[1:]):
        row[2] = int(row[2]) if i % 2 else f"{row[2]}000000"  # twelve digits in every second row
    return xlsx(folder / "a.xlsx", rows), told(table, "county", "county_code")


@case("stated", "WGS84", ((30, 30, 0), (30, 28, 2)), options=WGS, codes="county_code_conflict",
      errors="?county_code_conflict")  # fmt: skip
def county_code_against_its_name(folder: Path) -> Path:
    rows = grid(sites(30))
    at = rows[0].index("县级代码")
    rows[4][at] = rows[5][at] = "360730"
    return xlsx(folder / "a.xlsx", rows)


@case("stated", "WGS84", ((32, 30, 2), (32, 32, 0)), options=WGS, codes="county_unknown",
      errors="?county_unknown")  # fmt: skip
def a_county_that_does_not_exist(folder: Path) -> Path:
    rows = grid(sites(32), columns=("id", "name", "county", "lon", "lat"))
    rows[4][2], rows[5][2] = "火星县", "洪山区"
    return xlsx(folder / "a.xlsx", rows)


@case("stated", "WGS84", (8, 8, 0), options=WGS)
def phones_in_many_spellings(folder: Path) -> Made:
    table = sites(8)
    rows = grid(table, columns=("id", "name", "county", "lon", "lat", "phone"))
    ways = [13800138000.0, 13800138000, "１３８００１３８０００", "+86 138-0013-8000", " 13800138000 "]
    for row, way in zip(rows[1:6], ways, strict=True):
        row[5] = way
    rows[6][5], rows[7][5], rows[8][5] = "0791-86212345", "13800138000", "13800138000.0"
    table["phone"] = ["13800138000"] * 5 + ["0791-86212345"] + ["13800138000"] * 2
    return xlsx(folder / "a.xlsx", rows), told(table, "phone")


@case("stated", "WGS84", (8, 8, 0), options=WGS, codes="value_invalid")
def phone_ruined_by_excel(folder: Path) -> Path:
    rows = grid(sites(8), columns=("id", "name", "county", "lon", "lat", "phone"))
    rows[3][5] = "1.38E+10"
    return csv_file(folder / "a.csv", rows)


@case("stated", "WGS84", (9, 9, 0), options=WGS, absent="value_invalid")
def dates_in_many_spellings(folder: Path) -> Made:
    table = sites(9)
    rows = grid(table, columns=("id", "name", "county", "lon", "lat", "verified_on"))
    ways = [
        "2024-03-05", "2024/3/5", "2024.3.5", "2024年3月5日", "20240305", 45356, dt.datetime(2024, 3, 5),
        "２０２４年３月５日", "2024-03-05 10:30:00",
    ]  # fmt: skip
    for row, way in zip(rows[1:], ways, strict=True):
        row[5] = way
    return xlsx(folder / "a.xlsx", rows), told(table, "verified_on")


@case("stated", "WGS84", SMALL, options=WGS, codes="stale_verification")
def verified_five_years_ago(folder: Path) -> Made:
    table = sites(30)
    table["verified_on"] = "2019-03-05"
    return xlsx(folder / "a.xlsx", grid(table)), told(table, "verified_on")


@case("stated", "WGS84", SMALL, options=WGS, codes="value_invalid|value_range")
def impossible_years(folder: Path) -> Path:
    rows = grid(sites(30))
    at = rows[0].index("年份")
    rows[2][at], rows[3][at], rows[4][at] = 3021, 1066, "很久以前"
    return xlsx(folder / "a.xlsx", rows)


@case("stated", "WGS84", (6, 6, 0), options=WGS, absent="value_invalid")
def years_status_and_levels_in_words(folder: Path) -> Made:
    table = sites(6)
    rows = grid(table, columns=("id", "name", "county", "lon", "lat", "year", "status"))
    for row, year in zip(rows[1:], ("2021年", "２０２１", 2021.0, "2021", " 2021 ", 2021), strict=True):
        row[5] = year
    for row, word in zip(rows[1:], ("已建", "建成", "在建", "规划", "停用", "已建成"), strict=True):
        row[6] = word
    rows = with_column(rows, "级别", ["国家级", "省级", "市级", "县级", "省", "县"])
    table["year"], table["status"] = 2021, ["已建", "已建", "在建", "规划", "停用", "已建"]
    table["level"] = ["国家级", "省级", "市级", "县级", "省级", "县级"]
    return xlsx(folder / "a.xlsx", rows), told(table, "year", "status", "level")


@case("stated", "WGS84", (6, 6, 0), options=WGS, absent="value_invalid")
def opening_hours_in_words(folder: Path) -> Made:
    table = sites(6)
    words = ["24小时", "全天", "7×24小时", "周一至周五9:00-17:30", "周一至周五 08:30-17:00", "全天候"]
    rows = with_column(grid(table), "开放时间", words)
    table["hours"] = ["24小时"] * 3 + ["周一至周五 09:00-17:30", "周一至周五 08:30-17:00", "24小时"]
    return xlsx(folder / "a.xlsx", rows), told(table, "hours")


@case("stated", "WGS84", (6, 6, 0), options=WGS, kind="warehouse", absent="value_invalid")
def warehouse_with_stock_and_readiness(folder: Path) -> Made:
    table = sites(6)
    stock = ["棉被:1200;帐篷:30", "棉被：1200；帐篷：30", "棉被1200床、帐篷30顶", "棉被*1200,帐篷*30",
             "棉被:1,200;帐篷:30", '{"棉被": 1200, "帐篷": 30}']  # fmt: skip
    rows = with_column(grid(table), "库存", stock)
    rows = with_column(rows, "库存日期", ["2024年6月1日"] * 6)
    rows = with_column(rows, "响应准备", ["90", "90分钟", "1.5小时", "90 min", 90, "1小时30分"])
    table["stock"] = json.dumps({"棉被": 1200, "帐篷": 30}, ensure_ascii=False)
    table["readiness_min"], table["stock_date"] = 90, "2024-06-01"
    return xlsx(folder / "仓库.xlsx", rows), told(table, "stock", "readiness_min", "stock_date")


@case("stated", "WGS84", (5, 5, 0), options=WGS, kind="warehouse", absent="value_invalid")
def numbers_with_wan_and_separators(folder: Path) -> Made:
    table = sites(5)
    rows = with_column(grid(table), "容量", ["1.2万", "12,000", "１２０００", 12000.0, "12000"])
    table["capacity"] = 12000
    return xlsx(folder / "仓库.xlsx", rows), told(table, "capacity")


@case("stated", "WGS84", (5, 5, 0), options=WGS, kind="warehouse", codes="unit_converted")
def unit_in_the_header(folder: Path) -> Made:
    table = sites(5)
    rows = with_column(grid(table), "容量（万）", [1.2, "1.2", "１.２", 1.2, 1.2])
    table["capacity"] = 12000
    return xlsx(folder / "仓库.xlsx", rows), told(table, "capacity")


@case("stated", "WGS84", (30, 29, 1), options=WGS, codes="formula_error",
      errors="coordinate_missing|coordinate_invalid|formula_error")  # fmt: skip
def formula_errors_in_cells(folder: Path) -> Path:
    rows = grid(sites(30), columns=("id", "name", "lon", "lat", "keeper"))
    rows[5][4] = "#N/A"
    rows[9][1], rows[9][2] = "甲号柜", "#REF!"
    return xlsx(folder / "a.xlsx", rows)


@case("stated", "WGS84", (30, 29, 1), options=WGS, errors="required_missing")
def a_row_without_a_name(folder: Path) -> Path:
    rows = grid(sites(30))
    rows[7][1] = None
    return xlsx(folder / "a.xlsx", rows)


@case(
    "stated", "WGS84", ((32, 32, 0), (32, 30, 2)), options=WGS, codes="example_rows", errors="?example_rows"
)
def exported_example_rows_among_real_ones(folder: Path) -> Path:
    table = sites(32)
    table.loc[30:, "source"] = "示例数据"
    return xlsx(folder / "a.xlsx", grid(table))


@case("stated", "WGS84", SMALL, options=WGS)
def ids_like_001_stay_text(folder: Path) -> Made:
    table = sites(30)
    table["id"] = [f"{i:03d}" for i in range(30)]
    return csv_file(folder / "a.csv", grid(table)), told(table, "id")


@case("stated", "GCJ-02", SMALL, options=GCJ, kind="team")
def rescue_teams(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "队伍.xlsx", grid(table, "GCJ-02")), told(table, "county", "phone")


@case("stated", "GCJ-02", SMALL, options=GCJ, kind="school")
def schools_as_candidate_hosts(folder: Path) -> Made:
    table = sites(30)
    columns = ("name", "county", "address", "lon", "lat", "phone")
    return csv_file(folder / "学校.csv", grid(table, "GCJ-02", columns=columns)), told(
        table, "county", "phone"
    )


@case("stated", "GCJ-02", SMALL, options=GCJ, kind="博爱家园")
def kind_by_its_chinese_name(folder: Path) -> Made:
    table = sites(30)
    return xlsx(folder / "家园.xlsx", grid(table, "GCJ-02")), told(table, "county", "phone")
