"""Reductions of a cover program: the same optimum on fewer classes and sites, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array, hstack

from .program import CoverProgram
from .program_limits import is_whole, tolerance_of
from .program_proof import ROUNDING, Layer
from .reduce import Floats, Mask, Positions, merge_rows


@dataclass(frozen=True)
class Frame:
    """A cover program and what never changes while it is solved."""

    program: CoverProgram
    tolerance: Floats
    """(q,) by how much a plan may miss each side constraint."""
    whole: bool
    """Every plan is worth a whole number."""
    live: Mask
    """(G,) groups whose cover can be of use."""
    size: float
    """Sum of the sizes of all that a plan can be worth."""


@dataclass(frozen=True)
class Reduced:
    """A cover program with some sites fixed: k classes and n columns (sites that may still be opened).

    Quantities, groups and side constraints are those of the program.
    """

    frame: Frame
    rows: csr_array
    """(k, n) canonical; no row is empty."""
    columns: csr_array
    """(n, k) its transpose."""
    steps: Floats
    """(k, L) what further sites of a class add to those open for good; its first step is > 0."""
    group: Positions
    """(k,)."""
    position: Positions
    """(n,) the site that each column stands for, ascending."""
    opened: Mask
    closed: Mask
    """(sites,) fixed for good."""
    base: Floats
    """(G,) cover of the sites open for good."""
    limit: Floats
    """(q,) what the sites open for good leave of each limit."""
    side_x: csr_array
    """(n, q) coefficients of the columns in the side constraints."""
    layer: Layer

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.position)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.group)


def frame_of(program: CoverProgram) -> Frame:
    """Look at a program once."""
    start = program.n_sites + program.n_quantities
    side_t = csr_array(program.side[:, start:])
    live = program.t_value > 0
    live[side_t.indices[side_t.data < 0]] = True
    total = np.bincount(program.group, program.steps.sum(axis=1), minlength=program.n_groups)
    size = float(np.abs(program.x_value).sum() + np.abs(program.t_value) @ total)
    size += float(np.abs(program.y_value) @ program.y_upper)
    return Frame(program, tolerance_of(program), is_whole(program), live, size)


def useless_sites(frame: Frame) -> Mask:
    """Find the sites that serve no class of worth, earn nothing and help no side constraint (n,)."""
    program = frame.program
    side = program.side
    helps = np.zeros(program.n_sites, bool)
    helps[side.indices[(side.data < 0) & (side.indices < program.n_sites)]] = True
    worth = frame.live[program.group] & (program.steps[:, 0] > 0)
    served = program.rows[worth].sum(axis=0) if worth.any() else np.zeros(program.n_sites)
    mask: Mask = (np.asarray(served) == 0) & (program.x_value <= 0) & ~helps
    return mask


def restrict(frame: Frame, opened: Mask, closed: Mask) -> Reduced:
    """Fix some sites and merge the classes of a group that the same other sites serve.

    The steps of merged classes are added: the concave sum of concave functions of one count.
    """
    program = frame.program
    length = program.steps.shape[1]
    position = np.flatnonzero(~(opened | closed)).astype(np.int64)
    rows = csr_array(program.rows[:, position])
    rows.sort_indices()
    before = (program.rows @ opened.astype(np.float64)).astype(np.int64)
    most = before + np.diff(rows.indptr)
    count = np.arange(length)
    allowed = np.where(count < most[:, None], program.steps, 0.0)
    place = np.minimum(before[:, None] + count, length)
    left = np.take_along_axis(np.hstack([allowed, np.zeros((len(allowed), 1))]), place, axis=1)
    keep = np.flatnonzero(frame.live[program.group] & (left[:, 0] > 0.0))
    kept, group = rows[keep], program.group[keep]
    one_hot = csr_array(
        (np.ones(len(keep)), group, np.arange(len(keep) + 1)), shape=(len(keep), program.n_groups)
    )
    marked = csr_array(hstack([kept, one_hot], format="csr"))
    merged, _, member = merge_rows(marked, np.ones(len(keep)))
    k = merged.shape[0]
    sums = [np.bincount(member, left[keep, s], minlength=k) for s in range(length)]
    steps = np.column_stack(sums).astype(np.float64)
    merged_group = np.zeros(k, np.int64)
    merged_group[member] = group
    matrix = csr_array(merged[:, : len(position)])
    matrix.sort_indices()
    of_class = np.full(len(before), -1, np.int64)
    of_class[keep] = member
    height = np.where(count < np.minimum(before, length)[:, None], program.steps, 0.0).sum(axis=1)
    side = csr_array(program.side[:, : program.n_sites])
    return Reduced(
        frame=frame,
        rows=matrix,
        columns=csr_array(matrix.T.tocsr()),
        steps=steps[:, : max(1, int((steps > 0).any(axis=0).sum()))] if k else np.empty((0, 1)),
        group=merged_group,
        position=position,
        opened=opened,
        closed=closed,
        base=np.bincount(program.group, height, minlength=program.n_groups).astype(np.float64),
        limit=program.limit - side @ opened.astype(np.float64),
        side_x=csr_array(side[:, position].T.tocsr()),
        layer=Layer(of_class, np.minimum(before, length), np.minimum(most, length)),
    )


@dataclass(frozen=True)
class Multipliers:
    """Multipliers of the side constraints, and places of the classes on their steps."""

    side: Floats
    """(q,) >= 0."""
    place: Floats
    """(k,)."""
    valued: bool = True
    """With the program's values; else with values 0, to prove that there is no plan."""


