"""Coordinate systems against pyproj's geodesics and closed formulas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from boai.geodata import crs
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

WGS84_GEOD = Geod(ellps="WGS84")
LON = st.floats(73, 136)
LAT = st.floats(3, 54)


@given(LON, LAT, LON, LAT)
def test_haversine_is_within_six_per_mille_of_the_geodesic(
    lon1: float, lat1: float, lon2: float, lat2: float
) -> None:
    truth = WGS84_GEOD.inv(lon1, lat1, lon2, lat2)[2]
    assert crs.haversine_m(lon1, lat1, lon2, lat2) == pytest.approx(truth, rel=0.006, abs=0.01)


def test_haversine_on_the_sphere_has_closed_values() -> None:
    quarter = np.pi / 2 * crs.EARTH_RADIUS_M
    assert crs.haversine_m(0, 0, 90, 0) == pytest.approx(quarter, rel=1e-12)
    assert crs.haversine_m(116, -45, 116, 45) == pytest.approx(quarter, rel=1e-12)
    assert crs.haversine_m(10, 20, -170, -20) == pytest.approx(2 * quarter, rel=1e-9)  # antipodes: no NaN
    assert crs.haversine_m(116, 28, 116, 28) == 0.0


def test_haversine_broadcasts() -> None:
    away = crs.haversine_m(np.array([[115.0], [116.0]]), 28.0, np.array([115.0, 116.0, 117.0]), 28.0)
    assert away.shape == (2, 3)
    assert away[0, 0] == 0
    np.testing.assert_allclose(away[0, 1], away[1, 2])


@given(st.lists(st.tuples(LON, LAT), min_size=3, max_size=3))
def test_unit_vectors_order_points_as_distances_do(points: list[tuple[float, float]]) -> None:
    lon, lat = np.array(points).T
    vectors = crs.unit_vectors(lon, lat)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1.0)
    first, second = crs.haversine_m(lon[0], lat[0], lon[1:], lat[1:])
    if abs(first - second) > 1.0:
        dot = vectors[1:] @ vectors[0]
        assert (dot[0] > dot[1]) == (first < second)


def test_metric_is_true_to_scale_on_its_meridian() -> None:
    x, y = crs.from_wgs84([117.0, 117.0], [0.0, 28.0])
    np.testing.assert_allclose(x, 500_000, atol=1e-3)
    arc = Geod(ellps="GRS80").inv(117, 0, 117, 28)[2]
    np.testing.assert_allclose(y, [0, arc], atol=0.01)


def test_x_is_east_and_y_is_north() -> None:
    x, y = crs.from_wgs84([115.0, 118.0], [27.0, 28.0])
    assert x[1] > x[0]
    assert y[1] > y[0]


def test_albers_keeps_areas() -> None:
    """The one-degree cell around Nanchang, its parallels drawn finely, against the area on the ellipsoid."""
    side = np.linspace(0, 1, 2001)
    lon = np.concatenate((115 + side, np.full(2001, 116.0), 116 - side, np.full(2001, 115.0)))
    lat = np.concatenate((np.full(2001, 28.0), 28 + side, np.full(2001, 29.0), 29 - side))
    x, y = crs.from_wgs84(lon, lat, to=crs.ALBERS)
    area = 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
    truth = Geod(ellps="GRS80").polygon_area_perimeter(lon, lat)[0]
    assert area == pytest.approx(truth, rel=1e-7)


@pytest.mark.parametrize("system", [crs.METRIC, crs.ALBERS])
@given(st.floats(113, 119), st.floats(24, 31))
def test_projections_come_back(system: str, lon: float, lat: float) -> None:
    there = crs.from_wgs84([lon], [lat], to=system)
    back = crs.to_wgs84(*there, of=system)
    np.testing.assert_allclose(np.ravel(back), [lon, lat], atol=1e-9)


def test_importing_needs_numpy_alone() -> None:
    heavy = ("pyproj", "pandas", "shapely")
    code = f"import sys, boai.geodata.crs; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
