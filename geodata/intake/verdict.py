"""Which coordinate system a table has: the test and the decision.

All systems that the numbers allow are equally probable before. Their likelihoods (module ``evidence``) come
from the stated counties or cities, the province, the places that rows name, roads and settlements. Without a
statement a system is taken (``tested``) only with a probability of `SURE`; everything else is ``doubtful``
and refused, because a wrong guess is off by 600 m and nobody would see it. A statement holds unless the test
is sure of another system by the odds `AGAINST`.

Besides the nameable systems the test tries what goes wrong in practice: GCJ-02 shifted twice, shifted back
once too often, taken for Baidu's; and two systems in one table. Where one of those explains the points far
better than every system does, the verdict is doubtful as well.

Measured on the boundaries of Jiangxi: tables of n rows whose system nobody names, how many percent of them
are recognised (WGS84 / GCJ-02 / BD-09, 40 tables each; outlines off by so many metres rms along each axis,
in a random field with waves of some 8 km). Every other table was doubtful and none was wrong, nor any of
1200 further ones (n = 50 and 200; 0, 2 and 10 %). It is wrong only where all outlines are off together by
more than half the shift: at 350 m in 2 of 144 tables, at 150 and 250 m in none of 288.

===========================================  ============  ============  ===============
points, rows with a wrong county, outlines   n = 50        n = 200       n = 1000
===========================================  ============  ============  ===============
uniform, 0 %                                 10 / 0 / 18   85 / 73 / 93  100 / 100 / 100
uniform, 2 %, outlines off by 150 m          8 / 0 / 13    73 / 60 / 95  100 / 100 / 100
uniform, 10 %, outlines off by 250 m         0 / 0 / 5     18 / 10 / 58  98 / 100 / 100
as people live, 2 %                          0 / 0 / 3     40 / 20 / 53  100 / 100 / 100
in one county, 2 %, outlines off by 100 m    10 / 5 / 20   80 / 75 / 93  100 / 100 / 100
as people live, one city, 2 %, off by 100 m  5 / 3 / 10    25 / 23 / 35  63 / 73 / 73
cities stated only, 2 %, off by 100 m        0 / 0 / 0     30 / 15 / 48  98 / 100 / 100
===========================================  ============  ============  ===============
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import datums
from ..boundaries import Units
from ..gazetteer import Gazetteer
from . import coordinates, evidence
from .evidence import Borders
from .model import Evidence, Status, Verdict
from .trial import LOG_SURE, SURE, Aids, Trial, try_systems

AGAINST = 10_000.0
"""Least odds of another system against the stated one that contradict the statement: ten times the odds of
`SURE`, as an office that names a system is mostly right."""

MIXED = 20.0
"""Least odds of two systems in the table against one (1000 where one is stated)."""

SAMPLE = 20_000
"""Points that are tested at most, evenly spaced over the table."""

GOOD_SHARE = 0.6
"""Least share of points inside their stated unit for a system that nobody has named."""

_SAME_MERIDIAN = ({"EPSG:4547", "EPSG:4526"}, {"EPSG:4548", "EPSG:4527", "EPSG:4498"})
_GRIDS = frozenset(datums.PROJECTED) - {"EPSG:32650", "EPSG:3857"}


def judge(
    first: ArrayLike,
    second: ArrayLike,
    *,
    units: Units,
    gaz: Gazetteer | None = None,
    county: ArrayLike | None = None,
    city: ArrayLike | None = None,
    place: ArrayLike | None = None,
    roads: ArrayLike | None = None,
    stated: str = "",
    stated_by: str = "",
    confirmed: bool = False,
    borders: Borders | None = None,
) -> Verdict:
    """Find the coordinate system of a table, with the evidence.

    Parameters
    ----------
    first, second
        (n,) longitudes or eastings, latitudes or northings as `coordinates.read_pairs` gives them; NaN: none.
    units
        Boundaries of the province.
    gaz
        Settlements, a weak witness where the rows name no places themselves.
    county, city
        (n,) position of the county in ``units.counties``, of the city in ``units.cities``, that each row
        states; -1 where it states none. The county counts where both are stated.
    place
        (n, 2) WGS84 longitude and latitude of the place that each row names, NaN where none.
    roads
        (m, 2) WGS84 points along real roads, every 20-50 m; None if the network is only approximate.
    stated
        Canonical name of the system that was named, empty if none was.
    stated_by
        Chinese: who named it.
    confirmed
        Whether the user insists: on ``stated``, or without that on the most probable system.
    borders
        What ``evidence.prepare(units)`` returned, to save its time where several tables are judged.

    Examples
    --------
    Points near the borders of their counties, in GCJ-02::

        verdict = judge(lon, lat, units=units, county=county)
        verdict.system, verdict.status  # ('GCJ-02', 'tested')
    """
    table = _read(first, second, county, city, place)
    if not len(table.first):
        return Verdict("", "none", stated=stated, stated_by=stated_by, reasons=("没有可用的坐标",))
    choice = _choose(table, stated)
    borders = borders or evidence.prepare(units)
    aids = Aids(table.place, gaz, roads)
    points = (table.first, table.second)
    test = try_systems(choice.systems, points, table.region(borders), borders, aids)
    return _decide(test, _Statement(stated, stated_by, confirmed, choice), table)


@dataclass(frozen=True)
class _Table:
    """The pairs that take part, and what their rows say."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    county: NDArray[np.int64]
    city: NDArray[np.int64]
    place: NDArray[np.float64]
    n: int
    """Pairs in the whole table, of which the above are a sample."""
    left_out: int
    """Pairs whose numbers are of another kind than those of most."""

    def region(self, borders: Borders) -> NDArray[np.int64]:
        """Position in ``borders.shapes`` of the county, else the city, else the province."""
        n, m = borders.n_counties, borders.n_cities
        return np.where(self.county >= 0, self.county, np.where(self.city >= 0, n + self.city, n + m))


