"""Cells of coordinates in all spellings, swapped, joined and projected."""

from __future__ import annotations

import datetime
import time

import numpy as np
import pytest
from boai.geodata.intake import coordinates
from boai.geodata.intake.coordinates import Pairs, candidates, fits, from_wgs84, read_pairs, to_wgs84
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

LAT = 28 + 41 / 60 + 22.5 / 3600
LON = 115 + 51 / 60 + 30 / 3600


def _cells(*cells: object) -> np.ndarray:
    made = np.empty(len(cells), object)
    made[:] = cells
    return made


def _one(x: object, y: object = None, *, alone: bool = False) -> Pairs:
    return read_pairs(_cells(x), None if alone else _cells(y))


@pytest.mark.parametrize(
    "text",
    ["28°41′22.5″N", "N28°41'22.5\"", "28度41分22.5秒", "北纬28°41′22.5″", "纬度：28°41′22.5″",
     "28 41 22.5", "28-41-22.5",
     "28:41:22.5", "28º41’22.5”", "28˚41'22.5''", "２８°４１′２２．５″", "28° 41′ 22.5″ N",
     "28°41′22.5", "北纬28度41分22.5秒",
     "28°41.375′", "28°41.375′N", "28°41.375", "28.68958333333", "28.68958333333°",
     "北纬28.68958333333", "28.68958333333N",
     " 28.68958333333 ", "28。68958333333", "+28.68958333333", "2.868958333333E1",
     "lat=28.68958333333"],
)  # fmt: skip
def test_one_latitude_in_many_spellings(text: str):
    pairs = _one(LON, text)
    assert pairs.problem.tolist() == [""]
    assert pairs.first[0] == LON
    assert pairs.second[0] == pytest.approx(LAT, abs=1e-10)
    turned = _one(text, LON)
    assert turned.swapped.tolist() == [True]
    assert turned.second[0] == pairs.second[0]


@pytest.mark.parametrize(
    "text",
    ["115.858,28.683", "115.858，28.683", "115.858 28.683", "115.858、28.683", "115.858;28.683",
     "115.858/28.683",
     "115.858|28.683", "115.858\t28.683", "115.858\n28.683", "(115.858, 28.683)", "[115.858,28.683]",
     "POINT(115.858 28.683)",
     "POINT Z (115.858 28.683 45.2)", "SRID=4326;POINT(115.858 28.683)", '{"lng":115.858,"lat":28.683}',
     '{"type":"Point","coordinates":[115.858,28.683]}', "经度:115.858 纬度:28.683",
     "经度：115.858，纬度：28.683",
     "经度115.858纬度28.683", "东经115.858°北纬28.683°", "E115.858 N28.683", "115.858E 28.683N",
     "lng 115.858 lat 28.683",
     "115.858000,28.683000,12", "115858000,28683000", "X:115.858 Y:28.683",
     "１１５．８５８，２８．６８３"],
)  # fmt: skip
def test_both_in_one_cell(text: str):
    for pairs in (_one(text, alone=True), _one(text, None), _one(None, text), _one(text, text)):
        assert pairs.problem.tolist() == [""], pairs.reason
        assert (pairs.first[0], pairs.second[0]) == pytest.approx((115.858, 28.683), abs=1e-12)
        assert pairs.joined.tolist() == [True]
        assert pairs.swapped.tolist() == [False]


@pytest.mark.parametrize(
    "text",
    [
        "28.683,115.858",
        "28.683 115.858",
        "北纬28.683 东经115.858",
        "28.683N,115.858E",
        "纬度28.683经度115.858",
    ],
)
def test_latitude_first_in_one_cell(text: str):
    pairs = _one(text, alone=True)
    assert (pairs.first[0], pairs.second[0]) == pytest.approx((115.858, 28.683), abs=1e-12)


