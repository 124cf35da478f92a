"""Robust covering: one plan for several situations, such as closed roads or other demand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .branch import Progress
from .models import by_gain
from .plan import Plan
from .reduce import Mask
from .requests import no_plan
from .robust_search import Measure, Objective, Situation, Stages, States, states_of
from .rules import Rules
from .staged import Clock, ask

__all__ = ["RobustPlan", "Situation", "robust_mclp"]


@dataclass(frozen=True)
class RobustPlan:
    """A plan for all situations; tuples have one entry per situation."""

    names: tuple[str, ...]
    plan: Plan
    """``objective`` and ``bound``: worst cover or largest regret in the measure, or expected residents."""
    measure: Measure
    """Unit of the worst cover, the regret and the floor."""
    covered: tuple[float, ...]
    """Residents covered, recomputed from the input."""
    share: tuple[float, ...]
    """Of the situation's residents; NaN where it has none."""
    alone: tuple[float, ...]
    """Residents covered by the best plan that was found for this situation alone."""
    alone_bound: tuple[float, ...]
    """No plan covers more in this situation."""
    regret: tuple[tuple[float, float], ...]
    """Residents covered less than by the best plan for the situation alone: at least and at most."""
    expected: float
    """Residents covered on average over the probabilities."""
    expected_best: float
    """The same of the best plan for that alone that was found."""
    expected_bound: float
    """No plan covers more on average."""
    tie_bound: float
    """No plan that is as robust covers more on average (``worst`` and ``regret``); inf: not proven."""
    text: str
    """The worst situation and the price of robustness, in Chinese."""

    @property
    def price(self) -> tuple[float, float]:
        """Expected residents given up against the best plan for the expectation: at least and at most."""
        return max(0.0, self.expected_best - self.expected), max(0.0, self.expected_bound - self.expected)


def robust_mclp(
    situations: Sequence[Situation],
    n_candidates: int,
    *,
    objective: Objective = "worst",
    p: int | None = None,
    cost: ArrayLike | None = None,
    budget: float | None = None,
    floor: float | None = None,
    measure: Measure | None = None,
    forced: Sequence[int] = (),
    forbidden: Sequence[int] = (),
    rules: Rules | None = None,
    gap: float = 0.0,
    time_limit_s: float = 60.0,
    progress: Progress | None = None,
) -> RobustPlan:
    """Open sites that do well in all situations (robust maximal covering).

    With ``c_s(x)`` the residents covered in situation ``s``, its probability ``q_s``, and the best
    ``c_s* = max_x c_s(x)`` of each situation alone (Kouvelis and Yu 1997; Snyder 2006)::

        expected   max sum_s q_s c_s(x)
        worst      max min_s c_s(x)
        regret     min max_s (c_s* - c_s(x))
        mix        max sum_s q_s c_s(x)   s.t.  c_s(x) >= floor  for every s

    The sites are chosen once and stay in all situations. In the measure ``share`` covers count as shares of
    each situation's residents in ``worst``, ``regret`` and ``mix``. Among plans of the same worst cover or
    regret the one with the most expected residents is looked for, with a bound of its own. Where some
    ``c_s*`` are known only between a plan and its bound, regrets are told as intervals, ``objective`` is
    what is guaranteed, and ``bound`` allows for the least that ``c_s*`` may be.

    Parameters
    ----------
    situations
        At least one.
    p, cost, budget, forced, forbidden
        As for `mclp`; costs > 0.
    floor
        For ``mix``: the least cover in every situation, in the measure.
    measure
        By default ``residents`` where all situations have the same residents in sum, else ``share``.
        Situations without residents do not count.
    rules
        Hold for the sites, which are the same in all situations; minimums of rows are refused.
    gap
        The search stops at this gap, a share.
    time_limit_s
        Wall time of all stages together; after it, or Ctrl-C, the best plan so far is returned.
    progress
        Called during the search for the objective.

    Returns
    -------
    RobustPlan
        With status ``infeasible`` and the reason in ``plan.note`` where no plan meets the request.

    Raises
    ------
    ValueError
        The arrays do not fit together, or numbers or positions cannot be.

    Examples
    --------
    The bridge to the larger village may be closed:

    >>> open_ = Situation("畅通", np.array([0, 2, 3]), np.array([0, 1, 1]), np.array([5, 3]))
    >>> shut = Situation("断桥", np.array([0, 1, 2]), np.array([0, 1]), np.array([5, 3]))
    >>> found = robust_mclp([open_, shut], 2, p=1)
    >>> found.plan.sites, found.covered, found.plan.bound, found.plan.status
    ((0,), (5.0, 5.0), 5.0, 'optimal')
    """
    clock = Clock(time_limit_s)
    if not situations:
        raise ValueError("give at least one situation")
    if objective not in ("worst", "expected", "regret", "mix"):
        raise ValueError(f"objective {objective!r} is none of worst, expected, regret, mix")
    if (floor is None) == (objective == "mix") or (floor is not None and not 0 <= floor < math.inf):
        raise ValueError("mix needs a floor >= 0, other objectives have none")
    given: dict[str, Any] = {"p": p, "cost": cost, "budget": budget, "forced": forced, "forbidden": forbidden}
    asked = ask(n_candidates, n_rows=None, rules=rules, **given)
    states = states_of(situations, n_candidates, measure)
    why = asked.reason()
    if why:
        return _nothing(states, no_plan("infeasible", why, clock.started))
    stages = Stages(asked, states, objective, floor or 0.0, clock, gap, progress)
    plan, best, tie = stages.run()
    if best is None:
        return _nothing(states, replace(plan, seconds=clock.spent()))
    return _result(stages, plan, best, tie)


