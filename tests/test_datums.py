"""Shifts of coordinates against an independent converter, and the names of coordinate systems."""

from __future__ import annotations

import time

import numpy as np
import pytest
from boai.geodata import datums
from boai.geodata.crs import haversine_m
from coord_convert import transform
from hypothesis import given
from hypothesis import strategies as st

REFERENCE = {"GCJ-02": transform.wgs2gcj, "BD-09": transform.wgs2bd}


def _points(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    return rng.uniform(73.5, 135.0, n), rng.uniform(18.0, 53.0, n)


@pytest.mark.parametrize("system", list(REFERENCE))
def test_the_shift_is_that_of_an_independent_program(system: str):
    lon, lat = _points(2000)
    expected = np.array([REFERENCE[system](x, y) for x, y in zip(lon, lat, strict=True)])
    np.testing.assert_allclose(
        np.column_stack(datums.from_wgs84(lon, lat, system=system)), expected, atol=1e-11
    )


@pytest.mark.parametrize("system", list(REFERENCE))
def test_the_inverse_finds_the_true_point_from_the_independent_shift(system: str):
    lon, lat = _points(2000)
    shifted = np.array([REFERENCE[system](x, y) for x, y in zip(lon, lat, strict=True)])
    back = datums.to_wgs84(*shifted.T, system=system)
    assert np.abs(back[0] - lon).max() < 1e-9
    assert np.abs(back[1] - lat).max() < 1e-9


def test_the_inverse_of_gcj_is_that_of_an_independent_program():
    lon, lat = _points(300)
    expected = np.array([transform.gcj2wgs(x, y) for x, y in zip(lon, lat, strict=True)])
    np.testing.assert_allclose(
        np.column_stack(datums.to_wgs84(lon, lat, system="GCJ-02")), expected, atol=2e-8
    )


@given(st.floats(73.5, 135.0), st.floats(18.0, 53.0), st.sampled_from(datums.SYSTEMS))
def test_there_and_back_is_the_same_point(lon: float, lat: float, system: str):
    for one, other in ((datums.to_wgs84, datums.from_wgs84), (datums.from_wgs84, datums.to_wgs84)):
        x, y = other(*one(lon, lat, system=system), system=system)
        assert abs(x[0] - lon) < 1e-9
        assert abs(y[0] - lat) < 1e-9


def test_jiangxi_is_shifted_by_the_known_distances():
    lon, lat = (
        axis.ravel() for axis in np.meshgrid(np.linspace(113.6, 118.4, 60), np.linspace(24.5, 30.0, 60))
    )
    gcj = haversine_m(lon, lat, *datums.from_wgs84(lon, lat, system="GCJ-02"))
    bd = haversine_m(lon, lat, *datums.from_wgs84(lon, lat, system="BD-09"))
    assert 500 < gcj.min() < gcj.max() < 700
    assert 1100 < bd.min() < bd.max() < 1300


def test_outside_of_china_nothing_moves_to_gcj_and_the_input_is_not_changed():
    lon, lat = np.array([2.35, 150.0, 115.0]), np.array([48.85, -30.0, 28.0])
    kept = lon.copy()
    x, y = datums.from_wgs84(lon, lat, system="GCJ-02")
    assert x[:2].tolist() == [2.35, 150.0]
    assert y[:2].tolist() == [48.85, -30.0]
    assert x[2] != 115.0
    np.testing.assert_array_equal(lon, kept)


def test_what_is_missing_stays_missing_and_does_not_disturb_the_others():
    lon, lat = np.array([115.9, np.nan, 116.0]), np.array([28.7, 28.0, np.nan])
    for system in datums.SYSTEMS:
        x, y = datums.to_wgs84(lon, lat, system=system)
        alone = datums.to_wgs84(115.9, 28.7, system=system)
        assert (x[0], y[0]) == pytest.approx((alone[0][0], alone[1][0]), abs=1e-12)
        assert np.isnan(x[1]) or np.isnan(y[1])
        assert np.isnan(x[2]) or np.isnan(y[2])


def test_an_unknown_system_is_a_key_error():
    with pytest.raises(KeyError):
        datums.to_wgs84(115.0, 28.0, system="Xian80")


def test_a_hundred_thousand_points_take_less_than_a_second():
    lon, lat = _points(100_000)
    begin = time.process_time()  # other tests run at the same time
    datums.to_wgs84(lon, lat, system="BD-09")
    assert time.process_time() - begin < 1.0


NAMES = {
    "WGS84": ["WGS84", "WGS-84", "wgs 84", "GPS", "EPSG:4326", "4326", "epsg：4326", "GCS_WGS_1984",
    "84坐标",
              "urn:ogc:def:crs:OGC:1.3:CRS84", "http://www.opengis.net/def/crs/EPSG/0/4326",
              "ＷＧＳ８４"],
    "CGCS2000": ["CGCS2000", "国家2000", "2000国家大地坐标系", "天地图", "EPSG:4490",
    "urn:ogc:def:crs:EPSG::4490",
                 "GCS_China_Geodetic_Coordinate_System_2000"],
    "GCJ-02": ["GCJ-02", "gcj02", "GCJ02_lng", "火星坐标", "高德", "经度(高德)", "高德地图坐标",
    "腾讯地图"],
    "BD-09": ["BD-09", "bd09ll", "百度", "百度经度", "Baidu", "BD09"],
    "EPSG:4547": ["EPSG:4547", "CGCS2000_3_Degree_GK_CM_114E", "中央经线114度", "CGCS2000 3度带 114"],
    "EPSG:4548": ["4548", "CGCS2000 3度带 117", "CGCS2000 / 3-degree Gauss-Kruger CM 117E",
    "中央子午线117",
                  "国家大地2000 117E 三度带", "EPSG:4509"],
    "EPSG:4526": ["CGCS2000 / 3-degree Gauss-Kruger zone 38", "38带", "4526"],
    "EPSG:4527": ["CGCS2000_3_Degree_GK_Zone_39", "CGCS2000 3度分带 第39带", "39带"],
    "EPSG:32650": ["WGS 84 / UTM zone 50N", "WGS84_UTM_50N", "UTM 50N", "32650"],
    "EPSG:3857": ["WGS 84 / Pseudo-Mercator", "EPSG:3857", "900913"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("system", "text"), [(system, text) for system, texts in NAMES.items() for text in texts]
)
def test_names_of_systems(system: str, text: str):
    assert datums.normal_system(text) == system
    assert datums.normal_system(system) == system


@pytest.mark.parametrize(
    "text",
    ["", "经度", "坐标", "西安80", "Xian 1980 3 degree GK CM 117E", "北京54", "GCJ-02转WGS84",
     "高德/百度", "EPSG:2435",
     "UTM zone 49N", "bd09mc", "2024年", "117", "=1+1", "高" * 5000],
)  # fmt: skip
def test_what_is_no_single_known_system_is_none(text: str):
    assert datums.normal_system(text) is None


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(text: str):
    assert datums.normal_system(text) in {None, *datums.SYSTEMS, datums.CGCS2000, *datums.PROJECTED}
