"""Curves of cover: how many residents are within each cost of their nearest site."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .measures import Cover


class CostCurve(NamedTuple):
    """Residents within a cost, as steps that rise with it."""

    cost: NDArray[np.float64]
    """(k,) costs, ascending: seconds (drive) or metres (walk)."""
    residents: NDArray[np.float64]
    """(k,) residents within each cost, the cost included."""
    total: float
    """All residents, also those who reach no site."""

    @property
    def share(self) -> NDArray[np.float64]:
        """(k,) share of all residents; NaN where there are none."""
        return self.residents / self.total if self.total > 0 else np.full(len(self.cost), np.nan)


def residents_by_cost(residents: ArrayLike, cover: Cover, *, costs: ArrayLike | None = None) -> CostCurve:
    """Count the residents within each cost of their nearest site.

    By driving, a cell is within a cost or not, as in the cover. On foot the cover knows shares of a cell at
    the limits of its standard and nowhere else: there the curve has those limits, and ``costs`` is not used.

    Parameters
    ----------
    residents
        (n,) residents of the cells of the cover.
    costs
        Seconds at which to count, ascending; by default every whole minute up to the last reached cell.

    Examples
    --------
    >>> from types import SimpleNamespace as Made
    >>> cover = Made(standard=Made(mode="drive", limits=(60,)), cost=np.array([30, 90, np.inf]), share=None)
    >>> curve = residents_by_cost([100, 50, 25], cover, costs=[60, 120])
    >>> curve.residents.tolist(), curve.total
    ([100.0, 150.0], 175.0)
    """
    own = np.asarray(residents, np.float64)
    if cover.standard.mode == "walk":
        limits = np.asarray(cover.standard.limits, np.float64)
        return CostCurve(limits, own @ cover.share, float(own.sum()))
    reached = np.isfinite(cover.cost)
    if costs is None:
        last = float(cover.cost[reached].max(initial=0))
        costs = np.arange(0, np.ceil(last / 60) + 1) * 60
    at = np.asarray(costs, np.float64)
    order = np.argsort(cover.cost[reached], kind="stable")
    running = np.concatenate(([0.0], np.cumsum(own[reached][order])))
    count = np.searchsorted(cover.cost[reached][order], at, side="right")
    return CostCurve(at, running[count], float(own.sum()))