def _result(stages: Stages, plan: Plan, best: Mask, tie: float) -> RobustPlan:
    """Recompute all figures of a plan from the rows."""
    states, asked = stages.states, stages.asked
    matrix, weight, times = states.together()
    keep = None if asked.rules else asked.opened
    everybody = np.concatenate(states.weight)  # also in situations without probability
    needed, _ = by_gain(matrix, everybody, np.flatnonzero(best).tolist(), keep)
    sites, gains = by_gain(matrix, weight, needed)
    covered = states.covered(best)
    expected = [math.fsum(states.chance * states.covered(opened)) for opened in (best, *stages.known)]
    alone = np.maximum(stages.alone, covered)
    bound = np.maximum(stages.alone_bound, alone)
    some = np.where(states.total > 0, states.total, np.nan)
    found = RobustPlan(
        names=states.names,
        plan=replace(
            plan, sites=sites, gains=tuple(gain / times for gain in gains), seconds=stages.clock.spent()
        ),
        measure=states.measure,
        covered=tuple(covered.tolist()),
        share=tuple((covered / some).tolist()),
        alone=tuple(alone.tolist()),
        alone_bound=tuple(bound.tolist()),
        regret=tuple(zip((alone - covered).tolist(), (bound - covered).tolist(), strict=True)),
        expected=expected[0],
        expected_best=max(expected),
        expected_bound=max(stages.expected_bound, *expected),
        tie_bound=tie,
        text="",
    )
    return replace(found, text=_text(found))


def _nothing(states: States, plan: Plan) -> RobustPlan:
    nan, none = math.nan, (math.nan,) * len(states.names)
    gaps = ((nan, nan),) * len(states.names)
    return RobustPlan(
        states.names, plan, states.measure, none, none, none, none, gaps, nan, nan, nan, nan, ""
    )


def _text(found: RobustPlan) -> str:
    """Say which situation is the worst, and what robustness costs."""
    shares = [math.inf if math.isnan(share) else share for share in found.share]
    by_measure = shares if found.measure == "share" else list(found.covered)
    worst = int(np.argmin(by_measure))
    most = max(range(len(found.names)), key=lambda s: found.regret[s][1])
    low, high = found.price
    told = f"最差情形是{found.names[worst]}, 覆盖 {found.covered[worst]:,.0f} 人"
    if math.isfinite(shares[worst]):
        told += f"({shares[worst]:.1%})"
    told += f"; 与单独为某一情形安排相比, 至多少覆盖 {found.regret[most][1]:,.0f} 人({found.names[most]})"
    price = f"{low:,.0f}" if high - low < 0.5 else f"{low:,.0f} 至 {high:,.0f}"
    share = f"({low / found.expected_best:.2%})" if found.expected_best > 0 else ""
    return f"{told}; 稳健的代价: 平均覆盖比只求平均最多的方案少 {price} 人{share}"
