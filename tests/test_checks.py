"""Checks of rows: units, doubles, the calendar."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pytest
import shapely
from boai.geodata.crs import haversine_m, to_wgs84
from boai.geodata.intake.checks import Marked, check_dates, check_doubles, check_units, check_years
from boai.geodata.intake.counties import read_stated
from boai.geodata.intake.identity import make_ids, row_identity
from boai.geodata.intake.places import Context, default_context

TODAY = date(2024, 6, 1)


@pytest.fixture(scope="module")
def context() -> Context:
    return default_context()


def _cells(*cells: Any) -> Any:
    array = np.empty(len(cells), object)
    array[:] = cells
    return array


def _beyond(context: Context, name: str, metres: float) -> tuple[float, float, str]:
    """A point this far outside a county but inside another, and that other's name (projected, by buffers)."""
    flat = context.units.counties.to_crs("EPSG:4548")
    own = flat.geometry[flat["name"] == name].iloc[0]
    ring = own.buffer(metres + 5).difference(own.buffer(metres - 5))
    near = flat[(flat["name"] != name) & flat.intersects(ring)]
    for other, shape in zip(near["name"], near.geometry, strict=True):
        rest = shapely.intersection(shape.buffer(-50), ring)
        if not rest.is_empty:
            point = rest.representative_point()
            lon, lat = to_wgs84(point.x, point.y)
            return float(lon), float(lat), str(other)
    raise AssertionError(name)


def _check(
    context: Context, lon: float, lat: float, county: str, city: str | None = None
) -> list[tuple[str, str, str]]:
    stated = read_stated(context.names, _cells(county), None, _cells(city), 1)
    _, found = check_units(context, np.array([lon]), np.array([lat]), stated)
    return [(each.code, each.level, each.text(0)) for each in found]


@pytest.mark.parametrize(
    ("metres", "level"), [(300.0, "warning"), (1900.0, "warning"), (2200.0, "error"), (9000.0, "error")]
)
def test_over_the_border(context: Context, metres: float, level: str) -> None:
    lon, lat, other = _beyond(context, "修水县", metres)
    ((code, got, text),) = _check(context, lon, lat, "修水县")
    assert (code, got) == ("county_mismatch", level)
    assert f"坐标在{other}" in text
    figure, unit = re.fullmatch(r".*修水县 约 ([\d.]+) (公里|米)", text).groups()
    assert float(figure) * (1000 if unit == "公里" else 1) == pytest.approx(metres, rel=0.02, abs=10)


def test_inside_there_is_nothing_to_say(context: Context) -> None:
    shape = context.units.counties.geometry.iloc[0].representative_point()
    assert not _check(context, shape.x, shape.y, context.names.county_name[0])


def test_outside_the_province(context: Context) -> None:
    ((code, level, text),) = _check(context, 114.3, 30.6, "修水县")
    assert (code, level) == ("outside_province", "error")
    assert "江西省以外" in text and "公里" in text


def test_outside_the_province_the_numbers_are_those_of_the_file(context: Context) -> None:
    stated = read_stated(context.names, _cells(""), None, _cells(""), 1)
    lon, lat = np.array([121.465451]), np.array([31.23192])
    for given, got in (
        (None, "121.465451,31.23192"),
        ((np.array([121.47]), np.array([31.23])), "121.47,31.23"),
    ):
        _, (found,) = check_units(context, lon, lat, stated, given=given)
        assert (found.code, found.got[0]) == ("outside_province", got)


def test_a_city_alone_is_compared_too(context: Context) -> None:
    shape = context.units.cities.geometry.iloc[0].representative_point()
    assert not _check(context, shape.x, shape.y, "", "南昌市")
    assert [code for code, *_ in _check(context, shape.x, shape.y, "", "赣州市")] == ["county_mismatch"]


# Doubles


