"""Several best plans of maximal covering, with cheap bounds and exchanges so that few parts are solved."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .alternatives import Alternatives, Found, Part, Search, Sites, Space, check_request
from .bounds import knapsack
from .certificate import Certificate
from .marginals import exchange_values, pairs_of
from .marginals_kernels import order_by_gain
from .models import covered_weight, mclp
from .plan import Plan
from .reduce import LOST, SERVED, Floats, Mask, cover_matrix, merge_rows
from .requests import mask_of, weights_of

_MULTIPLIERS = 4
"""Sets of multipliers that bound a part: the last of these many, besides those of all plans."""


def best_plans(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    p: int | None = None,
    cost: NDArray[np.floating[Any] | np.integer[Any]] | None = None,
    budget: float | None = None,
    count: int = 10,
    within: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    time_limit_s: float = 60.0,
) -> Alternatives:
    """List the ``count`` best plans of maximal covering, or those within a share of the best.

    A plan is a set of sites in which each, unless forced, has residents whom no other covers, and to which no
    allowed candidate that number or budget still admit would add a resident. So a site that adds nothing
    makes no plan of its own; two candidates that cover the same residents make two, and so does one whose
    residents another covers, too: nothing is left out by dominance.

    All plans are parted at the best of each part (`k_best`; Murty 1968, Lawler 1972). A part is solved
    (`mclp`) only where its bound reaches the list. With the multipliers ``0 <= u_r <= w_r`` of parts solved
    before, no plan with ``F`` open and ``X`` closed covers more than::

        sum_r (w_r - u_r) + sum over F of v_j + the most v_j of the others that the rest admits
        v_j = sum_r a_rj u_r

    (Galvão and ReVelle 1996), and a part is empty where the sites of ``F`` cover all residents of one of
    them together. All exchanges of one site in a plan found are valued in one pass and taken into the list.

    Parameters
    ----------
    indptr, indices, weight, n_candidates, p, cost, budget, forced, forbidden
        As in `mclp`.
    count
        Plans to list at most.
    within
        List only plans that cover at least ``1 - within`` of what the best covers.
    time_limit_s
        Wall time after which those found so far are listed; so does Ctrl-C. Half of it at most is spent on
        the best plan.

    Returns
    -------
    Alternatives
        With fractional weights, values that differ by less than a millionth count as equal in the ranks.

    Raises
    ------
    ValueError
        The arrays do not fit together, ``count`` is below 1 or ``within`` below 0.

    Examples
    --------
    >>> rows = [[0, 1], [0], [1, 2], [2], [1]]
    >>> arrays = np.cumsum([0, *map(len, rows)]), np.concatenate(rows), np.array([5, 3, 4, 2, 1]), 3
    >>> found = best_plans(*arrays, p=1)
    >>> [plan.sites for plan in found.plans], [plan.objective for plan in found.plans], found.proven
    ([(1,), (0,), (2,)], [10.0, 8.0, 6.0], 3)
    >>> best_plans(*arrays, p=2, within=0.1).share.tolist()
    [1.0, 0.5, 0.5]
    """
    started = time.monotonic()
    check_request(count, within)
    matrix, weights = cover_matrix(indptr, indices, n_candidates), weights_of(weight, len(indptr) - 1)
    opened, closed = mask_of(forced, n_candidates), mask_of(forbidden, n_candidates)
    space = _Cover((matrix, weights), (p, cost, budget), (opened, closed), count)
    search = Search(space, tuple(np.flatnonzero(closed).tolist()), count, within)
    search.run(started + time_limit_s)
    return search.result(n_candidates, started)


class _Cover(Space):
    """Maximal covering, on rows merged once."""

    def __init__(
        self,
        demand: tuple[csr_array, Floats],
        limit: tuple[int | None, Any, float | None],
        masks: tuple[Mask, Mask],
        count: int,
    ) -> None:
        super().__init__(tuple(np.flatnonzero(masks[0]).tolist()), 1.0)
        self.whole_matrix, self.whole_weight = demand
        used = (demand[1] > 0) & (np.diff(demand[0].indptr) > 0)
        self.matrix, self.weight, member = merge_rows(demand[0][used], demand[1][used])
        self.row = np.where(demand[1] > 0, -2, -1)
        """(m,) class of each row; -1 without residents, -2 without candidates."""
        self.row[used] = member
        self.best: tuple[Sites, Certificate] | None = None
        self.columns = csr_array(self.matrix.T.tocsr())
        self.p, self.price, self.budget = limit
        self.opened, self.closed, self.count = *masks, count
        n = self.matrix.shape[1]
        self.cost = np.ones(n) if self.price is None else np.asarray(self.price, np.float64)
        self.money = float((self.p if self.p is not None else self.budget) or 0.0)
        total = float(self.weight.sum())
        self.slack = max(1e-6, 1e-11 * total)
        self.whole = bool((self.weight == np.floor(self.weight)).all()) and self.slack < 0.5
        self.first: list[tuple[float, Floats]] = []
        self.last: list[tuple[float, Floats]] = []

    def solve(self, part: Part, seconds: float) -> Found | None:
        """Solve a part by `mclp`; parts with fewer candidates than sites open all of them."""
        first = part.bound == math.inf
        p = self.p if self.p is None or first else min(self.p, self.matrix.shape[1] - len(part.forbidden))
        plan = mclp(
            self.matrix.indptr,
            self.matrix.indices,
            self.weight,
            self.matrix.shape[1],
            p=p,
            cost=self.price,
            budget=self.budget,
            forced=part.forced,
            forbidden=part.forbidden,
            time_limit_s=seconds,
        )
        if plan.status == "infeasible":
            self.reason = self.reason or plan.note
            return None
        proven = plan.status == "optimal"
        bound = plan.objective if proven else min(part.bound, plan.bound)
        settled = proven or self._left(plan.sites) < self.cost[~self.closed].min(initial=np.inf) * (1 - 1e-9)
        return Found(tuple(sorted(plan.sites)), plan.objective, bound, plan, settled)

    def listed(self, found: Found) -> Iterable[tuple[Sites, float, Plan | None]]:
        """Give the plan without sites that add nothing, and the best that differ from it in one site."""
        for sites in [found.sites, *self._near(found.sites)]:
            useful = self._useful(sites)
            if useful is not None:
                yield useful, self._value(useful), found.plan if useful == found.sites else None

    def _left(self, sites: Sequence[int]) -> float:
        return self.money * (1.0 + 1e-12) - float(self.cost[list(sites)].sum())

    def _value(self, sites: Sites) -> float:
        return float(self.weight[self._times(sites) > 0].sum())

    def _times(self, sites: Sequence[int]) -> Floats:
        """Count the sites that cover each class (k,)."""
        mask = np.zeros(self.matrix.shape[1])
        mask[list(sites)] = 1.0
        return np.asarray(self.matrix @ mask)

    def _needed(self, sites: Sequence[int]) -> Mask:
        """Tell which sites have residents of their own (q,)."""
        alone = (self._times(sites) == 1.0).astype(np.float64)
        return np.asarray(self.columns[list(sites)] @ alone > 0.0)

    def _useful(self, sites: Sites) -> Sites | None:
        """Leave out sites that add nothing; None where that leaves room for one that adds something."""
        kept = list(sites)
        while kept:
            needless = np.flatnonzero(~self._needed(kept) & ~self.opened[kept])
            if not len(needless):
                break
            del kept[int(needless[-1])]
        times = self._times(kept)
        room = (self.cost <= self._left(kept)) & ~self.closed
        room[kept] = False
        if room.any() and (self.columns[room] @ (times == 0.0).astype(np.float64) > 0.0).any():
            return None
        return tuple(kept)

    def _near(self, sites: Sites) -> list[Sites]:
        """List the best plans that differ in one site, as many as are asked for."""
        n = self.matrix.shape[1]
        if not sites or not n:
            return []
        value, sole = exchange_values(self.matrix, self.weight, np.asarray(sites, np.int64))
        value -= sole[:, None]
        value[:, self.closed] = value[:, list(sites)] = -np.inf
        value[self.opened[list(sites)]] = -np.inf
        value[self.cost > (self._left(sites) + self.cost[list(sites)])[:, None]] = -np.inf
        pairs = [divmod(at, n) for at in _largest(value.ravel(), self.count).tolist()]
        return [tuple(sorted({*sites, j} - {sites[at]})) for at, j in pairs]

    def bound(self, forced: Sites, forbidden: Sites) -> float:
        """Bound a part by the multipliers known; -inf where all its plans have a site that adds nothing."""
        if (~self._needed(forced) & ~self.opened[list(forced)]).any():
            return -math.inf
        left = self._left(forced)
        if left < -1e-9 * max(1.0, self.money):
            return -math.inf
        free = self.cost <= left + 1e-9 * max(1.0, left)
        free[[*forced, *forbidden]] = False
        best = math.inf
        for base, worth in [*self.first, *self.last]:
            inside = knapsack(worth, self.cost, free, max(left, 0.0))[0]
            best = min(best, base + float(worth[list(forced)].sum()) + inside)
        if self.whole and best < math.inf:
            return float(math.floor(best + self.slack))
        return best * (1.0 + 1e-11)

    def learn(self, part: Part, found: Found) -> None:
        """Keep the multipliers with which the part was bounded before it was split."""
        if not isinstance(found.plan.certificate, Certificate):
            return
        known = [
            (float((self.weight - shares).sum()), np.asarray(self.columns @ shares))
            for shares in (share * self.weight for share in _shares(found.plan.certificate))
        ]
        if part.bound == math.inf:
            self.best = found.sites, self._on_rows(found.plan.certificate)
            self.first = known[-_MULTIPLIERS:]
        else:
            self.last = known[-1:] + self.last[: _MULTIPLIERS - 1]

    def _on_rows(self, certificate: Certificate) -> Certificate:
        """Give a certificate of the classes for the rows as they were given."""
        layers = tuple(np.r_[layer, LOST, SERVED][self.row] for layer in certificate.layers)
        return Certificate(certificate.steps, layers, certificate.records)

    def plan(self, sites: Sites, known: Plan | None) -> Plan:
        """Make the plan of some sites, on the rows as they were given."""
        part = csr_array(self.whole_matrix[:, list(sites)])
        turn = np.zeros(len(sites), np.int64)
        order, gain, _ = order_by_gain(pairs_of(part, self.whole_weight), turn, len(sites))
        ranked = tuple(int(sites[at]) for at in order)
        objective = covered_weight(
            self.whole_matrix.indptr, self.whole_matrix.indices, self.whole_weight, ranked
        )
        unused = 0 if self.p is None else self.p - len(sites)
        return Plan(
            sites=ranked,
            gains=tuple(gain.tolist()),
            objective=objective,
            bound=objective,
            status="optimal",
            gap=0.0,
            reductions={} if known is None else known.reductions,
            note=f"另外 {unused} 个名额不会增加覆盖人口, 未开设" if unused else "",
            seconds=0.0 if known is None else known.seconds,
            certificate=self.best[1] if self.best is not None and self.best[0] == sites else None,
        )


def _largest(values: Floats, count: int) -> NDArray[np.int64]:
    """List the positions of the largest finite values, largest first, of equals the first."""
    least = np.partition(values, -count)[-count] if count < len(values) else -np.inf
    some = np.flatnonzero((values >= least) & (values > -np.inf))
    return some[np.argsort(-values[some], kind="stable")][:count]


def _shares(certificate: Certificate) -> list[Floats]:
    """List the multipliers of the records before the first branch, as shares by row (k,)."""
    shares = []
    for record in certificate.records:
        if record.column >= 0:
            break
        layer = certificate.layers[record.layer]
        shares.append(np.r_[record.share.astype(np.float64), 1.0, 0.0][layer])
    return shares
