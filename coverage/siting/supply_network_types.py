"""What a supply network of three levels is, and what a plan of one tells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .plan import Plan
from .reduce import Floats, Positions


@dataclass(frozen=True)
class Level:
    """The sites of one level."""

    throughput: Floats
    """(n,) bags that may go out of each; inf: as many as are asked for."""
    room: Floats
    """(n,) bags that can stand in each; inf: as many as go out."""
    opening: Floats
    """(n,) cost of opening; 0 for one that stands. Centres are open: theirs does not count."""
    holding: float = 0.0
    """Cost of one bag that stands there."""
    stock_share: float = 0.0
    """Share of the bags delivered that has to stand at this level or below, beyond what has to below it."""
    at_most: int | None = None
    """Sites that may be open."""
    forced: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Number of sites."""
        return len(self.throughput)


@dataclass(frozen=True)
class Leg:
    """The ways from the sites of one level to the next."""

    minutes: Floats
    """(from, to) from the order to arrival, readiness included; inf where no road leads."""
    limit_min: float = math.inf
    """Longer ways are not used; the limit itself may be."""
    per_minute: float = 0.0
    per_bag: float = 0.0
    """Cost of one bag for each minute, and beside that."""


@dataclass(frozen=True)
class SupplyNetwork:
    """What is asked: c centres, h hubs, s stores, k counties."""

    demand: Floats
    """(k,) bags that each county needs."""
    centres: Level
    hubs: Level
    stores: Level
    supply: Leg
    """(c, h) from centres to hubs."""
    refill: Leg
    """(h, s) from hubs to stores."""
    delivery: Leg
    """(s, k) from stores to counties."""
    direct: Leg | None = None
    """(h, k) hubs deliver, too, as a store at the same place would: a nested hierarchy."""
    county_names: tuple[str, ...] = ()
    """(k,) for what users read."""


@dataclass(frozen=True)
class Flows:
    """Bags on every way; 0 where there is none."""

    supply: Floats
    """(c, h) from centres to hubs."""
    refill: Floats
    """(h, s) from hubs to stores."""
    delivery: Floats
    """(s, k) from stores to counties."""
    direct: Floats
    """(h, k) from hubs to counties."""


@dataclass(frozen=True)
class SupplyPlan:
    """Which sites to open, and all that flows and stands; arrays are in bags."""

    plan: Plan
    """``sites`` are hubs (0..h-1), then stores (h..h+s-1), each with the bags that go out of it as its gain;
    ``objective`` and ``bound`` are the cost, or with a budget the bags delivered."""
    hubs: Positions
    stores: Positions
    flows: Flows
    stock: tuple[Floats, Floats, Floats]
    """(c,), (h,) and (s,) what stands at centres, hubs and stores."""
    used: tuple[Floats, Floats, Floats]
    """(c,), (h,) and (s,) share of its throughput that each uses; NaN where it is closed or has no limit."""
    cost: dict[str, float]
    """By part; the parts' names are Chinese."""
    met: Floats
    unmet: Floats
    """(k,) of the demand."""

    @property
    def total(self) -> float:
        """Cost of all parts."""
        return math.fsum(self.cost.values())


def check_network(network: SupplyNetwork, budget: float | None, least: float | None) -> None:
    """Raise ``ValueError`` where arrays do not fit together or numbers cannot be."""
    sizes = {"centres": network.centres, "hubs": network.hubs, "stores": network.stores}
    for name, level in sizes.items():
        _check_level(name, level)
    demand = np.asarray(network.demand)
    if demand.ndim != 1 or not np.isfinite(demand).all() or (demand < 0).any():
        raise ValueError("demand must be finite numbers >= 0")
    if network.stores.stock_share + network.hubs.stock_share > 1.0 + 1e-12:
        raise ValueError("the stock shares of stores and hubs must not sum to more than 1")
    c, h, s = (level.count for level in sizes.values())
    legs = {"supply": (c, h), "refill": (h, s), "delivery": (s, len(demand)), "direct": (h, len(demand))}
    for name, shape in legs.items():
        leg = getattr(network, name)
        if leg is not None:
            _check_leg(name, leg, shape)
    if network.county_names and len(network.county_names) != len(demand):
        raise ValueError(f"county_names must be {len(demand)} texts")
    if budget is not None and not budget >= 0:
        raise ValueError("budget must be a number >= 0")
    if least is not None and not 0.0 <= least <= 1.0:
        raise ValueError("least must lie in 0..1")


def _check_level(name: str, level: Level) -> None:
    n = level.count
    for what in ("throughput", "room", "opening"):
        values = np.asarray(getattr(level, what), np.float64)
        if values.shape != (n,) or not (values >= 0).all():
            raise ValueError(f"{what} of {name} must be {n} numbers >= 0")
    if not np.isfinite(level.opening).all() or not 0.0 <= level.holding < math.inf:
        raise ValueError(f"costs of {name} must be finite and >= 0")
    if not 0.0 <= level.stock_share <= 1.0 or (level.at_most is not None and level.at_most < 0):
        raise ValueError(f"stock_share of {name} must lie in 0..1, and at_most not below 0")
    if any(not 0 <= site < n for site in (*level.forced, *level.forbidden)):
        raise ValueError(f"forced and forbidden of {name} must lie in 0..{n - 1}")


def _check_leg(name: str, leg: Leg, shape: tuple[int, int]) -> None:
    minutes = np.asarray(leg.minutes, np.float64)
    if minutes.shape != shape or not (minutes >= 0).all():
        raise ValueError(f"minutes of {name} must be {shape} numbers >= 0")
    if not leg.limit_min >= 0 or not 0 <= leg.per_minute < math.inf or not 0 <= leg.per_bag < math.inf:
        raise ValueError(f"limit and costs of {name} must be >= 0, the costs finite")
