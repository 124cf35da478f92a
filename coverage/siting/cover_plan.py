"""From the program of a covering model to its plan, with objective and gains from the raw arrays."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from .branch import Progress
from .cover_request import CoverRequest
from .plan import OPTIMAL_GAP, Plan
from .program import CoverProgram
from .program_limits import MOST_WHOLE
from .program_plan import plan_of
from .program_search import solve_program
from .reduce import Floats, Mask, Positions
from .requests import no_plan

_NOTHING_FOUND = "时限内没有找到满足全部要求的方案"

RowWorth = Callable[[Floats], Floats]
"""From the (m,) numbers of open sites of each row to what the row is worth (m,)."""

Gains = Callable[[Positions], tuple[tuple[int, ...], tuple[float, ...]]]
"""From open sites to their order and what each adds to those before it."""


@dataclass(frozen=True)
class Measure:
    """What a plan of a model is worth, from raw arrays."""

    objective: Callable[[tuple[int, ...]], float]
    """Of some sites."""
    gains: Gains
    minimise: bool = False
    whole: bool = False
    """The objective is a whole number."""
    size: float = 1.0
    """Largest sum that is made on the way: rounding is a share of it."""
    offset: float = 0.0
    """The program's value, less the model's; gaps are shares of the program's."""
    need: Positions | None = None
    """(m,) open sites that a plan must keep for each row."""
    loose: float = 0.0
    """No plan is worth more than the program's bound and this."""


def count_open(matrix: csr_array, sites: Sequence[int]) -> Floats:
    """Count the open sites of each row (m,), from the raw arrays."""
    opened = np.zeros(matrix.shape[1])
    opened[np.asarray(sites, np.int64)] = 1.0
    return np.asarray(matrix @ opened, np.float64)


def worth_of(matrix: csr_array, worth: RowWorth) -> Callable[[tuple[int, ...]], float]:
    """Give the function that sums what the rows are worth with some sites open."""
    return lambda sites: math.fsum(worth(count_open(matrix, sites)))


def by_count(matrix: csr_array, worth: RowWorth, urge: RowWorth | None = None) -> Gains:
    """Order sites by what each adds where a row is worth something for the number of its open sites.

    Parameters
    ----------
    urge
        (m,) to open one more site of each row; what it adds where not given. For values that do not fall
        from site to site, where the first sites add nothing and still must come first.
    """

    def ordered(plan: Positions) -> tuple[tuple[int, ...], tuple[float, ...]]:
        columns = csr_array(matrix[:, plan].T.tocsr())
        count, closed = np.zeros(matrix.shape[0]), np.ones(len(plan), bool)
        sites, gains = [], []
        for _ in range(len(plan)):
            adds = worth(count + 1.0) - worth(count)
            wish = columns @ (adds if urge is None else urge(count))
            best = int(np.argmax(np.where(closed, wish, -1.0)))
            rows = columns.indices[columns.indptr[best] : columns.indptr[best + 1]]
            sites.append(int(plan[best]))
            gains.append(math.fsum(adds[rows]))
            count[rows] += 1.0
            closed[best] = False
        return tuple(sites), tuple(gains)

    return ordered


def answer(
    request: CoverRequest, program: CoverProgram, measure: Measure, *, starts: Sequence[Mask] = ()
) -> Plan:
    """Solve the program of a model and make the plan, its numbers recomputed from the raw arrays."""
    told = _told(request.progress, measure)
    try:
        outcome = solve_program(program, starts=starts, time_limit_s=request.left_s, progress=told)
    except KeyboardInterrupt:
        return _nothing(request, measure, math.inf)
    counts = request.counts | outcome.counts
    if outcome.status == "infeasible":
        plan = plan_of(program, outcome, sites=(), gains=(), minimise=measure.minimise)
        return replace(plan, reductions=counts, seconds=_seconds(request))
    if not math.isfinite(outcome.objective):
        return replace(_nothing(request, measure, outcome.bound), reductions=counts)
    sites, gains = measure.gains(np.flatnonzero(outcome.opened[: request.n_candidates]))
    sites, gains = _without_useless(request, measure, sites, gains)
    plan = plan_of(program, outcome, sites=sites, gains=gains, minimise=measure.minimise)
    plan = replace(plan, reductions=counts)
    plan = _settled(plan, measure.objective(sites), outcome.bound - measure.offset + measure.loose, measure)
    return replace(plan, note=plan.note or _unused(request, plan, measure), seconds=_seconds(request))


