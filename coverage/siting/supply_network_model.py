"""The cover program of a supply network: flows as quantities, in shares, with strong linking."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, hstack, vstack

from .program import CoverProgram
from .reduce import Floats, Mask, Positions
from .supply_network_types import Flows, Leg, Level, SupplyNetwork

_SCALE = 1e4
"""Costs are scaled so that a dear plan costs about this."""


Term = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Number of the constraint, column, and coefficient of each entry; one coefficient holds for all."""


class Ways(NamedTuple):
    """The ways of one leg that may be used, as quantities of the program."""

    start: Positions
    end: Positions
    first: int
    """Position of the first among the quantities; they follow one another."""
    unit: Floats
    """Bags of each at the value 1: the demand of its county, or that of all."""
    cost: Floats
    """Cost of one bag on each."""

    @property
    def place(self) -> Positions:
        """Positions among the quantities."""
        return np.arange(self.first, self.first + len(self.start), dtype=np.int64)


class Arcs(NamedTuple):
    """The ways of all legs."""

    delivery: Ways
    direct: Ways
    refill: Ways
    supply: Ways
    size: int
    """Number of quantities."""
    total: float
    """Bags that all counties need, at least 1e-9."""


def arcs_of(network: SupplyNetwork) -> Arcs:
    """List the ways within the limits, between sites that are not forbidden, to counties with demand."""
    hub, store = _allowed(network.hubs), _allowed(network.stores)
    demand = np.asarray(network.demand, np.float64)
    total, need = max(float(demand.sum()), 1e-9), demand > 0
    none = Leg(np.full((network.hubs.count, len(demand)), np.inf))
    legs = (
        (network.delivery, store, need, demand),
        (network.direct or none, hub, need, demand),
        (network.refill, hub, store, np.full(network.stores.count, total)),
        (network.supply, np.ones(network.centres.count, bool), hub, np.full(network.hubs.count, total)),
    )
    ways, first = [], 0
    for leg, out, into, unit in legs:
        minutes = np.asarray(leg.minutes, np.float64)
        start, end = np.nonzero(np.isfinite(minutes) & (minutes <= leg.limit_min) & out[:, None] & into)
        cost = leg.per_bag + leg.per_minute * minutes[start, end]
        ways.append(Ways(start.astype(np.int64), end.astype(np.int64), first, unit[end], cost))
        first += len(start)
    return Arcs(ways[0], ways[1], ways[2], ways[3], first, total)


def _allowed(level: Level) -> Mask:
    mask = np.ones(level.count, bool)
    mask[list(level.forbidden)] = False
    return mask


def shares_of(network: SupplyNetwork) -> tuple[float, float, float]:
    """Give the stock shares of what goes out: of stores, of hubs to stores, of hubs to counties."""
    store, hub = network.stores.stock_share, network.hubs.stock_share
    return store, min(1.0, hub / (1.0 - store)) if store < 1.0 else 0.0, min(1.0, store + hub)


def outputs_of(network: SupplyNetwork, arcs: Arcs) -> tuple[Floats, Floats]:
    """Bound what can go out of each hub (h,) and store (s,): throughput, room, demand in reach."""
    store, hub, _ = shares_of(network)
    near = np.bincount(arcs.delivery.start, arcs.delivery.unit, minlength=network.stores.count)
    out_s = np.minimum(np.minimum(network.stores.throughput, near), _by_room(network.stores.room, store))
    out_h = np.minimum(np.minimum(network.hubs.throughput, arcs.total), _by_room(network.hubs.room, hub))
    return out_h, out_s


def _by_room(room: Floats, share: float) -> Floats:
    return np.asarray(room / share if share > 0.0 else np.full(len(room), np.inf), np.float64)


