"""Plans of a cover program: what one is worth, and good ones at once by greedy, repair and local search."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from .program import cover_of
from .program_completion import Completion
from .program_kernels import Field, improve, round_plan
from .program_reduce import Frame, Reduced
from .reduce import Floats, Mask

_PRICES = 8
"""Rounds of local search with new prices on the constraints on cover and quantities."""


_SHAKES = 20
"""Shakes of a plan between two looks at the clock."""

_LEAST_FRACTION = 0.3
"""Columns that the relaxation opens by less are left out of a plan that is rounded."""


@dataclass(frozen=True)
class Found:
    """A plan that keeps all side constraints."""

    opened: Mask
    y: Floats
    cover: Floats
    objective: float


class Planner:
    """Makes and values plans of one program."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        program = frame.program
        n = program.n_sites
        self.completion = Completion(frame)
        side = program.side
        row = np.repeat(np.arange(side.shape[0]), np.diff(side.indptr))
        other = np.bincount(row, side.indices >= n, minlength=side.shape[0])
        self.pure = np.flatnonzero(other == 0)
        """Side constraints on sites alone."""
        self.mixed = np.flatnonzero(other > 0)
        self.side_x = csr_array(side[:, :n])
        self.price = np.zeros(side.shape[0])
        """(q,) multipliers of the side constraints by which the local search prices those on cover."""

    def value(self, opened: Mask, deadline: float) -> Found | None:
        """Complete a plan's sites by the best quantities; None where a side constraint does not hold."""
        program = self.frame.program
        left = program.limit - self.side_x @ opened.astype(np.float64)
        if (left[self.pure] < -self.frame.tolerance[self.pure]).any():
            return None
        cover = cover_of(program, opened)
        y = np.zeros(program.n_quantities)
        if self.completion.needed:
            found = self.completion.best(left, cover, deadline)
            if found is None:
                return None
            y, cover = found
        excess = program.side @ np.r_[opened.astype(np.float64), y, cover] - program.limit
        if (excess > self.frame.tolerance).any():
            return None
        objective = float(program.x_value @ opened + program.y_value @ y + program.t_value @ cover)
        return Found(opened, y, cover, objective)

    def field(self, reduced: Reduced, price: Floats) -> Field:
        """Give a reduced program to the local search, with prices on the constraints not on sites alone."""
        program = self.frame.program
        n, m = program.n_sites, program.n_quantities
        mixed = np.zeros_like(price)
        mixed[self.mixed] = price[self.mixed]
        priced = program.side.T @ mixed
        worth = np.maximum(program.t_value - priced[n + m :], 0.0)
        steps = worth[reduced.group, None] * reduced.steps
        side = csr_array(reduced.side_x[:, self.pure])
        limit = reduced.limit[self.pure] + self.frame.tolerance[self.pure]
        share = np.maximum(side.data, 0.0) / np.maximum(
            np.maximum(limit, 1e-9)[side.indices], np.abs(side.data)
        )
        column = np.repeat(np.arange(reduced.n_columns), np.diff(side.indptr))
        use = np.bincount(column, share, minlength=reduced.n_columns)
        return Field(
            reduced.rows.indptr.astype(np.int32),
            reduced.rows.indices.astype(np.int32),
            reduced.columns.indptr.astype(np.int32),
            reduced.columns.indices.astype(np.int32),
            np.ascontiguousarray(np.hstack([steps, np.zeros((len(steps), 1))])),
            (program.x_value - priced[:n])[reduced.position],
            side.indptr.astype(np.int32),
            side.indices.astype(np.int32),
            side.data.astype(np.float64),
            limit,
            np.maximum(use, 1e-9),
        )

    def search(self, reduced: Reduced, start: Mask, kicks: int, deadline: float) -> Found | None:
        """Improve a plan's columns; constraints on cover and quantities are priced.

        Prices grow where such constraints do not hold, and move towards the multipliers of the plan found
        where they do.
        """
        price, best, columns = self.price.copy(), None, start
        for _ in range(_PRICES if len(self.mixed) else 1):
            field = self.field(reduced, price)
            tiny = 1e-9 * float(field.steps.sum() + np.abs(field.value).sum())
            after, fits = _improved(field, columns, kicks, tiny, deadline)
            if not fits:
                return best
            opened = self.sites(reduced, after)
            found = self.value(opened, deadline)
            if found is not None and (best is None or found.objective > best.objective):
                best = found
            if found is None and not self._raise(price, opened):
                return best
            if found is not None:
                if not self.completion.needed or (after == columns).all():
                    return best
                price = (price + self.completion.price) / 2.0
            if time.monotonic() >= deadline:
                return best
            columns, kicks = after, 0
        return best

    def rounded(self, reduced: Reduced, fraction: Floats) -> Mask:
        """Open the columns that the relaxation opens most, while the side constraints hold (n,)."""
        mask: Mask = round_plan(self.field(reduced, self.price), fraction, _LEAST_FRACTION)
        return mask

    def _raise(self, price: Floats, opened: Mask) -> bool:
        """Raise the prices of the constraints that do not hold with all cover counted; false: all do."""
        program = self.frame.program
        y = np.zeros(program.n_quantities)
        excess = program.side @ np.r_[opened.astype(np.float64), y, cover_of(program, opened)] - program.limit
        broken = self.mixed[excess[self.mixed] > self.frame.tolerance[self.mixed]]
        first = max(self.frame.size, 1.0) / np.maximum(np.abs(program.limit[broken]), 1.0) / 16.0
        price[broken] = np.maximum(price[broken] * 4.0, first)
        return bool(len(broken))

    def sites(self, reduced: Reduced, columns: Mask) -> Mask:
        """Turn columns of a reduced program into sites."""
        opened = reduced.opened.copy()
        opened[reduced.position[columns]] = True
        return opened


def _improved(field: Field, start: Mask, kicks: int, tiny: float, deadline: float) -> tuple[Mask, bool]:
    """Improve a plan by the kernel, some shakes at a time so that time limit and Ctrl-C are kept."""
    random = np.array([88172645463325252], np.uint64)
    opened, fits = improve(field, start, 0, tiny, random)
    for _ in range(0, kicks, _SHAKES):
        if not fits or time.monotonic() >= deadline:
            break
        opened, fits = improve(field, opened, _SHAKES, tiny, random)
    return opened, bool(fits)
