"""Residents: exact sums, the stated rule recomputed in plain steps, hostile census tables."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import geopandas as gpd
import h3.api.numpy_int as h3
import numpy as np
import pandas as pd
import pytest
import shapely
from boai.geodata import boundaries, dasymetric, demand
from boai.geodata.boundaries import Units
from boai.geodata.crs import ALBERS, from_wgs84
from boai.geodata.demand import Demand
from boai.geodata.errors import InputError, WorkspaceError
from boai.geodata.gazetteer import Gazetteer
from boai.scenarios.world import World
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def census() -> pd.DataFrame:
    return demand.read_census()


@pytest.fixture(scope="module")
def units() -> Units:
    return boundaries.read_default()


@pytest.fixture(scope="module")
def gaz(world: World) -> Gazetteer:
    return world.gazetteer


@pytest.fixture(scope="module")
def built(world: World) -> Demand:
    """What the demo was built with; that building again gives the same is one of the tests."""
    return world.demand


# Apportionment

GROUPS = st.lists(
    st.tuples(st.lists(st.integers(0, 2**31), min_size=1, max_size=12), st.integers(0, 2**31)),
    min_size=1,
    max_size=6,
)


def _flat(groups: list[tuple[list[int], int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weight = np.array([w for weights, _ in groups for w in weights], np.int64)
    total = np.array([total if sum(weights) else 0 for weights, total in groups], np.int64)
    group = np.repeat(np.arange(len(groups)), [len(weights) for weights, _ in groups])
    return weight, total, group


def _hamilton(weights: list[int], total: int) -> list[int]:
    """Largest remainder with exact fractions, one seat at a time."""
    if not sum(weights):
        return [0] * len(weights)
    quota = [Fraction(w * total, sum(weights)) for w in weights]
    share = [int(q) for q in quota]
    order = sorted(range(len(weights)), key=lambda i: (share[i] - quota[i], i))
    for i in order[: total - sum(share)]:
        share[i] += 1
    return share


@given(GROUPS)
def test_apportionment_equals_largest_remainder_in_fractions(groups: list[tuple[list[int], int]]) -> None:
    weight, total, group = _flat(groups)
    share = dasymetric.apportion(weight, total, group)
    expected = [s for k, (weights, _) in enumerate(groups) for s in _hamilton(weights, int(total[k]))]
    assert share.tolist() == expected


@given(GROUPS, st.randoms(use_true_random=False))
def test_apportionment_does_not_need_groups_in_order(groups: list, random) -> None:
    weight, total, group = _flat(groups)
    order = np.arange(len(weight))
    random.shuffle(order)
    share = dasymetric.apportion(weight[order], total, group[order])
    np.testing.assert_array_equal(np.bincount(group[order], share, minlength=len(total)), total)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50), st.data())
def test_a_share_never_exceeds_its_weight_where_the_total_does_not(weights: list[int], data) -> None:
    """What keeps age_65 <= age_60 <= residents in every cell."""
    total = data.draw(st.integers(0, sum(weights)))
    share = dasymetric.apportion(np.array(weights), np.array([total]), np.zeros(len(weights), int))
    assert (share <= weights).all()
    assert (share >= 0).all()


@pytest.mark.parametrize(
    ("weight", "total"),
    [([-1, 2], [1]), ([1, 2], [-1]), ([0, 0], [1]), ([2**32, 1], [2**31])],
)
def test_apportionment_refuses_what_it_cannot_do(weight: list[int], total: list[int]) -> None:
    with pytest.raises(ValueError, match=r"negative|63 bits"):
        dasymetric.apportion(np.array(weight), np.array(total), np.zeros(2, int))


def test_apportionment_changes_no_input() -> None:
    weight, total, group = np.array([3, 1, 2]), np.array([10]), np.zeros(3, int)
    dasymetric.apportion(weight, total, group)
    assert (weight.tolist(), total.tolist(), group.tolist()) == ([3, 1, 2], [10], [0, 0, 0])


# Densities


def test_points_stand_for_equal_parts_of_a_hexagon() -> None:
    dx, dy = dasymetric.spread_points(np.array([1.0, 4.0]))
    assert dx.shape == dy.shape == (2, 19)
    np.testing.assert_allclose([dx.mean(axis=1), dy.mean(axis=1)], 0, atol=1e-12)
    np.testing.assert_allclose(2 * dx[0], dx[1])
    # The second moment of a hexagon of area A is 5 A² / (18 sqrt(3)) over both axes together.
    moment = (dx[0] ** 2 + dy[0] ** 2).mean()
    assert moment == pytest.approx(5 / (9 * np.sqrt(3)) / 2, rel=0.1)
    gaps = np.hypot(dx[0][:, None] - dx[0], dy[0][:, None] - dy[0])[~np.eye(19, dtype=bool)]
    assert gaps.min() == pytest.approx(np.sqrt(2 / 19 / np.sqrt(3)))


@pytest.mark.parametrize("residents", [5_000.0, 100_000.0, 1_000_000.0])
def test_a_centre_holds_its_residents(residents: float) -> None:
    """Clark's density over the plane integrates to the residents around the centre."""
    step = 0.05
    x, y = np.meshgrid(np.arange(-30, 30, step) + step / 2, np.arange(-30, 30, step) + step / 2)
    one = np.array([0.0])
    density = dasymetric.urban_density(x, y, one, one, np.array([residents]))
    assert density.sum() * step**2 == pytest.approx(residents, rel=0.01)
    assert density.max() <= dasymetric.CENTRE_DENSITY


