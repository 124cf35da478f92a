"""Several types of resources that share one budget: how many stores, how many AEDs, and where."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array

from .branch import Progress
from .cover import solve_mclp
from .cover_request import CoverRequest, cover_request
from .models import covered_weight
from .plan import Plan
from .reduce import cover_matrix
from .requests import costs_of, weights_of
from .rules import Budget, Minimum, Quota, Rules, check


@dataclass(frozen=True, eq=False)
class Resource:
    """One type of resource: whom its candidates reach, what they cost, what reaching a resident is worth."""

    name: str
    """Such as 备灾仓库; each type has its own."""
    indptr: NDArray[np.integer[Any]]
    indices: NDArray[np.integer[Any]]
    """Compressed rows of the candidates that reach each row of this type's demand."""
    weight: NDArray[np.floating[Any] | np.integer[Any]]
    """(m,) residents of each row, >= 0."""
    n_candidates: int
    cost: NDArray[np.floating[Any] | np.integer[Any]]
    """(n,) >= 0; an existing site has 0, or what keeping it costs."""
    value: float = 1.0
    """What a resident reached counts, > 0."""
    at_least: int = 0
    at_most: int | None = None
    """Open sites of the type."""
    forced: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()
    rules: Rules = field(default_factory=Rules)
    """Rules among the sites of the type; its existing sites among them."""


@dataclass(frozen=True)
class SharedPlan:
    """Which sites of which type share a budget."""

    plan: Plan
    """Candidates of all types in one numbering, type after type; objective, bound and gains are residents
    times values."""
    types: dict[str, Plan]
    """By name, the sites of each type in its own numbering, with residents; its ``bound`` holds for plans
    whose other types reach as much as here."""
    spent: float
    """Cost of all open sites; NaN where infeasible."""


