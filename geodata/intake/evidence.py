"""How well a coordinate system fits the points of a table: the likelihoods behind a verdict.

A shift of 0.6 to 1.2 km moves only the points near a border into another unit; these decide, the others only
tell how carefully the units were written. The model of one point that a row says to be in unit ``c``:

    P(row | system) = (1 - e_c) * u + e_c * (1 - u),    u = Phi(d / s)

``d`` is the signed distance to the border of the unit in metres (positive inside) if the coordinates are of
the system, ``s`` the error of the digitised outline (each of `OUTLINE_M` as probable before), ``e_c`` the
share of strays in that unit: wrong statements, an old boundary, a zone that is no county. The shares are
integrated out: ``e_c ~ Beta(STRENGTH * mu, STRENGTH * (1 - mu))`` above `LEAST_ERROR`, with ``mu`` the same
for all units and log-uniform on `MEAN_ERROR`. So strays say little in a unit that has many, and much in a
table that has few. A wrong statement is taken to name just the unit where another system would put the
point: that favours no system and makes the test timid. Points in the same square of `CELL_M` that state the
same unit are one witness (the mean of their logarithms): a boundary that is wrong somewhere, or one site in
many rows, counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import betaln, logsumexp, ndtr

from ..boundaries import Units, locate
from ..datums import Degrees

OUTLINE_M = (50.0, 100.0, 200.0)
"""Standard errors of digitised outlines that are tried, metres."""

LEAST_ERROR = 0.01
"""Share of wrong statements that is always reckoned with."""

MEAN_ERROR = (0.01, 0.3)
"""Limits of the mean share of wrong statements."""

STRENGTH = 20.0
"""How many rows of a unit weigh as much as the mean share over all units."""

CELL_M = 1000.0
"""Side of the squares whose points are one witness."""

REACH_M = 1000.0
"""Farther than this from a border a point is plainly inside or outside: four standard errors."""

DEGREE_M = 111_195.0
"""Metres in a degree of latitude."""

_COS = float(np.cos(np.radians(27.5)))  # in the middle of the province; E-W distances are good to 3 %
_ERRORS = np.geomspace(LEAST_ERROR, 0.9, 16)
_MEANS = np.geomspace(*MEAN_ERROR, 8)
_MIXES = (0.1, 0.3, 0.5, 0.7, 0.9)


def plane(lon: Degrees, lat: Degrees) -> NDArray[np.float64]:
    """Turn degrees into (n, 2) metres on a plane, for distances of a few kilometres."""
    return np.column_stack((lon * (DEGREE_M * _COS), lat * DEGREE_M))


@dataclass(frozen=True)
class Borders:
    """The outlines of counties, cities and the province, ready for distances. One list of regions: counties
    first, then cities, then the province."""

    units: Units
    n_counties: int
    n_cities: int
    city_of: NDArray[np.int64]
    """(counties,) position of the city of each county."""
    shapes: NDArray[np.object_]
    """(regions,) outlines on the plane of `plane`."""
    trees: tuple[shapely.STRtree, ...]
    """Border lines of the counties, the cities, the province."""


def prepare(units: Units) -> Borders:
    """Make the borders ready; takes about 0.2 s, so that many tables may share it."""
    levels = (units.counties, units.cities, units.province)
    flat = [_flatten(frame.geometry.to_numpy()) for frame in levels]
    position = {code: i for i, code in enumerate(units.cities["code"])}
    return Borders(
        units=units,
        n_counties=len(units.counties),
        n_cities=len(units.cities),
        city_of=np.array([position.get(code, -1) for code in units.counties["city_code"]], np.int64),
        shapes=np.concatenate(flat),
        trees=tuple(shapely.STRtree(_lines(shapes)) for shapes in flat),
    )


def _flatten(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    flat = shapely.transform(shapes, lambda xy: plane(xy[:, 0], xy[:, 1]))
    return np.asarray(flat, object)


def _lines(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Cut outlines into their straight pieces."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(shapes)), return_index=True)
    ends = np.stack((xy[:-1], xy[1:]), axis=1)[ring[1:] == ring[:-1]]
    return np.asarray(shapely.linestrings(ends), object)


@dataclass(frozen=True)
class Fit:
    """Where the points of a table are if it has one system."""

    system: str
    lon: Degrees
    lat: Degrees
    inside: NDArray[np.bool_]
    """(n,) whether each point is in the region that its row states."""
    in_province: NDArray[np.bool_]
    certainty: NDArray[np.float64]
    """(n, outlines) Phi(d / s): how certainly it is inside, for each error of the outline."""


def fit(borders: Borders, region: NDArray[np.int64], system: str, lon: Degrees, lat: Degrees) -> Fit:
    """Compare points with the regions that their rows state (position in ``borders.shapes``)."""
    county = locate(borders.units, lon, lat).astype(np.int64)
    n, m = borders.n_counties, borders.n_cities
    city = np.where(county >= 0, borders.city_of[county], -2)
    inside = np.where(region < n, county == region, np.where(region < n + m, city == region - n, county >= 0))
    signed = _signed_distance(borders, region, inside, plane(lon, lat))
    certainty = ndtr(signed[:, None] / np.array(OUTLINE_M))
    return Fit(system, lon, lat, inside, county >= 0, certainty)


def _signed_distance(
    borders: Borders, region: NDArray[np.int64], inside: NDArray[np.bool_], xy: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure how far each point is inside its region (negative: outside), infinite beyond `REACH_M`."""
    signed = np.where(inside, np.inf, -np.inf)
    point = np.asarray(shapely.points(xy), object)
    level = np.digitize(region, (borders.n_counties, borders.n_counties + borders.n_cities))
    for i, tree in enumerate(borders.trees):
        own = np.flatnonzero(inside & (level == i))
        near, away = tree.query_nearest(
            point[own], max_distance=REACH_M, return_distance=True, all_matches=False
        )
        signed[own[near[0]]] = away
    outside = np.flatnonzero(~inside & np.isfinite(xy).all(axis=1))
    west, south, east, north = shapely.bounds(borders.shapes)[region[outside]].T
    x, y = xy[outside].T
    close = (x > west - REACH_M) & (x < east + REACH_M) & (y > south - REACH_M) & (y < north + REACH_M)
    outside = outside[close]
    away = shapely.distance(point[outside], borders.shapes[region[outside]])
    signed[outside] = np.where(away <= REACH_M, -away, -np.inf)
    return signed


