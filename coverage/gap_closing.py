"""The size of what would close a gap: the fewest new sites, with a proven bound, and the best single one.

Driving: candidates are cells of the gap, and the seats and settlements in and around it; who they reach is
found as for every siting (`reach.candidate_reach_drive`). The fewest that reach all residents of the gap are
a set cover (LSCP; Toregas, Swain, ReVelle and Bergman 1971): few are found by trying, more in `siting`.

On foot: the rows are the sub-cells that no site reaches, and the candidates centres of sub-cells. These
models are mostly too large to be solved, so the number of sites is told as an interval. The upper end is a
plan: the best of greedy covering (Chvátal 1979, *Mathematics of Operations Research* 4:233-235) and of some
regular patterns, filled up greedily: a site in the middle of every seven sub-cells, and for long limits the
hexagonal lattice sqrt(3) x limit apart, the thinnest cover of the plane by circles (Kershner 1939, *American
Journal of Mathematics* 61:665-671); all without the sites that turn out superfluous. The lower end is a
solution of the dual of the relaxation (see `fewest_sites`).

Bounds hold for the candidates that are listed, not for any point of the plane. Every gap is counted for
itself: a site near a border may help two.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import h3.api.numpy_int as h3
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from ..geodata.crs import EARTH_RADIUS_M, haversine_m, unit_vectors
from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer, label_points
from ..geodata.layers import Layer
from ..geodata.names import COUNTY
from ..geodata.network import Network
from . import meet, pairs, reach
from .fewest_sites import fewest
from .gaps import Gaps, unserved
from .measures import Cover
from .standards import Standard
from .subcells import CHILD_LEVELS, CHILDREN, centres

AROUND_KM = 10.0
"""Settlements so far outside the rectangle around a gap are candidates (an assumption, 假设)."""

COLUMNS = [
    "rank", "name", "city", "county", "county_code", "residents", "sites_needed_low", "sites_needed",
    "one_reaches", "closes_share_of_one", "best_place", "best_lon", "best_lat", "persons_to_supply",
    "unreached", "candidates", "text",
]  # fmt: skip

_LEAST_CANDIDATES, _MOST_CANDIDATES = 100, 1000
_MOST_VISITS = 20_000_000
"""Nodes of the network x cells of a gap that are candidates: fewer candidates on larger networks."""
_MOST_EXACT = {"drive": 2500, "walk": 300}
"""Candidates up to which the fewest sites are looked for by the solver."""
_SHIFTS, _OVERLAP, _SAMPLE = 3, 0.999, 50
_FINE_RINGS = 4.0
"""Beyond so many sub-cells of reach every seventh sub-cell is a candidate, else each."""
_KM_PER_DEGREE = 111.195


class Sites(NamedTuple):
    """Candidates of one gap."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    county: NDArray[np.int32]
    pattern: NDArray[np.int8]
    """(c,) number of the regular pattern that a candidate is part of, -1: none."""


class Task(NamedTuple):
    """What would close one gap: rows of residents and the candidates that reach them."""

    sites: Sites
    rows: csr_array
    """(rows, candidates) 1 where a candidate reaches the residents."""
    weight: NDArray[np.float64]
    """(rows,) residents out of reach today, > 0."""


