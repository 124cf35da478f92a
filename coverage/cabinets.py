"""24-hour cabinets: what it would add to make a site accessible day and night, and which sites first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Layer
from .matrix import Matrix
from .opening import HOURS, Opening, limit_of, masks_of, pairs_of, weigh
from .opening_kernels import Pairs, gains, open_rows, take
from .people import Group, people
from .zones import share_of

UNKNOWN = "未知"
"""Hours of a site that states none, or none that can be understood."""


@dataclass(frozen=True)
class Cabinets:
    """What it would add to make sites accessible day and night."""

    alone: pd.DataFrame
    """Every site by itself, all others as they are, best first."""
    plan: pd.DataFrame
    """The best next site again and again."""
    residents: int
    """Residents of the group."""
    now: float
    """Residents served on the mean of all hours of the week as it is."""
    ceiling: float
    """The same with all sites open day and night."""
    note: str
    """What is known of the opening hours and what is assumed."""

    @property
    def sentence(self) -> str:
        """The result in a Chinese sentence."""
        if not self.residents or not len(self.alone):
            return "没有居民" if len(self.alone) else "没有站点"
        if (self.alone["hours"] == UNKNOWN).all():
            return f"开放时间均未知, 无法比较 ({self.note})"
        if not len(self.plan):
            return f"改为24小时可取用不会增加覆盖 ({self.note})"
        last = self.plan.iloc[-1]
        return (
            f"把 {len(self.plan)} 处改为24小时可取用, 全周平均覆盖由 {self.now / self.residents:.2%} "
            f"提高到 {last['share_after']:.2%}, 全部改为24小时为 {self.ceiling / self.residents:.2%} "
            f"({self.note})"
        )


def cabinets(
    demand: Demand,
    matrix: Matrix,
    opening: Opening,
    layer: Layer,
    *,
    limit: int | None = None,
    top: int = 10,
    group: Group = "all",
) -> Cabinets:
    """Count what 24-hour cabinets would add, site by site and in the best order.

    Gains are resident-hours of a week: a resident counts once for every hour in which no site within the
    limit is open now and one would be. A site that is always open serves its rows in every hour, so this is
    maximal covering (Church and ReVelle 1974) of rows that weigh residents × hours without any open site.
    The plan takes the best next site (greedy, within 1 - 1/e of the best plan: Nemhauser, Wolsey and Fisher
    1978). The gains of all sites are mended exactly after each step, in one pass over the pairs: the choices
    are those of plain and of lazy greedy (CELF: Leskovec et al. 2007). Ties go to the first site.

    Parameters
    ----------
    limit
        Seconds or metres, inclusive; by default the main limit of the standard.
    top
        Sites of the plan at most; sites that add nobody are not in it.

    Returns
    -------
    Cabinets
        alone and plan have rank, id, name, city, county, hours (text; 未知 where unknown), hours_open (of
        168), gain_hours (resident-hours a week, whole), gain_mean (residents served more on the mean of all
        hours, whole). plan also has cumulative_hours, cumulative_mean, share_after (of the residents, on the
        mean of the week) and of_ceiling (share of what all sites together would add).

    Raises
    ------
    ValueError
        The limit is beyond the matrix, or layer or opening are those of others.
    """
    within, pairs = limit_of(matrix, opening, limit), pairs_of(matrix)
    if len(layer.table) != matrix.n_sites:
        raise ValueError(f"the matrix has {matrix.n_sites} sites, the layer {len(layer.table)}")
    weight, unit = weigh(demand, matrix, group)
    most, served = within * 100, _hours_served(pairs, opening, within)
    left = np.where(_any_site(matrix, within), weight * (HOURS - served), 0.0)
    gain = gains(pairs, most, left, matrix.n_sites)
    order = np.argsort(-gain, kind="stable")
    chosen, steps = _greedy(pairs, most, left.copy(), gain.copy(), top)
    now, total = float((weight * served).sum()) * unit / HOURS, int(people(demand, group).sum())
    more = float(left.sum()) * unit / HOURS
    plan = _rows(layer, opening, chosen, steps * unit)
    running = np.cumsum(steps) * unit
    plan = plan.assign(
        cumulative_hours=np.rint(running).astype(np.int64),
        cumulative_mean=np.rint(running / HOURS).astype(np.int64),
        share_after=share_of(now + running / HOURS, np.array(total)),
        of_ceiling=share_of(running / HOURS, np.array(more)),
    )
    return Cabinets(
        _rows(layer, opening, order, gain[order] * unit), plan, total, now, now + more, opening.note
    )


def _hours_served(pairs: Pairs, opening: Opening, within: int) -> NDArray[np.int64]:
    """Count the hours of the week in which a site within the limit of each row is open: (rows,)."""
    rows = open_rows(pairs, within * 100, masks_of(opening.week))
    return np.asarray(np.bitwise_count(rows).sum(axis=1), np.int64)


def _any_site(matrix: Matrix, within: int) -> NDArray[np.bool_]:
    """Mark the (rows,) that have a site within the limit: the first entry is the nearest."""
    some = np.diff(matrix.indptr) > 0
    some[some] = matrix.cost[matrix.indptr[:-1][some]] <= within * 100
    return some


def _greedy(
    pairs: Pairs, most: int, left: NDArray[np.float64], gain: NDArray[np.float64], top: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Take the site of the greatest gain again and again: (sites, gains)."""
    chosen: list[int] = []
    steps: list[float] = []
    while len(chosen) < min(top, len(gain)):
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        steps.append(float(gain[best]))
        take(pairs, most, best, left, gain)
    return np.array(chosen, np.int64), np.array(steps, np.float64)


def _rows(
    layer: Layer, opening: Opening, sites: NDArray[np.int64], gain: NDArray[np.float64]
) -> pd.DataFrame:
    """Describe sites with what they gain in resident-hours."""
    table = layer.table.iloc[sites][["id", "name", "city", "county", "hours"]].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table.assign(
        hours=table["hours"].where(opening.known[sites], UNKNOWN),
        hours_open=opening.hours_open[sites],
        gain_hours=np.rint(gain).astype(np.int64),
        gain_mean=np.rint(gain / HOURS).astype(np.int64),
    )
