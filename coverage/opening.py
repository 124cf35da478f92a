"""Time of day: whom the sites reach in each hour of the week.

Hour 0 begins on Monday at 00:00, hour 167 on Sunday at 23:00. An hour counts as open where the site is open
at its start. Times end before their end: open 08:00-17:30 is open at 08:00 and no longer at 17:30. What runs
over midnight belongs to the next day as well, from Sunday to Monday, too. Public holidays are no part of the
week. Residents count where they live, by night and by day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..geodata.compiled import plain
from ..geodata.demand import Demand
from ..geodata.errors import Problem
from ..geodata.intake.hours import parse_hours
from ..geodata.layers import KIND_NAMES, Layer
from .matrix import Matrix
from .opening_kernels import Pairs, by_cell, open_rows
from .people import Group, people
from .standards import Standard
from .zones import Zones, share_of, sum_over, whole_over

HOURS = 168
"""Hours of a week."""

PERIODS = {
    "week": "全周平均",
    "day": "工作时间 (周一至周五 08:00-18:00)",
    "night": "夜间 (每天 22:00-次日 06:00)",
    "weekend": "周末 (周六、周日)",
}
"""Parts of the week; where day and night begin is an assumption (假设)."""

PUBLISHED_LOSS = 0.215
"""Share of AED cover that closed hours cost (escholarship.org/uc/item/8mh548c3; 48 % at night; B)."""

NOTES = (
    "一个小时按整点时是否开放计, 节假日不在内",
    "居民按常住地计, 不随昼夜移动",
    "工作时间、夜间的起止为假设",
)
"""What a reader of the tables must know."""

_FIX = "请写成 24小时 或 周一至周五 08:00-17:30; 周六 09:00-12:00"
_DAYS = "一二三四五六日"
_DAY = 1440
_MOST_AMOUNTS = 1 << 24
"""Amounts of cells that are held at a time: 128 MB."""


@dataclass(frozen=True)
class Opening:
    """When the s sites of a layer are open."""

    week: NDArray[np.bool_]
    """(s, 168) whether a site is open at the start of each hour."""
    known: NDArray[np.bool_]
    """(s,) whether its hours are stated; those of the others are assumed."""
    assumed: str = "open"
    """open or closed: how a site of unknown hours counts."""
    unread: tuple[Problem, ...] = ()
    """Sites whose hours cannot be understood; they count as unknown."""

    @property
    def hours_open(self) -> NDArray[np.int64]:
        """(s,) hours of the week in which each site is open."""
        return np.asarray(self.week.sum(axis=1), np.int64)

    @property
    def note(self) -> str:
        """What is known and what is assumed, in a Chinese sentence."""
        sites, unknown = len(self.known), int((~self.known).sum())
        if not sites:
            return "没有站点"
        parts = [f"{sites - unknown} 处填有开放时间"]
        if unknown:
            way = "全天开放" if self.assumed == "open" else "不开放"
            bad = f", 其中 {len(self.unread)} 处写法无法识别" if self.unread else ""
            parts.append(f"{unknown} 处未知{bad}, 按{way}计 (假设)")
        return "; ".join(parts)


@dataclass(frozen=True)
class Week:
    """Residents of z zones within a limit of an open site, hour by hour.

    Hours with the same open sites are one moment of m; one more is that of all sites open.
    """

    standard: Standard
    limit: int
    """Seconds or metres, inclusive."""
    zones: Zones
    residents: NDArray[np.int64]
    """(z,) residents of the group."""
    moment: NDArray[np.int64]
    """(169,) moment of each hour; the last is that of all sites open."""
    exact: NDArray[np.float64]
    """(z, m) residents served."""
    whole: NDArray[np.int64]
    """(z, m) the same rounded: counties add up to the province."""
    mean: NDArray[np.float64]
    """(z, 4) residents served on the mean of the hours of each of ``PERIODS``."""
    whole_mean: NDArray[np.int64]
    """(z, 4) the same rounded."""
    opening: Opening
    """When the sites are open."""

    @property
    def share(self) -> NDArray[np.float64]:
        """(z, 168) share of the residents served in each hour; NaN where nobody lives."""
        return share_of(self.exact[:, self.moment[:HOURS]], self.residents[:, None])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, in Chinese."""
        published = f"文献中关门时段使AED覆盖损失 {PUBLISHED_LOSS:.1%}, 夜间 48% (B级)"
        own = (published,) if self.standard.kind == "aed" else ()
        return (self.opening.note, *NOTES, *own, *((self.zones.note,) if self.zones.note else ()))