@dataclass
class _Rows:
    """Side constraints as they are put together; columns are sites, then quantities."""

    columns: int
    _parts: list[tuple[Positions, Positions, Floats]] = field(default_factory=list)
    _limits: list[Floats] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    hard: list[bool] = field(default_factory=list)

    def add(self, name: str, limit: Floats, *terms: Term, hard: bool = True) -> None:
        """Add constraints ``sum of the terms <= limit``."""
        before = len(self.names)
        for row, column, value in terms:
            place = np.asarray(column, np.int64)
            coefficient = np.broadcast_to(np.asarray(value, np.float64), place.shape)
            self._parts.append((np.asarray(row, np.int64) + before, place, coefficient))
        self._limits.append(np.asarray(limit, np.float64))
        self.names += [name] * len(limit)
        self.hard += [hard] * len(limit)

    def matrix(self) -> tuple[csr_array, Floats]:
        """Give (q, columns) and (q,) limits."""
        row, column, value = (
            np.concatenate([np.empty(0), *(part[at] for part in self._parts)]) for at in range(3)
        )
        shape = (len(self.names), self.columns)
        matrix = csr_array((value, (row.astype(np.int64), column.astype(np.int64))), shape=shape)
        return matrix, np.concatenate([np.empty(0), *self._limits])


def network_program(
    network: SupplyNetwork, arcs: Arcs, least: float, budget: float | None
) -> tuple[CoverProgram, float]:
    """Make the program: least cost without a budget, most bags with one; and by what its worth is scaled.

    Quantities are shares: of the demand of a county on ways to it, of all demand on other ways.
    """
    n = network.hubs.count + network.stores.count
    rows = _Rows(n + arcs.size)
    opening = np.r_[network.hubs.opening, network.stores.opening].astype(np.float64)
    price = costs_of(network, arcs)
    scale = _SCALE / (arcs.total if budget is not None else max(_typical(opening, price, arcs), 1e-9))
    _demand_rows(rows, network, arcs, least)
    _store_rows(rows, network, arcs)
    _hub_rows(rows, network, arcs)
    _linking_rows(rows, network, arcs)
    _number_rows(rows, network, arcs, least)
    if budget is not None and math.isfinite(budget):
        every, unit = np.arange(n + arcs.size), 1.0 / max(_typical(opening, price, arcs), budget, 1e-9)
        spent = (every * 0, every, np.r_[opening, price] * unit)
        rows.add(f"总费用不超过 {budget:g}", np.array([budget * unit]), spent, hard=False)
    side, limit = rows.matrix()
    met = np.zeros(arcs.size)
    met[arcs.delivery.place], met[arcs.direct.place] = arcs.delivery.unit, arcs.direct.unit
    program = CoverProgram(
        rows=csr_array((0, n)),
        steps=np.empty((0, 1)),
        group=np.empty(0, np.int64),
        x_value=-opening * scale if budget is None else np.zeros(n),
        y_value=-price * scale if budget is None else met * scale,
        t_value=np.empty(0),
        y_upper=np.ones(arcs.size),
        side=side,
        limit=limit,
        names=tuple(rows.names),
        hard=np.array(rows.hard, bool),
    )
    return program, scale


def even_program(network: SupplyNetwork, arcs: Arcs) -> CoverProgram:
    """Make the program of the largest share of its demand that every county can have at once."""
    program, _ = network_program(network, arcs, 0.0, math.inf)
    n, m = program.n_sites, program.n_quantities
    needy, number = _needy(network)
    rows = _Rows(n + m + 1)
    share = (np.arange(len(needy)), np.full(len(needy), n + m), 1.0)
    both = [(number[ways.end], n + ways.place, -1.0) for ways in (arcs.delivery, arcs.direct)]
    rows.add("各县满足的比例", np.zeros(len(needy)), share, *both)
    side, limit = rows.matrix()
    before = csr_array(hstack([program.side, csr_array((program.side.shape[0], 1))], format="csr"))
    return replace(
        program,
        x_value=np.zeros(n),
        y_value=np.r_[np.zeros(m), 1.0],
        y_upper=np.r_[program.y_upper, 1.0],
        side=csr_array(vstack([before, side], format="csr")),
        limit=np.r_[program.limit, limit],
        names=(*program.names, *rows.names),
        hard=np.r_[program.hard, np.array(rows.hard, bool)],
    )


