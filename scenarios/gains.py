"""Who is newly reached and who no longer, cell by cell, in keeping with the tables of whole residents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..coverage.rounding import apportioned
from ..geodata.layers import Kind
from .run import Result


class Change(NamedTuple):
    """What a scenario changes for n cells, or for some units: residents as they are in the scenario.

    With residents r and the share s of them who are served, today (0) and in the scenario (1),

        r1 s1 - r0 s0 = r1 max(s1 - s0, 0) - r1 max(s0 - s1, 0) + (r1 - r0) s0
                      =      gained        -        lost        +    growth.
    """

    gained: NDArray[np.float64]
    """Residents newly served."""
    lost: NDArray[np.float64]
    """Residents no longer served."""
    growth: NDArray[np.float64]
    """Residents more (or fewer) where the sites of today serve already: what growth alone does."""


class Whole(NamedTuple):
    """A `Change` of the province in whole residents: ``served1 - served0 = gained - lost + growth``."""

    gained: int
    lost: int
    growth: int


def by_cell(base: Result, result: Result, kind: Kind, limit: int) -> Change | None:
    """Take the difference of two results apart; None where the baseline does not know the limit."""
    own = base.covers[kind].standard.limits
    if limit not in own:
        return None
    before = base.covers[kind].share[:, own.index(limit)]
    after = result.covers[kind].share[:, result.covers[kind].standard.limits.index(limit)]
    change = result.residents * (after - before)
    growth = (result.residents - base.residents) * before
    return Change(np.maximum(change, 0.0), np.maximum(-change, 0.0), growth)


def whole(change: Change, difference: int) -> Whole:
    """Round a change to whole residents.

    Parameters
    ----------
    difference
        Of the residents served in the tables, which it adds up to: fractions of residents (on foot) are
        rounded once more here, and what rounding leaves goes to the largest part.

    Examples
    --------
    >>> one = np.ones(1)
    >>> whole(Change(2.4 * one, 0.7 * one, 0 * one), 2)
    Whole(gained=3, lost=1, growth=0)
    >>> whole(Change(0 * one, 0 * one, 5.5 * one), 6), whole(Change(0 * one, 3.2 * one, 0 * one), -4)
    (Whole(gained=0, lost=0, growth=6), Whole(gained=0, lost=4, growth=0))
    """
    exact = np.array([change.gained.sum(), -change.lost.sum(), change.growth.sum()])
    parts = np.rint(exact).astype(np.int64)
    parts[np.abs(exact).argmax()] += difference - parts.sum()
    gained, lost, growth = (int(part) for part in parts)
    return Whole(max(0, gained) + max(0, lost), max(0, -lost) + max(0, -gained), growth)


def by_unit(change: Change, total: Whole, member: NDArray[np.integer], n: int) -> pd.DataFrame:
    """Share the whole residents of the province out to the units of the cells: gained, lost, growth.

    By largest remainder (`coverage.rounding`), so that the units add up to the province.

    Parameters
    ----------
    member
        (cells,) position of the unit of each cell, below ``n``.
    """
    exact = [np.bincount(member, weights=each, minlength=n).astype(np.float64) for each in change]
    owner = np.zeros(n, np.int64)
    gained, lost = (
        apportioned(np.array([all_]), each, owner)
        for all_, each in zip((total.gained, total.lost), exact[:2], strict=True)
    )
    # Growth may be negative; what it adds and what it takes away are shared out each by itself.
    sign = np.sign(exact[2])
    more = max(0, total.growth + round(float(-exact[2][sign < 0].sum())))
    up, down = (
        apportioned(np.array([amount]), np.where(sign == own, np.abs(exact[2]), 0.0), owner)
        for own, amount in ((1, more), (-1, more - total.growth))
    )
    return pd.DataFrame({"gained": gained, "lost": lost, "growth": up - down})
