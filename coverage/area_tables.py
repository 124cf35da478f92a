"""The table of the service areas: what each polygon is, and the residents in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..geodata.crs import ALBERS, from_wgs84
from ..geodata.demand import Demand
from ..geodata.layers import Layer
from ..geodata.network import Network
from . import measures
from .area_shapes import Polygons
from .matrix import build_matrix
from .standards import Standard

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """What is to be drawn."""

    standard: Standard
    limits: tuple[int, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    overlap: bool
    together: bool
    clip: Any
    progress: Progress | None

    def tell(self, done: int) -> None:
        if self.progress is not None:
            self.progress(done, len(self.lon))

    def clipped(self, polygons: Polygons) -> Polygons:
        """Cut shapes off at the border of the province."""
        return (
            polygons if self.clip is None else np.asarray(shapely.intersection(polygons, self.clip), object)
        )


def tolerance_text(standard: Standard, tolerance_m: float, tolerance: float) -> str:
    if not tolerance_m:
        return "圆内没有超过上限的地方; 边线按128边形画, 面积约少0.04%"
    cost = f"{tolerance / 60:.1f}分钟" if standard.mode == "drive" else f"{tolerance:,.0f}米步行距离"
    return f"范围内没有超过上限的地方; 边线一般偏里不到{tolerance_m:,.0f}米 (约{cost})"


def describe(job: Job, layer: Layer) -> pd.DataFrame:
    """List what the shapes are, without figures."""
    n, k = len(job.lon), len(job.limits)
    site = np.full(k, -1) if job.together else np.repeat(np.arange(n), k)
    table = pd.DataFrame({"site": site})
    for name in ("id", "name", "city", "county"):
        own = layer.table[name].astype(str).to_numpy(object)
        table[name] = ("全部站点" if name == "name" else "") if job.together else own[site]
    table.insert(3, "kind", layer.kind)
    limit = np.tile(np.array(job.limits), 1 if job.together else n)
    below = np.tile(np.array([0, *job.limits[:-1]]), 1 if job.together else n)
    table["limit"], table["band_from"] = limit, np.zeros_like(below) if job.overlap else below
    text = job.standard.limit_text
    table["limit_text"] = [f"{text(each)}以内" for each in limit.tolist()]
    table["band_text"] = [
        f"{text(low)}–{text(high)}" if low else f"{text(high)}以内"
        for low, high in zip(table["band_from"].tolist(), limit.tolist(), strict=True)
    ]
    table["sites"] = n if job.together else 1
    return table


def with_residents(
    table: pd.DataFrame, job: Job, shapes: Polygons, given: tuple[Network, Layer, Demand | None]
) -> pd.DataFrame:
    """Count the residents by travel cost, as the tables of cover do, and by the centres of their cells."""
    network, layer, demand = given
    if demand is None:
        missing = pd.array([None] * len(table), dtype="Int64")
        return table.assign(residents=missing, residents_centre=missing)
    x, y = from_wgs84(demand.lon, demand.lat, to=ALBERS)
    centres: Any = shapely.points(x, y)
    row, cell = shapely.STRtree(centres).query(shapes, predicate="intersects")
    centre = np.bincount(row, weights=demand.residents[cell], minlength=len(table))
    by_cost = (_residents_each if job.overlap else _residents_shared)(job, network, layer, demand)
    counts = {"residents": by_cost.ravel(), "residents_centre": centre}
    return table.assign(**{name: pd.array(np.rint(own), dtype="Int64") for name, own in counts.items()})


def _residents_shared(job: Job, network: Network, layer: Layer, demand: Demand) -> NDArray[np.float64]:
    """Count residents by their nearest site and band: (sites or 1, limits)."""
    rows = 1 if job.together else len(job.lon)
    within = np.zeros((rows, len(job.limits)))
    cover = measures.cover_layer(demand, network, layer, _standard_with(job))
    there = cover.nearest >= 0
    site = np.zeros(int(there.sum()), np.int64) if job.together else cover.nearest[there]
    people = demand.residents[there, None] * cover.share[there]
    for column in range(len(job.limits) if rows else 0):
        within[:, column] = np.bincount(site, weights=people[:, column], minlength=rows)
    return np.diff(np.column_stack([np.zeros(rows), within]), axis=1)


def _residents_each(job: Job, network: Network, layer: Layer, demand: Demand) -> NDArray[np.float64]:
    """Count the residents whom each site reaches within each limit: (sites, limits)."""
    out = np.zeros((len(job.lon), len(job.limits)))
    found = build_matrix(demand, network, layer, _standard_with(job))
    people = found.weight(demand.residents)[found.rows()]
    for column, limit in enumerate(job.limits if len(out) else ()):
        near = found.within(limit)
        out[:, column] = np.bincount(found.site[near], weights=people[near], minlength=len(out))
    return out


def _standard_with(job: Job) -> Standard:
    """Take the limits of the job for the standard's."""
    return replace(job.standard, limits=job.limits, main=job.limits[-1], compliance=())