def _needy(network: SupplyNetwork) -> tuple[Positions, Positions]:
    """List the counties with demand, and the number of each county among them (k,)."""
    needy = np.flatnonzero(np.asarray(network.demand) > 0)
    number = np.full(len(network.demand), -1)
    number[needy] = np.arange(len(needy))
    return needy, number


def _typical(opening: Floats, price: Floats, arcs: Arcs) -> float:
    """Estimate what a dear plan costs: all sites, and every county by its dearest way."""
    dearest = 0.0
    for ways in (arcs.delivery, arcs.direct):
        if len(ways.start):
            worst = np.zeros(int(ways.end.max()) + 1)
            np.maximum.at(worst, ways.end, np.abs(price[ways.place]))
            dearest += float(worst.sum())
    return float(opening.sum()) + dearest


def costs_of(network: SupplyNetwork, arcs: Arcs) -> Floats:
    """Cost of each quantity at the value 1 (m,): of the way, and of what it leaves in stock."""
    centre, hub, store = network.centres.holding, network.hubs.holding, network.stores.holding
    added = (
        (arcs.delivery, store),
        (arcs.direct, hub),
        (arcs.refill, hub - store),
        (arcs.supply, centre - hub),
    )
    price = np.zeros(arcs.size)
    for ways, holding in added:
        price[ways.place] = (ways.cost + holding) * ways.unit
    return price


def _demand_rows(rows: _Rows, network: SupplyNetwork, arcs: Arcs, least: float) -> None:
    """No county gets more than it needs, and none less than its share."""
    n = network.hubs.count + network.stores.count
    needy, number = _needy(network)
    both = [(number[ways.end], n + ways.place) for ways in (arcs.delivery, arcs.direct)]
    rows.add("各县至多按需求供给", np.ones(len(needy)), *((r, c, 1.0) for r, c in both))
    if least > 0.0:
        what = f"各县需求至少满足 {least:.0%}"
        rows.add(what, np.full(len(needy), -least), *((r, c, -1.0) for r, c in both), hard=False)


def _store_rows(rows: _Rows, network: SupplyNetwork, arcs: Arcs) -> None:
    """Throughput, stock share and room of stores."""
    h, s = network.hubs.count, network.stores.count
    n, total, share = h + s, arcs.total, shares_of(network)[0]
    out, into = arcs.delivery, arcs.refill
    part, every = out.unit / total, np.arange(s)
    most = outputs_of(network, arcs)[1] / total
    leaving = (out.start, n + out.place, part)
    rows.add("仓库的供货能力", np.zeros(s), leaving, (every, h + every, -most))
    kept = (out.start, n + out.place, -(1.0 - share) * part)
    rows.add("仓库的储备比例", np.zeros(s), (into.end, n + into.place, 1.0), kept)
    tight = np.flatnonzero(network.stores.room / total < most)
    if len(tight):
        coming = (into.end, n + into.place, -1.0)
        room = np.where(network.stores.room / total < most, network.stores.room / total, most)
        rows.add("仓库的库容", np.zeros(s), leaving, coming, (every, h + every, -room))


def _hub_rows(rows: _Rows, network: SupplyNetwork, arcs: Arcs) -> None:
    """Throughput, stock share and room of hubs, and what centres can send."""
    h = network.hubs.count
    n, total = h + network.stores.count, arcs.total
    _, passed, given = shares_of(network)
    every, most = np.arange(h), outputs_of(network, arcs)[0] / total
    refill, direct, supply = arcs.refill, arcs.direct, arcs.supply
    part = direct.unit / total
    leaving = ((refill.start, n + refill.place, 1.0), (direct.start, n + direct.place, part))
    rows.add("枢纽的供货能力", np.zeros(h), *leaving, (every, every, -most))
    rows.add(
        "枢纽的储备比例",
        np.zeros(h),
        (supply.end, n + supply.place, 1.0),
        (refill.start, n + refill.place, -(1.0 - passed)),
        (direct.start, n + direct.place, -(1.0 - given) * part),
    )
    room = np.minimum(network.hubs.room / total, most)
    if (room < most).any():
        rows.add(
            "枢纽的库容", np.zeros(h), *leaving, (supply.end, n + supply.place, -1.0), (every, every, -room)
        )
    sends = np.minimum(np.minimum(network.centres.throughput, network.centres.room) / total, 1.0)
    rows.add("省级中心的库存", sends, (supply.start, n + supply.place, 1.0))


