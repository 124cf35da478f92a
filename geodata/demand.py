"""Residents: the 2020 census of the counties spread over a hexagonal grid.

The rule by which residents are spread inside a county is an assumption (假设), stated in ``dasymetric``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import dasymetric
from .crs import ALBERS, from_wgs84
from .errors import InputError, Problem
from .names import COUNTY, SETTLEMENT
from .store import load_arrays, save_arrays

if TYPE_CHECKING:
    import pandas as pd

    from .boundaries import Units
    from .gazetteer import Gazetteer

CENSUS = Path(__file__).parent / "tables" / "counties_2020.csv"
"""The census table of the project."""

SOURCE = "中国人口普查分县资料—2020"
"""Where the residents come from."""

RULE = "县级常住人口按六边形网格分配: 城镇人口按 Clark 距离衰减, 乡村人口按到最近居民点的距离 (假设)"
"""The dasymetric rule in one sentence; see ``dasymetric``."""

RESOLUTION = 7
"""h3 resolution of the grid: cells of about 5 km²."""

CENSUS_TOTAL = 45_188_635
"""Residents of Jiangxi in the census of 2020."""

YEAR = 2020
"""Year of the census."""

_TEXTS = ("adcode", "name", "city")
_SEAT = {"seat_lon": (73.0, 136.0), "seat_lat": (3.0, 54.0)}
_COUNTS = ("population", "urban", "rural", "households", "age_60_plus", "age_65_plus")


@dataclass(frozen=True)
class Demand:
    """Residents on n hexagonal cells; the cells of a county sum to its census figures exactly."""

    cell: NDArray[np.uint64]
    """(n,) h3 index, resolution 7, ascending."""
    lon: NDArray[np.float64]
    """(n,) WGS84 longitude of the centre, degrees."""
    lat: NDArray[np.float64]
    """(n,) WGS84 latitude."""
    area_km2: NDArray[np.float64]
    """(n,) area of the cell."""
    county: NDArray[np.int32]
    """(n,) position of the county in ``county_code``."""
    residents: NDArray[np.int64]
    """(n,) residents of 2020."""
    urban: NDArray[np.int64]
    """(n,) of them urban (城镇); the rest is rural."""
    age_60: NDArray[np.int64]
    """(n,) of them 60 years or older."""
    age_65: NDArray[np.int64]
    """(n,) of them 65 years or older."""
    county_code: NDArray[np.str_]
    """(100,) six-digit codes (GB/T 2260), ascending."""
    county_name: NDArray[np.str_]
    """(100,) names of the counties."""
    city_name: NDArray[np.str_]
    """(100,) city of each county."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Source, rule and label."""


_ARRAYS = (
    "cell", "lon", "lat", "area_km2", "county", "residents", "urban", "age_60", "age_65",
    "county_code", "county_name", "city_name",
)  # fmt: skip


def save(demand: Demand, folder: Path) -> str:
    """Save to a folder of ``.npy`` files and return the hash of the content."""
    meta = {key: value for key, value in demand.meta.items() if key != "hash"}
    return save_arrays(folder, {name: getattr(demand, name) for name in _ARRAYS}, kind="demand", meta=meta)


def load(folder: Path, *, verify: bool = True) -> Demand:
    """Open saved residents as read-only memory maps (milliseconds); raises ``WorkspaceError``."""
    arrays, meta = load_arrays(folder, kind="demand", verify=verify, names=_ARRAYS)
    return Demand(**arrays, meta=meta)


def read_census(
    path: Path = CENSUS, *, n_counties: int | None = 100, total: int | None = CENSUS_TOTAL
) -> pd.DataFrame:
    """Read and check the census table: one row per county, sorted by code.

    Parameters
    ----------
    path
        CSV in UTF-8 with the columns adcode, name, city, population, urban, rural, households, age_60_plus,
        age_65_plus, seat_lon, seat_lat (WGS84).
    n_counties, total
        Expected number of rows and residents, ``None`` for any; the defaults are those of Jiangxi in 2020.

    Raises
    ------
    InputError
        With every problem found: wrong codes, counts that are not whole or do not add up, seats out of range.
    """
    table = _read_text_table(path)
    where = np.array([f"{path.name} 第{row + 2}行" for row in range(len(table))], dtype=object)
    problems = _code_problems(table, where)
    table, wrong_numbers = _with_numbers(table, where)
    problems += wrong_numbers or _part_problems(table, where)
    problems += [] if wrong_numbers else _total_problems(table, path.name, n_counties, total)
    if problems:
        raise InputError(problems)
    return table.sort_values("adcode", ignore_index=True)