def _read(first: Any, second: Any, county: Any, city: Any, place: Any) -> _Table:
    """Keep the pairs whose numbers are of the kind that most have, and of many an even sample."""
    a, b = np.atleast_1d(np.asarray(first, float)), np.atleast_1d(np.asarray(second, float))
    possible = coordinates.candidates(a, b)
    finite = np.isfinite(a) & np.isfinite(b)
    fit = finite & coordinates.fits(a, b, possible[0]) if possible else np.zeros(a.shape, bool)
    every = np.flatnonzero(fit)
    rows = every
    if len(every) > SAMPLE:
        rows = every[np.linspace(0, len(every) - 1, SAMPLE).astype(np.int64)]
    none = np.full(a.shape, -1, np.int64)
    where = np.full((len(a), 2), np.nan) if place is None else np.asarray(place, float)
    return _Table(
        first=a[rows],
        second=b[rows],
        county=(none if county is None else np.asarray(county, np.int64))[rows],
        city=(none if city is None else np.asarray(city, np.int64))[rows],
        place=where[rows],
        n=len(every),
        left_out=int(np.count_nonzero(finite)) - len(every),
    )


# Which systems


@dataclass(frozen=True)
class _Choice:
    """The systems to compare and what the statement means for these numbers."""

    systems: tuple[str, ...]
    stated: str = ""
    """The stated system with its numbers as they are here; empty if none is, or it leaves a choice."""
    impossible: bool = False
    """Whether the numbers cannot be of the stated system."""
    note: str = ""


def _choose(table: _Table, stated: str) -> _Choice:
    """Say which systems the numbers allow, and read a statement in their light."""
    possible = coordinates.candidates(table.first, table.second)
    if not stated:
        return _Choice(possible)
    if coordinates.fits(table.first[:1], table.second[:1], stated).all():
        return _Choice((*possible, stated) if datums.plain(stated) not in possible else possible, stated)
    if stated in datums.PROJECTED and "WGS84" in possible:
        return _Choice(possible, "WGS84", note=f"说明的是投影 {stated}, 数值是经纬度, 按同一基准的经纬度检验")
    twin = [name for name in possible for pair in _SAME_MERIDIAN if {name, stated} <= pair]
    if twin:
        return _Choice(possible, twin[0], note=f"{stated} 与 {twin[0]} 中央子午线相同, 数值按 {twin[0]} 读取")
    if datums.plain(stated) == "WGS84":
        grids = tuple(name for name in possible if stated != datums.CGCS2000 or name != "EPSG:32650")
        what = f"说明的是 {stated}, 数值是平面坐标 (米)"
        return _Choice(grids, grids[0] if len(grids) == 1 else "", note=what)
    return _Choice(possible, impossible=True, note=f"数值的大小不可能是 {stated}")


# The decision


@dataclass(frozen=True)
class _Statement:
    system: str
    by: str
    confirmed: bool
    choice: _Choice


def _decide(test: Trial, said: _Statement, table: _Table) -> Verdict:
    order = np.argsort(-test.total, kind="stable")
    best = test.fits[int(order[0])].system
    shares = tuple(_evidence(test, table, int(i)) for i in order)
    status, system, why = _stated(test, said, best) if said.system else _unstated(test, best)
    if said.confirmed and status in ("doubtful", "contradicted") and not said.choice.impossible:
        kept = said.choice.stated or best
        status, system, why = "confirmed", kept, [*why, f"已由用户确认, 按 {kept} 读取"]
    if system == "WGS84" and said.system == datums.CGCS2000:
        system = datums.CGCS2000
    notes = [said.choice.note] if said.choice.note else []
    reasons = (*why, *notes, *_figures(test, shares), *_remarks(table, system))
    return Verdict(system, status, shares, stated=said.system, stated_by=said.by, reasons=reasons)