def test_two_centres_are_no_denser_than_one() -> None:
    zero = np.zeros(1)
    density = dasymetric.urban_density(zero, zero, np.zeros(2), np.zeros(2), np.full(2, 1e5))
    assert density.tolist() == [dasymetric.CENTRE_DENSITY]


def test_no_centre_in_reach_leaves_an_even_spread() -> None:
    x = np.array([0.0, 1.0])
    density = dasymetric.urban_density(x, x, np.array([99.0]), np.array([0.0]), np.array([1e5]))
    assert density[0] == density[1] > 0


def test_rural_density_falls_to_its_base() -> None:
    density = dasymetric.rural_density(np.array([0.0, dasymetric.RURAL_KM, 1e6]))
    base = dasymetric.BASE
    np.testing.assert_allclose(density, [1, base + (1 - base) / np.e, base])


# The default


def test_the_cells_of_every_county_sum_to_its_census(built: Demand, census: pd.DataFrame) -> None:
    for own, column in (
        (built.residents, "population"),
        (built.urban, "urban"),
        (built.residents - built.urban, "rural"),
        (built.age_60, "age_60_plus"),
        (built.age_65, "age_65_plus"),
    ):
        sums = np.zeros(100, np.int64)
        np.add.at(sums, built.county, own)
        np.testing.assert_array_equal(sums, census[column].to_numpy())
    assert built.residents.sum() == 45_188_635


def test_parts_are_no_more_than_their_whole(built: Demand) -> None:
    assert (built.urban >= 0).all()
    assert (built.urban <= built.residents).all()
    assert (built.age_65 >= 0).all()
    assert (built.age_65 <= built.age_60).all()
    assert (built.age_60 <= built.residents).all()


def test_cells_are_those_whose_centre_lies_in_the_province(built: Demand, units: Units) -> None:
    assert (np.diff(built.cell.astype(np.int64)) > 0).all()
    assert len(built.cell) == 36_619
    assert np.unique(built.county).tolist() == list(range(100))
    np.testing.assert_array_equal(boundaries.locate(units, built.lon, built.lat), built.county)
    sample = slice(None, None, 501)
    assert [h3.get_resolution(cell) for cell in built.cell[sample]] == [7] * len(built.cell[sample])
    lat, lon = np.array([h3.cell_to_latlng(cell) for cell in built.cell[sample]]).T
    np.testing.assert_array_equal([lon, lat], [built.lon[sample], built.lat[sample]])
    # Neighbours of cells that are not cells themselves have their centre outside: none was forgotten.
    around = np.unique(np.concatenate([h3.grid_disk(cell, 1) for cell in built.cell[::17]]))
    other = np.setdiff1d(around.astype(np.uint64), built.cell)
    lat, lon = np.array([h3.cell_to_latlng(cell) for cell in other]).T
    assert len(other) > 50
    assert (boundaries.locate(units, lon, lat) == -1).all()


