"""What side constraints alone say of a cover program: when they hold, and which sites they decide."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from .program import CoverProgram
from .reduce import Floats, Mask

_EXACT, _MEASURED = 1e-9, 1e-8
"""Constraints on sites hold to this share of their limit; those on quantities also of their largest term."""

MOST_WHOLE = 2.0**33
"""Whole worths in all up to this: beyond, the rounding of a bound comes near to 1."""

_ROUNDS = 30
"""Rounds of `propagate` at most; the search makes fewer."""


def is_whole(program: CoverProgram) -> bool:
    """Tell whether every plan is worth a whole number: values and steps are, and cover is never wasted."""
    used = program.t_value != 0
    height = program.steps.sum(axis=1) * used[program.group]
    side_t = csr_array(program.side[:, program.n_sites + program.n_quantities :])
    wasted = np.zeros(program.n_groups, bool)
    wasted[side_t.indices[side_t.data > 0]] = True
    sums = (program.x_value, program.t_value, program.steps[used[program.group]])
    return bool(
        not program.y_value.any()
        and (program.t_value >= 0).all()
        and not (wasted & used).any()
        and all((values == np.floor(values)).all() for values in sums)
        and float(np.abs(program.x_value).sum() + height @ program.t_value[program.group]) < MOST_WHOLE
    )


def tolerance_of(program: CoverProgram) -> Floats:
    """Tell by how much a plan may miss each side constraint (q,).

    Where quantities or wasted cover enter, a linear program chooses them, to a share of the largest term.
    """
    start = program.n_sites + program.n_quantities
    side = program.side
    row = np.repeat(np.arange(side.shape[0]), np.diff(side.indptr))
    most = np.bincount(program.group, program.steps.sum(axis=1), minlength=program.n_groups)
    wasted = np.zeros(program.n_groups, bool)
    wasted[side.indices[(side.data > 0) & (side.indices >= start)] - start] = True
    chosen = np.r_[np.zeros(program.n_sites), program.y_upper, np.where(wasted, most, 0.0)]
    largest = np.zeros(side.shape[0])
    np.maximum.at(largest, row, np.abs(side.data) * chosen[side.indices])
    exact = _EXACT * np.maximum(1.0, np.abs(program.limit))
    result: Floats = np.maximum(exact, _MEASURED * largest)
    return result


def propagate(
    program: CoverProgram, tolerance: Floats, opened: Mask, closed: Mask, *, rounds: int = _ROUNDS
) -> tuple[Mask, Mask] | None:
    """Fix the sites that single side constraints decide: (opened, closed), or None where one cannot hold.

    With every other term at its smallest, a site whose opening (closing) breaks a constraint stays closed
    (open) (Savelsbergh 1994).

    Examples
    --------
    >>> from boai.coverage.siting.program import ProgramBuilder
    >>> builder = ProgramBuilder(3)
    >>> builder.require("预算 10", 10, x=([0, 1, 2], [11.0, 6.0, 5.0]))
    >>> builder.require("必选", -1, x=([1], -1.0))
    >>> program, free = builder.build(), np.zeros(3, bool)
    >>> opened, closed = propagate(program, tolerance_of(program), free, free)
    >>> opened.tolist(), closed.tolist()
    ([False, True, False], [True, False, True])
    """
    n, side = program.n_sites, program.side
    most = np.bincount(program.group, program.steps.sum(axis=1), minlength=program.n_groups)
    lower = np.minimum(side.data, 0.0) * np.r_[np.zeros(n), program.y_upper, most][side.indices]
    row = np.repeat(np.arange(side.shape[0]), np.diff(side.indptr))
    rest = program.limit + tolerance - np.bincount(row, lower, minlength=len(program.limit))
    of_site = side.indices < n
    row, column, value = row[of_site], side.indices[of_site], side.data[of_site]
    opened, closed = opened.copy(), closed.copy()
    for _ in range(rounds):
        if (opened & closed).any():
            return None
        free = ~(opened | closed)
        least = np.where(opened[column], value, np.where(free[column], np.minimum(value, 0.0), 0.0))
        left = rest - np.bincount(row, least, minlength=len(rest))
        if (left < 0.0).any():
            return None
        breaks = free[column] & (np.abs(value) > left[row])
        if not breaks.any():
            return opened, closed
        closed[column[breaks & (value > 0)]] = True
        opened[column[breaks & (value < 0)]] = True
    return None if (opened & closed).any() else (opened, closed)
