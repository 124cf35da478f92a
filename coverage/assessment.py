"""Assessment: everything that is asked of one layer under one standard, each product computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.gazetteer import Gazetteer
from ..geodata.layers import Layer
from ..geodata.network import Network
from .assignment import Assignment, assign
from .matrix import UNREACHED, Matrix, Ranked, build_matrix, rank_sites
from .measures import Cover
from .opening import Opening, open_at, opening_of
from .people import Group
from .standards import Reference, Rule, Standard
from .states import States, classify
from .subcells import CHILDREN
from .supply import Supply, need_of, supply_of
from .zones import Zones, zones_of

if TYPE_CHECKING:
    from ..geodata.boundaries import Units
    from ..geodata.townships import Townships

_RANKS = 3
"""Nearest sites that are looked at: the first, and those that are left when one or two fail."""


@dataclass(frozen=True)
class Place:
    """What an assessment is made of besides the layer: the same for all layers."""

    demand: Demand
    gazetteer: Gazetteer
    townships: Townships | None = None
    """The office's own; None: approximate ones, by the nearest settlement."""
    units: Units | None = None
    """Boundaries, where service areas are to end at them."""
    rules: tuple[Rule, ...] | None = None
    """Administrative requirements; None: those of the project."""
    references: tuple[Reference, ...] = ()
    """Figures to compare with."""


@dataclass(frozen=True)
class Question:
    """What is asked beyond the standard."""

    by: str = "市"
    """Level of the zones: 省, 市, 县, 乡镇 or 网格."""
    group: Group = "all"
    at: tuple[int, int] | None = None
    """Moment of the week: (day from 0 for Monday, minute after midnight); None: hours do not count."""
    capacity: bool = False
    """Whether states count those as unserved for whom the sites in reach have no room."""
    need_share: float | None = None
    """Share of the residents to be supplied at once; None: that of the standard."""
    top: int = 10
    """Rows of ranked tables."""
    optimal: bool = False
    """Whether the assignment to the nearest is held against the best one for all."""
    area: Any = None
    """Flooded polygons (shapely, WGS84), where a flood is asked for."""