def test_the_cells_have_the_area_of_the_province(built: Demand) -> None:
    assert built.area_km2.sum() == pytest.approx(166_927, rel=0.005)


def test_the_density_is_plausible(built: Demand) -> None:
    density = built.residents / built.area_km2
    assert density.max() < 25_000
    assert set(built.city_name[built.county[np.argsort(-density)[:10]]]) == {"南昌市"}
    assert (built.residents > 0).all()
    # Mountain counties are thin: half of the cells of 资溪县 (77 residents per km²) below the mean.
    thin = density[built.county == built.county_name.tolist().index("资溪县")]
    assert np.median(thin) < 50
    assert 60 < np.median(density) < 150  # the mean is 271


def test_the_rule_recomputed_in_plain_steps(
    built: Demand, census: pd.DataFrame, gaz: Gazetteer, units: Units
) -> None:
    """Quotas of one county by loops over cells, points and centres; the cells have them but for rounding."""
    county = built.county_name.tolist().index("安义县")
    row = census.iloc[county]
    places = [i for i in range(len(gaz.name)) if gaz.level[i] >= 2]
    x, y = (value / 1000 for value in from_wgs84(gaz.lon[places], gaz.lat[places], to=ALBERS))
    share = []
    for i in places:
        town = gaz.level[i] == 3 and (gaz.name[i].endswith(("镇", "街道")))
        share.append(10.0 if gaz.level[i] == 2 else float(town))
    per_county = {
        c: sum(s for s, i in zip(share, places, strict=True) if gaz.county[i] == c) for c in range(100)
    }
    people = [
        census["urban"][gaz.county[i]] * s / per_county[gaz.county[i]]
        for s, i in zip(share, places, strict=True)
    ]
    urban, rural = [], []
    for cell in np.flatnonzero(built.county == county):
        cx, cy = (
            float(value[0]) / 1000 for value in from_wgs84(built.lon[[cell]], built.lat[[cell]], to=ALBERS)
        )
        dx, dy = dasymetric.spread_points(built.area_km2[[cell]])
        of_urban, of_rural = [], []
        for px, py in zip(cx + dx[0], cy + dy[0], strict=True):
            away = np.hypot(x - px, y - py)
            near = [k for k in range(len(places)) if away[k] <= 30 and people[k] > 0]
            clark = sum(np.exp(-away[k] / np.sqrt(people[k] / (2 * np.pi * 10_000))) for k in near)
            of_urban.append(min(clark, 1.0))
            of_rural.append(0.1 + 0.9 * np.exp(-away.min() / 4.0))
        urban.append(np.mean(of_urban) * built.area_km2[cell])
        rural.append(np.mean(of_rural) * built.area_km2[cell])
    mine = built.county == county
    quota = np.array(urban) / sum(urban) * row["urban"]
    assert np.abs(built.urban[mine] - quota).max() < 1.01
    quota = np.array(rural) / sum(rural) * row["rural"]
    assert np.abs((built.residents - built.urban)[mine] - quota).max() < 1.01


def test_elderly_follow_the_residents(built: Demand, census: pd.DataFrame) -> None:
    quota = built.residents * (census["age_60_plus"] / census["population"]).to_numpy()[built.county]
    assert np.abs(built.age_60 - quota).max() < 1


def test_building_again_gives_the_same_bytes(
    built: Demand, units: Units, census: pd.DataFrame, gaz: Gazetteer, tmp_path: Path
) -> None:
    again = demand.build(units, census, gaz)
    assert demand.save(built, tmp_path / "a") == demand.save(again, tmp_path / "b")


def test_boundaries_and_census_must_agree(units: Units, census: pd.DataFrame, gaz: Gazetteer) -> None:
    with pytest.raises(InputError, match="县级代码与行政区划不一致"):
        demand.build(units, census.iloc[::-1], gaz)


# Files


def test_saved_residents_come_back(built: Demand, tmp_path: Path) -> None:
    digest = demand.save(built, tmp_path / "demand")
    back = demand.load(tmp_path / "demand", verify=True)
    for each in dataclasses.fields(Demand):
        if each.name != "meta":
            np.testing.assert_array_equal(getattr(back, each.name), getattr(built, each.name))
            assert getattr(back, each.name).dtype == getattr(built, each.name).dtype
    assert back.meta == {**built.meta, "hash": digest}
    assert isinstance(back.residents, np.memmap)
    assert demand.save(back, tmp_path / "again") == digest


