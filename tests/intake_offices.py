"""More files of the corpus, made by another hand: what single offices and vendors send. Enters its cases."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from intake_files import DEEP, Truth, case, csv_file, grid, shifted, sites, told, with_column, xlsx

WGS = {"crs": "WGS84"}
PLACE = ("name", "county", "lon", "lat")
Made = tuple[Path, Truth]


def _deep(n: int) -> Truth:
    """Sites whose place tells nothing of the system."""
    return sites(n, DEEP, inside_m=5000)


def _rows(n: int, system: str = "WGS84") -> tuple[Truth, list[list[Any]]]:
    table = _deep(n)
    return table, grid(table, system, columns=PLACE)


@case("stated", "WGS84", (3, 3, 0), options=WGS, kind="warehouse", absent="value_invalid header_duplicate")
def stock_in_columns_of_its_items(folder: Path) -> Made:
    table, rows = _rows(3)
    rows = with_column(rows, "棉被", [1200, "1200床", "1,200"])
    rows = with_column(rows, "帐篷（顶）", [30, "30顶", "３０"])
    rows = with_column(rows, "大米(吨)", [2, "2吨", "2"])
    table["stock"] = json.dumps({"棉被": 1200, "帐篷": 30, "大米(吨)": 2}, ensure_ascii=False)
    return xlsx(folder / "仓库.xlsx", rows), told(table, "stock")


@case("stated", "WGS84", (1, 1, 0), options=WGS, kind="warehouse", codes="merged_header")
def stock_items_below_a_merged_header(folder: Path) -> Made:
    table = _deep(1)
    head = ["仓库名称", "县区", "经度", "纬度", "物资库存", None, "负责人", None]
    below = [None, None, None, None, "棉胎(床)", "折叠床(张)", "姓名", "电话"]
    cells = [*grid(table, columns=PLACE)[1], 1000, 80, "张某", "13800138000"]
    table["stock"] = json.dumps({"棉胎": 1000, "折叠床": 80}, ensure_ascii=False)
    table["keeper"], table["phone"] = "张某", "13800138000"
    merges = ("A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:F1", "G1:H1")
    path = xlsx(folder / "仓库.xlsx", {"Sheet1": [head, below, cells]}, merges)
    return path, told(table, "stock", "keeper", "phone")


@case("stated", "WGS84", (2, 2, 0), options=WGS, kind="warehouse", codes="value_invalid")
def stock_column_and_item_column_disagree(folder: Path) -> Made:
    table, rows = _rows(2)
    rows = with_column(rows, "物资", ["棉被:100;雨衣:5", "棉被:100;雨衣:5"])
    rows = with_column(rows, "棉被", [100, 120])
    table["stock"] = json.dumps({"棉被": 100, "雨衣": 5}, ensure_ascii=False)
    return xlsx(folder / "仓库.xlsx", rows), told(table, "stock")


@case("stated", "WGS84", (6, 6, 0), options=WGS, kind="warehouse", absent="value_invalid")
def a_time_of_the_day_behind_the_date(folder: Path) -> Made:
    table, rows = _rows(6)
    cells = ["2024/3/5 10:30", "2024-3-5 18:00:00", "2024年3月5日 9时", "2024-03-05T08:00:00",
             dt.datetime(2024, 3, 5, 8, 30), "2024年3月5日上午"]  # fmt: skip
    table["stock_date"] = "2024-03-05"
    return xlsx(folder / "仓库.xlsx", with_column(rows, "盘点时间", cells)), told(table, "stock_date")


@case("stated", "WGS84", (4, 4, 0), options=WGS, absent="crs_stated_twice coordinate_conflict")
def two_pairs_of_two_systems_that_agree(folder: Path) -> Made:
    table = _deep(4)
    rows = grid(table, columns=PLACE, titles={"lon": "GPS经度", "lat": "GPS纬度"})
    east, north = shifted(table, "GCJ-02")
    rows = with_column(with_column(rows, "高德经度", list(east)), "高德纬度", list(north))
    rows[2][2] = rows[2][3] = None  # this row has the other pair only
    return xlsx(folder / "两套.xlsx", rows), told(table, "county")


@case("stated", "BD-09", (4, 4, 0), codes="coordinate_conflict", sentence="两组坐标相距约 1[0-9]{3} 米")
def two_pairs_that_name_two_places(folder: Path) -> Made:
    table = _deep(4)
    rows = grid(table, "BD-09", columns=PLACE, titles={"lon": "百度经度", "lat": "百度纬度"})
    east, north = shifted(table, "GCJ-02")
    east[1] += 0.015
    return xlsx(
        folder / "两套.xlsx", with_column(with_column(rows, "高德经度", list(east)), "高德纬度", list(north))
    ), told(table, "county")


@case("stated", "EPSG:4547", (4, 4, 0), options={"crs": "EPSG:4547"}, absent="coordinate_swapped",
      sentence="测量的习惯")  # fmt: skip
def north_and_east_as_surveyors_write_them(folder: Path) -> Made:
    table = sites(4, ("修水县", "武宁县"), inside_m=5000)
    rows = grid(table, columns=PLACE, xy=shifted(table, "EPSG:4547")[::-1], titles={"lon": "X", "lat": "Y"})
    return csv_file(folder / "点.csv", rows), told(table, "county")


@case("stated", "WGS84", (20, 19, 1), options=WGS, errors="coordinate_invalid", sentence="平面坐标")
def one_row_in_metres_among_degrees(folder: Path) -> Path:
    table, rows = _rows(20)
    east, north = shifted(table, "EPSG:4548")
    rows[7][2], rows[7][3] = east[6], north[6]
    return xlsx(folder / "a.xlsx", rows)


@case("stated", "WGS84", (20, 19, 1), errors="coordinate_invalid", sentence="没有写明坐标系")
def one_row_without_a_system_among_many(folder: Path) -> Path:
    _, rows = _rows(20)
    return xlsx(folder / "a.xlsx", with_column(rows, "坐标系", ["WGS84"] * 19 + ["不清楚"]))


@case("doubtful", None, (20, 20, 0), errors="crs_doubtful", ok=False)
def a_third_of_the_rows_without_a_system(folder: Path) -> Path:
    _, rows = _rows(20)
    return xlsx(folder / "a.xlsx", with_column(rows, "坐标系", ["WGS84"] * 13 + [None] * 7))


@case("stated", "WGS84", (3, 3, 0), options=WGS, codes="coordinate_imprecise")
def coordinates_of_two_decimals(folder: Path) -> Made:
    table, rows = _rows(3)
    table["lon"], table["lat"] = table["lon"].round(2), table["lat"].round(2)
    for row, lon, lat in zip(rows[1:], table["lon"], table["lat"], strict=True):
        row[2], row[3] = lon, lat
    table["position"] = "近似"
    return xlsx(folder / "a.xlsx", rows), told(table, "position")


@case("stated", "WGS84", (3, 3, 0), options=WGS, within_deg=2e-6, absent="coordinate_swapped crs_doubtful")
def degrees_minutes_and_seconds_without_marks(folder: Path) -> Made:
    table, rows = _rows(3)
    for row in rows[1:]:
        row[2], row[3] = (_packed(value) for value in row[2:4])
    return csv_file(folder / "a.csv", rows), told(table, "county")


def _packed(value: float) -> str:
    """Write degrees as dddmmss.sss."""
    seconds = round(value * 3600, 3)
    whole, rest = divmod(seconds, 60)
    return f"{int(whole // 60)}{int(whole % 60):02d}{rest:06.3f}"


@case("stated", "WGS84", (3, 3, 0), options=WGS, codes="header_guessed")
def coordinates_under_headers_that_nobody_knows(folder: Path) -> Made:
    table = _deep(3)
    rows = grid(table, columns=PLACE, titles={"lon": "库房门口经度", "lat": "库房门口纬度(度)"})
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("none", None, (3, 3, 0), codes="extra_column position_approximate", sentence="分不清用哪一组")
def coordinates_of_a_start_and_an_end(folder: Path) -> Path:
    table = _deep(3)
    rows = grid(table, columns=PLACE, titles={"lon": "起点经度", "lat": "起点纬度"})
    rows = with_column(with_column(rows, "终点经度", [115.1] * 3), "终点纬度", [27.1] * 3)
    return xlsx(folder / "线.xlsx", rows)


@case("stated", "WGS84", (3, 3, 0), options=WGS)
def joined_coordinates_under_a_long_header(folder: Path) -> Made:
    table = _deep(3)
    texts = [f"东经{lon:.7f}°，北纬{lat:.7f}°" for lon, lat in zip(table["lon"], table["lat"], strict=True)]
    rows = with_column(grid(table, columns=("name", "county")), "门口采集的经纬度", texts)
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", "WGS84", (3, 3, 0), options=WGS, absent="coordinate_swapped")
def latitude_first_as_the_header_says(folder: Path) -> Made:
    table = _deep(3)
    texts = [f"{lat:.7f},{lon:.7f}" for lon, lat in zip(table["lon"], table["lat"], strict=True)]
    rows = with_column(grid(table, columns=("name", "county")), "纬度,经度", texts)
    return xlsx(folder / "a.xlsx", rows), told(table, "county")


@case("stated", "GCJ-02", (3, 3, 0), options={"crs": "amap"}, absent="value_invalid")
def a_vendor_writes_english(folder: Path) -> Made:
    table = _deep(3)
    rows = grid(table, "GCJ-02", columns=("id", "name", "lon", "lat"), titles={
        "id": "Device ID", "name": "Site Name", "lon": "Longitude", "lat": "Latitude"})  # fmt: skip
    rows = with_column(rows, "Pad Expiry", ["2026-05", "2026/5", "2026.05"])
    rows = with_column(rows, "Status", ["Online", "Normal", "Removed"])
    rows = with_column(rows, "opening_hours", ["24/7", "Mo-Fr 08:00-17:30", "Mo-Su 08:00-20:00; PH off"])
    table["pads_until"], table["status"] = "2026-05", ["已建", "已建", "停用"]
    table["hours"] = ["24小时", "周一至周五 08:00-17:30", "周一至周日 08:00-20:00; 节假日关闭"]
    return csv_file(folder / "devices.csv", rows), told(table, "id", "pads_until", "status", "hours")


@case("stated", "WGS84", (4, 4, 0), options=WGS, codes="value_invalid", sentence="暂按 已建 登记")
def a_status_that_nobody_knows(folder: Path) -> Made:
    table, rows = _rows(4)
    rows = with_column(rows, "设备状态", ["待检修", "已过期", "未启用", "见附件"])
    table["status"] = ["停用", "停用", "停用", "已建"]
    return xlsx(folder / "a.xlsx", rows), told(table, "status")


@case("stated", "WGS84", (4, 4, 0), options=WGS, kind="training", codes="value_invalid")
def two_numbers_in_one_cell(folder: Path) -> Made:
    table, rows = _rows(4)
    rows = with_column(rows, "一次可培训人数", ["60人/期", "60（其中女30）", "1.2w", "60 80"])
    table["capacity"] = [60, 60, 12000, None]
    return xlsx(folder / "a.xlsx", rows), told(table, "capacity").iloc[:3]


@case("stated", "WGS84", (2, 2, 0), options=WGS, codes="duplicate_name")
def one_site_twice_with_a_blank_in_its_name(folder: Path) -> Path:
    _, rows = _rows(1)
    again = ["修水县 " + rows[1][0].removeprefix("修水县"), rows[1][1], rows[1][2] + 1e-4, rows[1][3]]
    return xlsx(folder / "a.xlsx", [*rows, again])


@case("stated", "WGS84", (2, 2, 0), options=WGS, kind="party_center", absent="value_invalid")
def a_keeper_with_the_phone_and_a_count_for_yes(folder: Path) -> Made:
    table, rows = _rows(2)
    rows = with_column(
        with_column(rows, "联系人及电话", ["张某 13800138000"] * 2), "是否有AED", ["1台", "有"]
    )
    table["phone"], table["has_aed"] = "13800138000", True
    return xlsx(folder / "a.xlsx", rows), told(table, "phone", "has_aed")