# Counties


@dataclass(frozen=True)
class Witnesses:
    """The points as independent witnesses: the unit that each states and its weight."""

    region: NDArray[np.int64]
    weight: NDArray[np.float64]
    """(n,) 1 / number of points in the same square that state the same unit."""
    cell: NDArray[np.int64]
    """(n,) number of the witness."""


def witnesses(region: NDArray[np.int64], lon: Degrees, lat: Degrees) -> Witnesses:
    """Group points that are close to each other, wherever the true system puts them."""
    square = np.floor(np.nan_to_num(plane(lon, lat)) / CELL_M).astype(np.int64)
    key = np.column_stack((region, square))
    _, cell, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    cell = cell.reshape(-1)
    return Witnesses(region, 1.0 / count[cell], cell)


def county_score(certainty: NDArray[np.float64], seen: Witnesses) -> float:
    """Compute the logarithm of the likelihood of the stated units, see the module's text."""
    region = np.unique(seen.region, return_inverse=True)[1].reshape(-1)
    n, outlines = int(region.max(initial=-1)) + 1, certainty.shape[1]
    sure_in, sure_out = (certainty == 1.0).all(axis=1), (certainty == 0.0).all(axis=1)
    right = np.bincount(region[sure_in], seen.weight[sure_in], n)[:, None, None] * np.log1p(-_ERRORS)
    stray = np.bincount(region[sure_out], seen.weight[sure_out], n)[:, None, None] * np.log(_ERRORS)
    open_ = ~(sure_in | sure_out)
    chance = certainty[open_][:, :, None]
    logs = np.log((1 - _ERRORS) * chance + _ERRORS * (1 - chance)) * seen.weight[open_][:, None, None]
    sums = np.zeros((n, outlines, len(_ERRORS)))
    np.add.at(sums, region[open_], logs)
    return _integrate(sums + right + stray)


