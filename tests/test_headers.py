"""Headers as offices write them, and mappings that are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from boai.geodata.errors import InputError
from boai.geodata.intake.headers import map_headers, understand
from boai.geodata.intake.mapping import load_mapping, save_mapping
from boai.geodata.intake.model import HeaderMapping, RawTable
from boai.geodata.intake.pairing import stated_by_titles
from boai.geodata.intake.typos import is_typo
from boai.geodata.types import load_types

AED = load_types()["aed"]


def _table(
    columns: dict[str, Any], *, titles: tuple[str, ...] = (), file: str = "a.xlsx", sheet: str = ""
) -> RawTable:
    cells = {header: np.array([value], object) for header, value in columns.items()}
    return RawTable(file, sheet, "xlsx", cells, np.array([2]), titles=titles)


def _attribute(header: str) -> str:
    return understand(header, AED).attribute


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("名称", "name"),
        ("*名 称", "name"),
        ("点位名称（必填）", "name"),
        ("AED名称", "name"),
        ("县（市、区）", "county"),
        ("联系人/电话", "phone"),
        ("联系人/姓名", "keeper"),
        ("基本信息/详细地址", "address"),
        ("设备所在地址", "address"),
        ("详细地止", "address"),
        ("ADRESS", "address"),
        ("坐标/X", "lon"),
        ("Longitude", "lon"),
        ("经度（°）", "lon"),
        ("经度(度分秒)", "lon"),
        ("位置坐标", "lonlat"),
        ("经纬度（百度）", "lonlat"),
        ("电极片有效期", "pads_until"),
        ("county_code", "county_code"),
    ],
)
def test_headers_are_understood(header: str, name: str) -> None:
    assert _attribute(header) == name


@pytest.mark.parametrize(
    "header", ["序号", "备注", "开始时间", "容量(原文)", "<script>x</script>", "=1+1", "x" * 500, "()", "/"]
)
def test_headers_without_a_meaning_stay_extras(header: str) -> None:
    assert _attribute(header) == ""


@pytest.mark.parametrize(
    ("header", "system"),
    [
        ("经度(高德)", "GCJ-02"),
        ("百度经度", "BD-09"),
        ("GCJ02_lng", "GCJ-02"),
        ("lng_bd09", "BD-09"),
        ("经度_WGS84", "WGS84"),
        ("火星坐标经度", "GCJ-02"),
        ("高德坐标/经度", "GCJ-02"),
        ("CGCS2000_X", "CGCS2000"),
        ("经度", ""),
    ],
)
def test_a_header_names_the_coordinate_system(header: str, system: str) -> None:
    meaning = understand(header, AED)
    assert (meaning.attribute, meaning.system) == ("lon", system)


def test_units_in_headers() -> None:
    assert understand("响应准备(小时)", AED).factor == 60
    assert understand("容量（万台）", AED).factor == 10_000
    table = _table({"名称": "a", "容量(平方米)": 3})
    mapped = map_headers(table, AED)
    assert "容量(平方米)" in mapped.mapping.extras
    assert [found.code for found in mapped.findings] == ["unit_mismatch", "extra_column"]


def test_no_attribute_has_two_headers() -> None:
    mapped = map_headers(_table({"单位名称": "b", "名称": "a", "机构名称": "c"}), AED)
    assert dict(mapped.mapping.attributes) == {"名称": "name"}
    assert mapped.mapping.extras == ("单位名称", "机构名称")
    assert [found.column for found in mapped.findings if found.code == "header_duplicate"] == [
        "单位名称",
        "机构名称",
    ]


def test_an_empty_column_gives_way() -> None:
    mapped = map_headers(_table({"名称": None, "点位名称": "a"}), AED)
    assert mapped.columns["name"] == "点位名称"


def test_wgs84_goes_before_other_pairs() -> None:
    columns = {"高德经度": 115.1, "高德纬度": 28.1, "WGS84经度": 115.0, "WGS84纬度": 28.0}
    mapped = map_headers(_table(columns), AED)
    assert [(pair.x, pair.y, pair.system) for pair in mapped.pairs] == [
        ("WGS84经度", "WGS84纬度", "WGS84"),
        ("高德经度", "高德纬度", "GCJ-02"),
    ]
    assert mapped.mapping.extras == ("高德经度", "高德纬度")


def test_a_column_that_names_the_system_speaks_of_the_plain_pair() -> None:
    columns = {"高德经度": 115.1, "高德纬度": 28.1, "经度": 115.0, "纬度": 28.0, "坐标系": "WGS84"}
    assert map_headers(_table(columns), AED).pairs[0].x == "经度"


def test_one_merged_header_over_two_numbers_is_a_pair() -> None:
    mapped = map_headers(_table({"名称": "a", "坐标": 115.8, "坐标 (2)": 28.6}), AED)
    assert (mapped.pairs[0].x, mapped.pairs[0].y) == ("坐标", "坐标 (2)")


def test_a_vague_header_is_looked_into() -> None:
    assert map_headers(_table({"名称": "a", "位置": "115.858,28.683"}), AED).pairs[0].x == "位置"
    assert map_headers(_table({"名称": "a", "位置": "大厅左侧"}), AED).columns["address"] == "位置"


def test_a_lone_longitude_is_an_extra() -> None:
    assert map_headers(_table({"名称": "a", "经度": 115.8}), AED).mapping.extras == ("经度",)


@pytest.mark.parametrize(
    ("text", "known", "typo"),
    [("联系电活", "联系电话", True), ("联系话电", "联系电话", True), ("联系电电话", "联系电话", True),
     ("开始时间", "开放时间", False), ("库房日期", "库存日期", False), ("经度", "纬度", False),
     ("adress", "address", True), ("lat", "lot", False)],
)  # fmt: skip
def test_only_safe_typos_are_mended(text: str, known: str, typo: bool) -> None:
    assert is_typo(text, known) == typo


@pytest.mark.parametrize(
    ("titles", "file", "stated"),
    [
        (("2024年AED分布(坐标系: 高德)",), "a.xlsx", ("GCJ-02", "表题")),
        (("坐标采用百度地图",), "a.xlsx", ("BD-09", "表题")),
        (("请勿使用百度坐标",), "a.xlsx", ("", "")),
        (("WGS84坐标, 或高德坐标",), "a.xlsx", ("", "")),
        (("百度花园AED",), "a.xlsx", ("", "")),
        ((), "江西/aed_GCJ02.csv", ("GCJ-02", "文件名")),
        ((), "gcj02/aed.csv", ("", "")),
    ],
)
def test_titles_and_names_state_a_system(titles: tuple[str, ...], file: str, stated: tuple[str, str]) -> None:
    assert stated_by_titles(_table({}, titles=titles, file=file)) == stated


# Mappings


def test_a_chosen_mapping_goes_before_all() -> None:
    table = _table({"甲": "a", "名称": "b", "乙": 115.8, "丙": 28.6})
    mapped = map_headers(table, AED, {"甲": "名称", "乙": "lon", "丙": "纬度", "名称": "-"})
    assert dict(mapped.mapping.attributes) == {"甲": "name", "乙": "lon", "丙": "lat"}
    assert mapped.mapping.extras == ("名称",)


def test_an_unknown_attribute_is_refused_with_all_others() -> None:
    with pytest.raises(InputError) as error:
        map_headers(_table({"甲": "a"}), AED, {"甲": "没有", "乙": "也没有"})
    assert len(error.value.problems) == 2


def test_a_mapping_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    mapping = HeaderMapping("a.xlsx", "", {"点位: 名": "name", "- x": "lon"}, ("备注", "#1"))
    save_mapping([mapping], path)
    assert load_mapping(path) == {"点位: 名": "name", "- x": "lon", "备注": "-", "#1": "-"}


@pytest.mark.parametrize(
    "text", ["", "a: 1", "headers: [1]", "headers: {a: [1]}", "headers: &a {x: *a}", "headers: {a: b, a: c}",
             "headers: !!python/object/apply:os.system [x]", "\x00", "headers: {" + "a: {" * 200]
)  # fmt: skip
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text, "utf-8")
    with pytest.raises(InputError):
        load_mapping(tmp_path / "m.yaml")


def test_a_missing_or_huge_mapping_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_bytes(b"#" * 300_000)
    for name in ("m.yaml", "none.yaml"):
        with pytest.raises(InputError):
            load_mapping(tmp_path / name)
