"""Which places of the gazetteer a way passes, in the order of passing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .crs import EARTH_RADIUS_M
from .gazetteer import Gazetteer
from .names import COUNTY

PASSING_M = 1500.0
"""A way passes a place where it comes within this distance of it (an assumption, 假设)."""
_BEND_M = 300.0
_RUN = 16
"""Pieces of a way whose box is compared with places at once."""


def places_along(gaz: Gazetteer, line: ArrayLike, *, within_m: float = PASSING_M) -> list[str]:
    """Name the county seats and settlements that a way passes, in the order of passing.

    Parameters
    ----------
    line
        (points, 2) WGS84 longitude and latitude, at least one point; bends within 300 m are cut short.
    within_m
        Straight metres from the line within which a place is passed.
    """
    return places_along_each(gaz, [line], within_m=within_m)[0]


def places_along_each(
    gaz: Gazetteer, lines: Sequence[ArrayLike], *, within_m: float = PASSING_M
) -> list[list[str]]:
    """Do as `places_along` for each of some ways: the three of an answer at once take half the time."""
    known = np.flatnonzero(np.asarray(gaz.level) >= COUNTY)
    lon, lat = np.asarray(gaz.lon)[known], np.asarray(gaz.lat)[known]
    near = [_near((lon, lat), line, within_m) for line in lines]
    if not near:
        return []
    rows = [known[own] for own, _, _ in near]
    away, at = _passing([line for _, line, _ in near], [own for _, _, own in near], within_m)
    ends = np.cumsum([len(own) for own in rows])[:-1]
    parts = zip(rows, np.split(away, ends), np.split(at, ends), strict=True)
    return [_in_order(gaz, own, gap <= within_m, after) for own, gap, after in parts]


def _near(
    places: tuple[NDArray[np.float64], NDArray[np.float64]], line: ArrayLike, within_m: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Find the places in the box of a way: which, the way and they themselves on a plane (metres)."""
    points = np.asarray(line, float).reshape(-1, 2)
    scale = np.radians(EARTH_RADIUS_M) * np.array([np.cos(np.radians(points[:, 1].mean())), 1.0])
    reach = within_m / scale
    (west, south), (east, north) = points.min(axis=0) - reach, points.max(axis=0) + reach
    lon, lat = places
    rows = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    return rows, _thinned(points * scale), np.column_stack([lon[rows], lat[rows]]) * scale


def _in_order(
    gaz: Gazetteer, rows: NDArray[np.intp], passed: NDArray[np.bool_], after: NDArray[np.float64]
) -> list[str]:
    order = np.argsort(after, kind="stable")
    return list(dict.fromkeys(gaz.name[rows[order][passed[order]]].tolist()))


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep of a line (metres) the first point of every ``_BEND_M`` and the last."""
    gone = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    kept = np.diff(gone // _BEND_M, prepend=-1.0) > 0
    kept[-1] = True
    return points[kept]


def _passing(
    lines: Sequence[NDArray[np.float64]], of: Sequence[NDArray[np.float64]], within_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure how near each line comes to its places on a plane (metres), and after how many pieces of all.

    Only the runs of pieces whose box comes within ``within_m`` of a place are looked at; places without one
    are inf away.
    """
    steps = [np.diff(line, axis=0) if len(line) > 1 else np.zeros((1, 2)) for line in lines]
    step, places = np.concatenate(steps), np.concatenate(of)
    start = np.concatenate([line[: len(own)] for line, own in zip(lines, steps, strict=True)])
    count = [len(own) for own in steps]
    last = np.cumsum(count)
    runs = np.concatenate([np.arange(end - n, end, _RUN) for n, end in zip(count, last, strict=True)])
    ends = np.stack([start, start + step])
    low, high = np.minimum.reduceat(ends.min(axis=0), runs), np.maximum.reduceat(ends.max(axis=0), runs)
    near = (places[:, None] >= low - within_m) & (places[:, None] <= high + within_m)
    line_of_run = np.searchsorted(last, runs, side="right")
    own_line = np.repeat(np.arange(len(of)), [len(one) for one in of])
    place, run = np.nonzero(near.all(axis=2) & (own_line[:, None] == line_of_run))
    piece = np.minimum(runs[run, None] + np.arange(_RUN), (last - 1)[line_of_run[run], None])
    square = np.maximum((step * step).sum(axis=1), 1e-12)  # a piece without length: its start counts
    own = places[place, None]
    share = np.clip(((own - start[piece]) * step[piece]).sum(axis=2) / square[piece], 0.0, 1.0)
    gap = start[piece] + share[..., None] * step[piece] - own
    gone = np.hypot(gap[..., 0], gap[..., 1])
    best = np.arange(len(place)), gone.argmin(axis=1)
    away, at = np.full(len(places), np.inf), np.zeros(len(places))
    order = np.lexsort((run, gone[best]))[::-1]  # the nearest run is written last, of equal ones the first
    away[place[order]], at[place[order]] = gone[best][order], (piece + share)[best][order]
    return away, at
