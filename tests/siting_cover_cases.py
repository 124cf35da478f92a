"""Small covering requests with random rules, and the truth about them from all subsets of candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from boai.coverage.siting.rules import Budget, Minimum, Quota, Rules


@dataclass(frozen=True)
class Case:
    """One request."""

    rows: list[list[int]]
    weight: np.ndarray
    n: int
    p: int
    cost: np.ndarray
    forced: tuple[int, ...]
    forbidden: tuple[int, ...]
    rules: Rules

    @property
    def arrays(self):
        indptr = np.cumsum([0, *map(len, self.rows)])
        return indptr, np.array([j for row in self.rows for j in row], np.int32), self.weight, self.n

    @property
    def reach(self) -> np.ndarray:
        reach = np.zeros((len(self.rows), self.n))
        for r, row in enumerate(self.rows):
            reach[r, row] = 1
        return reach

    @property
    def options(self):
        return {"forced": self.forced, "forbidden": self.forbidden, "rules": self.rules}


def random_case(random: np.random.Generator, most: int = 7, wishes: str = "qbmxe") -> Case:
    """Draw a request; ``wishes`` are the kinds of rules: quotas, budgets, minimums, exclusive, existing."""
    n, m = int(random.integers(1, most + 1)), int(random.integers(0, 13))
    rows = [random.integers(0, n, random.integers(0, 5)).tolist() for _ in range(m)]  # duplicates among them
    whole = random.random() < 0.7
    weight = random.integers(0, 10, m).astype(float) if whole else np.round(9 * random.random(m), 3)
    order = random.permutation(n)
    n_forced, n_forbidden = int(random.random() < 0.2), int(n // 3 * (random.random() < 0.3))

    def some(most: int) -> tuple[int, ...]:
        return tuple(random.choice(n, random.integers(0, min(n, most) + 1), replace=False).tolist())

    def number(letter: str, most: int = 2) -> int:
        return int(random.integers(1, most + 1)) if letter in wishes and random.random() < 0.3 else 0

    quotas = []
    for place in range(number("q")):
        least = int(random.integers(0, 2))
        quotas.append(Quota(f"县{place}", some(n), least, least + 1 if random.random() < 0.6 else None))
    budgets = [
        Budget("人员", random.integers(0, 4, n).astype(float), float(random.integers(3, 10)))
        for _ in range(number("b", 1))
    ]
    minimums = [
        Minimum(f"区{place}", np.flatnonzero(random.random(m) < 0.6), float(random.choice([0.3, 0.5, 0.9])))
        for place in range(number("m"))
    ]
    exclusive = [some(3) for _ in range(number("x", 3))]
    existing = some(3) if number("e") else ()
    rules = Rules(
        tuple(quotas),
        tuple(budgets),
        tuple(minimums),
        tuple(exclusive),
        existing,
        int(random.integers(0, 3)),
    )
    return Case(
        rows=rows,
        weight=weight,
        n=n,
        p=int(random.integers(min(1, n - n_forbidden), n - n_forbidden + 1)),
        cost=random.integers(1, 6, n).astype(float) if whole else np.round(0.1 + 5 * random.random(n), 2),
        forced=tuple(order[:n_forced].tolist()),
        forbidden=tuple(order[n - n_forbidden :].tolist()),
        rules=rules,
    )


def all_plans(case: Case, *, p: int | None) -> tuple[np.ndarray, np.ndarray]:
    """All subsets (2^n, n) that the request allows, and the open sites of each row in each (2^n, m)."""
    opened = (np.arange(2**case.n)[:, None] >> np.arange(case.n)) & 1
    rules, count = case.rules, opened @ case.reach.T
    good = opened.sum(1) <= (case.n if p is None else p)
    good &= opened[:, list(case.forced)].all(1) & ~opened[:, list(case.forbidden)].any(1)
    for quota in rules.quotas:
        inside = opened[:, list(quota.candidates)].sum(1)
        good &= (inside >= quota.at_least) & (inside <= (case.n if quota.at_most is None else quota.at_most))
    for budget in rules.budgets:
        good &= opened @ budget.cost <= budget.limit
    for group in rules.exclusive:
        good &= opened[:, list(group)].sum(1) <= 1
    closed = len(rules.existing) - opened[:, list(rules.existing)].sum(1)
    good &= closed <= rules.relocations
    for minimum in rules.minimums:
        good &= share_of(count > 0, case.weight, minimum.rows) >= minimum.share - 1e-9
    return opened[good], count[good]


def share_of(reached: np.ndarray, weight: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Share of the weight of some rows that each plan reaches; 1 where they weigh nothing."""
    total = weight[rows].sum()
    return reached[:, rows] @ weight[rows] / total if total else np.ones(len(reached))


def agree(plan, case: Case, values: np.ndarray, *, p: int | None, minimise: bool = False) -> None:
    """The plan is optimal, allowed, and as good as the best of all; or there is none, and it says why."""
    if not len(values):
        assert plan.status == "infeasible" and plan.note and plan.sites == () and np.isnan(plan.objective)
        return
    best = values.min() if minimise else values.max()
    assert plan.status == "optimal", plan
    assert abs(plan.objective - best) <= 1e-6 * abs(best) + 1e-9, (plan, best)
    assert plan.bound == plan.objective or plan.gap <= 1e-6
    assert plan.bound <= best + 1e-9 if minimise else plan.bound >= best - 1e-9
    opened, _ = all_plans(case, p=p)
    asked = np.isin(np.arange(case.n), plan.sites)
    assert len(set(plan.sites)) == len(plan.sites) and (opened == asked).all(1).any(), plan
