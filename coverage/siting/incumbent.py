"""The best plan of a covering search so far and the bound on all plans."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .certificate import Record
from .reduce import Instance, Positions

Progress = Callable[[float, float, float, float], object]
"""Called with incumbent, bound, gap (share) and seconds since the start."""

_RELATIVE_STEP = 5e-7
"""With fractional weights, plans better by less than this share are not looked for."""


@dataclass
class Incumbent:
    """The best plan so far and the bound on all plans; the one mutable object of a search."""

    integral: bool
    """All weights are whole numbers, so plans differ by at least 1."""
    slack: float
    """What the rounding of sums may hide where all weights are whole, well below 1."""
    deadline: float
    """On the clock ``time.monotonic``."""
    covered: float = -np.inf
    bound: float = np.inf
    dropped: bool = False
    """Plans below the threshold were dropped from the search."""
    plan: Positions = field(default_factory=lambda: np.empty(0, np.int64))
    nodes: int = 0
    gap: float = 0.0
    """The search may stop at this gap."""
    offset: float = 0.0
    """The plan's own measure is the distance of ``covered`` from this: of all costs, where costs count."""
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic)
    n_candidates: int = 0
    """Length of the masks in the records; as many as the largest position needs where it is 0."""
    records: list[Record] = field(default_factory=list)
    layers: list[Instance] = field(default_factory=list)

    @property
    def threshold(self) -> float:
        """A bound below this says that no plan better than the incumbent, by what matters, exists."""
        step = 1.0 - self.slack if self.integral else _RELATIVE_STEP * abs(self.covered - self.offset)
        return self.covered + step

    @property
    def done(self) -> bool:
        """True where the bound proves the plan well enough, or time is up."""
        close = self.bound - self.covered <= self.gap * abs(self.bound)
        return self.bound < self.threshold or close or time.monotonic() >= self.deadline

    def take(self, covered: float, plan: Positions) -> None:
        """Take a plan where it is better; the plan first, so that an interruption leaves a valid state."""
        if covered > self.covered:
            self.plan = plan
            self.covered = covered
            self._tell()

    def lower(self, bound: float) -> None:
        """Take a bound on the plans that were not dropped, where it is lower.

        Dropped plans lie below the threshold: with whole weights, they are no better than the incumbent.
        """
        rest = self.threshold if self.dropped and not self.integral else self.covered
        bound = max(np.floor(bound + self.slack) if self.integral else bound, rest)
        if bound < self.bound:
            self.bound = bound
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None and np.isfinite(self.covered) and np.isfinite(self.bound):
            gap = (self.bound - self.covered) / max(abs(self.bound), abs(self.covered), 1e-300)
            self.progress(self.covered, self.bound, gap, time.monotonic() - self.started)

    def layer(self, instance: Instance) -> int:
        """Number of a reduced instance among those that the records name."""
        if not self.layers or self.layers[-1] is not instance:
            self.layers.append(instance)
        return len(self.layers) - 1