def _integrate(sums: NDArray[np.float64]) -> float:
    """Integrate over the errors of units, their mean, and the error of the outline."""
    log_prior = _log_prior()  # (means, errors)
    by_unit = logsumexp(sums[:, :, None, :] + log_prior, axis=-1)  # (units, outlines, means)
    total = by_unit.sum(axis=0)
    return float(logsumexp(total) - np.log(total.size))


def _log_prior() -> NDArray[np.float64]:
    """Logarithm of the weights of `_ERRORS` for each of `_MEANS`: a Beta density on a logarithmic grid."""
    a, b = STRENGTH * _MEANS[:, None], STRENGTH * (1 - _MEANS[:, None])
    density = a * np.log(_ERRORS) + (b - 1) * np.log1p(-_ERRORS) - betaln(a, b)
    return np.asarray(density - logsumexp(density, axis=1, keepdims=True))


def mixture_score(first: Fit, second: Fit, seen: Witnesses) -> float:
    """Compute the logarithm of the likelihood if some rows have one system and the others another."""
    scores = [
        county_score(share * first.certainty + (1 - share) * second.certainty, seen) for share in _MIXES
    ]
    return float(logsumexp(scores) - np.log(len(scores)))


def exclusive(fits: list[Fit], seen: Witnesses) -> NDArray[np.int64]:
    """Count for each system the witnesses that are inside their unit under it, and under no other."""
    inside = np.array([one.inside for one in fits])
    alone = inside & (inside.sum(axis=0) == 1)
    return np.array([len(np.unique(seen.cell[row])) for row in alone], np.int64)


def telling(fits: list[Fit], seen: Witnesses) -> int:
    """Count the witnesses on which the systems differ."""
    inside = np.array([one.inside for one in fits])
    return len(np.unique(seen.cell[inside.any(axis=0) & ~inside.all(axis=0)]))


# Named places

PLACES = 5
"""Fewest different places that tell anything."""

FAR_M = 20_000.0
"""A place farther than this from the point under every system is another of the same name."""


@dataclass(frozen=True)
class Displacement:
    """How far the points lie from the places that their rows name."""

    score: float
    """Logarithm of the likelihood, up to a constant that all systems share."""
    shift_m: float
    """Length of the median displacement."""


def displacements(fits: list[Fit], place: NDArray[np.float64]) -> list[Displacement] | None:
    """Compare the median displacement from named places with none; None where fewer than `PLACES` are named.

    A place is one witness, however many rows name it. The median of n displacements with the scatter s
    (1.4826 times the median absolute deviation) has the standard error 1.2533 s / sqrt(n); the points that
    stand for places may besides be off together by a fifth of their scatter (20 to 300 m). The score is that
    of Student's t in two dimensions with 4 degrees of freedom.
    """
    to = plane(place[:, 0], place[:, 1])
    off = np.array([plane(one.lon, one.lat) - to for one in fits])  # (systems, n, 2)
    close = (np.hypot(off[..., 0], off[..., 1]) < FAR_M).any(axis=0)
    _, group = np.unique(place[close], axis=0, return_inverse=True)
    group = group.reshape(-1)
    n = int(group.max(initial=-1)) + 1
    if n < PLACES:
        return None
    count = np.bincount(group)
    means = np.array([[np.bincount(group, axis) / count for axis in one[close].T] for one in off])
    median = np.median(means, axis=2)  # (systems, 2)
    scatter = 1.4826 * np.median(np.abs(means - median[..., None]), axis=2).mean(axis=1).min()
    error = np.hypot(1.2533 * scatter / np.sqrt(n), np.clip(0.2 * scatter, 20.0, 300.0))
    shift = np.hypot(*median.T)
    score = -3.0 * np.log1p((shift / error) ** 2 / 4.0)
    return [Displacement(float(a), float(b)) for a, b in zip(score, shift, strict=True)]


