"""A supply network of three levels: which hubs and stores to open, and what flows and stands where."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array, vstack

from .plan import OPTIMAL_GAP, Plan
from .program import CoverProgram, Outcome
from .program_plan import plan_of
from .reduce import Floats, Mask, Positions
from .requests import no_plan
from .supply_network_flows import settle
from .supply_network_model import Arcs, arcs_of, costs_of, even_program, flows_of, network_program, outputs_of
from .supply_network_search import search
from .supply_network_types import Flows, Level, SupplyNetwork, SupplyPlan, check_network

_EXPLAINING_S = 10.0
"""Wall time at most for what could be done instead of an infeasible request."""

_NAMED = 5
"""Counties named in a reason."""


def supply_network(
    network: SupplyNetwork,
    *,
    budget: float | None = None,
    least: float | None = None,
    time_limit_s: float = 60.0,
) -> SupplyPlan:
    """Open hubs and stores between fixed centres and counties, at the least cost, or for a budget.

    With ``x_j = 1`` where hub or store ``j`` is opened, and flows ``f`` (centre to hub), ``g`` (hub to
    store), ``e`` (hub to county) and ``z`` (store to county) on the ways within their limits::

        min   sum_j o_j x_j + costs of flows + holding costs of stocks
        s.t.  least d_k <= sum_s z_sk + sum_h e_hk <= d_k          every county k
              stock_j = out_j - in_j                                what goes out of j came in or stood there
              out_j <= throughput_j x_j,  stock_j <= room_j x_j     every hub and store; centres are open
              stock_s >= a_S out_s                                  every store s
              stock_h >= a_H / (1 - a_S) g_h + (a_S + a_H) e_h      every hub h
              z_sk <= d_k x_s,  e_hk <= d_k x_h                     every way (strong linking)
              g_hs <= min(throughput_h, (1 - a_S) throughput_s) x_h
              x_j in {0, 1}, flows >= 0

    ``a_S`` and ``a_H`` are the shares of the demand that stand in advance in stores and in hubs; the centres
    hold the rest. With a budget the bags delivered are the objective, costs are within the budget, and of
    equal deliveries the cheapest is given. Facility location on levels with flow: Şahin and Süral (2007);
    cover by levels: Moore and ReVelle (1982); strong linking: Krarup and Pruzan (1983). Beside these, as
    many hubs and stores are asked for as the largest throughputs need (a cut that plans keep anyway).

    Parameters
    ----------
    network
        Limits such as 6 h from a store to a county, 8 h from a hub and 10 h from the centre are those of its
        ways, with minutes that count from the order.
    budget
        What everything may cost.
    least
        Share of each county's demand that must be met: without it 1, with a budget 0.
    time_limit_s
        Wall time for the solver; then, and after Ctrl-C, the best plan so far with its gap.

    Returns
    -------
    SupplyPlan
        Flows are those of the linear program of the open sites, not whole numbers. Infeasible with a
        reason in ``plan.note``: counties that nothing reaches, throughputs, numbers or a budget that do not
        suffice, and what would; finding that takes some seconds beyond ``time_limit_s``.

    Raises
    ------
    ValueError
        Arrays do not fit together, a number is negative or not finite, shares are not in 0..1.

    Examples
    --------
    >>> from .supply_network_types import Leg, Level, SupplyNetwork
    >>> two = np.array([90.0, 90.0])
    >>> network = SupplyNetwork(
    ...     demand=np.array([40.0, 20.0]),
    ...     centres=Level(np.array([100.0]), np.array([100.0]), np.zeros(1)),
    ...     hubs=Level(two, two, np.array([10.0, 30.0]), at_most=1),
    ...     stores=Level(two, two / 3, np.array([5.0, 150.0]), stock_share=0.5),
    ...     supply=Leg(np.array([[60.0, 60.0]]), 600.0),
    ...     refill=Leg(np.full((2, 2), 60.0), 480.0),
    ...     delivery=Leg(np.array([[10.0, 60.0], [60.0, 10.0]]), 360.0, per_minute=0.1),
    ... )
    >>> found = supply_network(network)
    >>> found.plan.status, found.hubs.tolist(), found.stores.tolist(), found.plan.objective
    ('optimal', [0], [0], 175.0)
    >>> found.flows.delivery.tolist(), found.stock[2].tolist(), found.flows.refill.tolist()
    ([[40.0, 20.0], [0.0, 0.0]], [30.0, 0.0], [[30.0, 0.0], [0.0, 0.0]])
    """
    started = time.monotonic()
    check_network(network, budget, least)
    share = least if least is not None else 1.0 if budget is None else 0.0
    arcs = arcs_of(network)
    reason = _impossible(network, arcs, share)
    if reason:
        return _described(network, arcs, None, no_plan("infeasible", reason, started))
    program, scale = network_program(network, arcs, share, budget)
    outcome = search(program, network.hubs.count, time_limit_s)
    if outcome.status == "infeasible":
        reason = _instead(network, arcs, share, budget) or plan_of(program, outcome, sites=(), gains=()).note
        return _described(network, arcs, None, no_plan("infeasible", reason, started))
    if outcome.objective == -math.inf:
        late = no_plan("feasible", "限时内没有找到可行方案, 也没有证明它不存在", started)
        if budget is not None:
            late = replace(late, objective=math.nan, bound=math.fsum(network.demand))
        return _described(network, arcs, None, late)
    found = _without_idle(network, arcs, outcome.opened, _flows(network, arcs, program, outcome, budget))
    left = time_limit_s - (time.monotonic() - started)
    if budget is not None and outcome.status == "optimal" and left > 0.0:
        found = _cheapest(network, arcs, share, found, left)
    plan = plan_of(program, outcome, sites=(), gains=(), minimise=budget is None)
    plan = replace(plan, bound=plan.bound / scale, seconds=time.monotonic() - started)
    return _ranked(_described(network, arcs, found, plan), budget is None)


def _flows(
    network: SupplyNetwork, arcs: Arcs, program: CoverProgram, outcome: Outcome, budget: float | None
) -> Floats:
    worth = program.y_value if budget is not None else None
    y = settle(program, outcome.opened, costs_of(network, arcs), worth)
    return outcome.y if y is None else y


def _without_idle(network: SupplyNetwork, arcs: Arcs, opened: Mask, y: Floats) -> tuple[Mask, Floats]:
    """Close the sites that nothing goes out of, but for the forced ones."""
    flows, h = flows_of(network, arcs, y), network.hubs.count
    out = np.r_[flows.refill.sum(axis=1) + flows.direct.sum(axis=1), flows.delivery.sum(axis=1)]
    stays = out > 0.0
    stays[[*network.hubs.forced, *(h + store for store in network.stores.forced)]] = True
    return opened & stays, y


def _cheapest(
    network: SupplyNetwork, arcs: Arcs, least: float, found: tuple[Mask, Floats], time_limit_s: float
) -> tuple[Mask, Floats]:
    """Look for the least cost of all plans that deliver as much as one; that one where none is found."""
    opened, y = found
    program, _ = network_program(network, arcs, least, None)
    met = np.zeros(arcs.size)
    met[arcs.delivery.place], met[arcs.direct.place] = arcs.delivery.unit, arcs.direct.unit
    as_much = csr_array(np.r_[np.zeros(program.n_sites), -met / arcs.total][None, :])
    program = replace(
        program,
        side=csr_array(vstack([program.side, as_much], format="csr")),
        limit=np.r_[program.limit, -float(met @ y) / arcs.total],
        names=(*program.names, "交付的数量"),
        hard=np.r_[program.hard, True],
    )
    outcome = search(program, network.hubs.count, time_limit_s)
    if outcome.objective <= float(program.x_value @ opened + program.y_value @ y):
        return found
    return _without_idle(network, arcs, outcome.opened, _flows(network, arcs, program, outcome, None))


def _described(
    network: SupplyNetwork, arcs: Arcs, found: tuple[Mask, Floats] | None, plan: Plan
) -> SupplyPlan:
    """Tell all that open sites and quantities say; nothing is open or flows where nothing was found."""
    h, n = network.hubs.count, network.hubs.count + network.stores.count
    opened, y = (np.zeros(n, bool), np.zeros(arcs.size)) if found is None else found
    flows = flows_of(network, arcs, y)
    out = (
        flows.supply.sum(axis=1),
        flows.refill.sum(axis=1) + flows.direct.sum(axis=1),
        flows.delivery.sum(axis=1),
    )
    into = (np.zeros(network.centres.count), flows.supply.sum(axis=0), flows.refill.sum(axis=0))
    stock = tuple(np.maximum(sent - came, 0.0) for sent, came in zip(out, into, strict=True))
    met = np.minimum(flows.delivery.sum(axis=0) + flows.direct.sum(axis=0), network.demand)
    sites = np.flatnonzero(opened)
    gains = np.r_[out[1], out[2]][sites]
    order = np.argsort(-gains, kind="stable")
    return SupplyPlan(
        plan=replace(plan, sites=tuple(sites[order].tolist()), gains=tuple(gains[order].tolist())),
        hubs=np.flatnonzero(opened[:h]),
        stores=np.flatnonzero(opened[h:]),
        flows=flows,
        stock=(stock[0], stock[1], stock[2]),
        used=(
            _used(out[0], network.centres, np.ones(network.centres.count, bool)),
            _used(out[1], network.hubs, opened[:h]),
            _used(out[2], network.stores, opened[h:]),
        ),
        cost=_costs(network, opened, flows, stock),
        met=met,
        unmet=np.asarray(network.demand, np.float64) - met,
    )


def _used(out: Floats, level: Level, opened: Mask) -> Floats:
    most = np.where(opened & (level.throughput > 0), level.throughput, np.nan)
    return np.where(np.isinf(most), np.nan, out / most)


def _costs(network: SupplyNetwork, opened: Mask, flows: Flows, stock: tuple[Floats, ...]) -> dict[str, float]:
    """Add up the cost of each part, from the arrays of the request."""
    h = network.hubs.count
    legs = {
        "省级中心至枢纽": (network.supply, flows.supply),
        "枢纽至仓库": (network.refill, flows.refill),
        "枢纽至县": (network.direct, flows.direct),
        "仓库至县": (network.delivery, flows.delivery),
    }
    cost = {
        "开设枢纽": math.fsum(network.hubs.opening[opened[:h]]),
        "开设仓库": math.fsum(network.stores.opening[opened[h:]]),
    }
    for name, (leg, bags) in legs.items():
        used = np.nonzero(bags)
        each = 0.0 if leg is None else leg.per_bag + leg.per_minute * np.asarray(leg.minutes)[used]
        cost[name] = math.fsum(bags[used] * each)
    levels = (network.centres, network.hubs, network.stores)
    cost["持有储备"] = math.fsum(
        level.holding * float(there.sum()) for level, there in zip(levels, stock, strict=True)
    )
    return cost


def _ranked(found: SupplyPlan, minimise: bool) -> SupplyPlan:
    """Take the objective from the arrays, and say what the bound proves of it."""
    plan = found.plan
    if minimise:
        value, bound = found.total, min(plan.bound, found.total)
    else:
        value = math.fsum(found.met)
        bound = min(max(plan.bound, value), math.fsum(found.met) + math.fsum(found.unmet))
    distance = abs(bound - value)
    proven = distance <= OPTIMAL_GAP * max(abs(value), abs(bound))
    made = replace(
        plan,
        objective=value,
        bound=bound,
        status="optimal" if proven else "feasible",
        gap=distance / max(abs(value), abs(bound), 1e-300),
    )
    return replace(found, plan=made)


# Why a request cannot be met


def _impossible(network: SupplyNetwork, arcs: Arcs, least: float) -> str:
    """Say what excludes every plan at first sight; empty where nothing does."""
    for level, name in ((network.hubs, "枢纽"), (network.stores, "仓库")):
        both = sorted(set(level.forced) & set(level.forbidden))
        if both:
            return f"{len(both)} 处{name}既要求必选又要求禁选 (序号 {', '.join(map(str, both[:_NAMED]))})"
        if level.at_most is not None and len(set(level.forced)) > level.at_most:
            return f"必选的{name}有 {len(set(level.forced))} 处, 多于至多 {level.at_most} 处"
    reached = np.zeros(len(network.demand), bool)
    reached[arcs.delivery.end] = reached[arcs.direct.end] = True
    lost = np.flatnonzero((np.asarray(network.demand) > 0) & ~reached)
    if least > 0.0 and len(lost):
        return f"{len(lost)} 个县在时限内没有可用的仓库能送到: {_names(network, lost)}"
    out_h, out_s = outputs_of(network, arcs)
    need, most = least * float(np.sum(network.demand)), 0.0
    for level, out, used in (
        (network.stores, out_s, True),
        (network.hubs, out_h, network.direct is not None),
    ):
        some = np.sort(np.delete(out, list(set(level.forbidden))))[::-1]
        most += float(some[: level.at_most].sum()) if used else 0.0
    if most < need * (1.0 - 1e-9):
        counted = "按供货能力、库容和储备比例"
        return f"{counted}, 允许开设的仓库最多能供 {most:.10g} 袋, 少于需求 {need:.10g} 袋"
    return ""


def _names(network: SupplyNetwork, counties: Positions) -> str:
    named = [network.county_names[k] if network.county_names else f"序号 {k}" for k in counties[:_NAMED]]
    return "、".join(named) + ("等" if len(counties) > _NAMED else "")


def _instead(network: SupplyNetwork, arcs: Arcs, least: float, budget: float | None) -> str:
    """Say what an infeasible request can have instead; empty where that was not found in time."""
    if budget is not None:
        program, scale = network_program(network, arcs, least, None)
        outcome = search(program, network.hubs.count, _EXPLAINING_S)
        if outcome.objective > -math.inf:
            low, high = -outcome.bound / scale, -outcome.objective / scale
            found = f"至少要 {low:.10g}, 已找到 {high:.10g} 的方案"
            what = f"满足各县 {100.0 * least:g}% 的需求" if least > 0.0 else "必选的站点"
            return f"{what}{found}, 预算只有 {budget:.10g}"
        if outcome.status != "infeasible":
            return ""
    free = replace(
        network,
        hubs=replace(network.hubs, at_most=None),
        stores=replace(network.stores, at_most=None),
    )
    all_open, share = _most_even(free, arcs), _most_even(network, arcs)
    if all_open < least * (1.0 - 1e-6):
        return f"即使全部开设, 各县的需求也只能同时满足 {_percent(all_open)}, 低于要求的 {100.0 * least:g}%"
    limits = [
        f"{name}至多 {level.at_most} 处"
        for level, name in ((network.hubs, "枢纽"), (network.stores, "仓库"))
        if level.at_most is not None
    ]
    return f"全部开设能满足要求, 但{'、'.join(limits)}时各县的需求只能同时满足 {_percent(share)}"


def _most_even(network: SupplyNetwork, arcs: Arcs) -> float:
    """Find a share of its demand that every county can have at once, as large as is found in time."""
    outcome = search(even_program(network, arcs), network.hubs.count, _EXPLAINING_S)
    return max(0.0, outcome.objective)


def _percent(share: float) -> str:
    """Say a share so that it can be asked for: rounded down."""
    return f"{math.floor(share * 1000.0 + 1e-6) / 10.0:g}%"
