"""Side constraints on any siting model: quotas, budgets, spacing, sites that stay or move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .program import ProgramBuilder
from .reduce import Floats, Positions


@dataclass(frozen=True)
class Quota:
    """At least and at most so many sites among some candidates: of a city, a county, a kind of host."""

    name: str
    """What they are, in Chinese, such as 赣州市 or 学校."""
    candidates: tuple[int, ...]
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True)
class Budget:
    """What all open sites together may cost, in one kind of money, staff or stock."""

    name: str
    cost: Floats
    """(n,) >= 0; an existing site that costs nothing more has 0."""
    limit: float


@dataclass(frozen=True)
class Minimum:
    """A share of the residents of some rows of demand that must be covered: of a county, or of all."""

    name: str
    rows: Positions
    """Rows of demand."""
    share: float
    """0..1 of their weight."""


@dataclass(frozen=True)
class Rules:
    """All side constraints of a request; candidates are positions, existing sites are candidates, too."""

    quotas: tuple[Quota, ...] = ()
    budgets: tuple[Budget, ...] = ()
    minimums: tuple[Minimum, ...] = ()
    exclusive: tuple[tuple[int, ...], ...] = ()
    """Sets of candidates of which at most one may be open: two plans for one place, sites too close."""
    existing: tuple[int, ...] = ()
    """Sites that are there. They stay open, but for ``relocations`` of them."""
    relocations: int = 0
    """So many existing sites may be given up; their number is free for new ones (``p`` counts all sites)."""

    def __bool__(self) -> bool:
        """True where anything is asked."""
        return bool(
            self.quotas
            or self.budgets
            or self.minimums
            or self.exclusive
            or (self.existing and self.relocations)
        )

    def forced(self, forced: Sequence[int] = ()) -> tuple[int, ...]:
        """Candidates open in any case: those given, and all existing ones where none may move."""
        stay = () if self.relocations else self.existing
        return tuple(sorted({*map(int, forced), *map(int, stay)}))


def add_site_rules(builder: ProgramBuilder, rules: Rules) -> None:
    """Add all rules on sites (not the minimums, which are on demand) to a program, with their names."""
    for quota in rules.quotas:
        some = np.asarray(quota.candidates, np.int64)
        if quota.at_least:
            builder.require(f"{quota.name}至少 {quota.at_least} 处", -quota.at_least, x=(some, -1.0))
        if quota.at_most is not None:
            builder.require(f"{quota.name}至多 {quota.at_most} 处", quota.at_most, x=(some, 1.0))
    for budget in rules.budgets:
        used = np.flatnonzero(budget.cost)
        builder.require(f"{budget.name}不超过 {budget.limit:g}", budget.limit, x=(used, budget.cost[used]))
    for group in rules.exclusive:
        builder.require("互斥的候选点", 1.0, x=(np.asarray(group, np.int64), 1.0))
    if rules.existing and rules.relocations:
        stay = max(0, len(rules.existing) - rules.relocations)
        what = f"现有站点至多迁移 {rules.relocations} 处"
        builder.require(what, -stay, x=(np.asarray(rules.existing, np.int64), -1.0))
