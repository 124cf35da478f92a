"""Side constraints on any siting model: quotas, budgets, spacing, sites that stay or move.

A request that contradicts itself at first sight is answered by `contradiction`, in words and without a
solver; what needs a proof is left to the search.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .cover_spacing import spacing
from .program import ProgramBuilder
from .reduce import Floats, Positions

__all__ = [
    "Budget",
    "Minimum",
    "Quota",
    "Rules",
    "add_site_rules",
    "broken",
    "check",
    "contradiction",
    "quotas_by",
    "spacing",
]


@dataclass(frozen=True)
class Quota:
    """At least and at most so many sites among some candidates: of a city, a county, a kind of host."""

    name: str
    """What they are, in Chinese, such as 赣州市 or 学校."""
    candidates: tuple[int, ...]
    at_least: int = 0
    at_most: int | None = None


@dataclass(frozen=True, eq=False)
class Budget:
    """What all open sites together may cost, in one kind of money, staff or stock."""

    name: str
    cost: Floats
    """(n,) >= 0; an existing site that costs nothing more has 0."""
    limit: float


@dataclass(frozen=True, eq=False)
class Minimum:
    """A share of the residents of some rows of demand that must be covered: of a county, or of all."""

    name: str
    rows: Positions
    """Rows of demand."""
    share: float
    """0..1 of their weight, also of those whom no candidate reaches."""


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

    @property
    def staying(self) -> int:
        """So many of the existing sites stay open."""
        return max(0, len(set(self.existing)) - self.relocations)

    def forced(self, forced: Sequence[int] = ()) -> tuple[int, ...]:
        """Candidates open in any case: those given, and all existing ones where none may move."""
        stay = () if self.relocations else self.existing
        return tuple(sorted({*map(int, forced), *map(int, stay)}))


def add_site_rules(builder: ProgramBuilder, rules: Rules) -> None:
    """Add all rules on sites (not the minimums, which are on demand) to a program, with their names.

    A quota is ``at_least <= sum_j x_j <= at_most`` over its candidates, a budget ``sum_j c_j x_j <= limit``,
    an exclusive set ``sum_j x_j <= 1``; of the existing sites ``sum_j x_j >= existing - relocations``.
    Existing sites of which none may move are not added: see `Rules.forced`.
    """
    for quota in rules.quotas:
        some = np.unique(np.asarray(quota.candidates, np.int64))
        if quota.at_least > 0:
            builder.require(f"{quota.name}至少 {quota.at_least} 处", -quota.at_least, x=(some, -1.0))
        if quota.at_most is not None:
            builder.require(f"{quota.name}至多 {quota.at_most} 处", quota.at_most, x=(some, 1.0))
    for budget in rules.budgets:
        used = np.flatnonzero(budget.cost)
        cost = np.asarray(budget.cost, np.float64)[used]
        builder.require(f"{budget.name}不超过 {budget.limit:.10g}", budget.limit, x=(used, cost))
    for group in rules.exclusive:
        if len(set(group)) > 1:
            builder.require("互斥的候选点", 1.0, x=(np.unique(np.asarray(group, np.int64)), 1.0))
    if rules.existing and rules.relocations and rules.staying:
        what = f"现有站点至少保留 {rules.staying} 处"
        stay = np.unique(np.asarray(rules.existing, np.int64))
        builder.require(what, -rules.staying, x=(stay, -1.0))


def check(rules: Rules, n_candidates: int, n_rows: int) -> None:
    """Check that the rules fit a request.

    Raises
    ------
    ValueError
        A candidate or row does not exist, costs are not ``n_candidates`` finite numbers >= 0, a share lies
        outside 0..1, or a number of sites is negative or not whole.

    Examples
    --------
    >>> check(Rules(existing=(3,)), 3, 10)
    Traceback (most recent call last):
    ...
    ValueError: existing sites must lie in 0..2
    """
    for quota in rules.quotas:
        _inside(quota.candidates, n_candidates, f"candidates of the quota {quota.name}")
        if not all(_is_number(number) for number in (quota.at_least, quota.at_most) if number is not None):
            raise ValueError(f"the numbers of the quota {quota.name} must be whole numbers >= 0")
    for budget in rules.budgets:
        cost = np.asarray(budget.cost, np.float64)
        if cost.shape != (n_candidates,) or not np.isfinite(cost).all() or (cost < 0).any():
            raise ValueError(f"the costs of {budget.name} must be {n_candidates} finite numbers >= 0")
        if not 0 <= budget.limit < np.inf:
            raise ValueError(f"the limit of {budget.name} must be finite and not negative")
    for minimum in rules.minimums:
        _inside(minimum.rows, n_rows, f"rows of the minimum {minimum.name}")
        if not 0.0 <= minimum.share <= 1.0:
            raise ValueError(f"the share of {minimum.name} must lie in 0..1")
    for group in rules.exclusive:
        _inside(group, n_candidates, "exclusive candidates")
    _inside(rules.existing, n_candidates, "existing sites")
    if not _is_number(rules.relocations):
        raise ValueError("relocations must be a whole number >= 0")


def _is_number(value: float) -> bool:
    """Tell whether a value is a number of sites."""
    return 0 <= value < np.inf and value == int(value)


def _inside(positions: ArrayLike, size: int, what: str) -> None:
    """Check that positions are whole numbers in 0..size-1."""
    some = np.asarray(positions)
    if some.size and (some.dtype.kind not in "iu" or some.min() < 0 or some.max() >= size):
        raise ValueError(f"{what} must lie in 0..{size - 1}")


def contradiction(
    rules: Rules, p: int | None, forced: Sequence[int] = (), forbidden: Sequence[int] = ()
) -> str:
    """Say in Chinese why no plan can meet the rules; empty where that is not seen at once.

    Compared are the numbers that quotas ask for with ``p``, with their own candidates and with the budgets,
    and the forced sites with each rule. Rules that contradict each other in subtler ways pass.

    Parameters
    ----------
    p
        Sites at most; None where their number is free.
    forced, forbidden
        Candidates that are open in any case, or never.

    Examples
    --------
    >>> contradiction(Rules(quotas=(Quota("甲县", (0, 1), at_least=2), Quota("乙县", (2,), at_least=1))), 2)
    '甲县至少 2 处, 乙县至少 1 处, 共需 3 处, 多于允许的 2 处'
    """
    opened, closed = set(rules.forced(forced)), set(map(int, forbidden))
    return next(filter(None, _reasons(rules, p, opened, closed)), "")


def _reasons(rules: Rules, p: int | None, opened: set[int], closed: set[int]) -> Iterator[str]:
    who = "必选点和现有站点" if rules.existing else "必选点"
    both = sorted(opened & closed)
    if both:
        names = ", ".join(map(str, both[:5]))
        stay = "必选或保留" if rules.existing else "必选"
        yield f"{len(both)} 个候选点既要求{stay}又要求禁选 (序号 {names})"
    if p is not None and len(opened) > p:
        yield f"{who}有 {len(opened)} 个, 多于要求的 {p} 个"
    gone = set(rules.existing) & closed
    if len(gone) > rules.relocations:
        yield f"现有站点中有 {len(gone)} 处禁选, 只允许迁移 {rules.relocations} 处"
    for quota in rules.quotas:
        yield _quota_reason(quota, opened, closed)
    for group in rules.exclusive:
        clash = sorted(opened & set(group))
        if len(clash) > 1:
            yield f"{who}中有互斥的 (序号 {', '.join(map(str, clash[:5]))})"
    parts = _parts(rules)
    yield _number_reason(parts, p, opened)
    for budget in rules.budgets:
        yield _budget_reason(budget, parts, who, opened, closed)


def _quota_reason(quota: Quota, opened: set[int], closed: set[int]) -> str:
    some = set(quota.candidates)
    if quota.at_most is not None and quota.at_most < quota.at_least:
        return f"{quota.name}要求至少 {quota.at_least} 处, 又要求至多 {quota.at_most} 处"
    if len(some - closed) < quota.at_least:
        return f"{quota.name}要求至少 {quota.at_least} 处, 可选的候选点只有 {len(some - closed)} 个"
    inside = len(some & opened)
    if quota.at_most is not None and inside > quota.at_most:
        return f"{quota.name}要求至多 {quota.at_most} 处, 必选点和现有站点已有 {inside} 处"
    return ""


def _parts(rules: Rules) -> list[Quota]:
    """Choose quotas without common candidates that ask for many sites: their numbers add up."""
    asked = [quota for quota in rules.quotas if quota.at_least > 0]
    if rules.relocations and rules.staying:
        asked.append(Quota("保留现有站点", rules.existing, at_least=rules.staying))
    taken: set[int] = set()
    parts = []
    for quota in sorted(asked, key=lambda quota: -quota.at_least):
        if taken.isdisjoint(quota.candidates):
            taken.update(quota.candidates)
            parts.append(quota)
    return parts


def _number_reason(parts: list[Quota], p: int | None, opened: set[int]) -> str:
    if p is None or not parts:
        return ""
    others = opened.difference(*(quota.candidates for quota in parts))
    need = len(others) + sum(max(quota.at_least, len(opened & set(quota.candidates))) for quota in parts)
    if need <= p:
        return ""
    told = [f"{quota.name}至少 {quota.at_least} 处" for quota in parts[:5]]
    told += [f"等 {len(parts)} 项"] if len(parts) > 5 else []
    told += [f"其他必选点 {len(others)} 处"] if others else []
    return f"{', '.join(told)}, 共需 {need} 处, 多于允许的 {p} 处"


def _budget_reason(budget: Budget, parts: list[Quota], who: str, opened: set[int], closed: set[int]) -> str:
    cost = np.asarray(budget.cost, np.float64)
    room = budget.limit + 1e-9 * max(1.0, budget.limit)
    needed = float(cost[sorted(opened)].sum())
    if needed > room:
        return f"{who}共需 {needed:.10g}, 超出{budget.name} {budget.limit:.10g}"
    for quota in parts:
        some = set(quota.candidates)
        more = max(0, quota.at_least - len(some & opened))
        needed += float(np.sort(cost[sorted(some - opened - closed)])[:more].sum())
    if needed > room:
        told = ", ".join(f"{quota.name}至少 {quota.at_least} 处" for quota in parts[:5])
        return f"{told}, 最少共需 {needed:.10g}, 超出{budget.name} {budget.limit:.10g}"
    return ""


def broken(rules: Rules, sites: Collection[int]) -> tuple[str, ...]:
    """List the rules on sites (not the minimums) that a plan breaks, in Chinese: a check without a solver.

    Examples
    --------
    >>> broken(Rules(exclusive=((0, 1),), existing=(2,)), [0, 1])
    ('互斥的候选点', '现有站点至少保留 1 处')
    """
    opened, found = set(map(int, sites)), []
    for quota in rules.quotas:
        count = len(opened & set(quota.candidates))
        if count < quota.at_least:
            found.append(f"{quota.name}至少 {quota.at_least} 处")
        if quota.at_most is not None and count > quota.at_most:
            found.append(f"{quota.name}至多 {quota.at_most} 处")
    for budget in rules.budgets:
        spent = float(np.asarray(budget.cost, np.float64)[sorted(opened)].sum())
        if spent > budget.limit + 1e-9 * max(1.0, budget.limit):
            found.append(f"{budget.name}不超过 {budget.limit:.10g}")
    if any(len(opened & set(group)) > 1 for group in rules.exclusive):
        found.append("互斥的候选点")
    if len(opened & set(rules.existing)) < rules.staying:
        found.append(f"现有站点至少保留 {rules.staying} 处")
    return tuple(found)


def quotas_by(
    labels: Sequence[str | None],
    *,
    at_least: int | Mapping[str, int] = 0,
    at_most: int | Mapping[str, int] | None = None,
    among: Collection[int] | None = None,
) -> tuple[Quota, ...]:
    """Make one quota for each label: by city, by county, by kind of host venue.

    Parameters
    ----------
    labels
        (n,) label of each candidate; None where it has none.
    at_least, at_most
        One number for all labels, or a number for some of them.
    among
        Only these candidates count, such as the new ones; without it all.

    Returns
    -------
    tuple of Quota
        In the order of the labels' first candidates; then those of ``at_least`` that no candidate has, which
        makes the request infeasible and is told so.

    Raises
    ------
    ValueError
        ``at_most`` has a label that no candidate has.

    Examples
    --------
    >>> quotas_by(["甲县", "乙县", "甲县"], at_least={"甲县": 1}, at_most=2)[0]
    Quota(name='甲县', candidates=(0, 2), at_least=1, at_most=2)
    """
    members: dict[str, list[int]] = {str(label): [] for label in labels if label is not None}
    unknown = set(at_most) - set(members) if isinstance(at_most, Mapping) else set()
    if unknown:
        raise ValueError(f"no candidate has the label {', '.join(sorted(unknown))}")
    counted = None if among is None else set(map(int, among))
    for candidate, label in enumerate(labels):
        if label is not None and (counted is None or candidate in counted):
            members[str(label)].append(candidate)
    if isinstance(at_least, Mapping):
        members |= {label: [] for label in at_least if label not in members}

    def asked(numbers: int | Mapping[str, int] | None, label: str) -> int | None:
        return numbers.get(label) if isinstance(numbers, Mapping) else numbers

    quotas = (
        Quota(label, tuple(some), asked(at_least, label) or 0, asked(at_most, label))
        for label, some in members.items()
    )
    return tuple(quota for quota in quotas if quota.at_least or quota.at_most is not None)
