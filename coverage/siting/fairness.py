"""Fair covering: raise the least covered county first, or cover the most within a Gini limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .branch import Progress
from .fair_program import Counties, counties_of, gini_of_shares
from .fair_search import Fair, FairObjective, Level
from .models import by_gain
from .plan import Plan
from .reduce import Mask, cover_matrix
from .requests import no_plan, weights_of
from .rules import Rules
from .staged import Clock, ask

__all__ = ["FairPlan", "Level", "fair_mclp", "gini_of_shares"]

_NAMED = 5
"""Counties named in a note."""


@dataclass(frozen=True)
class FairPlan:
    """A plan that is fair among counties; tuples have one entry per county."""

    names: tuple[str, ...]
    plan: Plan
    """``objective``: residents covered; ``bound``: no plan that is as fair covers more. Its status is
    ``optimal`` only where the fairness is proven, too."""
    share: tuple[float, ...]
    """Covered share of the residents, recomputed from the input; NaN without residents."""
    counted: tuple[bool, ...]
    """False where no plan can change the share: such counties do not count as the lowest."""
    lowest: float
    """Lowest share of the counties that count; 1 where none does."""
    lowest_bound: float
    """No plan has a higher lowest share (``maxmin`` and ``lexicographic``)."""
    levels: tuple[Level, ...]
    """Of ``lexicographic``: the shares in ascending order, as far as they were looked for."""
    gini: float
    """Gini's coefficient of all counties' shares, weighted by residents; 0 where nobody is covered."""
    plain: float
    """Residents covered by the best plan found without fairness, under the same rules."""
    plain_bound: float
    """No plan covers more without fairness."""
    text: str
    """The lowest county and the price of fairness, in Chinese."""

    @property
    def price(self) -> tuple[float, float]:
        """Residents given up against the plain optimum: at least and at most."""
        covered = self.plan.objective
        return max(0.0, self.plain - covered), max(0.0, self.plain_bound - covered)


def fair_mclp(
    indptr: NDArray[np.integer[Any]],
    indices: NDArray[np.integer[Any]],
    weight: NDArray[np.floating[Any] | np.integer[Any]],
    n_candidates: int,
    *,
    group: ArrayLike,
    names: Sequence[str] | None = None,
    objective: FairObjective = "maxmin",
    gini_limit: float | None = None,
    floor: float = 0.0,
    p: int | None = None,
    cost: ArrayLike | None = None,
    budget: float | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    gap: float = 0.0,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> FairPlan:
    """Open sites so that the covered shares of counties are fair (equity in maximal covering).

    With ``t_c`` of the ``W_c`` residents of county ``c`` covered and ``s_c = t_c / W_c``::

        maxmin         max min_c s_c, then max sum_c t_c among the plans that reach it
        lexicographic  max min_c s_c, then the second lowest share, and so on, then max sum_c t_c
        gini           max sum_c t_c   s.t.  sum_ab W_a W_b |s_a - s_b| / (2 W sum_c t_c) <= gini_limit

    Lexicographic: the sums of the k lowest shares are raised one after the other, which is the same order;
    each is ``max k r - sum_c d_c`` with ``d_c >= r - s_c`` (Ogryczak 1997; Ogryczak and Tamir 2003). How
    many counties get anything at all is a maximal covering of counties and solved first: it decides where
    there are fewer sites than counties. Gini: see Drezner, Drezner and Guyse (2009); covers are exact in
    both directions, with a row for each pair of class and candidate, so it is for some 1 000 classes; above
    100 000 pairs only plans of the other stages are tried, and the bound leaves out the limit (told in the
    note).

    Parameters
    ----------
    group
        (m,) county of each row, counted from 0.
    names
        Of the counties, in Chinese; by default 第1组 and so on.
    gini_limit
        0..1, for ``gini``; it holds within 1e-6. Counties that no candidate reaches count with share 0.
    floor
        Share that every county must have whose share can be changed.
    p, cost, budget, forced, forbidden, rules
        As for `mclp`, costs > 0; rules see `Rules`.
    gap
        The search of the fairness stops at this gap, a share.
    time_limit_s
        Wall time of all stages together; after it, or Ctrl-C, the best plan so far is returned.
    progress
        Called during the search of the fairness, with its objective.

    Returns
    -------
    FairPlan
        With status ``infeasible`` and the reason in ``plan.note`` where no plan meets the request.

    Raises
    ------
    ValueError
        The arrays do not fit together, or numbers or positions cannot be.

    Examples
    --------
    One site: 6 of 8 residents of one county, or 2 of each of both:

    >>> indptr, indices = np.array([0, 1, 3, 4]), np.array([0, 0, 1, 1])
    >>> weight, county = np.array([4, 2, 2]), np.array([0, 0, 1])
    >>> found = fair_mclp(indptr, indices, weight, 2, group=county, p=1)
    >>> found.plan.sites, found.plan.objective, found.price, round(found.lowest, 3), found.plan.status
    ((1,), 4.0, (2.0, 2.0), 0.333, 'optimal')
    """
    clock = Clock(time_limit_s)
    if objective not in ("maxmin", "lexicographic", "gini"):
        raise ValueError(f"objective {objective!r} is none of maxmin, lexicographic, gini")
    if (gini_limit is None) == (objective == "gini"):
        raise ValueError("gini needs a gini_limit, other objectives have none")
    if not 0.0 <= (gini_limit or 0.0) <= 1.0 or not 0.0 <= floor <= 1.0:
        raise ValueError("gini_limit and floor must lie in 0..1")
    matrix = cover_matrix(indptr, indices, n_candidates)
    weights = weights_of(weight, matrix.shape[0])
    way: dict[str, Any] = {"p": p, "cost": cost, "budget": budget, "forced": forced, "forbidden": forbidden}
    asked = ask(n_candidates, n_rows=len(weights), rules=rules, **way)
    counties = counties_of(matrix, weights, group, names, asked)
    why = asked.reason()
    if why:
        return _nothing(counties, no_plan("infeasible", why, clock.started))
    fair = Fair(counties, floor, clock, gap, progress)
    plan, best = fair.run(objective, 1.0 if gini_limit is None else gini_limit)
    if best is None:
        return _nothing(counties, replace(_explained(fair, plan), seconds=clock.spent()))
    return _result(fair, plan, best, objective)


def _explained(fair: Fair, plan: Plan) -> Plan:
    """Say how high the floor may be at most where it is what cannot be met."""
    if plan.status != "infeasible" or not fair.floor or fair.plain.status == "infeasible":
        return plan
    freed = Fair(fair.counties, 0.0, fair.clock, 0.0, None, known=list(fair.known))
    found, best = freed.run("maxmin", 1.0)
    if best is None or found.status == "infeasible":
        return plan
    most = fair.counties.lowest(best)
    if most >= fair.floor:
        return plan
    known = "最多" if freed.lowest_bound - most <= 1e-6 else "已知最多"
    why = f"最低的县(市、区){known}能覆盖 {most:.1%}, 达不到要求的 {fair.floor:.1%}"
    return replace(plan, note=f"{plan.note}; {why}" if plan.note else why)


def _result(fair: Fair, plan: Plan, best: Mask, objective: FairObjective) -> FairPlan:
    """Recompute all figures of a plan from the rows."""
    counties, asked = fair.counties, fair.asked
    keep = None if asked.rules else asked.opened
    sites, gains = by_gain(counties.matrix, counties.weight, np.flatnonzero(best).tolist(), keep)
    lowest = counties.lowest(best)
    bound = max(lowest, fair.lowest_bound) if objective != "gini" else math.nan
    proven = objective == "gini" or bound - lowest <= 1e-6
    proven = proven and all(level.proven for level in fair.levels)
    counted = counties.counted
    if objective == "lexicographic" and counted.any():
        proven = proven and len(fair.levels) == int(counted.sum())
    status = plan.status if proven else "feasible"
    notes = [plan.note, _left_out(counties)]
    share = np.where(counties.total > 0, counties.shares(best), np.nan)
    found = FairPlan(
        names=counties.names,
        plan=replace(
            plan,
            sites=sites,
            gains=gains,
            status=status,
            note="; ".join(note for note in notes if note),
            seconds=fair.clock.spent(),
        ),
        share=tuple(share.tolist()),
        counted=tuple(counted.tolist()),
        lowest=lowest,
        lowest_bound=bound,
        levels=tuple(fair.levels),
        gini=counties.gini(best),
        plain=max(fair.plain.objective, counties.residents(best)),
        plain_bound=max(fair.plain.bound, counties.residents(best)),
        text="",
    )
    return replace(found, text=_text(found))


def _left_out(counties: Counties) -> str:
    """Name the counties whose share no plan can change."""
    fixed = np.flatnonzero((counties.total > 0) & ~counties.counted)
    if not len(fixed):
        return ""
    named = "、".join(counties.names[c] for c in fixed[:_NAMED].tolist())
    more = "等" if len(fixed) > _NAMED else ""
    return f"{len(fixed)} 个县(市、区)的覆盖率任何候选点都改变不了, 不计入最低({named}{more})"


def _nothing(counties: Counties, plan: Plan) -> FairPlan:
    nan, none = math.nan, (math.nan,) * len(counties.names)
    counted = tuple(counties.counted.tolist())
    return FairPlan(counties.names, plan, none, counted, nan, nan, (), nan, nan, nan, "")


def _text(found: FairPlan) -> str:
    """Say which county is the lowest, and what fairness costs."""
    low, high = found.price
    some = [c for c, counts in enumerate(found.counted) if counts]
    told = ""
    if some:
        last = min(some, key=lambda c: found.share[c])
        told = f"最低的县(市、区)是{found.names[last]}, 覆盖 {found.share[last]:.1%}"
        if not math.isnan(found.lowest_bound):
            sure = found.lowest_bound - found.lowest <= 1e-6
            told += "(已证明不能更高); " if sure else f"(至多能到 {found.lowest_bound:.1%}); "
        else:
            told += "; "
    price = f"{low:,.0f}" if high - low < 0.5 else f"{low:,.0f} 至 {high:,.0f}"
    share = f"({low / found.plain:.2%})" if found.plain > 0 else ""
    return f"{told}公平的代价: 比只求覆盖最多的方案少覆盖 {price} 人{share}; 基尼系数 {found.gini:.3f}"