def _linking_rows(rows: _Rows, network: SupplyNetwork, arcs: Arcs) -> None:
    """No way is used from a closed site: with the least coefficients that hold (strong linking)."""
    h = network.hubs.count
    n, total, share = h + network.stores.count, arcs.total, shares_of(network)[0]
    out_h, out_s = outputs_of(network, arcs)
    refill = arcs.refill
    passes = np.minimum(out_h[refill.start], (1.0 - share) * out_s[refill.end]) / total
    for ways, site, most in (
        (arcs.delivery, h + arcs.delivery.start, _portion(out_s[arcs.delivery.start], arcs.delivery.unit)),
        (arcs.direct, arcs.direct.start, _portion(out_h[arcs.direct.start], arcs.direct.unit)),
        (refill, refill.start, passes),
    ):
        own = np.arange(len(ways.start))
        what = "未开设的站点不供货"
        rows.add(what, np.zeros(len(own)), (own, n + ways.place, 1.0), (own, site, -most))


def _portion(most: Floats, unit: Floats) -> Floats:
    return np.minimum(1.0, most / unit)


def _number_rows(rows: _Rows, network: SupplyNetwork, arcs: Arcs, least: float) -> None:
    """Numbers of open sites: at most, forced, forbidden, and as many as the demand needs at least."""
    h = network.hubs.count
    for level, first, name in ((network.hubs, 0, "枢纽"), (network.stores, h, "仓库")):
        every = first + np.arange(level.count)
        if level.at_most is not None:
            what = f"{name}至多 {level.at_most} 处"
            rows.add(what, np.array([float(level.at_most)]), (every * 0, every, 1.0), hard=False)
        for some, sign, what in ((level.forced, -1.0, "必选"), (level.forbidden, 1.0, "禁选")):
            chosen = np.array(sorted(set(some)), np.int64)
            limit = np.full(len(chosen), min(sign, 0.0))
            rows.add(f"{what}的{name}", limit, (np.arange(len(chosen)), first + chosen, sign), hard=False)
    if network.direct is None and least > 0.0:
        need = least * float(np.sum(network.demand))
        number = fewest(outputs_of(network, arcs)[1], need)
        every = h + np.arange(network.stores.count)
        rows.add("仓库的供货能力", np.array([-float(number)]), (every * 0, every, -1.0))


def fewest(most: Floats, need: float) -> int:
    """Count the sites that it takes at least to give so much; one more than there are where all cannot.

    Examples
    --------
    >>> fewest(np.array([3.0, 5.0, 1.0]), 6.0), fewest(np.array([3.0]), 4.0), fewest(np.array([3.0]), 0.0)
    (2, 2, 0)
    """
    sums = np.r_[0.0, np.cumsum(np.sort(most)[::-1])]
    return int(np.searchsorted(sums, need * (1.0 - 1e-9), side="left"))


def flows_of(network: SupplyNetwork, arcs: Arcs, y: Floats) -> Flows:
    """Turn quantities into bags; what is lost in rounding is 0."""
    shapes = (
        (arcs.supply, (network.centres.count, network.hubs.count)),
        (arcs.refill, (network.hubs.count, network.stores.count)),
        (arcs.delivery, (network.stores.count, len(network.demand))),
        (arcs.direct, (network.hubs.count, len(network.demand))),
    )
    found = []
    for ways, shape in shapes:
        bags = np.zeros(shape)
        amount = y[ways.place] * ways.unit
        bags[ways.start, ways.end] = np.where(amount > 1e-9 * arcs.total, np.round(amount, 9), 0.0)
        found.append(bags)
    return Flows(*found)