@dataclass(frozen=True)
class Bound:
    """What multipliers prove."""

    value: float
    if_opened: Floats
    if_closed: Floats
    """(n,) bounds on the plans in which one more column is open, or closed."""


def bound_of(reduced: Reduced, by: Multipliers, opened: Mask, closed: Mask) -> Bound:
    """Bound the plans with some columns open and others closed; see `program_proof`."""
    program, valued = reduced.frame.program, 1.0 if by.valued else 0.0
    n, m = program.n_sites, program.n_quantities
    priced = program.side.T @ by.side
    worth = np.maximum(valued * program.t_value - priced[n + m :], 0.0)
    slope = worth[reduced.group] * slopes(reduced, by.place)
    length = reduced.steps.shape[1]
    possible = reduced.rows @ (~closed).astype(np.float64)
    best = np.zeros(reduced.n_classes)
    height = np.zeros(reduced.n_classes)
    for s in range(length):
        height += reduced.steps[:, s]
        value = worth[reduced.group] * height - (s + 1) * slope
        best = np.where(possible > s, np.maximum(best, value), best)
    whole = valued * program.x_value - priced[:n]
    inner = whole[reduced.position] + reduced.columns @ slope
    used = np.where(opened, inner, np.where(closed, 0.0, np.maximum(inner, 0.0)))
    y = np.maximum(valued * program.y_value - priced[n : n + m], 0.0) * program.y_upper
    fixed = valued * program.x_value[reduced.opened]
    terms = by.side @ reduced.limit + worth @ reduced.base + fixed.sum() + best.sum() + used.sum() + y.sum()
    sizes = abs(program.side).T @ by.side
    site = valued * np.abs(program.x_value) + sizes[:n]
    site[reduced.position] += reduced.columns @ slope
    size = by.side @ (np.abs(program.limit) + np.abs(reduced.limit)) + site.sum()
    size += (valued * np.abs(program.y_value) + sizes[n : n + m]) @ program.y_upper
    size += worth[reduced.group] @ reduced.steps.sum(axis=1) + 2.0 * worth @ reduced.base
    size += (1 + program.steps.shape[1]) * slope.sum()  # also at the sites open for good
    value = float(terms + 2.0 * ROUNDING * size)
    return Bound(value, value + np.minimum(inner, 0.0), value - np.maximum(inner, 0.0))


def slopes(reduced: Reduced, place: Floats) -> Floats:
    """Give the multipliers at some places on the steps, per unit of cover (k,)."""
    length = reduced.steps.shape[1]
    curve = np.hstack([reduced.steps, np.zeros((reduced.n_classes, 2))])
    spot = np.clip(place, 0.0, length)
    whole = np.floor(spot).astype(np.int64)
    row, part = np.arange(reduced.n_classes), spot - whole
    result: Floats = curve[row, whole] * (1.0 - part) + curve[row, whole + 1] * part
    return result


def places(reduced: Reduced, slope: Floats) -> Floats:
    """Find the places on the steps where the multipliers are ``slope`` (k,): the inverse of `slopes`."""
    length = reduced.steps.shape[1]
    curve = np.hstack([reduced.steps, np.zeros((reduced.n_classes, 1))])
    place = np.zeros(reduced.n_classes)
    for s in range(length):
        high, low = curve[:, s], curve[:, s + 1]
        part = (high - slope) / np.where(high > low, high - low, 1.0)
        part = np.where(high > low, np.clip(part, 0.0, 1.0), np.where(slope < high, 1.0, 0.0))
        place += part
    return place