def close_gaps(
    demand: Demand,
    network: Network,
    layer: Layer,
    cover: Cover,
    found: Gaps,
    *,
    gaz: Gazetteer,
    top: int = 30,
    gap_time_s: float = 1.0,
    time_limit_s: float = 30.0,
) -> pd.DataFrame:
    """Say for the largest gaps how many new sites would close each, and what the best single one does.

    Parameters
    ----------
    cover, found
        Of ``layer``, as `measures.cover_layer` and `gaps.locate_gaps` return them.
    top
        So many gaps, the largest first.
    gap_time_s, time_limit_s
        Wall time for the solver, per gap and in all; beyond it an interval is told.

    Returns
    -------
    pd.DataFrame
        ``COLUMNS``, in the order of the gaps: sites_needed_low (no fewer of the candidates close the gap),
        sites_needed (so many do; both 0 where no candidate reaches anybody); one_reaches, residents whom the
        best single site brings within the main limit, and their share of the gap; best_place with its
        coordinates (WGS84; NaN where there is none); persons_to_supply, residents x the standard's
        need_share; unreached, residents whom no candidate reaches; text in Chinese.
    """
    standard, table = cover.standard, found.table.head(top)
    missing = unserved(demand, cover)
    deadline = time.monotonic() + time_limit_s
    make = _drive_tasks if standard.mode == "drive" else _walk_tasks
    tasks = make(demand, network, layer, standard, (found.member, missing, len(table)), gaz)
    rows = []
    for (_, gap), task in zip(table.iterrows(), tasks, strict=True):
        left = min(gap_time_s, deadline - time.monotonic())
        rows.append(_answer(gap, task, standard, gaz, left))
    return pd.DataFrame(rows, columns=COLUMNS)


def _answer(
    gap: pd.Series, task: Task, standard: Standard, gaz: Gazetteer, left_s: float
) -> dict[str, object]:  # fmt: skip
    """Measure one gap."""
    reached = np.diff(task.rows.indptr) > 0
    rows = csr_array(task.rows[reached])
    weight = task.weight[reached]
    small = len(task.sites.lon) <= _MOST_EXACT[standard.mode]
    low, enough = fewest(rows, weight, task.sites.pattern, left_s if small else 0.0)
    gain = rows.T @ weight
    there = bool(len(gain)) and float(gain.max()) > 0
    best = int(np.argmax(np.round(gain, 6))) if there else -1
    whole = float(task.weight.sum())
    one = float(gain[best]) if there else 0.0
    at = (task.sites.lon[best], task.sites.lat[best]) if there else (np.nan, np.nan)
    own = task.sites.county[best : best + 1] if there else None
    place = str(label_points(gaz, [at[0]], [at[1]], county=own)[0]) if there else ""
    answer = {name: gap[name] for name in ("rank", "name", "city", "county", "county_code", "residents")}
    answer |= {
        "sites_needed_low": low,
        "sites_needed": enough,
        "one_reaches": int(np.rint(round(one, 6))),
        "closes_share_of_one": one / whole if whole else np.nan,
        "best_place": place,
        "best_lon": float(at[0]),
        "best_lat": float(at[1]),
        "persons_to_supply": int(np.ceil(round(int(gap["residents"]) * standard.need_share, 6))),
        "unreached": int(np.rint(round(float(task.weight[~reached].sum()), 6))),
        "candidates": len(task.sites.lon),
    }
    return answer | {"text": _text(answer)}


def _text(answer: dict[str, object]) -> str:
    """Say in Chinese what would close a gap."""
    low, enough, share = answer["sites_needed_low"], answer["sites_needed"], answer["closes_share_of_one"]
    alone = f"有{answer['unreached']:,}人任何候选点都到不了 (不通路或离路太远)" if answer["unreached"] else ""
    if not enough:
        return alone or "没有可选的候选点"
    if enough == 1:
        whom = "覆盖其余居民" if alone else "全部覆盖"
        return "; ".join(filter(None, [f"新建1处即可{whom}: {answer['best_place']}", alone]))
    size = f"至少要新建{enough:,}处 (已证明)" if low == enough else f"至少{low:,}处, {enough:,}处足够"
    one = f"先在{answer['best_place']}建1处可覆盖其中{_percent(float(str(share)))}"
    return "; ".join(filter(None, [size, one, alone]))


def _percent(share: float) -> str:
    """Write a share that is neither nothing nor all as such."""
    return "不到1%" if share < 0.01 else f"{min(int(share * 100), 99)}%" if share < 1 else "100%"


_Where = tuple[NDArray[np.int32], NDArray[np.float64], int]
"""(n,) gap of each cell, (n,) residents beyond the limit, number of gaps."""


