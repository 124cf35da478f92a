"""States: every resident is served, in reach without being served, or out of reach for one stated reason.

The states of a place exclude each other and add up to its residents. They follow "served / in reach but no
capacity / out of reach" of planning tools (instedd/planwise#589), with the reason for what is out of reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.demand import Demand
from ..geodata.layers import Layer
from .matrix import UNREACHED, Matrix, Ranked
from .people import Group, people
from .rounding import apportioned
from .standards import Standard
from .zones import Zones, exact_over, parts_over, share_of

STATES = {
    "served": "已覆盖",
    "no_capacity": "够得着但没有余量",
    "closed_now": "够得着但此刻不开放",
    "too_far": "够不着: 超出上限",
    "no_road": "够不着: 离路太远",
    "cut_off": "够不着: 路网不连通",
    "no_site": "够不着: 没有站点",
}
"""Chinese names of the states, in the order of the columns of ``States.share``."""

_TOO_FAR = list(STATES).index("too_far")


@dataclass(frozen=True)
class States:
    """The states of the residents of n cells under a standard."""

    standard: Standard
    share: NDArray[np.float64]
    """(n, 7) share of the cell's residents in each of ``STATES``; rows sum to exactly 1, left to right."""
    nearest: NDArray[np.int32]
    """(n,) row of the nearest site, open or not; -1 where none can be reached."""
    cost: NDArray[np.int32]
    """(n,) hundredths of a second or metre to it (walk: from the centre), or ``UNREACHED``."""
    inner: NDArray[np.float64]
    """(n, m) share within each smaller limit, where all is open and has room; else m is 0.

    Residents are rounded from limit to limit, so the served are those of `measures.by_unit`.
    """


def classify(
    matrix: Matrix,
    ranked: Ranked,
    *,
    open_now: NDArray[np.bool_] | None = None,
    served_share: NDArray[np.float64] | None = None,
) -> States:
    """Find the state of every resident under the main limit, inclusive.

    Parameters
    ----------
    matrix
        Pairs within at least the main limit.
    ranked
        The nearest sites of the same layer, at any distance.
    open_now
        (sites,) which sites are open at the moment asked for; by default all.
    served_share
        (rows of the matrix,) share of the row's residents that a site has room for, such as a capacity
        assignment gives; by default all. What it leaves of a row with an open site in reach has no capacity;
        rows whose sites in reach are all closed count as closed, whatever it says.

    Raises
    ------
    ValueError
        The matrix ends before the main limit, or an argument has the wrong length or is no share.

    Notes
    -----
    The residents out of reach of a cell have one reason: no sites at all; the cell meets no road; no site
    has a way to it; or the nearest is beyond the limit. Without sites open or capacity the served share is
    that of `measures.cover_layer`. A row sums to exactly 1 from left to right: the part that comes last is
    what the running sum leaves.
    """
    standard = ranked.standard
    if matrix.limit < standard.main:
        raise ValueError(f"the matrix ends at {matrix.limit}, before the main limit {standard.main}")
    n = len(ranked.met)
    parts = np.ones(n)
    parts[matrix.cell] = np.rint(1 / matrix.part)  # 343 sub-cells on foot, so that shares are exact

    def shared(weight: NDArray[np.generic]) -> NDArray[np.float64]:
        return np.bincount(matrix.cell, weights=weight, minlength=n) / parts

    near, opened = _rows_in_reach(matrix, standard.main, open_now)
    room = np.ones(matrix.n_rows) if served_share is None else np.asarray(served_share, np.float64)
    if room.shape != (matrix.n_rows,) or not ((room >= 0) & (room <= 1)).all():
        raise ValueError("served_share must be one share in 0-1 per row")
    running = [shared(weight) for weight in (opened * room, opened, near)]
    share = np.zeros((n, len(STATES)), order="F")  # column by column is how it is summed
    total = np.zeros(n)
    for column, upto in enumerate(running):
        gained = upto > (running[column - 1] if column else 0.0)
        share[:, column] = np.where(gained, np.maximum(upto - total, 0.0), 0.0)
        total += share[:, column]
    share[np.arange(n), _reason(ranked, matrix.n_sites)] = np.maximum(1.0 - total, 0.0)
    plain = open_now is None and served_share is None
    smaller = [limit for limit in standard.limits if limit < standard.main and plain]
    inner = np.zeros((n, len(smaller)))
    for column, limit in enumerate(smaller):
        inner[:, column] = shared(_rows_in_reach(matrix, limit, None)[0])
    return States(standard, share, ranked.site[:, 0], ranked.cost[:, 0], inner)