@dataclass(frozen=True)
class Assessment:
    """One layer under one standard on one network; products are computed when they are first asked for."""

    place: Place
    network: Network
    """Roads for driving; for a standard of walking the ways for walking, or any network (straight lines)."""
    layer: Layer
    standard: Standard
    question: Question = Question()

    @property
    def demand(self) -> Demand:
        """The residents."""
        return self.place.demand

    @property
    def drive(self) -> bool:
        """Whether the standard is one of driving."""
        return self.standard.mode == "drive"

    def zones_at(self, level: str) -> Zones:
        """Return the zones of a level."""
        return zones_of(self.demand, level, gazetteer=self.place.gazetteer, townships=self.place.townships)

    @cached_property
    def zones(self) -> Zones:
        """The zones that are asked for."""
        return self.zones_at(self.question.by)

    @cached_property
    def matrix(self) -> Matrix:
        """All pairs within the main limit (drive) or the largest limit (walk)."""
        limit = self.standard.main if self.drive else self.standard.limits[-1]
        return build_matrix(self.demand, self.network, self.layer, self.standard, limit=limit)

    @cached_property
    def ranked(self) -> Ranked:
        """The nearest sites at any distance: three, or as many as the standard's backup asks for."""
        k = max(_RANKS, self.standard.backup + 1)
        return rank_sites(self.demand, self.network, self.layer, self.standard, k=k)

    @cached_property
    def catchment(self) -> Matrix:
        """The pairs within the main limit."""
        return self.matrix.up_to(self.standard.main)

    @cached_property
    def cover(self) -> Cover:
        """The cover by the nearest site."""
        return cover_of(self.ranked, None if self.drive else self.matrix)

    @cached_property
    def opening(self) -> Opening:
        """When the sites are open."""
        return opening_of(self.layer, self.standard)

    @cached_property
    def supply(self) -> Supply:
        """How many persons each site can serve."""
        return supply_of(self.layer, self.standard)

    @cached_property
    def need(self) -> NDArray[np.int64]:
        """(n,) residents to be supplied at once."""
        question = self.question
        return need_of(self.demand, self.standard, share=question.need_share, group=question.group)

    @cached_property
    def rows_need(self) -> NDArray[np.int64] | NDArray[np.float64]:
        """(rows of the matrix,) the need by rows: whole for drive, parts of cells for walk."""
        return self.need if self.drive else self.matrix.weight(self.need)

    @cached_property
    def assignment(self) -> Assignment:
        """Who is served from where, within the main limit."""
        return assign(self.matrix, self.rows_need, self.supply.persons, limit=self.standard.main)

    @cached_property
    def states(self) -> States:
        """The state of every resident at the moment, and with the capacity, that is asked for."""
        share = room_of(self.assignment_now) if self.counts_capacity else None
        return classify(self.matrix, self.ranked, open_now=self.open_now, served_share=share)

    @property
    def counts_capacity(self) -> bool:
        """Whether states count capacity: where that is asked, and it is persons who can be helped."""
        return self.question.capacity and self.layer.kind not in ("aed", "training")

    @cached_property
    def open_now(self) -> NDArray[np.bool_] | None:
        """(s,) which sites are open at the moment that is asked for; None: none is."""
        at = self.question.at
        return None if at is None else open_at(self.layer, self.standard, day=at[0], minute=at[1])

    @cached_property
    def assignment_now(self) -> Assignment:
        """Who is served from where at the moment that is asked for: closed sites serve nobody."""
        if self.open_now is None:
            return self.assignment
        persons = np.where(self.open_now, self.supply.persons, 0)
        return assign(self.matrix, self.rows_need, persons, limit=self.standard.main)


def room_of(assignment: Assignment) -> NDArray[np.float64]:
    """Find for which share of each row a site has room: (rows,).

    That is the share of its need that is served. Where rounding leaves no need (few residents), all of the
    row or nothing, as a site within the limit has capacity left for one more or not.
    """
    matrix, share = assignment.matrix, assignment.served_share()
    spare = (assignment.left[matrix.site] > 0) & matrix.within(assignment.limit)
    room = np.bincount(matrix.rows()[spare], minlength=matrix.n_rows) > 0
    return np.where(np.isnan(share), room, np.clip(np.nan_to_num(share), 0.0, 1.0))


def cover_of(ranked: Ranked, matrix: Matrix | None = None) -> Cover:
    """Make the cover of the nearest site, as `measures.cover_layer` does by a search of its own.

    On foot the shares are those of the sub-cells, so the matrix is needed, up to the largest limit.
    """
    first, limits = ranked.cost[:, 0], ranked.standard.limits
    there = first < UNREACHED
    cost = np.where(there, (first / 100).astype(np.float32), np.float32(np.inf))
    if matrix is None:
        within = first[:, None] <= np.array(limits, np.int64) * 100
        share = (within & there[:, None]).astype(np.float64)
        return Cover(ranked.standard, share, ranked.site[:, 0].copy(), cost)
    nearest = matrix.cost[matrix.indptr[:-1]]  # a row begins with its nearest
    reached = [np.bincount(matrix.cell[nearest <= limit * 100], minlength=len(first)) for limit in limits]
    return Cover(ranked.standard, np.column_stack(reached) / CHILDREN, ranked.site[:, 0].copy(), cost)


@dataclass(frozen=True)
class Table:
    """One answer: a table, its title, the columns to show where there is little room, and notes."""

    name: str
    """Short and unique within an assessment, in Chinese: the sheet of a workbook."""
    title: str
    frame: pd.DataFrame
    shown: tuple[str, ...]
    notes: tuple[str, ...] = ()