def test_damaged_residents_are_refused(built: Demand, tmp_path: Path) -> None:
    demand.save(built, tmp_path / "demand")
    path = tmp_path / "demand" / "residents.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WorkspaceError, match=r"residents\.npy: 文件不完整"):
        demand.load(tmp_path / "demand")


def test_loading_needs_numpy_alone() -> None:
    heavy = ("pandas", "geopandas", "shapely", "pyproj", "scipy", "h3")
    code = f"import sys, boai.geodata.demand; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# A small world: a county too small to contain the centre of a cell


def _small(enclave: shapely.Geometry) -> tuple[Units, pd.DataFrame, Gazetteer]:
    """A square county with a tiny one inside."""
    whole = shapely.box(115, 28, 115.2, 28.2)
    parts = [whole.difference(enclave), enclave]
    codes, names = ["360101", "360102"], ["大县", "小区"]

    def frame(columns: dict, shapes: list) -> gpd.GeoDataFrame:
        return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")

    city = {"city_code": "360100", "city_name": "丙州市"}
    units = Units(
        province=frame({"code": ["360000"], "name": ["江西省"]}, [whole]),
        cities=frame({"code": ["360100"], "name": ["丙州市"]}, [whole]),
        counties=frame({"code": codes, "name": names, **city}, parts),
        source="小世界",
    )
    seats = [part.representative_point() for part in parts]
    census = pd.DataFrame(
        {
            **{"adcode": codes, "name": names, "city": "丙州市", "population": [96, 32], "urban": [64, 32]},
            **{"rural": [32, 0], "households": [0, 0], "age_60_plus": [16, 8], "age_65_plus": [8, 8]},
            **{"seat_lon": [seat.x for seat in seats], "seat_lat": [seat.y for seat in seats]},
        }
    )
    gaz = Gazetteer(
        name=np.array(names),
        lon=census["seat_lon"].to_numpy(),
        lat=census["seat_lat"].to_numpy(),
        level=np.array([2, 2], np.uint8),
        county=np.array([0, 1], np.int32),
        population=np.array([96, 32]),
        alias=np.array([], str),
        alias_of=np.array([], np.int32),
        county_code=np.array(codes),
        county_name=np.array(names),
        city_name=np.array(["丙州市"] * 2),
    )
    return units, census, gaz


def test_a_county_without_a_centre_gets_a_cell() -> None:
    lat, lon = h3.cell_to_latlng(h3.latlng_to_cell(28.1, 115.1, 7))
    enclave = shapely.box(lon + 0.002, lat + 0.002, lon + 0.004, lat + 0.004)
    small = demand.build(*_small(enclave))
    own = h3.latlng_to_cell(lat, lon, 7)
    assert small.cell[small.county == 1].tolist() == [own]
    assert small.residents[small.county == 1].tolist() == [32]
    assert small.residents[small.county == 0].sum() == 96
    assert len(np.unique(small.cell)) == len(small.cell)
    assert (small.urban <= small.residents).all()


def test_two_counties_that_want_the_same_cell_are_too_small() -> None:
    units, census, gaz = _small(shapely.box(115.1, 28.1, 115.101, 28.101))
    sliver = shapely.box(115.101, 28.1, 115.102, 28.101)
    shapes = [sliver, units.counties.geometry.iloc[1]]
    tiny = dataclasses.replace(
        units,
        counties=units.counties.set_geometry(shapes, crs="EPSG:4326"),
        province=units.province.set_geometry([shapely.union_all(shapes)], crs="EPSG:4326"),
    )
    with pytest.raises(InputError, match="面积太小, 分不到网格: "):
        demand.build(tiny, census, gaz)


# The census table


def _table(tmp_path: Path, change, encoding: str = "utf-8") -> Path:
    """A copy of the census table with its lines changed."""
    lines = demand.CENSUS.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "census.csv"
    path.write_text("\n".join(change(lines)) + "\n", encoding=encoding)
    return path