def _unstated(test: Trial, best: str) -> tuple[Status, str, list[str]]:
    """Decide where nobody has named the system."""
    flat = best in datums.PROJECTED
    which = "EPSG:4548 (CGCS2000 三度带 117°)、EPSG:4547 (114°)" if flat else "GCJ-02 (高德、腾讯)"
    doubts = _doubts(test)
    probability = float(test.probability.max())
    if probability >= SURE and not doubts:
        return "tested", best, [f"检验认定为 {best}, 把握 {_percent(probability)}"]
    if probability < SURE:
        near = evidence.telling(test.fits, test.seen)
        few = f"只有 {near} 处靠近边界的点能区分" if near else "没有靠近边界、能区分的点"
        likely = f"最可能是 {best}, 把握 {_percent(probability)}, 低于 {SURE:.1%}"
        doubts.append(f"{likely if probability > 0.5 else '几种坐标系差不多同样可能'}: {few}")
    return (
        "doubtful",
        best,
        ["没有说明坐标系, 检验不能认定", *doubts, f"请说明坐标系, 例如 {which}"],
    )


def _doubts(test: Trial) -> list[str]:
    doubts = []
    if test.mixed > np.log(MIXED):
        doubts.append(f"可能混有两种坐标系: {' 和 '.join(test.mixture)} 各能解释对方不能解释的点")
    if test.mishap:
        doubts.append(f"坐标可能被错误转换过: {test.mishap}")
    inside = max(float(one.inside.mean()) for one in test.fits)
    if inside < GOOD_SHARE:
        doubts.append(f"按任何一种坐标系, 都最多只有 {inside:.0%} 的点在所写的县区或省内")
    return doubts


def _stated(test: Trial, said: _Statement, best: str) -> tuple[Status, str, list[str]]:
    """Decide where the system is named."""
    stated, by = said.choice.stated, said.by or "用户"
    if said.choice.impossible:
        return "contradicted", best, [f"{by}说明坐标系为 {said.system}, 但与数值不符"]
    if not stated:
        status, system, why = _unstated(test, best)
        return status, system, [f"{by}说明坐标系为 {said.system}, 投影由检验确定", *why]
    names = [datums.plain(one.system) for one in test.fits]
    own = names.index(datums.plain(stated))
    lead = float(test.total.max() - test.total[own])
    begin = f"{by}说明坐标系为 {said.system}"
    if lead > np.log(AGAINST) and not test.mishap:
        return "contradicted", best, [f"{begin}, 但检验认定为 {best}", "请核对; 确实无误时可确认后导入"]
    if test.mixed > LOG_SURE:
        mixed = f"但可能混有两种坐标系: {' 和 '.join(test.mixture)}"
        return "contradicted", stated, [f"{begin}, {mixed}", "请分开后再导入; 确实无误时可确认后导入"]
    if test.mishap:
        return "contradicted", stated, [f"{begin}, 但坐标可能被错误转换过: {test.mishap}", "请核对原始坐标"]
    agree = "检验相符" if lead == 0 else f"检验偏向 {best}, 但不足以否定"
    return "stated", stated, [f"{begin}, {agree if len(names) > 1 else '与数值相符'}"]


# What a user reads


def _evidence(test: Trial, table: _Table, i: int) -> Evidence:
    one, named = test.fits[i], (table.county >= 0) | (table.city >= 0)
    roads = test.roads
    return Evidence(
        system=one.system,
        probability=float(test.probability[i]),
        points=int(np.count_nonzero(named)),
        in_county=int(np.count_nonzero(one.inside & named)),
        in_province=int(np.count_nonzero(one.in_province)),
        place_shift_m=round(test.places[i].shift_m, 1) if test.places else None,
        road_distance_m=round(roads[i].median_m, 1) if roads else None,
    )


def _percent(probability: float) -> str:
    """Write a probability without rounding it up to certainty.

    Examples
    --------
    >>> _percent(0.5), _percent(0.99995), _percent(1.0)
    ('50.0%', '99.99%', '>99.99%')
    """
    if probability > 0.9999:
        return ">99.99%" if probability > 0.99995 else "99.99%"
    return f"{np.floor(probability * 1000) / 10:.1f}%" if probability > 0.99 else f"{probability:.1%}"


def _figures(test: Trial, shares: tuple[Evidence, ...]) -> list[str]:
    """Write the figures of all systems, one sentence per kind of evidence."""
    lines = []
    if shares[0].points:
        lines.append("县界内 " + "; ".join(f"{one.system}: {one.in_county}/{one.points}" for one in shares))
    n = len(test.seen.cell)
    lines.append("省界内 " + "; ".join(f"{one.system}: {one.in_province}/{n}" for one in shares))
    if shares[0].place_shift_m is not None:
        lines.append("与所写地名的中位偏移 " + _metres(shares, "place_shift_m"))
    if shares[0].road_distance_m is not None:
        lines.append("到最近道路的中位距离 " + _metres(shares, "road_distance_m"))
    return lines


def _metres(shares: tuple[Evidence, ...], name: str) -> str:
    return "; ".join(f"{one.system}: {getattr(one, name):.0f} 米" for one in shares)


def _remarks(table: _Table, system: str) -> list[str]:
    remarks = []
    if table.n > len(table.first):
        remarks.append(f"检验用了 {table.n} 个点中均匀抽取的 {len(table.first)} 个")
    if table.left_out:
        remarks.append(f"另有 {table.left_out} 对数值与多数的写法不同 (经纬度与平面坐标混用), 未参与检验")
    if system in _GRIDS:
        remarks.append("平面坐标按 CGCS2000 读取; 如是西安80或北京54, 请先转换")
    return remarks