# Roads and settlements

COVERED_M = 1000.0
"""A point farther than this from every road under every system is outside of the network."""

_DECOYS = np.array(
    [(r * np.cos(t), r * np.sin(t)) for r in (300.0, 450.0) for t in np.arange(8) * np.pi / 4]
)  # metres east, north
_SAMPLE = 2000
_AROUND_DEG = 0.05


@dataclass(frozen=True)
class Nearness:
    """How near the points lie to roads or places."""

    score: float
    """Logarithm of the likelihood ratio to points that have nothing to do with roads."""
    median_m: float


def around(fits: list[Fit], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep the targets near any point under any system: a province has ten million points along its roads.

    All within ``_AROUND_DEG`` (about 5 km) of a point stay, which is more than ``COVERED_M`` and the decoys
    need; squares of that side and their neighbours decide.
    """
    wide = int(360 / _AROUND_DEG) + 3
    own = np.concatenate([np.column_stack((one.lon, one.lat)) for one in fits])
    squares = np.unique(np.floor(own[np.isfinite(own).all(axis=1)] / _AROUND_DEG).astype(np.int64), axis=0)
    steps = np.array([(east, north) for east in (-1, 0, 1) for north in (-1, 0, 1)])
    wanted = (squares[:, None, :] + steps).reshape(-1, 2)
    at = np.floor(targets / _AROUND_DEG).astype(np.int64)
    return targets[np.isin(at[:, 1] * wide + at[:, 0], wanted[:, 1] * wide + wanted[:, 0])]


def nearness(fits: list[Fit], targets: NDArray[np.float64], *, most: float) -> list[Nearness] | None:
    """Compare the distances to the nearest targets with those of the same points moved elsewhere.

    The statistic is the mean logarithm of distance + 10 m. 16 decoys (the points moved by 300 and 450 m in 8
    directions) show what it is by chance, with all that the pattern of the sites and of the roads brings
    about: a plane through them takes up that roads get sparser in one direction, and the scatter about the
    plane (at least 0.03) is the standard deviation. A system counts by how many of these it lies below the
    plane's middle, z, with 4.5 ln(1 + z^2 / 8), the tail of Student's t with 8 degrees of freedom, and not
    more than ``most``.

    Parameters
    ----------
    targets
        (m, 2) WGS84 degrees.

    Returns
    -------
    None where fewer than 10 points have a target within ``COVERED_M`` under some system.
    """
    tree = cKDTree(plane(targets[:, 0], targets[:, 1]))
    points = [plane(one.lon, one.lat) for one in fits]
    good = np.flatnonzero(np.all([np.isfinite(xy).all(axis=1) for xy in points], axis=0))
    good = good[np.linspace(0, len(good) - 1, min(len(good), _SAMPLE)).astype(int)] if len(good) else good
    away = np.array([tree.query(xy[good])[0] for xy in points])
    near = (away < COVERED_M).any(axis=0)
    if np.count_nonzero(near) < 10:
        return None
    return [
        _against_decoys(tree, xy[good[near]], row[near], most) for xy, row in zip(points, away, strict=True)
    ]


def _against_decoys(tree: Any, xy: NDArray[np.float64], away: NDArray[np.float64], most: float) -> Nearness:
    decoys = np.array([np.log(tree.query(xy + move)[0] + 10.0).mean() for move in _DECOYS])
    slope = _DECOYS.T @ decoys / (_DECOYS**2).sum(axis=0)  # the rings are balanced: least squares in one step
    rest = decoys - decoys.mean() - _DECOYS @ slope
    spread = max(float(np.sqrt((rest**2).sum() / (len(rest) - 3))), 0.03)
    z = (np.log(away + 10.0).mean() - decoys.mean()) / spread
    score = 4.5 * np.log1p(min(z, 0.0) ** 2 / 8.0)
    return Nearness(min(float(score), most), float(np.median(away)))
