"""The bound of the p-median from multipliers alone, the proof of a plan, and its independent checker."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import median_kernels as kernels
from .median_rows import Rows, read_costs, total_cost
from .reduce import Floats, Mask, Positions

_ROWS = 4096
"""Rows that the checker looks at at once."""


def bound_of(
    rows: Rows, level: Floats, sites: int, opened: Mask, closed: Mask
) -> tuple[float, Floats, Floats]:
    """Bound all plans with some columns opened and others closed, by arithmetic alone.

    With a level ``v_i`` for every row, at most ``beyond``, no plan costs less than::

        sum_i w_i v_i - sum_{j opened} s_j - (the largest s_j of the others, as many as may still be opened)
        s_j = sum_i w_i max(0, v_i - c_ij)

    whatever the levels: the Lagrangian relaxation of "each row is assigned once" (Cornuéjols, Fisher and
    Nemhauser 1977), with multipliers ``w_i v_i``.

    Returns
    -------
    bound, if_opened, if_closed
        The bound, and the (n,) bounds on the plans in which one more column is opened, or closed.
    """
    level = np.clip(level, 0.0, rows.beyond)
    worth = kernels.worths(rows.indptr, rows.site, rows.cost, rows.weight, level, rows.n_columns)
    return _bound(float(rows.weight @ level), worth, sites, opened, closed)


def _bound(
    total: float, worth: Floats, sites: int, opened: Mask, closed: Mask
) -> tuple[float, Floats, Floats]:
    ranked = np.sort(worth[~(opened | closed)])[::-1]
    left = max(sites - int(opened.sum()), 0)
    bound = float(total - worth[opened].sum() - ranked[:left].sum())
    following = ranked[left] if left < len(ranked) else 0.0
    last = np.inf if left == 0 else ranked[left - 1] if left <= len(ranked) else 0.0
    return bound, bound + np.maximum(last - worth, 0.0), bound + np.maximum(worth - following, 0.0)


@dataclass(frozen=True)
class Step:
    """One step of a proof, for the plans with the sites opened and closed on the way to it."""

    level: NDArray[np.float64]
    """(k,) a level for each row of ``MedianProof.rows``."""
    column: int = -1
    """Candidate that the next two steps close and open; -1 where the search went on without splitting."""
    following: tuple[int, ...] = ()
    """Steps that follow: none, one, or two (closed, opened)."""


@dataclass
class MedianProof:
    """What is needed to prove, without any search, that no plan costs less than ``least``."""

    rows: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    """(k,) rows of demand that stand for all; equal ones are counted at the first."""
    weight: Floats = field(default_factory=lambda: np.empty(0))
    """(k,) weight of each."""
    steps: list[Step] = field(default_factory=list)
    least: float = 0.0


def median_cost(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    sites: Sequence[int],
    *,
    n_candidates: int | None = None,
    penalty: float | None = None,
) -> float:
    """Sum residents times the cost of their nearest site, straight from the raw costs.

    Examples
    --------
    >>> median_cost(np.array([[0, 3], [3, 0], [5, 1]]), [1, 2, 4], [1])
    7.0
    """
    costs = read_costs(cost, n_candidates)
    limit = np.inf if penalty is None else float(penalty)
    return total_cost(costs, np.asarray(weight, np.float64), np.asarray(sites, np.int64), limit)


def certify_median(
    cost: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike],
    weight: ArrayLike,
    proof: MedianProof,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    n_candidates: int | None = None,
    penalty: float | None = None,
) -> float:
    """Recompute from the raw costs and the multipliers alone how little a plan can cost at least.

    Shares no code with the search, its lists, its kernels or the solver. At each step the Lagrangian bound of
    its levels either reaches ``proof.least``, or closes and opens the candidates that the bound leaves no
    choice for, and the following steps are checked.

    Returns
    -------
    least
        ``proof.least`` where every step holds; otherwise the bound of the first step.

    Raises
    ------
    ValueError
        The proof's rows do not stand for the demand.
    """
    pairs = _Pairs(cost, np.asarray(weight, np.float64), proof, n_candidates, penalty)
    opened, closed = np.zeros(pairs.n, bool), np.zeros(pairs.n, bool)
    opened[np.asarray(forced, np.int64)], closed[np.asarray(forbidden, np.int64)] = True, True
    if not proof.steps:
        return pairs.total(opened) if opened.sum() == p or (opened | closed).all() else 0.0
    slack = 1e-9 * max(1.0, abs(proof.least))
    waiting, bound = [(0, opened, closed)], math.inf
    if proof.least <= 0.0:
        return 0.0
    first = pairs.bound(proof.steps[0].level, p, opened, closed)[0]
    while waiting:
        number, opened, closed = waiting.pop()
        step = proof.steps[number]
        reached, if_opened, if_closed = pairs.bound(step.level, p, opened, closed)
        if reached >= proof.least - slack:
            continue
        shut = ~opened & (if_opened >= proof.least - slack)
        held = ~closed & (if_closed >= proof.least - slack)
        opened, closed = opened | held, closed | shut
        if (opened & closed).any() or opened.sum() > p:
            continue
        if opened.sum() == p or (opened | closed).all():
            bound = min(bound, pairs.total(opened))
            if bound < proof.least - slack:
                return first
            continue
        if step.column < 0:
            waiting += [(after, opened, closed) for after in step.following]
        elif len(step.following) == 2:
            split = np.arange(pairs.n) == step.column
            waiting += [(step.following[0], opened & ~split, closed | split)]
            waiting += [(step.following[1], opened | split, closed & ~split)]
        if not step.following:
            return first
    return proof.least


class _Pairs:
    """The raw costs as the checker reads them: a full matrix, a block of rows at a time."""

    def __init__(
        self, cost: Any, weight: Floats, proof: MedianProof, n_candidates: int | None, penalty: float | None
    ) -> None:
        if isinstance(cost, tuple):
            indptr, site, value = (np.asarray(part) for part in cost)
            self.n = int(n_candidates or 0)
            self._block: Callable[[Positions], Floats] = lambda rows: _spread(
                indptr, site, value, rows, self.n
            )
        else:
            matrix = np.asarray(cost)
            self.n = matrix.shape[1]
            self._block = lambda rows: matrix[rows].astype(np.float64)
        self.rows, self.weight = proof.rows, proof.weight
        self.cap = np.inf if penalty is None else float(penalty)
        positive = np.flatnonzero(weight > 0)
        own, asked = self._by_costs(proof.rows, proof.weight), self._by_costs(positive, weight[positive])
        if own.keys() != asked.keys() or any(abs(own[key] - asked[key]) > 1e-9 * asked[key] for key in own):
            raise ValueError("the rows of the proof do not stand for the demand")

    def _by_costs(self, rows: Positions, weight: Floats) -> dict[bytes, float]:
        """Sum the weight of the rows with the same costs."""
        total: dict[bytes, float] = {}
        for part in _parts(len(rows)):
            for own, costs in zip(weight[part].tolist(), self._block(rows[part]), strict=True):
                key = hashlib.blake2b(costs.tobytes(), digest_size=16).digest()
                total[key] = total.get(key, 0.0) + own
        return total

    def bound(self, level: Floats, p: int, opened: Mask, closed: Mask) -> tuple[float, Floats, Floats]:
        level = np.clip(np.asarray(level, np.float64), 0.0, self.cap)
        worth = np.zeros(self.n)
        for part in _parts(len(self.rows)):
            saved = np.maximum(level[part, None] - self._block(self.rows[part]), 0.0)
            worth += self.weight[part] @ saved
        free = np.flatnonzero(~(opened | closed))
        ranked = -np.sort(-worth[free])
        left = p - int(opened.sum())
        value = float(self.weight @ level) - float(worth[opened].sum()) - float(ranked[:left].sum())
        if_opened, if_closed = np.full(self.n, value), np.full(self.n, value)
        if_opened[free] += np.maximum((ranked[left - 1] if 0 < left <= len(free) else 0.0) - worth[free], 0.0)
        if left <= 0:
            if_opened[free] = np.inf
        if_closed[free] += np.maximum(worth[free] - (ranked[left] if 0 <= left < len(free) else 0.0), 0.0)
        if_opened[opened], if_closed[closed] = -np.inf, -np.inf
        return value, if_opened, if_closed

    def total(self, opened: Mask) -> float:
        value = 0.0
        for part in _parts(len(self.rows)):
            nearest = self._block(self.rows[part])[:, opened].min(axis=1, initial=np.inf)
            value += float(self.weight[part] @ np.minimum(nearest, self.cap))
        return value


def _parts(n_rows: int) -> list[Positions]:
    return np.array_split(np.arange(n_rows), n_rows // _ROWS + 1)


def _spread(indptr: Any, site: Any, cost: Any, rows: Positions, n: int) -> Floats:
    block = np.full((len(rows), n), np.inf)
    for i, row in enumerate(rows):
        inside = slice(indptr[row], indptr[row + 1])
        block[i, site[inside]] = cost[inside]
    return block
