"""Board: the sites of a layer and all candidates, and whom they reach: what a siting model decides on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage import meet, subcells
from ..coverage.matrix import Matrix
from ..coverage.matrix_kernels import turn
from ..coverage.siting.reduce import cover_matrix, merge_rows
from ..coverage.standards import Standard
from ..geodata.layers import Kind, Layer
from .cache import Cache
from .candidates import AED_NOTE, PROPOSED, Sites
from .changes import append_sites, unit_columns
from .covers import pairs_of
from .packing import Arrays
from .world import World


@dataclass(frozen=True)
class Board:
    """The sites of a layer and all candidates, and whom they reach: what a model decides on."""

    standard: Standard
    limit: int
    layer: Layer
    """Existing sites, then the candidates."""
    n_existing: int
    places: Sites
    """The candidates."""
    matrix: Matrix
    county: NDArray[np.int64]
    """(sites + candidates,) position of the county; -1 where unknown."""
    weight: NDArray[np.float64]
    """(rows of the matrix,) residents."""
    residents: float
    """All residents, also those in no row."""
    note: str = ""
    """What a reader must know about the candidates, in Chinese."""

    @property
    def n_all(self) -> int:
        """Number of existing sites and candidates."""
        return self.n_existing + len(self.places)

    @property
    def existing(self) -> range:
        """Positions of the existing sites."""
        return range(self.n_existing)

    @cached_property
    def reached(self) -> NDArray[np.bool_]:
        """(rows,) whom existing sites reach."""
        hits = np.r_[0, np.cumsum(self.matrix.site < self.n_existing)]
        found: NDArray[np.bool_] = hits[self.matrix.indptr[1:]] > hits[self.matrix.indptr[:-1]]
        return found

    @property
    def served(self) -> float:
        """Residents whom existing sites reach."""
        return float(self.weight[self.reached].sum())

    @cached_property
    def beyond(self) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], int]:
        """Arrays of whom candidates alone would reach: candidates are counted from 0, rows that an existing
        site or no candidate reaches are left out, and rows with the same candidates are one."""
        matrix = self.matrix
        new = matrix.site >= self.n_existing
        count = np.diff(np.r_[0, np.cumsum(new)][matrix.indptr])
        rows = ~self.reached & (count > 0) & (self.weight > 0)
        kept = new & rows[matrix.rows()]
        indptr = np.concatenate([[0], np.cumsum(count[rows])]).astype(np.int64)
        indices = (matrix.site[kept] - self.n_existing).astype(np.int32)
        n = len(self.places)
        merged, weight, _ = merge_rows(cover_matrix(indptr, indices, n), self.weight[rows])
        return merged.indptr.astype(np.int64), merged.indices.astype(np.int32), weight, n


def make_board(
    world: World,
    kind: Kind,
    places: Sites,
    *,
    limit: int,
    cache: Cache,
    note: str = "",
    shared: bool = True,
) -> Board:
    """List candidates beside the existing sites of a layer, and whom each reaches within a limit.

    The ways of the candidates are asked for apart from those of the sites, so that scenarios with other sites
    share them; where ``shared``, also those of the settlements that hold a site in this scenario only.
    """
    layer, standard = world.layers[kind], world.standards[kind]
    joined = append_sites(layer, candidate_rows(world, kind, places))
    old = pairs_of(world, standard, *meet.sites(layer), limit=limit, cache=cache)
    every, rows = (places, None) if places.part_of is None or not shared else places.part_of
    new = pairs_of(world, standard, every.lon, every.lat, limit=limit, cache=cache)
    parts = [old, new if rows is None else _rows_of(new, rows)]
    matrix = _matrix(world, standard, limit, parts)
    codes = joined.table["county_code"].to_numpy(str)
    order = np.asarray(world.gazetteer.county_code).astype(str)
    position = {code: i for i, code in enumerate(order.tolist())}
    return Board(
        standard=standard,
        limit=limit,
        layer=joined,
        n_existing=len(layer.table),
        places=places,
        matrix=matrix,
        county=np.array([position.get(code, -1) for code in codes.tolist()], np.int64),
        weight=matrix.weight(world.demand.residents),
        residents=float(world.demand.residents.sum()),
        note=note,
    )


def _rows_of(part: Arrays, rows: NDArray[np.intp]) -> Arrays:
    """Take the pairs of some places."""
    start, count = part["indptr"][:-1][rows], np.diff(part["indptr"])[rows]
    indptr = np.r_[0, np.cumsum(count)].astype(np.int64)
    entry = np.arange(indptr[-1]) + np.repeat(start - indptr[:-1], count)
    return {"indptr": indptr, "to": part["to"][entry], "cost": part["cost"][entry]}


def _matrix(world: World, standard: Standard, limit: int, parts: Sequence[Arrays]) -> Matrix:
    """Join the pairs of existing sites and of candidates into rows by residents."""
    ends = np.cumsum([0, *(len(part["to"]) for part in parts)])
    indptr = np.concatenate(
        [[0], *(part["indptr"][1:] + end for part, end in zip(parts, ends, strict=False))]
    )
    to, cost = (np.concatenate([part[name] for part in parts]) for name in ("to", "cost"))
    cost, n_sites = cost.astype(np.int32), len(indptr) - 1
    if standard.mode == "drive":
        count = len(world.demand.cell)
        rows = turn((indptr, to.astype(np.int32), cost), count)
        return Matrix(standard, limit, n_sites, *rows, np.arange(count, dtype=np.int32), np.ones(count))
    child, row = np.unique(to, return_inverse=True)
    cell = subcells.cell_of(world.demand, child)
    inside = cell >= 0
    keep = inside[row]
    first = np.r_[0, np.cumsum(keep)][indptr]
    by_site = first, (np.cumsum(inside) - 1)[row[keep]].astype(np.int32), cost[keep]
    rows = turn(by_site, int(inside.sum()))
    part = np.full(len(rows[0]) - 1, 1 / subcells.CHILDREN)
    return Matrix(standard, limit, n_sites, *rows, cell[inside], part)


def candidate_rows(world: World, kind: Kind, places: Sites) -> pd.DataFrame:
    """Make rows of a layer of candidates, whose names must not read like places or sites that are there."""
    units = pd.DataFrame(
        [unit_columns(world, county) for county in places.county.tolist()],
        columns=["county_code", "county", "city"],
    )
    mark = f" {AED_NOTE}" if kind == "aed" and places.host is None else PROPOSED
    return units.assign(
        id=[f"{kind}-candidate-{i}" for i in range(len(places))],
        name=[f"{name}{mark}" for name in places.name.tolist()],
        lon=places.lon,
        lat=places.lat,
        host="" if places.host is None else places.host,
    )


def open_on(board: Board, opened: Sequence[int], layer: Layer) -> Board:
    """Let candidates of a board be existing sites.

    Parameters
    ----------
    opened
        Positions on the board, in the order in which ``layer`` lists them behind the sites that were there.
    """
    rest = np.setdiff1d(np.arange(board.n_existing, board.n_all), opened)
    order = np.r_[np.arange(board.n_existing), np.asarray(opened, np.int64), rest]
    place = np.empty(board.n_all, np.int32)
    place[order] = np.arange(board.n_all, dtype=np.int32)
    candidates = board.layer.table.iloc[rest].reset_index(drop=True)
    return replace(
        board,
        layer=append_sites(layer, candidates),
        n_existing=len(layer.table),
        places=board.places.take(rest - board.n_existing),
        matrix=replace(board.matrix, site=place[board.matrix.site]),
        county=board.county[order],
    )