def opening_of(layer: Layer, standard: Standard) -> Opening:
    """Read when the sites of a layer are open.

    Hours that are empty or cannot be understood count as ``standard.unknown_hours`` says.

    Examples
    --------
    >>> from .standards import load_standards
    >>> table = pd.DataFrame({"id": ["a", "b"], "name": ["甲", "乙"], "hours": ["周一 22:30-01:30", ""]})
    >>> found = opening_of(Layer("aed", table, example=True), load_standards()["aed"])
    >>> np.flatnonzero(found.week[0]).tolist(), found.hours_open.tolist()
    ([23, 24, 25], [3, 168])
    >>> found.note
    '1 处填有开放时间; 1 处未知, 按全天开放计 (假设)'
    """
    found, text = _read(layer)
    always = standard.unknown_hours == "open"
    week = [each[::60] if each is not None else np.full(HOURS, always) for each in found]
    known = np.array([each is not None for each in found], bool)
    names = layer.table["id"].astype(str) + " " + layer.table["name"].astype(str)
    unread = tuple(
        Problem(f"{KIND_NAMES[layer.kind]} {name}", "开放时间无法识别, 按未填计", got, _FIX)
        for name, got, each in zip(names, text, found, strict=True)
        if got and each is None
    )
    return Opening(np.array(week, bool).reshape(-1, HOURS), known, standard.unknown_hours, unread)


def open_at(layer: Layer, standard: Standard, *, day: int, minute: int) -> NDArray[np.bool_]:
    """Tell which sites are open at a minute: (s,).

    Parameters
    ----------
    day
        0 for Monday to 6 for Sunday.
    minute
        After midnight, 0 to 1439.

    Raises
    ------
    ValueError
        There is no such day or minute.

    Examples
    --------
    >>> from .standards import load_standards
    >>> table = pd.DataFrame({"hours": ["周一 08:00-17:30"] })
    >>> layer, standard = Layer("aed", table, example=True), load_standards()["aed"]
    >>> [open_at(layer, standard, day=0, minute=at).tolist() for at in (479, 480, 1049, 1050)]
    [[False], [True], [True], [False]]
    """
    if not (0 <= day < 7 and 0 <= minute < _DAY):
        raise ValueError(f"day must be 0 to 6 and minute 0 to 1439, got {day} and {minute}")
    at, always = day * _DAY + minute, standard.unknown_hours == "open"
    return np.array([always if each is None else each[at] for each in _read(layer)[0]], bool)