def _read_text_table(path: Path) -> pd.DataFrame:
    """Read the columns that are needed of a CSV, as text."""
    import pandas as pd  # noqa: PLC0415  (0.3 s; `boai nearest` must not load it)

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(Problem(str(path), "文件不存在", fix="请检查人口表的路径")) from None
    except (OSError, ValueError):  # pandas' errors of parsing and of encoding are ValueErrors
        problem = Problem(str(path), "不是可读取的 CSV 表格", fix="请另存为 UTF-8 编码的 CSV")
        raise InputError(problem) from None
    columns = (*_TEXTS, *_COUNTS, *_SEAT)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(Problem(str(path), f"缺少列 {'、'.join(missing)}", fix="请对照自带的人口表补齐"))
    return pd.DataFrame({name: table[name].str.strip() for name in columns})


def _code_problems(table: pd.DataFrame, where: NDArray[Any]) -> list[Problem]:
    """Check that codes are six digits and unique, and that names are there."""
    code = table["adcode"]
    wrong = ~code.str.fullmatch("[0-9]{6}").to_numpy(bool)
    twice = code.duplicated().to_numpy(bool) & ~wrong
    nameless = ((table["name"] == "") | (table["city"] == "")).to_numpy(bool)
    return [
        *(Problem(where[i], "县级代码应为 6 位数字", repr(code[i])) for i in np.flatnonzero(wrong)),
        *(Problem(where[i], "县级代码重复", code[i]) for i in np.flatnonzero(twice)),
        *(Problem(where[i], "县名和市名不能为空") for i in np.flatnonzero(nameless)),
    ]


def _with_numbers(table: pd.DataFrame, where: NDArray[Any]) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn the columns of numbers into numbers and say where they are none."""
    import pandas as pd  # noqa: PLC0415

    numbers: dict[str, NDArray[Any]] = {}
    problems = []
    for name in (*_COUNTS, *_SEAT):
        low, high = _SEAT.get(name, (0, 10**9))
        value = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
        good = (value >= low) & (value <= high) & ((name in _SEAT) | (value == np.floor(value)))
        what = f"{name} 应为 {low:.0f}-{high:.0f} 的{'数' if name in _SEAT else '整数'}"
        problems += [Problem(where[i], what, repr(table[name][i])) for i in np.flatnonzero(~good)]
        numbers[name] = value if name in _SEAT else np.where(good, value, 0).astype(np.int64)
    return table.assign(**numbers), problems


def _part_problems(table: pd.DataFrame, where: NDArray[Any]) -> list[Problem]:
    """Check that the parts of each county's residents add up to them or are no more than they."""
    people, urban, rural, _, age_60, age_65 = (table[name].to_numpy(np.int64) for name in _COUNTS)
    problems = [
        Problem(where[i], f"城镇加乡村应等于常住人口 {people[i]}", str(urban[i] + rural[i]))
        for i in np.flatnonzero(urban + rural != people)
    ]
    return problems + [
        Problem(where[i], "应有 65岁以上 <= 60岁以上 <= 常住人口", f"{age_65[i]}, {age_60[i]}, {people[i]}")
        for i in np.flatnonzero((age_65 > age_60) | (age_60 > people))
    ]


def _total_problems(
    table: pd.DataFrame, file: str, n_counties: int | None, total: int | None
) -> list[Problem]:
    """Check the number of rows and of residents."""
    people = int(table["population"].sum())
    problems = []
    if n_counties is not None and len(table) != n_counties:
        problems.append(Problem(file, f"应有 {n_counties} 个县级单位", str(len(table))))
    if total is not None and people != total:
        problems.append(Problem(file, f"常住人口合计应为 {total}", str(people)))
    return problems