def _doubles(ids: list[str], names: list[str], lon: list[float], lat: list[float]) -> dict[str, list[int]]:
    columns = {"id": _cells(*ids), "name": _cells(*names), "lon": _cells(*lon), "lat": _cells(*lat)}
    where = _cells(*[f"第 {row} 行" for row in range(len(ids))])
    marked = Marked(columns["id"], columns["name"], row_identity(columns), where)
    found = check_doubles(marked, np.array(lon), np.array(lat))
    return {each.code: each.rows.tolist() for each in found}


def test_equal_rows_and_ids() -> None:
    got = _doubles(
        ["1", "2", "1", "1", ""], ["a", "b", "a", "c", "d"], [115.0, 115.1, 115.0, 115.3, 115.4], [28.0] * 5
    )
    assert got == {"duplicate_row": [2], "duplicate_id": [3]}


def test_an_empty_id_is_no_double() -> None:
    assert not _doubles(["", ""], ["a", "b"], [115.0, 115.1], [28.0, 28.0])


@pytest.mark.parametrize(("metres", "double"), [(49.0, True), (51.0, False), (0.0, True)])
def test_same_names_within_fifty_metres(metres: float, double: bool) -> None:
    north = metres / 111_194.93
    got = _doubles(["1", "2"], ["a", "a"], [115.0, 115.0], [28.0, 28.0 + north])
    assert got == ({"duplicate_name": [1]} if double else {})
    assert not _doubles(["1", "2"], ["a", "b"], [115.0, 115.0], [28.0, 28.0 + north])


def test_same_names_are_those_of_brute_force() -> None:
    rng = np.random.default_rng(7)
    n = 400
    lon, lat = 115 + rng.uniform(0, 0.01, n), 28 + rng.uniform(0, 0.01, n)
    names = [f"n{number}" for number in rng.integers(0, 12, n)]
    got = _doubles([str(row) for row in range(n)], names, lon.tolist(), lat.tolist())["duplicate_name"]
    expected = [
        row
        for row in range(n)
        if any(
            names[other] == names[row] and haversine_m(lon[row], lat[row], lon[other], lat[other]) < 49.7
            for other in range(row)
        )
    ]
    assert set(expected) <= set(got)
    assert len(got) - len(expected) <= 3  # the plane and the sphere differ by 0.3 %


def test_a_hundred_thousand_sites_at_one_point_take_no_time() -> None:
    n = 100_000
    got = _doubles([str(row) for row in range(n)], ["AED"] * n, [115.0] * n, [28.0] * n)
    assert len(got["duplicate_name"]) == n - 1


def test_ids_that_are_made_depend_on_the_content_alone() -> None:
    columns = {"name": _cells("a", "b", "a"), "n": _cells(1, 2, 1)}
    ids = make_ids(row_identity(columns), "aed", taken={"x"})
    turned = make_ids(row_identity({name: cells[::-1].copy() for name, cells in columns.items()}), "aed")
    assert ids[1] == turned[1] and ids[0] == turned[0]
    assert len(set(ids)) == 3
    wider = row_identity({**columns, "empty": _cells(None, "", None)})
    assert wider.tolist() == row_identity(columns).tolist()
    assert row_identity({"n": columns["name"]})[0] != row_identity({"name": columns["name"]})[0]


# The calendar


def test_dates_in_the_future_and_stale_ones() -> None:
    cells = _cells("2024-06-02", "2024-06-01", "2023-06-02", "2023-05-31", "2023-06", "2023", "2022", "")
    found = {each.code: each.rows.tolist() for each in check_dates(cells, TODAY, column="c", stale=True)}
    assert found == {"date_future": [0], "stale_verification": [3, 6]}


def test_years_after_the_next_one() -> None:
    status = _cells("已建", "已建", "规划", "")
    (found,) = check_years(np.array([2025.0, 2026.0, 2030.0, 2026.0]), status, TODAY, column="c")
    assert found.rows.tolist() == [1, 3]