@pytest.mark.parametrize(
    "text", ["115°51′30″E 28°41′22.5″N", "北纬28°41′22.5″，东经115°51′30″", "115 51 30 28 41 22.5",
    "115°51′30″,28°41′22.5″",
             "东经115°51′30″北纬28°41′22.5″", "115°51′30″ 28°41′22.5″"]
)  # fmt: skip
def test_degrees_minutes_seconds_in_one_cell(text: str):
    pairs = _one(text, alone=True)
    assert (pairs.first[0], pairs.second[0]) == pytest.approx((LON, LAT), abs=1e-10)
    assert pairs.notation.tolist() == ["dms"]


@given(st.integers(73 * 36000, 136 * 36000 - 1), st.integers(3 * 36000, 54 * 36000 - 1), st.booleans())
def test_degrees_minutes_seconds_round_trip(east: int, north: int, swap: bool):
    texts = [f"{v // 36000}°{v // 600 % 60}′{v % 600 / 10:.1f}″" for v in (east, north)]
    pairs = _one(*(texts[::-1] if swap else texts))
    assert (pairs.first[0], pairs.second[0]) == pytest.approx((east / 36000, north / 36000), abs=1e-9)
    assert pairs.swapped[0] == swap


@given(st.floats(73, 136), st.floats(3, 54))
def test_decimal_round_trip(lon: float, lat: float):
    for pairs in (_one(lon, lat), _one(repr(lon), repr(lat)), _one(f"{lon!r},{lat!r}", alone=True)):
        assert (pairs.first[0], pairs.second[0]) == (lon, lat)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (None, None, "没有坐标"), ("", "-", "没有坐标"), (float("nan"), None, "没有坐标"), ("无", "/",
        "没有坐标"),
        (115.8, None, "只有一个坐标值"), (0, 0, "坐标为 0"), ("0", "0.0", "坐标为 0"),
    ],
)  # fmt: skip
def test_missing(x: object, y: object, reason: str):
    pairs = _one(x, y)
    assert (pairs.problem[0], pairs.reason[0]) == ("coordinate_missing", reason)
    assert np.isnan(pairs.first[0])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (115.8, 521.3), (521.3, 28.6), (115.8, 115.8), (28.6, 28.6), (True, 28.6),
        (datetime.date(2024, 3, 5), 28.6),
        ("abc", 28.6), ("=1+1", 28.6), ("115.8.1", 28.6), ("115°61′", 28.6), ("115°30′75″", 28.6),
        ("28°41′22″S", 115.8),
        ("1e400", 28.6), (10**400, 28.6), (float("inf"), 28.6), (-115.8, 28.6), ("115.8,28.6",
        "115.9,28.6"),
        ("115.8,28.6", 28.7), ("E28.6", "N115.8"), ("N115.8", "E28.6"), ("28.6N", "28.7N"),
        ("<b>115.8</b>", 28.6),
        ("9" * 5000, 28.6), ("115.8" + " " * 500, 28.6), ("1_1_5.8", 28.6), ("0x73", 28.6), ("28,683",
        115.8),
        ("http://x/?lng=115.8&lat=28.6", None), ("115.8,28.6,116.0,28.9", None), ("13800138000",
        "0791-86212345"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_never_guessed(x: object, y: object):
    pairs = _one(x, y)
    assert pairs.problem[0] == "coordinate_invalid"
    assert pairs.reason[0]
    assert np.isnan(pairs.first[0])
    assert np.isnan(pairs.second[0])
    assert not pairs.swapped[0]


@given(st.text(max_size=60), st.one_of(st.none(), st.text(max_size=60), st.floats(), st.integers()))
def test_any_cell_gives_numbers_or_a_problem(x: str, y: object):
    pairs = _one(x, y)
    assert (pairs.problem[0] == "") == bool(np.isfinite(pairs.first[0]) and np.isfinite(pairs.second[0]))


def test_rows_do_not_disturb_each_other():
    x = _cells(115.8, "28.6", None, "115.8,28.6", 39388430.0, 3174101.0)
    y = _cells(28.6, 115.8, None, None, 3174101.0, 388430.0)
    pairs = read_pairs(x, y)
    assert pairs.first[[0, 1, 3, 4, 5]].tolist() == [115.8, 115.8, 115.8, 39388430.0, 388430.0]
    assert pairs.swapped.tolist() == [False, True, False, False, False, True]
    assert pairs.notation.tolist() == ["decimal", "decimal", "", "decimal", "metres", "metres"]


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("WGS84", ("WGS84", "GCJ-02", "BD-09")), ("BD-09", ("WGS84", "GCJ-02", "BD-09")),
        ("EPSG:4547", ("EPSG:4547", "EPSG:4548", "EPSG:32650")), ("EPSG:4548", ("EPSG:4547",
        "EPSG:4548", "EPSG:32650")),
        ("EPSG:32650", ("EPSG:4547", "EPSG:4548", "EPSG:32650")), ("EPSG:4526", ("EPSG:4526",)),
        ("EPSG:4527", ("EPSG:4527",)), ("EPSG:4498", ("EPSG:4498",)), ("EPSG:3857", ("EPSG:3857",)),
    ],
)  # fmt: skip
def test_numbers_tell_the_possible_systems_and_come_back(system: str, expected: tuple[str, ...]):
    lon, lat = np.array([115.2, 116.4, 117.3]), np.array([25.0, 27.5, 29.4])
    numbers = from_wgs84(lon, lat, system)
    assert candidates(*numbers) == expected
    assert fits(*numbers, system).all()
    np.testing.assert_allclose(
        np.column_stack(to_wgs84(*numbers, system)), np.column_stack((lon, lat)), atol=1e-9
    )
    swapped = read_pairs(numbers[1].astype(object), numbers[0].astype(object))
    assert swapped.swapped.all()
    np.testing.assert_array_equal(swapped.first, numbers[0])


