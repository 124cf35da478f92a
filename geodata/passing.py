"""Which places of the gazetteer a way passes, in the order of passing."""

from __future__ import annotations

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
    points = np.asarray(line, float).reshape(-1, 2)
    scale = np.radians(EARTH_RADIUS_M) * np.array([np.cos(np.radians(points[:, 1].mean())), 1.0])
    reach = within_m / scale
    places = np.column_stack([gaz.lon, gaz.lat])
    close = ((places >= points.min(axis=0) - reach) & (places <= points.max(axis=0) + reach)).all(axis=1)
    rows = np.flatnonzero(close & (np.asarray(gaz.level) >= COUNTY))
    away, at = _passing(_thinned(points * scale), places[rows] * scale, within_m)
    order = np.argsort(at, kind="stable")
    return list(dict.fromkeys(gaz.name[rows[order][away[order] <= within_m]].tolist()))


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep of a line (metres) the first point of every ``_BEND_M`` and the last."""
    gone = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    kept = np.diff(gone // _BEND_M, prepend=-1.0) > 0
    kept[-1] = True
    return points[kept]


def _passing(
    line: NDArray[np.float64], places: NDArray[np.float64], within_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure how near a line comes to places on a plane (metres), and after how many of its pieces.

    Only the runs of pieces whose box comes within ``within_m`` of a place are looked at; places without one
    are inf away.
    """
    step = np.diff(line, axis=0) if len(line) > 1 else np.zeros((1, 2))
    start, runs = line[: len(step)], np.arange(0, len(step), _RUN)
    ends = np.stack([start, start + step])
    low, high = np.minimum.reduceat(ends.min(axis=0), runs), np.maximum.reduceat(ends.max(axis=0), runs)
    near = (places[:, None] >= low - within_m) & (places[:, None] <= high + within_m)
    place, run = np.nonzero(near.all(axis=2))
    piece = np.minimum(runs[run, None] + np.arange(_RUN), len(step) - 1)
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
