"""What the exact search needs to know of a covering model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .bounds import cover_bound, lagrangian_bound
from .greedy import complete_cover, even_prices, round_cover, round_plan, search, value
from .kernels import Pool
from .reduce import Floats, Instance, Mask


class Judged(NamedTuple):
    """What multipliers prove of a node."""

    bound: float
    if_opened: Floats
    """(n,) bound on the plans of the node in which one more column is opened, or closed."""
    if_closed: Floats


@dataclass(frozen=True)
class Model:
    """What the search needs to know of a covering model; it wants the plan of the largest value."""

    bound: Callable[[Instance, Floats, Mask, Mask], tuple[float, Floats, Floats]]
    """As `lagrangian_bound`."""
    complete: Callable[[Instance, Mask, float], Mask]
    """Make a plan that holds some columns, or a better one, until a moment."""
    rounded: Callable[[Instance, Floats, int, Pool], Mask]
    """Make the best of so many plans by rounding a fractional one."""
    value: Callable[[Instance, Mask], float]
    first: Callable[[Instance], Floats]
    """Multipliers at hand, as shares, before any relaxation is solved."""
    maximal: bool
    """A multiplier of 1 stands for the weight of its class; else for 1."""

    def judge(self, instance: Instance, share: Floats, opened: Mask, closed: Mask) -> Judged:
        """Bound the plans with some columns opened and others closed by multipliers, given as shares."""
        multiplier = share * instance.weight if self.maximal else share
        return Judged(*self.bound(instance, multiplier, opened, closed))


MAXIMAL = Model(
    bound=lagrangian_bound,
    complete=search,
    rounded=round_plan,
    value=value,
    first=lambda instance: np.ones(instance.n_rows),
    maximal=True,
)
FEWEST = Model(
    bound=cover_bound,
    complete=complete_cover,
    rounded=round_cover,
    value=lambda instance, opened: instance.budget - float(instance.cost[opened].sum()),
    first=even_prices,
    maximal=False,
)
