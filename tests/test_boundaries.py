"""Boundaries: the default ones hold, broken ones are told apart, files survive only whole."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from boai.geodata import boundaries
from boai.geodata.boundaries import Units
from boai.geodata.crs import haversine_m
from boai.geodata.demand import read_census
from boai.geodata.errors import InputError, PlaceError, WorkspaceError
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

STEP = 0.25  # a power of two: sums of it are exact, so that borders can be hit


def _frame(rows: list[tuple], columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    table = {name: [row[i] for row in rows] for i, name in enumerate(columns)}
    return gpd.GeoDataFrame(table, geometry=[row[-1] for row in rows], crs="EPSG:4326")


def grid_world() -> Units:
    """Four square counties in two rows; each row is a city; south-west corner at 115°E 28°N."""
    square = [
        shapely.MultiPolygon(
            [shapely.box(115 + x * STEP, 28 + y * STEP, 115 + (x + 1) * STEP, 28 + (y + 1) * STEP)]
        )
        for y in range(2)
        for x in range(2)
    ]
    cities = [("360100", "南市", square[0].union(square[1])), ("360200", "北市", square[2].union(square[3]))]
    counties = [
        (f"36{city}0{i}", f"{name}{i}县", f"36{city}00", f"{name}市", square[2 * (int(city) - 1) + i - 1])
        for city, name in (("01", "南"), ("02", "北"))
        for i in (1, 2)
    ]
    return Units(
        province=_frame([("360000", "方省", shapely.union_all(square))], ("code", "name")),
        cities=_frame(cities, ("code", "name")),
        counties=_frame(counties, ("code", "name", "city_code", "city_name")),
        source="方格世界",
    )


GRID = {"n_counties": 4, "n_cities": 2, "area_km2": 2718.0}


def _with(units: Units, **columns: list) -> Units:
    """Change columns of the counties."""
    return dataclasses.replace(units, counties=units.counties.assign(**columns))


def _problems(units: Units, codes: list[str] | None = None, **expected) -> str:
    with pytest.raises(InputError) as caught:
        boundaries.validate(units, codes, **{**GRID, **expected})
    return str(caught.value)


@pytest.fixture(scope="module")
def jiangxi() -> Units:
    return boundaries.read_default()


# The default


def test_default_boundaries_hold(jiangxi: Units) -> None:
    census = read_census()
    boundaries.validate(jiangxi, census["adcode"].to_list())
    assert (len(jiangxi.province), len(jiangxi.cities), len(jiangxi.counties)) == (1, 11, 100)
    assert jiangxi.counties["name"].to_list() == census["name"].to_list()
    assert jiangxi.counties["city_name"].to_list() == census["city"].to_list()
    assert set(jiangxi.counties.geom_type) == {"MultiPolygon"}
    assert jiangxi.source


def test_every_county_seat_lies_in_its_county(jiangxi: Units) -> None:
    census = read_census()
    found = boundaries.locate(jiangxi, census["seat_lon"], census["seat_lat"])
    np.testing.assert_array_equal(found, np.arange(100))


def test_a_county_less_is_noticed(jiangxi: Units) -> None:
    fewer = dataclasses.replace(jiangxi, counties=jiangxi.counties.drop(index=22).reset_index(drop=True))
    with pytest.raises(InputError) as caught:
        boundaries.validate(fewer, read_census()["adcode"].to_list())
    text = str(caught.value)
    assert "县级单位应有 100 个, 得到 99" in text
    assert "缺少人口表中的 360424" in text
    assert "与省界不符" in text
    assert "设区市 九江市" in text
    assert len(caught.value.problems) == 4


# Checks, on the grid world


def test_grid_world_is_accepted() -> None:
    boundaries.validate(grid_world(), ["360101", "360102", "360201", "360202"], **GRID)


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        (["360101", "360102", "36020", "360202"], "代码应为 6 位数字的文本, 得到 '36020'"),
        ([360101, 360102, 360201, 360202], "代码应为 6 位数字的文本, 得到 360101、360102、360201、360202"),
        (["360101", "360102", "36０201", "360202"], "代码应为 6 位数字的文本"),
        (["360101", "360101", "360201", "360202"], "代码重复, 得到 360101"),
        (["360102", "360101", "360201", "360202"], "应按代码升序排列"),
    ],
)
def test_codes_are_checked(codes: list, text: str) -> None:
    assert text in _problems(_with(grid_world(), code=codes))


def test_counties_must_be_those_of_the_census() -> None:
    text = _problems(grid_world(), ["360101", "360102", "360201", "360299"])
    assert "缺少人口表中的 360299" in text
    assert "人口表中没有 360202" in text


def test_county_of_an_unknown_city() -> None:
    units = grid_world()
    text = _problems(_with(units, city_code=["369900", *units.counties["city_code"][1:]]))
    assert "所属设区市不在行政区划中, 得到 南1县" in text


def test_overlap_names_the_pair() -> None:
    units = grid_world()
    shapes = units.counties.geometry.to_list()
    shapes[0] = shapely.box(115, 28, 115 + STEP + 0.01, 28 + STEP)
    text = _problems(_with(units, geometry=shapes))
    shared = shapely.box(115 + STEP, 28, 115 + STEP + 0.01, 28 + STEP)
    area = abs(Geod(ellps="GRS80").geometry_area_perimeter(shared)[0]) / 1e6
    assert f"县级单位 南1县、南2县: 边界重叠, 得到 {area:.1f} 平方公里" in text
    assert "空隙" not in text


def test_gap_is_noticed_with_its_area() -> None:
    units = grid_world()
    shapes = units.counties.geometry.to_list()
    shapes[3] = shapely.box(115 + STEP, 28 + STEP, 115 + 2 * STEP - 0.01, 28 + 2 * STEP)
    text = _problems(_with(units, geometry=shapes))
    assert "有空隙或越界, 得到 27" in text
    assert "设区市 北市: 与其县区的边界不符" in text
    assert "重叠" not in text


def test_a_sliver_is_no_error() -> None:
    units = grid_world()
    shapes = units.counties.geometry.to_list()
    shapes[0] = shapely.box(115, 28, 115 + STEP + 1e-6, 28 + STEP)  # 10 cm wide
    boundaries.validate(_with(units, geometry=shapes), **GRID)


def test_invalid_empty_and_missing_shapes_are_all_named() -> None:
    units = grid_world()
    bow = shapely.Polygon([(115, 28), (115.2, 28.2), (115.2, 28), (115, 28.2)])
    text = _problems(_with(units, geometry=[bow, shapely.Polygon(), None, shapely.Point(115, 28)]))
    assert "县级单位 南1县: 边界不是有效的多边形, 得到 自相交, 位于 115.1 28.1" in text
    assert "县级单位 南2县: 边界不是有效的多边形, 得到 空" in text
    assert "县级单位 北1县: 边界不是有效的多边形, 得到 空" in text
    assert "县级单位 北2县: 边界不是有效的多边形, 得到 Point" in text


@pytest.mark.parametrize("area", [2718.0 / 1.002, 2718.0 * 1.002])
def test_total_area_is_checked(area: float) -> None:
    assert f"面积应为 {area:.0f} 平方公里" in _problems(grid_world(), area_km2=area)


def test_the_coordinate_system_is_checked() -> None:
    units = grid_world()
    other = dataclasses.replace(units, cities=units.cities.set_crs("EPSG:4490", allow_override=True))
    assert "设区市: 坐标系应为 WGS84, 得到 China Geodetic Coordinate System 2000" in _problems(other)
    none = dataclasses.replace(units, cities=units.cities.set_crs(None, allow_override=True))
    assert "得到 没有坐标系" in _problems(none)


def test_everything_is_reported_at_once() -> None:
    units = _with(grid_world(), code=["1", "360102", "360201", "360202"])
    text = _problems(units, ["360101", "360102", "360201", "360202"], n_cities=3, area_km2=1.0)
    assert len(text.splitlines()) == 5


# Points


@given(st.lists(st.tuples(st.integers(-1, 17), st.integers(-1, 17)), max_size=30))
def test_locate_equals_brute_force(nodes: list[tuple[int, int]]) -> None:
    """Points on a lattice of an eighth of a county: many on borders and corners."""
    units = grid_world()
    lon, lat = (
        115 + np.array([x for x, _ in nodes]) * STEP / 8,
        28 + np.array([y for _, y in nodes]) * STEP / 8,
    )
    found = boundaries.locate(units, lon, lat)
    assert found.dtype == np.int32
    for i, point in enumerate(zip(lon, lat, strict=True)):
        touching = [
            k for k, shape in enumerate(units.counties.geometry) if shape.intersects(shapely.Point(point))
        ]
        assert found[i] == (touching[0] if touching else -1)


def test_points_on_borders_belong_to_the_lowest_county() -> None:
    units = grid_world()
    lon = 115 + STEP * np.array([1.0, 1.0, 1.0, 0.5, 0.0, 2.0])
    lat = 28 + STEP * np.array([0.5, 1.0, 1.5, 1.0, 0.0, 2.0])
    assert boundaries.locate(units, lon, lat).tolist() == [0, 0, 2, 0, 0, 3]


def test_no_point_of_the_province_is_lost_or_doubled(jiangxi: Units) -> None:
    """Vertices that counties share, where rounding would show first."""
    vertices = shapely.get_coordinates(jiangxi.counties.geometry.to_numpy())[::7]
    assert (boundaries.locate(jiangxi, *vertices.T) >= 0).all()


def test_points_that_are_none_lie_nowhere() -> None:
    units = grid_world()
    assert boundaries.locate(units, [np.nan, np.inf, 115.1], [28.1, 28.1, -np.inf]).tolist() == [-1, -1, -1]
    assert boundaries.locate(units, 115.1, 28.1).tolist() == [0]
    assert boundaries.locate(units, [], []).tolist() == []
    assert boundaries.locate(units, 115.1, [28.1, 28.3]).tolist() == [0, 2]


def test_nearest_county_and_its_distance() -> None:
    units = grid_world()
    county, away = boundaries.nearest_county(units, [114.9, 115.1, 115.3, np.nan], [28.1, 28.1, 28.6, 28.1])
    assert county.tolist() == [0, 0, 3, -1]
    np.testing.assert_allclose(away[0], haversine_m(114.9, 28.1, 115.0, 28.1), rtol=1e-3)
    assert away[1] == 0.0
    np.testing.assert_allclose(away[2], haversine_m(115.3, 28.6, 115.3, 28.5), rtol=1e-3)
    assert np.isnan(away[3])


def test_a_tie_goes_to_the_lowest_county() -> None:
    units = grid_world()
    middle = 115 + STEP
    county, _ = boundaries.nearest_county(units, [middle], [27.9])
    assert county.tolist() == [0]


def test_county_at_tells_where_a_point_lies(jiangxi: Units) -> None:
    assert jiangxi.counties["name"][boundaries.county_at(jiangxi, 114.5685, 29.0358)] == "修水县"


@pytest.mark.parametrize(
    ("lon", "lat", "text"),
    [
        (28.69, 115.86, "坐标 28.69,115.86: 经度和纬度写反了; 请写 115.86,28.69"),
        (116.4, 39.9, "坐标 116.4,39.9: 在江西省以外, 离最近的彭泽县约 1092 公里; 请检查坐标"),
        (float("nan"), 28.0, "坐标 nan,28: 不是可用的经纬度; 请写 经度,纬度, 例如 115.86,28.69"),
        (1e300, 28.0, "坐标 1e+300,28: 不是可用的经纬度; 请写 经度,纬度, 例如 115.86,28.69"),
    ],
)
def test_a_point_outside_gets_one_sentence(jiangxi: Units, lon: float, lat: float, text: str) -> None:
    with pytest.raises(PlaceError) as caught:
        boundaries.county_at(jiangxi, lon, lat)
    assert str(caught.value) == text


# Files


def test_a_file_comes_back_as_it_was(tmp_path: Path, jiangxi: Units) -> None:
    path = tmp_path / "新 目录 'a'%20#&" / "boundaries.gpkg"
    digest = boundaries.save(jiangxi, path)
    back = boundaries.load(path)
    assert digest == boundaries.content_hash(jiangxi) == boundaries.content_hash(back)
    for level in ("province", "cities", "counties"):
        before, after = getattr(jiangxi, level), getattr(back, level)
        assert list(after.columns) == list(before.columns)
        assert after.drop(columns="geometry").equals(before.drop(columns="geometry"))
        assert after.geometry.geom_equals_exact(before.geometry, 0).all()
        assert after.crs == before.crs
    assert back.source == jiangxi.source
    assert set(pyogrio.list_layers(path)[:, 0]) == {"province", "cities", "counties"}


def test_the_same_content_makes_the_same_file(tmp_path: Path) -> None:
    paths = [tmp_path / name / "b.gpkg" for name in ("a", "b")]
    for path in paths:
        boundaries.save(grid_world(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_the_hash_sees_every_part() -> None:
    units = grid_world()
    moved = shapely.transform(units.counties.geometry.to_numpy(), lambda xy: xy + 1e-9)
    names = ["改县", *units.counties["name"][1:]]
    others = [
        _with(units, geometry=moved),
        _with(units, name=names),
        dataclasses.replace(units, source="别处"),
    ]
    assert len({boundaries.content_hash(each) for each in [units, *others]}) == 4


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.gpkg"
    boundaries.save(grid_world(), path)
    before = path.read_bytes()
    write = pyogrio.write_dataframe

    def full(frame: gpd.GeoDataFrame, *args, layer: str, **options) -> None:
        if layer == "counties":
            raise OSError("No space left on device")
        write(frame, *args, layer=layer, **options)

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    with pytest.raises(OSError, match="No space"):
        boundaries.save(dataclasses.replace(grid_world(), source="新"), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def _one_sentence(path: Path) -> str:
    with pytest.raises(WorkspaceError) as caught:
        boundaries.load(path)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert "boai init --force" in text
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return text


def test_a_missing_file_or_a_folder_in_its_place(tmp_path: Path) -> None:
    assert "文件不存在" in _one_sentence(tmp_path / "b.gpkg")
    assert "文件不存在" in _one_sentence(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, jiangxi: Units, share: float) -> None:
    path = tmp_path / "b.gpkg"
    boundaries.save(jiangxi, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "文件已损坏" in _one_sentence(path) or "与保存时不符" in _one_sentence(path)


def test_a_file_that_is_no_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "b.gpkg"
    path.write_bytes(b"PK\x03\x04" + bytes(1000))
    assert "文件已损坏" in _one_sentence(path)


def test_damage_in_the_middle(tmp_path: Path, jiangxi: Units) -> None:
    path = tmp_path / "b.gpkg"
    boundaries.save(jiangxi, path)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 4096] = bytes(4096)
    path.write_bytes(whole)
    assert "文件已损坏" in _one_sentence(path) or "与保存时不符" in _one_sentence(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE counties SET name = '别县' WHERE code = '360101'",
        "DELETE FROM counties WHERE code = '360102'",
        "DROP TABLE cities",
        "ALTER TABLE counties RENAME COLUMN city_code TO c",
        "UPDATE gpkg_metadata SET metadata = ''",
    ],
)
def test_changed_content(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "b.gpkg"
    boundaries.save(grid_world(), path)
    with sqlite3.connect(path) as database:
        for (trigger,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        assert database.execute(statement).rowcount in {1, 3, -1}
    database.close()
    assert "文件已损坏" in _one_sentence(path) or "与保存时不符" in _one_sentence(path)


def test_another_geopackage(tmp_path: Path) -> None:
    path = tmp_path / "b.gpkg"
    pyogrio.write_dataframe(grid_world().cities, path, layer="roads", driver="GPKG")
    assert "文件已损坏" in _one_sentence(path)