def _rows_in_reach(
    matrix: Matrix, limit: int, open_now: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark the rows with a site within a limit, and with an open one."""
    start, filled = matrix.indptr[:-1], np.diff(matrix.indptr) > 0
    near = np.zeros(matrix.n_rows, bool)
    near[filled] = matrix.cost[start[filled]] <= limit * 100  # a row begins with its nearest
    if open_now is None:
        return near, near.copy()
    open_sites = np.asarray(open_now, bool)
    if open_sites.shape != (matrix.n_sites,):
        raise ValueError(f"open_now must have {matrix.n_sites} entries")
    opened = np.zeros(matrix.n_rows, bool)
    if filled.any():
        some = matrix.within(limit) & open_sites[matrix.site]
        opened[filled] = np.logical_or.reduceat(some, start[filled])
    return near, opened


def _reason(ranked: Ranked, n_sites: int) -> NDArray[np.intp]:
    """Find why residents of each cell that are out of reach are: (n,) column of ``STATES``."""
    names = list(STATES)
    reason = np.full(len(ranked.met), _TOO_FAR)
    lost = ranked.site[:, 0] < 0
    reason[lost] = names.index("cut_off")
    reason[lost & ~ranked.met] = names.index("no_road")
    if not n_sites:
        reason[:] = names.index("no_site")
    return reason


def by_state(demand: Demand, states: States, zones: Zones, *, group: Group = "all") -> pd.DataFrame:
    """Count residents by zone and state.

    Returns
    -------
    pd.DataFrame
        One row per zone and state: level, code, name, city, state, state_text, residents (whole; over the
        states they sum to the residents of the zone, over zones as in `zones.whole_over`), share (of the
        unrounded figures; NaN for a zone without residents).
    """
    own = people(demand, group)
    parts = own[:, None] * states.share
    n, count = len(zones), len(STATES)
    table = zones.repeated(count)
    table["state"] = list(STATES) * n
    table["state_text"] = list(STATES.values()) * n
    table["residents"] = _whole(demand, states, zones, group).ravel()
    total = exact_over(demand, zones, own)
    return table.assign(share=share_of(exact_over(demand, zones, parts), total[:, None]).ravel())


def too_far(
    demand: Demand, states: States, layer: Layer, zones: Zones, *, group: Group = "all"
) -> pd.DataFrame:
    """Say for the residents beyond the limit which site is the nearest, and how far it is.

    Returns
    -------
    pd.DataFrame
        One row per zone and nearest site, by zone, then by residents: level, code, name, city, site_id,
        site_name, residents (whole; sum to those of the state ``too_far`` of `by_state`), least and most
        (seconds or metres from the cells), least_text and most_text. Pairs that round to nobody are left out.
    """
    beyond = people(demand, group) * states.share[:, _TOO_FAR]
    cells = np.flatnonzero((beyond > 0) & (states.cost < UNREACHED))
    width = len(layer.table) + 1
    key = zones.member[cells].astype(np.int64) * width + states.nearest[cells]
    pair, at = np.unique(key, return_inverse=True)
    zone, site = np.divmod(pair, width)
    exact = np.bincount(at, weights=beyond[cells], minlength=len(pair)).astype(np.float64)
    least, most = np.full(len(pair), np.inf), np.full(len(pair), -np.inf)
    np.minimum.at(least, at, states.cost[cells] / 100)
    np.maximum.at(most, at, states.cost[cells] / 100)
    table = zones.rows(zone)
    table["site_id"] = layer.table["id"].astype(str).to_numpy()[site]
    table["site_name"] = layer.table["name"].astype(str).to_numpy()[site]
    whole = apportioned(_whole(demand, states, zones, group)[:, _TOO_FAR], exact, zone)
    table = table.assign(residents=whole, least=least, most=most)
    for column in ("least", "most"):
        table[f"{column}_text"] = [states.standard.far_text(cost) for cost in table[column].tolist()]
    order = np.lexsort((site, -whole, zone))
    return table.iloc[order[whole[order] > 0]].reset_index(drop=True)


def _whole(demand: Demand, states: States, zones: Zones, group: Group) -> NDArray[np.int64]:
    """Count whole residents by zone and state."""
    own = people(demand, group)[:, None]
    return parts_over(demand, zones, own * states.share, inner=own * states.inner)
