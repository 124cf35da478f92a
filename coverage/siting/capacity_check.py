"""A checker of capacitated plans that needs neither the search nor a solver nor its kernels.

From the raw arrays it sums up who is served where, repeats the bound of every node of the search from the
prices alone, and follows the tree: plans that a node leaves out must lie below the plan found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .capacity_plan import CapacitatedPlan
from .capacity_search import Record
from .reduce import Floats, Mask


@dataclass(frozen=True)
class Demanded:
    """What was asked of a capacitated model, as raw arrays; to be maximised."""

    rows: csr_array
    """(m, n) what a resident of a row is worth at a candidate; explicit zeros are pairs, too."""
    weight: Floats
    capacity: Floats
    cost: Floats
    budget: float
    side: csr_array
    """(q, n) further constraints ``side @ x <= limit``."""
    limit: Floats
    forced: Mask
    forbidden: Mask
    everybody: bool = False
    """All residents must be served."""
    constant: float = 0.0
    """Value that an objective of 0 has: with a penalty, what everybody pays whom nobody serves."""


@dataclass(frozen=True)
class CheckedCapacity:
    """What the checker found."""

    value: float
    """Sum of gains of the residents served."""
    bound: float
    """What is proven: no plan is worth more; ``inf`` where nothing is."""
    problems: tuple[str, ...]
    """Why the plan or the certificate is wrong; empty where all holds."""


def demanded(
    rows: csr_array,
    weight: ArrayLike,
    capacity: ArrayLike,
    *,
    cost: ArrayLike | None = None,
    budget: float,
    side: csr_array | None = None,
    limit: ArrayLike = (),
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    everybody: bool = False,
    constant: float = 0.0,
) -> Demanded:
    """Bring raw arrays into the form that `check_capacity` takes; the budget is ``p`` without costs."""
    n = rows.shape[1]
    masks = [np.isin(np.arange(n), np.asarray(some, np.int64)) for some in (forced, forbidden)]
    return Demanded(
        rows,
        np.asarray(weight, np.float64),
        np.broadcast_to(np.asarray(capacity, np.float64), (n,)),
        np.ones(n) if cost is None else np.asarray(cost, np.float64),
        float(budget),
        csr_array((0, n)) if side is None else side,
        np.asarray(limit, np.float64),
        masks[0],
        masks[1],
        everybody,
        constant,
    )


def check_capacity(asked: Demanded, found: CapacitatedPlan) -> CheckedCapacity:
    """Recompute value, feasibility and bound of a capacitated plan from the raw arrays and the prices."""
    problems, value = _division(asked, found)
    if found.proof is None:
        return CheckedCapacity(value, np.inf, (*problems, "there is no proof"))
    tree = _Tree(asked, value, found.proof.member, found.proof.records)
    return CheckedCapacity(value, tree.bound(problems), tuple(problems))


def _division(asked: Demanded, found: CapacitatedPlan) -> tuple[list[str], float]:
    """Check the sites and who is served where; the value."""
    problems: list[str] = []
    m, n = asked.rows.shape
    opened = np.isin(np.arange(n), found.plan.sites)
    row, site, residents = found.row, found.site, found.residents
    if (asked.forced & ~opened).any() or (asked.forbidden & opened).any():
        problems.append("a forced candidate is closed or a forbidden one open")
    if float(asked.cost[opened].sum()) > asked.budget + 1e-8 * max(1.0, asked.budget):
        problems.append("the sites cost more than the budget")
    if (
        asked.side @ opened.astype(np.float64) > asked.limit + 1e-8 * np.maximum(1.0, abs(asked.limit))
    ).any():
        problems.append("a constraint on the sites is broken")
    if (residents <= 0).any() or not opened[site].all():
        problems.append("residents go to a closed site, or a number is not positive")
    code = np.repeat(np.arange(m), np.diff(asked.rows.indptr)) * n + asked.rows.indices
    order = np.argsort(code)
    at = np.minimum(np.searchsorted(code[order], row * n + site), max(len(code) - 1, 0))
    if len(row) and (not len(code) or (code[order][at] != row * n + site).any()):
        return [*problems, "residents go where they have no way"], -np.inf
    served, load = np.bincount(row, residents, minlength=m), np.bincount(site, residents, minlength=n)
    if (served > asked.weight * (1 + 1e-9) + 1e-9).any() or (load > asked.capacity * (1 + 1e-9) + 1e-9).any():
        problems.append("a row sends more residents than it has, or a site takes more than it can")
    if asked.everybody and (served < asked.weight * (1 - 1e-6) - 1e-6).any():
        problems.append("not all are served")
    if not np.allclose(found.load, load, rtol=1e-9, atol=1e-6):
        problems.append("the loads are not the residents who go there")
    if not np.allclose(found.no_room + found.out_of_reach + served, asked.weight, rtol=1e-9, atol=1e-6):
        problems.append("served, without room and out of reach are not all residents")
    return problems, float((asked.rows.data[order][at] * residents).sum()) if len(row) else 0.0


class _Tree:
    """The nodes of a certificate, each bounded anew."""

    def __init__(
        self, asked: Demanded, value: float, member: np.ndarray, records: tuple[Record, ...]
    ) -> None:
        self.asked, self.member, self.records = asked, member, records
        columns = csr_array(asked.rows.multiply(1.0)).tocoo()
        order = np.argsort(columns.col, kind="stable")
        self.row, self.site, self.gain = columns.row[order], columns.col[order], columns.data[order]
        reach = asked.capacity[np.isfinite(asked.capacity)]
        numbers = (asked.weight, reach, asked.rows.data)
        whole = all(bool((some == np.floor(some)).all()) for some in numbers)
        size = float(asked.weight.sum()) * max(1.0, float(np.abs(asked.rows.data).max(initial=0.0)))
        self.whole, self.value = whole and size < 1e11, value
        slack = max(1e-6, 1e-11 * abs(value)) / 2.0
        self.slack = slack
        self.threshold = value + (1.0 - slack if self.whole else 5.1e-7 * abs(value - asked.constant) + 2e-12)

    def bound(self, problems: list[str]) -> float:
        """Follow the tree: the bound it proves."""
        bounds: list[float] = []
        tests: list[tuple[Floats, Floats]] = []
        split: list[dict[int, set[bool]]] = [{} for _ in self.records]
        for number, record in enumerate(self.records):
            opened, closed, least = self.asked.forced, self.asked.forbidden, np.inf
            if record.parent >= 0:
                parent = self.records[record.parent]
                if_opened, if_closed = tests[record.parent]
                opened = parent.opened | (if_closed < self.threshold)
                closed = parent.closed | (if_opened < self.threshold)
                least = bounds[record.parent]
                split[record.parent].setdefault(record.column, set()).add(record.on)
            own = np.arange(len(opened)) == record.column
            if (record.opened & ~opened & ~(own & record.on)).any():
                problems.append(f"record {number} opens more than is proven")
            if (record.closed & ~closed & ~(own & (not record.on))).any():
                problems.append(f"record {number} closes more than is proven")
            value, if_opened, if_closed = self._node(record, record.opened, record.closed)
            without = record.closed | (~record.opened & (if_opened < self.threshold))
            held = record.opened | (~without & (if_closed < self.threshold))
            after = self._node(record, held, without)[0]
            bounds.append(min(least, value, after if after < self.threshold else np.inf))
            tests.append((if_opened, if_closed))
        return self._result(bounds, tests, split)

    def _result(
        self, bounds: list[float], tests: list[tuple[Floats, Floats]], split: list[dict[int, set[bool]]]
    ) -> float:
        """Take the largest bound of the leaves; a missing branch counts with what its parent knows."""
        if not bounds:
            allowed = (self.asked.weight[self.row] > 0) & ~self.asked.forbidden[self.site]
            return np.inf if allowed.any() else 0.0
        best = self.value if self.whole else self.threshold
        for bound, (if_opened, if_closed), ways in zip(bounds, tests, split, strict=True):
            leaves = [bound]
            if -1 in ways:
                leaves = []
            elif ways:
                column, sides = next(iter(ways.items()))
                leaves = [] if True in sides else [min(bound, float(if_opened[column]))]
                leaves += [] if False in sides else [min(bound, float(if_closed[column]))]
            best = max([best, *(leaf for leaf in leaves if leaf >= self.threshold)])
        return float(np.floor(best + self.slack)) if self.whole else best

    def _worths(self, price: Floats) -> Floats:
        """Solve the continuous knapsack of every candidate by sorting all pairs at once."""
        asked, n = self.asked, len(self.asked.cost)
        more = self.gain - price[self.row]
        useful = (more > 0.0) & (self.member[self.row] >= 0)
        site, more, size = self.site[useful], more[useful], asked.weight[self.row[useful]]
        order = np.lexsort((-more, site))
        site, more, size = site[order], more[order], size[order]
        start = np.searchsorted(site, np.arange(n + 1))
        before = np.r_[0.0, np.cumsum(size)]
        used = before[:-1] - before[start[site]]
        part = np.clip(asked.capacity[site] - used, 0.0, size)
        return np.bincount(site, part * more, minlength=n).astype(np.float64)

    def _node(self, record: Record, opened: Mask, closed: Mask) -> tuple[float, Floats, Floats]:
        """Bound the plans with some candidates open and others closed, and their parts with one more."""
        asked = self.asked
        price = np.where(self.member >= 0, np.r_[record.prices.row, 0.0][self.member], 0.0)
        price = price if asked.everybody else np.maximum(price, 0.0)
        rent = np.maximum(record.prices.side, 0.0)
        never = np.full(len(asked.cost), -np.inf)
        left = asked.budget - float(asked.cost[opened].sum())
        side = asked.side.toarray()
        least = np.where(side < 0, side * ~closed, side * opened).sum(axis=1)
        if (
            left < -1e-9 * max(1.0, asked.budget)
            or (least > asked.limit + 1e-9 * np.maximum(1.0, np.abs(asked.limit))).any()
        ):
            return -np.inf, never, never
        worth = self._worths(price) - rent @ side
        dear = asked.cost > left + 1e-9 * max(1.0, left)
        free = np.flatnonzero(~(opened | closed | dear))
        # the dual of the knapsack over the sites, at every price of the budget that can be best
        levels = np.unique(np.r_[0.0, np.maximum(worth[free] / asked.cost[free], 0.0)])
        dual = np.array(
            [t * left + np.maximum(worth[free] - t * asked.cost[free], 0.0).sum() for t in levels]
        )
        low = np.flatnonzero(dual <= dual.min() * (1.0 + 1e-12) + 1e-12)
        fixed = float(
            (price * asked.weight)[self.member >= 0].sum() + rent @ asked.limit + worth[opened].sum()
        )
        bound = fixed + float(dual.min())
        if_opened = bound + np.minimum(worth - levels[low[-1]] * asked.cost, 0.0)
        if_opened[dear] = -np.inf
        if_closed = bound - np.maximum(worth - levels[low[0]] * asked.cost, 0.0)
        if_closed[dear] = bound
        return bound, if_opened, if_closed
