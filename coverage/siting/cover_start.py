"""A good plan to begin with where at least k sites must reach a resident: greedy, swaps and shakes."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from .cover_request import Classes, CoverRequest
from .reduce import Floats, Mask
from .rules import broken

_SHAKES = 100
"""Shakes of the plan; on 500-1 700 classes more found nothing."""


def start_of(request: CoverRequest, classes: Classes, k: int) -> Mask:
    """Find a plan for the most residents reached by ``k`` sites, and the classes that it reaches: (n + K,).

    Sites are opened for the residents nearest to ``k``; then single swaps, and shakes that close two sites
    and fill up again (iterated local search; Lourenço, Martin and Stützle 2003). Swaps keep the rules on
    sites where the plan before does. Deterministic.
    """
    search = _Search(request, classes, k)
    if not request.n_candidates:
        return np.zeros(len(classes.weight), bool)
    opened = search.swapped(search.filled(search.forced.copy()))
    best, value = opened, search.value(opened)
    random = np.random.default_rng(0)
    for _ in range(min(_SHAKES, 4 * request.n_candidates)):
        free = np.flatnonzero(best & ~search.forced)
        if len(free) < 2:
            break
        opened = best.copy()
        opened[random.choice(free, 2, replace=False)] = False
        opened[random.choice(np.flatnonzero(request.allowed))] = True
        opened = search.swapped(search.filled(opened)) if search.pays(opened) else best
        if search.value(opened) > value and search.keeps(opened, best):
            best, value = opened, search.value(opened)
    return np.asarray(np.r_[best, search.count(best) >= k], bool)


class _Search:
    """Plans of one request, and what they are worth."""

    def __init__(self, request: CoverRequest, classes: Classes, k: int) -> None:
        self.request, self.rows, self.weight, self.k = request, classes.rows, classes.weight, k
        self.columns = csr_array(classes.rows.T.tocsr())
        n, own = request.n_candidates, request.p is None
        self.cost = request.rules.budgets[0].cost if own else np.ones(n)
        self.budget = request.rules.budgets[0].limit if own else float(request.p or 0)
        self.forced = np.isin(np.arange(n), request.opened)

    def count(self, opened: Mask) -> Floats:
        """Count the open sites of each class."""
        return np.asarray(self.rows @ opened.astype(np.float64), np.float64)

    def value(self, opened: Mask) -> float:
        """Sum the residents with ``k`` open sites."""
        return float(self.weight[self.count(opened) >= self.k].sum())

    def pays(self, opened: Mask) -> bool:
        """Tell whether the budget pays the plan."""
        return float(self.cost[opened].sum()) <= self.budget

    def keeps(self, opened: Mask, before: Mask) -> bool:
        """Tell whether a plan keeps the rules on sites, or the one before did not, either."""
        rules = self.request.rules
        if not rules:
            return True
        now, then = (broken(rules, np.flatnonzero(one).tolist()) for one in (opened, before))
        return not now or bool(then)

    def filled(self, opened: Mask) -> Mask:
        """Open sites one by one for the residents nearest to ``k``."""
        left = self.budget - float(self.cost[opened].sum())
        while True:
            count = self.count(opened)
            wish = self.columns @ np.where(count < self.k, self.weight * (count + 1.0), 0.0)
            wish[opened | ~self.request.allowed | (self.cost > left)] = 0.0
            best = int(np.argmax(wish))
            if wish[best] <= 0.0:
                return opened
            opened[best] = True
            left -= float(self.cost[best])

    def swapped(self, opened: Mask) -> Mask:
        """Swap a site for another while that reaches more residents."""
        value, better = self.value(opened), True
        while better:
            better = False
            for site in np.flatnonzero(opened & ~self.forced):
                without = opened.copy()
                without[site] = False
                count = self.count(without)
                base = float(self.weight[count >= self.k].sum())
                total = base + self.columns @ np.where(count == self.k - 1, self.weight, 0.0)
                room = self.budget - float(self.cost[without].sum())
                total[without | ~self.request.allowed | (self.cost > room)] = -1.0
                best = int(np.argmax(total))
                after = without.copy()
                after[best] = True
                if total[best] > value * (1.0 + 1e-12) and self.keeps(after, opened):
                    opened, value, better = after, float(total[best]), True
        return opened
