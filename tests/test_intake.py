"""The whole way of a file: read, mapped, converted, judged, checked, divided."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import coord_convert.transform as other
import numpy as np
import pandas as pd
import pytest
from boai.geodata import intake as package
from boai.geodata.boundaries import locate
from boai.geodata.errors import InputError
from boai.geodata.export import export_layer
from boai.geodata.intake.merge import plan_merge
from boai.geodata.intake.pipeline import check, read, summed_up, to_json
from boai.geodata.intake.places import Context, default_context
from boai.geodata.types import COMMON, load_types
from examples import many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TODAY = date(2024, 6, 1)
SHIFTS = {"WGS84": lambda lon, lat: (lon, lat), "GCJ-02": other.wgs2gcj, "BD-09": other.wgs2bd}


@pytest.fixture(scope="module")
def context() -> Context:
    return default_context()


@pytest.fixture(scope="module")
def truth(context: Context) -> pd.DataFrame:
    """Sites in counties, half of them near a border, where the systems can be told apart."""
    rng = np.random.default_rng(11)
    lon, lat = rng.uniform(113.6, 118.4, 12_000), rng.uniform(24.6, 30.0, 12_000)
    county = locate(context.units, lon, lat)
    names = np.array([*context.names.county_name, ""], object)
    table = pd.DataFrame(
        {"name": [f"点{n}" for n in range(len(lon))], "lon": lon, "lat": lat, "county": names[county]}
    )
    return table[county >= 0].head(4000).reset_index(drop=True)


def _write(folder: Path, rows: Sequence[Sequence[Any]], name: str = "a.csv") -> Path:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (folder / name).write_text(text.getvalue(), "utf-8-sig")
    return folder / name


def _file(folder: Path, truth: pd.DataFrame, system: str = "WGS84", name: str = "a.csv") -> Path:
    rows: list[list[Any]] = [["点位名称", "县（市、区）", "经度", "纬度"]]
    for site in truth.itertuples():
        rows.append([site.name, site.county, *SHIFTS[system](site.lon, site.lat)])
    return _write(folder, rows, name)


def _sound(found: dict[str, Any]) -> None:
    json.dumps(found, allow_nan=False)
    assert found["rows"]["read"] == found["rows"]["good"] + found["rows"]["quarantined"]
    assert found["counts"] == {
        name: sum(each["severity"] == name for each in found["problems"])
        for name in ("error", "warning", "note")
    }


def _codes(found: dict[str, Any], severity: str = "") -> set[str]:
    return {each["code"] for each in found["problems"] if not severity or each["severity"] == severity}


@pytest.mark.parametrize("system", list(SHIFTS))
def test_an_unlabelled_file_comes_in_right(
    system: str, tmp_path: Path, truth: pd.DataFrame, context: Context
) -> None:
    intake = read(_file(tmp_path, truth, system), kind="AED", context=context, today=TODAY)
    assert (intake.verdict.system, intake.verdict.status) == (system, "tested")
    assert len(intake.sites) == len(truth) == intake.rows_read
    assert np.abs(intake.sites["lon"] - truth["lon"]).max() < 1e-7
    assert np.abs(intake.sites["lat"] - truth["lat"]).max() < 1e-7
    assert set(intake.sites["orig_crs"]) == {system}
    assert set(intake.sites["crs"]) == {"WGS84"}
    assert intake.sites["county"].tolist() == truth["county"].tolist()
    assert intake.sites["county_code"].isin(context.units.counties["code"]).all()
    _sound(to_json(intake))


def test_the_columns_are_those_of_the_contract(tmp_path: Path, truth: pd.DataFrame, context: Context) -> None:
    intake = package.read(_file(tmp_path, truth.head(5)), kind="aed", crs="WGS84", context=context)
    own = [attribute.name for attribute in load_types()["aed"].own]
    assert list(intake.sites) == [*COMMON, *own, "extras", "example", "file", "sheet", "row", "given", "made"]
    assert list(intake.quarantine) == ["file", "sheet", "row", "cells", "codes", "problems"]
    assert set(intake.sites["status"]) == {"已建"}
    texts = [
        each.name
        for each in load_types()["aed"].attributes
        if each.type in ("text", "choice", "phone", "date")
    ]
    assert not intake.sites[texts].isna().any().any()


def test_doubt_is_refused_until_the_system_is_named_or_confirmed(
    tmp_path: Path, truth: pd.DataFrame, context: Context
) -> None:
    path = _file(tmp_path, truth.head(2).assign(county=""), "GCJ-02")
    doubtful = check(path, kind="aed", context=context, today=TODAY)
    assert (doubtful["verdict"]["status"], doubtful["ok"]) == ("doubtful", False)
    assert doubtful["problems"][0]["code"] == "crs_doubtful"
    assert doubtful["rows"]["good"] == 2
    named = read(path, kind="aed", crs="高德", context=context, today=TODAY)
    assert (named.verdict.status, named.refused) == ("stated", False)
    assert np.abs(named.sites["lon"] - truth["lon"].head(2)).max() < 1e-7
    insisted = read(path, kind="aed", confirm=True, context=context, today=TODAY)
    assert (insisted.verdict.status, insisted.refused) == ("confirmed", False)


def test_a_wrong_statement_is_refused_until_confirmed(
    tmp_path: Path, truth: pd.DataFrame, context: Context
) -> None:
    path = _file(tmp_path, truth, "GCJ-02")
    found = check(path, kind="aed", crs="WGS84", context=context, today=TODAY)
    assert (found["verdict"]["status"], found["ok"], found["problems"][0]["code"]) == (
        "contradicted",
        False,
        "crs_contradicted",
    )
    sure = read(path, kind="aed", crs="WGS84", confirm=True, context=context, today=TODAY)
    assert (sure.verdict.status, sure.verdict.system) == ("confirmed", "WGS84")


def test_each_row_may_name_its_system(tmp_path: Path, truth: pd.DataFrame, context: Context) -> None:
    rows: list[list[Any]] = [["名称", "县区", "经度", "纬度", "坐标系"]]
    sites = truth.head(6)
    for site, (system, text) in zip(
        sites.itertuples(),
        [
            ("GCJ-02", "高德"),
            ("BD-09", "百度"),
            ("WGS84", "国家2000"),
            ("GCJ-02", "gcj02"),
            ("WGS84", "WGS-84"),
            ("WGS84", "西安80"),
        ],
        strict=True,
    ):
        rows.append([site.name, site.county, *SHIFTS[system](site.lon, site.lat), text])
    intake = read(_write(tmp_path, rows), kind="aed", context=context, today=TODAY)
    assert len(intake.sites) == 5
    assert np.abs(intake.sites["lon"] - sites["lon"].head(5)).max() < 1e-7
    assert intake.quarantine["codes"].tolist() == [("crs_unknown",)]


def test_a_row_without_the_first_pair_takes_the_second(
    tmp_path: Path, truth: pd.DataFrame, context: Context
) -> None:
    one, two = truth.iloc[0], truth.iloc[1]
    rows = [
        ["名称", "县区", "经度(WGS84)", "纬度(WGS84)", "高德经度", "高德纬度"],
        [one["name"], one["county"], one.lon, one.lat, *other.wgs2gcj(one.lon, one.lat)],
        [two["name"], two["county"], "", "", *other.wgs2gcj(two.lon, two.lat)],
    ]
    intake = read(_write(tmp_path, rows), kind="aed", context=context, today=TODAY)
    assert np.abs(intake.sites["lon"] - truth["lon"].head(2)).max() < 1e-7
    assert intake.sites["orig_crs"].tolist() == ["WGS84", "GCJ-02"]
    assert set(intake.sites["extras"].iloc[0]) == {"高德经度", "高德纬度"}


def test_address_rows_are_placed_and_flagged(tmp_path: Path, context: Context) -> None:
    rows = [
        ["名称", "地址", "经度", "纬度"],
        ["甲", "九江市修水县黄坳乡卫生院", "", ""],
        ["乙", "某处", "", ""],
        ["丙", "赣州市赣县某路", "", ""],
    ]
    intake = read(_write(tmp_path, rows), kind="aed", context=context, today=TODAY)
    assert intake.verdict.status == "none"
    assert intake.sites["position"].tolist() == ["近似", "近似"]
    assert intake.sites["county"].tolist() == ["修水县", "赣县区"]
    assert intake.quarantine["codes"].tolist() == [("coordinate_missing",)]
    assert not intake.refused


def test_the_quarantine_keeps_every_cell(tmp_path: Path, context: Context) -> None:
    rows = [["名称", "经度", "纬度", "备注"], ["甲", "521.3", "28.6", "=1+1"], ["", "115.9", "28.6", "x"]]
    found = read(_write(tmp_path, rows), kind="aed", crs="WGS84", context=context, today=TODAY)
    assert found.quarantine["cells"].tolist() == [
        {"名称": "甲", "经度": "521.3", "纬度": "28.6", "备注": "=1+1"},
        {"名称": "", "经度": "115.9", "纬度": "28.6", "备注": "x"},
    ]
    assert found.quarantine["row"].tolist() == [2, 3]
    assert found.refused


def test_a_cell_that_cannot_be_converted_is_kept(tmp_path: Path, context: Context) -> None:
    rows = [["名称", "经度", "纬度", "年份", "电话", "备注"], ["甲", 115.9, 28.68, "去年", "1.38E+10", "x"]]
    found = read(_write(tmp_path, rows), kind="aed", crs="WGS84", context=context, today=TODAY)
    site = found.sites.iloc[0]
    assert np.isnan(site["year"]) and site["phone"] == ""
    assert site["extras"] == {"备注": "x", "年份(原文)": "去年", "电话(原文)": "1.38E+10"}


def test_several_files_of_a_folder(tmp_path: Path, truth: pd.DataFrame, context: Context) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    _file(folder, truth.head(2000), "GCJ-02", "一.csv")
    _file(folder, truth.tail(2000), "BD-09", "二.csv")
    (folder / "坏.xlsx").write_bytes(b"PK\x03\x04 broken")
    found = check(folder, kind="aed", context=context, today=TODAY)
    assert sorted(each["system"] for each in found["verdicts"].values()) == ["BD-09", "GCJ-02"]
    assert found["rows"] == {"read": 4000, "good": 4000, "quarantined": 0}
    assert any(each["file"].endswith("坏.xlsx") and each["severity"] == "error" for each in found["problems"])
    _sound(found)


def test_equal_rows_in_two_files_are_doubles(tmp_path: Path, truth: pd.DataFrame, context: Context) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("一.csv", "二.csv"):
        _file(folder, truth.head(3), "WGS84", name)
    found = check(folder, kind="aed", crs="WGS84", context=context, today=TODAY)
    assert found["rows"] == {"read": 6, "good": 3, "quarantined": 3}
    assert _codes(found, "error") == {"duplicate_row"}


def test_examples_stay_examples(tmp_path: Path, context: Context) -> None:
    rows = [
        ["名称", "经度", "纬度", "来源"],
        ["甲", 115.9, 28.68, "示例数据; 某某"],
        ["乙", 115.8, 28.6, "南昌"],
    ]
    intake = read(_write(tmp_path, rows), kind="aed", crs="WGS84", context=context, today=TODAY)
    assert intake.sites["example"].tolist() == [True, False]
    assert intake.sites["source"].tolist() == ["某某", "南昌"]
    assert "example_rows" in {each.code for each in intake.findings}


def test_a_file_of_which_nothing_can_be_read_gives_the_same_form(tmp_path: Path) -> None:
    for name, content in (("a.xlsx", b"%PDF-1.4"), ("b.csv", b""), ("none.csv", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        found = check(tmp_path / name, kind="aed")
        assert found["rows"] == {"read": 0, "good": 0, "quarantined": 0}
        assert not found["ok"] and found["problems"] and found["file"] == name
        _sound(found)


@pytest.mark.parametrize(
    "options", [{"kind": "飞船"}, {"kind": "aed", "crs": "西安80"}, {"kind": "aed", "mapping": {"a": "b"}}]
)
def test_wrong_arguments_are_sentences(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(_write(tmp_path, [["名称", "经度", "纬度"], ["甲", 115.9, 28.6]]), **options)


def test_a_mapping_file_is_followed(tmp_path: Path, context: Context) -> None:
    path = _write(tmp_path, [["甲", "乙", "丙", "名称"], ["点", 115.9, 28.68, "别的"]])
    (tmp_path / "m.yaml").write_text("headers: {甲: name, 乙: lon, 丙: lat, 名称: '-', 丁: phone}", "utf-8")
    found = check(path, kind="aed", crs="WGS84", mapping=tmp_path / "m.yaml", context=context)
    assert found["mapping"][0]["columns"] == {"甲": "name", "乙": "lon", "丙": "lat"}
    assert found["rows"]["good"] == 1
    assert "header_unknown" in _codes(found)


def test_many_findings_are_summed_up_with_their_number(tmp_path: Path, context: Context) -> None:
    rows: list[list[Any]] = [["名称", "经度", "纬度", "年份"]]
    rows += [[f"点{n}", 115.9 + n * 1e-3 % 0.3, 28.683521, f"x{n}"] for n in range(1500)]
    intake = read(_write(tmp_path, rows), kind="aed", crs="WGS84", context=context, today=TODAY)
    years = [each for each in summed_up(intake.findings) if each.code in ("value_invalid", "more")]
    assert len(years) == 1001
    assert "另有 500 行" in "".join(each.what for each in years)


# Round trips


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "gpkg", "geojson"])
@pytest.mark.parametrize("system", ["WGS84", "GCJ-02", "EPSG:4548"])
def test_an_exported_file_comes_back_as_it_was(
    system: str, suffix: str, tmp_path: Path, truth: pd.DataFrame, context: Context
) -> None:
    first = read(
        _file(tmp_path, truth.head(30), "BD-09"), kind="aed", crs="百度", context=context, today=TODAY
    )
    stored = plan_merge(first.sites.iloc[:0], first.sites).upserts
    path = tmp_path / f"out.{suffix}"
    export_layer(stored, "aed", path, system=system)
    again = read(path, kind="aed", context=context, today=TODAY)
    assert (again.verdict.status, len(again.sites)) == ("stated", 30)
    change = plan_merge(stored.assign(revision=1), again.sites)
    assert change.facts == {"matched_id": 30, "matched_name": 0, "new": 0}
    back = change.upserts.set_index("id").loc[stored["id"]].reset_index()
    for name in ("lon", "lat", "orig_x", "orig_y"):
        assert np.abs(back[name] - stored[name]).max() <= 1e-7
    same = [name for name in stored.columns if name not in ("lon", "lat", "orig_x", "orig_y")]
    pd.testing.assert_frame_equal(back[same], stored[same], check_dtype=False)


_CELL = st.one_of(
    st.sampled_from(
        ["", "甲", "115.9", "28.68", "修水县", "=1+1", "9999", "1.2万", "2024-03-05", "<b>", "0", "无"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8),
    st.floats(allow_nan=False).map(str),
)


@settings(max_examples=many(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(_CELL, min_size=6, max_size=6), min_size=1, max_size=12))
def test_no_row_and_no_cell_is_lost(rows: list[list[str]], tmp_path: Path, context: Context) -> None:
    headers = ["名称", "县区", "经度", "纬度", "容量", "备注"]
    path = _write(tmp_path, [headers, *rows])
    found = check(path, kind="aed", crs="WGS84", context=context, today=TODAY)
    _sound(found)
    if not found["rows"]["read"]:
        return
    intake = read(path, kind="aed", crs="WGS84", context=context, today=TODAY)
    table = intake.tables[0]
    seen = [*intake.sites["row"], *intake.quarantine["row"]]
    assert sorted(seen) == table.row.tolist()
    notes = dict(zip(table.row.tolist(), table.columns.get("备注", [None] * table.n_rows), strict=True))
    for row, extras in zip(intake.sites["row"], intake.sites["extras"], strict=True):
        assert extras.get("备注") == (None if notes[row] is None else str(notes[row]))


# Speed


@pytest.mark.slow
def test_a_hundred_thousand_rows_in_ten_seconds(
    tmp_path: Path, truth: pd.DataFrame, context: Context
) -> None:
    many = pd.concat([truth] * 25, ignore_index=True)
    many["name"] = [f"点{n}" for n in range(len(many))]
    many["lon"] += np.tile([0.0, 1e-5], len(many) // 2)
    path = _file(tmp_path, many, "GCJ-02")
    begin = time.process_time()  # other tests run at the same time
    intake = read(path, kind="aed", context=context, today=TODAY)
    assert len(intake.sites) + len(intake.quarantine) == 100_000
    assert time.process_time() - begin < 20  # 10 s on a machine that does nothing else