def _drive_tasks(
    demand: Demand, network: Network, _layer: Layer, standard: Standard, where: _Where, gaz: Gazetteer
) -> list[Task]:
    """List what candidates reach by road, all gaps in one go.

    Cells that no candidate reaches become candidates, too: the most populous, then all that are still left.
    So those who are unreached in the end cannot be reached even from a site at their own place.
    """
    member, missing, count = where
    cap = int(np.clip(_MOST_VISITS // max(network.n_nodes, 1), _LEAST_CANDIDATES, _MOST_CANDIDATES))
    own = [np.flatnonzero((member == gap) & (missing > 0)) for gap in range(count)]
    places = [_places_around(demand, gaz, cells, cap) for cells in own]
    cells = [_populous(demand, each, cap) for each in own]
    reached = [csr_array((len(each), 0), dtype=np.int8) for each in own]
    nothing = np.empty(0, np.int64)
    sites = [_sites(demand, gaz, nothing, nothing) for _ in own]
    fresh = [_sites(demand, gaz, some, each) for some, each in zip(cells, places, strict=True)]
    for next_cap in (cap, len(member), 0):
        blocks = _reach_of(demand, network, standard, own, fresh)
        reached = [_beside(old, new) for old, new in zip(reached, blocks, strict=True)]
        sites = [_joined(old, new) for old, new in zip(sites, fresh, strict=True)]
        left = [
            np.setdiff1d(each[np.diff(rows.indptr) == 0], done)
            for each, rows, done in zip(own, reached, cells, strict=True)
        ]
        more = [_populous(demand, each, next_cap) for each in left]
        if not any(len(each) for each in more):
            break
        cells = [np.union1d(old, new) for old, new in zip(cells, more, strict=True)]
        fresh = [_sites(demand, gaz, each, nothing) for each in more]
    return [Task(a, b, missing[c]) for a, b, c in zip(sites, reached, own, strict=True)]


def _joined(old: Sites, new: Sites) -> Sites:
    """List the candidates of both."""
    lon, lat = np.concatenate([old.lon, new.lon]), np.concatenate([old.lat, new.lat])
    county, pattern = np.concatenate([old.county, new.county]), np.concatenate([old.pattern, new.pattern])
    return Sites(lon, lat, county, pattern)


def _beside(left: csr_array, right: csr_array) -> csr_array:
    """Put the columns of two matrices side by side."""
    row = np.concatenate([np.repeat(np.arange(m.shape[0]), np.diff(m.indptr)) for m in (left, right)])
    column = np.concatenate([left.indices, right.indices + left.shape[1]])
    shape = (left.shape[0], left.shape[1] + right.shape[1])
    return csr_array((np.ones(len(row), np.int8), (row, column)), shape=shape)


def _reach_of(
    demand: Demand, network: Network, standard: Standard, own: list[NDArray[np.intp]], fresh: list[Sites]
) -> list[csr_array]:
    """List for the cells of each gap which of its new candidates reach them within the main limit."""
    lon, lat = (np.concatenate([*(each[i] for each in fresh), []]) for i in (0, 1))
    found = reach.candidate_reach_drive(network, demand, lon, lat, standard)
    whole = csr_array(
        (np.ones(len(found.indices), np.int8), found.indices, found.indptr),
        shape=(len(demand.cell), len(lon)),
    )
    ends = np.cumsum([0, *(len(each.lon) for each in fresh)])
    return [csr_array(whole[cells][:, ends[i] : ends[i + 1]]) for i, cells in enumerate(own)]


def _populous(demand: Demand, cells: NDArray[np.intp], cap: int) -> NDArray[np.int64]:
    """Choose of some cells those with the most residents, ascending."""
    order = np.argsort(-demand.residents[cells], kind="stable")[:cap]
    return np.sort(cells[order]).astype(np.int64)


def _places_around(demand: Demand, gaz: Gazetteer, cells: NDArray[np.intp], cap: int) -> NDArray[np.int64]:
    """Choose seats and settlements in and around some cells: rows of the gazetteer."""
    lon, lat = demand.lon[cells], demand.lat[cells]
    if not len(cells):
        return np.empty(0, np.int64)
    high = AROUND_KM / _KM_PER_DEGREE
    wide = high / np.cos(np.radians(lat.mean()))
    inside = (np.asarray(gaz.lon) >= lon.min() - wide) & (np.asarray(gaz.lon) <= lon.max() + wide)
    inside &= (np.asarray(gaz.lat) >= lat.min() - high) & (np.asarray(gaz.lat) <= lat.max() + high)
    return np.flatnonzero(inside & (np.asarray(gaz.level) >= COUNTY))[:cap].astype(np.int64)


def _sites(demand: Demand, gaz: Gazetteer, cells: NDArray[np.int64], places: NDArray[np.int64]) -> Sites:
    lon = np.concatenate([np.asarray(gaz.lon)[places], demand.lon[cells]])
    lat = np.concatenate([np.asarray(gaz.lat)[places], demand.lat[cells]])
    county = np.concatenate([np.asarray(gaz.county)[places], demand.county[cells]]).astype(np.int32)
    return Sites(lon, lat, county, np.full(len(lon), -1, np.int8))


def _walk_tasks(
    demand: Demand, network: Network, layer: Layer, standard: Standard, where: _Where, _gaz: Gazetteer
) -> list[Task]:
    """List the sub-cells that no site reaches, gap by gap, and the candidates that would reach them."""
    member, missing, count = where
    roads = network if meet.on_foot(network, standard) is not None else None
    lon, lat = meet.sites(layer)
    there = pairs.on_foot(demand, lon, lat, standard, limit=standard.main, network=roads)
    served = np.unique(there.child)
    cells = [np.flatnonzero((member == gap) & (missing > 0)) for gap in range(count)]
    return [_walk_task(demand, roads, standard, each, served) for each in cells]


def _walk_task(
    demand: Demand,
    roads: Network | None,
    standard: Standard,
    cells: NDArray[np.intp],
    served: NDArray[np.uint64],
) -> Task:
    level = h3.get_resolution(int(demand.cell[0])) + CHILD_LEVELS
    child = np.concatenate([h3.cell_to_children(int(each), level) for each in demand.cell[cells]])
    cell = np.repeat(cells, CHILDREN)
    lon, lat = centres(child)
    open_ = ~np.isin(child, served) & (demand.residents[cell] > 0)
    weight = demand.residents[cell] / CHILDREN
    middle, county = _middle_of_seven(child, level), demand.county[cell].astype(np.int32)
    if roads is not None:
        sites, rows = _walk_by_ways(roads, standard, (lon, lat, county), middle, open_)
        return Task(sites, rows, weight[open_])
    spacing_m = float(np.sqrt(2 / np.sqrt(3) * float(demand.area_km2[cells].mean()) * 1e6 / CHILDREN))
    coarse = standard.main / standard.detour > _FINE_RINGS * spacing_m
    chosen = np.flatnonzero(middle) if coarse else np.arange(len(child))
    sites = Sites(lon[chosen], lat[chosen], county[chosen], middle[chosen].astype(np.int8) - np.int8(1))
    if coarse:
        sites = _joined(sites, _lattices(lon, lat, standard.main / standard.detour, int(county[0])))
    row, column = _near(lon[open_], lat[open_], sites.lon, sites.lat, standard)
    shape = (int(open_.sum()), len(sites.lon))
    return Task(sites, csr_array((np.ones(len(row), np.int8), (row, column)), shape=shape), weight[open_])


def _walk_by_ways(
    roads: Network,
    standard: Standard,
    places: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
    middle: NDArray[np.bool_],
    open_: NDArray[np.bool_],
) -> tuple[Sites, csr_array]:
    """List what candidates reach along the ways on foot: the middle of every seven sub-cells, as a pattern.

    Sub-cells that none of these reaches become candidates, too. So those who are unreached in the end cannot
    be reached even from a site at their own place.
    """
    ways = meet.on_foot(roads, standard)
    if ways is None:
        raise ValueError("the network is not one for walking")
    lon, lat, county = places
    met, ends = meet.points(ways, lon, lat, standard), np.flatnonzero(open_)
    sites, rows = Sites(lon[:0], lat[:0], county[:0], np.empty(0, np.int8)), csr_array((len(ends), 0))
    for pattern in (0, -1):
        chosen = np.flatnonzero(middle) if pattern == 0 else ends[np.diff(rows.indptr) == 0]
        indptr, row, _ = pairs.by_road(ways, met.take(chosen), met.take(ends), standard.main * 100)
        column = np.repeat(np.arange(len(chosen)), np.diff(indptr))
        metres = haversine_m(lon[ends[row]], lat[ends[row]], lon[chosen[column]], lat[chosen[column]])
        near = np.asarray(metres) <= standard.main  # as in `pairs.on_foot`
        found = np.ones(int(near.sum()), np.int8), (row[near], column[near])
        rows = _beside(rows, csr_array(found, shape=(len(ends), len(chosen))))
        number = np.full(len(chosen), pattern, np.int8)
        sites = _joined(sites, Sites(lon[chosen], lat[chosen], county[chosen], number))
    return sites, rows


def _lattices(lon: NDArray[np.float64], lat: NDArray[np.float64], straight_m: float, county: int) -> Sites:
    """Lay hexagonal lattices over the centres of the sub-cells of a gap, shifted and turned.

    A point of a lattice that is far from every centre goes; one outside the gap moves to the nearest centre.
    """
    scale = _KM_PER_DEGREE * 1000 * np.array([np.cos(np.radians(lat.mean())), 1.0])
    plane = np.column_stack([lon, lat]) * scale
    tree, low, high = cKDTree(plane), plane.min(axis=0), plane.max(axis=0)
    own_m = float(np.median(tree.query(plane[:_SAMPLE], k=2)[0][:, 1]))
    step = np.sqrt(3) * straight_m * _OVERLAP
    count = int(np.ceil((high - low).max() / step)) + 3
    j, i = (part.ravel() for part in np.mgrid[-count : count + 1, -count : count + 1])
    found, number = [], []
    for k in range(2 * _SHIFTS):
        turn, shift = np.radians(30.0 * (k % 2)), (k // 2) / _SHIFTS
        x, y = step * (i + j / 2 + shift), step * np.sqrt(0.75) * (j + shift)
        points = np.column_stack([np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y])
        points += (low + high) / 2
        away, nearest = tree.query(points, distance_upper_bound=straight_m)
        some = np.isfinite(away)
        inside = (away[some] <= own_m)[:, None]
        found.append(np.where(inside, points[some], plane[nearest[some]]) / scale)
        number.append(np.full(int(some.sum()), k + 1, np.int8))
    place = np.concatenate(found)
    own = np.full(len(place), county, np.int32)
    return Sites(place[:, 0], place[:, 1], own, np.concatenate(number))


def _middle_of_seven(child: NDArray[np.uint64], level: int) -> NDArray[np.bool_]:
    """Mark the h3 cells that are the middle one of their parent's seven: their last digit is 0."""
    middle: NDArray[np.bool_] = (child >> np.uint64(3 * (15 - level))) & np.uint64(7) == 0
    return middle


def _near(
    lon: NDArray[np.float64], lat: NDArray[np.float64], x: ArrayLike, y: ArrayLike, standard: Standard
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair points with sites within the main limit, at the costs of `pairs.on_foot` in a straight line."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    if not len(lon) or not len(x):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    chord = (standard.main / standard.detour + 1.0) / EARTH_RADIUS_M
    points, places = cKDTree(unit_vectors(lon, lat)), cKDTree(unit_vectors(x, y))
    near = points.sparse_distance_matrix(places, chord, output_type="ndarray")
    row, column = near["i"].astype(np.int64), near["j"].astype(np.int64)
    cost = np.rint(np.asarray(haversine_m(lon[row], lat[row], x[column], y[column])) * standard.detour * 100)
    within = cost <= standard.main * 100
    return row[within], column[within]