def test_projected_numbers_are_those_of_proj():
    for system in ("EPSG:4548", "EPSG:4526", "EPSG:32650"):
        straight = Transformer.from_crs("EPSG:4326", system, always_xy=True).transform(115.9, 28.7)
        assert tuple(float(v[0]) for v in from_wgs84(115.9, 28.7, system)) == pytest.approx(
            straight, abs=1e-6
        )


def test_a_table_may_hold_several_zones():
    west, east = from_wgs84(114.2, 27.0, "EPSG:4526"), from_wgs84(117.1, 28.0, "EPSG:4527")
    first, second = np.concatenate((west[0], east[0])), np.concatenate((west[1], east[1]))
    for system in ("EPSG:4526", "EPSG:4527"):
        lon, lat = to_wgs84(first, second, system)
        assert lon == pytest.approx([114.2, 117.1], abs=1e-8)
        assert lat == pytest.approx([27.0, 28.0], abs=1e-8)


def test_numbers_that_cannot_be_of_a_system_become_nan():
    lon, _ = to_wgs84([115.8, 388430.0, np.nan], [28.6, 3174101.0, 28.0], "GCJ-02")
    assert np.isfinite(lon).tolist() == [True, False, False]
    lon, _ = to_wgs84([115.8, 388430.0, np.nan], [28.6, 3174101.0, 28.0], "EPSG:4548")
    assert np.isfinite(lon).tolist() == [False, True, False]
    assert candidates([np.nan], [1.0]) == ()
    with pytest.raises(KeyError):
        to_wgs84([115.8], [28.6], "EPSG:2435")


def test_a_hundred_thousand_rows_are_read_in_seconds():
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(114, 118, 100_000), rng.uniform(25, 30, 100_000)
    begin = time.process_time()  # other tests run at the same time
    pairs = read_pairs(*(np.array([f"{v:.6f}" for v in axis], object) for axis in (lon, lat)))
    assert time.process_time() - begin < 5
    assert (pairs.problem == "").all()
    assert np.abs(pairs.first - lon).max() < 1e-6
    assert coordinates.candidates(pairs.first, pairs.second)[0] == "WGS84"
