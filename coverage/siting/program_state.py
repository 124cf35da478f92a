"""What the search for the best plan of a cover program knows: the plan, the bound, and the proof of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .program_plans import Found, Planner
from .program_proof import Layer, Record
from .program_reduce import Frame, Reduced
from .reduce import Floats, Mask, Positions

Progress = Callable[[float, float, float, float], object]
"""Called with plan, bound, gap (share) and seconds since the start."""

_RELATIVE_STEP, _SMALLEST_STEP = 5e-7, 1e-10
"""Where worths are not whole, plans better by less than this share, of the worth or of all, are not
sought."""


@dataclass
class Search:
    """The best plan so far and the bound on all; the one mutable object of a search."""

    frame: Frame
    planner: Planner
    deadline: float
    gap: float = 0.0
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic)
    found: Found | None = None
    bound: float = np.inf
    pruned: float = -np.inf
    """Largest bound of the nodes that are closed."""
    floor: float = -np.inf
    """Sites were fixed since plans without them are worth less than this."""
    nodes: int = 0
    records: list[Record] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    useless: Positions = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def objective(self) -> float:
        """Worth of the best plan; -inf where there is none yet."""
        return -np.inf if self.found is None else self.found.objective

    @property
    def threshold(self) -> float:
        """Plans worth less than this are of no interest."""
        if self.found is None:
            return -np.inf
        if self.frame.whole:
            return self.objective + 1.0
        return self.objective + max(_RELATIVE_STEP * abs(self.objective), _SMALLEST_STEP * self.frame.size)

    @property
    def done(self) -> bool:
        """True where the bound proves the plan well enough, or time is up."""
        close = self.found is not None and self.bound - self.objective <= self.gap * max(
            abs(self.bound), abs(self.objective)
        )
        return self.bound < self.threshold or close or time.monotonic() >= self.deadline

    def take(self, found: Found | None) -> None:
        """Take a plan where it is better."""
        if found is not None and found.objective > self.objective:
            self.found = found
            self._tell()

    def lower(self, bound: float) -> None:
        """Take a bound on all plans, but those dropped, where it is lower."""
        if self.frame.whole:
            bound = float(np.floor(bound)) if np.isfinite(bound) else bound
        else:
            bound = max(bound, self.floor)
        bound = max(bound, self.objective)
        if bound < self.bound:
            self.bound = bound
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None and self.found is not None and np.isfinite(self.bound):
            gap = share(self.bound, self.objective)
            self.progress(self.objective, self.bound, gap, time.monotonic() - self.started)

    def layer(self, reduced: Reduced) -> int:
        """Number of a reduced program's layer among those that the records name."""
        if not self.layers or self.layers[-1] is not reduced.layer:
            self.layers.append(reduced.layer)
        return len(self.layers) - 1


def share(bound: float, objective: float) -> float:
    """Distance of bound and objective as a share of the larger in size."""
    if bound == objective:
        return 0.0
    return min(1.0, (bound - objective) / max(abs(bound), abs(objective), 1e-300))


@dataclass(frozen=True)
class Node:
    """A part of the plans, those with some columns open and others closed, and what is known of it."""

    bound: float
    opened: Mask
    closed: Mask
    fraction: Floats
    record: int = -1
    """Record of this node, or where it has none yet of its parent."""
    column: int = -1
    on: bool = False
    """The column on which its parent was split; -1 once it has its own record."""


def interrupted(error: BaseException) -> bool:
    """Tell whether Ctrl-C is behind an error: one that meets a compiled loop comes as a SystemError."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
