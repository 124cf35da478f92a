"""The test of a table: every system that its numbers allow, two systems together, and usual mishaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from .. import datums
from ..datums import Degrees
from ..gazetteer import Gazetteer
from ..names import COUNTY
from . import coordinates, evidence
from .evidence import Borders, Displacement, Fit, Nearness, Witnesses

SURE = 0.999
"""Least probability with which a system is taken that nobody has named."""

LOG_SURE = float(np.log(SURE / (1 - SURE)))

_MOST_ROADS, _MOST_SETTLEMENTS = (
    np.log(1e5),
    np.log(30.0),
)  # what these may say at most: settlements are coarse

Points = tuple[Degrees, Degrees]


@dataclass(frozen=True)
class Aids:
    """What helps besides the units."""

    place: NDArray[np.float64]
    """(n, 2) place that each row names, NaN where none."""
    gaz: Gazetteer | None
    roads: Any


@dataclass(frozen=True)
class Trial:
    """What the test found, the systems in the order of ``fits``."""

    fits: list[Fit]
    seen: Witnesses
    total: NDArray[np.float64]
    """Logarithm of the likelihood of each system."""
    rivals: tuple[float, ...]
    """The same for systems that have no name."""
    places: list[Displacement] | None
    roads: list[Nearness] | None
    mixed: float
    """Logarithm of the odds of two systems against the best one, -inf where only one is possible."""
    mixture: tuple[str, str]
    mishap: str
    """Chinese: what explains the points far better than every system, empty if nothing does."""

    @property
    def probability(self) -> NDArray[np.float64]:
        """(systems,) posterior with equal priors."""
        return np.asarray(np.exp(self.total - logsumexp([*self.total, *self.rivals])))


def try_systems(
    systems: Sequence[str], points: Points, region: NDArray[np.int64], borders: Borders, aids: Aids
) -> Trial:
    """Compare systems on the points of a table; ``region`` is the position in ``borders.shapes``."""
    fits = [evidence.fit(borders, region, name, *coordinates.to_wgs84(*points, name)) for name in systems]
    seen = evidence.witnesses(region, fits[0].lon, fits[0].lat)
    counties = np.array([evidence.county_score(one.certainty, seen) for one in fits])
    named = np.isfinite(aids.place).all(axis=1)
    parts = [replace(one, lon=one.lon[named], lat=one.lat[named]) for one in fits]
    places = evidence.displacements(parts, aids.place[named]) if named.any() else None
    roads = _roads(fits, aids.roads)
    settlements = None if places else _settlements(fits, aids.gaz)
    total = counties + sum(
        np.array([one.score for one in aid]) for aid in (places, roads, settlements) if aid is not None
    )
    mixed, mixture = _mixture(fits, seen, counties)
    score = partial(_score, borders, region, seen)
    mishap = _mishap(points, score, float(counties.max())) if "WGS84" in systems else ""
    return Trial(
        fits=fits,
        seen=seen,
        total=total,
        rivals=_rivals(points, score) if "EPSG:3857" in systems else (),
        places=places,
        roads=roads,
        mixed=mixed,
        mixture=mixture,
        mishap=mishap,
    )


def _roads(fits: list[Fit], roads: Any) -> list[Nearness] | None:
    if roads is None or len(roads) < 2 or len(fits) < 2:
        return None
    near = evidence.around(fits, np.asarray(roads, float))
    return evidence.nearness(fits, near, most=float(_MOST_ROADS)) if len(near) > 1 else None


def _settlements(fits: list[Fit], gaz: Gazetteer | None) -> list[Nearness] | None:
    if gaz is None or len(fits) < 2:
        return None
    row = np.asarray(gaz.level) >= COUNTY
    targets = np.column_stack((gaz.lon[row], gaz.lat[row]))
    return evidence.nearness(fits, targets, most=float(_MOST_SETTLEMENTS))


def _mixture(
    fits: list[Fit], seen: Witnesses, counties: NDArray[np.float64]
) -> tuple[float, tuple[str, str]]:
    """Find the pair of systems that together explain the points best, and its odds against the best one."""
    pairs = [(one, two) for i, one in enumerate(fits) for two in fits[i + 1 :]]
    if not pairs:
        return -np.inf, ("", "")
    scores = [evidence.mixture_score(one, two, seen) for one, two in pairs]
    best = int(np.argmax(scores))
    return float(scores[best] - counties.max()), (pairs[best][0].system, pairs[best][1].system)


def _mishap(points: Points, score: Callable[[Points], float], best: float) -> str:
    """Name a mishap that explains the points better than every system by the odds `SURE` asks for."""
    scores = {name: score(xy) for name, xy in _mishaps(*coordinates.to_wgs84(*points, "WGS84")).items()}
    first = max(scores, key=lambda name: scores[name])
    return first if scores[first] - best > LOG_SURE else ""


def _score(borders: Borders, region: NDArray[np.int64], seen: Witnesses, xy: Points) -> float:
    return evidence.county_score(evidence.fit(borders, region, "", *xy).certainty, seen)


def _mishaps(lon: Degrees, lat: Degrees) -> dict[str, Points]:
    """Undo what programs do wrong: where the points truly are if it was done."""
    as_baidu = datums.from_wgs84(lon, lat, system="BD-09")
    once = datums.to_wgs84(lon, lat, system="GCJ-02")
    return {
        "加偏了两次": datums.to_wgs84(*once, system="GCJ-02"),
        "WGS84 坐标又纠偏了一次": datums.from_wgs84(lon, lat, system="GCJ-02"),
        "WGS84 坐标被当作百度坐标纠偏": as_baidu,
        "高德坐标被当作百度坐标纠偏": datums.to_wgs84(*as_baidu, system="GCJ-02"),
    }


def _rivals(points: Points, score: Callable[[Points], float]) -> tuple[float, ...]:
    """Score what web-map metres may be besides WGS84: tiles of 高德 and 百度 are shifted."""
    lon, lat = coordinates.to_wgs84(*points, "EPSG:3857")
    return tuple(score(datums.to_wgs84(lon, lat, system=name)) for name in ("GCJ-02", "BD-09"))
