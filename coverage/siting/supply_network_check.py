"""A checker of supply plans that knows nothing of how they were found."""

from __future__ import annotations

import numpy as np

from .reduce import Floats, Mask
from .supply_network_types import Leg, Level, SupplyNetwork, SupplyPlan

_TINY = 1e-6
"""Bags, as a share of all, by which a rule may be missed: what linear programs leave."""


def check_supply(
    network: SupplyNetwork, found: SupplyPlan, *, budget: float | None = None, least: float = 0.0
) -> tuple[str, ...]:
    """List what is wrong with a supply plan, from the request's arrays alone; empty where nothing is.

    Conservation at every site, throughputs, rooms, stock shares, limits of ways, closed sites, demand,
    numbers, the cost of all parts, and the objective: the cost, or with a budget the bags delivered.

    Examples
    --------
    >>> from .supply_network import supply_network
    >>> one, free = np.array([9.0]), np.zeros(1)
    >>> level, leg = Level(one, one, free), Leg(np.array([[30.0]]))
    >>> network = SupplyNetwork(np.array([5.0]), level, level, level, leg, leg, leg)
    >>> check_supply(network, supply_network(network), least=1.0)
    ()
    """
    tiny = _TINY * max(1.0, float(np.sum(network.demand)))
    open_h, open_s = _mask(network.hubs, found.hubs), _mask(network.stores, found.stores)
    open_c = np.ones(network.centres.count, bool)
    flows, problems = found.flows, []
    ways = (
        ("supply", network.supply, flows.supply, open_c, open_h),
        ("refill", network.refill, flows.refill, open_h, open_s),
        ("delivery", network.delivery, flows.delivery, open_s, None),
        ("direct", network.direct, flows.direct, open_h, None),
    )
    for name, leg, bags, start, end in ways:
        problems += [f"{name}: {text}" for text in _way(leg, bags, (start, end))]
    problems += _sites(network, found, tiny)
    problems += _numbers("hubs", network.hubs, open_h) + _numbers("stores", network.stores, open_s)
    got = flows.delivery.sum(axis=0) + flows.direct.sum(axis=0)
    if (got > network.demand + tiny).any() or (got < least * network.demand - tiny).any():
        problems.append("demand: a county gets too much or too little")
    if (np.abs(found.met - got) > tiny).any() or (
        np.abs(found.met + found.unmet - network.demand) > tiny
    ).any():
        problems.append("demand: met and unmet do not sum up")
    return tuple(problems + _money(network, found, (open_h, open_s), budget))


def _mask(level: Level, sites: np.ndarray) -> Mask:
    mask = np.zeros(level.count, bool)
    mask[sites] = True
    return mask


def _way(leg: Leg | None, bags: Floats, ends: tuple[Mask, Mask | None]) -> list[str]:
    used = bags > 0.0
    if (bags < 0.0).any():
        return ["a flow is negative"]
    if leg is None:
        return ["there is no such leg"] if used.any() else []
    problems = []
    if (used & ~(np.asarray(leg.minutes) <= min(leg.limit_min, 1e300))).any():
        problems.append("a way is too long")
    if used[~ends[0]].any() or (ends[1] is not None and used[:, ~ends[1]].any()):
        problems.append("bags go from or to a closed site")
    return problems


def _sites(network: SupplyNetwork, found: SupplyPlan, tiny: float) -> list[str]:
    """Check what goes in and out of every site, and what stands there."""
    flows, problems = found.flows, []
    store, hub = network.stores.stock_share, network.hubs.stock_share
    passed = hub / (1.0 - store) if store < 1.0 else 0.0
    refill, direct, delivery = (each.sum(axis=1) for each in (flows.refill, flows.direct, flows.delivery))
    none = np.zeros(network.centres.count)
    out = (flows.supply.sum(axis=1), refill + direct, delivery)
    into = (none, flows.supply.sum(axis=0), flows.refill.sum(axis=0))
    needed = (none, passed * refill + (store + hub) * direct, store * delivery)
    levels = {"centres": network.centres, "hubs": network.hubs, "stores": network.stores}
    for at, (name, level) in enumerate(levels.items()):
        stock = found.stock[at]
        if (np.abs(stock + into[at] - out[at]) > tiny).any():
            problems.append(f"{name}: bags are made or lost")
        if (out[at] > level.throughput + tiny).any() or (stock > level.room + tiny).any():
            problems.append(f"{name}: a throughput or a room is exceeded")
        if (stock < needed[at] - tiny).any():
            problems.append(f"{name}: too little stands there")
    return problems


def _numbers(name: str, level: Level, opened: Mask) -> list[str]:
    wrong = level.at_most is not None and opened.sum() > level.at_most
    wrong |= not opened[list(level.forced)].all() or bool(opened[list(level.forbidden)].any())
    return [f"{name}: too many, a forced one is closed, or a forbidden one open"] if wrong else []


def _money(
    network: SupplyNetwork, found: SupplyPlan, opened: tuple[Mask, Mask], budget: float | None
) -> list[str]:
    flows = found.flows
    cost = float(network.hubs.opening[opened[0]].sum() + network.stores.opening[opened[1]].sum())
    for level, stock in zip((network.centres, network.hubs, network.stores), found.stock, strict=True):
        cost += level.holding * float(stock.sum())
    for leg, bags in (
        (network.supply, flows.supply),
        (network.refill, flows.refill),
        (network.delivery, flows.delivery),
        (network.direct, flows.direct),
    ):
        if leg is not None:
            used = np.nonzero(bags)
            minutes = np.minimum(np.asarray(leg.minutes, np.float64)[used], 1e300)  # inf times 0 is no cost
            cost += float((bags[used] * (leg.per_bag + leg.per_minute * minutes)).sum())
    problems = []
    if abs(cost - found.total) > 1e-6 * max(1.0, cost):
        problems.append("the parts do not cost what is said")
    said = found.plan.objective
    worth = cost if budget is None else float(flows.delivery.sum() + flows.direct.sum())
    if not abs(worth - said) <= 1e-6 * max(1.0, worth):
        problems.append("the objective is not what the plan is worth")
    if budget is not None and cost > budget + 1e-6 * max(1.0, budget):
        problems.append("the plan is dearer than the budget")
    return problems