class _Grid(NamedTuple):
    """Cells of the grid, ascending by index; arrays as in ``Demand``."""

    cell: NDArray[np.uint64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    area_km2: NDArray[np.float64]
    county: NDArray[np.int32]


def build(units: Units, census: pd.DataFrame, gaz: Gazetteer) -> Demand:
    """Spread the census over the cells of the h3 grid whose centre lies in the province.

    The rule is that of ``dasymetric``. Elderly residents are shared out in proportion to all residents of a
    county (假设: the same age structure in town and country), those of 65 and older in proportion to those of
    60 and older, so that ``age_65 <= age_60 <= residents`` in every cell. A county that contains no centre of
    a cell gets the cell in which its representative point lies.

    Parameters
    ----------
    units
        Boundaries; the counties in the order of ``census``.
    census
        As ``read_census`` returns it.
    gaz
        Its county seats and settlements are the centres.

    Raises
    ------
    InputError
        Boundaries and census do not list the same counties, or a county is too small for a cell of its own.
    """
    if units.counties["code"].to_list() != census["adcode"].to_list():
        raise InputError(Problem("人口表", "县级代码与行政区划不一致", fix="请检查人口表和行政区划"))
    grid = _grid(units)
    total = {name: census[name].to_numpy(np.int64) for name in _COUNTS}
    density = _densities(grid, census, gaz)
    urban = _share_out(density[0], grid, total["urban"])
    residents = urban + _share_out(density[1], grid, total["rural"])
    age_60 = dasymetric.apportion(residents, total["age_60_plus"], grid.county)
    return Demand(
        **grid._asdict(),
        residents=residents,
        urban=urban,
        age_60=age_60,
        age_65=dasymetric.apportion(age_60, total["age_65_plus"], grid.county),
        county_code=census["adcode"].to_numpy(str),
        county_name=census["name"].to_numpy(str),
        city_name=census["city"].to_numpy(str),
        meta={"source": SOURCE, "rule": RULE, "year": YEAR, "resolution": RESOLUTION},
    )


def _grid(units: Units) -> _Grid:
    """Lay the grid over the province and give every county at least one cell."""
    import h3.api.numpy_int as h3  # noqa: PLC0415  (`load` must not need h3 and geopandas)

    from .boundaries import locate  # noqa: PLC0415

    cell = np.asarray(h3.geo_to_cells(units.province.geometry.iloc[0], RESOLUTION), np.uint64)
    county = locate(units, *_centres(cell))
    cell, county = cell[county >= 0], county[county >= 0]
    empty = np.setdiff1d(np.arange(len(units.counties)), county)
    point = units.counties.geometry.iloc[empty].representative_point()
    own = [h3.latlng_to_cell(y, x, RESOLUTION) for x, y in zip(point.x, point.y, strict=True)]
    cell, county = _give(cell, county, np.array(own, np.uint64), empty)
    missing = np.setdiff1d(np.arange(len(units.counties)), county)
    if len(missing):
        names = "、".join(units.counties["name"].iloc[missing])
        raise InputError(Problem("行政区划", f"面积太小, 分不到网格: {names}", fix="请检查边界数据"))
    area = np.array([h3.cell_area(index, unit="km^2") for index in cell])
    return _Grid(cell, *_centres(cell), area, county)


def _centres(cell: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of the centres of cells."""
    import h3.api.numpy_int as h3  # noqa: PLC0415

    # h3 has no vectorised calls; each takes about a microsecond.
    lat, lon = np.array([h3.cell_to_latlng(index) for index in cell]).reshape(-1, 2).T
    return lon, lat


def _give(
    cell: NDArray[np.uint64], county: NDArray[np.int32], own: NDArray[np.uint64], owner: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Give the cells ``own`` to the counties ``owner``, whoever had them; cells end unique, ascending."""
    cells, first = np.unique(np.concatenate((own, cell)), return_index=True)
    return cells, np.concatenate((owner, county)).astype(np.int32)[first]


def _share_out(density: NDArray[np.float64], grid: _Grid, total: NDArray[np.int64]) -> NDArray[np.int64]:
    """Apportion the totals of the counties to their cells by density and area."""
    weight = dasymetric.whole_weights(density * grid.area_km2, grid.county, len(total))
    return dasymetric.apportion(weight, total, grid.county)


def _densities(
    grid: _Grid, census: pd.DataFrame, gaz: Gazetteer
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean urban and rural density of each cell, up to a factor per county."""
    from scipy.spatial import cKDTree  # noqa: PLC0415  (`load` must not need it)

    x, y = (value[:, None] / 1000 for value in from_wgs84(grid.lon, grid.lat, to=ALBERS))
    dx, dy = dasymetric.spread_points(grid.area_km2)
    x, y = x + dx, y + dy
    known = np.flatnonzero(gaz.level >= COUNTY)
    place = np.column_stack(from_wgs84(gaz.lon[known], gaz.lat[known], to=ALBERS)) / 1000
    away = cKDTree(place).query(np.column_stack((x.ravel(), y.ravel())))[0].reshape(x.shape)
    residents = _centre_residents(gaz, census)[known]
    (centre_x, centre_y), residents = place[residents > 0].T, residents[residents > 0]
    urban = np.empty(len(x))
    # County by county, as a county meets only the centres in its neighbourhood.
    for rows in np.split(np.argsort(grid.county, kind="stable"), np.cumsum(np.bincount(grid.county))[:-1]):
        urban[rows] = dasymetric.urban_density(x[rows], y[rows], centre_x, centre_y, residents).mean(axis=1)
    return urban, dasymetric.rural_density(away).mean(axis=1)


def _centre_residents(gaz: Gazetteer, census: pd.DataFrame) -> NDArray[np.float64]:
    """Urban residents around each place: a county's divided among its seat and its towns, 0 elsewhere."""
    town = (gaz.level == SETTLEMENT) & (np.char.endswith(gaz.name, "镇") | np.char.endswith(gaz.name, "街道"))
    weight = town + dasymetric.SEAT_TOWNS * (gaz.level == COUNTY)
    inside = np.maximum(gaz.county, 0)  # the province and the cities have county -1 and weight 0
    sums = np.bincount(inside, weight, minlength=len(census))
    residents: NDArray[np.float64] = weight * (census["urban"].to_numpy(float) / sums)[inside]
    return residents
