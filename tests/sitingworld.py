"""Small random siting requests, and all their plans: the ground truth of the tests on distances."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from boai.coverage.siting.rules import Budget, Quota, Rules, broken
from hypothesis import strategies as st


@dataclass(frozen=True)
class Case:
    """A request for sites among the columns of a small matrix."""

    cost: np.ndarray
    """Ties, zeros, equal rows, and sometimes pairs without a way."""
    weight: np.ndarray
    p: int
    forced: list[int]
    forbidden: list[int]
    rules: Rules | None

    @property
    def request(self) -> dict[str, Any]:
        """What every model takes."""
        given = {"p": self.p, "forced": self.forced, "forbidden": self.forbidden}
        return given if self.rules is None else given | {"rules": self.rules}

    def plans(self, *, exactly: bool = False):
        """All allowed plans."""
        rules = Rules() if self.rules is None else self.rules
        forced, allowed = set(rules.forced(self.forced)), set(range(self.cost.shape[1])) - set(self.forbidden)
        for size in range(self.p if exactly else len(forced), self.p + 1):
            for sites in itertools.combinations(sorted(allowed), size):
                if forced <= set(sites) and not broken(rules, sites):
                    yield sites


@st.composite
def rules(draw, n: int) -> Rules:
    """Quotas, budgets, exclusive sets and existing sites that may move, for n candidates."""
    some = st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True).map(tuple)
    quotas = []
    for name in draw(st.lists(st.sampled_from("甲乙丙"), max_size=2, unique=True)):
        least = draw(st.integers(0, 2))
        most = draw(st.one_of(st.none(), st.integers(0, 3)))
        quotas.append(Quota(name, draw(some), least, most))
    budgets = []
    if draw(st.booleans()):
        cell = st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.3])
        cost = np.array(draw(st.lists(cell, min_size=n, max_size=n)))
        budgets.append(Budget("经费", cost, draw(st.sampled_from([0.0, 2.0, 4.5, 9.8, 12.0]))))
    exclusive = draw(st.lists(some, max_size=2))
    existing = draw(st.one_of(st.just(()), some))
    return Rules(tuple(quotas), tuple(budgets), (), tuple(exclusive), existing, draw(st.integers(0, 2)))


@st.composite
def costs(draw, m: int, n: int) -> np.ndarray:
    """A matrix of whole costs or of sevenths, with or without pairs that have no way."""
    cell = st.integers(0, 9).map(float)
    if draw(st.booleans()):
        cell = st.one_of(cell, st.just(np.inf))
    if draw(st.booleans()):
        cell = cell.map(lambda c: c / 7)
    cells = draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=m, max_size=m))
    return np.array(cells, float).reshape(m, n)


@st.composite
def distances(draw, n: int) -> np.ndarray:
    """A square matrix of any numbers, or of the distances of points of a grid."""
    if draw(st.booleans()):
        cell = st.one_of(st.integers(0, 9).map(float), st.just(np.inf))
        return np.array(draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=n, max_size=n)))
    grid = st.tuples(st.integers(0, 6), st.integers(0, 6))
    point = np.array(draw(st.lists(grid, min_size=n, max_size=n)))
    return np.sqrt(((point[:, None] - point[None]) ** 2).sum(-1))


@st.composite
def cases(draw, most: int = 7, *, ruled: bool = False, square: bool = False) -> Case:
    """A request: a matrix, weights, p, forced and forbidden candidates, and rules where asked for."""
    m, n = draw(st.integers(1, 8)), draw(st.integers(1, most))
    cost = draw(distances(n) if square else costs(m, n))
    weight = np.array(draw(st.lists(st.integers(0, 4), min_size=len(cost), max_size=len(cost))), float)
    order = draw(st.permutations(range(n)))
    cut, end = 0, n
    if draw(st.booleans()):
        cut, end = sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n))))
    p = draw(st.integers(cut, end))
    return Case(cost, weight, p, order[:cut], order[end:], draw(rules(n)) if ruled else None)


def lists(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same costs as compressed rows."""
    way = np.isfinite(cost)
    return np.r_[0, np.cumsum(way.sum(1))], np.nonzero(way)[1], cost[way]


def planar(m: int, n: int, seed: int) -> np.ndarray:
    """Distances between random points of the unit square."""
    random = np.random.default_rng(seed)
    away = random.random((m, 2))[:, None] - random.random((n, 2))[None]
    return np.sqrt((away**2).sum(-1))


def permuted(case: Case, random) -> Case:
    """The same request with rows and candidates in another order."""
    m, n = case.cost.shape
    rows, columns = random.sample(range(m), m), random.sample(range(n), n)
    place = {old: new for new, old in enumerate(columns)}

    def moved(some):
        return tuple(place[j] for j in some)

    asked = (
        None
        if case.rules is None
        else replace(
            case.rules,
            quotas=tuple(replace(quota, candidates=moved(quota.candidates)) for quota in case.rules.quotas),
            budgets=tuple(replace(budget, cost=budget.cost[columns]) for budget in case.rules.budgets),
            exclusive=tuple(map(moved, case.rules.exclusive)),
            existing=moved(case.rules.existing),
        )
    )
    cost, forced, forbidden = (
        case.cost[rows][:, columns],
        list(moved(case.forced)),
        list(moved(case.forbidden)),
    )
    return Case(cost, case.weight[rows], case.p, forced, forbidden, asked)


def check_progress(solve, *, minimise: bool) -> None:
    """What is told only gets better, never contradicts the plan, and ends where the plan is."""
    told: list[tuple[float, float, float, float]] = []
    plan = solve(lambda *now: told.append(now))
    sign = -1 if minimise else 1
    assert told and told[-1][:3] == (plan.objective, plan.bound, plan.gap) and plan.status == "optimal"
    for (found, bound, gap, seconds), (later, closer, smaller, after) in itertools.pairwise(told):
        assert sign * later >= sign * found and sign * closer <= sign * bound
        assert 0 <= smaller <= gap + 1e-12 and after >= seconds
    assert all(sign * bound >= sign * plan.objective for _, bound, _, _ in told)


def interrupt(calls: int):
    """Something to be told that interrupts at the given call."""
    left = [calls]

    def tell(*_: float) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    return tell
