"""How far demand around a site may fall, or its price rise, before the best plan does without it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import cover
from .front_points import slack_of
from .models import covered_weight
from .plan import Plan
from .reduce import Floats, Mask, cover_matrix
from .requests import mask_of, weights_of
from .rules import Rules
from .staged import Clock

_MOST_STEPS = 30
"""Crossings that are followed; some three are usual."""

_BESIDE = 1e-3
"""Distance from the break-even at which both sides are solved again."""

_MOST_PLACES = 10


@dataclass(frozen=True)
class BreakEven:
    """When the best plan does without a site."""

    site: int
    factor: float
    """The residents within its reach, times this: below, another plan is better; 0 where none ever is."""
    instead: tuple[int, ...]
    """Sites of the plan that is better below, best first; empty where none is."""
    loss: float
    """Residents fewer today where the site must not be opened, all others free to move."""
    places: int
    """The site is still chosen if it takes the place of so many sites, and not if it takes one more: its
    price may be so many times that of the others."""
    verified: bool
    """Solved again beside the break-even: just above a plan with the site is best, just below one without."""
    proven: bool
    """All solutions that this rests on were proven."""
    needed: bool = False
    """No plan without the site keeps the rules; ``loss`` is then all that the plan with it covers."""


def break_even(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    site: int,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    time_limit_s: float = 60.0,
) -> BreakEven:
    """Find by how much demand around a site may fall before the best plan does without it.

    Let all residents within reach of site ``s`` be multiplied by ``x``, others left as they are. With ``W_s``
    residents in its reach, the best plan with ``s`` covers ``keep(x) = K + x W_s`` (``K``: the most beside
    its reach, with ``s`` open), one line, since every plan with ``s`` covers all of its reach. The best plan
    without it covers ``drop(x) = max_T (A_T + x B_T)``, convex, ``B_T <= W_s``. So ``keep - drop`` is concave
    and never falls: there is one break-even ``x*``, found from below by Newton's steps, each an exact maximal
    covering without ``s`` and a crossing of two lines (as in parametric search: Megiddo 1979), and reached
    after finitely many. Below ``x*`` the best plan has not got ``s``, from ``x*`` on one has.

    The price: with one place for all others, ``s`` may take ``k`` places while the best plan with ``s`` and
    ``p - k`` others still covers what the best without it and ``p`` others does.

    Parameters
    ----------
    indptr, indices, weight, n_candidates, p, forced, forbidden, rules
        As for `mclp`.
    site
        A candidate, neither forced nor forbidden.
    time_limit_s
        Wall time of all steps.

    Returns
    -------
    BreakEven
        ``factor`` above 1 where the best plan does without the site today.

    Raises
    ------
    ValueError
        The site is forced or forbidden, or the arrays do not fit together.

    Examples
    --------
    Site 0 reaches 8, site 1 reaches 5 others and 2 of them: alone, 0 stays while 8 x >= 5 + 2 x

    >>> arrays = np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1]), np.array([6, 2, 5]), 2
    >>> found = break_even(*arrays, 0, p=1)
    >>> round(found.factor, 4), found.instead, found.loss, found.verified
    (0.8333, (1,), 1.0, True)
    """
    matrix = cover_matrix(indptr, indices, n_candidates)
    asked = Rules() if rules is None else rules
    opened, closed = mask_of(asked.forced(forced), n_candidates), mask_of(forbidden, n_candidates)
    if not 0 <= site < n_candidates or opened[site] or closed[site]:
        raise ValueError(f"site {site} must be a candidate that is neither forced nor forbidden")
    weights = weights_of(weight, matrix.shape[0])
    if not asked.minimums:  # what forced sites cover changes nothing; sums are exact for longer
        weights = np.where(matrix @ opened.astype(np.float64) > 0, 0.0, weights)
    inside = matrix[:, [site]].toarray().ravel() > 0
    clock = Clock(time_limit_s)
    arrays = (matrix.indptr, matrix.indices, n_candidates)
    return _Question(arrays, weights, inside, site, p, tuple(forced), tuple(forbidden), asked, clock).answer()


@dataclass
class _Question:
    arrays: tuple[NDArray[Any], NDArray[Any], int]
    weight: Floats
    inside: Mask
    """(m,) rows within reach of the site."""
    site: int
    p: int
    forced: tuple[int, ...]
    forbidden: tuple[int, ...]
    rules: Rules
    clock: Clock
    proven: bool = True

    def answer(self) -> BreakEven:
        """Follow the crossings from nothing upwards, then solve both sides again."""
        beside = self._best(np.where(self.inside, 0.0, self.weight), keep=True)
        reach, most = float(self.weight[self.inside].sum()), beside.objective
        factor, instead = 0.0, Plan((), (), 0.0, 0.0, "optimal", 0.0, {})
        if beside.status == "infeasible":
            factor, instead = math.inf, self._best(self.weight, keep=False)
        for _ in range(_MOST_STEPS if math.isfinite(factor) else 0):
            other = self._best(self._times(factor), keep=False)
            if other.status == "infeasible" or other.objective <= most + factor * reach + self._slack(factor):
                break
            outside, within = self._parts(other)
            if within >= reach:  # it is better whatever the demand
                factor, instead = math.inf, other
                break
            factor, instead = (outside - most) / (reach - within), other
        here, without = self._best(self.weight, keep=True), self._best(self.weight, keep=False)
        loss = here.objective - without.objective if without.status != "infeasible" else here.objective
        return BreakEven(
            site=self.site,
            factor=factor,
            instead=instead.sites,
            loss=loss,
            places=self._places(without),
            verified=self._verified(factor, most, reach),
            proven=self.proven,
            needed=without.status == "infeasible",
        )

    def _times(self, factor: float) -> Floats:
        return np.where(self.inside, factor * self.weight, self.weight)

    def _slack(self, factor: float) -> float:
        """Rounding; with fractional weights also what a plan called optimal may lack."""
        weight = self._times(factor)
        return max(slack_of(weight), 1e-9 * float(weight.sum()))

    def _best(self, weight: Floats, *, keep: bool | None, p: int | None = None) -> Plan:
        """Cover the most with the site, without it, or as it comes (None)."""
        room = self.arrays[2] - len(set(self.forbidden)) - (keep is False)  # more are refused
        plan = cover.mclp(
            *self.arrays[:2],
            weight,
            self.arrays[2],
            p=min(room, self.p if p is None else p),
            forced=(*self.forced, self.site) if keep else self.forced,
            forbidden=(*self.forbidden, self.site) if keep is False else self.forbidden,
            rules=self.rules or None,
            time_limit_s=self.clock.left(0.5),
        )
        self.proven &= plan.status != "feasible"
        return plan

    def _parts(self, plan: Plan) -> tuple[float, float]:
        """Give the residents that a plan covers beside and within the site's reach."""
        parts = [np.where(rows, self.weight, 0.0) for rows in (~self.inside, self.inside)]
        outside, within = (covered_weight(*self.arrays[:2], part, plan.sites) for part in parts)
        return outside, within

    def _places(self, without: Plan) -> int:
        """Count the places that the site may take at most."""
        least = -math.inf if without.status == "infeasible" else without.objective - self._slack(1.0)
        worth = 0
        for places in range(1, min(_MOST_PLACES, self.p) + 1):
            plan = self._best(self.weight, keep=True, p=self.p - places + 1)
            if plan.status == "infeasible" or plan.objective < least:
                break
            worth = places
        return worth

    def _verified(self, factor: float, most: float, reach: float) -> bool:
        """Solve beside the break-even with the site free: above one with it is best, below one without."""
        if not math.isfinite(factor):
            return True
        above = self._best(self._times(factor + _BESIDE), keep=None)
        right = most + (factor + _BESIDE) * reach >= above.objective - self._slack(factor + _BESIDE)
        if factor <= _BESIDE:
            return bool(right)
        below = self._best(self._times(factor - _BESIDE), keep=None)
        return bool(right and most + (factor - _BESIDE) * reach < below.objective)
