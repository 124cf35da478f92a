"""The instances of the siting benchmark: planar ones with fixed seeds, and a published recipe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from boai.geodata.compiled import compiled
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

Arrays = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], int]
"""Compressed rows (indptr, candidates), weights, number of candidates."""

WIDTH, HEIGHT = 280.0, 600.0
"""Kilometres of the rectangle that stands for Jiangxi."""


class Plane(NamedTuple):
    """Demand and candidates in the plane."""

    demand: NDArray[np.float64]
    candidates: NDArray[np.float64]
    weight: NDArray[np.float64]


def cover(demand: NDArray[np.float64], candidate: NDArray[np.float64], reach: NDArray[np.float64]):
    """Rows of candidates within their own reach of each demand point."""
    near = cKDTree(demand).sparse_distance_matrix(
        cKDTree(candidate), float(reach.max()), output_type="coo_matrix"
    )
    keep = near.data <= reach[near.col]
    rows = csr_array(
        (np.ones(keep.sum()), (near.row[keep], near.col[keep])), shape=(len(demand), len(candidate))
    )
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int32)


def planar(m: int, n: int, *, clustered: bool = False, seed: int = 4) -> Plane:
    """Demand 1-100 in a square of side 30, uniform or around 40 centres."""
    random = np.random.default_rng(seed)

    def points(count: int) -> NDArray[np.float64]:
        if not clustered:
            return random.uniform(0, 30, (count, 2))
        centre = np.random.default_rng(5).uniform(0, 30, (40, 2))
        return centre[random.integers(0, 40, count)] + random.normal(0, 0.8, (count, 2))

    demand, candidate = points(m), points(n)
    return Plane(demand, candidate, random.integers(1, 101, m).astype(np.float64))


def within(plane: Plane, radius: float) -> Arrays:
    """Compressed rows of a plane for one radius."""
    n = len(plane.candidates)
    return *cover(plane.demand, plane.candidates, np.full(n, radius)), plane.weight, n


def unit_costs(m: int, n: int, *, clustered: bool) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Straight distances in the unit square, in hundredths, as float32, and 1 to 100 residents per row."""
    random = np.random.default_rng(1)
    demand, candidate = random.random((m, 2)), random.random((n, 2))
    if clustered:
        centre = random.random((40, 2))
        demand = centre[random.integers(0, 40, m)] + random.normal(0, 0.03, (m, 2))
        candidate = centre[random.integers(0, 40, n)] + random.normal(0, 0.04, (n, 2))
    cost = np.empty((m, n), np.float32)
    for part in np.array_split(np.arange(m), m // 10_000 + 1):
        cost[part] = 100 * np.sqrt(((demand[part, None] - candidate) ** 2).sum(-1))
    return cost, random.integers(1, 101, m).astype(float)


@compiled
def _glibc_rand(seed: int, count: int) -> NDArray[np.int32]:
    """Give the first numbers of C's ``rand()`` in glibc (additive feedback, r[i] = r[i-3] + r[i-31])."""
    state = np.zeros(31, np.uint32)
    word = np.int64(seed)
    state[0] = seed
    for i in range(1, 31):
        word = (16807 * word) % 2147483647
        state[i] = word
    out = np.empty(count, np.int32)
    front, back = 3, 0
    for k in range(310 + count):
        state[front] += state[back]
        if k >= 310:
            out[k - 310] = state[front] >> np.uint32(1)
        front, back = (front + 1) % 31, (back + 1) % 31
    return out


def cordeau(n: int, m: int, *, seed: int = 1) -> Plane:
    """Make an instance by the recipe of Cordeau, Furini and Ljubić (2019): their generator is a C program.

    Candidates, then demand points, uniform in a square of side 30, coordinates rounded to six decimals;
    then a cost of each candidate, which is not used here; then weights 1-100.
    """
    drawn = _glibc_rand(seed, 3 * (n + m))
    places = np.round(drawn[: 2 * (n + m)] / 2147483647.0 * 30.0, 6).reshape(-1, 2)
    weight = drawn[3 * n + 2 * m :] % 100 + 1
    return Plane(places[n:], places[:n], weight)


def _grid(n: int) -> NDArray[np.float64]:
    step = np.sqrt(WIDTH * HEIGHT / n)
    x, y = np.meshgrid(np.arange(0, WIDTH, step), np.arange(0, HEIGHT, step))
    return np.column_stack([x.ravel(), y.ravel()])


def _places(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Half of the places anywhere, half around eleven cities."""
    cities = random.uniform((0, 0), (WIDTH, HEIGHT), (11, 2))
    around = cities[random.integers(0, 11, n - n // 2)] + random.normal(0, 30, (n - n // 2, 2))
    return np.clip(np.concatenate([random.uniform((0, 0), (WIDTH, HEIGHT), (n // 2, 2)), around]), 0, HEIGHT)


def _residents(
    random: np.random.Generator, points: NDArray, places: NDArray, total: float
) -> NDArray[np.float64]:
    away = cKDTree(places).query(points)[0]
    weight = (random.pareto(1.2, len(points)) * 300 + 5) * np.exp(-away / 4) + 1
    return np.round(weight * total / weight.sum())


def stores(reach_km: float, *, served: bool) -> Arrays:
    """32 000 cells, 1 300 settlements, a reach that differs by place as roads do; cities served or not."""
    random = np.random.default_rng(1)
    cells, places = _grid(32_000), _places(random, 1300)
    weight = _residents(random, cells, places, 45_188_635)
    indptr, indices = cover(cells, places, reach_km * random.uniform(0.8, 1.2, len(places)))
    if served:
        cities = random.uniform((0, 0), (WIDTH, HEIGHT), (11, 2))
        weight = np.where(cKDTree(cities).query(cells)[0] < reach_km, 0.0, weight)
    return indptr, indices, weight, len(places)


def homes() -> Arrays:
    """2 000 dense cells of 343 sub-cells of 0.015 km2, a candidate in each, 1 km of reach."""
    random = np.random.default_rng(2)
    chosen = random.choice(len(_grid(32_000)), 2000, replace=False)
    centre = _grid(32_000)[chosen] / 8  # towns: the cells lie close together
    points = (centre[:, None] + random.uniform(-1.15, 1.15, (2000, 150, 2))).reshape(-1, 2)
    weight = np.repeat(random.pareto(1.5, 2000) * 5000 + 500, 150) / 343
    return *cover(points, centre, np.full(2000, 1.0)), weight, 2000


def aed() -> Arrays:
    """3 000 parts of cells, few of which share a sub-cell within 208 m."""
    random = np.random.default_rng(3)
    centre = random.uniform(0, 60, (3000, 2))
    points = (centre[:, None] + random.uniform(-0.25, 0.25, (3000, 20, 2))).reshape(-1, 2)
    weight = np.repeat(random.pareto(1.5, 3000) * 5000 + 500, 20) / 343
    return *cover(points, centre, np.full(3000, 0.208)), weight, 3000