def shared_budget(
    types: Sequence[Resource],
    budget: float,
    *,
    exclusive: Sequence[Sequence[tuple[str, int]]] = (),
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> SharedPlan:
    """Share one budget among several types of resources such that the residents reached count most.

    With ``x_kj`` the sites, ``z_kr`` the rows covered and ``v_k`` the value of type ``k``: as many maximal
    coverings as types, linked by the budget (Schilling, Elzinga, Cohon, Church and ReVelle 1979, with a
    budget in place of numbers)::

        max   sum_k v_k sum_r w_kr z_kr
        s.t.  z_kr <= sum_j a_krj x_kj,   sum_k sum_j c_kj x_kj <= budget
              at_least_k <= sum_j x_kj <= at_most_k,   the rules of each type

    It is one maximal covering whose matrix has a block for each type.

    Parameters
    ----------
    types
        With different names.
    budget
        What all open sites may cost, existing and forced ones among them.
    exclusive
        Sets of ``(name, candidate)`` of which at most one may be open: types that want the same building.
    time_limit_s, progress
        As `mclp`.

    Returns
    -------
    SharedPlan
        Infeasible, with the reason, where the requirements contradict each other.

    Raises
    ------
    ValueError
        No types, names that repeat, values not > 0, or what `mclp` refuses.

    Examples
    --------
    >>> rows = np.array([0, 1, 2]), np.array([0, 1])
    >>> store = Resource("备灾仓库", *rows, np.array([90, 50]), 2, np.array([5, 5]))
    >>> aed = Resource("AED", *rows, np.array([30, 20]), 2, np.array([1, 1]))
    >>> found = shared_budget([store, aed], 7)
    >>> found.types["备灾仓库"].sites, found.types["AED"].sites, found.plan.objective, found.spent
    ((0,), (0, 1), 140.0, 7.0)
    """
    first = np.cumsum([0, *(resource.n_candidates for resource in types)])
    request = _joined(types, budget, exclusive, time_limit_s, progress)
    plan = solve_mclp(request)
    infeasible = plan.status == "infeasible"
    cost = request.rules.budgets[0].cost
    spent = math.nan if infeasible else math.fsum(cost[list(plan.sites)])
    parts = {
        resource.name: _part(resource, int(start), plan)
        for resource, start in zip(types, first[:-1], strict=True)
    }
    return SharedPlan(plan, parts, spent)


def _joined(
    types: Sequence[Resource],
    budget: float,
    exclusive: Sequence[Sequence[tuple[str, int]]],
    time_limit_s: float,
    progress: Progress | None,
) -> CoverRequest:
    """Make one request of all types, their rows and candidates one after the other."""
    place = _checked(types)
    matrices = [cover_matrix(one.indptr, one.indices, one.n_candidates) for one in types]
    weights = [weights_of(one.weight, len(one.indptr) - 1) * one.value for one in types]
    matrix = csr_array(block_diag(matrices, format="csr"))
    rules = Rules()
    first_row = 0
    for one, weight in zip(types, weights, strict=True):
        rules = _added(rules, one, place[one.name], matrix.shape[1], first_row)
        first_row += len(weight)
    rules = replace(rules, exclusive=(*rules.exclusive, *_sets(exclusive, types, place)))
    return cover_request(
        matrix.indptr,
        matrix.indices,
        np.concatenate(weights),
        matrix.shape[1],
        p=None,
        cost=np.concatenate([costs_of(one.cost, one.n_candidates, zero=True) for one in types]),
        budget=budget,
        forced=[place[one.name] + site for one in types for site in one.rules.forced(one.forced)],
        forbidden=[place[one.name] + site for one in types for site in one.forbidden],
        rules=rules,
        time_limit_s=time_limit_s,
        progress=progress,
    )


def _checked(types: Sequence[Resource]) -> dict[str, int]:
    """Check the types: the first candidate of each."""
    if not types or len({one.name for one in types}) < len(types):
        raise ValueError("give types of resources with different names")
    place, first = {}, 0
    for one in types:
        if not 0 < one.value < np.inf:
            raise ValueError(f"the value of {one.name} must be > 0 and finite")
        some = Quota("forced and forbidden", (*one.forced, *one.forbidden))
        check(one.rules, one.n_candidates, len(one.indptr) - 1)
        check(Rules(quotas=(some,)), one.n_candidates, 0)
        check(Rules(quotas=(Quota(one.name, (), one.at_least, one.at_most),)), one.n_candidates, 0)
        place[one.name], first = first, first + one.n_candidates
    return place


def _added(rules: Rules, one: Resource, first: int, n: int, first_row: int) -> Rules:
    """Add the rules of a type with its name before theirs; existing sites that all stay are forced.

    Where some may move, a quota keeps the others: existing sites of another type do not move instead.
    """

    def moved(some: Sequence[int]) -> tuple[int, ...]:
        return tuple(first + int(candidate) for candidate in some)

    def name(of: Quota | Budget | Minimum) -> str:
        return f"{one.name}: {of.name}"

    quotas = [
        replace(quota, name=name(quota), candidates=moved(quota.candidates)) for quota in one.rules.quotas
    ]
    if one.at_least or one.at_most is not None:
        quotas.append(Quota(one.name, moved(range(one.n_candidates)), one.at_least, one.at_most))
    if one.rules.relocations and one.rules.staying:
        stay = sorted(set(one.rules.existing))
        quotas.append(Quota(f"{one.name}: 现有站点", moved(stay), at_least=one.rules.staying))
    budgets = [
        replace(paid, name=name(paid), cost=np.pad(paid.cost, (first, n - first - one.n_candidates)))
        for paid in one.rules.budgets
    ]
    minimums = [
        replace(least, name=name(least), rows=np.asarray(least.rows, np.int64) + first_row)
        for least in one.rules.minimums
    ]
    return Rules(
        quotas=(*rules.quotas, *quotas),
        budgets=(*rules.budgets, *budgets),
        minimums=(*rules.minimums, *minimums),
        exclusive=(*rules.exclusive, *map(moved, one.rules.exclusive)),
    )


def _sets(
    exclusive: Sequence[Sequence[tuple[str, int]]], types: Sequence[Resource], place: dict[str, int]
) -> Iterator[tuple[int, ...]]:
    size = {one.name: one.n_candidates for one in types}
    for group in exclusive:
        if any(name not in size or not 0 <= site < size[name] for name, site in group):
            raise ValueError("exclusive sets must name types and their candidates")
        yield tuple(place[name] + int(site) for name, site in group)


def _part(resource: Resource, first: int, plan: Plan) -> Plan:
    """Take the sites of one type out of the plan, with its residents from the raw arrays."""
    own = [place for place, site in enumerate(plan.sites) if 0 <= site - first < resource.n_candidates]
    sites = tuple(plan.sites[place] - first for place in own)
    gains = tuple(plan.gains[place] / resource.value for place in own)
    if plan.status == "infeasible":
        return replace(plan, sites=sites, gains=gains)
    objective = covered_weight(resource.indptr, resource.indices, resource.weight, sites)
    bound = objective + max(0.0, plan.bound - plan.objective) / resource.value
    gap = (bound - objective) / bound if objective < bound < math.inf else float(bound > objective)
    whole = replace(plan, note="", certificate=None)
    return replace(whole, sites=sites, gains=gains, objective=objective, bound=bound, gap=gap)