def _settled(plan: Plan, objective: float, bound: float, measure: Measure) -> Plan:
    """Put in objective, bound, gap and status; ``bound`` is of the maximised program.

    Raises
    ------
    RuntimeError
        The objective from the raw arrays contradicts the bound: one of them is wrong.
    """
    found = -objective if measure.minimise else objective
    slack = max(1e-6, 1e-11 * measure.size)
    if measure.whole and slack < 0.5 and math.isfinite(bound):
        bound = float(math.floor(bound + slack))
    if found > bound + 1e-6 * max(1.0, measure.size):
        raise RuntimeError(f"a plan is worth {found}, more than the proven bound {bound}")
    rounding = min(1e-9 * measure.size, 0.5 if measure.whole else math.inf)
    bound = found if bound <= found + rounding else bound
    gap = _gap(found, bound, measure)
    exact = measure.whole and measure.size < MOST_WHOLE  # the search goes on to the last resident
    proven = bound == found or (not exact and gap <= OPTIMAL_GAP)
    return replace(
        plan,
        objective=objective,
        bound=abs(bound) if bound == 0 else -bound if measure.minimise else bound,
        gap=gap,
        status="optimal" if proven else "feasible",
    )


def _gap(found: float, bound: float, measure: Measure) -> float:
    size = max(abs(bound), abs(found)) + measure.offset
    return 0.0 if bound == found else (bound - found) / size if math.isfinite(size) else 1.0


def _seconds(request: CoverRequest) -> float:
    return time.monotonic() - request.started


def _nothing(request: CoverRequest, measure: Measure, bound: float) -> Plan:
    """Give the plan that was not found in time."""
    plan = no_plan("feasible", _NOTHING_FOUND, request.started)
    if measure.minimise:
        return replace(plan, bound=max(0.0, -bound) if math.isfinite(bound) else 0.0)
    most = measure.objective(tuple(np.flatnonzero(request.allowed).tolist()))
    bound = min(most, bound - measure.offset + measure.loose)
    return replace(plan, objective=-math.inf, bound=bound)


def _told(progress: Progress | None, measure: Measure) -> Progress | None:
    """Tell the model's numbers where the program's get better."""
    if progress is None:
        return None
    tell, sign = progress, -1.0 if measure.minimise else 1.0

    def told(found: float, bound: float, _: float, seconds: float) -> None:
        found, bound = found - measure.offset, bound - measure.offset + measure.loose
        tell(sign * found, sign * bound, _gap(found, bound, measure), seconds)

    return told


def _without_useless(
    request: CoverRequest, measure: Measure, sites: tuple[int, ...], gains: tuple[float, ...]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Leave out the last sites that add nothing, but for those that a rule asks for."""
    rules, kept, forced = request.rules, list(sites), set(request.opened)
    floors = [(set(quota.candidates), quota.at_least) for quota in rules.quotas if quota.at_least > 0]
    floors += [(set(rules.existing), rules.staying)] if rules.staying else []
    need = np.zeros(len(request.weight)) if measure.need is None else measure.need.astype(np.float64)
    for minimum in rules.minimums:
        need[np.asarray(minimum.rows, np.int64)] = np.maximum(need[np.asarray(minimum.rows, np.int64)], 1.0)
    need[request.weight <= 0] = 0.0
    rows = request.matrix[need > 0]
    count, columns = count_open(rows, kept) - need[need > 0], csr_array(rows.T.tocsr())
    for site in reversed(sites):
        if gains[sites.index(site)] > 0.0:
            break
        its = columns.indices[columns.indptr[site] : columns.indptr[site + 1]]
        rest = set(kept) - {site}
        if site in forced or (count[its] <= 0).any():
            continue
        if all(site not in some or len(rest & some) >= least for some, least in floors):
            kept.remove(site)
            count[its] -= 1.0
    return tuple(kept), tuple(gains[sites.index(site)] for site in kept)


def _unused(request: CoverRequest, plan: Plan, measure: Measure) -> str:
    if measure.minimise or request.p is None or plan.status != "optimal" or len(plan.sites) >= request.p:
        return ""
    count = request.p - len(plan.sites)
    why = "按各项要求" if request.rules else ""
    return f"另外 {count} 个名额{why}不会增加覆盖人口, 未开设"
