"""Which system a table has: right or doubtful, and never silently wrong."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from boai.geodata import boundaries, datums
from boai.geodata.boundaries import Units
from boai.geodata.gazetteer import Gazetteer
from boai.geodata.intake import coordinates, evidence, verdict
from boai.geodata.intake.evidence import Borders
from boai.geodata.intake.model import Verdict
from boai.scenarios.world import World
from coord_convert import transform

SHIFT = {"WGS84": lambda x, y: (x, y), "GCJ-02": transform.wgs2gcj, "BD-09": transform.wgs2bd}
Sites = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def units() -> Units:
    return boundaries.read_default()


@pytest.fixture(scope="module")
def borders(units: Units) -> Borders:
    return evidence.prepare(units)


@pytest.fixture(scope="module")
def gaz(world: World) -> Gazetteer:
    return world.gazetteer


def _sites(units: Units, n: int, seed: int, *, county: int | None = None) -> Sites:
    """Points drawn uniformly in the province or in a county, with the county in which each lies."""
    rng = np.random.default_rng(seed)
    shape = units.counties if county is None else units.counties.iloc[[county]]
    west, south, east, north = shape.total_bounds
    lon, lat = rng.uniform(west, east, 8 * n + 50), rng.uniform(south, north, 8 * n + 50)
    found = boundaries.locate(units, lon, lat)
    keep = np.flatnonzero(found >= 0 if county is None else found == county)[:n]
    assert len(keep) == n
    return lon[keep], lat[keep], found[keep].astype(np.int64)


def _shift(sites: Sites, system: str) -> tuple[np.ndarray, np.ndarray]:
    """Shift with an independent program."""
    moved = np.array([SHIFT[system](x, y) for x, y in zip(sites[0], sites[1], strict=True)])
    return moved[:, 0], moved[:, 1]


@pytest.fixture
def judge(units: Units, borders: Borders):
    def run(x: Any, y: Any, **more: Any) -> Verdict:
        return verdict.judge(x, y, units=units, borders=borders, **more)

    return run


@pytest.mark.parametrize("system", datums.SYSTEMS)
def test_a_large_table_is_recognised(units: Units, judge, system: str):
    sites = _sites(units, 1000, 3)
    found = judge(*_shift(sites, system), county=sites[2])
    assert (found.system, found.status, found.refused) == (system, "tested", False)
    first = found.evidence[0]
    assert (first.system, first.points, first.in_county) == (system, 1000, 1000)
    assert first.probability > 0.999
    assert sum(one.probability for one in found.evidence) == pytest.approx(1)
    assert any("1000/1000" in reason for reason in found.reasons)


def test_the_evidence_counts_are_those_of_plain_geometry(units: Units, judge):
    sites = _sites(units, 300, 5)
    x, y = _shift(sites, "GCJ-02")
    for one in judge(x, y, county=sites[2]).evidence:
        lon, lat = datums.to_wgs84(x, y, system=one.system)
        inside = boundaries.locate(units, lon, lat)
        assert one.in_county == (inside == sites[2]).sum()
        assert one.in_province == (inside >= 0).sum()


@pytest.mark.parametrize("system", datums.SYSTEMS)
def test_points_far_from_every_border_are_doubtful(units: Units, borders: Borders, judge, system: str):
    lon, lat, county = _sites(units, 600, 8)
    xy = shapely.points(evidence.plane(lon, lat))
    deep = borders.trees[0].query_nearest(xy, return_distance=True, all_matches=False)[1] > 3000
    sites = (lon[deep], lat[deep], county[deep])
    assert deep.sum() > 50
    found = judge(*_shift(sites, system), county=sites[2])
    assert (found.status, found.refused) == ("doubtful", True)
    assert any("坐标系" in reason for reason in found.reasons)


def _outcomes(units: Units, judge, n: int, wrong: float, times: int, **how: Any) -> Counter[str]:
    """Judge tables in which some rows state a neighbouring county, and count the outcomes."""
    shape = units.counties.geometry.to_numpy()
    one, other = shapely.STRtree(shape).query(shape, predicate="intersects")
    outcomes: Counter[str] = Counter()
    for seed in range(times):
        rng = np.random.default_rng(1000 + seed)
        system = datums.SYSTEMS[seed % 3]
        county_of = int(rng.integers(len(shape))) if how.get("one_county") else None
        lon, lat, county = _sites(units, n, seed, county=county_of)
        said = county.copy()
        for i in np.flatnonzero(rng.random(n) < wrong):
            said[i] = rng.choice(other[(one == county[i]) & (other != county[i])])
        x, y = _shift((lon, lat, county), system)
        found = judge(x, y, county=said)
        wrongly = found.status == "tested" and found.system != system
        outcomes["wrong" if wrongly else found.status] += 1
    return outcomes


@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("n", [5, 20, 60, 200])
def test_it_is_never_wrong(units: Units, judge, n: int, wrong: float):
    outcomes = _outcomes(units, judge, n, wrong, 9)
    assert outcomes["wrong"] == 0
    assert set(outcomes) <= {"tested", "doubtful"}
    if n == 200 and not wrong:
        assert outcomes["tested"] >= 5


def test_a_table_of_one_county_is_never_wrong_and_mostly_recognised(units: Units, judge):
    outcomes = _outcomes(units, judge, 300, 0.02, 18, one_county=True)
    assert outcomes["wrong"] == 0
    assert outcomes["tested"] >= 9


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("n", [50, 200])
def test_it_is_never_wrong_at_length(units: Units, judge, n: int, wrong: float):
    assert _outcomes(units, judge, n, wrong, 200)["wrong"] == 0


def test_cities_alone_tell_less_but_nothing_wrong(units: Units, borders: Borders, judge):
    sites = _sites(units, 2000, 11)
    city = borders.city_of[sites[2]]
    for system in datums.SYSTEMS:
        found = judge(*_shift(sites, system), city=city)
        assert (found.system, found.status) == (system, "tested")
        assert found.evidence[0].in_county == 2000


def test_nothing_stated_leaves_a_small_table_in_doubt(units: Units, judge):
    found = judge(*_shift(_sites(units, 60, 2), "GCJ-02"))
    assert found.status == "doubtful"
    assert found.evidence[0].points == 0


def test_one_place_in_many_rows_is_one_witness(units: Units, judge):
    sites = _sites(units, 1000, 3)
    x, y = _shift(sites, "GCJ-02")
    telling = np.flatnonzero(boundaries.locate(units, x, y) != sites[2])[0]
    rows = np.full(500, telling)
    assert judge(x[rows], y[rows], county=sites[2][rows]).status == "doubtful"


def test_the_order_of_rows_changes_nothing(units: Units, judge):
    sites = _sites(units, 200, 4)
    x, y = _shift(sites, "BD-09")
    turn = np.random.default_rng(0).permutation(200)
    one, other = judge(x, y, county=sites[2]), judge(x[turn], y[turn], county=sites[2][turn])
    assert (one.system, one.status) == (other.system, other.status)
    for a, b in zip(one.evidence, other.evidence, strict=True):
        assert a.probability == pytest.approx(b.probability, rel=1e-6)


# Statements


def test_a_statement_holds_where_the_test_cannot_tell(units: Units, judge):
    sites = _sites(units, 20, 6)
    for system in datums.SYSTEMS:
        found = judge(*_shift(sites, system), county=sites[2], stated=system, stated_by="表头")
        assert (found.system, found.status, found.stated_by) == (system, "stated", "表头")


def test_a_wrong_statement_is_contradicted_and_can_be_confirmed(units: Units, judge):
    sites = _sites(units, 1000, 3)
    x, y = _shift(sites, "GCJ-02")
    found = judge(x, y, county=sites[2], stated="WGS84", stated_by="坐标系列")
    assert (found.system, found.status, found.refused) == ("GCJ-02", "contradicted", True)
    insisted = judge(x, y, county=sites[2], stated="WGS84", confirmed=True)
    assert (insisted.system, insisted.status, insisted.refused) == ("WGS84", "confirmed", False)


def test_the_national_system_counts_as_wgs84(units: Units, judge):
    sites = _sites(units, 1000, 3)
    found = judge(*_shift(sites, "WGS84"), county=sites[2], stated="CGCS2000")
    assert (found.system, found.status) == ("CGCS2000", "stated")
    assert judge(*_shift(sites, "BD-09"), county=sites[2], stated="CGCS2000").status == "contradicted"


def test_a_doubtful_table_can_be_confirmed(units: Units, judge):
    sites = _sites(units, 10, 6)
    found = judge(*_shift(sites, "WGS84"), county=sites[2], confirmed=True)
    assert found.status == "confirmed"
    assert found.system == found.evidence[0].system
    assert any("确认" in reason for reason in found.reasons)


def test_a_statement_that_the_numbers_exclude_is_contradicted_even_if_confirmed(units: Units, judge):
    sites = _sites(units, 50, 6)
    x, y = coordinates.from_wgs84(sites[0], sites[1], "EPSG:4548")
    for confirmed in (False, True):
        found = judge(x, y, county=sites[2], stated="GCJ-02", confirmed=confirmed)
        assert (found.system, found.status) == ("EPSG:4548", "contradicted")


def test_no_coordinates(judge):
    found = judge([np.nan], [np.nan], county=[3])
    assert (found.system, found.status, found.refused) == ("", "none", False)


# What goes wrong in practice


@pytest.mark.parametrize(("one", "other"), [("WGS84", "GCJ-02"), ("GCJ-02", "BD-09"), ("WGS84", "BD-09")])
def test_two_systems_in_one_table_are_seen(units: Units, judge, one: str, other: str):
    sites = _sites(units, 1000, 9)
    (x, y), (u, v) = _shift(sites, one), _shift(sites, other)
    half = np.arange(1000) % 5 < 2
    found = judge(np.where(half, u, x), np.where(half, v, y), county=sites[2])
    assert found.status == "doubtful"
    assert any("可能混有两种坐标系" in reason for reason in found.reasons)
    stated = judge(np.where(half, u, x), np.where(half, v, y), county=sites[2], stated=one)
    assert stated.status == "contradicted"


def test_a_file_that_was_shifted_twice_is_not_taken_for_another_system(units: Units, judge):
    sites = _sites(units, 1000, 3)
    x, y = _shift(sites, "GCJ-02")
    found = judge(*_shift((x, y, sites[2]), "GCJ-02"), county=sites[2])
    assert found.status == "doubtful"
    assert any("加偏了两次" in reason for reason in found.reasons)
    back = np.array([transform.gcj2wgs(a, b) for a, b in zip(sites[0], sites[1], strict=True)])
    assert judge(back[:, 0], back[:, 1], county=sites[2]).status == "doubtful"


def test_points_that_fit_no_county_at_all_are_doubtful(units: Units, judge):
    sites = _sites(units, 1000, 3)
    county = np.random.default_rng(0).permutation(sites[2])
    assert judge(*_shift(sites, "GCJ-02"), county=county).status == "doubtful"


def test_a_county_whose_statements_are_old_does_not_mislead(units: Units, judge):
    """All rows of a county that was divided state its former, larger neighbour."""
    names = units.counties["name"].tolist()
    old, new = names.index("新建区"), names.index("红谷滩区")
    for seed, system in enumerate(datums.SYSTEMS):
        parts = [
            _sites(units, 60, seed, county=old),
            _sites(units, 60, seed + 9, county=new),
            _sites(units, 80, seed),
        ]
        lon, lat, county = (np.concatenate([part[i] for part in parts]) for i in range(3))
        said = np.where(county == new, old, county)
        found = judge(*_shift((lon, lat, county), system), county=said)
        assert found.status == "doubtful" or found.system == system


# Projected


@pytest.mark.parametrize("system", ["EPSG:4547", "EPSG:4548", "EPSG:32650"])
def test_grids_without_a_zone_are_told_apart(units: Units, judge, system: str):
    sites = _sites(units, 400, 12)
    found = judge(*coordinates.from_wgs84(sites[0], sites[1], system), county=sites[2])
    assert (found.system, found.status) == (system, "tested")
    assert found.evidence[0].in_county == 400
    if system != "EPSG:4547":
        rival = next(one for one in found.evidence if one.system in {"EPSG:4548", "EPSG:32650"} - {system})
        assert rival.in_county > 300


def test_a_small_table_in_metres_is_doubtful_between_neighbouring_grids(units: Units, judge):
    sites = _sites(units, 5, 12)
    found = judge(*coordinates.from_wgs84(sites[0], sites[1], "EPSG:4548"), county=sites[2])
    assert found.status == "doubtful"
    assert {one.system for one in found.evidence[:2]} == {"EPSG:4548", "EPSG:32650"}


def test_a_zone_in_front_decides_by_itself(units: Units, judge):
    sites = _sites(units, 20, 12)
    found = judge(*coordinates.from_wgs84(sites[0], sites[1], "EPSG:4527"), county=sites[2])
    assert (found.system, found.status) == ("EPSG:4527", "tested")


def test_a_stated_zone_is_understood_without_the_zone_in_the_numbers(units: Units, judge):
    sites = _sites(units, 20, 12)
    x, y = coordinates.from_wgs84(sites[0], sites[1], "EPSG:4548")
    assert judge(x, y, county=sites[2], stated="EPSG:4527").system == "EPSG:4548"
    national = judge(x, y, county=sites[2], stated="CGCS2000")
    assert (national.system, national.status) == ("EPSG:4548", "tested")


def test_web_map_metres_are_not_taken_unseen(units: Units, judge):
    sites = _sites(units, 10, 12)
    x, y = coordinates.from_wgs84(sites[0], sites[1], "EPSG:3857")
    assert judge(x, y, county=sites[2]).status == "doubtful"
    assert judge(x, y, county=sites[2], stated="EPSG:3857").status == "stated"
    many = _sites(units, 1000, 12)
    assert judge(*coordinates.from_wgs84(many[0], many[1], "EPSG:3857"), county=many[2]).status == "tested"
    tiles = coordinates.from_wgs84(*_shift(many, "GCJ-02"), "EPSG:3857")
    assert judge(*tiles, county=many[2]).status == "doubtful"


# Places and roads


@pytest.mark.parametrize("system", datums.SYSTEMS)
def test_named_places_help(gaz: Gazetteer, judge, system: str):
    rng = np.random.default_rng(1)
    row = rng.choice(np.flatnonzero(np.asarray(gaz.level) == 3), 120, replace=False)
    place = np.column_stack((gaz.lon[row], gaz.lat[row]))
    lon, lat = (place + rng.normal(0, 300 / 111195, place.shape)).T
    found = judge(*_shift((lon, lat, row), system), place=place)
    assert (found.system, found.status) == (system, "tested")
    assert found.evidence[0].place_shift_m < 150 < found.evidence[1].place_shift_m


def test_coarse_places_do_not_decide_about_600_metres(gaz: Gazetteer, judge):
    """Points that stand for townships may be off together: with a scatter of 2 km nothing is sure."""
    rng = np.random.default_rng(1)
    row = np.flatnonzero(np.asarray(gaz.level) == 3)
    place = np.column_stack((gaz.lon[row], gaz.lat[row]))
    lon, lat = (place + rng.normal(0, 2000 / 111195, place.shape)).T
    inside = judge(*_shift((lon, lat, row), "GCJ-02"), place=place)
    assert inside.status == "doubtful" or inside.system == "GCJ-02"


def _box(units_of: str) -> gpd.GeoDataFrame:
    shape = shapely.MultiPolygon([shapely.box(112, 29, 117, 32)])
    more = {"city_code": ["420100"], "city_name": ["某市"]} if units_of == "counties" else {}
    code = {"province": "420000", "cities": "420100", "counties": "420101"}[units_of]
    return gpd.GeoDataFrame({"code": [code], "name": ["某地"], **more}, geometry=[shape], crs="EPSG:4326")


@pytest.fixture(scope="module")
def streets(shared: Path) -> np.ndarray:
    """Points every 40 m along the real streets of Wuhan, WGS84."""
    parquet = pytest.importorskip("pyarrow.parquet")
    file = shared / "data" / "wuhan" / "wuhan_8989_original.parquet"
    if not file.is_file():
        pytest.skip("the streets of Wuhan are not here")
    lines = shapely.from_wkb(
        np.array(parquet.read_table(file, columns=["geometry"])["geometry"].to_pylist(), object)
    )
    xy = shapely.get_coordinates(shapely.segmentize(lines, 40.0))
    return np.column_stack(coordinates.to_wgs84(xy[:, 0], xy[:, 1], "EPSG:32650"))


@pytest.mark.parametrize("system", datums.SYSTEMS)
def test_streets_tell_the_system(streets: np.ndarray, system: str):
    units = Units(_box("province"), _box("cities"), _box("counties"), "test")
    rng = np.random.default_rng(4)
    at = streets[rng.choice(len(streets), 200)] + rng.normal(0, 40 / 111195, (200, 2))
    x, y = _shift((at[:, 0], at[:, 1], at[:, 0]), system)
    assert verdict.judge(x, y, units=units).status == "doubtful"
    found = verdict.judge(x, y, units=units, roads=streets)
    assert (found.system, found.status) == (system, "tested")
    assert found.evidence[0].road_distance_m < 40 < found.evidence[1].road_distance_m


def test_synthetic_streets_tell_the_system_too():
    """Straight streets in all directions through a square of 20 km, a point every 40 m."""
    rng = np.random.default_rng(0)
    ends = shapely.linestrings(rng.uniform(0, 0.2, (150, 2, 2)) + np.array([114.2, 30.4]))
    streets = shapely.get_coordinates(shapely.segmentize(ends, 40 / 111195))
    units = Units(_box("province"), _box("cities"), _box("counties"), "test")
    middle = streets[(np.abs(streets - [114.3, 30.5]) < 0.06).all(axis=1)]
    at = middle[rng.choice(len(middle), 300)] + rng.normal(0, 25 / 111195, (300, 2))
    for system in datums.SYSTEMS:
        found = verdict.judge(*_shift((at[:, 0], at[:, 1], at[:, 0]), system), units=units, roads=streets)
        assert found.system == system
        assert found.status == "tested"


# Speed


def test_a_hundred_thousand_points_take_seconds(units: Units, judge):
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(113.5, 118.5, 200_000), rng.uniform(24.5, 30.0, 200_000)
    county = boundaries.locate(units, lon, lat)
    keep = np.flatnonzero(county >= 0)[:100_000]
    x, y = datums.from_wgs84(lon[keep], lat[keep], system="BD-09")
    begin = time.process_time()  # other tests run at the same time
    found = judge(x, y, county=county[keep])
    assert time.process_time() - begin < 8
    assert (found.system, found.status) == ("BD-09", "tested")
    assert any("100000" in reason for reason in found.reasons)