def _wrong(path: Path, **expected) -> str:
    with pytest.raises(InputError) as caught:
        demand.read_census(path, **expected)
    return str(caught.value)


def _swap(line: int, old: str, new: str):
    def change(lines: list[str]) -> list[str]:
        assert old in lines[line - 1]
        return [*lines[: line - 1], lines[line - 1].replace(old, new), *lines[line:]]

    return change


def test_the_census_is_whole(census: pd.DataFrame) -> None:
    assert len(census) == 100
    assert census["population"].sum() == 45_188_635
    assert census["adcode"].is_monotonic_increasing
    assert census["adcode"].str.fullmatch("36[0-9]{4}").all()
    assert census["city"].nunique() == 11


def test_order_byte_order_mark_and_blanks_do_not_matter(tmp_path: Path, census: pd.DataFrame) -> None:
    path = _table(tmp_path, lambda lines: [lines[0], *(f" {row} " for row in lines[:0:-1])], "utf-8-sig")
    pd.testing.assert_frame_equal(demand.read_census(path), census)


@pytest.mark.parametrize(
    ("line", "old", "new", "text"),
    [
        (2, "360102", "36010", "census.csv 第2行: 县级代码应为 6 位数字, 得到 '36010'"),
        (2, "360102", "３６０１０２", "census.csv 第2行: 县级代码应为 6 位数字"),
        (3, "360103", "360102", "census.csv 第3行: 县级代码重复, 得到 360102"),
        (2, "421690", "421691", "census.csv 第2行: 城镇加乡村应等于常住人口 421691, 得到 421690"),
        (2, "421690", "421690.5", "census.csv 第2行: population 应为 0-1000000000 的整数, 得到 '421690.5'"),
        (2, "421690", "-421690", "第2行: population 应为"),
        (2, "421690", "", "第2行: population 应为 0-1000000000 的整数, 得到 ''"),
        (2, "421690", "=1+1", "得到 '=1+1'"),
        (2, "421690", "1e400", "得到 '1e400'"),
        (2, "62141", "87938", "第2行: 应有 65岁以上 <= 60岁以上 <= 常住人口, 得到 87938, 87937, 421690"),
        (2, "115.8848", "28.6864", "第2行: seat_lon 应为 73-136 的数, 得到 '28.6864'"),
        (2, "东湖区", "", "第2行: 县名和市名不能为空"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path: Path, line: int, old: str, new: str, text: str) -> None:
    assert text in _wrong(_table(tmp_path, _swap(line, old, new)))


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    def change(lines: list[str]) -> list[str]:
        lines = _swap(2, "360102", "x")(lines)
        lines = _swap(3, "485161,485161", "485161,485160")(lines)
        return _swap(4, "69358,49663", "49663,69358")(lines)[:-1]

    text = _wrong(_table(tmp_path, change))
    assert [part in text for part in ("第2行", "第3行", "第4行", "应有 100 个县级单位, 得到 99")] == [
        True
    ] * 4
    assert "常住人口合计应为 45188635" in text
    assert len(text.splitlines()) == 5


def test_another_province_has_other_totals(tmp_path: Path) -> None:
    path = _table(tmp_path, lambda lines: lines[:11])
    assert len(demand.read_census(path, n_counties=10, total=None)) == 10
    assert len(demand.read_census(path, n_counties=None, total=None)) == 10
    assert "应有 9 个县级单位, 得到 10" in _wrong(path, n_counties=9, total=None)


def test_a_table_that_is_none(tmp_path: Path) -> None:
    assert "文件不存在" in _wrong(tmp_path / "none.csv")
    assert "不是可读取的 CSV 表格" in _wrong(tmp_path)
    assert "缺少列 name、rural" in _wrong(
        _table(tmp_path, lambda lines: [lines[0].replace("name", "x").replace("rural", "y"), *lines[1:]])
    )
    assert "不是可读取的 CSV 表格" in _wrong(_table(tmp_path, lambda lines: lines, "gb18030"))
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    assert "不是可读取的 CSV 表格" in _wrong(path)
    path.write_bytes(b'a,b\n"1,2\n3')
    assert "不是可读取的 CSV 表格" in _wrong(path)
    path.write_bytes(bytes(range(256)) * 10)
    assert "不是可读取的 CSV 表格" in _wrong(path)