def week_cover(
    demand: Demand,
    matrix: Matrix,
    opening: Opening,
    zones: Zones,
    *,
    limit: int | None = None,
    group: Group = "all",
) -> Week:
    """Count the residents within a limit of an open site, by zone and hour of the week.

    A row of the matrix is served in an hour where any site within the limit is open (the actual cover of Sun
    et al. 2016, J Am Coll Cardiol 68:836-845): the masks of its sites, a bit per moment, are joined by OR.

    Parameters
    ----------
    limit
        Seconds or metres, inclusive; by default the main limit of the standard.

    Raises
    ------
    ValueError
        The limit is beyond the matrix, or the opening is that of another layer.
    """
    within = limit_of(matrix, opening, limit)
    moment, open_sites = _moments(opening.week)
    masks = open_rows(pairs_of(matrix), within * 100, masks_of(open_sites))
    weight, unit = weigh(demand, matrix, group)
    parts = _parts_of_the_week(moment, open_sites.shape[1])
    n, m = len(demand.cell), open_sites.shape[1]
    mean, exact = np.zeros((n, len(PERIODS))), np.zeros((len(zones), m))
    whole = np.zeros((len(zones), m), np.int64)
    step = max(1, _MOST_AMOUNTS // max(n, 1))
    for first in range(0, m, step):
        some = slice(first, min(m, first + step))
        amount = np.zeros((n, some.stop - first))
        by_cell(masks, weight, plain(matrix.cell), (first, some.stop), amount)
        amount *= unit
        exact[:, some] = sum_over(zones, amount)
        whole[:, some] = whole_over(demand, zones, amount, monotone=False)
        mean += amount @ parts[some]
    return Week(
        matrix.standard,
        within,
        zones,
        np.rint(sum_over(zones, people(demand, group))).astype(np.int64),
        moment,
        exact,
        whole,
        sum_over(zones, mean),
        whole_over(demand, zones, mean, monotone=False),
        opening,
    )


def hour_table(week: Week) -> pd.DataFrame:
    """List every zone and hour.

    Returns
    -------
    pd.DataFrame
        The columns of the zones, hour (0 to 167), hour_text (周一 08:00), residents, served, share.
    """
    count = len(week.zones)
    table = week.zones.units.iloc[np.repeat(np.arange(count), HOURS)].reset_index(drop=True)
    return table.assign(
        hour=np.tile(np.arange(HOURS), count),
        hour_text=np.tile([hour_text(hour) for hour in range(HOURS)], count),
        residents=np.repeat(week.residents, HOURS),
        served=week.whole[:, week.moment[:HOURS]].ravel(),
        share=week.share.ravel(),
    )


def week_table(week: Week) -> pd.DataFrame:
    """Sum the week up by zone: cover by day, by night, at the weekend, and what closed doors cost.

    Returns
    -------
    pd.DataFrame
        The columns of the zones, residents, limit_text, always_served and always_share (all sites open day
        and night); for each of ``PERIODS`` X_served, X_share (mean of its hours) and X_loss (share of the
        always served who are lost on the mean; NaN where there are none); best_text, best_share, worst_text,
        worst_share (the first of equal hours, and how many there are), loss_text.
    """
    always = week.exact[:, week.moment[HOURS]]
    table = week.zones.units.assign(
        residents=week.residents,
        limit_text=week.standard.limit_text(week.limit),
        always_served=week.whole[:, week.moment[HOURS]],
        always_share=share_of(always, week.residents),
    )
    for i, name in enumerate(PERIODS):
        table[f"{name}_served"] = week.whole_mean[:, i]
        table[f"{name}_share"] = share_of(week.mean[:, i], week.residents)
        table[f"{name}_loss"] = _loss(week.mean[:, i], always)
    first, hours = np.unique(week.moment[:HOURS], return_index=True, return_counts=True)[1:]
    by_moment = week.exact[:, : len(first)]  # all sites open comes last where it never is
    for name, best in (("best", by_moment.max(axis=1)), ("worst", by_moment.min(axis=1))):
        equal = by_moment == best[:, None]
        table[f"{name}_text"] = _hours_text(first[equal.argmax(axis=1)], equal @ hours)
        table[f"{name}_share"] = share_of(best, week.residents)
    table["loss_text"] = [_loss_text(week, loss) for loss in table["week_loss"]]
    return table


def hour_text(hour: int) -> str:
    """Name an hour of the week.

    Examples
    --------
    >>> hour_text(0), hour_text(167)
    ('周一 00:00', '周日 23:00')
    """
    return f"周{_DAYS[hour // 24]} {hour % 24:02d}:00"


# Opening hours


def _read(layer: Layer) -> tuple[list[NDArray[np.bool_] | None], list[str]]:
    """Read the week of every site in minutes (None where unknown), and the text that it was read from."""
    text = [str(each).strip() for each in layer.table["hours"].fillna("")]
    minutes = {each: _minutes(each) for each in dict.fromkeys(text)}
    return [minutes[each] for each in text], text


def _minutes(text: str) -> NDArray[np.bool_] | None:
    """Mark the (10080,) minutes of the week at which canonical hours are open; None where unknown."""
    hours = parse_hours(text)
    if hours is None:
        return None
    open_ = np.zeros(7 * _DAY, bool)
    for day, times in enumerate(hours.week):
        for start, end in times:
            length = end - start if end > start else end - start + _DAY
            open_[(day * _DAY + start + np.arange(length)) % len(open_)] = True
    return open_


def _moments(week: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Merge hours with the same open sites: (169,) moment of each hour and of all open, (s, m) open sites."""
    columns = np.ascontiguousarray(np.column_stack([week, np.ones(len(week), bool)]).T)
    keys = [column.tobytes() for column in columns]
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    moment = np.array([number[key] for key in keys], np.int64)
    return moment, columns[np.unique(moment, return_index=True)[1]].T


def _parts_of_the_week(moment: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Tell the share of the hours of each of ``PERIODS`` that each moment takes: (m, 4)."""
    day, hour = np.divmod(np.arange(HOURS), 24)
    working, night = (day < 5) & (hour >= 8) & (hour < 18), (hour >= 22) | (hour < 6)
    parts = (day >= 0, working, night, day >= 5)  # in the order of PERIODS
    hours = moment[:HOURS]
    return np.column_stack([np.bincount(hours[part], minlength=count) / part.sum() for part in parts])


# Rows of the matrix


def limit_of(matrix: Matrix, opening: Opening, limit: int | None) -> int:
    """Return the limit, by default the main one; raises ``ValueError`` where the matrix cannot answer."""
    within = matrix.standard.main if limit is None else limit
    if within > matrix.limit:
        raise ValueError(f"the matrix ends at {matrix.limit}, before the limit {within}")
    if len(opening.week) != matrix.n_sites:
        raise ValueError(f"the matrix has {matrix.n_sites} sites, the opening {len(opening.week)}")
    return within


def pairs_of(matrix: Matrix) -> Pairs:
    """Return the pairs as the kernels take them."""
    return plain(matrix.indptr), plain(matrix.site), plain(matrix.cost)


def weigh(demand: Demand, matrix: Matrix, group: Group) -> tuple[NDArray[np.float64], float]:
    """Weigh the rows in whole residents, and what to multiply sums by: so no sum depends on its order."""
    unit = float(matrix.part.max(initial=0.0)) or 1.0
    return people(demand, group)[matrix.cell] * (matrix.part / unit), unit


def masks_of(open_sites: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack (s, m) flags into (s, words) of 64 bits, the first flag lowest."""
    sites, flags = open_sites.shape
    padded = np.zeros((sites, -(-flags // 64) * 64), bool)
    padded[:, :flags] = open_sites
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


# Tables


def _loss(served: NDArray[np.float64], always: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the always served who are lost; without the noise of a mean of equal hours."""
    return np.clip(np.round(1.0 - share_of(served, always), 12), 0.0, 1.0)


def _loss_text(week: Week, loss: float) -> str:
    if np.isnan(loss):
        return "没有居民在上限内"
    if not week.opening.known.any():
        return "开放时间均未知, 无法计算损失"
    published = f" (文献 {PUBLISHED_LOSS:.1%})" if week.standard.kind == "aed" else ""
    return f"关门时段损失的覆盖 {loss:.1%}{published}"


def _hours_text(hour: NDArray[np.int64], count: NDArray[np.int64]) -> list[str]:
    """Name the first of equal hours and how many there are."""
    return [
        "全周相同" if many == HOURS else hour_text(at) + (f" 等 {many} 小时" if many > 1 else "")
        for at, many in zip(hour.tolist(), count.tolist(), strict=True)
    ]
