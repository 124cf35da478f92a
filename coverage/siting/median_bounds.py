"""The bound of the p-median from multipliers alone, the proof of a plan, and its independent checker."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import median_kernels as kernels
from .certificate import Checked
from .median_rows import Rows, read_costs, total_cost
from .plan import Plan
from .proofs import Levels, MedianProof, Step
from .reduce import Floats, Mask, Positions
from .requests import mask_of
from .rules import Rules, broken
from .site_limits import SiteLimits, limits_of

_ROWS = 4096
"""Rows that the checker looks at at once."""


def bound_of(  # noqa: PLR0917 (the hot call of the search)
    rows: Rows,
    level: Levels,
    sites: int,
    opened: Mask,
    closed: Mask,
    limits: SiteLimits | None = None,
    price: Floats | None = None,
) -> tuple[float, Floats, Floats]:
    """Bound all plans with some columns opened and others closed, by arithmetic alone.

    With a level ``v_i`` for every row, at most ``beyond``, and a price ``u_q >= 0`` for every rule
    ``sum_j a_qj x_j <= b_q``, no plan costs less than::

        sum_i w_i v_i - sum_q u_q b_q - sum_{j opened} s_j
        - (the largest positive s_j of the others, as many as may still be opened)
        s_j = sum_i w_i max(0, v_i - c_ij) - sum_q u_q a_qj

    whatever the levels and prices: the Lagrangian relaxation of "each row is assigned once" (Cornuéjols,
    Fisher and Nemhauser 1977), with multipliers ``w_i v_i``, and of the rules.

    Returns
    -------
    bound, if_opened, if_closed
        The bound, and the (n,) bounds on the plans in which one more column is opened, or closed.
    """
    at: Floats = np.clip(level.astype(np.float64), 0.0, rows.beyond)
    worth = kernels.worths(rows.indptr, rows.site, rows.cost, rows.weight, at, rows.n_columns)
    total = float(rows.weight @ at)
    if limits is not None and price is not None and len(limits):
        worth -= limits.toll(price)
        total -= float(price @ limits.limit)
    return _bound(total, worth, sites, opened, closed)


def _bound(
    total: float, worth: Floats, sites: int, opened: Mask, closed: Mask
) -> tuple[float, Floats, Floats]:
    ranked = np.maximum(np.sort(worth[~(opened | closed)])[::-1], 0.0)
    left = max(sites - int(opened.sum()), 0)
    bound = float(total - worth[opened].sum() - ranked[:left].sum())
    following = ranked[left] if left < len(ranked) else 0.0
    last = np.inf if left == 0 else ranked[left - 1] if left <= len(ranked) else 0.0
    return bound, bound + np.maximum(last - worth, 0.0), bound + np.maximum(worth - following, 0.0)


def rounded(level: Levels) -> NDArray[np.float32]:
    """Round levels down to single precision (k,)."""
    short = level.astype(np.float32)
    return np.where(short > level, np.nextafter(short, np.float32(0)), short)


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
    plan: Plan,
    *,
    p: int,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    n_candidates: int | None = None,
    penalty: float | None = None,
    rules: Rules | None = None,
) -> Checked:
    """Check a plan of `p_median`: whether it is allowed, its cost, and how little any plan can cost.

    The bound comes from the raw costs and the multipliers of ``plan.certificate`` alone; nothing is shared
    with the search, its lists, its kernels or the solver. At each step the Lagrangian bound of its levels
    either reaches ``certificate.least``, or closes and opens the candidates that the bound and the rules
    leave no choice for, and the following steps are checked.

    Returns
    -------
    Checked
        Where a step does not hold, ``bound`` is that of the first step.

    Examples
    --------
    >>> from boai.coverage.siting.median import p_median
    >>> cost, rules = np.array([[0, 3, 9], [3, 0, 6], [9, 6, 0]]), Rules(exclusive=((1, 2),))
    >>> plan = p_median(cost, [1, 2, 4], p=2, rules=rules)
    >>> certify_median(cost, [1, 2, 4], plan, p=2, rules=rules)
    Checked(objective=6.0, bound=6.0, problems=())
    """
    weights = np.asarray(weight, np.float64)
    rules = Rules() if rules is None else rules
    objective = median_cost(cost, weights, plan.sites, n_candidates=n_candidates, penalty=penalty)
    proof = plan.certificate
    problems = list(broken(rules, plan.sites))
    if not abs(objective - plan.objective) <= 1e-9 * objective:
        problems.append(f"the plan costs {objective:g}")
    if not isinstance(proof, MedianProof):
        return Checked(objective, 0.0, (*problems, "there is no proof"))
    pairs = _Pairs(cost, proof, n_candidates, penalty)
    opened, closed = mask_of(rules.forced(forced), pairs.n), mask_of(forbidden, pairs.n)
    pairs.sites, pairs.limits = p, limits_of(rules, pairs.n)
    mask = mask_of(plan.sites, pairs.n)
    if (opened & ~mask).any() or (closed & mask).any() or not pairs.allows(mask):
        problems.append("the plan is not allowed")
    if not pairs.stands_for(weights):
        return Checked(objective, 0.0, (*problems, "the rows of the proof do not stand for the demand"))
    least, found = _follow(pairs, proof, opened, closed)
    return Checked(objective, _whole_bound(pairs, weights, least, objective), (*problems, *found))


def _follow(pairs: _Pairs, proof: MedianProof, opened: Mask, closed: Mask) -> tuple[float, list[str]]:
    """Follow the steps: what they prove, and what is wrong with them."""
    if not proof.steps:
        decided = opened.sum() == pairs.sites or (opened | closed).all()
        return (pairs.total(opened) if decided else 0.0), []
    shapes = {(step.level.shape, step.price.shape) for step in proof.steps}
    if shapes != {(pairs.weight.shape, pairs.limits.limit.shape)}:
        return 0.0, ["the steps are not those of this request"]
    least, slack = proof.least, 1e-9 * max(1.0, abs(proof.least))
    first = pairs.bound(proof.steps[0], opened, closed)[0]
    waiting = [(0, opened, closed)] if least > 0.0 else []
    seen: set[int] = set()
    while waiting:
        number, opened, closed = waiting.pop()
        if number in seen or not 0 <= number < len(proof.steps):
            return first, [f"step {number} does not exist or is reached twice"]
        seen.add(number)
        step = proof.steps[number]
        reached, if_opened, if_closed = pairs.bound(step, opened, closed)
        if reached >= least - slack:
            continue
        opened, closed = (
            opened | (~closed & (if_closed >= least - slack)),
            closed | (~opened & (if_opened >= least - slack)),
        )
        _, must, never = pairs.limits.forced_by(opened, closed)
        opened, closed = opened | must, closed | never
        if pairs.limits.forced_by(opened, closed)[0] or (opened & closed).any() or opened.sum() > pairs.sites:
            continue
        if opened.sum() == pairs.sites or (opened | closed).all():
            if pairs.allows(opened) and pairs.total(opened) < least - slack:
                return first, [f"step {number} leaves a cheaper plan"]
            continue
        split = np.arange(pairs.n) == step.column
        if step.column < 0 and len(step.following) == 1:
            waiting += [(step.following[0], opened, closed)]
        elif len(step.following) == 2 and split.any():
            waiting += [(step.following[0], opened & ~split, closed | split)]
            waiting += [(step.following[1], opened | split, closed & ~split)]
        else:
            return first, [f"step {number} proves {reached:g} only"]
    return least, []


def _whole_bound(pairs: _Pairs, weight: Floats, least: float, objective: float) -> float:
    """Take the bound up to the next whole number where all weights and costs are whole."""
    whole = bool((weight == np.floor(weight)).all()) and objective * 1e-11 < 0.25 and pairs.whole
    if not whole or not np.isfinite(least):
        return least
    return float(math.ceil(least - max(1e-6, 1e-11 * objective) / 2.0))


class _Pairs:
    """The raw costs as the checker reads them: a full matrix, a block of rows at a time."""

    def __init__(
        self, cost: Any, proof: MedianProof, n_candidates: int | None, penalty: float | None
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
        self.sites, self.limits = 0, limits_of(None, self.n)
        self.whole = self.cap == np.inf or self.cap == np.floor(self.cap)

    def allows(self, opened: Mask) -> bool:
        """Tell whether so many sites may be open, and these together."""
        return int(opened.sum()) <= self.sites and self.limits.allows(opened)

    def stands_for(self, weight: Floats) -> bool:
        """Tell whether the proof's rows stand for all rows with weight."""
        rows = self.rows
        if len(rows) != len(self.weight) or ((rows < 0) | (rows >= len(weight))).any():
            return False
        positive = np.flatnonzero(weight > 0)
        own, asked = self._by_costs(rows, self.weight), self._by_costs(positive, weight[positive])
        return own.keys() == asked.keys() and all(
            abs(own[key] - asked[key]) <= 1e-9 * asked[key] for key in own
        )

    def _by_costs(self, rows: Positions, weight: Floats) -> dict[bytes, float]:
        """Sum the weight of the rows with the same costs."""
        total: dict[bytes, float] = {}
        for part in _parts(len(rows)):
            block = self._block(rows[part])
            self.whole = self.whole and bool((block == np.floor(block)).all())
            for own, costs in zip(weight[part].tolist(), block, strict=True):
                key = hashlib.blake2b(costs.tobytes(), digest_size=16).digest()
                total[key] = total.get(key, 0.0) + own
        return total

    def bound(self, step: Step, opened: Mask, closed: Mask) -> tuple[float, Floats, Floats]:
        level = np.clip(np.asarray(step.level, np.float64), 0.0, self.cap)
        price = np.maximum(np.asarray(step.price, np.float64), 0.0)
        worth = np.zeros(self.n)
        for part in _parts(len(self.rows)):
            saved = np.maximum(level[part, None] - self._block(self.rows[part]), 0.0)
            worth += self.weight[part] @ saved
        value = float(self.weight @ level)
        if len(self.limits):
            worth -= self.limits.side.T @ price
            value -= float(price @ self.limits.limit)
        free = np.flatnonzero(~(opened | closed))
        ranked = np.maximum(-np.sort(-worth[free]), 0.0)
        left = self.sites - int(opened.sum())
        value -= float(worth[opened].sum()) + float(ranked[: max(left, 0)].sum())
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
